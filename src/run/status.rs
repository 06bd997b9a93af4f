//! How a run is doing, in the words of our reports.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::untrusted::Untrusted;

/// How far a run is, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunStatus {
    /// Waiting for its start time.
    Scheduled,
    /// Working.
    InProgress,
    /// Done, with records.
    Success,
    /// Done, and some records failed.
    Partial,
    /// Done, without a record.
    Empty,
    /// Over, without success.
    Failed,
    /// A word of the service that is not known, as it came: taken as not finished.
    Unknown(Untrusted),
}

impl RunStatus {
    /// Whether the service will not change the run any more.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        match self {
            Self::Success | Self::Partial | Self::Empty | Self::Failed => true,
            Self::Scheduled | Self::InProgress | Self::Unknown(_) => false,
        }
    }

    /// Whether the service runs it again when it is asked to: it failed, or brought no record
    /// (Adobe's tutorial on retries).
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Failed | Self::Empty)
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Scheduled => "scheduled",
            Self::InProgress => "inProgress",
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Empty => "empty",
            Self::Failed => "failed",
            Self::Unknown(word) => return word.fmt(f),
        })
    }
}

/// Records of a run; `None` where the service does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordCounts {
    /// Records read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Records written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// Records that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
}

impl RecordCounts {
    /// The sum of both; what one does not tell, the other does.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: plus(self.input, other.input),
            output: plus(self.output, other.output),
            failed: plus(self.failed, other.failed),
        }
    }
}

impl ByteCounts {
    /// The sum of both; what one does not tell, the other does.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: plus(self.input, other.input),
            output: plus(self.output, other.output),
        }
    }
}

fn plus(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (one, None) | (None, one) => one,
    }
}

/// Bytes of a run; `None` where the service does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByteCounts {
    /// Bytes read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// Bytes written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
}
