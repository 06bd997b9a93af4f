//! `backfill validate`: the manifests and nothing else.

use std::io::{self, Write};

use super::Exit;
use super::context::Context;
use super::desired::{Paths, count_errors, errors};
use super::failure::Failure;
use super::output;
use crate::manifest::render_all;
use crate::report::number;

/// Flags of `validate`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
}

pub(super) fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let (sources, checked) = flags.paths.check(context)?;
    if !checked.problems.is_empty() {
        let text = render_all(&checked.problems, &sources, context.colour.1);
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
    match errors(&checked) {
        0 => {
            output::text(|out| {
                writeln!(
                    out,
                    "{}, {}, {}: no errors.",
                    number(sources.len(), "file"),
                    number(checked.manifests.len(), "manifest"),
                    number(checked.runs.len(), "run")
                )
            })?;
            Ok(Exit::Success)
        }
        errors => Err(Failure::new(Exit::Usage, count_errors(errors))),
    }
}
