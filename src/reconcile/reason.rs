//! Why nothing is sent to a flow, and why lists do not tell: as values. A sentence about one is
//! `report`'s.

use std::time::Duration;

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
    /// The service's list lacks so many runs of the flow that are on record.
    ListLacks(usize),
    /// The service's list is so old: a cache has answered.
    OldList(Duration),
    /// The service takes requests for a run, so many, and never shows one.
    ComesToNothing(usize, Key),
    /// So many runs of the flow are in doubt, and nothing tells.
    InDoubt(usize),
}

impl Blocked {
    /// Whether the service did not answer, as far as can be told.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(
            self,
            Self::Unanswered(_) | Self::ListLacks(_) | Self::OldList(_)
        )
    }
}

/// Why the lists do not tell whether a run exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// The list could not be had: why.
    NotListed(String),
    /// The list lacks so many runs of the flow that are on record.
    ListLacks(usize),
    /// The list is so old: a cache has answered.
    OldList(Duration),
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
    /// This run was to run again, and has changed without doing so as far as it shows.
    Changed(RunId),
    /// The one that it would be is another's already.
    Claimed(RunId),
}
