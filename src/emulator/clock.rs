//! The emulator's one source of time.
//!
//! Gives microseconds since 1970. Everything the service says about time (visibility, a run's
//! life, a token's end, the `Date` header) is computed from a value that came from here, so
//! that a test turns the clock instead of sleeping. Waiting is the server's business, not this.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z, the unit of every time in a run object.
pub(super) type Millis = i64;

/// Where the emulator reads the time.
#[derive(Clone)]
pub(super) struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub(super) fn system() -> Self {
        Self::from_micros(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|since| i64::try_from(since.as_micros()).ok())
                .unwrap_or(0)
        })
    }

    /// A clock that shows what `micros` returns: microseconds since 1970.
    pub(super) fn from_micros(micros: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(micros))
    }

    /// Now, in microseconds since 1970.
    pub(super) fn micros(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.micros())
    }
}
