//! The mark of a state that was moved: a header and nothing more, in the place of `state.jsonl`.
//!
//! Nothing writes one any more. One that is found is refused, so that a place which was left for
//! another begins no second state.

use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;
use uuid::Uuid;

use super::header::{FILE, FormatError, check_number, format_of};
use super::line;

const FORMAT: &str = "aep-backfill-moved/v1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MovedHeader {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "lineage")]
    _lineage: Uuid,
    serial: u64,
    to: String,
}

/// Where the state went, if `state.jsonl` is a mark; `None` where it is anything else.
///
/// # Errors
/// A mark that is damaged, or what reading `source` fails with.
pub fn decode_moved(source: impl Read) -> Result<Option<String>, FormatError> {
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
    let header: MovedHeader = line::decode(first).map_err(|e| damaged(1, &e.to_string()))?;
    check_number(FILE, header.serial)?;
    if !source.fill_buf()?.is_empty() {
        return Err(damaged(2, "nothing stands below such a header"));
    }
    Ok(Some(header.to))
}

/// A mark as it was written, to `git:elsewhere`.
#[cfg(test)]
pub(crate) const MARK: &[u8] = br#"{"format":"aep-backfill-moved/v1","lineage":"00000000-0000-4000-8000-000000000001","serial":5,"to":"git:elsewhere","sum":"9d9e046715c6ca95"}
"#;
