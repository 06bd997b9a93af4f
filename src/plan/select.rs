//! Narrowing a plan: to flows, to keys, to a number of runs.

use std::collections::HashMap;

use super::{Action, Plan, PlannedRun};
use crate::run::{FlowId, Key, KeyPrefix, RunIdentity};

/// What of a plan is wanted. The default is all of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// Only these flows; empty: all.
    pub flows: Vec<FlowId>,
    /// Only runs whose key begins so; empty: all.
    pub keys: Vec<KeyPrefix>,
    /// Create no more runs than this; the rest is held back, and kept apart.
    pub limit: Option<Limit>,
}

/// How many runs may be created, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Asked for this once (`--limit`).
    Asked(usize),
    /// The guard, as replaced this once (`--max-new`).
    MaxNew(usize),
    /// The guard (config `limits.newRunsPerApply`).
    NewRunsPerApply(usize),
}

impl Limit {
    /// The number of runs.
    #[must_use]
    pub(crate) fn most(self) -> usize {
        match self {
            Self::Asked(most) | Self::MaxNew(most) | Self::NewRunsPerApply(most) => most,
        }
    }

    /// How it is called where it is set.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Asked(_) => "--limit",
            Self::MaxNew(_) => "--max-new",
            Self::NewRunsPerApply(_) => "limits.newRunsPerApply",
        }
    }
}

/// What of a selection names nothing of a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NamesNothing {
    /// No run is of this flow.
    #[error("the manifests want no run of the flow {0}")]
    Flow(FlowId),
    /// No run has such a key.
    #[error("no run of the manifests' flows has a key that begins with {0}")]
    Key(KeyPrefix),
    /// The keys are of other flows.
    #[error("no run of the flows that are named has a key that begins as is asked")]
    Together,
}

impl Plan {
    /// Whether each flow and each key of `selection` names something of the plan: a slip must not
    /// look like a plan with nothing to do.
    ///
    /// # Errors
    /// With the first that names nothing.
    pub(crate) fn names(&self, selection: &Selection) -> Result<(), NamesNothing> {
        let Selection {
            flows,
            keys,
            limit: _,
        } = selection;
        if flows.is_empty() && keys.is_empty() {
            return Ok(());
        }
        let planned = self.runs.iter().chain(&self.held_back);
        let planned = planned.map(|planned| &planned.run.identity);
        let all = || {
            planned
                .clone()
                .chain(self.orphaned.iter().map(|known| &known.identity))
        };
        let has = |matches: &dyn Fn(&RunIdentity) -> bool| all().any(matches);
        let is_of = |flow: FlowId| move |run: &RunIdentity| run.flow.id == flow;
        let begins = |prefix: &KeyPrefix| {
            let prefix = prefix.clone();
            move |run: &RunIdentity| prefix.matches(&run.key())
        };
        if let Some(flow) = flows.iter().find(|flow| !has(&is_of(**flow))) {
            return Err(NamesNothing::Flow(*flow));
        }
        if let Some(prefix) = keys.iter().find(|prefix| !has(&begins(prefix))) {
            return Err(NamesNothing::Key(prefix.clone()));
        }
        let both = |run: &RunIdentity| {
            flows.contains(&run.flow.id) && {
                let key = run.key();
                keys.iter().any(|prefix| prefix.matches(&key))
            }
        };
        if !flows.is_empty() && !keys.is_empty() && !has(&both) {
            return Err(NamesNothing::Together);
        }
        Ok(())
    }

    /// The part of the plan that `selection` names.
    ///
    /// A limit takes from every flow in turn, earliest windows first, so that a flow with many
    /// windows does not push the others out.
    #[must_use]
    pub(crate) fn select(self, selection: &Selection) -> Self {
        let Selection { flows, keys, limit } = selection;
        let Self {
            mut runs,
            mut orphaned,
            mut held_back,
            limit: mut held_by,
            mut partial,
            organization,
            reviewed,
            made_at,
        } = self;
        if !flows.is_empty() {
            runs.retain(|planned| flows.contains(&planned.run.identity.flow.id));
            held_back.retain(|planned| flows.contains(&planned.run.identity.flow.id));
            orphaned.retain(|known| flows.contains(&known.identity.flow.id));
        }
        if !keys.is_empty() {
            partial = true;
            let named = |key: &Key| keys.iter().any(|prefix| prefix.matches(key));
            runs.retain(|planned| named(&planned.run.key()));
            held_back.retain(|planned| named(&planned.run.key()));
            orphaned.retain(|known| named(&known.identity.key()));
        }
        if let Some(limit) = *limit {
            // What was refused before takes what the others leave.
            let fresh = fair_quota(&runs, Action::Create, limit.most());
            let retry = fair_quota(&runs, Action::Retry, limit.most());
            let left = limit.most() - fresh.values().sum::<usize>();
            let again = fair_quota(&runs, Action::Again, left);
            let mut taken: HashMap<(FlowId, Action), usize> = HashMap::new();
            let is_beyond = |planned: &mut PlannedRun| {
                let quota = match planned.action {
                    Action::Create => &fresh,
                    Action::Again => &again,
                    Action::Retry => &retry,
                    _ => return false,
                };
                let flow = planned.run.identity.flow.id;
                let taken = taken.entry((flow, planned.action)).or_default();
                *taken += 1;
                *taken > quota.get(&flow).copied().unwrap_or(0)
            };
            let beyond: Vec<PlannedRun> = runs.extract_if(.., is_beyond).collect();
            if !beyond.is_empty() {
                held_by = Some(limit);
                held_back.extend(beyond);
                held_back.sort_by(|a, b| a.run.identity.cmp(&b.run.identity));
            }
        }
        Self {
            runs,
            orphaned,
            held_back,
            limit: held_by,
            partial,
            organization,
            reviewed,
            made_at,
        }
    }
}

/// How many runs of `action` each flow may create, when all of them may create `limit`.
fn fair_quota(runs: &[PlannedRun], action: Action, limit: usize) -> HashMap<FlowId, usize> {
    let mut flows: Vec<FlowId> = Vec::new();
    let mut wanted: HashMap<FlowId, usize> = HashMap::new();
    for planned in runs.iter().filter(|planned| planned.action == action) {
        let flow = planned.run.identity.flow.id;
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
