//! What one state says otherwise than another: for the person who agrees to the replacement.

use std::cmp::Ordering;

use super::State;
use super::record::Record;
use crate::run::RunIdentity;

/// A run of which two states say different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateChange<'a> {
    /// What the old state says of it.
    pub old: Option<&'a Record>,
    /// What the new one says.
    pub new: Option<&'a Record>,
}

impl<'a> StateChange<'a> {
    /// The run itself.
    ///
    /// # Panics
    /// On a change that [`State::changes_to`] did not give: neither state has the run.
    #[must_use]
    pub fn identity(&self) -> &'a RunIdentity {
        let record = self.new.or(self.old).expect("one of them has the run");
        &record.identity
    }

    /// Whether the run may exist and would be created again all the same, if it is wanted.
    #[must_use]
    pub fn frees(&self) -> bool {
        let may_exist = |record: Option<&Record>| record.is_some_and(|it| it.fate.may_exist());
        may_exist(self.old) && !may_exist(self.new)
    }
}

impl State {
    /// What `new` says otherwise, in the order of the runs.
    #[must_use]
    pub fn changes_to<'a>(&'a self, new: &'a Self) -> Vec<StateChange<'a>> {
        let (mut here, mut there) = (self.records().peekable(), new.records().peekable());
        let mut changes = Vec::new();
        loop {
            let order = match (here.peek(), there.peek()) {
                (None, None) => return changes,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.identity.cmp(&new.identity),
            };
            let old = order.is_le().then(|| here.next()).flatten();
            let new = order.is_ge().then(|| there.next()).flatten();
            if old != new {
                changes.push(StateChange { old, new });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::state::tests::{intent, run};
    use crate::state::{Entry, Evidence};

    fn adopted(n: i64, run_id: &str) -> Entry {
        Entry::Adopted {
            run: (&run(n)).into(),
            run_id: run_id.parse().expect("a run id"),
            evidence: Evidence::Params,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn not_created(n: i64) -> Entry {
        Entry::NotCreated {
            key: run(n).key(),
            evidence: Evidence::Params,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn state(entries: &[Entry]) -> State {
        let mut state = State::new("5C13@AdobeOrg".parse().expect("an organization"));
        for entry in entries {
            state.fold(entry.clone()).expect("legal");
        }
        state
    }

    #[test]
    fn each_run_that_differs_is_one_change_and_says_whether_it_could_be_doubled() {
        let old = state(&[
            adopted(1, "same"),
            adopted(2, "gone"),
            adopted(3, "a"),
            intent(4),
            intent(5),
            intent(6),
            not_created(6),
        ]);
        let new = state(&[
            adopted(7, "new"),
            adopted(1, "same"),
            adopted(3, "b"),
            intent(4),
            not_created(4),
            adopted(5, "found"),
        ]);
        let changes: Vec<_> = old
            .changes_to(&new)
            .iter()
            .map(|change| {
                let n = change.identity().window.start().get() / 86_400;
                (
                    n,
                    change.old.is_some(),
                    change.new.is_some(),
                    change.frees(),
                )
            })
            .collect();
        assert_eq!(
            changes,
            [
                (2, true, false, true),
                (3, true, true, false),
                (4, true, true, true),
                (5, true, true, false),
                (6, true, false, false),
                (7, false, true, false),
            ]
        );
        assert!(old.changes_to(&old.clone()).is_empty());
    }
}
