//! What only an object store does: answers lost on the way, and cleaning.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::*;
use crate::store::objects::Objects;
use crate::store::remote::{CommitChange, Remote, Step, Swap};

/// A store in memory whose next answers to a write get lost, after it or before.
#[derive(Debug, Default)]
struct Lossy {
    inner: InMemory,
    after: AtomicU32,
    before: AtomicU32,
    /// Takes a write on a condition for one without.
    overwrites: AtomicBool,
    /// So many lists are of before anything was there.
    early: AtomicU32,
}

impl fmt::Display for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lossy")
    }
}

fn take(count: &AtomicU32) -> bool {
    let less = |count: u32| count.checked_sub(1);
    count
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
        .is_ok()
}

fn lost<T>() -> Result<T> {
    Err(Error::Generic {
        store: "lossy",
        source: "the connection was reset".into(),
    })
}

#[async_trait::async_trait]
impl ObjectStore for Lossy {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if take(&self.before) {
            return lost();
        }
        let options = if self.overwrites.load(Ordering::SeqCst) {
            PutOptions::default()
        } else {
            options
        };
        let put = self.inner.put_opts(location, payload, options).await;
        if put.is_ok() && take(&self.after) {
            return lost();
        }
        put
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if take(&self.early) {
            return futures::stream::empty().boxed();
        }
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn bucket() -> (Arc<Lossy>, Objects) {
    let store = Arc::new(Lossy::default());
    let objects = Objects::of(store.clone(), Path::from("prefix"), "lossy://".to_owned());
    (store, objects)
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_is_known_to_have_arrived_and_one_that_is_lost_is_tried_again()
{
    let (store, objects) = bucket();
    let place = leased(objects);
    let mut opened = open(&place).await.expect("free").store;
    for n in 1..=4 {
        let lose = if n % 2 == 0 {
            &store.after
        } else {
            &store.before
        };
        lose.store(1, Ordering::SeqCst);
        opened.append(vec![intent(n)]).await.expect("written");
    }
    opened.close().await.expect("written");
    let state = load(&place, None)
        .await
        .expect("readable")
        .expect("a state");
    assert_eq!(state.records().count(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_nothing_is_an_error_that_says_so() {
    let (store, objects) = bucket();
    let place = leased(objects);
    let mut opened = open(&place).await.expect("free").store;
    store.before.store(u32::MAX, Ordering::SeqCst);
    let error = opened.append(vec![intent(1)]).await.expect_err("lost");
    let said = error.to_string();
    assert!(said.contains("cannot write to the bucket: "), "{said}");
    assert!(said.contains("the connection was reset"), "{said}");
}

fn replace(files: &str) -> CommitChange {
    CommitChange {
        step: Step::Replace {
            state: files.as_bytes().to_vec(),
            journal: files.as_bytes().to_vec(),
        },
        lease: None,
        what: "a test".to_owned(),
    }
}

async fn listed(store: &Lossy) -> Vec<String> {
    let listed: Vec<_> = store.list(None).try_collect().await.expect("listed");
    let mut names: Vec<String> = listed
        .iter()
        .map(|meta| meta.location.to_string())
        .collect();
    names.sort();
    names
}

/// Three folds, and the version that the last one has made.
async fn folded_three_times(objects: &Objects) -> Vec<<Objects as Remote>::Version> {
    let mut versions = Vec::new();
    for files in ["one", "two", "three"] {
        match objects.swap(versions.last(), &replace(files)).await {
            Ok(Swap::Won(won)) => versions.push(won),
            other => panic!("{other:?}"),
        }
    }
    versions
}

#[tokio::test]
async fn what_a_fold_has_made_superfluous_is_removed_and_nothing_else() {
    let (store, objects) = bucket();
    let others = [
        "prefix/state/terraform.tfstate",
        "prefix/state/000000000001-copy.jsonl",
        "prefix/state/journal/000000000001.jsonl",
        "prefix/journal/copy/000000009999.jsonl",
        "prefix/journal/7.jsonl",
        "elsewhere/journal/000000000001.jsonl",
    ];
    for name in others {
        let put = store.put(&Path::from(name), "another's".into()).await;
        put.expect("written");
    }
    let versions = folded_three_times(&objects).await;
    let last = &versions[2];
    assert_eq!(listed(&store).await.len(), 12, "nothing is old enough yet");
    objects.clean(last, Duration::ZERO).await.expect("removed");
    let left = listed(&store).await;
    assert!(
        others
            .iter()
            .all(|name| left.iter().any(|left| left == name))
    );
    // The first of the journal stays, so that it cannot be created once more.
    assert_eq!(left.len(), others.len() + 3, "{left:?}");
    let now = objects.read().await.expect("readable").expect("a version");
    let state = now.contents.state.expect("there").bytes();
    assert_eq!(state, b"three");
    assert_eq!(now.contents.journal.as_deref(), Some(&b"three"[..]));
}

#[tokio::test]
async fn who_is_not_the_last_any_more_removes_nothing() {
    let (store, objects) = bucket();
    let versions = folded_three_times(&objects).await;
    let before = listed(&store).await;
    objects
        .clean(&versions[1], Duration::ZERO)
        .await
        .expect("looked at");
    assert_eq!(listed(&store).await, before);
}

#[tokio::test]
async fn a_state_without_its_journal_is_damage_and_no_new_state() {
    let (store, objects) = bucket();
    folded_three_times(&objects).await;
    for name in listed(&store).await {
        if name.starts_with("prefix/journal/") {
            store.delete(&Path::from(name)).await.expect("there");
        }
    }
    let place = leased(objects);
    let said = load(&place, None).await.expect_err("damage").to_string();
    assert!(said.contains("the journal is missing"), "{said}");
    assert!(open(&place).await.is_err());
}

#[tokio::test]
async fn a_journal_that_begins_while_it_is_looked_for_is_not_missed() {
    let (store, objects) = bucket();
    let versions = folded_three_times(&objects).await;
    store.early.store(1, Ordering::SeqCst);
    let now = objects.read().await.expect("no damage").expect("a version");
    assert_eq!(now.version, versions[2]);
}

#[tokio::test]
async fn a_store_that_overwrites_what_is_to_be_created_is_refused() {
    let (store, objects) = bucket();
    store.overwrites.store(true, Ordering::SeqCst);
    let error = open(&leased(objects))
        .await
        .map(|_| ())
        .expect_err("unsafe");
    let said = error.to_string();
    assert!(said.contains("cannot keep two applies apart"), "{said}");
}

#[tokio::test]
async fn a_probe_tells_whether_objects_can_be_written_and_leaves_none() {
    let (store, objects) = bucket();
    let access = objects.check_write(false).await.expect("not tried");
    assert_eq!(access, WriteAccess::OnlyWithWrite);
    let access = objects.check_write(true).await.expect("it may");
    assert_eq!(access, WriteAccess::Probe);
    store.overwrites.store(true, Ordering::SeqCst);
    let error = objects.check_write(true).await.expect_err("unsafe");
    assert!(
        matches!(error, StoreError::NoConditionalWrites(_)),
        "{error}"
    );
    assert_eq!(listed(&store).await, [""; 0]);
}

#[tokio::test]
async fn an_object_that_is_missing_or_is_none_of_ours_is_an_error_that_names_it() {
    for (damage, part) in [
        (None, "not found"),
        (
            Some("no header"),
            "000000000002.jsonl is no object of a journal",
        ),
        (Some("{\"format\":2}\n"), "has the format 2"),
    ] {
        let (store, objects) = bucket();
        let place = leased(objects);
        let mut opened = open(&place).await.expect("free").store;
        opened.append(vec![intent(1)]).await.expect("written");
        let path = Path::from("prefix/journal/000000000002.jsonl");
        match damage {
            Some(bytes) => drop(store.put(&path, bytes.into()).await.expect("written")),
            None => store.delete(&path).await.expect("there"),
        }
        let said = load(&place, None).await.expect_err("damage").to_string();
        assert!(said.contains(part), "{said}");
        assert!(open(&place).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_that_is_free_again_is_no_way_back_in_for_who_slept() {
    let (_, objects) = bucket();
    let place = leased(objects.clone());
    let mut asleep = open(&place).await.expect("free").store;
    assert!(place.unlock(&holder()).await.expect("written"));
    let mut second = open(&place).await.expect("free").store;
    second.append(vec![intent(1)]).await.expect("held");
    second.close().await.expect("held");
    let now = objects.read().await.expect("readable").expect("a version");
    objects
        .clean(&now.version, Duration::ZERO)
        .await
        .expect("removed");

    tokio::time::advance(LEASE / 2 + Duration::from_secs(1)).await;
    let late = asleep.append(vec![intent(2)]).await;
    assert!(matches!(late, Err(StoreError::Fenced(_))), "{late:?}");
    let after = objects.read().await.expect("readable").expect("a version");
    assert_eq!(after.version, now.version, "nothing of it is there");
}
