//! Runs and their status, as a table.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::table;
use super::table::{Details, Layout};
use crate::api::{FlowRun, RunError};
use crate::report::{number, plain, short_window};
use crate::run::{FlowRef, Key, RunId, RunIdentity, RunStatus};
use crate::untrusted::Untrusted;

/// How many finished runs of a flow are shown before they are only counted.
const SHOWN: usize = 20;

/// One run, as the state and the service know it.
#[derive(Debug, Clone)]
pub(crate) struct StatusRow {
    /// The run.
    pub identity: RunIdentity,
    pub key: Key,
    /// The manifest's label for its flow.
    pub name: Untrusted,
    /// Its id; `None` while it is in doubt.
    pub run_id: Option<RunId>,
    /// What the service says of it.
    pub seen: RunListing,
}

/// What a flow's list says of a run.
#[derive(Debug, Clone)]
pub(crate) enum RunListing {
    /// This.
    Run(Box<FlowRun>),
    /// It is not in the list.
    NotListed,
    /// The list could not be read.
    NotRead,
}

/// A flow whose list could not be read.
#[derive(Debug, Clone)]
pub(crate) struct Unread {
    /// The manifest's label for it.
    pub name: Untrusted,
    pub flow: FlowRef,
    /// What the service said, or why it did not.
    pub why: String,
}

/// How the recorded runs are doing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    /// The runs, by sandbox, flow, window and rerun.
    pub rows: Vec<StatusRow>,
    /// The flows of which nothing is known, in the same order.
    pub unread: Vec<Unread>,
}

impl StatusRow {
    /// The word for where it stands.
    #[must_use]
    pub(crate) fn word(&self) -> String {
        match (&self.run_id, &self.seen) {
            (None, _) => "in doubt".to_owned(),
            (Some(_), RunListing::Run(run)) => run.status.to_string(),
            (Some(_), RunListing::NotListed) => "not listed".to_owned(),
            (Some(_), RunListing::NotRead) => "not read".to_owned(),
        }
    }

    /// The run as it is listed.
    #[must_use]
    pub(crate) fn run(&self) -> Option<&FlowRun> {
        match &self.seen {
            RunListing::Run(run) => Some(run),
            RunListing::NotListed | RunListing::NotRead => None,
        }
    }

    fn is_fine(&self) -> bool {
        self.run()
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

/// Writes the table; with `verbose`, every run of it and its id.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_status(out: &mut dyn Write, status: &Status, layout: Layout) -> io::Result<()> {
    let Status { rows, unread } = status;
    if rows.is_empty() {
        return writeln!(out, "No runs are recorded for these manifests.");
    }
    writeln!(out, "{}: {}.", number(rows.len(), "run"), count_words(rows))?;
    for Unread {
        name,
        flow: FlowRef { sandbox, id },
        why,
    } in unread
    {
        writeln!(
            out,
            "\nThe runs of {} ({sandbox}, {id}) could not be listed: {}",
            plain(name, 60),
            plain(why, 300)
        )?;
    }
    for flow in rows.chunk_by(|a, b| a.identity.flow == b.identity.flow) {
        write_flow(out, flow, layout)?;
    }
    Ok(())
}

fn write_flow(out: &mut dyn Write, flow: &[StatusRow], layout: Layout) -> io::Result<()> {
    let Some(first) = flow.first() else {
        return Ok(());
    };
    writeln!(
        out,
        "\n{}  {}  {}",
        console::style(plain(&first.name, 60)).bold(),
        first.identity.flow.sandbox,
        first.identity.flow.id
    )?;
    let all = layout.verbose || flow.len() <= SHOWN;
    let shown: Vec<&StatusRow> = flow.iter().filter(|row| all || !row.is_fine()).collect();
    if shown.is_empty() {
        return writeln!(out, "  {} succeeded, shown by --verbose", flow.len());
    }
    let head = ["KEY", "WINDOW (UTC)", "STATUS", "IN", "OUT", "FAILED"];
    let rows: Vec<_> = shown.iter().map(|row| cells(row)).collect();
    let details: Vec<Details> = shown
        .iter()
        .map(|row| Details {
            run_id: row.run_id.as_ref(),
            more: row
                .run()
                .map_or(&[][..], |run| &run.errors)
                .iter()
                .map(describe_error)
                .collect(),
        })
        .collect();
    table::write_runs(out, head, &rows, &details, layout)?;
    if !all {
        writeln!(
            out,
            "  {} more succeeded, shown by --verbose",
            flow.len() - shown.len()
        )?;
    }
    Ok(())
}

fn describe_error(error: &RunError) -> String {
    format!("{} {}", plain(&error.code, 60), plain(&error.message, 300))
}

fn cells(row: &StatusRow) -> [String; 6] {
    let records = row.run().map(|run| run.records).unwrap_or_default();
    let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let RunIdentity { window, rerun, .. } = &row.identity;
    [
        row.key.short(),
        short_window(*window, *rerun),
        plain(&row.word(), 40),
        number(records.input),
        number(records.output),
        number(records.failed),
    ]
}
