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

use super::{Contents, Exclusive, Place, Since, StoreError, Taken};
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
    type Version: Clone + PartialEq + Send + Sync + 'static;

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

/// What makes a new version of the one before.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) step: Step,
    /// Who holds it from then on.
    pub(super) lease: Option<Lease>,
    /// What the change does, for whoever reads the history: a line, and perhaps more below.
    pub(super) what: String,
}

/// What happens to the two files.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Nothing: it is about the lease alone.
    Lease,
    /// Lines are added to the journal.
    Append(Vec<u8>),
    /// Both are others.
    Replace {
        /// `state.jsonl`
        state: Vec<u8>,
        /// The journal.
        journal: Vec<u8>,
    },
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
                let written = Since::now();
                let change = Change {
                    step: Step::Lease,
                    lease: Some(lease.renewed()),
                    what: format!("Held by {}", lease.holder),
                };
                match self.0.swap(version.as_ref(), &change).await? {
                    Swap::Won(version) => {
                        return Ok(Box::new(Hold {
                            remote: self.0.clone(),
                            version,
                            contents: Some(contents),
                            lease: lease.clone(),
                            taken,
                            written,
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
    /// What `version` holds, until it is asked for.
    contents: Option<Contents>,
    lease: Lease,
    taken: Taken,
    /// When the last version of ours was begun.
    written: Since,
}

impl<R: Remote> Hold<R> {
    /// Takes `step`, the lease renewed, or knows that it is fenced.
    async fn take(&mut self, step: Step, what: String) -> Result<(), StoreError> {
        let lease = Some(self.lease.renewed());
        self.swap(step, lease, what).await
    }

    async fn swap(
        &mut self,
        step: Step,
        lease: Option<Lease>,
        what: String,
    ) -> Result<(), StoreError> {
        let written = Since::now();
        // Who slept for long may have been taken over, and what it left cleaned away since: then
        // not even losing a swap would tell.
        if self.written.elapsed() > LEASE.unsigned_abs() / 2 {
            self.look().await?;
        }
        let what = format!("{what}\n\nby {}\n", self.lease.holder);
        let change = Change { step, lease, what };
        match self.remote.swap(Some(&self.version), &change).await? {
            Swap::Won(version) => {
                self.version = version;
                self.contents = None;
                self.written = written;
                Ok(())
            }
            Swap::Lost => Err(self.fenced().await),
        }
    }

    /// Reads what is there, which must be what this hold has made of it.
    async fn look(&self) -> Result<Contents, StoreError> {
        match self.remote.read().await? {
            Some(now) if now.version == self.version => Ok(now.contents),
            _ => Err(self.fenced().await),
        }
    }

    async fn fenced(&self) -> StoreError {
        match self.remote.read().await {
            Ok(now) => {
                let lease = now.and_then(|now| now.lease);
                StoreError::Fenced(lease.map(|lease| lease.holder))
            }
            Err(error) => error,
        }
    }
}

impl<R: Remote> Exclusive for Hold<R> {
    fn taken(&self) -> Taken {
        self.taken.clone()
    }

    fn read(&mut self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        async {
            match self.contents.take() {
                Some(contents) => Ok(contents),
                None => self.look().await,
            }
        }
        .boxed()
    }

    fn cut_journal(&mut self, whole: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let Contents { state, journal } = self.look().await?;
            let mut journal = journal.unwrap_or_default();
            journal.truncate(usize::try_from(whole).unwrap_or(usize::MAX));
            let state = state.unwrap_or_default();
            let step = Step::Replace { state, journal };
            let what = "Cut the torn end of the journal off".to_owned();
            self.take(step, what).await
        }
        .boxed()
    }

    fn append(&mut self, lines: Vec<u8>, what: String) -> BoxFuture<'_, Result<(), StoreError>> {
        self.take(Step::Append(lines), what).boxed()
    }

    fn start(&mut self, state: Vec<u8>, journal: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        let step = Step::Replace { state, journal };
        self.take(step, "Begin an empty state".to_owned()).boxed()
    }

    fn fold(&mut self, state: Vec<u8>, journal: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        let step = Step::Replace { state, journal };
        let what = "Fold the journal into the state".to_owned();
        self.take(step, what).boxed()
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.take(Step::Lease, "Still held".to_owned()).boxed()
    }

    fn renewed_every(&self) -> Option<Duration> {
        Some(RENEWED_EVERY)
    }

    fn release(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.swap(Step::Lease, None, "Let go".to_owned()).boxed()
    }
}
