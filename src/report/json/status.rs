//! The document of the recorded runs and how they are doing.

use serde::Serialize;

use super::RunFields;
use super::known::{ByteFields, CountFields};
use crate::reconcile::status::{Status, StatusRow, StatusTotals, Unread};
use crate::run::{FlowId, RunId, Sandbox, WindowStatus};
use crate::untrusted::Untrusted;

/// `status/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusDocument {
    #[cfg_attr(test, schemars(extend("const" = "status/v1")))]
    format: &'static str,
    summary: StatusSummary,
    totals: Moved,
    runs: Vec<StatusRun>,
    /// The flows whose runs could not be listed.
    unread: Vec<UnreadFlow>,
    /// Who holds the state, where some runs are being sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<String>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct StatusSummary {
    success: usize,
    /// Success, with records that failed.
    partial: usize,
    /// Success, without a record.
    empty: usize,
    failed: usize,
    /// Refused by the service the last time that they were sent: there is no run.
    rejected: usize,
    in_progress: usize,
    /// Those that are being sent, or run again and are not listed so yet, included.
    scheduled: usize,
    /// With a word of the service that is not known.
    unknown: usize,
    in_doubt: usize,
    not_listed: usize,
    not_read: usize,
}

/// What all runs together moved.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Moved {
    records: CountFields,
    bytes: ByteFields,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct StatusRun {
    #[serde(flatten)]
    run: RunFields,
    /// `success`, `partial`, `empty`, `failed`, `inProgress`, `scheduled`, `beingSent`, `retried`,
    /// `rejected`, `inDoubt`, `notListed`, `notRead`, or a word of the service that is not known.
    status: String,
    run_id: Option<RunId>,
    /// Which attempt it is, from 1.
    attempt: usize,
    records: CountFields,
    bytes: ByteFields,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<Untrusted>,
    errors: Vec<StatusError>,
    /// Where records that failed, and samples of errors, can be had.
    diagnostics: Vec<Untrusted>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct UnreadFlow {
    name: Untrusted,
    sandbox: Sandbox,
    flow_id: FlowId,
    message: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StatusError {
    code: String,
    message: String,
}

/// The runs and their status, as `status/v1`.
#[must_use]
pub(crate) fn status(status: &Status, exit_code: u8) -> StatusDocument {
    let Status {
        rows,
        unread,
        holder,
    } = status;
    let totals = StatusTotals::of(rows);
    let count = |status| totals.counts.of(status);
    StatusDocument {
        format: "status/v1",
        summary: StatusSummary {
            success: count(WindowStatus::Success),
            partial: count(WindowStatus::Partial),
            empty: count(WindowStatus::Empty),
            failed: count(WindowStatus::Failed),
            rejected: count(WindowStatus::Rejected),
            in_progress: count(WindowStatus::InProgress),
            scheduled: count(WindowStatus::Scheduled),
            unknown: count(WindowStatus::Unknown),
            in_doubt: count(WindowStatus::InDoubt),
            not_listed: count(WindowStatus::NotListed),
            not_read: count(WindowStatus::NotRead),
        },
        totals: Moved {
            records: CountFields::records(totals.records),
            bytes: ByteFields::new(totals.bytes),
        },
        runs: rows.iter().map(StatusRun::new).collect(),
        unread: unread.iter().map(UnreadFlow::new).collect(),
        held_by: holder.as_ref().map(ToString::to_string),
        exit_code,
    }
}

impl StatusRun {
    fn new(row: &StatusRow) -> Self {
        let run = row.run();
        let status = match row.word().as_str() {
            "being sent" => "beingSent".to_owned(),
            "in doubt" => "inDoubt".to_owned(),
            "not listed" => "notListed".to_owned(),
            "not read" => "notRead".to_owned(),
            word => word.to_owned(),
        };
        let times = run.map(|run| run.times).unwrap_or_default();
        let time = |at: Option<jiff::Timestamp>| at.map(|at| format!("{at:.0}"));
        let errors = run.map_or(&[][..], |run| &run.errors);
        Self {
            run: RunFields {
                name: Some(row.name.clone()),
                ..RunFields::new(row.key, &row.identity)
            },
            status,
            run_id: row.run_id.clone(),
            attempt: row.attempt,
            records: CountFields::records(run.map(|run| run.records).unwrap_or_default()),
            bytes: ByteFields::new(run.map(|run| run.bytes).unwrap_or_default()),
            started_at: time(times.started_at),
            ended_at: time(times.ended_at),
            etag: run.and_then(|run| run.etag.clone()),
            errors: errors
                .iter()
                .map(|error| StatusError {
                    code: error.code.to_string(),
                    message: error.message.to_string(),
                })
                .collect(),
            diagnostics: run.map_or_else(Vec::new, |run| run.diagnostics.clone()),
        }
    }
}

impl UnreadFlow {
    fn new(unread: &Unread) -> Self {
        let Unread { name, flow, why } = unread;
        Self {
            name: name.clone(),
            sandbox: flow.sandbox.clone(),
            flow_id: flow.id,
            message: why.clone(),
        }
    }
}
