//! Windows that follow a rule, as entries of `ranges`.
//!
//! Takes windows of one rerun; gives ranges in UTC and the windows that are left for `runs`. A rule
//! is tried by months of the calendar, then by the exact length of the windows. Windows of one rule
//! are one range up to where several in a row are missing; fewer are its exceptions.

use std::collections::BTreeMap;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use crate::run::{UnixSeconds, Window};

/// How many missing windows in a row are exceptions of a range; from more on, another begins.
const EXCEPTIONS_IN_A_ROW: i64 = 2;
/// How many more windows than exceptions a range has: with fewer it is longer than its windows.
const LEAST_GAIN: usize = 3;

/// Windows side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WindowRange {
    pub(super) from: UnixSeconds,
    /// Exclusive.
    pub(super) to: UnixSeconds,
    pub(super) step: Step,
    /// Where windows start that are missing.
    pub(super) except: Vec<UnixSeconds>,
}

/// From one window to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Months of the calendar; the windows start on a day that each month has.
    Months(i64),
    /// Whole minutes.
    Seconds(i64),
}

impl Step {
    /// As `every` has it, in the greatest unit.
    pub(super) fn every(self) -> String {
        let (number, unit) = match self {
            Self::Months(months) if months % 12 == 0 => (months / 12, "year"),
            Self::Months(months) => (months, "month"),
            Self::Seconds(seconds) => {
                let units = [(604_800, "week"), (86_400, "day"), (3_600, "hour")];
                let unit = units.into_iter().find(|(length, _)| seconds % length == 0);
                let (length, unit) = unit.unwrap_or((60, "minute"));
                (seconds / length, unit)
            }
        };
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {unit}{plural}")
    }
}

/// Which windows one rule can make: those of one step whose boundaries meet.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    step: Step,
    /// The first window at or after the beginning of the calendar, or of unix time.
    phase: (i64, Option<(i8, Time)>),
}

/// A window, and its number in its series.
type Nth = (i64, Window);

/// The ranges of `windows`, and what is left, both by their start.
pub(super) fn ranges(windows: &[Window]) -> (Vec<WindowRange>, Vec<Window>) {
    let mut ranges = Vec::new();
    let mut left = windows.to_vec();
    for place in [by_months, by_seconds] {
        let mut series: BTreeMap<Series, Vec<Nth>> = BTreeMap::new();
        let mut irregular = Vec::new();
        left.sort_unstable();
        for window in left {
            match place(window) {
                Some((of, n)) => series.entry(of).or_default().push((n, window)),
                None => irregular.push(window),
            }
        }
        for (Series { step, .. }, windows) in series {
            let is_near = |before: &Nth, next: &Nth| next.0 - before.0 <= EXCEPTIONS_IN_A_ROW + 1;
            for windows in windows.chunk_by(is_near) {
                let range = range(step, windows);
                if windows.len() >= range.except.len() + LEAST_GAIN {
                    ranges.push(range);
                } else {
                    irregular.extend(windows.iter().map(|(_, window)| *window));
                }
            }
        }
        left = irregular;
    }
    ranges.sort_unstable_by_key(|range| (range.from, range.to));
    left.sort_unstable();
    (ranges, left)
}

fn range(step: Step, windows: &[Nth]) -> WindowRange {
    let (first, last) = (windows[0].1, windows[windows.len() - 1].1);
    let mut except = Vec::new();
    for pair in windows.windows(2) {
        let [(before, window), (next, _)] = [pair[0], pair[1]];
        let missing = 0..next - before - 1;
        except.extend(missing.filter_map(|n| start_of_nth(step, window.end(), n)));
    }
    WindowRange {
        from: first.start(),
        to: last.end(),
        step,
        except,
    }
}

/// Where the `n`-th window after `from` starts, the first of them there.
fn start_of_nth(step: Step, from: UnixSeconds, n: i64) -> Option<UnixSeconds> {
    match step {
        Step::Seconds(seconds) => UnixSeconds::new(from.get() + n * seconds).ok(),
        Step::Months(months) => {
            let span = jiff::Span::new().try_months(n * months).ok()?;
            let start = civil(from).checked_add(span).ok()?;
            let start = TimeZone::UTC.to_timestamp(start).ok()?;
            UnixSeconds::new(start.as_second()).ok()
        }
    }
}

fn by_seconds(window: Window) -> Option<(Series, i64)> {
    let seconds = window.seconds();
    let start = window.start().get();
    (seconds % 60 == 0).then(|| {
        let series = Series {
            step: Step::Seconds(seconds),
            phase: (start.rem_euclid(seconds), None),
        };
        (series, start.div_euclid(seconds))
    })
}

fn by_months(window: Window) -> Option<(Series, i64)> {
    let [start, end] = [window.start(), window.end()].map(civil);
    let months = month(end) - month(start);
    // A later day would move in months that do not have it.
    let is_whole =
        months > 0 && start.day() <= 28 && (start.day(), start.time()) == (end.day(), end.time());
    is_whole.then(|| {
        let series = Series {
            step: Step::Months(months),
            phase: (
                month(start).rem_euclid(months),
                Some((start.day(), start.time())),
            ),
        };
        (series, month(start).div_euclid(months))
    })
}

/// Months since the beginning of the calendar.
fn month(at: DateTime) -> i64 {
    i64::from(at.year()) * 12 + i64::from(at.month()) - 1
}

fn civil(at: UnixSeconds) -> DateTime {
    TimeZone::UTC.to_datetime(at.timestamp())
}

/// A time as a person writes it: a date, if it is its midnight in UTC.
pub(super) fn written(at: UnixSeconds) -> String {
    let civil = civil(at);
    if civil.time() == Time::midnight() {
        civil.date().to_string()
    } else {
        at.to_string()
    }
}
