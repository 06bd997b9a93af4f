//! A line of `state.jsonl`: one run, with all fields that a record may have side by side.
//!
//! Which of them stand there follows from `fate`. A field that no record has is one of a newer version.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entry::StoredIdentity;
use super::record::{Absence, Attempt, Doubt, Fate, History, InDoubt, Record};
use super::{ClockedTime, Evidence, LastSeen, Refusal};
use crate::run::{FlowId, Key, Rerun, RunId, Sandbox, UnixSeconds};
use crate::untrusted::Untrusted;

/// What stands in a line, in this order.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StoredRecord<'r> {
    key: Key,
    sandbox: Cow<'r, Sandbox>,
    flow_id: FlowId,
    window_start_time: UnixSeconds,
    window_end_time: UnixSeconds,
    rerun: Rerun,
    fate: FateWord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run_id: Option<Cow<'r, RunId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adopted: Option<Cow<'r, Box<Evidence>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusal: Option<Cow<'r, Box<Refusal>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intent: Option<ClockedTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_time: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doubt: Option<Cow<'r, Doubt>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<Cow<'r, Box<Attempt>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<Cow<'r, Evidence>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at: Option<UnixSeconds>,
    #[serde(
        default,
        rename = "retry_of", // as an absence has it in `earlier`
        skip_serializing_if = "Option::is_none"
    )]
    retry_of: Option<Cow<'r, RunId>>,
    #[serde(default, skip_serializing_if = "is_empty")]
    earlier: Cow<'r, [Absence]>,
    #[serde(default, skip_serializing_if = "is_empty")]
    attempts: Cow<'r, [Attempt]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<Cow<'r, Untrusted>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_seen: Option<Cow<'r, LastSeen>>,
    /// What is left of a checksum in a line that a person has edited.
    #[serde(default, skip_serializing)]
    sum: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum FateWord {
    Created,
    Rejected,
    InDoubt,
    NotCreated,
}

/// Why the fields of a line are no record.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error(transparent)]
    Identity(#[from] super::IdentityError),
    /// What its fate needs.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// Fields of another fate would be lost.
    #[error("a field is not one of such a record")]
    Foreign,
}

fn is_empty<T>(list: &[T]) -> bool {
    list.is_empty()
}

impl<'r> From<&'r Record> for StoredRecord<'r> {
    fn from(record: &'r Record) -> Self {
        let Record {
            identity,
            fate,
            history,
        } = record;
        let mut stored = Self {
            key: identity.key(),
            sandbox: Cow::Borrowed(&identity.flow.sandbox),
            flow_id: identity.flow.id,
            window_start_time: identity.window.start(),
            window_end_time: identity.window.end(),
            rerun: identity.rerun,
            fate: FateWord::Created,
            run_id: None,
            adopted: None,
            refusal: None,
            intent: None,
            session: None,
            start_time: None,
            order: None,
            doubt: None,
            retry: None,
            evidence: None,
            at: None,
            sent_at: None,
            retry_of: None,
            earlier: Cow::Borrowed(&[]),
            attempts: Cow::Borrowed(&[]),
            etag: None,
            last_seen: None,
            sum: None,
        };
        if let Some(history) = history.as_deref() {
            let History {
                earlier,
                attempts,
                etag,
                last_seen,
            } = history;
            stored.earlier = Cow::Borrowed(earlier);
            stored.attempts = Cow::Borrowed(attempts);
            stored.etag = etag.as_ref().map(Cow::Borrowed);
            stored.last_seen = last_seen.as_ref().map(Cow::Borrowed);
        }
        match fate {
            Fate::Created {
                run_id,
                adopted,
                at,
                sent_at,
            } => Self {
                run_id: Some(Cow::Borrowed(run_id)),
                adopted: adopted.as_ref().map(Cow::Borrowed),
                at: Some(*at),
                sent_at: *sent_at,
                ..stored
            },
            Fate::Rejected { refusal, at } => Self {
                fate: FateWord::Rejected,
                refusal: Some(Cow::Borrowed(refusal)),
                at: Some(*at),
                ..stored
            },
            Fate::InDoubt(in_doubt) => {
                let InDoubt {
                    intent,
                    session,
                    start_time,
                    order,
                    doubt,
                    retry,
                } = &**in_doubt;
                Self {
                    fate: FateWord::InDoubt,
                    intent: Some(*intent),
                    session: Some(*session),
                    start_time: *start_time,
                    order: *order,
                    doubt: doubt.as_ref().map(Cow::Borrowed),
                    retry: retry.as_ref().map(Cow::Borrowed),
                    ..stored
                }
            }
            Fate::NotCreated(absence) => {
                let Absence {
                    intent,
                    evidence,
                    at,
                    retry_of,
                } = &**absence;
                Self {
                    fate: FateWord::NotCreated,
                    intent: Some(*intent),
                    evidence: Some(Cow::Borrowed(evidence)),
                    at: Some(*at),
                    retry_of: retry_of.as_ref().map(Cow::Borrowed),
                    ..stored
                }
            }
        }
    }
}

impl StoredRecord<'_> {
    /// The record, its key checked, and that it is all that stands in the line.
    pub(super) fn checked(self) -> Result<Record, RecordError> {
        use RecordError::Missing;
        let identity = StoredIdentity {
            key: self.key,
            sandbox: self.sandbox.clone().into_owned(),
            flow_id: self.flow_id,
            window_start_time: self.window_start_time,
            window_end_time: self.window_end_time,
            rerun: self.rerun,
        };
        let at = self.at.ok_or(Missing("at"));
        let intent = self.intent.ok_or(Missing("intent"));
        let fate = match self.fate {
            FateWord::Created => Fate::Created {
                run_id: owned(self.run_id.as_ref()).ok_or(Missing("runId"))?,
                adopted: owned(self.adopted.as_ref()),
                at: at?,
                sent_at: self.sent_at,
            },
            FateWord::Rejected => Fate::Rejected {
                refusal: owned(self.refusal.as_ref()).ok_or(Missing("refusal"))?,
                at: at?,
            },
            FateWord::InDoubt => Fate::InDoubt(Box::new(InDoubt {
                intent: intent?,
                session: self.session.ok_or(Missing("session"))?,
                start_time: self.start_time,
                order: self.order,
                doubt: owned(self.doubt.as_ref()),
                retry: owned(self.retry.as_ref()),
            })),
            FateWord::NotCreated => Fate::NotCreated(Box::new(Absence {
                intent: intent?,
                evidence: owned(self.evidence.as_ref()).ok_or(Missing("evidence"))?,
                at: at?,
                retry_of: owned(self.retry_of.as_ref()),
            })),
        };
        let mut record = Record {
            identity: identity.checked()?,
            fate,
            history: Some(Box::new(History {
                earlier: self.earlier.to_vec(),
                attempts: self.attempts.to_vec(),
                etag: owned(self.etag.as_ref()),
                last_seen: owned(self.last_seen.as_ref()),
            })),
        };
        record.forget_empty();
        let is_all = StoredRecord::from(&record) == StoredRecord { sum: None, ..self };
        is_all.then_some(record).ok_or(RecordError::Foreign)
    }
}

fn owned<T: Clone>(field: Option<&Cow<'_, T>>) -> Option<T> {
    field.map(|field| T::clone(field))
}
