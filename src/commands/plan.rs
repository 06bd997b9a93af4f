//! `backfill plan`: what apply would do, from the manifests and the state alone.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use jiff::Timestamp;

use crate::api::{CreateRun, CurlTarget, DeltaColumnRule, Rate};
use crate::cli::Exit;
use crate::cli::actions::Actions;
use crate::cli::carry_out;
use crate::cli::connect::{Connected, connect};
use crate::cli::context::Context;
use crate::cli::desired::{Paths, SelectionArgs};
use crate::cli::failure::Failure;
use crate::cli::github;
use crate::cli::outcomes;
use crate::cli::output::{self, also};
use crate::cli::page::HtmlArgs;
use crate::cli::present::{self, Form};
use crate::cli::project::Project;
use crate::engine::{Ending, LeftReason, RunOutcome};
use crate::manifest::{Checked, Problem};
use crate::plan::{Action, Explained, Forecast, Known, Pace, Plan, ReviewedPlan, diff, explain};
use crate::report::{self, BlockedFlow, PlanView, View};
use crate::run::{DesiredRun, KeyPrefix, Sandbox, Source, UnixSeconds};
use crate::state::{Fate, Record, State};
use crate::store::load;

/// How many conflicts an error names before it counts the rest.
const NAMED: usize = 5;

/// Flags of `plan`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    selection: SelectionArgs,
    /// How to write the plan
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: PlanFormat,
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
    /// Also write the plan to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    html: HtmlArgs,
    /// Explain the one run whose key begins with KEY, and why it is planned as it is
    #[arg(long, value_name = "KEY", conflicts_with_all = ["keys", "format", "detailed_exitcode", "comment", "report", "html"])]
    explain: Option<KeyPrefix>,
}

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// For a comment on a pull request: never more than 60,000 characters; on failure, what is wrong
    Markdown,
    /// For people, with annotations for GitHub Actions (which writes them in any form)
    Github,
}

impl From<PlanFormat> for Form {
    fn from(format: PlanFormat) -> Self {
        match format {
            PlanFormat::Text | PlanFormat::Github => Self::Text,
            PlanFormat::Json => Self::Json,
            PlanFormat::Markdown => Self::Markdown(github::ROOM),
        }
    }
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
        let shown = show_failure(failure, self.format.into());
        if !self.comment {
            return shown;
        }
        let markdown = failure.markdown("plan", github::ROOM);
        let manifests = self.paths.as_given(project);
        let superseded =
            github::supersede(actions, project.config(), &manifests, sandbox, &markdown).await;
        superseded.and(shown)
    }
}

/// Writes why there is no plan where a plan as Markdown was asked for: on a page that is kept up to
/// date with it, the plan of an earlier commit would mislead.
fn show_failure(failure: &Failure, form: Form) -> Result<(), Failure> {
    if let Form::Markdown(most) = form {
        let markdown = failure.markdown("plan", most);
        output::raw(|out| out.write_all(markdown.as_bytes()))?;
    }
    Ok(())
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let checked = flags.paths.desired_if_any(context);
    let sources = Sources {
        online: flags.online,
        ..Sources::default()
    };
    let made = make(context, checked, &flags.selection, sources).await;
    if let Some(prefix) = &flags.explain {
        let made = made?;
        let explained = explain(&made.plan, made.state.as_ref(), prefix)?;
        let now = UnixSeconds::clamped(Timestamp::now().as_second());
        let request = request(context, &explained, made.state.as_ref(), now);
        let request = request.as_deref();
        let layout = present::layout(context);
        output::raw(|out| report::write_explained(out, &explained, request, now, layout))?;
        return Ok(Exit::Success);
    }
    let commented = if flags.comment {
        // A comment with the plan of an earlier commit would mislead the reviewer of this one.
        let markdown = match &made {
            Ok(made) => made.markdown(github::ROOM),
            Err(failure) => failure.markdown("plan", github::ROOM),
        };
        github::comment(context, &flags.paths.as_given(&context.project), &markdown).await
    } else {
        Ok(())
    };
    let report = flags.report.as_deref();
    let (shown, reported) = present(context, made, flags.format.into(), report, &flags.html);
    let planned = shown.and_then(|made| made.exit(flags.detailed_exitcode));
    also(&context.actions, "plan", planned, commented.and(reported))
}

/// Shows the plan everywhere, or reports why there is none: the plan, and how the rest went.
pub(super) fn present(
    context: &Context,
    made: Result<PlanWithState, Failure>,
    form: Form,
    report: Option<&Path>,
    html: &HtmlArgs,
) -> (Result<PlanWithState, Failure>, Result<(), Failure>) {
    let made = match made {
        Ok(made) => made,
        Err(failure) => {
            let reported = output::report_failure(context, report, &failure, "plan/v2");
            let reported = reported.and(html.write_failure("plan", &failure));
            let shown = show_failure(&failure, form);
            return (Err(failure), reported.and(shown));
        }
    };
    made.warn(context, form);
    let [shown, reported] = present::present(context, &made.view(), form, report, Exit::Success);
    let reported = reported.and(html.write(&made.view()));
    (shown.map(|()| made), reported)
}

/// A plan and what it was made from.
#[derive(Debug)]
pub(super) struct PlanWithState {
    pub(super) plan: Plan,
    forecast: Option<Forecast>,
    state: Option<State>,
    /// What was found in the manifests; no errors.
    problems: Vec<Problem>,
    /// The flows that nothing can be sent to, where the service was looked at.
    blocked: Option<Vec<BlockedFlow>>,
}

impl PlanWithState {
    /// A plan, made from a state that is kept elsewhere.
    pub(super) fn of(plan: Plan, forecast: Option<Forecast>) -> Self {
        Self {
            plan,
            forecast,
            state: None,
            problems: Vec::new(),
            blocked: None,
        }
    }

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

    /// How it ends that the plan was shown and not carried out.
    pub(super) fn exit(&self, detailed_exitcode: bool) -> Result<Exit, Failure> {
        let totals = self.plan.totals();
        if self.plan.contradicts_state() {
            return Err(conflict(&self.plan));
        }
        let blocked = self.blocked.as_deref().unwrap_or_default();
        Ok(if blocked.iter().any(|flow| flow.reason.is_unanswered()) {
            Exit::Unexpected
        } else if !blocked.is_empty() || totals.actions.of(Action::Conflict) > 0 {
            Exit::Rejected
        } else if detailed_exitcode && totals.has_changes() {
            Exit::Changes
        } else {
            Exit::Success
        })
    }

    fn markdown(&self, most: usize) -> String {
        self.view().markdown(most).unwrap_or_default()
    }

    /// Says on standard error what a program may overlook in a document.
    pub(super) fn warn(&self, context: &Context, form: Form) {
        if form == Form::Json
            && !context.quiet
            && let Some(held_back) = report::describe_held_back(&self.plan)
        {
            let _ = writeln!(io::stderr().lock(), "warning: {held_back}");
        }
    }
}

/// What a plan is made from beside the manifests and the state.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sources<'a> {
    /// No more than this is planned.
    pub(super) reviewed: Option<&'a Arc<ReviewedPlan>>,
    /// Whether the service is looked at.
    pub(super) online: bool,
}

/// The plan, without holding the state.
pub(super) async fn make(
    context: &Context,
    checked: Result<Checked, Failure>,
    selection: &SelectionArgs,
    sources: Sources<'_>,
) -> Result<PlanWithState, Failure> {
    let checked = checked?;
    let place = context.place()?;
    let state = load(place.as_ref(), context.organization.as_ref())
        .await
        .map_err(|error| Failure::state(&place.name(), &error))?;
    let Checked {
        runs,
        manifests,
        problems,
        ..
    } = checked;
    let plan = planned(context, runs, state.as_ref(), sources.reviewed);
    let plan = selection.select_all(context, plan)?;
    let made = if sources.online {
        let connected = connect(context, &manifests).await?;
        let made = look(context, plan, selection, state, &connected).await;
        connected.close().await;
        made?
    } else {
        PlanWithState::at(context, selection.limited(context, plan), state)
    };
    Ok(PlanWithState { problems, ..made })
}

/// The plan as the service is: what it lists of runs on record counts more than what was recorded
/// of them, what exists is adopted, and nothing is sent to the flows that are blocked.
async fn look(
    context: &Context,
    mut plan: Plan,
    selection: &SelectionArgs,
    state: Option<State>,
    connected: &Connected,
) -> Result<PlanWithState, Failure> {
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
        outcomes::take_in(&mut state, &runs, Timestamp::now(), &context.place_name())?;
    }
    plan = plan.with_outcomes_of(&state);
    let looked = carry_out::look(context, &plan, state.clone(), connected).await;
    match looked.ending {
        Ending::SignIn(why) => return Err(Failure::sign_in(&why)),
        Ending::Unreachable(why) | Ending::Panicked(why) => {
            return Err(Failure::new(Exit::Unexpected, why));
        }
        Ending::Store(error) => return Err(Failure::state(&context.place_name(), &error)),
        Ending::Done | Ending::Interrupted | Ending::TimedOut | Ending::Breaker(_) => {}
    }
    let blocked = BlockedFlow::all(&looked);
    let now = Timestamp::now();
    let found = looked.runs.into_iter().filter_map(|(run, outcome)| {
        let known = match outcome {
            RunOutcome::Adopted(run_id, evidence) => Known {
                identity: run.identity.clone(),
                fate: Fate::Created {
                    run_id,
                    adopted: Some(Box::new(evidence)),
                    at: now,
                    sent_at: None,
                },
                last_seen: None,
                other: None,
            },
            RunOutcome::Remaining(LeftReason::InTheWay(other)) => {
                Known::in_the_way(&run.identity.flow, other, now)
            }
            _ => return None,
        };
        Some((run.key(), known))
    });
    let plan = plan.adopting(found.collect());
    let plan = plan.blocking(&blocked.iter().map(|flow| &flow.flow).collect());
    let plan = selection.limited(context, plan);
    Ok(PlanWithState {
        blocked: Some(blocked),
        ..PlanWithState::at(context, plan, is_kept.then_some(state))
    })
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
    let what = if number == 1 {
        "1 window overlaps one that was ingested already"
    } else {
        &format!("{number} windows overlap windows that were ingested already")
    };
    let more = number.saturating_sub(NAMED);
    let named = &conflicts[..number.min(NAMED)];
    Failure::usage(format!("{what}; nothing was sent"))
        .details(report::describe_conflicts(named))
        .details((more > 0).then(|| format!("… and {more} more")))
        .hint("change them, or say `overlap: allow` in their manifest if that is wanted")
        .with_conflicts(conflicts)
}
