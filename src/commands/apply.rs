//! `backfill apply`: read, plan, hold, plan again from what is held, confirm, send, show.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::plan::{self, PlanWithState, Sources};
use crate::cli::Exit;
use crate::cli::carry_out::{exit_of, say_ending};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output::{self, AnnotatedFormat, also};
use crate::cli::page::HtmlArgs;
use crate::cli::present;
use crate::cli::session::{SendArgs, Session};
use crate::engine::{self, Applied, Ending};
use crate::file_text::text_of;
use crate::plan::{Action, Plan, ReviewedPlan};
use crate::report::{self, Annotation, ApplyView, PlanView};
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
    #[command(flatten)]
    html: HtmlArgs,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    if flags.send.dry_run {
        return show_plan(context, flags).await;
    }
    let result = apply(context, flags).await;
    let Err(failure) = &result else {
        return result;
    };
    let reported = flags.send.report().map_or(Ok(()), |path| {
        let (message, exit) = (failure.message(), failure.exit().code());
        let document = report::json::apply_failure(message, failure.conflicts(), exit);
        output::report(context, path, &document)
    });
    // Of a plan with conflicts there is a page that shows them.
    let paged = if failure.conflicts().is_empty() {
        flags.html.write_failure("apply", failure)
    } else {
        Ok(())
    };
    also(&context.actions, "apply", result, reported.and(paged))
}

async fn show_plan(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let args = &flags.send;
    let made = match reviewed(context, flags.reviewed.as_deref()) {
        Ok(reviewed) => {
            let checked = args.paths.desired_if_any(context);
            let sources = Sources {
                reviewed: reviewed.as_ref(),
                ..Sources::default()
            };
            plan::make(context, checked, &args.selection, sources).await
        }
        Err(failure) => Err(failure),
    };
    let form = args.format.into();
    let (shown, reported) = plan::present(context, made, form, args.report(), &flags.html);
    let planned = shown.and_then(|made| made.exit(args.detailed_exitcode));
    also(&context.actions, "apply", planned, reported)
}

async fn apply(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    if !flags.send.can_be_confirmed(context) {
        return Err(
            Failure::usage("nobody can be asked here whether to create runs")
                .hint("add --yes, or use `backfill plan` to see what would be done"),
        );
    }
    if let Some(warning) = context.fleeting_state() {
        context.say(&format!("warning: {warning}"));
        context
            .actions
            .annotate(|| vec![Annotation::warning(warning)]);
    }
    let reviewed = reviewed(context, flags.reviewed.as_deref())?;
    let checked = flags.send.paths.desired_if_any(context)?;
    let session = Session::open(context, &checked.manifests).await?;
    let result = apply_in(&session, flags, checked.runs, reviewed.as_ref()).await;
    session.close().await;
    result
}

async fn apply_in(
    session: &Session<'_>,
    flags: &Flags,
    desired: Vec<DesiredRun>,
    reviewed: Option<&Arc<ReviewedPlan>>,
) -> Result<Exit, Failure> {
    let (context, args) = (session.context, &flags.send);
    let all = |desired, state: Option<&State>| plan::planned(context, desired, state, reviewed);
    let selection = args.selection.selection(context);
    // Where there is nothing to do, nobody is kept from the state.
    let state = session.load().await?;
    let plan = all(desired.clone(), state.as_ref());
    let first_look = args.selection.select(context, plan)?;
    if is_idle(&first_look, state.as_ref(), args) {
        let followed = state.as_ref().filter(|_| args.waits());
        let nothing = engine::nothing_to_do(&first_look, followed);
        let exit = show_result(session, flags, &first_look, &nothing);
        let next = PlanView::of(&first_look, state.as_ref());
        return Ok(finish(context, flags, &first_look, nothing, next, exit));
    }

    let (mut held, mut signals) = session.hold(&args.lock).await?;
    let wanted = flags.html.is_asked().then(|| desired.clone());
    let plan = all(desired, Some(held.state())).select(&selection);
    let forecast = plan::forecast(context, &plan, Some(held.state()));
    let made = PlanWithState::of(plan, forecast);
    let has_conflicts = made.plan.totals().actions.of(Action::Conflict) > 0;
    show_made(context, flags, &made, held.state());
    if has_conflicts {
        held.close().await?;
        present::tell(context, &made.view());
        return Err(plan::conflict(&made.plan));
    }
    let question = (!args.yes).then(|| question(&made.plan));
    let Some(held) = held.confirmed(question, &mut signals).await? else {
        return Ok(Exit::Success);
    };
    let plan = made.plan;
    let applied = held
        .send(args, &plan, !flags.no_preflight, false, signals)
        .await?;
    let exit = show_result(session, flags, &plan, &applied);
    // The state is asked for once more for the page, unless somebody waits for the end of this, or it
    // could not be used.
    let has_state = !matches!(applied.ending, Ending::Interrupted | Ending::Store(_));
    let state = match &wanted {
        Some(_) if has_state => session.load().await.ok(),
        _ => None,
    };
    let after = wanted.zip(state).map(|(wanted, state)| {
        let next = all(wanted, state.as_ref()).select(&selection);
        PlanWithState::at(context, next, state)
    });
    // Where that is not known, the page has what was planned, and what became of each run.
    let next = after.as_ref().map(PlanWithState::view);
    let next = next.unwrap_or_else(|| PlanView::of(&plan, None));
    Ok(finish(context, flags, &plan, applied, next, exit))
}

/// Whether nothing is to be sent, looked for or followed.
fn is_idle(plan: &Plan, state: Option<&State>, args: &SendArgs) -> bool {
    let totals = plan.totals();
    let has_work = totals.has_changes() || totals.actions.of(Action::Conflict) > 0;
    let has_doubts = state.is_some_and(engine::has_doubts);
    let is_followed = args.waits() && engine::has_unfinished(plan, state);
    !has_work && !has_doubts && !is_followed
}

/// Shows what is about to be done, or why it is not. From here on a reader of standard output that has
/// gone decides nothing.
fn show_made(context: &Context, flags: &Flags, made: &PlanWithState, state: &State) {
    let has_conflicts = made.plan.totals().actions.of(Action::Conflict) > 0;
    if !has_conflicts && (flags.send.format == AnnotatedFormat::Json || context.quiet) {
        return;
    }
    let form = flags.send.format.into();
    context.actions.begin_group(io::stdout(), "The plan");
    made.warn(context, form);
    let view = PlanView {
        state: Some(state),
        ..made.view()
    };
    if has_conflicts {
        flags.html.write_at_end(context, &view, Exit::Usage);
    }
    let _ = present::show(context, &view, form);
    context.actions.end_group(io::stdout());
}

fn show_result(session: &Session<'_>, flags: &Flags, plan: &Plan, applied: &Applied) -> Exit {
    let view = ApplyView {
        plan,
        applied,
        next: None,
    };
    let exit = exit_of(
        applied,
        plan.totals().held_back,
        flags.send.detailed_exitcode,
    );
    session.show(&flags.send, &view, exit)
}

/// Writes the page, and says why the apply ended, if it ended early.
fn finish(
    context: &Context,
    flags: &Flags,
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
    let exit = flags.html.write_at_end(context, &view, exit);
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
    let name = path.display().to_string();
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::usage(format!("could not read the plan {name}: {error}")))?;
    let text = text_of(&bytes).map_err(|error| Failure::not_text(&name, error))?;
    let organization = context.organization.as_ref();
    let reviewed = report::json::read_plan(text.as_bytes(), organization).map_err(|error| {
        Failure::usage(format!(
            "{name} cannot be applied: {}; nothing was sent",
            report::plain(&error, MOST_SAID)
        ))
        .hint("write it anew with `backfill plan --format json`, and have it reviewed again")
    })?;
    Ok(Some(Arc::new(reviewed)))
}
