//! What a rehearsal came to, for people: the verdict, the numbers, and what went wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use super::result::{Miscount, Rehearsal, RehearsalCounts};
use crate::report::{Block, Layout, Report, Row, Table, View, duration, number, plain, window};
use crate::run::{Key, UnixSeconds, Window};

/// How many windows are listed before the rest is counted.
const LISTED: usize = 20;

impl View for Rehearsal {
    type Document = Self;

    fn report(&self, _: Layout) -> Report {
        let mut report = Report {
            verdict: sentence(&self.summary),
            ..Report::default()
        };
        if let Some(words) = &self.message {
            report.note(format!("The last apply: {}", plain(words, 700)));
        }
        report.blocks.push(Block::Fields(fields(self)));
        report.table(Table {
            rows: self.windows.iter().take(LISTED).map(row).collect(),
            left_out: self.windows.len().saturating_sub(LISTED),
            rest: "windows; --format json has them all",
            ..Table::default()
        });
        if let Some(folder) = &self.kept {
            let folder = plain(folder, 500);
            report.note(format!("State, journal, ledger and output are in {folder}"));
        }
        report
    }

    fn document(&self, _: u8) -> Self {
        self.clone()
    }
}

fn fields(rehearsal: &Rehearsal) -> Vec<(&'static str, String)> {
    let Rehearsal {
        format: _,
        scenario,
        seed,
        summary,
        kills,
        kills_asked,
        applies,
        retries,
        requests,
        faults,
        seconds,
        windows: _,
        message: _,
        kept: _,
        exit_code: _,
    } = rehearsal;
    let RehearsalCounts {
        wanted,
        created,
        retried,
        doubled,
        lost,
        unwanted,
        in_doubt,
        left,
    } = summary;
    vec![
        ("scenario", format!("{}, seed {seed}", plain(scenario, 200))),
        ("wanted", wanted.to_string()),
        ("created", created.to_string()),
        ("retried", retried.to_string()),
        ("doubled", doubled.to_string()),
        ("lost", lost.to_string()),
        ("unwanted", unwanted.to_string()),
        ("in doubt", in_doubt.to_string()),
        ("left", left.to_string()),
        ("kills", describe_kills(*kills, *kills_asked)),
        ("applies", applies.to_string()),
        ("retries", retries.to_string()),
        ("requests", describe_kinds(requests)),
        ("faults", describe_kinds(faults)),
        ("time", duration(Duration::from_secs_f64(*seconds))),
    ]
}

fn row(miscount: &Miscount) -> Row {
    let Miscount {
        outcome,
        keys,
        sandbox,
        flow_id,
        window_start_time,
        window_end_time,
        runs,
    } = miscount;
    let keys: Vec<String> = keys.iter().map(Key::short).collect();
    let row = Row::new([
        outcome.to_string(),
        if keys.is_empty() {
            "no key".to_owned()
        } else {
            keys.join(" ")
        },
        plain(sandbox, 60),
        plain(flow_id, 60),
        describe_window(*window_start_time, *window_end_time),
    ]);
    if runs.is_empty() {
        return row;
    }
    row.with_notes(vec![plain(&runs.join(" "), 400)])
}

/// The verdict in words.
fn sentence(verdict: &RehearsalCounts) -> String {
    let RehearsalCounts {
        wanted,
        created,
        retried,
        doubled,
        lost,
        unwanted,
        in_doubt,
        left,
    } = verdict;
    let mut wrong = Vec::new();
    for (count, what) in [
        (doubled, "doubled"),
        (lost, "lost"),
        (unwanted, "created without being wanted"),
    ] {
        if *count > 0 {
            wrong.push(format!("{} {what}", number(*count, "run")));
        }
    }
    if !wrong.is_empty() {
        return format!(
            "{}: a defect of backfill, unless the scenario breaks what it relies on.",
            wrong.join(", ")
        );
    }
    let mut open = Vec::new();
    if *in_doubt > 0 {
        open.push(format!("{in_doubt} in doubt, for a person to decide"));
    }
    if *left > 0 {
        open.push(format!("{left} not created, and known not to be"));
    }
    if open.is_empty() && created == wanted {
        let again = match retried {
            0 => String::new(),
            retried => format!(
                " {} that failed {} run again, once for each failure.",
                number(*retried, "run"),
                if *retried == 1 { "was" } else { "were" }
            ),
        };
        return format!(
            "Each of {} was created exactly once.{again}",
            number(*wanted, "wanted run")
        );
    }
    format!("No run was doubled or lost; {}.", open.join("; "))
}

fn describe_kills(kills: u32, asked: u32) -> String {
    if kills < asked {
        format!("{kills} of {asked}: nothing was left that an apply could do")
    } else {
        kills.to_string()
    }
}

/// `12: 10 createRun, 2 token`
fn describe_kinds(kinds: &BTreeMap<String, u64>) -> String {
    let total: u64 = kinds.values().sum();
    let each: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {}", plain(kind, 40)))
        .collect();
    if each.is_empty() {
        "0".to_owned()
    } else {
        format!("{total}: {}", each.join(", "))
    }
}

/// The window as everywhere, or its bare numbers where they make none.
fn describe_window(start: i64, end: i64) -> String {
    let both = UnixSeconds::new(start).ok().zip(UnixSeconds::new(end).ok());
    match both.and_then(|(start, end)| Window::new(start, end).ok()) {
        Some(valid) => window(valid),
        None => format!("[{start}, {end})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearse::result::Wrong;

    #[test]
    fn the_document_is_that_of_its_schema() {
        crate::report::json::check_schema::<Rehearsal>("rehearse.v1", "rehearse/v1");
    }

    fn rehearsal(summary: RehearsalCounts) -> Rehearsal {
        let count = |pairs: &[(&str, u64)]| {
            let pairs = pairs.iter().map(|(kind, n)| ((*kind).to_owned(), *n));
            pairs.collect()
        };
        Rehearsal {
            format: "rehearse/v1",
            scenario: "storm".to_owned(),
            seed: 7,
            summary,
            kills: 9,
            kills_asked: 10,
            applies: 12,
            retries: 2,
            requests: count(&[("createRun", 80), ("listRuns", 200)]),
            faults: count(&[("reset", 6)]),
            seconds: 83.0,
            windows: Vec::new(),
            message: None,
            kept: None,
            exit_code: 0,
        }
    }

    fn shown(rehearsal: &Rehearsal) -> String {
        let mut out = Vec::new();
        let layout = Layout {
            width: Some(120),
            ..Layout::default()
        };
        rehearsal.write_text(&mut out, layout).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_rehearsal_without_a_fault_of_ours_is_a_table_and_one_sentence() {
        let verdict = RehearsalCounts {
            wanted: 80,
            created: 80,
            retried: 3,
            ..RehearsalCounts::default()
        };
        insta::assert_snapshot!(shown(&rehearsal(verdict)), @"
        Each of 80 wanted runs was created exactly once. 3 runs that failed were run again, once for each failure.

        scenario  storm, seed 7
        wanted    80
        created   80
        retried   3
        doubled   0
        lost      0
        unwanted  0
        in doubt  0
        left      0
        kills     9 of 10: nothing was left that an apply could do
        applies   12
        retries   2
        requests  280: 80 createRun, 200 listRuns
        faults    6: 6 reset
        time      1 min 23 s
        ");
    }

    #[test]
    fn what_went_wrong_is_listed_up_to_twenty_windows_and_its_evidence_named() {
        let miscount = |n: i64| Miscount {
            outcome: Wrong::Doubled,
            keys: vec!["a".repeat(64).parse().expect("a key")],
            sandbox: "prod".to_owned(),
            flow_id: "3abea21c-7e36-4be1-bec1-d3bad0e3e0de".to_owned(),
            window_start_time: n * 86_400,
            window_end_time: (n + 1) * 86_400,
            runs: vec!["one".to_owned(), "two".to_owned()],
        };
        let mut told = rehearsal(RehearsalCounts {
            wanted: 80,
            created: 80,
            doubled: 21,
            lost: 1,
            ..RehearsalCounts::default()
        });
        told.windows = (0..21).map(miscount).collect();
        told.kept = Some("/tmp/backfill-rehearsal".to_owned());
        let text = shown(&told);
        assert!(
            text.starts_with("21 runs doubled, 1 run lost: a defect of backfill, unless the"),
            "{text}"
        );
        let end = text.split_once("1 min 23 s\n").expect("a table").1;
        assert!(
            end.starts_with(
                "  doubled  aaaaaaaaaaaa  prod  3abea21c-7e36-4be1-bec1-d3bad0e3e0de  \
                 [1970-01-01, 1970-01-02)\n"
            ),
            "{end}"
        );
        assert!(
            end.ends_with(
                "      one two\n    … and 1 more windows; --format json has them all\n\n\
                 State, journal, ledger and output are in /tmp/backfill-rehearsal\n"
            ),
            "{end}"
        );
    }

    #[test]
    fn what_is_in_doubt_or_left_is_neither_lost_nor_done() {
        let verdict = RehearsalCounts {
            wanted: 80,
            created: 60,
            in_doubt: 2,
            left: 18,
            ..RehearsalCounts::default()
        };
        assert_eq!(
            sentence(&verdict),
            "No run was doubled or lost; 2 in doubt, for a person to decide; 18 not created, and \
             known not to be."
        );
    }
}
