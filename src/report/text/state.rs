//! The state as text: all of it as a table, one run in full, or whether it is whole.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::table;
use super::table::{Details, Layout};
use crate::report::reason::{describe_absence, describe_attempt, describe_fate, describe_seen};
use crate::report::{number, plain, short_window, window};
use crate::run::RunIdentity;
use crate::state::{Fate, Record, State};
use crate::store::Inspected;

/// Writes the runs, sorted as the state file is, as a table for each flow.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_records(
    out: &mut dyn Write,
    runs: &[&Record],
    layout: Layout,
) -> io::Result<()> {
    writeln!(out, "{}", totals(runs.iter().copied()))?;
    for of_flow in runs.chunk_by(|a, b| a.identity.flow == b.identity.flow) {
        writeln!(out, "\n{}", of_flow[0].identity.flow)?;
        let rows: Vec<_> = of_flow.iter().map(|record| cells(record)).collect();
        let details: Vec<Details> = of_flow
            .iter()
            .map(|record| Details {
                run_id: record.fate.run_id(),
                more: Vec::new(),
            })
            .collect();
        let head = ["KEY", "WINDOW (UTC)", "FATE", "WHEN (UTC)"];
        table::write_runs(out, head, &rows, &details, layout)?;
    }
    Ok(())
}

fn cells(record: &Record) -> [String; 4] {
    let Record { identity, fate, .. } = record;
    let at = match fate {
        Fate::Created { at, .. } | Fate::Rejected { at, .. } => *at,
        Fate::InDoubt(in_doubt) => in_doubt.intent.time(),
        Fate::NotCreated(absence) => absence.at,
    };
    [
        identity.key().short(),
        short_window(identity.window, identity.rerun),
        word(fate).to_owned(),
        at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    ]
}

/// Writes all that is on record of a run.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_record(out: &mut dyn Write, record: &Record) -> io::Result<()> {
    let Record { identity, fate, .. } = record;
    let RunIdentity {
        flow,
        window: span,
        rerun,
    } = identity;
    writeln!(out, "key      {}", identity.key())?;
    writeln!(out, "flow     {flow}")?;
    writeln!(out, "window   {} in UTC, the end exclusive", window(*span))?;
    writeln!(out, "rerun    {rerun}")?;
    writeln!(out, "fate     {}", describe_fate(fate))?;
    if let Some(etag) = record.etag() {
        writeln!(out, "etag     {}", plain(etag, 200))?;
    }
    if let Some(seen) = record.last_seen() {
        writeln!(out, "seen     {}", describe_seen(seen))?;
    }
    for (n, attempt) in record.attempts().iter().enumerate() {
        let heading = if n == 0 { "attempts" } else { "" };
        writeln!(out, "{heading:9}{}. {}", n + 1, describe_attempt(attempt))?;
    }
    for (n, absence) in record.earlier().iter().enumerate() {
        let heading = if n == 0 { "earlier" } else { "" };
        writeln!(out, "{heading:9}{}", describe_absence(absence))?;
    }
    Ok(())
}

/// Writes that the state in the place called `name` is whole, and how much it is.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_verified(
    out: &mut dyn Write,
    name: &str,
    inspected: &Inspected,
) -> io::Result<()> {
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
    writeln!(out, "The state in {} is whole.", plain(name, 300))?;
    writeln!(out, "{}", totals(state.records()))?;
    writeln!(
        out,
        "It belongs to {organization}; its lineage is {lineage}, its serial {serial}."
    )?;
    if *unfolded > 0 {
        let entries = if *unfolded == 1 { "entry" } else { "entries" };
        writeln!(
            out,
            "{unfolded} {entries} of the journal will be folded into it by the next apply."
        )?;
    }
    if *torn > 0 {
        writeln!(
            out,
            "The journal ends in {} of an entry that was never finished; the next apply drops them.",
            number(*torn, "byte")
        )?;
    }
    Ok(())
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
    let parts: Vec<String> = words
        .iter()
        .map(|(word, number)| format!("{number} {word}"))
        .collect();
    format!(
        "{}: {}.",
        number(words.values().sum(), "run"),
        parts.join(", ")
    )
}

/// What became of a run, in a word or two.
pub(in crate::report) fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Created { adopted: None, .. } => "created",
        Fate::Created {
            adopted: Some(_), ..
        } => "adopted",
        Fate::Rejected { .. } => "rejected",
        Fate::InDoubt { .. } => "in doubt",
        Fate::NotCreated(_) => "not created",
    }
}
