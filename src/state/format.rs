//! The state as bytes: a header line, then one line a run, sorted so that a diff reads well.
//!
//! The header carries a digest of all that follows; a file of a newer format is refused before
//! anything else of it is read, and never written to.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::entry::StoredIdentity;
use super::header::{FILE, FormatError, check_format, check_number};
use super::moved::{Moved, decode_moved};
use super::record::{Absence, Fate, Record, State};
use super::{Journal, line};
use crate::run::{OrganizationId, hex};

const FORMAT: &str = "aep-backfill-state/v1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FormatHeader {
    format: String,
    organization: OrganizationId,
    lineage: Uuid,
    serial: u64,
    folded: u64,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredRecord {
    #[serde(flatten)]
    run: StoredIdentity,
    #[serde(flatten)]
    fate: Fate,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<Absence>,
}

/// The whole state as the bytes of `state.jsonl`.
#[must_use]
pub fn encode_state(state: &State) -> Vec<u8> {
    let State {
        organization,
        lineage,
        serial,
        folded,
        records,
        by_run: _,
    } = state;
    let mut sorted: Vec<&Record> = records.values().collect();
    sorted.sort_by(|a, b| a.identity.cmp(&b.identity));

    let mut body = Vec::with_capacity(sorted.len() * 384);
    for Record {
        identity,
        fate,
        earlier,
    } in sorted
    {
        let stored = StoredRecord {
            run: StoredIdentity::from(identity),
            fate: fate.clone(),
            earlier: earlier.clone(),
        };
        line::encode(&stored, &mut body);
    }

    let mut bytes = Vec::with_capacity(body.len() + 512);
    let header = FormatHeader {
        format: FORMAT.to_owned(),
        organization: organization.clone(),
        lineage: *lineage,
        serial: *serial,
        folded: *folded,
        sha256: hex(&Sha256::digest(&body)),
    };
    line::encode(&header, &mut bytes);
    bytes.append(&mut body);
    bytes
}

/// Reads `state.jsonl` and folds the journal's newer entries into it.
///
/// # Errors
/// Damage anywhere, a newer format, or a journal of another state.
pub fn decode_state(bytes: &[u8], journal: &Journal) -> Result<State, FormatError> {
    let (mut state, is_digest_right) = read_lines(bytes, |text| {
        let text = text.strip_suffix(b"\n").ok_or("the line is cut short")?;
        line::decode(text).map_err(|error| error.to_string())
    })?;
    // After the lines, so that a damaged line is named where it can be.
    if !is_digest_right {
        return Err(damaged(
            1,
            "the lines below are not those that were written: one is missing, added or moved"
                .to_owned(),
        ));
    }
    fold_journal(&mut state, journal)?;
    Ok(state)
}

/// Reads `state.jsonl`, each line below the header by `read`; also whether the digest of these lines
/// is the one in the header.
pub(super) fn read_lines(
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Result<StoredRecord, String>,
) -> Result<(State, bool), FormatError> {
    let end = bytes
        .iter()
        .position(|&byte| byte == b'\n')
        .ok_or_else(|| damaged(1, "the header is missing".to_owned()))?;
    let (first, body) = (&bytes[..end], &bytes[end + 1..]);
    if let Some(Moved { to, .. }) = decode_moved(bytes)? {
        return Err(FormatError::Moved { to });
    }
    check_format(FILE, FORMAT, first)?;
    let FormatHeader {
        format: _,
        organization,
        lineage,
        serial,
        folded,
        sha256,
    } = line::decode(first).map_err(|e| damaged(1, e.to_string()))?;
    for number in [serial, folded] {
        check_number(FILE, number)?;
    }

    let mut state = State {
        organization,
        lineage,
        serial,
        folded,
        records: BTreeMap::new(),
        by_run: HashMap::new(),
    };
    for (text, number) in body.split_inclusive(|&byte| byte == b'\n').zip(2..) {
        let StoredRecord { run, fate, earlier } =
            read(text).map_err(|what| damaged(number, what))?;
        let (key, identity) = run.checked().map_err(|e| damaged(number, e.to_string()))?;
        let record = Record {
            identity,
            fate,
            earlier,
        };
        if let Fate::Created { run_id, .. } = &record.fate
            && state.by_run.insert(run_id.clone(), key).is_some()
        {
            return Err(damaged(number, format!("the run {run_id} stands twice")));
        }
        if state.records.insert(key, record).is_some() {
            return Err(damaged(number, format!("{} stands twice", key.short())));
        }
    }
    Ok((state, sha256 == hex(&Sha256::digest(body))))
}

fn damaged(line: u64, what: String) -> FormatError {
    FormatError::Damaged {
        file: FILE,
        line,
        what,
    }
}

fn fold_journal(state: &mut State, journal: &Journal) -> Result<(), FormatError> {
    if journal.lineage != state.lineage {
        return Err(FormatError::Apart("their lineages differ"));
    }
    if journal.next <= state.folded || state.folded + 1 < first_number(journal) {
        return Err(FormatError::Apart("entries between them are missing"));
    }
    for ((seq, entry), line) in journal.entries.iter().zip(2..) {
        // An interrupted fold leaves entries that the state holds already.
        if *seq <= state.folded {
            continue;
        }
        state
            .fold(entry.clone())
            .map_err(|error| FormatError::Damaged {
                file: "journal.jsonl",
                line,
                what: error.to_string(),
            })?;
        state.folded = *seq;
    }
    Ok(())
}

fn first_number(journal: &Journal) -> u64 {
    journal.next - journal.entries.len() as u64
}
