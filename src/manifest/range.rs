//! The rules that an entry of `ranges` keeps.
//!
//! Takes the entry as written; gives its windows, less those of `except`, and says what a
//! reviewer would not see of it: a last window that is cut, days that are not 24 hours long.

use jiff::tz::TimeZone;

use super::check::{Checker, EntrySpan, Wanted};
use super::decode::Text;
use super::document::RangeDocument;
use super::length::parse_every;
use super::problem::Rule;
use super::show::{show_day, show_hours, show_length, show_time};
use super::steps::{Expanded, Steps};
use crate::run::{UnixSeconds, Window};

impl Checker<'_> {
    pub(super) fn range(
        &mut self,
        range: &RangeDocument<'_>,
        allow_future: bool,
        wanted: &mut Vec<Wanted>,
        stretches: &mut Vec<EntrySpan>,
    ) {
        if !range.broken {
            let fields = [
                (
                    "from",
                    &range.from,
                    "`from: …`: where the first window starts",
                ),
                (
                    "to",
                    &range.to,
                    "`to: …`: where the last window ends, exclusive",
                ),
                (
                    "every",
                    &range.every,
                    "`every: …`: how long a window is, such as `1 day` or `6 hours`",
                ),
            ];
            for (field, _, hint) in fields.iter().filter(|(_, text, _)| text.is_none()) {
                self.report(
                    Rule::MissingField,
                    range.span,
                    format!("the range has no `{field}`"),
                )
                .hint = Some(format!("write {hint}"));
            }
        }
        let rerun = self.rerun(range.rerun.as_ref());
        let every = range.every.as_ref().and_then(|text| {
            let every = parse_every(&text.value);
            if let Err(error) = &every {
                self.report(Rule::Every, text.span, format!("{error}")).hint = Some(error.hint());
            }
            every.ok()
        });
        // Without its zone no time of the range can be read.
        let Some(zone) = self.zone(range.timezone.as_ref()) else {
            return;
        };
        let from = self.time(range.from.as_ref(), &zone);
        let to = self.time(range.to.as_ref(), &zone);
        let start_time = self.start_time(range.start_time.as_ref(), &zone);
        let except: Vec<_> = range
            .except
            .iter()
            .filter_map(|text| Some((self.time(Some(text), &zone)?.instant, text)))
            .collect();
        let (Some(from), Some(to), Some(to_text)) = (from, to, &range.to) else {
            return;
        };
        let Some(whole) = self.ordered(from, to, to_text, range.from.as_ref()) else {
            return;
        };
        let (Some(every), Some(every_text)) = (every, &range.every) else {
            return;
        };
        let steps = Steps {
            from,
            to: to.instant,
            every,
            zone: &zone,
        };
        let expanded = match steps.expand(*self.windows_left) {
            Ok(expanded) => expanded,
            Err(error) => return self.too_many(every_text.span, error),
        };
        self.shape(&steps, &expanded, every_text, to_text);
        let windows = self.without(&expanded.windows, &except, &zone);
        if windows.is_empty() {
            let message = "`except` leaves no window of the range";
            self.report(Rule::EmptyRange, range.span, message).hint =
                Some("leave the range away".to_owned());
        }
        self.limits(&windows, to_text.span, every_text.span, allow_future);
        *self.windows_left -= windows.len();
        let span = range.span;
        if let Some(rerun) = rerun {
            wanted.extend(windows.into_iter().map(|window| Wanted {
                window,
                rerun,
                start_time,
                span,
            }));
            stretches.push(EntrySpan {
                window: whole,
                rerun,
                span,
                is_range: true,
            });
        }
    }

    /// Tells what a reviewer would not see of a range: a last window that is cut, and days that
    /// are not 24 hours long.
    fn shape(
        &mut self,
        steps: &Steps<'_>,
        expanded: &Expanded,
        every_text: &Text<'_>,
        to_text: &Text<'_>,
    ) {
        let every = steps.every;
        let (windows, last) = match expanded.windows.as_slice() {
            [only] if expanded.cut.is_some() => {
                let message = format!("{every} is longer than the range, {}", show_length(*only));
                self.report(Rule::EveryTooLong, every_text.span, message)
                    .hint = Some("for a single window, write it under `runs`".to_owned());
                return;
            }
            [windows @ .., last] if expanded.cut.is_some() => (windows, Some(last)),
            windows => (windows, None),
        };
        if let Some(last) = last {
            let message = format!(
                "the last window is cut: it starts at {} and is {} long",
                show_time(last.start(), steps.zone),
                show_length(*last)
            );
            let end = expanded.cut.map(|cut| show_time(cut, steps.zone));
            let hint = format!(
                "a whole window ends at {}; end the range at {} to leave it away",
                end.unwrap_or_default(),
                show_time(last.start(), steps.zone)
            );
            self.report(Rule::ShortLastWindow, to_text.span, message)
                .hint = Some(hint);
        }
        let Some(usual) = every.civil_days_as_seconds() else {
            return;
        };
        let unusual: Vec<_> = windows.iter().filter(|w| w.seconds() != usual).collect();
        if !unusual.is_empty() {
            let mut shown: Vec<_> = unusual
                .iter()
                .take(4)
                .map(|w| {
                    format!(
                        "{} has {}",
                        show_day(w.start(), steps.zone),
                        show_hours(**w)
                    )
                })
                .collect();
            if unusual.len() > shown.len() {
                shown.push(format!("{} more", unusual.len() - shown.len()));
            }
            let message = format!(
                "the clocks change within {} of {} windows: {}",
                unusual.len(),
                expanded.windows.len(),
                shown.join(", ")
            );
            self.report(Rule::ClockChange, every_text.span, message)
                .hint =
                Some("this is right for civil days; `24 hours` steps by exact time".to_owned());
        }
    }

    /// The windows that do not start at a time of `except`.
    fn without(
        &mut self,
        windows: &[Window],
        except: &[(UnixSeconds, &Text<'_>)],
        zone: &TimeZone,
    ) -> Vec<Window> {
        let mut left_out: Vec<UnixSeconds> = Vec::with_capacity(except.len());
        for &(instant, text) in except {
            let after = windows.partition_point(|window| window.start() <= instant);
            let holding = after.checked_sub(1).map(|at| windows[at]);
            if holding.is_some_and(|window| window.start() == instant) {
                left_out.push(instant);
                continue;
            }
            let message = format!("no window of the range starts at `{}`", text.value);
            let hint = match holding.filter(|window| instant < window.end()) {
                Some(window) => format!(
                    "the window that holds it starts at {}",
                    show_time(window.start(), zone)
                ),
                None if windows.last().is_some_and(|last| last.end() == instant) => {
                    "`to` is exclusive: the range ends there".to_owned()
                }
                None => "it lies outside of the range".to_owned(),
            };
            self.report(Rule::Except, text.span, message).hint = Some(hint);
        }
        left_out.sort_unstable();
        windows
            .iter()
            .filter(|window| left_out.binary_search(&window.start()).is_err())
            .copied()
            .collect()
    }
}
