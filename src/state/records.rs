//! The records of a state, made for a million of them: what was read stands in one sorted vector,
//! and beside it, in maps, what came since.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::iter;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::record::{Fate, Record};
use crate::run::{FlowRef, Key, Rerun, RunId, RunIdentity, Window};

/// Records, sorted by identity.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    /// What was read, sorted.
    read: Vec<Record>,
    /// Which of `read` stands for a run of the service: positions, hashed by the run's id.
    claims_read: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// What came since, so that a new record among a million moves none of them.
    added: BTreeMap<RunIdentity, Record>,
    /// Which record stands for a run of the service, where that was learnt since or the run was
    /// replaced.
    claims_added: HashMap<RunId, RunIdentity>,
    /// The runs that an entry can name by key alone: those that were read in doubt, and those that
    /// came since. All other keys are computed where they are asked for.
    named: HashMap<Key, RunIdentity>,
}

/// Why lines that are right each by itself are no state.
#[derive(Debug)]
pub(super) enum StandsTwice {
    /// Two records for one run.
    Record(Key),
    /// Two records with one run of the service.
    Run(RunId),
}

impl Records {
    /// Adds records as they are read, in the order of their file.
    ///
    /// # Errors
    /// When two have one run of the service: with the position of the later.
    pub(super) fn read_more(&mut self, more: Vec<Record>) -> Result<(), (usize, StandsTwice)> {
        let from = self.read.len();
        self.read.extend(more);
        self.index(from)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When two records are of one run: with the position of the later.
    pub(super) fn end_reading(&mut self) -> Result<(), (usize, StandsTwice)> {
        let read = &mut self.read;
        // A file is sorted, but for one that a person has edited.
        if read.is_sorted_by(|a, b| a.identity < b.identity) {
            return Ok(());
        }
        let mut order: Vec<usize> = (0..read.len()).collect();
        order.sort_by_key(|&at| &read[at].identity);
        let same = order
            .windows(2)
            .filter(|pair| read[pair[0]].identity == read[pair[1]].identity)
            .map(|pair| pair[1]);
        if let Some(later) = same.min() {
            let key = read[later].identity.key();
            return Err((later, StandsTwice::Record(key)));
        }
        read.sort_by(|a, b| a.identity.cmp(&b.identity));
        self.index_anew()
    }

    fn index_anew(&mut self) -> Result<(), (usize, StandsTwice)> {
        self.claims_read.clear();
        self.index(0)
    }

    /// Finds what the records at `from` and behind it stand for.
    fn index(&mut self, from: usize) -> Result<(), (usize, StandsTwice)> {
        let Self {
            read,
            claims_read,
            claims_added,
            hasher,
            named,
            ..
        } = self;
        let hash = |&at: &u32| hasher.hash_one(read[at as usize].fate.run_id());
        let is_run = |at: u32, run_id: &RunId| read[at as usize].fate.run_id() == Some(run_id);
        for (at, record) in read.iter().enumerate().skip(from) {
            let twice = |run_id: &RunId| (at, StandsTwice::Run(run_id.clone()));
            if record.history.is_some() || record.fate.run_id().is_none() {
                for run_id in record.replaced() {
                    let is_it = |&other: &u32| is_run(other, run_id);
                    let other = claims_read.find(hasher.hash_one(Some(run_id)), is_it);
                    let identity = record.identity.clone();
                    let before = claims_added.insert(run_id.clone(), identity);
                    if other.is_some() || before.is_some_and(|it| it != record.identity) {
                        return Err(twice(run_id));
                    }
                }
            }
            let Some(run_id) = record.fate.run_id() else {
                if let Fate::InDoubt(_) = record.fate {
                    let identity = record.identity.clone();
                    named.insert(identity.key(), identity);
                }
                continue;
            };
            if claims_added
                .get(run_id)
                .is_some_and(|it| *it != record.identity)
            {
                return Err(twice(run_id));
            }
            let position = u32::try_from(at).expect("fewer than four billion records");
            let is_it = |&other: &u32| is_run(other, run_id);
            match claims_read.entry(hash(&position), is_it, hash) {
                Entry::Occupied(_) => return Err(twice(run_id)),
                Entry::Vacant(free) => {
                    free.insert(position);
                }
            }
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.read.len() + self.added.len()
    }

    pub(super) fn get(&self, identity: &RunIdentity) -> Option<&Record> {
        self.added.get(identity).or_else(|| {
            let at = self.position(identity).ok()?;
            Some(&self.read[at])
        })
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, identity: &RunIdentity) -> Option<&mut Record> {
        match self.position(identity) {
            Ok(at) => Some(&mut self.read[at]),
            Err(_) => self.added.get_mut(identity),
        }
    }

    fn position(&self, identity: &RunIdentity) -> Result<usize, usize> {
        self.read
            .binary_search_by(|record| record.identity.cmp(identity))
    }

    /// The record that an entry names by its key.
    pub(super) fn named(&self, key: &Key) -> Option<&Record> {
        self.get(self.named.get(key)?)
    }

    /// Entries will name this run by its key.
    pub(super) fn name(&mut self, key: Key, identity: RunIdentity) {
        self.named.insert(key, identity);
    }

    /// The record that an entry names by its key, to be changed.
    pub(super) fn named_mut(&mut self, key: &Key) -> Option<&mut Record> {
        let identity = self.named.get(key)?.clone();
        self.get_mut(&identity)
    }

    /// Every record, sorted.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        merged(self.read.iter(), self.added.values())
    }

    /// The records of a flow, sorted.
    pub(super) fn of_flow(&self, flow: &FlowRef) -> impl Iterator<Item = &Record> {
        let before = |record: &Record| *record.identity.flow < *flow;
        let start = self.read.partition_point(before);
        let is_of = |record: &&Record| *record.identity.flow == *flow;
        let first = RunIdentity {
            flow: flow.clone().into(),
            window: Window::FIRST,
            rerun: Rerun::FIRST,
        };
        merged(
            self.read[start..].iter().take_while(is_of),
            self.added
                .range(first..)
                .map(|(_, record)| record)
                .take_while(is_of),
        )
    }

    /// The run that stands for a run of the service.
    pub(super) fn claim(&self, run_id: &RunId) -> Option<&RunIdentity> {
        let is_it = |&at: &u32| self.read[at as usize].fate.run_id() == Some(run_id);
        match self
            .claims_read
            .find(self.hasher.hash_one(Some(run_id)), is_it)
        {
            Some(&at) => Some(&self.read[at as usize].identity),
            None => self.claims_added.get(run_id),
        }
    }

    /// Says that the run stands for this run of the service, which no other does.
    pub(super) fn add_claim(&mut self, run_id: RunId, identity: RunIdentity) {
        self.claims_added.insert(run_id, identity);
    }

    /// The record of this run, to be changed: the one that there is, or `new`.
    pub(super) fn entry(&mut self, key: Key, new: Record) -> &mut Record {
        let identity = new.identity.clone();
        self.named.insert(key, identity.clone());
        match self.position(&identity) {
            Ok(at) => &mut self.read[at],
            Err(_) => self.added.entry(identity).or_insert(new),
        }
    }

    /// Forgets a run that stands for none of the service.
    pub(super) fn remove(&mut self, identity: &RunIdentity) {
        if self.added.remove(identity).is_none()
            && let Ok(at) = self.position(identity)
        {
            // All positions behind it change. An intent that was folded into the file before its
            // request was given up is rare enough.
            self.read.remove(at);
            self.index_anew()
                .expect("no two stood for one run before either");
        }
    }
}

/// Two sorted sequences as one.
fn merged<'r>(
    a: impl Iterator<Item = &'r Record>,
    b: impl Iterator<Item = &'r Record>,
) -> impl Iterator<Item = &'r Record> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some(first), Some(second)) if second.identity < first.identity => b.next(),
        (Some(_), _) => a.next(),
        (None, _) => b.next(),
    })
}
