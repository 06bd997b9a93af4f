//! What needs a person, by reason: which windows of which flows share it.

use std::collections::HashMap;

use super::windows::PageWindow;
use crate::report::short_window;
use crate::run::{FlowRef, Rerun, Window, WindowStatus};

/// How many stretches of windows a flow names under a reason.
const STRETCHES: usize = 6;

/// Windows that stand where they do for one reason.
#[derive(Debug)]
pub(super) struct Problem<'w> {
    pub(super) status: WindowStatus,
    /// Adobe's code, or nothing.
    pub(super) code: &'w str,
    /// What was said of the first of them.
    pub(super) note: &'w str,
    /// Whether something else was said of others.
    pub(super) has_other_notes: bool,
    pub(super) number: usize,
    /// How many of their records failed.
    pub(super) failed_records: u64,
    pub(super) flows: Vec<FlowWindows<'w>>,
}

/// The windows of a flow that share a reason.
#[derive(Debug)]
pub(super) struct FlowWindows<'w> {
    pub(super) flow: &'w FlowRef,
    pub(super) number: usize,
    stretches: Vec<Stretch>,
}

/// Windows of a flow, one after the other.
#[derive(Debug)]
struct Stretch {
    hull: Window,
    rerun: Rerun,
    number: usize,
}

/// The reasons, the most important first: by status, then by how many windows share them.
pub(super) fn problems<'w>(windows: &'w [PageWindow<'_>]) -> Vec<Problem<'w>> {
    let mut places: HashMap<(WindowStatus, &str), usize> = HashMap::new();
    let mut problems: Vec<Problem<'w>> = Vec::new();
    for window in windows.iter().filter(|it| it.status.needs_attention()) {
        // Messages hold ids and times; a code says what they have in common.
        let reason = if window.code.is_empty() {
            &window.note
        } else {
            &window.code
        };
        let place = *places.entry((window.status, reason)).or_insert_with(|| {
            problems.push(Problem {
                status: window.status,
                code: &window.code,
                note: &window.note,
                has_other_notes: false,
                number: 0,
                failed_records: 0,
                flows: Vec::new(),
            });
            problems.len() - 1
        });
        let Some(problem) = problems.get_mut(place) else {
            continue;
        };
        problem.add(window);
    }
    problems.sort_by_key(|problem| (problem.status, std::cmp::Reverse(problem.number)));
    problems
}

impl<'w> Problem<'w> {
    fn add(&mut self, window: &'w PageWindow<'_>) {
        self.number += 1;
        self.has_other_notes |= self.note != window.note;
        let seen = window.seen.as_ref();
        self.failed_records += seen.and_then(|seen| seen.records.failed).unwrap_or(0);
        let flow = &*window.identity.flow;
        match self.flows.last_mut() {
            Some(last) if last.flow == flow => last.add(window),
            _ => {
                let mut of_flow = FlowWindows {
                    flow,
                    number: 0,
                    stretches: Vec::new(),
                };
                of_flow.add(window);
                self.flows.push(of_flow);
            }
        }
    }
}

impl FlowWindows<'_> {
    fn add(&mut self, window: &PageWindow<'_>) {
        self.number += 1;
        let (next, rerun) = (window.identity.window, window.identity.rerun);
        if let Some(last) = self.stretches.last_mut()
            && last.rerun == rerun
            && last.hull.end() == next.start()
            && let Ok(hull) = Window::new(last.hull.start(), next.end())
        {
            (last.hull, last.number) = (hull, last.number + 1);
        } else {
            self.stretches.push(Stretch {
                hull: next,
                rerun,
                number: 1,
            });
        }
    }

    /// The first stretches, as text.
    pub(super) fn told(&self) -> impl Iterator<Item = String> {
        self.stretches.iter().take(STRETCHES).map(|stretch| {
            let span = short_window(stretch.hull, stretch.rerun);
            match stretch.number {
                1 => span,
                number => format!("{span} · {number} windows"),
            }
        })
    }

    /// How many stretches are not told.
    pub(super) fn untold(&self) -> usize {
        self.stretches.len().saturating_sub(STRETCHES)
    }
}
