//! Instants: whole seconds since 1970 in UTC, the unit of every time that crosses the wire.
//!
//! Adobe's OpenAPI says milliseconds, its own examples and tutorials are seconds; the name of
//! the type says which one this is.

use std::fmt;
use std::num::NonZeroI64;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a number is not an instant that this program works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a time between 1970-01-01 and 2200-01-01, in unix seconds")]
pub struct TimeError(pub i64);

/// Seconds since 1970-01-01T00:00:00Z, between 1970 and 2200; shown as RFC 3339 in UTC.
///
/// The bound keeps every value shorter than 11 digits, so that milliseconds and the
/// documentation's own 11-digit typo can never be taken for seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct UnixSeconds(
    /// One more than the number of seconds: what is never 0 needs no room to be left out.
    NonZeroI64,
);

impl UnixSeconds {
    /// 2200-01-01T00:00:00Z, the first second out of range.
    const END: i64 = 7_258_118_400;
    /// 1970-01-01T00:00:00Z, the first second in range.
    pub(super) const MIN: Self = Self::stored(0);
    /// The second after that.
    pub(super) const AFTER_MIN: Self = Self::stored(1);
    /// The last second in range: 2199-12-31T23:59:59Z.
    pub const MAX: Self = Self::stored(Self::END - 1);

    const fn stored(seconds: i64) -> Self {
        Self(NonZeroI64::new(seconds + 1).expect("seconds are not negative"))
    }

    /// The instant `seconds` after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// When it lies before 1970 or after 2199.
    pub fn new(seconds: i64) -> Result<Self, TimeError> {
        if (0..Self::END).contains(&seconds) {
            Ok(Self::stored(seconds))
        } else {
            Err(TimeError(seconds))
        }
    }

    /// The instant `seconds` after 1970-01-01T00:00:00Z, or the nearest that is in range.
    #[must_use]
    pub fn clamped(seconds: i64) -> Self {
        Self::stored(seconds.clamp(0, Self::END - 1))
    }

    /// The number of seconds.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0.get() - 1
    }

    /// The same instant as `jiff` has it.
    ///
    /// # Panics
    /// Never: 1970 to 2200 is within its years.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_second(self.get()).expect("1970 to 2200 is within jiff's years")
    }
}

impl TryFrom<i64> for UnixSeconds {
    type Error = TimeError;

    fn try_from(seconds: i64) -> Result<Self, TimeError> {
        Self::new(seconds)
    }
}

impl From<UnixSeconds> for i64 {
    fn from(time: UnixSeconds) -> Self {
        time.get()
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.width() {
            None => self.timestamp().fmt(f),
            Some(_) => f.pad(&self.timestamp().to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_as_rfc_3339_in_utc() {
        let time = UnixSeconds::new(1_651_584_991).expect("in range");
        assert_eq!(time.to_string(), "2022-05-03T13:36:31Z");
    }

    #[test]
    fn milliseconds_and_the_eleven_digit_typo_are_out_of_range() {
        assert!(UnixSeconds::new(1_651_584_991_000).is_err());
        assert!(UnixSeconds::new(16_515_859_567).is_err());
        assert!(UnixSeconds::new(-1).is_err());
    }
}
