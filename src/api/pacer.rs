//! The pacer: everything that leaves takes a turn here, one at a time, at an exact rate.
//!
//! A turn is a slot on a fixed grid, and a caller that comes a little late does not push the grid
//! back, so there is no drift; nor is there a turn in a second that has had its share, so there is
//! no burst. Where the two disagree, because callers were late, the bound wins.
//!
//! A 429 holds everyone for as long as it says, and no longer where it says nothing. How far it slows
//! down is the business of [`AllowedRate`].
//!
//! Time is tokio's, so that tests turn it.

mod allowed_rate;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use allowed_rate::AllowedRate;

const SECOND: Duration = Duration::from_secs(1);

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
    Now(Turn),
    At(Instant),
}

/// A turn that was had: which request is refused, where one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn(u64);

#[derive(Debug)]
struct Grid {
    allowed: AllowedRate,
    /// The slot after the last one taken.
    next: Instant,
    /// The last turns that were had, no more than may be in one second: the bound itself.
    had: VecDeque<Instant>,
    /// Nobody goes before this; may lie in the past.
    paused_until: Option<Instant>,
    /// Counts pauses: a slot taken before a pause is void after it.
    pauses: u64,
}

impl Grid {
    fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.allowed.get())
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
                allowed: AllowedRate::new(rate.0, now),
                next: now,
                had: VecDeque::new(),
                paused_until: None,
                pauses: 0,
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
    pub async fn turn(&self) -> Turn {
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
                    Free::Now(turn) => return turn,
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

    /// The service has refused the request of `turn`, for there were too many, and asked all to
    /// wait, if it did.
    pub fn throttle(&self, turn: Turn, wait: Option<Duration>) {
        let now = Instant::now();
        let mut grid = self.grid();
        let wait = wait.unwrap_or_default();
        let is_wall = grid.allowed.on_refusal(turn, wait, now);
        let wait = if is_wall { wait.max(SECOND) } else { wait };
        if !wait.is_zero() {
            self.hold_until(&mut grid, now + wait, now);
        }
    }

    /// Holds everyone for `wait`: the service is down, and it is not for its limit.
    pub fn hold(&self, wait: Duration) {
        let now = Instant::now();
        self.hold_until(&mut self.grid(), now + wait, now);
    }

    fn hold_until(&self, grid: &mut Grid, until: Instant, now: Instant) {
        let held = grid.paused_until.map_or(now, |held| held.max(now));
        if until > held {
            grid.allowed.on_hold(until - held);
            grid.paused_until = Some(until);
            // Slots that nobody will use now are given back, but not the last turn's spacing.
            let spaced = grid.had.back().map(|last| *last + grid.interval());
            grid.next = spaced.map_or(until, |spaced| spaced.max(until));
            grid.pauses += 1;
            self.pause.send_replace(Some(until));
        }
    }

    /// The rate now: as wanted, or less after a 429.
    #[must_use]
    pub fn rate(&self) -> Rate {
        Rate(self.grid().allowed.get())
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
        let most = self.wanted.0.ceil() as usize;
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
        Some(Free::Now(grid.allowed.on_turn(now)))
    }

    fn take_slot(&self, now: Instant) -> (Instant, u64) {
        let mut grid = self.grid();
        if grid.paused_until.is_none_or(|until| until <= now) {
            grid.allowed.adjust(now);
        }
        let interval = grid.interval();
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
