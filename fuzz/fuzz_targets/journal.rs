//! Any byte string given as a journal gives the entries that are whole in it or an error that names
//! a line, never a panic or a hang; and no damage makes other entries of those that were written.
//!
//! Every line carries a sum of itself, so an input is read in three ways. One that begins with a
//! brace is text: it is decoded as it is, and again after every line got the sum that is right for
//! it. Anything else tells what entries to make (see `aep_backfill_fuzz::build`): these are
//! encoded, then damaged, then mended; and they are folded, legal or not, beside a model.
//!
//! `.ci/fuzz 60 journal` runs it for a minute.

#![no_main]

use aep_backfill::state::{
    Entry, FormatError, Journal, State, decode_journal, decode_state, encode_entries,
    encode_journal_header, encode_state,
};
use aep_backfill_fuzz::model::Model;
use aep_backfill_fuzz::{any_number, build, mend, with_extreme};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"{") {
        check(bytes);
        check(&mend::lines(&with_extreme(bytes, any_number(bytes))));
        let mended = mend::lines(bytes);
        if let Some(journal) = check(&mended) {
            let entries: Vec<Entry> = journal
                .entries
                .into_iter()
                .map(|(_, entry)| entry)
                .collect();
            fold(&entries);
        }
    } else {
        // An input that breaks off was too short to say more.
        let _ = tell(&mut Unstructured::new(bytes));
    }
});

/// Makes a journal of the input's entries, and damages it.
fn tell(u: &mut Unstructured<'_>) -> Result<()> {
    let state = build::empty_state(u)?;
    let entries = build::entries(u)?;
    let header = encode_journal_header(&state);
    let mut bytes = header.clone();
    bytes.extend(encode_entries(state.folded + 1, &entries));

    let journal = check(&bytes).expect("what was written reads back");
    assert_eq!(journal.lineage, state.lineage);
    assert!(journal.entries.iter().map(|(_, entry)| entry).eq(&entries));
    assert_eq!(encoded(&journal), bytes, "it is written as it was");
    fold(&entries);

    // Without the right sums, damage never tells of anything but a beginning of what happened.
    build::damage(u, &mut bytes)?;
    if let Some(damaged) = check(&bytes) {
        assert!(
            journal.entries.starts_with(&damaged.entries) && damaged.lineage == journal.lineage,
            "damage made other entries: {damaged:?}"
        );
    }
    check(&mend::lines(&bytes));
    Ok(())
}

/// What must hold of any bytes. Gives the journal that they are.
fn check(bytes: &[u8]) -> Option<Journal> {
    let read = decode_journal(bytes);
    match (&read, decode_journal(bytes)) {
        (Ok(read), Ok(again)) => assert_same(read, &again),
        (Err(read), Err(again)) => assert_eq!(read.to_string(), again.to_string()),
        (read, again) => panic!("the same bytes mean {read:?} and {again:?}"),
    }
    match read {
        Ok(journal) => {
            check_journal(bytes, &journal);
            Some(journal)
        }
        Err(FormatError::Damaged { line, .. } | FormatError::NewerLine { line, .. }) => {
            check_wrong_line(bytes, line);
            None
        }
        Err(FormatError::Newer { .. }) => None,
        Err(error @ (FormatError::Apart(_) | FormatError::Moved { .. } | FormatError::Read(_))) => {
            panic!("there is one file only: {error}")
        }
    }
}

fn check_journal(bytes: &[u8], journal: &Journal) {
    let (whole, torn) = bytes.split_at(journal.whole);
    assert_eq!(torn.len(), journal.torn);
    assert!(whole.ends_with(b"\n") && !torn.contains(&b'\n'));
    let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
    assert_eq!(journal.entries.len(), lines.len() - 1, "an entry a line");
    let first = journal.next - journal.entries.len() as u64;
    assert!(
        journal
            .entries
            .iter()
            .map(|(number, _)| *number)
            .eq(first..journal.next)
    );

    let again = encoded(journal);
    let read = decode_journal(&again).expect("our own bytes");
    assert_same(&read, journal);
    assert_eq!(encoded(&read), again, "it is written in one way");

    // Cut in some line: what was whole before is there, and nothing else.
    let any = any_number(bytes);
    for number in [any % lines.len(), lines.len() - 1] {
        let begin = lines[..number].iter().map(|line| line.len()).sum::<usize>();
        let last = lines[number].len() - 1;
        for cut in [begin, begin + any % last, begin + last] {
            check_cut(&whole[..cut], lines[0].len(), number, journal);
        }
    }

    // A bit that flips anywhere: the same.
    let mut flipped = whole.to_vec();
    flipped[any % whole.len()] ^= 1 << (any % 8);
    if let Ok(read) = decode_journal(&flipped) {
        assert!(journal.entries.starts_with(&read.entries), "{read:?}");
        assert!(read.torn > 0, "a flipped bit is not seen");
    }
}

/// `cut` holds as many whole lines as `lines` says, the header among them.
fn check_cut(cut: &[u8], header: usize, lines: usize, journal: &Journal) {
    match decode_journal(cut) {
        Ok(read) => {
            assert_eq!(read.entries, journal.entries[..lines - 1]);
            assert_eq!(read.lineage, journal.lineage);
            assert_eq!(read.torn, cut.len() - read.whole);
        }
        Err(error) => assert!(cut.len() < header, "cut at {}: {error}", cut.len()),
    }
}

/// An error names the first line that is wrong: those before it are a journal, and with it they
/// are none.
fn check_wrong_line(bytes: &[u8], line: u64) {
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let line = usize::try_from(line).expect("a line in memory");
    assert!((1..=lines.len().max(1)).contains(&line), "no line {line}");
    if line > 1 {
        decode_journal(&lines[..line - 1].concat()).expect("the lines before it are right");
        decode_journal(&lines[..line].concat()).expect_err("the line is wrong");
    }
}

fn assert_same(one: &Journal, other: &Journal) {
    assert_eq!(one.lineage, other.lineage);
    assert_eq!(one.entries, other.entries);
    assert_eq!(one.next, other.next);
}

fn encoded(journal: &Journal) -> Vec<u8> {
    let first = journal.next - journal.entries.len() as u64;
    let mut state = State::new(build::organization());
    state.lineage = journal.lineage;
    state.folded = first - 1;
    let entries: Vec<Entry> = journal.entries.iter().map(|(_, e)| e.clone()).collect();
    let mut bytes = encode_journal_header(&state);
    bytes.extend(encode_entries(first, &entries));
    bytes
}

/// Folds what is legal of `entries`: exactly what the model takes.
fn fold(entries: &[Entry]) {
    let mut state = State::new(build::organization());
    let mut model = Model::default();
    for entry in entries {
        let is_legal = model.step(entry);
        let before = (!is_legal).then(|| state.clone());
        let told = state.fold(entry.clone());
        assert_eq!(told.is_ok(), is_legal, "{entry:?}: {told:?}");
        if let Some(before) = before {
            assert_eq!(state, before, "an illegal step changed the state");
        }
    }
    model.assert_agrees(&state);
    let journal = decode_journal(&encode_journal_header(&state)).expect("our own bytes");
    let read = decode_state(&*encode_state(&state), &journal).expect("our own bytes");
    assert_eq!(read, state);
}
