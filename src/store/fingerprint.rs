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
    match at(path)? {
        Some(there) if is_same(file, path, &there)? => Ok(Some(there)),
        _ => Ok(None),
    }
}

/// What is at `path`; `None` where nothing is.
pub(super) fn at(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the open file is the one at `path`, which looks like `there`.
#[cfg(unix)]
fn is_same(file: &File, _: &Path, there: &Metadata) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
}

/// Whether the open file is the one at `path`. Windows tells it of open files alone.
#[cfg(windows)]
fn is_same(file: &File, path: &Path, _: &Metadata) -> io::Result<bool> {
    use same_file::Handle;
    match Handle::from_path(path) {
        Ok(there) => Ok(there == Handle::from_file(file.try_clone()?)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_of_the_same_name_and_length_is_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let aside = folder.path().join("aside");
        fs::write(&path, "one").expect("writable");
        let file = File::open(&path).expect("there");
        let seen = FileFingerprint::of(file).expect("readable");
        assert!(seen.is_at(&path).expect("readable"));
        fs::rename(&path, &aside).expect("it is open for sharing");
        assert!(!seen.is_at(&path).expect("readable"), "nothing is there");
        fs::write(&path, "two").expect("writable");
        assert!(!seen.is_at(&path).expect("readable"), "another is there");
        fs::remove_file(&path).expect("there");
        fs::rename(&aside, &path).expect("nobody else has it");
        assert!(seen.is_at(&path).expect("readable"), "ours is back");
    }
}
