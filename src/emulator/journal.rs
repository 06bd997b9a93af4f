//! The file in which the runs of an emulator outlive its process.
//!
//! Append-only JSON lines, one for each stored run; a flow's delta column is that of its first
//! run, so it needs no line. A line is written before the run is answered for. One emulator at a
//! time holds the file. A torn last line, left by a kill, is cut off; damage elsewhere is an
//! error and the file is left as it is.

use std::borrow::Cow;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::clock::Millis;
use super::params::RunParams;
use crate::run::{FlowId, Sandbox};

/// A run as it is stored, here and in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RunRecord {
    pub(super) id: String,
    pub(super) sandbox: Sandbox,
    pub(super) flow_id: FlowId,
    pub(super) created_at: Millis,
    pub(super) created_client: String,
    pub(super) ims_org_id: String,
    pub(super) retrigger_of: Option<String>,
    pub(super) params: RunParams,
}

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalLine<'a> {
    run: Cow<'a, RunRecord>,
}

/// An open journal, held alone.
#[derive(Debug)]
pub(super) struct RunJournal {
    file: File,
    /// Where the next line begins; what lies behind it was not written whole.
    end: u64,
}

impl RunJournal {
    /// Opens or makes the file, and reads the runs in it.
    ///
    /// # Errors
    /// When another emulator holds the file, or a line in it is no run.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<RunRecord>)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another emulator holds it"),
            TryLockError::Error(error) => error,
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let newline = bytes.iter().rposition(|byte| *byte == b'\n');
        bytes.truncate(newline.map_or(0, |last| last + 1));
        let mut runs = Vec::new();
        for (index, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
            let line: JournalLine = serde_json::from_slice(line).map_err(|error| {
                let message = format!("line {} is damaged: {error}", index + 1);
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?;
            runs.push(line.run.into_owned());
        }
        let end = bytes.len() as u64;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        Ok((Self { file, end }, runs))
    }

    /// Appends a run; after an error the file is as before.
    pub(super) fn append(&mut self, run: &RunRecord) -> io::Result<()> {
        let run = Cow::Borrowed(run);
        let mut line = serde_json::to_vec(&JournalLine { run })?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.end)?;
            self.file.seek(SeekFrom::Start(self.end))?;
            return Err(error);
        }
        self.end += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn record(id: &str) -> RunRecord {
        serde_json::from_value(json!({
            "id": id, "sandbox": "prod", "flowId": "3abea21c-7e36-4be1-bec1-d3bad0e3e0de",
            "createdAt": 1, "createdClient": "key", "imsOrgId": "o@AdobeOrg", "retriggerOf": null,
            "params": { "startTime": "1", "windowStartTime": 1, "windowEndTime": 2 },
        }))
        .expect("a record")
    }

    #[test]
    fn runs_are_read_back_as_they_were_written_and_a_torn_last_line_is_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("runs.jsonl");
        let (mut journal, runs) = RunJournal::open(&path).expect("a new journal");
        assert!(runs.is_empty());
        journal.append(&record("a")).expect("written");
        journal.append(&record("b")).expect("written");
        drop(journal);
        let mut bytes = fs::read(&path).expect("the file");
        bytes.truncate(bytes.len() - 5);
        fs::write(&path, &bytes).expect("torn");

        let (mut journal, runs) = RunJournal::open(&path).expect("a torn journal");
        assert_eq!(runs, [record("a")]);
        journal.append(&record("c")).expect("written");
        drop(journal);
        let (_, runs) = RunJournal::open(&path).expect("a whole journal");
        assert_eq!(runs, [record("a"), record("c")]);
    }

    #[test]
    fn damage_inside_is_an_error_with_its_line_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("runs.jsonl");
        let (mut journal, _) = RunJournal::open(&path).expect("a new journal");
        journal.append(&record("a")).expect("written");
        drop(journal);
        let mut text = fs::read_to_string(&path).expect("the file");
        text.push_str("nonsense\n");
        fs::write(&path, &text).expect("damaged");
        let error = RunJournal::open(&path).expect_err("damaged").to_string();
        assert!(error.starts_with("line 2 is damaged"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("the file"), text);
    }

    #[test]
    fn a_journal_is_held_by_one_emulator_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("runs.jsonl");
        let _held = RunJournal::open(&path).expect("a new journal");
        let error = RunJournal::open(&path).expect_err("held").to_string();
        assert_eq!(error, "another emulator holds it");
    }
}
