//! The held store: appends entries, folds them, and refuses to go on after a failed write.

use uuid::Uuid;

use super::{Exclusive, Place, StoreError, check_organization, decode};
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
        Point::READING.pass();
        let stored = decode(&exclusive.read().await?)?;
        Point::READ.pass();
        let (state, unfolded, torn) = if let Some((state, journal)) = stored {
            check_organization(&state, Some(organization))?;
            if journal.torn > 0 {
                Point::CUTTING.pass();
                exclusive.cut_journal(journal.whole as u64).await?;
                Point::CUT.pass();
            }
            (state, journal.entries.len(), journal.torn)
        } else {
            let state = State::new(organization.clone());
            // The journal first: see `decode` for a start that is cut short between the two.
            replace_journal(exclusive.as_mut(), &state).await?;
            replace_state(exclusive.as_mut(), &state).await?;
            (state, 0, 0)
        };
        let session = Uuid::new_v4();
        let mut store = Self {
            place: exclusive,
            state,
            session,
            unfolded,
            failed: false,
        };
        store.fold().await?;
        store
            .append(vec![Entry::Session { session, holder }])
            .await?;
        Ok(Opened { store, torn })
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
        for entry in entries {
            self.state.fold(entry)?;
        }
        Point::APPENDING.pass();
        self.place.append(lines).await?;
        Point::APPENDED.pass();
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
        replace_state(self.place.as_mut(), &self.state).await?;
        replace_journal(self.place.as_mut(), &self.state).await?;
        self.unfolded = 0;
        self.failed = false;
        Ok(())
    }
}

async fn replace_state(place: &mut dyn Exclusive, state: &State) -> Result<(), StoreError> {
    Point::STATE_REPLACING.pass();
    place.write_state(encode_state(state)).await?;
    Point::STATE_REPLACED.pass();
    Ok(())
}

/// Starts a new journal, which follows `state`.
async fn replace_journal(place: &mut dyn Exclusive, state: &State) -> Result<(), StoreError> {
    Point::JOURNAL_REPLACING.pass();
    place.write_journal(encode_journal_header(state)).await?;
    Point::JOURNAL_REPLACED.pass();
    Ok(())
}
