//! JSON documents: one per command, versioned, in structs of their own, so that nothing inside
//! the program can change what a script reads.

mod audit;
mod import;
mod known;
mod plan;
mod rehearse;
mod resolve;
mod state;
mod validate;

use serde::Serialize;

pub use self::audit::{AuditDocument, audit};
pub use self::import::{ImportDocument, import};
use self::known::ConflictFields;
pub use self::plan::{PlanDocument, plan};
pub use self::rehearse::{RehearseDocument, rehearse};
pub use self::resolve::{ResolveDocument, resolve};
pub use self::state::{StateDocument, VerifyDocument, state, verify};
pub use self::validate::{ValidateDocument, validate};
use super::StatusRow;
use super::summary::count;
use crate::engine::{Applied, Ending, RunOutcome};
use crate::plan::PlannedRun;
use crate::run::{DesiredRun, FlowId, Key, RunId, RunIdentity, Sandbox};
use crate::state::Refusal;
use crate::untrusted::Untrusted;

/// What identifies a run, in every document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunFields {
    key: Key,
    sandbox: Sandbox,
    flow_id: FlowId,
    window_start_time: i64,
    window_start: String,
    window_end_time: i64,
    window_end: String,
    rerun: u32,
}

impl RunFields {
    fn new(key: Key, identity: &RunIdentity) -> Self {
        let RunIdentity {
            sandbox,
            flow_id,
            window,
            rerun,
        } = identity;
        Self {
            key,
            sandbox: sandbox.clone(),
            flow_id: *flow_id,
            window_start_time: window.start().get(),
            window_start: window.start().to_string(),
            window_end_time: window.end().get(),
            window_end: window.end().to_string(),
            rerun: rerun.get(),
        }
    }
}

/// Where a run was asked for.
#[derive(Debug, Serialize)]
struct Asked {
    name: String,
    manifest: String,
    line: u32,
}

impl Asked {
    fn new(run: &DesiredRun) -> Self {
        Self {
            name: run.name.raw().to_owned(),
            manifest: run.origin.manifest.to_string(),
            line: run.origin.line,
        }
    }
}

/// `apply/v1`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyDocument {
    format: &'static str,
    summary: ApplySummary,
    runs: Vec<ApplyRun>,
    ending: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    exit_code: u8,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplySummary {
    created: usize,
    adopted: usize,
    rejected: usize,
    in_doubt: usize,
    remaining: usize,
    unchanged: usize,
}

#[derive(Debug, Serialize)]
struct ApplyRun {
    #[serde(flatten)]
    run: RunFields,
    outcome: &'static str,
    /// What the state has of the run that is in the way of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict: Option<ConflictFields>,
    /// The run's id in Experience Platform.
    #[serde(rename = "run", skip_serializing_if = "Option::is_none")]
    run_id: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ApplyError>,
    #[serde(flatten)]
    asked: Asked,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplyError {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl ApplyError {
    fn said(message: &str) -> Self {
        Self {
            message: message.to_owned(),
            status: None,
            code: None,
            request_id: None,
        }
    }

    fn refused(refusal: &Refusal) -> Self {
        let Refusal {
            status,
            code,
            message,
            request_id,
        } = refusal;
        Self {
            message: message.to_string(),
            status: Some(*status),
            code: code.as_ref().map(Untrusted::to_string),
            request_id: request_id.as_ref().map(Untrusted::to_string),
        }
    }
}

/// What stands in a report in place of a result: why there is none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureDocument {
    format: &'static str,
    ending: &'static str,
    message: String,
    exit_code: u8,
}

/// The document of a command that could not do its work, in place of one of `format`.
#[must_use]
pub fn failure(format: &'static str, message: &str, exit_code: u8) -> FailureDocument {
    FailureDocument {
        format,
        ending: "failed",
        message: message.to_owned(),
        exit_code,
    }
}

/// What an apply came to, as `apply/v1`.
#[must_use]
pub fn apply(applied: &Applied, held_back: usize, exit_code: u8) -> ApplyDocument {
    let counts = count(applied, held_back);
    let (ending, message) = match &applied.ending {
        Ending::Done => ("done", None),
        Ending::Interrupted => ("interrupted", None),
        Ending::Breaker(rejections) => {
            ("breaker", Some(format!("{rejections} rejections in a row")))
        }
        Ending::SignIn(why) => ("signIn", Some(why.clone())),
        Ending::Unreachable(why) => ("unreachable", Some(why.clone())),
        Ending::Store(error) => ("state", Some(error.to_string())),
    };
    ApplyDocument {
        format: "apply/v1",
        summary: ApplySummary {
            created: counts.created,
            adopted: counts.adopted,
            rejected: counts.rejected,
            in_doubt: counts.in_doubt,
            remaining: counts.remaining,
            unchanged: counts.unchanged,
        },
        runs: applied.runs.iter().map(apply_run).collect(),
        ending,
        message,
        exit_code,
    }
}

/// The `apply/v1` of an apply that sent nothing: it failed before it had a plan, or its plan had
/// `conflicts`.
#[must_use]
pub fn apply_failure(message: &str, conflicts: &[PlannedRun], exit_code: u8) -> ApplyDocument {
    ApplyDocument {
        format: "apply/v1",
        summary: ApplySummary::default(),
        runs: conflicts
            .iter()
            .map(|PlannedRun { run, known, .. }| ApplyRun {
                run: RunFields::new(run.key, &run.identity),
                outcome: "conflict",
                conflict: known.as_ref().map(ConflictFields::new),
                run_id: None,
                error: None,
                asked: Asked::new(run),
            })
            .collect(),
        ending: "failed",
        message: Some(message.to_owned()),
        exit_code,
    }
}

fn apply_run((run, outcome): &(DesiredRun, RunOutcome)) -> ApplyRun {
    let (word, run_id, error) = match outcome {
        RunOutcome::Unchanged => ("unchanged", None, None),
        RunOutcome::Created(id) => ("created", Some(id.clone()), None),
        RunOutcome::Adopted(id, _) => ("adopted", Some(id.clone()), None),
        RunOutcome::Rejected(refusal) => ("rejected", None, Some(ApplyError::refused(refusal))),
        RunOutcome::InDoubt(why) => ("inDoubt", None, Some(ApplyError::said(why))),
        RunOutcome::Remaining(why) => ("remaining", None, Some(ApplyError::said(why))),
    };
    ApplyRun {
        run: RunFields::new(run.key, &run.identity),
        outcome: word,
        conflict: None,
        run_id,
        error,
        asked: Asked::new(run),
    }
}

/// `status/v1`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusDocument {
    format: &'static str,
    summary: std::collections::BTreeMap<String, usize>,
    runs: Vec<StatusRun>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
struct StatusRun {
    #[serde(flatten)]
    run: RunFields,
    name: String,
    #[serde(rename = "run")]
    run_id: Option<RunId>,
    status: String,
    records: Records,
    errors: Vec<StatusError>,
}

#[derive(Debug, Serialize)]
struct Records {
    input: Option<u64>,
    output: Option<u64>,
    failed: Option<u64>,
}

#[derive(Debug, Serialize)]
struct StatusError {
    code: String,
    message: String,
}

/// The runs and their status, as `status/v1`.
#[must_use]
pub fn status(rows: &[StatusRow], exit_code: u8) -> StatusDocument {
    let mut summary = std::collections::BTreeMap::new();
    let runs = rows
        .iter()
        .map(|row| {
            let word = match row.word().as_str() {
                "in doubt" => "inDoubt".to_owned(),
                "not listed" => "notListed".to_owned(),
                word => word.to_owned(),
            };
            *summary.entry(word.clone()).or_default() += 1;
            let records = row.run.as_ref().map(|run| run.records).unwrap_or_default();
            StatusRun {
                run: RunFields::new(row.key, &row.identity),
                name: row.name.raw().to_owned(),
                run_id: row.run_id.clone(),
                status: word,
                records: Records {
                    input: records.input,
                    output: records.output,
                    failed: records.failed,
                },
                errors: row.run.as_ref().map_or_else(Vec::new, |run| {
                    run.errors
                        .iter()
                        .map(|error| StatusError {
                            code: error.code.to_string(),
                            message: error.message.to_string(),
                        })
                        .collect()
                }),
            }
        })
        .collect();
    StatusDocument {
        format: "status/v1",
        summary,
        runs,
        exit_code,
    }
}
