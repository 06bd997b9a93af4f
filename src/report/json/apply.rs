//! The document of an apply: what became of each run, and how it ended.

use serde::Serialize;

use super::parts::{ConflictFields, CountFields, OutcomeFields, RunFields, SeenFields};
use crate::engine::{Applied, Ending, FollowTotals, OutcomeKind};
use crate::plan::{Plan, PlannedRun, Review};
use crate::report::outcome::describe_ending;
use crate::run::{Counts, RecordCounts, RunId, WindowStatus};

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
    runs: Vec<OutcomeFields>,
    #[cfg_attr(test, schemars(extend("enum" = ["done", "interrupted", "timedOut", "breaker", "signIn", "unreachable", "panicked", "state", "failed"])))]
    ending: &'static str,
    /// How the runs are doing, where they were followed (`--wait`).
    #[serde(skip_serializing_if = "Option::is_none")]
    followed: Option<Followed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    exit_code: u8,
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
    #[serde(with = "CountFields")]
    records: RecordCounts,
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
        let FollowTotals {
            counts,
            records,
            failures,
        } = applied.followed.as_ref()?;
        let failures = failures.iter().map(|(run, run_id, seen)| FailedRun {
            run: RunFields::desired(run),
            run_id: run_id.clone(),
            last_seen: SeenFields(seen.clone()),
        });
        Some(Self {
            success: counts.of(WindowStatus::Success),
            partial: counts.of(WindowStatus::Partial),
            empty: counts.of(WindowStatus::Empty),
            failed: counts.of(WindowStatus::Failed),
            unfinished: counts.unfinished(),
            unfollowed: applied.unfollowed,
            records: *records,
            failures: failures.collect(),
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
        Ending::Unreachable(_) | Ending::AlwaysLater => "unreachable",
        Ending::Panicked => "panicked",
        Ending::Store(_) => "state",
    }
}

/// What an apply came to, as `apply/v1`.
#[must_use]
pub(crate) fn apply(applied: &Applied, plan: &Plan, exit_code: u8) -> ApplyDocument {
    let runs = applied.runs.iter();
    ApplyDocument {
        format: "apply/v1",
        summary: applied.counts(plan.totals().held_back),
        reviewed: plan.review(),
        runs: runs
            .map(|(run, outcome)| OutcomeFields::of(run, outcome))
            .collect(),
        followed: Followed::of(applied),
        ending: ending_word(&applied.ending),
        message: describe_ending(&applied.ending),
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
    let conflict = |planned: &PlannedRun| OutcomeFields {
        conflict: planned.known.as_deref().map(ConflictFields::new),
        ..OutcomeFields::new(&planned.run, "conflict")
    };
    ApplyDocument {
        format: "apply/v1",
        summary: Counts::default(),
        reviewed: None,
        runs: conflicts.iter().map(conflict).collect(),
        followed: None,
        ending: "failed",
        message: Some(message.to_owned()),
        exit_code,
    }
}
