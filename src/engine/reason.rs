//! Why a run was not sent, is in doubt or is left: as values.
//!
//! What the journal keeps of one has its text here; the other sentences are `report`'s.

use jiff::Timestamp;

use crate::plan::Action;
use crate::reconcile::{Blocked, Unclear};
use crate::run::{OtherRun, RunId};

/// Why a planned run is left for the next apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeftReason {
    /// Nothing is sent to its flow.
    Blocked(Blocked),
    /// Its window overlaps that of another run, which comes first.
    Overlap,
    /// A run that nobody has put on record is in its way.
    InTheWay(OtherRun),
    /// Held back by the limit on new runs.
    Limit,
    /// Its manifest says `paused: true`.
    Paused,
    /// The plan that was reviewed does not create it.
    Unreviewed,
    /// The budget of a day is used up (`limits.newRunsPerDay`).
    Day {
        /// The limit.
        most: usize,
        /// When it fits, if nothing else is sent before.
        fits: Option<Timestamp>,
    },
    /// The time for sending was over (`--deadline`).
    Deadline,
    /// The time for the apply was over (`--timeout`).
    Timeout,
    /// It was to run again, and is not any more what it was when that was decided.
    Changed,
    /// The user stopped the apply before its turn.
    Interrupted,
    /// The apply ended for another reason before its turn.
    Ended,
}

impl LeftReason {
    /// Why a run with this action is not sent, if the plan itself says so.
    pub(crate) fn of(action: Action) -> Option<Self> {
        match action {
            Action::Paused => Some(Self::Paused),
            Action::Unreviewed => Some(Self::Unreviewed),
            Action::Wait | Action::Conflict => Some(Self::Overlap),
            Action::Create
            | Action::Again
            | Action::Retry
            | Action::Settle
            | Action::Blocked
            | Action::Adopt
            | Action::Unchanged => None,
        }
    }

    /// Whether one sentence serves both: when each fits aside.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Day { most, .. }, Self::Day { most: other, .. }) => most == other,
            _ => self == other,
        }
    }

    /// When it fits, if that is known.
    pub(crate) fn fits(&self) -> Option<Timestamp> {
        match self {
            Self::Day { fits, .. } => *fits,
            _ => None,
        }
    }
}

/// Why a run may exist, or not. The text of what came back for its request is what the journal keeps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DoubtReason {
    /// What came back, as the journal has it.
    #[error("{0}")]
    Recorded(String),
    #[error("the answer names the run {0}, which is another's")]
    AnothersRun(RunId),
    #[error("a request may have left and no answer is known")]
    NoAnswer,
    /// The lists do not tell.
    #[error(transparent)]
    Unclear(Unclear),
}

/// Why a request whose intent was written did not leave. Its text is what the journal keeps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSentReason {
    #[error("stopped before it was sent")]
    Stopped,
    /// The intent grew too old while it waited.
    #[error("its turn came too late")]
    Stale,
    /// No connection, or throttled without end.
    #[error("{0}")]
    Unreachable(String),
    /// The credentials are not accepted.
    #[error("{0}")]
    SignIn(String),
    /// Runs of a flow leave one after the other.
    #[error("the run before it in its flow was not created")]
    Behind,
    #[error("nothing more is sent to its flow")]
    FlowBlocked,
    #[error("the time for sending was over")]
    Deadline,
}
