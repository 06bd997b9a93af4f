//! A plan as it is shown: totals first, then each flow with its bar and its runs, long lists folded.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::bar::{Bar, describe_gaps};
use super::blocks::{Flow, Layout, Report, Row, Table, choose};
use super::forecast::describe_forecast;
use super::github::{Annotation, Outputs, annotate_plan};
use super::html::{PageSource, page};
use super::json::{self, PlanDocument};
use super::markdown::MOST_ROWS;
use super::outcome::BlockedFlow;
use super::problems::problem_row;
use super::reason::{
    describe_fate, describe_held_back, describe_paused, describe_request, describe_review, reasons,
};
use super::view::View;
use super::window_range::{WindowRange, window_ranges};
use super::{listed, number, window};
use crate::manifest::{Problem, Severity};
use crate::plan::{Action, Forecast, Known, Plan, PlannedRun, Totals};
use crate::run::{FlowRef, Window, WindowStatus};
use crate::state::State;

/// How many runs of a flow are shown before the list is folded.
const SHOWN: usize = 8;
/// How many flows are shown before the rest is counted.
const FLOWS: usize = 30;
/// How many runs that no manifest asks for are shown.
const LISTED: usize = 7;

/// What `plan` and a dry run show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlanView<'a> {
    /// What there is to do.
    pub plan: &'a Plan,
    /// What it was made from.
    pub state: Option<&'a State>,
    /// What carrying it out will take.
    pub forecast: Option<&'a Forecast>,
    /// What was found in the manifests; no errors.
    pub problems: &'a [Problem],
    /// The flows that nothing can be sent to, where the service was looked at.
    pub blocked: Option<&'a [BlockedFlow]>,
}

impl<'a> PlanView<'a> {
    /// A plan, made from `state`, of which no more is known.
    pub(crate) fn of(plan: &'a Plan, state: Option<&'a State>) -> Self {
        Self {
            plan,
            state,
            forecast: None,
            problems: &[],
            blocked: None,
        }
    }

    /// What the page of `verb` is made from, as far as a plan tells.
    pub(super) fn page_source(&self, verb: &'static str, now: Timestamp) -> PageSource<'a> {
        PageSource {
            verb,
            plan: self.plan,
            state: self.state,
            forecast: self.forecast,
            status: None,
            blocked: self.blocked.unwrap_or_default(),
            applied: None,
            now,
        }
    }
}

impl<'a> View for PlanView<'a> {
    type Document = PlanDocument<'a>;

    fn report(&self, layout: Layout) -> Report {
        let Self {
            plan,
            state: _,
            forecast,
            problems,
            blocked,
        } = *self;
        let totals = plan.totals();
        let mut report = Report::new("plan", "Plan", &describe_totals(&totals));
        if plan.runs().is_empty() && plan.held_back().is_empty() && plan.orphaned().is_empty() {
            return report;
        }
        report.table(blocked_flows(blocked.unwrap_or_default()));
        if plan.contradicts_state() {
            report.note(
                "Nothing is sent until the windows in conflict are changed, or their manifest says \
                 `overlap: allow`.",
            );
        }
        if let Some(held_back) = describe_held_back(plan) {
            report.note(format!("Warning: {held_back}."));
        }
        if let Some(review) = describe_review(plan) {
            report.note(format!("{review}."));
        }
        if let Some(forecast) = forecast {
            report.note(format!("Forecast: {}.", describe_forecast(forecast)));
        }
        if totals.statuses.of(WindowStatus::Failed) > 0 {
            report.note("`backfill retry` runs failed runs again.");
        }
        if layout.is_markdown {
            report.table(warnings(problems));
            report.table(orphaned(plan, layout));
        }
        let mut flows = by_flow(plan);
        let mut left_out = Vec::new();
        if !layout.verbose && !layout.is_markdown && flows.len() > FLOWS {
            flows.sort_by_key(|flow| std::cmp::Reverse(flow.urgency()));
            left_out = flows.split_off(FLOWS);
        }
        report.add_flows(flows.iter().filter_map(|flow| flow.block(plan, layout)));
        if !left_out.is_empty() {
            let mut counts = Totals::default();
            for flow in &left_out {
                counts += &flow.totals;
            }
            report.note(format!(
                "… {} more flows ({}), shown by --verbose",
                left_out.len(),
                describe_totals(&counts)
            ));
        }
        if layout.is_markdown {
            report.note(format!("Digest of this plan: `{}`", plan.digest()));
        } else {
            report.table(orphaned(plan, layout));
        }
        report
    }

    fn document(&self, _: u8) -> PlanDocument<'a> {
        json::plan(self.plan, self.forecast, self.blocked, self.state)
    }

    fn annotations(&self) -> Vec<Annotation> {
        annotate_plan(self.plan)
    }

    fn html(&self, now: Timestamp) -> Option<String> {
        Some(page(&self.page_source("plan", now)))
    }

    fn outputs(&self) -> Option<Outputs> {
        Some(Outputs::of_plan(self.plan))
    }
}

/// `13 to create, 0 unchanged` and whatever else there is; first of all what is in the way.
pub(super) fn describe_totals(totals: &Totals) -> String {
    listed(counts(totals))
}

/// The numbers of a plan or of a flow, each with its words.
fn counts(totals: &Totals) -> Vec<(usize, &'static str)> {
    let Totals {
        actions,
        statuses,
        held_back,
        orphaned,
    } = totals;
    let (create, again) = (actions.of(Action::Create), actions.of(Action::Again));
    let all = [
        (actions.of(Action::Conflict), "in conflict"),
        (actions.of(Action::Blocked), "blocked"),
        (create + again, "to create"),
        (again, "of them rejected before"),
        (actions.of(Action::Retry), "to retry"),
        (actions.of(Action::Adopt), "to adopt"),
        (actions.of(Action::Unchanged), "unchanged"),
        (statuses.of(WindowStatus::Failed), "of them failed"),
        (statuses.of(WindowStatus::Partial), "of them partial"),
        (statuses.of(WindowStatus::Empty), "of them empty"),
        (actions.of(Action::Settle), "in doubt, to be settled"),
        (actions.of(Action::Wait), "waiting for one in doubt"),
        (*held_back, "held back by a limit"),
        (actions.of(Action::Paused), "paused"),
        (actions.of(Action::Unreviewed), "not in the reviewed plan"),
        (*orphaned, "no longer in a manifest"),
    ];
    let is_told =
        |(number, what): &(usize, &str)| *number > 0 || matches!(*what, "to create" | "unchanged");
    all.into_iter().filter(is_told).collect()
}

fn blocked_flows(blocked: &[BlockedFlow]) -> Table {
    let rows = blocked.iter().map(BlockedFlow::row);
    let flows = number(blocked.len(), "flow");
    Table::first(usize::MAX, rows, "flows").under(format!("{flows} cannot be sent to"))
}

/// The warnings among what was found in manifests.
fn warnings(problems: &[Problem]) -> Table {
    let warnings = problems
        .iter()
        .filter(|it| it.severity() == Severity::Warning);
    let table = Table::first(usize::MAX, warnings.map(problem_row), "warnings");
    let heading = number(table.rows.len(), "warning");
    table.under(heading)
}

/// Runs that no manifest asks for any more. The author of that change sees that they were ingested.
fn orphaned(plan: &Plan, layout: Layout) -> Table {
    let rows = plan.orphaned().iter().map(|known| {
        let run = &known.identity;
        let cells = [
            run.key().short(),
            run.flow.id.to_string(),
            window(run.window),
        ];
        Row::new(cells).with_notes(vec![describe_fate(&known.fate)])
    });
    let all = number(rows.len(), "run");
    Table::first(layout.most(LISTED), rows, "runs, shown by --verbose").under(format!(
        "{all} in the state, but in no manifest (nothing is done about that)"
    ))
}

/// The runs of a flow.
#[derive(Default)]
struct PlannedFlow<'p> {
    runs: Vec<&'p PlannedRun>,
    held_back: Vec<&'p PlannedRun>,
    orphaned: Vec<&'p Known>,
    totals: Totals,
}

fn by_flow(plan: &Plan) -> Vec<PlannedFlow<'_>> {
    let mut flows: BTreeMap<&FlowRef, PlannedFlow<'_>> = BTreeMap::new();
    for runs in plan.flows() {
        let flow = flows.entry(&*runs[0].run.identity.flow).or_default();
        flow.runs.extend(runs);
        for planned in runs {
            flow.totals.add(planned);
        }
    }
    for planned in plan.held_back() {
        let flow = flows.entry(&*planned.run.identity.flow).or_default();
        flow.held_back.push(planned);
        flow.totals.held_back += 1;
    }
    for known in plan.orphaned() {
        if let Some(flow) = flows.get_mut(&*known.identity.flow) {
            flow.orphaned.push(known);
        }
    }
    flows.into_values().collect()
}

impl PlannedFlow<'_> {
    /// Above 0 where a person may have to act, the more urgent the higher.
    fn urgency(&self) -> u8 {
        let Totals {
            actions, statuses, ..
        } = &self.totals;
        let is_stopped = |action| matches!(action, Action::Conflict | Action::Blocked);
        let is_open = |action| matches!(action, Action::Settle | Action::Wait);
        if actions.sum(is_stopped) > 0 {
            4
        } else if actions.sum(is_open) > 0 {
            3
        } else if actions.of(Action::Again) + statuses.of(WindowStatus::Failed) > 0 {
            2
        } else {
            u8::from(self.totals.has_changes())
        }
    }

    fn block(&self, plan: &Plan, layout: Layout) -> Option<Flow> {
        let wanted = || self.runs.iter().chain(&self.held_back).copied();
        let first = &wanted().next()?.run;
        let window = |planned: &PlannedRun| planned.run.identity.window;
        let span = Window::hull(wanted().map(window))?;
        let held_back = self.held_back.iter();
        let orphaned = self.orphaned.iter();
        let windows: Vec<(Window, WindowStatus)> = self
            .runs
            .iter()
            .map(|planned| (window(planned), planned.status()))
            .chain(held_back.map(|it| (window(it), WindowStatus::HeldBack)))
            .chain(orphaned.map(|known| (known.identity.window, known.status())))
            .collect();
        let mut bar = Bar::of(span, &windows, layout.bar());
        if plan.is_partial() {
            bar = bar.without_gaps();
        }
        let paused = self.runs.iter().find(|it| it.action == Action::Paused);
        let paused = paused.map(|it| format!("paused: {}", describe_paused(&it.run.request)));
        let counts = counts(&self.totals).into_iter();
        Some(Flow {
            about: describe_request(&first.request),
            span,
            counts: counts.filter(|it| it.0 > 0).collect(),
            notes: describe_gaps(&bar.gaps).into_iter().chain(paused).collect(),
            bar,
            table: self.table(layout),
            needs_attention: self.urgency() > 1,
            ..Flow::new(&first.request.name, &first.identity.flow, &windows, layout)?
        })
    }

    /// The runs that are new or need a person, those that follow each other together.
    fn table(&self, layout: Layout) -> Table {
        let is_told = |planned: &PlannedRun| match planned.action {
            Action::Unchanged if layout.is_markdown => false,
            Action::Unchanged => planned.known.is_some() || layout.verbose,
            Action::Paused | Action::Blocked => layout.verbose || layout.is_markdown,
            _ => true,
        };
        let shown = self.runs.iter().filter(|planned| is_told(planned));
        let mut shown: Vec<(WindowStatus, &PlannedRun)> =
            shown.map(|planned| (planned.status(), *planned)).collect();
        if layout.is_markdown {
            let held_back = self.held_back.iter();
            shown.extend(held_back.map(|held| (WindowStatus::HeldBack, *held)));
            shown.sort_by_key(|(_, planned)| planned.run.identity.window);
        }
        let ranges: Vec<WindowRange<'_>> = if layout.verbose {
            let each = shown.into_iter();
            let each = each.map(|(status, run)| WindowRange::of_one(status, run));
            each.collect()
        } else {
            window_ranges(shown)
        };
        let most = if layout.is_markdown {
            MOST_ROWS
        } else {
            layout.most(SHOWN)
        };
        let chosen = choose(&ranges, most, |it| it.status, |it| it.runs.len());
        let rows = chosen.into_iter().map(|(skipped, range)| Row {
            status: Some(range.status),
            notes: reasons(range.last()),
            runs: range.runs.len(),
            skipped,
            ..Row::new(range.columns())
        });
        Table::first(usize::MAX, rows, "runs")
    }
}
