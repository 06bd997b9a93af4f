//! What the headers of the stored files have in common, and why bytes are no state or journal.

use serde::Deserialize;

use crate::file_text::byte_order_mark;

/// The name under which damage of the state is reported.
pub(super) const FILE: &str = "state.jsonl";
/// No serial and no number of an entry comes this far; what says so was not written, and counting
/// on from it would overflow.
const BEYOND: u64 = 1 << 53;

/// Why stored bytes are not a state or a journal.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Something in the file is not what was written.
    #[error("{file}, line {line}: {what}")]
    Damaged {
        /// Which file.
        file: &'static str,
        /// Which line, from 1.
        line: u64,
        /// What is wrong there.
        what: String,
    },
    /// Its bytes cannot be read.
    #[error("state.jsonl cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Written by a newer version of this program.
    #[error("{file} has the format `{found}`; this version reads up to `{known}`")]
    Newer {
        /// Which file.
        file: &'static str,
        /// Its format.
        found: String,
        /// The newest format that is read.
        known: &'static str,
    },
    /// A line has what only a newer version of this program writes.
    #[error("{file}, line {line}: a newer version of backfill has written it: {what}")]
    NewerLine {
        /// Which file.
        file: &'static str,
        /// Which line, from 1.
        line: u64,
        /// What is not known there.
        what: String,
    },
    /// One of the two files stands alone, or they do not belong together.
    #[error("state.jsonl and journal.jsonl do not belong together: {0}")]
    Apart(&'static str),
    /// The state is kept elsewhere now.
    #[error("it was moved to {to}")]
    Moved {
        /// Where.
        to: String,
    },
}

/// Refuses a file whose header names a format that this version does not read: neither the `known`
/// one that it writes nor an `older` one.
pub(super) fn check_format(
    file: &'static str,
    known: &'static str,
    older: &[&str],
    header: &[u8],
) -> Result<(), FormatError> {
    if let Some(mark) = byte_order_mark(header) {
        return Err(FormatError::Damaged {
            file,
            line: 1,
            what: format!("here is {mark}: an editor or a shell has written the file anew"),
        });
    }
    match format_of(header) {
        Some(found) if found != known && !older.contains(&&*found) => Err(FormatError::Newer {
            file,
            found: found.escape_debug().to_string(),
            known,
        }),
        _ => Ok(()),
    }
}

/// The format that a header names. A newer one may frame its lines in another way, so only the
/// field is looked at.
pub(super) fn format_of(header: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct OnlyFormat {
        format: String,
    }
    let header: OnlyFormat = serde_json::from_slice(header).ok()?;
    Some(header.format)
}

/// Refuses a header with a number that counting never reached.
pub(super) fn check_number(file: &'static str, number: u64) -> Result<(), FormatError> {
    if number < BEYOND {
        return Ok(());
    }
    Err(FormatError::Damaged {
        file,
        line: 1,
        what: format!("the number {number} was never reached"),
    })
}
