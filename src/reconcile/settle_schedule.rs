//! How long a doubt lasts: when lists are read, and when what they tell is believed.
//!
//! A run may appear in lists some time after its request. [`SettleSchedule`] says when lists are read,
//! soon at first, then less often; [`ReadingStreak`] when enough of them, asked for after the settle
//! delay and one after the other, agree that a run does not exist or is the only one that it can
//! be.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::settle::Reading;
use super::{Moment, Unclear};
use crate::api::CLOCKS;
use crate::backoff::Backoff;
use crate::run::{RunId, UnixSeconds};
use crate::state::{Absence, ClockedTime, Doubt, Evidence};

/// No request is begun on an intent older than this.
pub(crate) const INTENT_LIFE: Duration = Duration::from_secs(60);
/// A request that was begun leaves within this time, its connection made, or it does not.
pub(crate) const LEAVES_WITHIN: Duration = Duration::from_secs(60);
/// The first look comes after this; none comes sooner after another.
const SOON: Duration = Duration::from_millis(250);
/// And each at the latest after this.
const SELDOM: Duration = Duration::from_secs(30);
/// How many lists in a row must agree.
pub(crate) const READINGS: u32 = 2;
/// How many lists in a row may fail or not tell.
const UNCLEAR_READINGS: u32 = 4;

/// The latest moment at which the request of an intent can have left, by each clock. The process may
/// have died with it on its way.
pub(crate) fn left_by(intent: ClockedTime, doubt: Option<&Doubt>) -> ClockedTime {
    if let Some(Doubt { at, .. }) = doubt {
        // What came back came after the intent, whatever a clock says.
        return at.not_before(intent);
    }
    let life = SignedDuration::try_from(INTENT_LIFE + LEAVES_WITHIN).unwrap_or_default();
    intent.plus(life)
}

/// When the first of the requests for a run was made, those that came to nothing included: one of
/// them may turn out to have created it after all. `retry_of`: the run that they ask to run again.
pub(crate) fn first_intent(
    intent: ClockedTime,
    earlier: &[Absence],
    retry_of: Option<&RunId>,
) -> ClockedTime {
    earlier
        .iter()
        .filter(|absence| absence.retry_of.as_ref() == retry_of)
        .map(|absence| absence.intent)
        .fold(intent, ClockedTime::or_earlier)
}

/// Whether a run that is to begin at `start_time` had as long as `delay` by `now` to be listed:
/// Adobe's FAQ counts that from the start, not from the request. Both clocks must say so.
pub(crate) fn has_begun(
    start_time: Option<UnixSeconds>,
    now: ClockedTime,
    delay: Duration,
) -> bool {
    let start = start_time.and_then(|start| Timestamp::from_second(start.get()).ok());
    start.is_none_or(|start| {
        let start = ClockedTime {
            local: Some(start),
            service: Some(start),
        };
        start.is_past(now, delay)
    })
}

/// When a run that the lists do not hold is believed not to exist, and when they are read.
#[derive(Debug, Clone)]
pub(crate) struct SettleSchedule {
    /// How long after its request a run may still appear.
    delay: Duration,
    /// The request cannot have left after this, by our monotonic clock.
    left_by: Instant,
    /// The same by the clocks of the process that sent it, where it was another one and has noted
    /// what came back. Without that nothing tells: a machine that slept may have sent long after its
    /// intent.
    noted: Option<ClockedTime>,
    gap: Backoff,
}

impl SettleSchedule {
    pub(crate) fn new(delay: Duration, left_by: Instant, noted: Option<ClockedTime>) -> Self {
        Self {
            delay,
            left_by,
            noted,
            gap: Backoff::new(SOON, SELDOM),
        }
    }

    /// Whether an absent run is believed not to exist, by a list that was asked for then. A request of
    /// another process is old enough only if both other clocks say so, beyond what clocks of the
    /// service differ by; else it is as old as we are.
    pub(crate) fn is_over(&self, asked: Moment) -> bool {
        let slack = CLOCKS.unsigned_abs();
        let was_over = |noted: ClockedTime| noted.is_past(asked.clocks, self.delay + slack);
        self.noted.is_some_and(was_over) || self.ends() <= asked.here
    }

    /// When an absent run is believed not to exist, at the latest.
    pub(crate) fn ends(&self) -> Instant {
        self.left_by + self.delay
    }

    /// How long to wait before the next look: soon at first, for most answers are lost but most
    /// runs are not; then less often; and in time for the moment that matters.
    pub(crate) fn next_look(&mut self, now: Moment) -> Duration {
        if self.is_over(now) {
            let gap = self.delay / 10;
            return gap.clamp(SOON, SELDOM);
        }
        self.gap.next().min(self.ends() - now.here).max(SOON)
    }
}

/// What the lists read so far say of one run in doubt.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadingStreak {
    last: Option<Reading>,
    in_a_row: u32,
    unclear: u32,
}

/// What may be done about a run in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// It exists, as this run.
    Exists(RunId, Evidence),
    DoesNotExist,
    /// Only a person can tell.
    CannotTell(Unclear),
    /// Nothing yet.
    NotYet,
}

impl ReadingStreak {
    /// Takes in what a list tells; `late_enough`: it was asked for after the settle delay.
    pub(crate) fn take(&mut self, reading: Reading, late_enough: bool) -> Settlement {
        if let Reading::Found(run_id, evidence) = reading {
            return Settlement::Exists(run_id, evidence);
        }
        if !late_enough {
            return Settlement::NotYet;
        }
        if let Reading::Unclear(why) = reading {
            self.in_a_row = 0;
            self.last = None;
            self.unclear += 1;
            return if self.unclear >= UNCLEAR_READINGS {
                Settlement::CannotTell(why)
            } else {
                Settlement::NotYet
            };
        }
        self.unclear = 0;
        if self.last.as_ref() == Some(&reading) {
            self.in_a_row += 1;
        } else {
            self.in_a_row = 1;
            self.last = Some(reading.clone());
        }
        if self.in_a_row < READINGS {
            return Settlement::NotYet;
        }
        match reading {
            Reading::Absent => Settlement::DoesNotExist,
            Reading::Only(run_id, evidence) => Settlement::Exists(run_id, evidence),
            Reading::Found(..) | Reading::Unclear(_) => Settlement::NotYet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_is_believed_after_two_late_lists_in_a_row_and_not_before() {
        let mut readings = ReadingStreak::default();
        for _ in 0..5 {
            assert_eq!(readings.take(Reading::Absent, false), Settlement::NotYet);
        }
        assert_eq!(readings.take(Reading::Absent, true), Settlement::NotYet);
        let unclear = Reading::Unclear(Unclear::NotListed("a list that failed".to_owned()));
        assert_eq!(readings.take(unclear, true), Settlement::NotYet);
        assert_eq!(readings.take(Reading::Absent, true), Settlement::NotYet);
        assert_eq!(
            readings.take(Reading::Absent, true),
            Settlement::DoesNotExist
        );
    }

    #[test]
    fn the_only_candidate_is_believed_as_late_as_absence_is() {
        let sole = |id: &str| Reading::Only(id.parse().expect("a run id"), Evidence::SoleIntent);
        let mut readings = ReadingStreak::default();
        assert_eq!(readings.take(sole("a"), false), Settlement::NotYet);
        assert_eq!(readings.take(sole("a"), true), Settlement::NotYet);
        assert_eq!(readings.take(sole("b"), true), Settlement::NotYet);
        let id = "b".parse().expect("a run id");
        assert_eq!(
            readings.take(sole("b"), true),
            Settlement::Exists(id, Evidence::SoleIntent)
        );
    }

    #[test]
    fn lists_that_never_tell_leave_it_to_a_person() {
        let mut readings = ReadingStreak::default();
        let unclear = || Reading::Unclear(Unclear::NoWindows(2));
        for _ in 1..UNCLEAR_READINGS {
            assert_eq!(readings.take(unclear(), true), Settlement::NotYet);
        }
        assert!(matches!(
            readings.take(unclear(), true),
            Settlement::CannotTell(_)
        ));
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn clocks(local: i64, service: i64) -> ClockedTime {
        ClockedTime {
            local: Some(second(local)),
            service: Some(second(service)),
        }
    }

    fn moment(here: Instant, clocks: ClockedTime) -> Moment {
        Moment { here, clocks }
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_has_passed_in_another_process_only_if_both_clocks_say_so() {
        tokio::time::advance(Duration::from_secs(100)).await;
        let now = Instant::now();
        let delay = Duration::from_secs(40);
        let schedule = SettleSchedule::new(delay, now, Some(clocks(1_000, 2_000)));
        // Another machine of the service may be two minutes ahead of the one that was asked.
        assert!(schedule.is_over(moment(now, clocks(1_160, 2_160))));
        assert!(!schedule.is_over(moment(now, clocks(1_159, 9_999))));
        assert!(!schedule.is_over(moment(now, clocks(9_999, 2_159))));
        for one in [
            ClockedTime {
                service: None,
                ..clocks(9_999, 9_999)
            },
            ClockedTime {
                local: None,
                ..clocks(9_999, 9_999)
            },
        ] {
            assert!(!schedule.is_over(moment(now, one)), "one clock alone");
        }
        // Else it passes in this one.
        assert!(!schedule.is_over(moment(now + delay - SOON, clocks(0, 0))));
        assert!(schedule.is_over(moment(now + delay, clocks(0, 0))));
        let unknown = SettleSchedule::new(delay, now, None);
        assert!(!unknown.is_over(moment(now, clocks(9_999, 9_999))));
    }

    #[test]
    fn a_doubt_is_not_older_than_its_intent_whatever_the_clock_says() {
        let doubt = Doubt {
            reason: "no answer".to_owned(),
            at: clocks(400, 2_010),
        };
        let left = left_by(clocks(1_000, 2_000), Some(&doubt));
        assert_eq!(left, clocks(1_000, 2_010), "the local clock went back");
    }

    #[test]
    fn a_run_has_begun_long_ago_only_by_both_clocks() {
        let delay = Duration::from_secs(300);
        let start = Some(UnixSeconds::new(1_000).expect("in range"));
        assert!(has_begun(start, clocks(1_300, 1_300), delay));
        assert!(!has_begun(start, clocks(9_999, 1_299), delay));
        assert!(!has_begun(start, clocks(1_299, 9_999), delay));
        let unknown = ClockedTime {
            service: None,
            ..clocks(9_999, 0)
        };
        assert!(!has_begun(start, unknown, delay));
        assert!(has_begun(None, unknown, delay));
    }

    #[test]
    fn the_first_intent_is_the_oldest_by_each_clock() {
        let earlier: Vec<Absence> = [clocks(30, 50), clocks(60, 20)]
            .map(|intent| Absence {
                intent,
                evidence: Evidence::Params,
                at: Timestamp::UNIX_EPOCH,
                retry_of: None,
            })
            .into();
        let last = clocks(40, 40);
        assert_eq!(first_intent(last, &earlier, None), clocks(30, 20));
        assert_eq!(first_intent(last, &[], None), last);
        let retried = "failed".parse().expect("a run id");
        assert_eq!(
            first_intent(last, &earlier, Some(&retried)),
            last,
            "requests to create it are not those to run it again"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn looks_begin_soon_grow_rarer_and_never_come_in_a_storm() {
        let now = Instant::now();
        let mut schedule = SettleSchedule::new(Duration::from_secs(300), now, None);
        let service = clocks(0, 0);
        assert_eq!(schedule.next_look(moment(now, service)), SOON);
        assert_eq!(schedule.next_look(moment(now, service)), SOON * 2);
        let almost = now + Duration::from_millis(299_999);
        assert_eq!(schedule.next_look(moment(almost, service)), SOON);
        let after = now + Duration::from_secs(301);
        assert_eq!(
            schedule.next_look(moment(after, service)),
            Duration::from_secs(30)
        );
    }
}
