//! A `state.jsonl` that a person has been at with an editor: as strict as one that was written here,
//! but for the sums, which nobody computes by hand.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::State;
use super::format::{StoredRecord, read_lines};
use super::header::FormatError;
use super::record::Record;
use crate::file_text::look_alike;

/// Reads a `state.jsonl` in which a person has edited records: sums and the digest need not fit
/// them any more, all else must. The header is as it was written.
///
/// # Errors
/// Whatever makes it no state, with its line; or a newer format.
pub fn decode_edited(bytes: &[u8]) -> Result<State, FormatError> {
    // Some editors end lines in their own way; no line of ours has such a byte in it.
    let bytes: Vec<u8> = bytes.iter().copied().filter(|&b| b != b'\r').collect();
    let (state, _) = read_lines(&*bytes, |text, _| read(text))?;
    Ok(state)
}

/// What stands in a line, beside what is left of its sum.
#[derive(Deserialize)]
struct Edited<T> {
    #[serde(default, rename = "sum")]
    _sum: IgnoredAny,
    #[serde(flatten)]
    rest: T,
}

/// Reads a line, whose end the editor may have left out.
fn read(text: &[u8]) -> Result<Record, String> {
    let text = text.trim_ascii_end();
    let not_understood = |error: serde_json::Error| {
        // It knows of no other line than this one.
        let error = error
            .to_string()
            .replace(" at line 1 column ", " at column ");
        let pasted = str::from_utf8(text).ok().and_then(look_alike);
        let pasted = pasted.map_or_else(String::new, |found| format!("; it has {found}"));
        format!("the line is not understood: {error}{pasted}")
    };
    let record: Edited<StoredRecord<'_>> = serde_json::from_slice(text).map_err(not_understood)?;
    // What stands in no field would be lost without a word.
    let known = serde_json::to_value(&record.rest).map_err(not_understood)?;
    let written: Edited<BTreeMap<String, Value>> =
        serde_json::from_slice(text).map_err(not_understood)?;
    let is_lost = |field: &str, value: &Value| !value.is_null() && known.get(field).is_none();
    match written
        .rest
        .iter()
        .find(|(name, value)| is_lost(name, value))
    {
        Some((name, _)) => Err(format!("the field `{name}` is not one of such a record")),
        None => record.rest.checked(),
    }
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
                "line 2: the field `adapted` is not",
            ),
            ("\"fate\":", "\"rerun\":1,\"fate\":", "line 2: "),
            (
                "\"serial\":0",
                "\"serial\":1",
                "line 1: the line does not match",
            ),
            (
                "-state/v2",
                "-state/v3",
                "has the format `aep-backfill-state/v3`",
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
