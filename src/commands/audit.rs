//! `backfill audit`: what the state has beside what the sandbox shows, for the manifests' flows.
//!
//! Reads only, and takes no lock. The flows are listed before the state is read: a run that was
//! listed then has at least its intent in it, so that an apply at the same time is no finding.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::api::{ApiError, Client, FlowRun};
use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::desired::Paths;
use crate::cli::failure::Failure;
use crate::cli::github;
use crate::cli::output::ResultArgs;
use crate::cli::present::present;
use crate::cli::session::{Session, in_session};
use crate::manifest::{Checked, Manifest};
use crate::reconcile::audit::{Audit, AuditInput, FindingKind, FlowListing, compare};
use crate::reconcile::{Extent, Query, observe};
use crate::report::{AuditView, View};
use crate::run::{FlowRef, RunId};
use crate::state::{Fate, State};
use crate::untrusted::Untrusted;

/// So many unknown runs of a flow are asked for one by one where the list shows no windows.
const MOST_SINGLE: usize = 200;

/// Flags of `audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 nothing differs; 5 something does, failed runs included; 6 runs are in doubt, \
whatever else differs; 1 a flow could not be looked at because no answer came; 4 sign-in or \
permission; 8 the state cannot be read.")]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    pub(super) result: ResultArgs,
    /// Keep one issue up to date with what differs, and close it when nothing does; for GitHub
    /// Actions, with `GITHUB_TOKEN`
    #[arg(long)]
    issue: bool,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let checked = flags.paths.desired_if_any(context)?;
    in_session(context, &checked.manifests, async |session| {
        audit(session, flags, &checked).await
    })
    .await
}

async fn audit(session: &Session<'_>, flags: &Flags, checked: &Checked) -> Result<Exit, Failure> {
    let (context, client) = (session.context, &*session.connected.client);
    let concurrency = context.config.limits.concurrency;
    let looks = look(&checked.manifests, client, concurrency).await?;
    let state = session.load().await?;
    let looks = look_closer(looks, state.as_ref(), client, concurrency).await?;

    let input = AuditInput {
        state: state.as_ref(),
        wanted: &checked.runs,
        api_key: client.api_key(),
        now: Timestamp::now(),
        settle_delay: SignedDuration::try_from(context.settle_delay())
            .unwrap_or(SignedDuration::MAX),
    };
    let audit = compare(input, &looks);
    let view = AuditView {
        audit: &audit,
        has_state: state.is_some(),
        api_key: client.api_key(),
        wanted: &checked.runs,
    };
    // First of all: the people who must know of it may not look at this job.
    let told = if flags.issue {
        let issue = view.markdown(github::ROOM).unwrap_or_default();
        github::issue(context, &issue, audit.findings.is_empty()).await
    } else {
        Ok(())
    };
    let exit = present(context, &view, exit_of(&audit));
    Ok(context.tell_unwritten(told, exit))
}

/// Each flow of the manifests, with its list of runs.
async fn look(
    manifests: &[Manifest],
    client: &Client,
    concurrency: usize,
) -> Result<Vec<FlowListing>, ApiError> {
    let flows: BTreeMap<&FlowRef, &Untrusted> = manifests
        .iter()
        .rev() // of several manifests of a flow the first names it
        .map(|manifest| (&*manifest.flow, &manifest.request.name))
        .collect();
    let whole = Query {
        flow: true,
        runs: Extent::Whole,
    };
    let queries = flows.keys().map(|flow| ((*flow).clone(), whole.clone()));
    let seen = observe(client, queries, concurrency).await?;
    let listings = seen.into_iter().zip(flows.values());
    Ok(listings
        .map(|((flow, seen), name)| FlowListing {
            flow,
            name: (*name).clone(),
            seen: seen.runs,
        })
        .collect())
}

/// Adds what only asking by id shows: runs on record that are not listed, and the windows of runs
/// that no record stands for.
async fn look_closer(
    looks: Vec<FlowListing>,
    state: Option<&State>,
    client: &Client,
    concurrency: usize,
) -> Result<Vec<FlowListing>, ApiError> {
    let mut recorded: BTreeMap<FlowRef, Vec<RunId>> = BTreeMap::new();
    for record in state.into_iter().flat_map(State::records) {
        if let Fate::Created { run_id, .. } = &record.fate {
            let identity = &record.identity;
            recorded
                .entry(FlowRef::clone(&identity.flow))
                .or_default()
                .push(run_id.clone());
        }
    }
    stream::iter(looks)
        .map(|look| {
            let on_record = recorded.remove(&look.flow);
            let sandbox = look.flow.sandbox.clone();
            async move {
                let Ok(mut runs) = look.seen else {
                    return Ok(look);
                };
                let closer = async {
                    let listed: HashSet<RunId> = runs.iter().map(|run| run.id.clone()).collect();
                    let is_unknown =
                        |run: &FlowRun| state.is_none_or(|state| state.claim(&run.id).is_none());
                    client
                        .show_windows(&sandbox, &mut runs, is_unknown, MOST_SINGLE)
                        .await?;
                    for id in on_record.unwrap_or_default() {
                        if !listed.contains(&id) {
                            runs.extend(client.run(&sandbox, &id).await?);
                        }
                    }
                    Ok::<_, ApiError>(runs)
                };
                match closer.await {
                    Err(error) if error.is_of_all_flows() => Err(error),
                    seen => Ok(FlowListing { seen, ..look }),
                }
            }
        })
        .buffered(concurrency)
        .try_collect()
        .await
}

/// By severity, as `status` decides: what is in doubt is settled before anything else is judged.
fn exit_of(audit: &Audit) -> Exit {
    if audit.counts().of(FindingKind::InDoubt) > 0 {
        Exit::InDoubt
    } else if audit.is_unanswered() {
        Exit::Unexpected
    } else if audit.findings.is_empty() {
        Exit::Success
    } else {
        Exit::Rejected
    }
}
