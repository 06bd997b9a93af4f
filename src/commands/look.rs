//! A closer look at runs that a list shows without their windows; reads only.

use crate::api::{ApiError, Client, FlowRun, Shows};
use crate::run::Sandbox;

/// Asks by their ids for those of `runs` that show no window, at most so many: there they may.
pub(super) async fn show_windows(
    client: &Client,
    sandbox: &Sandbox,
    runs: &mut [FlowRun],
    is_asked_for: impl Fn(&FlowRun) -> bool,
    most: usize,
) -> Result<(), ApiError> {
    let silent = runs
        .iter_mut()
        .filter(|run| run.shows == Shows::Nothing && is_asked_for(run))
        .take(most);
    for run in silent {
        // A run that is listed but not found by itself stays as it was listed.
        if let Some(whole) = client.run(sandbox, &run.id).await? {
            run.shows = whole.shows;
        }
    }
    Ok(())
}
