//! Lengths of time as people write them: `1 day`, `15m`, `1h 30m`, `P1M`. The grammar is that of
//! [`jiff::Span`]; it is the same in manifests, in the config and on the command line.
//!
//! Calendar lengths (days, weeks, months, years) and exact ones (hours, minutes, seconds) are
//! different things: a civil day has 23 or 25 hours twice a year, `24 hours` never. A length is
//! one or the other, never both.

use std::fmt;
use std::str::FromStr;

use jiff::Span;

use super::show::{LONG, short};

pub(super) const SECONDS_PER_DAY: i64 = 86_400;

/// No length is longer than the years that this program works with: 1970 to 2200.
const MAX_DAYS: i64 = 230 * 366;

/// A step from one window to the next; always positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// So many months and days of a calendar, in a zone.
    Calendar {
        /// Whole months; a year is 12.
        months: i32,
        /// Whole days; a week is 7.
        days: i32,
    },
    /// So many seconds.
    Exact {
        /// The seconds.
        seconds: i64,
    },
}

/// Why a text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EveryError {
    /// Not numbers with units, nor an ISO 8601 duration.
    #[error("`{0}` is not a length of time")]
    Form(String),
    /// A number alone.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// A unit that is not known, or means two things.
    #[error("`{0}` is not a unit of time")]
    Unit(String),
    /// Parts of a unit, or less than a second.
    #[error("`{0}` is not a whole number of its unit")]
    Fraction(String),
    /// Zero or less.
    #[error("`{0}` is not a positive length")]
    NotPositive(String),
    /// Calendar and clock in one.
    #[error("`{0}` mixes calendar days with exact hours")]
    Mixed(String),
    /// Beyond the years that can be worked with.
    #[error("`{0}` is too long")]
    TooLong(String),
    /// Months where an exact length is wanted.
    #[error("`{0}` is not always equally long")]
    NotExact(String),
}

impl EveryError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoUnit(number) => format!("write `{number} seconds`, `{number} minutes`, …"),
            Self::Fraction(text) if is_in_seconds(text) => {
                "windows are whole seconds: the least is `1 second`".to_owned()
            }
            Self::Fraction(_) => "use a smaller unit: `90 minutes`, not `1.5 hours`".to_owned(),
            Self::NotPositive(_) => "the least is `1 second`".to_owned(),
            Self::Mixed(_) => {
                "write only days, weeks and months, or only hours, minutes and seconds".to_owned()
            }
            Self::TooLong(_) => "years beyond 2200 are out of range".to_owned(),
            Self::NotExact(_) => "write days: `31 days`".to_owned(),
            Self::Form(_) | Self::Unit(_) => {
                "write a number and a unit: `15 minutes`, `6 hours`, `1 day`, `1 week`, `1 month`"
                    .to_owned()
            }
        }
    }
}

/// Whether the smallest unit of `text` is a second or less.
fn is_in_seconds(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    lower.contains("sec") || lower.ends_with('s') && units(&lower).any(is_short_second)
}

fn is_short_second(unit: &str) -> bool {
    ["s", "ms", "us", "ns"].contains(&unit)
}

impl Every {
    /// For a step of days alone, how long it is while no clock changes.
    pub(super) fn civil_days_as_seconds(self) -> Option<i64> {
        match self {
            Self::Calendar { months: 0, days } => Some(i64::from(days) * SECONDS_PER_DAY),
            _ => None,
        }
    }
}

impl FromStr for Every {
    type Err = EveryError;

    fn from_str(text: &str) -> Result<Self, EveryError> {
        parse_every(text)
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: i64| if n == 1 { "" } else { "s" };
        match *self {
            Self::Calendar { months, days } => {
                if months != 0 {
                    write!(f, "{months} month{}", plural(months.into()))?;
                }
                if months != 0 && days != 0 {
                    f.write_str(" ")?;
                }
                if days != 0 {
                    write!(f, "{days} day{}", plural(days.into()))?;
                }
                Ok(())
            }
            Self::Exact { seconds } => {
                let (n, unit) = match seconds {
                    s if s % 3600 == 0 => (s / 3600, "hour"),
                    s if s % 60 == 0 => (s / 60, "minute"),
                    s => (s, "second"),
                };
                write!(f, "{n} {unit}{}", plural(n))
            }
        }
    }
}

/// Reads a step: numbers with units (`6 hours`, `1h 30m`), or an ISO 8601 duration (`PT6H`).
///
/// # Errors
/// When it is neither, not positive, or not a whole number of seconds.
pub fn parse_every(text: &str) -> Result<Every, EveryError> {
    if text.len() > LONG {
        return Err(EveryError::Form(short(text).into_owned()));
    }
    let text = text.trim();
    let span = if text.trim_start_matches('-').starts_with(['P', 'p']) {
        has_no_fraction(text)?;
        text.to_ascii_uppercase().parse::<Span>()
    } else {
        is_clear(text)?;
        text.to_ascii_lowercase().parse::<Span>()
    };
    of_span(span.map_err(|_| misread(text))?, text)
}

/// Reads a length that is always the same, in seconds: days are 24 hours, months are refused.
///
/// For limits and delays (`window: { max: 31 days }`, `settleDelay: 5 minutes`), never for steps.
///
/// # Errors
/// As [`parse_every`], and for months and years.
pub fn parse_seconds(text: &str) -> Result<i64, EveryError> {
    match parse_every(text)? {
        Every::Exact { seconds } => Ok(seconds),
        Every::Calendar { months: 0, days } => Ok(i64::from(days) * SECONDS_PER_DAY),
        Every::Calendar { .. } => Err(EveryError::NotExact(text.trim().to_owned())),
    }
}

/// Refuses what the grammar would take, and a reader could take for something else.
fn is_clear(text: &str) -> Result<(), EveryError> {
    let unsigned = text.trim_start_matches(['-', '+']);
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return Err(EveryError::NoUnit(text.to_owned()));
    }
    // Cron's five fields, and a time of day.
    if text.contains(['*', ':']) {
        return Err(EveryError::Form(text.to_owned()));
    }
    has_no_fraction(text)?;
    // To some programs it is a month, to others a minute.
    if let Some(number) = text.strip_suffix('M').map(str::trim)
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'+')
    {
        return Err(EveryError::Unit("M".to_owned()));
    }
    Ok(())
}

fn has_no_fraction(text: &str) -> Result<(), EveryError> {
    let is_fraction = text
        .split(['.', ','])
        .skip(1)
        .any(|after| after.starts_with(|c: char| c.is_ascii_digit()));
    if is_fraction {
        return Err(EveryError::Fraction(text.to_owned()));
    }
    Ok(())
}

/// What is wrong with a text that the grammar does not take.
fn misread(text: &str) -> EveryError {
    let digits = text.split(|c: char| !c.is_ascii_digit()).map(str::len);
    let is_long = digits.max().unwrap_or_default() > 4;
    if text.starts_with('-') {
        return EveryError::NotPositive(text.to_owned());
    }
    let is_words = text.starts_with(|c: char| c.is_ascii_digit() || c == '+');
    let is_known = |unit: &&str| {
        format!("1 {}", unit.to_ascii_lowercase())
            .parse::<Span>()
            .is_ok()
    };
    match units(text).find(|unit| !is_known(unit)) {
        Some(unit) if is_words => EveryError::Unit(unit.to_owned()),
        _ if is_long => EveryError::TooLong(text.to_owned()),
        _ => EveryError::Form(text.to_owned()),
    }
}

/// The words of a text that may be units.
fn units(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphabetic())
        .filter(|unit| !unit.is_empty())
}

fn of_span(span: Span, text: &str) -> Result<Every, EveryError> {
    let text = || text.to_owned();
    if !span.is_positive() {
        return Err(EveryError::NotPositive(text()));
    }
    if span.get_milliseconds() + span.get_microseconds() + span.get_nanoseconds() != 0 {
        return Err(EveryError::Fraction(text()));
    }
    let sum = |parts: &[(i64, i64)]| -> i64 {
        let parts = parts.iter().map(|(n, factor)| n.saturating_mul(*factor));
        parts.fold(0, i64::saturating_add)
    };
    let months = sum(&[(span.get_years().into(), 12), (span.get_months().into(), 1)]);
    let days = sum(&[(span.get_weeks().into(), 7), (span.get_days().into(), 1)]);
    let seconds = sum(&[
        (span.get_hours().into(), 3600),
        (span.get_minutes(), 60),
        (span.get_seconds(), 1),
    ]);
    if seconds != 0 && (months != 0 || days != 0) {
        return Err(EveryError::Mixed(text()));
    }
    if months > MAX_DAYS / 28 || days > MAX_DAYS || seconds > MAX_DAYS * SECONDS_PER_DAY {
        return Err(EveryError::TooLong(text()));
    }
    if seconds != 0 {
        return Ok(Every::Exact { seconds });
    }
    let whole = |n: i64| i32::try_from(n).map_err(|_| EveryError::TooLong(text()));
    Ok(Every::Calendar {
        months: whole(months)?,
        days: whole(days)?,
    })
}

#[cfg(test)]
mod tests;
