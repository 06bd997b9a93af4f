//! One session with the state and the service, for verbs that change either: open, read, hold, confirm,
//! send, show. What a verb plans is its own.

use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::ask::ask;
use super::carry_out::{FollowArgs, SendSettings, carry_out};
use super::connect::{Connected, connect};
use super::context::Context;
use super::desired::{Paths, SelectionArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::lock::LockArgs;
use super::output::AnnotatedFormat;
use super::present;
use super::signals::Signals;
use crate::engine::Applied;
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::report::View;
use crate::state::{Entry, State};
use crate::store::{LockedStore, StateBackend, StoreError, load};

/// The flags of verbs that send.
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
    /// Also write the result to this file, as JSON, even on failure; a dry run writes the plan
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) format: AnnotatedFormat,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
    /// Exit with 2 when work is left for later, or with --dry-run would be done
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

impl SendArgs {
    pub(crate) fn report(&self) -> Option<&Path> {
        self.report.as_deref()
    }

    /// Whether the runs are followed to their end.
    pub(crate) fn waits(&self) -> bool {
        self.follow.wait
    }

    /// Whether anybody agrees, or can be asked to.
    pub(crate) fn can_be_confirmed(&self, context: &Context) -> bool {
        self.yes || self.dry_run || context.interactive
    }
}

/// The service and the place of the state.
pub(crate) struct Session<'c> {
    pub(crate) context: &'c Context,
    pub(crate) connected: Connected,
    place: Box<dyn StateBackend>,
    /// What the lengths of time that were asked for are counted from.
    began: Instant,
}

impl<'c> Session<'c> {
    /// Connects; the built-in emulator is told of the flows of `manifests`.
    pub(crate) async fn open(
        context: &'c Context,
        manifests: &[Manifest],
    ) -> Result<Self, Failure> {
        Ok(Self {
            context,
            began: Instant::now(),
            place: context.place()?,
            connected: connect(context, manifests).await?,
        })
    }

    /// The state as it is now, without holding it; `None` where there is none.
    pub(crate) async fn load(&self) -> Result<Option<State>, Failure> {
        load(self.place.as_ref(), Some(&self.connected.organization))
            .await
            .map_err(|error| self.failure(&error))
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

    /// Shows what was sent, and writes the report; how it all ended, if that is `exit`. What was done was
    /// done: a result that cannot be shown or written does not hide how it ended.
    pub(crate) fn show(&self, args: &SendArgs, view: &impl View, mut exit: Exit) -> Exit {
        let form = args.format.into();
        for written in present::present(self.context, view, form, args.report(), exit) {
            if let Err(failure) = written {
                exit = self.context.tell_unwritten(failure, exit);
            }
        }
        exit
    }

    pub(crate) async fn close(self) {
        self.connected.close().await;
    }

    fn failure(&self, error: &StoreError) -> Failure {
        Failure::state(&self.place.name(), error)
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
        appended.map_err(|error| self.session.failure(&error))
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
        let confirmed = asked.map_err(|error| self.session.failure(&error))?;
        if matches!(confirmed, Ok(true)) {
            return Ok(Some(self));
        }
        self.close().await?;
        confirmed.map(|_| None)
    }

    /// Carries `plan` out: the state is let go when that has ended.
    pub(crate) async fn send(
        self,
        args: &SendArgs,
        plan: &Plan,
        preflight: bool,
        is_retry: bool,
        signals: Signals,
    ) -> Result<Applied, Failure> {
        let Session {
            context,
            connected,
            began,
            ..
        } = self.session;
        let how = SendSettings {
            began: *began,
            follow: args.follow,
            preflight,
            most_new: args.selection.most_new(context),
            is_retry,
        };
        carry_out(context, how, plan, self.store, connected, signals).await
    }

    pub(crate) async fn close(&mut self) -> Result<(), Failure> {
        let closed = self.store.close().await;
        closed.map_err(|error| self.session.failure(&error))
    }
}
