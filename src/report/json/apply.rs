//! The document of an apply: what became of each run, and how it ended.

use jiff::Timestamp;
use serde::Serialize;

use super::known::{ConflictFields, CountFields, SeenFields};
use super::{ApplyError, Asked, RunFields};
use crate::engine::{Applied, Ending, LeftReason, OutcomeKind, RunOutcome};
use crate::plan::{Known, Plan, PlannedRun, Review};
use crate::run::{Counts, DesiredRun, RunId};

/// `apply/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplyDocument {
    #[cfg_attr(test, schemars(extend("const" = "apply/v1")))]
    format: &'static str,
    summary: Counts<OutcomeKind>,
    /// What became of the plan that was reviewed (`--plan`).
    #[serde(skip_serializing_if = "Option::is_none")]
    reviewed: Option<Review>,
    runs: Vec<ApplyRun>,
    #[cfg_attr(test, schemars(extend("enum" = ["done", "interrupted", "timedOut", "breaker", "signIn", "unreachable", "panicked", "state", "failed"])))]
    ending: &'static str,
    /// How the runs are doing, where they were followed (`--wait`).
    #[serde(skip_serializing_if = "Option::is_none")]
    followed: Option<Followed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ApplyRun {
    #[serde(flatten)]
    run: RunFields,
    #[cfg_attr(test, schemars(extend("enum" = ["created", "adopted", "rejected", "inDoubt", "remaining", "unchanged", "conflict"])))]
    outcome: &'static str,
    /// The run's id in Experience Platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<RunId>,
    /// What the state has of the run that is in the way of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict: Option<ConflictFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ApplyError>,
    #[serde(flatten)]
    asked: Asked,
}

/// How followed runs are doing.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct Followed {
    success: usize,
    /// Success, with records that failed.
    partial: usize,
    /// Success, without a record.
    empty: usize,
    failed: usize,
    unfinished: usize,
    /// Of those, how many no list shows, or no list could be had for.
    unfollowed: usize,
    records: CountFields,
    /// Those that failed.
    failures: Vec<FailedRun>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct FailedRun {
    #[serde(flatten)]
    run: RunFields,
    run_id: RunId,
    last_seen: SeenFields,
}

impl Followed {
    /// `None` where the runs were not followed.
    pub(super) fn of(applied: &Applied) -> Option<Self> {
        let totals = applied.followed.as_ref()?;
        let failures = totals.failures.iter();
        Some(Self {
            success: totals.success,
            partial: totals.partial,
            empty: totals.empty,
            failed: totals.failed,
            unfinished: totals.unfinished,
            unfollowed: applied.unfollowed,
            records: CountFields::records(totals.records),
            failures: failures
                .map(|(run, run_id, seen)| FailedRun {
                    run: RunFields::desired(run),
                    run_id: run_id.clone(),
                    last_seen: SeenFields::new(seen),
                })
                .collect(),
        })
    }
}

/// The word for how an apply or a retry ended.
pub(super) fn ending_word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Interrupted => "interrupted",
        Ending::TimedOut => "timedOut",
        Ending::Breaker(_) => "breaker",
        Ending::SignIn(_) => "signIn",
        Ending::Unreachable(_) => "unreachable",
        Ending::Panicked(_) => "panicked",
        Ending::Store(_) => "state",
    }
}

/// What an apply came to, as `apply/v1`.
#[must_use]
pub(crate) fn apply(applied: &Applied, plan: &Plan, exit_code: u8) -> ApplyDocument {
    let message = match &applied.ending {
        Ending::Done | Ending::Interrupted | Ending::TimedOut => None,
        Ending::Breaker(rejections) => Some(format!("{rejections} rejections in a row")),
        Ending::SignIn(why) | Ending::Unreachable(why) | Ending::Panicked(why) => Some(why.clone()),
        Ending::Store(error) => Some(error.to_string()),
    };
    ApplyDocument {
        format: "apply/v1",
        summary: applied.counts(plan.totals().held_back),
        reviewed: plan.review(),
        runs: applied.runs.iter().map(apply_run).collect(),
        followed: Followed::of(applied),
        ending: ending_word(&applied.ending),
        message,
        exit_code,
    }
}

/// The `apply/v1` of an apply that sent nothing: it failed before it had a plan, or its plan had
/// `conflicts`.
#[must_use]
pub(crate) fn apply_failure(
    message: &str,
    conflicts: &[PlannedRun],
    exit_code: u8,
) -> ApplyDocument {
    ApplyDocument {
        format: "apply/v1",
        summary: Counts::default(),
        reviewed: None,
        runs: conflicts
            .iter()
            .map(|PlannedRun { run, known, .. }| ApplyRun {
                run: RunFields::desired(run),
                outcome: "conflict",
                conflict: known.as_deref().map(ConflictFields::new),
                run_id: None,
                error: None,
                asked: Asked::new(run),
            })
            .collect(),
        followed: None,
        ending: "failed",
        message: Some(message.to_owned()),
        exit_code,
    }
}

fn apply_run((run, outcome): &(DesiredRun, RunOutcome)) -> ApplyRun {
    let (word, run_id) = match outcome {
        RunOutcome::Unchanged => ("unchanged", None),
        RunOutcome::Created(id) => ("created", Some(id.clone())),
        RunOutcome::Adopted(id, _) => ("adopted", Some(id.clone())),
        RunOutcome::Rejected(_) => ("rejected", None),
        RunOutcome::InDoubt(_) => ("inDoubt", None),
        RunOutcome::Remaining(LeftReason::InTheWay(_)) => ("conflict", None),
        RunOutcome::Remaining(_) => ("remaining", None),
    };
    let conflict = match outcome {
        RunOutcome::Remaining(LeftReason::InTheWay(other)) => {
            let flow = &run.identity.flow;
            let known = Known::in_the_way(flow, other.clone(), Timestamp::now());
            Some(ConflictFields::new(&known))
        }
        _ => None,
    };
    ApplyRun {
        run: RunFields::desired(run),
        outcome: word,
        conflict,
        run_id,
        error: ApplyError::of(outcome),
        asked: Asked::new(run),
    }
}
