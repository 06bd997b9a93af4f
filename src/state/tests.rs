//! Laws of the stored forms: what is written reads back, what is cut is dropped or refused.

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use sha2::Digest;

use crate::run::{
    ByteCounts, FlowRef, Key, OrganizationId, RecordCounts, Rerun, RunId, RunIdentity, RunStatus,
    UnixSeconds, Window,
};

fn organization() -> OrganizationId {
    "5C13@AdobeOrg".parse().expect("an organization")
}

pub(super) fn run(day: i64) -> RunIdentity {
    let at = |s| UnixSeconds::new(s).expect("in range");
    RunIdentity {
        flow: FlowRef {
            sandbox: "prod".parse().expect("a sandbox"),
            id: "3abea21c-7e36-4be1-bec1-d3bad0e3e0de"
                .parse()
                .expect("a flow"),
        }
        .into(),
        window: Window::new(at(day * 86_400), at((day + 1) * 86_400)).expect("a window"),
        rerun: Rerun::FIRST,
    }
}

fn key(day: i64) -> Key {
    run(day).key()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("in range")
}

fn moment(second: i64) -> ClockedTime {
    ClockedTime {
        local: Some(at(second)),
        service: Some(at(second)),
    }
}

pub(super) fn intent(day: i64) -> Entry {
    Entry::Intent {
        run: (&run(day)).into(),
        at: moment(day),
        session: Uuid::nil(),
        start_time: None,
        order: None,
        retry: None,
    }
}

fn created(day: i64) -> Entry {
    Entry::Created {
        key: key(day),
        run_id: format!("run-{day}").parse().expect("a run id"),
        etag: None,
        at: at(day),
    }
}

fn rejected(day: i64) -> Entry {
    Entry::Rejected {
        key: key(day),
        refusal: Refusal {
            status: 400,
            code: Some("FLOW-1430-400".into()),
            message: "no such flow\nor so".into(),
            request_id: None,
        },
        at: at(day),
    }
}

fn doubt(day: i64) -> Entry {
    Entry::Doubt {
        key: key(day),
        reason: "no answer after 90 s".to_owned(),
        at: moment(day + 90),
    }
}

fn history() -> Vec<Entry> {
    vec![
        intent(1),
        created(1),
        intent(2),
        rejected(2),
        intent(3),
        doubt(3),
        intent(4),
        Entry::NotSent {
            key: key(4),
            reason: "connection refused".to_owned(),
            at: at(4),
        },
        intent(2),
        created(2),
        Entry::NotCreated {
            key: key(3),
            evidence: Evidence::Lists {
                readings: 2,
                runs: 7,
            },
            at: at(400),
        },
        Entry::Adopted {
            run: (&run(9)).into(),
            run_id: "by-hand".parse().expect("a run id"),
            evidence: Evidence::Params,
            at: at(9),
        },
        intent(5),
        doubt(5),
        intent(3),
        created(3),
        intent(6),
        not_created(6, person()),
        seen(1, "run-1", RunStatus::Failed),
        retry(1, "run-1"),
        created_as(1, "run-1-again"),
        seen(1, "run-1-again", RunStatus::Success),
        seen(2, "run-2", RunStatus::Failed),
        retry(2, "run-2"),
        not_created(2, person()),
        retry(2, "run-2"),
        created(2),
        seen(9, "by-hand", RunStatus::Empty),
        retry(9, "by-hand"),
        doubt(9),
    ]
}

/// A request to run `run_id` again.
fn retry(day: i64, run_id: &str) -> Entry {
    let mut entry = intent(day);
    if let Entry::Intent { retry, at, .. } = &mut entry {
        *at = moment(day + 1_000);
        *retry = Some(Retry {
            run_id: run_id.parse().expect("a run id"),
            by: "process 7 on ci".to_owned(),
        });
    }
    entry
}

fn created_as(day: i64, id: &str) -> Entry {
    let mut entry = created(day);
    if let Entry::Created { run_id, etag, .. } = &mut entry {
        *run_id = id.parse().expect("a run id");
        *etag = Some("\"b8003af1-0000\"".into());
    }
    entry
}

fn last_seen(status: RunStatus, started: i64) -> LastSeen {
    LastSeen {
        status,
        records: RecordCounts {
            input: Some(100),
            output: Some(0),
            failed: None,
        },
        bytes: ByteCounts::default(),
        started_at: Some(at(started)),
        updated_at: None,
        ended_at: None,
        code: Some("CONNECTOR-2001-500".into()),
        message: Some("no \"rows\", or so\n".into()),
        at: at(started + 60),
    }
}

fn seen(day: i64, id: &str, status: RunStatus) -> Entry {
    Entry::Seen {
        run: (&run(day)).into(),
        run_id: id.parse().expect("a run id"),
        seen: last_seen(status, day),
        etag: None,
    }
}

fn person() -> Evidence {
    Evidence::Person {
        reason: "the request never left the proxy".to_owned(),
        who: "ada on a-laptop".to_owned(),
    }
}

fn not_created(day: i64, evidence: Evidence) -> Entry {
    Entry::NotCreated {
        key: key(day),
        evidence,
        at: at(day + 400),
    }
}

fn folded(entries: &[Entry]) -> State {
    let mut state = State::new(organization());
    for entry in entries {
        state.fold(entry.clone()).expect("a legal history");
        state.folded += 1;
    }
    state
}

fn journal_of(entries: &[Entry], state: &State) -> Vec<u8> {
    let mut bytes = encode_journal_header(state);
    bytes.extend(encode_entries(state.folded + 1, entries));
    bytes
}

#[test]
fn a_state_reads_back_as_it_was_written() {
    let state = folded(&history());
    let journal = decode_journal(&journal_of(&[], &state)).expect("an empty journal");
    let bytes = encode_state(&state);
    let read = decode_state(&*bytes, &journal).expect("our own bytes");
    assert_eq!(read, state);
    let unedited = decode_edited(&bytes).expect("no editor was at it");
    assert_eq!(unedited, state);
}

#[test]
fn entries_since_the_state_was_written_are_folded_into_it() {
    let mut old = folded(&history()[..3]);
    let bytes = encode_state(&old);
    let journal = journal_of(&history()[3..], &old);
    let read = decode_state(&*bytes, &decode_journal(&journal).expect("whole")).expect("fits");
    for entry in &history()[3..] {
        old.fold(entry.clone()).expect("legal");
        old.folded += 1;
    }
    assert_eq!(read, old);
}

#[test]
fn a_fold_that_was_interrupted_before_the_journal_was_emptied_changes_nothing() {
    let empty = folded(&[]);
    let journal = decode_journal(&journal_of(&history(), &empty)).expect("whole");
    let state = State {
        lineage: empty.lineage,
        ..folded(&history())
    };
    let read = decode_state(&*encode_state(&state), &journal).expect("fits");
    assert_eq!(read, state);
}

#[test]
fn a_journal_cut_at_any_byte_yields_the_entries_that_are_whole() {
    let empty = folded(&[]);
    let bytes = journal_of(&history(), &empty);
    let header = encode_journal_header(&empty).len();
    for cut in header..=bytes.len() {
        let journal = decode_journal(&bytes[..cut]).expect("a torn tail is no damage");
        assert_eq!(journal.whole + journal.torn, cut);
        let newlines = String::from_utf8_lossy(&bytes[header..cut])
            .matches('\n')
            .count();
        assert_eq!(journal.entries.len(), newlines, "cut at {cut}");
    }
}

#[test]
fn a_line_that_is_missing_moved_or_changed_is_damage_that_names_its_place() {
    let empty = folded(&[]);
    let bytes = journal_of(&history(), &empty);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&b| b == b'\n').collect();
    let without: Vec<u8> = [&lines[..3], &lines[4..]].concat().concat();
    let error = decode_journal(&without).expect_err("an entry is missing");
    assert_eq!(
        error.to_string(),
        "journal.jsonl, line 4: entry 4 stands where 3 should"
    );

    let state = encode_state(&folded(&history()));
    let text = String::from_utf8(state).expect("JSON is UTF-8");
    let journal = decode_journal(&journal_of(&[], &empty)).expect("whole");
    let edited = text.replace("run-1", "run-2");
    let error = decode_state(edited.as_bytes(), &journal).expect_err("edited");
    assert_eq!(
        error.to_string(),
        "state.jsonl, line 2: the line does not match its checksum"
    );
    let (header, rest) = text.split_once('\n').expect("two lines");
    let (_, rest) = rest.split_once('\n').expect("two records");
    let short = format!("{header}\n{rest}");
    let error = decode_state(short.as_bytes(), &journal).expect_err("a record is missing");
    assert!(error.to_string().contains("one is missing"), "{error}");
}

#[test]
fn a_newer_format_is_refused() {
    let error =
        decode_journal(b"{\"format\":\"aep-backfill-journal/v4\",\"x\":1}\n").expect_err("newer");
    assert!(matches!(error, FormatError::Newer { .. }), "{error}");
}

#[test]
fn a_state_that_was_moved_says_where_to_and_is_no_state_any_more() {
    let state = folded(&history());
    let bytes = MARK;
    let to = decode_moved(bytes).expect("our own bytes");
    assert_eq!(to.as_deref(), Some("git:elsewhere"));
    assert_eq!(decode_moved(&*encode_state(&state)).expect("whole"), None);
    let journal = decode_journal(&journal_of(&[], &state)).expect("whole");
    let error = decode_state(bytes, &journal).expect_err("it is elsewhere");
    assert_eq!(error.to_string(), "it was moved to git:elsewhere");

    // Damage never makes it a state, nor a mark that says something else.
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            let error = decode_state(&*flipped, &journal).expect_err("damage");
            assert!(
                !matches!(error, FormatError::Moved { .. }),
                "bit {bit} of {at}"
            );
        }
        assert!(decode_state(&bytes[..at], &journal).is_err(), "cut at {at}");
    }
    let longer = [bytes, b"{}\n"].concat();
    let error = decode_moved(&*longer).expect_err("a line too many");
    assert!(error.to_string().contains("line 2: nothing"), "{error}");
}

#[test]
fn a_number_that_counting_never_reaches_is_damage() {
    // Each sum is right, so that only the number is wrong.
    let state = folded(&[]);
    let empty = decode_journal(&journal_of(&[], &state)).expect("whole");
    for number in [1 << 53, u64::MAX] {
        let (mut far, mut often) = (state.clone(), state.clone());
        far.folded = number;
        often.serial = number;
        for error in [
            decode_journal(&encode_journal_header(&far)).map(drop),
            decode_state(&*encode_state(&far), &empty).map(drop),
            decode_state(&*encode_state(&often), &empty).map(drop),
        ] {
            let error = error.expect_err("nothing counts that far").to_string();
            let what = format!("line 1: the number {number} was never reached");
            assert!(error.ends_with(&what), "{error}");
        }
    }
}

#[test]
fn a_journal_of_another_state_is_refused() {
    let (one, other) = (folded(&[]), folded(&[]));
    let journal = decode_journal(&journal_of(&[], &other)).expect("whole");
    assert!(decode_state(&*encode_state(&one), &journal).is_err());
}

#[test]
fn steps_that_would_lose_or_double_a_run_are_illegal() {
    for illegal in [
        vec![created(1)],
        vec![intent(1), intent(1)],
        vec![intent(1), created(1), intent(1)],
        vec![intent(1), rejected(1), created(1)],
        vec![intent(1), created(1), rejected(1)],
        // One run of the service never stands for two.
        vec![
            intent(1),
            created(1),
            intent(2),
            Entry::Created {
                key: key(2),
                run_id: "run-1".parse().expect("a run id"),
                etag: None,
                at: at(2),
            },
        ],
    ] {
        let mut state = State::new(organization());
        let (last, before) = illegal.split_last().expect("not empty");
        for entry in before {
            state.fold(entry.clone()).expect("legal so far");
        }
        let before = state.clone();
        assert!(state.fold(last.clone()).is_err(), "{illegal:?}");
        assert_eq!(state, before, "an illegal step changed the state");
    }
}

#[test]
fn a_closed_doubt_stays_on_record_with_its_evidence() {
    let mut state = folded(&[intent(1), not_created(1, person())]);
    let record = state.get(&run(1)).expect("it is remembered");
    assert!(!record.fate.may_exist());
    let Fate::NotCreated(absence) = record.fate.clone() else {
        panic!("{record:?}");
    };
    assert_eq!(absence.evidence, person());
    assert_eq!(absence.intent, moment(1));

    // A request that never left changes nothing about it.
    let not_sent = Entry::NotSent {
        key: key(1),
        reason: "connection refused".to_owned(),
        at: at(1),
    };
    let before = state.clone();
    state.fold(intent(1)).expect("it may be sent again");
    state.fold(not_sent).expect("legal");
    assert_eq!(state, before);

    // And it outlives what comes of the run later.
    state.fold(intent(1)).expect("legal");
    state.fold(created(1)).expect("legal");
    assert_eq!(state.get(&run(1)).expect("there").earlier(), [*absence]);
}

/// One step of four runs; many of them are legal one after the other.
fn any_step() -> impl Strategy<Value = Entry> {
    (0..4i64, 0..16u8).prop_map(|(day, kind)| match kind {
        0 | 1 => intent(day),
        9 => Entry::Intent {
            run: (&run(day)).into(),
            at: ClockedTime {
                service: None,
                ..moment(day)
            },
            session: Uuid::nil(),
            start_time: UnixSeconds::new(day).ok(),
            order: Some(7),
            retry: None,
        },
        10 => Entry::NotSent {
            key: key(day),
            reason: "connection refused".to_owned(),
            at: at(day),
        },
        11 => Entry::Adopted {
            run: (&run(day)).into(),
            run_id: format!("found-{day}").parse().expect("a run id"),
            evidence: Evidence::Order,
            at: at(day),
        },
        12 => seen(day, &format!("found-{day}"), RunStatus::Empty),
        13 => retry(day, &format!("found-{day}")),
        // The run of another.
        14 => created_as(day, "run-0"),
        15 => Entry::Adopted {
            run: (&run(day)).into(),
            run_id: "run-0".parse().expect("a run id"),
            evidence: Evidence::Params,
            at: at(day),
        },
        6 => retry(day, &format!("run-{day}")),
        7 => created_as(day, &format!("run-{day}-again")),
        8 => seen(day, &format!("run-{day}"), RunStatus::Failed),
        2 => created(day),
        3 => rejected(day),
        4 => not_created(day, person()),
        _ => doubt(day),
    })
}

proptest! {
    #[test]
    fn any_prefix_of_a_journal_folds_to_a_legal_state(steps in prop::collection::vec(any_step(), 0..40), cut in any::<prop::sample::Index>()) {
        // Keep the legal steps, as a store does, then cut the bytes anywhere.
        let mut state = State::new(organization());
        let start = state.clone();
        let legal: Vec<Entry> = steps.into_iter().filter(|step| state.fold(step.clone()).is_ok()).collect();
        let bytes = journal_of(&legal, &start);
        let header = encode_journal_header(&start).len();
        let cut = header + cut.index(bytes.len() - header + 1);
        let journal = decode_journal(&bytes[..cut]).expect("a torn tail is no damage");
        let read = decode_state(&*encode_state(&start), &journal).expect("a prefix is legal");
        let mut expected = start;
        for entry in &legal[..journal.entries.len()] {
            expected.fold(entry.clone()).expect("legal");
            expected.folded += 1;
        }
        prop_assert_eq!(read, expected);
    }

    /// Whatever may be written can be read: in this format, in the one before, and by a person's editor.
    #[test]
    fn any_state_that_legal_steps_reach_reads_back_as_it_was_written(steps in prop::collection::vec(any_step(), 0..60)) {
        let start = State::new(organization());
        let mut state = start.clone();
        let legal: Vec<Entry> = steps.into_iter().filter(|step| state.fold(step.clone()).is_ok()).collect();
        let (bytes, empty) = (encode_state(&state), journal_of(&[], &state));
        let decode = |bytes: &[u8], journal: &[u8]| {
            decode_state(bytes, &decode_journal(journal).expect("a journal")).expect("a state")
        };
        prop_assert_eq!(&decode(&bytes, &empty), &state);
        prop_assert_eq!(&decode_edited(&bytes).expect("a state"), &state);

        let journal = journal_of(&legal, &start);
        let mut folded = state.clone();
        folded.folded = legal.len() as u64;
        prop_assert_eq!(decode(&encode_state(&start), &journal), folded.clone());

        let without_local = decode(&as_v2(&bytes), &as_v2(&empty));
        prop_assert_eq!(as_v2(&encode_state(&without_local)), as_v2(&bytes));
        let folded_of_v2 = decode(&as_v2(&encode_state(&start)), &as_v2(&journal));
        prop_assert_eq!(as_v2(&encode_state(&folded_of_v2)), as_v2(&encode_state(&folded)));
    }

    #[test]
    fn any_bytes_are_a_journal_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_journal(&bytes);
    }
}

#[test]
fn a_retry_is_a_new_attempt_of_the_same_run_and_both_are_its() {
    let state = folded(&history());
    let record = state.get(&run(1)).expect("there");
    assert_eq!(record.attempt(), 2);
    let [first] = record.attempts() else {
        panic!("one was replaced")
    };
    assert_eq!(first.run_id.to_string(), "run-1");
    assert_eq!(first.by, "process 7 on ci");
    assert_eq!(first.last_seen, Some(last_seen(RunStatus::Failed, 1)));
    assert_eq!(record.etag(), Some(&"\"b8003af1-0000\"".into()));
    for id in ["run-1", "run-1-again"] {
        let id: RunId = id.parse().expect("a run id");
        assert_eq!(state.claim(&id), Some(&run(1)), "{id}");
        assert!(state.claimed_of(&run(1).flow).contains(&id));
    }
    let sent: Vec<_> = record.sent().collect();
    assert_eq!(sent, [at(1), at(1_001)]);
}

#[test]
fn a_run_may_run_again_under_its_own_id_and_what_was_read_before_says_nothing_of_it() {
    let state = folded(&history());
    let record = state.get(&run(2)).expect("there");
    assert_eq!(record.fate.run_id(), Some(&record.attempts()[0].run_id));
    assert_eq!(record.last_seen(), None);
    assert!(record.is_of_attempt_before(&last_seen(RunStatus::Failed, 2)));
    assert!(!record.is_of_attempt_before(&last_seen(RunStatus::Failed, 3)));
    let touched = LastSeen {
        updated_at: Some(at(500)),
        ..last_seen(RunStatus::Failed, 2)
    };
    assert!(
        record.is_of_attempt_before(&touched),
        "it has not begun anew"
    );
    assert!(!record.is_of_attempt_before(&last_seen(RunStatus::Success, 2)));
}

#[test]
fn a_retry_that_came_to_nothing_leaves_the_run_that_there_was() {
    let before = folded(&[intent(1), created(1), seen(1, "run-1", RunStatus::Failed)]);
    for nothing in [
        rejected(1),
        Entry::NotSent {
            key: key(1),
            reason: "stopped".to_owned(),
            at: at(2),
        },
    ] {
        let mut state = before.clone();
        state.fold(retry(1, "run-1")).expect("legal");
        let record = state.get(&run(1)).expect("there");
        assert!(record.fate.may_exist() && record.fate.run_id().is_none());
        state.fold(nothing).expect("legal");
        assert_eq!(state, before);
    }
    let mut state = before.clone();
    state.fold(retry(1, "run-1")).expect("legal");
    state.fold(not_created(1, person())).expect("legal");
    let record = state.get(&run(1)).expect("there");
    let [absence] = record.earlier() else {
        panic!("it is remembered")
    };
    assert_eq!(absence.retry_of.as_ref(), record.fate.run_id());
    assert_eq!(
        record.last_seen(),
        before.get(&run(1)).and_then(Record::last_seen)
    );
}

#[test]
fn only_the_run_that_counts_can_be_retried_and_no_retry_takes_anothers_run() {
    let state = folded(&history());
    for wrong in [
        retry(1, "run-1"),   // replaced
        retry(3, "run-2"),   // another's
        retry(7, "run-7"),   // not there
        retry(9, "by-hand"), // in doubt
    ] {
        assert!(state.clone().fold(wrong.clone()).is_err(), "{wrong:?}");
    }
    let mut state = state;
    state.fold(retry(3, "run-3")).expect("legal");
    let error = state
        .fold(created_as(3, "run-1"))
        .expect_err("an earlier attempt of another");
    assert!(matches!(error, FoldError::Claimed { .. }), "{error}");
}

#[test]
fn no_run_is_said_to_be_another_that_is_to_run_again() {
    let retried = [intent(1), created(1), retry(1, "run-1"), intent(2)];
    let adopted = Entry::Adopted {
        run: (&run(2)).into(),
        run_id: "run-1".parse().expect("a run id"),
        evidence: Evidence::Params,
        at: at(2),
    };
    for wrong in [created_as(2, "run-1"), adopted] {
        let error = folded(&retried).fold(wrong).expect_err("it is another's");
        assert!(matches!(error, FoldError::Claimed { .. }), "{error}");
    }
}

#[test]
fn a_state_of_the_version_before_is_read_and_written_anew() {
    let old = folded(&[intent(1), created(1)]);
    let text = String::from_utf8(encode_state(&old)).expect("text");
    // What that version wrote: no `sentAt`, and its own name.
    let (header, record) = text.split_once('\n').expect("two lines");
    let body = record.split_once(",\"sum\"").expect("a sum").0;
    let body: serde_json::Value =
        serde_json::from_str(&(body.replace(",\"sentAt\":1700000001", "") + "}")).expect("JSON");
    let mut lines = Vec::new();
    line::encode(&body, &mut lines);
    let mut digest: serde_json::Value = serde_json::from_str(header).expect("JSON");
    digest["format"] = "aep-backfill-state/v1".into();
    digest["sha256"] = crate::run::hex(&sha2::Sha256::digest(&lines)).into();
    digest.as_object_mut().expect("an object").remove("sum");
    let mut bytes = Vec::new();
    line::encode(&digest, &mut bytes);
    bytes.extend(lines);
    let journal = decode_journal(&journal_of(&[], &old)).expect("whole");
    let read = decode_state(&*bytes, &journal).expect("it is read");
    let record = read.get(&run(1)).expect("there");
    assert_eq!(record.sent().collect::<Vec<_>>(), [at(1)]);
    assert!(encode_state(&read).starts_with(b"{\"format\":\"aep-backfill-state/v3\""));
}

/// A state or a journal as the version before wrote it: each time by one clock, the service's where it
/// was known.
fn as_v2(bytes: &[u8]) -> Vec<u8> {
    fn older(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(fields) => {
                let mut fields: serde_json::Map<_, _> = fields
                    .into_iter()
                    .map(|(name, it)| (name, older(it)))
                    .collect();
                let (local, service) = (fields.remove("local"), fields.remove("service"));
                let clock = if service.is_some() { "server" } else { "local" };
                if let Some(time) = service.or(local) {
                    fields.insert("time".to_owned(), time);
                    fields.insert("clock".to_owned(), clock.into());
                }
                fields.into()
            }
            serde_json::Value::Array(items) => items.into_iter().map(older).collect(),
            other => other,
        }
    }
    let text = str::from_utf8(bytes).expect("text");
    let lines = text.lines().map(|line| {
        let mut fields: serde_json::Value = serde_json::from_str(line).expect("JSON");
        fields.as_object_mut().expect("an object").remove("sum");
        older(fields)
    });
    let mut lines: Vec<serde_json::Value> = lines.collect();
    let mut header = lines.remove(0);
    let mut body = Vec::new();
    for line in &lines {
        line::encode(line, &mut body);
    }
    let format = header["format"]
        .as_str()
        .expect("a text")
        .replace("/v3", "/v2");
    header["format"] = format.into();
    if header.get("sha256").is_some() {
        header["sha256"] = crate::run::hex(&sha2::Sha256::digest(&body)).into();
    }
    let mut bytes = Vec::new();
    line::encode(&header, &mut bytes);
    bytes.extend(body);
    bytes
}

#[test]
fn a_field_or_a_word_that_is_not_known_is_of_a_newer_version_and_no_damage() {
    let state = folded(&[intent(1), created(1)]);
    let journal = decode_journal(&journal_of(&[], &state)).expect("whole");
    for (known, newer) in [
        ("\"sentAt\":", "\"batches\":[],\"sentAt\":"),
        ("\"fate\":\"created\"", "\"fate\":\"forgotten\""),
    ] {
        let text = String::from_utf8(encode_state(&state)).expect("text");
        let (header, record) = text.split_once('\n').expect("two lines");
        let body = record.split_once(",\"sum\"").expect("a sum").0;
        let body = body.replace(known, newer) + "}";
        let mut lines = Vec::new();
        let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        line::encode(&body, &mut lines);
        let mut header: serde_json::Value = serde_json::from_str(header).expect("JSON");
        header["sha256"] = crate::run::hex(&sha2::Sha256::digest(&lines)).into();
        header.as_object_mut().expect("an object").remove("sum");
        let mut bytes = Vec::new();
        line::encode(&header, &mut bytes);
        bytes.extend(lines);
        let error = decode_state(&*bytes, &journal).expect_err("not known");
        assert!(
            matches!(error, FormatError::NewerLine { line: 2, .. }),
            "{error}"
        );
    }
}

#[test]
fn a_million_records_stay_small() {
    assert!(size_of::<Record>() <= 96, "{}", size_of::<Record>());
    assert_eq!(size_of::<RunIdentity>(), 32);
}
