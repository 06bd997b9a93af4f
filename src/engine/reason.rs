//! Why a run was not sent, is in doubt or is left, and why a flow is blocked: as values.
//!
//! A sentence about one is `report`'s. Only what the journal keeps is text from here on: see
//! [`NotSentReason`] and [`DoubtReason::Recorded`].

use std::fmt;

use crate::run::{Key, RunId, UnixSeconds};
use crate::untrusted::Untrusted;

/// Why nothing is sent to a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// `GET /flows/{id}` was refused: what the service said.
    Unreadable(String),
    /// Runs can be created only for flows that are scheduled `once`; how this one is.
    NotOnce(Untrusted),
    /// The flow is switched off; its state.
    Disabled(Untrusted),
    /// The manifest says `table`, the flow reads files.
    ReadsFiles,
    /// The manifest says `file`, the flow reads a table.
    ReadsTable,
    /// A first run fixed the delta column, and the manifest names another.
    DeltaColumn {
        /// As the flow has it.
        flow: String,
        /// As the manifest has it.
        manifest: String,
    },
    /// So many runs of the flow show no window, and no record stands for them.
    Unknown(usize),
    /// The service did not answer for this flow: why.
    Unanswered(String),
    /// The service lists no run of the flow, though so many are on record.
    NoneListed(usize),
    /// The service takes requests for a run, so many, and never shows one.
    ComesToNothing(usize, Key),
    /// So many runs of the flow are in doubt, and nothing tells.
    InDoubt(usize),
}

impl Blocked {
    /// Whether the service did not answer, as far as can be told.
    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self, Self::Unanswered(_) | Self::NoneListed(_))
    }
}

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

/// Why the lists do not tell whether a run exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// The list could not be had: why.
    NotListed(String),
    /// The service lists no run of the flow, though so many are on record.
    NoneListed(usize),
    /// This run has the window, and nothing tells which rerun it is.
    SameWindow(RunId),
    /// This run shows a window that is nearly the one.
    NearlySameWindow(RunId),
    /// This run shows no window, and may be the one.
    NoWindow(RunId),
    /// So many runs show no window, and each may be the one.
    NoWindows(usize),
    /// So many runs show no window, or nearly the one.
    NoOrNearlySameWindows(usize),
    /// The run is to begin then, and may be listed only after that.
    NotBegun(UnixSeconds),
    /// The one that it would be is another's already.
    Claimed(RunId),
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
