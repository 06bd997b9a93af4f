//! What the state has beside what the sandbox shows: where they differ, and how badly.
//!
//! [`compare()`] is a function of plain data. It takes the state, the runs that manifests want, and
//! a [`FlowListing`] at each flow; it gives [`Finding`]s, the worst of each flow first. Sends nothing,
//! prints nothing, and mends nothing: settling, adopting and deciding are for others.

mod compare;
mod denial;
mod overlap;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::api::FlowRun;
use crate::run::{FlowRef, Key, RunId, RunStatus, Window};
use crate::state::{Absence, Record, Refusal};
use crate::untrusted::Untrusted;

pub(crate) use compare::{AuditInput, compare};

/// What the sandbox shows of one flow.
#[derive(Debug, Clone)]
pub(crate) struct FlowListing {
    pub flow: FlowRef,
    /// The manifest's label for it.
    pub name: Untrusted,
    /// What came of looking.
    pub seen: ListResult,
}

/// What came of looking at a flow.
#[derive(Debug, Clone)]
pub(crate) enum ListResult {
    /// Its whole list of runs, and those recorded ones beside it that were found by their ids.
    Runs(Vec<FlowRun>),
    /// The service refused, in its words.
    Refused(String),
    /// The service did not answer, or not in a way that is understood.
    Unanswered(String),
}

/// What an audit came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audit {
    /// By flow, in the order of the looks; the worst of each flow first.
    pub findings: Vec<Finding>,
    /// How many flows were looked at.
    pub flows: usize,
    /// How many runs they show.
    pub runs: usize,
    /// How many records the state has of them.
    pub records: usize,
    /// Records too new to be missed: their runs need not be listed yet.
    pub too_new: usize,
    /// Records of flows that were not looked at.
    pub elsewhere: usize,
}

/// One thing that differs, of one flow.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub flow: FlowRef,
    /// The manifest's label for it.
    pub name: Untrusted,
    /// What differs.
    pub fact: Fact,
}

/// What differs.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    /// The state says that a request came to nothing; yet this run shows its window, is not older
    /// than the request, and no record stands for it.
    Contradiction {
        record: Record,
        /// What it says.
        denial: Denial,
        run: FlowRun,
    },
    /// A window has more runs than the reruns that are on record or wanted.
    Doubled {
        window: Window,
        /// All its runs, oldest first, each with the key of the record that stands for it.
        runs: Vec<(FlowRun, Option<Key>)>,
    },
    /// A run that no record stands for shares a part of its window with windows that are on record or
    /// wanted, and may have ingested it.
    Overlap {
        run: FlowRun,
        /// The windows, by their start, each with the key of its record or of the wanted run.
        with: Vec<(Window, Key)>,
    },
    /// The flow could not be looked at, so nothing is known of it.
    Unreadable {
        /// What came back.
        why: String,
        /// Whether the service refused; else it did not answer.
        refused: bool,
    },
    /// The run of a record is neither listed nor found by its id, and no later rerun has succeeded.
    Vanished(Record),
    /// The run of a record shows another flow, or another window, than the record has.
    Differs { record: Record, run: FlowRun },
    /// A request may have left, and nothing is recorded that tells what came of it.
    InDoubt {
        record: Record,
        /// What is listed that could tell.
        trace: Trace,
    },
    /// The run of a record has failed, or some of its records have, and no later rerun has succeeded.
    Failed { record: Record, run: FlowRun },
    /// A run that no record stands for.
    Unknown {
        run: FlowRun,
        /// The wanted run as which the next apply adopts it.
        wanted: Option<Key>,
    },
}

/// What a record says of a request that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denial {
    /// The service refused it.
    Rejected {
        /// What it said.
        refusal: Refusal,
        /// When the answer was read.
        at: Timestamp,
    },
    /// It was in doubt, and found not to exist.
    Absent(Absence),
}

impl Denial {
    /// When that was recorded.
    #[must_use]
    pub(crate) fn at(&self) -> Timestamp {
        match self {
            Self::Rejected { at, .. } | Self::Absent(Absence { at, .. }) => *at,
        }
    }
}

/// What is listed that could close a doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trace {
    /// A run that shows the window and can be it: settling adopts it.
    Shown(RunId),
    /// A run that shows the window, and nothing tells whether it is this rerun: a person decides.
    Unclear(RunId),
    /// Runs that show no window and are not older than the request: each may be it.
    Silent(Vec<RunId>),
    Nothing,
}

/// The kinds of findings, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FindingKind {
    /// See [`Fact::Contradiction`].
    Contradiction,
    /// See [`Fact::Doubled`].
    Doubled,
    /// See [`Fact::Overlap`].
    Overlap,
    /// See [`Fact::Unreadable`].
    Unreadable,
    /// See [`Fact::Vanished`].
    Vanished,
    /// See [`Fact::Differs`].
    Differs,
    /// See [`Fact::InDoubt`].
    InDoubt,
    /// See [`Fact::Failed`].
    Failed,
    /// See [`Fact::Failed`]: some records have.
    Partial,
    /// See [`Fact::Unknown`].
    Unknown,
}

impl FindingKind {
    /// All of them, worst first.
    pub(crate) const ALL: [Self; 10] = [
        Self::Contradiction,
        Self::Doubled,
        Self::Overlap,
        Self::Unreadable,
        Self::Vanished,
        Self::Differs,
        Self::InDoubt,
        Self::Failed,
        Self::Partial,
        Self::Unknown,
    ];

    /// The word for one finding of it.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::Doubled => "doubled",
            Self::Overlap => "overlap",
            Self::Unreadable => "unreadable",
            Self::Vanished => "vanished",
            Self::Differs => "differs",
            Self::InDoubt => "in doubt",
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
        }
    }
}

impl Fact {
    /// Its kind.
    #[must_use]
    pub(crate) fn kind(&self) -> FindingKind {
        match self {
            Self::Contradiction { .. } => FindingKind::Contradiction,
            Self::Doubled { .. } => FindingKind::Doubled,
            Self::Overlap { .. } => FindingKind::Overlap,
            Self::Unreadable { .. } => FindingKind::Unreadable,
            Self::Vanished(_) => FindingKind::Vanished,
            Self::Differs { .. } => FindingKind::Differs,
            Self::InDoubt { .. } => FindingKind::InDoubt,
            Self::Failed { run, .. } if run.status == RunStatus::Partial => FindingKind::Partial,
            Self::Failed { .. } => FindingKind::Failed,
            Self::Unknown { .. } => FindingKind::Unknown,
        }
    }

    /// The window that it is about, if one is known.
    #[must_use]
    pub(crate) fn window(&self) -> Option<Window> {
        match self {
            Self::Doubled { window, .. } => Some(*window),
            Self::Contradiction { record, .. }
            | Self::Vanished(record)
            | Self::Differs { record, .. }
            | Self::InDoubt { record, .. }
            | Self::Failed { record, .. } => Some(record.identity.window),
            Self::Overlap { run, .. } | Self::Unknown { run, .. } => run.window_evidence.window(),
            Self::Unreadable { .. } => None,
        }
    }
}

impl Audit {
    /// How many findings are of `kind`.
    #[must_use]
    pub(crate) fn count(&self, kind: FindingKind) -> usize {
        let facts = self.findings.iter().map(|finding| &finding.fact);
        facts.filter(|fact| fact.kind() == kind).count()
    }

    /// Whether a flow could not be looked at because no answer came.
    #[must_use]
    pub(crate) fn is_unanswered(&self) -> bool {
        let facts = self.findings.iter().map(|finding| &finding.fact);
        facts
            .into_iter()
            .any(|fact| matches!(fact, Fact::Unreadable { refused: false, .. }))
    }
}
