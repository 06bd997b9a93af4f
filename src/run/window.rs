//! The window of a run: half-open, never empty.

use std::fmt;

use serde::Serialize;

use super::UnixSeconds;

/// Why two instants do not make a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the window's start {start} is not before its end {end}")]
pub struct WindowError {
    /// The start that was given.
    pub start: UnixSeconds,
    /// The end that was given, exclusive.
    pub end: UnixSeconds,
}

/// `[start, end)` in UTC seconds: `windowStartTime` and `windowEndTime` on the wire.
///
/// Whether the service takes the end as exclusive is not documented; windows made contiguous
/// as `[a, b)`, `[b, c)` lose nothing either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "WindowFields"))]
#[serde(into = "WindowFields")]
pub struct Window {
    start: UnixSeconds,
    end: UnixSeconds,
}

/// A window in JSON documents: in unix seconds for programs, in words for people.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "they are the names of the API")]
struct WindowFields {
    window_start_time: i64,
    window_start: String,
    window_end_time: i64,
    window_end: String,
}

impl From<Window> for WindowFields {
    fn from(Window { start, end }: Window) -> Self {
        Self {
            window_start_time: start.get(),
            window_start: start.to_string(),
            window_end_time: end.get(),
            window_end: end.to_string(),
        }
    }
}

impl Window {
    /// The first second of 1970: no window sorts before it.
    pub(crate) const FIRST: Self = Self {
        start: UnixSeconds::MIN,
        end: UnixSeconds::AFTER_MIN,
    };

    /// The window from `start` up to, but without, `end`.
    ///
    /// # Errors
    /// When `start` is not before `end`.
    pub fn new(start: UnixSeconds, end: UnixSeconds) -> Result<Self, WindowError> {
        if start < end {
            Ok(Self { start, end })
        } else {
            Err(WindowError { start, end })
        }
    }

    /// From the first start to the last end of `windows`; `None` where there are none.
    pub(crate) fn hull(windows: impl IntoIterator<Item = Self>) -> Option<Self> {
        windows.into_iter().reduce(|a, b| Self {
            start: a.start.min(b.start),
            end: a.end.max(b.end),
        })
    }

    /// The first second.
    #[must_use]
    pub fn start(self) -> UnixSeconds {
        self.start
    }

    /// The first second after it.
    #[must_use]
    pub fn end(self) -> UnixSeconds {
        self.end
    }

    /// Its length in seconds, at least 1.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.end.get() - self.start.get()
    }

    /// Whether some second lies in both; touching ends do not overlap.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: i64, end: i64) -> Window {
        let at = |s| UnixSeconds::new(s).expect("in range");
        Window::new(at(start), at(end)).expect("start before end")
    }

    #[test]
    fn an_empty_or_reversed_window_cannot_be_made() {
        let at = |s| UnixSeconds::new(s).expect("in range");
        assert!(Window::new(at(10), at(10)).is_err());
        assert!(Window::new(at(11), at(10)).is_err());
    }

    #[test]
    fn windows_that_touch_do_not_overlap() {
        assert!(!window(0, 10).overlaps(window(10, 20)));
        assert!(window(0, 10).overlaps(window(9, 20)));
        assert!(window(0, 10).overlaps(window(2, 3)));
        assert!(!window(10, 20).overlaps(window(0, 10)));
    }
}
