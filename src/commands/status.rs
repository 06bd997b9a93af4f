//! `backfill status`: how the recorded runs of the manifests' flows are doing.

use std::collections::{BTreeSet, HashMap};

use futures::{StreamExt, TryStreamExt, stream};

use super::Exit;
use super::connect::connect;
use super::context::Context;
use super::desired::Paths;
use super::failure::Failure;
use super::output::{self, AnnotatedFormat};
use crate::api::{ApiError, Client, FlowRun, RunStatus};
use crate::manifest::Manifest;
use crate::report::{self, StatusRow};
use crate::run::{FlowId, RunId, Sandbox};
use crate::state::{Fate, State};
use crate::store::load;

/// Flags of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: AnnotatedFormat,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let checked = flags.paths.desired(context)?;
    let connected = connect(context, &checked.manifests).await?;
    let place = context.place()?;
    let state = load(place.as_ref(), Some(&connected.organization))
        .await
        .map_err(|error| Failure::state(&place.name(), &error))?;
    let mut rows = state.map_or_else(Vec::new, |state| recorded(&state, &checked.manifests));
    rows.sort_by(|a, b| a.identity.cmp(&b.identity));
    look_up(
        &mut rows,
        &connected.client,
        context.config.limits.concurrency,
    )
    .await?;
    connected.close().await;

    let exit = exit_of(&rows);
    match flags.format {
        AnnotatedFormat::Json => output::json(&report::json::status(&rows, exit.code()))?,
        _ => output::text(|out| report::write_status(out, &rows, context.verbose))?,
    }
    let actions = &context.actions;
    actions.annotate(|| report::annotate_status(&rows, &checked.runs));
    actions.summarize(|most| report::status_markdown(&rows, most));
    Ok(exit)
}

/// What the state has of the manifests' flows, what does not exist aside.
fn recorded(state: &State, manifests: &[Manifest]) -> Vec<StatusRow> {
    let names: HashMap<(&Sandbox, FlowId), &Manifest> = manifests
        .iter()
        .map(|manifest| ((&manifest.sandbox, manifest.flow_id), manifest))
        .collect();
    state
        .records()
        .filter_map(|(key, record)| {
            let identity = &record.identity;
            let manifest = names.get(&(&identity.sandbox, identity.flow_id))?;
            let run_id = match &record.fate {
                Fate::Created { run_id, .. } => Some(run_id.clone()),
                Fate::InDoubt { .. } => None,
                Fate::Rejected { .. } | Fate::NotCreated(_) => return None,
            };
            Some(StatusRow {
                identity: identity.clone(),
                key: *key,
                name: manifest.name.clone(),
                run_id,
                run: None,
            })
        })
        .collect()
}

/// Lists each flow's runs, some flows at once, and puts each run to its row.
async fn look_up(
    rows: &mut [StatusRow],
    client: &Client,
    concurrency: usize,
) -> Result<(), ApiError> {
    let flows: BTreeSet<(Sandbox, FlowId)> = rows
        .iter()
        .map(|row| (row.identity.sandbox.clone(), row.identity.flow_id))
        .collect();
    let listed: Vec<Vec<FlowRun>> = stream::iter(flows)
        .map(|(sandbox, flow_id)| async move { client.runs_of(&sandbox, flow_id).await })
        .buffer_unordered(concurrency)
        .try_collect()
        .await?;
    let mut runs: HashMap<RunId, FlowRun> = listed
        .into_iter()
        .flatten()
        .map(|run| (run.id.clone(), run))
        .collect();
    for row in rows {
        row.run = row.run_id.as_ref().and_then(|id| runs.remove(id));
    }
    Ok(())
}

fn exit_of(rows: &[StatusRow]) -> Exit {
    let failed = rows.iter().any(|row| {
        row.run
            .as_ref()
            .is_some_and(|run| run.status == RunStatus::Failed)
    });
    if rows.iter().any(|row| row.run_id.is_none()) {
        Exit::InDoubt
    } else if failed {
        Exit::Rejected
    } else {
        Exit::Success
    }
}
