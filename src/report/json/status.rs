//! The document of the recorded runs and how they are doing.

use jiff::Timestamp;
use serde::Serialize;

use super::parts::{ByteFields, CountFields, RunFields, to_the_second};
use crate::api::RunError;
use crate::reconcile::status::{Status, StatusRow, StatusTotals, Unread};
use crate::run::{ByteCounts, FlowRef, RecordCounts, RunId, WindowStatus};
use crate::untrusted::Untrusted;

/// `status/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusDocument<'a> {
    #[cfg_attr(test, schemars(extend("const" = "status/v1")))]
    format: &'static str,
    summary: StatusSummary,
    totals: Moved,
    runs: Vec<StatusRun<'a>>,
    /// The flows whose runs could not be listed.
    unread: Vec<UnreadFlow<'a>>,
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
    #[serde(with = "CountFields")]
    records: RecordCounts,
    #[serde(with = "ByteFields")]
    bytes: ByteCounts,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct StatusRun<'a> {
    #[serde(flatten)]
    run: RunFields,
    /// `success`, `partial`, `empty`, `failed`, `inProgress`, `scheduled`, `beingSent`, `retried`,
    /// `rejected`, `inDoubt`, `notListed`, `notRead`, or a word of the service that is not known.
    status: String,
    run_id: &'a Option<RunId>,
    /// Which attempt it is, from 1.
    attempt: usize,
    #[serde(flatten)]
    moved: Moved,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "to_the_second"
    )]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    started_at: Option<Timestamp>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "to_the_second"
    )]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a Untrusted>,
    errors: &'a [RunError],
    /// Where records that failed, and samples of errors, can be had.
    diagnostics: &'a [Untrusted],
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct UnreadFlow<'a> {
    name: &'a Untrusted,
    #[serde(flatten)]
    flow: &'a FlowRef,
    message: &'a str,
}

/// The runs and their status, as `status/v1`.
#[must_use]
pub(crate) fn status(status: &Status, exit_code: u8) -> StatusDocument<'_> {
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
            records: totals.records,
            bytes: totals.bytes,
        },
        runs: rows.iter().map(StatusRun::new).collect(),
        unread: unread
            .iter()
            .map(|Unread { name, flow, why }| UnreadFlow {
                name,
                flow,
                message: why,
            })
            .collect(),
        held_by: holder.as_ref().map(ToString::to_string),
        exit_code,
    }
}

impl<'a> StatusRun<'a> {
    fn new(row: &'a StatusRow) -> Self {
        let run = row.run();
        let times = run.map(|run| run.times).unwrap_or_default();
        Self {
            run: RunFields::named(&row.name, &row.identity),
            status: row.word(),
            run_id: &row.run_id,
            attempt: row.attempt,
            moved: Moved {
                records: run.map(|run| run.records).unwrap_or_default(),
                bytes: run.map(|run| run.bytes).unwrap_or_default(),
            },
            started_at: times.started_at,
            ended_at: times.ended_at,
            etag: run.and_then(|run| run.etag.as_ref()),
            errors: run.map_or(&[], |run| &run.errors),
            diagnostics: run.map_or(&[], |run| &run.diagnostics),
        }
    }
}
