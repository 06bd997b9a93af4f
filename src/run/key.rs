//! The key: SHA-256 over a canonical text of what a run means, so that spelling, comments,
//! names and the order of keys in a manifest never change it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::RunIdentity;
use super::id::parsed;

/// Why a text is not a key, or not the beginning of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A whole key is 64 lower-case hexadecimal digits.
    #[error("`{0}` is not a key: expected 64 hexadecimal digits")]
    Key(String),
    /// A prefix names a run on the command line.
    #[error("`{0}` is not the beginning of a key: expected 4 to 64 hexadecimal digits")]
    Prefix(String),
}

/// The content hash of a desired run: what the state is keyed by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl RunIdentity {
    /// The content hash: SHA-256 of [`RunIdentity::canonical_text`].
    #[must_use]
    pub fn key(&self) -> Key {
        Key(Sha256::digest(self.canonical_bytes()).into())
    }
}

impl Key {
    /// The first 12 digits, as screens show a key.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: [u8; 64] = hex_digits(&self.0);
        f.write_str(str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.short())
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bad = || KeyError::Key(text.to_owned());
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| bad())?;
        let mut bytes = [0; 32];
        // Without a branch for each digit, which is never the same twice.
        let mut seen = 0;
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|digit| VALUES[usize::from(digit)]);
            *byte = high << 4 | low & 15;
            seen |= high | low;
        }
        if seen & NO_DIGIT != 0 {
            return Err(bad());
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|&byte| digits_of(byte));
    digits.map(char::from).collect()
}

/// The same in place, for `N / 2` bytes: a state of a million lines has two million of these.
pub(crate) fn hex_digits<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut digits = [0; N];
    for (pair, &byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&digits_of(byte));
    }
    digits
}

fn digits_of(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|value| b"0123456789abcdef"[usize::from(value)])
}

/// The value of what is no digit: no bit of it is one of a digit's.
const NO_DIGIT: u8 = 0xf0;

/// The value of each lower-case hexadecimal digit.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

/// The beginning of a key, as a person types it after reading one off a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// Whether `key` begins with this prefix.
    #[must_use]
    pub fn matches(&self, key: &Key) -> bool {
        key.to_string().starts_with(&self.0)
    }

    /// The one of `keys` that begins so.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn pick(&self, keys: impl IntoIterator<Item = Key>) -> Result<Key, PickError> {
        let keys = keys.into_iter().filter(|key| self.matches(key));
        let found: BTreeSet<Key> = keys.collect();
        match found.first() {
            None => Err(PickError::Unknown(self.clone())),
            Some(key) if found.len() == 1 => Ok(*key),
            Some(_) => Err(PickError::Ambiguous {
                prefix: self.clone(),
                keys: found.into_iter().collect(),
            }),
        }
    }
}

/// Why the beginning of a key does not name one run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// No run has such a key.
    #[error("no run has a key that begins with `{0}`")]
    Unknown(KeyPrefix),
    /// Several have.
    #[error("`{prefix}` is the beginning of {} keys", keys.len())]
    Ambiguous {
        /// What was asked for.
        prefix: KeyPrefix,
        /// The keys that begin so, in their order.
        keys: Vec<Key>,
    },
}

impl FromStr for KeyPrefix {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let lower = text.to_ascii_lowercase();
        if (4..=64).contains(&lower.len()) && lower.bytes().all(is_lower_hex) {
            Ok(Self(lower))
        } else {
            Err(KeyError::Prefix(text.to_owned()))
        }
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
