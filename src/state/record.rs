//! A record per run. A state may hold a million: what is rare stands in a box, so that the common
//! record, of a run that was created, is small and needs no allocation of its own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ClockedTime, Evidence, Refusal};
use crate::run::{RunId, RunIdentity, UnixSeconds};

/// What is known of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which run.
    pub identity: RunIdentity,
    /// What became of it.
    pub fate: Fate,
    /// Earlier requests for it that were in doubt and came to nothing, oldest first.
    pub earlier: Box<[Absence]>,
}

impl Record {
    /// A run about which nothing was in doubt before.
    pub(super) fn new(identity: RunIdentity, fate: Fate) -> Self {
        Self {
            identity,
            fate,
            earlier: Box::default(),
        }
    }

    /// Gives it a new fate; an absence that it had stays with it.
    pub(super) fn replace(&mut self, fate: Fate) {
        if let Fate::NotCreated(absence) = std::mem::replace(&mut self.fate, fate) {
            let mut earlier = std::mem::take(&mut self.earlier).into_vec();
            earlier.push(*absence);
            self.earlier = earlier.into();
        }
    }

    /// Gives it the fate back that it had before its open intent; `false` where it had none.
    pub(super) fn take_back(&mut self) -> bool {
        let mut earlier = std::mem::take(&mut self.earlier).into_vec();
        let absence = earlier.pop();
        self.earlier = earlier.into();
        match absence {
            Some(absence) => {
                self.fate = Fate::NotCreated(Box::new(absence));
                true
            }
            None => false,
        }
    }

    /// Whether an earlier request for it was in doubt and came to nothing.
    #[must_use]
    pub fn was_absent(&self) -> bool {
        matches!(self.fate, Fate::NotCreated(_)) || !self.earlier.is_empty()
    }
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "fate",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Fate {
    /// It exists.
    Created {
        /// Its id.
        run_id: RunId,
        /// `None`: we sent it and the service said so. Else how it was recognised.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        adopted: Option<Box<Evidence>>,
        /// When that was known.
        at: Timestamp,
    },
    /// The service refused it: it does not exist.
    Rejected {
        /// What it said.
        refusal: Box<Refusal>,
        /// When.
        at: Timestamp,
    },
    /// A request may have left, and nothing tells whether the run exists.
    InDoubt(Box<InDoubt>),
    /// It was in doubt, and turned out not to exist.
    NotCreated(Box<Absence>),
}

impl Fate {
    /// The run in Experience Platform, where it is known.
    #[must_use]
    pub fn run_id(&self) -> Option<&RunId> {
        match self {
            Self::Created { run_id, .. } => Some(run_id),
            Self::Rejected { .. } | Self::InDoubt(_) | Self::NotCreated(_) => None,
        }
    }

    /// Whether the run exists, or nothing rules it out.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        match self {
            Self::Created { .. } | Self::InDoubt(_) => true,
            Self::Rejected { .. } | Self::NotCreated(_) => false,
        }
    }
}

/// A request whose outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InDoubt {
    /// When the intent was made: the run is not older than this.
    pub intent: ClockedTime,
    /// The apply that made it.
    pub session: Uuid,
    /// When the run is to begin, if later than it was sent: it may be listed only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<UnixSeconds>,
    /// Its place among the intents of its apply, where those of a flow leave in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// What came back, if anything did, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
}

/// A doubt that was closed: no run came of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// When the intent of the request was made.
    pub intent: ClockedTime,
    /// How that was found out.
    pub evidence: Evidence,
    /// When.
    pub at: Timestamp,
}

/// What came back that did not tell whether the run exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doubt {
    /// What came back.
    pub reason: String,
    /// When: the request cannot have left later than this.
    pub at: ClockedTime,
}
