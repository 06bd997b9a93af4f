//! `backfill status`: how the recorded runs of the manifests' flows are doing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Write};
use std::time::Duration;

use console::Term;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;

use super::plan;
use crate::api::{ApiError, Client, FlowRun};
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
use crate::manifest::Manifest;
use crate::plan::{Limit, Selection, diff};
use crate::report::{
    ApplyProgress, PlanView, ProgressDisplay, RunListing, Standing, Status, StatusRow, StatusView,
    Unread, fitting, watch_line,
};
use crate::run::{FlowId, FlowRef, KeyPrefix, RunId};
use crate::state::{Fate, State};
use crate::store::load;
use crate::untrusted::Untrusted;

/// Lists are read again after this, where something has changed.
const SOON: Duration = Duration::from_secs(1);
/// And after this at the latest.
const SELDOM: Duration = Duration::from_secs(30);

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
    let checked = flags.paths.desired(context)?;
    let connected = connect(context, &checked.manifests).await?;
    let place = context.place()?;
    let state = load(place.as_ref(), Some(&connected.organization))
        .await
        .map_err(|error| Failure::state(&place.name(), &error))?;
    let mut rows = state
        .as_ref()
        .map_or_else(Vec::new, |state| recorded(state, &checked.manifests));
    rows.sort_by(|a, b| a.identity.cmp(&b.identity));
    let rows = selected(flags, rows)?;
    let reader = Reader {
        state: state.as_ref(),
        client: &connected.client,
        concurrency: context.config.limits.concurrency,
    };
    let mut status = Status {
        rows,
        unread: Vec::new(),
    };
    reader.read(&mut status, |_| true).await?;
    let end = if flags.watch {
        watch(context, &reader, &mut status, until).await?
    } else {
        WatchEnd::Finished
    };
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

/// Those that were asked for; what is named and not there is a slip.
fn selected(flags: &Flags, rows: Vec<StatusRow>) -> Result<Vec<StatusRow>, Failure> {
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
    let is_asked_for = |row: &StatusRow| {
        (flows.is_empty() || flows.contains(&row.identity.flow.id))
            && (keys.is_empty() || keys.iter().any(|key| key.matches(&row.key)))
    };
    Ok(rows.into_iter().filter(is_asked_for).collect())
}

/// What the state has of the manifests' flows, what does not exist aside.
fn recorded(state: &State, manifests: &[Manifest]) -> Vec<StatusRow> {
    let names: HashMap<&FlowRef, &Manifest> = manifests
        .iter()
        .map(|manifest| (&*manifest.flow, manifest))
        .collect();
    state
        .records()
        .filter_map(|record| {
            let identity = &record.identity;
            let manifest = names.get(&*identity.flow)?;
            let run_id = match &record.fate {
                Fate::Created { run_id, .. } => Some(run_id.clone()),
                Fate::InDoubt { .. } => None,
                Fate::Rejected { .. } | Fate::NotCreated(_) => return None,
            };
            Some(StatusRow {
                identity: identity.clone(),
                key: identity.key(),
                name: manifest.name.clone(),
                run_id,
                attempt: record.attempt(),
                seen: RunListing::NotListed,
            })
        })
        .collect()
}

/// Reads lists, and puts each run to its row.
struct Reader<'a> {
    state: Option<&'a State>,
    client: &'a Client,
    concurrency: usize,
}

impl Reader<'_> {
    /// Lists the runs of the flows that have a row that is asked for, some flows at once: no more
    /// pages than it takes to see all of these rows.
    async fn read(
        &self,
        status: &mut Status,
        is_asked_for: impl Fn(&StatusRow) -> bool,
    ) -> Result<(), ApiError> {
        let mut flows: BTreeMap<FlowRef, (Untrusted, HashSet<RunId>)> = BTreeMap::new();
        for row in status.rows.iter().filter(|row| is_asked_for(row)) {
            let flow = FlowRef::clone(&row.identity.flow);
            let (_, ids) = flows
                .entry(flow)
                .or_insert_with(|| (row.name.clone(), HashSet::new()));
            ids.extend(row.run_id.clone());
        }
        let asked: HashSet<FlowRef> = flows.keys().cloned().collect();
        let lists: Vec<_> = stream::iter(flows)
            .map(|(flow, (name, ids))| async move {
                let list = runs_of(self.client, &flow, &ids).await;
                ((flow, name), list)
            })
            .buffered(self.concurrency)
            .collect()
            .await;

        let mut runs: HashMap<RunId, FlowRun> = HashMap::new();
        status.unread.retain(|unread| !asked.contains(&unread.flow));
        for ((flow, name), list) in lists {
            match list {
                Ok(list) => runs.extend(list.into_iter().map(|run| (run.id.clone(), run))),
                Err(error) => status.unread.push(Unread {
                    name,
                    flow,
                    why: error.of_one_flow()?,
                }),
            }
        }
        let not_read: HashSet<&FlowRef> = status.unread.iter().map(|unread| &unread.flow).collect();
        for row in status.rows.iter_mut().filter(|row| is_asked_for(row)) {
            row.seen = if not_read.contains(&*row.identity.flow) {
                RunListing::NotRead
            } else {
                match row.run_id.as_ref().and_then(|id| runs.remove(id)) {
                    Some(run) if self.is_of_attempt_before(row, &run) => RunListing::RunsAgain,
                    Some(run) => RunListing::Run(Box::new(run)),
                    None => RunListing::NotListed,
                }
            };
        }
        Ok(())
    }

    fn is_of_attempt_before(&self, row: &StatusRow, run: &FlowRun) -> bool {
        let record = self.state.and_then(|state| state.get(&row.identity));
        record.is_some_and(|record| record.is_of_attempt_before(&run.seen(Timestamp::now())))
    }
}

/// A flow's runs, `ids` among them. A flow that is hidden has an empty list, as if all of its runs
/// had vanished.
async fn runs_of(
    client: &Client,
    flow: &FlowRef,
    ids: &HashSet<RunId>,
) -> Result<Vec<FlowRun>, ApiError> {
    let runs = client.runs_with(flow, ids).await?;
    if runs.is_empty() {
        client.flow(flow).await?;
    }
    Ok(runs)
}

/// How a watching ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WatchEnd {
    Finished,
    TimedOut,
    Interrupted,
}

/// Reads again until all runs have finished, and shows how many have.
async fn watch(
    context: &Context,
    reader: &Reader<'_>,
    status: &mut Status,
    until: Option<Instant>,
) -> Result<WatchEnd, Failure> {
    let mut signals = Signals::listen()?;
    let mut display = context
        .shows_bars()
        .then(|| ProgressDisplay::new(context.colour.1));
    let mut gap = SOON;
    let mut told = None;
    loop {
        let line = watch_line(status);
        if let Some(display) = &mut display {
            display.draw(&ApplyProgress::of_status(status), Instant::now());
        } else if context.shows_lines() && told.as_ref() != Some(&line) {
            for line in fitting(&Term::stderr(), &line) {
                let _ = writeln!(io::stderr().lock(), "{line}");
            }
        }
        if told
            .replace(line.clone())
            .is_some_and(|before| before != line)
        {
            gap = SOON;
        }
        if !status.rows.iter().any(StatusRow::is_unfinished) {
            return Ok(WatchEnd::Finished);
        }
        let again = Instant::now() + gap;
        gap = (gap * 2).min(SELDOM);
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
        reader.read(status, StatusRow::is_unfinished).await?;
    }
}

/// By severity: what is in doubt is settled before anything else is judged.
fn exit_of(status: &Status) -> Exit {
    let has = |standing| status.rows.iter().any(|row| row.standing() == standing);
    if has(Standing::InDoubt) {
        Exit::InDoubt
    } else if !status.unread.is_empty() {
        Exit::Unexpected
    } else if has(Standing::Failed) {
        Exit::Rejected
    } else {
        Exit::Success
    }
}
