//! Finding frames again where it is not known where one starts.

use std::collections::BTreeSet;

use firefly_runtime::codec::{ChecksumPolicy, Context, Measure, Wire};
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use firefly_runtime::wire::transport::{Banner, Frame, Tag};

/// How many bytes the greeting takes.
pub(super) const BANNER_SIZE: usize = Banner::MIN_SIZE;

/// Where reading can go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// How many bytes to skip.
    pub(super) skip: usize,
    /// Whether a message was found there or behind small frames; otherwise there are only small frames up to the end.
    pub(super) message: bool,
    /// The features with which the frames make sense.
    pub(super) features: u64,
}

/// Looks from `from` on for the first message whose header has the right checksum, and in front of it for small frames
/// that lead up to it. Without known features, tries those of the time with and without signatures.
pub(super) fn find(bytes: &[u8], from: usize, features: Option<u64>) -> Option<Found> {
    let any = features.unwrap_or(FEATURES_ALL);
    let message = (from..bytes.len()).find(|&at| starts_message(bytes, at, any));
    let end = message.unwrap_or(bytes.len());
    let skip = lead_up(bytes, from, end, any);
    if message.is_none() && skip == end {
        return None;
    }
    let features = features.unwrap_or_else(|| guess(bytes, end));
    Some(Found { skip, message: message.is_some(), features })
}

/// Whether this may be the greeting.
pub(super) fn starts_with_banner(bytes: &[u8]) -> bool {
    Banner::measure(bytes, &Context::default()).is_ok()
}

/// Whether the lengths in a header whose checksum does not match are right all the same: whether a frame follows.
pub(super) fn is_followed(bytes: &[u8], features: u64) -> bool {
    let strict = Context::new(features);
    let lenient = Context { checksums: ChecksumPolicy::Report, ..strict };
    let Ok(Measure::Whole(n)) = Frame::measure(bytes, &lenient) else { return false };
    bytes.get(n..).is_some_and(|behind| behind.is_empty() || Frame::measure(behind, &strict).is_ok())
}

/// Whether a message with a good header starts here.
fn starts_message(bytes: &[u8], at: usize, features: u64) -> bool {
    bytes.get(at) == Some(&Tag::MSG.0) && size(bytes, at, features).is_some()
}

/// The size of the frame that starts here, whether all of it is there or not.
fn size(bytes: &[u8], at: usize, features: u64) -> Option<usize> {
    match Frame::measure(bytes.get(at..)?, &Context::new(features)) {
        Ok(Measure::Whole(n)) => Some(n),
        _ => None,
    }
}

/// The first place in `from..end` from which whole small frames lead to `end`; `end` itself if there is none.
fn lead_up(bytes: &[u8], from: usize, end: usize, features: u64) -> usize {
    let mut starts = BTreeSet::from([end]);
    for at in (from..end).rev() {
        // Small frames are small: what is further ahead than the last start cannot be reached any more.
        if starts.first().is_some_and(|first| first - at > SMALL) {
            break;
        }
        if size(bytes, at, features).is_some_and(|n| starts.contains(&(at + n))) {
            starts.insert(at);
        }
    }
    starts.first().copied().unwrap_or(end)
}

/// No frame but a message is longer.
const SMALL: usize = {
    use firefly_runtime::codec::Wire;
    use firefly_runtime::wire::transport::{Ack, Keepalive2, Keepalive2Ack};
    let (a, b, c) = (Ack::MIN_SIZE, Keepalive2::MIN_SIZE, Keepalive2Ack::MIN_SIZE);
    let ab = if a > b { a } else { b };
    if ab > c { ab } else { c }
};

/// The features with which a frame follows the message that starts here.
fn guess(bytes: &[u8], at: usize) -> u64 {
    let fits = |features: u64| {
        size(bytes, at, features).is_some_and(|n| match bytes.get(at + n..) {
            Some(rest) => rest.is_empty() || Frame::measure(rest, &Context::new(features)).is_ok(),
            None => false,
        })
    };
    let unsigned = FEATURES_ALL & !Features::MSG_AUTH.0;
    if !fits(FEATURES_ALL) && fits(unsigned) { unsigned } else { FEATURES_ALL }
}
