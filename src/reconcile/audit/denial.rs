//! Records that say of a request that it created nothing, beside a run that says otherwise.

use jiff::{SignedDuration, Timestamp};

use super::Denial;
use crate::api::{CLOCKS, FlowRun};
use crate::state::{Absence, ClockedTime, Fate, Record, Refusal};

/// A rejection is recorded when its answer was read; its request left so much earlier at most.
const LONGEST_ANSWER: SignedDuration = SignedDuration::from_mins(10);

/// The last request before the run of which a record says that nothing came.
pub(crate) fn contradicted<'a>(
    run: &FlowRun,
    records: &[&'a Record],
) -> Option<(&'a Record, Denial)> {
    records
        .iter()
        .flat_map(|record| denials(record).map(move |denial| (*record, denial)))
        .filter(|(_, (intent, denial))| run.may_be_since(*intent) && !is_after(run, denial.at()))
        .max_by_key(|(_, (intent, _))| intent.time())
        .map(|(record, (_, denial))| (record, denial))
}

/// Whether the run was created after that, by clocks that may differ a little.
pub(crate) fn is_after(run: &FlowRun, at: Timestamp) -> bool {
    run.created_at
        .is_some_and(|created| created.duration_since(at) > CLOCKS)
}

/// What a record says of requests that came to nothing, each with when it was sent at the earliest.
fn denials(record: &Record) -> impl Iterator<Item = (ClockedTime, Denial)> {
    let now = match &record.fate {
        Fate::Rejected { refusal, at } => Some((
            // No other clock was noted.
            ClockedTime {
                local: None,
                service: at.saturating_sub(LONGEST_ANSWER).ok(),
            },
            Denial::Rejected {
                refusal: Refusal::clone(refusal),
                at: *at,
            },
        )),
        Fate::NotCreated(absence) => {
            Some((absence.intent, Denial::Absent(Absence::clone(absence))))
        }
        Fate::Created { .. } | Fate::InDoubt { .. } => None,
    };
    let before = record
        .earlier()
        .iter()
        .map(|absence| (absence.intent, Denial::Absent(Absence::clone(absence))));
    now.into_iter().chain(before)
}
