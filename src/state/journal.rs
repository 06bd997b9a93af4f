//! The journal as bytes: a header line, then one numbered entry a line.
//!
//! A last line without its newline is a write that was cut short: no `append` ever returned for
//! it, so nothing depends on it, and it is dropped. Anything else that does not fit is damage.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::header::{FormatError, check_format, check_number};
use super::{Entry, State, line};

const FORMAT: &str = "aep-backfill-journal/v3";
const OLDER: &[&str] = &["aep-backfill-journal/v2", "aep-backfill-journal/v1"];
/// The name under which damage is reported.
const FILE: &str = "journal.jsonl";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalHeader {
    format: String,
    lineage: Uuid,
    after: u64,
}

#[derive(Serialize, Deserialize)]
struct Numbered {
    seq: u64,
    #[serde(flatten)]
    entry: Entry,
}

/// A journal that was read.
#[derive(Debug)]
pub struct Journal {
    /// The lineage of the state it belongs to.
    pub lineage: Uuid,
    /// Its entries in order, each with its number.
    pub entries: Vec<(u64, Entry)>,
    /// The number the next entry gets.
    pub next: u64,
    /// How many bytes of it are whole lines; appending goes on there.
    pub whole: usize,
    /// How many bytes after those were dropped.
    pub torn: usize,
    /// Whether an earlier version wrote it, which could not read what this one appends.
    pub is_older: bool,
}

/// The first line of a new journal that follows `state`.
#[must_use]
pub fn encode_journal_header(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = JournalHeader {
        format: FORMAT.to_owned(),
        lineage: state.lineage,
        after: state.folded,
    };
    line::encode(&header, &mut bytes);
    bytes
}

/// The lines of `entries`, the first of them numbered `next`.
#[must_use]
pub fn encode_entries(next: u64, entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * 384);
    for (seq, entry) in (next..).zip(entries) {
        let entry = entry.clone();
        line::encode(&Numbered { seq, entry }, &mut bytes);
    }
    bytes
}

/// Reads a journal.
///
/// # Errors
/// Damage anywhere but in a torn last line, or a newer format.
pub fn decode_journal(bytes: &[u8]) -> Result<Journal, FormatError> {
    let whole = bytes
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    let mut lines = bytes[..whole]
        .split_inclusive(|&byte| byte == b'\n')
        .zip(1..)
        .map(|(text, number)| (&text[..text.len() - 1], number));

    let damaged = |line, error| FormatError::Damaged {
        file: FILE,
        line,
        what: error,
    };
    let (first, _) = lines
        .next()
        .ok_or_else(|| damaged(1, "the header is missing".to_owned()))?;
    check_format(FILE, FORMAT, OLDER, first)?;
    let header: JournalHeader = line::decode(first).map_err(|error| error.at(FILE, 1))?;
    check_number(FILE, header.after)?;

    let mut next = header.after + 1;
    let mut entries = Vec::new();
    for (text, number) in lines {
        let Numbered { seq, entry } = line::decode(text).map_err(|error| error.at(FILE, number))?;
        if seq != next {
            return Err(damaged(
                number,
                format!("entry {seq} stands where {next} should"),
            ));
        }
        next += 1;
        entries.push((seq, entry));
    }
    // A write that is cut short ends before its newline, never with something else in its place.
    let tail = &bytes[whole..];
    if let [line @ .., _] = tail
        && line::verify(line).is_ok()
    {
        return Err(damaged(
            entries.len() as u64 + 2,
            "another byte stands where the line should end".to_owned(),
        ));
    }
    Ok(Journal {
        lineage: header.lineage,
        entries,
        next,
        whole,
        torn: tail.len(),
        is_older: header.format != FORMAT,
    })
}
