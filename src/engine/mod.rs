//! The engine: carries a plan out, each run created exactly once.
//!
//! One dispatcher orders everything: it alone appends to the journal, folds, counts and emits
//! [`Event`]s. Around it are tasks that only talk to the service: they prepare a flow, send one
//! request, or look for a run whose fate is unknown, and report back. What a report means is
//! decided by functions of plain data (`recognise`, `check_flow`). The engine prints nothing.

mod breaker;
mod dispatcher;
mod event;
mod flow_queue;
mod reason;
mod send;
mod stop;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::api::{Client, TimestampForm};
use crate::plan::Plan;
use crate::run::{DesiredRun, Key, RunId};
use crate::state::{Evidence, Fate, Refusal, State};
use crate::store::{LockedStore, StoreError};

pub(crate) use event::{Event, FlowIndex, FlowStarted};
pub(crate) use reason::{DoubtReason, LeftReason, NotSentReason};
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
    /// How times are spelled on the wire.
    pub timestamps: TimestampForm,
    /// Whether flows are checked, and existing runs adopted, before anything is sent.
    pub preflight: bool,
    /// No more requests to create leave than this.
    pub most_new: usize,
    /// After how many rejections in a row the apply stops.
    pub rejections_in_a_row: u32,
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
    /// Why it ended.
    pub ending: Ending,
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

/// Why an apply ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Everything that could be done was done.
    Done,
    /// The user asked for it.
    Interrupted,
    /// The service rejected so many runs in a row.
    Breaker(u32),
    /// The service does not accept the credentials.
    SignIn(String),
    /// The service cannot be reached, or throttles without end.
    Unreachable(String),
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

/// What comes of applying a plan that changes nothing.
#[must_use]
pub(crate) fn nothing_to_do(plan: &Plan) -> Applied {
    Applied {
        runs: plan
            .runs()
            .iter()
            .map(|planned| (planned.run.clone(), RunOutcome::Unchanged))
            .collect(),
        others_in_doubt: 0,
        blocked: 0,
        unanswered: 0,
        ending: Ending::Done,
    }
}
