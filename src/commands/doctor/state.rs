//! Reads the state, and tries whether it may be written to.

use std::collections::HashSet;

use super::of_failure;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::doctor::{Area, Finding, StateFacts, check_state, check_write};
use crate::run::RunId;
use crate::state::{Fate, State};
use crate::store::{StateBackend, StoreError, inspect};

const AREA: Area = Area::State;

/// What is to be known of the state, and the runs that it has as created by us.
pub(super) async fn check(context: &Context, with_probe: bool) -> (Vec<Finding>, HashSet<RunId>) {
    let place = match context.place() {
        Ok(place) => place,
        Err(failure) => {
            let finding = of_failure(AREA, "place", "place", &failure);
            return (vec![finding], HashSet::new());
        }
    };
    let mut unread = None;
    let (mut findings, sent) = match read(context, place.as_ref()).await {
        Ok((facts, sent)) => (check_state(&facts), sent),
        Err(error) => {
            let failure = Failure::state(&place.name(), &error);
            let finding = of_failure(AREA, "place", "place", &failure);
            unread = Some(error.to_string());
            (vec![finding], HashSet::new())
        }
    };
    match place.check_write(with_probe).await {
        Ok(access) => findings.push(check_write(access)),
        // The same cause is told once.
        Err(error) if unread.is_some_and(|unread| unread == error.to_string()) => {}
        Err(error) => {
            let failure = Failure::state(&place.name(), &error);
            findings.push(of_failure(AREA, "write", "writing", &failure));
        }
    }
    (findings, sent)
}

async fn read(
    context: &Context,
    place: &dyn StateBackend,
) -> Result<(StateFacts, HashSet<RunId>), StoreError> {
    let inspected = inspect(place, context.organization.as_ref()).await?;
    let holder = place.holder().await?;
    let state = inspected.as_ref().map(|inspected| &inspected.state);
    let facts = StateFacts {
        place: place.name(),
        records: state.map(counts),
        torn: inspected.as_ref().map_or(0, |inspected| inspected.torn),
        holder,
        fleeting: context.fleeting_state(),
    };
    Ok((facts, state.map_or_else(HashSet::new, sent)))
}

/// Runs on record, and those in doubt.
fn counts(state: &State) -> (usize, usize) {
    let in_doubt = state
        .records()
        .filter(|record| matches!(record.fate, Fate::InDoubt(_)));
    (state.len(), in_doubt.count())
}

/// The runs whose ids the service gave in answer to our own requests.
fn sent(state: &State) -> HashSet<RunId> {
    let sent = state.records().filter_map(|record| match &record.fate {
        Fate::Created {
            run_id,
            adopted: None,
            ..
        } => Some(run_id.clone()),
        _ => None,
    });
    sent.collect()
}
