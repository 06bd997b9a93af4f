//! A record per run, and the state that holds them.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ClockedTime, Evidence, Refusal};
use crate::run::{FlowRef, Key, OrganizationId, RunId, RunIdentity, UnixSeconds};

/// What is known of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which run.
    pub identity: RunIdentity,
    /// What became of it.
    pub fate: Fate,
    /// Earlier requests for it that were in doubt and came to nothing, oldest first.
    pub earlier: Vec<Absence>,
}

impl Record {
    /// A run about which nothing was in doubt before.
    pub(super) fn new(identity: RunIdentity, fate: Fate) -> Self {
        Self {
            identity,
            fate,
            earlier: Vec::new(),
        }
    }
}

impl Record {
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
        adopted: Option<Evidence>,
        /// When that was known.
        at: Timestamp,
    },
    /// The service refused it: it does not exist.
    Rejected {
        /// What it said.
        refusal: Refusal,
        /// When.
        at: Timestamp,
    },
    /// A request may have left, and nothing tells whether the run exists.
    InDoubt {
        /// When the intent was made: the run is not older than this.
        intent: ClockedTime,
        /// The apply that made it.
        session: Uuid,
        /// When the run is to begin, if later than it was sent: it may be listed only then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_time: Option<UnixSeconds>,
        /// Its place among the intents of its apply, where those of a flow leave in order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<u64>,
        /// What came back, if anything did, and when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        doubt: Option<Doubt>,
    },
    /// It was in doubt, and turned out not to exist.
    NotCreated(Absence),
}

impl Fate {
    /// The run in Experience Platform, where it is known.
    #[must_use]
    pub fn run_id(&self) -> Option<&RunId> {
        match self {
            Self::Created { run_id, .. } => Some(run_id),
            Self::Rejected { .. } | Self::InDoubt { .. } | Self::NotCreated(_) => None,
        }
    }

    /// Whether the run exists, or nothing rules it out.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        match self {
            Self::Created { .. } | Self::InDoubt { .. } => true,
            Self::Rejected { .. } | Self::NotCreated(_) => false,
        }
    }
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

/// The runs we know of, for one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The organization whose runs these are; another's are never mixed in.
    pub organization: OrganizationId,
    /// Made once with the state: tells two states with equal serials apart.
    pub lineage: Uuid,
    /// How often the state was written.
    pub serial: u64,
    /// The number of the last journal entry that is part of it.
    pub folded: u64,
    pub(super) records: BTreeMap<Key, Record>,
    /// Which record a run of the service stands behind: never two.
    pub(super) by_run: HashMap<RunId, Key>,
}

impl State {
    /// A state without records.
    #[must_use]
    pub fn new(organization: OrganizationId) -> Self {
        Self {
            organization,
            lineage: Uuid::new_v4(),
            serial: 0,
            folded: 0,
            records: BTreeMap::new(),
            by_run: HashMap::new(),
        }
    }

    /// What is known of the run with this key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Record> {
        self.records.get(key)
    }

    /// Every record, by key.
    pub fn records(&self) -> impl Iterator<Item = (&Key, &Record)> {
        self.records.iter()
    }

    /// The runs of a flow that records stand for.
    #[must_use]
    pub fn claimed_of(&self, flow: &FlowRef) -> HashSet<RunId> {
        self.records
            .values()
            .filter(|record| record.identity.flow == *flow)
            .filter_map(|record| match &record.fate {
                Fate::Created { run_id, .. } => Some(run_id.clone()),
                Fate::Rejected { .. } | Fate::InDoubt { .. } | Fate::NotCreated(_) => None,
            })
            .collect()
    }

    /// The record that stands for this run of the service.
    #[must_use]
    pub fn claim(&self, run_id: &RunId) -> Option<Key> {
        self.by_run.get(run_id).copied()
    }
}
