//! A state that lives elsewhere and is changed by compare-and-swap alone: the second of two writers
//! has lost, and knows it.
//!
//! [`Remote`] is what a branch and a bucket implement; [`Leased`](super::leased::Leased) makes a
//! place of it that is held by leases.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Contents, StoreError, WriteAccess};
use crate::backoff::Backoff;
use crate::state::Holder;

/// How long a lease lasts, unless the config says.
pub const LEASE: Duration = Duration::from_secs(5 * 60);
/// No lease lasts longer.
pub const LONGEST_LEASE: Duration = Duration::from_secs(60 * 60);
/// Clocks of two machines differ by less.
const CLOCKS: SignedDuration = SignedDuration::from_mins(2);

/// How long a write is tried that is not taken, though nobody else was first.
const WRITES: Duration = Duration::from_secs(60);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// The tries of one write, each after a longer wait than the one before.
pub(super) struct AcquireAttempts {
    begun: Instant,
    wait: Backoff,
}

impl AcquireAttempts {
    /// The first of them is now; the second comes after `wait`.
    pub(super) fn new(wait: Duration) -> Self {
        Self {
            begun: Instant::now(),
            wait: Backoff::new(wait, LONGEST_WAIT),
        }
    }

    /// Whether it was tried long enough.
    pub(super) fn are_over(&self) -> bool {
        self.begun.elapsed() > WRITES
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::time::sleep(self.wait.next()).await;
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

    /// [`StateBackend::check_write`](super::StateBackend::check_write).
    fn check_write(&self, with_probe: bool) -> BoxFuture<'_, Result<WriteAccess, StoreError>>;

    /// Makes `change` the version after `from`, durably, if `from` is still the latest.
    fn swap<'a>(
        &'a self,
        from: Option<&'a Self::Version>,
        change: &'a CommitChange,
    ) -> BoxFuture<'a, Result<Swap<Self::Version>, StoreError>>;
}

/// A version, and what it holds.
#[derive(Debug)]
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
    pub(super) holder: Holder,
    /// How long it lasts from when it was renewed, in seconds.
    seconds: u64,
    /// `None`: somebody has ended it who knows that its holder is gone, or believes so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) renewed: Option<Timestamp>,
}

impl Lease {
    pub(super) fn of(holder: Holder, lasts: Duration) -> Self {
        Self {
            id: Uuid::new_v4(),
            holder,
            seconds: lasts.as_secs(),
            renewed: Some(Timestamp::now()),
        }
    }

    pub(super) fn renewed(&self) -> Self {
        Self {
            renewed: Some(Timestamp::now()),
            ..self.clone()
        }
    }

    /// As somebody leaves it who knows that its holder is gone.
    pub(super) fn ended(self) -> Self {
        Self {
            renewed: None,
            ..self
        }
    }

    /// As if it had been renewed so much earlier.
    #[cfg(test)]
    pub(super) fn age(&mut self, by: Duration) {
        self.renewed = self.renewed.map(|renewed| renewed - by);
    }

    pub(super) fn lasts(&self) -> Duration {
        Duration::from_secs(self.seconds).min(LONGEST_LEASE)
    }

    /// Whether its holder had time enough to renew it, by any clock.
    pub(super) fn has_run_out(&self, now: Timestamp) -> bool {
        let lasts = SignedDuration::try_from(self.lasts()).unwrap_or(SignedDuration::MAX);
        self.renewed
            .is_none_or(|renewed| now.duration_since(renewed) > lasts.saturating_add(CLOCKS))
    }
}
