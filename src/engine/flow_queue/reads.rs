//! What must be known before a flow may be sent to, and what a flow in doubt looks for: which reads it
//! takes, and what follows from what they found.

use std::sync::Arc;
use std::time::Duration;

use super::transition::{Effect, Purpose, Transition};
use super::{FlowQueue, Phase};
use crate::api::{DeltaColumnRule, Flow};
use crate::engine::{FlowEvent, NotSentReason};
use crate::reconcile::{Blocked, Extent, MOST_SINGLE, Observation, OpenDoubt, Query, preflight};
use crate::run::Source;
use crate::state::ClockedTime;

/// The service tells its time in whole seconds: a moment that moves by less has not changed.
const A_LITTLE: Duration = Duration::from_secs(2);

impl FlowQueue {
    /// Reads what must be known before the flow may be sent to.
    pub(in crate::engine) fn prepare(&mut self, step: &mut Transition<'_>) {
        if !step.reads || self.phase != Phase::Preparing {
            return; // blocked, by what its doubts came to
        }
        let has_doubts = !self.doubts.is_empty();
        let has_runs = has_doubts || self.waiting().next().is_some();
        let check = step.settings.preflight && self.source.is_some() && has_runs;
        let is_read = check
            || has_doubts
            || self.max_active.is_some()
            // By the service's clock, which an answer tells.
            || step.settings.new_runs_per_day.is_some()
            || self.running.awaited() > 0;
        if is_read {
            let query = self.whole_list(check, None);
            let read = Effect::Read(Duration::ZERO, query, Purpose::Prepare);
            step.effects.push(read);
        } else {
            self.open_for(None, step);
        }
    }

    fn whole_list(&self, flow: bool, since: Option<ClockedTime>) -> Query {
        Query {
            flow,
            runs: Extent::Windows {
                claimed: Arc::clone(&self.records.claimed),
                since,
                most: MOST_SINGLE,
            },
        }
    }

    /// Reads the flow's list again when its doubts say so.
    pub(super) fn look_again(&mut self, step: &mut Transition<'_>) {
        if !step.reads || self.is_looking {
            return;
        }
        // What is left to a person needs no look of its own.
        let open = || self.doubts.iter().filter(|doubt| !doubt.is_given_up);
        let Some(believed) = open().map(OpenDoubt::ends).max() else {
            self.last_reported = None;
            return;
        };
        let open = self.doubts.iter_mut().filter(|doubt| !doubt.is_given_up);
        let wait = open.map(|doubt| doubt.next_look(step.now)).min();
        let intents = self.doubts.iter().map(|doubt| doubt.open.intent);
        // The oldest, by each clock that tells all of them.
        let query = self.whole_list(false, intents.reduce(ClockedTime::or_earlier));
        self.is_looking = true;
        let wait = wait.unwrap_or_default();
        step.effects
            .push(Effect::Read(wait, query, Purpose::Settle));
        let runs = self.doubts.len();
        let is_told = self.last_reported.is_some_and(|(told, at)| {
            told == runs && at.max(believed).duration_since(at.min(believed)) < A_LITTLE
        });
        if !is_told {
            self.last_reported = Some((runs, believed));
            step.tell(FlowEvent::Settling { runs, believed });
        }
    }

    /// What was read of the flow has come.
    pub(in crate::engine) fn on_read(
        &mut self,
        purpose: Purpose,
        seen: &Observation,
        step: &mut Transition<'_>,
    ) {
        match purpose {
            Purpose::Settle => {
                self.is_looking = false;
                self.settle(seen, step);
                if let Ok(runs) = &seen.runs {
                    self.take_in(runs, seen.asked.here, step);
                }
                if self.doubts.is_empty() {
                    // They came first; what exists may be different now.
                    self.prepare(step);
                }
            }
            Purpose::Follow => self.followed(seen, step),
            Purpose::Prepare => self.prepared(seen, step),
        }
        self.follow(step);
    }

    fn prepared(&mut self, seen: &Observation, step: &mut Transition<'_>) {
        let runs = match &seen.runs {
            Ok(runs) => runs,
            Err(error) => return self.block(preflight::blocked_by(error), step),
        };
        if !self.doubts.is_empty() {
            self.settle(seen, step);
            if self.doubts.is_empty() {
                self.prepare(step);
            }
            return;
        }
        self.take_in(runs, seen.asked.here, step);
        let Some((flow, source)) = seen.flow.as_ref().zip(self.source.clone()) else {
            return self.open_for(None, step);
        };
        let delay = step.settings.settle_delay;
        if let Err(why) = preflight::check(flow, &source, seen, &self.records, delay) {
            return self.block(why, step);
        }
        if !self.adopt_existing(runs, step) {
            return;
        }
        self.check_retries(runs, step);
        // Of what was adopted just now, too.
        self.take_in(runs, seen.asked.here, step);
        match preflight::unaccounted(runs, &self.records, step.api_key) {
            Some(why) if self.waiting().next().is_some() => self.block(why, step),
            _ => self.open_for(Some(flow), step),
        }
    }

    /// From now on the flow may be sent to.
    fn open_for(&mut self, flow: Option<&Flow>, step: &mut Transition<'_>) {
        // The flow itself knows best; without it, our own runs do.
        let fixed = flow.map_or(self.records.is_known, |flow| flow.delta_column.is_some());
        let column = match self.source.as_deref() {
            Some(Source::Table(column)) => Some(column.clone()),
            _ => None,
        };
        if step.settings.delta_column == DeltaColumnRule::Always {
            // The flow's own, to the letter, where it has one.
            let own = flow.and_then(|flow| flow.delta_column.clone());
            self.repeated_column = column.clone().map(|column| own.unwrap_or(column));
        }
        self.open(column.filter(|_| !fixed));
        step.tell(FlowEvent::Prepared);
    }

    /// Nothing more is sent to the flow.
    pub(in crate::engine) fn block(&mut self, reason: Blocked, step: &mut Transition<'_>) {
        step.tell(FlowEvent::Blocked(reason.clone()));
        if matches!(reason, Blocked::Unreadable(_)) || reason.is_unanswered() {
            self.unfollowed += self.running.give_up();
        }
        self.phase = Phase::Blocked(reason);
        let withdraw = Effect::Withdraw(NotSentReason::FlowBlocked);
        step.effects.push(withdraw);
    }
}
