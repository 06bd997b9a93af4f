//! A place that is held to have its state replaced whole, as a person does who pushes a state or
//! moves one away. An apply goes another way: see [`LockedStore`](super::LockedStore).
//!
//! Taking hold changes neither file: what is found decides what is done. What replaces it gets a
//! serial that neither of them ever had, and goes on where the journal is, so that a crash between
//! the two files leaves what reads as the one or as the other.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    Acquired, BackendGuard, Inspected, StateBackend, StoreError, check_organization, decode, hold,
    mark_in,
};
use crate::crash::Point;
use crate::run::OrganizationId;
use crate::state::{
    FormatError, Holder, Moved, State, encode_journal_header, encode_moved, encode_state,
};

/// What a place holds.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one, for the length of a command"
)]
pub enum FoundState {
    /// Nothing was ever recorded.
    Nothing,
    /// A state.
    State(Inspected),
    /// There was one; it is elsewhere.
    Moved(Moved),
}

/// A locked state that is replaced whole.
pub struct LockedBackend {
    place: Box<dyn BackendGuard>,
    found: FoundState,
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

    /// What is there.
    #[must_use]
    pub fn found(&self) -> &FoundState {
        &self.found
    }

    /// For how long one that held it before may still send, on an intent that it has made; `None`:
    /// nobody can. Only who knows that it was taken over waits for that, and the next holder may not.
    #[must_use]
    pub fn late_sends(&self) -> Option<Duration> {
        let lease = match &self.taken {
            Acquired::Free => self.place.lease(),
            Acquired::TakenOver { lease, .. } => self.place.lease().max(Some(*lease)),
        };
        let end = self.since + lease? / 2;
        let left = end.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Keeps hold of it until nothing can be sent that late.
    ///
    /// # Errors
    /// When it is not held any more.
    pub async fn outlast(&mut self) -> Result<(), StoreError> {
        while let Some(left) = self.late_sends() {
            let every = self.place.renewed_every().unwrap_or(left);
            sleep(left.min(every)).await;
            self.place.renew().await?;
        }
        Ok(())
    }

    /// Makes `state` what is there, which is nothing, or a state or a mark of its lineage; gives it
    /// as it was written. `what` says in a line why.
    ///
    /// # Errors
    /// When it is not held any more, cannot be written, or another lineage is there.
    pub async fn replace(&mut self, mut state: State, what: String) -> Result<State, StoreError> {
        let (serial, folded) = match &self.found {
            FoundState::Nothing => (0, 0),
            FoundState::State(Inspected { state: old, .. }) if old.lineage == state.lineage => {
                (old.serial, old.folded)
            }
            FoundState::Moved(moved) if moved.lineage == state.lineage => (moved.serial, 0),
            FoundState::State(_) | FoundState::Moved(_) => {
                return Err(FormatError::Apart("their lineages differ").into());
            }
        };
        state.serial = state.serial.max(serial) + 1;
        state.folded = folded;
        let (bytes, journal) = (encode_state(&state), encode_journal_header(&state));
        match &self.found {
            FoundState::State(_) => self.place.replace(bytes, journal, what).await?,
            // A new journal beside a mark, or alone, is not read.
            FoundState::Nothing | FoundState::Moved(_) => {
                self.place.start(bytes, journal, what).await?;
            }
        }
        self.found = FoundState::State(Inspected {
            state: state.clone(),
            unfolded: 0,
            torn: 0,
        });
        Ok(state)
    }

    /// Puts a mark in the place of the state that is there: it is at `to` now, under `serial`.
    ///
    /// # Errors
    /// When it is not held any more, or cannot be written: the state is then still here.
    ///
    /// # Panics
    /// Where there is no state.
    pub async fn leave(&mut self, to: String, serial: u64) -> Result<(), StoreError> {
        let FoundState::State(Inspected { state, .. }) = &self.found else {
            panic!("only a state can be moved away");
        };
        let what = format!("Moved to {to}");
        let moved = Moved {
            lineage: state.lineage,
            serial,
            to,
        };
        let journal = encode_journal_header(state);
        self.place
            .replace(encode_moved(&moved), journal, what)
            .await?;
        self.found = FoundState::Moved(moved);
        Ok(())
    }

    /// Lets go of it. A hold that cannot be let go of runs out by itself.
    pub async fn release(mut self) {
        let _ = self.place.release().await;
    }
}

async fn find(
    place: &mut dyn BackendGuard,
    organization: Option<&OrganizationId>,
) -> Result<FoundState, StoreError> {
    Point::READING.pass();
    let contents = place.read().await?;
    if let Some(moved) = mark_in(&contents)? {
        return Ok(FoundState::Moved(moved));
    }
    let stored = decode(&contents)?;
    Point::READ.pass();
    let Some((state, journal)) = stored else {
        return Ok(FoundState::Nothing);
    };
    check_organization(&state, organization)?;
    Ok(FoundState::State(Inspected {
        state,
        unfolded: journal.entries.len(),
        torn: journal.torn,
    }))
}
