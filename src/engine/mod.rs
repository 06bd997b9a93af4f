//! The engine: carries a plan out, each run created exactly once.
//!
//! One dispatcher orders everything: it alone appends to the journal, folds, counts and emits
//! [`Event`]s. Around it are tasks that only talk to the service: they send one request, or read a flow
//! and its list, and report back. What that means for the flow is a method of its queue, which returns
//! what the dispatcher is to do; what a list tells is decided in `reconcile`. The engine prints nothing.

mod breaker;
mod dispatcher;
mod event;
mod flow_queue;
mod reason;
mod retry_summary;
mod running;
mod send;
mod stop;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::api::{Client, DeltaColumnRule, Timestamps};
use crate::plan::Plan;
use crate::run::{Counted, Counts, DesiredRun, Key, RecordCounts, RunId, RunStatus, WindowStatus};
use crate::state::{Evidence, Fate, LastSeen, Refusal, State};
use crate::store::{LockedStore, StoreError};

pub(crate) use event::{ActiveRuns, Event, FlowEvent, FlowIndex, FlowStarted};
pub(crate) use reason::{DoubtReason, LeftReason, NotSentReason};
pub(crate) use retry_summary::RetrySummary;
pub(crate) use stop::{Stop, Stopper};

/// How an apply is carried out.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Requests that create, in flight at once.
    pub concurrency: usize,
    /// The same, per flow.
    pub per_flow: usize,
    /// How long after a request a run may still appear in a list.
    pub settle_delay: Duration,
    /// How times are written on the wire.
    pub timestamps: Timestamps,
    /// Which runs of a table's flow bring its delta column.
    pub delta_column: DeltaColumnRule,
    /// Whether flows are checked, and existing runs adopted, before anything is sent.
    pub preflight: bool,
    /// No more requests to create leave than this.
    pub most_new: usize,
    /// After how many rejections in a row the apply stops.
    pub rejections_in_a_row: u32,
    /// Whether failed runs are to run again, where else runs are created.
    pub is_retry: bool,
    /// Whether runs are followed until they have finished.
    pub follow: bool,
    /// No more unfinished runs of a flow than this at once; its manifest may say otherwise.
    pub max_active_runs: Option<NonZeroUsize>,
    /// No more requests within 24 hours than this, for each sandbox.
    pub new_runs_per_day: Option<usize>,
    /// Nothing is sent after this.
    pub deadline: Option<Instant>,
    /// Nothing is waited for after this.
    pub timeout: Option<Instant>,
}

/// What an apply came to.
#[derive(Debug)]
pub(crate) struct Applied {
    /// Each planned run, in the plan's order, and what became of it.
    pub runs: Vec<(DesiredRun, RunOutcome)>,
    /// Doubts about runs outside the plan that are still open.
    pub others_in_doubt: usize,
    /// How many flows nothing was sent to, for a reason of their own.
    pub blocked: usize,
    /// How many of those because the service did not answer for them.
    pub unanswered: usize,
    /// How the planned runs are doing, where they were followed.
    pub followed: Option<FollowTotals>,
    /// How many runs were to be followed and could not be: no list shows them, or none can be read.
    pub unfollowed: usize,
    /// Why it ended.
    pub ending: Ending,
}

/// How the planned runs are doing that exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FollowTotals {
    pub counts: Counts<WindowStatus>,
    /// The records of those that have finished.
    pub records: RecordCounts,
    /// Those that failed, in the plan's order.
    pub failures: Vec<(DesiredRun, RunId, LastSeen)>,
}

impl Applied {
    /// How many runs came to what; `held_back` of the plan were not even tried.
    #[must_use]
    pub(crate) fn counts(&self, held_back: usize) -> Counts<OutcomeKind> {
        let outcomes = self.runs.iter().map(|(_, outcome)| outcome.kind());
        let mut counts: Counts<OutcomeKind> = outcomes.collect();
        counts.add_many(OutcomeKind::InDoubt, self.others_in_doubt);
        counts.add_many(OutcomeKind::Remaining, held_back);
        counts
    }

    /// Whether a run that nobody has put on record was in the way of one.
    #[must_use]
    pub(crate) fn has_conflict(&self) -> bool {
        let is_in_the_way =
            |outcome: &_| matches!(outcome, RunOutcome::Remaining(LeftReason::InTheWay(_)));
        self.runs.iter().any(|(_, outcome)| is_in_the_way(outcome))
    }

    /// Whether runs were to be followed and could not be.
    #[must_use]
    pub(crate) fn is_not_followed(&self) -> bool {
        self.followed.is_some() && self.unfollowed > 0
    }
}

impl FollowTotals {
    /// How `runs` are doing, by what the state has last seen of them.
    #[must_use]
    pub(crate) fn of<'a>(runs: impl Iterator<Item = &'a DesiredRun>, state: &State) -> Self {
        let mut totals = Self::default();
        for run in runs {
            let Some(record) = state.get(&run.identity) else {
                continue;
            };
            let Some(run_id) = record.fate.run_id() else {
                continue;
            };
            let seen = record.last_seen();
            let status = seen.map_or(WindowStatus::Created, |seen| (&seen.status).into());
            totals.counts.add(status);
            if let Some(seen) = seen {
                totals.records = totals.records.plus(seen.records);
                if seen.status == RunStatus::Failed {
                    let failure = (run.clone(), run_id.clone(), seen.clone());
                    totals.failures.push(failure);
                }
            }
        }
        totals
    }
}

/// What became of a planned run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunOutcome {
    /// It existed before.
    Unchanged,
    Created(RunId),
    /// It turned out to exist.
    Adopted(RunId, Evidence),
    /// The service refused it.
    Rejected(Refusal),
    /// It may exist.
    InDoubt(DoubtReason),
    /// Not sent: left for the next apply.
    Remaining(LeftReason),
}

/// What a request came to, where only that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum OutcomeKind {
    Created,
    Adopted,
    Rejected,
    InDoubt,
    Remaining,
    Unchanged,
}

impl Counted for OutcomeKind {
    const ALL: &'static [Self] = &[
        Self::Created,
        Self::Adopted,
        Self::Rejected,
        Self::InDoubt,
        Self::Remaining,
        Self::Unchanged,
    ];

    fn index(self) -> usize {
        self as usize
    }
}

impl RunOutcome {
    pub(crate) fn kind(&self) -> OutcomeKind {
        match self {
            Self::Unchanged => OutcomeKind::Unchanged,
            Self::Created(_) => OutcomeKind::Created,
            Self::Adopted(..) => OutcomeKind::Adopted,
            Self::Rejected(_) => OutcomeKind::Rejected,
            Self::InDoubt(_) => OutcomeKind::InDoubt,
            Self::Remaining(_) => OutcomeKind::Remaining,
        }
    }

    /// What became of the window.
    pub(crate) fn status(&self) -> WindowStatus {
        match self {
            Self::Unchanged | Self::Created(_) | Self::Adopted(..) => WindowStatus::Created,
            Self::Rejected(_) => WindowStatus::Rejected,
            Self::InDoubt(_) => WindowStatus::InDoubt,
            Self::Remaining(LeftReason::InTheWay(_)) => WindowStatus::Conflict,
            Self::Remaining(LeftReason::Blocked(_)) => WindowStatus::Blocked,
            Self::Remaining(_) => WindowStatus::HeldBack,
        }
    }
}

/// Why an apply ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Everything that could be done was done.
    Done,
    /// The user asked for it.
    Interrupted,
    /// The time that was given is over, and runs have not finished.
    TimedOut,
    /// The service rejected so many runs in a row.
    Breaker(u32),
    /// The service does not accept the credentials.
    SignIn(String),
    /// The service cannot be reached, or throttles without end.
    Unreachable(String),
    /// The service asks to wait, and does nothing else.
    AlwaysLater,
    /// A task of ours has panicked: its request may have left.
    Panicked,
    /// The journal or the state could not be written.
    Store(StoreError),
}

/// Where events go.
pub(crate) type Events = tokio::sync::mpsc::UnboundedSender<Event>;

/// Carries `plan` out against the held `store`, until it is done or `stop` says so.
///
/// Whatever happens, the journal has every request that left; the state is folded at the end.
pub(crate) async fn apply(
    plan: &Plan,
    store: LockedStore,
    client: Arc<Client>,
    settings: Settings,
    events: Events,
    stop: Stop,
) -> Applied {
    dispatcher::Dispatcher::new(plan, store, client, settings, events, stop)
        .run()
        .await
}

/// The outcomes known so far, by key.
type Outcomes = HashMap<Key, RunOutcome>;

/// Whether an apply would have a run to settle, wanted or not.
#[must_use]
pub(crate) fn has_doubts(state: &State) -> bool {
    state
        .records()
        .any(|record| matches!(record.fate, Fate::InDoubt(_)))
}

/// Whether a planned run exists that is not known to have finished.
#[must_use]
pub(crate) fn has_unfinished(plan: &Plan, state: Option<&State>) -> bool {
    plan.runs().iter().any(|planned| {
        let record = state.and_then(|state| state.get(&planned.run.identity));
        record.is_some_and(|record| {
            record.fate.run_id().is_some()
                && record
                    .last_seen()
                    .is_none_or(|seen| !seen.status.is_finished())
        })
    })
}

/// What comes of applying a plan that changes nothing; `followed`: the state, where runs were to be
/// followed.
#[must_use]
pub(crate) fn nothing_to_do(plan: &Plan, followed: Option<&State>) -> Applied {
    let planned = || plan.runs().iter().map(|planned| &planned.run);
    Applied {
        runs: plan
            .runs()
            .iter()
            .map(|planned| {
                let left = LeftReason::of(planned.action);
                let outcome = left.map_or(RunOutcome::Unchanged, RunOutcome::Remaining);
                (planned.run.clone(), outcome)
            })
            .collect(),
        others_in_doubt: 0,
        blocked: 0,
        unanswered: 0,
        followed: followed.map(|state| FollowTotals::of(planned(), state)),
        unfollowed: 0,
        ending: Ending::Done,
    }
}
