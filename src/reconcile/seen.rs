//! What lists tell of how runs ended, as entries for the journal.

use jiff::Timestamp;

use crate::api::FlowRun;
use crate::state::{Entry, Record, State};

/// What `run`, read at `at`, tells of the run of `record`, if it is the one that counts and has
/// finished, and that is not on record yet.
#[must_use]
pub(crate) fn news(record: &Record, run: &FlowRun, at: Timestamp) -> Option<Entry> {
    let seen = run.seen(at);
    let is_its = record.fate.run_id() == Some(&run.id);
    if !is_its || !seen.status.is_finished() || record.is_of_attempt_before(&seen) {
        return None;
    }
    let before = record.last_seen();
    if before.is_some_and(|before| seen.says_what(before)) {
        return None;
    }
    Some(Entry::Seen {
        run: (&record.identity).into(),
        run_id: run.id.clone(),
        seen,
        etag: run.etag.clone(),
    })
}

/// The same of all `runs` that records of `state` stand for.
#[must_use]
pub(crate) fn all_news<'a>(
    state: &State,
    runs: impl IntoIterator<Item = &'a FlowRun>,
    at: Timestamp,
) -> Vec<Entry> {
    runs.into_iter()
        .filter_map(|run| news(state.get(state.claim(&run.id)?)?, run, at))
        .collect()
}
