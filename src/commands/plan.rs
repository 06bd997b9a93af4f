//! `backfill plan`: what apply would do, from the manifests and the state alone.

use super::Exit;
use super::context::Context;
use super::desired::{Narrow, Paths};
use super::failure::Failure;
use super::output::{self, Format};
use crate::plan::{Plan, diff};
use crate::report;
use crate::store::{Place, load};

/// Flags of `plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    narrow: Narrow,
    /// How to write the plan
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
    /// Exit with 2 when there is something to do
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let Flags {
        paths,
        narrow,
        format,
        detailed_exitcode,
    } = flags;
    let plan = make(context, paths, narrow).await?;
    show(context, &plan, *format)?;
    if plan.totals().conflict > 0 {
        return Err(conflict(&plan));
    }
    Ok(if *detailed_exitcode && plan.totals().has_changes() {
        Exit::Changes
    } else {
        Exit::Success
    })
}

/// The plan, without holding the state.
pub(super) async fn make(
    context: &Context,
    paths: &Paths,
    narrow: &Narrow,
) -> Result<Plan, Failure> {
    let checked = paths.desired(context)?;
    let place = context.place();
    let state = load(&place, context.organization.as_ref())
        .await
        .map_err(|error| Failure::state(&place.name(), &error))?;
    Ok(diff(checked.runs, state.as_ref()).select(&narrow.selection(context)))
}

/// Writes the plan to standard output.
pub(super) fn show(context: &Context, plan: &Plan, format: Format) -> Result<(), Failure> {
    match format {
        Format::Text => output::text(|out| report::write_plan(out, plan, context.verbose))?,
        Format::Json => output::json(&report::json::plan(plan))?,
    }
    Ok(())
}

/// Windows that overlap what was ingested: the manifests are wrong, and nothing is sent.
pub(super) fn conflict(plan: &Plan) -> Failure {
    let number = plan.totals().conflict;
    Failure::usage(format!(
        "{number} windows overlap windows that were ingested already; nothing was sent"
    ))
    .hint("change them, or say `overlap: allow` in their manifest if that is wanted")
}
