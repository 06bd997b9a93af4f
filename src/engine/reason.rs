//! Why a run was not sent, is in doubt or is left: as values.
//!
//! A sentence about one is `report`'s. Only what the journal keeps is text from here on: see
//! [`NotSentReason`] and [`DoubtReason::Recorded`].

use std::fmt;

use crate::reconcile::{Blocked, Unclear};

/// Why a planned run is left for the next apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeftReason {
    /// Nothing is sent to its flow.
    Blocked(Blocked),
    /// Its window overlaps that of another run, which comes first.
    Overlap,
    /// Held back by the limit on new runs.
    Limit,
    /// The user stopped the apply before its turn.
    Interrupted,
    /// The apply ended for another reason before its turn.
    Ended,
}

/// Why a run may exist, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DoubtReason {
    /// What came back for its request, as the journal has it.
    Recorded(String),
    /// A request may have left, and no answer is known.
    NoAnswer,
    /// The lists do not tell.
    Unclear(Unclear),
}

/// Why a request whose intent was written did not leave. Its text is what the journal keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotSentReason {
    /// The user asked to stop.
    Stopped,
    /// The intent grew too old while it waited.
    Stale,
    /// No connection, or throttled without end: why.
    Unreachable(String),
    /// The credentials are not accepted: why.
    SignIn(String),
    /// Runs of a flow leave one after the other, and one before it was not created.
    Behind,
    /// Nothing more is sent to its flow.
    FlowBlocked,
}

impl fmt::Display for NotSentReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "stopped before it was sent",
            Self::Stale => "its turn came too late",
            Self::Unreachable(why) | Self::SignIn(why) => why,
            Self::Behind => "the run before it in its flow was not created",
            Self::FlowBlocked => "nothing more is sent to its flow",
        })
    }
}
