//! The held store: appends entries, folds them, and refuses to go on after a failed write.

use tokio::time::Instant;
use uuid::Uuid;

use super::history::describe;
use super::{Exclusive, Place, StoreError, Taken, check_organization, decode};
use crate::crash::Point;
use crate::run::OrganizationId;
use crate::state::{Entry, Holder, State, encode_entries, encode_journal_header, encode_state};

/// The state, held. See the module's front door.
pub struct LockedStore {
    place: Box<dyn Exclusive>,
    state: State,
    session: Uuid,
    unfolded: usize,
    failed: bool,
    /// When something was written last.
    written: Instant,
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
        place: &dyn Place,
        organization: &OrganizationId,
        holder: Holder,
    ) -> Result<Opened, StoreError> {
        Point::LOCKING.pass();
        let mut exclusive = place.lock(holder.clone()).await?;
        Point::LOCKED.pass();
        match Self::read(exclusive.as_mut(), organization).await {
            Ok((state, unfolded, torn)) => {
                let session = Uuid::new_v4();
                let mut store = Self {
                    place: exclusive,
                    state,
                    session,
                    unfolded,
                    failed: false,
                    written: Instant::now(),
                };
                store.fold().await?;
                store
                    .append(vec![Entry::Session { session, holder }])
                    .await?;
                Ok(Opened { store, torn })
            }
            Err(error) => {
                // What is of no use to us is not kept from others.
                let _ = exclusive.release().await;
                Err(error)
            }
        }
    }

    /// Reads what is there, made whole: the state, how many entries are not folded into it, and
    /// how many bytes of a torn line were dropped.
    async fn read(
        place: &mut dyn Exclusive,
        organization: &OrganizationId,
    ) -> Result<(State, usize, usize), StoreError> {
        Point::READING.pass();
        let stored = decode(&place.read().await?)?;
        Point::READ.pass();
        let Some((state, journal)) = stored else {
            let state = State::new(organization.clone());
            let files = (encode_state(&state), encode_journal_header(&state));
            place.start(files.0, files.1).await?;
            return Ok((state, 0, 0));
        };
        check_organization(&state, Some(organization))?;
        if journal.torn > 0 {
            Point::CUTTING.pass();
            place.cut_journal(journal.whole as u64).await?;
            Point::CUT.pass();
        }
        Ok((state, journal.entries.len(), journal.torn))
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

    /// How the hold was come by.
    #[must_use]
    pub fn taken(&self) -> Taken {
        self.place.taken()
    }

    /// When [`renew`](Self::renew) is to be called, unless something is appended before; `None`:
    /// never.
    #[must_use]
    pub fn renewal(&self) -> Option<Instant> {
        Some(self.written + self.place.renewed_every()?)
    }

    /// Says that the state is still held.
    ///
    /// # Errors
    /// When it is not, or that cannot be said. The store answers every later call with
    /// [`StoreError::Failed`].
    pub async fn renew(&mut self) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Failed);
        }
        self.failed = true;
        self.place.renew().await?;
        self.written = Instant::now();
        self.failed = false;
        Ok(())
    }

    /// Folds, and lets go of the state; nothing can be appended after that.
    ///
    /// # Errors
    /// When it cannot be folded. A hold that cannot be let go of runs out by itself.
    pub async fn close(&mut self) -> Result<(), StoreError> {
        self.fold().await?;
        self.failed = true;
        let _ = self.place.release().await;
        Ok(())
    }

    /// Makes `entries` durable, in order and all in one go, and folds them into the state.
    ///
    /// # Errors
    /// When they could not be written, or one is not a legal step. Nothing may be sent then: the
    /// store answers every later call with [`StoreError::Failed`].
    pub async fn append(&mut self, entries: Vec<Entry>) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Failed);
        }
        if entries.is_empty() {
            return Ok(());
        }
        // Until the write has succeeded, memory is ahead of the disk.
        self.failed = true;
        let lines = encode_entries(self.state.folded + 1, &entries);
        self.unfolded += entries.len();
        self.state.folded += entries.len() as u64;
        // Illegal entries must not reach the journal, so memory goes first.
        for entry in &entries {
            self.state.fold(entry.clone())?;
        }
        let what = describe(&entries, &self.state);
        Point::APPENDING.pass();
        self.place.append(lines, what).await?;
        Point::APPENDED.pass();
        self.written = Instant::now();
        self.failed = false;
        Ok(())
    }

    /// Writes the state whole and starts a new journal, if the journal holds anything.
    ///
    /// # Errors
    /// When either could not be written; both are still readable then, as they were or as they
    /// should be.
    pub async fn fold(&mut self) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Failed);
        }
        if self.unfolded == 0 {
            return Ok(());
        }
        self.failed = true;
        self.state.serial += 1;
        let files = (
            encode_state(&self.state),
            encode_journal_header(&self.state),
        );
        self.place.fold(files.0, files.1).await?;
        self.unfolded = 0;
        self.failed = false;
        Ok(())
    }
}
