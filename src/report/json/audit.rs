//! `audit/v1`: what differs between the state and the sandbox, for programs.

use jiff::Timestamp;
use serde::Serialize;

use super::parts::{KnownFields, RecordFields, SeenRun, to_the_second};
use crate::reconcile::audit::{Audit, Fact, Finding, FindingKind, Trace};
use crate::run::{Counts, FlowRef, Key, RunId, Window};
use crate::state::Fate;

/// `audit/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditDocument<'a> {
    #[cfg_attr(test, schemars(extend("const" = "audit/v1")))]
    format: &'static str,
    has_state: bool,
    #[serde(flatten)]
    audit: &'a Audit,
    summary: Counts<FindingKind>,
    findings: Vec<FindingFields<'a>>,
    exit_code: u8,
}

/// Each kind of finding has some of these.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct FindingFields<'a> {
    kind: FindingKind,
    #[serde(flatten)]
    flow: &'a FlowRef,
    name: String,
    /// The window that it is about.
    #[serde(flatten)]
    window: Option<Window>,
    /// The run as it is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<RecordFields>,
    /// What the state says that is contradicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    denial: Option<DenialFields>,
    /// The runs of the service that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<SeenRun>,
    /// The windows on record or wanted that the run overlaps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overlaps: Vec<OverlapFields>,
    /// Which listed run shows the window of the one in doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<&'a RunId>,
    /// Which listed runs may be the one in doubt, and nothing tells: most show no window.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    silent: &'a [RunId],
    /// The key of the wanted run as which the next apply adopts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<Key>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// A window on record or wanted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OverlapFields {
    key: Key,
    #[serde(flatten)]
    window: Window,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DenialFields {
    /// `rejected` or `notCreated`.
    fate: &'static str,
    #[serde(serialize_with = "to_the_second")]
    #[cfg_attr(test, schemars(with = "String"))]
    at: Timestamp,
    /// When the request was sent that came to nothing, where that is on record.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "to_the_second"
    )]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    intent: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl DenialFields {
    fn new(denial: &Fate) -> Self {
        let KnownFields {
            fate,
            at,
            evidence,
            reason,
            ..
        } = KnownFields::new(denial);
        let (intent, message) = match denial {
            Fate::Rejected { refusal, .. } => (None, Some(refusal.to_string())),
            Fate::NotCreated(absence) => (Some(absence.intent.time()), reason),
            Fate::Created { .. } | Fate::InDoubt(_) => (None, reason),
        };
        Self {
            fate,
            at,
            intent,
            evidence,
            message,
        }
    }
}

/// The audit as `audit/v1`; ours are the runs that `api_key` created.
#[must_use]
pub(crate) fn audit<'a>(
    audit: &'a Audit,
    has_state: bool,
    api_key: &str,
    exit_code: u8,
) -> AuditDocument<'a> {
    let findings = audit.findings.iter();
    AuditDocument {
        format: "audit/v1",
        has_state,
        audit,
        summary: audit.counts(),
        findings: findings.map(|it| finding_fields(it, api_key)).collect(),
        exit_code,
    }
}

fn finding_fields<'a>(finding: &'a Finding, api_key: &str) -> FindingFields<'a> {
    let Finding { flow, name, fact } = finding;
    let runs = fact.runs().into_iter();
    let mut fields = FindingFields {
        kind: fact.kind(),
        flow,
        name: name.to_string(),
        window: fact.window(),
        record: fact
            .record()
            .map(|record| RecordFields::new(&record.identity, &record.fate)),
        denial: None,
        runs: runs
            .map(|(run, key)| SeenRun::new(run, key, api_key))
            .collect(),
        overlaps: Vec::new(),
        shown: None,
        silent: &[],
        wanted: None,
        message: None,
    };
    match fact {
        Fact::Contradiction { denial, .. } => fields.denial = Some(DenialFields::new(denial)),
        Fact::Overlap { with, .. } => {
            let overlap = |(window, key): &(Window, Key)| OverlapFields {
                key: *key,
                window: *window,
            };
            fields.overlaps = with.iter().map(overlap).collect();
        }
        Fact::Unreadable { why, .. } => fields.message = Some(why.clone()),
        Fact::Differs { run, .. } | Fact::Failed { run, .. } => {
            fields.message = run.errors.first().map(|error| error.message.to_string());
        }
        Fact::InDoubt { trace, .. } => match trace {
            Trace::Shown(id) => fields.shown = Some(id),
            Trace::Unclear(id) => fields.silent = std::slice::from_ref(id),
            Trace::Silent(ids) => fields.silent = ids,
            Trace::Nothing => {}
        },
        Fact::Unknown { wanted, .. } => fields.wanted = *wanted,
        Fact::Doubled { .. } | Fact::Vanished(_) => {}
    }
    fields
}
