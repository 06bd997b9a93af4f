//! One session with the state and the service: open, read, hold, confirm, send. What a verb plans is
//! its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::ask::ask;
use super::connect::{Connected, connect};
use super::context::Context;
use super::desired::{Paths, SelectionArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::length::parse_length;
use super::lock::LockArgs;
use super::output::ResultArgs;
use super::signals::Signals;
use super::watch::watch;
use crate::engine::{self, Applied, Ending, OutcomeKind, Settings, Stopper};
use crate::manifest::Manifest;
use crate::plan::{Action, Plan};
use crate::report;
use crate::run::WindowStatus;
use crate::state::{Entry, State};
use crate::store::{LockedStore, StateBackend, load};

/// So many rejections in a row stop an apply.
const REJECTIONS_IN_A_ROW: u32 = 5;

/// The flags of verbs that send.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that people type"
)]
#[derive(Debug, clap::Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) paths: Paths,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Do not ask for confirmation; needed where nobody can answer
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Only show what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// Follow the runs until the service has finished them; Ctrl-C ends the waiting, not the runs
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait no longer than this in all, such as 2h; exits with 9 if some have not finished
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    timeout: Option<Duration>,
    /// Send nothing after this, such as 50m: what is left is for the next time
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    deadline: Option<Duration>,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// Exit with 2 when work is left for later, or with --dry-run would be done
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

impl SendArgs {
    /// Whether nothing is to be sent, looked for or followed by `plan`, made from `state`.
    pub(crate) fn are_idle(&self, plan: &Plan, state: Option<&State>) -> bool {
        let totals = plan.totals();
        let has_work = totals.has_changes() || totals.actions.of(Action::Conflict) > 0;
        let is_followed = self.wait && engine::has_unfinished(plan, state);
        !has_work && !is_followed && !state.is_some_and(engine::has_doubts)
    }
}

/// The service and the place of the state.
pub(crate) struct Session<'c> {
    pub(crate) context: &'c Context,
    pub(crate) connected: Connected,
    pub(crate) place: Box<dyn StateBackend>,
    /// What the lengths of time that were asked for are counted from.
    began: Instant,
}

/// Connects, does `work`, and closes the connection, however that ended; an emulator that is built in is
/// told of the flows of `manifests`.
pub(crate) async fn in_session<T>(
    context: &Context,
    manifests: &[Manifest],
    work: impl AsyncFnOnce(&Session<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let session = Session {
        context,
        began: Instant::now(),
        place: context.place()?,
        connected: connect(context, manifests).await?,
    };
    let result = work(&session).await;
    session.connected.close().await;
    result
}

impl Session<'_> {
    /// The state as it is now, without holding it; `None` where there is none.
    pub(crate) async fn load(&self) -> Result<Option<State>, Failure> {
        let state = load(self.place.as_ref(), Some(&self.connected.organization)).await;
        state.map_err(|error| self.context.unusable(&error))
    }

    /// Takes hold of the state; signals are heeded from here on.
    pub(crate) async fn hold(&self, lock: &LockArgs) -> Result<(HeldState<'_>, Signals), Failure> {
        let mut signals = Signals::listen()?;
        let organization = &self.connected.organization;
        let place = self.place.as_ref();
        let store = lock.hold(self.context, place, organization, &mut signals);
        let held = HeldState {
            store: store.await?,
            session: self,
        };
        Ok((held, signals))
    }
}

/// The state, held by this process alone.
pub(crate) struct HeldState<'s> {
    session: &'s Session<'s>,
    store: LockedStore,
}

impl HeldState<'_> {
    pub(crate) fn state(&self) -> &State {
        self.store.state()
    }

    /// Records these; durable when it returns.
    pub(crate) async fn append(&mut self, entries: Vec<Entry>) -> Result<(), Failure> {
        let appended = self.store.append(entries).await;
        appended.map_err(|error| self.session.context.unusable(&error))
    }

    /// Asks, unless there is no question; the state is kept meanwhile, however long that takes, and let
    /// go where the answer is not yes.
    pub(crate) async fn confirmed(
        mut self,
        question: Option<String>,
        signals: &mut Signals,
    ) -> Result<Option<Self>, Failure> {
        let Some(question) = question else {
            return Ok(Some(self));
        };
        let asked = self.store.keep_while(ask(&question, signals)).await;
        let confirmed = asked.map_err(|error| self.session.context.unusable(&error))?;
        if matches!(confirmed, Ok(true)) {
            return Ok(Some(self));
        }
        self.close().await?;
        confirmed.map(|_| None)
    }

    /// Carries `plan` out, its events shown, signals heeded: the state is let go when that has ended.
    pub(crate) async fn send(
        self,
        args: &SendArgs,
        plan: &Plan,
        settings: impl FnOnce(Settings) -> Settings,
        mut signals: Signals,
    ) -> Result<Applied, Failure> {
        let Session { context, began, .. } = self.session;
        let limits = &context.config.limits;
        let settings = settings(Settings {
            most_new: args.selection.limit(context).most(),
            follow: args.wait,
            max_active_runs: limits.max_active_runs,
            new_runs_per_day: limits.new_runs_per_day,
            deadline: args.deadline.map(|length| *began + length),
            timeout: args.timeout.map(|length| *began + length),
            concurrency: limits.concurrency,
            per_flow: limits.per_flow,
            settle_delay: context.settle_delay(),
            timestamps: context.config.wire.times(),
            delta_column: context.config.wire.delta_column,
            preflight: true,
            rejections_in_a_row: REJECTIONS_IN_A_ROW,
            is_retry: false,
        });
        let (events, seen) = mpsc::unbounded_channel();
        let (stopper, stop) = Stopper::new();
        let client = Arc::clone(&self.session.connected.client);
        let work = engine::apply(plan, self.store, client, settings, events, stop);
        let both = async { futures::join!(work, watch(context, seen)).0 };
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

    pub(crate) async fn close(&mut self) -> Result<(), Failure> {
        let closed = self.store.close().await;
        closed.map_err(|error| self.session.context.unusable(&error))
    }
}

/// How it ended, as an exit code, by severity; `detailed`: work that is left counts.
pub(crate) fn exit_of(applied: &Applied, plan: &Plan, detailed: bool) -> Exit {
    let counts = applied.counts(plan.held_back().len());
    let failed = applied.followed.iter();
    let failed: usize = failed.map(|it| it.counts.of(WindowStatus::Failed)).sum();
    match &applied.ending {
        Ending::Store(_) => Exit::State,
        Ending::SignIn(_) => Exit::SignIn,
        Ending::Interrupted => Exit::Interrupted,
        Ending::Breaker(_) => Exit::Guard,
        Ending::Unreachable(_) | Ending::AlwaysLater | Ending::Panicked => Exit::Unexpected,
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
    let failure = match ending {
        Ending::Done | Ending::Interrupted => return exit,
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
        Ending::Store(error) => context.unusable(&error),
        Ending::Unreachable(_) | Ending::AlwaysLater | Ending::Panicked => {
            let why = report::describe_ending(&ending).unwrap_or_default();
            Failure::new(
                exit,
                format!("stopped: {why}; what was not sent is left for the next apply"),
            )
        }
    };
    context.actions.annotate(|| failure.annotations());
    failure.report()
}
