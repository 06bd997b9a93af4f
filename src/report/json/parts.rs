//! What several documents say of a run: which it is, what became of it, how it was doing.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::api::{FlowRun, WindowEvidence};
use crate::engine::{LeftReason, RunOutcome};
use crate::plan::Known;
use crate::report::outcome::describe_left;
use crate::report::plain;
use crate::run::{
    ByteCounts, DesiredRun, FlowId, FlowRef, Key, RecordCounts, Rerun, RunId, RunIdentity,
    RunStatus, Window,
};
use crate::state::{Attempt, Evidence, Fate, LastSeen, Refusal};
use crate::untrusted::Untrusted;

/// How much of a client's or an account's name is given.
const MOST_NAME: usize = 200;

/// What identifies a run, in every document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RunFields {
    key: Key,
    /// The label of its flow, where a manifest gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Untrusted>,
    #[serde(flatten)]
    flow: FlowRef,
    #[serde(flatten)]
    window: Window,
    #[cfg_attr(test, schemars(with = "u32"))]
    rerun: Rerun,
}

impl RunFields {
    pub(super) fn new(identity: &RunIdentity) -> Self {
        Self {
            key: identity.key(),
            name: None,
            flow: FlowRef::clone(&identity.flow),
            window: identity.window,
            rerun: identity.rerun,
        }
    }

    pub(super) fn named(name: &Untrusted, identity: &RunIdentity) -> Self {
        Self {
            name: Some(name.clone()),
            ..Self::new(identity)
        }
    }

    pub(super) fn desired(run: &DesiredRun) -> Self {
        Self::named(&run.request.name, &run.identity)
    }
}

/// Where a run was asked for.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Asked {
    manifest: String,
    line: u32,
}

impl Asked {
    pub(super) fn new(run: &DesiredRun) -> Self {
        Self {
            manifest: run.request.manifest.to_string(),
            line: run.line,
        }
    }
}

/// Why a run was not created, or may not have been.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorFields {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl ErrorFields {
    fn said(message: &str) -> Self {
        Self {
            message: message.to_owned(),
            status: None,
            code: None,
            request_id: None,
        }
    }

    pub(super) fn refused(refusal: &Refusal) -> Self {
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

/// What became of a run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct KnownFields {
    /// `created`, `adopted`, `rejected`, `inDoubt` or `notCreated`.
    #[cfg_attr(test, schemars(extend("enum" = ["created", "adopted", "rejected", "inDoubt", "notCreated"])))]
    pub(super) fate: &'static str,
    /// When that was known; for a run in doubt, when its request was about to leave.
    #[serde(serialize_with = "to_the_second")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub(super) at: Timestamp,
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
    pub(super) error: Option<ErrorFields>,
}

impl KnownFields {
    pub(super) fn new(fate: &Fate) -> Self {
        let (word, at, evidence, error) = match fate {
            Fate::Created { adopted, at, .. } => match adopted.as_deref() {
                None => ("created", *at, None, None),
                Some(evidence) => ("adopted", *at, Some(evidence), None),
            },
            Fate::Rejected { refusal, at } => {
                let error = ErrorFields::refused(refusal);
                ("rejected", *at, None, Some(error))
            }
            Fate::InDoubt(in_doubt) => {
                let doubt = in_doubt.doubt.as_ref();
                let error = doubt.map(|doubt| ErrorFields::said(&doubt.reason));
                ("inDoubt", in_doubt.intent.time(), None, error)
            }
            Fate::NotCreated(absence) => ("notCreated", absence.at, Some(&absence.evidence), None),
        };
        Self {
            fate: word,
            at,
            run_id: fate.run_id().cloned(),
            evidence: evidence.map(Evidence::word),
            reason: evidence.and_then(Evidence::reason).map(ToOwned::to_owned),
            error,
        }
    }
}

/// A run as it is on record.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RecordFields {
    #[serde(flatten)]
    run: RunFields,
    known: KnownFields,
}

impl RecordFields {
    pub(super) fn new(identity: &RunIdentity, fate: &Fate) -> Self {
        Self {
            run: RunFields::new(identity),
            known: KnownFields::new(fate),
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
        let in_the_way = other.other.as_ref();
        let created_by = in_the_way.and_then(|other| other.made_by.as_ref());
        Self {
            run: RunFields::new(&other.identity),
            known: KnownFields::new(&other.fate),
            created_by: created_by.map(ToString::to_string),
        }
    }
}

/// What an apply or a retry made of a run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct OutcomeFields {
    #[serde(flatten)]
    pub(super) run: RunFields,
    /// An apply has `created` and `adopted`, a retry `retried` and `exhausted`.
    #[cfg_attr(test, schemars(extend("enum" = ["created", "adopted", "retried", "rejected", "inDoubt", "remaining", "exhausted", "unchanged", "conflict"])))]
    pub(super) outcome: &'static str,
    /// The run that counts now: its id in Experience Platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_id: Option<RunId>,
    /// The run that failed, where it is run again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_of: Option<RunId>,
    /// How that one was doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_seen: Option<SeenFields>,
    /// What the state has of the run that is in the way of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conflict: Option<ConflictFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ErrorFields>,
    #[serde(flatten)]
    pub(super) asked: Asked,
}

impl OutcomeFields {
    pub(super) fn new(run: &DesiredRun, outcome: &'static str) -> Self {
        Self {
            run: RunFields::desired(run),
            outcome,
            run_id: None,
            retry_of: None,
            last_seen: None,
            conflict: None,
            error: None,
            asked: Asked::new(run),
        }
    }

    pub(super) fn of(run: &DesiredRun, outcome: &RunOutcome) -> Self {
        let fields = |word| Self::new(run, word);
        match outcome {
            RunOutcome::Unchanged => fields("unchanged"),
            RunOutcome::Created(run_id) => Self {
                run_id: Some(run_id.clone()),
                ..fields("created")
            },
            RunOutcome::Adopted(run_id, _) => Self {
                run_id: Some(run_id.clone()),
                ..fields("adopted")
            },
            RunOutcome::Rejected(refusal) => Self {
                error: Some(ErrorFields::refused(refusal)),
                ..fields("rejected")
            },
            RunOutcome::InDoubt(why) => Self {
                error: Some(ErrorFields::said(&why.to_string())),
                ..fields("inDoubt")
            },
            RunOutcome::Remaining(why) => {
                let conflict = match why {
                    LeftReason::InTheWay(other) => {
                        Some(Known::in_the_way(&run.identity.flow, other.clone()))
                    }
                    _ => None,
                };
                Self {
                    error: Some(ErrorFields::said(&describe_left(why))),
                    conflict: conflict.as_ref().map(ConflictFields::new),
                    ..fields(if conflict.is_some() {
                        "conflict"
                    } else {
                        "remaining"
                    })
                }
            }
        }
    }
}

/// How a run was doing when it was last read.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SeenFields(#[serde(with = "LastSeenFields")] pub(super) LastSeen);

/// The same, field by field.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", remote = "LastSeen")]
struct LastSeenFields {
    /// `scheduled`, `inProgress`, `success`, `partial`, `empty`, `failed`, or the service's own word.
    #[serde(serialize_with = "as_text")]
    #[cfg_attr(test, schemars(with = "String"))]
    status: RunStatus,
    /// Records read, written and failed; `null` where the service does not tell.
    #[serde(with = "CountFields")]
    records: RecordCounts,
    /// Bytes read and written.
    #[serde(with = "ByteFields")]
    bytes: ByteCounts,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "to_the_second"
    )]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    started_at: Option<Timestamp>,
    #[serde(skip)]
    updated_at: Option<Timestamp>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "to_the_second"
    )]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    ended_at: Option<Timestamp>,
    /// Its first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Untrusted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Untrusted>,
    /// When that was read.
    #[serde(serialize_with = "to_the_second")]
    #[cfg_attr(test, schemars(with = "String"))]
    at: Timestamp,
}

/// Counts of records; `null` where the service does not tell.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "RecordCounts")]
pub(super) struct CountFields {
    input: Option<u64>,
    output: Option<u64>,
    failed: Option<u64>,
}

/// The same of bytes.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(remote = "ByteCounts")]
pub(super) struct ByteFields {
    input: Option<u64>,
    output: Option<u64>,
}

/// A run that a retry replaced.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptFields {
    run_id: RunId,
    /// When it was known to exist.
    #[serde(serialize_with = "to_the_second")]
    #[cfg_attr(test, schemars(with = "String"))]
    at: Timestamp,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<SeenFields>,
    /// When it was retried.
    #[serde(serialize_with = "to_the_second")]
    #[cfg_attr(test, schemars(with = "String"))]
    retried_at: Timestamp,
    /// Who retried it.
    by: String,
}

impl AttemptFields {
    pub(super) fn new(attempt: &Attempt) -> Self {
        Self {
            run_id: attempt.run_id.clone(),
            at: attempt.at,
            last_seen: attempt.last_seen.clone().map(SeenFields),
            retried_at: attempt.retried_at.time(),
            by: attempt.by.clone(),
        }
    }
}

/// A run as the service shows it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct SeenRun {
    run_id: RunId,
    #[serde(serialize_with = "to_the_second")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    created_at: Option<Timestamp>,
    created_client: Option<String>,
    created_by: Option<String>,
    /// Whether this API key created it.
    ours: bool,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shows: Option<ShownFields>,
    /// The key of the record that stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Key>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ShownFields {
    flow_id: Option<FlowId>,
    #[serde(flatten)]
    window: Option<Window>,
}

impl SeenRun {
    pub(super) fn new(run: &FlowRun, key: Option<Key>, api_key: &str) -> Self {
        let name = |name: &Option<Untrusted>| name.as_ref().map(|name| plain(name, MOST_NAME));
        let is_shown = run.window_evidence != WindowEvidence::Missing;
        Self {
            run_id: run.id.clone(),
            created_at: run.created_at,
            created_client: name(&run.created_client),
            created_by: name(&run.created_by),
            ours: run.is_by(api_key),
            status: run.status.to_string(),
            shows: is_shown.then(|| ShownFields {
                flow_id: run.flow_id,
                window: run.window_evidence.window(),
            }),
            key,
        }
    }
}

/// A time, if there is one, without fractions of its second.
pub(super) fn to_the_second<S: Serializer>(
    at: &(impl Copy + Into<Option<Timestamp>>),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let at: Option<Timestamp> = (*at).into();
    at.map(|at| format!("{at:.0}")).serialize(serializer)
}

fn as_text<S: Serializer>(text: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(text)
}
