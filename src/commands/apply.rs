//! `backfill apply`: read, plan, ask, carry out, report.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Instant;

use super::plan;
use crate::cli::Exit;
use crate::cli::ask::ask;
use crate::cli::carry_out::{FollowArgs, SendSettings, carry_out, exit_of, say_ending, show_all};
use crate::cli::connect::{Connected, connect};
use crate::cli::context::Context;
use crate::cli::desired::{Paths, SelectionArgs};
use crate::cli::failure::Failure;
use crate::cli::lock::LockArgs;
use crate::cli::output::{self, AnnotatedFormat, also};
use crate::cli::page::HtmlArgs;
use crate::cli::present;
use crate::cli::signals::Signals;
use crate::engine::{self, Applied, Ending};
use crate::file_text::text_of;
use crate::plan::{Action, Plan, ReviewedPlan};
use crate::report::{self, Annotation, ApplyView, PlanView};
use crate::run::DesiredRun;
use crate::state::State;
use crate::store::load;

/// How much is repeated of what is wrong with a plan.
const MOST_SAID: usize = 400;

/// Flags of `apply`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that people type"
)]
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Do not ask for confirmation; needed where nobody can answer
    #[arg(short, long)]
    yes: bool,
    /// Only show what would be done, as `plan` does
    #[arg(long)]
    dry_run: bool,
    /// Create no more than the plan in this file, which `plan --format json` or `--report` wrote
    #[arg(long = "plan", value_name = "FILE")]
    reviewed: Option<PathBuf>,
    /// Do not compare with the flows and runs that exist before sending
    #[arg(long)]
    no_preflight: bool,
    /// Also write the result to this file, as JSON, even on failure; a dry run writes the plan
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    html: HtmlArgs,
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: AnnotatedFormat,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Exit with 2 when work is left for a later apply
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    if flags.dry_run {
        let made = match reviewed(context, flags) {
            Ok(reviewed) => {
                let checked = flags.paths.desired_if_any(context);
                let sources = plan::Sources {
                    reviewed: reviewed.as_ref(),
                    ..plan::Sources::default()
                };
                plan::make(context, checked, &flags.selection, sources).await
            }
            Err(failure) => Err(failure),
        };
        let report = flags.report.as_deref();
        let (shown, reported) =
            plan::present(context, made, flags.format.into(), report, &flags.html);
        let planned = shown.and_then(|made| made.exit(flags.detailed_exitcode));
        return also(&context.actions, "apply", planned, reported);
    }
    let result = apply(context, flags).await;
    let reported = match (&result, &flags.report) {
        (Err(failure), Some(path)) => {
            let document = report::json::apply_failure(
                failure.message(),
                failure.conflicts(),
                failure.exit().code(),
            );
            output::report(context, path, &document)
        }
        _ => Ok(()),
    };
    let paged = match &result {
        // Of a plan with conflicts there is a page that shows them.
        Err(failure) if failure.conflicts().is_empty() => {
            flags.html.write_failure("apply", failure)
        }
        _ => Ok(()),
    };
    also(&context.actions, "apply", result, reported.and(paged))
}

async fn apply(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    if !flags.yes && !context.interactive {
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
    let reviewed = reviewed(context, flags)?;
    let checked = flags.paths.desired_if_any(context)?;
    let connected = connect(context, &checked.manifests).await?;
    let result = apply_to(context, flags, checked.runs, reviewed.as_ref(), &connected).await;
    connected.close().await;
    result
}

/// The plan that was reviewed, if there is one.
fn reviewed(context: &Context, flags: &Flags) -> Result<Option<Arc<ReviewedPlan>>, Failure> {
    let Some(path) = &flags.reviewed else {
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

async fn apply_to(
    context: &Context,
    flags: &Flags,
    desired: Vec<DesiredRun>,
    reviewed: Option<&Arc<ReviewedPlan>>,
    connected: &Connected,
) -> Result<Exit, Failure> {
    let began = Instant::now();
    let place = context.place()?;
    let state_failure = |error| Failure::state(&place.name(), &error);
    let selection = flags.selection.selection(context);

    // Where there is nothing to do, nobody is kept from the state.
    let state = load(place.as_ref(), Some(&connected.organization))
        .await
        .map_err(state_failure)?;
    let has_doubts = state.as_ref().is_some_and(engine::has_doubts);
    let plan = plan::planned(context, desired.clone(), state.as_ref(), reviewed);
    let first_look = flags.selection.select(context, plan)?;
    let wait = flags.follow.wait;
    let is_followed = wait && engine::has_unfinished(&first_look, state.as_ref());
    let totals = first_look.totals();
    if !totals.has_changes()
        && totals.actions.of(Action::Conflict) == 0
        && !has_doubts
        && !is_followed
    {
        let followed = state.as_ref().filter(|_| wait);
        let nothing = engine::nothing_to_do(&first_look, followed);
        let next = PlanView::of(&first_look, state.as_ref());
        let exit = show_result(context, flags, &first_look, &nothing);
        return Ok(finish(context, flags, &first_look, nothing, next, exit));
    }

    let mut signals = Signals::listen()?;
    let mut store = flags
        .lock
        .hold(
            context,
            place.as_ref(),
            &connected.organization,
            &mut signals,
        )
        .await?;
    let wanted = flags.html.is_asked().then(|| desired.clone());
    let plan = plan::planned(context, desired, Some(store.state()), reviewed).select(&selection);
    let forecast = plan::forecast(context, &plan, Some(store.state()));
    let made = plan::PlanWithState::of(plan, forecast);
    // From here on a reader of standard output that has gone decides nothing.
    let conflicts = made.plan.totals().actions.of(Action::Conflict) > 0;
    if conflicts || (flags.format != AnnotatedFormat::Json && !context.quiet) {
        context.actions.begin_group(io::stdout(), "The plan");
        made.warn(context, flags.format.into());
        let view = PlanView {
            state: Some(store.state()),
            ..made.view()
        };
        if conflicts {
            flags.html.write_at_end(context, &view, Exit::Usage);
        }
        let _ = present::show(context, &view, flags.format.into());
        context.actions.end_group(io::stdout());
    }
    let confirmed = if flags.yes || conflicts {
        Ok(flags.yes)
    } else {
        // However long that takes.
        let asked = store.keep_while(confirm(&made.plan, &mut signals)).await;
        asked.map_err(state_failure)?
    };
    if conflicts || !matches!(confirmed, Ok(true)) {
        store.close().await.map_err(state_failure)?;
    }
    if conflicts {
        present::tell(context, &made.view());
        return Err(plan::conflict(&made.plan));
    }
    if !confirmed? {
        return Ok(Exit::Success);
    }
    let plan = made.plan;
    let how = SendSettings {
        began,
        follow: flags.follow,
        preflight: !flags.no_preflight,
        most_new: flags.selection.most_new(context),
        is_retry: false,
    };
    let applied = carry_out(context, how, &plan, store, connected, signals).await?;
    let exit = show_result(context, flags, &plan, &applied);
    let next = match wanted {
        Some(wanted) => {
            let planned = |state: Option<&State>| {
                plan::planned(context, wanted, state, reviewed).select(&selection)
            };
            plan_after(context, connected, &applied, planned).await
        }
        None => None,
    };
    // Where that is not known, the page has what was known before, and what became of each run.
    let before = PlanView::of(&plan, state.as_ref());
    let next = next.as_ref().map_or(before, plan::PlanWithState::view);
    Ok(finish(context, flags, &plan, applied, next, exit))
}

/// What there is to do after an apply, for its page: the state is asked for once more, unless somebody
/// waits for the end of this, or it could not be used. `None` where that is not known.
async fn plan_after(
    context: &Context,
    connected: &Connected,
    applied: &Applied,
    planned: impl FnOnce(Option<&State>) -> Plan,
) -> Option<plan::PlanWithState> {
    if matches!(applied.ending, Ending::Interrupted | Ending::Store(_)) {
        return None;
    }
    let place = context.place().ok()?;
    let state = load(place.as_ref(), Some(&connected.organization)).await;
    let state = state.ok()?;
    let plan = planned(state.as_ref());
    Some(plan::PlanWithState::at(context, plan, state))
}

/// Shows the result and writes the report; how it all ended.
fn show_result(context: &Context, flags: &Flags, plan: &Plan, applied: &Applied) -> Exit {
    let held_back = plan.totals().held_back;
    let exit = exit_of(applied, held_back, flags.detailed_exitcode);
    let view = ApplyView {
        plan,
        applied,
        next: None,
    };
    let report = flags.report.as_deref();
    show_all(context, &view, flags.format.into(), report, exit)
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

async fn confirm(plan: &Plan, signals: &mut Signals) -> Result<bool, Failure> {
    let totals = plan.totals();
    let settling = match totals.actions.of(Action::Settle) {
        0 => String::new(),
        in_doubt => format!(", after settling {in_doubt}"),
    };
    let question = format!("Create {} runs{settling}?", totals.to_create());
    ask(&question, signals).await
}
