//! What the service was found to have, in a plan: runs that exist are adopted, not created, and of
//! flows that nothing can be sent to no run is.

use std::collections::{HashMap, HashSet};

use super::diff::ended_otherwise;
use super::{Action, Known, Plan};
use crate::run::{FlowRef, Key};
use crate::state::State;

impl Plan {
    /// The plan, given the runs that an apply would adopt, or find in the way.
    #[must_use]
    pub(crate) fn adopting(mut self, mut found: HashMap<Key, Known>) -> Self {
        if found.is_empty() {
            return self;
        }
        for planned in &mut self.runs {
            let may_be_found = planned.action.creates() || planned.action == Action::Settle;
            if may_be_found && let Some(known) = found.remove(&planned.run.key()) {
                planned.action = match known.other {
                    Some(_) => Action::Conflict,
                    None => Action::Adopt,
                };
                planned.known = Some(Box::new(known));
            }
        }
        self
    }

    /// The plan, given a state in which more was read of the runs that exist.
    #[must_use]
    pub(crate) fn with_outcomes_of(mut self, state: &State) -> Self {
        for planned in &mut self.runs {
            if planned.action == Action::Unchanged {
                let record = state.get(&planned.run.identity);
                planned.known = record.and_then(ended_otherwise);
            }
        }
        self
    }

    /// The plan, given the flows that nothing can be sent to.
    #[must_use]
    pub(crate) fn blocking(mut self, flows: &HashSet<&FlowRef>) -> Self {
        for planned in &mut self.runs {
            if planned.action.creates() && flows.contains(&*planned.run.identity.flow) {
                planned.action = Action::Blocked;
            }
        }
        self
    }
}
