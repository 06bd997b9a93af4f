//! `backfill validate`: the manifests and nothing else.

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::desired::{Paths, annotate};
use crate::cli::failure::Failure;
use crate::cli::output::{self, AnnotatedFormat};
use crate::report::{self, ProblemCounts, number};

/// Flags of `validate`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    /// How to write what is wrong
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: AnnotatedFormat,
}

pub(super) fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let Flags { paths, format } = flags;
    let (sources, checked) = paths.check(context)?;
    let exit = if checked.has_errors() {
        Exit::Usage
    } else {
        Exit::Success
    };
    let warnings = match ProblemCounts::in_all(&checked).warnings {
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
        AnnotatedFormat::Text | AnnotatedFormat::Github => {
            paths.show(context, &sources, &checked);
            if exit == Exit::Success {
                output::text(|out| writeln!(out, "{summary}"))?;
            }
        }
        AnnotatedFormat::Json => {
            let most = paths.max_problems();
            let document = report::json::validate(&sources, &checked, most, exit.code());
            output::json(&document)?;
        }
    }
    if exit != Exit::Success {
        return Err(Failure::of_manifests(checked, ""));
    }
    annotate(context, &checked);
    let actions = &context.actions;
    actions.summarize(|_| format!("### backfill validate: {summary}\n"));
    Ok(exit)
}
