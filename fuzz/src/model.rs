//! The fold, told again in few words: which entry is legal after which, and which runs may exist.

use std::collections::{HashMap, HashSet};

use aep_backfill::run::{
    FlowId, FlowRef, Key, Rerun, RunId, RunIdentity, Sandbox, UnixSeconds, Window,
};
use aep_backfill::state::{Entry, Retry, State, StoredIdentity};
use serde_json::from_value;

/// What a run is to those who must not send it twice. A run that is not named here is free.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Is {
    Open,
    There(RunId),
    /// It is there, as this run, and a request to run it again is open.
    Again(RunId),
}

/// The model.
#[derive(Debug, Clone, Default)]
pub struct Model {
    runs: HashMap<Key, Is>,
    taken: HashSet<RunId>,
}

impl Model {
    /// Takes a step if it is legal, and says whether it is.
    pub fn step(&mut self, entry: &Entry) -> bool {
        let is_open = |key: &Key| matches!(self.runs.get(key), Some(Is::Open | Is::Again(_)));
        match entry {
            Entry::Session { .. } => true,
            Entry::Intent { run, retry, .. } => {
                let Some(key) = key(run) else { return false };
                let (legal, next) = match retry {
                    None => (!self.runs.contains_key(&key), Is::Open),
                    Some(Retry { run_id, .. }) => (
                        self.runs.get(&key) == Some(&Is::There(run_id.clone())),
                        Is::Again(run_id.clone()),
                    ),
                };
                if legal {
                    self.runs.insert(key, next);
                }
                legal
            }
            Entry::Created { key, run_id, .. } => is_open(key) && self.arrive(*key, run_id),
            Entry::Adopted { run, run_id, .. } => match key(run) {
                Some(key) if !matches!(self.runs.get(&key), Some(Is::There(_))) => {
                    self.arrive(key, run_id)
                }
                _ => false,
            },
            Entry::Doubt { key, .. } => is_open(key),
            Entry::Rejected { key, .. }
            | Entry::NotSent { key, .. }
            | Entry::NotCreated { key, .. } => match self.runs.remove(key) {
                Some(Is::Open) => true,
                Some(Is::Again(run_id)) => {
                    self.runs.insert(*key, Is::There(run_id));
                    true
                }
                Some(there @ Is::There(_)) => {
                    self.runs.insert(*key, there);
                    false
                }
                None => false,
            },
            Entry::Seen { run, .. } => key(run).is_some(),
        }
    }

    /// A request came to the run `run_id`, if no other is that: what runs again may keep its id.
    fn arrive(&mut self, key: Key, run_id: &RunId) -> bool {
        let is_its = self.runs.get(&key) == Some(&Is::Again(run_id.clone()));
        let legal = is_its || self.taken.insert(run_id.clone());
        if legal {
            self.runs.insert(key, Is::There(run_id.clone()));
        }
        legal
    }

    /// Fails where `state` says otherwise of a run.
    pub fn assert_agrees(&self, state: &State) {
        let may_exist = state.records().filter(|record| record.fate.may_exist());
        let said: HashSet<Key> = may_exist.map(|record| record.identity.key()).collect();
        assert_eq!(said, self.runs.keys().copied().collect());
        let claimed = self.taken.iter().filter(|id| state.claim(id).is_some());
        assert_eq!(claimed.count(), self.taken.len());
    }
}

/// The key of a stored identity, if it is that of the fields beside it.
fn key(run: &StoredIdentity) -> Option<Key> {
    let mut fields = serde_json::to_value(run).expect("string keys");
    let mut field = |name: &str| fields[name].take();
    let start: UnixSeconds = from_value(field("windowStartTime")).expect("it was written so");
    let end: UnixSeconds = from_value(field("windowEndTime")).expect("it was written so");
    let sandbox: Sandbox = from_value(field("sandbox")).expect("it was written so");
    let flow_id: FlowId = from_value(field("flowId")).expect("it was written so");
    let rerun: Rerun = from_value(field("rerun")).expect("it was written so");
    let key: Key = from_value(field("key")).expect("it was written so");
    let identity = RunIdentity {
        flow: FlowRef {
            sandbox,
            id: flow_id,
        }
        .into(),
        window: Window::new(start, end).ok()?,
        rerun,
    };
    (identity.key() == key).then_some(key)
}
