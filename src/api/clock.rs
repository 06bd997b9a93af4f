//! The service's clock, learned from the `Date` of its answers, so that a machine whose own
//! clock is wrong judges the age of a run as the service does.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

use crate::run::UnixSeconds;
use crate::state::{ClockKind, ClockedTime};

/// 2020-01-01 and 2100-01-01: no service's clock says anything before or after.
const EARLIEST: i64 = 1_577_836_800;
const LATEST: i64 = 4_102_444_800;

/// What the service's `Date` says, what it stamps runs with, and what its other machines say differ
/// by less: not documented, so that it is wide.
pub(crate) const CLOCKS: SignedDuration = SignedDuration::from_mins(2);

/// How far the service's clock is from ours, once it has answered.
#[derive(Debug, Default)]
pub struct ServerClock(Mutex<Option<SignedDuration>>);

impl ServerClock {
    /// Learns from an answer that said `date` when it arrived at `now`.
    ///
    /// A date that no service can have is not learned from.
    pub fn learn(&self, date: Timestamp, now: Timestamp) {
        if !(EARLIEST..LATEST).contains(&date.as_second()) {
            return;
        }
        // `Date` has whole seconds; the middle of the second is the best guess.
        let middle = SignedDuration::from_millis(500);
        let ahead = date.duration_since(now) + middle;
        *self.ahead() = Some(ahead);
    }

    /// How far the service's clock is ahead of ours, once that is known.
    pub(super) fn ahead_of_ours(&self) -> Option<SignedDuration> {
        *self.ahead()
    }

    /// What `now` is by the service's clock, or by ours as long as that is not known.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> ClockedTime {
        match *self.ahead() {
            Some(ahead) => ClockedTime {
                time: now.saturating_add(ahead).unwrap_or(now),
                clock: ClockKind::Server,
            },
            None => ClockedTime {
                time: now,
                clock: ClockKind::Local,
            },
        }
    }

    /// The present second by the service's clock, as it goes on the wire.
    #[must_use]
    pub fn seconds(&self, now: Timestamp) -> UnixSeconds {
        UnixSeconds::clamped(self.at(now).time.as_second())
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
    fn a_date_that_no_service_has_is_not_learned_from() {
        let ours = Timestamp::from_second(1_700_000_000).expect("in range");
        let clock = ServerClock::default();
        for date in [0, 9_999_999_999] {
            clock.learn(Timestamp::from_second(date).expect("in range"), ours);
        }
        assert_eq!(clock.at(ours).clock, ClockKind::Local);
        let far = Timestamp::from_second(200_000_000_000).expect("in range");
        assert_eq!(clock.seconds(far).to_string(), "2199-12-31T23:59:59Z");
    }

    #[test]
    fn an_hour_of_skew_is_taken_away() {
        let ours = Timestamp::from_second(1_700_000_000).expect("in range");
        let theirs = Timestamp::from_second(1_700_003_600).expect("in range");
        let clock = ServerClock::default();
        assert_eq!(clock.at(ours).clock, ClockKind::Local);
        clock.learn(theirs, ours);
        let moment = clock.at(ours);
        assert_eq!(moment.clock, ClockKind::Server);
        assert_eq!(moment.time.as_second(), 1_700_003_600);
    }
}
