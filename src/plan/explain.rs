//! Finding the one run that a person asks about.
//!
//! Takes a plan, the state it was made from, and a key or its beginning; gives what is to be done
//! about that run, or why no single run is meant. Looks at everything: what the plan holds, what a
//! limit held back, and what only the state remembers.

use std::collections::BTreeMap;

use super::{Known, Limit, Plan, PlannedRun};
use crate::run::{Key, KeyPrefix, PickError};
use crate::state::State;

/// What was found under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Explained {
    /// A run of the plan.
    Planned(PlannedRun),
    /// A run that would be created, but for this limit.
    HeldBack(PlannedRun, Limit),
    /// A run that the state knows, and no manifest that was read wants.
    NotWanted(Box<Known>),
}

impl Explained {
    /// The run that a request would be sent for now or later, if it is one.
    pub(crate) fn to_send(&self) -> Option<&PlannedRun> {
        match self {
            Self::Planned(planned) | Self::HeldBack(planned, _) => {
                planned.action.may_send().then_some(planned)
            }
            Self::NotWanted(_) => None,
        }
    }
}

/// The run whose key begins with `prefix`.
///
/// # Errors
/// When there is none, or more than one.
pub(crate) fn explain(
    plan: &Plan,
    state: Option<&State>,
    prefix: &KeyPrefix,
) -> Result<Explained, PickError> {
    let mut found: BTreeMap<Key, Explained> = BTreeMap::new();
    for record in state.into_iter().flat_map(State::records) {
        let key = record.identity.key();
        if prefix.matches(&key) {
            found.insert(key, Explained::NotWanted(Box::new(Known::of(record))));
        }
    }
    // What is wanted says more than what is remembered.
    for planned in plan.runs() {
        let key = planned.run.key();
        if prefix.matches(&key) {
            let known = planned.known_of(state).map(Box::new);
            let planned = PlannedRun {
                known,
                ..planned.clone()
            };
            found.insert(key, Explained::Planned(planned));
        }
    }
    if let Some(limit) = plan.limit() {
        for planned in plan.held_back() {
            let key = planned.run.key();
            if prefix.matches(&key) {
                let held_back = Explained::HeldBack(planned.clone(), limit);
                found.insert(key, held_back);
            }
        }
    }
    let key = prefix.pick(found.keys().copied())?;
    found
        .remove(&key)
        .ok_or_else(|| PickError::Unknown(prefix.clone()))
}
