//! Measures the pure parts of a plan on 100,000 windows: what the program itself does, without
//! files and folders.
//!
//! `cargo bench --bench state`

use aep_backfill::manifest::{Rules, Sources, check};
use aep_backfill::run::{DesiredRun, UnixSeconds};
use aep_backfill::state::{
    Entry, Evidence, Journal, State, decode_journal, decode_state, encode_journal_header,
    encode_state,
};
use divan::{Bencher, black_box};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

const WINDOWS: usize = 100_000;

fn main() {
    divan::main();
}

fn sources() -> Sources {
    let text = "version: 1\nflowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\nsandbox: prod\n\
                source: file\n\
                ranges: [{ from: 2010-01-01, to: 2021-05-29T16:00:00Z, every: 1 hour }]\n";
    Sources::from_texts([("manifests/hours.yaml", text)])
}

fn desired() -> Vec<DesiredRun> {
    let rules = Rules::at(UnixSeconds::MAX);
    let checked = check(&sources(), &rules);
    assert_eq!((checked.errors(), checked.runs.len()), (0, WINDOWS));
    checked.runs
}

/// A state that knows all of them, and its empty journal.
fn state() -> (State, Journal) {
    let mut state = State::new("5C1328435BF324E90A49402A@AdobeOrg".parse().expect("an id"));
    for (n, run) in desired().iter().enumerate() {
        let adopted = Entry::Adopted {
            run: (&run.identity).into(),
            run_id: format!("00000000-0000-4000-8000-{n:012x}")
                .parse()
                .expect("an id"),
            evidence: Evidence::Params,
            at: Timestamp::UNIX_EPOCH,
        };
        state.fold(adopted).expect("legal");
    }
    let journal = decode_journal(&encode_journal_header(&state)).expect("our own bytes");
    (state, journal)
}

/// Text to desired runs.
#[divan::bench]
fn check_manifests(bencher: Bencher) {
    let (sources, rules) = (sources(), Rules::at(UnixSeconds::MAX));
    bencher.bench(|| check(black_box(&sources), &rules));
}

/// The keys of all runs.
#[divan::bench]
fn compute_keys(bencher: Bencher) {
    let desired = desired();
    bencher.bench(|| desired.iter().map(DesiredRun::key).max());
}

/// Bytes to state, each line checked.
#[divan::bench]
fn read_state(bencher: Bencher) {
    let (state, journal) = state();
    let bytes = encode_state(&state);
    bencher.bench(|| decode_state(black_box(&*bytes), &journal).expect("our own bytes"));
}

/// State to bytes.
#[divan::bench]
fn write_state(bencher: Bencher) {
    let (state, _) = state();
    bencher.bench(|| encode_state(black_box(&state)));
}

/// What no reader of these bytes can do without: to hash them once.
#[divan::bench]
fn hash_of_the_same_bytes(bencher: Bencher) {
    let (state, _) = state();
    let bytes = encode_state(&state);
    bencher.bench(|| Sha256::digest(black_box(&bytes)));
}
