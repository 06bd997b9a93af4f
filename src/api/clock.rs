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

const HALF_A_SECOND: SignedDuration = SignedDuration::from_millis(500);
/// So many answers are kept to tell the service's time by.
const ANSWERS: usize = 8;

/// The service's clock, told by our monotonic one: a clock of this machine that is set, or steps,
/// does not move it. It is known once its answers agree, all but one of those that are kept.
#[derive(Debug)]
pub struct ServerClock {
    answers: Mutex<Answers>,
    since: Instant,
}

/// What the service's time was when we began, by its answers.
#[derive(Debug, Default)]
struct Answers {
    /// By the last ones, oldest first.
    last: VecDeque<Timestamp>,
    /// The latest that answers have agreed on.
    latest: Option<Timestamp>,
}

impl Default for ServerClock {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
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
        let middle = date + HALF_A_SECOND;
        let mut answers = self.answers();
        if answers.last.len() == ANSWERS {
            answers.last.pop_front();
        }
        let elapsed = self.elapsed();
        answers.last.extend(middle.checked_sub(elapsed).ok());
        let agreed = answers.began().filter(|began| began.is_agreed);
        answers.latest = answers.latest.max(agreed.map(|began| began.time));
    }

    /// The time by both clocks, the service's only where its answers agree.
    #[must_use]
    pub fn now(&self) -> ClockedTime {
        ClockedTime {
            local: Some(Timestamp::now()),
            service: self
                .answers()
                .began()
                .filter(|began| began.is_agreed)
                .map(|began| self.at(began.time)),
        }
    }

    /// The present second by the service's clock, as it goes on the wire. Where answers do not agree, it
    /// is the earlier of what they say and of our time: a run that is to begin later waits for that.
    #[must_use]
    pub fn seconds(&self) -> UnixSeconds {
        let ours = Timestamp::now();
        let began = self.answers().began();
        let now = began.map_or(ours, |began| match self.at(began.time) {
            service if began.is_agreed => service,
            service => service.min(ours),
        });
        // A guess is half a second ahead at most.
        let now = now.saturating_sub(HALF_A_SECOND).unwrap_or(now);
        UnixSeconds::clamped(now.as_second())
    }

    /// How far the service's clock is ahead of ours, once an answer has told it.
    pub(super) fn ahead_of_ours(&self) -> Option<SignedDuration> {
        let began = self.answers().began()?;
        Some(self.at(began.time).duration_since(Timestamp::now()))
    }

    /// How old an answer is that says `date`, by the latest time that answers have agreed on: one from
    /// a cache has the date of when it was made, however many of them there are.
    #[must_use]
    pub(super) fn age(&self, date: Timestamp) -> Duration {
        // `Date` has whole seconds: it may have been made at the end of that one.
        let made = date
            .saturating_add(SignedDuration::from_secs(1))
            .unwrap_or(date);
        let latest = self.answers().latest;
        let age = latest.map(|latest| self.at(latest).duration_since(made));
        age.and_then(|age| Duration::try_from(age).ok())
            .unwrap_or_default()
    }

    fn at(&self, began: Timestamp) -> Timestamp {
        began.saturating_add(self.elapsed()).unwrap_or(began)
    }

    fn elapsed(&self) -> SignedDuration {
        SignedDuration::try_from(self.since.elapsed()).unwrap_or_default()
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    /// What most of the last answers say, the latest of them: an answer that is late says too little.
    fn began(&self) -> Option<Began> {
        let agreeing = |&latest: &Timestamp| {
            let agrees =
                |other: &&Timestamp| **other <= latest && latest.duration_since(**other) <= CLOCKS;
            (self.last.iter().filter(agrees).count(), latest)
        };
        let (agreeing, time) = self.last.iter().map(agreeing).max()?;
        Some(Began {
            time,
            is_agreed: agreeing >= 2 && agreeing + 1 >= self.last.len(),
        })
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
        clock.learn(second(1_700_000_060));
        clock.learn(second(1_700_000_060));
        for _ in 0..5 {
            clock.learn(second(1_700_000_056));
        }
        assert_eq!(
            clock.now().service.map(Timestamp::as_second),
            Some(1_700_000_060)
        );
        for _ in 0..ANSWERS {
            clock.learn(second(1_700_000_056));
        }
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
