//! Carrying a plan out: what `apply` and `retry` have in common once they hold the state.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::connect::Connected;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::length::parse_length;
use super::signals::Signals;
use super::watch::watch;
use crate::engine::{self, Applied, Ending, OutcomeKind, Settings, Stopper};
use crate::plan::Plan;
use crate::report;
use crate::run::WindowStatus;
use crate::state::State;
use crate::store::LockedStore;

/// So many rejections in a row stop it.
const REJECTIONS_IN_A_ROW: u32 = 5;

/// How long is worked, and what is waited for.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct FollowArgs {
    /// Follow the runs until the service has finished them; Ctrl-C ends the waiting, not the runs
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait no longer than this in all, such as 2h; exits with 9 if some have not finished
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    timeout: Option<Duration>,
    /// Send nothing after this, such as 50m: what is left is for the next time
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    deadline: Option<Duration>,
}

/// What the verbs do in their own way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendSettings {
    /// When the command began: what its lengths of time are counted from.
    pub(crate) began: Instant,
    pub(crate) follow: FollowArgs,
    pub(crate) preflight: bool,
    /// No more requests than this.
    pub(crate) most_new: usize,
    /// Whether failed runs are run again, where else runs are created.
    pub(crate) is_retry: bool,
}

/// Runs the engine, its events shown, signals heeded.
pub(crate) async fn carry_out(
    context: &Context,
    how: SendSettings,
    plan: &Plan,
    store: LockedStore,
    connected: &Connected,
    mut signals: Signals,
) -> Result<Applied, Failure> {
    let limits = &context.config.limits;
    let FollowArgs {
        wait,
        timeout,
        deadline,
    } = how.follow;
    let settings = Settings {
        preflight: how.preflight,
        most_new: how.most_new,
        is_retry: how.is_retry,
        follow: wait,
        max_active_runs: limits.max_active_runs,
        new_runs_per_day: limits.new_runs_per_day,
        deadline: deadline.map(|length| how.began + length),
        timeout: timeout.map(|length| how.began + length),
        ..look_settings(context)
    };
    let (events, seen) = mpsc::unbounded_channel();
    let (stopper, stop) = Stopper::new();
    let client = Arc::clone(&connected.client);
    let work = engine::apply(plan, store, client, settings, events, stop);
    let shown = watch(context, seen, false);
    let both = async { futures::join!(work, shown).0 };
    tokio::pin!(both);
    tokio::select! {
        applied = &mut both => return Ok(applied),
        () = signals.next() => stopper.stop(),
    }
    tokio::select! {
        applied = &mut both => Ok(applied),
        () = signals.next() => Err(Failure::new(
            Exit::Interrupted,
            "interrupted twice: what had not answered is in doubt, and is settled by the next apply",
        )),
    }
}

/// What looking at the service needs.
fn look_settings(context: &Context) -> Settings {
    let limits = &context.config.limits;
    Settings {
        concurrency: limits.concurrency,
        per_flow: limits.per_flow,
        settle_delay: context.settle_delay(),
        timestamps: context.config.wire.times(),
        delta_column: context.config.wire.delta_column,
        preflight: true,
        most_new: 0,
        rejections_in_a_row: REJECTIONS_IN_A_ROW,
        is_retry: false,
        follow: false,
        max_active_runs: None,
        new_runs_per_day: None,
        look_only: false,
        deadline: None,
        timeout: None,
    }
}

/// Finds out, by reads alone, what carrying `plan` out, made from `state`, would find before it sends
/// anything; nothing is recorded.
pub(crate) async fn look(
    context: &Context,
    plan: &Plan,
    state: State,
    connected: &Connected,
) -> Applied {
    let settings = Settings {
        look_only: true,
        ..look_settings(context)
    };
    let flows = plan.flows().count();
    context.say(&format!("looking at {}", report::number(flows, "flow")));
    // Nothing of it happens but in the copy: what is found is in the plan.
    let (events, seen) = mpsc::unbounded_channel();
    let (_stopper, stop) = Stopper::new();
    let client = Arc::clone(&connected.client);
    let store = LockedStore::in_memory(state);
    let look = engine::apply(plan, store, client, settings, events, stop);
    futures::join!(look, watch(context, seen, true)).0
}

/// How it ended, as an exit code, by severity; `detailed`: work that is left counts.
pub(crate) fn exit_of(applied: &Applied, held_back: usize, detailed: bool) -> Exit {
    let counts = applied.counts(held_back);
    let failed = applied.followed.iter();
    let failed: usize = failed.map(|it| it.counts.of(WindowStatus::Failed)).sum();
    match &applied.ending {
        Ending::Store(_) => Exit::State,
        Ending::SignIn(_) => Exit::SignIn,
        Ending::Interrupted => Exit::Interrupted,
        Ending::Breaker(_) => Exit::Guard,
        Ending::Unreachable(_) | Ending::Panicked(_) => Exit::Unexpected,
        Ending::Done | Ending::TimedOut if counts.of(OutcomeKind::InDoubt) > 0 => Exit::InDoubt,
        Ending::TimedOut => Exit::TimedOut,
        Ending::Done if applied.unanswered > 0 => Exit::Unexpected,
        Ending::Done
            if counts.of(OutcomeKind::Rejected) > 0
                || applied.blocked > 0
                || failed > 0
                || applied.has_conflict() =>
        {
            Exit::Rejected
        }
        Ending::Done if applied.is_not_followed() => Exit::Unexpected,
        Ending::Done if detailed && counts.of(OutcomeKind::Remaining) > 0 => Exit::Changes,
        Ending::Done => Exit::Success,
    }
}

/// Says why it ended, if it did so early. Said here and not returned: the report has been written,
/// and has more to tell.
pub(crate) fn say_ending(context: &Context, ending: Ending, exit: Exit) -> Exit {
    let Some(failure) = failure_of(context, ending, exit) else {
        return exit;
    };
    context.actions.annotate(|| failure.annotations());
    failure.report()
}

/// What is to be said of the end on standard error, if anything is.
fn failure_of(context: &Context, ending: Ending, exit: Exit) -> Option<Failure> {
    Some(match ending {
        Ending::Done | Ending::Interrupted => return None,
        Ending::TimedOut => Failure::new(
            exit,
            "the time was over before all runs had finished (--timeout); they go on without us",
        )
        .hint("`backfill status --watch` follows them, and the next apply goes on with the rest"),
        Ending::Breaker(rejections) => Failure::new(
            exit,
            format!("stopped after {rejections} rejections in a row; the rest was not sent"),
        )
        .hint("the reasons are listed above; what was rejected is tried again by the next apply"),
        Ending::SignIn(why) => Failure::sign_in(&why),
        Ending::Unreachable(why) | Ending::Panicked(why) => Failure::new(
            exit,
            format!("stopped: {why}; what was not sent is left for the next apply"),
        ),
        Ending::Store(error) => Failure::state(&context.place_name(), &error),
    })
}
