//! `backfill status`: how the recorded runs of the manifests' flows are doing.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::{StreamExt, stream};

use crate::api::{ApiError, Client, FlowRun};
use crate::cli::Exit;
use crate::cli::connect::connect;
use crate::cli::context::Context;
use crate::cli::desired::Paths;
use crate::cli::failure::Failure;
use crate::cli::output::AnnotatedFormat;
use crate::cli::present::show_result;
use crate::manifest::Manifest;
use crate::report::{RunListing, Status, StatusRow, StatusView, Unread};
use crate::run::{FlowRef, RunId, RunStatus};
use crate::state::{Fate, State};
use crate::store::load;
use crate::untrusted::Untrusted;

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
    let status = look_up(rows, &connected.client, context.config.limits.concurrency).await?;
    connected.close().await;

    let exit = exit_of(&status);
    let view = StatusView {
        status: &status,
        wanted: &checked.runs,
    };
    show_result(context, &view, flags.format, exit)?;
    Ok(exit)
}

/// What the state has of the manifests' flows, what does not exist aside.
fn recorded(state: &State, manifests: &[Manifest]) -> Vec<StatusRow> {
    let names: HashMap<&FlowRef, &Manifest> = manifests
        .iter()
        .map(|manifest| (&*manifest.flow, manifest))
        .collect();
    state
        .records()
        .filter_map(|record| {
            let identity = &record.identity;
            let manifest = names.get(&*identity.flow)?;
            let run_id = match &record.fate {
                Fate::Created { run_id, .. } => Some(run_id.clone()),
                Fate::InDoubt { .. } => None,
                Fate::Rejected { .. } | Fate::NotCreated(_) => return None,
            };
            Some(StatusRow {
                identity: identity.clone(),
                key: identity.key(),
                name: manifest.name.clone(),
                run_id,
                seen: RunListing::NotListed,
            })
        })
        .collect()
}

/// Lists each flow's runs, some flows at once, and puts each run to its row.
async fn look_up(
    mut rows: Vec<StatusRow>,
    client: &Client,
    concurrency: usize,
) -> Result<Status, ApiError> {
    let flows: BTreeMap<FlowRef, Untrusted> = rows
        .iter()
        .map(|row| (FlowRef::clone(&row.identity.flow), row.name.clone()))
        .collect();
    let lists: Vec<_> = stream::iter(flows)
        .map(|(flow, name)| async move {
            let list = runs_of(client, &flow).await;
            ((flow, name), list)
        })
        .buffered(concurrency)
        .collect()
        .await;

    let mut runs: HashMap<RunId, FlowRun> = HashMap::new();
    let mut unread = Vec::new();
    for ((flow, name), list) in lists {
        match list {
            Ok(list) => runs.extend(list.into_iter().map(|run| (run.id.clone(), run))),
            Err(error) => unread.push(Unread {
                name,
                flow,
                why: error.of_one_flow()?,
            }),
        }
    }
    let not_read: HashSet<&FlowRef> = unread.iter().map(|unread| &unread.flow).collect();
    for row in &mut rows {
        if not_read.contains(&*row.identity.flow) {
            row.seen = RunListing::NotRead;
        } else if let Some(run) = row.run_id.as_ref().and_then(|id| runs.remove(id)) {
            row.seen = RunListing::Run(Box::new(run));
        }
    }
    Ok(Status { rows, unread })
}

/// A flow's runs. A flow that is hidden has an empty list, as if all of its runs had vanished.
async fn runs_of(client: &Client, flow: &FlowRef) -> Result<Vec<FlowRun>, ApiError> {
    let runs = client.runs_of(flow).await?;
    if runs.is_empty() {
        client.flow(flow).await?;
    }
    Ok(runs)
}

/// By severity: what is in doubt is settled before anything else is judged.
fn exit_of(status: &Status) -> Exit {
    let Status { rows, unread } = status;
    let failed = rows
        .iter()
        .any(|row| row.run().is_some_and(|run| run.status == RunStatus::Failed));
    if rows.iter().any(|row| row.run_id.is_none()) {
        Exit::InDoubt
    } else if !unread.is_empty() {
        Exit::Unexpected
    } else if failed {
        Exit::Rejected
    } else {
        Exit::Success
    }
}
