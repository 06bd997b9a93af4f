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
use super::summary::count;
use super::{Status, Unread};
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
    /// The label of its flow, where a manifest gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Untrusted>,
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
            name: None,
            sandbox: sandbox.clone(),
            flow_id: *flow_id,
            window_start_time: window.start().get(),
            window_start: window.start().to_string(),
            window_end_time: window.end().get(),
            window_end: window.end().to_string(),
            rerun: rerun.get(),
        }
    }

    fn desired(run: &DesiredRun) -> Self {
        Self {
            name: Some(run.name.clone()),
            ..Self::new(run.key, &run.identity)
        }
    }
}

/// Where a run was asked for.
#[derive(Debug, Serialize)]
struct Asked {
    manifest: String,
    line: u32,
}

impl Asked {
    fn new(run: &DesiredRun) -> Self {
        Self {
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
#[serde(rename_all = "camelCase")]
struct ApplyRun {
    #[serde(flatten)]
    run: RunFields,
    outcome: &'static str,
    /// The run's id in Experience Platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<RunId>,
    /// What the state has of the run that is in the way of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict: Option<ConflictFields>,
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
                run: RunFields::desired(run),
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
        run: RunFields::desired(run),
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
    /// The flows whose runs could not be listed.
    unread: Vec<UnreadFlow>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusRun {
    #[serde(flatten)]
    run: RunFields,
    status: String,
    run_id: Option<RunId>,
    records: Records,
    errors: Vec<StatusError>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UnreadFlow {
    name: Untrusted,
    sandbox: Sandbox,
    flow_id: FlowId,
    message: String,
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
pub fn status(status: &Status, exit_code: u8) -> StatusDocument {
    let Status { rows, unread } = status;
    let mut summary = std::collections::BTreeMap::new();
    let runs = rows
        .iter()
        .map(|row| {
            let word = match row.word().as_str() {
                "in doubt" => "inDoubt".to_owned(),
                "not listed" => "notListed".to_owned(),
                "not read" => "notRead".to_owned(),
                word => word.to_owned(),
            };
            *summary.entry(word.clone()).or_default() += 1;
            let records = row.run().map(|run| run.records).unwrap_or_default();
            StatusRun {
                run: RunFields {
                    name: Some(row.name.clone()),
                    ..RunFields::new(row.key, &row.identity)
                },
                status: word,
                run_id: row.run_id.clone(),
                records: Records {
                    input: records.input,
                    output: records.output,
                    failed: records.failed,
                },
                errors: row.run().map_or_else(Vec::new, |run| {
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
        unread: unread.iter().map(UnreadFlow::new).collect(),
        exit_code,
    }
}

impl UnreadFlow {
    fn new(unread: &Unread) -> Self {
        let Unread {
            name,
            sandbox,
            flow_id,
            why,
        } = unread;
        Self {
            name: name.clone(),
            sandbox: sandbox.clone(),
            flow_id: *flow_id,
            message: why.clone(),
        }
    }
}
