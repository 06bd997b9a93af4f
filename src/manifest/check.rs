//! The rules a manifest keeps by itself.
//!
//! Takes a [`Document`]; gives what it says of each of its flows, the windows that they want, and
//! a problem for each rule that is broken. Every field is checked, whatever became of the others.
//! A document that does not say which flow it speaks of, where, or of what source gives no
//! manifest, but its windows are checked all the same.

use std::sync::Arc;

use super::document::Document;
use super::fields::Field;
use super::problem::{Reporter, Rule};
use super::yaml::Span;
use super::{Manifest, Rules};
use crate::run::{FlowId, FlowRef, Order, Rerun, Sandbox, Source, UnixSeconds, Window};
use crate::untrusted::Untrusted;

/// Windows of all manifests together: far more than a flow service takes in a year, few enough
/// to hold in memory.
pub(super) const MAX_WINDOWS: usize = 1_000_000;

/// A document that stands by itself, and what it asks for.
#[derive(Debug)]
pub(super) struct CheckedDocument {
    pub(super) path: Arc<str>,
    pub(super) overlap_allowed: bool,
    /// Its flows, each once.
    pub(super) flows: Vec<FlowManifest>,
    /// The windows that each of its flows wants.
    pub(super) asked: Asked,
}

/// A flow that a document speaks of.
#[derive(Debug)]
pub(super) struct CheckedFlow {
    pub(super) id: FlowId,
    pub(super) name: Untrusted,
    pub(super) source: Arc<Source>,
    /// The line at which the document, or the entry of `flows`, begins.
    pub(super) line: u32,
    /// Where it tells its source; where it does not, its place.
    pub(super) span: Span,
    /// Where it is named.
    pub(super) place: Span,
}

/// What a document says of one of its flows.
#[derive(Debug)]
pub(super) struct FlowManifest {
    pub(super) manifest: Manifest,
    /// Where it tells the flow's source and delta column; where it does not, the entry of the flow.
    pub(super) span: Span,
    /// Where it names the flow.
    pub(super) place: Span,
}

/// What the entries of `runs` and `ranges` ask for.
#[derive(Debug, Default)]
pub(super) struct Asked {
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

/// Checks documents of one file.
pub(super) struct Checker<'c> {
    pub(super) reporter: Reporter<'c>,
    pub(super) rules: &'c Rules,
    pub(super) windows_left: &'c mut usize,
    /// How many flows want each window of the document.
    pub(super) flow_count: usize,
}

impl Checker<'_> {
    pub(super) fn check(mut self, document: &Document) -> Option<CheckedDocument> {
        let flows = self.flows(document);
        let sandbox = self.sandbox(document);
        let asked = self.windows(document);
        self.reason(document);

        let sandbox = sandbox?;
        let path = self.reporter.file;
        let reason = document.reason.get();
        let reason: Option<Arc<str>> = reason.map(|reason| reason.value.0.as_str().into());
        let overlap_allowed = document.overlap.get().is_some();
        let paused = document.paused.get().filter(|paused| paused.value);
        let manifest = |flow: CheckedFlow| FlowManifest {
            manifest: Manifest {
                path: Arc::clone(path),
                line: flow.line,
                flow: Arc::new(FlowRef {
                    sandbox: sandbox.clone(),
                    id: flow.id,
                }),
                name: flow.name,
                source: flow.source,
                reason: reason.clone(),
                future_allowed: future_allowed(document),
                overlap_allowed,
                order: document.order.get().map_or(Order::default(), |o| o.value),
                paused: paused.map(|paused| paused.span.line),
                max_active_runs: document.max_active_runs.get().map(|most| most.value),
            },
            span: flow.span,
            place: flow.place,
        };
        let flows: Vec<FlowManifest> = flows.into_iter().map(manifest).collect();
        (!flows.is_empty()).then(|| CheckedDocument {
            path: Arc::clone(path),
            overlap_allowed,
            flows,
            asked,
        })
    }

    fn sandbox(&mut self, document: &Document) -> Option<Sandbox> {
        let default = &self.rules.default_sandbox;
        match &document.sandbox {
            Field::Is(sandbox) => return Some(sandbox.value.clone()),
            Field::Absent if default.is_none() => self.report(
                Rule::NoSandbox,
                document.span,
                "no sandbox is named",
                "write `sandbox: NAME` here or in backfill.yaml, or give --sandbox NAME or \
                 AEP_SANDBOX_NAME",
            ),
            Field::Absent | Field::Broken => {}
        }
        default.clone()
    }

    fn reason(&mut self, document: &Document) {
        if !document.reason.is_absent() {
            return;
        }
        let beside = match &document.flows {
            Field::Absent => "flowId",
            Field::Broken | Field::Is(_) => "flows",
        };
        let hint = format!("write `reason: …` beside `{beside}`");
        let again = document.reruns().find(|again| again.value > Rerun::FIRST);
        let (span, message) = if let Some(again) = again {
            (again.span, "to run windows again needs a reason")
        } else if self.rules.reason_required {
            let message = "no reason is given, and the config requires one";
            (document.span, message)
        } else {
            return;
        };
        self.report(Rule::NoReason, span, message, hint);
    }

    pub(super) fn report(
        &mut self,
        rule: Rule,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.reporter.report(rule, span, message, hint);
    }
}

/// Whether windows may end after the present.
pub(super) fn future_allowed(document: &Document) -> bool {
    document.allow_future.get().is_some_and(|allow| allow.value)
}
