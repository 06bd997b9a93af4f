//! How long ago something was, for a process that may have been asleep since.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A moment, by a clock that never goes back and by one that never stands still.
#[derive(Debug, Clone, Copy)]
pub struct SuspendAwareInstant {
    monotonic: Instant,
    wall: Timestamp,
}

impl SuspendAwareInstant {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: Timestamp::now(),
        }
    }

    /// What this process has been through: no clock that was set makes it more.
    #[must_use]
    pub fn elapsed_monotonic(self) -> Duration {
        self.monotonic.elapsed()
    }

    /// What has passed, by the clock that says more: a machine may be suspended, and a clock set.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        let by_the_wall = Timestamp::now().duration_since(self.wall);
        let by_the_wall = Duration::try_from(by_the_wall).unwrap_or_default();
        self.monotonic.elapsed().max(by_the_wall)
    }
}
