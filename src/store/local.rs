//! A directory: `state.jsonl`, `journal.jsonl`, and a lock file that names its holder.
//!
//! An append returns when it is on the disk; whole files are written beside, synced, and renamed over.
//! Before and after each write the files must look as we left them: a lock keeps out those who
//! ask for it, not a checkout, a sync client, or an `rm`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::durable::{self, sync_folder};
use super::fingerprint::{self, FileFingerprint};
use super::lock::Lock;
use super::{BackendGuard, Contents, StateBackend, StateFile, StoreError, WriteAccess};
use crate::crash::Point;
use crate::state::Holder;

const STATE: &str = "state.jsonl";
const JOURNAL: &str = "journal.jsonl";
/// Where a process can die in the middle of a replacement.
const REPLACING_STATE: [Point; 3] = [Point::STATE_HALF, Point::STATE_BESIDE, Point::STATE_RENAMED];
const REPLACING_JOURNAL: [Point; 3] = [
    Point::JOURNAL_HALF,
    Point::JOURNAL_BESIDE,
    Point::JOURNAL_RENAMED,
];

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

impl StateBackend for Local {
    fn name(&self) -> String {
        self.folder.display().to_string()
    }

    fn read(&self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        let folder = self.folder.clone();
        blocking(move || Ok(read(&folder)?.0)).boxed()
    }

    fn holder(&self) -> BoxFuture<'_, Result<Option<Holder>, StoreError>> {
        let folder = self.folder.clone();
        blocking(move || Lock::holder(&folder)).boxed()
    }

    fn check_write(&self, _: bool) -> BoxFuture<'_, Result<WriteAccess, StoreError>> {
        let folder = self.folder.clone();
        blocking(move || {
            // The folder that there is, in which the others would be made.
            let there = folder.ancestors().find(|folder| folder.exists());
            let there = there.filter(|there| !there.as_os_str().is_empty());
            let there = there.unwrap_or(Path::new("."));
            durable::may_write(there).map_err(failed("write to", there))?;
            Ok(WriteAccess::Permission)
        })
        .boxed()
    }

    fn unlock<'a>(&'a self, _: &'a Holder) -> BoxFuture<'a, Result<bool, StoreError>> {
        // The system itself ends a hold with its process, and no other way is safe.
        async { Ok(false) }.boxed()
    }

    fn lock(&self, holder: Holder) -> BoxFuture<'_, Result<Box<dyn BackendGuard>, StoreError>> {
        let folder = self.folder.clone();
        blocking(move || {
            create_folder(&folder).map_err(failed("create the folder", &folder))?;
            let lock = Lock::take(&folder, &holder)?;
            remove_unfinished(&folder).map_err(failed("clean", &folder))?;
            // The end of an apply writes new files: better known before its first request.
            durable::unfinished(&folder).map_err(failed("create a file in", &folder))?;
            let files = Files {
                folder,
                lock,
                journal: None,
                seen: FileStates::default(),
            };
            Ok(Box::new(LocalGuard(Some(files))) as Box<dyn BackendGuard>)
        })
        .boxed()
    }
}

/// The files, held; `None` once a step was abandoned half-way, and what it left is not known.
struct LocalGuard(Option<Files>);

impl LocalGuard {
    fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Files) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        async {
            let mut files = self.0.take().ok_or(StoreError::Failed)?;
            let (files, done) = blocking(move || {
                let done = work(&mut files);
                Ok((files, done))
            })
            .await?;
            self.0 = Some(files);
            done
        }
        .boxed()
    }
}

impl BackendGuard for LocalGuard {
    fn read(&mut self) -> BoxFuture<'_, Result<Contents, StoreError>> {
        self.work(Files::read)
    }

    fn cut_journal(&mut self, whole: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        self.work(move |files| files.cut_journal(whole))
    }

    fn append(&mut self, lines: Vec<u8>, _: String) -> BoxFuture<'_, Result<(), StoreError>> {
        self.work(move |files| files.append(&lines))
    }

    fn start(
        &mut self,
        state: Vec<u8>,
        journal: Vec<u8>,
        _: String,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.work(move |files| {
            files.write_journal(&journal)?;
            files.write_state(&state)
        })
    }

    fn replace(
        &mut self,
        state: Vec<u8>,
        journal: Vec<u8>,
        _: String,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        self.work(move |files| {
            files.write_state(&state)?;
            files.write_journal(&journal)
        })
    }
}

/// The files, and how each looked when it was last read or written here.
struct Files {
    folder: PathBuf,
    lock: Lock,
    /// The journal, open for appending.
    journal: Option<File>,
    seen: FileStates,
}

/// How the two files look; `None` where there is none.
#[derive(Default)]
struct FileStates {
    journal: Option<FileFingerprint>,
    state: Option<FileFingerprint>,
}

impl Files {
    fn read(&mut self) -> Result<Contents, StoreError> {
        let (contents, seen) = read(&self.folder)?;
        self.seen = seen;
        Ok(contents)
    }

    fn cut_journal(&mut self, whole: u64) -> Result<(), StoreError> {
        self.check()?;
        let path = self.folder.join(JOURNAL);
        let io = failed("cut the torn end off", &path);
        let file = OpenOptions::new().write(true).open(&path).map_err(&io)?;
        file.set_len(whole).map_err(&io)?;
        durable::sync(&file).map_err(&io)?;
        self.seen.journal = Some(FileFingerprint::of(file).map_err(&io)?);
        Ok(())
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), StoreError> {
        self.check()?;
        let path = self.folder.join(JOURNAL);
        let io = failed("append to", &path);
        let mut file = if let Some(file) = &self.journal {
            file
        } else {
            let file = OpenOptions::new().append(true).open(&path).map_err(&io)?;
            self.journal.insert(file)
        };
        Point::APPEND_HALF.amid(lines, |half| {
            let _ = file.write_all(half);
        });
        file.write_all(lines).map_err(&io)?;
        Point::APPEND_UNSYNCED.pass();
        durable::sync_data(file).map_err(&io)?;
        // What is longer than we left it holds what another hand has added beside us.
        let length = file.metadata().map_err(&io)?.len();
        let added = lines.len() as u64;
        match &mut self.seen.journal {
            Some(seen) if length == seen.length() + added => seen.grow(added),
            _ => return Err(StoreError::Changed(path.clone())),
        }
        // Durable in a file that is no longer the journal is not durable.
        self.check()
    }

    fn write_state(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        Point::STATE_REPLACING.pass();
        self.check()?;
        // Some systems do not replace a file that is open.
        self.seen.state = None;
        self.seen.state = Some(replace(&self.folder, STATE, bytes, REPLACING_STATE)?);
        Point::STATE_REPLACED.pass();
        Ok(())
    }

    fn write_journal(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        Point::JOURNAL_REPLACING.pass();
        self.check()?;
        // What is open is the old one: no longer the one to append to.
        self.journal = None;
        self.seen.journal = None;
        self.seen.journal = Some(replace(&self.folder, JOURNAL, bytes, REPLACING_JOURNAL)?);
        Point::JOURNAL_REPLACED.pass();
        Ok(())
    }

    /// Fails if another hand was at any of the files since we last were.
    fn check(&self) -> Result<(), StoreError> {
        self.lock.check()?;
        let FileStates { journal, state } = &self.seen;
        for (name, seen) in [(JOURNAL, journal), (STATE, state)] {
            let path = self.folder.join(name);
            let is_ours = match seen {
                Some(seen) => seen.is_at(&path),
                None => fingerprint::at(&path).map(|there| there.is_none()),
            };
            if !is_ours.map_err(failed("look at", &path))? {
                return Err(StoreError::Changed(path));
            }
        }
        Ok(())
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

fn unread(path: &Path) -> impl Fn(io::Error) -> StoreError + use<'_> {
    move |source| StoreError::Read {
        path: path.to_owned(),
        source,
    }
}

/// What is in `folder`, and how it looks. The state is read later, from the file that is open then:
/// it is replaced, never written to.
fn read(folder: &Path) -> Result<(Contents, FileStates), StoreError> {
    let open = |name| {
        let path = folder.join(name);
        match File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unread(&path)(error)),
        }
    };
    let mut contents = Contents::default();
    let mut seen = FileStates::default();
    // The journal first: a fold in between then leaves entries that the state holds already.
    if let Some(mut file) = open(JOURNAL)? {
        let path = folder.join(JOURNAL);
        let io = unread(&path);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(&io)?;
        contents.journal = Some(bytes);
        seen.journal = Some(FileFingerprint::of(file).map_err(&io)?);
    }
    if let Some(file) = open(STATE)? {
        let path = folder.join(STATE);
        let io = unread(&path);
        seen.state = Some(FileFingerprint::of(file.try_clone().map_err(&io)?).map_err(&io)?);
        contents.state = Some(StateFile::File(file));
    }
    Ok((contents, seen))
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
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(durable::UNFINISHED)
        {
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
) -> Result<FileFingerprint, StoreError> {
    let path = folder.join(name);
    let io = failed("write", &path);
    let mut beside = durable::unfinished(folder).map_err(&io)?;
    half.amid(bytes, |half| {
        let _ = beside.write_all(half);
    });
    beside.write_all(bytes).map_err(&io)?;
    durable::sync(beside.as_file()).map_err(&io)?;
    beside_it.pass();
    let file = durable::replace(beside, &path).map_err(&io)?;
    renamed.pass();
    sync_folder(folder).map_err(&io)?;
    FileFingerprint::of(file).map_err(&io)
}
