//! A remote state that is held by a lease: who has it, under which id, how long it lasts, renewed by
//! every write.
//!
//! A lease that was not renewed for as long as it lasts may be taken over: when the clocks say so,
//! however they differ, or when the next holder has watched it all that time. The holder that it was
//! taken from is *fenced*: none of its writes is accepted any more, so that no request of its leaves
//! on a new intent; and those that it has made are too old by then (see [`LockedStore::lease`]).
//!
//! [`LockedStore::lease`]: super::LockedStore::lease

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

use super::remote::{CommitChange, Lease, Remote, Snapshot, Step, Swap};
use super::{
    Acquired, BackendGuard, Contents, StateBackend, StoreError, SuspendAwareInstant, WriteAccess,
};
use crate::state::{FormatError, Holder};

/// A lease is renewed so many times while it lasts, where nothing else is written.
const RENEWALS: u32 = 5;
/// How often a state that somebody holds is asked for again.
const ASKED_EVERY: Duration = Duration::from_secs(3);
/// How often taking hold is tried against others who try the same.
const TRIES: u32 = 5;

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

    fn check_write(&self, with_probe: bool) -> BoxFuture<'_, Result<WriteAccess, StoreError>> {
        self.remote.check_write(with_probe)
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
                lease: Some(lease.ended()),
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
            let state = match state {
                Some(state) => state.into_bytes().map_err(FormatError::Read)?,
                None => Vec::new(),
            };
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
