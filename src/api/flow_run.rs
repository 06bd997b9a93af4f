//! A flow run as the service lists it, read tolerantly: the samples disagree about spelling,
//! types and what is there at all. Only an id is demanded.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::clock::CLOCKS;
use super::redact::plain;
use crate::run::{ByteCounts, FlowId, RecordCounts, RunId, RunStatus, UnixSeconds, Window};
use crate::state::{ClockedTime, LastSeen};
use crate::untrusted::Untrusted;

/// How many errors of a run are kept: a run of many files may repeat one for each.
const MOST_ERRORS: usize = 100;
/// How many links of a run are kept.
const MOST_LINKS: usize = 20;

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
    /// How far it is, or how it ended.
    pub status: RunStatus,
    /// What it read and wrote (`metrics.recordSummary`).
    pub records: RecordCounts,
    /// The same in bytes (`metrics.sizeSummary`).
    pub bytes: ByteCounts,
    /// When it changed.
    pub times: RunTimes,
    /// Its `etag`, with the quotes that it has.
    pub etag: Option<Untrusted>,
    /// What went wrong in it; a run that succeeded may have errors too.
    pub errors: Vec<RunError>,
    /// Where records that failed, and samples of errors, can be had: links.
    pub diagnostics: Vec<Untrusted>,
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

/// When a run changed, by the service's clock; `None` where the answer does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunTimes {
    /// When anything of it changed last (`updatedAt`, ms).
    pub updated_at: Option<Timestamp>,
    /// When it began to work (`metrics.durationSummary.startedAtUTC`, ms).
    pub started_at: Option<Timestamp>,
    /// When it ended (`completedAtUTC`, ms); a failed run has none.
    pub ended_at: Option<Timestamp>,
}

/// An error inside a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
        let at = |pointer: &str| item.pointer(pointer).and_then(moment);
        let count = |pointer: &str| u64::try_from(item.pointer(pointer).and_then(integer)?).ok();
        let records = RecordCounts {
            input: count("/metrics/recordSummary/inputRecordCount"),
            output: count("/metrics/recordSummary/outputRecordCount"),
            failed: count("/metrics/recordSummary/failedRecordCount"),
        };
        let word = item
            .pointer("/metrics/statusSummary/status")
            .or_else(|| item.get("state"))
            .and_then(Value::as_str);
        let text = |name: &str| {
            let text = item.get(name).and_then(Value::as_str)?;
            Some(Untrusted::from(plain(text)))
        };
        Some(Self {
            id,
            flow_id,
            created_at: at("/createdAt"),
            created_client: text("createdClient"),
            created_by: text("createdBy"),
            window_evidence: shown_window(item),
            status: word.map_or_else(
                || RunStatus::Unknown("(none)".into()),
                |word| status(word, records),
            ),
            records,
            bytes: ByteCounts {
                input: count("/metrics/sizeSummary/inputBytes"),
                output: count("/metrics/sizeSummary/outputBytes"),
            },
            times: RunTimes {
                updated_at: at("/updatedAt"),
                started_at: at("/metrics/durationSummary/startedAtUTC"),
                ended_at: at("/metrics/durationSummary/completedAtUTC"),
            },
            etag: text("etag").or_else(|| text("eTag")),
            errors: errors(item),
            diagnostics: diagnostics(item),
        })
    }

    /// What is kept of it, read at `at`.
    #[must_use]
    pub fn seen(&self, at: Timestamp) -> LastSeen {
        let error = self.errors.first();
        LastSeen {
            status: self.status.clone(),
            records: self.records,
            bytes: self.bytes,
            started_at: self.times.started_at,
            updated_at: self.times.updated_at,
            ended_at: self.times.ended_at,
            code: error.map(|error| error.code.clone()),
            message: error.map(|error| error.message.clone()),
            at,
        }
    }

    /// Whether it names `client` as the one that created it; for our runs that is the API key, as
    /// far as that is documented.
    #[must_use]
    pub fn is_by(&self, client: &str) -> bool {
        self.created_client.as_ref().is_some_and(|by| by == client)
    }

    /// Whether it can have come of a request whose intent was made at `intent`: it is not older, by
    /// whichever clock. A time that cannot be compared can.
    #[must_use]
    pub fn may_be_since(&self, intent: ClockedTime) -> bool {
        let times = self.created_at.zip(intent.earliest());
        times.is_none_or(|(created, intent)| is_not_before(created, intent))
    }

    /// Whether it is certainly not older than `intent`, by the service's own times.
    #[must_use]
    pub fn is_since(&self, intent: ClockedTime) -> bool {
        let times = self.created_at.zip(intent.service);
        times.is_some_and(|(created, intent)| is_not_before(created, intent))
    }
}

/// Whether one moment is not before another, by clocks of the service that may differ a little.
fn is_not_before(moment: Timestamp, other: Timestamp) -> bool {
    other.duration_since(moment) <= CLOCKS
}

/// The status by its word and its records. The values are not documented in full: Adobe's samples,
/// its destinations and its specification spell them in different ways, and a run that is a success
/// by its word may have failed records, or none at all.
pub(super) fn status(word: &str, records: RecordCounts) -> RunStatus {
    match normal_word(word).as_str() {
        "scheduled" | "queued" | "waiting" | "pending" => RunStatus::Scheduled,
        "inprogress" | "processing" => RunStatus::InProgress,
        "success" | "completed" => match (records.failed, records.output, records.input) {
            (Some(1..), _, _) => RunStatus::Partial,
            (_, Some(0), _) | (_, None, Some(0)) => RunStatus::Empty,
            _ => RunStatus::Success,
        },
        "partialsuccess" | "partialfailure" => RunStatus::Partial,
        "failed" => RunStatus::Failed,
        _ => RunStatus::Unknown(plain(word).into()),
    }
}

/// A word without what spellings differ in.
pub(super) fn normal_word(word: &str) -> String {
    word.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
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
        let start = integer(object.get(start)?)?;
        Some(window(start, integer(object.get(end)?)?))
    };
    let params = item.get("params");
    if let Some(shown) = params.and_then(|it| pair(it, "windowStartTime", "windowEndTime")) {
        return shown.map_or(WindowEvidence::Invalid, WindowEvidence::Params);
    }
    let extensions = activities(item).filter_map(|it| it.pointer("/durationSummary/extensions"));
    let mut shown = extensions.filter_map(|it| pair(it, "windowStart", "windowEnd"));
    shown.next().map_or(WindowEvidence::Missing, |shown| {
        shown.map_or(WindowEvidence::Invalid, WindowEvidence::CopyActivity)
    })
}

fn window(start: i64, end: i64) -> Option<Window> {
    let seconds = |value| {
        if is_in_milliseconds(value) {
            value / 1000
        } else {
            value
        }
    };
    let at = |value| UnixSeconds::new(seconds(value)).ok();
    Window::new(at(start)?, at(end)?).ok()
}

/// Eleven digits and more are milliseconds, whatever the documentation of the field says.
pub(crate) fn is_in_milliseconds(value: i64) -> bool {
    // Not `abs`, which the least integer does not have.
    value.unsigned_abs() >= 10_000_000_000
}

/// Whether a time, as a list shows it, is in milliseconds.
pub(crate) fn shows_milliseconds(time: &Value) -> bool {
    integer(time).is_some_and(is_in_milliseconds)
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A moment in milliseconds; a notification's sample has seconds in the same field. 0 is none.
fn moment(value: &Value) -> Option<Timestamp> {
    let number = integer(value)?;
    let time = if number.unsigned_abs() >= 100_000_000_000 {
        Timestamp::from_millisecond(number)
    } else {
        Timestamp::from_second(number)
    };
    time.ok().filter(|time| *time > Timestamp::UNIX_EPOCH)
}

/// The links of the run as a whole, and of its activities, each once.
fn diagnostics(item: &Value) -> Vec<Untrusted> {
    let whole = item.pointer("/metrics/statusSummary/extensions/manifest");
    let of_activities = activities(item)
        .filter_map(|activity| activity.pointer("/statusSummary/extensions/manifest"));
    let mut links: Vec<Untrusted> = Vec::new();
    for manifest in whole.into_iter().chain(of_activities) {
        for name in ["failedRecords", "sampleErrors"] {
            let link = manifest.get(name).and_then(Value::as_str);
            let link = link.filter(|link| link.starts_with("https://"));
            if let Some(link) = link.map(|link| Untrusted::from(plain(link)))
                && !links.contains(&link)
                && links.len() < MOST_LINKS
            {
                links.push(link);
            }
        }
    }
    links
}

/// The errors of the run as a whole, and of its activities, each once.
fn errors(item: &Value) -> Vec<RunError> {
    let outer = item.pointer("/metrics/statusSummary/errors");
    let nested = activities(item)
        .filter_map(|activity| activity.pointer("/statusSummary/extensions/errors"));
    let lists = outer.into_iter().chain(nested).filter_map(Value::as_array);
    let mut errors: Vec<RunError> = Vec::new();
    for error in lists.flatten() {
        let text = |name: &str| match error.get(name) {
            Some(Value::String(text)) => Untrusted::from(plain(text)),
            Some(Value::Number(number)) => number.to_string().into(),
            _ => "".into(),
        };
        let error = RunError {
            code: text("code"),
            message: text("message"),
        };
        if !errors.contains(&error) && errors.len() < MOST_ERRORS {
            errors.push(error);
        }
    }
    errors
}

#[cfg(test)]
mod tests;
