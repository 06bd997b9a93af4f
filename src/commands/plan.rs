//! `backfill plan`: what apply would do, from the manifests and the state alone.

use std::collections::HashMap;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::{CreateRun, CurlTarget, DeltaColumnRule, Rate};
use crate::cli::Exit;
use crate::cli::actions::Actions;
use crate::cli::context::Context;
use crate::cli::desired::{Paths, SelectionArgs};
use crate::cli::failure::Failure;
use crate::cli::github;
use crate::cli::outcomes;
use crate::cli::output::{self, Format, ResultArgs};
use crate::cli::present::{layout, present, present_page};
use crate::cli::project::Project;
use crate::cli::session::{Session, in_session};
use crate::manifest::{Checked, Problem};
use crate::plan::{
    Action, Explained, Forecast, Known, Pace, Plan, PlannedRun, ReviewedPlan, diff, explain,
};
use crate::reconcile::look::Look;
use crate::reconcile::matching::Existing;
use crate::reconcile::{Moment, observe};
use crate::report::{self, BlockedFlow, PlanView, View};
use crate::run::{DesiredRun, FlowRef, Key, KeyPrefix, RunIdentity, Sandbox, Source, UnixSeconds};
use crate::state::{Fate, Record, State};

/// How many conflicts an error names before it counts the rest.
const NAMED: usize = 5;

/// Flags of `plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    pub(super) result: ResultArgs,
    /// Also look at the service, by reads alone: check the flows, find runs that exist, settle doubts
    #[arg(long)]
    online: bool,
    /// Exit with 2 when there is something to do
    #[arg(long)]
    detailed_exitcode: bool,
    /// Keep one comment on the pull request up to date with the plan; for GitHub Actions, with
    /// `GITHUB_TOKEN`
    #[arg(long)]
    comment: bool,
    /// Also write the plan to this file as a page for a browser, on failure too: one file that
    /// fetches nothing
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Explain the one run whose key begins with KEY, and why it is planned as it is
    #[arg(long, value_name = "KEY", conflicts_with_all = ["keys", "format", "detailed_exitcode", "comment", "report", "html"])]
    explain: Option<KeyPrefix>,
}

impl Flags {
    /// What there is to do where not even the config can be read: plans of earlier commits do not hold.
    pub(super) async fn unplanned(
        &self,
        project: &Project,
        sandbox: Option<&Sandbox>,
        failure: &Failure,
        actions: &Actions,
    ) -> Result<(), Failure> {
        if !self.comment {
            return Ok(());
        }
        let markdown = failure.view("plan").markdown(github::ROOM);
        let manifests = self.paths.as_given(project);
        github::supersede(actions, project.config(), &manifests, sandbox, &markdown).await
    }
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let made = make(context, &flags.paths, &flags.selection, None, flags.online).await;
    if let Some(prefix) = &flags.explain {
        let made = made?;
        let explained = explain(&made.plan, made.state.as_ref(), prefix)?;
        let now = UnixSeconds::clamped(Timestamp::now().as_second());
        let request = request(context, &explained, made.state.as_ref(), now);
        let (request, layout) = (request.as_deref(), layout(context));
        output::raw(|out| report::write_explained(out, &explained, request, now, layout))?;
        return Ok(Exit::Success);
    }
    let commented = if flags.comment {
        // A comment with the plan of an earlier commit would mislead the reviewer of this one.
        let markdown = match &made {
            Ok(made) => made.view().markdown(github::ROOM).unwrap_or_default(),
            Err(failure) => failure.view("plan").markdown(github::ROOM),
        };
        github::comment(context, &flags.paths.as_given(&context.project), &markdown).await
    } else {
        Ok(())
    };
    let shown = made.and_then(|made| made.show(context, flags.detailed_exitcode));
    let exit = shown
        .as_ref()
        .map_or_else(|failure| failure.exit, |exit| *exit);
    let exit = context.tell_unwritten(commented, exit);
    shown.map(|_| exit)
}

/// A plan and what it was made from.
#[derive(Debug)]
pub(super) struct PlanWithState {
    plan: Plan,
    forecast: Option<Forecast>,
    state: Option<State>,
    /// What was found in the manifests; no errors.
    problems: Vec<Problem>,
    /// The flows that nothing can be sent to, where the service was looked at.
    blocked: Option<Vec<BlockedFlow>>,
}

impl PlanWithState {
    /// A plan of this moment, made from `state`.
    pub(super) fn at(context: &Context, plan: Plan, state: Option<State>) -> Self {
        Self {
            forecast: forecast(context, &plan, state.as_ref()),
            plan,
            state,
            problems: Vec::new(),
            blocked: None,
        }
    }

    pub(super) fn view(&self) -> PlanView<'_> {
        PlanView {
            plan: &self.plan,
            state: self.state.as_ref(),
            forecast: self.forecast.as_ref(),
            problems: &self.problems,
            blocked: self.blocked.as_deref(),
        }
    }

    /// Shows it, and does not carry it out.
    pub(super) fn show(&self, context: &Context, detailed_exitcode: bool) -> Result<Exit, Failure> {
        warn_of_held_back(context, &self.plan);
        let exit = present(context, &self.view(), self.exit(detailed_exitcode));
        let exit = present_page(context, &self.view(), exit);
        if self.plan.contradicts_state() {
            return Err(conflict(&self.plan));
        }
        Ok(exit)
    }

    fn exit(&self, detailed_exitcode: bool) -> Exit {
        let blocked = self.blocked.as_deref().unwrap_or_default();
        if blocked.iter().any(|flow| flow.reason.is_unanswered()) {
            Exit::Unexpected
        } else if !blocked.is_empty() || self.plan.conflicts().next().is_some() {
            Exit::Rejected
        } else if detailed_exitcode && self.plan.totals().has_changes() {
            Exit::Changes
        } else {
            Exit::Success
        }
    }
}

/// Says beside a document what a program may overlook in it.
pub(super) fn warn_of_held_back(context: &Context, plan: &Plan) {
    if context.result.format == Format::Json
        && !context.quiet
        && let Some(held_back) = report::describe_held_back(plan)
    {
        let _ = writeln!(io::stderr().lock(), "warning: {held_back}");
    }
}

/// The plan, without holding the state: no more than was `reviewed`. `online`: the service is looked at.
pub(super) async fn make(
    context: &Context,
    paths: &Paths,
    selection: &SelectionArgs,
    reviewed: Option<Arc<ReviewedPlan>>,
    online: bool,
) -> Result<PlanWithState, Failure> {
    let Checked {
        runs,
        manifests,
        problems,
        ..
    } = paths.desired_if_any(context)?;
    let state = context.inspect().await?.map(|inspected| inspected.state);
    let plan = planned(context, runs, state.as_ref(), reviewed.as_ref());
    let plan = selection.select(plan)?;
    let made = if online {
        in_session(context, &manifests, async move |session| {
            look(session, plan, selection, state).await
        })
        .await?
    } else {
        PlanWithState::at(context, selection.limited(context, plan), state)
    };
    Ok(PlanWithState { problems, ..made })
}

/// The plan as the service is: what it lists of runs on record counts more than what was recorded
/// of them, what exists is adopted, and nothing is sent to the flows that are blocked.
async fn look(
    session: &Session<'_>,
    plan: Plan,
    selection: &SelectionArgs,
    state: Option<State>,
) -> Result<PlanWithState, Failure> {
    let (context, connected) = (session.context, &session.connected);
    let is_kept = state.is_some();
    let mut state = state.unwrap_or_else(|| State::new(connected.organization.clone()));
    let is_unfinished = |record: &Record| {
        let seen = record.last_seen();
        seen.is_none_or(|seen| !seen.status.is_finished())
    };
    let unfinished = outcomes::recorded(&plan, &state, is_unfinished);
    let concurrency = context.config.limits.concurrency;
    // A flow that cannot be listed is told of where that keeps anything from being sent.
    let lists = outcomes::runs_with(unfinished, &connected.client, concurrency).await?;
    for runs in lists.into_iter().flatten() {
        outcomes::take_in(&mut state, &runs, Timestamp::now(), context)?;
    }
    let plan = plan.with_outcomes_of(&state);
    let flows = plan.flows().count();
    context.say(&format!("looking at {}", report::number(flows, "flow")));
    let client = &session.connected.client;
    let mut look = Look::new(&state, client.api_key(), context.settle_delay());
    let is_open = |it: &PlannedRun| it.action.creates() || it.action == Action::Settle;
    let flows: Vec<_> = plan.flows().filter(|it| it.iter().any(is_open)).collect();
    let queries = flows.iter().map(|runs| {
        let flow = FlowRef::clone(&runs[0].run.identity.flow);
        let query = look.query(&flow);
        (flow, query)
    });
    let seen = observe(client, queries, concurrency).await?;
    let mut blocked = Vec::new();
    let mut known: HashMap<Key, Known> = HashMap::new();
    for (runs, (flow, seen)) in flows.into_iter().zip(&seen) {
        let to_create = runs.iter().filter(|it| it.action.creates());
        let to_create: Vec<&DesiredRun> = to_create.map(|it| &it.run).collect();
        let request = &runs[0].run.request;
        let now = Moment::now(client);
        let findings = look.findings(flow, &request.source, &to_create, seen, now);
        for (identity, existing) in findings.found {
            known.insert(identity.key(), found(identity, existing));
        }
        let left = to_create
            .iter()
            .filter(|run| !known.contains_key(&run.key()));
        let left = left.count();
        blocked.extend(
            findings
                .blocked
                .filter(|_| left > 0)
                .map(|reason| BlockedFlow {
                    flow: flow.clone(),
                    name: request.name.clone(),
                    runs: left,
                    reason,
                }),
        );
    }
    let plan = plan.adopting(known);
    let plan = plan.blocking(&blocked.iter().map(|flow| &flow.flow).collect());
    let plan = selection.limited(context, plan);
    Ok(PlanWithState {
        blocked: Some(blocked),
        ..PlanWithState::at(context, plan, is_kept.then_some(state))
    })
}

/// What was found of a run, as a plan has it.
fn found(identity: RunIdentity, existing: Existing<'_>) -> Known {
    match existing {
        Existing::InTheWay(other) => Known::in_the_way(&identity.flow, other),
        Existing::Run(run, evidence) => Known {
            identity,
            fate: Fate::Created {
                run_id: run.id.clone(),
                adopted: Some(Box::new(evidence)),
                at: Timestamp::now(),
                sent_at: None,
            },
            last_seen: None,
            other: None,
        },
    }
}

/// What `desired` and `state` differ in, of this organization; no more than what was `reviewed`.
pub(super) fn planned(
    context: &Context,
    desired: Vec<DesiredRun>,
    state: Option<&State>,
    reviewed: Option<&Arc<ReviewedPlan>>,
) -> Plan {
    let now = UnixSeconds::clamped(Timestamp::now().as_second());
    let plan = diff(desired, state)
        .of_organization(context.organization.clone())
        .at(now);
    match reviewed {
        Some(reviewed) => plan.only(reviewed),
        None => plan,
    }
}

/// The request that would be sent for a run, as a command for a support ticket.
fn request(
    context: &Context,
    explained: &Explained,
    state: Option<&State>,
    now: UnixSeconds,
) -> Option<String> {
    let planned = explained.to_send()?;
    let wire = &context.config.wire;
    let DesiredRun {
        identity,
        start_time,
        request,
        line: _,
    } = &planned.run;
    let target = CurlTarget {
        endpoint: &context.endpoint,
        // The emulator's is nobody's.
        organization: context.organization.as_ref().filter(|_| !context.emulator),
        sandbox: &identity.flow.sandbox,
    };
    let own = planned
        .known
        .as_ref()
        .filter(|_| planned.action == Action::Settle);
    if let Some(attempt) = own.and_then(|known| known.fate.retried()) {
        return Some(target.retry(&attempt.run_id, wire.dialect().retry_word));
    }
    let mut recorded = state.into_iter().flat_map(|it| it.of_flow(&identity.flow));
    let is_first = !recorded.any(|record| record.fate.run_id().is_some());
    let delta_column = match &*request.source {
        Source::Table(column) if is_first || wire.delta_column == DeltaColumnRule::Always => {
            Some(column.clone())
        }
        _ => None,
    };
    Some(target.create(&CreateRun::new(
        identity.flow.id,
        start_time.map_or(now, |asked| asked.max(now)),
        identity.window,
        delta_column,
        wire.times(),
    )))
}

/// What carrying out `plan`, made from `state`, will take by the limits of the config.
pub(super) fn forecast(context: &Context, plan: &Plan, state: Option<&State>) -> Option<Forecast> {
    let limits = &context.config.limits;
    let pace = Pace {
        per_second: (limits.rate != Rate::UNLIMITED).then(|| limits.rate.get()),
        new_runs_per_day: limits.new_runs_per_day,
        max_active_runs: limits.max_active_runs.map(NonZeroUsize::get),
        is_emulated: context.emulator,
    };
    Forecast::of(plan, state, pace, Timestamp::now())
}

/// Windows that overlap what was ingested: the manifests are wrong, and nothing is sent.
pub(super) fn conflict(plan: &Plan) -> Failure {
    let conflicts: Vec<_> = plan.conflicts().cloned().collect();
    let number = conflicts.len();
    let what = match number {
        1 => "1 window overlaps one that was ingested already".to_owned(),
        _ => format!("{number} windows overlap windows that were ingested already"),
    };
    let named = &conflicts[..number.min(NAMED)];
    let mut failure = Failure::usage(format!("{what}; nothing was sent"))
        .details(report::describe_conflicts(named))
        .and_more(number, NAMED)
        .hint("change them, or say `overlap: allow` in their manifest if that is wanted");
    failure.conflicts = conflicts;
    failure
}
