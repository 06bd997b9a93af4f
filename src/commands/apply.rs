//! `backfill apply`: read, plan, hold, plan again from what is held, confirm, send, show.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::plan::{self, PlanWithState};
use crate::cli::Exit;
use crate::cli::ask::check_can_ask;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::input::read_text;
use crate::cli::present::{announce, layout, present, present_page, show, tell};
use crate::cli::session::{SendArgs, Session, exit_of, in_session, say_ending};
use crate::engine::{self, Applied, Ending, Settings};
use crate::plan::{Action, Plan, ReviewedPlan};
use crate::report::{self, ApplyView, PlanView};
use crate::run::DesiredRun;
use crate::state::State;

/// How much is repeated of what is wrong with a plan.
const MOST_SAID: usize = 400;

/// Flags of `apply`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    pub(super) send: SendArgs,
    /// Create no more than the plan in this file, which `plan --format json` or `--report` wrote
    #[arg(long = "plan", value_name = "FILE")]
    reviewed: Option<PathBuf>,
    /// Do not compare with the flows and runs that exist before sending
    #[arg(long)]
    no_preflight: bool,
    /// Also write the result to this file as a page for a browser, on failure too: one file that
    /// fetches nothing
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let args = &flags.send;
    let instead = "add --yes, or use `backfill plan` to see what would be done";
    check_can_ask(context, args.yes || args.dry_run, "create runs", instead)?;
    let reviewed = reviewed(context, flags.reviewed.as_deref())?;
    if args.dry_run {
        let made = plan::make(context, &args.paths, &args.selection, reviewed, false).await?;
        return made.show(context, args.detailed_exitcode);
    }
    if let Some(warning) = context.fleeting_state() {
        context.warn(warning);
    }
    let checked = args.paths.desired_if_any(context)?;
    in_session(context, &checked.manifests, async |session| {
        apply(session, flags, checked.runs, reviewed).await
    })
    .await
}

async fn apply(
    session: &Session<'_>,
    flags: &Flags,
    desired: Vec<DesiredRun>,
    reviewed: Option<Arc<ReviewedPlan>>,
) -> Result<Exit, Failure> {
    let (context, args) = (session.context, &flags.send);
    let all = |desired, state: Option<&State>| {
        let reviewed = reviewed.as_ref();
        plan::planned(context, desired, state, reviewed)
    };
    // Where there is nothing to do, nobody is kept from the state.
    let state = session.load().await?;
    let plan = args
        .selection
        .select(all(desired.clone(), state.as_ref()))?;
    let plan = args.selection.limited(context, plan);
    if args.are_idle(&plan, state.as_ref()) {
        let followed = state.as_ref().filter(|_| args.wait);
        let nothing = engine::nothing_to_do(&plan, followed);
        let exit = show_result(context, flags, &plan, &nothing);
        let next = PlanView::of(&plan, state.as_ref());
        return Ok(finish(context, &plan, nothing, next, exit));
    }

    let (mut held, mut signals) = session.hold(&args.lock).await?;
    let wanted = context.result.html.is_some().then(|| desired.clone());
    let plan = all(desired, Some(held.state()));
    let plan = args.selection.limited(context, plan);
    let forecast = plan::forecast(context, &plan, Some(held.state()));
    let view = PlanView {
        forecast: forecast.as_ref(),
        ..PlanView::of(&plan, Some(held.state()))
    };
    if plan.conflicts().next().is_some() {
        plan::warn_of_held_back(context, &plan);
        tell(context, &view);
        present_page(context, &view, Exit::Usage);
        let _ = show(&view, context.result.format, layout(context), Exit::Usage);
        held.close().await?;
        return Err(plan::conflict(&plan));
    }
    announce(context, "The plan", &view);
    let question = (!args.yes).then(|| question(&plan));
    let Some(held) = held.confirmed(question, &mut signals).await? else {
        return Ok(Exit::Success);
    };
    let settings = |settings| Settings {
        preflight: !flags.no_preflight,
        ..settings
    };
    let applied = held.send(args, &plan, settings, signals).await?;
    let exit = show_result(context, flags, &plan, &applied);
    // The state is asked for once more for the page, unless somebody waits for the end of this, or it
    // could not be used.
    let has_state = !matches!(applied.ending, Ending::Interrupted | Ending::Store(_));
    let state = match &wanted {
        Some(_) if has_state => session.load().await.ok(),
        _ => None,
    };
    let after = wanted.zip(state).map(|(wanted, state)| {
        let next = args.selection.limited(context, all(wanted, state.as_ref()));
        PlanWithState::at(context, next, state)
    });
    // Where that is not known, the page has what was planned, and what became of each run.
    let next = after.as_ref().map(PlanWithState::view);
    let next = next.unwrap_or_else(|| PlanView::of(&plan, None));
    Ok(finish(context, &plan, applied, next, exit))
}

fn show_result(context: &Context, flags: &Flags, plan: &Plan, applied: &Applied) -> Exit {
    let view = ApplyView {
        plan,
        applied,
        next: None,
    };
    let exit = exit_of(applied, plan, flags.send.detailed_exitcode);
    present(context, &view, exit)
}

/// Writes the page, and says why the apply ended, if it ended early.
fn finish(
    context: &Context,
    plan: &Plan,
    applied: Applied,
    next: PlanView<'_>,
    exit: Exit,
) -> Exit {
    let view = ApplyView {
        plan,
        applied: &applied,
        next: Some(next),
    };
    let exit = present_page(context, &view, exit);
    say_ending(context, applied.ending, exit)
}

fn question(plan: &Plan) -> String {
    let totals = plan.totals();
    let settling = match totals.actions.of(Action::Settle) {
        0 => String::new(),
        in_doubt => format!(", after settling {in_doubt}"),
    };
    format!("Create {} runs{settling}?", totals.to_create())
}

/// The plan that was reviewed, if there is one.
fn reviewed(context: &Context, path: Option<&Path>) -> Result<Option<Arc<ReviewedPlan>>, Failure> {
    let Some(path) = path else {
        return Ok(None);
    };
    let text = read_text("the plan ", path)?;
    let organization = context.organization.as_ref();
    let reviewed = report::json::read_plan(text.as_bytes(), organization).map_err(|error| {
        Failure::usage(format!(
            "{} cannot be applied: {}; nothing was sent",
            path.display(),
            report::plain(&error, MOST_SAID)
        ))
        .hint("write it anew with `backfill plan --format json`, and have it reviewed again")
    })?;
    Ok(Some(Arc::new(reviewed)))
}
