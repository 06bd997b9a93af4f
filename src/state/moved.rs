//! The mark that a state leaves where it was: a header and nothing more. A command that still looks
//! there is told where the state went, and begins no second one.

use std::io::{BufRead, BufReader, Read};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::header::{FILE, FormatError, check_number, format_of};
use super::line;

const FORMAT: &str = "aep-backfill-moved/v1";

/// Where a state went, and which it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The lineage of the state.
    pub lineage: Uuid,
    /// Its serial where it went.
    pub serial: u64,
    /// The place, as it was named.
    pub to: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MovedHeader {
    format: String,
    lineage: Uuid,
    serial: u64,
    to: String,
}

/// The mark as the bytes of `state.jsonl`.
#[must_use]
pub fn encode_moved(moved: &Moved) -> Vec<u8> {
    let Moved {
        lineage,
        serial,
        to,
    } = moved;
    let mut bytes = Vec::new();
    let header = MovedHeader {
        format: FORMAT.to_owned(),
        lineage: *lineage,
        serial: *serial,
        to: to.clone(),
    };
    line::encode(&header, &mut bytes);
    bytes
}

/// Reads `state.jsonl` if it is a mark; `None` where it is anything else.
///
/// # Errors
/// A mark that is damaged, or what reading `source` fails with.
pub fn decode_moved(source: impl Read) -> Result<Option<Moved>, FormatError> {
    let mut source = BufReader::new(source);
    let mut first = Vec::new();
    source.read_until(b'\n', &mut first)?;
    if format_of(&first).as_deref() != Some(FORMAT) {
        return Ok(None);
    }
    let damaged = |line, what: &str| FormatError::Damaged {
        file: FILE,
        line,
        what: what.to_owned(),
    };
    let first = first
        .strip_suffix(b"\n")
        .ok_or_else(|| damaged(1, "the line is cut short"))?;
    let MovedHeader {
        format: _,
        lineage,
        serial,
        to,
    } = line::decode(first).map_err(|e| damaged(1, &e.to_string()))?;
    check_number(FILE, serial)?;
    if !source.fill_buf()?.is_empty() {
        return Err(damaged(2, "nothing stands below such a header"));
    }
    Ok(Some(Moved {
        lineage,
        serial,
        to,
    }))
}
