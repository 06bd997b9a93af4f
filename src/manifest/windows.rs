//! The rules that windows keep by themselves, and the entries of `runs`.
//!
//! Takes the entries of `runs` and (in `range`) of `ranges`; gives the windows they ask for, and
//! a problem for each rule that is broken. What befalls many windows of a range is one problem
//! with a count.

use jiff::tz::TimeZone;

use super::Rules;
use super::check::{Checker, EntrySpan, MAX_WINDOWS, Wanted};
use super::decode::Text;
use super::document::{Document, RunDocument};
use super::problem::{Problem, Rule};
use super::show::show_seconds;
use super::steps::TooMany;
use super::time::{ZonedMoment, read_time};
use super::yaml::Span;
use super::zone::read_zone;
use crate::run::{Rerun, UnixSeconds, Window};

impl Checker<'_> {
    /// The windows that `runs` and `ranges` ask for.
    pub(super) fn windows(&mut self, document: &Document<'_>) -> (Vec<Wanted>, Vec<EntrySpan>) {
        let (runs, ranges) = (document.runs.as_ref(), document.ranges.as_ref());
        let is_reported = document.is_reported("runs") || document.is_reported("ranges");
        if runs.is_none() && ranges.is_none() && !is_reported {
            let message = "the manifest asks for nothing";
            self.report(Rule::NothingToRun, document.span, message).hint =
                Some("list windows under `runs`, or rules under `ranges`".to_owned());
        }
        let empty_runs = runs.filter(|runs| runs.value.is_empty());
        let empty_ranges = ranges.filter(|ranges| ranges.value.is_empty());
        let empty = [
            empty_runs.map(|runs| ("runs", runs.span)),
            empty_ranges.map(|ranges| ("ranges", ranges.span)),
        ];
        for (field, span) in empty.into_iter().flatten() {
            self.report(Rule::NothingToRun, span, format!("`{field}` is empty"))
                .hint = Some("add an entry, or leave the field away".to_owned());
        }
        let mut wanted = Vec::new();
        let mut stretches = Vec::new();
        // What is left of a million is shared by the flows of a list.
        let before = *self.windows_left;
        let for_each = before / self.flow_count;
        *self.windows_left = for_each;
        for run in runs.map_or(&[][..], |runs| &runs.value) {
            self.run(run, document.allow_future, &mut wanted, &mut stretches);
        }
        for range in ranges.map_or(&[][..], |ranges| &ranges.value) {
            self.range(range, document.allow_future, &mut wanted, &mut stretches);
        }
        *self.windows_left = before - (for_each - *self.windows_left) * self.flow_count;
        (wanted, stretches)
    }

    fn run(
        &mut self,
        run: &RunDocument<'_>,
        allow_future: bool,
        wanted: &mut Vec<Wanted>,
        stretches: &mut Vec<EntrySpan>,
    ) {
        let RunDocument {
            span,
            window_start_time,
            window_end_time,
            start_time,
            rerun,
            broken,
        } = run;
        let utc = &TimeZone::UTC;
        if !broken {
            let times = [
                ("windowStartTime", window_start_time),
                ("windowEndTime", window_end_time),
            ];
            for (field, _) in times.iter().filter(|(_, time)| time.is_none()) {
                self.report(
                    Rule::MissingField,
                    *span,
                    format!("the run has no `{field}`"),
                )
                .hint = Some(format!(
                    "write `{field}: …`: a window has a start and an end"
                ));
            }
        }
        let start = self.time(window_start_time.as_ref(), utc);
        let end = self.time(window_end_time.as_ref(), utc);
        let start_time = self.start_time(start_time.as_ref(), utc);
        let rerun = self.rerun(rerun.as_ref());
        let (Some(start), Some(end), Some(end_text)) = (start, end, window_end_time) else {
            return;
        };
        let Some(window) = self.ordered(start, end, end_text, window_start_time.as_ref()) else {
            return;
        };
        self.limits(&[window], end_text.span, end_text.span, allow_future);
        if *self.windows_left == 0 {
            return self.too_many(*span, TooMany(1));
        }
        *self.windows_left -= 1;
        let span = *span;
        if let Some(rerun) = rerun {
            wanted.push(Wanted {
                window,
                rerun,
                start_time,
                span,
            });
            stretches.push(EntrySpan {
                window,
                rerun,
                span,
                is_range: false,
            });
        }
    }

    /// Windows have passed, and are as long as the config wants them; one problem a rule.
    pub(super) fn limits(
        &mut self,
        windows: &[Window],
        end: Span,
        length: Span,
        allow_future: bool,
    ) {
        let Rules {
            now,
            window_min_seconds: min,
            window_max_seconds: max,
            ..
        } = *self.rules;
        let mut check = |rule, span, what: &str, hint: String, breaks: &dyn Fn(Window) -> bool| {
            let mut breaking = windows.iter().filter(|&&window| breaks(window));
            if let Some(first) = breaking.next() {
                let message = match breaking.count() {
                    0 => format!("the window {first} {what}"),
                    more => format!("the window {first} {what}, and so do {more} after it"),
                };
                self.report(rule, span, message).hint = Some(hint);
            }
        };
        if !allow_future {
            let hint =
                "wait until it has passed, or write `allowFuture: true` beside `flowId`".to_owned();
            check(Rule::FutureWindow, end, "ends in the future", hint, &|w| {
                w.end() > now
            });
        }
        if let Some(min) = min {
            let hint = format!("`limits.window.min` of the config is {}", show_seconds(min));
            let what = "falls short of the least length";
            check(Rule::WindowLength, length, what, hint, &|w| {
                w.seconds() < min
            });
        }
        if let Some(max) = max {
            let hint = format!("`limits.window.max` of the config is {}", show_seconds(max));
            let what = "exceeds the greatest length";
            check(Rule::WindowLength, length, what, hint, &|w| {
                w.seconds() > max
            });
        }
    }

    pub(super) fn ordered(
        &mut self,
        start: ZonedMoment,
        end: ZonedMoment,
        end_text: &Text<'_>,
        start_text: Option<&Text<'_>>,
    ) -> Option<Window> {
        let window = Window::new(start.instant, end.instant);
        if window.is_err() {
            let (message, hint) = if start.instant == end.instant {
                (
                    "the window is empty: it ends where it starts",
                    "the end is exclusive: a whole day ends where the next one starts",
                )
            } else {
                ("the end lies before the start", "are the two swapped?")
            };
            let mut problem =
                Problem::new(Rule::WindowOrder, self.file, end_text.span, message).hint(hint);
            problem = problem.label(format!("{}", end.instant));
            if let Some(text) = start_text {
                problem = problem.related(self.file, text.span, format!("{}", start.instant));
            }
            self.problems.push(problem);
        }
        window.ok()
    }

    pub(super) fn time(&mut self, text: Option<&Text<'_>>, zone: &TimeZone) -> Option<ZonedMoment> {
        let text = text?;
        match read_time(&text.value, zone) {
            Ok(moment) => Some(moment),
            Err(error) => {
                self.report(error.rule(), text.span, format!("{error}"))
                    .hint = Some(error.hint());
                None
            }
        }
    }

    /// When runs are to begin. What has passed by now is sent as the present second.
    pub(super) fn start_time(
        &mut self,
        text: Option<&Text<'_>>,
        zone: &TimeZone,
    ) -> Option<UnixSeconds> {
        let instant = self.time(text, zone)?.instant;
        if instant < self.rules.now {
            let span = text?.span;
            let message = format!(
                "the `startTime` {instant} has passed: what is not sent yet begins when it is sent"
            );
            self.report(Rule::StartTimePassed, span, message).hint =
                Some("leave it away, or write a time that lies ahead".to_owned());
        }
        Some(instant)
    }

    pub(super) fn zone(&mut self, text: Option<&Text<'_>>) -> Option<TimeZone> {
        let Some(text) = text else {
            return Some(TimeZone::UTC);
        };
        match read_zone(&text.value) {
            Ok(zone) => Some(zone),
            Err(error) => {
                // The nearest name is looked for among hundreds.
                let hint = (!self.problems.is_full()).then(|| error.hint());
                self.report(Rule::Zone, text.span, format!("{error}")).hint = hint;
                None
            }
        }
    }

    pub(super) fn rerun(&mut self, text: Option<&Text<'_>>) -> Option<Rerun> {
        let Some(text) = text else {
            return Some(Rerun::FIRST);
        };
        let rerun = text.value.parse().ok().and_then(Rerun::new);
        if rerun.is_none() {
            let message = format!("`{}` is not a whole number from 1", text.value);
            self.report(Rule::Rerun, text.span, message).hint =
                Some("2 runs the windows a second time; 1 is the default".to_owned());
        }
        rerun
    }

    pub(super) fn too_many(&mut self, span: Span, TooMany(count): TooMany) {
        let message = if count > 1 {
            let of_each = match self.flow_count {
                1 => String::new(),
                flows => format!(" for each of {flows} flows"),
            };
            format!(
                "the range has {count} windows or more{of_each}; all manifests together may have \
                 {MAX_WINDOWS}"
            )
        } else {
            format!("all manifests together ask for more than {MAX_WINDOWS} windows")
        };
        self.report(Rule::TooManyWindows, span, message).hint =
            Some("write longer windows, or apply the manifests in parts".to_owned());
    }
}
