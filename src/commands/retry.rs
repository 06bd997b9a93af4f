//! `backfill retry`: runs that failed, run again: a new attempt of the same window each.

use jiff::Timestamp;

use crate::cli::Exit;
use crate::cli::ask::check_can_ask;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::outcomes;
use crate::cli::present::{announce, present};
use crate::cli::session::{SendArgs, Session, exit_of, in_session, say_ending};
use crate::engine::{self, Applied, Settings};
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
    let args = &flags.send;
    let instead = "add --yes, or --dry-run to see which they are";
    let agreed = args.yes || args.dry_run;
    check_can_ask(context, agreed, "run failed runs again", instead)?;
    let checked = args.paths.desired_if_any(context)?;
    in_session(context, &checked.manifests, async |session| {
        retry(session, flags, &checked.runs).await
    })
    .await
}

async fn retry(
    session: &Session<'_>,
    flags: &Flags,
    desired: &[DesiredRun],
) -> Result<Exit, Failure> {
    let (context, args) = (session.context, &flags.send);
    // Read before the state is held: where there is nothing to do, nobody is kept from it.
    let Some(mut state) = session.load().await? else {
        let nothing = engine::nothing_to_do(&Plan::default(), None);
        return Ok(finish(context, flags, &RetryPlan::default(), nothing));
    };
    let selected = |state: &State| args.selection.select(diff(desired.to_vec(), Some(state)));
    let plan = selected(&state)?;
    let asked = outcomes::recorded(&plan, &state, |_| true);
    let concurrency = context.config.limits.concurrency;
    let lists = outcomes::runs_with(asked, &session.connected.client, concurrency).await?;
    let lists = lists.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (listed, now) = (lists.concat(), Timestamp::now());
    outcomes::take_in(&mut state, &listed, now, context)?;
    let first_look = planned(context, flags, plan, &state);
    let plan = &first_look.plan;
    if args.dry_run {
        let is_due = plan.totals().to_create() + plan.held_back().len() > 0;
        let exit = if args.detailed_exitcode && is_due {
            Exit::Changes
        } else {
            Exit::Success
        };
        return Ok(present(context, &RetryView::of(&first_look), exit));
    }
    if args.are_idle(plan, Some(&state)) {
        let nothing = engine::nothing_to_do(plan, Some(&state).filter(|_| args.wait));
        return Ok(finish(context, flags, &first_look, nothing));
    }

    let (mut held, mut signals) = session.hold(&args.lock).await?;
    held.append(all_news(held.state(), &listed, now)).await?;
    let planned = planned(context, flags, selected(held.state())?, held.state());
    announce(context, "The retries", &RetryView::of(&planned));
    let question = match planned.plan.totals().to_create() {
        0 => None,
        due => (!args.yes).then(|| format!("Run {} again?", number(due, "run"))),
    };
    let Some(held) = held.confirmed(question, &mut signals).await? else {
        return Ok(Exit::Success);
    };
    let settings = |settings| Settings {
        is_retry: true,
        ..settings
    };
    let applied = held.send(args, &planned.plan, settings, signals).await?;
    Ok(finish(context, flags, &planned, applied))
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

/// Shows the result, and says how it all ended.
fn finish(context: &Context, flags: &Flags, planned: &RetryPlan, applied: Applied) -> Exit {
    let mut exit = exit_of(&applied, &planned.plan, flags.send.detailed_exitcode);
    // Nothing that this can do again brings these in.
    if exit == Exit::Success && !planned.exhausted.is_empty() {
        exit = Exit::Rejected;
    }
    let view = RetryView {
        applied: Some(&applied),
        ..RetryView::of(planned)
    };
    let exit = present(context, &view, exit);
    say_ending(context, applied.ending, exit)
}
