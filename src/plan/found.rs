//! What the service was found to have, in a plan: runs that exist are adopted, not created.

use std::collections::HashMap;

use super::{Action, Known, Plan};
use crate::run::Key;

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
}
