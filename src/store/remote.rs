//! A state that lives elsewhere and is changed by compare-and-swap alone: whoever comes second has
//! lost, and knows it.
//!
//! The hold is a *lease*: who has it, under which id, how long it lasts, renewed by every write. One
//! that was not renewed for as long as it lasts may be taken over: when the clocks say so, however
//! they differ, or when whoever wants it has watched it all that time. Whoever it was taken from is
//! *fenced*: none of its writes is accepted any more, so that no request of its leaves on a new
//! intent; and those that it has made are too old by then (see [`LockedStore::lease`]).
//!
//! [`LockedStore::lease`]: super::LockedStore::lease

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Acquired, BackendGuard, Contents, StateBackend, StoreError, SuspendAwareInstant};
use crate::state::Holder;

/// How long a lease lasts, unless the config says.
pub const LEASE: Duration = Duration::from_secs(5 * 60);
/// No lease lasts longer.
pub const LONGEST_LEASE: Duration = Duration::from_secs(60 * 60);
/// Clocks of two machines differ by less.
const CLOCKS: SignedDuration = SignedDuration::from_mins(2);
/// A lease is renewed so many times while it lasts, where nothing else is written.
const RENEWALS: u32 = 5;
/// How often a state that somebody holds is asked for again.
const ASKED_EVERY: Duration = Duration::from_secs(3);
/// How often taking hold is tried against others who try the same.
const TRIES: u32 = 5;

/// How long a write is tried that is not taken, though nobody else was first.
const WRITES: Duration = Duration::from_secs(60);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// The tries of one write, each after a longer wait than the one before.
pub(super) struct AcquireAttempts {
    begun: Instant,
    wait: Duration,
}

impl AcquireAttempts {
    /// The first of them is now; the second comes after `wait`.
    pub(super) fn new(wait: Duration) -> Self {
        Self {
            begun: Instant::now(),
            wait,
        }
    }

    /// Whether it was tried long enough.
    pub(super) fn are_over(&self) -> bool {
        self.begun.elapsed() > WRITES
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::time::sleep(self.wait).await;
        self.wait = LONGEST_WAIT.min(self.wait * 2);
    }
}

/// Somewhere that keeps whole versions of a state, each made from the one before.
pub(super) trait Remote: Clone + Send + Sync + 'static {
    /// Names a version; equal only if all that it holds is.
    type Version: Clone + PartialEq + Send + Sync + 'static;

    /// As messages name it.
    fn name(&self) -> String;

    /// The latest version; `None` where there is none yet.
    fn read(&self) -> BoxFuture<'_, Result<Option<Snapshot<Self::Version>>, StoreError>>;

    /// Fails where two writes at once may both be taken. `latest` was made just now.
    fn check_exclusion<'a>(
        &'a self,
        latest: &'a Self::Version,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Makes `change` the version after `from`, durably, if `from` is still the latest.
    fn swap<'a>(
        &'a self,
        from: Option<&'a Self::Version>,
        change: &'a CommitChange,
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
pub(super) struct CommitChange {
    pub(super) step: Step,
    /// Who holds it from then on.
    pub(super) lease: Option<Lease>,
    /// What the change does, for a reader of the history: a line, and perhaps more below.
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

/// The holder of a state, and when it last renewed its lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lease {
    /// Tells this hold from an earlier one of the same holder.
    id: Uuid,
    holder: Holder,
    /// How long it lasts from when it was renewed, in seconds.
    seconds: u64,
    /// `None`: somebody has ended it who knows that its holder is gone, or believes so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewed: Option<Timestamp>,
}

impl Lease {
    fn of(holder: Holder, lasts: Duration) -> Self {
        Self {
            id: Uuid::new_v4(),
            holder,
            seconds: lasts.as_secs(),
            renewed: Some(Timestamp::now()),
        }
    }

    fn renewed(&self) -> Self {
        Self {
            renewed: Some(Timestamp::now()),
            ..self.clone()
        }
    }

    /// As if it had been renewed so much earlier.
    #[cfg(test)]
    pub(super) fn age(&mut self, by: Duration) {
        self.renewed = self.renewed.map(|renewed| renewed - by);
    }

    fn lasts(&self) -> Duration {
        Duration::from_secs(self.seconds).min(LONGEST_LEASE)
    }

    /// Whether its holder had time enough to renew it, by any clock.
    fn has_run_out(&self, now: Timestamp) -> bool {
        let lasts = SignedDuration::try_from(self.lasts()).unwrap_or(SignedDuration::MAX);
        self.renewed
            .is_none_or(|renewed| now.duration_since(renewed) > lasts.saturating_add(CLOCKS))
    }
}

/// A [`Remote`] as a [`StateBackend`].
#[derive(Debug)]
pub(super) struct Leased<R> {
    pub(super) remote: R,
    /// How long a lease that is taken here lasts.
    lasts: Duration,
    /// Somebody's lease as it was seen first, and when.
    watched: Mutex<Option<(Lease, SuspendAwareInstant)>>,
}

impl<R: Remote> Leased<R> {
    pub(super) fn new(remote: R, lasts: Duration) -> Self {
        Self {
            remote,
            lasts,
            watched: Mutex::new(None),
        }
    }

    /// Whether the lease was watched as long as it lasts, and not renewed.
    fn has_run_out(&self, lease: &Lease) -> bool {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        match &*watched {
            Some((seen, since)) if seen == lease => since.elapsed_monotonic() > lease.lasts(),
            _ => {
                *watched = Some((lease.clone(), SuspendAwareInstant::now()));
                false
            }
        }
    }
}

impl<R: Remote> StateBackend for Leased<R> {
    fn name(&self) -> String {
        self.remote.name()
    }

    fn read(&self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        async {
            let snapshot = self.remote.read().await?;
            Ok(snapshot
                .map(|snapshot| snapshot.contents)
                .unwrap_or_default())
        }
        .boxed()
    }

    fn lock(&self, holder: Holder) -> BoxFuture<'_, Result<Box<dyn BackendGuard>, StoreError>> {
        async {
            let lease = Lease::of(holder, self.lasts);
            for _ in 0..TRIES {
                // A process that sleeps from here on looks again before it writes.
                let written = SuspendAwareInstant::now();
                let (version, contents, before) = match self.remote.read().await? {
                    Some(Snapshot {
                        version,
                        contents,
                        lease,
                    }) => (Some(version), contents, lease),
                    None => (None, Contents::default(), None),
                };
                let taken = match before {
                    None => Acquired::Free,
                    Some(before)
                        if before.has_run_out(Timestamp::now()) || self.has_run_out(&before) =>
                    {
                        Acquired::TakenOver {
                            lease: before.lasts(),
                            holder: before.holder,
                        }
                    }
                    Some(before) => return Err(StoreError::Locked(Some(before.holder))),
                };
                let change = CommitChange {
                    step: Step::Lease,
                    lease: Some(lease.renewed()),
                    what: signed("Take hold of the state", &lease.holder),
                };
                let latest = match self.remote.swap(version.as_ref(), &change).await? {
                    Swap::Won(latest) => latest,
                    Swap::Lost => continue,
                };
                let hold = LeaseGuard {
                    remote: self.remote.clone(),
                    version: latest,
                    contents: Some(contents),
                    lease: lease.clone(),
                    taken,
                    written,
                };
                match hold.look().await {
                    Ok(_) => {}
                    Err(StoreError::Fenced(_)) => {
                        return Err(StoreError::Remote {
                            action: "read back what was just written",
                            said: "what is written there goes elsewhere than what is read comes \
                                   from, as where a remote has another URL for pushes"
                                .to_owned(),
                            may_pass: false,
                        });
                    }
                    Err(error) => return Err(error),
                }
                let check = self.remote.check_exclusion(&hold.version);
                check.await?;
                return Ok(Box::new(hold) as Box<dyn BackendGuard>);
            }
            Err(StoreError::Locked(None))
        }
        .boxed()
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.lasts)
    }

    fn asked_every(&self) -> Duration {
        ASKED_EVERY.min(self.lasts / RENEWALS)
    }

    fn holder(&self) -> BoxFuture<'_, Result<Option<Holder>, StoreError>> {
        async {
            let snapshot = self.remote.read().await?;
            Ok(snapshot
                .and_then(|snapshot| snapshot.lease)
                .filter(|lease| lease.renewed.is_some())
                .map(|lease| lease.holder))
        }
        .boxed()
    }

    fn unlock<'a>(&'a self, holder: &'a Holder) -> BoxFuture<'a, Result<bool, StoreError>> {
        async move {
            let Some(Snapshot {
                version,
                lease: Some(lease),
                ..
            }) = self.remote.read().await?
            else {
                return Ok(false);
            };
            if lease.holder != *holder || lease.renewed.is_none() {
                return Ok(false);
            }
            let change = CommitChange {
                step: Step::Lease,
                what: format!("Unlocked: {holder} is said to be gone"),
                lease: Some(Lease {
                    renewed: None,
                    ..lease
                }),
            };
            let swapped = self.remote.swap(Some(&version), &change).await?;
            Ok(matches!(swapped, Swap::Won(_)))
        }
        .boxed()
    }
}

/// What was done, and by whom, for the history.
fn signed(what: &str, holder: &Holder) -> String {
    format!("{what}\n\nby {holder}\n")
}

/// A remote state, held.
struct LeaseGuard<R: Remote> {
    remote: R,
    version: R::Version,
    /// What `version` holds, until it is asked for.
    contents: Option<Contents>,
    lease: Lease,
    taken: Acquired,
    /// When the last version of ours was begun.
    written: SuspendAwareInstant,
}

impl<R: Remote> LeaseGuard<R> {
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
        let written = SuspendAwareInstant::now();
        // Who slept for long may have been taken over, and what it left cleaned away since: then
        // not even losing a swap would tell.
        if self.written.elapsed() > self.lease.lasts() / 2 {
            self.look().await?;
        }
        let what = signed(&what, &self.lease.holder);
        let change = CommitChange { step, lease, what };
        match self.remote.swap(Some(&self.version), &change).await? {
            Swap::Won(version) => {
                self.version = version;
                self.contents = None;
                // The same if it slept meanwhile.
                if written.elapsed() > self.lease.lasts() / 2 {
                    self.look().await?;
                }
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

impl<R: Remote> BackendGuard for LeaseGuard<R> {
    fn acquired(&self) -> Acquired {
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

    fn start(
        &mut self,
        state: Vec<u8>,
        journal: Vec<u8>,
        what: String,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.replace(state, journal, what)
    }

    fn replace(
        &mut self,
        state: Vec<u8>,
        journal: Vec<u8>,
        what: String,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.take(Step::Replace { state, journal }, what).boxed()
    }

    fn replace_and_release(
        &mut self,
        state: Vec<u8>,
        journal: Vec<u8>,
        what: String,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let step = Step::Replace { state, journal };
        self.swap(step, None, what).boxed()
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.take(Step::Lease, "Still held".to_owned()).boxed()
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.lease.lasts())
    }

    fn renewed_every(&self) -> Option<Duration> {
        Some(self.lease.lasts() / RENEWALS)
    }

    fn release(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.swap(Step::Lease, None, "Let go".to_owned()).boxed()
    }
}
