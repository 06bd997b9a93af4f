//! `backfill status`: how the recorded runs of the manifests' flows are doing.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use console::Term;
use tokio::time::{Instant, sleep_until};

use super::plan::PlanWithState;
use crate::backoff::Backoff;
use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::desired::{ChoiceArgs, Paths};
use crate::cli::failure::Failure;
use crate::cli::length::parse_length;
use crate::cli::output::Format;
use crate::cli::present::{present, present_page};
use crate::cli::session::{Session, in_session};
use crate::cli::signals::Signals;
use crate::cli::silence::Silence;
use crate::manifest::Checked;
use crate::plan::{Limit, diff};
use crate::reconcile::status::{Recorded, Status, StatusRow, is_open};
use crate::reconcile::{LIST_SELDOM, LIST_SOON};
use crate::report::{
    ApplyProgress, ProgressDisplay, StatusView, fitting, still_watching, watch_line,
};
use crate::run::{FlowRef, WindowStatus};
use crate::state::{Holder, State};
use crate::store::{StoreError, load};
use crate::untrusted::Untrusted;

/// Flags of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Follow the runs until the service has finished them; Ctrl-C ends the watching
    #[arg(long)]
    watch: bool,
    /// Watch no longer than this, such as 2h; exits with 9 if some runs have not finished
    #[arg(long, value_name = "LENGTH", value_parser = parse_length, requires = "watch")]
    timeout: Option<Duration>,
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: Format,
    /// Also write the result to this file as a page for a browser, on failure too: one file that
    /// fetches nothing
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let until = flags.timeout.map(|length| Instant::now() + length);
    let checked = flags.paths.desired_if_any(context)?;
    let looked = in_session(context, &checked.manifests, async |session| {
        let mut reader = Reader {
            session,
            choice: &flags.choice,
            names: names(&checked),
            checked: &checked,
            state: None,
            holder: None,
            status: Status::default(),
        };
        let loaded = reader.load().await;
        loaded.map_err(|error| context.unusable(&error))?;
        check_choice(&flags.choice, &reader.recorded().rows())?;
        reader.look().await?;
        let end = if flags.watch {
            watch(&mut reader, until).await?
        } else {
            None
        };
        let Reader { state, status, .. } = reader;
        Ok((state, end.unwrap_or_else(|| exit_of(&status)), status))
    });
    let (state, exit, status) = looked.await?;
    let view = StatusView {
        status: &status,
        wanted: &checked.runs,
        plan: None,
    };
    let exit = present(context, &view, exit);
    if context.result.html.is_none() {
        return Ok(exit);
    }
    let limit = Limit::NewRunsPerApply(context.config.limits.new_runs_per_apply);
    let selection = flags.choice.selection(Some(limit));
    let plan = diff(checked.runs.clone(), state.as_ref()).select(&selection);
    let made = PlanWithState::at(context, plan, state);
    let plan = Some(made.view());
    Ok(present_page(context, &StatusView { plan, ..view }, exit))
}

fn names(checked: &Checked) -> HashMap<&FlowRef, &Untrusted> {
    let manifests = checked.manifests.iter();
    manifests.map(|it| (&*it.flow, &it.request.name)).collect()
}

/// What is named and not there is a slip.
fn check_choice(choice: &ChoiceArgs, rows: &[StatusRow]) -> Result<(), Failure> {
    let ChoiceArgs { flows, keys } = choice;
    let is_lost = |flow: &&_| !rows.iter().any(|row| row.identity.flow.id == **flow);
    if let Some(flow) = flows.iter().find(is_lost) {
        return Err(Failure::usage(format!(
            "no run of the flow {flow} is on record for these manifests"
        )));
    }
    let mut keys = keys.iter();
    match keys.find(|key| !rows.iter().any(|row| key.matches(&row.key))) {
        Some(key) => Err(Failure::usage(format!(
            "no run on record for these manifests has a key that begins with {key}"
        ))),
        None => Ok(()),
    }
}

/// What is on record, who is adding to it, and what was seen of it.
struct Reader<'a> {
    session: &'a Session<'a>,
    choice: &'a ChoiceArgs,
    checked: &'a Checked,
    names: HashMap<&'a FlowRef, &'a Untrusted>,
    state: Option<State>,
    /// Who holds the state, where requests are on their way.
    holder: Option<Holder>,
    status: Status,
}

impl Reader<'_> {
    /// Reads the state, and who is at work in it.
    async fn load(&mut self) -> Result<(), StoreError> {
        let place = self.session.place.as_ref();
        let organization = Some(&self.session.connected.organization);
        let state = load(place, organization).await?;
        let is_sending = |state: &State| state.records().any(|record| is_open(&record.fate));
        let is_sending = state.as_ref().is_some_and(is_sending);
        let holder = if is_sending {
            place.holder().await?
        } else {
            None
        };
        self.state = if is_sending && holder.is_none() {
            // Whoever made these intents may have ended since, and recorded what came of them.
            load(place, organization).await?
        } else {
            state
        };
        self.holder = holder;
        Ok(())
    }

    fn recorded(&self) -> Recorded<'_> {
        Recorded {
            state: self.state.as_ref(),
            holder: self.holder.as_ref(),
            names: &self.names,
            wanted: &self.checked.runs,
            settle_delay: self.session.context.settle_delay(),
        }
    }

    async fn look(&mut self) -> Result<(), Failure> {
        let ChoiceArgs { flows, keys } = self.choice;
        let is_asked_for = |row: &StatusRow| {
            (flows.is_empty() || flows.contains(&row.identity.flow.id))
                && (keys.is_empty() || keys.iter().any(|key| key.matches(&row.key)))
        };
        let (client, context) = (&self.session.connected.client, self.session.context);
        let concurrency = context.config.limits.concurrency;
        let mut status = std::mem::take(&mut self.status);
        let recorded = self.recorded();
        let looked = status.look(&recorded, is_asked_for, client, concurrency);
        looked.await?;
        self.status = status;
        Ok(())
    }
}

/// Reads again until all runs have finished and nobody adds to them, and shows how many have; how it
/// ends, if that comes first.
async fn watch(reader: &mut Reader<'_>, until: Option<Instant>) -> Result<Option<Exit>, Failure> {
    let (context, place) = (reader.session.context, reader.session.place.as_ref());
    let mut signals = Signals::listen()?;
    let mut display = context.shows_bars().then(ProgressDisplay::new);
    let mut gap = Backoff::new(LIST_SOON.max(place.asked_every()), LIST_SELDOM);
    let mut told = None;
    let (mut changed, mut silence) = (Instant::now(), Silence::new());
    loop {
        let status = &reader.status;
        let line = watch_line(status);
        let due = if told.as_ref() == Some(&line) {
            silence.is_over().then(|| still_watching(status, changed))
        } else {
            (changed, silence) = (Instant::now(), Silence::new());
            gap.reset();
            told = Some(line.clone());
            Some(line)
        };
        if let Some(display) = &mut display {
            display.draw(&ApplyProgress::of_status(status), Instant::now());
        } else if context.shows_lines() {
            for line in due.iter().flat_map(|due| fitting(&Term::stderr(), due)) {
                let _ = writeln!(io::stderr().lock(), "{line}");
            }
        }
        if !status.rows.iter().any(StatusRow::is_unfinished) {
            // A remote state may name a holder that is gone.
            let lease = place.lease();
            let may_be_gone = lease.is_some_and(|lease| changed.elapsed() >= lease);
            match place.holder().await {
                Ok(Some(_)) if !may_be_gone => {}
                // It is asked again.
                Err(error) if error.may_pass() => {}
                Ok(_) => return Ok(None),
                Err(error) => return Err(context.unusable(&error)),
            }
        }
        let again = Instant::now() + gap.next();
        tokio::select! {
            biased;
            () = signals.next() => return Ok(Some(Exit::Interrupted)),
            () = sleep_until(until.unwrap_or(again)), if until.is_some() => {
                return Ok(Some(Exit::TimedOut));
            }
            () = sleep_until(again) => {}
        }
        match reader.load().await {
            // What was on record is followed; the next look may find more.
            Err(error) if !error.may_pass() => return Err(context.unusable(&error)),
            _ => reader.look().await?,
        }
    }
}

/// By severity: what is in doubt is settled before anything else is judged.
fn exit_of(status: &Status) -> Exit {
    let has = |is| status.rows.iter().any(|row| row.status() == is);
    if has(WindowStatus::InDoubt) {
        Exit::InDoubt
    } else if !status.unread.is_empty() {
        Exit::Unexpected
    } else if has(WindowStatus::Failed) || has(WindowStatus::Rejected) {
        Exit::Rejected
    } else {
        Exit::Success
    }
}
