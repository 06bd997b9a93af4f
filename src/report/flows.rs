//! A plan by flow: what the text and the Markdown of a plan have in common.
//!
//! Takes a plan and gives, for each flow, its runs, how many of them are to be what, and its bar.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use super::bar::{Bar, Cell};
use super::plain;
use crate::plan::{Action, Known, Plan, PlannedRun};
use crate::run::{DesiredRun, FlowRef, RunStatus, Source, Window};
use crate::state::Fate;
use crate::untrusted::Untrusted;

/// A flow of a plan.
#[derive(Debug)]
pub(super) struct FlowView<'p> {
    pub(super) name: &'p Untrusted,
    pub(super) flow: &'p FlowRef,
    pub(super) source: &'p Source,
    /// Its runs, but for those held back.
    pub(super) runs: Vec<&'p PlannedRun>,
    pub(super) held_back: Vec<&'p PlannedRun>,
    pub(super) counts: FlowCounts,
    /// From its first window to the end of its last.
    pub(super) span: Window,
    pub(super) bar: Bar,
}

/// How many runs of a flow are to be what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FlowCounts {
    pub(super) create: usize,
    pub(super) unchanged: usize,
    pub(super) adopt: usize,
    pub(super) in_doubt: usize,
    pub(super) waiting: usize,
    pub(super) failed: usize,
    pub(super) conflict: usize,
    pub(super) held_back: usize,
    pub(super) paused: usize,
    pub(super) unreviewed: usize,
    pub(super) blocked: usize,
    pub(super) retry: usize,
    /// Of those unchanged: how they ended, when they were last read.
    pub(super) ended: EndedCounts,
}

/// How many runs have ended otherwise than with all of their records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct EndedCounts {
    pub(super) failed: usize,
    pub(super) partial: usize,
    pub(super) empty: usize,
}

impl FlowCounts {
    /// Above 0 where a person may have to act, the more urgent the higher.
    pub(super) fn need(&self) -> u8 {
        let Self {
            create,
            unchanged: _,
            adopt,
            in_doubt,
            waiting,
            failed,
            conflict,
            held_back,
            paused: _,
            unreviewed: _,
            blocked,
            retry,
            ended,
        } = *self;
        let failed = failed + ended.failed;
        let create = create + retry + adopt;
        match (
            conflict + blocked,
            in_doubt + waiting,
            failed,
            create + held_back,
        ) {
            (1.., ..) => 4,
            (_, 1.., ..) => 3,
            (_, _, 1.., _) => 2,
            (_, _, _, 1..) => 1,
            (0, 0, 0, 0) => 0,
        }
    }

    /// `3 to create, 1 in conflict`: what there is of anything.
    pub(super) fn describe(&self) -> String {
        let Self {
            create,
            unchanged,
            adopt,
            in_doubt,
            waiting,
            failed,
            conflict,
            held_back,
            paused,
            unreviewed,
            blocked,
            retry,
            ended,
        } = *self;
        let parts: Vec<String> = [
            (create, "to create"),
            (adopt, "to adopt"),
            (retry, "to retry"),
            (failed, "rejected before"),
            (in_doubt, "in doubt"),
            (waiting, "waiting for one in doubt"),
            (conflict, "in conflict"),
            (blocked, "blocked"),
            (held_back, "held back"),
            (paused, "paused"),
            (unreviewed, "not in the reviewed plan"),
            (unchanged, "unchanged"),
            (ended.failed, "of them failed"),
            (ended.partial, "of them partial"),
            (ended.empty, "of them empty"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
        parts.join(", ")
    }
}

impl AddAssign for FlowCounts {
    fn add_assign(&mut self, other: Self) {
        let Self {
            create,
            unchanged,
            adopt,
            in_doubt,
            waiting,
            failed,
            conflict,
            held_back,
            paused,
            unreviewed,
            blocked,
            retry,
            ended,
        } = other;
        self.adopt += adopt;
        self.paused += paused;
        self.unreviewed += unreviewed;
        self.blocked += blocked;
        self.retry += retry;
        self.ended.failed += ended.failed;
        self.ended.partial += ended.partial;
        self.ended.empty += ended.empty;
        self.create += create;
        self.unchanged += unchanged;
        self.in_doubt += in_doubt;
        self.waiting += waiting;
        self.failed += failed;
        self.conflict += conflict;
        self.held_back += held_back;
    }
}

/// The flows of `plan`, in its order, with bars of `width` characters.
pub(super) fn by_flow(plan: &Plan, width: usize) -> Vec<FlowView<'_>> {
    let mut flows: BTreeMap<&FlowRef, GatheredFlow<'_>> = BTreeMap::new();
    for runs in plan.flows() {
        let flow = flows.entry(&*runs[0].run.identity.flow);
        flow.or_default().runs.extend(runs);
    }
    for planned in plan.held_back() {
        let identity = &planned.run.identity;
        let flow = flows.entry(&*identity.flow);
        flow.or_default().held_back.push(planned);
    }
    for known in plan.orphaned() {
        let identity = &known.identity;
        if let Some(flow) = flows.get_mut(&*identity.flow) {
            flow.orphaned.push(known);
        }
    }
    flows
        .into_values()
        .filter_map(|flow| flow.view(width))
        .map(|mut flow| {
            if plan.is_partial() {
                flow.bar = flow.bar.without_gaps();
            }
            flow
        })
        .collect()
}

#[derive(Default)]
struct GatheredFlow<'p> {
    runs: Vec<&'p PlannedRun>,
    held_back: Vec<&'p PlannedRun>,
    orphaned: Vec<&'p Known>,
}

impl<'p> GatheredFlow<'p> {
    fn view(self, width: usize) -> Option<FlowView<'p>> {
        let Self {
            runs,
            held_back,
            orphaned,
        } = self;
        let window = |planned: &PlannedRun| planned.run.identity.window;
        let wanted = || runs.iter().chain(&held_back).copied();
        let DesiredRun {
            identity, request, ..
        } = &wanted().next()?.run;
        let start = wanted().map(|planned| window(planned).start()).min()?;
        let end = wanted().map(|planned| window(planned).end()).max()?;
        let span = Window::new(start, end).ok()?;

        let mut counts = FlowCounts {
            held_back: held_back.len(),
            ..FlowCounts::default()
        };
        let mut windows: Vec<(Window, Cell)> = Vec::new();
        for planned in &runs {
            let cell = planned_cell(planned);
            let count = match planned.action {
                Action::Create => &mut counts.create,
                Action::Again => &mut counts.failed,
                Action::Unchanged => {
                    counts.ended.add(cell);
                    &mut counts.unchanged
                }
                Action::Adopt => &mut counts.adopt,
                Action::Retry => &mut counts.retry,
                Action::Paused => &mut counts.paused,
                Action::Unreviewed => &mut counts.unreviewed,
                Action::Blocked => &mut counts.blocked,
                Action::Settle => &mut counts.in_doubt,
                Action::Wait => &mut counts.waiting,
                Action::Conflict => &mut counts.conflict,
            };
            *count += 1;
            windows.push((window(planned), cell));
        }
        windows.extend(held_back.iter().map(|held| (window(held), Cell::HeldBack)));
        windows.extend(orphaned.iter().map(|known| {
            let cell = match known.fate {
                Fate::InDoubt { .. } => Cell::InDoubt,
                Fate::Created { .. } | Fate::Rejected { .. } | Fate::NotCreated(_) => {
                    Cell::NotWanted
                }
            };
            (known.identity.window, cell)
        }));
        let bar = Bar::of(span, &windows, width);
        Some(FlowView {
            name: &request.name,
            flow: &identity.flow,
            source: &request.source,
            counts,
            span,
            bar,
            runs,
            held_back,
        })
    }
}

impl EndedCounts {
    pub(super) fn all(self) -> usize {
        self.failed + self.partial + self.empty
    }

    pub(super) fn add(&mut self, cell: Cell) {
        match cell {
            Cell::RunFailed => self.failed += 1,
            Cell::Partial => self.partial += 1,
            Cell::Empty => self.empty += 1,
            _ => {}
        }
    }
}

/// How a planned run is drawn.
pub(super) fn planned_cell(planned: &PlannedRun) -> Cell {
    match planned.action {
        Action::Create | Action::Retry => Cell::New,
        Action::Again => Cell::Failed,
        Action::Unchanged => ended_cell(planned.known.as_deref()),
        Action::Adopt => Cell::Done,
        Action::Paused | Action::Unreviewed | Action::Blocked => Cell::HeldBack,
        Action::Settle | Action::Wait => Cell::InDoubt,
        Action::Conflict => Cell::Conflict,
    }
}

/// How a run that exists is drawn, by what was last read of it.
pub(super) fn ended_cell(known: Option<&Known>) -> Cell {
    let seen = known.and_then(|known| known.last_seen.as_ref());
    match seen.map(|seen| &seen.status) {
        Some(RunStatus::Failed) => Cell::RunFailed,
        Some(RunStatus::Partial) => Cell::Partial,
        Some(RunStatus::Empty) => Cell::Empty,
        _ => Cell::Done,
    }
}

/// `table by updatedAt`, or `files`.
pub(super) fn describe_source(source: &Source) -> String {
    match source {
        Source::Table(column) => format!("table by {}", plain(&column.name, 40)),
        Source::File => "files".to_owned(),
    }
}
