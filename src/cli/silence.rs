//! When a line is due although nothing happens: systems for CI end jobs that are silent, and a person
//! should not have to ask whether a command still lives.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;

/// The first line is due after this, each further one after twice the time, up to the other.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// The time since the last line.
#[derive(Debug)]
pub(crate) struct Silence {
    ends: Instant,
    lengths: Backoff,
}

impl Silence {
    /// A silence that begins now: a line was written for what happened.
    pub(crate) fn new() -> Self {
        let mut lengths = Backoff::new(FIRST, LONGEST);
        Self {
            ends: Instant::now() + lengths.next(),
            lengths,
        }
    }

    /// When a line is due.
    pub(crate) fn ends(&self) -> Instant {
        self.ends
    }

    /// Whether a line is due; if so, the next one is due later.
    pub(crate) fn is_over(&mut self) -> bool {
        let is_over = Instant::now() >= self.ends;
        if is_over {
            self.ends = Instant::now() + self.lengths.next();
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lines_are_due_after_a_minute_and_then_ever_less_often() {
        let start = Instant::now();
        let mut silence = Silence::new();
        let mut due = Vec::new();
        while due.len() < 5 {
            tokio::time::sleep_until(silence.ends()).await;
            assert!(silence.is_over());
            assert!(!silence.is_over(), "one line");
            due.push(start.elapsed().as_secs() / 60);
        }
        assert_eq!(due, [1, 3, 7, 12, 17]);
    }
}
