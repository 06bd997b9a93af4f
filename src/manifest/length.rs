//! The two ways a length of time is written: in words, and as an ISO 8601 duration.

use super::every::{Every, EveryError, SECONDS_PER_DAY};

/// No length is longer than the years that this program works with: 1970 to 2200.
const MAX_DAYS: i64 = 230 * 366;

/// The parts of a length, added up.
#[derive(Default)]
pub(super) struct Sum {
    months: i64,
    days: i64,
    seconds: i64,
}

impl Sum {
    pub(super) fn into_every(self, text: &str) -> Result<Every, EveryError> {
        let Self {
            months,
            days,
            seconds,
        } = self;
        if months == 0 && days == 0 && seconds == 0 {
            return Err(EveryError::NotPositive(text.to_owned()));
        }
        if seconds != 0 && (months != 0 || days != 0) {
            return Err(EveryError::Mixed(text.to_owned()));
        }
        let too_long = || EveryError::TooLong(text.to_owned());
        if months > MAX_DAYS / 28 || days > MAX_DAYS || seconds > MAX_DAYS * SECONDS_PER_DAY {
            return Err(too_long());
        }
        if seconds != 0 {
            return Ok(Every::Exact { seconds });
        }
        Ok(Every::Calendar {
            months: i32::try_from(months).map_err(|_| too_long())?,
            days: i32::try_from(days).map_err(|_| too_long())?,
        })
    }

    fn add(&mut self, n: i64, unit: Unit) {
        let (sum, factor) = match unit {
            Unit::Months(factor) => (&mut self.months, factor),
            Unit::Days(factor) => (&mut self.days, factor),
            Unit::Seconds(factor) => (&mut self.seconds, factor),
        };
        *sum = sum.saturating_add(n.saturating_mul(factor));
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Months(i64),
    Days(i64),
    Seconds(i64),
}

/// Reads a number and a unit: `6 hours`.
pub(super) fn words(text: &str) -> Result<Sum, EveryError> {
    let (number, unit) = match text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+')) {
        Some(at) => (&text[..at], text[at..].trim_start()),
        None if text.is_empty() => return Err(EveryError::Form(text.to_owned())),
        None => return Err(EveryError::NoUnit(text.to_owned())),
    };
    // Cron's five fields begin as a number does.
    if text.contains('*') {
        return Err(EveryError::Form(text.to_owned()));
    }
    if number.is_empty() {
        let meant = match text.to_ascii_lowercase().as_str() {
            "secondly" | "second" => "`1 second`",
            "minutely" | "minute" => "`1 minute`",
            "hourly" | "hour" => "`1 hour`",
            "daily" | "day" => "`1 day`",
            "weekly" | "week" => "`1 week`",
            "monthly" | "month" => "`1 month`",
            "yearly" | "year" => "`1 year`",
            _ => return Err(EveryError::Form(text.to_owned())),
        };
        return Err(EveryError::Unit {
            unit: text.to_owned(),
            meant: Some(meant.to_owned()),
        });
    }
    if number.contains('.') {
        return Err(EveryError::Fraction(text.to_owned()));
    }
    let lower = unit.to_ascii_lowercase();
    let unit = match lower.strip_suffix('s').unwrap_or(&lower) {
        "second" => Unit::Seconds(1),
        "minute" => Unit::Seconds(60),
        "hour" => Unit::Seconds(3600),
        "day" => Unit::Days(1),
        "week" => Unit::Days(7),
        "month" => Unit::Months(1),
        "year" => Unit::Months(12),
        "millisecond" | "microsecond" | "nanosecond" => {
            return Err(EveryError::Fraction(text.to_owned()));
        }
        "m" if lower == "ms" => return Err(EveryError::Fraction(text.to_owned())),
        other => {
            let meant = match other {
                "" | "sec" => &["second"][..],
                "m" => &["minute", "month"],
                "min" => &["minute"],
                "h" | "hr" => &["hour"],
                "d" => &["day"],
                "w" | "wk" => &["week"],
                "mo" | "mon" => &["month"],
                "y" | "yr" => &["year"],
                _ => &[],
            };
            let plural = if number == "1" { "" } else { "s" };
            let meant: Vec<String> = meant
                .iter()
                .map(|unit| format!("`{number} {unit}{plural}`"))
                .collect();
            return Err(EveryError::Unit {
                unit: unit.to_owned(),
                meant: (!meant.is_empty()).then(|| meant.join(", or ")),
            });
        }
    };
    let n = match number.parse::<i64>() {
        Ok(n) if n > 0 => n,
        Ok(_) => return Err(EveryError::NotPositive(text.to_owned())),
        Err(error) => {
            use std::num::IntErrorKind::{NegOverflow, PosOverflow};
            return Err(match error.kind() {
                PosOverflow => EveryError::TooLong(text.to_owned()),
                NegOverflow => EveryError::NotPositive(text.to_owned()),
                _ => EveryError::Form(text.to_owned()),
            });
        }
    };
    let mut sum = Sum::default();
    sum.add(n, unit);
    Ok(sum)
}

/// Reads an ISO 8601 duration: `PT6H`.
pub(super) fn iso(text: &str) -> Result<Sum, EveryError> {
    let form = || EveryError::Form(text.to_owned());
    if text.starts_with('-') {
        return Err(EveryError::NotPositive(text.to_owned()));
    }
    let mut sum = Sum::default();
    // Designators stand in this order, each at most once.
    let mut designators = "YMWD".chars();
    let mut in_time = false;
    let mut digits = String::new();
    let mut parts = 0;
    for c in text.chars().skip(1) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if matches!(c, '.' | ',') {
            return Err(EveryError::Fraction(text.to_owned()));
        }
        let c = c.to_ascii_uppercase();
        if c == 'T' {
            // `P1T2M`: what stands before the T has no designator.
            if in_time || !digits.is_empty() {
                return Err(form());
            }
            in_time = true;
            designators = "HMS".chars();
            parts = 0;
            continue;
        }
        if !designators.any(|designator| designator == c) {
            return Err(form());
        }
        let unit = match (c, in_time) {
            ('Y', false) => Unit::Months(12),
            ('M', false) => Unit::Months(1),
            ('W', false) => Unit::Days(7),
            ('D', false) => Unit::Days(1),
            ('H', true) => Unit::Seconds(3600),
            ('M', true) => Unit::Seconds(60),
            ('S', true) => Unit::Seconds(1),
            _ => return Err(form()),
        };
        let n = match digits.as_str() {
            "" => return Err(form()),
            digits => digits
                .parse()
                .map_err(|_| EveryError::TooLong(text.to_owned()))?,
        };
        sum.add(n, unit);
        digits.clear();
        parts += 1;
    }
    if parts == 0 || !digits.is_empty() {
        return Err(form());
    }
    Ok(sum)
}
