//! Records that say of a request that it created nothing, beside a run that says otherwise.

use jiff::{SignedDuration, Timestamp};

use crate::api::{CLOCKS, FlowRun};
use crate::state::{Absence, ClockedTime, Fate, Record};

/// A rejection is recorded when its answer was read; its request left so much earlier at most.
const LONGEST_ANSWER: SignedDuration = SignedDuration::from_mins(10);

/// The last request before the run of which a record says that nothing came.
pub(crate) fn contradicted<'a>(
    run: &FlowRun,
    records: &[&'a Record],
) -> Option<(&'a Record, Fate)> {
    records
        .iter()
        .flat_map(|record| denials(record).map(move |denial| (*record, denial)))
        .filter(|(_, (intent, at, _))| run.may_be_since(*intent) && !is_after(run, *at))
        .max_by_key(|(_, (intent, ..))| intent.time())
        .map(|(record, (.., denial))| (record, denial))
}

/// Whether the run was created after that, by clocks that may differ a little.
pub(crate) fn is_after(run: &FlowRun, at: Timestamp) -> bool {
    run.created_at
        .is_some_and(|created| created.duration_since(at) > CLOCKS)
}

/// What a record says of requests that came to nothing, each with when it was sent at the earliest, and
/// when that was recorded.
fn denials(record: &Record) -> impl Iterator<Item = (ClockedTime, Timestamp, Fate)> {
    let absent = |absence: &Absence| {
        let fate = Fate::NotCreated(Box::new(absence.clone()));
        (absence.intent, absence.at, fate)
    };
    let now = match &record.fate {
        Fate::Rejected { at, .. } => {
            let sent = ClockedTime {
                local: None, // no other clock was noted
                service: at.saturating_sub(LONGEST_ANSWER).ok(),
            };
            Some((sent, *at, record.fate.clone()))
        }
        Fate::NotCreated(absence) => Some(absent(absence)),
        Fate::Created { .. } | Fate::InDoubt { .. } => None,
    };
    now.into_iter().chain(record.earlier().iter().map(absent))
}
