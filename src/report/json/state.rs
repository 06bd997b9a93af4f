//! `state/v1` and `verify/v1`: what is remembered, and whether it is whole.

use serde::Serialize;
use uuid::Uuid;

use super::parts::{AttemptFields, KnownFields, RunFields, SeenFields};
use super::streamed::Streamed;
use crate::run::OrganizationId;
use crate::state::{Absence, Fate, Record, State};
use crate::store::Inspected;
use crate::untrusted::Untrusted;

/// `state/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StateDocument<'a> {
    #[cfg_attr(test, schemars(extend("const" = "state/v1")))]
    format: &'static str,
    /// `null`: there is no state.
    state: Option<StateHeader>,
    runs: Streamed<'a, StateRun>,
}

/// `verify/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerifyDocument {
    #[cfg_attr(test, schemars(extend("const" = "verify/v1")))]
    format: &'static str,
    /// `null`: there is no state.
    state: Option<StateHeader>,
    runs: usize,
    unfolded_entries: usize,
    torn_bytes: usize,
}

/// Whose state it is, and which.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StateHeader {
    organization: OrganizationId,
    #[cfg_attr(test, schemars(with = "String", extend("format" = "uuid")))]
    lineage: Uuid,
    serial: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct StateRun {
    #[serde(flatten)]
    run: RunFields,
    #[serde(flatten)]
    known: KnownFields,
    /// The run's `etag`, as the service gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<Untrusted>,
    /// How the run was doing when it was last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<SeenFields>,
    /// The runs that retries replaced, oldest first.
    attempts: Vec<AttemptFields>,
    /// Earlier requests that were in doubt and came to nothing.
    earlier: Vec<KnownFields>,
}

impl StateHeader {
    fn new(state: &State) -> Self {
        Self {
            organization: state.organization.clone(),
            lineage: state.lineage,
            serial: state.serial,
        }
    }
}

/// Some runs of a state, if there is one, as `state/v1`.
#[must_use]
pub(crate) fn state<'a>(state: Option<&State>, runs: &'a [&'a Record]) -> StateDocument<'a> {
    StateDocument {
        format: "state/v1",
        state: state.map(StateHeader::new),
        runs: Streamed::of(runs, |record| state_run(record)),
    }
}

/// A state that is whole, if there is one, as `verify/v1`.
#[must_use]
pub(crate) fn verify(inspected: Option<&Inspected>) -> VerifyDocument {
    VerifyDocument {
        format: "verify/v1",
        state: inspected.map(|inspected| StateHeader::new(&inspected.state)),
        runs: inspected.map_or(0, |inspected| inspected.state.len()),
        unfolded_entries: inspected.map_or(0, |inspected| inspected.unfolded),
        torn_bytes: inspected.map_or(0, |inspected| inspected.torn),
    }
}

fn state_run(record: &Record) -> StateRun {
    let Record { identity, fate, .. } = record;
    let past = |absence: &Absence| KnownFields::new(&Fate::NotCreated(Box::new(absence.clone())));
    StateRun {
        run: RunFields::new(identity),
        known: KnownFields::new(fate),
        etag: record.etag().cloned(),
        last_seen: record.last_seen().cloned().map(SeenFields),
        attempts: record.attempts().iter().map(AttemptFields::new).collect(),
        earlier: record.earlier().iter().map(past).collect(),
    }
}
