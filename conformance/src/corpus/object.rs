//! One encoded object.

use bytes::Bytes;
use firefly_runtime::codec::{
    AnyValue, Context, DecodeError, EncodeError, Kind, Parts, Target, TypeInfo, from_bytes, to_bytes,
};
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::transport::EncapsulatedMessage;

use super::find_cxx;

/// What became of an object.
#[derive(Debug)]
pub enum Outcome {
    /// It was read.
    Decoded {
        /// Written again, the same bytes came out.
        exact: bool,
    },
    /// It could not be read.
    Failed(Failure),
    /// The specification does not describe the type.
    Unknown,
}

/// Why an object could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The bytes are not such a value.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// The value cannot be written again.
    #[error("written again: {0}")]
    Encode(#[from] EncodeError),
    /// The message in the dump is of another type.
    #[error("the message is of type {found}, not {expected}")]
    OtherMessage {
        /// The number of the type asked for.
        expected: u16,
        /// The number in the header.
        found: u16,
    },
}

/// A value that was read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Value {
    /// Anything but a message.
    Plain(Box<dyn AnyValue>),
    /// A message: what it was dumped in, and the message itself if the specification describes it.
    Message(Box<EncapsulatedMessage>, Option<Box<dyn AnyValue>>),
}

/// Reads an object, writes it again, and compares.
pub fn check(name: &str, bytes: &Bytes) -> Outcome {
    let Some(info) = find_cxx(name) else { return Outcome::Unknown };
    let target = Target::exact(FEATURES_ALL);
    let read = decode(info, bytes.clone(), FEATURES_ALL).and_then(|value| match value {
        None => Ok(None),
        Some(value) => Ok(Some((value.encode(target)? == *bytes, value.is_described()))),
    });
    match read {
        Ok(Some((true, false)) | None) => Outcome::Unknown,
        Ok(Some((exact, _))) => Outcome::Decoded { exact },
        Err(failure) => Outcome::Failed(failure),
    }
}

/// Reads a value of a type between peers with these features; `None` if the specification has no codec for the type.
/// For a message the bytes are a dump: header, old footer, and the parts with their lengths in front.
///
/// # Errors
/// When the bytes are not such a value.
pub fn decode(info: &TypeInfo, bytes: Bytes, features: u64) -> Result<Option<Value>, Failure> {
    let context = Context::new(features);
    let Kind::Message { number, .. } = info.kind else {
        return Ok(info.codec.map(|codec| codec.decode(bytes, &context)).transpose()?.map(Value::Plain));
    };
    let message = from_bytes::<EncapsulatedMessage>(bytes, &context)?;
    let found = message.header.r#type.0;
    if found != number {
        return Err(Failure::OtherMessage { expected: number, found });
    }
    let parts = Parts {
        version: message.header.version,
        compat: message.header.compat_version,
        front: message.front.clone(),
        middle: message.middle.clone(),
        data: message.data.clone(),
    };
    let body = info.codec.map(|codec| codec.decode(parts.to_bytes()?, &context).map_err(Failure::from)).transpose()?;
    Ok(Some(Value::Message(Box::new(message), body)))
}

impl Value {
    /// Writes the value as it was read.
    ///
    /// # Errors
    /// When the value cannot be written for this target.
    pub fn encode(&self, target: Target) -> Result<Bytes, Failure> {
        match self {
            Value::Plain(value) => Ok(value.encode(target)?),
            Value::Message(message, None) => Ok(to_bytes(&**message, target)?),
            Value::Message(message, Some(body)) => {
                let parts = Parts::from_bytes(body.encode(target)?)?;
                let mut message = message.clone();
                message.header.version = parts.version;
                message.header.compat_version = parts.compat;
                (message.front, message.middle, message.data) = (parts.front, parts.middle, parts.data);
                Ok(to_bytes(&*message, target)?)
            }
        }
    }

    /// The value as JSON.
    ///
    /// # Errors
    /// When the value has no form in JSON.
    pub fn json(&self) -> serde_json::Result<serde_json::Value> {
        match self {
            Value::Plain(value) => value.json(),
            Value::Message(message, None) => serde_json::to_value(message),
            Value::Message(message, Some(body)) => Ok(serde_json::json!({
                "header": serde_json::to_value(message.header)?,
                "footer": serde_json::to_value(message.footer)?,
                "message": body.json()?,
            })),
        }
    }

    fn is_described(&self) -> bool {
        !matches!(self, Value::Message(_, None))
    }
}
