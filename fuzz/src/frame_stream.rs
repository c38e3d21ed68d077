//! Any bytes, in any split, through the frame decoder.

use firefly_runtime::codec::{
    Bytes, Context, DecodeError, FrameBuffer, Limits, Measure, Reader, Sections, Target, Writer,
};
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::{Frame, MessageFrameView};

/// The features that change the frames; the first input byte chooses among their combinations.
const FORMS: [u64; 4] = [Features::NOSRCADDR.0 | Features::MSG_AUTH.0, Features::NOSRCADDR.0, Features::MSG_AUTH.0, 0];

/// No frame of an input can be longer than this without being refused.
const MAX_FRAME: usize = 1 << 30;

/// The input that makes `stream` pass through the target, cut in pieces of about `step` bytes.
pub fn seed(form: u8, step: u8, stream: &[u8]) -> Vec<u8> {
    [&[form, step], stream].concat()
}

/// The first byte of the input chooses the form of frames, the second how the rest is cut in pieces.
///
/// # Panics
/// When the frames depend on the cut, when a decoded frame or message does not encode to the same bytes, or when a
/// decoder panics.
pub fn frame_stream(data: &[u8]) {
    let [form, step, stream @ ..] = data else { return };
    let features = FORMS.get(usize::from(form % 4)).copied().unwrap_or_default();
    let ctx = Context { features, limits: Limits { memory: 16 << 20 }, ..Context::default() };
    let whole = cut(stream, &ctx, |_| stream.len());
    let mut state = u32::from(*step) + 1;
    let pieces = cut(stream, &ctx, |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1 + (state >> 16) as usize % (usize::from(*step) + 1)
    });
    assert_eq!(whole.0, pieces.0, "the frames depend on how the stream is cut");
    assert_eq!(whole.1, pieces.1, "the error depends on how the stream is cut");
    for bytes in whole.0 {
        check(&bytes, &ctx);
    }
}

/// The frames of a stream that arrives in pieces, and the error that ends it.
fn cut(stream: &[u8], ctx: &Context, mut step: impl FnMut(usize) -> usize) -> (Vec<Bytes>, Option<DecodeError>) {
    let mut buffer = FrameBuffer::new(MAX_FRAME);
    let mut frames = Vec::new();
    let mut rest = stream;
    loop {
        loop {
            match buffer.next(|b| Frame::measure(b, ctx).map(bounded)) {
                Ok(Some(bytes)) => frames.push(bytes),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        if rest.is_empty() {
            return (frames, None);
        }
        let (piece, behind) = rest.split_at(step(rest.len()).clamp(1, rest.len()));
        buffer.push(piece);
        rest = behind;
    }
}

/// A frame takes at least one byte.
fn bounded(measure: Measure) -> Measure {
    match measure {
        Measure::Whole(n) => {
            assert!(n > 0, "a frame without bytes");
            Measure::Whole(n)
        }
        more => more,
    }
}

/// What decodes must encode to the same bytes.
fn check(bytes: &Bytes, ctx: &Context) {
    let mut r = Reader::new(bytes, ctx);
    let Ok(frame) = Frame::decode(&mut r) else { return };
    assert!(r.is_empty(), "a frame shorter than measured");
    let target = Target::exact(ctx.features);
    let mut w = Writer::new(target);
    frame.encode(&mut w).expect("a decoded frame can be encoded");
    assert_eq!(w.finish(), *bytes, "a frame that encodes to other bytes");
    assert_eq!(frame.size(target), bytes.len(), "a frame whose size is not its length");
    let Frame::Message(message) = frame else { return };
    let view = MessageFrameView::decode(&mut Reader::new(bytes, ctx)).expect("a frame has a view");
    assert_eq!(view.clone().share(), message, "a view of another frame");
    let MessageFrameView { header, front, middle, data, .. } = view;
    let sections = Sections { version: header.version, compat: header.compat_version, front, middle, data };
    let parts = sections.to_parts();
    let payload = Payload::decode(header.r#type.0, sections, ctx);
    assert_eq!(payload, Payload::decode(header.r#type.0, parts.sections(), ctx), "it depends on where the bytes lie");
    if let Ok(payload) = payload {
        let again = payload.encode(target).expect("a decoded message can be encoded");
        assert_eq!(again, parts, "a message that encodes to other bytes");
    }
}
