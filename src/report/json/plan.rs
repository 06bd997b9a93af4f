//! The document of a plan: what an apply would do about each run, what the state knows of it, and
//! what is in its way.

use serde::{Deserialize, Serialize};

use super::known::{ConflictFields, KnownFields};
use super::{Asked, RunFields, Streamed};
use crate::plan::{Action, Forecast, Known, Plan, PlannedRun, Review};
use crate::report::BlockedFlow;
use crate::run::{
    Counts, DeltaColumn, FlowId, Order, OrganizationId, Sandbox, Source, UnixSeconds,
};
use crate::state::State;
use crate::untrusted::Untrusted;

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
    reviewed: Option<ReviewFields>,
    /// What carrying it out will take; none where it sends nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<ForecastFields>,
    /// What held runs back, if something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<PlanLimit>,
    /// The flows that nothing can be sent to, where the service was looked at (`--online`).
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<Vec<BlockedFields>>,
    runs: Streamed<'a, PlanRun>,
    orphaned: Streamed<'a, OrphanedRun>,
}

/// A flow that nothing can be sent to.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct BlockedFields {
    sandbox: Sandbox,
    flow_id: FlowId,
    /// The manifest's label for it.
    name: Untrusted,
    /// How many of its runs that concerns.
    runs: usize,
    reason: String,
}

impl BlockedFields {
    fn new(blocked: &BlockedFlow) -> Self {
        let BlockedFlow {
            flow,
            name,
            runs,
            reason,
        } = blocked;
        Self {
            sandbox: flow.sandbox.clone(),
            flow_id: flow.id,
            name: name.clone(),
            runs: *runs,
            reason: reason.to_string(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PlanLimit {
    name: &'static str,
    new_runs: usize,
}

/// What carrying a plan out will take, as far as can be told beforehand.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ForecastFields {
    /// Requests to create, those held back by a limit included.
    requests: usize,
    /// None where `limits.rate` is `unlimited`.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_per_second: Option<f64>,
    /// How many runs of a flow may be at work at once, where requests wait for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_once: Option<usize>,
    /// None where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    sending_seconds: Option<u64>,
    /// How many applies `limits.newRunsPerApply` makes of it; none: one.
    #[serde(skip_serializing_if = "Option::is_none")]
    applies: Option<usize>,
    /// `limits.newRunsPerDay`
    #[serde(skip_serializing_if = "Option::is_none")]
    new_runs_per_day: Option<usize>,
    /// How many of them that limit lets go now.
    #[serde(skip_serializing_if = "Option::is_none")]
    fit_now: Option<usize>,
    /// When that limit lets the last of them go.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_fits_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingestion: Option<IngestionFields>,
    /// Said where that is how long the emulator takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    emulated: Option<bool>,
}

/// What the service will do, judged by earlier runs of the same flows.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct IngestionFields {
    /// How many of the requests are of flows whose earlier runs are known.
    runs: usize,
    /// How long the slowest flow takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    /// How many runs of a flow were taken to be at work at once; none: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_once: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
}

impl ForecastFields {
    fn new(forecast: &Forecast) -> Self {
        let Forecast {
            requests,
            per_second,
            at_once,
            sending,
            applies,
            day,
            ingestion,
            is_emulated,
        } = forecast;
        let last = day.as_ref().and_then(|day| day.last);
        Self {
            requests: *requests,
            requests_per_second: *per_second,
            at_once: *at_once,
            applies: Some(*applies).filter(|applies| *applies > 1),
            sending_seconds: sending
                .map(|sending| sending.as_secs() + u64::from(sending.subsec_nanos() > 0)),
            new_runs_per_day: day.as_ref().map(|day| day.most),
            fit_now: day.as_ref().map(|day| day.now),
            last_fits_at: last.map(|at| format!("{at:.0}")),
            ingestion: ingestion.as_ref().map(|it| IngestionFields {
                runs: it.runs,
                seconds: it.time.map(|time| time.as_secs()),
                at_once: it.at_once,
                records: it.records,
            }),
            emulated: is_emulated.then_some(true),
        }
    }
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
    /// By what is to be done: `rejected` runs were rejected before, and are created like `create` ones.
    #[serde(flatten)]
    actions: Counts<Action>,
    /// Known to the state, wanted by no manifest.
    orphaned: usize,
    /// To be created, but left for a later apply by a limit.
    held_back: usize,
}

/// What became of the plan that was reviewed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct ReviewFields {
    digest: String,
    /// The runs that it creates.
    creates: usize,
    /// Those of them that are to be created now.
    to_create: usize,
    /// Those that a limit holds back.
    held_back: usize,
    /// Those that exist by now.
    exist: usize,
    /// Those that are in doubt, paused or in conflict.
    waiting: usize,
    /// Those that are asked for with another `startTime` or `deltaColumn` now: not sent.
    changed: usize,
    /// Those that no manifest that was read asks for, or that were not selected.
    not_wanted: usize,
    /// Runs to be created that it adopts: put on record by an apply without it.
    adopts: usize,
    /// Runs to be created that are not in it: not sent.
    not_in_plan: usize,
}

impl ReviewFields {
    pub(super) fn of(plan: &Plan) -> Option<Self> {
        let Review {
            digest,
            creates,
            to_create,
            held_back,
            exist,
            waiting,
            changed,
            not_wanted,
            adopts,
            not_in_plan,
        } = plan.review()?;
        Some(Self {
            digest,
            creates,
            to_create,
            held_back,
            exist,
            waiting,
            changed,
            not_wanted,
            adopts,
            not_in_plan,
        })
    }
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
    delta_column: Option<ColumnFields>,
    #[serde(flatten)]
    asked: Asked,
    /// What the state has of this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<KnownFields>,
    /// What the state has of the run that is in the way of this one, or may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict: Option<ConflictFields>,
}

/// `params.deltaColumn`, as it is sent.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct ColumnFields {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date_format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
}

impl From<&DeltaColumn> for ColumnFields {
    fn from(column: &DeltaColumn) -> Self {
        let DeltaColumn {
            name,
            date_format,
            timezone,
        } = column.clone();
        Self {
            name,
            date_format,
            timezone,
        }
    }
}

impl From<ColumnFields> for DeltaColumn {
    fn from(fields: ColumnFields) -> Self {
        let ColumnFields {
            name,
            date_format,
            timezone,
        } = fields;
        Self {
            name,
            date_format,
            timezone,
        }
    }
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
                Source::Table(column) => Some(column.into()),
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
    forecast: Option<&Forecast>,
    blocked: Option<&[BlockedFlow]>,
    state: Option<&'a State>,
) -> PlanDocument<'a> {
    let totals = plan.totals();
    PlanDocument {
        format: "plan/v2",
        organization: plan.organization().cloned(),
        digest: plan.digest(),
        reviewed: ReviewFields::of(plan),
        summary: PlanSummary {
            actions: totals.actions,
            orphaned: totals.orphaned,
            held_back: totals.held_back,
        },
        forecast: forecast.map(ForecastFields::new),
        limit: plan.limit().map(|limit| PlanLimit {
            name: limit.name(),
            new_runs: limit.most(),
        }),
        blocked: blocked.map(|flows| flows.iter().map(BlockedFields::new).collect()),
        runs: Streamed::of(plan.runs(), move |planned| {
            PlanRun::new(plan, planned, state)
        }),
        orphaned: Streamed::of(plan.orphaned(), |Known { identity, fate, .. }| {
            OrphanedRun {
                run: RunFields::new(identity.key(), identity),
                known: KnownFields::new(fate),
            }
        }),
    }
}
