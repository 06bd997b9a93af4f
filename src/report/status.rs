//! Runs and their status, as a table.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{number, plain, table, window};
use crate::api::{FlowRun, RunStatus};
use crate::run::{Key, RunId, RunIdentity};
use crate::untrusted::Untrusted;

/// How many finished runs of a flow are shown before they are only counted.
const SHOWN: usize = 20;

/// One run, as the state and the service know it.
#[derive(Debug, Clone)]
pub struct StatusRow {
    /// The run.
    pub identity: RunIdentity,
    /// Its key.
    pub key: Key,
    /// The manifest's label for its flow.
    pub name: Untrusted,
    /// Its id; `None` while it is in doubt.
    pub run_id: Option<RunId>,
    /// What the service says of it; `None` where it says nothing.
    pub run: Option<FlowRun>,
}

impl StatusRow {
    /// The word for where it stands.
    #[must_use]
    pub fn word(&self) -> String {
        match (&self.run_id, &self.run) {
            (None, _) => "in doubt".to_owned(),
            (Some(_), None) => "not listed".to_owned(),
            (Some(_), Some(run)) => run.status.to_string(),
        }
    }

    fn is_fine(&self) -> bool {
        self.run
            .as_ref()
            .is_some_and(|run| run.status == RunStatus::Success && run.errors.is_empty())
    }
}

/// `3 success, 1 failed`.
fn count_words(rows: &[StatusRow]) -> String {
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        *words.entry(row.word()).or_default() += 1;
    }
    let words: Vec<String> = words
        .iter()
        .map(|(word, number)| format!("{number} {}", plain(word, 40)))
        .collect();
    words.join(", ")
}

/// Writes the table; with `verbose`, every run of it.
///
/// # Errors
/// When writing fails.
pub fn write_status(out: &mut dyn Write, rows: &[StatusRow], verbose: bool) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "No runs are recorded for these manifests.");
    }
    writeln!(out, "{}: {}.", number(rows.len(), "run"), count_words(rows))?;
    for flow in rows.chunk_by(|a, b| {
        (&a.identity.sandbox, a.identity.flow_id) == (&b.identity.sandbox, b.identity.flow_id)
    }) {
        write_flow(out, flow, verbose)?;
    }
    Ok(())
}

fn write_flow(out: &mut dyn Write, flow: &[StatusRow], verbose: bool) -> io::Result<()> {
    let Some(first) = flow.first() else {
        return Ok(());
    };
    writeln!(
        out,
        "\n{}  {}  {}",
        console::style(plain(&first.name, 60)).bold(),
        first.identity.sandbox,
        first.identity.flow_id
    )?;
    let all = verbose || flow.len() <= SHOWN;
    let shown: Vec<&StatusRow> = flow.iter().filter(|row| all || !row.is_fine()).collect();
    if shown.is_empty() {
        return writeln!(out, "  {} succeeded, shown by --verbose", flow.len());
    }
    let mut rows =
        vec![["KEY", "WINDOW", "RUN", "STATUS", "IN", "OUT", "FAILED"].map(ToOwned::to_owned)];
    rows.extend(shown.iter().map(|row| cells(row)));
    let text = table::columns("  ", &rows);
    for (line, row) in text
        .lines()
        .zip([None].into_iter().chain(shown.iter().map(Some)))
    {
        writeln!(out, "{line}")?;
        for error in row
            .and_then(|row| row.run.as_ref())
            .map_or(&[][..], |run| &run.errors)
        {
            writeln!(
                out,
                "      {} {}",
                plain(&error.code, 60),
                plain(&error.message, 300)
            )?;
        }
    }
    if !all {
        writeln!(
            out,
            "  {} more succeeded, shown by --verbose",
            flow.len() - shown.len()
        )?;
    }
    Ok(())
}

fn cells(row: &StatusRow) -> [String; 7] {
    let records = row.run.as_ref().map(|run| run.records).unwrap_or_default();
    let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |n| n.to_string());
    [
        row.key.short(),
        window(row.identity.window),
        row.run_id
            .as_ref()
            .map_or_else(|| "-".to_owned(), ToString::to_string),
        plain(&row.word(), 40),
        number(records.input),
        number(records.output),
        number(records.failed),
    ]
}
