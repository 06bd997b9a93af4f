//! The budget of a day: how many requests may leave within any 24 hours, by sandbox.
//!
//! Counted in the state, so that all machines that share it keep one budget. A value that knows no
//! clock: the time comes from outside.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::run::Sandbox;
use crate::state::State;

/// How long a request counts.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What is left of a day's requests (`limits.newRunsPerDay`).
#[derive(Debug, Default)]
pub(crate) struct DayBudget {
    /// `None`: no limit.
    most: Option<usize>,
    /// When requests left, oldest first.
    sent: HashMap<Sandbox, Vec<Timestamp>>,
}

impl DayBudget {
    /// The budget of `most` requests in 24 hours, less those that `state` knows of that left within a
    /// day before `now`; before any moment where that is not known.
    #[must_use]
    pub(crate) fn of(most: Option<usize>, state: Option<&State>, now: Option<Timestamp>) -> Self {
        let mut sent: HashMap<Sandbox, Vec<Timestamp>> = HashMap::new();
        if most.is_some() {
            for record in state.into_iter().flat_map(State::records) {
                for at in record
                    .sent()
                    .filter(|at| now.is_none_or(|now| counts(*at, now)))
                {
                    match sent.get_mut(&record.identity.flow.sandbox) {
                        Some(times) => times.push(at),
                        None => {
                            sent.insert(record.identity.flow.sandbox.clone(), vec![at]);
                        }
                    }
                }
            }
        }
        for times in sent.values_mut() {
            times.sort_unstable();
        }
        Self { most, sent }
    }

    /// The limit, if there is one.
    #[must_use]
    pub(crate) fn most(&self) -> Option<usize> {
        self.most
    }

    /// How many requests may leave at `now`, by the service's clock: none while that is not known.
    /// `None`: any number.
    #[must_use]
    pub(crate) fn left(&self, sandbox: &Sandbox, now: Option<Timestamp>) -> Option<usize> {
        let most = self.most?;
        Some(now.map_or(0, |now| {
            most.saturating_sub(self.counted(sandbox, now).len())
        }))
    }

    /// When each of the next `requests` may leave, if every one does as soon as it may; fewer where
    /// the others never may. At `now` where there is no limit.
    #[must_use]
    pub(crate) fn fits(
        &self,
        sandbox: &Sandbox,
        requests: usize,
        now: Timestamp,
    ) -> Vec<Timestamp> {
        let most = match self.most {
            None => return vec![now; requests],
            Some(0) => return Vec::new(),
            Some(most) => most,
        };
        // All that were sent and those before it, in the order in which they stop counting.
        let mut times = self.counted(sandbox, now).to_vec();
        let before = times.len();
        let mut at = now;
        for _ in 0..requests {
            if let Some(over) = times.len().checked_sub(most) {
                let Ok(free) = times[over].checked_add(DAY) else {
                    break;
                };
                at = at.max(free);
            }
            times.push(at);
        }
        times.split_off(before)
    }

    fn counted(&self, sandbox: &Sandbox, now: Timestamp) -> &[Timestamp] {
        let times = self.sent.get(sandbox).map_or(&[][..], Vec::as_slice);
        let old = times.partition_point(|at| !counts(*at, now));
        &times[old..]
    }

    /// A request is about to leave.
    pub(crate) fn take(&mut self, sandbox: &Sandbox, now: Option<Timestamp>) {
        if self.most.is_some()
            && let Some(now) = now
        {
            match self.sent.get_mut(sandbox) {
                Some(times) => {
                    let place = times.partition_point(|at| *at <= now);
                    times.insert(place, now);
                }
                None => {
                    self.sent.insert(sandbox.clone(), vec![now]);
                }
            }
        }
    }

    /// One that was counted came to nothing.
    pub(crate) fn give_back(&mut self, sandbox: &Sandbox) {
        self.sent.get_mut(sandbox).and_then(Vec::pop);
    }
}

fn counts(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandbox() -> Sandbox {
        "prod".parse().expect("a sandbox")
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3_600).expect("in range")
    }

    fn budget(most: usize) -> DayBudget {
        DayBudget {
            most: Some(most),
            ..DayBudget::default()
        }
    }

    #[test]
    fn a_request_counts_for_a_day_and_no_longer() {
        let mut budget = budget(2);
        budget.take(&sandbox(), Some(at(0)));
        budget.take(&sandbox(), Some(at(5)));
        assert_eq!(budget.left(&sandbox(), Some(at(23))), Some(0));
        assert_eq!(budget.left(&sandbox(), Some(at(24))), Some(1));
        assert_eq!(budget.left(&sandbox(), Some(at(29))), Some(2));
        budget.give_back(&sandbox());
        assert_eq!(budget.left(&sandbox(), Some(at(23))), Some(1));
        assert_eq!(budget.left(&sandbox(), None), Some(0), "no clock is known");
        let other = "dev".parse().expect("a sandbox");
        assert_eq!(budget.left(&other, Some(at(0))), Some(2));
    }

    #[test]
    fn what_does_not_fit_is_told_when_it_does() {
        let mut budget = budget(2);
        budget.take(&sandbox(), Some(at(0)));
        budget.take(&sandbox(), Some(at(5)));
        assert_eq!(
            budget.fits(&sandbox(), 3, at(6)),
            [at(24), at(29), at(48)],
            "the third a day after the first"
        );
        let without = DayBudget::default();
        assert_eq!(without.fits(&sandbox(), 2, at(6)), [at(6), at(6)]);
        let never = DayBudget {
            most: Some(0),
            ..DayBudget::default()
        };
        assert!(never.fits(&sandbox(), 2, at(6)).is_empty());
    }
}
