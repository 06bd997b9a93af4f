//! Why a text is not a time, and what was probably meant.

use jiff::civil::{Date, DateTime};

use super::problem::Rule;
use crate::run::UnixSeconds;

/// Why a text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotATime {
    #[error("`{0}` is not a time")]
    Form(String),
    #[error("`{0}` is a relative time, and those do not exist: what is reviewed is what is sent")]
    Relative(String),
    #[error("`{text}` has {digits} digits; unix seconds have 10")]
    Digits {
        text: String,
        digits: usize,
        /// The instant its first 10 digits are, and why there may be more.
        meant: Option<(UnixSeconds, &'static str)>,
    },
    #[error("`{0}` has parts of a second; windows are whole seconds")]
    SubSecond(String),
    #[error("`{text}`: there is no hour 24")]
    Hour24 { text: String, meant: String },
    #[error("`{0}`: a leap second has no unix time")]
    LeapSecond(String),
    #[error("`{text}`: every part has two digits, a year four")]
    TwoDigits { text: String, meant: Option<String> },
    #[error("`{text}`: {part} is out of range")]
    Part {
        text: String,
        part: String,
        hint: String,
    },
    #[error("`{text}` does not end in an offset as RFC 3339 writes it")]
    OffsetForm { text: String, meant: Option<String> },
    #[error("`{text}` does not exist in {zone}: the clocks went from {from} to {to}")]
    Gap {
        text: String,
        zone: String,
        from: DateTime,
        to: DateTime,
    },
    #[error("`{text}` happened twice in {zone}: the clocks were set back")]
    Fold {
        text: String,
        zone: String,
        earlier: String,
        later: String,
    },
    #[error("`{0}` is before 1970 or after 2199")]
    OutOfRange(String),
}

impl NotATime {
    pub(super) fn rule(&self) -> Rule {
        match self {
            Self::Digits { .. } => Rule::TimeUnit,
            Self::Gap { .. } | Self::Fold { .. } => Rule::CivilTime,
            _ => Rule::Time,
        }
    }

    pub(super) fn hint(&self) -> String {
        match self {
            Self::Digits {
                meant: Some((time, why)),
                ..
            } => format!("{why}; did you mean {}, which is {time}?", time.get()),
            Self::SubSecond(text) => match text.split_once(['.', ',']) {
                Some((whole, rest)) => {
                    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                    format!("did you mean `{whole}{rest}`?")
                }
                None => "leave the part after the seconds away".to_owned(),
            },
            Self::Hour24 { meant, .. } => format!("the day ends where the next begins: `{meant}`"),
            Self::LeapSecond(_) => "write the second before or after it".to_owned(),
            Self::TwoDigits {
                meant: Some(meant), ..
            }
            | Self::OffsetForm {
                meant: Some(meant), ..
            } => format!("did you mean `{meant}`?"),
            Self::TwoDigits { .. } => "such as `2022-05-03T09:05:00Z`".to_owned(),
            Self::Part { hint, .. } => hint.clone(),
            Self::OutOfRange(_) => "only the years from 1970 to 2199 can be written".to_owned(),
            Self::Digits {
                text, digits: 8, ..
            } if is_date(text) => {
                let (year, rest) = text.split_at(4);
                let (month, day) = rest.split_at(2);
                format!("did you mean `{year}-{month}-{day}`?")
            }
            Self::OffsetForm { .. } => {
                "end in `Z` or in something like `+01:00`; a zone's name goes under `timezone` of \
                 a range"
                    .to_owned()
            }
            Self::Gap { to, .. } => {
                format!("the first time after the gap is `{to}`; or write an offset")
            }
            Self::Fold { earlier, later, .. } => {
                format!("say which: `{earlier}` was the first, `{later}` the second")
            }
            Self::Relative(_) | Self::Form(_) | Self::Digits { .. } => {
                "write `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits)".to_owned()
            }
        }
    }
}

/// Whether eight digits are a date without its hyphens.
fn is_date(digits: &str) -> bool {
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|p| p.parse().ok());
    let year = digits.get(..4).and_then(|year| year.parse().ok());
    matches!((year, part(4..6), part(6..8)), (Some(year), Some(month), Some(day))
        if Date::new(year, month, day).is_ok_and(|date| date.year() >= 1970))
}
