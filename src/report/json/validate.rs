//! `validate/v1`: the problems of manifests, for programs.

use serde::Serialize;

use crate::manifest::{Checked, Problem, Severity, SourcePlace, Sources, Span};
use crate::report::problems::{Bounded, ProblemCounts, bound};

/// `validate/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ValidateDocument<'a> {
    #[cfg_attr(test, schemars(extend("const" = "validate/v1")))]
    format: &'static str,
    summary: ValidateSummary,
    problems: Vec<ProblemFields<'a>>,
    /// What `--max-problems` kept out of `problems`.
    omitted: ProblemCounts,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ValidateSummary {
    files: usize,
    /// Documents: one with a list of `flows` is one.
    manifests: usize,
    flows: usize,
    runs: usize,
    #[serde(flatten)]
    counts: ProblemCounts,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ProblemFields<'a> {
    code: &'static str,
    severity: Severity,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(flatten)]
    place: PlaceFields<'a>,
    related: Vec<PlaceFields<'a>>,
}

/// A place: lines and columns count characters from 1, `span` bytes from 0; ends are exclusive.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PlaceFields<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<u32>,
    span: SpanFields,
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'a str,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SpanFields {
    start: u32,
    end: u32,
}

impl<'a> PlaceFields<'a> {
    fn new(place: &'a SourcePlace, sources: &Sources) -> Self {
        let SourcePlace { file, span, label } = place;
        let Span {
            start,
            end,
            line,
            column,
        } = *span;
        // What was not read whole has no text at the place.
        let text = sources.text(file);
        let text = text.and_then(|text| text.get(start as usize..end as usize));
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let lines = |text: &str| count(text.matches('\n').count());
        let columns = |text: &str| match text.rsplit_once('\n') {
            Some((_, last)) => 1 + count(last.chars().count()),
            None => column + count(text.chars().count()),
        };
        Self {
            file,
            line,
            column,
            end_line: text.map(|text| line + lines(text)),
            end_column: text.map(columns),
            span: SpanFields { start, end },
            label,
        }
    }
}

/// What checking came to, as `validate/v1`, with at most `most` problems.
#[must_use]
pub(crate) fn validate<'a>(
    sources: &Sources,
    checked: &'a Checked,
    most: usize,
    exit_code: u8,
) -> ValidateDocument<'a> {
    let Bounded { shown, rest } = bound(checked, most);
    let place = |place: &'a SourcePlace| PlaceFields::new(place, sources);
    let problem = |problem: &'a Problem| ProblemFields {
        code: problem.rule.code(),
        severity: problem.severity(),
        message: &problem.message,
        hint: problem.hint.as_deref(),
        place: place(&problem.place),
        related: problem.related.iter().map(place).collect(),
    };
    ValidateDocument {
        format: "validate/v1",
        summary: ValidateSummary {
            files: sources.len(),
            manifests: checked.documents,
            flows: checked.flows(),
            runs: checked.runs.len(),
            counts: ProblemCounts::in_all(checked),
        },
        problems: shown.into_iter().map(problem).collect(),
        omitted: rest,
        exit_code,
    }
}
