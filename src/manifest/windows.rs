//! The rules that windows keep by themselves, and the entries of `runs`.
//!
//! Takes the entries of `runs` and (in `range`) of `ranges`; gives the windows they ask for, and
//! a problem for each rule that is broken. What befalls many windows of a range is one problem
//! with a count.

use super::Rules;
use super::check::{Checker, EntrySpan, MAX_WINDOWS, Wanted};
use super::document::RunEntry;
use super::fields::{At, Field};
use super::problem::{Problem, Rule};
use super::show::show_seconds;
use super::time::ZonedMoment;
use super::yaml::Span;
use crate::run::{Rerun, UnixSeconds, Window};

impl Checker<'_> {
    /// The windows that `runs` and `ranges` ask for.
    pub(super) fn windows(&mut self) {
        let document = self.document;
        if document.runs.is_absent() && document.ranges.is_absent() {
            self.problems.report(
                Rule::NothingToRun,
                document.span,
                "the manifest asks for nothing",
                "list windows under `runs`, or rules under `ranges`",
            );
        }
        for run in document.run_entries() {
            self.run(run);
        }
        for range in document.range_entries() {
            self.range(range);
        }
    }

    fn run(&mut self, run: &RunEntry) {
        let start_time = self.start_time(&run.start_time);
        let (Field::Is(start), Field::Is(end)) = (&run.window_start_time, &run.window_end_time)
        else {
            return;
        };
        let Some(window) = self.ordered(start, end) else {
            return;
        };
        self.limits(&[window], end.span, end.span);
        if self.limit() == 0 {
            return self.too_many(run.span);
        }
        let entry = EntrySpan {
            window,
            rerun: Rerun::FIRST,
            span: run.span,
            is_range: false,
        };
        self.add([window].to_vec(), start_time, &run.rerun, entry);
    }

    /// How many windows an entry may have: each of the document's flows wants all of them.
    pub(super) fn limit(&self) -> usize {
        *self.windows_left / self.flow_count()
    }

    fn flow_count(&self) -> usize {
        let flows = self.document.flows.get();
        flows.map_or(1, |flows| flows.value.len())
    }

    /// Adds the windows of an entry, which are no more than its limit.
    pub(super) fn add(
        &mut self,
        windows: Vec<Window>,
        start_time: Option<UnixSeconds>,
        rerun: &Field<Rerun>,
        entry: EntrySpan,
    ) {
        *self.windows_left -= windows.len() * self.flow_count();
        // Without its number a rerun is not the window that is meant.
        let Some(rerun) = rerun.or_default(Rerun::FIRST) else {
            return;
        };
        self.entries.push(EntrySpan { rerun, ..entry });
        self.windows
            .extend(windows.into_iter().map(|window| Wanted {
                window,
                rerun,
                start_time,
                span: entry.span,
            }));
    }

    /// Windows have passed, and are as long as the config wants them; one problem a rule.
    pub(super) fn limits(&mut self, windows: &[Window], end: Span, length: Span) {
        let Rules {
            now,
            window_min_seconds,
            window_max_seconds,
            ..
        } = *self.rules;
        let mut check = |rule, span, what: &str, hint: String, breaks: &dyn Fn(Window) -> bool| {
            let mut breaking = windows.iter().filter(|&&window| breaks(window));
            if let Some(first) = breaking.next() {
                let message = match breaking.count() {
                    0 => format!("the window {first} {what}"),
                    more => format!("the window {first} {what}, and so do {more} after it"),
                };
                self.problems.report(rule, span, message, hint);
            }
        };
        let allow_future = self.document.allow_future.get();
        if !allow_future.is_some_and(|allow| allow.value) {
            let hint = "wait until it has passed, or write `allowFuture: true` beside `version`";
            let is_ahead = |window: Window| window.end() > now;
            let what = "ends in the future";
            check(Rule::FutureWindow, end, what, hint.to_owned(), &is_ahead);
        }
        if let Some(min) = window_min_seconds {
            let hint = format!("`limits.window.min` of the config is {}", show_seconds(min));
            let what = "falls short of the least length";
            let is_short = |window: Window| window.seconds() < min;
            check(Rule::WindowLength, length, what, hint, &is_short);
        }
        if let Some(max) = window_max_seconds {
            let hint = format!("`limits.window.max` of the config is {}", show_seconds(max));
            let what = "exceeds the greatest length";
            let is_long = |window: Window| window.seconds() > max;
            check(Rule::WindowLength, length, what, hint, &is_long);
        }
    }

    pub(super) fn ordered(
        &mut self,
        start: &At<ZonedMoment>,
        end: &At<ZonedMoment>,
    ) -> Option<Window> {
        let [from, to] = [start, end].map(|moment| moment.value.instant);
        let window = Window::new(from, to);
        if window.is_err() {
            let (message, hint) = if from == to {
                (
                    "the window is empty: it ends where it starts",
                    "the end is exclusive: a whole day ends where the next one starts",
                )
            } else {
                ("the end lies before the start", "are the two swapped?")
            };
            let file = &self.problems.file;
            let problem = Problem::new(Rule::WindowOrder, file, end.span, message)
                .label(to.to_string())
                .related(file, start.span, from.to_string());
            self.problems.push(problem.hint(hint));
        }
        window.ok()
    }

    /// When runs are to begin. What has passed by now is sent as the present second.
    pub(super) fn start_time(&mut self, time: &Field<ZonedMoment>) -> Option<UnixSeconds> {
        let At { value, span } = time.get()?;
        let instant = value.instant;
        if instant < self.rules.now {
            let message = format!(
                "the `startTime` {instant} has passed: what is not sent yet begins when it is sent"
            );
            let hint = "leave it away, or write a time that lies ahead";
            self.problems
                .report(Rule::StartTimePassed, *span, message, hint);
        }
        Some(instant)
    }

    pub(super) fn too_many(&mut self, span: Span) {
        let message = format!("all manifests together ask for more than {MAX_WINDOWS} windows");
        let hint = "write longer windows, or apply the manifests in parts";
        self.problems
            .report(Rule::TooManyWindows, span, message, hint);
    }
}
