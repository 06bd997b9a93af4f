//! Narrowing a plan: to flows, to keys, to a number of runs.

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
    /// A limit takes from every flow in turn, so that a flow with many windows does not push the
    /// others out, and of a flow the windows that are sent first.
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
            let most = limit.most();
            let fresh = beyond(&runs, Action::Create, most);
            let is_fresh = |planned: &&PlannedRun| planned.action == Action::Create;
            let taken = runs.iter().filter(is_fresh).count() - fresh.len();
            // What was refused before takes what the others leave.
            let again = beyond(&runs, Action::Again, most - taken);
            let retry = beyond(&runs, Action::Retry, most);
            let mut beyond = [fresh, again, retry].concat();
            beyond.sort_unstable();
            let mut beyond = beyond.into_iter().peekable();
            let mut places = 0..;
            let is_beyond = |_: &mut PlannedRun| {
                let place = places.next();
                place.is_some_and(|place| beyond.next_if_eq(&place).is_some())
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

/// The places in `runs` of those with `action` that do not fit, when `limit` of them may be created:
/// of each flow those that are sent last.
fn beyond(runs: &[PlannedRun], action: Action, limit: usize) -> Vec<usize> {
    let mut next = 0;
    let flows = runs.chunk_by(|a, b| a.run.identity.flow == b.run.identity.flow);
    let flows: Vec<Vec<usize>> = flows
        .map(|flow| {
            let first = next;
            next += flow.len();
            let mut places: Vec<usize> = (first..next)
                .filter(|place| runs[*place].action == action)
                .collect();
            // The flow's queue takes it from its last run, too.
            let order = runs[next - 1].run.request.order;
            let identity = |place: &usize| &runs[*place].run.identity;
            places.sort_by(|a, b| order.compare(identity(a), identity(b)));
            places
        })
        .collect();
    let wanted: Vec<usize> = flows.iter().map(Vec::len).collect();
    let shares = fair_shares(&wanted, limit);
    let beyond = flows.into_iter().zip(shares);
    beyond
        .flat_map(|(places, share)| places.into_iter().skip(share))
        .collect()
}

/// What each gets of `limit`, when each has that many.
fn fair_shares(wanted: &[usize], limit: usize) -> Vec<usize> {
    let mut shares = vec![0; wanted.len()];
    let mut open: Vec<usize> = (0..wanted.len()).collect();
    let mut left = limit;
    while left > 0 && !open.is_empty() {
        // An equal share for all, at least one; what a flow cannot use goes to the others.
        let share = (left / open.len()).max(1);
        open.retain(|&flow| {
            let more = share.min(wanted[flow] - shares[flow]).min(left);
            shares[flow] += more;
            left -= more;
            shares[flow] < wanted[flow]
        });
    }
    shares
}
