//! `backfill import`: runs that exist, from the service into the state and a manifest.
//!
//! Everything that can be wrong is found before anything is written. Then the state, whole and
//! first; the manifests last. Where that is cut short, nothing is lost and nothing sent: the same
//! command again finds the runs on record, and writes the manifests that are missing.

mod manifest_writer;
mod neighbours;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

use crate::api::{ApiError, Client};
use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::desired::rules;
use crate::cli::failure::Failure;
use crate::cli::input::reason;
use crate::cli::lock::LockArgs;
use crate::cli::output::{self, Format};
use crate::cli::present::present;
use crate::cli::session::{Session, in_session};
use crate::reconcile::import::{ImportedFlow, ImportedManifest, Undecided, source_of};
use crate::reconcile::{Extent, Query, observe};
use crate::report::{ImportView, Layout, View};
use crate::run::{FlowId, FlowRef, Sandbox};
use crate::state::State;
use manifest_writer::{ListedFlow, ManifestWriter, entries, write};

/// The reason of manifests that are given none.
const REASON: &str = "Created by hand, and imported to be on record";

/// Flags of `import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 every run of the flows is on record; 3 a file is in the way, or a flow cannot be \
imported; 4 sign-in or permission; 6 some runs were left out: they show no window, or theirs has a \
run in doubt; 8 the state is held by somebody else, or cannot be used.")]
pub(super) struct Flags {
    /// The flows whose runs are imported
    #[arg(required = true, value_name = "FLOW_ID")]
    flows: Vec<FlowId>,
    /// The folder for the manifests; existing files are never overwritten [default: manifests,
    /// beside the config]
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// The reason that the manifests give
    #[arg(long, value_name = "TEXT", default_value = REASON, value_parser = reason)]
    reason: String,
    /// Print the manifests, and touch nothing
    #[arg(long)]
    dry_run: bool,
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: Format,
    #[command(flatten)]
    lock: LockArgs,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let sandbox = context.sandbox.as_ref().ok_or_else(|| {
        Failure::usage("no sandbox is named")
            .hint("give --sandbox NAME, AEP_SANDBOX_NAME, or `sandbox:` in backfill.yaml")
    })?;
    if context.emulator {
        return Err(
            Failure::usage("the emulator of this one command has no flows to import").hint(
                "serve one with `backfill emulator`, and name it with --endpoint, to try this",
            ),
        );
    }
    in_session(context, &[], async |session| {
        import(session, flags, sandbox).await
    })
    .await
}

async fn import(session: &Session<'_>, flags: &Flags, sandbox: &Sandbox) -> Result<Exit, Failure> {
    let (context, connected) = (session.context, &session.connected);
    let state = session.load().await?;
    let state = state.unwrap_or_else(|| State::new(connected.organization.clone()));
    // Listed before the state is held: what is listed then is in it, or nobody's of ours.
    let listed = list(context, flags, sandbox, &connected.client, &state).await?;
    let default = context.project.manifests();
    let output = flags.output.as_deref().unwrap_or(&default);
    let writer = ManifestWriter {
        listed: &listed,
        output,
        default: &default,
        reason: &flags.reason,
        rules: rules(context),
        colour: context.colour.1,
    };
    let mut flows = writer.prepare(&state)?;
    if !flags.dry_run {
        if !entries(&flows).is_empty() {
            let (mut held, mut signals) = session.hold(&flags.lock).await?;
            let prepared = writer.prepare(held.state());
            let recorded = async {
                let found = prepared.as_deref().map(entries).unwrap_or_default();
                held.append(found).await?;
                held.close().await
            };
            signals.outlast(recorded).await??;
            flows = prepared?;
        }
        for manifest in manifests(&flows) {
            write(output, manifest)?;
        }
    }
    let exit = if flows.iter().all(|flow| flow.gathered.is_whole()) {
        Exit::Success
    } else {
        Exit::InDoubt
    };
    show(context, flags, &flows, connected.client.api_key(), exit)
}

fn show(
    context: &Context,
    flags: &Flags,
    flows: &[ImportedFlow],
    api_key: &str,
    exit: Exit,
) -> Result<Exit, Failure> {
    let view = ImportView {
        flows,
        api_key,
        dry_run: flags.dry_run,
    };
    if !flags.dry_run || flags.format == Format::Json {
        return Ok(present(context, &view, exit));
    }
    // The manifests are the result, and can go into a file.
    output::raw(|out| {
        for (at, manifest) in manifests(flows).enumerate() {
            if at > 0 {
                writeln!(out, "---")?;
            }
            out.write_all(manifest.text.as_bytes())?;
        }
        Ok(())
    })?;
    if !context.quiet {
        let layout = Layout {
            verbose: context.verbose,
            ..Layout::default()
        };
        let _ = view.write_text(&mut io::stderr().lock(), layout);
    }
    Ok(exit)
}

/// The manifests of the flows, each once.
fn manifests(flows: &[ImportedFlow]) -> impl Iterator<Item = &ImportedManifest> {
    let mut paths = HashSet::new();
    let manifests = flows.iter().filter_map(|flow| flow.manifest.as_ref());
    manifests.filter(move |manifest| paths.insert(&manifest.path))
}

/// Reads each flow once, and all of its runs, with their windows as far as the service shows them.
async fn list(
    context: &Context,
    flags: &Flags,
    sandbox: &Sandbox,
    client: &Client,
    state: &State,
) -> Result<Vec<ListedFlow>, Failure> {
    let mut seen = HashSet::new();
    let flows: Vec<FlowId> = flags
        .flows
        .iter()
        .copied()
        .filter(|flow_id| seen.insert(*flow_id))
        .collect();
    let queries = flows.into_iter().map(|id| {
        let flow = FlowRef {
            sandbox: sandbox.clone(),
            id,
        };
        let runs = Extent::Windows {
            claimed: state.claimed_of(&flow).into(),
            since: None,
            most: usize::MAX,
        };
        (flow, Query { flow: true, runs })
    });
    let seen = observe(client, queries, context.config.limits.concurrency).await?;
    seen.into_iter()
        .map(|(flow, seen)| {
            let runs = seen.runs.map_err(|error| unreadable(&flow, error))?;
            let details = seen
                .flow
                .ok_or_else(|| undecided(flow.id, &Undecided::UnknownSource))?;
            let source = source_of(&details).map_err(|why| undecided(flow.id, &why))?;
            Ok(ListedFlow {
                flow,
                details,
                source,
                runs,
            })
        })
        .collect()
}

fn unreadable(flow: &FlowRef, error: ApiError) -> Failure {
    let FlowRef { sandbox, id } = flow;
    let message = format!("could not read the flow {id} in the sandbox {sandbox}: {error}");
    let exit = match &error {
        ApiError::Refused(refusal) => match refusal.status {
            404 => Exit::Usage,
            403 => Exit::SignIn,
            _ => Exit::Unexpected,
        },
        _ => Failure::from(error).exit,
    };
    Failure::new(exit, format!("{message}; nothing was written"))
}

fn undecided(flow_id: FlowId, why: &Undecided) -> Failure {
    let failure = Failure::usage(format!(
        "the flow {flow_id} cannot be imported: {why}; nothing was written"
    ));
    match why {
        Undecided::Scheduled(_) => failure,
        Undecided::NoDeltaColumn | Undecided::StrangeDeltaColumn | Undecided::UnknownSource => {
            failure.hint(
                "write its manifest by hand, with `source` and `deltaColumn`: the next apply finds \
                 the runs that exist for its windows and adopts them",
            )
        }
    }
}
