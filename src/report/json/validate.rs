//! `validate/v1`: the problems of manifests, for programs.

use serde::Serialize;

use crate::manifest::{Checked, Problem, SourcePlace, Sources};
use crate::report::problems::{Bounded, ProblemCounts, bound};

/// `validate/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ValidateDocument {
    #[cfg_attr(test, schemars(extend("const" = "validate/v1")))]
    format: &'static str,
    summary: ValidateSummary,
    problems: Vec<ProblemFields>,
    /// What `--max-problems` kept out of `problems`.
    omitted: CountFields,
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
    counts: CountFields,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CountFields {
    errors: usize,
    warnings: usize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ProblemFields {
    code: &'static str,
    #[cfg_attr(test, schemars(extend("enum" = ["error", "warning"])))]
    severity: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(flatten)]
    place: PlaceFields,
    related: Vec<PlaceFields>,
}

/// A place: lines and columns count characters from 1, `span` bytes from 0; ends are exclusive.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct PlaceFields {
    file: String,
    line: u32,
    column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<u32>,
    span: SpanFields,
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SpanFields {
    start: u32,
    end: u32,
}

impl From<ProblemCounts> for CountFields {
    fn from(ProblemCounts { errors, warnings }: ProblemCounts) -> Self {
        Self { errors, warnings }
    }
}

impl PlaceFields {
    fn new(place: &SourcePlace, sources: &Sources) -> Self {
        let SourcePlace { file, span, label } = place;
        let bytes = span.start as usize..span.end as usize;
        // What was not read whole has no text at the place.
        let text = sources.text(file).and_then(|text| text.get(bytes));
        let end = text.map(|text| {
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            match text.rsplit_once('\n') {
                Some((before, last)) => (
                    span.line + 1 + count(before.matches('\n').count()),
                    1 + count(last.chars().count()),
                ),
                None => (span.line, span.column + count(text.chars().count())),
            }
        });
        Self {
            file: file.to_string(),
            line: span.line,
            column: span.column,
            end_line: end.map(|(line, _)| line),
            end_column: end.map(|(_, column)| column),
            span: SpanFields {
                start: span.start,
                end: span.end,
            },
            label: label.clone(),
        }
    }
}

/// What checking came to, as `validate/v1`, with at most `most` problems.
#[must_use]
pub(crate) fn validate(
    sources: &Sources,
    checked: &Checked,
    most: usize,
    exit_code: u8,
) -> ValidateDocument {
    let Bounded { shown, rest } = bound(checked, most);
    ValidateDocument {
        format: "validate/v1",
        summary: ValidateSummary {
            files: sources.len(),
            manifests: checked.documents,
            flows: checked.flows(),
            runs: checked.runs.len(),
            counts: ProblemCounts::in_all(checked).into(),
        },
        problems: shown
            .into_iter()
            .map(|problem| {
                let Problem {
                    rule,
                    message,
                    hint,
                    place,
                    related,
                } = problem;
                ProblemFields {
                    code: rule.code(),
                    severity: rule.severity().as_str(),
                    message: message.clone(),
                    hint: hint.clone(),
                    place: PlaceFields::new(place, sources),
                    related: related
                        .iter()
                        .map(|place| PlaceFields::new(place, sources))
                        .collect(),
                }
            })
            .collect(),
        omitted: rest.into(),
        exit_code,
    }
}
