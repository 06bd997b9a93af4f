//! `backfill status`: how the recorded runs of the manifests' flows are doing.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Write};
use std::time::Duration;

use console::Term;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::plan;
use crate::api::{ApiError, Client, FlowRun};
use crate::backoff::Backoff;
use crate::cli::Exit;
use crate::cli::connect::connect;
use crate::cli::context::Context;
use crate::cli::desired::Paths;
use crate::cli::failure::Failure;
use crate::cli::length::parse_length;
use crate::cli::output::{AnnotatedFormat, also};
use crate::cli::page::HtmlArgs;
use crate::cli::present::show_result;
use crate::cli::signals::Signals;
use crate::cli::silence::Silence;
use crate::manifest::{Checked, Manifest};
use crate::plan::{Limit, Selection, diff};
use crate::reconcile::status::{RunListing, Status, StatusRow, Unread};
use crate::reconcile::{LIST_SELDOM, LIST_SOON, Query, observe};
use crate::report::{
    ApplyProgress, PlanView, ProgressDisplay, StatusView, fitting, still_watching, watch_line,
};
use crate::run::{
    FlowId, FlowRef, Key, KeyPrefix, OrganizationId, RunId, RunIdentity, WindowStatus,
};
use crate::state::{Fate, Holder, State};
use crate::store::{StateBackend, StoreError, load};
use crate::untrusted::Untrusted;

/// Flags of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    /// Only this flow; may be repeated
    #[arg(long = "flow", value_name = "FLOW_ID")]
    flows: Vec<FlowId>,
    /// Only the run whose key begins with KEY; may be repeated
    #[arg(long = "only", value_name = "KEY")]
    keys: Vec<KeyPrefix>,
    /// Follow the runs until the service has finished them; Ctrl-C ends the watching
    #[arg(long)]
    watch: bool,
    /// Watch no longer than this, such as 2h; exits with 9 if some runs have not finished
    #[arg(long, value_name = "LENGTH", value_parser = parse_length, requires = "watch")]
    timeout: Option<Duration>,
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: AnnotatedFormat,
    #[command(flatten)]
    html: HtmlArgs,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let result = status(context, flags).await;
    let paged = match &result {
        Err(failure) => flags.html.write_failure("status", failure),
        Ok(_) => Ok(()),
    };
    also(&context.actions, "status", result, paged)
}

async fn status(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let until = flags.timeout.map(|length| Instant::now() + length);
    let checked = flags.paths.desired_if_any(context)?;
    let connected = connect(context, &checked.manifests).await?;
    let place = context.place()?;
    let reader = Reader {
        context,
        flags,
        checked: &checked,
        place: place.as_ref(),
        organization: &connected.organization,
        client: &connected.client,
    };
    let mut known = reader.load().await.map_err(|it| reader.failure(&it))?;
    if !flags.flows.is_empty() || !flags.keys.is_empty() {
        check_selection(flags, &reader.recorded(&known))?;
    }
    let mut status = Status::default();
    reader.look(&known, &mut status).await?;
    let end = if flags.watch {
        watch(&reader, &mut known, &mut status, until).await?
    } else {
        WatchEnd::Finished
    };
    let state = known.state;
    connected.close().await;

    let exit = match end {
        WatchEnd::Finished => exit_of(&status),
        WatchEnd::TimedOut => Exit::TimedOut,
        WatchEnd::Interrupted => Exit::Interrupted,
    };
    let plan = flags.html.is_asked().then(|| {
        let selection = Selection {
            flows: flags.flows.clone(),
            keys: flags.keys.clone(),
            limit: Some(Limit::NewRunsPerApply(
                context.config.limits.new_runs_per_apply,
            )),
        };
        let plan = diff(checked.runs.clone(), state.as_ref()).select(&selection);
        let forecast = plan::forecast(context, &plan, state.as_ref());
        (plan, forecast)
    });
    let view = StatusView {
        status: &status,
        wanted: &checked.runs,
        plan: plan.as_ref().map(|(plan, forecast)| PlanView {
            forecast: forecast.as_ref(),
            ..PlanView::of(plan, state.as_ref())
        }),
    };
    let shown = show_result(context, &view, flags.format, exit);
    let paged = flags.html.write(&view);
    also(&context.actions, "status", shown, paged)?;
    Ok(exit)
}

/// What is named and not there is a slip.
fn check_selection(flags: &Flags, rows: &[StatusRow]) -> Result<(), Failure> {
    let Flags { flows, keys, .. } = flags;
    let has_flow = |flow: &FlowId| rows.iter().any(|row| row.identity.flow.id == *flow);
    if let Some(flow) = flows.iter().find(|flow| !has_flow(flow)) {
        return Err(Failure::usage(format!(
            "no run of the flow {flow} is on record for these manifests"
        )));
    }
    let has_key = |key: &KeyPrefix| rows.iter().any(|row| key.matches(&row.key));
    if let Some(key) = keys.iter().find(|key| !has_key(key)) {
        return Err(Failure::usage(format!(
            "no run on record for these manifests has a key that begins with {key}"
        )));
    }
    Ok(())
}

/// What is on record, and who is adding to it.
struct Known {
    state: Option<State>,
    /// Who holds the state, where requests are on their way.
    holder: Option<Holder>,
}

/// Reads the state and the lists, and puts each run to its row.
struct Reader<'a> {
    context: &'a Context,
    flags: &'a Flags,
    checked: &'a Checked,
    place: &'a dyn StateBackend,
    organization: &'a OrganizationId,
    client: &'a Client,
}

impl Reader<'_> {
    /// The state, and who is at work in it.
    async fn load(&self) -> Result<Known, StoreError> {
        let state = load(self.place, Some(self.organization)).await?;
        let is_sending = |state: &State| state.records().any(|record| is_open(&record.fate));
        if !state.as_ref().is_some_and(is_sending) {
            let holder = None;
            return Ok(Known { state, holder });
        }
        let holder = self.place.holder().await?;
        let state = match holder {
            Some(_) => state,
            // Whoever made these intents may have ended since, and recorded what came of them.
            None => load(self.place, Some(self.organization)).await?,
        };
        Ok(Known { state, holder })
    }

    fn failure(&self, error: &StoreError) -> Failure {
        Failure::state(&self.place.name(), error)
    }

    /// What the state has of the manifests' flows: runs that exist or may, and of those that were
    /// rejected the ones that are still wanted.
    fn recorded(&self, known: &Known) -> Vec<StatusRow> {
        let names: HashMap<&FlowRef, &Manifest> = self
            .checked
            .manifests
            .iter()
            .map(|manifest| (&*manifest.flow, manifest))
            .collect();
        let wanted: LazyCell<HashSet<&RunIdentity>, _> =
            LazyCell::new(|| self.checked.runs.iter().map(|run| &run.identity).collect());
        let mut rows: Vec<StatusRow> = known
            .state
            .iter()
            .flat_map(State::records)
            .filter_map(|record| {
                let identity = &record.identity;
                let manifest = names.get(&*identity.flow)?;
                let seen = match &record.fate {
                    Fate::Rejected { refusal, .. } if wanted.contains(identity) => {
                        RunListing::Rejected(refusal.clone())
                    }
                    Fate::Rejected { .. } | Fate::NotCreated(_) => return None,
                    fate if known.holder.is_some() && self.is_on_its_way(fate) => {
                        RunListing::Sending
                    }
                    Fate::Created { .. } | Fate::InDoubt(_) => RunListing::NotListed,
                };
                Some(StatusRow {
                    identity: identity.clone(),
                    key: identity.key(),
                    name: manifest.request.name.clone(),
                    run_id: record.fate.run_id().cloned(),
                    attempt: record.attempt(),
                    seen,
                })
            })
            .collect();
        rows.sort_by(|a, b| a.identity.cmp(&b.identity));
        rows
    }

    /// Whether an answer to the request is still to be expected, if its sender is at work.
    fn is_on_its_way(&self, fate: &Fate) -> bool {
        let settle_delay =
            SignedDuration::try_from(self.context.settle_delay()).unwrap_or(SignedDuration::MAX);
        match fate {
            Fate::InDoubt(in_doubt) => {
                let age = Timestamp::now().duration_since(in_doubt.intent.time());
                is_open(fate) && age < settle_delay
            }
            _ => false,
        }
    }

    fn is_asked_for(&self, row: &StatusRow) -> bool {
        let Flags { flows, keys, .. } = self.flags;
        (flows.is_empty() || flows.contains(&row.identity.flow.id))
            && (keys.is_empty() || keys.iter().any(|key| key.matches(&row.key)))
    }

    /// Brings `status` up to date with what is on record now, and with the lists: those runs that
    /// were seen to have finished are not looked at again.
    async fn look(&self, known: &Known, status: &mut Status) -> Result<(), ApiError> {
        let before: HashMap<Key, StatusRow> = status
            .rows
            .drain(..)
            .filter(|row| row.run_id.is_some())
            .map(|row| (row.key, row))
            .collect();
        status.rows = self.recorded(known);
        status.rows.retain(|row| self.is_asked_for(row));
        status.holder.clone_from(&known.holder);
        for row in &mut status.rows {
            let same = before
                .get(&row.key)
                .filter(|before| before.run_id == row.run_id && before.attempt == row.attempt);
            if let Some(before) = same {
                row.seen = before.seen.clone();
            }
        }
        let is_first = before.is_empty();
        self.read(known, status, |row| is_first || row.is_unfinished())
            .await
    }

    /// Lists the runs of the flows that have a row that is asked for, some flows at once: no more
    /// pages than it takes to see all of these rows.
    async fn read(
        &self,
        known: &Known,
        status: &mut Status,
        is_asked_for: impl Fn(&StatusRow) -> bool,
    ) -> Result<(), ApiError> {
        let mut flows: BTreeMap<FlowRef, HashSet<RunId>> = BTreeMap::new();
        let mut names: HashMap<FlowRef, Untrusted> = HashMap::new();
        for row in status.rows.iter().filter(|row| is_asked_for(row)) {
            let flow = FlowRef::clone(&row.identity.flow);
            names.insert(flow.clone(), row.name.clone());
            flows.entry(flow).or_default().extend(row.run_id.clone());
        }
        let queries = flows
            .into_iter()
            .map(|(flow, ids)| (flow, Query::with(ids)));
        let concurrency = self.context.config.limits.concurrency;
        let lists = observe(self.client, queries, concurrency).await?;

        let mut runs: HashMap<RunId, FlowRun> = HashMap::new();
        status
            .unread
            .retain(|unread| !names.contains_key(&unread.flow));
        for (flow, list) in lists {
            match list.runs {
                Ok(list) => runs.extend(list.into_iter().map(|run| (run.id.clone(), run))),
                Err(error) => status.unread.push(Unread {
                    name: names
                        .remove(&flow)
                        .unwrap_or_else(|| flow.id.to_string().into()),
                    flow,
                    why: error.to_string(),
                }),
            }
        }
        let not_read: HashSet<&FlowRef> = status.unread.iter().map(|unread| &unread.flow).collect();
        for row in status.rows.iter_mut().filter(|row| is_asked_for(row)) {
            let Some(id) = &row.run_id else { continue };
            row.seen = if not_read.contains(&*row.identity.flow) {
                RunListing::NotRead
            } else {
                match runs.remove(id) {
                    Some(run) if known.is_of_attempt_before(row, &run) => RunListing::RunsAgain,
                    Some(run) => RunListing::Run(Box::new(run)),
                    None => RunListing::NotListed,
                }
            };
        }
        Ok(())
    }
}

impl Known {
    fn is_of_attempt_before(&self, row: &StatusRow, run: &FlowRun) -> bool {
        let state = self.state.as_ref();
        let record = state.and_then(|state| state.get(&row.identity));
        record.is_some_and(|record| record.is_of_attempt_before(&run.seen(Timestamp::now())))
    }
}

/// Whether it is an intent of which nothing came back yet.
fn is_open(fate: &Fate) -> bool {
    matches!(fate, Fate::InDoubt(in_doubt) if in_doubt.doubt.is_none())
}

/// How a watching ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WatchEnd {
    Finished,
    TimedOut,
    Interrupted,
}

/// Reads again until all runs have finished and nobody adds to them, and shows how many have.
async fn watch(
    reader: &Reader<'_>,
    known: &mut Known,
    status: &mut Status,
    until: Option<Instant>,
) -> Result<WatchEnd, Failure> {
    let context = reader.context;
    let mut signals = Signals::listen()?;
    let mut display = context
        .shows_bars()
        .then(|| ProgressDisplay::new(context.colour.1));
    let soon = LIST_SOON.max(reader.place.asked_every());
    let mut gap = Backoff::new(soon, LIST_SELDOM);
    let mut told = None;
    let (mut changed, mut silence) = (Instant::now(), Silence::new());
    loop {
        let line = watch_line(status);
        let due = if told.as_ref() == Some(&line) {
            silence.is_over().then(|| still_watching(status, changed))
        } else {
            (changed, silence) = (Instant::now(), Silence::new());
            Some(line.clone())
        };
        if let Some(display) = &mut display {
            display.draw(&ApplyProgress::of_status(status), Instant::now());
        } else if context.shows_lines() {
            for line in due.iter().flat_map(|due| fitting(&Term::stderr(), due)) {
                let _ = writeln!(io::stderr().lock(), "{line}");
            }
        }
        if told
            .replace(line.clone())
            .is_some_and(|before| before != line)
        {
            gap.reset();
            changed = Instant::now();
        }
        if !status.rows.iter().any(StatusRow::is_unfinished) {
            // A remote state may name a holder that is gone.
            let lease = reader.place.lease();
            let may_be_gone = lease.is_some_and(|lease| changed.elapsed() >= lease);
            match reader.place.holder().await {
                Ok(Some(_)) if !may_be_gone => {}
                // It is asked again.
                Err(error) if error.may_pass() => {}
                Ok(_) => return Ok(WatchEnd::Finished),
                Err(error) => return Err(reader.failure(&error)),
            }
        }
        let again = Instant::now() + gap.next();
        let timeout = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = signals.next() => return Ok(WatchEnd::Interrupted),
            () = timeout => return Ok(WatchEnd::TimedOut),
            () = tokio::time::sleep_until(again) => {}
        }
        match reader.load().await {
            Ok(loaded) => *known = loaded,
            // What was on record is followed; the next look may find more.
            Err(error) if error.may_pass() => {}
            Err(error) => return Err(reader.failure(&error)),
        }
        reader.look(known, status).await?;
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
