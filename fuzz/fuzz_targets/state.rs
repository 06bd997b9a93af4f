//! Any byte strings given as a state and its journal give a state or an error that names a line,
//! never a panic or a hang; and what a store opens is still there after it was written again.
//!
//! The lines carry sums and the header a digest of them all, so an input is read in three ways, as
//! in the target `journal`. A text is the state file, and after the first empty line its journal;
//! without one it gets a journal without entries. It is decoded as it is, and again after all sums
//! were made right.
//!
//! `.ci/fuzz 60 state` runs it for a minute.

#![no_main]

use aep_backfill::state::{
    Fate, FormatError, State, decode_edited, decode_journal, decode_moved, decode_state,
    encode_entries, encode_journal_header, encode_state,
};
use aep_backfill::store::{LockedStore, inspect};
use aep_backfill::untrusted::shortened;
use aep_backfill_fuzz::memory::{Files, Memory};
use aep_backfill_fuzz::text::assert_harmless;
use aep_backfill_fuzz::{any_number, build, mend, with_extreme};
use futures::FutureExt;
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, from_slice, from_value};

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"{") {
        let (state, journal) = match bytes.windows(2).position(|two| two == b"\n\n") {
            Some(at) => (&bytes[..=at], Some(&bytes[at + 2..])),
            None => (bytes, None),
        };
        let or_empty = |journal: Option<Vec<u8>>| journal.unwrap_or_else(|| empty_journal(state));
        check(state, &or_empty(journal.map(<[u8]>::to_vec)));
        check(&mend::state(state), &or_empty(journal.map(mend::lines)));
        let state = with_extreme(state, any_number(bytes));
        check(&mend::state(&state), &empty_journal(&state));
    } else {
        // An input that breaks off was too short to say more.
        let _ = tell(&mut Unstructured::new(bytes));
    }
});

/// A journal without entries that follows the state in `bytes`, if its header can be read.
fn empty_journal(bytes: &[u8]) -> Vec<u8> {
    let mut state = State::new(build::organization());
    let header = bytes.split(|&byte| byte == b'\n').next().unwrap_or(bytes);
    if let Ok(mut header) = from_slice::<Value>(header)
        && let Some(folded) = header.get("folded").and_then(Value::as_u64)
        && let Some(lineage) = header.get_mut("lineage").map(Value::take)
    {
        state.folded = folded;
        state.lineage = from_value(lineage).unwrap_or_default();
    }
    encode_journal_header(&state)
}

/// Makes a state and a journal of the input's entries, and damages them.
fn tell(u: &mut Unstructured<'_>) -> Result<()> {
    let mut state = build::empty_state(u)?;
    let fold = |state: &mut State, entries| -> Vec<_> {
        let mut legal = Vec::new();
        for entry in entries {
            if state.fold(Clone::clone(&entry)).is_ok() {
                state.folded += 1;
                legal.push(entry);
            }
        }
        legal
    };
    let start = state.clone();
    let before = fold(&mut state, build::entries(u)?);
    let mut bytes = encode_state(&state);

    // A journal may begin before the state ends: a fold that was cut short.
    let mut journal = encode_journal_header(&state);
    let is_cut_short = u.arbitrary()?;
    if is_cut_short {
        journal = encode_journal_header(&start);
        journal.extend(encode_entries(start.folded + 1, &before));
    }
    let next = state.folded + 1;
    let since = fold(&mut state, build::entries(u)?);
    journal.extend(encode_entries(next, &since));

    let read = check(&bytes, &journal).expect("what was written reads back");
    assert_eq!(read, state);

    if u.arbitrary()? {
        // Of a state file nothing is left over: damage is an error.
        let whole = bytes.clone();
        build::damage(u, &mut bytes)?;
        let read = check(&bytes, &journal);
        assert!(
            read.is_none() || bytes == whole,
            "damage is not seen: {read:?}"
        );
    } else {
        build::damage(u, &mut journal)?;
        check(&bytes, &journal);
    }
    if u.arbitrary()? {
        claim_one_run(&mut bytes);
    }
    check(&mend::state(&bytes), &mend::lines(&journal));
    Ok(())
}

/// Makes all records that name a run of the service name the same one.
fn claim_one_run(state: &mut [u8]) {
    let name = b"\"runId\":\"run-";
    for at in name.len()..state.len() {
        if state[..at].ends_with(name) {
            state[at] = b'1';
        }
    }
}

/// What must hold of any bytes. Gives the state that they are.
fn check(state: &[u8], journal: &[u8]) -> Option<State> {
    // An editor may have been at it, and may have left anything.
    if let Ok(edited) = decode_edited(state) {
        let _ = encode_state(&edited);
    }
    let read = match decode_moved(state) {
        // Whatever its journal is.
        Ok(Some(to)) => Err(FormatError::Moved { to }),
        Ok(None) => decode_journal(journal).and_then(|journal| decode_state(state, &journal)),
        Err(error) => Err(error),
    };
    // A place that holds them tells the same, although it reads them again.
    let place = Memory::new(state, journal);
    let inspected = inspect(&place, None)
        .now_or_never()
        .expect("memory never waits");
    match read {
        Ok(read) => {
            let inspected = inspected.expect("it was read").expect("there is one");
            assert_eq!(inspected.state, read);
            check_damage(state, journal);
            // From the last numbers, the next step is out of reach.
            if read.folded.max(read.serial) < 1 << 52 {
                check_state(&read);
                check_opens(&place, &read);
            }
            Some(read)
        }
        Err(error) => {
            let told = inspected.expect_err("it was not read");
            assert_eq!(told.to_string(), error.to_string());
            assert_harmless(&shortened(&error.to_string(), 700), 700 * 9 + 1);
            if let FormatError::Damaged { file, line, .. }
            | FormatError::NewerLine { file, line, .. } = error
            {
                let bytes = match file {
                    "state.jsonl" => state,
                    "journal.jsonl" => journal,
                    other => panic!("there is no file {other}"),
                };
                let lines = bytes.split_inclusive(|&byte| byte == b'\n').count();
                assert!(
                    (1..=lines.max(1) as u64).contains(&line),
                    "{file} has no line {line}"
                );
            }
            let opened = open(&place, &build::organization());
            assert!(opened.is_none(), "what cannot be read was opened");
            let files = place.files();
            assert_eq!(files.state, state, "it was touched");
            assert_eq!(files.journal, journal, "it was touched");
            None
        }
    }
}

fn check_state(state: &State) {
    assert!(state.records().is_sorted_by(|a, b| a.identity < b.identity));
    for record in state.records() {
        assert_eq!(state.get(&record.identity), Some(record));
        if let Fate::Created { run_id, .. } = &record.fate {
            let claimed = state.claim(run_id);
            assert_eq!(claimed, Some(&record.identity), "a run stands for another");
        }
    }
    let bytes = encode_state(state);
    let journal = decode_journal(&encode_journal_header(state)).expect("our own bytes");
    let read = decode_state(&*bytes, &journal).expect("our own bytes");
    assert_eq!(read, *state);
    assert_eq!(encode_state(&read), bytes, "it is written in one way");
    let unedited = decode_edited(&bytes).expect("no editor was at it");
    assert_eq!(unedited, *state);
}

/// A state file that was cut anywhere, or in which a bit flipped, is none.
fn check_damage(state: &[u8], journal: &[u8]) {
    let journal = decode_journal(journal).expect("it was read before");
    let any = any_number(state);
    let first = state.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    for cut in [any % state.len(), first, first + 1, state.len() - 1] {
        if cut < state.len() {
            decode_state(&state[..cut], &journal).expect_err("it was cut");
        }
    }
    let mut flipped = state.to_vec();
    flipped[any % state.len()] ^= 1 << (any % 8);
    decode_state(&*flipped, &journal).expect_err("a bit flipped");
}

/// A store opens it, and what it leaves is the same state, with one session more.
fn check_opens(place: &Memory, state: &State) {
    let opened = open(place, &state.organization).expect("it was read");
    let Files {
        state: bytes,
        journal,
    } = place.files();
    let journal = decode_journal(&journal).expect("it opens again");
    assert_eq!((journal.entries.len(), journal.torn), (1, 0));
    let read = decode_state(&*bytes, &journal).expect("it opens again");
    assert_eq!(read, *opened.state());
    assert!(read.records().eq(state.records()), "a record is lost");
    assert_eq!(
        (read.lineage, read.folded),
        (state.lineage, state.folded + 1)
    );
}

fn open(place: &Memory, organization: &aep_backfill::run::OrganizationId) -> Option<LockedStore> {
    let opened = LockedStore::open(place, organization, build::holder())
        .now_or_never()
        .expect("memory never waits");
    opened.ok().map(|opened| opened.store)
}
