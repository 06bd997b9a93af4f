//! The state: all of it as a table, one run in full, whether it is whole, what a push changes in it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::blocks::{Block, Layout, Report, Row, Table, under};
use super::json::{self, StateDocument, VerifyDocument};
use super::reason::{describe_absence, describe_attempt, describe_fate, describe_seen};
use super::terminal::write_report;
use super::view::View;
use super::{listed, number, plain, short_window, window};
use crate::run::{RunId, RunIdentity};
use crate::state::{Fate, Record, State, StateChange};
use crate::store::Inspected;

/// How many changes are shown before the rest is counted.
const SHOWN: usize = 20;

/// Runs on record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateView<'a> {
    /// The place of the state.
    pub place: &'a str,
    /// The state; `None` where there is none.
    pub state: Option<&'a State>,
    /// The runs of it that are shown.
    pub runs: &'a [&'a Record],
    /// Whether all that is known of the one run is shown.
    pub is_one: bool,
}

impl<'a> View for StateView<'a> {
    type Document = StateDocument<'a>;

    /// Flow by flow: of a million runs only those of one flow are in memory as text.
    fn write_text(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        match (self.state, self.runs) {
            (None, _) => write_report(out, &no_state(self.place), layout),
            (Some(_), [run]) if self.is_one => write_report(out, &record(run), layout),
            (Some(_), runs) => {
                writeln!(out, "{}", totals(runs.iter().copied()))?;
                for of_flow in runs.chunk_by(|a, b| a.identity.flow == b.identity.flow) {
                    writeln!(out)?;
                    write_report(out, &flow(of_flow), layout)?;
                }
                Ok(())
            }
        }
    }

    fn document(&self, _: u8) -> StateDocument<'a> {
        json::state(self.state, self.runs)
    }
}

/// Whether the stored files are whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VerifyView<'a> {
    /// The place of the state.
    pub place: &'a str,
    /// What was read; `None` where there is no state.
    pub inspected: Option<&'a Inspected>,
}

impl View for VerifyView<'_> {
    type Document = VerifyDocument;

    fn report(&self, _: Layout) -> Report {
        let Some(inspected) = self.inspected else {
            return no_state(self.place);
        };
        let Inspected {
            state,
            unfolded,
            torn,
        } = inspected;
        let State {
            organization,
            lineage,
            serial,
            ..
        } = state;
        let mut report = Report {
            verdict: format!("The state in {} is whole.", plain(self.place, 300)),
            ..Report::default()
        };
        report.note(totals(state.records()));
        report.note(format!(
            "It belongs to {organization}; its lineage is {lineage}, its serial {serial}."
        ));
        if *unfolded > 0 {
            let entries = if *unfolded == 1 { "entry" } else { "entries" };
            report.note(format!(
                "{unfolded} {entries} of the journal will be folded into it by the next apply."
            ));
        }
        if *torn > 0 {
            report.note(format!(
                "The journal ends in {} of an entry that was never finished; the next apply drops them.",
                number(*torn, "byte")
            ));
        }
        report
    }

    fn document(&self, _: u8) -> VerifyDocument {
        json::verify(self.inspected)
    }
}

/// Nothing is wrong then, but a person who meant another place should see it.
pub(crate) fn no_state(place: &str) -> Report {
    Report {
        verdict: format!("There is no state in {place}."),
        ..Report::default()
    }
}

fn flow(runs: &[&Record]) -> Report {
    let row = |record: &&Record| {
        let Record { identity, fate, .. } = record;
        let at = match fate {
            Fate::Created { at, .. } | Fate::Rejected { at, .. } => *at,
            Fate::InDoubt(in_doubt) => in_doubt.intent.time(),
            Fate::NotCreated(absence) => absence.at,
        };
        Row {
            run_id: Some(fate.run_id().map_or("-".to_owned(), RunId::to_string)),
            ..Row::new([
                identity.key().short(),
                short_window(identity.window, identity.rerun),
                word(fate).to_owned(),
                at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            ])
        }
    };
    let table = Table {
        flow: runs
            .first()
            .map(|run| (String::new(), (*run.identity.flow).clone())),
        head: &["KEY", "WINDOW (UTC)", "FATE", "WHEN (UTC)"],
        rows: runs.iter().map(row).collect(),
        ..Table::default()
    };
    Report::of([Block::Table(table)])
}

/// All that is on record of a run.
fn record(record: &Record) -> Report {
    let RunIdentity {
        flow,
        window: span,
        rerun,
    } = &record.identity;
    let mut fields = vec![
        ("key", record.identity.key().to_string()),
        ("flow", flow.to_string()),
        (
            "window",
            format!("{} in UTC, the end exclusive", window(*span)),
        ),
        ("rerun", rerun.to_string()),
        ("fate", describe_fate(&record.fate)),
    ];
    fields.extend(record.etag().map(|etag| ("etag", plain(etag, 200))));
    fields.extend(record.last_seen().map(|seen| ("seen", describe_seen(seen))));
    let attempts = record.attempts().iter().zip(1..);
    let attempts = attempts.map(|(attempt, n)| format!("{n}. {}", describe_attempt(attempt)));
    fields.extend(under("attempts", attempts));
    fields.extend(under(
        "earlier",
        record.earlier().iter().map(describe_absence),
    ));
    Report::of([Block::Fields(fields)])
}

/// `3 runs: 2 created, 1 in doubt.`
fn totals<'a>(records: impl Iterator<Item = &'a Record>) -> String {
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for record in records {
        *words.entry(word(&record.fate)).or_default() += 1;
    }
    if words.is_empty() {
        return "No runs are on record.".to_owned();
    }
    let runs = number(words.values().sum(), "run");
    let words = words.into_iter().map(|(word, number)| (number, word));
    format!("{runs}: {}.", listed(words))
}

/// What became of a run, in a word or two.
fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Created { adopted: None, .. } => "created",
        Fate::Created { .. } => "adopted",
        Fate::Rejected { .. } => "rejected",
        Fate::InDoubt { .. } => "in doubt",
        Fate::NotCreated(_) => "not created",
    }
}

/// What a push changes, before a person agrees to it: first the runs that could be created again.
pub(crate) fn changes(changes: &[StateChange<'_>]) -> Report {
    let (freed, others): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.frees());
    let rows = freed.iter().chain(&others).map(|change| change_row(change));
    let mut report = Report {
        verdict: format!("{}.", count_changes(changes)),
        ..Report::default()
    };
    report.table(Table::first(SHOWN, rows, "changes"));
    match freed.len() {
        0 => {}
        1 => report.note(
            "1 run is removed or no longer created: it is sent again, if a manifest wants it.",
        ),
        more => report.note(format!(
            "{more} runs are removed or no longer created: they are sent again, if a manifest wants \
             them."
        )),
    }
    report
}

/// `3 runs added, 1 changed, 2 removed`.
#[must_use]
pub(crate) fn count_changes(changes: &[StateChange<'_>]) -> String {
    let count = |is_such: fn(&StateChange<'_>) -> bool| {
        changes.iter().filter(|change| is_such(change)).count()
    };
    format!(
        "{} added, {} changed, {} removed",
        number(count(|change| change.old.is_none()), "run"),
        count(|change| change.old.is_some() && change.new.is_some()),
        count(|change| change.new.is_none()),
    )
}

fn change_row(change: &StateChange<'_>) -> Row {
    let RunIdentity {
        flow,
        window: span,
        rerun,
    } = change.identity();
    // `created as RUN_ID`, `in doubt`
    let describe = |record: &Record| match &record.fate {
        fate @ Fate::Created { run_id, .. } => format!("{} as {run_id}", word(fate)),
        fate => word(fate).to_owned(),
    };
    let (old, new) = (change.old.map(describe), change.new.map(describe));
    let (sign, what) = match (old, new) {
        (Some(old), Some(new)) if old == new => ("~", format!("{new}, otherwise recorded")),
        (Some(old), Some(new)) => ("~", format!("{old}, now {new}")),
        (Some(old), None) => ("-", old),
        (None, new) => ("+", new.unwrap_or_default()),
    };
    Row::new([
        sign.to_owned(),
        change.identity().key().short(),
        flow.to_string(),
        short_window(*span, *rerun),
        what,
    ])
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::fixture::window;
    use crate::run::Rerun;
    use crate::state::{Entry, Evidence};

    /// A state in which the runs of these days were adopted, long ago or later.
    fn state(days: impl Iterator<Item = i64>, at: Timestamp) -> State {
        let mut state = State::new("5C13@AdobeOrg".parse().expect("an organization"));
        for day in days {
            let run = RunIdentity {
                flow: crate::fixture::flow().into(),
                window: window(day),
                rerun: Rerun::FIRST,
            };
            let adopted = Entry::Adopted {
                run: (&run).into(),
                run_id: format!("run-{day}").parse().expect("a run id"),
                evidence: Evidence::Params,
                at,
            };
            state.fold(adopted).expect("legal");
        }
        state
    }

    #[test]
    fn what_could_be_doubled_comes_first_and_what_has_no_room_is_counted() {
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let old = state(0..24, early);
        let new = state((0..22).chain(30..31), late);
        let mut text = Vec::new();
        let report = changes(&old.changes_to(&new));
        write_report(&mut text, &report, Layout::default()).expect("in memory");
        let text = String::from_utf8(text).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "1 run added, 22 changed, 2 removed.");
        for (at, sign, end) in [
            (2, "-", "adopted as run-22"),
            (3, "-", "adopted as run-23"),
            (4, "~", "adopted as run-0, otherwise recorded"),
        ] {
            let line = lines[at].trim_start();
            assert!(line.starts_with(sign) && line.ends_with(end), "{line}");
        }
        assert_eq!(lines[22], "    … and 5 more changes");
        assert!(lines[24].starts_with("2 runs are removed"), "{text}");
    }
}
