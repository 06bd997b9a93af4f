//! The rules a manifest keeps by itself.
//!
//! Takes a [`Document`]; gives the manifest with the windows it asks for, and a problem for each
//! rule that is broken. Every field is checked, whatever became of the others. A document that
//! does not say which flow it speaks of, where, or of what source gives no manifest, but its
//! windows are checked all the same.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use super::decode::{At, Text};
use super::document::{DeltaColumnDocument, Document};
use super::near::nearest;
use super::problem::{Problem, Problems, Rule};
use super::yaml::Span;
use super::{Manifest, Rules};
use crate::run::{
    DeltaColumn, FlowId, FlowRef, Order, Rerun, Sandbox, Source, UnixSeconds, Window,
};

/// Windows of all manifests together: far more than a flow service takes in a year, few enough
/// to hold in memory.
pub(super) const MAX_WINDOWS: usize = 1_000_000;

/// A manifest that stands by itself, and what it asks for.
#[derive(Debug)]
pub(super) struct CheckedManifest {
    pub(super) manifest: Manifest,
    /// Where it names its source and its delta column.
    pub(super) source_span: Span,
    pub(super) wanted: Vec<Wanted>,
    pub(super) stretches: Vec<EntrySpan>,
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
}

impl Checker<'_> {
    pub(super) fn check(mut self, document: &Document<'_>) -> Option<CheckedManifest> {
        self.version(document);
        let flow_id = self.flow_id(document);
        let sandbox = self.sandbox(document);
        let source = self.source(document);
        let overlap_allowed = self.overlap(document);
        let order = self.order(document);
        let max_active_runs = self.max_active_runs(document);
        let name = document.name.as_ref().map_or_else(
            || stem(self.file),
            |name| {
                if name.value.trim().is_empty() {
                    self.report(Rule::MissingField, name.span, "`name` is empty")
                        .hint = Some("write a label, or leave it away".to_owned());
                }
                name.value.as_ref()
            },
        );
        let (wanted, stretches) = self.windows(document);
        self.reason(document);

        let (source, source_span) = source?;
        let manifest = Manifest {
            path: Arc::clone(self.file),
            line: document.span.line,
            flow: Arc::new(FlowRef {
                sandbox: sandbox?,
                id: flow_id?,
            }),
            name: name.into(),
            source: Arc::new(source),
            reason: document.reason.as_ref().map(|r| r.value.to_string()),
            future_allowed: document.allow_future,
            overlap_allowed,
            order,
            paused: document.paused.map(|span| span.line),
            max_active_runs,
        };
        Some(CheckedManifest {
            manifest,
            source_span,
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

    fn flow_id(&mut self, document: &Document<'_>) -> Option<FlowId> {
        let Some(text) = &document.flow_id else {
            let hint = "write `flowId: UUID`, as in the address of the flow's page";
            self.missing(document, "flowId", hint);
            return None;
        };
        let parsed = text.value.parse();
        if let Err(error) = &parsed {
            let hint = "copy it from the address of the flow's page";
            self.report(Rule::FlowId, text.span, format!("{error}"))
                .hint = Some(hint.to_owned());
        }
        parsed.ok()
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

    fn source(&mut self, document: &Document<'_>) -> Option<(Source, Span)> {
        let column = document.delta_column.as_ref();
        let Some(kind) = &document.source else {
            let hint = if column.is_some() {
                "a flow with a delta column reads a table: write `source: table`"
            } else {
                "write `source: table` (rows, with a deltaColumn) or `source: file`"
            };
            self.missing(document, "source", hint);
            column.and_then(|column| self.delta_column(column));
            return None;
        };
        match (kind.value.as_ref(), column) {
            ("table", Some(column)) => {
                let read = self.delta_column(column)?;
                Some((Source::Table(read), column.span))
            }
            ("table", None) => {
                if !document.is_reported("deltaColumn") {
                    self.report(
                        Rule::DeltaColumn,
                        kind.span,
                        "a table source needs a delta column",
                    )
                    .hint = Some("write `deltaColumn: { name: COLUMN }`".to_owned());
                }
                None
            }
            ("file", Some(column)) => {
                let message = "a file source has no delta column";
                let hint = "remove it, or write `source: table`".to_owned();
                self.report(Rule::DeltaColumn, column.span, message).hint = Some(hint);
                None
            }
            ("file", None) => Some((Source::File, kind.span)),
            (other, _) => {
                let message = format!("`source` is table or file, not `{other}`");
                let hint = match nearest(other, ["table", "file"]) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "databases and warehouses are `table`, with a deltaColumn; storages are `file`".to_owned(),
                };
                self.report(Rule::UnknownValue, kind.span, message).hint = Some(hint);
                column.and_then(|column| self.delta_column(column));
                None
            }
        }
    }

    fn delta_column(&mut self, column: &At<DeltaColumnDocument<'_>>) -> Option<DeltaColumn> {
        let DeltaColumnDocument {
            name,
            date_format,
            timezone,
            broken,
        } = &column.value;
        let fields = [
            ("name", name),
            ("dateFormat", date_format),
            ("timezone", timezone),
        ];
        for (field, text) in fields {
            if let Some(text) = text
                && text.value.trim().is_empty()
            {
                let message = format!("`{field}` of the delta column is empty");
                self.report(Rule::DeltaColumn, text.span, message).hint =
                    Some("write a value, or leave the field away".to_owned());
            }
        }
        let Some(name) = name else {
            if !broken {
                self.report(
                    Rule::MissingField,
                    column.span,
                    "the delta column has no `name`",
                )
                .hint = Some("write `deltaColumn: { name: COLUMN }`".to_owned());
            }
            return None;
        };
        let owned = |text: &Option<Text<'_>>| text.as_ref().map(|text| text.value.to_string());
        Some(DeltaColumn {
            name: name.value.to_string(),
            date_format: owned(date_format),
            timezone: owned(timezone),
        })
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
        let hint = Some("write `reason: …` beside `flowId`".to_owned());
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

fn stem(file: &str) -> &str {
    Path::new(file)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or(file)
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
