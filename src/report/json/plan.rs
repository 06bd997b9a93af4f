//! The document of a plan: what an apply would do about each run, what the state knows of it, and
//! what is in its way.

use serde::Serialize;

use super::Streamed;
use super::parts::{Asked, ConflictFields, KnownFields, RecordFields, RunFields};
use crate::plan::{Action, Forecast, Known, Plan, PlannedRun, Review};
use crate::report::BlockedFlow;
use crate::run::{Counts, DeltaColumn, Order, OrganizationId, Source, UnixSeconds};
use crate::state::State;

/// `plan/v2`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanDocument<'a> {
    #[cfg_attr(test, schemars(extend("const" = "plan/v2")))]
    format: &'static str,
    /// Whose runs it plans, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<OrganizationId>,
    digest: String,
    summary: PlanSummary,
    /// What became of the plan that was reviewed (`apply --plan`).
    #[serde(skip_serializing_if = "Option::is_none")]
    reviewed: Option<Review>,
    /// What carrying it out will take; none where it sends nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<&'a Forecast>,
    /// What held runs back, if something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<PlanLimit>,
    /// The flows that nothing can be sent to, where the service was looked at (`--online`).
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<&'a [BlockedFlow]>,
    runs: Streamed<'a, PlanRun>,
    orphaned: Streamed<'a, RecordFields>,
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
#[serde(rename_all = "camelCase")]
struct PlanSummary {
    /// By what is to be done: `rejected` runs were rejected before, and are created like `create` ones.
    #[serde(flatten)]
    actions: Counts<Action>,
    /// Known to the state, wanted by no manifest.
    orphaned: usize,
    /// To be created, but left for a later apply by a limit.
    held_back: usize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PlanRun {
    #[serde(flatten)]
    run: RunFields,
    action: Action,
    /// When the run is to begin; none: when it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<i64>,
    /// In which order the windows of its flow are sent; none: the oldest first.
    #[cfg_attr(test, schemars(extend("enum" = ["newest-first"])))]
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'static str>,
    /// Whether that has passed: it is not sent, the run begins when it is sent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    starts_when_sent: bool,
    /// Of a table: what goes with the flow's first run.
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_column: Option<DeltaColumn>,
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
    fn new(plan: &Plan, planned: &PlannedRun, state: Option<&State>) -> Self {
        let PlannedRun { run, action, .. } = planned;
        let known = planned.known_of(state);
        let (own, other) = match action {
            Action::Conflict | Action::Wait => (None, known),
            _ => (known, None),
        };
        Self {
            run: RunFields::desired(run),
            action: *action,
            start_time: run.start_time.map(UnixSeconds::get),
            order: match run.request.order {
                Order::OldestFirst => None,
                Order::NewestFirst => Some("newest-first"),
            },
            starts_when_sent: plan.starts_when_sent(planned),
            delta_column: match &*run.request.source {
                Source::Table(column) => Some(column.clone()),
                Source::File => None,
            },
            asked: Asked::new(run),
            known: own.map(|known| KnownFields::new(&known.fate)),
            conflict: other.as_ref().map(ConflictFields::new),
        }
    }
}

/// The plan, made from `state`, as `plan/v2`.
#[must_use]
pub(crate) fn plan<'a>(
    plan: &'a Plan,
    forecast: Option<&'a Forecast>,
    blocked: Option<&'a [BlockedFlow]>,
    state: Option<&'a State>,
) -> PlanDocument<'a> {
    let totals = plan.totals();
    PlanDocument {
        format: "plan/v2",
        organization: plan.organization().cloned(),
        digest: plan.digest(),
        reviewed: plan.review(),
        summary: PlanSummary {
            actions: totals.actions,
            orphaned: totals.orphaned,
            held_back: totals.held_back,
        },
        forecast,
        limit: plan.limit().map(|limit| PlanLimit {
            name: limit.name(),
            new_runs: limit.most(),
        }),
        blocked,
        runs: Streamed::of(plan.runs(), move |planned| {
            PlanRun::new(plan, planned, state)
        }),
        orphaned: Streamed::of(plan.orphaned(), |Known { identity, fate, .. }| {
            RecordFields::new(identity, fate)
        }),
    }
}
