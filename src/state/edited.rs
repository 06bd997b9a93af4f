//! A `state.jsonl` that a person has been at with an editor: as strict as one that was written here,
//! but for the sums, which nobody computes by hand.

use serde::de::Error as _;

use super::State;
use super::format::read_lines;
use super::header::FormatError;
use super::line::LineError;
use super::record::Record;
use super::stored_record::StoredRecord;
use crate::file_text::look_alike;

/// Reads a `state.jsonl` in which a person has edited records: sums and the digest need not fit
/// them any more, all else must. The header is as it was written.
///
/// # Errors
/// Whatever makes it no state, with its line; or a newer format.
pub fn decode_edited(bytes: &[u8]) -> Result<State, FormatError> {
    // Some editors end lines in their own way; no line of ours has such a byte in it.
    let bytes: Vec<u8> = bytes.iter().copied().filter(|&b| b != b'\r').collect();
    let (state, _) = read_lines(&*bytes, |text, _| read(text)).map_err(|error| match error {
        // What is not known in a line that a person has written is a mistake of that person.
        FormatError::NewerLine { file, line, what } => FormatError::Damaged { file, line, what },
        error => error,
    })?;
    Ok(state)
}

/// Reads a line, whose end the editor may have left out, and whatever is left of its sum.
fn read(text: &[u8]) -> Result<Record, LineError> {
    let text = text.trim_ascii_end();
    let stored: StoredRecord<'_> = serde_json::from_slice(text).map_err(|error| {
        match str::from_utf8(text).ok().and_then(look_alike) {
            Some(found) => serde_json::Error::custom(format!("{error}; it has {found}")),
            None => error,
        }
    })?;
    Ok(stored.checked()?)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::state::tests::run;
    use crate::state::{Entry, Evidence, encode_state};

    fn adopted(day: i64) -> Entry {
        Entry::Adopted {
            run: (&run(day)).into(),
            run_id: format!("run-{day}").parse().expect("a run id"),
            evidence: Evidence::Params,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    /// The text of a state with the runs of three days.
    fn text() -> (State, String) {
        let mut state = State::new("5C13@AdobeOrg".parse().expect("an organization"));
        for day in 1..=3 {
            state.fold(adopted(day)).expect("legal");
        }
        let text = String::from_utf8(encode_state(&state)).expect("JSON is UTF-8");
        (state, text)
    }

    #[test]
    fn what_an_editor_leaves_is_read_and_nothing_needs_its_sum() {
        let (state, text) = text();
        let same = |text: &str| decode_edited(text.as_bytes()).expect("a state") == state;
        assert!(same(&text));
        assert!(same(text.trim_end()), "the last line has no end");
        assert!(same(&text.replace('\n', "\r\n")));
        let (header, lines) = text.split_once('\n').expect("lines");
        let mut lines: Vec<&str> = lines.lines().rev().collect();
        let reversed = format!("{header}\n{}\n", lines.join("\n"));
        assert!(same(&reversed), "in another order");

        lines.remove(1);
        let edited = format!("{header}\n{}\n", lines.join("\n")).replace("run-1", "other");
        let read = decode_edited(edited.as_bytes()).expect("a state");
        assert_eq!(read.records().count(), 2);
        let other = "other".parse().expect("a run id");
        assert!(read.claim(&other).is_some());
        let unsummed = decode_edited(
            edited
                .replace(",\"sum\":", ",\"sum\":null,\"sam\":")
                .as_bytes(),
        );
        assert!(unsummed.is_err(), "a field of another name is no sum");
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let (_, text) = text();
        for (from, to, said) in [
            ("run-2\"", "run-1\"", "line 3: the run run-1 stands twice"),
            ("run-3\"", "a run\"", "line 4: the line is not understood"),
            ("\"fate\":\"created\"", "\"fate\":\"lost\"", "line 2: "),
            ("\"rerun\":1", "\"rerun\":2", "line 2: the key "),
            ("\"rerun\":1", "\"reruns\":1", "line 2: "),
            (
                "\"rerun\":1",
                "\u{201c}rerun\u{201d}:1",
                "it has a curly quote (U+201C)",
            ),
            (
                "\"adopted\":",
                "\"adapted\":",
                "line 2: the line is not understood: unknown field `adapted`",
            ),
            ("\"fate\":", "\"rerun\":1,\"fate\":", "line 2: "),
            (
                "\"serial\":0",
                "\"serial\":1",
                "line 1: the line does not match",
            ),
            (
                "-state/v3",
                "-state/v4",
                "has the format `aep-backfill-state/v4`",
            ),
            ("\n{\"key\"", "\n\n{\"key\"", "line 2: "),
        ] {
            assert!(text.contains(from), "{from}");
            let edited = text.replacen(from, to, 1);
            let error = decode_edited(edited.as_bytes()).expect_err(to).to_string();
            assert!(error.contains(said), "{said:?} is not in {error:?}");
        }
        let twice = format!("{text}{}\n", text.lines().nth(1).expect("a record"));
        let error = decode_edited(twice.as_bytes()).expect_err("twice");
        assert!(error.to_string().contains("line 5: "), "{error}");
        assert!(decode_edited(b"").is_err() && decode_edited(b"version: 1\n").is_err());
    }
}
