//! The service's clock, learned from the `Date` of its answers, so that a machine whose own
//! clock is wrong judges the age of a run as the service does.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

use crate::run::UnixSeconds;
use crate::state::{Clock, Moment};

/// How far the service's clock is from ours, once it has answered.
#[derive(Debug, Default)]
pub struct ServerClock(Mutex<Option<SignedDuration>>);

impl ServerClock {
    /// Learns from an answer that said `date` when it arrived at `now`.
    pub fn learn(&self, date: Timestamp, now: Timestamp) {
        // `Date` has whole seconds; the middle of the second is the best guess.
        let middle = SignedDuration::from_millis(500);
        let ahead = date.duration_since(now) + middle;
        *self.ahead() = Some(ahead);
    }

    /// What `now` is by the service's clock, or by ours as long as that is not known.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Moment {
        match *self.ahead() {
            Some(ahead) => Moment {
                time: now.saturating_add(ahead).unwrap_or(now),
                clock: Clock::Server,
            },
            None => Moment {
                time: now,
                clock: Clock::Local,
            },
        }
    }

    /// The present second by the service's clock, as it goes on the wire.
    ///
    /// # Panics
    /// Never before the year 2200.
    #[must_use]
    pub fn seconds(&self, now: Timestamp) -> UnixSeconds {
        UnixSeconds::new(self.at(now).time.as_second().max(0)).expect("it is not yet 2200")
    }

    fn ahead(&self) -> std::sync::MutexGuard<'_, Option<SignedDuration>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_skew_is_taken_away() {
        let ours = Timestamp::from_second(1_700_000_000).expect("in range");
        let theirs = Timestamp::from_second(1_700_003_600).expect("in range");
        let clock = ServerClock::default();
        assert_eq!(clock.at(ours).clock, Clock::Local);
        clock.learn(theirs, ours);
        let moment = clock.at(ours);
        assert_eq!(moment.clock, Clock::Server);
        assert_eq!(moment.time.as_second(), 1_700_003_600);
    }
}
