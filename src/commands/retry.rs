//! `backfill retry`: runs that failed, run again: a new attempt of the same window each.

use std::path::PathBuf;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::api::FlowRun;
use crate::cli::Exit;
use crate::cli::ask::ask;
use crate::cli::carry_out::{FollowArgs, SendSettings, carry_out, exit_of, say_ending, show_all};
use crate::cli::connect::{Connected, connect};
use crate::cli::context::Context;
use crate::cli::desired::{Paths, SelectionArgs};
use crate::cli::failure::Failure;
use crate::cli::lock::LockArgs;
use crate::cli::outcomes;
use crate::cli::output::{self, AnnotatedFormat, also};
use crate::cli::present;
use crate::cli::signals::Signals;
use crate::engine::{self, Applied};
use crate::plan::{Plan, RetryPlan, RetryRule, diff};
use crate::reconcile::all_news;
use crate::report::{RetryView, number};
use crate::run::DesiredRun;
use crate::state::State;
use crate::store::load;

/// Flags of `retry`.
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
    /// Only show which runs would be run again, and why
    #[arg(long)]
    dry_run: bool,
    /// Also run those again that ended without a record
    #[arg(long)]
    empty: bool,
    /// Use this in place of the config's limits.attempts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_attempts: Option<u32>,
    /// Also write the result to this file, as JSON, even on failure
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: AnnotatedFormat,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Exit with 2 when runs are left to be run again, or with --dry-run would be
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let result = retry(context, flags).await;
    let reported = match (&result, &flags.report) {
        (Err(failure), Some(path)) => {
            output::report_failure(context, Some(path), failure, "retry/v1")
        }
        _ => Ok(()),
    };
    also(&context.actions, "retry", result, reported)
}

async fn retry(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    if !flags.yes && !flags.dry_run && !context.interactive {
        return Err(
            Failure::usage("nobody can be asked here whether to run failed runs again")
                .hint("add --yes, or --dry-run to see which they are"),
        );
    }
    let began = Instant::now();
    let checked = flags.paths.desired_if_any(context)?;
    let connected = connect(context, &checked.manifests).await?;
    let result = retry_with(context, flags, checked.runs, &connected, began).await;
    connected.close().await;
    result
}

async fn retry_with(
    context: &Context,
    flags: &Flags,
    desired: Vec<DesiredRun>,
    connected: &Connected,
    began: Instant,
) -> Result<Exit, Failure> {
    let place = context.place()?;
    let state_failure = |error| Failure::state(&place.name(), &error);
    let rule = RetryRule {
        empty: flags.empty,
        most_attempts: flags
            .max_attempts
            .map_or(context.config.limits.attempts, |most| most as usize),
    };

    // Read before the state is held: where there is nothing to do, nobody is kept from it.
    let Some(mut state) = load(place.as_ref(), Some(&connected.organization))
        .await
        .map_err(state_failure)?
    else {
        let nothing = engine::nothing_to_do(&Plan::default(), None);
        return Ok(finish(context, flags, &RetryPlan::default(), nothing));
    };
    let selected = |state: &State| {
        let plan = diff(desired.clone(), Some(state));
        flags.selection.select_all(context, plan)
    };
    let plan = selected(&state)?;
    let lists = outcomes::runs_with(
        outcomes::recorded(&plan, &state, |_| true),
        &connected.client,
        context.config.limits.concurrency,
    )
    .await;
    let lists = lists.into_iter().collect::<Result<Vec<_>, _>>()?;
    let listed: Vec<FlowRun> = lists.into_iter().flatten().collect();
    let now = Timestamp::now();
    outcomes::take_in(&mut state, &listed, now, &place.name())?;
    let first_look = RetryPlan::of(plan, &state, rule);
    let has_doubts = engine::has_doubts(&state);
    let is_followed = flags.follow.wait && engine::has_unfinished(&first_look.plan, Some(&state));
    let is_idle = first_look.plan.totals().to_create() == 0 && !has_doubts && !is_followed;
    if flags.dry_run || is_idle {
        let limited = limited(context, flags, first_look);
        if flags.dry_run {
            return show_plan(context, flags, &limited);
        }
        let followed = Some(&state).filter(|_| flags.follow.wait);
        let nothing = engine::nothing_to_do(&limited.plan, followed);
        return Ok(finish(context, flags, &limited, nothing));
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
    let news = all_news(store.state(), &listed, now);
    store.append(news).await.map_err(state_failure)?;
    let planned = RetryPlan::of(selected(store.state())?, store.state(), rule);
    let planned = limited(context, flags, planned);
    if flags.format != AnnotatedFormat::Json && !context.quiet {
        context
            .actions
            .begin_group(std::io::stdout(), "The retries");
        let view = RetryView {
            planned: &planned,
            applied: None,
        };
        let _ = present::show(context, &view, flags.format.into());
        context.actions.end_group(std::io::stdout());
    }
    let totals = planned.plan.totals();
    let confirmed = if flags.yes || totals.to_create() == 0 {
        Ok(true)
    } else {
        let question = format!("Run {} again?", number(totals.to_create(), "run"));
        store
            .keep_while(ask(&question, &mut signals))
            .await
            .map_err(state_failure)?
    };
    if !matches!(confirmed, Ok(true)) {
        store.close().await.map_err(state_failure)?;
    }
    if !confirmed? {
        return Ok(Exit::Success);
    }
    let how = SendSettings {
        began,
        follow: flags.follow,
        preflight: true,
        most_new: flags.selection.most_new(context),
        is_retry: true,
    };
    let applied = carry_out(context, how, &planned.plan, store, connected, signals).await?;
    Ok(finish(context, flags, &planned, applied))
}

/// As much of `planned` as the limits allow.
fn limited(context: &Context, flags: &Flags, planned: RetryPlan) -> RetryPlan {
    RetryPlan {
        plan: flags.selection.limited(context, planned.plan),
        ..planned
    }
}

fn show_plan(context: &Context, flags: &Flags, planned: &RetryPlan) -> Result<Exit, Failure> {
    let is_due = planned.plan.totals().to_create() > 0;
    let exit = if flags.detailed_exitcode && is_due {
        Exit::Changes
    } else {
        Exit::Success
    };
    let view = RetryView {
        planned,
        applied: None,
    };
    let report = flags.report.as_deref();
    let [shown, reported] = present::present(context, &view, flags.format.into(), report, exit);
    shown.and(reported)?;
    Ok(exit)
}

/// Shows the result, writes the report, and decides how it all ended.
fn finish(context: &Context, flags: &Flags, planned: &RetryPlan, applied: Applied) -> Exit {
    let held_back = planned.plan.totals().held_back;
    let mut exit = exit_of(&applied, held_back, flags.detailed_exitcode);
    // Nothing that this can do again brings these in.
    if exit == Exit::Success && !planned.exhausted.is_empty() {
        exit = Exit::Rejected;
    }
    let view = RetryView {
        planned,
        applied: Some(&applied),
    };
    let report = flags.report.as_deref();
    let exit = show_all(context, &view, flags.format.into(), report, exit);
    say_ending(context, applied.ending, exit)
}
