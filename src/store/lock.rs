//! The lock of a local state: the operating system's, so it ends with its process however that
//! ends. The file's text names the holder, for those who find it held.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::{StoreError, fingerprint};
use crate::state::Holder;

const NAME: &str = "lock";
/// Where the holder's name is. On Windows nobody reads a file that another process has locked.
pub(super) const HOLDER: &str = if cfg!(windows) { "lock-holder" } else { NAME };
/// A holder writes its name right after it has the lock. Readers wait this long for the name.
const NAMELESS: Duration = Duration::from_secs(1);
const GLANCE: Duration = Duration::from_millis(10);

/// The lock, held. Dropping it lets go.
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    /// The file with the holder's name, open.
    name: File,
}

impl Lock {
    /// Takes the lock of the state in `folder`, which must exist.
    pub(super) fn take(folder: &Path, holder: &Holder) -> Result<Self, StoreError> {
        let mut waited = Duration::ZERO;
        loop {
            match Self::look(folder, holder)? {
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
        let io = |source| StoreError::Read {
            path: path.clone(),
            source,
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Ok(named_in(folder)),
            Ok(()) | Err(TryLockError::Error(_)) => Ok(None),
        }
    }

    fn look(folder: &Path, holder: &Holder) -> Result<LockState, StoreError> {
        let path = folder.join(NAME);
        let io = |source| StoreError::Io {
            action: "lock",
            path: path.clone(),
            source,
        };
        let file = open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(LockState::Held(named_in(folder))),
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::NoLock { path, source });
            }
        }
        let name = if HOLDER == NAME {
            file.try_clone()
        } else {
            open(&folder.join(HOLDER))
        };
        let mut lock = Self {
            name: name.map_err(io)?,
            file,
            path: path.clone(),
        };
        if !lock.is_there().map_err(io)? {
            return Ok(LockState::Gone);
        }
        lock.write(holder).map_err(io)?;
        Ok(LockState::Acquired(lock))
    }

    fn write(&mut self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_vec(holder).expect("a holder has string keys");
        self.name.set_len(0)?;
        self.name.rewind()?;
        self.name.write_all(&text)
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
        let _ = self.name.set_len(0);
    }
}

enum LockState {
    Acquired(Lock),
    Gone,
    Held(Option<Holder>),
}

/// Opens a file to lock or to write it, and makes it if it is not there.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

/// Who says to hold the lock of the state in `folder`; nobody, while it is being written.
fn named_in(folder: &Path) -> Option<Holder> {
    let text = fs::read(folder.join(HOLDER)).ok()?;
    serde_json::from_slice(&text).ok()
}
