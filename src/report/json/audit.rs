//! `audit/v1`: what differs between the state and the sandbox, for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::RunFields;
use super::known::{KnownFields, reason, word};
use crate::api::{FlowRun, WindowEvidence};
use crate::reconcile::audit::{Audit, Denial, Fact, Finding, FindingKind, Trace};
use crate::report::{AuditView, plain};
use crate::run::{FlowId, Key, RunId, Sandbox, Window};
use crate::state::{Absence, Record};
use crate::untrusted::Untrusted;

/// How much of a client's or an account's name is given.
const MOST_NAME: usize = 200;

/// `audit/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditDocument {
    #[cfg_attr(test, schemars(extend("const" = "audit/v1")))]
    format: &'static str,
    has_state: bool,
    flows: usize,
    runs: usize,
    records: usize,
    /// Records too new to be missed.
    too_new: usize,
    /// Records of flows that no manifest names.
    not_audited: usize,
    /// How many findings there are of each kind, 0 included.
    summary: BTreeMap<&'static str, usize>,
    findings: Vec<FindingFields>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct FindingFields {
    kind: &'static str,
    sandbox: Sandbox,
    flow_id: FlowId,
    name: String,
    #[serde(flatten)]
    fact: FactFields,
}

/// Each kind of finding has some of these.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct FactFields {
    /// The window that it is about.
    #[serde(flatten)]
    window: Option<WindowFields>,
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
    shown: Option<RunId>,
    /// Which listed runs may be the one in doubt, and nothing tells: most show no window.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    silent: Vec<RunId>,
    /// The key of the wanted run as which the next apply adopts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted: Option<Key>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_field_names,
    reason = "they are the names of all documents"
)]
struct WindowFields {
    window_start_time: i64,
    window_start: String,
    window_end_time: i64,
    window_end: String,
}

/// A window on record or wanted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OverlapFields {
    key: Key,
    #[serde(flatten)]
    window: WindowFields,
}

impl WindowFields {
    fn new(window: Window) -> Self {
        Self {
            window_start_time: window.start().get(),
            window_start: window.start().to_string(),
            window_end_time: window.end().get(),
            window_end: window.end().to_string(),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RecordFields {
    #[serde(flatten)]
    run: RunFields,
    known: KnownFields,
}

impl RecordFields {
    fn new(record: &Record) -> Self {
        let Record { identity, fate, .. } = record;
        Self {
            run: RunFields::new(identity.key(), identity),
            known: KnownFields::new(fate),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct DenialFields {
    /// `rejected` or `notCreated`.
    fate: &'static str,
    at: String,
    /// When the request was sent that came to nothing, where that is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl DenialFields {
    fn new(denial: &Denial) -> Self {
        match denial {
            Denial::Rejected { refusal, at } => Self {
                fate: "rejected",
                at: format!("{at:.0}"),
                intent: None,
                evidence: None,
                message: Some(refusal.to_string()),
            },
            Denial::Absent(Absence {
                intent,
                evidence,
                at,
                retry_of: _,
            }) => Self {
                fate: "notCreated",
                at: format!("{at:.0}"),
                intent: Some(format!("{:.0}", intent.time())),
                evidence: Some(word(evidence)),
                message: reason(evidence),
            },
        }
    }
}

/// A run as the service shows it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct SeenRun {
    run_id: RunId,
    created_at: Option<String>,
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
    window: Option<WindowFields>,
}

impl SeenRun {
    pub(super) fn new(run: &FlowRun, key: Option<Key>, api_key: &str) -> Self {
        let FlowRun {
            id,
            flow_id,
            created_at,
            created_client,
            created_by,
            window_evidence,
            status,
            records: _,
            bytes: _,
            times: _,
            etag: _,
            errors: _,
            diagnostics: _,
        } = run;
        let name = |name: &Option<Untrusted>| name.as_ref().map(|name| plain(name, MOST_NAME));
        Self {
            run_id: id.clone(),
            created_at: created_at.map(|at| format!("{at:.0}")),
            created_client: name(created_client),
            created_by: name(created_by),
            ours: run.is_by(api_key),
            status: status.to_string(),
            shows: (*window_evidence != WindowEvidence::Missing).then(|| ShownFields {
                flow_id: *flow_id,
                window: window_evidence.window().map(WindowFields::new),
            }),
            key,
        }
    }
}

/// The audit as `audit/v1`.
#[must_use]
pub(crate) fn audit(view: &AuditView<'_>, exit_code: u8) -> AuditDocument {
    let AuditView {
        audit,
        state,
        api_key,
        wanted: _,
    } = view;
    let Audit {
        findings,
        flows,
        runs,
        records,
        too_new,
        elsewhere,
    } = audit;
    AuditDocument {
        format: "audit/v1",
        has_state: state.is_some(),
        flows: *flows,
        runs: *runs,
        records: *records,
        too_new: *too_new,
        not_audited: *elsewhere,
        summary: FindingKind::ALL
            .into_iter()
            .map(|kind| (name(kind), audit.count(kind)))
            .collect(),
        findings: findings
            .iter()
            .map(|finding| {
                let Finding {
                    flow,
                    name: label,
                    fact,
                } = finding;
                FindingFields {
                    kind: name(fact.kind()),
                    sandbox: flow.sandbox.clone(),
                    flow_id: flow.id,
                    name: label.to_string(),
                    fact: fact_fields(fact, api_key),
                }
            })
            .collect(),
        exit_code,
    }
}

fn name(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::InDoubt => "inDoubt",
        other => other.word(),
    }
}

fn fact_fields(fact: &Fact, api_key: &str) -> FactFields {
    let seen = |run: &FlowRun, key| SeenRun::new(run, key, api_key);
    let of_record = |record: &Record| FactFields {
        record: Some(RecordFields::new(record)),
        ..FactFields::default()
    };
    let fields = match fact {
        Fact::Contradiction {
            record,
            denial,
            run,
        } => FactFields {
            denial: Some(DenialFields::new(denial)),
            runs: vec![seen(run, None)],
            ..of_record(record)
        },
        Fact::Doubled { window: _, runs } => FactFields {
            runs: runs.iter().map(|(run, key)| seen(run, *key)).collect(),
            ..FactFields::default()
        },
        Fact::Overlap { run, with } => FactFields {
            runs: vec![seen(run, None)],
            overlaps: with
                .iter()
                .map(|(window, key)| OverlapFields {
                    key: *key,
                    window: WindowFields::new(*window),
                })
                .collect(),
            ..FactFields::default()
        },
        Fact::Unreadable { why, refused: _ } => FactFields {
            message: Some(why.clone()),
            ..FactFields::default()
        },
        Fact::Vanished(record) => of_record(record),
        Fact::Differs { record, run } | Fact::Failed { record, run } => FactFields {
            runs: vec![seen(run, Some(record.identity.key()))],
            message: run.errors.first().map(|error| error.message.to_string()),
            ..of_record(record)
        },
        Fact::InDoubt { record, trace } => {
            let (shown, silent) = match trace.clone() {
                Trace::Shown(id) => (Some(id), Vec::new()),
                Trace::Unclear(id) => (None, vec![id]),
                Trace::Silent(ids) => (None, ids),
                Trace::Nothing => (None, Vec::new()),
            };
            FactFields {
                shown,
                silent,
                ..of_record(record)
            }
        }
        Fact::Unknown { run, wanted } => FactFields {
            runs: vec![seen(run, None)],
            wanted: *wanted,
            ..FactFields::default()
        },
    };
    FactFields {
        window: fact.window().map(WindowFields::new),
        ..fields
    }
}
