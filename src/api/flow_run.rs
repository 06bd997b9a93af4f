//! A flow run as the service lists it, read tolerantly: the samples disagree about spelling,
//! types and what is there at all. Only an id is demanded.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use super::clock::CLOCKS;
use super::redact::plain;
use crate::run::{FlowId, RunId, UnixSeconds, Window};
use crate::state::{ClockKind, ClockedTime};
use crate::untrusted::Untrusted;

/// How many errors of a run are kept: a run of many files may repeat one for each.
const MOST_ERRORS: usize = 100;

/// A run that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowRun {
    /// Its id.
    pub id: RunId,
    /// Its flow, where the answer says.
    pub flow_id: Option<FlowId>,
    /// When it was created (`createdAt`, ms).
    pub created_at: Option<Timestamp>,
    /// The client that created it (`createdClient`): for ours, the API key.
    pub created_client: Option<Untrusted>,
    /// The account behind it (`createdBy`): a person, or a technical account.
    pub created_by: Option<Untrusted>,
    /// The window it ingests, as far as the answer shows one.
    pub window_evidence: WindowEvidence,
    /// How far it is.
    pub status: RunStatus,
    /// What it read and wrote.
    pub records: RecordCounts,
    /// What went wrong in it; a run that succeeded may have errors too.
    pub errors: Vec<RunError>,
}

/// What a run shows of its window, best evidence first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowEvidence {
    /// `params.windowStartTime` and `params.windowEndTime`.
    Params(Window),
    /// The copy activity's `extensions.windowStart` and `windowEnd`.
    CopyActivity(Window),
    /// A window that none of ours can be, such as one that ends before it starts.
    Invalid,
    /// Nothing: such a run can be any run.
    Missing,
}

impl WindowEvidence {
    /// The window, whatever shows it.
    #[must_use]
    pub fn window(self) -> Option<Window> {
        match self {
            Self::Params(window) | Self::CopyActivity(window) => Some(window),
            Self::Invalid | Self::Missing => None,
        }
    }
}

/// How far a run is. The list of values is not documented in full.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// Waiting for its start time.
    Scheduled,
    /// Working.
    InProgress,
    /// Done.
    Success,
    /// Done, with records that failed.
    PartialSuccess,
    /// Over, without success.
    Failed,
    /// A word that is not known: taken as not finished.
    Unknown(Untrusted),
}

impl RunStatus {
    fn from_text(text: &str) -> Self {
        let word: String = text
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match word.as_str() {
            "scheduled" | "queued" | "waiting" | "pending" => Self::Scheduled,
            "inprogress" | "processing" => Self::InProgress,
            "success" | "completed" => Self::Success,
            "partialsuccess" | "partialfailure" => Self::PartialSuccess,
            "failed" => Self::Failed,
            _ => Self::Unknown(plain(text).into()),
        }
    }

    /// Whether it will not change any more.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Success | Self::PartialSuccess | Self::Failed)
    }
}

/// The word that the samples use for it.
impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Scheduled => "scheduled",
            Self::InProgress => "inProgress",
            Self::Success => "success",
            Self::PartialSuccess => "partialSuccess",
            Self::Failed => "failed",
            Self::Unknown(word) => return word.fmt(f),
        })
    }
}

/// `metrics.recordSummary`; -1 on the wire, as failed runs have it, is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordCounts {
    /// Records read.
    pub input: Option<u64>,
    /// Records written.
    pub output: Option<u64>,
    /// Records that failed.
    pub failed: Option<u64>,
}

/// An error inside a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError {
    /// Such as `CONNECTOR-2001-500`.
    pub code: Untrusted,
    /// Adobe's words.
    pub message: Untrusted,
}

impl FlowRun {
    /// Reads one item of a list; `None` without a usable id, or where the id of its flow is none:
    /// whether it is of our flow is never guessed.
    #[must_use]
    pub fn read(item: &Value) -> Option<Self> {
        let id = item.get("id")?.as_str()?.parse().ok()?;
        let flow_id = match item.get("flowId") {
            None | Some(Value::Null) => None,
            Some(id) => Some(id.as_str()?.parse().ok()?),
        };
        let status = item
            .pointer("/metrics/statusSummary/status")
            .or_else(|| item.get("state"))
            .and_then(Value::as_str)
            .map_or_else(|| RunStatus::Unknown("(none)".into()), RunStatus::from_text);
        let text = |name: &str| {
            let text = item.get(name).and_then(Value::as_str)?;
            Some(Untrusted::from(plain(text)))
        };
        Some(Self {
            id,
            flow_id,
            created_at: item
                .get("createdAt")
                .and_then(integer)
                .and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            created_client: text("createdClient"),
            created_by: text("createdBy"),
            window_evidence: shown_window(item),
            status,
            records: record_counts(item),
            errors: errors(item),
        })
    }

    /// Whether it names `client` as the one that created it; for our runs that is the API key, as
    /// far as that is documented.
    #[must_use]
    pub fn is_by(&self, client: &str) -> bool {
        self.created_client.as_ref().is_some_and(|by| by == client)
    }

    /// Whether it can have come of a request whose intent was made at `intent`: it is not older.
    /// A time that cannot be compared can.
    #[must_use]
    pub fn is_since(&self, intent: ClockedTime) -> bool {
        match (self.created_at, intent.clock) {
            (Some(created), ClockKind::Server) => {
                let earliest = intent.time.saturating_sub(CLOCKS).unwrap_or(intent.time);
                created >= earliest
            }
            _ => true,
        }
    }
}

/// OpenAPI spells it `activites`, every sample `activities`.
fn activities(item: &Value) -> impl Iterator<Item = &Value> {
    item.get("activities")
        .or_else(|| item.get("activites"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn shown_window(item: &Value) -> WindowEvidence {
    let pair = |object: &Value, start: &str, end: &str| {
        let start = object.get(start).and_then(integer)?;
        let end = object.get(end).and_then(integer)?;
        Some((start, end))
    };
    if let Some((start, end)) = item
        .get("params")
        .and_then(|params| pair(params, "windowStartTime", "windowEndTime"))
    {
        return window(start, end).map_or(WindowEvidence::Invalid, WindowEvidence::Params);
    }
    activities(item)
        .filter_map(|activity| activity.pointer("/durationSummary/extensions"))
        .find_map(|extensions| pair(extensions, "windowStart", "windowEnd"))
        .map_or(WindowEvidence::Missing, |(start, end)| {
            window(start, end).map_or(WindowEvidence::Invalid, WindowEvidence::CopyActivity)
        })
}

fn window(start: i64, end: i64) -> Option<Window> {
    let start = UnixSeconds::new(seconds(start)).ok()?;
    let end = UnixSeconds::new(seconds(end)).ok()?;
    Window::new(start, end).ok()
}

/// Eleven digits and more are milliseconds, whatever the documentation of the field says.
fn seconds(value: i64) -> i64 {
    // Not `abs`, which the least integer does not have.
    if value.unsigned_abs() >= 10_000_000_000 {
        value / 1000
    } else {
        value
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn record_counts(item: &Value) -> RecordCounts {
    let count = |name: &str| {
        item.pointer("/metrics/recordSummary")
            .and_then(|summary| summary.get(name))
            .and_then(integer)
            .and_then(|count| u64::try_from(count).ok())
    };
    RecordCounts {
        input: count("inputRecordCount"),
        output: count("outputRecordCount"),
        failed: count("failedRecordCount"),
    }
}

fn errors(item: &Value) -> Vec<RunError> {
    let outer = item.pointer("/metrics/statusSummary/errors");
    let nested = activities(item)
        .filter_map(|activity| activity.pointer("/statusSummary/extensions/errors"));
    let mut errors: Vec<RunError> = Vec::new();
    for error in outer
        .into_iter()
        .chain(nested)
        .filter_map(Value::as_array)
        .flatten()
    {
        let text = |name: &str| match error.get(name) {
            Some(Value::String(text)) => Untrusted::from(plain(text)),
            Some(Value::Number(number)) => number.to_string().into(),
            _ => "".into(),
        };
        let error = RunError {
            code: text("code"),
            message: text("message"),
        };
        if !errors.contains(&error) {
            errors.push(error);
        }
        if errors.len() == MOST_ERRORS {
            break;
        }
    }
    errors
}

#[cfg(test)]
mod tests;
