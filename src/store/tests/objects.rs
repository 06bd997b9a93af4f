//! What only an object store does: answers lost on the way, and cleaning.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::*;
use crate::store::objects::Objects;
use crate::store::remote::{Change, Remote, Step, Swap};

/// A store in memory whose next answers to a write get lost, after it or before.
#[derive(Debug, Default)]
struct Lossy {
    inner: InMemory,
    after: AtomicU32,
    before: AtomicU32,
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

fn replace(files: &str) -> Change {
    Change {
        step: Step::Replace {
            state: files.as_bytes().to_vec(),
            journal: files.as_bytes().to_vec(),
        },
        lease: None,
        what: "a test".to_owned(),
    }
}

#[tokio::test]
async fn what_a_fold_has_made_superfluous_is_removed_and_nothing_else() {
    let (store, objects) = bucket();
    let mut version = None;
    for files in ["one", "two", "three"] {
        match objects.swap(version.as_ref(), &replace(files)).await {
            Ok(Swap::Won(won)) => version = Some(won),
            other => panic!("{other:?}"),
        }
    }
    let count = || async {
        use futures::TryStreamExt;
        let listed: Vec<_> = store.list(None).try_collect().await.expect("listed");
        listed.len()
    };
    let version = version.expect("three of them");
    assert_eq!(count().await, 6, "nothing is old enough yet");
    let age = Duration::ZERO;
    objects.clean(&version, age).await.expect("removed");
    assert_eq!(count().await, 2);
    let now = objects.read().await.expect("readable").expect("a version");
    assert_eq!(now.contents.state.as_deref(), Some(&b"three"[..]));
    assert_eq!(now.contents.journal.as_deref(), Some(&b"three"[..]));
}

#[tokio::test]
async fn an_object_that_is_missing_or_is_none_of_ours_is_an_error_that_names_it() {
    use object_store::ObjectStoreExt;
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
