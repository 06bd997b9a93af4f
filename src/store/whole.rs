//! A place that is held to have its state replaced whole, as a person does who pushes a state. An
//! apply goes another way: see [`LockedStore`](super::LockedStore).
//!
//! Taking hold changes neither file: what is found decides what is done. What replaces it gets a
//! serial that neither of them ever had, and goes on where the journal is, so that a crash between
//! the two files leaves what reads as the one or as the other.

use tokio::time::{Instant, sleep};

use super::{
    Acquired, BackendGuard, Inspected, StateBackend, StoreError, check_organization, decode, hold,
};
use crate::crash::Point;
use crate::run::OrganizationId;
use crate::state::{FormatError, Holder, State, encode_journal_header, encode_state};

/// A locked state that is replaced whole.
pub struct LockedBackend {
    place: Box<dyn BackendGuard>,
    found: Option<Inspected>,
    taken: Acquired,
    since: Instant,
}

impl LockedBackend {
    /// Takes hold of `place` and reads what is there.
    ///
    /// # Errors
    /// When somebody else holds it, it cannot be read, or it is not `organization`'s.
    pub async fn open(
        place: &dyn StateBackend,
        organization: Option<&OrganizationId>,
        holder: Holder,
    ) -> Result<Self, StoreError> {
        let read = async |guard: &mut dyn BackendGuard| find(guard, organization).await;
        let (place, found) = hold(place, holder, read).await?;
        Ok(Self {
            taken: place.acquired(),
            place,
            found,
            since: Instant::now(),
        })
    }

    /// What is there; `None` where nothing was ever recorded.
    #[must_use]
    pub fn found(&self) -> Option<&Inspected> {
        self.found.as_ref()
    }

    /// Until when one that held it before may still send, on an intent that it has made; `None`: nobody
    /// can. Only who knows that it was taken over waits for that, and the next holder may not.
    #[must_use]
    pub fn last_send(&self) -> Option<Instant> {
        let lease = match &self.taken {
            Acquired::Free => self.place.lease(),
            Acquired::TakenOver { lease, .. } => self.place.lease().max(Some(*lease)),
        };
        let end = self.since + lease? / 2;
        (end > Instant::now()).then_some(end)
    }

    /// Keeps hold of it until then.
    ///
    /// # Errors
    /// When it is not held any more.
    pub async fn keep_until(&mut self, end: Instant) -> Result<(), StoreError> {
        while let left = end.saturating_duration_since(Instant::now())
            && !left.is_zero()
        {
            let every = self.place.renewed_every().unwrap_or(left);
            sleep(left.min(every)).await;
            self.place.renew().await?;
        }
        Ok(())
    }

    /// Makes `state` what is there, which is nothing, or a state of its lineage; gives it as it was
    /// written. `what` says in a line why.
    ///
    /// # Errors
    /// When it is not held any more, cannot be written, or another lineage is there.
    pub async fn replace(&mut self, mut state: State, what: String) -> Result<State, StoreError> {
        let (serial, folded) = match &self.found {
            None => (0, 0),
            Some(Inspected { state: old, .. }) if old.lineage == state.lineage => {
                (old.serial, old.folded)
            }
            Some(_) => return Err(FormatError::Apart("their lineages differ").into()),
        };
        state.serial = state.serial.max(serial) + 1;
        state.folded = folded;
        let (bytes, journal) = (encode_state(&state), encode_journal_header(&state));
        match &self.found {
            Some(_) => self.place.replace(bytes, journal, what).await?,
            None => self.place.start(bytes, journal, what).await?,
        }
        self.found = Some(Inspected {
            state: state.clone(),
            unfolded: 0,
            torn: 0,
        });
        Ok(state)
    }

    /// Lets go of it. A hold that cannot be let go of runs out by itself.
    pub async fn release(mut self) {
        let _ = self.place.release().await;
    }
}

async fn find(
    place: &mut dyn BackendGuard,
    organization: Option<&OrganizationId>,
) -> Result<Option<Inspected>, StoreError> {
    Point::READING.pass();
    let stored = decode(&place.read().await?)?;
    Point::READ.pass();
    let Some((state, journal)) = stored else {
        return Ok(None);
    };
    check_organization(&state, organization)?;
    Ok(Some(Inspected {
        state,
        unfolded: journal.entries.len(),
        torn: journal.torn,
    }))
}
