//! `backfill validate`: the manifests and nothing else.

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::desired::{Paths, annotate};
use crate::cli::failure::Failure;
use crate::cli::output::Format;
use crate::cli::present::present;
use crate::report::ValidateView;

/// Flags of `validate`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    /// How to write what is wrong
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: Format,
}

pub(super) fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let Flags { paths, format } = flags;
    let (sources, checked) = paths.check(context)?;
    let view = ValidateView {
        sources: &sources,
        checked: &checked,
        max_problems: paths.max_problems,
    };
    if *format != Format::Json {
        paths.show(context, &sources, &checked);
    }
    if checked.has_errors() {
        present(context, &view, Exit::Usage);
        return Err(Failure::of_manifests(checked, ""));
    }
    annotate(context, &checked);
    Ok(present(context, &view, Exit::Success))
}
