//! Leases, on a remote in memory that can lose answers and be slow.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::*;
use crate::store::LockedBackend;
use crate::store::leased::Leased;
use crate::store::remote::{CommitChange, Lease, Remote, Snapshot, Step, Swap};

/// Versions, oldest first.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Vec<Held>>>);

/// What a version holds, and who holds it.
type Held = (Contents, Option<Lease>);

fn memory() -> Leased<Memory> {
    leased(Memory::default())
}

impl Remote for Memory {
    type Version = usize;

    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Snapshot<usize>>, StoreError>> {
        async {
            let versions = self.0.lock().expect("no panic");
            let Some((contents, lease)) = versions.last().cloned() else {
                return Ok(None);
            };
            Ok(Some(Snapshot {
                version: versions.len(),
                contents,
                lease,
            }))
        }
        .boxed()
    }

    fn check_write(&self, _: bool) -> BoxFuture<'_, Result<WriteAccess, StoreError>> {
        async { Ok(WriteAccess::Permission) }.boxed()
    }

    fn check_exclusion<'a>(&'a self, _: &'a usize) -> BoxFuture<'a, Result<(), StoreError>> {
        async { Ok(()) }.boxed()
    }

    fn swap<'a>(
        &'a self,
        from: Option<&'a usize>,
        change: &'a CommitChange,
    ) -> BoxFuture<'a, Result<Swap<usize>, StoreError>> {
        async move {
            // Others may come in between.
            tokio::task::yield_now().await;
            let mut versions = self.0.lock().expect("no panic");
            if versions.len() != from.copied().unwrap_or(0) {
                return Ok(Swap::Lost);
            }
            let (mut contents, _) = versions.last().cloned().unwrap_or_default();
            match change.step.clone() {
                Step::Lease => {}
                Step::Append(lines) => contents.journal.get_or_insert_default().extend(lines),
                Step::Replace { state, journal } => {
                    contents.state = Some(StateFile::Bytes(state));
                    contents.journal = Some(journal);
                }
            }
            versions.push((contents, change.lease.clone()));
            Ok(Swap::Won(versions.len()))
        }
        .boxed()
    }
}

impl Memory {
    /// As if the holder had not been heard of for that long.
    fn age(&self, by: Duration) {
        let mut versions = self.0.lock().expect("no panic");
        let (_, lease) = versions.last_mut().expect("a version");
        lease.as_mut().expect("held").age(by);
    }
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over_and_its_holder_is_fenced() {
    let place = memory();
    let mut first = open(&place).await.expect("free").store;
    first.append(vec![intent(1)]).await.expect("written");
    place.remote.age(LEASE);
    assert!(
        matches!(open(&place).await, Err(StoreError::Locked(Some(_)))),
        "clocks differ: not yet"
    );
    place.remote.age(LEASE);
    let mut second = open(&place).await.expect("it ran out").store;
    let taken = Acquired::TakenOver {
        holder: holder(),
        lease: LEASE,
    };
    assert_eq!(second.acquired(), &taken);
    assert_eq!(second.state().records().count(), 1, "its intents are seen");

    // The first one wakes up.
    for _ in 0..2 {
        assert!(first.append(vec![intent(2)]).await.is_err());
    }
    assert!(first.renew().await.is_err());
    assert!(first.fold().await.is_err());
    second.append(vec![created(1)]).await.expect("held");
    second.close().await.expect("held");
    let state = load(&place, None).await.expect("readable").expect("one");
    assert_eq!(state.records().count(), 1);
}

#[tokio::test]
async fn the_one_who_is_fenced_is_told_by_whom() {
    let place = memory();
    let mut first = open(&place).await.expect("free").store;
    place.remote.age(LEASE + LEASE);
    let other = Holder { pid: 8, ..holder() };
    let _second = LockedStore::open(&place, &organization(), other.clone())
        .await
        .expect("it ran out");
    match first.append(vec![intent(1)]).await {
        Err(StoreError::Fenced(Some(by))) => assert_eq!(by, other),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lease_that_is_renewed_does_not_run_out() {
    let place = memory();
    let mut store = open(&place).await.expect("free").store;
    assert!(store.renewal().is_some());
    for _ in 0..3 {
        place.remote.age(LEASE);
        store.renew().await.expect("held");
        assert!(matches!(open(&place).await, Err(StoreError::Locked(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_can_be_held_until_nothing_is_sent_late() {
    let place = memory();
    let _first = open(&place).await.expect("free").store;
    // It is said to be gone, and is not.
    assert!(place.unlock(&holder()).await.expect("readable"));
    let mut held = LockedBackend::open(&place, None, holder())
        .await
        .expect("unlocked");
    let begun = tokio::time::Instant::now();
    let end = held.last_send().expect("it may send");
    held.keep_until(end).await.expect("held");
    let waited = begun.elapsed();
    assert!(waited >= LEASE / 2 && waited < LEASE / 2 + Duration::from_secs(1));
    assert!(matches!(open(&place).await, Err(StoreError::Locked(_))));
    assert_eq!(held.last_send(), None, "once is enough");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_while_somebody_thinks_is_renewed_meanwhile() {
    let place = memory();
    let mut store = open(&place).await.expect("free").store;
    let before = place.remote.read().await.expect("readable");
    let before = before.expect("a version").version;
    let thought = tokio::time::sleep(LEASE * 2);
    store.keep_while(thought).await.expect("held");
    let after = place.remote.read().await.expect("readable");
    let renewals = after.expect("a version").version - before;
    assert!((9..=11).contains(&renewals), "{renewals}");
    store.append(vec![intent(1)]).await.expect("held");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_watched_as_long_as_it_lasts_is_taken_over_whatever_the_clocks_say() {
    let place = memory();
    let _first = open(&place).await.expect("free");
    // By the clocks it was renewed just now: they stand still here.
    let mut taken = None;
    for _ in 0..12 {
        tokio::time::advance(LEASE / 10).await;
        if let Ok(opened) = open(&place).await {
            taken = Some(opened);
            break;
        }
    }
    let opened = taken.expect("it was watched for longer than it lasts");
    assert!(matches!(
        opened.store.acquired(),
        Acquired::TakenOver { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_while_it_is_watched_is_not_taken_over() {
    let place = memory();
    let mut first = open(&place).await.expect("free").store;
    for _ in 0..30 {
        tokio::time::advance(LEASE / 10).await;
        assert!(matches!(open(&place).await, Err(StoreError::Locked(_))));
        first.renew().await.expect("held");
    }
}

#[tokio::test]
async fn a_hold_that_is_ended_by_a_person_is_taken_over_and_its_holder_is_fenced() {
    let place = memory();
    let mut first = open(&place).await.expect("free").store;
    assert_eq!(place.holder().await.expect("readable"), Some(holder()));
    let other = Holder { pid: 8, ..holder() };
    assert!(
        !place.unlock(&other).await.expect("readable"),
        "not that one"
    );
    assert!(place.unlock(&holder()).await.expect("written"));
    assert_eq!(place.holder().await.expect("readable"), None);
    let second = open(&place).await.expect("free").store;
    assert!(
        matches!(second.acquired(), Acquired::TakenOver { .. }),
        "it may not be gone after all"
    );
    assert!(matches!(
        first.append(vec![intent(1)]).await,
        Err(StoreError::Fenced(Some(_)))
    ));
}
