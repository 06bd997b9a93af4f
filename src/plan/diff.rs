//! Desired minus state.

use std::collections::{HashMap, HashSet};

use super::{Action, Known, Plan, PlannedRun};
use crate::run::{DesiredRun, FlowRef, Key, Rerun, RunIdentity, Window};
use crate::state::{Fate, Record, State};

type Series<'a> = (&'a FlowRef, Rerun);

/// The plan that makes `desired` true, given what `state` knows.
///
/// `desired` holds no key twice. A run conflicts when its window overlaps another's of the same
/// flow and rerun that exists or may exist, unless its manifest allows that.
#[must_use]
pub(crate) fn diff(desired: Vec<DesiredRun>, state: Option<&State>) -> Plan {
    let wanted: HashSet<Key> = desired.iter().map(|run| run.key).collect();
    let ingested = ingested_windows(state);

    let mut runs: Vec<PlannedRun> = desired
        .into_iter()
        .map(|run| {
            let record = state.and_then(|state| state.get(&run.key));
            let action = match record.map(|record| &record.fate) {
                None | Some(Fate::NotCreated(_)) => Action::Create,
                Some(Fate::Rejected { .. }) => Action::Again,
                Some(Fate::Created { .. }) => Action::Unchanged,
                Some(Fate::InDoubt { .. }) => Action::Settle,
            };
            let in_the_way = if action.creates() && !run.overlap_allowed {
                ingested
                    .get(&series(&run.identity))
                    .and_then(|ingested| overlapping(ingested, run.identity.window))
            } else {
                None
            };
            match in_the_way {
                Some(other) => PlannedRun {
                    // Whether a run in doubt is in the way at all is not known yet.
                    action: match other.fate {
                        Fate::InDoubt { .. } => Action::Wait,
                        _ => Action::Conflict,
                    },
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

/// The windows of one flow and rerun that exist or may, by their start; beside each, the one
/// among it and those before it that reaches furthest.
type Ingested<'a> = Vec<(i64, &'a Record)>;

fn ingested_windows(state: Option<&State>) -> HashMap<Series<'_>, Ingested<'_>> {
    let mut windows: HashMap<Series<'_>, Ingested<'_>> = HashMap::new();
    for (_, record) in state.into_iter().flat_map(State::records) {
        if record.fate.may_exist() {
            let start = record.identity.window.start().get();
            windows
                .entry(series(&record.identity))
                .or_default()
                .push((start, record));
        }
    }
    for ingested in windows.values_mut() {
        ingested.sort_by_key(|(start, _)| *start);
        let mut furthest: Option<&Record> = None;
        for (_, record) in ingested {
            match furthest {
                Some(other) if other.identity.window.end() > record.identity.window.end() => {
                    *record = other;
                }
                _ => furthest = Some(record),
            }
        }
    }
    windows
}

/// A record whose window shares a second with `window`: of those that start before it ends, the
/// one that reaches furthest does, or none.
fn overlapping<'a>(ingested: &Ingested<'a>, window: Window) -> Option<&'a Record> {
    let before = ingested.partition_point(|(start, _)| *start < window.end().get());
    let (_, furthest) = ingested.get(before.checked_sub(1)?)?;
    furthest
        .identity
        .window
        .overlaps(window)
        .then_some(*furthest)
}

fn series(identity: &RunIdentity) -> Series<'_> {
    let RunIdentity {
        flow,
        window: _,
        rerun,
    } = identity;
    (flow, *rerun)
}

/// What the state has of the flows that were read, and nobody wants.
fn orphaned(runs: &[PlannedRun], wanted: &HashSet<Key>, state: Option<&State>) -> Vec<Known> {
    let flows: HashSet<&FlowRef> = runs
        .iter()
        .map(|planned| &planned.run.identity.flow)
        .collect();
    let mut orphaned: Vec<Known> = state
        .into_iter()
        .flat_map(State::records)
        .filter(|(key, record)| {
            let identity = &record.identity;
            !wanted.contains(key) && record.fate.may_exist() && flows.contains(&identity.flow)
        })
        .map(|(_, record)| Known::of(record))
        .collect();
    orphaned.sort_by(|a, b| a.identity.cmp(&b.identity));
    orphaned
}
