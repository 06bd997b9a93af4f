//! A state that lives elsewhere and is changed by compare-and-swap alone: whoever comes second has
//! lost, and knows it.
//!
//! The hold is a *lease*: who has it, under which id, renewed by every write. A lease that was not
//! renewed for [`LEASE`] may be taken over. Whoever it was taken from is *fenced*: none of its
//! writes is accepted any more, so that no request of its leaves on a new intent.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Contents, Exclusive, Place, StoreError, Taken};
use crate::state::Holder;

/// A lease that was not renewed for so long may be taken over. More than twice the life of an
/// intent, after which no request leaves on it.
pub(super) const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// Clocks of two machines differ by less.
const CLOCKS: SignedDuration = SignedDuration::from_mins(2);
/// How often a lease is renewed where nothing else is written.
const RENEWED_EVERY: Duration = Duration::from_secs(60);
/// How often a state that somebody holds is asked for again.
const ASKED_EVERY: Duration = Duration::from_secs(3);
/// How often taking hold is tried against others who try the same.
const TRIES: u32 = 5;

/// Somewhere that keeps whole versions of a state, each made from the one before.
pub(super) trait Remote: Clone + Send + Sync + 'static {
    /// Names a version; equal only if all that it holds is.
    type Version: Clone + Send + Sync + 'static;

    /// As messages name it.
    fn name(&self) -> String;

    /// The latest version; `None` where there is none yet.
    fn read(&self) -> BoxFuture<'_, Result<Option<Snapshot<Self::Version>>, StoreError>>;

    /// Makes `change` the version after `from`, durably, if `from` is still the latest.
    fn swap<'a>(
        &'a self,
        from: Option<&'a Self::Version>,
        change: &'a Change,
    ) -> BoxFuture<'a, Result<Swap<Self::Version>, StoreError>>;
}

/// A version, and what it holds.
#[derive(Debug, Clone)]
pub(super) struct Snapshot<V> {
    pub(super) version: V,
    pub(super) contents: Contents,
    /// `None`: nobody holds it.
    pub(super) lease: Option<Lease>,
}

/// What a new version has that is not as it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Change {
    /// `state.jsonl`, if it is another.
    pub(super) state: Option<Vec<u8>>,
    /// The journal, if it is another.
    pub(super) journal: Option<Vec<u8>>,
    /// Who holds it from then on.
    pub(super) lease: Option<Lease>,
    /// What the change does, in a line, for whoever reads the history.
    pub(super) what: String,
}

/// What became of an attempt at a new version.
#[derive(Debug)]
pub(super) enum Swap<V> {
    /// It is the latest.
    Won(V),
    /// Another version came first.
    Lost,
}

/// Who holds a state, and since when they said so last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lease {
    /// Tells this hold from an earlier one of the same holder.
    id: Uuid,
    holder: Holder,
    renewed: Timestamp,
}

impl Lease {
    fn of(holder: Holder) -> Self {
        Self {
            id: Uuid::new_v4(),
            holder,
            renewed: Timestamp::now(),
        }
    }

    fn renewed(&self) -> Self {
        Self {
            renewed: Timestamp::now(),
            ..self.clone()
        }
    }

    /// As if it had been renewed so much earlier.
    #[cfg(test)]
    pub(super) fn age(&mut self, by: SignedDuration) {
        self.renewed -= by;
    }

    /// Whether its holder had time enough to renew it, by any clock.
    fn has_run_out(&self, now: Timestamp) -> bool {
        now.duration_since(self.renewed) > LEASE + CLOCKS
    }
}

/// A [`Remote`] as a [`Place`].
#[derive(Debug, Clone)]
pub(super) struct Leased<R>(pub(super) R);

impl<R: Remote> Place for Leased<R> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn read(&self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        async {
            let snapshot = self.0.read().await?;
            Ok(snapshot
                .map(|snapshot| snapshot.contents)
                .unwrap_or_default())
        }
        .boxed()
    }

    fn lock(&self, holder: Holder) -> BoxFuture<'_, Result<Box<dyn Exclusive>, StoreError>> {
        async {
            let lease = Lease::of(holder);
            for _ in 0..TRIES {
                let (version, contents, before) = match self.0.read().await? {
                    Some(Snapshot {
                        version,
                        contents,
                        lease,
                    }) => (Some(version), contents, lease),
                    None => (None, Contents::default(), None),
                };
                let taken = match before {
                    None => Taken::Free,
                    Some(before) if before.has_run_out(Timestamp::now()) => {
                        Taken::Over(before.holder)
                    }
                    Some(before) => return Err(StoreError::Locked(Some(before.holder))),
                };
                let lease = lease.renewed();
                let change = Change {
                    lease: Some(lease.clone()),
                    what: format!("Held by {}", lease.holder),
                    ..Change::default()
                };
                match self.0.swap(version.as_ref(), &change).await? {
                    Swap::Won(version) => {
                        return Ok(Box::new(Hold {
                            remote: self.0.clone(),
                            version,
                            contents,
                            lease,
                            taken,
                        }) as Box<dyn Exclusive>);
                    }
                    Swap::Lost => {}
                }
            }
            Err(StoreError::Locked(None))
        }
        .boxed()
    }

    fn asked_every(&self) -> Duration {
        ASKED_EVERY
    }
}

/// A remote state, held.
struct Hold<R: Remote> {
    remote: R,
    version: R::Version,
    contents: Contents,
    lease: Lease,
    taken: Taken,
}

impl<R: Remote> Hold<R> {
    /// Makes a version of what is to change, the lease renewed, or knows that it is fenced.
    async fn swap(&mut self, change: Change) -> Result<(), StoreError> {
        match self.remote.swap(Some(&self.version), &change).await? {
            Swap::Won(version) => {
                self.version = version;
                if let Some(state) = change.state {
                    self.contents.state = Some(state);
                }
                if let Some(journal) = change.journal {
                    self.contents.journal = Some(journal);
                }
                Ok(())
            }
            Swap::Lost => {
                let now = self.remote.read().await?;
                let holder = now.and_then(|now| now.lease).map(|lease| lease.holder);
                Err(StoreError::Fenced(holder))
            }
        }
    }

    fn change(&self, what: String) -> Change {
        Change {
            lease: Some(self.lease.renewed()),
            what,
            ..Change::default()
        }
    }
}

impl<R: Remote> Exclusive for Hold<R> {
    fn taken(&self) -> Taken {
        self.taken.clone()
    }

    fn read(&mut self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        async { Ok(self.contents.clone()) }.boxed()
    }

    fn cut_journal(&mut self, whole: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let whole = usize::try_from(whole).unwrap_or(usize::MAX);
            let mut journal = self.contents.journal.clone().unwrap_or_default();
            journal.truncate(whole);
            let change = Change {
                journal: Some(journal),
                ..self.change("Cut the torn end of the journal off".to_owned())
            };
            self.swap(change).await
        }
        .boxed()
    }

    fn append(&mut self, lines: Vec<u8>, what: String) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let mut journal = self.contents.journal.clone().unwrap_or_default();
            journal.extend_from_slice(&lines);
            let change = Change {
                journal: Some(journal),
                ..self.change(what)
            };
            self.swap(change).await
        }
        .boxed()
    }

    fn start(&mut self, state: Vec<u8>, journal: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let change = Change {
                state: Some(state),
                journal: Some(journal),
                ..self.change("Begin an empty state".to_owned())
            };
            self.swap(change).await
        }
        .boxed()
    }

    fn fold(&mut self, state: Vec<u8>, journal: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let change = Change {
                state: Some(state),
                journal: Some(journal),
                ..self.change("Fold the journal into the state".to_owned())
            };
            self.swap(change).await
        }
        .boxed()
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        async {
            let change = self.change(format!("Still held by {}", self.lease.holder));
            self.swap(change).await
        }
        .boxed()
    }

    fn renewed_every(&self) -> Option<Duration> {
        Some(RENEWED_EVERY)
    }

    fn release(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        async {
            let change = Change {
                what: format!("Released by {}", self.lease.holder),
                ..Change::default()
            };
            self.swap(change).await
        }
        .boxed()
    }
}
