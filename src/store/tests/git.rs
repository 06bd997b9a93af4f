//! A branch of a real repository's remote, by the real git.

use std::process::Command;

use futures::future::join_all;

use super::*;
use crate::store::git::{Branch, Oid};
use crate::store::remote::{Change, Leased, Remote, Swap};

/// A bare repository, and a clone of it with a commit on a branch.
pub(super) struct Repository {
    folder: tempfile::TempDir,
}

fn git(folder: &Path, line: &str) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=x", "-c", "user.email=x@localhost"])
        .args(line.split(' '))
        .current_dir(folder)
        .output()
        .expect("git is installed");
    assert!(
        output.status.success(),
        "git {line}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

impl Repository {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        git(folder.path(), "init --quiet --bare remote.git");
        git(folder.path(), "clone --quiet remote.git work");
        let work = folder.path().join("work");
        fs::write(work.join("manifest.yaml"), "version: 1\n").expect("writable");
        git(&work, "add .");
        git(&work, "commit --quiet -m one");
        git(&work, "commit --quiet --allow-empty -m two");
        git(&work, "push --quiet origin HEAD:main");
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn place(&self) -> Leased<Branch> {
        Leased(self.branch("work"))
    }

    fn branch(&self, clone: &str) -> Branch {
        Branch::new(self.path(clone), "backfill-state".to_owned())
    }

    /// A clone as a CI job has it: one commit deep, on no branch.
    fn checkout(&self, name: &str) -> Branch {
        let url = format!("file://{}", self.path("remote.git").display());
        let line = format!("clone --quiet --depth=1 --branch main {url} {name}");
        git(self.folder.path(), &line);
        git(&self.path(name), "checkout --quiet --detach");
        self.branch(name)
    }
}

#[tokio::test]
async fn nothing_but_objects_is_written_to_the_users_repository() {
    let repository = Repository::new();
    let work = repository.path("work");
    fs::write(work.join("manifest.yaml"), "version: 2\n").expect("writable");
    let seen = || {
        [
            "status --porcelain",
            "for-each-ref",
            "rev-parse HEAD",
            "ls-files -s",
            "config --list",
        ]
        .map(|line| git(&work, line))
    };
    let before = seen();
    let place = repository.place();
    let mut store = open(&place).await.expect("free").store;
    store.append(vec![intent(1)]).await.expect("pushed");
    store.close().await.expect("pushed");
    assert_eq!(seen(), before);
    assert!(!work.join(".git/FETCH_HEAD").exists());

    let log = git(
        &repository.path("remote.git"),
        "log --format=%s backfill-state",
    );
    assert!(log.contains("Runs: 1 to be sent"), "{log}");
    assert!(
        log.lines()
            .next()
            .is_some_and(|last| last.starts_with("Released by process 7"))
    );
    let files = git(
        &repository.path("remote.git"),
        "ls-tree --name-only backfill-state",
    );
    assert_eq!(files, "journal.jsonl\nstate.jsonl\n");
    // It has nothing in common with the user's own history.
    let roots = git(
        &repository.path("remote.git"),
        "rev-list --max-parents=0 --count backfill-state main",
    );
    assert_eq!(roots.trim(), "2");
}

#[tokio::test]
async fn a_shallow_detached_checkout_works_and_the_next_one_finds_what_it_left() {
    let repository = Repository::new();
    let first = Leased(repository.checkout("job-1"));
    let mut store = open(&first).await.expect("free").store;
    store
        .append(vec![intent(1), created(1)])
        .await
        .expect("pushed");
    store.close().await.expect("pushed");

    let second = Leased(repository.checkout("job-2"));
    let mut store = open(&second).await.expect("free").store;
    assert_eq!(store.state().records().count(), 1);
    store.append(vec![intent(2)]).await.expect("pushed");
    store.close().await.expect("pushed");
    let whole = load(&repository.place(), None).await.expect("readable");
    assert_eq!(whole.expect("a state").records().count(), 2);
    let depth = git(
        &repository.path("work"),
        "rev-parse --is-shallow-repository",
    );
    assert_eq!(
        depth.trim(),
        "false",
        "a repository that is whole stays whole"
    );
}

#[tokio::test]
async fn a_push_whose_answer_is_lost_is_known_to_have_arrived() {
    let repository = Repository::new();
    let branch = repository.branch("work");
    let change = Change {
        journal: Some(b"one\n".to_vec()),
        ..Change::default()
    };
    // The remote stores the push, and fails afterwards, as a broken connection does.
    hook(&repository, "post-receive", "exit 0");
    let Ok(Swap::Won(first)) = branch.swap(None, &change).await else {
        panic!("it is the first");
    };
    hook(
        &repository,
        "reference-transaction",
        "[ \"$1\" != committed ] || exit 1",
    );
    let second = branch.swap(Some(&first), &change).await;
    assert!(matches!(second, Ok(Swap::Won(_))), "{second:?}");
}

#[tokio::test]
async fn a_remote_that_declines_is_an_error_that_says_so() {
    let repository = Repository::new();
    hook(&repository, "pre-receive", "echo protected >&2; exit 1");
    match open(&repository.place()).await.err() {
        Some(StoreError::Remote { said, .. }) => {
            assert!(
                said.contains("protected") && said.contains("declined"),
                "{said}"
            );
        }
        other => panic!("{other:?}"),
    }
    let lonely = tempfile::tempdir().expect("a folder");
    git(lonely.path(), "init --quiet .");
    let place = Leased(Branch::new(lonely.path().to_owned(), "state".to_owned()));
    let error = load(&place, None).await.expect_err("no remote").to_string();
    assert!(error.contains("no remote"), "{error}");
}

fn hook(repository: &Repository, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = repository.path("remote.git").join("hooks").join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("writable");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
}

#[tokio::test]
async fn of_sixteen_who_push_at_once_each_version_is_one_ones_and_none_is_lost() {
    let repository = Repository::new();
    let first = Change {
        journal: Some(Vec::new()),
        ..Change::default()
    };
    let Ok(Swap::Won(mut version)) = repository.branch("work").swap(None, &first).await else {
        panic!("it is the first");
    };
    let mut written = Vec::new();
    for _ in 0..3 {
        let attempts = (0..16_u8).map(|n| {
            let (branch, from) = (repository.branch("work"), version.clone());
            let mut journal = written.clone();
            journal.push(n);
            async move {
                let change = Change {
                    journal: Some(journal),
                    ..Change::default()
                };
                match branch.swap(Some(&from), &change).await {
                    Ok(Swap::Won(version)) => Some((n, version)),
                    Ok(Swap::Lost) => None,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let won: Vec<(u8, Oid)> = join_all(attempts).await.into_iter().flatten().collect();
        let [(winner, now)] = &won[..] else {
            panic!("{} have won", won.len());
        };
        written.push(*winner);
        version = now.clone();
    }
    let end = repository.branch("work").read().await.expect("readable");
    assert_eq!(end.expect("a version").contents.journal, Some(written));
}
