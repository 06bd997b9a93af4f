//! How recorded runs are doing, asked of the service: so that what was last recorded of them is not
//! taken for what is.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::context::Context;
use super::failure::Failure;
use crate::api::{ApiError, Client, FlowRun};
use crate::plan::Plan;
use crate::reconcile::{Query, all_news, observe};
use crate::run::{FlowRef, RunId};
use crate::state::{Record, State};

/// The runs of a plan that exist and are to be asked for, by flow.
pub(crate) fn recorded(
    plan: &Plan,
    state: &State,
    is_asked_for: impl Fn(&Record) -> bool,
) -> BTreeMap<FlowRef, HashSet<RunId>> {
    let mut recorded: BTreeMap<FlowRef, HashSet<RunId>> = BTreeMap::new();
    for planned in plan.runs() {
        let identity = &planned.run.identity;
        let record = state.get(identity).filter(|record| is_asked_for(record));
        if let Some(run_id) = record.and_then(|record| record.fate.run_id()) {
            let flow = recorded.entry(FlowRef::clone(&identity.flow));
            flow.or_default().insert(run_id.clone());
        }
    }
    recorded
}

/// For each flow these runs, and others beside them, as the service lists them; some flows at once.
pub(crate) async fn runs_with(
    flows: BTreeMap<FlowRef, HashSet<RunId>>,
    client: &Client,
    concurrency: usize,
) -> Result<Vec<Result<Vec<FlowRun>, ApiError>>, ApiError> {
    let queries = flows
        .into_iter()
        .map(|(flow, ids)| (flow, Query::with(ids)));
    let seen = observe(client, queries, concurrency).await?;
    Ok(seen.into_iter().map(|(_, seen)| seen.runs).collect())
}

/// Takes what `runs`, read at `at`, tell into this copy of the state.
pub(crate) fn take_in(
    state: &mut State,
    runs: &[FlowRun],
    at: Timestamp,
    context: &Context,
) -> Result<(), Failure> {
    for entry in all_news(state, runs, at) {
        let folded = state.fold(entry);
        folded.map_err(|error| context.unusable(&error.into()))?;
    }
    Ok(())
}
