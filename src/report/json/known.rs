//! What the state knows of a run, in documents: `known` of a planned run, `conflict` of one whose
//! window was ingested already.

use jiff::Timestamp;
use serde::Serialize;

use super::{ApplyError, RunFields};
use crate::plan::Known;
use crate::run::{ByteCounts, RecordCounts, RunId};
use crate::state::{Attempt, Evidence, Fate, LastSeen};
use crate::untrusted::Untrusted;

/// What became of a run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct KnownFields {
    /// `created`, `adopted`, `rejected`, `inDoubt` or `notCreated`.
    #[cfg_attr(test, schemars(extend("enum" = ["created", "adopted", "rejected", "inDoubt", "notCreated"])))]
    pub(super) fate: &'static str,
    /// When that was known; for a run in doubt, when its request was about to leave.
    pub(super) at: String,
    /// The run's id in Experience Platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<RunId>,
    /// How an adopted run was recognised, or a doubt closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) evidence: Option<String>,
    /// Why a person decided so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// What the service said when it rejected the run, or what came back that left a doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ApplyError>,
}

impl KnownFields {
    pub(super) fn new(fate: &Fate) -> Self {
        let (word, at, evidence, error) = match fate {
            Fate::Created { adopted, at, .. } => match adopted.as_deref() {
                None => ("created", *at, None, None),
                Some(evidence) => ("adopted", *at, Some(evidence), None),
            },
            Fate::Rejected { refusal, at } => {
                let error = ApplyError::refused(refusal);
                ("rejected", *at, None, Some(error))
            }
            Fate::InDoubt(in_doubt) => {
                let doubt = in_doubt.doubt.as_ref();
                let error = doubt.map(|doubt| ApplyError::said(&doubt.reason));
                ("inDoubt", in_doubt.intent.time(), None, error)
            }
            Fate::NotCreated(absence) => ("notCreated", absence.at, Some(&absence.evidence), None),
        };
        Self {
            fate: word,
            at: format!("{at:.0}"),
            run_id: fate.run_id().cloned(),
            evidence: evidence.map(Evidence::word),
            reason: evidence.and_then(Evidence::reason).map(ToOwned::to_owned),
            error,
        }
    }
}

/// How a run was doing when it was last read.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct SeenFields {
    /// `scheduled`, `inProgress`, `success`, `partial`, `empty`, `failed`, or the service's own word.
    status: String,
    /// Records read, written and failed; `null` where the service does not tell.
    records: CountFields,
    /// Bytes read and written.
    bytes: ByteFields,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    /// Its first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Untrusted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Untrusted>,
    /// When that was read.
    at: String,
}

/// Counts of records; `null` where the service does not tell.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CountFields {
    input: Option<u64>,
    output: Option<u64>,
    failed: Option<u64>,
}

/// The same of bytes.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ByteFields {
    input: Option<u64>,
    output: Option<u64>,
}

impl CountFields {
    pub(super) fn records(records: RecordCounts) -> Self {
        let RecordCounts {
            input,
            output,
            failed,
        } = records;
        Self {
            input,
            output,
            failed,
        }
    }
}

impl ByteFields {
    pub(super) fn new(bytes: ByteCounts) -> Self {
        let ByteCounts { input, output } = bytes;
        Self { input, output }
    }
}

impl SeenFields {
    pub(super) fn new(seen: &LastSeen) -> Self {
        let LastSeen {
            status,
            records,
            bytes,
            started_at,
            updated_at: _,
            ended_at,
            code,
            message,
            at,
        } = seen;
        let time = |at: &Option<Timestamp>| at.map(|at| format!("{at:.0}"));
        Self {
            status: status.to_string(),
            records: CountFields::records(*records),
            bytes: ByteFields::new(*bytes),
            started_at: time(started_at),
            ended_at: time(ended_at),
            code: code.clone(),
            message: message.clone(),
            at: format!("{at:.0}"),
        }
    }
}

/// A run that a retry replaced.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptFields {
    run_id: RunId,
    /// When it was known to exist.
    at: String,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<SeenFields>,
    /// When it was retried.
    retried_at: String,
    /// Who retried it.
    by: String,
}

impl AttemptFields {
    pub(super) fn new(attempt: &Attempt) -> Self {
        let Attempt {
            run_id,
            at,
            last_seen,
            retried_at,
            by,
            adopted: _,
            sent_at: _,
            etag: _,
        } = attempt;
        Self {
            run_id: run_id.clone(),
            at: format!("{at:.0}"),
            last_seen: last_seen.as_ref().map(SeenFields::new),
            retried_at: format!("{:.0}", retried_at.time()),
            by: by.clone(),
        }
    }
}

/// The run that a window overlaps.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct ConflictFields {
    #[serde(flatten)]
    run: RunFields,
    #[serde(flatten)]
    known: KnownFields,
    /// Who created it, as the service says, where no record stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<String>,
}

impl ConflictFields {
    pub(super) fn new(other: &Known) -> Self {
        let Known {
            identity,
            fate,
            last_seen: _,
            other,
        } = other;
        let made_by = other.as_ref().and_then(|other| other.made_by.as_ref());
        Self {
            run: RunFields::new(identity.key(), identity),
            known: KnownFields::new(fate),
            created_by: made_by.map(ToString::to_string),
        }
    }
}
