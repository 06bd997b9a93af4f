//! What the state knows of a run, in documents: `known` of a planned run, `conflict` of one whose
//! window was ingested already.

use jiff::Timestamp;
use serde::Serialize;

use super::{ApplyError, RunFields};
use crate::plan::Known;
use crate::run::RunId;
use crate::state::{Evidence, Fate};

/// What became of a run.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct KnownFields {
    /// `created`, `adopted`, `rejected`, `inDoubt` or `notCreated`.
    #[cfg_attr(test, schemars(extend("enum" = ["created", "adopted", "rejected", "inDoubt", "notCreated"])))]
    fate: &'static str,
    /// When that was known; for a run in doubt, when its request was about to leave.
    at: String,
    /// The run's id in Experience Platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<RunId>,
    /// How an adopted run was recognised, or a doubt closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'static str>,
    /// Why a person decided so.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What the service said when it rejected the run, or what came back that left a doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ApplyError>,
}

impl KnownFields {
    pub(super) fn new(fate: &Fate) -> Self {
        let known = |fate, at: &Timestamp| Self {
            fate,
            at: format!("{at:.0}"),
            run_id: None,
            evidence: None,
            reason: None,
            error: None,
        };
        match fate {
            Fate::Created {
                run_id,
                adopted: None,
                at,
            } => Self {
                run_id: Some(run_id.clone()),
                ..known("created", at)
            },
            Fate::Created {
                run_id,
                adopted: Some(evidence),
                at,
            } => Self {
                run_id: Some(run_id.clone()),
                evidence: Some(word(evidence)),
                reason: reason(evidence),
                ..known("adopted", at)
            },
            Fate::Rejected { refusal, at } => Self {
                error: Some(ApplyError::refused(refusal)),
                ..known("rejected", at)
            },
            Fate::InDoubt(in_doubt) => Self {
                error: in_doubt
                    .doubt
                    .as_ref()
                    .map(|doubt| ApplyError::said(&doubt.reason)),
                ..known("inDoubt", &in_doubt.intent.time)
            },
            Fate::NotCreated(absence) => Self {
                evidence: Some(word(&absence.evidence)),
                reason: reason(&absence.evidence),
                ..known("notCreated", &absence.at)
            },
        }
    }
}

pub(super) fn word(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Params => "params",
        Evidence::CopyActivity => "copyActivity",
        Evidence::SoleIntent => "soleIntent",
        Evidence::Order => "order",
        Evidence::Lists { .. } => "lists",
        Evidence::Person { .. } => "person",
    }
}

/// What a person gave as the reason, where one decided.
pub(super) fn reason(evidence: &Evidence) -> Option<String> {
    match evidence {
        Evidence::Person { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

/// The run that a window overlaps.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ConflictFields {
    #[serde(flatten)]
    run: RunFields,
    #[serde(flatten)]
    known: KnownFields,
}

impl ConflictFields {
    pub(super) fn new(other: &Known) -> Self {
        let Known { identity, fate } = other;
        Self {
            run: RunFields::new(identity.key(), identity),
            known: KnownFields::new(fate),
        }
    }
}
