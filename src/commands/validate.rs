//! `backfill validate`: the manifests and nothing else.

use clap::ValueEnum;

use super::Exit;
use super::context::Context;
use super::desired::{Paths, count_errors};
use super::failure::Failure;
use super::output;
use crate::report::{self, Counts, number};

/// Flags of `validate`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    /// How to write what is wrong
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// Annotations on a pull request, in GitHub Actions
    Github,
}

pub(super) fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let Flags { paths, format } = flags;
    let (sources, checked) = paths.check(context)?;
    let counts = Counts::in_all(&checked);
    let exit = match counts.errors {
        0 => Exit::Success,
        _ => Exit::Usage,
    };
    let warnings = match counts.warnings {
        0 => String::new(),
        warnings => format!(", {}", number(warnings, "warning")),
    };
    let summary = format!(
        "{}, {}, {}: no errors{warnings}.",
        number(sources.len(), "file"),
        number(checked.manifests.len(), "manifest"),
        number(checked.runs.len(), "run")
    );
    match format {
        Format::Text => {
            paths.show(context, &sources, &checked);
            if exit == Exit::Success {
                output::text(|out| writeln!(out, "{summary}"))?;
            }
        }
        Format::Json => {
            let most = paths.max_problems();
            let document = report::json::validate(&sources, &checked, most, exit.code());
            output::json(&document)?;
        }
        Format::Github => output::raw(|out| {
            report::write_annotations(out, &checked, paths.max_problems())?;
            if exit == Exit::Success {
                writeln!(out, "{summary}")?;
            }
            Ok(())
        })?,
    }
    match exit {
        Exit::Success => Ok(exit),
        _ => Err(Failure::new(exit, count_errors(counts.errors))),
    }
}
