//! Expands a range to its windows.
//!
//! The n-th boundary is the anchor plus n steps, never the boundary before plus one, so that a
//! range from the 31st by month does not drift to the 28th. Windows are contiguous and never
//! empty, whatever the clocks of the zone do; the last is cut at the range's end. Nothing is
//! materialised that is beyond the caller's limit.

use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::length::Every;
use super::time::{ZonedMoment, first_instant};
use crate::run::{UnixSeconds, Window};

/// From where to where, by what step, on whose clocks.
#[derive(Debug)]
pub(super) struct Steps<'z> {
    pub(super) from: ZonedMoment,
    pub(super) to: UnixSeconds,
    pub(super) every: Every,
    pub(super) zone: &'z TimeZone,
}

/// The windows of a range.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expanded {
    pub(super) windows: Vec<Window>,
    /// Where the last window would have ended, if it was cut.
    pub(super) cut: Option<UnixSeconds>,
}

impl Steps<'_> {
    /// The windows from `from` to `to`; `None` where they are more than `limit`.
    pub(super) fn expand(&self, limit: usize) -> Option<Expanded> {
        let mut windows = Vec::new();
        let (mut start, to) = (self.from.instant, self.to);
        if let Every::Exact { seconds } = self.every {
            let length = to.get().saturating_sub(start.get()).max(0);
            let count = length / seconds + i64::from(length % seconds != 0);
            let count = usize::try_from(count).ok().filter(|&count| count <= limit);
            windows.reserve_exact(count?);
        }
        let mut n = 0;
        while start < to {
            n += 1;
            let boundary = self.boundary(n);
            let end = boundary.map_or(to, |boundary| boundary.min(to));
            // A step can end where it began, if the clocks skipped all of it: Apia had no
            // 2011-12-30. It is then no window, and the next one begins there.
            let Ok(window) = Window::new(start, end) else {
                continue;
            };
            if windows.len() == limit {
                return None;
            }
            windows.push(window);
            start = end;
            if end == to {
                return Some(Expanded {
                    windows,
                    cut: boundary.filter(|&boundary| boundary > to),
                });
            }
        }
        Some(Expanded { windows, cut: None })
    }

    /// The anchor plus `n` steps; `None` beyond the years that can be worked with.
    fn boundary(&self, n: i64) -> Option<UnixSeconds> {
        let seconds = match self.every {
            Every::Exact { seconds } => {
                let passed = seconds.checked_mul(n)?;
                self.from.instant.get().checked_add(passed)?
            }
            Every::Calendar { months, days } => {
                let civil = step(self.from.civil, months, days, n)?;
                first_instant(civil, self.zone)?.as_second()
            }
        };
        UnixSeconds::new(seconds).ok()
    }
}

fn step(from: DateTime, months: i64, days: i64, n: i64) -> Option<DateTime> {
    let span = Span::new()
        .try_months(n.checked_mul(months)?)
        .and_then(|span| span.try_days(n.saturating_mul(days)))
        .ok()?;
    from.checked_add(span).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::length::parse_every;
    use crate::manifest::time::read_time;

    fn expand(from: &str, to: &str, every: &str, zone: &str) -> Expanded {
        let zone = TimeZone::get(zone).expect("a zone");
        let read = |text| read_time(text, &zone).expect("a time");
        Steps {
            from: read(from),
            to: read(to).instant,
            every: parse_every(every).expect("a step"),
            zone: &zone,
        }
        .expand(1_000_000)
        .expect("not too many")
    }

    /// Starts and lengths in hours.
    fn hours(from: &str, to: &str, every: &str, zone: &str) -> Vec<i64> {
        let windows = expand(from, to, every, zone).windows;
        windows
            .iter()
            .map(|window| window.seconds() / 3600)
            .collect()
    }

    #[test]
    fn civil_days_have_23_and_25_hours_when_the_clocks_change() {
        assert_eq!(
            hours("2022-03-26", "2022-03-29", "1 day", "Europe/Madrid"),
            [24, 23, 24]
        );
        assert_eq!(
            hours("2022-10-29", "2022-11-01", "1 day", "Europe/Madrid"),
            [24, 25, 24]
        );
        // Exact hours do not care; the last window is cut at the end of the day.
        assert_eq!(
            hours("2022-03-26", "2022-03-29", "24 hours", "Europe/Madrid"),
            [24, 24, 23]
        );
    }

    #[test]
    fn a_clock_change_of_half_an_hour_is_half_an_hour() {
        let windows = expand("2022-10-01", "2022-10-04", "1 day", "Australia/Lord_Howe").windows;
        let minutes: Vec<_> = windows.iter().map(|w| w.seconds() / 60).collect();
        assert_eq!(minutes, [1440, 1410, 1440]);
    }

    #[test]
    fn a_day_that_did_not_exist_is_no_window() {
        assert_eq!(
            hours("2011-12-28", "2012-01-01", "1 day", "Pacific/Apia"),
            [24, 24, 24]
        );
        assert_eq!(
            hours(
                "2011-12-28T12:00:00",
                "2012-01-01T12:00:00",
                "1 day",
                "Pacific/Apia"
            ),
            [24, 24, 24]
        );
    }

    #[test]
    fn days_start_at_one_where_midnight_is_skipped_and_do_not_stay_there() {
        let windows = expand("2018-11-03", "2018-11-07", "1 day", "America/Sao_Paulo").windows;
        let hours: Vec<_> = windows.iter().map(|w| w.seconds() / 3600).collect();
        assert_eq!(hours, [24, 23, 24, 24]);
        // Also when the range begins on that very day.
        let windows = expand("2018-11-04", "2018-11-06", "1 day", "America/Sao_Paulo").windows;
        let hours: Vec<_> = windows.iter().map(|w| w.seconds() / 3600).collect();
        assert_eq!(hours, [23, 24]);
    }

    #[test]
    fn months_from_the_31st_do_not_drift() {
        let windows = expand("2022-01-31", "2022-06-01", "1 month", "UTC").windows;
        let starts: Vec<_> = windows.iter().map(|w| w.start().to_string()).collect();
        assert_eq!(
            starts.iter().map(|s| &s[..10]).collect::<Vec<_>>(),
            [
                "2022-01-31",
                "2022-02-28",
                "2022-03-31",
                "2022-04-30",
                "2022-05-31"
            ]
        );
    }

    #[test]
    fn the_last_window_is_cut_at_the_end() {
        let expanded = expand("2022-01-01", "2022-01-10", "1 week", "UTC");
        assert_eq!(expanded.windows[1].seconds(), 2 * 86_400);
        assert_eq!(
            expanded.cut.map(|cut| cut.to_string()).as_deref(),
            Some("2022-01-15T00:00:00Z")
        );
        assert_eq!(
            expand("2022-01-01", "2022-01-15", "1 week", "UTC").cut,
            None
        );
    }

    #[test]
    fn a_billion_windows_are_not_made() {
        let zone = TimeZone::UTC;
        let steps = Steps {
            from: read_time("1990-01-01", &zone).expect("a time"),
            to: read_time("2023-01-01", &zone).expect("a time").instant,
            every: parse_every("1 second").expect("a step"),
            zone: &zone,
        };
        assert_eq!(steps.expand(1_000_000), None);
    }

    proptest! {
        #[test]
        fn windows_cover_their_range_without_gap_or_overlap(
            from in 0_i64..4_000_000_000,
            length in 1_i64..200_000_000,
            zone in prop::sample::select(vec![
                "UTC", "Europe/Madrid", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Beirut",
                "America/Sao_Paulo", "Africa/Casablanca", "Antarctica/Troll", "America/Nuuk",
                "Pacific/Kwajalein",
            ]),
            every in prop_oneof![
                (1_i64..40, 0_i64..40).prop_map(|(months, days)| Every::Calendar { months, days }),
                (1_i64..400).prop_map(|days| Every::Calendar { months: 0, days }),
                (1_000_i64..100_000_000).prop_map(|seconds| Every::Exact { seconds }),
            ],
        ) {
            let zone = TimeZone::get(zone).expect("a zone");
            let from = read_time(&format!("{from:010}"), &zone).expect("a time");
            let to = UnixSeconds::new(from.instant.get() + length).expect("in range");
            let steps = Steps { from, to, every, zone: &zone };
            let windows = steps.expand(1_000_000).expect("not too many").windows;
            prop_assert_eq!(windows.first().map(|w| w.start()), Some(from.instant));
            prop_assert_eq!(windows.last().map(|w| w.end()), Some(to));
            for pair in windows.windows(2) {
                prop_assert_eq!(pair[0].end(), pair[1].start());
            }
        }
    }
}
