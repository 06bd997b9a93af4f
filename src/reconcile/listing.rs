//! The list of a flow's runs, made as telling as the service allows.

use std::collections::HashSet;

use crate::api::{ApiError, Client, FlowRun};
use crate::run::{FlowRef, RunId};
use crate::state::ClockedTime;

/// Runs that a list shows without a window are asked for one by one, but not more than this.
const MOST_SINGLE: usize = 50;

/// Every run of the flow. A run that no record stands for and that shows no window in the list
/// is read by itself, where it may show one; with `since`, only if it can be younger.
pub(crate) async fn runs_of(
    client: &Client,
    flow: &FlowRef,
    claimed: &HashSet<RunId>,
    since: Option<ClockedTime>,
) -> Result<Vec<FlowRun>, ApiError> {
    let mut runs = client.runs_of(flow).await?;
    let may_matter =
        |run: &FlowRun| !claimed.contains(&run.id) && since.is_none_or(|since| run.is_since(since));
    client
        .show_windows(&flow.sandbox, &mut runs, may_matter, MOST_SINGLE)
        .await?;
    Ok(runs)
}
