//! What a file looked like when it was last ours: enough to see that another hand was at it.
//!
//! Times are no part of it: file servers write them late, and would accuse us of our own writes.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

/// A file's identity and length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// Device and inode, where the system has them.
    identity: Option<(u64, u64)>,
    length: u64,
}

impl Mark {
    /// How the open file looks now.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        Ok(Self::from(&file.metadata()?))
    }

    /// How whatever is at `path` looks now; `None` where nothing is.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::from(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether both are of one file, whatever happened to it in between.
    pub(super) fn is_of_the_file_of(&self, other: &Self) -> bool {
        self.identity == other.identity
    }

    /// The file's length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

impl From<&Metadata> for Mark {
    fn from(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            Some((metadata.dev(), metadata.ino()))
        };
        #[cfg(not(unix))]
        let identity = None;
        Self {
            identity,
            length: metadata.len(),
        }
    }
}
