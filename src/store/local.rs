//! A directory: `state.jsonl`, `journal.jsonl`, and a lock file that names its holder.
//!
//! The lock is the operating system's, so it ends with its process however that ends. An append
//! returns after `fdatasync`; whole files are written beside, synced, and renamed over.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Contents, Exclusive, Place, StoreError};
use crate::crash::Point;
use crate::state::Holder;

const STATE: &str = "state.jsonl";
const JOURNAL: &str = "journal.jsonl";
const LOCK: &str = "lock";
/// Where a process can die in the middle of a replacement.
const REPLACING_STATE: [Point; 3] = [Point::STATE_HALF, Point::STATE_BESIDE, Point::STATE_RENAMED];
const REPLACING_JOURNAL: [Point; 3] = [
    Point::JOURNAL_HALF,
    Point::JOURNAL_BESIDE,
    Point::JOURNAL_RENAMED,
];
/// How the names of files begin that are being written.
const UNFINISHED: &str = ".unfinished-";

/// A state in a directory of this machine.
#[derive(Debug, Clone)]
pub struct Local {
    folder: PathBuf,
}

impl Local {
    /// The state in `folder`, which need not exist.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

impl Place for Local {
    fn name(&self) -> String {
        self.folder.display().to_string()
    }

    fn read(&self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        let folder = self.folder.clone();
        blocking(move || read(&folder)).boxed()
    }

    fn lock(&self, holder: Holder) -> BoxFuture<'_, Result<Box<dyn Exclusive>, StoreError>> {
        let folder = self.folder.clone();
        blocking(move || {
            let lock = take_lock(&folder, &holder)?;
            Ok(Box::new(Held {
                folder,
                journal: None,
                _lock: lock,
            }) as Box<dyn Exclusive>)
        })
        .boxed()
    }
}

struct Held {
    folder: PathBuf,
    journal: Option<Arc<File>>,
    _lock: File,
}

impl Exclusive for Held {
    fn read(&mut self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        let folder = self.folder.clone();
        blocking(move || read(&folder)).boxed()
    }

    fn cut_journal(&mut self, whole: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        let path = self.folder.join(JOURNAL);
        blocking(move || {
            let io = failed("cut the torn end off", &path);
            let file = OpenOptions::new().write(true).open(&path).map_err(&io)?;
            file.set_len(whole).map_err(&io)?;
            file.sync_all().map_err(&io)
        })
        .boxed()
    }

    fn append(&mut self, lines: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        let path = self.folder.join(JOURNAL);
        let open = self.journal.clone();
        async move {
            let file = blocking(move || {
                let io = failed("append to", &path);
                let file = match open {
                    Some(file) => file,
                    None => Arc::new(OpenOptions::new().append(true).open(&path).map_err(&io)?),
                };
                Point::APPEND_HALF.amid(&lines, |half| {
                    let _ = (&*file).write_all(half);
                });
                (&*file).write_all(&lines).map_err(&io)?;
                Point::APPEND_UNSYNCED.pass();
                file.sync_data().map_err(&io)?;
                Ok(file)
            })
            .await?;
            self.journal = Some(file);
            Ok(())
        }
        .boxed()
    }

    fn write_state(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        let folder = self.folder.clone();
        blocking(move || replace(&folder, STATE, &bytes, REPLACING_STATE)).boxed()
    }

    fn write_journal(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        let folder = self.folder.clone();
        // The open file is the old journal: it is no longer the one to append to.
        self.journal = None;
        blocking(move || replace(&folder, JOURNAL, &bytes, REPLACING_JOURNAL)).boxed()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(StoreError::Failed))
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> StoreError + use<'a> {
    move |source| StoreError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

fn read(folder: &Path) -> Result<Contents, StoreError> {
    let read = |name| {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    };
    // The journal first: a fold in between then leaves entries that the state holds already.
    let journal = read(JOURNAL)?;
    let state = read(STATE)?;
    Ok(Contents { state, journal })
}

fn take_lock(folder: &Path, holder: &Holder) -> Result<File, StoreError> {
    create_folder(folder).map_err(failed("create the folder", folder))?;
    let path = folder.join(LOCK);
    let io = failed("lock", &path);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(&io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Only for the message: whoever holds it may be writing it just now.
            let known = file.read_to_string(&mut text).is_ok();
            let holder = known.then(|| serde_json::from_str(&text).ok()).flatten();
            return Err(StoreError::Locked(holder));
        }
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    let text = serde_json::to_vec(holder).expect("a holder has string keys");
    file.set_len(0).map_err(&io)?;
    file.rewind().map_err(&io)?;
    file.write_all(&text).map_err(&io)?;
    remove_unfinished(folder).map_err(failed("clean", folder))?;
    Ok(file)
}

/// Creates the folder and those above it, so that they are still there after a power cut.
fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder
        .parent()
        .filter(|above| !above.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    create_folder(above)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(above),
    }
}

/// Removes what a process that was killed in the middle of [`replace`] has left.
fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn replace(
    folder: &Path,
    name: &str,
    bytes: &[u8],
    [half, beside_it, renamed]: [Point; 3],
) -> Result<(), StoreError> {
    let path = folder.join(name);
    let io = failed("write", &path);
    let mut beside = unfinished_file().tempfile_in(folder).map_err(&io)?;
    half.amid(bytes, |half| {
        let _ = beside.write_all(half);
    });
    beside.write_all(bytes).map_err(&io)?;
    beside.as_file().sync_all().map_err(&io)?;
    beside_it.pass();
    beside.persist(&path).map_err(|error| io(error.error))?;
    renamed.pass();
    sync_folder(folder).map_err(&io)
}

/// A file beside the one that it will replace, readable as the user's other files are.
fn unfinished_file() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666)); // less the umask
    }
    builder
}

/// Makes a rename durable, where the system can.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}
