//! What a state that is pushed changes, as text: before a person agrees to it.

use std::io::{self, Write};

use super::state::word;
use super::{number, table, window};
use crate::run::RunIdentity;
use crate::state::{Change, Fate, Record};

/// How many changes are shown before the rest is counted.
const SHOWN: usize = 20;

/// Writes what changes: first the runs that could be created again.
///
/// # Errors
/// When writing fails.
pub fn write_changes(out: &mut dyn Write, changes: &[Change<'_>]) -> io::Result<()> {
    writeln!(out, "{}.", count_changes(changes))?;
    let (freed, others): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.frees());
    let rows: Vec<[String; 5]> = freed
        .iter()
        .chain(&others)
        .take(SHOWN)
        .map(|change| cells(change))
        .collect();
    write!(out, "{}", table::columns("  ", &rows))?;
    if let Some(more @ 1..) = changes.len().checked_sub(SHOWN) {
        writeln!(out, "  … and {more} more")?;
    }
    match freed.len() {
        0 => Ok(()),
        1 => writeln!(
            out,
            "1 run is removed or no longer created: it is sent again, if a manifest wants it."
        ),
        more => writeln!(
            out,
            "{more} runs are removed or no longer created: they are sent again, if a manifest \
             wants them."
        ),
    }
}

/// `3 records added, 1 changed, 2 removed`.
#[must_use]
pub fn count_changes(changes: &[Change<'_>]) -> String {
    let count =
        |is_such: fn(&Change<'_>) -> bool| changes.iter().filter(|change| is_such(change)).count();
    format!(
        "{} added, {} changed, {} removed",
        number(count(|change| change.old.is_none()), "record"),
        count(|change| change.old.is_some() && change.new.is_some()),
        count(|change| change.new.is_none()),
    )
}

fn cells(change: &Change<'_>) -> [String; 5] {
    let RunIdentity {
        sandbox,
        flow_id,
        window: span,
        rerun,
    } = change.identity();
    let again = match rerun.get() {
        1 => String::new(),
        rerun => format!(" rerun {rerun}"),
    };
    let (sign, what) = match (change.old, change.new) {
        (None, new) => ("+", new.map(describe).unwrap_or_default()),
        (old, None) => ("-", old.map(describe).unwrap_or_default()),
        (Some(old), Some(new)) if describe(old) == describe(new) => {
            ("~", format!("{}, otherwise recorded", describe(new)))
        }
        (Some(old), Some(new)) => ("~", format!("{}, now {}", describe(old), describe(new))),
    };
    [
        sign.to_owned(),
        change.key.short(),
        format!("{sandbox}  {flow_id}"),
        format!("{}{again}", window(*span)),
        what,
    ]
}

/// `created as RUN_ID`, `in doubt`.
fn describe(record: &Record) -> String {
    match &record.fate {
        fate @ Fate::Created { run_id, .. } => format!("{} as {run_id}", word(fate)),
        fate => word(fate).to_owned(),
    }
}
