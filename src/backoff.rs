//! How long to wait before something is tried or looked at again: twice as long each time.

use std::time::Duration;

/// The waits of one thing that is tried again.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// The wait that comes now; the one after it is longer.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = self.longest.min(wait * 2);
        wait
    }

    /// Begins anew: something has changed.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_as_long_up_to_the_longest_and_a_change_begins_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let mut waits = || -> Vec<u64> { (0..7).map(|_| backoff.next().as_secs()).collect() };
        assert_eq!(waits(), [1, 2, 4, 8, 16, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.next(), Duration::from_secs(1));
    }
}
