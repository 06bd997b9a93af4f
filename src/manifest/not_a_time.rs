//! Why a text is not a time, and how times are written.

use jiff::civil::DateTime;

use super::problem::Rule;

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
        /// Why there may be more.
        why: Option<&'static str>,
    },
    #[error("`{0}` has parts of a second; windows are whole seconds")]
    SubSecond(String),
    #[error("`{text}`: there is no hour 24")]
    Hour24 { text: String, meant: String },
    #[error("`{0}`: a leap second has no unix time")]
    LeapSecond(String),
    #[error("`{0}`: every part has two digits, a year four")]
    TwoDigits(String),
    #[error("`{text}`: {part} is out of range")]
    Part {
        text: String,
        part: String,
        hint: String,
    },
    #[error("`{0}` does not end in an offset as RFC 3339 writes it")]
    OffsetForm(String),
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
            Self::Digits { why: Some(why), .. } => (*why).to_owned(),
            Self::SubSecond(_) => "leave the part after the seconds away".to_owned(),
            Self::Hour24 { meant, .. } => format!("the day ends where the next begins: `{meant}`"),
            Self::LeapSecond(_) => "write the second before or after it".to_owned(),
            Self::TwoDigits(_) => "such as `2022-05-03T09:05:00Z`".to_owned(),
            Self::Part { hint, .. } => hint.clone(),
            Self::OutOfRange(_) => "only the years from 1970 to 2199 can be written".to_owned(),
            Self::OffsetForm(_) => {
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
