//! The runs of a plan as lines: a run, or windows that follow each other, of one length, together.
//!
//! A range still tells a reviewer every window: how many there are, how long each is, where the
//! first begins and the last ends.

use super::reason::{describe_fate, same_reasons};
use super::{number, plain, window};
use crate::plan::{Action, PlannedRun};
use crate::run::{Rerun, Window, WindowStatus};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Fewer runs in a row are told one by one: their keys say more than a line less.
const FEWEST: usize = 3;

/// Runs of which each begins where the one before it ends, and of which the same is to be said.
#[derive(Debug)]
pub(super) struct WindowRange<'r> {
    pub(super) status: WindowStatus,
    /// One run, or at least three.
    pub(super) runs: Vec<&'r PlannedRun>,
}

/// The ranges of `runs`, in their order; runs that are not sorted by window make few.
pub(super) fn window_ranges<'r>(
    runs: impl IntoIterator<Item = (WindowStatus, &'r PlannedRun)>,
) -> Vec<WindowRange<'r>> {
    let mut ranges: Vec<WindowRange<'r>> = Vec::new();
    for (status, run) in runs {
        let joined = ranges.last_mut().filter(|range| {
            range.status == status && range.runs.last().is_some_and(|last| follows(run, last))
        });
        match joined {
            Some(range) => range.runs.push(run),
            None => ranges.push(WindowRange::of_one(status, run)),
        }
    }
    ranges
        .into_iter()
        .flat_map(|range| {
            if range.runs.len() >= FEWEST {
                return vec![range];
            }
            let WindowRange { status, runs } = range;
            let one_by_one = runs.into_iter().map(|run| WindowRange::of_one(status, run));
            one_by_one.collect()
        })
        .collect()
}

fn follows(run: &PlannedRun, last: &PlannedRun) -> bool {
    let (one, other) = (&last.run, &run.run);
    one.identity.window.end() == other.identity.window.start()
        && one.identity.rerun == other.identity.rerun
        && one.request.manifest == other.request.manifest
        && same_reasons(last, run)
        && one.identity.flow == other.identity.flow
        && is_of_one_length(
            one.identity.window.seconds(),
            other.identity.window.seconds(),
        )
}

/// The same, or what people take for the same: days across a clock change, months.
fn is_of_one_length(one: i64, other: i64) -> bool {
    let is_day = |seconds| (23 * HOUR..=25 * HOUR).contains(&seconds);
    one == other || (is_day(one) && is_day(other)) || (is_month(one) && is_month(other))
}

fn is_month(seconds: i64) -> bool {
    (28 * DAY - HOUR..=31 * DAY + HOUR).contains(&seconds)
}

impl<'r> WindowRange<'r> {
    /// A run that is told on its own.
    pub(super) fn of_one(status: WindowStatus, run: &'r PlannedRun) -> Self {
        let runs = vec![run];
        Self { status, runs }
    }

    /// The run whose reasons are those of all.
    pub(super) fn last(&self) -> &'r PlannedRun {
        self.runs[self.runs.len() - 1]
    }

    /// As one line, without its mark: `200 × 1 day` or a key, the windows, the lines of the manifest,
    /// what the run is if it exists.
    pub(super) fn columns(&self) -> [String; 4] {
        let columns = columns(self.runs[0]);
        if self.runs.len() == 1 {
            return columns;
        }
        let [_, _, _, exists] = columns;
        let exists = match self.runs[0].action {
            Action::Adopt => "to adopt".to_owned(),
            _ => exists,
        };
        let count = format!("{} × {}", self.runs.len(), self.each());
        [count, self.windows(), self.origin(), exists]
    }

    /// From the start of the first to the end of the last.
    fn windows(&self) -> String {
        let first = &self.runs[0].run.identity;
        let end = self.last().run.identity.window.end();
        let span = Window::new(first.window.start(), end).unwrap_or(first.window);
        window_and_rerun(span, first.rerun)
    }

    /// `1 day`, also where a change of the clock makes one longer; `1 month`, however long it is.
    fn each(&self) -> String {
        let lengths = self
            .runs
            .iter()
            .map(|run| run.run.identity.window.seconds());
        let (least, most) = lengths.fold((i64::MAX, 0), |(least, most), length| {
            (length.min(least), length.max(most))
        });
        if least == most {
            length(least)
        } else if is_month(least) {
            "1 month".to_owned()
        } else {
            length(DAY)
        }
    }

    /// The lines that ask for it, in its manifest.
    fn origin(&self) -> String {
        let first = self.runs[0].run.origin();
        let lines = self.runs.iter().map(|run| run.run.line);
        let (least, most) = lines.fold((u32::MAX, 0), |(least, most), line| {
            (line.min(least), line.max(most))
        });
        let origin = if least == most {
            first.to_string()
        } else {
            format!("{}:{least}-{most}", first.manifest)
        };
        plain(&origin, 80)
    }
}

/// Key, window, place in the manifest, and what the run is if it exists.
fn columns(planned: &PlannedRun) -> [String; 4] {
    let PlannedRun { run, action, known } = planned;
    let exists = match (action, known) {
        (Action::Adopt, Some(known)) => known
            .fate
            .run_id()
            .map_or_else(String::new, |id| format!("to adopt: run {id}")),
        (Action::Unchanged, Some(known)) => match &known.last_seen {
            Some(seen) => plain(&seen.status, 40),
            None => describe_fate(&known.fate),
        },
        _ => String::new(),
    };
    [
        run.key().short(),
        window_and_rerun(run.identity.window, run.identity.rerun),
        plain(&run.origin().to_string(), 60),
        exists,
    ]
}

/// A window, with its rerun if it is one.
fn window_and_rerun(span: Window, rerun: Rerun) -> String {
    if rerun == Rerun::FIRST {
        window(span)
    } else {
        format!("{} rerun {rerun}", window(span))
    }
}

/// A length in its largest whole unit.
fn length(seconds: i64) -> String {
    let units = [(DAY, "day"), (HOUR, "hour"), (60, "minute"), (1, "second")];
    units
        .into_iter()
        .find(|(unit, _)| seconds % unit == 0)
        .map_or_else(String::new, |(unit, word)| {
            number(usize::try_from(seconds / unit).unwrap_or(0), word)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_said_in_its_largest_whole_unit() {
        let said = [DAY, 7 * DAY, 23 * HOUR, 900, 61].map(length);
        assert_eq!(
            said,
            ["1 day", "7 days", "23 hours", "15 minutes", "61 seconds"]
        );
    }

    #[test]
    fn days_and_months_are_of_one_length_among_themselves() {
        for (one, other, is_one) in [
            (DAY, DAY, true),
            (DAY, 23 * HOUR, true),
            (23 * HOUR, 25 * HOUR, true),
            (28 * DAY, 31 * DAY + HOUR, true),
            (DAY, 2 * DAY, false),
            (HOUR, 2 * HOUR, false),
            (7 * DAY, 28 * DAY, false),
        ] {
            assert_eq!(is_of_one_length(one, other), is_one, "{one} {other}");
        }
    }
}
