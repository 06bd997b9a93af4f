//! Files that a crash, a power cut or a reader beside us finds whole: what was written is on the disk,
//! and a file is replaced at once.
//!
//! | | Linux | macOS | Windows |
//! |---|---|---|---|
//! | a file's bytes | `fsync` | `F_FULLFSYNC`, where the volume has it | `FlushFileBuffers` |
//! | a file replaced | `rename` | `rename` | `MoveFileEx`, again while a scanner has one of the two open |
//! | the new name | `fsync` of the folder | the same | `FlushFileBuffers` of the folder, where the volume lets it be opened |

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// How the names of files begin that are being written. Hidden: what is not whole is no manifest, and no
/// state.
pub(super) const UNFINISHED: &str = ".unfinished-";

/// Puts a file's bytes and length on the disk.
///
/// # Errors
/// The system's.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    or_plainly(file, file.sync_all())
}

/// The same, without what only says when it was written.
///
/// # Errors
/// The system's.
pub(crate) fn sync_data(file: &File) -> io::Result<()> {
    or_plainly(file, file.sync_data())
}

/// macOS syncs a file by `F_FULLFSYNC`, which volumes on the network do not have: there `fsync` is all
/// that there is.
#[cfg(target_vendor = "apple")]
fn or_plainly(file: &File, synced: io::Result<()>) -> io::Result<()> {
    match synced {
        Err(error) if is_not_supported(&error) => Ok(rustix::fs::fsync(file)?),
        synced => synced,
    }
}

#[cfg(not(target_vendor = "apple"))]
fn or_plainly(_: &File, synced: io::Result<()>) -> io::Result<()> {
    synced
}

/// A file that will replace another, beside it, readable as the user's other files are. Dropped, it is gone.
///
/// # Errors
/// The system's.
pub(crate) fn unfinished(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666)); // less the umask
    }
    builder.tempfile_in(folder)
}

/// Gives an unfinished file the name `path`, in place of what has it; the file, still open.
///
/// # Errors
/// The system's. What was at `path` is still there then, and the unfinished file is gone.
pub(crate) fn replace(unfinished: NamedTempFile, path: &Path) -> io::Result<File> {
    #[cfg(not(windows))]
    {
        Ok(unfinished.persist(path)?)
    }
    #[cfg(windows)]
    {
        // Not by `persist`: only the standard library's `rename` replaces a file that others read.
        let (file, unfinished) = unfinished.keep()?;
        let replaced = while_in_use(|| fs::rename(&unfinished, path));
        if replaced.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        replaced.map(|()| file)
    }
}

/// Tries again what fails because a scanner or an indexer has a file open for a moment.
#[cfg(any(windows, test))]
fn while_in_use(mut attempt: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    use std::time::Duration;

    // 2 seconds in all.
    let mut pauses = [1, 5, 20, 50, 125, 300, 500, 1000]
        .map(Duration::from_millis)
        .into_iter();
    loop {
        match attempt() {
            Err(error) if is_in_use(&error) => match pauses.next() {
                Some(pause) => std::thread::sleep(pause),
                None => return Err(error),
            },
            done => return done,
        }
    }
}

/// Whether Windows says that another process is in the way.
#[cfg(any(windows, test))]
fn is_in_use(error: &io::Error) -> bool {
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    const LOCK_VIOLATION: i32 = 33;
    matches!(
        error.raw_os_error(),
        Some(ACCESS_DENIED | SHARING_VIOLATION | LOCK_VIOLATION)
    )
}

/// Whether the system lets this process write into `folder`; nothing is written.
///
/// # Errors
/// The system's, if it does not.
pub(crate) fn may_write(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    #[cfg(unix)]
    {
        Ok(rustix::fs::access(folder, rustix::fs::Access::WRITE_OK)?)
    }
    #[cfg(windows)]
    {
        open_folder(folder).map(drop)
    }
}

/// Puts the names in a folder on the disk, where the system can.
///
/// # Errors
/// The system's, but for the one that says that it has no such thing.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    match open_folder(folder).and_then(|folder| sync(&folder)) {
        Err(error) if is_not_supported(&error) => Ok(()),
        synced => synced,
    }
}

fn open_folder(folder: &Path) -> io::Result<File> {
    #[cfg(not(windows))]
    {
        File::open(folder)
    }
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        // Without it Windows opens files alone.
        const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
        let mut options = fs::OpenOptions::new();
        options.write(true).custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
        options.open(folder)
    }
}

/// Whether an error says that the file's volume knows no such request, and not that it failed.
fn is_not_supported(error: &io::Error) -> bool {
    if matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
    ) {
        return true;
    }
    #[cfg(unix)]
    {
        // macOS says `ENOTSUP`, which the standard library has no kind for, or `ENOTTY`.
        use rustix::io::Errno;
        let said = error.raw_os_error();
        [Errno::NOTSUP, Errno::NOTTY]
            .iter()
            .any(|no| said == Some(no.raw_os_error()))
    }
    #[cfg(windows)]
    {
        // NTFS keeps the order of renames in its log, which the journal's next sync writes down: a folder
        // that cannot be opened to be synced is none that loses them.
        const INVALID_FUNCTION: i32 = 1;
        error.kind() == io::ErrorKind::PermissionDenied
            || error.raw_os_error() == Some(INVALID_FUNCTION)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn write(folder: &Path, text: &str) -> io::Result<File> {
        let mut unfinished = unfinished(folder)?;
        unfinished.write_all(text.as_bytes())?;
        sync(unfinished.as_file())?;
        let file = replace(unfinished, &folder.join("state"))?;
        sync_folder(folder)?;
        Ok(file)
    }

    #[test]
    fn a_file_is_replaced_while_others_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        write(folder.path(), "one").expect("written");
        let mut reader = File::open(&path).expect("there");
        write(folder.path(), "two").expect("replaced");
        assert_eq!(fs::read_to_string(&path).expect("there"), "two");
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("still open");
        assert_eq!(text, "one", "a reader has the file that it opened");
        drop(reader);
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 1, "nothing is left beside it");
    }

    #[test]
    fn what_cannot_be_replaced_stays_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        fs::create_dir(&path).expect("a folder in the place of the file");
        fs::write(path.join("kept"), "").expect("a file in it");
        write(folder.path(), "one").expect_err("a folder is in its place");
        assert!(path.join("kept").exists());
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 1);
    }

    #[test]
    fn a_folder_is_synced_and_one_that_is_missing_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        sync_folder(folder.path()).expect("synced");
        let missing = sync_folder(&folder.path().join("missing")).expect_err("it is missing");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_is_in_use_for_a_moment_is_tried_again_and_nothing_else() {
        let tries = |fails: usize, code: i32| {
            let mut tries = 0;
            let done = while_in_use(|| {
                tries += 1;
                if tries <= fails {
                    return Err(io::Error::from_raw_os_error(code));
                }
                Ok(())
            });
            (tries, done.is_ok())
        };
        assert_eq!(tries(0, 32), (1, true));
        assert_eq!(tries(3, 32), (4, true), "a sharing violation passes");
        assert_eq!(
            tries(3, 5),
            (4, true),
            "so does a file that is being deleted"
        );
        assert_eq!(tries(3, 112), (1, false), "a full disk does not");
    }

    #[cfg(unix)] // the codes are those of Unix
    #[test]
    fn a_volume_that_cannot_sync_is_told_from_a_disk_that_fails() {
        use rustix::io::Errno;
        let is = |errno: Errno| is_not_supported(&errno.into());
        for errno in [Errno::NOTSUP, Errno::INVAL, Errno::NOTTY] {
            assert!(is(errno), "{errno}");
        }
        for errno in [Errno::IO, Errno::NOSPC, Errno::ACCESS, Errno::BADF] {
            assert!(!is(errno), "{errno}");
        }
    }
}
