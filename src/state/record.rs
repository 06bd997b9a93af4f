//! A record per run. A state may hold a million: what is rare stands in a box, so that the common
//! record, of a run that was created, is small and needs no allocation of its own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ClockedTime, Evidence, LastSeen, Refusal};
use crate::run::{RunId, RunIdentity, UnixSeconds};
use crate::untrusted::Untrusted;

/// What is known of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which run.
    pub identity: RunIdentity,
    /// What became of it.
    pub fate: Fate,
    /// What most records have nothing of.
    pub(super) history: Option<Box<History>>,
}

/// What came before, and what was last read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct History {
    /// Earlier requests for it that were in doubt and came to nothing, oldest first.
    #[serde(default)]
    pub(super) earlier: Vec<Absence>,
    /// The runs that retries replaced, oldest first.
    #[serde(default)]
    pub(super) attempts: Vec<Attempt>,
    /// The `etag` of the run, as the service gave it.
    #[serde(default)]
    pub(super) etag: Option<Untrusted>,
    /// How the run was doing.
    #[serde(default)]
    pub(super) last_seen: Option<LastSeen>,
}

impl Record {
    /// A run of which nothing came before.
    pub(super) fn new(identity: RunIdentity, fate: Fate) -> Self {
        Self {
            identity,
            fate,
            history: None,
        }
    }

    /// Earlier requests for it that were in doubt and came to nothing, oldest first.
    #[must_use]
    pub fn earlier(&self) -> &[Absence] {
        self.history.as_ref().map_or(&[], |it| &it.earlier)
    }

    /// The runs that retries replaced, oldest first.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        self.history.as_ref().map_or(&[], |it| &it.attempts)
    }

    /// The `etag` of the run, as the service gave it.
    #[must_use]
    pub fn etag(&self) -> Option<&Untrusted> {
        self.history.as_ref()?.etag.as_ref()
    }

    /// How the run was doing when it was last read.
    #[must_use]
    pub fn last_seen(&self) -> Option<&LastSeen> {
        self.history.as_ref()?.last_seen.as_ref()
    }

    /// The runs of the service that it stands for: the one that counts, and those that it replaced.
    pub fn run_ids(&self) -> impl Iterator<Item = &RunId> {
        self.replaced().chain(self.fate.run_id())
    }

    /// The runs that it does not count any more, or may not: one that is being retried included.
    pub(super) fn replaced(&self) -> impl Iterator<Item = &RunId> {
        self.attempts()
            .iter()
            .chain(self.fate.retried())
            .map(|it| &it.run_id)
    }

    /// The history, to be added to.
    pub(super) fn history(&mut self) -> &mut History {
        self.history.get_or_insert_default()
    }

    /// Gives it a new fate; an absence that it had stays with it.
    pub(super) fn replace(&mut self, fate: Fate) {
        if let Fate::NotCreated(absence) = std::mem::replace(&mut self.fate, fate) {
            self.history().earlier.push(*absence);
        }
    }

    /// A request to run its run again is about to leave.
    pub(super) fn begin_retry(&mut self, mut in_doubt: InDoubt, by: String) {
        let Fate::Created {
            run_id,
            adopted,
            at,
            sent_at,
        } = &self.fate
        else {
            return;
        };
        let (etag, last_seen) = match self.history.as_deref_mut() {
            Some(history) => (history.etag.take(), history.last_seen.take()),
            None => (None, None),
        };
        in_doubt.retry = Some(Box::new(Attempt {
            run_id: run_id.clone(),
            adopted: adopted.clone(),
            at: *at,
            sent_at: *sent_at,
            etag,
            last_seen,
            retried_at: in_doubt.intent,
            by,
        }));
        self.fate = Fate::InDoubt(Box::new(in_doubt));
        self.forget_empty();
    }

    /// The request came to a run: the one that it replaces, if it is a retry, is an earlier attempt.
    pub(super) fn end_intent(&mut self, fate: Fate) {
        let before = std::mem::replace(&mut self.fate, fate);
        if let Fate::InDoubt(in_doubt) = before
            && let Some(attempt) = in_doubt.retry
        {
            self.history().attempts.push(*attempt);
        }
    }

    /// Gives it the fate back that it had before its open intent; `false` where it had none.
    pub(super) fn take_back(&mut self) -> bool {
        if let Fate::InDoubt(in_doubt) = &mut self.fate
            && let Some(attempt) = in_doubt.retry.take()
        {
            let Attempt {
                run_id,
                adopted,
                at,
                sent_at,
                etag,
                last_seen,
                ..
            } = *attempt;
            self.fate = Fate::Created {
                run_id,
                adopted,
                at,
                sent_at,
            };
            let had_any = etag.is_some() || last_seen.is_some();
            if had_any {
                let history = self.history();
                (history.etag, history.last_seen) = (etag, last_seen);
            }
            self.forget_empty();
            return true;
        }
        let absence = self.history.as_mut().and_then(|it| it.earlier.pop());
        self.forget_empty();
        match absence {
            Some(absence) => {
                self.fate = Fate::NotCreated(Box::new(absence));
                true
            }
            None => false,
        }
    }

    /// A history with nothing in it is none: equal records are equal.
    pub(super) fn forget_empty(&mut self) {
        if self
            .history
            .as_deref()
            .is_some_and(|it| *it == History::default())
        {
            self.history = None;
        }
    }

    /// Whether an earlier request for it was in doubt and came to nothing.
    #[must_use]
    pub fn was_absent(&self) -> bool {
        matches!(self.fate, Fate::NotCreated(_)) || !self.earlier().is_empty()
    }

    /// How often the service was asked to run it, as far as runs came of it: 1 where nobody retried.
    #[must_use]
    pub fn attempt(&self) -> usize {
        self.attempts().len() + 1
    }

    /// Whether `seen`, of the run that counts, was read of the attempt before: a run may run again
    /// under the id that it has, and a list may show it as it was for a while.
    #[must_use]
    pub fn is_of_attempt_before(&self, seen: &LastSeen) -> bool {
        let same_id = |attempt: &&Attempt| self.fate.run_id() == Some(&attempt.run_id);
        let before = self.attempts().last().filter(same_id);
        let Some(before) = before.and_then(|attempt| attempt.last_seen.as_ref()) else {
            return false;
        };
        match (seen.started_at, before.started_at) {
            // Whatever else of it has changed: it has not begun anew.
            (Some(now), Some(then)) => seen.status.is_retriable() && now <= then,
            _ => seen.says_what(before),
        }
    }

    /// When the requests left that runs came of, or may have: what a budget counts.
    pub fn sent(&self) -> impl Iterator<Item = Timestamp> {
        let of = |adopted: bool, at: Timestamp, sent_at: Option<UnixSeconds>| match sent_at {
            Some(sent) => Timestamp::from_second(sent.get()).ok(),
            // A state of an earlier version: a run that was found was not ours, one that was
            // created was sent just before.
            None => (!adopted).then_some(at),
        };
        let earlier = self.attempts().iter().chain(self.fate.retried());
        let earlier = earlier.filter_map(move |it| of(it.adopted.is_some(), it.at, it.sent_at));
        let last = match &self.fate {
            Fate::Created {
                adopted,
                at,
                sent_at,
                ..
            } => of(adopted.is_some(), *at, *sent_at),
            Fate::InDoubt(in_doubt) => Some(in_doubt.intent.time()),
            Fate::Rejected { .. } | Fate::NotCreated(_) => None,
        };
        earlier.chain(last)
    }
}

/// A run that a retry replaced, or is about to. Stored form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attempt {
    /// Its id.
    pub run_id: RunId,
    /// How it was recognised, if the service did not answer with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Box<Evidence>>,
    /// When it was known to exist.
    pub at: Timestamp,
    /// When its request left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<UnixSeconds>,
    /// Its `etag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<Untrusted>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<LastSeen>,
    /// When the intent of the retry was made.
    pub retried_at: ClockedTime,
    /// Who retried it: a process and a machine, or a CI run.
    pub by: String,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It exists.
    Created {
        /// Its id.
        run_id: RunId,
        /// `None`: we sent it and the service said so. Else how it was recognised.
        adopted: Option<Box<Evidence>>,
        /// When that was known.
        at: Timestamp,
        /// When its request left, where it was ours: by the service's clock as far as that was
        /// known.
        sent_at: Option<UnixSeconds>,
    },
    /// The service refused it: it does not exist.
    Rejected {
        /// What it said.
        refusal: Box<Refusal>,
        /// When.
        at: Timestamp,
    },
    /// A request may have left, and nothing tells whether the run exists.
    InDoubt(Box<InDoubt>),
    /// It was in doubt, and turned out not to exist.
    NotCreated(Box<Absence>),
}

impl Fate {
    /// The run in Experience Platform, where it is known.
    #[must_use]
    pub fn run_id(&self) -> Option<&RunId> {
        match self {
            Self::Created { run_id, .. } => Some(run_id),
            Self::Rejected { .. } | Self::InDoubt(_) | Self::NotCreated(_) => None,
        }
    }

    /// The run that is to run again, if a request for that is in doubt.
    #[must_use]
    pub fn retried(&self) -> Option<&Attempt> {
        match self {
            Self::InDoubt(in_doubt) => in_doubt.retry.as_deref(),
            Self::Created { .. } | Self::Rejected { .. } | Self::NotCreated(_) => None,
        }
    }

    /// Whether the run exists, or nothing rules it out.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        match self {
            Self::Created { .. } | Self::InDoubt(_) => true,
            Self::Rejected { .. } | Self::NotCreated(_) => false,
        }
    }
}

/// A request whose outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InDoubt {
    /// When the intent was made: the run is not older than this.
    pub intent: ClockedTime,
    /// The apply that made it.
    pub session: Uuid,
    /// When the run is to begin, if later than it was sent: it may be listed only then.
    pub start_time: Option<UnixSeconds>,
    /// Its place among the intents of its apply, where those of a flow leave in order.
    pub order: Option<u64>,
    /// What came back, if anything did, and when.
    pub doubt: Option<Doubt>,
    /// The run that the request asks to run again, if it does not create one for the first time.
    pub retry: Option<Box<Attempt>>,
}

/// A doubt that was closed: no run came of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// When the intent of the request was made.
    pub intent: ClockedTime,
    /// How that was found out.
    pub evidence: Evidence,
    /// When.
    pub at: Timestamp,
    /// The run that the request asked to run again, if it was a retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RunId>,
}

/// What came back that did not tell whether the run exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doubt {
    /// What came back.
    pub reason: String,
    /// When: the request cannot have left later than this.
    pub at: ClockedTime,
}
