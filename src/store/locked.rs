//! The held store: appends entries, folds them, and refuses to go on after a failed write.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;
use uuid::Uuid;

use super::history::describe;
use super::{Acquired, BackendGuard, StateBackend, StoreError, check_organization, decode, hold};
use crate::crash::Point;
use crate::run::OrganizationId;
use crate::state::{Entry, Holder, State, encode_entries, encode_journal_header, encode_state};

/// The locked state: the only thing that can append to it.
pub struct LockedStore {
    /// Away while something is written.
    place: Option<Box<dyn BackendGuard>>,
    taken: Acquired,
    lease: Option<Duration>,
    state: State,
    session: Uuid,
    /// Who holds it, in words.
    by: String,
    unfolded: usize,
    /// How long the last append took.
    took: Duration,
    /// When something was written last.
    written: Instant,
}

/// Entries on their way into the journal; to be given back to the store once they are there.
pub struct Appending(BoxFuture<'static, Appended>);

/// What became of entries that were to be appended.
pub struct Appended {
    place: Box<dyn BackendGuard>,
    begun: Instant,
    result: Result<(), StoreError>,
}

impl Future for Appending {
    type Output = Appended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Appended> {
        self.0.poll_unpin(context)
    }
}

/// A store that was just opened.
pub struct Opened {
    /// The store.
    pub store: LockedStore,
    /// How many bytes of a torn last journal line were dropped.
    pub torn: usize,
}

impl LockedStore {
    /// Takes hold of the state at `place`, making an empty one if there is none, and folds what
    /// an earlier session left in the journal.
    ///
    /// # Errors
    /// When somebody else holds it, it cannot be read or written, or it is not `organization`'s;
    /// it is then untouched.
    pub async fn open(
        place: &dyn StateBackend,
        organization: &OrganizationId,
        holder: Holder,
    ) -> Result<Opened, StoreError> {
        let read = async |guard: &mut dyn BackendGuard| Self::read(guard, organization).await;
        let (guard, (state, unfolded, torn)) = hold(place, holder.clone(), read).await?;
        let session = Uuid::new_v4();
        let mut store = Self {
            taken: guard.acquired(),
            lease: guard.lease(),
            place: Some(guard),
            state,
            session,
            by: holder.to_string(),
            unfolded,
            took: Duration::ZERO,
            written: Instant::now(),
        };
        store.fold().await?;
        store
            .append(vec![Entry::Session { session, holder }])
            .await?;
        Ok(Opened { store, torn })
    }

    /// Reads what is there, made whole: the state, how many entries are to be folded into it, and
    /// how many bytes of a torn line were dropped.
    async fn read(
        place: &mut dyn BackendGuard,
        organization: &OrganizationId,
    ) -> Result<(State, usize, usize), StoreError> {
        Point::READING.pass();
        let stored = decode(&place.read().await?)?;
        Point::READ.pass();
        let Some((state, journal)) = stored else {
            let state = State::new(organization.clone());
            let files = (encode_state(&state), encode_journal_header(&state));
            let what = "Begin an empty state".to_owned();
            place.start(files.0, files.1, what).await?;
            return Ok((state, 0, 0));
        };
        check_organization(&state, Some(organization))?;
        if journal.torn > 0 {
            Point::CUTTING.pass();
            place.cut_journal(journal.whole as u64).await?;
            Point::CUT.pass();
        }
        // Files of an earlier version are written anew before anything is appended.
        let unfolded = journal.entries.len() + usize::from(journal.is_older);
        Ok((state, unfolded, journal.torn))
    }

    /// What is remembered, every appended entry included.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The id of this hold on the state.
    #[must_use]
    pub fn session(&self) -> Uuid {
        self.session
    }

    /// Who holds it, in words.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.by
    }

    /// How the hold was come by.
    #[must_use]
    pub fn acquired(&self) -> &Acquired {
        &self.taken
    }

    /// How long it may be silent before it is taken over: nothing may be sent on an intent that is
    /// older than half of that. `None`: it is never taken over.
    #[must_use]
    pub fn lease(&self) -> Option<Duration> {
        self.lease
    }

    /// How long the last append took.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// When [`renew`](Self::renew) is to be called, unless something is appended before; `None`:
    /// never, or something is being appended.
    #[must_use]
    pub fn renewal(&self) -> Option<Instant> {
        Some(self.written + self.place.as_ref()?.renewed_every()?)
    }

    /// Says that the state is still held.
    ///
    /// # Errors
    /// When it is not, or that cannot be said. The store answers every later call with
    /// [`StoreError::Failed`].
    pub async fn renew(&mut self) -> Result<(), StoreError> {
        let renewed = self.begin_renewal()?.await;
        self.end_append(renewed)
    }

    /// Waits for `work`, the state held meanwhile however long that takes.
    ///
    /// # Errors
    /// Those of [`renew`](Self::renew).
    pub async fn keep_while<T>(&mut self, work: impl Future<Output = T>) -> Result<T, StoreError> {
        let mut work = pin!(work);
        loop {
            let Some(renewal) = self.renewal() else {
                return Ok(work.await);
            };
            match tokio::time::timeout_at(renewal, &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) => self.renew().await?,
            }
        }
    }

    /// Folds, and lets go of the state; nothing can be appended after that.
    ///
    /// # Errors
    /// When it cannot be folded. A hold that cannot be let go of runs out by itself.
    pub async fn close(&mut self) -> Result<(), StoreError> {
        let mut place = self.place.take().ok_or(StoreError::Failed)?;
        match self.folded() {
            Some((state, journal)) => {
                let what = "Fold the journal into the state, and let go".to_owned();
                place.replace_and_release(state, journal, what).await?;
            }
            None => drop(place.release().await),
        }
        Ok(())
    }

    /// Makes `entries` durable, in order and all in one go, and folds them into the state.
    ///
    /// # Errors
    /// Those of [`begin_append`](Self::begin_append) and [`end_append`](Self::end_append).
    pub async fn append(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return self.place.as_ref().map(|_| ()).ok_or(StoreError::Failed);
        }
        let appended = self.begin_append(&entries)?.await;
        self.end_append(appended)
    }

    /// Folds `entries` into the state, and gives what makes them durable, in order and all in one
    /// go. The state is ahead of the journal until that is given back.
    ///
    /// # Errors
    /// When one of them is not a legal step, an earlier write failed, or one is still under way.
    /// The store answers every later call with [`StoreError::Failed`].
    pub fn begin_append(&mut self, entries: &[Entry]) -> Result<Appending, StoreError> {
        let mut place = self.place.take().ok_or(StoreError::Failed)?;
        let lines = encode_entries(self.state.folded + 1, entries);
        self.unfolded += entries.len();
        self.state.folded += entries.len() as u64;
        // Illegal entries must not reach the journal, so memory goes first.
        for entry in entries {
            self.state.fold(entry.clone())?;
        }
        let what = describe(entries, &self.state);
        let begun = Instant::now();
        let append = async move {
            Point::APPENDING.pass();
            let result = place.append(lines, what).await;
            if result.is_ok() {
                Point::APPENDED.pass();
            }
            Appended {
                place,
                begun,
                result,
            }
        };
        Ok(Appending(append.boxed()))
    }

    /// Gives what says that the state is still held; to be given back as an append is.
    ///
    /// # Errors
    /// When an earlier write failed, or one is still under way.
    pub fn begin_renewal(&mut self) -> Result<Appending, StoreError> {
        let mut place = self.place.take().ok_or(StoreError::Failed)?;
        let begun = Instant::now();
        let renew = async move {
            let result = place.renew().await;
            Appended {
                place,
                begun,
                result,
            }
        };
        Ok(Appending(renew.boxed()))
    }

    /// Takes back what [`begin_append`](Self::begin_append) or
    /// [`begin_renewal`](Self::begin_renewal) gave, at its end.
    ///
    /// # Errors
    /// When the entries could not be written. Nothing may be sent then: the store answers every
    /// later call with [`StoreError::Failed`].
    pub fn end_append(&mut self, appended: Appended) -> Result<(), StoreError> {
        let Appended {
            place,
            begun,
            result,
        } = appended;
        result?;
        self.place = Some(place);
        self.took = begun.elapsed();
        self.written = begun;
        Ok(())
    }

    /// Writes the state whole and starts a new journal, if the journal holds anything.
    ///
    /// # Errors
    /// When either could not be written; both are still readable then, as they were or as they
    /// should be. The store answers every later call with [`StoreError::Failed`].
    pub async fn fold(&mut self) -> Result<(), StoreError> {
        let mut place = self.place.take().ok_or(StoreError::Failed)?;
        if let Some((state, journal)) = self.folded() {
            let what = "Fold the journal into the state".to_owned();
            place.replace(state, journal, what).await?;
        }
        self.place = Some(place);
        Ok(())
    }

    /// Both files as they are after a fold, if the journal holds anything to fold.
    fn folded(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        if self.unfolded == 0 {
            return None;
        }
        self.unfolded = 0;
        self.state.serial += 1;
        let state = encode_state(&self.state);
        Some((state, encode_journal_header(&self.state)))
    }
}
