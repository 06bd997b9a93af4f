//! The key: SHA-256 over a canonical text of what a run means, so that spelling, comments,
//! names and the order of keys in a manifest never change it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::RunIdentity;

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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key([u8; 32]);

impl RunIdentity {
    /// The content hash: SHA-256 of [`RunIdentity::canonical_text`].
    #[must_use]
    pub fn key(&self) -> Key {
        Key(Sha256::digest(self.canonical_text()).into())
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
        f.write_str(&hex(&self.0))
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
        if text.len() != 64 || !text.bytes().all(is_lower_hex) {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

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
    pub fn pick<'a>(&self, keys: impl IntoIterator<Item = &'a Key>) -> Result<Key, PickError> {
        let keys = keys.into_iter().filter(|key| self.matches(key));
        let found: BTreeSet<Key> = keys.copied().collect();
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
