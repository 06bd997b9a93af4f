//! How many, and how long, in words.

use std::fmt::Display;
use std::time::Duration;

/// `1 run`, `2 runs`.
#[must_use]
pub(crate) fn number(number: usize, what: &str) -> String {
    format!("{number} {what}{}", plural(number))
}

/// The `s` of more than one, or of none.
pub(crate) fn plural(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}

/// `3 created, 1 rejected`.
pub(crate) fn listed<W: Display>(counts: impl IntoIterator<Item = (usize, W)>) -> String {
    let each = counts.into_iter();
    let each: Vec<String> = each
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    each.join(", ")
}

/// `1 h 2 min`, `3 min 20 s`, `12 s`: in whole seconds, and never none.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_millis().div_ceil(1000).max(1);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}
