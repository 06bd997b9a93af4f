//! How long a doubt lasts: when lists are read, and when what they tell is believed.
//!
//! A run may appear in lists some time after its request. [`SettleSchedule`] says when lists are read,
//! soon at first, then less often; [`ReadingStreak`] when enough of them, asked for after the settle
//! delay and one after the other, agree that a run does not exist or is the only one that it can
//! be.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Unclear;
use super::settle::Reading;
use crate::api::CLOCKS;
use crate::run::{RunId, UnixSeconds};
use crate::state::{Absence, ClockKind, ClockedTime, Doubt, Evidence};

/// No request is begun on an intent older than this.
pub(crate) const INTENT_LIFE: Duration = Duration::from_secs(60);
/// A request that was begun leaves within this time, its connection made, or it does not.
pub(crate) const LEAVES_WITHIN: Duration = Duration::from_secs(60);
/// The first look comes after this; none comes sooner after another.
const SOON: Duration = Duration::from_millis(250);
/// How many lists in a row must agree.
pub(crate) const READINGS: u32 = 2;
/// How many lists in a row may fail or not tell.
const UNCLEAR_READINGS: u32 = 4;

/// The latest moment at which the request of an intent can have left.
pub(crate) fn left_by(intent: ClockedTime, doubt: Option<&Doubt>) -> ClockedTime {
    match doubt {
        Some(Doubt { at, .. })
            if at.clock == ClockKind::Server || intent.clock == ClockKind::Local =>
        {
            *at
        }
        // The process may have died with the request on its way.
        _ => {
            let life = SignedDuration::try_from(INTENT_LIFE + LEAVES_WITHIN).unwrap_or_default();
            ClockedTime {
                time: intent.time.saturating_add(life).unwrap_or(intent.time),
                ..intent
            }
        }
    }
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
        // Times by different clocks are not compared.
        .filter(|other| other.clock == intent.clock)
        .chain([intent])
        .min_by_key(|intent| intent.time)
        .unwrap_or(intent)
}

/// Whether a run that is to begin at `start_time` had as long as `delay` by `now` to be listed:
/// Adobe's FAQ counts that from the start, not from the request. Only the service's clock tells.
pub(crate) fn has_begun(
    start_time: Option<UnixSeconds>,
    now: ClockedTime,
    delay: Duration,
) -> bool {
    start_time.is_none_or(|start| {
        let begun = now.time.as_second().saturating_sub(start.get());
        now.clock == ClockKind::Server
            && u64::try_from(begun).is_ok_and(|begun| begun >= delay.as_secs())
    })
}

/// When a run that the lists do not hold is believed not to exist, and when they are read.
#[derive(Debug, Clone)]
pub(crate) struct SettleSchedule {
    /// How long after its request a run may still appear.
    delay: Duration,
    /// The request cannot have left after this, by our monotonic clock.
    left_by: Instant,
    /// The same by the service's clock, if the journal tells.
    left_by_service: Option<Timestamp>,
    looks: u32,
}

impl SettleSchedule {
    pub(crate) fn new(
        delay: Duration,
        left_by: Instant,
        left_by_service: Option<Timestamp>,
    ) -> Self {
        Self {
            delay,
            left_by,
            left_by_service,
            looks: 0,
        }
    }

    /// When an absent run is believed not to exist; `service` is the service's clock now.
    pub(crate) fn believed_at(&self, now: Instant, service: ClockedTime) -> Instant {
        let ours = self.left_by + self.delay;
        let theirs = match (self.left_by_service, service.clock) {
            (Some(left), ClockKind::Server) => {
                let since = service.time.duration_since(left).saturating_sub(CLOCKS);
                let waited = Duration::try_from(since).unwrap_or_default();
                // It may have passed long ago, for all that was read since.
                match waited.checked_sub(self.delay) {
                    None => Some(now + self.delay.saturating_sub(waited)),
                    Some(ago) => now.checked_sub(ago).or(Some(now)),
                }
            }
            _ => None,
        };
        theirs.map_or(ours, |theirs| theirs.min(ours))
    }

    /// How long to wait before the next look: soon at first, for most answers are lost but most
    /// runs are not; then less often; and in time for the moment that matters.
    pub(crate) fn next_look(&mut self, now: Instant, service: ClockedTime) -> Duration {
        let believed = self.believed_at(now, service);
        if believed <= now {
            let gap = self.delay / 10;
            return gap.clamp(SOON, Duration::from_secs(30));
        }
        let back_off = SOON * 2_u32.pow(self.looks.min(7));
        self.looks += 1;
        // The service tells its time in whole seconds, so that moment moves a little.
        back_off.min(believed - now).max(SOON)
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

    #[tokio::test(start_paused = true)]
    async fn what_the_service_has_waited_for_already_is_not_waited_for_again() {
        tokio::time::advance(Duration::from_secs(100)).await;
        let now = Instant::now();
        let second = |s| Timestamp::from_second(s).expect("in range");
        let left = Some(second(1_000));
        let schedule = SettleSchedule::new(Duration::from_secs(40), now, left);
        let at = |s| ClockedTime {
            time: second(s),
            clock: ClockKind::Server,
        };
        assert_eq!(
            schedule.believed_at(now, at(1_120 + 10)),
            now + Duration::from_secs(30)
        );
        assert_eq!(
            schedule.believed_at(now, at(1_120 + 90)),
            now - Duration::from_secs(50)
        );
        // Another machine of the service may be two minutes ahead of the one that was asked.
        assert_eq!(
            schedule.believed_at(now, at(1_120)),
            now + Duration::from_secs(40)
        );
        let unknown = ClockedTime {
            clock: ClockKind::Local,
            ..at(1_120 + 90)
        };
        assert_eq!(
            schedule.believed_at(now, unknown),
            now + Duration::from_secs(40)
        );
    }

    #[test]
    fn only_the_services_clock_tells_that_a_run_has_begun_long_ago() {
        let delay = Duration::from_secs(300);
        let moment = |second, clock| ClockedTime {
            time: Timestamp::from_second(second).expect("in range"),
            clock,
        };
        let start = Some(UnixSeconds::new(1_000).expect("in range"));
        assert!(!has_begun(start, moment(1_299, ClockKind::Server), delay));
        assert!(has_begun(start, moment(1_300, ClockKind::Server), delay));
        assert!(!has_begun(start, moment(9_999, ClockKind::Local), delay));
        assert!(has_begun(None, moment(0, ClockKind::Local), delay));
    }

    #[test]
    fn the_first_intent_is_the_oldest_by_the_same_clock() {
        let moment = |second, clock| ClockedTime {
            time: Timestamp::from_second(second).expect("in range"),
            clock,
        };
        let earlier: Vec<Absence> = [
            moment(30, ClockKind::Server),
            moment(20, ClockKind::Server),
            moment(10, ClockKind::Local),
        ]
        .map(|intent| Absence {
            intent,
            evidence: Evidence::Params,
            at: Timestamp::UNIX_EPOCH,
            retry_of: None,
        })
        .into();
        let last = moment(40, ClockKind::Server);
        assert_eq!(
            first_intent(last, &earlier, None),
            moment(20, ClockKind::Server)
        );
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
        let service = ClockedTime {
            time: Timestamp::UNIX_EPOCH,
            clock: ClockKind::Server,
        };
        assert_eq!(schedule.next_look(now, service), SOON);
        assert_eq!(schedule.next_look(now, service), SOON * 2);
        let almost = now + Duration::from_millis(299_999);
        assert_eq!(schedule.next_look(almost, service), SOON);
        let after = now + Duration::from_secs(301);
        assert_eq!(schedule.next_look(after, service), Duration::from_secs(30));
    }
}
