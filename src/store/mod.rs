//! Where the state is kept, and who may write to it.
//!
//! A [`StateBackend`] holds two files of bytes, `state.jsonl` and the journal: [`Local`] in a directory,
//! [`git_branch`] in the commits of a branch, `object_store` in a bucket. Reading takes no lock.
//! Writing needs a [`LockedStore`]: the only thing in the program that can append, and only one
//! exists for a state at a time. It keeps the folded [`State`] beside the journal, so that what is
//! remembered and what is written cannot drift apart. A person who replaces a state whole, or moves
//! it, does so through a [`LockedBackend`], which excludes a store and is excluded by one.

pub(crate) mod durable;
mod error;
mod fingerprint;
mod git;
mod history;
mod leased;
mod local;
mod lock;
mod locked;
#[cfg(feature = "object-store")]
mod objects;
mod remote;
mod suspend_aware;
#[cfg(test)]
mod tests;
mod whole;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::crash::Point;
use crate::run::OrganizationId;
use crate::state::{
    FormatError, Holder, Journal, State, decode_journal, decode_moved, decode_state,
};

pub use error::StoreError;
pub use git::git_branch;
pub use local::Local;
pub use locked::{Appended, Appending, LockedStore, Opened};
#[cfg(feature = "object-store")]
pub use objects::object_store;
pub use remote::{LEASE, LONGEST_LEASE};
pub use suspend_aware::SuspendAwareInstant;
pub use whole::LockedBackend;

/// What a place holds, as bytes.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, PartialEq))]
pub struct Contents {
    /// `state.jsonl`, if there is one.
    pub state: Option<StateFile>,
    /// The journal, if there is one.
    pub journal: Option<Vec<u8>>,
}

/// The bytes of `state.jsonl`, which may be many.
#[derive(Debug)]
pub enum StateFile {
    /// As they came over the network.
    Bytes(Vec<u8>),
    /// A file that is read once its bytes are wanted, a piece at a time.
    File(File),
}

impl StateFile {
    /// The bytes from their beginning.
    fn reader(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(&**bytes),
            Self::File(file) => {
                let mut file = file;
                file.rewind()?;
                Box::new(file)
            }
        })
    }

    /// All of them.
    fn into_bytes(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::File(_) => {
                let mut bytes = Vec::new();
                self.reader()?.read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

/// Somewhere a state can be kept.
pub trait StateBackend: Send + Sync {
    /// How often it makes sense to ask for a state that somebody holds.
    fn asked_every(&self) -> Duration {
        Duration::from_millis(200)
    }

    /// The place as messages name it.
    fn name(&self) -> String;

    /// The lease: how long a holder may be silent before the state can be taken over. `None` if the
    /// operating system frees the lock when the holder exits.
    fn lease(&self) -> Option<Duration> {
        None
    }

    /// Reads what is there, without a lock; the two files need not fit together.
    fn read(&self) -> BoxFuture<'_, Result<Contents, StoreError>>;

    /// Who holds it, if anybody does and that can be known without asking for it.
    fn holder(&self) -> BoxFuture<'_, Result<Option<Holder>, StoreError>>;

    /// Whether this process may write there, as far as can be told without writing to the state. An
    /// object store tells only `with_probe`: an object that is created and removed again.
    ///
    /// # Errors
    /// When it may not, or the place cannot be reached.
    fn check_write(&self, with_probe: bool) -> BoxFuture<'_, Result<WriteAccess, StoreError>>;

    /// Ends the hold of `holder`, who is gone; `false` where it is not held by that one.
    fn unlock<'a>(&'a self, holder: &'a Holder) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Takes hold of it, or says who has it.
    fn lock(&self, holder: Holder) -> BoxFuture<'_, Result<Box<dyn BackendGuard>, StoreError>>;
}

/// How it was found out that a place may be written to, or why it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteAccess {
    /// The operating system says so.
    Permission,
    /// A push that was a dry run was accepted.
    DryRun,
    /// An object was created, could not be created again, and was removed.
    Probe,
    /// There is no commit for a dry run of a push.
    NothingToPush,
    /// A probe was not asked for.
    OnlyWithWrite,
}

/// How a hold was come by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// The previous holder has let go, or is gone.
    Free,
    /// From a holder that was not heard of for long. It may wake up yet, and send on the intents
    /// that it has made, though it can make no more.
    TakenOver {
        /// Who that is.
        holder: Holder,
        /// How long its lease lasted: it sends on no intent that is older than half of that.
        lease: Duration,
    },
}

/// A place that is held.
pub trait BackendGuard: Send {
    /// How it was come by.
    fn acquired(&self) -> Acquired {
        Acquired::Free
    }

    /// Reads what is there.
    fn read(&mut self) -> BoxFuture<'_, Result<Contents, StoreError>>;

    /// Cuts the journal to `whole` bytes: what follows was never acknowledged.
    fn cut_journal(&mut self, whole: u64) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Adds `lines` to the journal; durable when it returns. `what` says in a line what they are.
    fn append(&mut self, lines: Vec<u8>, what: String) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Lays down both files where there is no state. After a crash both are old, both are new, or
    /// the journal is new and the state old, or not there. `what` says in a line why.
    fn start(
        &mut self,
        state: Vec<u8>,
        journal: Vec<u8>,
        what: String,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Replaces both files, each whole. After a crash both are old, both are new, or the state is
    /// new and the journal old. `what` says in a line why.
    fn replace(
        &mut self,
        state: Vec<u8>,
        journal: Vec<u8>,
        what: String,
    ) -> BoxFuture<'_, Result<(), StoreError>>;

    /// How long it may be silent before it is taken from its holder; `None`: for ever.
    fn lease(&self) -> Option<Duration> {
        None
    }

    /// Says that it is still held.
    fn renew(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }

    /// How often that must be said; `None`: never, the hold ends with the process.
    fn renewed_every(&self) -> Option<Duration> {
        None
    }

    /// Replaces both files as [`replace`](Self::replace) does, and lets go.
    fn replace_and_release(
        &mut self,
        state: Vec<u8>,
        journal: Vec<u8>,
        what: String,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.replace(state, journal, what)
    }

    /// Lets go; nothing more can be done with it then. Where the hold ends with its process,
    /// dropping it is enough.
    fn release(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }
}

/// What a place holds, read as a whole.
#[derive(Debug)]
pub struct Inspected {
    /// What is remembered, the journal's entries included.
    pub state: State,
    /// How many entries of the journal are not part of `state.jsonl` yet.
    pub unfolded: usize,
    /// How many bytes of a torn last journal line the next holder will drop.
    pub torn: usize,
}

/// Reads the state of a place without holding it; `None` where there is none yet.
///
/// # Errors
/// When it cannot be read, is damaged or newer, or is not `organization`'s.
pub async fn load(
    place: &dyn StateBackend,
    organization: Option<&OrganizationId>,
) -> Result<Option<State>, StoreError> {
    let inspected = inspect(place, organization).await?;
    Ok(inspected.map(|inspected| inspected.state))
}

/// The same, with what is to be known of the files.
///
/// # Errors
/// Those of [`load`].
pub async fn inspect(
    place: &dyn StateBackend,
    organization: Option<&OrganizationId>,
) -> Result<Option<Inspected>, StoreError> {
    // A writer may fold between our two reads; then the files do not fit, and a new look will.
    const LOOKS: usize = 5;
    let mut look = 1;
    loop {
        match decode(&place.read().await?) {
            Ok(Some((state, journal))) => {
                check_organization(&state, organization)?;
                return Ok(Some(Inspected {
                    state,
                    unfolded: journal.entries.len(),
                    torn: journal.torn,
                }));
            }
            Ok(None) => return Ok(None),
            Err(FormatError::Apart(_)) if look < LOOKS => look += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes hold of `place` and reads it: a place that is of no use to us is not kept from others.
async fn hold<T>(
    place: &dyn StateBackend,
    holder: Holder,
    read: impl AsyncFnOnce(&mut dyn BackendGuard) -> Result<T, StoreError>,
) -> Result<(Box<dyn BackendGuard>, T), StoreError> {
    Point::LOCKING.pass();
    let mut guard = place.lock(holder).await?;
    Point::LOCKED.pass();
    match read(guard.as_mut()).await {
        Ok(read) => Ok((guard, read)),
        Err(error) => {
            let _ = guard.release().await;
            Err(error)
        }
    }
}

/// Reads both files together; `None` where nothing was ever recorded.
fn decode(contents: &Contents) -> Result<Option<(State, Journal)>, FormatError> {
    // Whatever its journal is: the state is not here.
    if let Some(state) = &contents.state
        && let Some(to) = decode_moved(state.reader()?)?
    {
        return Err(FormatError::Moved { to });
    }
    match (&contents.state, &contents.journal) {
        (None, None) => Ok(None),
        (Some(state), Some(journal)) => {
            let journal = decode_journal(journal)?;
            let state = decode_state(state.reader()?, &journal)?;
            Ok(Some((state, journal)))
        }
        // The first journal is laid down first, so alone it is a start that was cut short.
        (None, Some(journal)) => match decode_journal(journal)?.next {
            1 => Ok(None),
            _ => Err(FormatError::Apart(
                "state.jsonl is missing, and with it what the journal follows",
            )),
        },
        (Some(_), None) => Err(FormatError::Apart(
            "the journal is missing, and with it what was in flight",
        )),
    }
}

fn check_organization(
    state: &State,
    organization: Option<&OrganizationId>,
) -> Result<(), StoreError> {
    match organization {
        Some(wanted) if *wanted != state.organization => Err(StoreError::ForeignOrganization {
            found: state.organization.clone(),
            wanted: wanted.clone(),
        }),
        _ => Ok(()),
    }
}
