//! Reads the state, and tries whether it may be written to.

use std::collections::HashSet;

use super::failed;
use crate::cli::context::Context;
use crate::doctor::{Check, Finding, StateFacts, check_state, check_write};
use crate::run::RunId;
use crate::state::{Fate, State};
use crate::store::{StateBackend, StoreError, inspect};

/// What is to be known of the state, and the runs that it has as created by us.
pub(super) async fn check(context: &Context, with_probe: bool) -> (Vec<Finding>, HashSet<RunId>) {
    let place = match context.place() {
        Ok(place) => place,
        Err(failure) => return (vec![failed(Check::PLACE, &failure)], HashSet::new()),
    };
    let mut unread = None;
    let (mut findings, sent) = match read(context, place.as_ref()).await {
        Ok((facts, sent)) => (check_state(&facts), sent),
        Err(error) => {
            unread = Some(error.to_string());
            let finding = failed(Check::PLACE, &context.unusable(&error));
            (vec![finding], HashSet::new())
        }
    };
    match place.check_write(with_probe).await {
        Ok(access) => findings.push(check_write(access)),
        // One cause is one finding.
        Err(error) if unread.is_some_and(|unread| unread == error.to_string()) => {}
        Err(error) => findings.push(failed(Check::WRITE, &context.unusable(&error))),
    }
    (findings, sent)
}

async fn read(
    context: &Context,
    place: &dyn StateBackend,
) -> Result<(StateFacts, HashSet<RunId>), StoreError> {
    let inspected = inspect(place, context.organization.as_ref()).await?;
    let state = inspected.as_ref().map(|inspected| &inspected.state);
    let fates = || {
        let records = state.into_iter().flat_map(State::records);
        records.map(|record| &record.fate)
    };
    let in_doubt = fates().filter(|fate| matches!(fate, Fate::InDoubt(_)));
    let facts = StateFacts {
        place: place.name(),
        records: state.map(|state| (state.len(), in_doubt.count())),
        torn: inspected.as_ref().map_or(0, |inspected| inspected.torn),
        holder: place.holder().await?,
        fleeting: context.fleeting_state(),
    };
    // The runs whose ids the service gave in answer to our own requests.
    let sent = fates().filter_map(|fate| match fate {
        Fate::Created {
            run_id,
            adopted: None,
            ..
        } => Some(run_id.clone()),
        _ => None,
    });
    Ok((facts, sent.collect()))
}
