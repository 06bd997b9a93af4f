//! Which runs are to run again: those that failed, when they were last read.

use std::collections::HashMap;

use super::{Action, Known, Plan, PlannedRun};
use crate::run::{FlowRef, Rerun, RunIdentity, RunStatus, Window};
use crate::state::State;

/// Which runs are run again, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryRule {
    /// Those without a record, too.
    pub empty: bool,
    /// How often a window is run, the first time counted (`limits.attempts`).
    pub most_attempts: usize,
}

/// What a retry would do.
#[derive(Debug, Clone, Default)]
pub(crate) struct RetryPlan {
    /// The runs that are to run again, retries that are in doubt, and runs that have not finished.
    pub plan: Plan,
    /// Runs that would be run again, but were as often as is allowed: left to a person.
    pub exhausted: Vec<PlannedRun>,
    /// Runs that would be run again, but their manifests say `paused: true`.
    pub paused: usize,
    /// Runs that have finished and need no retry.
    pub unchanged: usize,
}

/// The windows that a later rerun has brought, or may yet, each with the last such rerun: a failed run
/// before it that ran again would ingest the window once more.
fn rerun_windows(state: &State) -> HashMap<(&FlowRef, Window), Rerun> {
    let mut windows = HashMap::new();
    for record in state.records() {
        let RunIdentity {
            flow,
            window,
            rerun,
        } = &record.identity;
        let came_to_nothing = record
            .last_seen()
            .is_some_and(|it| it.status.is_retriable());
        if *rerun > Rerun::FIRST && record.fate.may_exist() && !came_to_nothing {
            let last = windows.entry((&**flow, *window)).or_insert(*rerun);
            *last = (*last).max(*rerun);
        }
    }
    windows
}

impl RetryPlan {
    /// What is to be done about the runs of `plan`, made from `state`, by `rule`.
    #[must_use]
    pub(crate) fn of(plan: Plan, state: &State, rule: RetryRule) -> Self {
        let mut retry = Self::default();
        let rerun = rerun_windows(state);
        for planned in plan.runs {
            let Some(record) = state.get(&planned.run.identity) else {
                continue;
            };
            let known = Some(Box::new(Known::of(record)));
            let planned = PlannedRun { known, ..planned };
            if record.fate.retried().is_some() {
                retry.plan.runs.push(planned);
                continue;
            }
            if record.fate.run_id().is_none() {
                continue; // it is not known to exist: an apply's business
            }
            let is_due = match record.last_seen().map(|seen| &seen.status) {
                Some(RunStatus::Failed) => true,
                Some(RunStatus::Empty) => rule.empty,
                _ => false,
            };
            let RunIdentity {
                flow,
                window,
                rerun: this,
            } = &planned.run.identity;
            let is_rerun = rerun
                .get(&(&**flow, *window))
                .is_some_and(|last| last > this);
            let is_due = is_due && !is_rerun;
            let is_finished = record
                .last_seen()
                .is_some_and(|seen| seen.status.is_finished());
            if !is_due && !is_finished {
                // It may be waited for.
                retry.plan.runs.push(PlannedRun {
                    action: Action::Unchanged,
                    ..planned
                });
            } else if !is_due {
                retry.unchanged += 1;
            } else if planned.run.request.paused.is_some() {
                retry.paused += 1;
            } else if record.attempt() >= rule.most_attempts {
                retry.exhausted.push(planned);
            } else {
                retry.plan.runs.push(PlannedRun {
                    action: Action::Retry,
                    ..planned
                });
            }
        }
        retry
    }
}
