//! An object store: Amazon S3 and what speaks its language, Azure Blob Storage, Google Cloud
//! Storage.
//!
//! The journal is a row of numbered objects, `journal/000000000042.jsonl`, each created only if
//! there is none of that number: of two writers one comes second, and knows it. An object's first
//! line says who holds the state from then on, and where the journal begins; the rest are entries.
//! The folded state is an object of its own, `state/…`, which is written first and counts once an
//! object of the journal names it: so a fold happens as a whole or not at all.
//!
//! What a fold has made superfluous is removed after a while, by who has just written the latest
//! object. A number that has become free again is no way back in for a holder that slept: it looks
//! before it writes and after it has (see [`super::remote`]), and nothing is removed that is
//! younger than any such look.

mod connect;
mod fault;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use self::connect::connect;
use self::fault::{NOT_IMPLEMENTED, StoreFault, failed, is_refusal, said, status};
use super::leased::Leased;
use super::remote::{
    AcquireAttempts, CommitChange, LONGEST_LEASE, Lease, Remote, Snapshot, Step, Swap,
};
use super::{Contents, StateBackend, StateFile, StoreError, WriteAccess};

const JOURNAL: &str = "journal";
const STATE: &str = "state";
/// Where it is tried whether objects can be written.
const PROBE: &str = "probe";
const OVERWRITES: &str = "the store overwrites an object that was to be created only if there is none \
     (`If-None-Match: *`)";
/// The format of the journal's objects; what is newer is refused.
const FORMAT: u32 = 1;
/// How long an obsolete object is kept, by the store's own clock: longer than a holder may
/// trust what it knows, and longer than any reader takes.
const KEPT: Duration = Duration::from_secs(2 * LONGEST_LEASE.as_secs());
/// How often a state is read that is cleaned while it is.
const READS: u32 = 3;
/// How many objects are read or removed at a time.
const AT_ONCE: usize = 16;

/// The state below `url`: `s3://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `gs://BUCKET/PREFIX`,
/// held by leases of this length; credentials and endpoints come from the environment, as each cloud's users know it.
///
/// # Errors
/// When `url` is another, or the environment does not say what is needed.
pub fn object_store(url: &Url, lease: Duration) -> Result<impl StateBackend + use<>, StoreError> {
    Ok(Leased::new(Objects::new(url)?, lease))
}

/// A state in a bucket: one object for each write, created only if its number is free.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    name: String,
}

/// The number of the latest object of the journal, and what it says of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectVersion {
    number: u64,
    begins: u64,
    state: Option<String>,
}

/// The first line of an object of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectHeader {
    format: u32,
    /// Which write this is: an answer that was lost is told from another's by it.
    write: Uuid,
    /// The number of the object in which the journal begins.
    begins: u64,
    /// The object below `state/` that it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Who holds the state from here on; nobody, if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<Lease>,
    /// What the write was for, in a line.
    what: String,
}

impl ObjectHeader {
    /// That of an object that makes `version`.
    fn new(version: &ObjectVersion, lease: Option<Lease>, what: &str) -> Self {
        Self {
            format: FORMAT,
            write: Uuid::new_v4(),
            begins: version.begins,
            state: version.state.clone(),
            lease,
            what: what.to_owned(),
        }
    }

    fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a header has string keys");
        line.push(b'\n');
        line
    }
}

/// What every format's first line says.
#[derive(Deserialize)]
struct ObjectFormat {
    format: u32,
}

impl Remote for Objects {
    type Version = ObjectVersion;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Snapshot<ObjectVersion>>, StoreError>> {
        async {
            let mut tries = 1;
            loop {
                match self.snapshot().await {
                    // Cleaned in between: then a newer one is there.
                    Err(StoreFault::Store(Error::NotFound { .. })) if tries < READS => tries += 1,
                    read => return read.map_err(|trouble| failed("read the bucket", &trouble)),
                }
            }
        }
        .boxed()
    }

    fn check_write(&self, with_probe: bool) -> BoxFuture<'_, Result<WriteAccess, StoreError>> {
        async move {
            if !with_probe {
                return Ok(WriteAccess::OnlyWithWrite);
            }
            let path = self.below(PROBE, &Uuid::new_v4().to_string());
            let failed = |error: Error| failed("write to the bucket", &error.into());
            let put = |bytes: &'static [u8]| {
                let create = PutOptions::from(PutMode::Create);
                self.store.put_opts(&path, bytes.into(), create)
            };
            put(b"first").await.map_err(failed)?;
            let again = put(b"second").await;
            let deleted = self.store.delete(&path).await;
            match again {
                Ok(_) => return Err(StoreError::NoConditionalWrites(OVERWRITES.to_owned())),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
            // What is obsolete is removed, too.
            deleted.map_err(failed)?;
            Ok(WriteAccess::Probe)
        }
        .boxed()
    }

    fn check_exclusion<'a>(
        &'a self,
        latest: &'a ObjectVersion,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            // Some servers take a conditional write for one without a condition. What they would
            // then have is as good as what they have, and held by nobody.
            let header = ObjectHeader::new(latest, None, "A second write, not to be taken");
            if self.create(latest.number, header.line()).await? {
                return Err(StoreError::NoConditionalWrites(OVERWRITES.to_owned()));
            }
            Ok(())
        }
        .boxed()
    }

    fn swap<'a>(
        &'a self,
        from: Option<&'a ObjectVersion>,
        change: &'a CommitChange,
    ) -> BoxFuture<'a, Result<Swap<ObjectVersion>, StoreError>> {
        async move {
            let CommitChange { step, lease, what } = change;
            let number = from.map_or(0, |from| from.number) + 1;
            let mut version = ObjectVersion {
                number,
                begins: from.map_or(number, |from| from.begins),
                state: from.and_then(|from| from.state.clone()),
            };
            let lines: &[u8] = match step {
                Step::Lease => b"",
                Step::Append(lines) => lines,
                Step::Replace { state, journal } => {
                    let name = format!("{number:012}-{}.jsonl", Uuid::new_v4());
                    let path = self.state(&name);
                    let put = self.store.put(&path, state.clone().into());
                    put.await
                        .map_err(|error| failed("write to the bucket", &error.into()))?;
                    version.begins = number;
                    version.state = Some(name);
                    journal
                }
            };
            let what = what.lines().next().unwrap_or_default();
            let mut object = ObjectHeader::new(&version, lease.clone(), what).line();
            object.extend_from_slice(lines);
            if !self.create(number, object).await? {
                return Ok(Swap::Lost);
            }
            if matches!(step, Step::Replace { .. }) {
                // What stays lies there for the next time.
                let _ = self.clean(&version, KEPT).await;
            }
            Ok(Swap::Won(version))
        }
        .boxed()
    }
}

impl Objects {
    pub(super) fn new(url: &Url) -> Result<Self, StoreError> {
        let failed = |error: Error| StoreError::Remote {
            action: "use the bucket",
            said: said(&error),
            may_pass: false,
        };
        let prefix = Path::from_url_path(url.path()).map_err(|error| failed(error.into()))?;
        let name = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self::of(connect(url).map_err(failed)?, prefix, name))
    }

    pub(super) fn of(store: Arc<dyn ObjectStore>, prefix: Path, name: String) -> Self {
        Self {
            store,
            prefix,
            name,
        }
    }

    fn journal(&self, number: u64) -> Path {
        self.below(JOURNAL, &format!("{number:012}.jsonl"))
    }

    fn state(&self, name: &str) -> Path {
        self.below(STATE, name)
    }

    fn below(&self, folder: &'static str, name: &str) -> Path {
        self.prefix.clone().join(folder).join(name)
    }

    /// The number of an object of the journal, if it is one.
    fn number(&self, meta: &ObjectMeta) -> Option<u64> {
        let name = meta.location.filename()?.strip_suffix(".jsonl")?;
        let number = name.parse().ok()?;
        (meta.location == self.journal(number)).then_some(number)
    }

    /// Whether it is a folded state of ours: others may keep something there too.
    fn is_state(&self, meta: &ObjectMeta) -> bool {
        let is_ours = |name: &str| {
            let (number, write) = name.strip_suffix(".jsonl")?.split_once('-')?;
            let number = format!("{:012}", number.parse::<u64>().ok()?);
            let write: Uuid = write.parse().ok()?;
            Some(format!("{number}-{write}.jsonl") == name)
        };
        let name = meta.location.filename();
        name.is_some_and(|name| meta.location == self.state(name) && is_ours(name) == Some(true))
    }

    async fn listed(&self, folder: &'static str) -> Result<Vec<ObjectMeta>, Error> {
        let folder = self.prefix.clone().join(folder);
        self.store.list(Some(&folder)).try_collect().await
    }

    /// The number of the latest object of the journal.
    async fn last(&self) -> Result<Option<u64>, Error> {
        let journal = self.listed(JOURNAL).await?;
        Ok(journal.iter().filter_map(|meta| self.number(meta)).max())
    }

    async fn get(&self, path: &Path) -> Result<Vec<u8>, Error> {
        Ok(self.store.get(path).await?.bytes().await?.into())
    }

    /// The latest version, from the objects as they are now.
    async fn snapshot(&self) -> Result<Option<Snapshot<ObjectVersion>>, StoreFault> {
        let last = if let Some(last) = self.last().await? {
            last
        } else {
            let states = self.listed(STATE).await?;
            let Some(state) = states.iter().find(|meta| self.is_state(meta)) else {
                return Ok(None);
            };
            // The journal comes first, and its first object stays. Unless it has begun since it was
            // looked for, it is lost.
            self.last().await?.ok_or_else(|| {
                StoreFault::Object(format!(
                    "the journal is missing, though there is {}: what was in flight is not known",
                    state.location
                ))
            })?
        };
        let (header, lines) = self.object(last).await?;
        let ObjectHeader {
            begins,
            state,
            lease,
            ..
        } = header;
        let mut objects: Vec<Vec<u8>> = stream::iter(begins..last)
            .map(async |number| Ok::<_, StoreFault>(self.object(number).await?.1))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut contents = Contents::default();
        if let Some(name) = &state {
            contents.state = Some(StateFile::Bytes(self.get(&self.state(name)).await?));
            objects.push(lines);
            contents.journal = Some(objects.concat());
        }
        Ok(Some(Snapshot {
            version: ObjectVersion {
                number: last,
                begins,
                state,
            },
            contents,
            lease,
        }))
    }

    /// An object of the journal: its first line, and the entries below.
    async fn object(&self, number: u64) -> Result<(ObjectHeader, Vec<u8>), StoreFault> {
        let path = self.journal(number);
        let mut bytes = self.get(&path).await?;
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let damaged = |why: &dyn std::fmt::Display| {
            StoreFault::Object(format!("{path} is no object of a journal: {why}"))
        };
        let end = end.ok_or_else(|| damaged(&"its first line has no end"))?;
        // A newer format is told from damage before anything else is read.
        let ObjectFormat { format } =
            serde_json::from_slice(&bytes[..end]).map_err(|error| damaged(&error))?;
        if format > FORMAT {
            return Err(StoreFault::Object(format!(
                "{path} has the format {format}; this version reads up to {FORMAT}"
            )));
        }
        let header: ObjectHeader =
            serde_json::from_slice(&bytes[..end]).map_err(|error| damaged(&error))?;
        if header.begins > number {
            return Err(damaged(&"its journal begins after it"));
        }
        Ok((header, bytes.split_off(end + 1)))
    }

    /// Creates an object of the journal; `false` where another was first.
    async fn create(&self, number: u64, object: Vec<u8>) -> Result<bool, StoreError> {
        let path = self.journal(number);
        let mut tries = AcquireAttempts::new(Duration::from_millis(500));
        loop {
            let create = PutOptions::from(PutMode::Create);
            let put = self.store.put_opts(&path, object.clone().into(), create);
            let Err(error) = put.await else {
                return Ok(true);
            };
            // It may be our own that is there, written by a request whose answer was lost.
            let there = self.get(&path).await;
            match there {
                Ok(there) => return Ok(there == object),
                Err(_) if status(&error) == Some(NOT_IMPLEMENTED) => {
                    return Err(StoreError::NoConditionalWrites(said(&error)));
                }
                Err(_) if tries.are_over() || is_refusal(&error) => {
                    return Err(failed("write to the bucket", &error.into()));
                }
                Err(_) => tries.next().await,
            }
        }
    }

    /// Removes what `now` has no use for, if it is old enough.
    pub(super) async fn clean(&self, now: &ObjectVersion, kept: Duration) -> Result<(), Error> {
        let journal = self.listed(JOURNAL).await?;
        let last = journal.iter().filter_map(|meta| self.number(meta)).max();
        let newest = journal.iter().map(|meta| meta.last_modified).max();
        // A newer object exists, so this process was suspended and cannot judge what is obsolete.
        let (Some(newest), true) = (newest, last == Some(now.number)) else {
            return Ok(());
        };
        let old = newest - kept;
        let superfluous = journal.into_iter().filter(|meta| {
            // The first stays: where it is, none can be created once more.
            let number = self.number(meta);
            number.is_some_and(|number| number > 1 && number < now.begins)
        });
        let states =
            self.listed(STATE).await?.into_iter().filter(|meta| {
                self.is_state(meta) && meta.location.filename() != now.state.as_deref()
            });
        stream::iter(superfluous.chain(states))
            .filter(|meta| std::future::ready(meta.last_modified <= old))
            .map(Ok)
            .try_for_each_concurrent(AT_ONCE, async |meta| {
                match self.store.delete(&meta.location).await {
                    // Another was first.
                    Err(Error::NotFound { .. }) => Ok(()),
                    deleted => deleted,
                }
            })
            .await
    }
}

#[cfg(test)]
mod tests;
