//! What of a result is annotated, and at which line: a result in, annotations out, worst first.

use std::collections::{BTreeSet, HashMap};

use super::{Annotation, AnnotationPlace};
use crate::engine::{Applied, RunOutcome};
use crate::manifest::{Problem, Severity, SourcePlace};
use crate::plan::{Action, Plan, PlannedRun, RetryPlan};
use crate::report::apply::{LeftRuns, left_by_reason};
use crate::report::outcome::{describe_doubt, describe_left};
use crate::report::reason::{reasons, said};
use crate::report::{RunListing, Status, number, window};
use crate::run::{DesiredRun, FlowRef, Key, Origin, RunIdentity, RunStatus, WindowStatus};

/// What is wrong with manifests.
#[must_use]
pub(crate) fn annotate_problems<'p>(
    problems: impl IntoIterator<Item = &'p Problem>,
) -> Vec<Annotation> {
    problems
        .into_iter()
        .map(|problem| {
            let place = &problem.place;
            let mut lines = vec![problem.message.clone()];
            for SourcePlace { file, span, label } in &problem.related {
                lines.push(format!("{file}:{}: {label}", span.line));
            }
            lines.extend(problem.hint.iter().map(|hint| format!("help: {hint}")));
            Annotation {
                severity: problem.severity(),
                spot: Some(AnnotationPlace {
                    file: place.file.to_string(),
                    line: place.span.line,
                    column: Some(place.span.column),
                }),
                title: problem.rule.code().to_owned(),
                lines,
            }
        })
        .collect()
}

/// Windows over what was ingested already.
#[must_use]
pub(crate) fn annotate_conflicts(conflicts: &[PlannedRun]) -> Vec<Annotation> {
    annotate_planned(conflicts.iter())
}

/// What of a plan needs a person: what is in doubt. Its conflicts are a failure, which see.
#[must_use]
pub(crate) fn annotate_plan(plan: &Plan) -> Vec<Annotation> {
    let is_open = |planned: &&PlannedRun| matches!(planned.action, Action::Settle | Action::Wait);
    annotate_planned(plan.runs().iter().filter(is_open))
}

fn annotate_planned<'p>(planned: impl Iterator<Item = &'p PlannedRun>) -> Vec<Annotation> {
    let mut windows = FoundWindows::default();
    for planned in planned {
        windows.add_wanted(planned.status(), &planned.run, reasons(planned));
    }
    windows.into_annotations()
}

/// What of an apply needs a person: refused, failed, in doubt, or left for a reason of its own.
#[must_use]
pub(crate) fn annotate_applied(applied: &Applied) -> Vec<Annotation> {
    let mut windows = FoundWindows::default();
    windows.add_applied(applied);
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

/// What of a retry needs a person: what ran as often as is allowed, and the same as of an apply.
#[must_use]
pub(crate) fn annotate_retried(planned: &RetryPlan, applied: &Applied) -> Vec<Annotation> {
    let mut exhausted = FoundWindows::default();
    for PlannedRun { run, .. } in &planned.exhausted {
        let why = "it failed as often as limits.attempts allows".to_owned();
        exhausted.add_wanted(WindowStatus::Failed, run, vec![why]);
    }
    let mut all = exhausted.into_annotations();
    all.extend(annotate_applied(applied));
    all
}

/// Runs that have failed, or may not exist. `wanted` knows the lines that ask for them.
#[must_use]
pub(crate) fn annotate_status(status: &Status, wanted: &[DesiredRun]) -> Vec<Annotation> {
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

/// Where each flow is asked for first.
pub(in crate::report) fn first_origins(wanted: &[DesiredRun]) -> HashMap<&FlowRef, Origin> {
    let mut flows = HashMap::new();
    for run in wanted {
        flows
            .entry(&*run.identity.flow)
            .or_insert_with(|| run.origin());
    }
    flows
}

/// Windows that need a person. Those of one status, one line and one reason are one annotation: a range
/// of a manifest is one line with thousands of windows.
#[derive(Default)]
struct FoundWindows<'r>(HashMap<SameLine, FoundGroup<'r>>);

/// What became of windows, the line that asks for them, and what is said of them.
type SameLine = (WindowStatus, Option<Origin>, Vec<String>);

struct FoundGroup<'r> {
    /// Its number among the groups.
    nth: usize,
    first: &'r RunIdentity,
    windows: usize,
}

impl<'r> FoundWindows<'r> {
    fn add(
        &mut self,
        status: WindowStatus,
        origin: Option<Origin>,
        first: &'r RunIdentity,
        reasons: Vec<String>,
    ) {
        let nth = self.0.len();
        let group = FoundGroup {
            nth,
            first,
            windows: 0,
        };
        let of_line = self.0.entry((status, origin, reasons));
        of_line.or_insert(group).windows += 1;
    }

    fn add_wanted(&mut self, status: WindowStatus, run: &'r DesiredRun, reasons: Vec<String>) {
        self.add(status, Some(run.origin()), &run.identity, reasons);
    }

    fn add_applied(&mut self, applied: &'r Applied) {
        for (run, outcome) in &applied.runs {
            let reason = match outcome {
                RunOutcome::Rejected(refusal) => refusal.to_string(),
                RunOutcome::InDoubt(reason) => describe_doubt(reason),
                RunOutcome::Remaining(_)
                | RunOutcome::Unchanged
                | RunOutcome::Created(_)
                | RunOutcome::Adopted(..) => continue,
            };
            self.add_wanted(outcome.status(), run, vec![reason]);
        }
        let failures = applied.followed.iter().flat_map(|totals| &totals.failures);
        for (run, run_id, seen) in failures {
            let line = format!("run {run_id}: {}", said(seen));
            self.add_wanted(WindowStatus::Failed, run, vec![line]);
        }
    }

    /// The worst first, and then as they were found.
    fn into_annotations(self) -> Vec<Annotation> {
        let mut groups: Vec<_> = self.0.into_iter().collect();
        groups.sort_by_key(|((status, ..), group)| (*status, group.nth));
        let annotations = groups
            .into_iter()
            .map(|((status, origin, reasons), group)| {
                let FoundGroup { first, windows, .. } = group;
                let mut about = format!("{} of key {}", window(first.window), first.key().short());
                if windows > 1 {
                    about = format!("{windows} windows, the first {about}");
                }
                Annotation {
                    severity: match status {
                        WindowStatus::InDoubt | WindowStatus::Waiting => Severity::Warning,
                        _ => Severity::Error,
                    },
                    spot: origin.as_ref().map(AnnotationPlace::from),
                    title: status.label().to_owned(),
                    lines: std::iter::once(about).chain(reasons).collect(),
                }
            });
        annotations.collect()
    }
}
