//! Which windows, on record or wanted, a run that no record stands for overlaps.

use std::collections::HashSet;

use crate::api::{FlowRun, WindowEvidence};
use crate::run::{DesiredRun, Key, RunIdentity, UnixSeconds, Window};
use crate::state::{Fate, Record};

/// The windows of a flow that nobody else's run should overlap.
pub(super) struct GuardedWindows<'a> {
    /// By their start.
    windows: Vec<GuardedWindow<'a>>,
}

struct GuardedWindow<'a> {
    identity: &'a RunIdentity,
    /// Whether a run of it is known to exist: then another run of just this window is one too many.
    is_created: bool,
    /// The latest end of it and of those before it.
    furthest: UnixSeconds,
}

impl<'a> GuardedWindows<'a> {
    /// Those of a flow that are on record or wanted, but where a manifest says `overlap: allow`.
    pub(super) fn of(records: &[&'a Record], wanted: &[&'a DesiredRun]) -> Self {
        let allowed: HashSet<&RunIdentity> = wanted
            .iter()
            .filter(|run| run.request.overlap_allowed)
            .map(|run| &run.identity)
            .collect();
        let recorded: Vec<(&RunIdentity, bool)> = records
            .iter()
            .filter(|record| record.fate.may_exist())
            .map(|record| {
                let is_created = matches!(record.fate, Fate::Created { .. });
                (&record.identity, is_created)
            })
            .collect();
        let on_record: HashSet<&RunIdentity> =
            recorded.iter().map(|(identity, _)| *identity).collect();
        let to_come = wanted
            .iter()
            .map(|run| (&run.identity, false))
            .filter(|(identity, _)| !on_record.contains(identity));
        let mut all: Vec<(&RunIdentity, bool)> = recorded
            .iter()
            .copied()
            .chain(to_come)
            .filter(|(identity, _)| !allowed.contains(identity))
            .collect();
        all.sort_by_key(|(identity, _)| (identity.window, identity.rerun));
        let mut furthest = Window::FIRST.start();
        let windows = all.into_iter().map(|(identity, is_created)| {
            furthest = furthest.max(identity.window.end());
            GuardedWindow {
                identity,
                is_created,
                furthest,
            }
        });
        Self {
            windows: windows.collect(),
        }
    }

    /// Those that `run` overlaps and may ingest twice. Only a window that its `params` show is
    /// known: the copy activity of a flow's first run may tell one that spans all history.
    pub(super) fn overlapped_by(&self, run: &FlowRun) -> Vec<(Window, Key)> {
        let WindowEvidence::Params(window) = run.window_evidence else {
            return Vec::new();
        };
        if run.status.is_retriable() {
            return Vec::new();
        }
        let first = self
            .windows
            .partition_point(|own| own.furthest <= window.start());
        self.windows[first..]
            .iter()
            .take_while(|own| own.identity.window.start() < window.end())
            .filter(|own| own.identity.window.overlaps(window))
            .filter(|own| own.is_created || own.identity.window != window)
            .map(|own| (own.identity.window, own.identity.key()))
            .collect()
    }
}
