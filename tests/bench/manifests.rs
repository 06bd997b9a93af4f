//! Measures what checking costs beside parsing.
//!
//! `cargo bench --bench manifests` checks a manifest of 200,000 lines in full (places, rules,
//! windows, keys, overlaps), and has `serde_saphyr` alone parse the same text into typed structs,
//! in turn; it prints the medians and fails where checking takes 1.5 times as long or more. A
//! bench and not a test, for it means nothing without optimisation.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use aep_backfill::manifest::{Rules, Sources, check};
use aep_backfill::run::UnixSeconds;

const LINES: usize = 200_000;
const ROUNDS: usize = 11;
const MOST: f64 = 1.5;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "they are parsed, not used")]
struct Manifest {
    version: u32,
    flow_id: String,
    sandbox: String,
    source: String,
    delta_column: DeltaColumn,
    reason: String,
    runs: Vec<Run>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "they are parsed, not used")]
struct DeltaColumn {
    name: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "they are parsed, not used")]
struct Run {
    window_start_time: String,
    window_end_time: String,
}

fn main() {
    let text = manifest();
    let sources = Sources::from_texts([("x.yaml", text.as_str())]);
    // 2026-01-01.
    let rules = Rules::at(UnixSeconds::new(1_767_225_600).expect("in range"));
    let mut parsing = Vec::new();
    let mut checking = Vec::new();
    // The first round warms up.
    for _ in 0..=ROUNDS {
        let started = Instant::now();
        let parsed = parse(&text);
        parsing.push(started.elapsed());
        let started = Instant::now();
        let checked = check(&sources, &rules);
        checking.push(started.elapsed());
        assert_eq!(checked.problems, []);
        assert_eq!(checked.runs.len(), parsed.runs.len());
        black_box((parsed, checked));
    }
    let [parsing, checking] = [parsing, checking].map(|all| median(all[1..].to_vec()));
    let ratio = checking.as_secs_f64() / parsing.as_secs_f64();
    println!(
        "{} lines, {} bytes: parsed in {parsing:.1?}, checked in {checking:.1?}: {ratio:.2} times",
        text.lines().count(),
        text.len()
    );
    assert!(ratio < MOST, "checking costs too much");
}

fn manifest() -> String {
    let mut text = "version: 1\n\
                    flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n\
                    sandbox: prod\n\
                    source: table\n\
                    deltaColumn: { name: DOB }\n\
                    reason: Restate accounts after the CRM migration\n\
                    runs:\n"
        .to_owned();
    let at = |window: usize| {
        let minutes = window * 30;
        let (day, minute) = (minutes / 1440, minutes % 1440);
        // Years of 12 months of 28 days: as good as any.
        let (year, month, day) = (2015 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
        let (hour, minute) = (minute / 60, minute % 60);
        format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z")
    };
    for window in 0..(LINES - 7) / 2 {
        let end = at(window).replace(":00Z", ":59Z");
        writeln!(
            text,
            "  - windowStartTime: {}\n    windowEndTime: {end}",
            at(window)
        )
        .expect("a string");
    }
    text
}

fn parse(text: &str) -> Manifest {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: 1_000_000, max_events: 4_000_000 },
    };
    serde_saphyr::from_str_with_options(text, options).expect("a manifest")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
