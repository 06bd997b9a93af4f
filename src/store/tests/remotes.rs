//! What every remote must do: of several versions that are made at once one wins, and its writer knows.

use futures::future::join_all;

use super::places::{on_each_kind_of_remote, on_each_remote};
use super::*;
use crate::store::remote::{CommitChange, Remote, Step, Swap};

on_each_remote![
    std::convert::identity;
    of_sixteen_who_append_at_once_one_wins_each_version_and_none_loses_what_it_won,
    who_comes_from_an_older_version_has_lost_and_changes_nothing,
    a_version_from_nothing_is_refused_where_there_is_one,
    who_was_taken_over_is_fenced_and_what_it_wrote_is_kept,
];

fn append(lines: &str) -> CommitChange {
    CommitChange {
        step: Step::Append(lines.as_bytes().to_vec()),
        lease: None,
        what: "a test".to_owned(),
    }
}

async fn first<R: Remote>(remote: &R) -> R::Version {
    let begin = CommitChange {
        step: Step::Replace {
            state: b"state\n".to_vec(),
            journal: b"header\n".to_vec(),
        },
        ..append("")
    };
    match remote.swap(None, &begin).await {
        Ok(Swap::Won(version)) => version,
        other => panic!("it is the first: {:?}", other.map(|_| ())),
    }
}

async fn journal<R: Remote>(remote: &R) -> String {
    let now = remote.read().await.expect("readable").expect("a version");
    String::from_utf8(now.contents.journal.expect("a journal")).expect("text")
}

async fn of_sixteen_who_append_at_once_one_wins_each_version_and_none_loses_what_it_won<
    R: Remote,
>(
    remote: &R,
) {
    // `BACKFILL_TEST_ROUNDS` makes it a trial of hours, if wanted.
    let rounds = std::env::var("BACKFILL_TEST_ROUNDS");
    let rounds = rounds.map_or(2, |rounds| rounds.parse().expect("a number"));
    let mut version = first(remote).await;
    let mut written = "header\n".to_owned();
    for round in 0..rounds {
        let attempts = (0..16).map(|n| {
            let from = version.clone();
            async move {
                let line = format!("{round} {n}\n");
                match remote.swap(Some(&from), &append(&line)).await {
                    Ok(Swap::Won(version)) => Some((line, version)),
                    Ok(Swap::Lost) => None,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let won: Vec<_> = join_all(attempts).await.into_iter().flatten().collect();
        let [(line, now)] = &won[..] else {
            panic!("{} have won", won.len());
        };
        written.push_str(line);
        version = now.clone();
        assert_eq!(journal(remote).await, written);
    }
}

async fn who_comes_from_an_older_version_has_lost_and_changes_nothing<R: Remote>(remote: &R) {
    let old = first(remote).await;
    let Ok(Swap::Won(_)) = remote.swap(Some(&old), &append("one\n")).await else {
        panic!("it is the latest");
    };
    let replace = CommitChange {
        step: Step::Replace {
            state: b"other\n".to_vec(),
            journal: b"other\n".to_vec(),
        },
        ..append("")
    };
    for change in [append("two\n"), replace] {
        let late = remote.swap(Some(&old), &change).await;
        assert!(matches!(late, Ok(Swap::Lost)));
    }
    let now = remote.read().await.expect("readable").expect("a version");
    let state = now.contents.state.expect("there").bytes();
    assert_eq!(state, b"state\n");
    assert_eq!(now.contents.journal.as_deref(), Some(&b"header\none\n"[..]));
}

async fn a_version_from_nothing_is_refused_where_there_is_one<R: Remote>(remote: &R) {
    first(remote).await;
    let again = remote.swap(None, &append("two\n")).await;
    assert!(matches!(again, Ok(Swap::Lost)));
    assert_eq!(journal(remote).await, "header\n");
}

async fn who_was_taken_over_is_fenced_and_what_it_wrote_is_kept<R: Remote>(remote: &R) {
    let place = leased(remote.clone());
    let mut first = open(&place).await.expect("free").store;
    first.append(vec![intent(1)]).await.expect("held");
    assert_eq!(place.holder().await.expect("readable"), Some(holder()));
    assert!(place.unlock(&holder()).await.expect("written"));

    let other = Holder { pid: 8, ..holder() };
    let opened = LockedStore::open(&place, &organization(), other.clone()).await;
    let mut second = opened.expect("it was ended").store;
    assert!(
        matches!(second.acquired(), Acquired::TakenOver { holder: who, .. } if *who == holder())
    );
    second.append(vec![created(1)]).await.expect("held");
    for late in [
        first.append(vec![intent(2)]).await,
        first.append(vec![intent(2)]).await,
    ] {
        assert!(matches!(
            late,
            Err(StoreError::Fenced(_) | StoreError::Failed)
        ));
    }
    assert_eq!(place.holder().await.expect("readable"), Some(other));
    second.close().await.expect("held");
    assert_eq!(place.holder().await.expect("readable"), None);
    let state = load(&place, None)
        .await
        .expect("readable")
        .expect("a state");
    assert_eq!(state.records().count(), 1);
}
