//! `backfill state`: what is remembered, as it is; nothing is asked of the service, nothing is
//! changed.

use std::io::{self, Write};

use clap::Subcommand;

use super::Exit;
use super::context::Context;
use super::failure::Failure;
use super::hold::holder;
use super::output::{self, Format};
use crate::report::{self, Recorded};
use crate::run::{FlowId, Key, KeyPrefix};
use crate::state::{Record, State};
use crate::store::{StoreError, inspect};

/// Flags of `state`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the runs on record
    List {
        /// Only this flow; may be given again
        #[arg(long = "flow", value_name = "FLOW_ID")]
        flows: Vec<FlowId>,
        /// How to write the result
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
    },
    /// Show all that is on record of one run, and how its doubts were closed
    Show {
        /// The beginning of its key
        key: KeyPrefix,
        /// How to write the result
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
    },
    /// Check both files to the last line
    Verify {
        /// How to write the result
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
    },
    /// Say who holds the state; its lock ends with its process, however that ends
    Unlock,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let place = context.place()?;
    let name = place.name();
    let state_failure = |error: StoreError| Failure::state(&name, &error);
    let inspected = inspect(place.as_ref(), context.organization.as_ref())
        .await
        .map_err(state_failure)?;
    let state = inspected.as_ref().map(|inspected| &inspected.state);
    // Nothing is wrong then, but whoever meant another place should see it.
    let or_none = |write: &dyn Fn(&mut dyn Write, &State) -> io::Result<()>| {
        output::text(|out| match state {
            Some(state) => write(out, state),
            None => writeln!(out, "There is no state in {name}."),
        })
    };
    match &flags.what {
        What::List { flows, format } => {
            let mut runs: Vec<Recorded<'_>> = records(state)
                .filter(|(_, record)| flows.is_empty() || flows.contains(&record.identity.flow_id))
                .map(|(key, record)| Recorded { key: *key, record })
                .collect();
            runs.sort_by(|a, b| a.record.identity.cmp(&b.record.identity));
            match format {
                Format::Text => or_none(&|out, _| report::write_records(out, &runs))?,
                Format::Json => output::json(&report::json::state(state, &runs))?,
            }
        }
        What::Show { key, format } => {
            let key = key.pick(records(state).map(|(key, _)| key))?;
            let run = records(state)
                .find(|(known, _)| **known == key)
                .map(|(key, record)| Recorded { key: *key, record });
            match (run, format) {
                (Some(run), Format::Text) => output::text(|out| report::write_record(out, run))?,
                (run, _) => output::json(&report::json::state(state, run.as_slice()))?,
            }
        }
        What::Verify { format } => match (format, &inspected) {
            (Format::Json, inspected) => output::json(&report::json::verify(inspected.as_ref()))?,
            (Format::Text, Some(inspected)) => {
                output::text(|out| report::write_verified(out, &name, inspected))?;
            }
            (Format::Text, None) => or_none(&|_, _| Ok(()))?,
        },
        What::Unlock => {
            if state.is_some() {
                // The lock is the system's: it is free as soon as its process is gone.
                let lock = place.lock(holder()).await;
                drop(lock.map_err(|error| {
                    match error {
                        StoreError::Locked(_) => state_failure(error)
                            .hint("if it hangs, end it there: its lock ends with it"),
                        _ => state_failure(error),
                    }
                })?);
            }
            or_none(&|out, _| writeln!(out, "Nobody holds the state in {name}."))?;
        }
    }
    Ok(Exit::Success)
}

fn records(state: Option<&State>) -> impl Iterator<Item = (&Key, &Record)> {
    state.into_iter().flat_map(State::records)
}
