use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::manifest::{Rule, Rules, Sources, check};

const NOW: i64 = 1_764_000_000;

fn seconds(s: i64) -> UnixSeconds {
    UnixSeconds::new(s).expect("in range")
}

fn kept(start: i64, end: i64, rerun: u32) -> (Window, Rerun) {
    let window = Window::new(seconds(start), seconds(end)).expect("a window");
    (window, Rerun::new(rerun).expect("not 0"))
}

fn utc_seconds(civil: jiff::civil::DateTime) -> i64 {
    let timestamp = jiff::tz::TimeZone::UTC.to_timestamp(civil);
    timestamp.expect("in range").as_second()
}

fn column(name: &str) -> DeltaColumn {
    DeltaColumn {
        name: name.to_owned(),
        date_format: None,
        timezone: None,
    }
}

/// The text of a manifest that our own reader takes, and reads as it was meant.
fn text(name: Option<&str>, source: &Source, windows: &[(Window, Rerun)]) -> String {
    let id = crate::fixture::flow().id;
    text_of(&[FlowDraft { id, name, source }], windows)
}

fn text_of(flows: &[FlowDraft<'_>], windows: &[(Window, Rerun)]) -> String {
    let sandbox = crate::fixture::flow().sandbox;
    let draft = ManifestDraft {
        sandbox: &sandbox,
        flows,
        reason: "Created by hand, and imported",
        windows,
        has_schema: true,
    };
    let text = draft.text(seconds(NOW)).expect("it is written");
    let sources = Sources::from_texts([("manifests/x.yaml", text.clone())]);
    let checked = check(&sources, &Rules::at(seconds(NOW)));
    let wrong = checked.problems.iter().filter(|one| one.rule != Rule::Gap);
    assert_eq!(wrong.count(), 0, "{text}{:?}", checked.problems);
    assert_eq!((checked.documents, checked.flows()), (1, flows.len()));
    for (flow, manifest) in flows.iter().zip(&checked.manifests) {
        assert_eq!(manifest.flow.id, flow.id);
        assert_eq!(*manifest.request.source, *flow.source);
        if let Some(name) = flow.name {
            assert_eq!(manifest.request.name, name);
        }
        let runs = checked.runs.iter().map(|run| &run.identity);
        let wanted: Vec<_> = runs
            .filter(|run| run.flow.id == flow.id)
            .map(|run| (run.window, run.rerun))
            .collect();
        assert_eq!(wanted, windows, "{text}");
    }
    text
}

#[test]
fn a_manifest_reads_as_one_that_a_person_wrote() {
    let source = Source::Table(column("DOB"));
    let runs = [
        kept(1_651_584_991, 1_651_585_956, 1),
        kept(1_651_584_991, 1_651_585_956, 2),
    ];
    assert_eq!(
        text(Some("CRM accounts"), &source, &runs),
        "# yaml-language-server: $schema=./schema.json\n\
         version: 1\n\
         flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n\
         name: CRM accounts\n\
         sandbox: prod\n\
         source: table\n\
         deltaColumn:\n  name: DOB\n\
         reason: Created by hand, and imported\n\
         runs:\n\
         - windowStartTime: 2022-05-03T13:36:31Z\n  windowEndTime: 2022-05-03T13:52:36Z\n\
         - windowStartTime: 2022-05-03T13:36:31Z\n  windowEndTime: 2022-05-03T13:52:36Z\n  \
         rerun: 2\n"
    );
}

#[test]
fn flows_with_the_same_windows_are_one_list_that_says_what_they_have_in_common() {
    let [a, b, c] = ["3abea21c", "5f9c5c5e", "9c2d7a5e"].map(|first| {
        let id = format!("{first}-7e36-4be1-bec1-d3bad0e3e0de");
        id.parse::<FlowId>().expect("a flow")
    });
    let [dob, other] = ["DOB", "updatedAt"].map(|name| Source::Table(column(name)));
    let draft = |id, name, source| FlowDraft { id, name, source };
    let windows = [kept(0, 10, 1)];
    let alike = [draft(a, Some("A"), &dob), draft(b, None, &dob)];
    insta::assert_snapshot!(text_of(&alike, &windows), @r"
    # yaml-language-server: $schema=./schema.json
    version: 1
    flows:
    - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
      name: A
    - flowId: 5f9c5c5e-7e36-4be1-bec1-d3bad0e3e0de
    sandbox: prod
    source: table
    deltaColumn:
      name: DOB
    reason: Created by hand, and imported
    runs:
    - windowStartTime: 1970-01-01T00:00:00Z
      windowEndTime: 1970-01-01T00:00:10Z
    ");
    let mixed = [
        draft(a, None, &dob),
        draft(b, None, &Source::File),
        draft(c, None, &other),
    ];
    insta::assert_snapshot!(text_of(&mixed, &windows), @r"
    # yaml-language-server: $schema=./schema.json
    version: 1
    flows:
    - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
      source: table
      deltaColumn:
        name: DOB
    - flowId: 5f9c5c5e-7e36-4be1-bec1-d3bad0e3e0de
      source: file
    - flowId: 9c2d7a5e-7e36-4be1-bec1-d3bad0e3e0de
      source: table
      deltaColumn:
        name: updatedAt
    sandbox: prod
    reason: Created by hand, and imported
    runs:
    - windowStartTime: 1970-01-01T00:00:00Z
      windowEndTime: 1970-01-01T00:00:10Z
    ");
    let files = [draft(a, None, &Source::File), draft(b, None, &Source::File)];
    insta::assert_snapshot!(text_of(&files, &windows), @r"
    # yaml-language-server: $schema=./schema.json
    version: 1
    flows:
    - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    - flowId: 5f9c5c5e-7e36-4be1-bec1-d3bad0e3e0de
    sandbox: prod
    source: file
    reason: Created by hand, and imported
    runs:
    - windowStartTime: 1970-01-01T00:00:00Z
      windowEndTime: 1970-01-01T00:00:10Z
    ");
    let one_column = [
        draft(a, None, &Source::File),
        draft(b, None, &dob),
        draft(c, None, &dob),
    ];
    insta::assert_snapshot!(text_of(&one_column, &windows), @r"
    # yaml-language-server: $schema=./schema.json
    version: 1
    flows:
    - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
      source: file
    - flowId: 5f9c5c5e-7e36-4be1-bec1-d3bad0e3e0de
      source: table
    - flowId: 9c2d7a5e-7e36-4be1-bec1-d3bad0e3e0de
      source: table
    sandbox: prod
    deltaColumn:
      name: DOB
    reason: Created by hand, and imported
    runs:
    - windowStartTime: 1970-01-01T00:00:00Z
      windowEndTime: 1970-01-01T00:00:10Z
    ");
}

/// Entries of `runs` and `ranges` in a line each.
fn entries(windows: &[(Window, Rerun)]) -> String {
    let text = text(None, &Source::File, windows);
    let (_, entries) = text.split_once("imported\n").expect("a reason");
    entries.replace("\n  - ", " ").replace("\n  ", ", ")
}

/// Windows from 2022-01-01 on, side by side, but for those that are left out.
fn steps(seconds: i64, count: i64, left_out: &[i64], rerun: u32) -> Vec<(Window, Rerun)> {
    let numbers = (0..count).filter(|n| !left_out.contains(n));
    let at = |n: i64| 1_640_995_200 + n * seconds;
    numbers.map(|n| kept(at(n), at(n + 1), rerun)).collect()
}

#[test]
fn regular_windows_are_ranges_with_few_exceptions_and_the_others_runs() {
    let day = 86_400;
    insta::assert_snapshot!(entries(&steps(day, 365, &[59], 1)), @r"
    ranges:
    - from: 2022-01-01, to: 2023-01-01, every: 1 day, except: 2022-03-01
    ");
    insta::assert_snapshot!(entries(&steps(day, 3, &[], 1)), @r"
    ranges:
    - from: 2022-01-01, to: 2022-01-04, every: 1 day
    ");
    insta::assert_snapshot!(entries(&steps(day, 2, &[], 1)), @r"
    runs:
    - windowStartTime: 2022-01-01T00:00:00Z, windowEndTime: 2022-01-02T00:00:00Z
    - windowStartTime: 2022-01-02T00:00:00Z, windowEndTime: 2022-01-03T00:00:00Z
    ");
    // Exceptions up to two in a row; from three on, another range.
    insta::assert_snapshot!(entries(&steps(day, 30, &[10, 11], 1)), @r"
    ranges:
    - from: 2022-01-01, to: 2022-01-31, every: 1 day, except: 2022-01-11 2022-01-12
    ");
    insta::assert_snapshot!(entries(&steps(day, 30, &[10, 11, 12], 1)), @r"
    ranges:
    - from: 2022-01-01, to: 2022-01-11, every: 1 day
    - from: 2022-01-14, to: 2022-01-31, every: 1 day
    ");
    // Every other day is no rule.
    let odd: Vec<i64> = (0..5).map(|n| n * 2 + 1).collect();
    assert_eq!(
        entries(&steps(day, 10, &odd, 1))
            .matches("windowStart")
            .count(),
        5
    );
    insta::assert_snapshot!(entries(&steps(900, 96, &[], 1)), @r"
    ranges:
    - from: 2022-01-01, to: 2022-01-02, every: 15 minutes
    ");
    insta::assert_snapshot!(entries(&steps(7 * day, 4, &[], 2)), @r"
    ranges:
    - from: 2022-01-01, to: 2022-01-29, every: 1 week, rerun: 2
    ");
    // Odd lengths, and seconds.
    insta::assert_snapshot!(entries(&steps(90 * 60, 3, &[1], 1)), @r"
    runs:
    - windowStartTime: 2022-01-01T00:00:00Z, windowEndTime: 2022-01-01T01:30:00Z
    - windowStartTime: 2022-01-01T03:00:00Z, windowEndTime: 2022-01-01T04:30:00Z
    ");
    insta::assert_snapshot!(entries(&steps(965, 3, &[], 1)), @r"
    runs:
    - windowStartTime: 2022-01-01T00:00:00Z, windowEndTime: 2022-01-01T00:16:05Z
    - windowStartTime: 2022-01-01T00:16:05Z, windowEndTime: 2022-01-01T00:32:10Z
    - windowStartTime: 2022-01-01T00:32:10Z, windowEndTime: 2022-01-01T00:48:15Z
    ");
}

#[test]
fn months_are_those_of_the_calendar() {
    let month = |n: i64| {
        let first = jiff::civil::date(2022, 1, 1) + jiff::Span::new().months(n);
        utc_seconds(first.at(0, 0, 0, 0))
    };
    let months = |step: usize, left_out: i64| -> Vec<(Window, Rerun)> {
        let starts = (0..24).step_by(step).filter(|n| *n != left_out);
        let step = i64::try_from(step).expect("small");
        starts.map(|n| kept(month(n), month(n + step), 1)).collect()
    };
    insta::assert_snapshot!(entries(&months(1, 99)), @r"
    ranges:
    - from: 2022-01-01, to: 2024-01-01, every: 1 month
    ");
    insta::assert_snapshot!(entries(&months(1, 13)), @r"
    ranges:
    - from: 2022-01-01, to: 2024-01-01, every: 1 month, except: 2023-02-01
    ");
    insta::assert_snapshot!(entries(&months(3, 99)), @r"
    ranges:
    - from: 2022-01-01, to: 2024-01-01, every: 3 months
    ");
    // Four weeks, which February is by the way.
    let later = |(window, rerun): (Window, Rerun)| {
        let days = 3 * 86_400;
        let rerun = rerun.get();
        kept(
            window.start().get() + days,
            window.end().get() + days,
            rerun,
        )
    };
    let four_weeks = steps(28 * 86_400, 12, &[], 1).into_iter().map(later);
    insta::assert_snapshot!(entries(&four_weeks.collect::<Vec<_>>()), @r"
    ranges:
    - from: 2022-01-04, to: 2022-12-06, every: 4 weeks
    ");
}

fn series() -> impl Strategy<Value = Vec<(i64, i64, u32)>> {
    let lengths = vec![60, 900, 965, 3_600, 86_400, 604_800, 28 * 86_400, 90_000];
    (
        prop::sample::select(lengths),
        0_i64..1_700_000_000,
        prop::sample::select(vec![1, 60, 900, 86_400, 604_800]),
        prop::collection::vec(prop::bool::weighted(0.8), 1..40),
        1_u32..3,
    )
        .prop_map(|(length, start, grid, present, rerun)| {
            let start = start / grid * grid;
            let present = (0..).zip(present).filter(|(_, present)| *present);
            let nth = |(n, _): (i64, bool)| (start + n * length, start + (n + 1) * length, rerun);
            present.map(nth).collect()
        })
}

fn months() -> impl Strategy<Value = Vec<(i64, i64, u32)>> {
    let step = prop::sample::select(vec![1_i32, 2, 3, 12]);
    (
        step,
        1_i8..=31,
        prop::collection::vec(prop::bool::weighted(0.8), 1..20),
    )
        .prop_map(|(step, day, present)| {
            let anchor = jiff::civil::date(2000, 1, day).at(5, 0, 0, 0);
            let at = |n: i32| {
                let civil = anchor + jiff::Span::new().months(n * step);
                utc_seconds(civil)
            };
            let present = (0..).zip(present).filter(|(_, present)| *present);
            present.map(|(n, _)| (at(n), at(n + 1), 1)).collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// `text` reads what is written, and holds it against what it was written from.
    #[test]
    fn what_is_written_asks_for_these_windows_and_no_others(
        windows in prop::collection::vec(prop_oneof![3 => series(), 1 => months()], 1..6),
        odd in prop::collection::vec((0_i64..1_700_000_000, 1_i64..1_000_000, 1_u32..4), 0..5),
    ) {
        let odd = odd.into_iter().map(|(start, length, rerun)| (start, start + length, rerun));
        let all = windows.into_iter().flatten().chain(odd);
        let all: BTreeSet<_> = all.map(|(start, end, rerun)| kept(start, end, rerun)).collect();
        prop_assume!(!all.is_empty()); // of a short series all may be absent; a draft has runs
        text(None, &Source::File, &Vec::from_iter(all));
    }
}

#[test]
fn overlaps_and_windows_in_the_future_are_allowed_only_where_there_are_any() {
    let plain = text(None, &Source::File, &[kept(0, 10, 1), kept(10, 20, 1)]);
    assert!(!plain.contains("overlap") && !plain.contains("allowFuture"));
    let reruns = text(None, &Source::File, &[kept(0, 10, 1), kept(5, 20, 2)]);
    assert!(!reruns.contains("overlap"), "{reruns}");
    let over = text(
        None,
        &Source::File,
        &[kept(0, 30, 1), kept(5, 10, 1), kept(20, 40, 1)],
    );
    assert!(over.contains("overlap: allow"), "{over}");
    let future = text(None, &Source::File, &[kept(NOW - 10, NOW + 10, 1)]);
    assert!(future.contains("allowFuture: true"), "{future}");
}

#[test]
fn names_that_yaml_would_take_for_something_else_are_quoted() {
    for name in [
        "yes",
        "null",
        "1e3",
        "0x1f",
        "2022-01-01",
        "- a",
        "a: b",
        "# c",
        "*d",
        "&e",
        "!f",
        "'g",
        "\"h",
        "{i}",
        "~",
        "<<",
        "1_000",
        "%j",
        "@k",
        "`l",
        "on",
        "é",
        "a #b",
        "0o17",
    ] {
        text(Some(name), &Source::Table(column(name)), &[kept(0, 10, 1)]);
    }
}
