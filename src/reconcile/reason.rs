//! Why nothing is sent to a flow, and why lists do not tell whether a run exists: as values, each with
//! its sentence, which has no full stop. What the service said is in some, and is made harmless where
//! they are shown.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::run::{Key, RunId, UnixSeconds};
use crate::untrusted::Untrusted;

/// Why nothing is sent to a flow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Blocked {
    /// `GET /flows/{id}` was refused: what the service said.
    #[error("the flow cannot be read in this sandbox: {0}")]
    Unreadable(String),
    /// Runs can be created only for flows that are scheduled `once`; how this one is.
    #[error("the flow is scheduled `{0}`; runs can be created only for a flow scheduled `once`")]
    NotOnce(Untrusted),
    /// The flow is switched off; its state.
    #[error("the flow is {0}; enable it first")]
    Disabled(Untrusted),
    #[error("the manifest says `source: table`, but the flow reads files")]
    ReadsFiles,
    #[error("the manifest says `source: file`, but the flow reads a table")]
    ReadsTable,
    /// A first run fixed the delta column, and the manifest names another.
    #[error("the manifest's deltaColumn is `{manifest}`, but the flow's is `{flow}`")]
    DeltaColumn { flow: String, manifest: String },
    /// So many runs of the flow show no window, and no record stands for them.
    #[error(
        "{} no window and on no record: any of them may be one that is wanted here. A run that is \
         not over yet may show its window later. `backfill audit` names them; who knows that none is \
         wanted can send to this flow without comparing, with --flow and --no-preflight",
        of_its_runs(*.0, "shows", "show")
    )]
    Unknown(usize),
    /// The service did not answer for this flow: why.
    #[error("{0}")]
    Unanswered(String),
    /// The service's list does not tell which of its runs are there.
    #[error(transparent)]
    DoubtfulList(DoubtfulList),
    /// The service takes requests for a run, so many, and never shows one.
    #[error(
        "{requests} requests for the run {} came to nothing that a list shows; nothing more is sent to \
         the flow by this apply: see first whether the service is well",
        key.short()
    )]
    ComesToNothing { requests: usize, key: Key },
    /// So many runs of the flow are in doubt, and nothing tells.
    #[error("{} in doubt", of_its_runs(*.0, "is", "are"))]
    InDoubt(usize),
}

impl Blocked {
    /// Whether the service did not answer, as far as can be told.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self, Self::Unanswered(_) | Self::DoubtfulList(_))
    }
}

impl Serialize for Blocked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn of_its_runs(number: usize, one: &str, more: &str) -> String {
    match number {
        1 => format!("one of its runs {one}"),
        _ => format!("{number} of its runs {more}"),
    }
}

/// Why a list does not tell that a run is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DoubtfulList {
    /// It lacks so many runs of the flow that are on record.
    #[error("the service's list of the flow lacks {}", on_record(*.0))]
    Lacks(usize),
    /// It is so old: a cache has answered.
    #[error(
        "the service's list of the flow is {} s old: a cache has answered, or its clock is wrong",
        .0.as_secs()
    )]
    Old(Duration),
}

fn on_record(missing: usize) -> String {
    match missing {
        1 => "a run that is on record".to_owned(),
        more => format!("{more} runs that are on record"),
    }
}

/// Why the lists do not tell whether a run exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unclear {
    /// The list could not be had: why.
    #[error("{0}")]
    NotListed(String),
    #[error(transparent)]
    DoubtfulList(DoubtfulList),
    #[error("the run {0} has this window, and nothing tells whether it is this rerun")]
    SameWindow(RunId),
    #[error("the run {0} shows a window that is nearly this one")]
    NearlySameWindow(RunId),
    #[error("the run {0} shows no window and may be this one")]
    NoWindow(RunId),
    #[error("{0} runs show no window and may be this one")]
    NoWindows(usize),
    #[error("{0} runs do not show their window, or show one that is nearly this one")]
    NoOrNearlySameWindows(usize),
    #[error("it is to begin at {0}, and may be listed only after that")]
    NotBegun(UnixSeconds),
    /// This run was to run again, and has changed without doing so as far as it shows.
    #[error("the run {0} has changed, and nothing tells whether it runs again")]
    Changed(RunId),
    #[error("the run {0} is another's already")]
    Claimed(RunId),
}
