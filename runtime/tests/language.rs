//! Every construct of the language, generated, compiled and held to the laws.
//!
//! The specs are those that the language's own tests read; the tests of the laws come from the generator.

// Types written by hand have the functions that generated ones have, used or not.
#![allow(dead_code, unreachable_pub)]

#[path = "../../spec/tests/accept/berths.wire"]
mod berths;
#[path = "../../spec/tests/accept/extensions.wire"]
mod extensions;
#[path = "../../spec/tests/accept/kitchen_sink.wire"]
mod kitchen_sink;

/// A type written by hand, of fixed size.
mod units {
    use firefly_runtime::codec::{DecodeError, EncodeError, Reader, Target, Writer, arbitrary, serde};

    /// Tenths of knots.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    #[serde(crate = "firefly_runtime::codec::serde")]
    pub struct Knots(u32);

    impl Knots {
        pub fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
            Ok(Knots(u32::from_be_bytes(r.array()?)))
        }

        pub fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
            w.put(&self.0.to_be_bytes());
            Ok(())
        }

        pub fn size(&self, _: Target) -> usize {
            4
        }
    }

    impl<'a> arbitrary::Arbitrary<'a> for Knots {
        fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
            Ok(Knots(u.arbitrary()?))
        }
    }
}

/// A type written by hand, of varying size.
mod names {
    use firefly_runtime::codec::{DecodeError, EncodeError, Reader, Str, Target, Writer, arbitrary, narrow, serde};

    /// A short string.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    #[serde(crate = "firefly_runtime::codec::serde")]
    pub struct Callsign(Str);

    impl Callsign {
        pub fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
            let n = r.byte()?;
            let n = r.length(u64::from(n), u64::MAX)?;
            r.text(n).map(Callsign)
        }

        pub fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
            w.put(&[narrow(self.0.len(), 255)?]);
            w.put(self.0.as_bytes());
            Ok(())
        }

        pub fn size(&self, _: Target) -> usize {
            1 + self.0.len()
        }
    }

    impl<'a> arbitrary::Arbitrary<'a> for Callsign {
        fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
            Ok(Callsign(u.arbitrary()?))
        }
    }
}
