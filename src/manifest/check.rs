//! The rules a manifest keeps by itself.
//!
//! Takes a [`Document`]; gives what it says of each of its flows, the windows that they want, and
//! a problem for each rule that is broken. Every field is checked, whatever became of the others.
//! A document that does not say which flow it speaks of, where, or of what source gives no
//! manifest, but its windows are checked all the same.

use std::sync::Arc;

use super::document::Document;
use super::fields::Field;
use super::problem::{Problems, Rule};
use super::yaml::Span;
use super::{Manifest, Rules};
use crate::run::{FlowRef, Order, Request, Rerun, Sandbox, UnixSeconds, Window};

/// Windows of all manifests together: far more than a flow service takes in a year, few enough
/// to hold in memory.
pub(super) const MAX_WINDOWS: usize = 1_000_000;

/// A document that stands by itself, and what it asks for.
#[derive(Debug)]
pub(super) struct CheckedDocument {
    pub(super) path: Arc<str>,
    pub(super) overlap_allowed: bool,
    /// Its flows, each once.
    pub(super) flows: Vec<Manifest>,
    /// The windows that each of its flows wants.
    pub(super) windows: Vec<Wanted>,
    pub(super) entries: Vec<EntrySpan>,
}

/// A window that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) window: Window,
    pub(super) rerun: Rerun,
    pub(super) start_time: Option<UnixSeconds>,
    /// The entry of `runs` or `ranges` that asks for it.
    pub(super) span: Span,
}

/// What an entry of `runs` or `ranges` covers from end to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntrySpan {
    pub(super) window: Window,
    pub(super) rerun: Rerun,
    pub(super) span: Span,
    pub(super) is_range: bool,
}

/// Checks one document.
pub(super) struct Checker<'c> {
    pub(super) problems: &'c mut Problems,
    pub(super) rules: &'c Rules,
    pub(super) document: &'c Document,
    /// How many windows all manifests together may still ask for.
    pub(super) windows_left: &'c mut usize,
    pub(super) windows: Vec<Wanted>,
    pub(super) entries: Vec<EntrySpan>,
}

impl Checker<'_> {
    pub(super) fn check(mut self) -> Option<CheckedDocument> {
        let document = self.document;
        let flows = self.flows();
        let sandbox = self.sandbox();
        self.windows();
        self.reason();

        let sandbox = sandbox?;
        let path = &self.problems.file;
        let reason = document.reason.get();
        let reason: Option<Arc<str>> = reason.map(|reason| reason.value.0.as_str().into());
        let overlap_allowed = document.overlap.get().is_some();
        let paused = document.paused.get().filter(|paused| paused.value);
        let flows: Vec<_> = flows
            .into_iter()
            .map(|flow| Manifest {
                line: flow.line,
                flow: Arc::new(FlowRef {
                    sandbox: sandbox.clone(),
                    id: flow.id,
                }),
                reason: reason.clone(),
                request: Arc::new(Request {
                    manifest: Arc::clone(path),
                    name: flow.name,
                    source: flow.source,
                    overlap_allowed,
                    order: document.order.get().map_or(Order::default(), |o| o.value),
                    paused: paused.map(|paused| paused.span.line),
                    max_active_runs: document.max_active_runs.get().map(|most| most.value),
                }),
                source_span: flow.source_span,
            })
            .collect();
        (!flows.is_empty()).then(|| CheckedDocument {
            path: Arc::clone(path),
            overlap_allowed,
            flows,
            windows: self.windows,
            entries: self.entries,
        })
    }

    fn sandbox(&mut self) -> Option<Sandbox> {
        let default = &self.rules.default_sandbox;
        match &self.document.sandbox {
            Field::Is(sandbox) => return Some(sandbox.value.clone()),
            Field::Absent if default.is_none() => self.problems.report(
                Rule::NoSandbox,
                self.document.span,
                "no sandbox is named",
                "write `sandbox: NAME` here or in backfill.yaml, or give --sandbox NAME or \
                 AEP_SANDBOX_NAME",
            ),
            Field::Absent | Field::Broken => {}
        }
        default.clone()
    }

    fn reason(&mut self) {
        let document = self.document;
        if !document.reason.is_absent() {
            return;
        }
        let again = document.reruns().find(|again| again.value > Rerun::FIRST);
        let (span, message) = if let Some(again) = again {
            (again.span, "to run windows again needs a reason")
        } else if self.rules.reason_required {
            let message = "no reason is given, and the config requires one";
            (document.span, message)
        } else {
            return;
        };
        let hint = "write `reason: …` beside `version`";
        self.problems.report(Rule::NoReason, span, message, hint);
    }
}
