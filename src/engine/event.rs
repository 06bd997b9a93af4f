//! What happens during an apply, as values. Progress, log lines and reports are readers of these;
//! a sentence about one is the reader's business.

use tokio::time::Instant;

use super::NotSentReason;
use crate::reconcile::{Blocked, Unclear};
use crate::run::{FlowRef, OtherRun, RunId, RunIdentity};
use crate::state::{Evidence, LastSeen, Refusal};
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
    /// How many are in doubt.
    pub in_doubt: usize,
    /// How many are followed that existed before; `None` where runs are not followed.
    pub to_follow: Option<usize>,
}

/// Something that happened. Whatever changes the state is durable when its event is seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// The apply began.
    Started {
        /// The flows it works on.
        flows: Vec<FlowStarted>,
        /// Whether failed runs are run again, where else runs are created.
        is_retry: bool,
    },
    /// A flow was checked and may be sent to.
    Prepared { flow: FlowIndex },
    /// A flow may not be sent to.
    Blocked {
        flow: FlowIndex,
        /// Why.
        reason: Blocked,
    },
    /// A request is about to leave.
    Sending { flow: FlowIndex, run: RunIdentity },
    /// A run was created.
    Created {
        flow: FlowIndex,
        run: RunIdentity,
        run_id: RunId,
    },
    /// A run that exists was recognised as a wanted one.
    Adopted {
        flow: FlowIndex,
        run: RunIdentity,
        run_id: RunId,
        /// How it was recognised.
        evidence: Evidence,
    },
    /// A run that nobody has put on record is in the way of one that is wanted.
    InTheWay {
        flow: FlowIndex,
        run: RunIdentity,
        other: OtherRun,
    },
    /// A run was refused.
    Rejected {
        flow: FlowIndex,
        run: RunIdentity,
        /// What the service said.
        refusal: Refusal,
    },
    /// A request was given up before it left.
    NotSent {
        flow: FlowIndex,
        run: RunIdentity,
        /// Why.
        reason: NotSentReason,
    },
    /// A run may exist.
    InDoubt {
        flow: FlowIndex,
        run: RunIdentity,
        /// What came back.
        reason: String,
    },
    /// The lists are read for runs in doubt, without a verdict yet; told again when that changes.
    Settling {
        flow: FlowIndex,
        /// How many runs of the flow are in doubt.
        runs: usize,
        /// When a run that they do not hold will be believed not to exist.
        believed: Instant,
    },
    /// A run that was in doubt does not exist.
    NotCreated { flow: FlowIndex, run: RunIdentity },
    /// The lists cannot tell whether a run exists.
    Unclear {
        flow: FlowIndex,
        run: RunIdentity,
        /// Why not.
        reason: Unclear,
    },
    /// Runs of a flow wait for others of it to finish.
    Waiting {
        flow: FlowIndex,
        /// How many have not.
        active: usize,
    },
    /// A run that is followed has finished.
    Ended {
        flow: FlowIndex,
        run: RunIdentity,
        /// How.
        seen: LastSeen,
    },
    /// The runs of a flow cannot be followed.
    NotFollowed {
        flow: FlowIndex,
        /// Why not.
        reason: String,
    },
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
