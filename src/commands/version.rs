//! `backfill --version`, and with `--verbose` what a report of a fault needs beside it: the commit, the
//! target and the features that were built in.

use std::ffi::OsString;

use clap::{Arg, ArgAction, CommandFactory};

use super::Cli;
use crate::cli::failure::Failure;
use crate::cli::{Exit, output};

/// The name of the flag, for clap.
const ID: &str = "version";

/// The flag, in place of clap's own, which does not tell of `--verbose`.
pub(super) fn flag() -> Arg {
    Arg::new(ID)
        .short('V')
        .long("version")
        .action(ArgAction::Version)
        .help_heading(None::<&str>)
        .help("Print the version; with --verbose also the commit, target and features")
}

/// Whether `--verbose` is there beside `--version`: clap stops at the latter.
pub(super) fn is_verbose(args: &[OsString]) -> bool {
    Cli::command()
        .mut_arg(ID, |flag| flag.action(ArgAction::SetTrue))
        .subcommand_required(false)
        .arg_required_else_help(false)
        .try_get_matches_from(args)
        .is_ok_and(|matches| matches.get_flag("verbose"))
}

/// Prints all that is known of this build, a line for each.
pub(super) fn print() -> Result<Exit, Failure> {
    let features: Vec<&str> = [
        ("crash-points", cfg!(feature = "crash-points")),
        ("emulator", cfg!(feature = "emulator")),
        ("object-store", cfg!(feature = "object-store")),
        ("rehearse", cfg!(feature = "rehearse")),
    ]
    .into_iter()
    .filter_map(|(name, is_built_in)| is_built_in.then_some(name))
    .collect();
    let features = match features.as_slice() {
        [] => "none".to_owned(),
        features => features.join(", "),
    };
    let version = env!("CARGO_PKG_VERSION");
    output::raw(|out| {
        writeln!(out, "backfill {version}")?;
        writeln!(out, "version: {version}")?;
        writeln!(out, "commit: {}", env!("BACKFILL_BUILD_COMMIT"))?;
        writeln!(out, "target: {}", env!("BACKFILL_BUILD_TARGET"))?;
        writeln!(out, "features: {features}")
    })?;
    Ok(Exit::Success)
}
