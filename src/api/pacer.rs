//! The pacer: everything that leaves takes a turn here, one at a time, at an exact rate.
//!
//! A turn is a slot on a fixed grid, and a caller that comes a little late does not push the grid
//! back, so there is no drift; nor is there a turn in a second that has had its share, so there is
//! no burst. Where the two disagree, because callers were late, the bound wins.
//!
//! A 429 holds everyone until the time it names and halves the rate. The rate then comes back in
//! seconds to a little less than what was refused, and beyond that in steps of many seconds, which
//! grow while nothing is refused: a limit that nobody has told us of is found, and used.
//!
//! Time is tokio's, so that tests turn it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

const SECOND: Duration = Duration::from_secs(1);
/// How long after a change of rate the next step comes, up to what is known to be allowed.
const RETURN_STEP: Duration = Duration::from_secs(1);
/// The same, beyond that.
const PROBE_STEP: Duration = Duration::from_secs(10);
/// How much of what was refused is taken to be allowed, and of that the first step beyond it.
const ALLOWED: f64 = 0.9;
const PROBE: f64 = 0.02;

/// Why a text is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a rate: expected a number of requests per second or minute up to 10000, such as 5/s or 30/min, or `unlimited`"
)]
pub struct RateError(pub String);

/// Requests per second; more than none.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// As fast as requests can leave. What a service refuses slows it down all the same.
    pub const UNLIMITED: Self = Self(1e9);

    /// A rate of `per_second` requests.
    ///
    /// # Errors
    /// When it is not between one an hour and 10,000 a second.
    pub fn per_second(per_second: f64) -> Result<Self, RateError> {
        if (1.0 / 3600.0..=10_000.0).contains(&per_second) {
            Ok(Self(per_second))
        } else {
            Err(RateError(per_second.to_string()))
        }
    }

    /// Requests per second.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }
}

impl std::str::FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let bad = || RateError(text.to_owned());
        if text.trim() == "unlimited" {
            return Ok(Self::UNLIMITED);
        }
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let number: f64 = number.trim().parse().map_err(|_| bad())?;
        let seconds = match unit.trim() {
            "s" | "sec" | "second" => 1.0,
            "m" | "min" | "minute" => 60.0,
            _ => return Err(bad()),
        };
        Self::per_second(number / seconds).map_err(|_| bad())
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let per_minute = self.0 * 60.0;
        if *self == Self::UNLIMITED {
            f.write_str("unlimited")
        } else if self.0 >= 1.0 {
            write!(f, "{}/s", (self.0 * 10.0).round() / 10.0)
        } else {
            write!(f, "{}/min", (per_minute * 10.0).round() / 10.0)
        }
    }
}

/// Lets requests leave one at a time, at an exact rate.
#[derive(Debug)]
pub struct Pacer {
    wanted: Rate,
    grid: Mutex<Grid>,
    pause: watch::Sender<Option<Instant>>,
}

/// Whether a turn can be had.
enum Free {
    Now,
    At(Instant),
}

#[derive(Debug)]
struct Grid {
    rate: Rate,
    /// The slot after the last one taken.
    next: Instant,
    /// The last turns that were had, no more than may be in one second: the bound itself.
    had: VecDeque<Instant>,
    /// Nobody goes before this; may lie in the past.
    paused_until: Option<Instant>,
    /// Counts pauses: a slot taken before a pause is void after it.
    pauses: u64,
    rate_changed: Instant,
    /// Requests per second that are taken to be allowed, since more were refused.
    allowed: f64,
    /// The next step beyond that.
    probe: f64,
}

impl Grid {
    /// Half the rate, or of what was sent in the last second, where that was less.
    fn slow_down(&mut self, wanted: Rate, now: Instant) {
        let sent = self.had.iter().filter(|had| **had + SECOND > now).count();
        let mut refused = self.rate.0;
        // Of one request nothing can be told.
        if sent > 1 {
            refused = refused.min(f64::from(u32::try_from(sent).unwrap_or(u32::MAX)));
        }
        self.allowed = refused * ALLOWED;
        self.probe = self.allowed * PROBE;
        let least = (wanted.0 / 32.0).min(1.0);
        self.rate = Rate((refused / 2.0).max(least));
    }

    /// One step back towards what is wanted, if it is time for one.
    fn recover(&mut self, wanted: Rate, now: Instant) {
        if self.is_held(now) || self.rate >= wanted {
            return;
        }
        let is_below = self.rate.0 < self.allowed * 0.99;
        let step = if is_below { RETURN_STEP } else { PROBE_STEP };
        if self.rate_changed + step > now {
            return;
        }
        let rate = if is_below {
            self.rate.0 + (self.allowed - self.rate.0) / 4.0
        } else {
            let rate = self.rate.0 + self.probe;
            self.probe *= 2.0;
            rate
        };
        self.rate = Rate(rate.min(wanted.0));
        self.rate_changed = now;
    }

    fn is_held(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }
}

impl Pacer {
    /// A pacer at `rate`.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let now = Instant::now();
        Self {
            wanted: rate,
            grid: Mutex::new(Grid {
                rate,
                next: now,
                had: VecDeque::new(),
                paused_until: None,
                pauses: 0,
                rate_changed: now,
                allowed: rate.0,
                probe: 0.0,
            }),
            pause: watch::Sender::new(None),
        }
    }

    /// Tells of every pause: until when all are held.
    #[must_use]
    pub fn pauses(&self) -> watch::Receiver<Option<Instant>> {
        self.pause.subscribe()
    }

    /// Waits for the caller's turn. A caller that gives up loses its slot.
    pub async fn turn(&self) {
        let mut pause = self.pause.subscribe();
        loop {
            pause.mark_unchanged();
            let (slot, pauses) = self.take_slot(Instant::now());
            tokio::select! {
                () = sleep_until(slot) => {}
                // The slot is void: a new one, instead of a gap where the old one was.
                Ok(()) = pause.changed() => continue,
            }
            // A request that was woken late has come closer to the next: then the next waits.
            while let Some(free) = self.have(Instant::now(), pauses) {
                match free {
                    Free::Now => return,
                    Free::At(at) => sleep_until(at).await,
                }
            }
        }
    }

    /// When a turn asked for now would come.
    #[must_use]
    pub fn next_turn(&self) -> Instant {
        let grid = self.grid();
        grid.paused_until
            .map_or(grid.next, |until| until.max(grid.next))
            .max(Instant::now())
    }

    /// How many turns, asked for now, would come within `ahead`.
    #[must_use]
    pub fn turns_within(&self, ahead: Duration) -> usize {
        let first = self.next_turn();
        let last = Instant::now() + ahead;
        if last < first {
            return 0;
        }
        let between = (last - first).as_secs_f64() * self.rate().get();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds times a rate, both small or cut off"
        )]
        let more = between as usize;
        more + 1
    }

    /// Holds everyone for `wait` and halves the rate. Refusals that arrive while all are held
    /// already only prolong the wait: they are of the same burst.
    pub fn throttle(&self, wait: Duration) {
        let now = Instant::now();
        let mut grid = self.grid();
        if !grid.is_held(now) {
            grid.slow_down(self.wanted, now);
            // It recovers from when all may go on.
            grid.rate_changed = now + wait;
        }
        self.hold_until(&mut grid, now + wait, now);
    }

    /// Holds everyone for `wait`: the service is down, and it is not for its limit.
    pub fn hold(&self, wait: Duration) {
        let now = Instant::now();
        self.hold_until(&mut self.grid(), now + wait, now);
    }

    fn hold_until(&self, grid: &mut Grid, until: Instant, now: Instant) {
        if !grid.is_held(now) || grid.paused_until < Some(until) {
            grid.paused_until = Some(until);
            // Slots that nobody will use now are given back, but not the last turn's spacing.
            let spaced = grid.had.back().map(|last| *last + grid.rate.interval());
            grid.next = spaced.map_or(until, |spaced| spaced.max(until));
            grid.pauses += 1;
            self.pause.send_replace(Some(until));
        }
    }

    /// The rate now: as wanted, or less after a 429.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.grid().rate
    }

    /// Has the turn whose slot has come, or says when the last second is free for it; `None`
    /// where a pause has voided the slot.
    fn have(&self, now: Instant, pauses: u64) -> Option<Free> {
        let mut grid = self.grid();
        if grid.pauses != pauses {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is between 0 and a thousand million"
        )]
        let most = grid.rate.0.ceil() as usize;
        // The last one stays: the next keeps its distance to it.
        let is_past = |first: &Instant| *first + SECOND <= now;
        while grid.had.len() > most || (grid.had.len() > 1 && grid.had.front().is_some_and(is_past))
        {
            grid.had.pop_front();
        }
        if grid.had.len() >= most
            && let Some(first) = grid.had.front()
            && *first + SECOND > now
        {
            return Some(Free::At(*first + SECOND));
        }
        grid.had.push_back(now);
        Some(Free::Now)
    }

    fn take_slot(&self, now: Instant) -> (Instant, u64) {
        let mut grid = self.grid();
        grid.recover(self.wanted, now);
        let interval = grid.rate.interval();
        // Late by less than a slot: keep the grid. Later than that: what was missed is gone.
        let slot = if grid.next + interval > now {
            grid.next
        } else {
            now
        };
        grid.next = slot + interval;
        (slot, grid.pauses)
    }

    fn grid(&self) -> MutexGuard<'_, Grid> {
        self.grid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
