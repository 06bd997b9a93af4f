//! The state as bytes: a header line, then one line a run, sorted so that a diff reads well.
//!
//! The header carries a digest of all that follows; a file of a newer format is refused before
//! anything else of it is read, and never written to.

use std::io::{BufRead, BufReader, Read};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::header::{FILE, FormatError, check_format, check_number};
use super::line::LineError;
use super::moved::decode_moved;
use super::record::Record;
use super::record_line::{FlowOfLine, read_created};
use super::records::{Records, StandsTwice};
use super::stored_record::StoredRecord;
use super::{Journal, State, line};
use crate::run::{OrganizationId, hex};

/// Written, and read.
const FORMAT: &str = "aep-backfill-state/v3";
/// Read: what they have, v3 has too.
const OLDER: &[&str] = &["aep-backfill-state/v2", "aep-backfill-state/v1"];
/// So many bytes are read at a time, and so many are parsed in one piece: the memory that reading
/// needs beside what it gives. In tests they are few, so that those of this module and of the store
/// go over their ends.
const BATCH: usize = if cfg!(test) { 1_000 } else { 4 << 20 };
const PIECE: usize = if cfg!(test) { 300 } else { 128 << 10 };
/// So many records are written in one piece, and so many at a time.
const PIECE_RECORDS: usize = if cfg!(test) { 2 } else { 1_000 };
const BATCH_RECORDS: usize = 32 * PIECE_RECORDS;

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

/// The whole state as the bytes of `state.jsonl`.
#[must_use]
pub fn encode_state(state: &State) -> Vec<u8> {
    let State {
        organization,
        lineage,
        serial,
        folded,
        records,
    } = state;
    let header = |digest: &[u8]| {
        let mut bytes = Vec::new();
        let header = FormatHeader {
            format: FORMAT.to_owned(),
            organization: organization.clone(),
            lineage: *lineage,
            serial: *serial,
            folded: *folded,
            sha256: hex(digest),
        };
        line::encode(&header, &mut bytes);
        bytes
    };
    // The digest is of what follows, and as long whatever it is: its place is kept free.
    let mut bytes = header(&[0; 32]);
    let body = bytes.len();
    let mut digested = body;
    let mut digest = Sha256::new();
    let mut rest = records.iter();
    loop {
        let batch: Vec<&Record> = rest.by_ref().take(BATCH_RECORDS).collect();
        // What one core digests, others have written the time before.
        let (pieces, ()) = rayon::join(
            || {
                let pieces = batch.par_chunks(PIECE_RECORDS);
                pieces.map(encode_records).collect::<Vec<_>>()
            },
            || digest.update(&bytes[digested..]),
        );
        digested = bytes.len();
        if batch.is_empty() {
            break;
        }
        for piece in pieces {
            bytes.extend_from_slice(&piece);
        }
    }
    bytes[..body].copy_from_slice(&header(&digest.finalize()));
    bytes
}

fn encode_records(records: &[&Record]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(records.len() * 384);
    for record in records {
        line::encode(&StoredRecord::from(*record), &mut bytes);
    }
    bytes
}

/// Reads `state.jsonl` and folds the journal's newer entries into it.
///
/// # Errors
/// Damage anywhere, a newer format, a journal of another state, or what reading `source` fails with.
pub fn decode_state(source: impl Read + Send, journal: &Journal) -> Result<State, FormatError> {
    let (mut state, is_digest_right) = read_lines(source, |text, flow| {
        let text = text.strip_suffix(b"\n").ok_or(LineError::Cut)?;
        let body = line::verify(text)?;
        let created = str::from_utf8(text).ok();
        if let Some(record) = created.and_then(|text| read_created(text, flow)) {
            return Ok(record);
        }
        let stored: StoredRecord<'_> = line::decode_body(body)?;
        Ok(stored.checked()?)
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

/// Reads `state.jsonl`, each line below the header by `read`, on all cores; also whether the digest
/// of these lines is the one in the header.
pub(super) fn read_lines(
    source: impl Read + Send,
    read: impl Fn(&[u8], &mut FlowOfLine) -> Result<Record, LineError> + Sync,
) -> Result<(State, bool), FormatError> {
    let mut source = BufReader::new(source);
    let mut first = Vec::new();
    source.read_until(b'\n', &mut first)?;
    // Of what is no mark, only the first line is taken.
    if let Some(to) = decode_moved((&*first).chain(&mut source))? {
        return Err(FormatError::Moved { to });
    }
    let first = first
        .strip_suffix(b"\n")
        .ok_or_else(|| damaged(1, "the header is missing".to_owned()))?;
    check_format(FILE, FORMAT, OLDER, first)?;
    let FormatHeader {
        format: _,
        organization,
        lineage,
        serial,
        folded,
        sha256,
    } = line::decode(first).map_err(|error| error.at(FILE, 1))?;
    for number in [serial, folded] {
        check_number(FILE, number)?;
    }

    let twice = |(at, twice): (usize, StandsTwice)| {
        let what = match twice {
            StandsTwice::Record(key) => format!("{} stands twice", key.short()),
            StandsTwice::Run(run_id) => format!("the run {run_id} stands twice"),
        };
        damaged(at as u64 + 2, what)
    };
    let mut records = Records::default();
    let mut add = |parsed: Vec<Parsed>| {
        for piece in parsed {
            records.read_more(piece.records).map_err(twice)?;
            if let Some(error) = piece.damage {
                return Err(error.at(FILE, records.len() as u64 + 2));
            }
        }
        Ok(())
    };
    let mut digest = Sha256::new();
    let mut before = Vec::new();
    let mut batch = next_batch(&mut source, &[], Vec::new())?;
    // Two buffers take turns.
    let mut free = Vec::new();
    while !batch.is_empty() {
        let (lines, begun) = whole_lines(&batch);
        // While one batch is parsed and digested, the next one is read, and the one before is
        // looked through for what stands twice, one record after the other.
        let (parsed, (next, added)) = rayon::join(
            || {
                let pieces = pieces(lines);
                let parse = || pieces.par_iter().map(|piece| parse(piece, &read));
                rayon::join(|| digest.update(lines), || parse().collect::<Vec<_>>()).1
            },
            || (next_batch(&mut source, begun, free), add(before)),
        );
        added?;
        before = parsed;
        free = std::mem::replace(&mut batch, next?);
    }
    add(before)?;
    records.end_reading().map_err(twice)?;
    let state = State {
        organization,
        lineage,
        serial,
        folded,
        records,
    };
    Ok((state, sha256 == hex(&digest.finalize())))
}

/// What was `begun`, and what comes after it, up to the size of a batch, or to the end of a line
/// that is longer, in the memory of an earlier `batch`; empty at the end.
fn next_batch(
    source: &mut impl BufRead,
    begun: &[u8],
    mut batch: Vec<u8>,
) -> Result<Vec<u8>, std::io::Error> {
    batch.clear();
    batch.reserve(BATCH);
    batch.extend_from_slice(begun);
    let left = BATCH.saturating_sub(begun.len()) as u64;
    source.by_ref().take(left).read_to_end(&mut batch)?;
    if batch.len() >= BATCH && !batch.contains(&b'\n') {
        source.read_until(b'\n', &mut batch)?;
    }
    Ok(batch)
}

/// A batch up to its last line's end, and the beginning of the line that the next one ends. A last
/// batch is whole, whether or not its last line has an end.
fn whole_lines(batch: &[u8]) -> (&[u8], &[u8]) {
    let is_last = batch.len() < BATCH;
    match batch.iter().rposition(|&byte| byte == b'\n') {
        Some(end) if !is_last => batch.split_at(end + 1),
        _ => (batch, &[]),
    }
}

/// Lines in pieces of about the same size.
fn pieces(mut lines: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while lines.len() > PIECE {
        let end = lines[PIECE..].iter().position(|&byte| byte == b'\n');
        let (piece, rest) = lines.split_at(end.map_or(lines.len(), |end| PIECE + end + 1));
        pieces.push(piece);
        lines = rest;
    }
    if !lines.is_empty() {
        pieces.push(lines);
    }
    pieces
}

/// The records of lines that follow each other, up to one that is damaged.
struct Parsed {
    records: Vec<Record>,
    damage: Option<LineError>,
}

fn parse(
    piece: &[u8],
    read: impl Fn(&[u8], &mut FlowOfLine) -> Result<Record, LineError>,
) -> Parsed {
    let mut flow = FlowOfLine::default();
    let mut records = Vec::new();
    for text in piece.split_inclusive(|&byte| byte == b'\n') {
        match read(text, &mut flow) {
            Ok(record) => records.push(record),
            Err(error) => {
                let damage = Some(error);
                return Parsed { records, damage };
            }
        }
    }
    Parsed {
        records,
        damage: None,
    }
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
