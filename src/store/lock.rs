//! The lock of a local state: the operating system's, so it ends with its process however that
//! ends. The file's text names the holder, for those who find it held.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::{READ, StoreError, fingerprint};
use crate::state::Holder;

const NAME: &str = "lock";
/// A holder writes its name right after it has the lock. Readers wait this long for the name.
const NAMELESS: Duration = Duration::from_secs(1);
const GLANCE: Duration = Duration::from_millis(10);

/// The lock, held. Dropping it lets go.
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of the state in `folder`, which must exist.
    pub(super) fn take(folder: &Path, holder: &Holder) -> Result<Self, StoreError> {
        let path = folder.join(NAME);
        let mut waited = Duration::ZERO;
        loop {
            match Self::look(&path, holder)? {
                LockState::Acquired(lock) => return Ok(lock),
                // Removed between our opening it and our locking it: nobody else would see it.
                LockState::Gone => {}
                LockState::Held(None) if waited < NAMELESS => {
                    thread::sleep(GLANCE);
                    waited += GLANCE;
                }
                LockState::Held(who) => return Err(StoreError::Locked(who)),
            }
        }
    }

    /// Who holds the lock of the state in `folder`, if anybody does who says so.
    pub(super) fn holder(folder: &Path) -> Result<Option<Holder>, StoreError> {
        let path = folder.join(NAME);
        let io = |source| StoreError::Io {
            action: READ,
            path: path.clone(),
            source,
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Ok(named_in(&mut file)),
            Ok(()) | Err(TryLockError::Error(_)) => Ok(None),
        }
    }

    fn look(path: &Path, holder: &Holder) -> Result<LockState, StoreError> {
        let io = |source| StoreError::Io {
            action: "lock",
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(LockState::Held(named_in(&mut file))),
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::NoLock {
                    path: path.to_owned(),
                    source,
                });
            }
        }
        let mut lock = Self {
            file,
            path: path.to_owned(),
        };
        if !lock.is_there().map_err(io)? {
            return Ok(LockState::Gone);
        }
        lock.write(holder).map_err(io)?;
        Ok(LockState::Acquired(lock))
    }

    fn write(&mut self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_vec(holder).expect("a holder has string keys");
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&text)
    }

    /// Fails if the lock file was removed or replaced: somebody else may hold its successor.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.is_there() {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Changed(self.path.clone())),
            Err(source) => Err(StoreError::Io {
                action: "look at",
                path: self.path.clone(),
                source,
            }),
        }
    }

    fn is_there(&self) -> io::Result<bool> {
        Ok(fingerprint::found_at(&self.file, &self.path)?.is_some())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // So that nobody is told of a holder that has gone. After a crash the name stays, until
        // the next holder writes its own.
        let _ = self.file.set_len(0);
    }
}

enum LockState {
    Acquired(Lock),
    Gone,
    Held(Option<Holder>),
}

/// Who says in the lock file to hold it; nobody, while it is being written.
fn named_in(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
