//! What an apply came to: one line of totals, then what needs a person.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::blocks::{Flow, Layout, Report, Row, Table};
use super::follow::report_followed;
use super::github::{Annotation, FoundWindows, Outputs};
use super::html::{PageSource, page};
use super::json::{self, ApplyDocument};
use super::outcome::{describe_ending, describe_left, run_row};
use super::plan::PlanView;
use super::reason::{describe_held_back, describe_request, describe_review, said};
use super::view::View;
use super::{listed, number, plain};
use crate::engine::{Applied, Ending, LeftReason, OutcomeKind, RunOutcome};
use crate::manifest::Severity;
use crate::plan::{Action, Plan};
use crate::run::{Counts, DesiredRun, FlowRef, Window, WindowStatus};
use crate::untrusted::Untrusted;

/// How many runs of a kind are named before the rest is counted.
const NAMED: usize = 10;
/// How much of what the service said is repeated.
const MOST_SAID: usize = 700;
/// What becomes of runs in doubt.
const SETTLED_LATER: &str = "The next apply looks for what is in doubt again; `backfill resolve` shows \
     what is known of it, and records what you know.";

/// What `apply` came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApplyView<'a> {
    /// What was planned.
    pub plan: &'a Plan,
    /// What became of it.
    pub applied: &'a Applied,
    /// What there is to do after it, where a page is to tell.
    pub next: Option<PlanView<'a>>,
}

impl View for ApplyView<'_> {
    type Document = ApplyDocument;

    fn report(&self, layout: Layout) -> Report {
        let Self { plan, applied, .. } = *self;
        let totals = plan.totals();
        let counts = applied.counts(totals.held_back);
        let is_idle = !totals.has_changes()
            && totals
                .actions
                .sum(|it| matches!(it, Action::Paused | Action::Unreviewed))
                == 0
            && applied.others_in_doubt == 0;
        let verdict = if is_idle {
            let unchanged = counts.of(OutcomeKind::Unchanged);
            format!("Nothing to do: 0 created, {unchanged} unchanged")
        } else {
            format!("{}: {}", ending_word(&applied.ending), describe(&counts))
        };
        let mut report = Report::new("apply", "", &verdict);
        if let Some(review) = describe_review(plan) {
            report.note(format!("{review}."));
        }
        let words = ["apply", "created", "sent again"];
        report_outcomes(&mut report, applied, plan, words, layout);
        report_followed(&mut report, applied);
        if layout.is_markdown {
            report.add_flows(flows(applied, plan, layout));
            report.note(format!("Digest of the plan: `{}`", plan.digest()));
        }
        report
    }

    fn document(&self, exit_code: u8) -> ApplyDocument {
        json::apply(self.applied, self.plan, exit_code)
    }

    fn annotations(&self) -> Vec<Annotation> {
        annotate_applied(self.applied)
    }

    fn html(&self, now: Timestamp) -> Option<String> {
        Some(page(&PageSource {
            applied: Some(self.applied),
            ..self.next?.page_source("apply", now)
        }))
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::of_applied(self.plan, self.applied))
    }
}

/// `Done`, or that it was not.
pub(super) fn ending_word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done => "Done",
        Ending::Interrupted => "Interrupted",
        _ => "Stopped",
    }
}

/// `3 created, 1 rejected`: how many were created, and what else there is.
fn describe(counts: &Counts<OutcomeKind>) -> String {
    let others = counts.present();
    let others = others.filter(|(kind, _)| *kind != OutcomeKind::Created);
    let created = (OutcomeKind::Created, counts.of(OutcomeKind::Created));
    let all = std::iter::once(created).chain(others);
    listed(all.map(|(kind, number)| (number, word(kind))))
}

fn word(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Created => "created",
        OutcomeKind::Adopted => "adopted",
        OutcomeKind::Rejected => "rejected",
        OutcomeKind::InDoubt => "in doubt",
        OutcomeKind::Remaining => "remaining",
        OutcomeKind::Unchanged => "unchanged",
    }
}

/// Adds what needs a person: why it stopped, what was refused, is in doubt or is left. `words` are the
/// verb, and what is not done with the first two.
pub(super) fn report_outcomes(
    report: &mut Report,
    applied: &Applied,
    plan: &Plan,
    [verb, created, sent_again]: [&str; 3],
    layout: Layout,
) {
    let why = describe_ending(&applied.ending).filter(|_| layout.is_markdown);
    let why = why.map(|why| Row::new([plain(&why, MOST_SAID)]));
    report.table(Table::first(1, why, "").under("It stopped early"));
    let most = if layout.is_markdown {
        usize::MAX
    } else {
        NAMED
    };
    let heading = format!("Rejected, and not {created}");
    report.table(outcomes(applied, heading, most, |outcome| match outcome {
        RunOutcome::Rejected(refusal) => Some(refusal.to_string()),
        _ => None,
    }));
    let heading = format!("In doubt, and not {sent_again} until that is settled");
    let doubts = outcomes(applied, heading, most, |outcome| match outcome {
        RunOutcome::InDoubt(reason) => Some(reason.to_string()),
        _ => None,
    });
    let has_doubts = !doubts.rows.is_empty() || applied.others_in_doubt > 0;
    report.table(doubts);
    match applied.others_in_doubt {
        0 => {}
        1 => report.note("Of those in doubt one is outside this plan."),
        others => report.note(format!("Of those in doubt {others} are outside this plan.")),
    }
    if has_doubts {
        report.note(SETTLED_LATER);
    }
    let left = left_by_reason(applied).into_iter().map(describe_left_runs);
    let rows = left
        .chain(describe_held_back(plan))
        .map(|line| Row::new([line]));
    let left = Table::first(usize::MAX, rows, "reasons");
    report.table(left.under(format!("Left for the next {verb}")));
}

/// The runs of one outcome, each with what there is to know.
fn outcomes(
    applied: &Applied,
    heading: String,
    most: usize,
    reason: impl Fn(&RunOutcome) -> Option<String>,
) -> Table {
    let told = applied.runs.iter();
    let rows = told.filter_map(|(run, outcome)| {
        let reason = reason(outcome)?;
        Some(run_row(run).with_notes(vec![plain(&reason, MOST_SAID)]))
    });
    Table::first(most, rows, "runs; --report has them all").under(heading)
}

/// What of an apply needs a person: refused, failed, in doubt, or left for a reason of its own.
pub(super) fn annotate_applied(applied: &Applied) -> Vec<Annotation> {
    let mut windows = FoundWindows::default();
    for (run, outcome) in &applied.runs {
        let reason = match outcome {
            RunOutcome::Rejected(refusal) => refusal.to_string(),
            RunOutcome::InDoubt(reason) => reason.to_string(),
            RunOutcome::Remaining(_)
            | RunOutcome::Unchanged
            | RunOutcome::Created(_)
            | RunOutcome::Adopted(..) => continue,
        };
        windows.add_wanted(outcome.status(), run, vec![reason]);
    }
    let failures = applied.followed.iter().flat_map(|totals| &totals.failures);
    for (run, run_id, seen) in failures {
        let line = format!("run {run_id}: {}", said(seen));
        windows.add_wanted(WindowStatus::Failed, run, vec![line]);
    }
    let left = left_by_reason(applied).into_iter().map(|left| {
        let LeftRuns { reason, runs, .. } = left;
        let flows: BTreeSet<_> = runs.iter().map(|run| run.identity.flow.id).collect();
        Annotation {
            severity: Severity::Warning,
            spot: (flows.len() == 1).then(|| (&runs[0].origin()).into()),
            title: "left for the next apply".to_owned(),
            lines: vec![format!(
                "{} of {}: {}",
                number(runs.len(), "run"),
                number(flows.len(), "flow"),
                describe_left(reason)
            )],
        }
    });
    windows.into_annotations().into_iter().chain(left).collect()
}

/// The runs that are left for one reason: of many flows it is said once.
#[derive(Debug)]
struct LeftRuns<'a> {
    reason: &'a LeftReason,
    runs: Vec<&'a DesiredRun>,
    /// When the last of them fits, if that is known.
    last_fits: Option<Timestamp>,
}

fn left_by_reason(applied: &Applied) -> Vec<LeftRuns<'_>> {
    let mut left: Vec<LeftRuns<'_>> = Vec::new();
    for (run, outcome) in &applied.runs {
        let RunOutcome::Remaining(reason) = outcome else {
            continue;
        };
        let known = left.iter_mut().rev().find(|it| it.reason.is_like(reason));
        if let Some(known) = known {
            known.runs.push(run);
            known.last_fits = known.last_fits.max(reason.fits());
        } else {
            left.push(LeftRuns {
                reason,
                runs: vec![run],
                last_fits: reason.fits(),
            });
        }
    }
    left
}

fn describe_left_runs(left: LeftRuns<'_>) -> String {
    let LeftRuns {
        reason,
        runs,
        last_fits,
    } = left;
    let names: BTreeSet<&Untrusted> = runs.iter().map(|run| &run.request.name).collect();
    let of = match names.first() {
        Some(name) if names.len() == 1 => plain(name, 60),
        _ => format!("{} flows", names.len()),
    };
    let mut why = describe_left(reason);
    if let Some(last) = last_fits.filter(|_| runs.len() > 1) {
        why = format!("{why}, the last from {last:.0} on");
    }
    format!("{} of {of}: {}", runs.len(), plain(&why, MOST_SAID))
}

/// The flows of an apply, each with a bar of what its windows came to.
fn flows(applied: &Applied, plan: &Plan, layout: Layout) -> Vec<Flow> {
    let mut flows: BTreeMap<&FlowRef, Vec<(&DesiredRun, OutcomeKind, WindowStatus)>> =
        BTreeMap::new();
    let done = applied.runs.iter();
    let done = done.map(|(run, outcome)| (run, outcome.kind(), outcome.status()));
    let held_back = plan.held_back().iter();
    let held_back = held_back.map(|it| (&it.run, OutcomeKind::Remaining, WindowStatus::HeldBack));
    for run in done.chain(held_back) {
        flows.entry(&run.0.identity.flow).or_default().push(run);
    }
    flows
        .into_values()
        .filter_map(|runs| flow(&runs, layout))
        .collect()
}

fn flow(runs: &[(&DesiredRun, OutcomeKind, WindowStatus)], layout: Layout) -> Option<Flow> {
    let (first, ..) = runs.first()?;
    let windows: Vec<(Window, WindowStatus)> = runs
        .iter()
        .map(|(run, _, status)| (run.identity.window, *status))
        .collect();
    let counts: Counts<OutcomeKind> = runs.iter().map(|(_, kind, _)| *kind).collect();
    let counts = counts.present().map(|(kind, number)| (number, word(kind)));
    Some(Flow {
        about: describe_request(&first.request),
        counts: counts.collect(),
        ..Flow::new(&first.request.name, &first.identity.flow, &windows, layout)?
    })
}
