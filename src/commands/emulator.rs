//! `backfill emulator`: the local Flow Service, served until it is stopped.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::desired::Paths;
use crate::cli::emulator::{read_scenario, seeds};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::signals::Signals;
use crate::emulator::{Emulator, Options};

/// Flags of `emulator`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// Where to listen; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Manifests, or folders of them, whose flows exist [default: manifests, beside the config]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    flows: Vec<PathBuf>,
    /// How the service behaves and what goes wrong: calm, busy, storm, or a YAML file
    #[arg(long, value_name = "NAME|FILE", default_value = "calm")]
    scenario: String,
    /// Keep its runs in this file, and continue from it the next time
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let Flags {
        listen,
        flows,
        scenario,
        data,
    } = flags;
    let manifests = Paths::of(flows).desired(context)?.manifests;
    let mut signals = Signals::listen()?;
    let emulator = Emulator::start(Options {
        listen: *listen,
        flows: seeds(&manifests),
        scenario: read_scenario(scenario)?,
        journal: data.clone(),
    })
    .await?;
    let url = emulator.url();
    output::raw(|out| {
        writeln!(out, "Serving {} flows at {url}", seeds(&manifests).len())?;
        writeln!(out)?;
        writeln!(out, "  export AEP_ENDPOINT={url} AEP_IMS_ENDPOINT={url}")?;
        writeln!(
            out,
            "  export AEP_CLIENT_ID=me AEP_CLIENT_SECRET=any AEP_SCOPES=openid AEP_ORG_ID=ANY@AdobeOrg"
        )?;
        writeln!(out)?;
        writeln!(out, "What it got and stored: {url}/_emulator/ledger")
    })?;
    signals.next().await;
    emulator.stop().await;
    Ok(Exit::Success)
}
