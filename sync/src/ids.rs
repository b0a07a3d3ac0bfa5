//! Names of things: tasks, hashes, devices.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::Digest;

/// Text that should have been an id and is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadId(String);

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Takes exactly the id's length of bytes.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, BadId> {
                <[u8; $len]>::try_from(bytes).map($name).map_err(|_| {
                    BadId(format!(
                        concat!(stringify!($name), " has {} bytes, not ", $len),
                        bytes.len()
                    ))
                })
            }

            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(d)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                Self::from_slice(d.bytes()?).map_err(minicbor::decode::Error::message)
            }
        }
    };
}

bytes_id!(
    /// A task, and the record document that belongs to it: the 16 bytes of a UUID, shown with hyphens.
    TaskId,
    16
);
bytes_id!(
    /// A SHA-256, shown as 64 lower-case hex digits. Also the hash of an automerge change.
    Sha256,
    32
);
bytes_id!(
    /// A tablet or a server: the first 16 bytes of the SHA-256 of its public key.
    DeviceId,
    16
);

bytes_id!(
    /// An Ed25519 public key, shown as 64 lower-case hex digits.
    Key,
    32
);

fn parse_hex<const N: usize>(what: &str, text: &str) -> Result<[u8; N], BadId> {
    let mut out = [0; N];
    let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
    if lower && hex::decode_to_slice(text, &mut out).is_ok() {
        Ok(out)
    } else {
        let shown: String = text.chars().take(80).collect();
        Err(BadId(format!(
            "{what}: {shown:?} is not {} lower-case hex digits",
            N * 2
        )))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let h = hex::encode(self.0);
        write!(
            f,
            "{}-{}-{}-{}-{}",
            &h[..8],
            &h[8..12],
            &h[12..16],
            &h[16..20],
            &h[20..]
        )
    }
}

impl FromStr for TaskId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let hyphens: Vec<usize> = text
            .bytes()
            .enumerate()
            .filter(|(_, b)| *b == b'-')
            .map(|(i, _)| i)
            .collect();
        if hyphens != [8, 13, 18, 23] {
            let shown: String = text.chars().take(80).collect();
            return Err(BadId(format!(
                "task id: {shown:?} is not a UUID in lower case with hyphens"
            )));
        }
        parse_hex("task id", &text.replace('-', "")).map(TaskId)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Sha256 {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        parse_hex("SHA-256", text).map(Sha256)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Key {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        parse_hex("public key", text).map(Key)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for DeviceId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        parse_hex("device id", text).map(DeviceId)
    }
}

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        Sha256(sha2::Sha256::digest(bytes).into())
    }
}

impl DeviceId {
    /// The device that holds the private half of this Ed25519 key.
    pub fn of(key: &Key) -> Self {
        let hash = Sha256::of(&key.0).0;
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        DeviceId(id)
    }
}
