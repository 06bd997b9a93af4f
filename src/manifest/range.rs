//! The rules that an entry of `ranges` keeps.
//!
//! Takes the entry as written; gives its windows, less those of `except`, and says what a
//! reviewer would not see of it: a last window that is cut, days that are not 24 hours long.

use jiff::tz::TimeZone;

use super::check::{Checker, EntrySpan};
use super::document::RangeEntry;
use super::fields::{At, Field};
use super::problem::Rule;
use super::show::{show_day, show_hours, show_length, show_time};
use super::steps::{Expanded, Steps};
use super::time::ZonedMoment;
use super::yaml::Span;
use crate::run::{Rerun, UnixSeconds, Window};

impl Checker<'_> {
    pub(super) fn range(&mut self, range: &RangeEntry) {
        let start_time = self.start_time(&range.start_time);
        // Without its zone no time of the range can be told.
        let Some(zone) = &range.timezone.or_default(TimeZone::UTC) else {
            return;
        };
        let (Field::Is(from), Field::Is(to)) = (&range.from, &range.to) else {
            return;
        };
        let Some(whole) = self.ordered(from, to) else {
            return;
        };
        let Field::Is(every) = &range.every else {
            return;
        };
        let steps = Steps {
            from: from.value,
            to: to.value.instant,
            every: every.value,
            zone,
        };
        let Some(expanded) = steps.expand(self.limit()) else {
            return self.too_many(every.span);
        };
        self.shape(&steps, &expanded, every.span, to.span);
        let except = range.except.get().map_or(&[][..], |times| &times.value);
        let windows = self.without(expanded.windows, except, zone);
        if windows.is_empty() {
            let message = "`except` leaves no window of the range";
            let hint = "leave the range away";
            self.problems
                .report(Rule::EmptyRange, range.span, message, hint);
        }
        self.limits(&windows, to.span, every.span);
        let entry = EntrySpan {
            window: whole,
            rerun: Rerun::FIRST,
            span: range.span,
            is_range: true,
        };
        self.add(windows, start_time, &range.rerun, entry);
    }

    /// Tells what a reviewer would not see of a range: a last window that is cut, and days that
    /// are not 24 hours long.
    fn shape(&mut self, steps: &Steps<'_>, expanded: &Expanded, every_span: Span, to_span: Span) {
        let Steps { every, zone, .. } = *steps;
        let mut windows = expanded.windows.as_slice();
        if let (Some(cut), [before @ .., last]) = (expanded.cut, windows) {
            if before.is_empty() {
                let message = format!("{every} is longer than the range, {}", show_length(*last));
                let hint = "for a single window, write it under `runs`";
                return self
                    .problems
                    .report(Rule::EveryTooLong, every_span, message, hint);
            }
            let start = show_time(last.start(), zone);
            let message = format!(
                "the last window is cut: it starts at {start} and is {} long",
                show_length(*last)
            );
            let end = show_time(cut, zone);
            let hint =
                format!("a whole window ends at {end}; end the range at {start} to leave it away");
            self.problems
                .report(Rule::ShortLastWindow, to_span, message, hint);
            windows = before;
        }
        let Some(usual) = every.civil_days_as_seconds() else {
            return;
        };
        let unusual: Vec<_> = windows.iter().filter(|w| w.seconds() != usual).collect();
        if unusual.is_empty() {
            return;
        }
        let show = |window: &&Window| {
            let day = show_day(window.start(), zone);
            format!("{day} has {}", show_hours(**window))
        };
        let mut shown: Vec<_> = unusual.iter().take(4).map(show).collect();
        if unusual.len() > shown.len() {
            shown.push(format!("{} more", unusual.len() - shown.len()));
        }
        let message = format!(
            "the clocks change within {} of {} windows: {}",
            unusual.len(),
            expanded.windows.len(),
            shown.join(", ")
        );
        let hint = "this is right for civil days; `24 hours` steps by exact time";
        self.problems
            .report(Rule::ClockChange, every_span, message, hint);
    }

    /// The windows that do not start at a time of `except`.
    fn without(
        &mut self,
        mut windows: Vec<Window>,
        except: &[At<ZonedMoment>],
        zone: &TimeZone,
    ) -> Vec<Window> {
        let mut left_out: Vec<UnixSeconds> = Vec::with_capacity(except.len());
        for At { value, span } in except {
            let instant = value.instant;
            let after = windows.partition_point(|window| window.start() <= instant);
            let holding = after.checked_sub(1).map(|at| windows[at]);
            if holding.is_some_and(|window| window.start() == instant) {
                left_out.push(instant);
                continue;
            }
            let shown = show_day(instant, zone);
            let message = format!("no window of the range starts at `{shown}`");
            let hint = match holding.filter(|window| instant < window.end()) {
                Some(window) => format!(
                    "the window that holds it starts at {}",
                    show_time(window.start(), zone)
                ),
                None => "it lies outside of the range, in which `to` is exclusive".to_owned(),
            };
            self.problems.report(Rule::Except, *span, message, hint);
        }
        if !left_out.is_empty() {
            left_out.sort_unstable();
            windows.retain(|window| left_out.binary_search(&window.start()).is_err());
        }
        windows
    }
}
