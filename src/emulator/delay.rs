//! A length of time as people write it in a scenario.
//!
//! Takes a number of seconds (`2`, `0.25`) or words (`250 ms`, `5 minutes`); gives a
//! [`Duration`]. Nothing negative, and nothing longer than a year.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

use super::clock::Millis;

const YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How long something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(try_from = "DelayForm")]
pub struct Delay(Duration);

impl Delay {
    /// No time at all.
    pub const NONE: Self = Self(Duration::ZERO);

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

/// A text that is no length of time, or one that is out of range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a time of at most a year: expected seconds, such as 2 or 0.25, or words, such \
     as `250 ms` or `5 minutes`"
)]
pub struct DelayError(String);

/// A delay as it is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum DelayForm {
    Seconds(f64),
    Words(String),
}

impl TryFrom<DelayForm> for Delay {
    type Error = DelayError;

    fn try_from(written: DelayForm) -> Result<Self, DelayError> {
        let (time, text) = match written {
            DelayForm::Seconds(seconds) => (
                Duration::try_from_secs_f64(seconds).ok(),
                seconds.to_string(),
            ),
            DelayForm::Words(words) => {
                let time = words.parse::<SignedDuration>().ok();
                (time.and_then(|time| Duration::try_from(time).ok()), words)
            }
        };
        time.filter(|time| *time <= YEAR)
            .map(Self)
            .ok_or(DelayError(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read_yaml;

    fn read(text: &str) -> Option<u128> {
        read_yaml::<Delay>("delay.yaml", text)
            .ok()
            .map(|delay| delay.duration().as_millis())
    }

    #[test]
    fn a_delay_is_a_number_of_seconds_or_words() {
        assert_eq!(read("2"), Some(2_000));
        assert_eq!(read("0.25"), Some(250));
        assert_eq!(read("250 ms"), Some(250));
        assert_eq!(read("5 minutes"), Some(300_000));
        assert_eq!(read("2s"), Some(2_000));
    }

    #[test]
    fn a_delay_is_neither_negative_nor_endless() {
        for bad in ["-1", "-0.5", "- 1s", "1e300", "99999999999", ".nan", "soon"] {
            assert_eq!(read(bad), None, "{bad} was read");
        }
    }
}
