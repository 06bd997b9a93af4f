//! What a state that is pushed changes, as text: before a person agrees to it.

use std::io::{self, Write};

use super::state::word;
use super::table;
use crate::report::{number, window};
use crate::run::RunIdentity;
use crate::state::{Fate, Record, StateChange};

/// How many changes are shown before the rest is counted.
const SHOWN: usize = 20;

/// Writes what changes: first the runs that could be created again.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_changes(out: &mut dyn Write, changes: &[StateChange<'_>]) -> io::Result<()> {
    writeln!(out, "{}.", count_changes(changes))?;
    let (freed, others): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.frees());
    let rows: Vec<[String; 5]> = freed
        .iter()
        .chain(&others)
        .take(SHOWN)
        .map(|change| cells(change))
        .collect();
    write!(out, "{}", table::columns("  ", &rows))?;
    if let Some(more @ 1..) = changes.len().checked_sub(SHOWN) {
        writeln!(out, "  … and {more} more")?;
    }
    match freed.len() {
        0 => Ok(()),
        1 => writeln!(
            out,
            "1 run is removed or no longer created: it is sent again, if a manifest wants it."
        ),
        more => writeln!(
            out,
            "{more} runs are removed or no longer created: they are sent again, if a manifest \
             wants them."
        ),
    }
}

/// `3 records added, 1 changed, 2 removed`.
#[must_use]
pub(crate) fn count_changes(changes: &[StateChange<'_>]) -> String {
    let count = |is_such: fn(&StateChange<'_>) -> bool| {
        changes.iter().filter(|change| is_such(change)).count()
    };
    format!(
        "{} added, {} changed, {} removed",
        number(count(|change| change.old.is_none()), "record"),
        count(|change| change.old.is_some() && change.new.is_some()),
        count(|change| change.new.is_none()),
    )
}

fn cells(change: &StateChange<'_>) -> [String; 5] {
    let RunIdentity {
        flow,
        window: span,
        rerun,
    } = change.identity();
    let again = match rerun.get() {
        1 => String::new(),
        rerun => format!(" rerun {rerun}"),
    };
    let (sign, what) = match (change.old, change.new) {
        (None, new) => ("+", new.map(describe).unwrap_or_default()),
        (old, None) => ("-", old.map(describe).unwrap_or_default()),
        (Some(old), Some(new)) if describe(old) == describe(new) => {
            ("~", format!("{}, otherwise recorded", describe(new)))
        }
        (Some(old), Some(new)) => ("~", format!("{}, now {}", describe(old), describe(new))),
    };
    [
        sign.to_owned(),
        change.identity().key().short(),
        format!("{flow}"),
        format!("{}{again}", window(*span)),
        what,
    ]
}

/// `created as RUN_ID`, `in doubt`.
fn describe(record: &Record) -> String {
    match &record.fate {
        fate @ Fate::Created { run_id, .. } => format!("{} as {run_id}", word(fate)),
        fate => word(fate).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::run::{Rerun, UnixSeconds, Window};
    use crate::state::{Entry, Evidence, State};

    /// A state in which the runs of these days were adopted, long ago or later.
    fn state(days: impl Iterator<Item = i64>, at: Timestamp) -> State {
        let mut state = State::new("5C13@AdobeOrg".parse().expect("an organization"));
        for day in days {
            let time = |s| UnixSeconds::new(s).expect("in range");
            let window = Window::new(time(day * 86_400), time((day + 1) * 86_400));
            let run = RunIdentity {
                flow: crate::fixture::flow().into(),
                window: window.expect("a window"),
                rerun: Rerun::FIRST,
            };
            let adopted = Entry::Adopted {
                run: (&run).into(),
                run_id: format!("run-{day}").parse().expect("a run id"),
                evidence: Evidence::Params,
                at,
            };
            state.fold(adopted).expect("legal");
        }
        state
    }

    #[test]
    fn what_could_be_doubled_comes_first_and_what_has_no_room_is_counted() {
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let old = state(0..24, early);
        let new = state((0..22).chain(30..31), late);
        let mut text = Vec::new();
        write_changes(&mut text, &old.changes_to(&new)).expect("in memory");
        let text = String::from_utf8(text).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "1 record added, 22 changed, 2 removed.");
        for (at, sign, end) in [
            (1, "-", "[1970-01-23, 1970-01-24)  adopted as run-22"),
            (2, "-", "[1970-01-24, 1970-01-25)  adopted as run-23"),
            (3, "~", "adopted as run-0, otherwise recorded"),
        ] {
            let line = lines[at].trim_start();
            assert!(line.starts_with(sign) && line.ends_with(end), "{line}");
        }
        assert_eq!(
            lines[21..],
            [
                "  … and 5 more",
                "2 runs are removed or no longer created: they are sent again, if a manifest wants \
                 them."
            ]
        );
    }
}
