//! Narrowing a plan: to flows, to keys, to a number of runs.

use std::collections::HashMap;

use super::{Plan, PlannedRun};
use crate::run::{FlowId, KeyPrefix};

/// What of a plan is wanted. The default is all of it.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these flows; empty: all.
    pub flows: Vec<FlowId>,
    /// Only runs whose key begins so; empty: all.
    pub keys: Vec<KeyPrefix>,
    /// Create no more than this many runs; the rest is held back, and counted.
    pub limit: Option<usize>,
}

impl Plan {
    /// The part of the plan that `selection` names.
    ///
    /// A limit takes from every flow in turn, earliest windows first, so that a flow with many
    /// windows does not push the others out.
    #[must_use]
    pub fn select(self, selection: &Selection) -> Self {
        let Selection { flows, keys, limit } = selection;
        let Self {
            mut runs,
            mut orphaned,
            mut held_back,
        } = self;
        if !flows.is_empty() {
            runs.retain(|planned| flows.contains(&planned.run.identity.flow_id));
            orphaned.retain(|identity| flows.contains(&identity.flow_id));
        }
        if !keys.is_empty() {
            runs.retain(|planned| keys.iter().any(|prefix| prefix.matches(&planned.run.key)));
            orphaned.retain(|identity| {
                let key = identity.key();
                keys.iter().any(|prefix| prefix.matches(&key))
            });
        }
        if let Some(limit) = *limit {
            let quota = fair_quota(&runs, limit);
            let mut taken: HashMap<FlowId, usize> = HashMap::new();
            let before = runs.len();
            runs.retain(|planned| {
                if !planned.action.creates() {
                    return true;
                }
                let flow = planned.run.identity.flow_id;
                let taken = taken.entry(flow).or_default();
                *taken += 1;
                *taken <= quota.get(&flow).copied().unwrap_or(0)
            });
            held_back += before - runs.len();
        }
        Self {
            runs,
            orphaned,
            held_back,
        }
    }
}

/// How many runs each flow may create, when all of them may create `limit`.
fn fair_quota(runs: &[PlannedRun], limit: usize) -> HashMap<FlowId, usize> {
    let mut flows: Vec<FlowId> = Vec::new();
    let mut wanted: HashMap<FlowId, usize> = HashMap::new();
    for planned in runs.iter().filter(|planned| planned.action.creates()) {
        let flow = planned.run.identity.flow_id;
        let count = wanted.entry(flow).or_insert_with(|| {
            flows.push(flow);
            0
        });
        *count += 1;
    }
    let mut quota: HashMap<FlowId, usize> = HashMap::new();
    let mut left = limit;
    while left > 0 && !flows.is_empty() {
        // An equal share for all, at least one; what a flow cannot use goes to the others.
        let share = (left / flows.len()).max(1);
        flows.retain(|flow| {
            let have = quota.entry(*flow).or_default();
            let more = share.min(wanted[flow] - *have).min(left);
            *have += more;
            left -= more;
            *have < wanted[flow]
        });
    }
    quota
}
