//! A length of time as people write it in a scenario.
//!
//! Takes a number of seconds (`2`, `0.25`) or words (`250 ms`, `5 minutes`); gives a
//! [`Duration`]. Nothing negative, and nothing longer than a year.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

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

impl TryFrom<DelayForm> for Delay {
    type Error = DelayError;

    fn try_from(written: DelayForm) -> Result<Self, DelayError> {
        let time = match &written {
            DelayForm::Seconds(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
            DelayForm::Words(words) => words
                .parse::<SignedDuration>()
                .ok()
                .and_then(|time| Duration::try_from(time).ok()),
        };
        time.filter(|time| *time <= YEAR)
            .map(Self)
            .ok_or_else(|| DelayError(written.to_string()))
    }
}

/// A delay as it is written.
enum DelayForm {
    Seconds(f64),
    Words(String),
}

impl fmt::Display for DelayForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => seconds.fmt(f),
            Self::Words(words) => words.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for DelayForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DelayVisitor)
    }
}

struct DelayVisitor;

impl Visitor<'_> for DelayVisitor {
    type Value = DelayForm;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds, such as 2 or 0.25, or words, such as `250 ms` or `5 minutes`")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<DelayForm, E> {
        self.visit_f64(u32::try_from(seconds).map_or(f64::INFINITY, f64::from))
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<DelayForm, E> {
        match u64::try_from(seconds) {
            Ok(seconds) => self.visit_u64(seconds),
            Err(_) => self.visit_str(&seconds.to_string()),
        }
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<DelayForm, E> {
        Ok(DelayForm::Seconds(seconds))
    }

    fn visit_str<E: de::Error>(self, words: &str) -> Result<DelayForm, E> {
        Ok(DelayForm::Words(words.to_owned()))
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
