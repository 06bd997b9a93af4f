//! What of a result is annotated, and at which line: a result in, annotations out, worst first.

use std::collections::HashMap;

use super::{Annotation, AnnotationPlace};
use crate::manifest::{Problem, Severity, SourcePlace};
use crate::plan::{Action, Plan, PlannedRun};
use crate::report::reason::reasons;
use crate::report::window;
use crate::run::{DesiredRun, FlowRef, Origin, RunIdentity, WindowStatus};

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
pub(in crate::report) struct FoundWindows<'r>(HashMap<SameLine, FoundGroup<'r>>);

/// What became of windows, the line that asks for them, and what is said of them.
type SameLine = (WindowStatus, Option<Origin>, Vec<String>);

struct FoundGroup<'r> {
    /// Its number among the groups.
    nth: usize,
    first: &'r RunIdentity,
    windows: usize,
}

impl<'r> FoundWindows<'r> {
    pub(in crate::report) fn add(
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

    pub(in crate::report) fn add_wanted(
        &mut self,
        status: WindowStatus,
        run: &'r DesiredRun,
        reasons: Vec<String>,
    ) {
        self.add(status, Some(run.origin()), &run.identity, reasons);
    }

    /// The worst first, and then as they were found.
    pub(in crate::report) fn into_annotations(self) -> Vec<Annotation> {
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
