//! The state: every record, and which state it is.

use std::collections::HashSet;

use uuid::Uuid;

use super::record::Record;
use super::records::Records;
use crate::run::{FlowRef, Key, OrganizationId, RunId, RunIdentity};

/// The runs we know of, for one organization.
#[derive(Debug, Clone)]
pub struct State {
    /// The organization whose runs these are; another's are never mixed in.
    pub organization: OrganizationId,
    /// Made once with the state: tells two states with equal serials apart.
    pub lineage: Uuid,
    /// How often the state was written.
    pub serial: u64,
    /// The number of the last journal entry that is part of it.
    pub folded: u64,
    pub(super) records: Records,
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
            records: Records::default(),
        }
    }

    /// What is known of this run.
    #[must_use]
    pub fn get(&self, identity: &RunIdentity) -> Option<&Record> {
        self.records.get(identity)
    }

    /// What is known of the run with this key. All keys are computed to find it, unless the run is
    /// in doubt or has changed since the state was read.
    #[must_use]
    pub fn find(&self, key: &Key) -> Option<&Record> {
        let by_search = || self.records().find(|record| record.identity.key() == *key);
        self.records.named(key).or_else(by_search)
    }

    /// What is known of the run with this key, if it is in doubt or has changed since the state was
    /// read.
    #[must_use]
    pub fn find_changed(&self, key: &Key) -> Option<&Record> {
        self.records.named(key)
    }

    /// Every record, in the order of the runs.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// The records of a flow, in the order of its runs.
    pub fn of_flow(&self, flow: &FlowRef) -> impl Iterator<Item = &Record> {
        self.records.of_flow(flow)
    }

    /// How many runs are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no run is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The runs of a flow that records stand for.
    #[must_use]
    pub fn claimed_of(&self, flow: &FlowRef) -> HashSet<RunId> {
        self.of_flow(flow)
            .flat_map(|record| record.run_ids().cloned())
            .collect()
    }

    /// The run whose record stands for this run of the service.
    #[must_use]
    pub fn claim(&self, run_id: &RunId) -> Option<&RunIdentity> {
        self.records.claim(run_id)
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        let header = |state: &Self| {
            let Self {
                organization,
                lineage,
                serial,
                folded,
                records: _,
            } = state;
            (organization.clone(), *lineage, *serial, *folded)
        };
        header(self) == header(other) && self.records().eq(other.records())
    }
}

impl Eq for State {}
