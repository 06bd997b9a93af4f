//! The rules of `source` and `deltaColumn`.
//!
//! Takes what a flow says of them, and what is written beside `flows` for all; gives the source, or
//! a problem. What a whole list leaves out is told once, at the manifest.

use std::sync::Arc;

use super::check::Checker;
use super::decode::{At, Text};
use super::document::{DeltaColumnDocument, FlowDocument};
use super::problem::Rule;
use super::yaml::Span;
use crate::run::{DeltaColumn, Source};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SourceKind {
    Table,
    File,
}

/// What the flows of a list have in common.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    source: Inherited<SourceKind>,
    /// The source of tables that name no column.
    pub(super) table: Inherited<Arc<Source>>,
}

/// What is written beside `flows`, for all of them.
#[derive(Debug, Default)]
pub(super) enum Inherited<T> {
    #[default]
    Absent,
    /// It was reported.
    Broken,
    Is(T),
}

impl<T> Inherited<T> {
    fn read(value: Option<T>) -> Self {
        value.map_or(Self::Broken, Self::Is)
    }
}

impl Checker<'_> {
    /// What is written beside `flows`. What no entry makes up for is told once.
    pub(super) fn defaults(
        &mut self,
        own: &FlowDocument<'_>,
        flows: &[FlowDocument<'_>],
    ) -> Defaults {
        let mut defaults = Defaults::default();
        if let Some(text) = &own.source {
            defaults.source = Inherited::read(self.source_kind(text));
        } else if own.is_reported("source") {
            defaults.source = Inherited::Broken;
        } else if flows.iter().all(|flow| flow.source.is_none()) {
            self.missing_source(own);
            defaults.source = Inherited::Broken;
        }
        let is_table = matches!(defaults.source, Inherited::Is(SourceKind::Table));
        let says_nothing = |flow: &FlowDocument<'_>| {
            flow.source.is_none() && flow.delta_column.is_none() && !flow.is_reported("deltaColumn")
        };
        if let Some(column) = &own.delta_column {
            let source = self.delta_column(column).map(Source::Table);
            defaults.table = Inherited::read(source.map(Arc::new));
        } else if own.is_reported("deltaColumn") {
            defaults.table = Inherited::Broken;
        } else if is_table && flows.iter().all(says_nothing) {
            self.column_is_missing(source_span(own));
            defaults.table = Inherited::Broken;
        }
        defaults
    }

    /// What a flow reads, by what it says itself and what is written beside `flows`.
    pub(super) fn source(
        &mut self,
        flow: &FlowDocument<'_>,
        defaults: &Defaults,
    ) -> Option<Arc<Source>> {
        let column = flow.delta_column.as_ref();
        let kind = match (&flow.source, &defaults.source) {
            (Some(text), _) => self.source_kind(text),
            (None, _) if flow.is_reported("source") => None,
            (None, Inherited::Is(kind)) => Some(*kind),
            (None, Inherited::Broken) => None,
            (None, Inherited::Absent) => {
                self.missing_source(flow);
                None
            }
        };
        let Some(kind) = kind else {
            column.and_then(|column| self.delta_column(column));
            return None;
        };
        match (kind, column, &defaults.table) {
            (SourceKind::File, Some(column), _) => {
                let message = "a file source has no delta column";
                let hint = "remove it, or write `source: table`".to_owned();
                self.report(Rule::DeltaColumn, column.span, message).hint = Some(hint);
                None
            }
            (SourceKind::File, None, _) => Some(Arc::new(Source::File)),
            (SourceKind::Table, Some(column), _) => {
                Some(Arc::new(Source::Table(self.delta_column(column)?)))
            }
            (SourceKind::Table, None, _) if flow.is_reported("deltaColumn") => None,
            (SourceKind::Table, None, Inherited::Is(table)) => Some(Arc::clone(table)),
            (SourceKind::Table, None, Inherited::Broken) => None,
            (SourceKind::Table, None, Inherited::Absent) => {
                self.column_is_missing(source_span(flow));
                None
            }
        }
    }

    fn missing_source(&mut self, flow: &FlowDocument<'_>) {
        let hint = if flow.delta_column.is_some() {
            "a flow with a delta column reads a table: write `source: table`"
        } else {
            "write `source: table` (rows, with a deltaColumn) or `source: file`"
        };
        self.report(Rule::MissingField, flow.span, "`source` is missing")
            .hint = Some(hint.to_owned());
    }

    fn column_is_missing(&mut self, span: Span) {
        self.report(
            Rule::DeltaColumn,
            span,
            "a table source needs a delta column",
        )
        .hint = Some("write `deltaColumn: { name: COLUMN }`".to_owned());
    }

    fn source_kind(&mut self, text: &Text<'_>) -> Option<SourceKind> {
        match text.value.as_ref() {
            "table" => Some(SourceKind::Table),
            "file" => Some(SourceKind::File),
            other => {
                let message = format!("`source` is table or file, not `{other}`");
                let hint = "databases and warehouses are `table`, with a deltaColumn; storages are \
                            `file`";
                self.report(Rule::UnknownValue, text.span, message).hint = Some(hint.to_owned());
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
}

/// Where a flow tells its source and its delta column; else its entry, or its manifest.
pub(super) fn source_span(flow: &FlowDocument<'_>) -> Span {
    let column = flow.delta_column.as_ref().map(|column| column.span);
    let source = flow.source.as_ref().map(|text| text.span);
    column.or(source).unwrap_or(flow.span)
}
