//! A length of time as people write it in a scenario: a number of seconds, `2` or `0.25`.

use std::time::{Duration, TryFromFloatSecsError};

use serde::Deserialize;

use super::clock::Millis;

/// How long something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(try_from = "f64")]
pub struct Delay(Duration);

impl Delay {
    /// `millis` milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// The time as a [`Duration`].
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    pub(super) fn millis(self) -> Millis {
        Millis::try_from(self.0.as_millis()).unwrap_or(Millis::MAX)
    }
}

impl TryFrom<f64> for Delay {
    type Error = TryFromFloatSecsError;

    fn try_from(seconds: f64) -> Result<Self, TryFromFloatSecsError> {
        Duration::try_from_secs_f64(seconds).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read_yaml;

    #[test]
    fn a_delay_is_a_number_of_seconds_and_not_negative() {
        let read = |text| read_yaml::<Delay>("delay.yaml", text).ok();
        assert_eq!(read("2"), Some(Delay::from_millis(2_000)));
        assert_eq!(read("0.25"), Some(Delay::from_millis(250)));
        for bad in ["-1", "-0.5", "1e300", ".nan", "soon"] {
            assert_eq!(read(bad), None, "{bad} was read");
        }
    }
}
