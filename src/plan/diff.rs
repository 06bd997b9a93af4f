//! Desired minus state.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Action, Known, Plan, PlannedRun};
use crate::run::{DesiredRun, FlowRef, Rerun, RunStatus};
use crate::state::{Fate, Record, State};

/// The plan that makes `desired` true, given what `state` knows.
///
/// `desired` holds no run twice. A run conflicts when its window overlaps another's of the same
/// flow and rerun that exists or may exist, unless its manifest allows that.
#[must_use]
pub(crate) fn diff(mut desired: Vec<DesiredRun>, state: Option<&State>) -> Plan {
    desired.sort_by(|a, b| a.identity.cmp(&b.identity));
    let flows: HashSet<&FlowRef> = desired
        .chunk_by(|a, b| a.identity.flow == b.identity.flow)
        .map(|runs| &*runs[0].identity.flow)
        .collect();
    let mut records = state.into_iter().flat_map(State::records).peekable();
    let mut orphaned = Vec::new();
    // What the state has of the flows that were read, and nobody wants; where nothing at all is wanted, of
    // every flow: the last manifest was taken away.
    let mut not_wanted = |record: &Record| {
        let is_read = flows.is_empty() || flows.contains(&*record.identity.flow);
        if record.fate.may_exist() && is_read {
            orphaned.push(Known::of(record));
        }
    };
    let mut obstacles = Obstacles::of(state);
    let mut actions = Vec::with_capacity(desired.len());
    let mut rare = Vec::new();
    // Both are sorted, so that neither is searched.
    for (at, run) in desired.iter().enumerate() {
        let record = loop {
            let order = records
                .peek()
                .map(|record| record.identity.cmp(&run.identity));
            match order {
                None | Some(Ordering::Greater) => break None,
                Some(Ordering::Equal) => break records.next(),
                Some(Ordering::Less) => records.next().into_iter().for_each(&mut not_wanted),
            }
        };
        let (action, known) = verdict(run, record, &mut obstacles);
        actions.push(action);
        rare.extend(known.map(|known| (at, known)));
    }
    records.for_each(not_wanted);
    Plan {
        runs: joined(desired, actions, rare),
        orphaned,
        ..Plan::default()
    }
}

/// What is to be done about a run, and what is known that says so.
type Verdict = (Action, Option<Box<Known>>);

fn verdict(run: &DesiredRun, record: Option<&Record>, obstacles: &mut Obstacles<'_>) -> Verdict {
    let action = match record.map(|record| &record.fate) {
        None | Some(Fate::NotCreated(_)) => Action::Create,
        Some(Fate::Rejected { .. }) => Action::Again,
        Some(Fate::Created { .. }) => {
            return (Action::Unchanged, record.and_then(ended_otherwise));
        }
        Some(Fate::InDoubt(_)) => Action::Settle,
    };
    if action.creates() && run.request.paused.is_some() {
        return (
            Action::Paused,
            record.map(|record| Box::new(Known::of(record))),
        );
    }
    if action.creates()
        && !run.request.overlap_allowed
        && let Some(other) = obstacles.to(run)
    {
        // Whether a run in doubt is in the way at all is not known yet.
        let action = match other.fate {
            Fate::InDoubt(_) => Action::Wait,
            _ => Action::Conflict,
        };
        return (action, Some(Box::new(Known::of(other))));
    }
    (action, record.map(|record| Box::new(Known::of(record))))
}

/// What is known of a run that has ended otherwise than with all of its records: of few runs that is
/// to be told.
pub(super) fn ended_otherwise(record: &Record) -> Option<Box<Known>> {
    let is_told = matches!(
        record.last_seen()?.status,
        RunStatus::Failed | RunStatus::Partial | RunStatus::Empty
    );
    is_told.then(|| Box::new(Known::of(record)))
}

/// Each run with its action, and with what is known of it where something is. The runs give their
/// memory back on the way, from their end: a plan of a million would be held twice otherwise.
fn joined(
    mut desired: Vec<DesiredRun>,
    actions: Vec<Action>,
    mut rare: Vec<(usize, Box<Known>)>,
) -> Vec<PlannedRun> {
    const GIVEN_BACK: usize = 1 << 16;
    let mut runs = Vec::with_capacity(desired.len());
    for action in actions.into_iter().rev() {
        let Some(run) = desired.pop() else { break };
        let known = rare.pop_if(|(at, _)| *at == desired.len());
        runs.push(PlannedRun {
            run,
            action,
            known: known.map(|(_, known)| known),
        });
        if desired.len().is_multiple_of(GIVEN_BACK) {
            desired.shrink_to_fit();
        }
    }
    runs.reverse();
    runs
}

/// What may be in the way of the runs of a flow, looked up where a run of it is to be created.
struct Obstacles<'s> {
    state: Option<&'s State>,
    /// The flow that was looked up last, and its windows by rerun.
    flow: Option<Arc<FlowRef>>,
    ingested: HashMap<Rerun, Ingested<'s>>,
}

/// The windows of one flow and rerun that exist or may, by their start; beside each, the one
/// among it and those before it that reaches furthest.
type Ingested<'s> = Vec<(i64, &'s Record)>;

impl<'s> Obstacles<'s> {
    fn of(state: Option<&'s State>) -> Self {
        Self {
            state,
            flow: None,
            ingested: HashMap::new(),
        }
    }

    /// A record whose window shares a second with that of `run`: of those that start before it
    /// ends, the one that reaches furthest does, or none.
    fn to(&mut self, run: &DesiredRun) -> Option<&'s Record> {
        let identity = &run.identity;
        if self.flow.as_ref() != Some(&identity.flow) {
            self.look_up(&identity.flow);
        }
        let ingested = self.ingested.get(&identity.rerun)?;
        let end = identity.window.end().get();
        let before = ingested.partition_point(|(start, _)| *start < end);
        let (_, furthest) = ingested.get(before.checked_sub(1)?)?;
        let overlaps = furthest.identity.window.overlaps(identity.window);
        overlaps.then_some(*furthest)
    }

    fn look_up(&mut self, flow: &Arc<FlowRef>) {
        self.ingested.clear();
        self.flow = Some(Arc::clone(flow));
        for record in self.state.into_iter().flat_map(|state| state.of_flow(flow)) {
            if record.fate.may_exist() {
                let ingested = self.ingested.entry(record.identity.rerun).or_default();
                let furthest = match ingested.last() {
                    Some((_, before))
                        if before.identity.window.end() > record.identity.window.end() =>
                    {
                        before
                    }
                    _ => record,
                };
                ingested.push((record.identity.window.start().get(), furthest));
            }
        }
    }
}
