//! What happens during an apply, as values. Progress, log lines and reports are readers of these;
//! a sentence about one is the reader's business.

use tokio::time::Instant;

use super::{NotSentReason, RunOutcome};
use crate::reconcile::Blocked;
use crate::run::{FlowRef, Key, RunId, RunIdentity};
use crate::state::LastSeen;
use crate::untrusted::Untrusted;

/// Which flow an event is about: an index into [`Event::Started`]'s flows.
pub(crate) type FlowIndex = usize;

/// A flow that an apply works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlowStarted {
    /// The manifest's label.
    pub name: Untrusted,
    pub flow: FlowRef,
    /// How many runs are to be created.
    pub to_create: usize,
    /// Those in doubt.
    pub in_doubt: Vec<Key>,
    /// Those that are followed and existed before; `None` where runs are not followed.
    pub to_follow: Option<Vec<RunId>>,
}

/// The runs of a flow that have not finished, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActiveRuns {
    /// Those that a record stands for.
    pub ours: Vec<RunId>,
    pub others: Vec<RunId>,
}

/// Something that happened. Whatever changes the state is durable when its event is seen.
#[expect(clippy::large_enum_variant, reason = "nearly all events are of flows")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// The apply began.
    Started {
        /// The flows it works on.
        flows: Vec<FlowStarted>,
        /// Whether failed runs are run again, where else runs are created.
        is_retry: bool,
    },
    /// Something that happened to a flow.
    Flow(FlowIndex, FlowEvent),
    /// Nothing new is sent any more: the time that was given is over.
    Deadline,
    /// The service asked everyone to wait.
    Throttled {
        /// Until when.
        until: Instant,
        /// The rate after that, per second.
        rate: f64,
    },
    /// Nothing new is sent any more; answers are waited for.
    Stopping,
}

/// Something that happened to a flow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FlowEvent {
    /// It was checked and may be sent to.
    Prepared,
    /// It may not be sent to.
    Blocked(Blocked),
    /// A request is about to leave.
    Sending(RunIdentity),
    /// What became of a run, as far as is known now.
    Outcome(RunIdentity, RunOutcome),
    /// A request was given up before it left.
    NotSent(RunIdentity, NotSentReason),
    /// The lists are read for runs in doubt, without a verdict yet; told again when that changes.
    Settling {
        /// How many runs of the flow are in doubt.
        runs: usize,
        /// When a run that they do not hold will be believed not to exist.
        believed: Instant,
    },
    /// A run that was in doubt does not exist.
    NotCreated(RunIdentity),
    /// Runs wait for these to finish; told again when they change.
    Waiting(ActiveRuns),
    /// A run that is followed has finished.
    Ended {
        run: RunIdentity,
        run_id: RunId,
        /// How.
        seen: LastSeen,
    },
    /// The runs of the flow cannot be followed: why.
    NotFollowed(String),
}
