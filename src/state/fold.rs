//! The fold: the only way a state changes. Each entry is one legal step, or damage.

use super::Entry;
use super::State;
use super::entry::IdentityError;
use super::record::{Absence, Doubt, Fate, InDoubt, Record};
use crate::run::{Key, RunId, RunIdentity};

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
            } => {
                let key = run.key();
                let identity = run.checked()?;
                // What was never created may be sent again.
                let fate = match self.records.get(&identity).map(|record| &record.fate) {
                    None | Some(Fate::Rejected { .. } | Fate::NotCreated(_)) => None,
                    Some(Fate::Created { .. }) => Some("created"),
                    Some(Fate::InDoubt(_)) => Some("in doubt"),
                };
                if let Some(fate) = fate {
                    return Err(FoldError::NotFree { fate, key });
                }
                let fate = Fate::InDoubt(Box::new(InDoubt {
                    intent: at,
                    session,
                    start_time,
                    order,
                    doubt: None,
                }));
                self.replace(key, identity, fate);
            }
            Entry::Created { key, run_id, at } => {
                self.free(&run_id, key)?;
                let record = self.open_intent("the creation", key)?;
                record.fate = Fate::Created {
                    run_id: run_id.clone(),
                    adopted: None,
                    at,
                };
                let identity = record.identity.clone();
                self.records.add_claim(run_id, identity);
            }
            Entry::Rejected { key, refusal, at } => {
                let refusal = Box::new(refusal);
                self.open_intent("a rejection", key)?.fate = Fate::Rejected { refusal, at };
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
                let record = self.open_intent("a settlement", key)?;
                if let Fate::InDoubt(in_doubt) = &record.fate {
                    record.fate = Fate::NotCreated(Box::new(Absence {
                        intent: in_doubt.intent,
                        evidence,
                        at,
                    }));
                }
            }
            Entry::Adopted {
                run,
                run_id,
                evidence,
                at,
            } => {
                let key = run.key();
                let identity = run.checked()?;
                if let Some(Record {
                    fate: Fate::Created { .. },
                    ..
                }) = self.records.get(&identity)
                {
                    return Err(FoldError::NotFree {
                        fate: "created",
                        key,
                    });
                }
                self.free(&run_id, key)?;
                self.records.add_claim(run_id.clone(), identity.clone());
                let fate = Fate::Created {
                    run_id,
                    adopted: Some(Box::new(evidence)),
                    at,
                };
                self.replace(key, identity, fate);
            }
        }
        Ok(())
    }

    /// Gives a run a new fate; an absence that it had stays with it.
    fn replace(&mut self, key: Key, identity: RunIdentity, fate: Fate) {
        let new = Record::new(identity, fate.clone());
        let record = self.records.entry(key, new);
        record.replace(fate);
    }

    fn free(&self, run_id: &RunId, key: Key) -> Result<(), FoldError> {
        match self.records.claim(run_id) {
            Some(other) => Err(FoldError::Claimed {
                run_id: run_id.clone(),
                key,
                other: other.key(),
            }),
            None => Ok(()),
        }
    }

    fn open_intent(&mut self, step: &'static str, key: Key) -> Result<&mut Record, FoldError> {
        match self.records.named_mut(&key) {
            Some(record) if matches!(record.fate, Fate::InDoubt(_)) => Ok(record),
            _ => Err(FoldError::NoIntent { step, key }),
        }
    }
}
