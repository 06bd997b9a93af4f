//! How followed runs ended, and what runs moved.

use super::blocks::{Report, Table};
use super::listed;
use super::outcome::run_row;
use super::reason::said;
use crate::engine::{Applied, FollowTotals};
use crate::run::{ByteCounts, RecordCounts};

/// How many failed runs are named before the rest is counted.
const NAMED: usize = 10;

/// Adds how the runs of an apply or of a retry ended, where they were followed; those that failed each
/// with its error.
pub(super) fn report_followed(report: &mut Report, applied: &Applied) {
    let Some(totals) = &applied.followed else {
        return;
    };
    let mut sentences = format!("The runs: {}.", describe_followed(totals));
    if applied.unfollowed > 0 {
        let not_listed = applied.unfollowed;
        let why = "could not be followed: the service does not list them";
        sentences = format!("{sentences} {not_listed} of them {why}.");
    }
    report.note(sentences);
    let rows = totals.failures.iter().map(|(run, run_id, seen)| {
        let said = Some(said(seen)).filter(|said| !said.is_empty());
        let notes = std::iter::once(format!("run {run_id}")).chain(said);
        run_row(run).with_notes(notes.collect())
    });
    let failed = Table::first(NAMED, rows, "runs; --report has them all");
    report.table(failed.under("Failed; `backfill retry` runs them again"));
}

/// `285 success, 5 partial, 10 empty; 28,500 records in, …`; what there is none of is left out.
pub(super) fn describe_followed(totals: &FollowTotals) -> String {
    let FollowTotals {
        counts, records, ..
    } = totals;
    let ended = counts
        .present()
        .filter(|(status, _)| !status.is_unfinished());
    let ended = ended.map(|(status, number)| (number, status.label()));
    let unfinished = Some((counts.unfinished(), "not finished")).filter(|it| it.0 > 0);
    let mut runs = listed(ended.chain(unfinished));
    if runs.is_empty() {
        runs.push_str("none");
    }
    match describe_records(*records) {
        Some(records) => format!("{runs}; {records}"),
        None => runs,
    }
}

/// `300 records in, 297 out, 3 failed`; `None` where nothing is told.
pub(super) fn describe_records(records: RecordCounts) -> Option<String> {
    let RecordCounts {
        input,
        output,
        failed,
    } = records;
    let mut parts: Vec<String> = [(input, "in"), (output, "out"), (failed, "failed")]
        .into_iter()
        .filter_map(|(count, word)| Some(format!("{} {word}", grouped(count?))))
        .collect();
    let first = parts.first_mut()?;
    *first = first.replacen(' ', " records ", 1);
    Some(parts.join(", "))
}

/// `7.2 MB in, 5.1 MB out`; `None` where nothing is told.
pub(super) fn describe_bytes(bytes: ByteCounts) -> Option<String> {
    let ByteCounts { input, output } = bytes;
    let parts: Vec<String> = [(input, "in"), (output, "out")]
        .into_iter()
        .filter_map(|(count, word)| Some(format!("{} {word}", size(count?))))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Bytes in the unit that suits them: `7.2 MB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut whole, mut tenths, mut unit) = (bytes, 0, 0);
    while whole >= 1_000 && unit + 1 < UNITS.len() {
        tenths = whole % 1_000 / 100;
        whole /= 1_000;
        unit += 1;
    }
    match unit {
        0 => format!("{whole} B"),
        _ => format!("{}.{tenths} {}", grouped(whole), UNITS[unit]),
    }
}

/// A number with its thousands apart: `28,500`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Counts, WindowStatus};

    #[test]
    fn totals_say_what_there_is() {
        let mut counts = Counts::default();
        counts.add_many(WindowStatus::Empty, 10);
        counts.add_many(WindowStatus::Success, 285);
        let totals = FollowTotals {
            counts,
            records: RecordCounts {
                input: Some(28_500),
                output: Some(28_497),
                failed: None,
            },
            ..FollowTotals::default()
        };
        assert_eq!(
            describe_followed(&totals),
            "285 success, 10 empty; 28,500 records in, 28,497 out"
        );
        assert_eq!(describe_followed(&FollowTotals::default()), "none");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(7_203_600), "7.2 MB");
        assert_eq!(size(9_000_000_000_000_000), "9,000.0 TB");
    }
}
