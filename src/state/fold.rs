//! The fold: the only way a state changes. Each entry is one legal step, or damage.

use super::Entry;
use super::State;
use super::entry::IdentityError;
use super::record::{Absence, Doubt, Fate, InDoubt, Record};
use super::{Evidence, Retry};
use crate::run::{Key, RunId, RunIdentity, UnixSeconds};
use jiff::Timestamp;

/// Why an entry cannot follow what came before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// An outcome without an intent.
    #[error("{step} of the run {}, which has no open intent", key.short())]
    NoIntent {
        /// The kind of entry.
        step: &'static str,
        /// The run.
        key: Key,
    },
    /// A second intent, or an intent for a run that exists.
    #[error("an intent of the run {}, which is {fate} already", key.short())]
    NotFree {
        /// What the record says.
        fate: &'static str,
        /// The run.
        key: Key,
    },
    /// Two records for one run of the service.
    #[error("the run {run_id} for {}, which stands for {} already", key.short(), other.short())]
    Claimed {
        /// The service's run.
        run_id: RunId,
        /// The run that it is said to be.
        key: Key,
        /// The run that it is.
        other: Key,
    },
    /// A retry of a run that is not the one that counts.
    #[error("a retry of the run {run_id} for {}, which it does not stand for", key.short())]
    NotIts {
        /// The service's run.
        run_id: RunId,
        /// The run that it is said to be.
        key: Key,
    },
    /// The entry contradicts itself.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl State {
    /// Takes one step. On an error nothing has changed.
    ///
    /// # Errors
    /// When the step is not legal after those before it.
    pub fn fold(&mut self, entry: Entry) -> Result<(), FoldError> {
        match entry {
            Entry::Session { .. } => {}
            Entry::Intent {
                run,
                at,
                session,
                start_time,
                order,
                retry,
            } => {
                let key = run.key();
                let identity = run.checked()?;
                let in_doubt = InDoubt {
                    intent: at,
                    session,
                    start_time,
                    order,
                    doubt: None,
                    retry: None,
                };
                match retry {
                    Some(retry) => self.begin_retry(key, &identity, in_doubt, retry)?,
                    None => self.begin_create(key, identity, in_doubt)?,
                }
            }
            Entry::Created {
                key,
                run_id,
                etag,
                at,
            } => {
                self.free(&run_id, key)?;
                let record = self.open_intent("the creation", key)?;
                record.end_intent(Fate::Created {
                    run_id: run_id.clone(),
                    adopted: None,
                    at,
                    sent_at: sent_at(&record.fate),
                });
                if etag.is_some() {
                    record.history().etag = etag;
                }
                let identity = record.identity.clone();
                self.records.add_claim(run_id, identity);
            }
            Entry::Rejected { key, refusal, at } => {
                let record = self.open_intent("a rejection", key)?;
                // A run that may not run again is what it was.
                if record.fate.retried().is_none() || !record.take_back() {
                    let refusal = Box::new(refusal);
                    record.fate = Fate::Rejected { refusal, at };
                }
            }
            Entry::Doubt { key, reason, at } => {
                let record = self.open_intent("a doubt", key)?;
                if let Fate::InDoubt(in_doubt) = &mut record.fate {
                    in_doubt.doubt = Some(Doubt { reason, at });
                }
            }
            Entry::NotSent { key, .. } => {
                let record = self.open_intent("a withdrawal", key)?;
                if !record.take_back() {
                    let identity = record.identity.clone();
                    self.records.remove(&identity);
                }
            }
            Entry::NotCreated { key, evidence, at } => {
                self.settle_absent(key, evidence, at)?;
            }
            Entry::Adopted {
                run,
                run_id,
                evidence,
                at,
            } => {
                let key = run.key();
                self.adopt(key, run.checked()?, run_id, evidence, at)?;
            }
            Entry::Seen {
                run,
                run_id,
                seen,
                etag,
            } => {
                let identity = run.checked()?;
                // What was read of a run that has been replaced since is told of none.
                if let Some(record) = self.records.get_mut(&identity)
                    && record.fate.run_id() == Some(&run_id)
                {
                    let history = record.history();
                    history.last_seen = Some(seen);
                    history.etag = etag.or(history.etag.take());
                }
            }
        }
        Ok(())
    }

    /// A request to create a run is about to leave. What was never created may be sent again.
    fn begin_create(
        &mut self,
        key: Key,
        identity: RunIdentity,
        in_doubt: InDoubt,
    ) -> Result<(), FoldError> {
        let fate = match self.records.get(&identity).map(|record| &record.fate) {
            None | Some(Fate::Rejected { .. } | Fate::NotCreated(_)) => None,
            Some(Fate::Created { .. }) => Some("created"),
            Some(Fate::InDoubt(_)) => Some("in doubt"),
        };
        if let Some(fate) = fate {
            return Err(FoldError::NotFree { fate, key });
        }
        self.replace(key, identity, Fate::InDoubt(Box::new(in_doubt)));
        Ok(())
    }

    /// Nothing came of a request: what it was to run again is what it was.
    fn settle_absent(
        &mut self,
        key: Key,
        evidence: Evidence,
        at: Timestamp,
    ) -> Result<(), FoldError> {
        let record = self.open_intent("a settlement", key)?;
        if let Fate::InDoubt(in_doubt) = &record.fate {
            let absence = Absence {
                intent: in_doubt.intent,
                evidence,
                at,
                retry_of: in_doubt.retry.as_ref().map(|it| it.run_id.clone()),
            };
            if absence.retry_of.is_some() && record.take_back() {
                record.history().earlier.push(absence);
            } else {
                record.fate = Fate::NotCreated(Box::new(absence));
            }
        }
        Ok(())
    }

    /// A run that exists already is the one that was wanted.
    fn adopt(
        &mut self,
        key: Key,
        identity: RunIdentity,
        run_id: RunId,
        evidence: Evidence,
        at: Timestamp,
    ) -> Result<(), FoldError> {
        let before = self.records.get(&identity).map(|record| &record.fate);
        if let Some(Fate::Created { .. }) = before {
            return Err(FoldError::NotFree {
                fate: "created",
                key,
            });
        }
        let sent_at = before.and_then(sent_at);
        self.free(&run_id, key)?;
        self.records.add_claim(run_id.clone(), identity.clone());
        let fate = Fate::Created {
            run_id,
            adopted: Some(Box::new(evidence)),
            at,
            sent_at,
        };
        self.replace(key, identity, fate);
        Ok(())
    }

    /// A request to run `retry` again is about to leave.
    fn begin_retry(
        &mut self,
        key: Key,
        identity: &RunIdentity,
        in_doubt: InDoubt,
        retry: Retry,
    ) -> Result<(), FoldError> {
        let Retry { run_id, by } = retry;
        let not_its = FoldError::NotIts {
            run_id: run_id.clone(),
            key,
        };
        let record = self.records.get_mut(identity).ok_or(not_its.clone())?;
        if record.fate.run_id() != Some(&run_id) {
            return Err(not_its);
        }
        record.begin_retry(in_doubt, by);
        self.records.name(key, identity.clone());
        self.records.add_claim(run_id, identity.clone());
        Ok(())
    }

    /// Gives a run a new fate; an absence that it had stays with it.
    fn replace(&mut self, key: Key, identity: RunIdentity, fate: Fate) {
        let new = Record::new(identity, fate.clone());
        let record = self.records.entry(key, new);
        match record.fate {
            Fate::InDoubt(_) => record.end_intent(fate),
            _ => record.replace(fate),
        }
    }

    fn free(&self, run_id: &RunId, key: Key) -> Result<(), FoldError> {
        match self.records.claim(run_id) {
            // It runs again under the same id.
            Some(other) if other.key() == key && self.is_retried(other, run_id) => Ok(()),
            Some(other) => Err(FoldError::Claimed {
                run_id: run_id.clone(),
                key,
                other: other.key(),
            }),
            None => Ok(()),
        }
    }

    /// Whether `run_id` is the run of `identity` that is to run again.
    fn is_retried(&self, identity: &RunIdentity, run_id: &RunId) -> bool {
        let record = self.records.get(identity);
        record.is_some_and(|it| it.fate.retried().is_some_and(|it| it.run_id == *run_id))
    }

    fn open_intent(&mut self, step: &'static str, key: Key) -> Result<&mut Record, FoldError> {
        match self.records.named_mut(&key) {
            Some(record) if matches!(record.fate, Fate::InDoubt(_)) => Ok(record),
            _ => Err(FoldError::NoIntent { step, key }),
        }
    }
}

/// When the request of an open intent left.
fn sent_at(fate: &Fate) -> Option<UnixSeconds> {
    match fate {
        Fate::InDoubt(in_doubt) => UnixSeconds::new(in_doubt.intent.time().as_second()).ok(),
        Fate::Created { .. } | Fate::Rejected { .. } | Fate::NotCreated(_) => None,
    }
}
