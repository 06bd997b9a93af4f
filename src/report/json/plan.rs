//! The document of a plan: what an apply would do about each run, what the state knows of it, and
//! what is in its way.

use serde::Serialize;

use super::known::{ConflictFields, KnownFields};
use super::{Asked, RunFields, Streamed};
use crate::plan::{Action, Known, Plan, PlannedRun};
use crate::state::State;

/// `plan/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanDocument<'a> {
    #[cfg_attr(test, schemars(extend("const" = "plan/v1")))]
    format: &'static str,
    digest: String,
    summary: PlanSummary,
    /// What held runs back, if something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<PlanLimit>,
    runs: Streamed<'a, PlanRun>,
    orphaned: Streamed<'a, OrphanedRun>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PlanLimit {
    name: &'static str,
    new_runs: usize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OrphanedRun {
    #[serde(flatten)]
    run: RunFields,
    known: KnownFields,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PlanSummary {
    create: usize,
    unchanged: usize,
    in_doubt: usize,
    waiting: usize,
    failed: usize,
    conflict: usize,
    orphaned: usize,
    held_back: usize,
    /// Not created while their manifests say `paused: true`.
    paused: usize,
    /// To be run again, by `retry`.
    retry: usize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PlanRun {
    #[serde(flatten)]
    run: RunFields,
    #[cfg_attr(test, schemars(extend("enum" = ["create", "failed", "retry", "unchanged", "inDoubt", "waiting", "conflict", "paused"])))]
    action: &'static str,
    #[serde(flatten)]
    asked: Asked,
    /// What the state has of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<KnownFields>,
    /// What the state has of the run that is in the way of this one, or may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict: Option<ConflictFields>,
}

impl PlanRun {
    fn new(planned: &PlannedRun, state: Option<&State>) -> Self {
        let PlannedRun { run, action, .. } = planned;
        let known = planned.known_of(state);
        let (own, other) = match action {
            Action::Conflict | Action::Wait => (None, known),
            _ => (known, None),
        };
        Self {
            run: RunFields::desired(run),
            action: match action {
                Action::Create => "create",
                Action::Again => "failed",
                Action::Unchanged => "unchanged",
                Action::Settle => "inDoubt",
                Action::Retry => "retry",
                Action::Paused => "paused",
                Action::Wait => "waiting",
                Action::Conflict => "conflict",
            },
            asked: Asked::new(run),
            known: own.map(|known| KnownFields::new(&known.fate)),
            conflict: other.as_ref().map(ConflictFields::new),
        }
    }
}

/// The plan, made from `state`, as `plan/v1`. `failed` runs were rejected before and are created like `create` ones.
#[must_use]
pub(crate) fn plan<'a>(plan: &'a Plan, state: Option<&'a State>) -> PlanDocument<'a> {
    let totals = plan.totals();
    PlanDocument {
        format: "plan/v1",
        digest: plan.digest(),
        summary: PlanSummary {
            create: totals.create,
            unchanged: totals.unchanged,
            in_doubt: totals.in_doubt,
            waiting: totals.waiting,
            failed: totals.failed,
            conflict: totals.conflict,
            orphaned: totals.orphaned,
            held_back: totals.held_back,
            paused: totals.paused,
            retry: totals.retry,
        },
        limit: plan.limit().map(|limit| PlanLimit {
            name: limit.name(),
            new_runs: limit.most(),
        }),
        runs: Streamed::of(plan.runs(), move |planned| PlanRun::new(planned, state)),
        orphaned: Streamed::of(plan.orphaned(), |Known { identity, fate, .. }| {
            OrphanedRun {
                run: RunFields::new(identity.key(), identity),
                known: KnownFields::new(fate),
            }
        }),
    }
}
