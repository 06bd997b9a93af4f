//! The service's clock, learned from the `Date` of its answers, so that a machine whose own
//! clock is wrong judges the age of a run as the service does.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::run::UnixSeconds;
use crate::state::ClockedTime;

/// 2020-01-01 and 2100-01-01: no service's clock says anything before or after.
const EARLIEST: i64 = 1_577_836_800;
const LATEST: i64 = 4_102_444_800;

/// What the service's `Date` says, what it stamps runs with, and what its other machines say differ
/// by less: not documented, so that it is wide.
pub(crate) const CLOCKS: SignedDuration = SignedDuration::from_mins(2);

/// So many answers are kept to tell the service's time by.
const ANSWERS: usize = 8;

/// The service's clock, told by our monotonic one: a clock of this machine that is set, or steps,
/// does not move it. It is known once its answers agree, all but one of those that are kept.
#[derive(Debug)]
pub struct ServerClock {
    /// What the service's time less the time since then is, for the last answers, oldest first.
    began: Mutex<VecDeque<Timestamp>>,
    since: Instant,
}

impl Default for ServerClock {
    fn default() -> Self {
        Self {
            began: Mutex::default(),
            since: Instant::now(),
        }
    }
}

impl ServerClock {
    /// Learns from an answer that arrived just now and said `date`.
    ///
    /// A date that no service can have is not learned from.
    pub fn learn(&self, date: Timestamp) {
        if !(EARLIEST..LATEST).contains(&date.as_second()) {
            return;
        }
        // `Date` has whole seconds; the middle of the second is the best guess.
        let middle = date + SignedDuration::from_millis(500);
        let mut began = self.answers();
        if began.len() == ANSWERS {
            began.pop_front();
        }
        began.extend(middle.checked_sub(self.elapsed()).ok());
    }

    /// The time by both clocks, the service's only where its answers agree.
    #[must_use]
    pub fn now(&self) -> ClockedTime {
        ClockedTime {
            local: Some(Timestamp::now()),
            service: self
                .began()
                .filter(|began| began.is_agreed)
                .map(|began| self.at(began)),
        }
    }

    /// The present second by the service's clock as far as any answer has told it, else by ours: as it
    /// goes on the wire.
    #[must_use]
    pub fn seconds(&self) -> UnixSeconds {
        let now = self
            .began()
            .map_or_else(Timestamp::now, |began| self.at(began));
        UnixSeconds::clamped(now.as_second())
    }

    /// How far the service's clock is ahead of ours, once an answer has told it.
    pub(super) fn ahead_of_ours(&self) -> Option<SignedDuration> {
        let began = self.began()?;
        Some(self.at(began).duration_since(Timestamp::now()))
    }

    /// How old an answer is that says `date`, by what other answers say: one from a cache has the
    /// date of when it was made.
    #[must_use]
    pub(super) fn age(&self, date: Timestamp) -> Duration {
        // The last answer may be most of a second older than it says, and younger than the guess.
        let made = date + SignedDuration::from_secs(1);
        let age = self
            .began()
            .map(|began| self.at(began).duration_since(made));
        age.and_then(|age| Duration::try_from(age).ok())
            .unwrap_or_default()
    }

    /// What most answers say, the latest of them: an answer that is late says too little.
    fn began(&self) -> Option<Began> {
        let mut answers: Vec<Timestamp> = self.answers().iter().copied().collect();
        answers.sort_unstable();
        let agreeing = |&latest: &Timestamp| {
            let agrees =
                |other: &&Timestamp| **other <= latest && latest.duration_since(**other) <= CLOCKS;
            (answers.iter().filter(agrees).count(), latest)
        };
        let (agreeing, time) = answers.iter().map(agreeing).max()?;
        Some(Began {
            time,
            is_agreed: agreeing >= 2 && agreeing + 1 >= answers.len(),
        })
    }

    fn at(&self, began: Began) -> Timestamp {
        began
            .time
            .saturating_add(self.elapsed())
            .unwrap_or(began.time)
    }

    fn elapsed(&self) -> SignedDuration {
        SignedDuration::try_from(self.since.elapsed()).unwrap_or_default()
    }

    fn answers(&self) -> MutexGuard<'_, VecDeque<Timestamp>> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service's time when we began, as far as its answers tell.
#[derive(Clone, Copy)]
struct Began {
    time: Timestamp,
    is_agreed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_date_that_no_service_has_is_not_learned_from() {
        let clock = ServerClock::default();
        for date in [0, 9_999_999_999, 200_000_000_000] {
            clock.learn(second(date));
            clock.learn(second(date));
        }
        assert_eq!(clock.now().service, None);
        assert_eq!(clock.ahead_of_ours(), None);
    }

    #[test]
    fn the_services_time_is_known_once_two_answers_agree_and_one_that_differs_changes_nothing() {
        let clock = ServerClock::default();
        clock.learn(second(1_700_000_000));
        assert_eq!(clock.now().service, None, "one answer may be wrong");
        assert_eq!(clock.seconds().get(), 1_700_000_000);
        clock.learn(second(1_700_000_001));
        clock.learn(second(1_700_003_600));
        let now = clock.now().service.expect("two of three agree");
        assert_eq!(now.as_second(), 1_700_000_001);
        clock.learn(second(1_700_003_600));
        assert_eq!(clock.now().service, None, "they contradict each other");
        for _ in 0..6 {
            clock.learn(second(1_700_003_600));
        }
        let now = clock.now().service.expect("all but one agree");
        assert_eq!(now.as_second(), 1_700_003_600);
    }

    #[test]
    fn an_answer_from_a_cache_is_as_old_as_its_date_and_does_not_set_the_clock_back() {
        let clock = ServerClock::default();
        for date in [60, 56, 56, 56] {
            clock.learn(second(1_700_000_000 + date));
        }
        assert_eq!(
            clock.now().service.map(Timestamp::as_second),
            Some(1_700_000_060)
        );
        let age = |date: i64| clock.age(second(1_700_000_000 + date)).as_secs();
        assert_eq!((age(56), age(60), age(70)), (3, 0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_services_time_goes_on_with_the_monotonic_clock() {
        let clock = ServerClock::default();
        clock.learn(second(1_700_000_000));
        tokio::time::advance(Duration::from_secs(100)).await;
        clock.learn(second(1_700_000_100));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(
            clock.now().service.map(Timestamp::as_second),
            Some(1_700_000_107)
        );
    }
}
