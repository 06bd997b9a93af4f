//! How fast requests may leave, by what the service refuses.
//!
//! Turns and refusals are counted in rounds of a second or more. What is refused of a round tells how
//! far the rate is beyond a limit that nobody told us of, as marks do in DCTCP: the rate falls by
//! that share and a little more, so that the next round is below the limit. It then comes back to the
//! limit in seconds, and beyond it in steps that grow while nothing is refused.
//!
//! Some services refuse a share of all requests, whatever the rate, and slowing down would only add to
//! the harm. Such refusals are told from those of a limit by the rounds after a slow-down: a limit
//! refuses nothing in them. What is refused all the same is the usual share, which costs nothing.
//!
//! A value that knows no clock: time comes from outside.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{SECOND, Turn};

/// So many turns tell a share of refusals; so many, whether a few are more than usual.
const SAMPLE: usize = 20;
const LARGE_SAMPLE: usize = 50;
/// More than these are not a few.
const FEW: usize = 3;
/// This many refusals, of no more than twice as many turns, are a wall: nearly all is refused.
const WALL: usize = 8;
/// How much of what seems to be allowed is used in the round after a slow-down.
const BELOW: f64 = 0.95;
/// The first step beyond what is known to be allowed, as a share of the rate's square root: with
/// smaller steps for the faster, two clients that share a limit come to equal parts of it.
const STEP: f64 = 0.07;
/// The usual share of refusals is no more than this. It is told from so many turns of late, and taken
/// to be none before there are some.
const MOST_USUAL: f64 = 0.1;
const USUAL_OF: f64 = 300.0;
const NONE_OF: f64 = 20.0;
/// Where a refusal brings a wait, the limit is tried again after this many times the wait, or this.
const WAITS: u32 = 40;
const MOST_WAIT: Duration = Duration::from_secs(60);

/// The rate that the service takes, as far as is known.
#[derive(Debug)]
pub(super) struct AllowedRate {
    /// Turns per second: never beyond this.
    wanted: f64,
    /// Now.
    rate: f64,
    /// What seems to be allowed.
    limit: f64,
    /// Turns below the limit, and those of them that were refused: that has nothing to do with the
    /// rate.
    below: f64,
    refused_below: f64,
    /// How many steps beyond the limit have gone well.
    steps: u32,
    /// The limit is a guess from a handful of turns.
    is_guess: bool,
    /// The round after a slow-down.
    is_below: bool,
    /// The rate does not grow before.
    steady_until: Instant,
    round: Round,
    turns: u64,
    /// Refusals of this turn and those before it have slowed down already.
    slowed_at: u64,
    /// The turns of the last second, and its refusals, each with the number of turns before it.
    recent: VecDeque<Instant>,
    refusals: VecDeque<(Instant, u64)>,
    /// The most turns of a second that were not refused, of late.
    peak: f64,
}

/// What has been seen since the rate was last judged.
#[derive(Debug)]
struct Round {
    began: Instant,
    turns: usize,
    refused: usize,
    /// The longest wait that a refusal brought.
    wait: Duration,
}

impl Round {
    fn new(began: Instant) -> Self {
        Self {
            began,
            turns: 0,
            refused: 0,
            wait: Duration::ZERO,
        }
    }
}

impl AllowedRate {
    pub(super) fn new(wanted: f64, now: Instant) -> Self {
        Self {
            wanted,
            rate: wanted,
            limit: wanted,
            below: 0.0,
            refused_below: 0.0,
            steps: 0,
            is_guess: false,
            is_below: false,
            steady_until: now,
            round: Round::new(now),
            turns: 0,
            slowed_at: 0,
            recent: VecDeque::new(),
            refusals: VecDeque::new(),
            peak: 0.0,
        }
    }

    /// Turns per second.
    pub(super) fn get(&self) -> f64 {
        self.rate
    }

    /// A request leaves.
    pub(super) fn on_turn(&mut self, now: Instant) -> Turn {
        self.turns += 1;
        self.round.turns += 1;
        self.recent.push_back(now);
        self.forget_before(now);
        self.peak = self.peak.max(self.accepted_of_late());
        Turn(self.turns)
    }

    /// A request was refused, and all wait for `wait`. Whether nearly all of late were: then all
    /// should wait a moment.
    pub(super) fn on_refusal(&mut self, turn: Turn, wait: Duration, now: Instant) -> bool {
        if turn.0 <= self.slowed_at {
            return false;
        }
        self.round.refused += 1;
        self.round.wait = self.round.wait.max(wait);
        self.forget_before(now);
        self.refusals.push_back((now, self.turns));
        if !wait.is_zero() && self.round.turns >= SAMPLE {
            // Each further one would cost a wait.
            if self.is_more_than_usual() {
                self.slow_down(now, false);
            }
            return false;
        }
        let first = self.refusals.len().checked_sub(WALL);
        let is_wall = first.is_some_and(|first| {
            let (_, turns_before) = self.refusals[first];
            self.turns - turns_before <= 2 * WALL as u64
        });
        if !is_wall || self.round.refused < WALL {
            return false;
        }
        let before = self.rate;
        self.slow_down(now, true);
        self.rate < before / 2.0
    }

    /// All wait for this long: that is no part of a round.
    pub(super) fn on_hold(&mut self, wait: Duration) {
        self.round.began += wait;
    }

    /// Ends the round, if it tells enough by now, and sets the rate by it.
    pub(super) fn adjust(&mut self, now: Instant) {
        let Round {
            began,
            turns,
            refused,
            wait,
        } = self.round;
        if now < began + SECOND || turns == 0 {
            return;
        }
        if turns >= SAMPLE && self.is_more_than_usual() {
            self.slow_down(now, false);
            return;
        }
        let returns = self.rate < self.limit * 0.99;
        let needed = if !wait.is_zero() {
            // Long enough to see the next one, where it is a limit's.
            count(3 * LARGE_SAMPLE)
        } else if refused > 0 {
            count(LARGE_SAMPLE)
        } else if self.is_guess {
            // Such steps double the rate: they need turns that have gone well.
            count(SAMPLE).min(self.rate / 2.0)
        } else if returns && !self.is_below {
            0.0
        } else {
            count(SAMPLE)
        };
        if count(turns) < needed {
            return;
        }
        self.learn_usual();
        self.is_below = false;
        if now < self.steady_until {
            // Nearer to the limit chance would bring the next wait.
        } else if returns {
            self.rate += (self.limit - self.rate) / 2.0;
        } else {
            self.steps += 1;
            let step = f64::from(self.steps) * STEP * self.rate.sqrt();
            self.rate += if self.is_guess {
                self.rate
            } else {
                step.min(self.rate / 2.0)
            };
            self.rate = self.rate.min(self.wanted);
            self.limit = self.rate;
        }
        self.begin(now);
    }

    /// The rate falls to less than what was not refused; `is_wall`: to what was taken of late.
    fn slow_down(&mut self, now: Instant, is_wall: bool) {
        let share = self.refused_share();
        let limit = if is_wall {
            self.accepted_of_late()
        } else if self.round.wait.is_zero() {
            // A rate that nobody reaches says nothing.
            self.rate.min(2.0 * self.peak) * (1.0 - share)
        } else {
            // The wait keeps the share low, and what is taken between two waits is the limit.
            self.peak
        };
        self.learn_usual();
        let least = (self.wanted / 32.0).min(1.0);
        self.limit = limit.max(least).min(self.rate);
        self.is_guess = is_wall && self.limit <= 2.0 * count(WALL) && self.rate > 2.0 * self.limit;
        self.rate = if self.is_guess {
            // Of a handful of turns nothing more can be told.
            self.limit = self.limit.max(count(WALL)).min(self.rate);
            self.limit
        } else {
            self.limit * BELOW
        };
        self.steps = 0;
        self.is_below = true;
        self.slowed_at = self.turns;
        self.steady_until = now + (self.round.wait * WAITS).min(MOST_WAIT);
        self.begin(now);
        self.peak = self.peak.min(self.limit);
    }

    fn begin(&mut self, now: Instant) {
        self.round = Round::new(now);
        self.peak *= 0.9;
    }

    /// Below the limit nothing is refused for it: what is refused there is usual. Where it is much
    /// more, that was no limit.
    fn learn_usual(&mut self) {
        let Round { turns, refused, .. } = self.round;
        let share = self.refused_share();
        if self.rate > self.limit * 0.98 || turns < SAMPLE || share > 2.0 * MOST_USUAL {
            return;
        }
        self.below += count(turns);
        self.refused_below += count(refused);
        let kept = (USUAL_OF / self.below).min(1.0);
        self.below *= kept;
        self.refused_below *= kept;
    }

    /// The share of refusals that has nothing to do with the rate.
    fn usual(&self) -> f64 {
        (self.refused_below / (self.below + NONE_OF)).min(MOST_USUAL)
    }

    /// By more than chance makes of the usual share.
    fn is_more_than_usual(&self) -> bool {
        let Round {
            turns,
            refused,
            wait,
            ..
        } = self.round;
        let usual = self.usual() * count(turns);
        if wait.is_zero() {
            let is_told = refused > FEW || turns >= LARGE_SAMPLE;
            return is_told && count(refused) > usual + 2.0 * usual.sqrt();
        }
        // What brings a wait is told from chance sooner: it costs more. But one says nothing of a rate
        // that went well so far.
        let first = f64::from(u8::from(self.limit >= self.wanted));
        count(refused) > usual + usual.sqrt() + first
    }

    fn refused_share(&self) -> f64 {
        let Round { turns, refused, .. } = self.round;
        count(refused.min(turns)) / count(turns.max(1))
    }

    /// How many turns of the last second were not refused.
    fn accepted_of_late(&self) -> f64 {
        count(self.recent.len().saturating_sub(self.refusals.len())).max(1.0)
    }

    fn forget_before(&mut self, now: Instant) {
        while self.recent.front().is_some_and(|at| *at + SECOND <= now) {
            self.recent.pop_front();
        }
        while self
            .refusals
            .front()
            .is_some_and(|(at, _)| *at + SECOND <= now)
        {
            self.refusals.pop_front();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "some thousands at most")]
fn count(number: usize) -> f64 {
    number as f64
}
