//! How recorded runs are doing, as text: totals, then each flow with its bar, its totals and its
//! runs, those that failed first.

use std::io::{self, Write};
use std::ops::AddAssign;

use jiff::SignedDuration;

use super::follow::{describe_bytes, describe_records};
use super::table::{Details, Layout, write_runs};
use super::write_lines;
use crate::api::{FlowRun, RunError};
use crate::report::bar::{Bar, Cell, legend};
use crate::report::text::plan::write_bar;
use crate::report::wrap::wrap;
use crate::report::{duration, number, plain, short_window};
use crate::run::{ByteCounts, FlowRef, Key, RecordCounts, RunId, RunIdentity, RunStatus, Window};
use crate::state::{Holder, Refusal};
use crate::untrusted::Untrusted;

/// How many runs of a flow are shown before they are only counted.
const SHOWN: usize = 20;

/// One run, as the state and the service know it.
#[derive(Debug, Clone)]
pub(crate) struct StatusRow {
    /// The run.
    pub identity: RunIdentity,
    pub key: Key,
    /// The manifest's label for its flow.
    pub name: Untrusted,
    /// Its id; `None` while it is in doubt, and where it was rejected.
    pub run_id: Option<RunId>,
    /// Which attempt it is, from 1.
    pub attempt: usize,
    /// What the service says of it.
    pub seen: RunListing,
}

/// What a flow's list says of a run.
#[derive(Debug, Clone)]
pub(crate) enum RunListing {
    /// This.
    Run(Box<FlowRun>),
    /// It runs again under the id that it has, and the list shows it as it was before.
    RunsAgain,
    /// It is not in the list.
    NotListed,
    /// The list could not be read.
    NotRead,
    /// It is being sent: whoever holds the state is at work, and no answer is to be expected yet.
    Sending,
    /// The service refused it, so that there is no run.
    Rejected(Box<Refusal>),
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
    /// Who holds the state, where some runs are being sent.
    pub holder: Option<Holder>,
}

/// Where a run stands, what needs a person first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Failed,
    Rejected,
    InDoubt,
    NotListed,
    NotRead,
    Partial,
    Empty,
    Unknown,
    InProgress,
    Scheduled,
    Success,
}

impl StatusRow {
    /// Where it stands.
    #[must_use]
    pub(crate) fn standing(&self) -> Standing {
        match (&self.run_id, &self.seen) {
            (_, RunListing::Rejected(_)) => Standing::Rejected,
            (_, RunListing::Sending | RunListing::RunsAgain) => Standing::Scheduled,
            (None, _) => Standing::InDoubt,
            (Some(_), RunListing::NotListed) => Standing::NotListed,
            (Some(_), RunListing::NotRead) => Standing::NotRead,
            (Some(_), RunListing::Run(run)) => match run.status {
                RunStatus::Scheduled => Standing::Scheduled,
                RunStatus::InProgress => Standing::InProgress,
                RunStatus::Success => Standing::Success,
                RunStatus::Partial => Standing::Partial,
                RunStatus::Empty => Standing::Empty,
                RunStatus::Failed => Standing::Failed,
                RunStatus::Unknown(_) => Standing::Unknown,
            },
        }
    }

    /// Whether the service may still change it.
    #[must_use]
    pub(crate) fn is_unfinished(&self) -> bool {
        matches!(
            self.standing(),
            Standing::Unknown | Standing::InProgress | Standing::Scheduled | Standing::NotListed
        )
    }

    /// The word for where it stands.
    #[must_use]
    pub(crate) fn word(&self) -> String {
        match (&self.run_id, &self.seen) {
            (_, RunListing::Rejected(_)) => "rejected".to_owned(),
            (_, RunListing::Sending) => "being sent".to_owned(),
            (None, _) => "in doubt".to_owned(),
            (Some(_), RunListing::Run(run)) => run.status.to_string(),
            (Some(_), RunListing::RunsAgain) => "retried".to_owned(),
            (Some(_), RunListing::NotListed) => "not listed".to_owned(),
            (Some(_), RunListing::NotRead) => "not read".to_owned(),
        }
    }

    /// The run as it is listed.
    #[must_use]
    pub(crate) fn run(&self) -> Option<&FlowRun> {
        match &self.seen {
            RunListing::Run(run) => Some(run),
            RunListing::RunsAgain
            | RunListing::NotListed
            | RunListing::NotRead
            | RunListing::Sending
            | RunListing::Rejected(_) => None,
        }
    }

    fn is_fine(&self) -> bool {
        self.standing() == Standing::Success && self.run().is_some_and(|run| run.errors.is_empty())
    }
}

impl Standing {
    /// Each with its word, in the order in which totals have them.
    pub(in crate::report) const WORDS: [(Self, &'static str); 11] = [
        (Self::Success, "success"),
        (Self::Partial, "partial"),
        (Self::Empty, "empty"),
        (Self::Failed, "failed"),
        (Self::Rejected, "rejected"),
        (Self::InProgress, "in progress"),
        (Self::Scheduled, "scheduled"),
        (Self::Unknown, "of an unknown status"),
        (Self::InDoubt, "in doubt"),
        (Self::NotListed, "not listed"),
        (Self::NotRead, "not read"),
    ];

    fn cell(self) -> Cell {
        match self {
            Self::Success => Cell::Done,
            Self::Partial => Cell::Partial,
            Self::Empty => Cell::Empty,
            Self::Failed => Cell::RunFailed,
            Self::Rejected => Cell::Failed,
            Self::InProgress
            | Self::Scheduled
            | Self::Unknown
            | Self::NotListed
            | Self::NotRead => Cell::Unfinished,
            Self::InDoubt => Cell::InDoubt,
        }
    }
}

/// How many runs stand where, and what they moved.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StatusTotals {
    counts: [usize; Standing::WORDS.len()],
    pub records: RecordCounts,
    pub bytes: ByteCounts,
    /// For how long they worked, those counted of which both ends are known.
    worked: SignedDuration,
    timed: i32,
}

impl StatusTotals {
    #[must_use]
    pub(crate) fn of<'r>(rows: impl IntoIterator<Item = &'r StatusRow>) -> Self {
        let mut totals = Self::default();
        for row in rows {
            totals += row;
        }
        totals
    }

    /// How many runs stand there.
    #[must_use]
    pub(crate) fn count(&self, standing: Standing) -> usize {
        let words = Standing::WORDS.iter().zip(self.counts);
        let found = words.filter(|((known, _), _)| *known == standing);
        found.map(|(_, count)| count).sum()
    }

    /// `3 success, 1 failed`.
    pub(in crate::report) fn describe_counts(&self) -> String {
        let parts: Vec<String> = Standing::WORDS
            .iter()
            .zip(self.counts)
            .filter(|(_, count)| *count > 0)
            .map(|((_, word), count)| format!("{count} {word}"))
            .collect();
        parts.join(", ")
    }

    /// `28,500 records in, …; 7.2 MB in, …; 3 s each`.
    fn describe_moved(&self) -> Option<String> {
        let each = (self.timed > 0)
            .then(|| self.worked / self.timed)
            .and_then(|each| std::time::Duration::try_from(each).ok());
        let each = each.map(|each| format!("{} each", duration(each)));
        let parts: Vec<String> = [
            describe_records(self.records),
            describe_bytes(self.bytes),
            each,
        ]
        .into_iter()
        .flatten()
        .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

impl AddAssign<&StatusRow> for StatusTotals {
    fn add_assign(&mut self, row: &StatusRow) {
        let standing = row.standing();
        for ((known, _), count) in Standing::WORDS.iter().zip(&mut self.counts) {
            *count += usize::from(*known == standing);
        }
        let Some(run) = row.run() else { return };
        self.records = self.records.plus(run.records);
        self.bytes = self.bytes.plus(run.bytes);
        if let (Some(began), Some(ended)) = (run.times.started_at, run.times.ended_at)
            && began <= ended
        {
            self.worked += ended.duration_since(began);
            self.timed += 1;
        }
    }
}

/// Writes the status; with `verbose`, every run of it and its id.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_status(out: &mut dyn Write, status: &Status, layout: Layout) -> io::Result<()> {
    let Status {
        rows,
        unread,
        holder,
    } = status;
    if rows.is_empty() {
        return writeln!(out, "No runs are recorded for these manifests.");
    }
    let totals = StatusTotals::of(rows);
    let counts = totals.describe_counts();
    let line = format!("{}: {counts}.", number(rows.len(), "run"));
    write_lines(out, &wrap(&line, "  ", layout.columns()))?;
    if let Some(moved) = totals.describe_moved() {
        write_lines(out, &wrap(&format!("{moved}."), "  ", layout.columns()))?;
    }
    if let Some(holder) = holder {
        let held = format!(
            "More runs may come: the state is held by {}.",
            plain(&holder.to_string(), 300)
        );
        write_lines(out, &wrap(&held, "  ", layout.columns()))?;
    }
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
    let flows: Vec<FlowStatus> = rows
        .chunk_by(|a, b| a.identity.flow == b.identity.flow)
        .filter_map(|rows| FlowStatus::of(rows, layout))
        .collect();
    let legend: Vec<String> = legend(flows.iter().map(|flow| &flow.bar))
        .into_iter()
        .map(|(mark, meaning)| format!("{mark} {meaning}"))
        .collect();
    let line = format!("Bars: {}", legend.join("  "));
    write_lines(out, &wrap(&line, "      ", layout.columns()))?;
    for flow in &flows {
        flow.write(out, layout)?;
    }
    Ok(())
}

/// A flow of a status.
struct FlowStatus<'s> {
    rows: &'s [StatusRow],
    span: Window,
    bar: Bar,
}

impl<'s> FlowStatus<'s> {
    fn of(rows: &'s [StatusRow], layout: Layout) -> Option<Self> {
        let windows: Vec<(Window, Cell)> = rows
            .iter()
            .map(|row| (row.identity.window, row.standing().cell()))
            .collect();
        let start = windows.iter().map(|(window, _)| window.start()).min()?;
        let end = windows.iter().map(|(window, _)| window.end()).max()?;
        let span = Window::new(start, end).ok()?;
        let width = layout.columns().saturating_sub("  [)".len());
        let bar = Bar::of(span, &windows, width).without_gaps();
        Some(Self { rows, span, bar })
    }

    fn write(&self, out: &mut dyn Write, layout: Layout) -> io::Result<()> {
        let rows = self.rows;
        let first = &rows[0];
        writeln!(
            out,
            "\n{}  {}  {}",
            console::style(plain(&first.name, 60)).bold(),
            first.identity.flow.sandbox,
            first.identity.flow.id
        )?;
        write_bar(out, &self.bar, self.span)?;
        let totals = StatusTotals::of(rows);
        let moved = totals.describe_moved();
        let line = match moved {
            Some(moved) => format!("  {}; {moved}", totals.describe_counts()),
            None => format!("  {}", totals.describe_counts()),
        };
        write_lines(out, &wrap(&line, "  ", layout.columns()))?;
        let all = layout.verbose || rows.len() <= SHOWN;
        let mut shown: Vec<&StatusRow> = rows.iter().filter(|row| all || !row.is_fine()).collect();
        shown.sort_by_key(|row| row.standing());
        let most = if layout.verbose { shown.len() } else { SHOWN };
        let more = rows.len() - shown.len().min(most);
        shown.truncate(most);
        write_rows(out, &shown, layout)?;
        if more > 0 {
            writeln!(out, "  {more} more, shown by --verbose")?;
        }
        Ok(())
    }
}

fn write_rows(out: &mut dyn Write, shown: &[&StatusRow], layout: Layout) -> io::Result<()> {
    if shown.is_empty() {
        return Ok(());
    }
    let head = ["KEY", "WINDOW (UTC)", "STATUS", "IN", "OUT", "FAILED"];
    let rows: Vec<_> = shown.iter().map(|row| cells(row)).collect();
    let details: Vec<Details> = shown
        .iter()
        .map(|row| Details {
            run_id: row.run_id.as_ref(),
            more: told(row, layout),
        })
        .collect();
    write_runs(out, head, &rows, &details, layout)
}

/// What is told under a run: which attempt it is, its errors, and where more is to be had.
fn told(row: &StatusRow, layout: Layout) -> Vec<String> {
    let again = (row.attempt > 1).then(|| format!("attempt {}", row.attempt));
    let refused = match &row.seen {
        RunListing::Rejected(refusal) => Some(plain(&refusal.to_string(), 300)),
        _ => None,
    };
    let errors = row.run().map_or(&[][..], |run| &run.errors);
    let links = row.run().map_or(&[][..], |run| &run.diagnostics);
    let sentences = again
        .into_iter()
        .chain(refused)
        .chain(errors.iter().map(describe_error))
        .flat_map(|line| wrap(&line, "", layout.columns().saturating_sub(6)));
    // A link that is broken is none.
    sentences
        .chain(links.iter().map(|link| plain(link, 700)))
        .collect()
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
