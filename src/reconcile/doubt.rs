//! The runs of a flow in doubt, and what one more list settles of them.

use std::collections::HashSet;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::settle::{FlowContext, OpenIntent, Reading, recognise, recorded_for_another};
use super::settle_schedule::{
    ReadingStreak, SettleSchedule, Settlement, first_intent, has_begun, left_by,
};
use super::{FlowRecords, Moment, Observation, Unclear};
use crate::run::{RunId, RunIdentity, UnixSeconds};
use crate::state::{ClockedTime, Fate, InDoubt, Record, State};

/// A run in doubt, and what lists have told of it so far.
#[derive(Debug)]
pub(crate) struct OpenDoubt {
    pub(crate) identity: RunIdentity,
    pub(crate) open: OpenIntent,
    /// When it is to begin, if later than it was sent.
    start_time: Option<UnixSeconds>,
    schedule: SettleSchedule,
    readings: ReadingStreak,
    /// Whether it is left to a person, as far as this process is concerned.
    pub(crate) is_given_up: bool,
}

impl OpenDoubt {
    /// One that was found in the state; its request has not left after `left_here`. None if the record
    /// is not in doubt.
    pub(crate) fn of_record(record: &Record, left_here: Instant, delay: Duration) -> Option<Self> {
        let Fate::InDoubt(in_doubt) = &record.fate else {
            return None;
        };
        let left = left_by(in_doubt.intent, in_doubt.doubt.as_ref());
        let noted = in_doubt.doubt.is_some().then_some(left);
        let schedule = SettleSchedule::new(delay, left_here, noted);
        Some(Self::new(record, in_doubt, left, schedule, delay))
    }

    /// One whose request has just come to its end. Our own monotonic clock knows exactly when this was;
    /// no other clock may shorten it.
    pub(crate) fn of_answer(record: &Record, now: Moment, delay: Duration) -> Option<Self> {
        let Fate::InDoubt(in_doubt) = &record.fate else {
            return None;
        };
        let left = now.clocks.not_before(in_doubt.intent);
        let schedule = SettleSchedule::new(delay, now.here, None);
        Some(Self::new(record, in_doubt, left, schedule, delay))
    }

    fn new(
        record: &Record,
        in_doubt: &InDoubt,
        left: ClockedTime,
        schedule: SettleSchedule,
        delay: Duration,
    ) -> Self {
        let InDoubt {
            intent,
            session,
            start_time,
            order,
            doubt: _,
            retry,
        } = in_doubt;
        let earlier = record.earlier();
        let listed_within = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
        // Its place among those that left in order proves nothing where lists may not show it yet, for
        // it begins later, or may show the run of an earlier request, which came to nothing.
        let order = order.filter(|_| start_time.is_none() && earlier.is_empty());
        let identity = record.identity.clone();
        Self {
            open: OpenIntent {
                window: identity.window,
                rerun: identity.rerun,
                intent: first_intent(*intent, earlier, retry.as_ref().map(|it| &it.run_id)),
                until: left.plus(listed_within).service,
                order: order.map(|order| (*session, order)),
                retry: retry.clone(),
            },
            identity,
            start_time: *start_time,
            schedule,
            readings: ReadingStreak::default(),
            is_given_up: false,
        }
    }

    /// How long to wait before the next list is read for it.
    pub(crate) fn next_look(&mut self, now: Moment) -> Duration {
        self.schedule.next_look(now)
    }

    /// When it is believed not to exist, at the latest, if no list shows it.
    pub(crate) fn ends(&self) -> Instant {
        self.schedule.ends()
    }
}

/// What is known of a flow beside its list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SettleContext<'a> {
    pub(crate) records: &'a FlowRecords,
    pub(crate) state: &'a State,
    /// Runs for which records are about to stand, of other flows too.
    pub(crate) accepted: &'a HashSet<RunId>,
    pub(crate) api_key: &'a str,
    /// Whether a request of the flow is on its way.
    pub(crate) in_flight: bool,
}

/// What a list, beside those before it, tells of all runs of a flow in doubt: one settlement each.
pub(crate) fn settle(
    doubts: &mut [OpenDoubt],
    seen: &Observation,
    context: SettleContext<'_>,
) -> Vec<Settlement> {
    let SettleContext { records, state, .. } = context;
    let runs = seen.runs.as_deref().unwrap_or_default();
    let unclear = match &seen.runs {
        Ok(_) => seen.doubtful(records).map(Unclear::DoubtfulList),
        Err(error) => Some(Unclear::NotListed(error.to_string())),
    };
    let open: Vec<OpenIntent> = doubts.iter().map(|doubt| doubt.open.clone()).collect();
    let around = FlowContext {
        claimed: &records.claimed,
        api_key: context.api_key,
        in_flight: context.in_flight,
    };
    let readings = recognise(&open, runs, around);
    let is_claimed =
        |run_id: &RunId| state.claim(run_id).is_some() || context.accepted.contains(run_id);
    doubts
        .iter_mut()
        .zip(readings)
        .map(|(doubt, reading)| {
            let reading = match (reading, &unclear) {
                (Reading::Absent | Reading::Only(..), Some(why)) => Reading::Unclear(why.clone()),
                (reading, _) => reading,
            };
            // A run that was created since may not be listed yet: a list without it is no evidence,
            // and none against the list.
            let delay = doubt.schedule.delay();
            let newest = records.last_learnt();
            let shows_newest = newest.is_none_or(|learnt| learnt + delay <= seen.asked.here);
            let is_over = shows_newest && doubt.schedule.is_over(seen.asked);
            let settlement = match doubt.start_time {
                Some(start)
                    if is_over
                        && !matches!(reading, Reading::Found(..))
                        && !has_begun(doubt.start_time, seen.asked.clocks, delay) =>
                {
                    Settlement::CannotTell(Unclear::NotBegun(start))
                }
                _ => doubt.readings.take(reading, is_over),
            };
            let retried = doubt.open.retry.as_ref().map(|it| &it.run_id);
            let claimed = match &settlement {
                Settlement::Exists(run_id, _) if is_claimed(run_id) && retried != Some(run_id) => {
                    Some(run_id.clone())
                }
                Settlement::DoesNotExist => {
                    let recorded = |run_id: &RunId| Some(state.claim(run_id)?.window);
                    recorded_for_another(doubt.open.window, runs, recorded)
                }
                _ => None,
            };
            claimed.map_or(settlement, |run_id| {
                Settlement::CannotTell(Unclear::Claimed(run_id))
            })
        })
        .collect()
}
