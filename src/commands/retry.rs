//! `backfill retry`: runs that failed, run again: a new attempt of the same window each.

use jiff::Timestamp;

use crate::api::FlowRun;
use crate::cli::Exit;
use crate::cli::carry_out::{exit_of, say_ending};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::outcomes;
use crate::cli::output::{self, AnnotatedFormat, also};
use crate::cli::present;
use crate::cli::session::{SendArgs, Session};
use crate::engine::{self, Applied};
use crate::plan::{Plan, RetryPlan, RetryRule, diff};
use crate::reconcile::all_news;
use crate::report::{RetryView, number};
use crate::run::DesiredRun;
use crate::state::State;

/// Flags of `retry`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    pub(super) send: SendArgs,
    /// Also run those again that ended without a record
    #[arg(long)]
    empty: bool,
    /// Use this in place of the config's limits.attempts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_attempts: Option<u32>,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let result = retry(context, flags).await;
    let reported = match &result {
        Err(failure) => output::report_failure(context, flags.send.report(), failure, "retry/v1"),
        Ok(_) => Ok(()),
    };
    also(&context.actions, "retry", result, reported)
}

async fn retry(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    if !flags.send.can_be_confirmed(context) {
        return Err(
            Failure::usage("nobody can be asked here whether to run failed runs again")
                .hint("add --yes, or --dry-run to see which they are"),
        );
    }
    let checked = flags.send.paths.desired_if_any(context)?;
    let session = Session::open(context, &checked.manifests).await?;
    let result = retry_in(&session, flags, &checked.runs).await;
    session.close().await;
    result
}

async fn retry_in(
    session: &Session<'_>,
    flags: &Flags,
    desired: &[DesiredRun],
) -> Result<Exit, Failure> {
    let (context, args) = (session.context, &flags.send);
    // Read before the state is held: where there is nothing to do, nobody is kept from it.
    let Some(mut state) = session.load().await? else {
        let nothing = engine::nothing_to_do(&Plan::default(), None);
        return Ok(finish(session, flags, &RetryPlan::default(), nothing));
    };
    let selected = |state: &State| {
        let plan = diff(desired.to_vec(), Some(state));
        args.selection.select_all(context, plan)
    };
    let plan = selected(&state)?;
    let (listed, now) = listed(session, &plan, &state).await?;
    outcomes::take_in(&mut state, &listed, now, &context.place_name())?;
    let first_look = planned(context, flags, plan, &state);
    if args.dry_run {
        return show_plan(context, flags, &first_look);
    }
    let is_followed = args.waits() && engine::has_unfinished(&first_look.plan, Some(&state));
    let is_due = first_look.plan.totals().to_create() > 0;
    if !is_due && !engine::has_doubts(&state) && !is_followed {
        let followed = Some(&state).filter(|_| args.waits());
        let nothing = engine::nothing_to_do(&first_look.plan, followed);
        return Ok(finish(session, flags, &first_look, nothing));
    }

    let (mut held, mut signals) = session.hold(&args.lock).await?;
    held.append(all_news(held.state(), &listed, now)).await?;
    let planned = planned(context, flags, selected(held.state())?, held.state());
    if args.format != AnnotatedFormat::Json && !context.quiet {
        let actions = &context.actions;
        actions.begin_group(std::io::stdout(), "The retries");
        let view = RetryView {
            planned: &planned,
            applied: None,
        };
        let _ = present::show(context, &view, args.format.into());
        actions.end_group(std::io::stdout());
    }
    let question = match planned.plan.totals().to_create() {
        0 => None,
        due => (!args.yes).then(|| format!("Run {} again?", number(due, "run"))),
    };
    let Some(held) = held.confirmed(question, &mut signals).await? else {
        return Ok(Exit::Success);
    };
    let applied = held.send(args, &planned.plan, true, true, signals).await?;
    Ok(finish(session, flags, &planned, applied))
}

/// What the service lists of the recorded runs of `plan`, and when that was read.
async fn listed(
    session: &Session<'_>,
    plan: &Plan,
    state: &State,
) -> Result<(Vec<FlowRun>, Timestamp), Failure> {
    let client = &session.connected.client;
    let concurrency = session.context.config.limits.concurrency;
    let recorded = outcomes::recorded(plan, state, |_| true);
    let lists = outcomes::runs_with(recorded, client, concurrency).await?;
    let lists = lists.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok((lists.into_iter().flatten().collect(), Timestamp::now()))
}

/// Which runs of `plan` are to run again, as far as the limits allow.
fn planned(context: &Context, flags: &Flags, plan: Plan, state: &State) -> RetryPlan {
    let attempts = flags.max_attempts.map(|most| most as usize);
    let rule = RetryRule {
        empty: flags.empty,
        most_attempts: attempts.unwrap_or(context.config.limits.attempts),
    };
    let retry = RetryPlan::of(plan, state, rule);
    RetryPlan {
        plan: flags.send.selection.limited(context, retry.plan),
        ..retry
    }
}

fn show_plan(context: &Context, flags: &Flags, planned: &RetryPlan) -> Result<Exit, Failure> {
    let args = &flags.send;
    let is_due = planned.plan.totals().to_create() + planned.plan.held_back().len() > 0;
    let exit = if args.detailed_exitcode && is_due {
        Exit::Changes
    } else {
        Exit::Success
    };
    let view = RetryView {
        planned,
        applied: None,
    };
    let form = args.format.into();
    let [shown, reported] = present::present(context, &view, form, args.report(), exit);
    shown.and(reported)?;
    Ok(exit)
}

/// Shows the result, writes the report, and says how it all ended.
fn finish(session: &Session<'_>, flags: &Flags, planned: &RetryPlan, applied: Applied) -> Exit {
    let held_back = planned.plan.totals().held_back;
    let mut exit = exit_of(&applied, held_back, flags.send.detailed_exitcode);
    // Nothing that this can do again brings these in.
    if exit == Exit::Success && !planned.exhausted.is_empty() {
        exit = Exit::Rejected;
    }
    let view = RetryView {
        planned,
        applied: Some(&applied),
    };
    let exit = session.show(&flags.send, &view, exit);
    say_ending(session.context, applied.ending, exit)
}
