//! Windows that follow a rule, as entries of `ranges`: the fewest lines that ask for just these.
//!
//! Takes windows of one rerun; gives ranges in UTC and the windows that are left for `runs`. A rule
//! is tried by months of the calendar, then by the exact length of the windows. Of windows with one
//! rule it is the number of lines that decides what is a range, where one ends, and which missing
//! windows are its exceptions.

use std::collections::BTreeMap;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use crate::run::{UnixSeconds, Window};

/// Lines of a range: `from`, `to`, `every`, and its share of a reader's attention.
const RANGE: i64 = 5;
/// Lines of a window by itself; an exception costs as much, so that they stay rare.
const RUN: i64 = 2;
const EXCEPTION: i64 = 2;

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

/// A window, and the how-manieth of its series it is.
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
            for stretch in stretches(&windows) {
                match stretch {
                    [(_, window)] => irregular.push(*window),
                    stretch => ranges.push(range(step, stretch)),
                }
            }
        }
        left = irregular;
    }
    ranges.sort_unstable_by_key(|range| (range.from, range.to));
    left.sort_unstable();
    (ranges, left)
}

/// Cuts windows of a series into those of a range each, and those by themselves: as few lines as
/// can be.
fn stretches(windows: &[Nth]) -> Vec<&[Nth]> {
    // For each window, the least that it and those before it cost, if it is in a range, and at all;
    // and whether it goes on with the range of the one before it.
    let mut best: Vec<Least> = Vec::with_capacity(windows.len());
    for (at, (n, _)) in windows.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| (best[at], windows[at].0));
        let all = before.map_or(0, |(before, _)| before.in_range.min(before.alone));
        let goes_on = before.map(|(before, last)| {
            let missing = (n - last - 1).saturating_mul(EXCEPTION);
            before.in_range.saturating_add(missing)
        });
        let begins = all + RANGE;
        best.push(Least {
            in_range: goes_on.map_or(begins, |goes_on| goes_on.min(begins)),
            alone: all + RUN,
            goes_on: goes_on.is_some_and(|goes_on| goes_on <= begins),
        });
    }
    let mut stretches = Vec::new();
    let mut end = windows.len();
    while let Some(mut start) = end.checked_sub(1) {
        if best[start].in_range < best[start].alone {
            while best[start].goes_on {
                start -= 1;
            }
        }
        stretches.push(&windows[start..end]);
        end = start;
    }
    stretches
}

#[derive(Debug, Clone, Copy)]
struct Least {
    in_range: i64,
    alone: i64,
    goes_on: bool,
}

fn range(step: Step, stretch: &[Nth]) -> WindowRange {
    let (first, last) = (stretch[0].1, stretch[stretch.len() - 1].1);
    let mut except = Vec::new();
    for pair in stretch.windows(2) {
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
