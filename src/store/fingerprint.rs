//! What a file looked like when it was last ours: enough to see that another hand was at it.
//!
//! The file is kept open, so that nothing else can have its identity meanwhile. Times are no part
//! of it: file servers write them late, and would accuse us of our own writes.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

/// A file and its length.
#[derive(Debug)]
pub(super) struct FileFingerprint {
    file: File,
    length: u64,
}

impl FileFingerprint {
    /// How the open file looks now.
    pub(super) fn of(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// How long it was.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// It was made longer by us.
    pub(super) fn grow(&mut self, by: u64) {
        self.length += by;
    }

    /// Whether it is still what is at `path`, and as long as it was.
    pub(super) fn is_at(&self, path: &Path) -> io::Result<bool> {
        Ok(found_at(&self.file, path)?.is_some_and(|there| there.len() == self.length))
    }
}

/// What is at `path`, if that is still the open file.
pub(super) fn found_at(file: &File, path: &Path) -> io::Result<Option<Metadata>> {
    let ours = file.metadata()?;
    Ok(at(path)?.filter(|there| is_same(there, &ours)))
}

/// What is at `path`; `None` where nothing is.
pub(super) fn at(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether both are of one file, where the system can tell.
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    }
    #[cfg(not(unix))]
    {
        one.is_file() == other.is_file()
    }
}
