//! What a flow's queue sees of the apply while something happens to it, and what follows from that for
//! others: it is the dispatcher that carries it out.

use std::collections::HashSet;
use std::time::Duration;

use uuid::Uuid;

use crate::engine::{FlowEvent, NotSentReason, Settings};
use crate::reconcile::{Moment, Query};
use crate::run::RunId;
use crate::state::{Entry, State};

/// One change of a flow's queue.
pub(in crate::engine) struct Transition<'a> {
    pub(in crate::engine) settings: &'a Settings,
    pub(in crate::engine) state: &'a State,
    /// The runs of all flows that were created or adopted by this apply, whether or not their entries
    /// are in the journal yet.
    pub(in crate::engine) accepted: &'a HashSet<RunId>,
    pub(in crate::engine) api_key: &'a str,
    /// The session of this apply, as intents name it.
    pub(in crate::engine) session: Uuid,
    pub(in crate::engine) now: Moment,
    /// Whether lists are still read.
    pub(in crate::engine) reads: bool,
    /// Whether the limits of the whole apply let something more of the flow be sent.
    pub(in crate::engine) may_send: bool,
    /// In the order in which they are carried out.
    pub(in crate::engine) effects: Vec<Effect>,
}

/// What follows from something that has happened to a flow.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all effects are records, and none outlives its step"
)]
#[derive(Debug)]
pub(in crate::engine) enum Effect {
    /// A fact is written with the next append, and the news of it are told once it is durable.
    Record(Option<Entry>, Option<FlowEvent>),
    /// A record is about to stand for this run.
    Accept(RunId),
    /// What is reserved for the flow is taken back.
    Withdraw(NotSentReason),
    /// A request that the limits have counted has created nothing.
    GiveBack,
    /// The service has refused a request: a limit on requests has counted it.
    Refused,
    /// The flow is read after this time.
    Read(Duration, Query, Purpose),
}

/// What a flow is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Purpose {
    /// To find out whether it may be sent to.
    Prepare,
    /// To settle its doubts.
    Settle,
    /// To follow its runs.
    Follow,
}

impl Transition<'_> {
    pub(super) fn record(&mut self, entry: Entry, event: FlowEvent) {
        self.effects.push(Effect::Record(Some(entry), Some(event)));
    }

    /// Writes a fact that is no news.
    pub(super) fn note(&mut self, entry: Entry) {
        self.effects.push(Effect::Record(Some(entry), None));
    }

    pub(super) fn tell(&mut self, event: FlowEvent) {
        self.effects.push(Effect::Record(None, Some(event)));
    }
}
