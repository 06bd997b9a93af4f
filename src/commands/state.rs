//! `backfill state`: what is remembered, as it is, and what a person may do about it by hand. Nothing
//! is asked of the service.

mod pull;
mod push;
mod unlock;

use clap::Subcommand;

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::Format;
use crate::cli::present::present;
use crate::report::{StateView, VerifyView};
use crate::run::{FlowId, KeyPrefix};
use crate::state::{Record, State};

/// Flags of `state`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(subcommand)]
    what: StateVerb,
}

#[derive(Debug, Subcommand)]
enum StateVerb {
    /// List the runs on record
    List {
        /// Only this flow; may be repeated
        #[arg(long = "flow", value_name = "FLOW_ID")]
        flows: Vec<FlowId>,
        /// How to write the result
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
    },
    /// Show all that is recorded of one run, and how its doubts were settled
    Show {
        /// The beginning of its key
        key: KeyPrefix,
        /// How to write the result
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
    },
    /// Check every line of the stored files
    Verify {
        /// How to write the result
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
    },
    /// Show who holds the state, and release it if that process is gone
    ///
    /// A hold on a folder ends with its process, and by nothing else. Elsewhere it lasts for a
    /// while longer: this ends it at once. The process that held the state can then write no more
    /// to it; the next apply waits for what that process may still send.
    Unlock(unlock::Flags),
    /// Write the state as one file, its journal included
    Pull(pull::Flags),
    /// Replace the state by one that was pulled and perhaps edited
    ///
    /// Where there is no state, it becomes the state. Where there is one, the file must have been
    /// pulled from it, with nothing recorded since. The file's first line stays as it is; the sums
    /// at the ends of the others may be wrong or missing. The changes are shown first.
    Push(push::Flags),
}

impl Flags {
    /// How the result is written.
    pub(super) fn format(&self) -> Format {
        match &self.what {
            StateVerb::List { format, .. }
            | StateVerb::Show { format, .. }
            | StateVerb::Verify { format } => *format,
            StateVerb::Unlock(_) | StateVerb::Pull(_) | StateVerb::Push(_) => Format::Text,
        }
    }
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    match &flags.what {
        StateVerb::List { flows, .. } => list(context, flows).await,
        StateVerb::Show { key, .. } => show(context, key).await,
        StateVerb::Verify { .. } => verify(context).await,
        StateVerb::Unlock(flags) => unlock::run(context, flags).await,
        StateVerb::Pull(flags) => pull::run(context, flags).await,
        StateVerb::Push(flags) => push::run(context, flags).await,
    }
}

async fn list(context: &Context, flows: &[FlowId]) -> Result<Exit, Failure> {
    let inspected = context.inspect().await?;
    let state = inspected.as_ref().map(|inspected| &inspected.state);
    let runs: Vec<&Record> = records(state)
        .filter(|record| flows.is_empty() || flows.contains(&record.identity.flow.id))
        .collect();
    let is_of = |flow: &FlowId| runs.iter().any(|run| run.identity.flow.id == *flow);
    if let (Some(_), Some(flow)) = (state, flows.iter().find(|flow| !is_of(flow))) {
        let message = format!("no run of the flow {flow} is on record");
        return Err(Failure::usage(message).hint("`backfill state list` shows those that are"));
    }
    let view = StateView {
        place: &context.location.to_string(),
        state,
        runs: &runs,
        is_one: false,
    };
    Ok(present(context, &view, Exit::Success))
}

async fn show(context: &Context, key: &KeyPrefix) -> Result<Exit, Failure> {
    let inspected = context.inspect().await?;
    let state = inspected.as_ref().map(|inspected| &inspected.state);
    let key = key.pick(records(state).map(|record| record.identity.key()))?;
    let run = state.and_then(|state| state.find(&key));
    let view = StateView {
        place: &context.location.to_string(),
        state,
        runs: run.as_slice(),
        is_one: true,
    };
    Ok(present(context, &view, Exit::Success))
}

async fn verify(context: &Context) -> Result<Exit, Failure> {
    let inspected = context.inspect().await?;
    let view = VerifyView {
        place: &context.location.to_string(),
        inspected: inspected.as_ref(),
    };
    Ok(present(context, &view, Exit::Success))
}

fn records(state: Option<&State>) -> impl Iterator<Item = &Record> {
    state.into_iter().flat_map(State::records)
}
