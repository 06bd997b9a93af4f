//! The rules a manifest keeps by itself.
//!
//! Takes a [`Document`]; gives what it says of each of its flows, the windows that they want, and
//! a problem for each rule that is broken. Every field is checked, whatever became of the others.
//! A document that does not say which flow it speaks of, where, or of what source gives no
//! manifest, but its windows are checked all the same.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::decode::Text;
use super::document::Document;
use super::problem::{Problem, Problems, Rule};
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
    pub(super) wanted: Vec<Wanted>,
    pub(super) stretches: Vec<EntrySpan>,
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
    pub(super) file: &'c Arc<str>,
    pub(super) rules: &'c Rules,
    pub(super) problems: &'c mut Problems,
    pub(super) windows_left: &'c mut usize,
    /// How many flows want each window of the document.
    pub(super) flow_count: usize,
}

impl Checker<'_> {
    pub(super) fn check(mut self, document: &Document<'_>) -> Option<CheckedDocument> {
        self.version(document);
        let flows = self.flows(document);
        let sandbox = self.sandbox(document);
        let overlap_allowed = self.overlap(document);
        let order = self.order(document);
        let max_active_runs = self.max_active_runs(document);
        let (wanted, stretches) = self.windows(document);
        self.reason(document);

        let sandbox = sandbox?;
        let reason: Option<Arc<str>> = document.reason.as_ref().map(|r| Arc::from(&*r.value));
        let manifest = |flow: CheckedFlow| FlowManifest {
            manifest: Manifest {
                path: Arc::clone(self.file),
                line: flow.line,
                flow: Arc::new(FlowRef {
                    sandbox: sandbox.clone(),
                    id: flow.id,
                }),
                name: flow.name,
                source: flow.source,
                reason: reason.clone(),
                future_allowed: document.allow_future,
                overlap_allowed,
                order,
                paused: document.paused.map(|span| span.line),
                max_active_runs,
            },
            span: flow.span,
            place: flow.place,
        };
        let flows: Vec<FlowManifest> = flows.into_iter().map(manifest).collect();
        (!flows.is_empty()).then(|| CheckedDocument {
            path: Arc::clone(self.file),
            overlap_allowed,
            flows,
            wanted,
            stretches,
        })
    }

    fn version(&mut self, document: &Document<'_>) {
        match &document.version {
            Some(version) if version.value == "1" => {}
            Some(version) => {
                let message = format!("version {} is not known", version.value);
                self.report(Rule::UnknownValue, version.span, message).hint =
                    Some("write `version: 1`".to_owned());
            }
            None => self.missing(document, "version", "write `version: 1`"),
        }
    }

    fn sandbox(&mut self, document: &Document<'_>) -> Option<Sandbox> {
        let Some(text) = &document.sandbox else {
            if self.rules.default_sandbox.is_none() && !document.is_reported("sandbox") {
                self.report(Rule::NoSandbox, document.span, "no sandbox is named")
                    .hint = Some(
                    "write `sandbox: NAME` here or in backfill.yaml, or give --sandbox NAME or \
                     AEP_SANDBOX_NAME"
                        .to_owned(),
                );
            }
            return self.rules.default_sandbox.clone();
        };
        let parsed = text.value.parse::<Sandbox>();
        if let Err(error) = &parsed {
            let lower = text.value.to_ascii_lowercase();
            let hint = match lower.parse::<Sandbox>() {
                Ok(_) => format!("did you mean `{lower}`? The API wants the name, not the title"),
                Err(_) => {
                    "write its name, not its title; the list of sandboxes shows both".to_owned()
                }
            };
            self.report(Rule::Sandbox, text.span, format!("{error}"))
                .hint = Some(hint);
        }
        parsed.ok()
    }

    fn order(&mut self, document: &Document<'_>) -> Order {
        match &document.order {
            None => Order::default(),
            Some(order) if order.value == "oldest-first" => Order::OldestFirst,
            Some(order) if order.value == "newest-first" => Order::NewestFirst,
            Some(order) => {
                let message = format!(
                    "`order` takes `oldest-first` or `newest-first`, not `{}`",
                    order.value
                );
                self.report(Rule::UnknownValue, order.span, message).hint =
                    Some("leave it away to have the oldest windows sent first".to_owned());
                Order::default()
            }
        }
    }

    fn max_active_runs(&mut self, document: &Document<'_>) -> Option<NonZeroUsize> {
        let text = document.max_active_runs.as_ref()?;
        let number = text.value.parse::<u32>().ok();
        let number = number.and_then(|number| NonZeroUsize::new(number as usize));
        if number.is_none() {
            let message = format!("`{}` is not a whole number from 1", text.value);
            self.report(Rule::UnknownValue, text.span, message).hint =
                Some("write `paused: true` to have nothing sent".to_owned());
        }
        number
    }

    fn overlap(&mut self, document: &Document<'_>) -> bool {
        let Some(overlap) = &document.overlap else {
            return false;
        };
        if overlap.value != "allow" {
            let message = format!("`overlap` takes only `allow`, not `{}`", overlap.value);
            self.report(Rule::UnknownValue, overlap.span, message).hint =
                Some("leave it away to have overlaps refused".to_owned());
        }
        overlap.value == "allow"
    }

    fn reason(&mut self, document: &Document<'_>) {
        if let Some(reason) = &document.reason {
            if is_placeholder(&reason.value) {
                let message = format!("`{}` is no reason", reason.value);
                self.report(Rule::PlaceholderReason, reason.span, message)
                    .hint =
                    Some("say why these windows are ingested again, for who reads it".to_owned());
            }
            return;
        }
        if document.is_reported("reason") {
            return;
        }
        let beside = if document.flows.is_some() {
            "flows"
        } else {
            "flowId"
        };
        let hint = Some(format!("write `reason: …` beside `{beside}`"));
        let is_again = |text: &&Text<'_>| {
            let rerun = text.value.parse().ok().and_then(Rerun::new);
            rerun.is_some_and(|rerun| rerun > Rerun::FIRST)
        };
        if let Some(rerun) = document.reruns().find(is_again) {
            let message = "to run windows again needs a reason";
            self.report(Rule::NoReason, rerun.span, message).hint = hint;
        } else if self.rules.reason_required {
            let message = "no reason is given, and the config requires one";
            self.report(Rule::NoReason, document.span, message).hint = hint;
        }
    }

    pub(super) fn missing(&mut self, document: &Document<'_>, field: &str, hint: &str) {
        if !document.is_reported(field) {
            self.report(
                Rule::MissingField,
                document.span,
                format!("`{field}` is missing"),
            )
            .hint = Some(hint.to_owned());
        }
    }

    pub(super) fn report(
        &mut self,
        rule: Rule,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.problems
            .push(Problem::new(rule, self.file, span, message))
    }
}

/// Whether `reason` says nothing, as `TODO` and `...` do.
#[must_use]
pub fn is_placeholder(reason: &str) -> bool {
    const WORDS: [&str; 12] = [
        "todo", "tbd", "fixme", "xxx", "na", "none", "reason", "test", "why", "foo", "asdf", "wip",
    ];
    let letters: String = reason.chars().filter(|c| c.is_alphanumeric()).collect();
    letters.is_empty() || WORDS.iter().any(|word| letters.eq_ignore_ascii_case(word))
}
