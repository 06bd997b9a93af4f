//! How recorded runs are doing, as text: totals, then each flow with its bar, its totals and its
//! runs, those that failed first.

use std::collections::HashMap;

use jiff::Timestamp;

use super::blocks::{Flow, Layout, Report, Row, Table};
use super::follow::{describe_bytes, describe_records};
use super::github::{Annotation, AnnotationPlace, FoundWindows, Outputs, first_origins};
use super::html::{PageSource, page};
use super::json::{self, StatusDocument};
use super::plan::PlanView;
use super::view::View;
use super::{duration, number, plain, short_window};
use crate::api::RunError;
use crate::manifest::Severity;
use crate::reconcile::status::{RunListing, Status, StatusRow, StatusTotals, Unread};
use crate::run::{DesiredRun, Key, Origin, RunId, RunIdentity, RunStatus, Window, WindowStatus};

/// How many runs of a flow are shown before they are only counted.
const SHOWN: usize = 20;

/// `28,500 records in, …; 7.2 MB in, …; 3 s each`.
fn describe_moved(totals: &StatusTotals) -> Option<String> {
    let each = totals.each();
    let parts: Vec<String> = [
        describe_records(totals.records),
        describe_bytes(totals.bytes),
        each.map(|each| format!("{} each", duration(each))),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// How recorded runs are doing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StatusView<'a> {
    /// The runs, and the flows whose runs could not be listed.
    pub status: &'a Status,
    /// What the manifests ask for, with its lines.
    pub wanted: &'a [DesiredRun],
    /// What there is to do, where a page is to tell.
    pub plan: Option<PlanView<'a>>,
}

impl<'a> View for StatusView<'a> {
    type Document = StatusDocument<'a>;

    fn report(&self, layout: Layout) -> Report {
        let Status {
            rows,
            unread,
            holder,
        } = self.status;
        if rows.is_empty() {
            return Report {
                title: "status: 0 runs".to_owned(),
                verdict: "No runs are recorded for these manifests.".to_owned(),
                blocks: Vec::new(),
            };
        }
        let totals = StatusTotals::of(rows);
        let counts = totals.counts.describe();
        let all = format!("{}: {counts}", number(rows.len(), "run"));
        let mut report = Report::new("status", "", &all);
        if let Some(moved) = describe_moved(&totals) {
            report.note(format!("{moved}."));
        }
        let holder = holder.iter().map(|it| Row::new([plain(&it, 300)]));
        let holder = Table::first(1, holder, "");
        report.table(holder.under("More runs may come: the state is held by"));
        let unread = Table::first(usize::MAX, unread.iter().map(unread_row), "flows");
        report.table(unread.under("These flows could not be listed"));
        let flows = rows.chunk_by(|a, b| a.identity.flow == b.identity.flow);
        report.add_flows(flows.filter_map(|rows| flow(rows, layout)));
        report
    }

    fn document(&self, exit_code: u8) -> StatusDocument<'a> {
        json::status(self.status, exit_code)
    }

    fn annotations(&self) -> Vec<Annotation> {
        annotate_status(self.status, self.wanted)
    }

    fn html(&self, now: Timestamp) -> Option<String> {
        Some(page(&PageSource {
            status: Some(self.status),
            ..self.plan?.page_source("status", now)
        }))
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::of_status(self.status))
    }
}

/// Runs that have failed, or may not exist. `wanted` knows the lines that ask for them.
fn annotate_status(status: &Status, wanted: &[DesiredRun]) -> Vec<Annotation> {
    let origins: HashMap<Key, Origin> =
        wanted.iter().map(|run| (run.key(), run.origin())).collect();
    let mut windows = FoundWindows::default();
    for row in &status.rows {
        let (status, lines) = match (row.status(), &row.seen) {
            (status, RunListing::Rejected(refusal)) => (status, vec![refusal.to_string()]),
            (WindowStatus::InDoubt, _) => {
                (WindowStatus::InDoubt, vec!["no answer is known".to_owned()])
            }
            (_, RunListing::Run(run))
                if run.status == RunStatus::Failed || !run.errors.is_empty() =>
            {
                let errors = run.errors.iter();
                let lines = errors.map(|error| format!("{} {}", error.code, error.message));
                (WindowStatus::Failed, lines.collect())
            }
            _ => continue,
        };
        windows.add(status, origins.get(&row.key).cloned(), &row.identity, lines);
    }
    let flows = first_origins(wanted);
    let unread = status.unread.iter().map(|flow| Annotation {
        severity: Severity::Error,
        spot: flows.get(&flow.flow).map(AnnotationPlace::from),
        title: "not read".to_owned(),
        lines: vec![format!(
            "the runs of the flow could not be listed: {}",
            flow.why
        )],
    });
    windows
        .into_annotations()
        .into_iter()
        .chain(unread)
        .collect()
}

fn unread_row(unread: &Unread) -> Row {
    let Unread { name, flow, why } = unread;
    let about = format!("{}  {flow}", plain(name, 60));
    Row::new([about]).with_notes(vec![plain(why, 300)])
}

fn flow(rows: &[StatusRow], layout: Layout) -> Option<Flow> {
    let first = rows.first()?;
    let windows: Vec<(Window, WindowStatus)> = rows
        .iter()
        .map(|row| (row.identity.window, row.status()))
        .collect();
    let totals = StatusTotals::of(rows);
    let counts = totals.counts.present();
    let all = layout.verbose || rows.len() <= SHOWN;
    let mut shown: Vec<&StatusRow> = rows.iter().filter(|row| all || !row.is_fine()).collect();
    shown.sort_by_key(|row| row.status());
    shown.truncate(layout.most(SHOWN));
    let flow = Flow::new(&first.name, &first.identity.flow, &windows, layout)?;
    Some(Flow {
        counts: counts
            .map(|(status, number)| (number, status.label()))
            .collect(),
        moved: describe_moved(&totals),
        needs_attention: totals.counts.sum(WindowStatus::needs_attention) > 0,
        table: Table {
            head: &["KEY", "WINDOW (UTC)", "STATUS", "IN", "OUT", "FAILED"],
            left_out: rows.len() - shown.len(),
            rows: shown.into_iter().map(row).collect(),
            rest: "runs, shown by --verbose",
            ..Table::default()
        },
        ..flow.without_gaps()
    })
}

/// A run; under it which attempt it is, its errors, and where more is to be had.
fn row(row: &StatusRow) -> Row {
    let records = row.run().map(|run| run.records).unwrap_or_default();
    let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let RunIdentity { window, rerun, .. } = &row.identity;
    let again = (row.attempt > 1).then(|| format!("attempt {}", row.attempt));
    let refused = match &row.seen {
        RunListing::Rejected(refusal) => Some(plain(&refusal.to_string(), 300)),
        _ => None,
    };
    let errors = row.run().map_or(&[][..], |run| &run.errors);
    let links = row.run().map_or(&[][..], |run| &run.diagnostics);
    let notes = again
        .into_iter()
        .chain(refused)
        .chain(errors.iter().map(describe_error))
        .chain(links.iter().map(|link| plain(link, 700)));
    Row {
        run_id: Some(row.run_id.as_ref().map_or("-".to_owned(), RunId::to_string)),
        notes: notes.collect(),
        ..Row::new([
            row.key.short(),
            short_window(*window, *rerun),
            plain(&row.label(), 40),
            number(records.input),
            number(records.output),
            number(records.failed),
        ])
    }
}

pub(super) fn describe_error(error: &RunError) -> String {
    format!("{} {}", plain(&error.code, 60), plain(&error.message, 300))
}
