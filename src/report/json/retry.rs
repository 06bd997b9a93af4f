//! `retry/v1`: what was run again, or would be.

use serde::Serialize;

use super::apply::ending_word;
use super::known::SeenFields;
use super::{ApplyError, Asked, RunFields};
use crate::engine::{Applied, RetrySummary, RunOutcome};
use crate::plan::{Action, PlannedRun, RetryPlan};
use crate::run::RunId;

/// `retry/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetryDocument {
    #[cfg_attr(test, schemars(extend("const" = "retry/v1")))]
    format: &'static str,
    summary: RetrySummary,
    runs: Vec<RetryRun>,
    /// How it ended; a dry run: `dryRun`.
    #[cfg_attr(test, schemars(extend("enum" = ["done", "dryRun", "interrupted", "timedOut", "breaker", "signIn", "unreachable", "state"])))]
    ending: &'static str,
    /// How the runs are doing, where they were followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    followed: Option<super::apply::Followed>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct RetryRun {
    #[serde(flatten)]
    run: RunFields,
    #[cfg_attr(test, schemars(extend("enum" = ["retried", "unchanged", "rejected", "inDoubt", "remaining", "exhausted"])))]
    outcome: &'static str,
    /// The run that counts now.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<RunId>,
    /// The run that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<RunId>,
    /// How that one was doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<SeenFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ApplyError>,
    #[serde(flatten)]
    asked: Asked,
}

impl RetryRun {
    fn new(planned: &PlannedRun, outcome: &'static str) -> Self {
        let known = planned.known.as_deref();
        let fate = known.map(|known| &known.fate);
        let retried = fate.and_then(|fate| fate.retried().map(|it| &it.run_id).or(fate.run_id()));
        Self {
            run: RunFields::desired(&planned.run),
            outcome,
            run_id: None,
            retry_of: retried.cloned(),
            last_seen: known.and_then(|it| it.last_seen.as_ref().map(SeenFields::new)),
            error: None,
            asked: Asked::new(&planned.run),
        }
    }

    fn applied(planned: &PlannedRun, outcome: &RunOutcome) -> Self {
        let (word, run_id) = match outcome {
            RunOutcome::Created(id) | RunOutcome::Adopted(id, _) => ("retried", Some(id)),
            RunOutcome::Unchanged => ("unchanged", None),
            RunOutcome::Rejected(_) => ("rejected", None),
            RunOutcome::InDoubt(_) => ("inDoubt", None),
            RunOutcome::Remaining(_) => ("remaining", None),
        };
        Self {
            run_id: run_id.cloned(),
            error: ApplyError::of(outcome),
            ..Self::new(planned, word)
        }
    }
}

/// What `planned` came to, as `retry/v1`; `None`: nothing was sent, it was only to be shown.
#[must_use]
pub(crate) fn retry(
    planned: &RetryPlan,
    applied: Option<&Applied>,
    exit_code: u8,
) -> RetryDocument {
    let runs: Vec<RetryRun> = if let Some(applied) = applied {
        let of_plan = planned.plan.runs().iter().zip(&applied.runs);
        let runs = of_plan.map(|(planned, (_, outcome))| RetryRun::applied(planned, outcome));
        runs.collect()
    } else {
        let runs = planned.plan.runs().iter();
        let runs = runs.filter_map(|planned| match planned.action {
            Action::Unchanged => None,
            Action::Settle => Some(RetryRun::new(planned, "inDoubt")),
            _ => Some(RetryRun::new(planned, "remaining")),
        });
        runs.collect()
    };
    let exhausted = planned.exhausted.iter();
    let held_back = planned.plan.held_back().iter();
    let runs = runs
        .into_iter()
        .chain(held_back.map(|planned| RetryRun::new(planned, "remaining")))
        .chain(exhausted.map(|planned| RetryRun::new(planned, "exhausted")));
    RetryDocument {
        format: "retry/v1",
        summary: RetrySummary::new(planned, applied),
        runs: runs.collect(),
        ending: applied.map_or("dryRun", |applied| ending_word(&applied.ending)),
        followed: applied.and_then(super::apply::Followed::of),
        exit_code,
    }
}
