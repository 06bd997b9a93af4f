//! How messages show instants and lengths.

use std::borrow::Cow;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::run::{UnixSeconds, Window};

/// Characters beyond which nothing is a time, a length, or a name of a zone.
pub(super) const LONG: usize = 60;

/// A text of a user as a message quotes it: its beginning, if it is long.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONG) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

/// An instant as clocks of `zone` show it, with their offset.
pub(super) fn show_time(instant: UnixSeconds, zone: &TimeZone) -> String {
    let timestamp = instant.timestamp();
    if *zone == TimeZone::UTC {
        return instant.to_string();
    }
    let offset = zone.to_offset(timestamp);
    timestamp.display_with_offset(offset).to_string()
}

/// A day, if the instant is its midnight in `zone`; otherwise as [`show_time`].
pub(super) fn show_day(instant: UnixSeconds, zone: &TimeZone) -> String {
    let civil = zone.to_datetime(instant.timestamp());
    if civil.time() == Time::midnight() {
        civil.date().to_string()
    } else {
        show_time(instant, zone)
    }
}

/// The length of a window, without days: those are what it is compared with.
pub(super) fn show_hours(window: Window) -> String {
    let (hours, rest) = (window.seconds() / 3600, window.seconds() % 3600);
    match rest {
        0 => format!("{hours} h"),
        _ => format!("{hours} h {}", show_seconds(rest)),
    }
}

/// The length of a window.
pub(super) fn show_length(window: Window) -> String {
    show_seconds(window.seconds())
}

/// A length in the greatest units it is whole in.
pub(super) fn show_seconds(seconds: i64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds % 86_400 / 3600, "h"),
        (seconds % 3600 / 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts: Vec<_> = parts
        .iter()
        .filter(|(n, _)| *n != 0)
        .map(|(n, unit)| format!("{n} {unit}"))
        .collect();
    match parts.as_slice() {
        [] => "0 s".to_owned(),
        parts => parts.join(" "),
    }
}
