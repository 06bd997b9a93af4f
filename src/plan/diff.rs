//! Desired minus state.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Action, Known, Plan, PlannedRun};
use crate::run::{DesiredRun, FlowId, Key, Rerun, RunIdentity, Sandbox, Window};
use crate::state::{Fate, Record, State};

type Series<'a> = (&'a Sandbox, FlowId, Rerun);

/// The plan that makes `desired` true, given what `state` knows.
///
/// `desired` holds no key twice. A run conflicts when its window overlaps another's of the same
/// flow and rerun that exists or may exist, unless its manifest allows that.
#[must_use]
pub fn diff(desired: Vec<DesiredRun>, state: Option<&State>) -> Plan {
    let wanted: HashSet<Key> = desired.iter().map(|run| run.key).collect();
    let ingested = ingested_windows(state);

    let mut runs: Vec<PlannedRun> = desired
        .into_iter()
        .map(|run| {
            let record = state.and_then(|state| state.get(&run.key));
            let action = match record.map(|record| &record.fate) {
                None => Action::Create,
                Some(Fate::Rejected { .. }) => Action::Again,
                Some(Fate::Created { .. }) => Action::Unchanged,
                Some(Fate::InDoubt { .. }) => Action::Settle,
            };
            let in_the_way = if action.creates() && !run.overlap_allowed {
                ingested
                    .get(&series(&run.identity))
                    .and_then(|ingested| ingested.overlapping(run.identity.window))
            } else {
                None
            };
            match in_the_way {
                Some(other) => PlannedRun {
                    action: Action::Conflict,
                    known: Some(Known::of(other)),
                    run,
                },
                None => PlannedRun {
                    action,
                    known: record.map(Known::of),
                    run,
                },
            }
        })
        .collect();
    runs.sort_by(|a, b| a.run.identity.cmp(&b.run.identity));

    let orphaned = orphaned(&runs, &wanted, state);
    Plan {
        runs,
        orphaned,
        ..Plan::default()
    }
}

/// The windows of one flow and rerun that exist or may.
#[derive(Default)]
struct Ingested<'a> {
    by_start: BTreeMap<i64, Vec<&'a Record>>,
    longest: i64,
}

impl<'a> Ingested<'a> {
    /// A record whose window shares a second with `window`.
    fn overlapping(&self, window: Window) -> Option<&'a Record> {
        // No window that starts `longest` or more before this one reaches into it.
        let first = window.start().get() - self.longest;
        self.by_start
            .range(first..window.end().get())
            .flat_map(|(_, records)| records)
            .find(|record| record.identity.window.overlaps(window))
            .copied()
    }
}

fn ingested_windows(state: Option<&State>) -> HashMap<Series<'_>, Ingested<'_>> {
    let mut windows: HashMap<Series<'_>, Ingested<'_>> = HashMap::new();
    for (_, record) in state.into_iter().flat_map(State::records) {
        if matches!(record.fate, Fate::Rejected { .. }) {
            continue;
        }
        let window = record.identity.window;
        let ingested = windows.entry(series(&record.identity)).or_default();
        ingested.longest = ingested.longest.max(window.seconds());
        ingested
            .by_start
            .entry(window.start().get())
            .or_default()
            .push(record);
    }
    windows
}

fn series(identity: &RunIdentity) -> Series<'_> {
    let RunIdentity {
        sandbox,
        flow_id,
        window: _,
        rerun,
    } = identity;
    (sandbox, *flow_id, *rerun)
}

/// What the state has of the flows that were read, and nobody wants.
fn orphaned(runs: &[PlannedRun], wanted: &HashSet<Key>, state: Option<&State>) -> Vec<Known> {
    let flows: HashSet<(&Sandbox, FlowId)> = runs
        .iter()
        .map(|planned| {
            let identity = &planned.run.identity;
            (&identity.sandbox, identity.flow_id)
        })
        .collect();
    let mut orphaned: Vec<Known> = state
        .into_iter()
        .flat_map(State::records)
        .filter(|(key, record)| {
            let identity = &record.identity;
            !wanted.contains(key)
                && !matches!(record.fate, Fate::Rejected { .. })
                && flows.contains(&(&identity.sandbox, identity.flow_id))
        })
        .map(|(_, record)| Known::of(record))
        .collect();
    orphaned.sort_by(|a, b| a.identity.cmp(&b.identity));
    orphaned
}
