//! What holds of every manifest, tried on many.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aep_backfill::manifest::{Checked, Rules, Sources, check, render_all};
use aep_backfill::run::{DesiredRun, Key, Request, UnixSeconds};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const FIELDS: [&str; 7] = [
    "version: 1\n",
    "flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n",
    "sandbox: prod\n",
    "source: table\n",
    "deltaColumn:\n  name: DOB\n",
    "reason: once more\n",
    "allowFuture: true\n",
];
const ZONES: [&str; 12] = [
    "UTC",
    "Europe/Madrid",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Africa/Casablanca",
    "Antarctica/Troll",
];
const STEPS: [&str; 9] = [
    "1 day",
    "7 days",
    "1 week",
    "1 month",
    "3 months",
    "6 hours",
    "24 hours",
    "100 minutes",
    "P1M1D",
];

fn checked(text: &str) -> Checked {
    // 2026-01-01.
    let now = UnixSeconds::new(1_767_225_600).expect("in range");
    check(&Sources::from_texts([("x.yaml", text)]), &Rules::at(now))
}

/// Windows of one range, as it is without a mistake.
fn windows(range: &str) -> Vec<(i64, i64)> {
    let text = format!("{}ranges:\n{range}", FIELDS.concat());
    let checked = checked(&text);
    assert!(!checked.has_errors(), "{text}\n{:?}", checked.problems);
    let windows = checked.runs.iter().map(|run| run.identity.window);
    windows.map(|w| (w.start().get(), w.end().get())).collect()
}

fn keys(text: &str) -> BTreeSet<Key> {
    let checked = checked(text);
    assert!(!checked.has_errors(), "{text}\n{:?}", checked.problems);
    checked.runs.iter().map(DesiredRun::key).collect()
}

/// Lines that mean nothing.
fn comment() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "",
        "# a comment\n",
        "\n",
        "  # one that is indented: yes\n",
    ])
}

fn shuffled(fields: &[&'static str]) -> impl Strategy<Value = Vec<&'static str>> + use<> {
    Just(fields.to_vec()).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Without gap or overlap, in any zone, by any step; `except` takes away its windows only.
    #[test]
    fn a_range_is_covered_from_end_to_end_less_its_exceptions(
        zone in select(&ZONES[..]),
        step in select(&STEPS[..]),
        from in 1_293_840_000_i64..1_900_000_000,
        length in 120_i64 * 86_400..400 * 86_400,
        left_out in prop::collection::vec(any::<Index>(), 0..8),
    ) {
        let to = from + length;
        let range = format!("  - from: {from}\n    to: {to}\n    every: {step}\n    timezone: {zone}\n");
        let all = windows(&range);
        prop_assert_eq!(all[0].0, from);
        prop_assert_eq!(all[all.len() - 1].1, to);
        prop_assert!(all.iter().all(|(start, end)| start < end));
        prop_assert!(all.windows(2).all(|pair| pair[0].1 == pair[1].0));
        prop_assert_eq!(&windows(&range), &all);

        let left_out: BTreeSet<_> = left_out.iter().map(|at| all[at.index(all.len())].0).collect();
        prop_assume!(left_out.len() < all.len());
        let except: Vec<_> = left_out.iter().map(i64::to_string).collect();
        let less = windows(&format!("{range}    except: [{}]\n", except.join(", ")));
        let expected: Vec<_> = all.into_iter().filter(|(start, _)| !left_out.contains(start)).collect();
        prop_assert_eq!(less, expected);
    }

    #[test]
    fn the_order_of_fields_and_comments_change_no_key(
        top in shuffled(&[&FIELDS[..], &["runs", "ranges"]].concat()),
        run in shuffled(&["windowStartTime: 2022-05-03", "windowEndTime: 2022-05-04", "rerun: 2"]),
        range in shuffled(&["from: 2023-01-01", "to: 2023-03-01", "every: 1 week", "timezone: Asia/Beirut"]),
        comments in prop::collection::vec(comment(), 10),
        flow in any::<bool>(),
    ) {
        let entry = |fields: &[&str]| if flow {
            format!("  - {{ {} }} # so much\n", fields.join(", "))
        } else {
            format!("  - {}\n", fields.join("\n    "))
        };
        let mut text = String::new();
        for (field, comment) in top.iter().zip(comments) {
            text.push_str(comment);
            match *field {
                "runs" => text.push_str(&["runs:\n", &entry(&run)].concat()),
                "ranges" => text.push_str(&["ranges:\n", &entry(&range)].concat()),
                field => text.push_str(field),
            }
        }
        let plain = format!(
            "{}runs:\n  - windowStartTime: 2022-05-03\n    windowEndTime: 2022-05-04\n    rerun: 2\n\
             ranges:\n  - from: 2023-01-01\n    to: 2023-03-01\n    every: 1 week\n    timezone: Asia/Beirut\n",
            FIELDS.concat()
        );
        prop_assert_eq!(keys(&text), keys(&plain));
    }

    /// Any bytes do, and those nearly a manifest best.
    #[test]
    fn a_fixture_with_a_piece_cut_out_doubled_or_spoilt_gives_problems_or_runs(
        which in any::<Index>(),
        cuts in prop::collection::vec((any::<Index>(), 0_usize..40, any::<Option<u8>>()), 1..4),
    ) {
        let fixtures = fixtures();
        let mut bytes = which.get(&fixtures).clone();
        for (at, length, spoilt) in cuts {
            let at = at.index(bytes.len() + 1);
            let end = bytes.len().min(at + length);
            match spoilt {
                None => drop(bytes.drain(at..end)),
                Some(byte) if byte < 128 => {
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                Some(byte) => bytes.insert(at, byte ^ 0x80),
            }
        }
        let sources = Sources::from_texts([("x.yaml", bytes)]);
        let rules = Rules::at(UnixSeconds::new(1_767_225_600).expect("in range"));
        let checked = check(&sources, &rules);
        let drawn = render_all(&checked.problems, &sources, false);
        prop_assert!(!drawn.contains('\u{1b}'), "it could steer a terminal");
        prop_assert!(!checked.problems.is_empty() || !checked.runs.is_empty());
    }
}

const FLOWS: [&str; 2] = [
    "3abea21c-7e36-4be1-bec1-d3bad0e3e0de",
    "5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4",
];

/// `source` and `deltaColumn`, as they may be written or left away.
#[derive(Debug, Clone, Copy)]
struct Reads {
    source: Option<&'static str>,
    column: Option<&'static str>,
}

fn reads(
    sources: &[Option<&'static str>],
    columns: &[Option<&'static str>],
) -> impl Strategy<Value = Reads> + use<> {
    (select(sources.to_vec()), select(columns.to_vec()))
        .prop_map(|(source, column)| Reads { source, column })
}

/// What is written beside `flows`.
fn of_all() -> impl Strategy<Value = Reads> {
    let columns = [None, Some("{ name: DOB }"), Some("{ name: ID }")];
    reads(&[None, Some("table"), Some("file")], &columns)
}

/// What a flow says itself, with and without a mistake.
fn of_one() -> impl Strategy<Value = Reads> {
    let sources = [None, None, Some("table"), Some("file"), Some("tabel")];
    let columns = [None, None, Some("{ name: DOB }"), Some("{ nam: x }")];
    reads(&sources, &columns)
}

impl Reads {
    fn lines(self, indent: &str) -> String {
        let source = self
            .source
            .map(|source| format!("{indent}source: {source}\n"));
        let column = self
            .column
            .map(|column| format!("{indent}deltaColumn: {column}\n"));
        source.into_iter().chain(column).collect()
    }

    /// What a flow reads that leaves to the manifest what it does not say.
    fn or(self, manifest: Self) -> Self {
        let source = self.source.or(manifest.source);
        let default = manifest.column.filter(|_| source == Some("table"));
        Self {
            source,
            column: self.column.or(default),
        }
    }
}

/// Entries of `ranges`, with and without a mistake.
const RANGES: [&str; 8] = [
    "{from: 2022-01-01, to: 2022-02-01, every: 1 day}",
    "{from: 2022-02-01, to: 2022-03-01, every: 6 hours, except: [2022-02-03]}",
    "{from: 2022-01-30T12:00, to: 2022-02-02T12:00, every: 1 day}",
    "{from: 2022-01-01, to: 2022-02-01, every: 1 day, rerun: 2}",
    "{from: 2022-04-01, to: 2022-05-01, every: 1 week}",
    "{from: 2022-01-01, to: 2027-01-01, every: 1 month}",
    "{from: 2022-01-01, to: 2022-02-01, every: 1 day, timezone: Mars}",
    "{from: 2022-03-01, to: 2022-04-01, every: 1 day, except: [2022-03-02T01:00]}",
];

/// What is wrong, but for the places.
fn complaints(checked: &Checked) -> BTreeSet<(&'static str, String)> {
    let problems = checked.problems.iter();
    problems
        .map(|problem| (problem.rule.code(), problem.message.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The same runs with the same keys, and the same problems but for their places.
    #[test]
    fn a_list_of_flows_is_a_manifest_for_each(
        manifest in of_all(),
        flows in [of_one(), of_one()],
        ranges in prop::collection::vec(select(&RANGES[..]), 1..4),
        more in select(vec!["", "reason: again\n", "order: newest-first\n", "paused: true\n", "overlap: allow\n"]),
        is_beside in any::<bool>(),
    ) {
        let head = format!("version: 1\nsandbox: prod\n{more}");
        let ranges = format!("ranges:\n- {}\n", ranges.join("\n- "));
        let entries = FLOWS.iter().zip(flows).map(|(id, flow)| {
            format!("- flowId: {id}\n  name: x\n{}", flow.lines("  "))
        });
        let list = format!(
            "{head}{}flows:\n{}{ranges}",
            manifest.lines(""),
            entries.collect::<String>()
        );
        let each = FLOWS.iter().zip(flows).map(|(id, flow)| {
            format!("{head}flowId: {id}\nname: x\n{}{ranges}", flow.or(manifest).lines(""))
        });
        let each: Vec<_> = each.collect();
        // Another manifest of the second flow, which may overlap or disagree.
        let beside = format!(
            "---\n{head}flowId: {}\nsource: file\nname: x\nruns:\n\
             - {{windowStartTime: 2022-01-31T12:00Z, windowEndTime: 2022-02-01T12:00Z}}\n",
            FLOWS[1]
        );
        let beside = if is_beside { beside } else { String::new() };
        let list = checked(&format!("{list}{beside}"));
        let each = checked(&format!("{}{beside}", each.join("---\n")));

        // Which flows are concerned needs a word only in a list.
        let words = |(code, message): (_, String)| {
            (code, message.split(" (flow ").next().unwrap_or_default().to_owned())
        };
        let mut told: BTreeSet<_> = complaints(&list).into_iter().map(words).collect();
        let expected = complaints(&each);
        // Only beside a list can a column stand that no flow inherits.
        let column_of_file = ("BF013", "a file source has no delta column".to_owned());
        if !expected.contains(&column_of_file) {
            told.remove(&column_of_file);
        }
        if is_beside {
            // What two entries do to each other is told of one flow, with its count.
            let codes = |told: &BTreeSet<(&'static str, String)>| -> BTreeSet<_> {
                told.iter().map(|(code, _)| *code).collect()
            };
            prop_assert!(told.is_subset(&expected), "{told:#?}\n{expected:#?}");
            prop_assert_eq!(codes(&told), codes(&expected));
        } else {
            prop_assert_eq!(told, expected);
        }
        if list.has_errors() {
            return Ok(());
        }
        prop_assert_eq!(list.runs.len(), each.runs.len());
        for (of_list, of_each) in list.runs.iter().zip(&each.runs) {
            prop_assert_eq!(of_list.key(), of_each.key());
            // The lines differ.
            let alike = |run: &DesiredRun| DesiredRun {
                line: 0,
                request: Request {
                    paused: run.request.paused.map(|_| 0),
                    ..(*run.request).clone()
                }
                .into(),
                ..run.clone()
            };
            prop_assert_eq!(alike(of_list), alike(of_each));
        }
    }
}

fn fixtures() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bad");
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let files = paths.iter().filter(|path| path.is_file());
    files
        .map(|path| fs::read(path).expect("a fixture"))
        .collect()
}
