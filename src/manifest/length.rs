//! Lengths of time as people write them: `1 day`, `15m`, `1h 30m`, `P1M`. The grammar is that of
//! [`jiff::Span`]; it is the same in manifests, in the config and on the command line.
//!
//! Calendar lengths (days, weeks, months, years) and exact ones (hours, minutes, seconds) are
//! different things: a civil day has 23 or 25 hours twice a year, `24 hours` never. A length is
//! one or the other, never both.

use std::fmt;

use jiff::Span;
use serde_json::{Value as Json, json};

use super::problem::{Misread, Rule};
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
        months: i64,
        /// Whole days; a week is 7.
        days: i64,
    },
    /// So many seconds.
    Exact {
        /// The seconds.
        seconds: i64,
    },
}

/// How to write one.
pub(super) const HINT: &str =
    "write a number and a unit: `15 minutes`, `6 hours`, `1 day`, `1 week`, `1 month`";

/// What `every` may look like: numbers with words, or an ISO 8601 duration, in any case.
pub(super) fn schema() -> Json {
    let words = r"\+?(?:[0-9]+\s*[A-Za-z]+(?:\s*,\s+|\s*))+";
    json!({
        "type": "string",
        "pattern": format!(r"^\s*(?:{words}|[Pp][0-9A-Za-z]*[0-9][A-Za-z])\s*$"),
        "patternErrorMessage":
            "A length of time is a number and a unit: `15 minutes`, `6 hours`, `1 day`, `1 month`.",
        "examples": ["1 day", "6 hours", "15 minutes", "1 week", "1 month", "PT6H"],
    })
}

impl Every {
    /// For a step of days alone, how long it is while no clock changes.
    pub(super) fn civil_days_as_seconds(self) -> Option<i64> {
        match self {
            Self::Calendar { months: 0, days } => Some(days * SECONDS_PER_DAY),
            _ => None,
        }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: i64| if n == 1 { "" } else { "s" };
        match *self {
            Self::Calendar { months, days } => {
                if months != 0 {
                    write!(f, "{months} month{}", plural(months))?;
                }
                if months != 0 && days != 0 {
                    f.write_str(" ")?;
                }
                if days != 0 {
                    write!(f, "{days} day{}", plural(days))?;
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
pub fn parse_every(text: &str) -> Result<Every, Misread> {
    let text = text.trim();
    let span = parse(text).map_err(|(what, hint)| wrong(text, what, hint))?;
    step_of(span).map_err(|(what, hint)| wrong(text, what, hint))
}

/// Reads a length that is always the same, in seconds: days are 24 hours, months are refused.
///
/// For limits and delays (`window: { max: 31 days }`, `settleDelay: 5 minutes`), never for steps.
///
/// # Errors
/// As [`parse_every`], and for months and years.
pub fn parse_seconds(text: &str) -> Result<i64, Misread> {
    match parse_every(text)? {
        Every::Exact { seconds } => Ok(seconds),
        Every::Calendar { months: 0, days } => Ok(days * SECONDS_PER_DAY),
        Every::Calendar { .. } => {
            let what = "is not always equally long";
            Err(wrong(text.trim(), what, "write days: `31 days`"))
        }
    }
}

fn wrong(text: &str, what: &str, hint: &'static str) -> Misread {
    Misread::new(Rule::Every, format!("`{}` {what}", short(text)), hint)
}

/// What is wrong, and what helps.
type Wrong = (&'static str, &'static str);

const NO_LENGTH: Wrong = ("is not a length of time", HINT);
const TOO_LONG: Wrong = ("is too long", "years beyond 2200 are out of range");
const NOT_WHOLE: Wrong = (
    "is not a whole number of its unit",
    "use a smaller unit: `90 minutes`, not `1.5 hours`; the least is `1 second`",
);

/// Reads what the grammar takes, and no reader can take for something else.
fn parse(text: &str) -> Result<Span, Wrong> {
    let is_digit = |b: u8| b.is_ascii_digit();
    let after_points = text.split(['.', ',']).skip(1);
    // The times of day and the fields of cron have other meanings.
    if text.len() > LONG || text.contains([':', '*']) {
        return Err(NO_LENGTH);
    }
    if after_points
        .into_iter()
        .any(|after| after.bytes().next().is_some_and(is_digit))
    {
        return Err(NOT_WHOLE);
    }
    if text.trim_start_matches('-').starts_with(['P', 'p']) {
        return text.to_ascii_uppercase().parse().map_err(|_| NO_LENGTH);
    }
    let number = text.trim_start_matches(['-', '+']);
    if !number.is_empty() && number.bytes().all(is_digit) {
        return Err(("has no unit", HINT));
    }
    if let Some(number) = number.strip_suffix('M')
        && number.trim_end().bytes().all(is_digit)
    {
        let hint = "`M` is a month to some and a minute to others: write `minutes` or `months`";
        return Err(("has a unit of two meanings", hint));
    }
    text.to_ascii_lowercase().parse().map_err(|_| NO_LENGTH)
}

fn step_of(span: Span) -> Result<Every, Wrong> {
    if !span.is_positive() {
        return Err(("is not a positive length", "the least is `1 second`"));
    }
    if span.get_milliseconds() + span.get_microseconds() + span.get_nanoseconds() != 0 {
        return Err(NOT_WHOLE);
    }
    let months = i64::from(span.get_years()) * 12 + i64::from(span.get_months());
    let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
    let minutes = i64::from(span.get_hours()) * 60 + span.get_minutes();
    let seconds = minutes * 60 + span.get_seconds();
    if seconds != 0 && (months != 0 || days != 0) {
        let hint = "write only days, weeks and months, or only hours, minutes and seconds";
        return Err(("mixes calendar days with exact hours", hint));
    }
    if months > MAX_DAYS / 28 || days > MAX_DAYS || seconds > MAX_DAYS * SECONDS_PER_DAY {
        return Err(TOO_LONG);
    }
    Ok(match seconds {
        0 => Every::Calendar { months, days },
        seconds => Every::Exact { seconds },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn days(days: i64) -> Every {
        Every::Calendar { months: 0, days }
    }

    const fn months(months: i64) -> Every {
        Every::Calendar { months, days: 0 }
    }

    const fn exact(seconds: i64) -> Every {
        Every::Exact { seconds }
    }

    #[test]
    fn words_and_iso_durations_are_read() {
        for (text, every) in [
            ("1 day", days(1)),
            ("15 minutes", exact(900)),
            ("6 hours", exact(21_600)),
            ("24 hours", exact(86_400)),
            ("1 week", days(7)),
            ("1 month", months(1)),
            ("2 Years", months(24)),
            ("90 seconds", exact(90)),
            ("1day", days(1)),
            ("P1D", days(1)),
            ("P1W", days(7)),
            ("P1Y6M", months(18)),
            ("PT6H", exact(21_600)),
            ("PT1H30M", exact(5400)),
            ("PT15M", exact(900)),
            ("P1M1D", Every::Calendar { months: 1, days: 1 }),
            ("1d", days(1)),
            ("15m", exact(900)),
            ("6H", exact(21_600)),
            ("1h 30m", exact(5400)),
            ("1 hour, 30 minutes", exact(5400)),
            ("2wk", days(14)),
            ("1mo", months(1)),
            ("+1 week", days(7)),
        ] {
            assert_eq!(parse_every(text).ok(), Some(every), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_positive_whole_length_is_refused() {
        for (what, texts) in [
            (
                "is not a positive length",
                &["0 days", "-1 day", "PT0S", "-P1D", "P0D"][..],
            ),
            (
                "is not a whole number of its unit",
                &["0.5 seconds", "1.5 hours", "PT0.5S", "100 milliseconds"],
            ),
            ("mixes calendar days with exact hours", &["P1DT6H"]),
            ("is too long", &["1000 years", "99999 days"]),
            ("has no unit", &["900", "-900"]),
            ("has a unit of two meanings", &["15M", "15 M", "+1M"]),
            (
                "is not a length of time",
                &[
                    "",
                    "often",
                    "daily",
                    "1 dya",
                    "P",
                    "PT",
                    "P1",
                    "P1H",
                    "PT1D",
                    "P1DT",
                    "PTT1H",
                    "P1M1M",
                    "1-2 days",
                    "01:30",
                    "1h 00:30:00",
                    "0 * * * *",
                    "1m 1h",
                    "9999999999 days",
                ],
            ),
        ] {
            for text in texts {
                let error = parse_every(text).expect_err(text);
                assert_eq!(error.to_string(), format!("`{text}` {what}"));
            }
        }
    }

    #[test]
    fn a_limit_in_days_is_exact_and_one_in_months_is_refused() {
        assert_eq!(parse_seconds("31 days").ok(), Some(2_678_400));
        assert_eq!(parse_seconds("5 minutes").ok(), Some(300));
        let error = parse_seconds("1 month").expect_err("not exact");
        assert_eq!(error.to_string(), "`1 month` is not always equally long");
    }

    #[test]
    fn a_step_shows_as_it_could_be_written() {
        for text in ["1 day", "15 minutes", "6 hours", "1 month", "90 seconds"] {
            let every = parse_every(text).expect(text);
            assert_eq!(parse_every(&every.to_string()).ok(), Some(every));
        }
        assert_eq!(exact(90).to_string(), "90 seconds");
        assert_eq!(months(2).to_string(), "2 months");
    }
}
