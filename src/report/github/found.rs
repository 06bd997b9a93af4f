//! What of a result is annotated, and at which line: a result in, annotations out, worst first.

use std::collections::{BTreeSet, HashMap};

use super::{Annotation, AnnotationPlace};
use crate::engine::{Applied, RunOutcome};
use crate::manifest::{Problem, Severity, SourcePlace};
use crate::plan::{Action, Plan, PlannedRun, RetryPlan};
use crate::reconcile::audit::{Audit, Fact, Finding, FindingKind};
use crate::report::apply::{LeftRuns, left_by_reason};
use crate::report::outcome::{describe_doubt, describe_left};
use crate::report::reason::{reasons, said};
use crate::report::text::audit::{advice, details};
use crate::report::text::doctor::{Diagnosis, Mark};
use crate::report::{AuditView, RunListing, Status, number, window};
use crate::run::{DesiredRun, FlowRef, Key, Origin, RunIdentity, WindowStatus};

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

/// What would not work; what is only to be known is in the summary.
#[must_use]
pub(crate) fn annotate_diagnosis(diagnosis: &Diagnosis) -> Vec<Annotation> {
    let faults = diagnosis
        .findings
        .iter()
        .filter(|finding| matches!(finding.mark, Mark::Fault(_)));
    let annotations = faults.map(|finding| {
        let message = format!("{}: {}", finding.subject, finding.message);
        let advice = finding
            .advice
            .iter()
            .map(|advice| format!("hint: {advice}"));
        Annotation {
            severity: Severity::Error,
            spot: None,
            title: "backfill doctor".to_owned(),
            lines: std::iter::once(message).chain(advice).collect(),
        }
    });
    annotations.collect()
}

/// Windows over what was ingested already.
#[must_use]
pub(crate) fn annotate_conflicts(conflicts: &[PlannedRun]) -> Vec<Annotation> {
    annotate_planned(conflicts.iter(), Severity::Error, "conflict")
}

/// What of a plan needs a person: what is in doubt. Its conflicts are a failure, which see.
#[must_use]
pub(crate) fn annotate_plan(plan: &Plan) -> Vec<Annotation> {
    let doubts = plan.runs().iter().filter(|planned| {
        let PlannedRun { action, .. } = planned;
        matches!(action, Action::Settle | Action::Wait)
    });
    annotate_planned(doubts, Severity::Warning, "in doubt")
}

/// One for each line of a manifest and each reason.
fn annotate_planned<'p>(
    planned: impl Iterator<Item = &'p PlannedRun>,
    severity: Severity,
    title: &str,
) -> Vec<Annotation> {
    let mut found = Found::default();
    for planned in planned {
        let run = &planned.run;
        found.add(Some(run.origin()), &run.identity, reasons(planned));
    }
    found.into_annotations(severity, title)
}

/// What of an apply needs a person: refused, in doubt, or left for a reason of its own.
#[must_use]
pub(crate) fn annotate_applied(applied: &Applied) -> Vec<Annotation> {
    let (mut rejected, mut in_doubt) = (Found::default(), Found::default());
    for (run, outcome) in &applied.runs {
        let origin = Some(run.origin());
        match outcome {
            RunOutcome::Rejected(refusal) => {
                rejected.add(origin, &run.identity, vec![refusal.to_string()]);
            }
            RunOutcome::InDoubt(reason) => {
                in_doubt.add(origin, &run.identity, vec![describe_doubt(reason)]);
            }
            RunOutcome::Remaining(_)
            | RunOutcome::Unchanged
            | RunOutcome::Created(_)
            | RunOutcome::Adopted(..) => {}
        }
    }
    let left = left_by_reason(applied).into_iter().map(|left| {
        let LeftRuns { reason, runs, .. } = left;
        let flows: BTreeSet<_> = runs.iter().map(|run| run.identity.flow.id).collect();
        Annotation {
            severity: Severity::Warning,
            spot: (flows.len() == 1).then(|| spot(&runs[0].origin())),
            title: "left for the next apply".to_owned(),
            lines: vec![format!(
                "{} of {}: {}",
                number(runs.len(), "run"),
                number(flows.len(), "flow"),
                describe_left(reason)
            )],
        }
    });
    let rejected = rejected.into_annotations(Severity::Error, "rejected");
    let failed = failed(applied).into_annotations(Severity::Error, "failed");
    let in_doubt = in_doubt.into_annotations(Severity::Warning, "in doubt");
    let worst = rejected.into_iter().chain(failed);
    worst.chain(in_doubt).chain(left).collect()
}

/// The runs that were followed and failed.
fn failed(applied: &Applied) -> Found<'_> {
    let mut failed = Found::default();
    let failures = applied.followed.iter().flat_map(|totals| &totals.failures);
    for (run, run_id, seen) in failures {
        let line = format!("run {run_id}: {}", said(seen));
        failed.add(Some(run.origin()), &run.identity, vec![line]);
    }
    failed
}

/// What of a retry needs a person: the same, and what ran as often as is allowed.
#[must_use]
pub(crate) fn annotate_retried(planned: &RetryPlan, applied: &Applied) -> Vec<Annotation> {
    let mut exhausted = Found::default();
    for PlannedRun { run, .. } in &planned.exhausted {
        let why = "it failed as often as limits.attempts allows".to_owned();
        exhausted.add(Some(run.origin()), &run.identity, vec![why]);
    }
    let mut all = exhausted.into_annotations(Severity::Error, "failed for good");
    all.extend(annotate_applied(applied));
    all
}

/// Runs that have failed, or may not exist. `wanted` knows the lines that ask for them.
#[must_use]
pub(crate) fn annotate_status(status: &Status, wanted: &[DesiredRun]) -> Vec<Annotation> {
    let Status {
        rows,
        unread,
        holder: _,
    } = status;
    let origins: HashMap<Key, Origin> =
        wanted.iter().map(|run| (run.key(), run.origin())).collect();
    let flows = origins_of_flows(wanted);
    let (mut failed, mut rejected, mut in_doubt) =
        (Found::default(), Found::default(), Found::default());
    for row in rows {
        let origin = origins.get(&row.key).cloned();
        if let RunListing::Rejected(refusal) = &row.seen {
            rejected.add(origin, &row.identity, vec![refusal.to_string()]);
            continue;
        }
        match row.run() {
            _ if row.status() == WindowStatus::InDoubt => {
                in_doubt.add(origin, &row.identity, vec!["no answer is known".to_owned()]);
            }
            Some(run) if !run.errors.is_empty() => {
                let errors = run.errors.iter();
                let lines = errors.map(|error| format!("{} {}", error.code, error.message));
                failed.add(origin, &row.identity, lines.collect());
            }
            Some(run) if run.status == crate::run::RunStatus::Failed => {
                failed.add(origin, &row.identity, Vec::new());
            }
            _ => {}
        }
    }
    let mut all = failed.into_annotations(Severity::Error, "failed");
    all.extend(rejected.into_annotations(Severity::Error, "rejected"));
    all.extend(unread.iter().map(|flow| Annotation {
        severity: Severity::Error,
        spot: flows.get(&flow.flow).map(spot),
        title: "not read".to_owned(),
        lines: vec![format!(
            "the runs of the flow could not be listed: {}",
            flow.why
        )],
    }));
    all.extend(in_doubt.into_annotations(Severity::Warning, "in doubt"));
    all
}

/// What an audit has found. `wanted` knows the lines that ask for the windows.
#[must_use]
pub(crate) fn annotate_audit(view: &AuditView<'_>) -> Vec<Annotation> {
    let AuditView {
        audit,
        api_key,
        wanted,
        state: _,
    } = view;
    let Audit { findings, .. } = audit;
    let flows = origins_of_flows(wanted);
    let origins: HashMap<_, Origin> = wanted
        .iter()
        .map(|run| {
            let RunIdentity {
                flow,
                window,
                rerun: _,
            } = &run.identity;
            ((&**flow, *window), run.origin())
        })
        .collect();
    let mut annotations: Vec<Annotation> = findings
        .iter()
        .map(|finding| {
            let Finding { flow, name, fact } = finding;
            let asked_for = match fact {
                Fact::Overlap { with, .. } => with.first().map(|(window, _)| *window),
                fact => fact.window(),
            };
            let line = asked_for
                .and_then(|window| origins.get(&(flow, window)))
                .or_else(|| flows.get(flow));
            let about = fact.window().map_or_else(
                || format!("{name} in {}", flow.sandbox),
                |shown| format!("{name} in {}, {}", flow.sandbox, window(shown)),
            );
            let mut lines = vec![about];
            lines.extend(details(fact, api_key));
            lines.push(format!("help: {}", advice(fact.kind())));
            Annotation {
                severity: match fact.kind() {
                    FindingKind::InDoubt | FindingKind::Unknown => Severity::Warning,
                    _ => Severity::Error,
                },
                spot: line.map(spot),
                title: fact.kind().word().to_owned(),
                lines,
            }
        })
        .collect();
    let order = |annotation: &Annotation| {
        FindingKind::ALL
            .iter()
            .position(|kind| kind.word() == annotation.title)
    };
    annotations.sort_by_key(order);
    annotations
}

/// Where each flow is asked for first.
fn origins_of_flows(wanted: &[DesiredRun]) -> HashMap<&FlowRef, Origin> {
    let mut flows = HashMap::new();
    for run in wanted {
        flows
            .entry(&*run.identity.flow)
            .or_insert_with(|| run.origin());
    }
    flows
}

fn spot(origin: &Origin) -> AnnotationPlace {
    AnnotationPlace {
        file: origin.manifest.to_string(),
        line: origin.line,
        column: None,
    }
}

/// Runs of one kind, those of one line and one reason together: a range of a manifest is one line
/// with thousands of runs.
#[derive(Default)]
struct Found<'r> {
    groups: Vec<Group<'r>>,
    index: HashMap<SameLine, usize>,
}

/// A line of a manifest, and what is said of it.
type SameLine = (Option<Origin>, Vec<String>);

struct Group<'r> {
    origin: Option<Origin>,
    first: &'r RunIdentity,
    runs: usize,
    reasons: Vec<String>,
}

impl<'r> Found<'r> {
    fn add(&mut self, origin: Option<Origin>, run: &'r RunIdentity, reasons: Vec<String>) {
        let next = self.groups.len();
        let index = *self
            .index
            .entry((origin.clone(), reasons.clone()))
            .or_insert(next);
        if index == next {
            self.groups.push(Group {
                origin,
                first: run,
                runs: 0,
                reasons,
            });
        }
        self.groups[index].runs += 1;
    }

    fn into_annotations(self, severity: Severity, title: &str) -> Vec<Annotation> {
        let groups = self.groups.into_iter().map(|group| {
            let Group {
                origin,
                first,
                runs,
                reasons,
            } = group;
            let mut about = format!("{} of key {}", window(first.window), first.key().short());
            if runs > 1 {
                about = format!("{runs} windows, the first {about}");
            }
            let mut lines = vec![about];
            lines.extend(reasons);
            Annotation {
                severity,
                spot: origin.as_ref().map(spot),
                title: title.to_owned(),
                lines,
            }
        });
        groups.collect()
    }
}
