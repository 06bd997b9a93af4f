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
    let RehearsalCounts {
        wanted,
        created,
        retried,
        doubled,
        lost,
        unwanted,
        in_doubt,
        left,
    } = rehearsal.summary;
    let scenario = plain(&rehearsal.scenario, 200);
    let kills = match (rehearsal.kills, rehearsal.kills_asked) {
        (kills, asked) if kills < asked => {
            format!("{kills} of {asked}: nothing was left that an apply could do")
        }
        (kills, _) => kills.to_string(),
    };
    let time = Duration::from_secs_f64(rehearsal.seconds);
    vec![
        ("scenario", format!("{scenario}, seed {}", rehearsal.seed)),
        ("wanted", wanted.to_string()),
        ("created", created.to_string()),
        ("retried", retried.to_string()),
        ("doubled", doubled.to_string()),
        ("lost", lost.to_string()),
        ("unwanted", unwanted.to_string()),
        ("in doubt", in_doubt.to_string()),
        ("left", left.to_string()),
        ("kills", kills),
        ("applies", rehearsal.applies.to_string()),
        ("retries", rehearsal.retries.to_string()),
        ("requests", describe_kinds(&rehearsal.requests)),
        ("faults", describe_kinds(&rehearsal.faults)),
        ("time", duration(time)),
    ]
}

fn row(miscount: &Miscount) -> Row {
    let Miscount {
        outcome,
        keys,
        window,
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
        plain(&window.sandbox, 60),
        plain(&window.flow_id, 60),
        describe_window(window.window_start_time, window.window_end_time),
    ]);
    if runs.is_empty() {
        return row;
    }
    row.with_notes(vec![plain(&runs.join(" "), 400)])
}

/// The verdict in words.
fn sentence(counts: &RehearsalCounts) -> String {
    let wrong = [
        (counts.doubled, "doubled"),
        (counts.lost, "lost"),
        (counts.unwanted, "created without being wanted"),
    ];
    let wrong = wrong.into_iter().filter(|(count, _)| *count > 0);
    let wrong: Vec<_> = wrong
        .map(|(count, what)| format!("{} {what}", number(count, "run")))
        .collect();
    let open = [
        (counts.in_doubt, "in doubt, for a person to decide"),
        (counts.left, "not created, and known not to be"),
    ];
    let open = open.into_iter().filter(|(count, _)| *count > 0);
    let open: Vec<_> = open
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !wrong.is_empty() {
        let wrong = wrong.join(", ");
        format!("{wrong}: a defect of backfill, unless the scenario breaks what it relies on.")
    } else if !open.is_empty() || counts.created < counts.wanted {
        format!("No run was doubled or lost; {}.", open.join("; "))
    } else {
        let wanted = number(counts.wanted, "wanted run");
        let again = match counts.retried {
            0 => String::new(),
            1 => " 1 run that failed was run again, once for each failure.".to_owned(),
            retried => {
                format!(" {retried} runs that failed were run again, once for each failure.")
            }
        };
        format!("Each of {wanted} was created exactly once.{again}")
    }
}

/// `12: 10 createRun, 2 token`
fn describe_kinds(kinds: &BTreeMap<String, u64>) -> String {
    let each: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {}", plain(kind, 40)))
        .collect();
    match kinds.values().sum::<u64>() {
        0 => "0".to_owned(),
        total => format!("{total}: {}", each.join(", ")),
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
    use crate::rehearse::result::{FlowWindow, MiscountKind};

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
            outcome: MiscountKind::Doubled,
            keys: vec!["a".repeat(64).parse().expect("a key")],
            window: FlowWindow {
                sandbox: "prod".to_owned(),
                flow_id: "3abea21c-7e36-4be1-bec1-d3bad0e3e0de".to_owned(),
                window_start_time: n * 86_400,
                window_end_time: (n + 1) * 86_400,
            },
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
