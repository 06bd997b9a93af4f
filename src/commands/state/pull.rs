//! `state pull`: the state as one file, for a copy to keep or for an editor.

use std::io;
use std::path::PathBuf;

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::report::{number, plain};
use crate::state::{State, encode_state};
use crate::store::Inspected;

/// Flags of `state pull`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 it is written; 3 the file exists already; 8 there is no state, or it cannot be used.")]
pub(super) struct Flags {
    /// The file to write [default: standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write over a file that exists
    #[arg(long, requires = "file")]
    force: bool,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let Some(Inspected { state, .. }) = context.inspect().await? else {
        let message = format!("there is no state in {}", context.location);
        return Err(
            Failure::new(Exit::State, message).hint("name the place of another with --state")
        );
    };
    let bytes = encode_state(&state);
    let Some(path) = &flags.file else {
        output::raw(|out| out.write_all(&bytes))?;
        return Ok(Exit::Success);
    };
    let shown = plain(&path.display().to_string(), 300);
    output::file(path, &bytes, flags.force).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("{shown} exists already; nothing was written"))
                .hint("name another file, or add --force to write over it")
        }
        _ => Failure::new(
            Exit::Unexpected,
            format!("could not write {shown}: {error}"),
        ),
    })?;
    let State { serial, .. } = state;
    let runs = number(state.len(), "run");
    output::text(|out| writeln!(out, "Pulled {runs}, at serial {serial}, into {shown}."))?;
    Ok(Exit::Success)
}
