//! Many runs in few lines: windows that follow each other, of one length, told together.
//!
//! A list that has no room for each run still tells a reviewer every window: a stretch says how many
//! windows it has, where the first begins and the last ends, and how long each is.

use crate::plan::PlannedRun;
use crate::report::bar::Cell;
use crate::report::number;
use crate::report::reason::same_reasons;
use crate::run::Window;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Runs of which each begins where the one before it ends, and of which the same is to be said.
#[derive(Debug)]
pub(super) struct WindowRange<'r> {
    pub(super) cell: Cell,
    pub(super) runs: Vec<&'r PlannedRun>,
    /// From the start of the first to the end of the last.
    pub(super) span: Window,
}

/// The stretches of `runs`, which are sorted by window, in their order.
pub(super) fn stretches<'r>(runs: &[(Cell, &'r PlannedRun)]) -> Vec<WindowRange<'r>> {
    let mut stretches: Vec<WindowRange<'r>> = Vec::new();
    for (cell, run) in runs {
        let window = run.run.identity.window;
        let joined = stretches.last_mut().and_then(|stretch| {
            let goes_on =
                stretch.cell == *cell && stretch.runs.last().is_some_and(|last| follows(run, last));
            let span = Window::new(stretch.span.start(), window.end()).ok()?;
            goes_on.then_some((stretch, span))
        });
        match joined {
            Some((stretch, span)) => {
                stretch.runs.push(run);
                stretch.span = span;
            }
            None => stretches.push(WindowRange {
                cell: *cell,
                runs: vec![run],
                span: window,
            }),
        }
    }
    stretches
}

fn follows(run: &PlannedRun, last: &PlannedRun) -> bool {
    let (one, other) = (&last.run, &run.run);
    one.identity.window.end() == other.identity.window.start()
        && one.identity.rerun == other.identity.rerun
        && one.request.manifest == other.request.manifest
        && same_reasons(last, run)
        && is_of_one_length(
            one.identity.window.seconds(),
            other.identity.window.seconds(),
        )
}

/// The same, or what people take for the same: days across a clock change, months.
fn is_of_one_length(one: i64, other: i64) -> bool {
    let is_month = |seconds| (28 * DAY - HOUR..=31 * DAY + HOUR).contains(&seconds);
    one == other
        || (one.min(other) > 22 * HOUR && (one - other).abs() <= 2 * HOUR)
        || (is_month(one) && is_month(other))
}

impl WindowRange<'_> {
    /// `1 day each`, or nothing where there is but one.
    pub(super) fn each(&self) -> String {
        let lengths = || {
            let windows = self.runs.iter().map(|run| run.run.identity.window);
            windows.map(Window::seconds)
        };
        let (Some(least), Some(most)) = (lengths().min(), lengths().max()) else {
            return String::new();
        };
        match self.runs.len() {
            1 => String::new(),
            _ if least == most => format!("{} each", length(least)),
            _ => format!("{} to {} each", length(least), length(most)),
        }
    }

    /// The lines that ask for it, in its manifest.
    pub(super) fn origin(&self) -> String {
        let lines = || self.runs.iter().map(|run| run.run.line);
        let manifest = self
            .runs
            .first()
            .map_or("", |run| &*run.run.request.manifest);
        match (lines().min(), lines().max()) {
            (Some(first), Some(last)) if first != last => format!("{manifest}:{first}-{last}"),
            (Some(line), _) => format!("{manifest}:{line}"),
            (None, _) => manifest.to_owned(),
        }
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
