//! `retry/v1`: what was run again, or would be.

use serde::Serialize;

use super::apply::{Followed, ending_word};
use super::parts::{OutcomeFields, SeenFields};
use crate::engine::{Applied, RetrySummary};
use crate::plan::{Action, PlannedRun, RetryPlan};

/// `retry/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetryDocument {
    #[cfg_attr(test, schemars(extend("const" = "retry/v1")))]
    format: &'static str,
    summary: RetrySummary,
    runs: Vec<OutcomeFields>,
    /// How it ended; a dry run: `dryRun`.
    #[cfg_attr(test, schemars(extend("enum" = ["done", "dryRun", "interrupted", "timedOut", "breaker", "signIn", "unreachable", "panicked", "state"])))]
    ending: &'static str,
    /// How the runs are doing, where they were followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    followed: Option<Followed>,
    exit_code: u8,
}

/// What `planned` came to, as `retry/v1`; `None`: nothing was sent, it was only to be shown.
#[must_use]
pub(crate) fn retry(
    planned: &RetryPlan,
    applied: Option<&Applied>,
    exit_code: u8,
) -> RetryDocument {
    let remaining = |run| retried(run, OutcomeFields::new(&run.run, "remaining"));
    let runs = planned.plan.runs().iter().enumerate();
    let runs = runs.filter_map(|(at, run)| {
        let outcome = match applied {
            Some(applied) => {
                let outcome = OutcomeFields::of(&run.run, &applied.runs.get(at)?.1);
                match outcome.outcome {
                    "created" | "adopted" => OutcomeFields {
                        outcome: "retried",
                        ..outcome
                    },
                    _ => outcome,
                }
            }
            None if run.action == Action::Unchanged => return None,
            None if run.action == Action::Settle => OutcomeFields::new(&run.run, "inDoubt"),
            None => OutcomeFields::new(&run.run, "remaining"),
        };
        Some(retried(run, outcome))
    });
    let exhausted = planned.exhausted.iter();
    let exhausted = exhausted.map(|run| retried(run, OutcomeFields::new(&run.run, "exhausted")));
    let held_back = planned.plan.held_back().iter().map(remaining);
    RetryDocument {
        format: "retry/v1",
        summary: RetrySummary::new(planned, applied),
        runs: runs.chain(held_back).chain(exhausted).collect(),
        ending: applied.map_or("dryRun", |applied| ending_word(&applied.ending)),
        followed: applied.and_then(Followed::of),
        exit_code,
    }
}

/// `outcome`, with the run that failed.
fn retried(planned: &PlannedRun, outcome: OutcomeFields) -> OutcomeFields {
    let known = planned.known.as_deref();
    let fate = known.map(|known| &known.fate);
    let retried = fate.and_then(|fate| fate.retried().map(|it| &it.run_id).or(fate.run_id()));
    OutcomeFields {
        retry_of: retried.cloned(),
        last_seen: planned.last_seen().cloned().map(SeenFields),
        ..outcome
    }
}
