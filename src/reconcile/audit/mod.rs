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

use serde::Serialize;

use crate::api::{ApiError, FlowRun};
use crate::run::{Counted, Counts, FlowRef, Key, RunId, RunStatus, Window};
use crate::state::{Fate, Record};
use crate::untrusted::Untrusted;

pub(crate) use compare::{AuditInput, compare};

/// What the sandbox shows of one flow.
#[derive(Debug)]
pub(crate) struct FlowListing {
    pub flow: FlowRef,
    /// The manifest's label for it.
    pub name: Untrusted,
    /// Its whole list of runs, and those recorded ones beside it that were found by their ids.
    pub seen: Result<Vec<FlowRun>, ApiError>,
}

/// What an audit came to.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Audit {
    /// By flow, in the order of the looks; the worst of each flow first.
    #[serde(skip)]
    pub findings: Vec<Finding>,
    /// How many flows were looked at.
    pub flows: usize,
    /// How many runs they show.
    pub runs: usize,
    /// How many records the state has of them.
    pub records: usize,
    /// Records too new to be missed: their runs need not be listed yet.
    pub too_new: usize,
    /// Records of flows that no manifest names.
    #[serde(rename = "notAudited")]
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
        /// What it says: that it was rejected, or not created.
        denial: Fate,
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

/// What kind of finding it is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) enum FindingKind {
    Contradiction,
    Doubled,
    Overlap,
    Unreadable,
    Vanished,
    Differs,
    InDoubt,
    Failed,
    Partial,
    Unknown,
}

impl Counted for FindingKind {
    const ALL: &'static [Self] = &[
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

    fn index(self) -> usize {
        self as usize
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

    /// The record that it is about, if it is about one.
    #[must_use]
    pub(crate) fn record(&self) -> Option<&Record> {
        match self {
            Self::Contradiction { record, .. }
            | Self::Vanished(record)
            | Self::Differs { record, .. }
            | Self::InDoubt { record, .. }
            | Self::Failed { record, .. } => Some(record),
            Self::Doubled { .. }
            | Self::Overlap { .. }
            | Self::Unreadable { .. }
            | Self::Unknown { .. } => None,
        }
    }

    /// The runs of the service that it is about, each with the key of the record that stands for it.
    #[must_use]
    pub(crate) fn runs(&self) -> Vec<(&FlowRun, Option<Key>)> {
        match self {
            Self::Doubled { runs, .. } => runs.iter().map(|(run, key)| (run, *key)).collect(),
            Self::Differs { record, run } | Self::Failed { record, run } => {
                vec![(run, Some(record.identity.key()))]
            }
            Self::Contradiction { run, .. }
            | Self::Overlap { run, .. }
            | Self::Unknown { run, .. } => vec![(run, None)],
            Self::Unreadable { .. } | Self::Vanished(_) | Self::InDoubt { .. } => Vec::new(),
        }
    }

    /// The window that it is about, if one is known.
    #[must_use]
    pub(crate) fn window(&self) -> Option<Window> {
        match (self, self.record()) {
            (Self::Doubled { window, .. }, _) => Some(*window),
            (_, Some(record)) => Some(record.identity.window),
            _ => self.runs().first()?.0.window_evidence.window(),
        }
    }
}

impl Audit {
    /// How many findings are of each kind.
    #[must_use]
    pub(crate) fn counts(&self) -> Counts<FindingKind> {
        self.findings.iter().map(|it| it.fact.kind()).collect()
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
