//! Bytes as hexadecimal digits, in serialised values and elsewhere.
//!
//! Fields that hold bytes, also inside containers, are serialised with `#[serde(with = "…::hex")]`.

use std::fmt;

/// The bytes as lower-case digits.
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).collect()
}

/// The bytes that digits stand for.
pub fn decode(digits: &str) -> Result<Vec<u8>, NotHex> {
    let digit = |b: &u8| char::from(*b).to_digit(16).map(|d| d as u8).ok_or(NotHex);
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(NotHex);
    }
    pairs.iter().map(|[high, low]| Ok(digit(high)? << 4 | digit(low)?)).collect()
}

/// Text that is not an even number of hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHex;

impl fmt::Display for NotHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an even number of hexadecimal digits")
    }
}

impl std::error::Error for NotHex {}

#[cfg(feature = "serde")]
pub use with_serde::{Hex, deserialize, serialize};

#[cfg(feature = "serde")]
mod with_serde {
    use bytes::Bytes;
    use serde::de::{DeserializeOwned, Error};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::codec::{Framed, Map, Set};

    /// Serialises bytes, or a container of bytes, as digits.
    pub fn serialize<T: Hex, S: Serializer>(value: &T, s: S) -> Result<S::Ok, S::Error> {
        value.write(s)
    }

    /// Deserialises bytes, or a container of bytes, from digits.
    pub fn deserialize<'de, T: Hex, D: Deserializer<'de>>(d: D) -> Result<T, D::Error> {
        T::read(d)
    }

    /// Bytes and containers of bytes, which are serialised as digits.
    pub trait Hex: Sized {
        /// Serialises the value.
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error>;

        /// Deserialises a value.
        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error>;
    }

    impl Hex for Bytes {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.serialize_str(&super::encode(self))
        }

        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            read_digits(d).map(Bytes::from)
        }
    }

    impl<const N: usize> Hex for [u8; N] {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.serialize_str(&super::encode(self))
        }

        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            exactly(read_digits(d)?)
        }
    }

    impl<T: Hex> Hex for Box<T> {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            T::write(self, s)
        }

        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            T::read(d).map(Box::new)
        }
    }

    impl<T: Hex, const N: usize> Hex for [T; N] {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.collect_seq(self.iter().map(Borrowed))
        }

        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            exactly(Hex::read(d)?)
        }
    }

    impl<T: Hex> Hex for Vec<T> {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.collect_seq(self.iter().map(Borrowed))
        }

        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            let items = Vec::<Owned<T>>::deserialize(d)?;
            Ok(items.into_iter().map(|item| item.0).collect())
        }
    }

    impl<T: Hex> Hex for Option<T> {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            self.as_ref().map(Borrowed).serialize(s)
        }

        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            Ok(Option::<Owned<T>>::deserialize(d)?.map(|value| value.0))
        }
    }

    /// Pairs, whose first part is not bytes.
    impl<K: Serialize + DeserializeOwned, V: Hex> Hex for (K, V) {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            (&self.0, Borrowed(&self.1)).serialize(s)
        }

        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            let (key, value) = <(K, Owned<V>)>::deserialize(d)?;
            Ok((key, value.0))
        }
    }

    impl<T: Hex> Hex for Set<T> {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.collect_seq(self.iter().map(Borrowed))
        }

        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            Vec::read(d).map(Set::from)
        }
    }

    #[derive(Serialize, Deserialize)]
    struct Entry<K, V> {
        key: K,
        value: V,
    }

    impl<K: Serialize + DeserializeOwned, V: Hex> Hex for Map<K, V> {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.collect_seq(self.iter().map(|(key, value)| Entry { key, value: Borrowed(value) }))
        }

        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            let entries = Vec::<Entry<K, Owned<V>>>::deserialize(d)?;
            Ok(Map::from(entries.into_iter().map(|entry| (entry.key, entry.value.0)).collect::<Vec<_>>()))
        }
    }

    impl<T: Hex> Hex for Framed<T> {
        fn write<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            Framed { value: Borrowed(&self.value), tail: self.tail.clone() }.serialize(s)
        }

        fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            let framed = Framed::<Owned<T>>::deserialize(d)?;
            Ok(Framed { value: framed.value.0, tail: framed.tail })
        }
    }

    struct Borrowed<'a, T>(&'a T);

    impl<T: Hex> Serialize for Borrowed<'_, T> {
        fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            self.0.write(s)
        }
    }

    struct Owned<T>(T);

    impl<'de, T: Hex> Deserialize<'de> for Owned<T> {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            T::read(d).map(Owned)
        }
    }

    fn read_digits<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        super::decode(&String::deserialize(d)?).map_err(D::Error::custom)
    }

    fn exactly<T, E: Error, const N: usize>(items: Vec<T>) -> Result<[T; N], E> {
        items
            .try_into()
            .map_err(|items: Vec<T>| E::custom(format_args!("expected {N} elements, found {}", items.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        assert_eq!(encode(&[0x00, 0x1f, 0xab]), "001fab");
        assert_eq!(decode("001fAB"), Ok(vec![0x00, 0x1f, 0xab]));
        assert_eq!(decode(""), Ok(vec![]));
        assert_eq!(decode("abc"), Err(NotHex));
        assert_eq!(decode("gg"), Err(NotHex));
        assert_eq!(decode("\u{e9}"), Err(NotHex));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn containers() {
        use crate::codec::{Bytes, Framed, Map, Set, hex};
        use serde_json::json;

        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        struct All {
            #[serde(with = "hex")]
            bytes: Bytes,
            #[serde(with = "hex")]
            array: [u8; 3],
            #[serde(with = "hex")]
            arrays: [[u8; 2]; 2],
            #[serde(with = "hex")]
            list: Vec<Bytes>,
            #[serde(with = "hex")]
            pairs: Vec<(u32, Bytes)>,
            #[serde(with = "hex")]
            some: Option<Bytes>,
            #[serde(with = "hex")]
            none: Option<[u8; 16]>,
            #[serde(with = "hex")]
            map: Map<String, Vec<Bytes>>,
            #[serde(with = "hex")]
            set: Set<[u8; 1]>,
            #[serde(with = "hex")]
            framed: Framed<Bytes>,
        }

        let bytes = |b: &'static [u8]| Bytes::from_static(b);
        let all = All {
            bytes: bytes(&[1, 2]),
            array: [3, 4, 5],
            arrays: [[6, 7], [8, 9]],
            list: vec![bytes(&[]), bytes(&[10])],
            pairs: vec![(11, bytes(&[12]))],
            some: Some(bytes(&[13])),
            none: None,
            map: Map::from(vec![("k".to_string(), vec![bytes(&[14])])]),
            set: Set::from(vec![[16], [15]]),
            framed: Framed { value: bytes(&[17]), tail: bytes(&[18]) },
        };
        let value = serde_json::to_value(&all).unwrap();
        let expected = json!({
            "bytes": "0102", "array": "030405", "arrays": ["0607", "0809"], "list": ["", "0a"],
            "pairs": [[11, "0c"]], "some": "0d", "none": null, "map": [{"key": "k", "value": ["0e"]}],
            "set": ["10", "0f"], "framed": {"value": "11", "tail": "12"},
        });
        assert_eq!(value, expected);
        assert_eq!(serde_json::from_value::<All>(value.clone()).unwrap(), all);

        let mut wrong = value;
        wrong["array"] = json!("0304");
        let e = serde_json::from_value::<All>(wrong).unwrap_err();
        assert_eq!(e.to_string(), "expected 3 elements, found 2");
    }
}
