//! `backfill completions SHELL`: a script with which a shell completes commands and flags.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use crate::cli::failure::Failure;
use crate::cli::{Exit, output};

/// Flags of `completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The shell
    shell: Shell,
}

pub(super) fn run(flags: &Flags) -> Result<Exit, Failure> {
    let Flags { shell } = flags;
    // Drawn into memory first: a reader that goes away must not end in a panic.
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut Cli::command(), "backfill", &mut script);
    output::raw(|out| out.write_all(&script))?;
    Ok(Exit::Success)
}
