//! What was last read of a run: so that a plan shows offline how runs ended.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::{ByteCounts, RecordCounts, RunStatus};
use crate::untrusted::Untrusted;

/// How a run was doing when it was last read. Stored form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LastSeen {
    /// How far it was, or how it ended.
    pub status: RunStatus,
    /// Its records.
    #[serde(default)]
    pub records: RecordCounts,
    /// Its bytes.
    #[serde(default)]
    pub bytes: ByteCounts,
    /// When it began to work, by the service's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When anything of it changed, by the service's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// When it ended, by the service's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The code of its first error, such as `CONNECTOR-2001-500`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Untrusted>,
    /// The message of its first error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Untrusted>,
    /// When that was read.
    pub at: Timestamp,
}

impl LastSeen {
    /// Whether `self` says nothing that `before` did not.
    #[must_use]
    pub fn says_what(&self, before: &Self) -> bool {
        let at = before.at;
        *before == Self { at, ..self.clone() }
    }

    /// When it ended, by the service's clock: of a run that failed it only tells when that changed last.
    #[must_use]
    pub fn finished_at(&self) -> Option<Timestamp> {
        let changed_last = self.updated_at.filter(|_| self.status.is_finished());
        self.ended_at.or(changed_last)
    }

    /// For how long it worked, where both ends are known.
    #[must_use]
    pub fn worked(&self) -> Option<Duration> {
        Duration::try_from(self.ended_at?.duration_since(self.started_at?)).ok()
    }
}
