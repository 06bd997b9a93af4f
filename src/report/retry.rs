//! A retry: which runs are run again and why, and what came of it.

use super::apply::{annotate_applied, ending_word, report_outcomes};
use super::blocks::{Flow, Layout, Report, Row, Table};
use super::follow::report_followed;
use super::github::{Annotation, FoundWindows, Outputs};
use super::json::{self, RetryDocument};
use super::reason::{describe_fate, describe_request, said};
use super::view::View;
use super::{listed, short_window};
use crate::engine::{Applied, RetrySummary};
use crate::plan::{Action, Plan, PlannedRun, RetryPlan};
use crate::run::{RunId, Window, WindowStatus};

/// How many runs of a flow are shown before they are only counted.
const SHOWN: usize = 20;

/// What `retry` would do, or came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryView<'a> {
    pub planned: &'a RetryPlan,
    /// What became of it; `None` where it is only shown.
    pub applied: Option<&'a Applied>,
}

impl<'a> RetryView<'a> {
    /// What would be done.
    pub(crate) fn of(planned: &'a RetryPlan) -> Self {
        Self {
            planned,
            applied: None,
        }
    }
}

impl View for RetryView<'_> {
    type Document = RetryDocument;

    fn report(&self, layout: Layout) -> Report {
        let Self { planned, applied } = *self;
        let summary = describe(RetrySummary::new(planned, applied), applied.is_some());
        let mut report = match applied {
            Some(applied) => Report::new("retry", ending_word(&applied.ending), &summary),
            None => Report::new("retry, as a dry run", "Retry", &summary),
        };
        if let Some(applied) = applied {
            let words = ["retry", "run again", "asked for again"];
            report_outcomes(&mut report, applied, &Plan::default(), words, layout);
        } else {
            let flows = planned.plan.flows();
            report.add_flows(flows.filter_map(|runs| flow(runs, layout)));
        }
        if let Some(limit) = planned.plan.limit() {
            report.note(format!(
                "Warning: {} held back by {} ({}) until the next retry.",
                planned.plan.held_back().len(),
                limit.name(),
                limit.most()
            ));
        }
        if !planned.exhausted.is_empty() {
            let runs: Vec<&PlannedRun> = planned.exhausted.iter().collect();
            let heading = "Run as often as limits.attempts allows, and left to a person";
            report.table(table(&runs, layout).under(heading));
            report.note(
                "See what is wrong with them first. `backfill retry --only KEY --max-attempts N` runs \
                 one again; `backfill state show KEY` has each attempt.",
            );
        }
        if let Some(applied) = applied {
            report_followed(&mut report, applied);
        }
        report
    }

    fn document(&self, exit_code: u8) -> RetryDocument {
        json::retry(self.planned, self.applied, exit_code)
    }

    fn annotations(&self) -> Vec<Annotation> {
        let Some(applied) = self.applied else {
            return Vec::new();
        };
        let mut exhausted = FoundWindows::default();
        for PlannedRun { run, .. } in &self.planned.exhausted {
            let why = "it failed as often as limits.attempts allows".to_owned();
            exhausted.add_wanted(WindowStatus::Failed, run, vec![why]);
        }
        let mut all = exhausted.into_annotations();
        all.extend(annotate_applied(applied));
        all
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::of_retried(self.planned, self.applied?))
    }
}

/// The runs of a flow that would be run again, or looked for.
fn flow(runs: &[PlannedRun], layout: Layout) -> Option<Flow> {
    let runs: Vec<&PlannedRun> = runs
        .iter()
        .filter(|planned| planned.action != Action::Unchanged)
        .collect();
    let first = &runs.first()?.run;
    let windows: Vec<(Window, WindowStatus)> = runs
        .iter()
        .map(|planned| (planned.run.identity.window, status(planned)))
        .collect();
    let to_retry = runs
        .iter()
        .filter(|planned| planned.action == Action::Retry);
    let flow = Flow::new(&first.request.name, &first.identity.flow, &windows, layout)?;
    Some(Flow {
        about: describe_request(&first.request),
        counts: vec![(to_retry.count(), "to run again")],
        table: table(&runs, layout),
        needs_attention: true,
        ..flow.without_gaps()
    })
}

/// What became of the run that is to be run again.
fn status(planned: &PlannedRun) -> WindowStatus {
    match (planned.action, planned.last_seen()) {
        (Action::Settle, _) => WindowStatus::InDoubt,
        (_, Some(seen)) => (&seen.status).into(),
        (_, None) => WindowStatus::NotRead,
    }
}

fn table(runs: &[&PlannedRun], layout: Layout) -> Table {
    let rows = runs.iter().map(|planned| row(planned));
    Table {
        head: &["KEY", "WINDOW (UTC)", "STATUS"],
        ..Table::first(layout.most(SHOWN), rows, "runs, shown by --verbose")
    }
}

fn row(planned: &PlannedRun) -> Row {
    let identity = &planned.run.identity;
    let known = planned.known.as_deref();
    let said = planned
        .last_seen()
        .map(said)
        .filter(|said| !said.is_empty());
    let doubt = known
        .filter(|_| planned.action == Action::Settle)
        .map(|known| describe_fate(&known.fate));
    let run_id = known.and_then(|known| known.fate.run_id());
    Row {
        run_id: Some(run_id.map_or("-".to_owned(), RunId::to_string)),
        notes: said.into_iter().chain(doubt).collect(),
        ..Row::new([
            identity.key().short(),
            short_window(identity.window, identity.rerun),
            status(planned).label().to_owned(),
        ])
    }
}

/// `18 retried, 2 exhausted, 280 unchanged`.
fn describe(summary: RetrySummary, is_applied: bool) -> String {
    let RetrySummary {
        retried,
        unchanged,
        rejected,
        in_doubt,
        remaining,
        exhausted,
        paused,
    } = summary;
    let (first, left) = if is_applied {
        ((retried, "retried"), (remaining, "remaining"))
    } else {
        ((remaining, "to run again"), (0, ""))
    };
    let others = [
        (rejected, "rejected"),
        (in_doubt, "in doubt"),
        left,
        (exhausted, "exhausted"),
        (paused, "paused"),
        (unchanged, "unchanged"),
    ];
    let others = others.into_iter().filter(|(number, _)| *number > 0);
    listed(std::iter::once(first).chain(others))
}
