//! A line of a stored file: one JSON object that ends with a checksum of itself, so that a
//! flipped bit is damage and never another run id.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::header::FormatError;
use super::stored_record::RecordError;
use crate::run::hex_digits;

const FIELD: &str = ",\"sum\":\"";
const DIGITS: usize = 16;

/// Writes `value`, which must be a JSON object with at least one field, as one line.
pub(super) fn encode(value: &impl Serialize, into: &mut Vec<u8>) {
    let start = into.len();
    serde_json::to_writer(&mut *into, value).expect("stored forms have string keys and no NaN");
    let brace = into.pop();
    debug_assert_eq!(brace, Some(b'}'), "a stored form is an object");
    let sum = sum(&into[start..]);
    into.extend_from_slice(FIELD.as_bytes());
    into.extend_from_slice(&sum);
    into.extend_from_slice(b"\"}\n");
}

/// Reads a line, without its newline, back.
pub(super) fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, LineError> {
    decode_body(verify(line)?)
}

/// Reads what [`verify`] gave of a line.
pub(super) fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, LineError> {
    let mut json = Vec::with_capacity(body.len() + 1);
    json.extend_from_slice(body);
    json.push(b'}');
    serde_json::from_slice(&json).map_err(LineError::Json)
}

/// The line up to its checksum, if that is right.
pub(super) fn verify(line: &[u8]) -> Result<&[u8], LineError> {
    let tail = FIELD.len() + DIGITS + 2;
    let at = line.len().checked_sub(tail).ok_or(LineError::NoSum)?;
    let (body, rest) = line.split_at(at);
    let found = rest
        .strip_prefix(FIELD.as_bytes())
        .and_then(|rest| rest.strip_suffix(b"\"}"))
        .ok_or(LineError::NoSum)?;
    if found == sum(body) {
        Ok(body)
    } else {
        Err(LineError::Sum)
    }
}

fn sum(body: &[u8]) -> [u8; DIGITS] {
    hex_digits(&Sha256::digest(body)[..DIGITS / 2])
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// It does not end as our lines do.
    #[error("the line has no checksum at its end")]
    NoSum,
    /// It has no end.
    #[error("the line is cut short")]
    Cut,
    /// Its bytes are not the ones that were written.
    #[error("the line does not match its checksum")]
    Sum,
    /// It is not what this version stores.
    #[error("the line is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// Its fields are no record.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl LineError {
    /// The error of the file that has such a line. A field or a word that is not known, in a line
    /// whose checksum is right, is one that a newer version has written: that is no damage.
    pub(super) fn at(self, file: &'static str, line: u64) -> FormatError {
        // The parser knows of no other line than this one.
        let what = self
            .to_string()
            .replace(" at line 1 column ", " at column ");
        let is_newer = |error: &serde_json::Error| {
            let error = error.to_string();
            error.starts_with("unknown field `") || error.starts_with("unknown variant `")
        };
        match self {
            Self::Json(error) if is_newer(&error) => FormatError::NewerLine { file, line, what },
            _ => FormatError::Damaged { file, line, what },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_of_a_line_is_damage() {
        let mut line = Vec::new();
        encode(&serde_json::json!({"run": "a", "n": 1}), &mut line);
        line.pop();
        assert!(decode::<serde_json::Value>(&line).is_ok());
        for byte in 0..line.len() {
            for bit in 0..8 {
                let mut flipped = line.clone();
                flipped[byte] ^= 1 << bit;
                assert!(
                    decode::<serde_json::Value>(&flipped).is_err(),
                    "bit {bit} of byte {byte}"
                );
            }
        }
    }
}
