//! A branch of a real repository's remote, by the real git.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use url::Url;

use super::*;
use crate::store::git::{Branch, BranchVersion};
use crate::store::leased::Leased;
use crate::store::remote::{CommitChange, Remote, Step, Swap};

/// A bare repository, and a clone of it with a commit on a branch.
pub(super) struct TestRepository {
    /// Where the clones are.
    folder: tempfile::TempDir,
    bare: PathBuf,
    url: String,
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

impl TestRepository {
    /// Beside its clones.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bare = folder.path().join("remote.git");
        let url = Url::from_file_path(&bare)
            .expect("a whole path")
            .to_string();
        Self::made(folder, bare, url)
    }

    /// Where a server finds it.
    pub(super) fn at(bare: &Path, url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::made(folder, bare.to_owned(), url.to_owned())
    }

    fn made(folder: tempfile::TempDir, bare: PathBuf, url: String) -> Self {
        git(
            folder.path(),
            &format!("init --quiet --bare {}", bare.display()),
        );
        git(&bare, "config http.receivepack true");
        git(folder.path(), &format!("clone --quiet {url} work"));
        let work = folder.path().join("work");
        fs::write(work.join("manifest.yaml"), "version: 1\n").expect("writable");
        git(&work, "add .");
        git(&work, "commit --quiet -m one");
        git(&work, "commit --quiet --allow-empty -m two");
        git(&work, "push --quiet origin HEAD:main");
        Self { folder, bare, url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn place(&self) -> Leased<Branch> {
        leased(self.branch("work"))
    }

    pub(super) fn branch(&self, clone: &str) -> Branch {
        Branch::new(self.path(clone), "backfill-state".to_owned())
    }

    /// A folder two below the root of the clone.
    pub(super) fn folder_below(&self) -> String {
        self.made_folder("work/deploy/prod")
    }

    /// One whose name is no word of ASCII.
    pub(super) fn folder_of_odd_name(&self) -> String {
        // Windows knows no quote in a name.
        let quote = if cfg!(windows) { '\'' } else { '"' };
        self.made_folder(&format!("work/caf\u{e9} & \u{1f4c8} {quote}x{quote}"))
    }

    fn made_folder(&self, name: &str) -> String {
        fs::create_dir_all(self.path(name)).expect("writable");
        name.to_owned()
    }

    /// A folder in another worktree of the clone.
    pub(super) fn second_worktree(&self) -> String {
        let line = "worktree add --quiet --detach ../second";
        git(&self.path("work"), line);
        self.made_folder("second/deploy")
    }

    /// A folder in a submodule of another repository.
    pub(super) fn submodule(&self) -> String {
        git(self.folder.path(), "init --quiet above");
        let add = format!(
            "-c protocol.file.allow=always submodule --quiet add -b main {} sub",
            self.url
        );
        git(&self.path("above"), &add);
        self.made_folder("above/sub/deploy")
    }

    /// A clone without a work tree.
    pub(super) fn bare_clone(&self) -> String {
        let line = format!("clone --quiet --bare {} bare", self.url);
        git(self.folder.path(), &line);
        "bare".to_owned()
    }

    /// A clone as a CI job has it: one commit deep, on no branch.
    fn checkout(&self, name: &str) -> Branch {
        let line = format!("clone --quiet --depth=1 --branch main {} {name}", self.url);
        git(self.folder.path(), &line);
        git(&self.path(name), "checkout --quiet --detach");
        self.branch(name)
    }
}

#[tokio::test]
async fn nothing_but_objects_is_written_to_the_users_repository() {
    let repository = TestRepository::new();
    let work = repository.path("work");
    fs::write(work.join("manifest.yaml"), "version: 2\n").expect("writable");
    let seen = || {
        [
            "status --porcelain",
            // As any push, ours keeps what is known of the remote up to date.
            "for-each-ref --exclude=refs/remotes",
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

    let log = git(&repository.bare, "log --format=%s backfill-state");
    assert!(log.contains("Runs: 1 to be sent"), "{log}");
    assert!(
        log.starts_with("Fold the journal into the state, and let go\n"),
        "{log}"
    );
    let files = git(&repository.bare, "ls-tree --name-only backfill-state");
    assert_eq!(files, "journal.jsonl\nstate.jsonl\n");
    // It has nothing in common with the user's own history.
    let roots = git(
        &repository.bare,
        "rev-list --max-parents=0 --count backfill-state main",
    );
    assert_eq!(roots.trim(), "2");
}

#[tokio::test]
async fn a_shallow_detached_checkout_works_and_the_next_one_finds_what_it_left() {
    let repository = TestRepository::new();
    let first = leased(repository.checkout("job-1"));
    let mut store = open(&first).await.expect("free").store;
    store
        .append(vec![intent(1), created(1)])
        .await
        .expect("pushed");
    store.close().await.expect("pushed");

    let second = leased(repository.checkout("job-2"));
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
    let repository = TestRepository::new();
    let branch = repository.branch("work");
    let change = CommitChange {
        step: Step::Append(b"one\n".to_vec()),
        lease: None,
        what: "a test".to_owned(),
    };
    let Ok(Swap::Won(first)) = branch.swap(None, &change).await else {
        panic!("it is the first");
    };
    // The remote stores the push, and fails afterwards, as a broken connection does.
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
    let repository = TestRepository::new();
    hook(&repository, "pre-receive", "echo protected >&2; exit 1");
    match open(&repository.place()).await.err() {
        Some(StoreError::Remote { said, may_pass, .. }) => {
            assert!(!may_pass);
            assert!(
                said.contains("protected") && said.contains("declined"),
                "{said}"
            );
        }
        other => panic!("{other:?}"),
    }
    let lonely = tempfile::tempdir().expect("a folder");
    git(lonely.path(), "init --quiet .");
    let place = leased(Branch::new(lonely.path().to_owned(), "state".to_owned()));
    let error = load(&place, None).await.expect_err("no remote").to_string();
    assert!(error.contains("no remote"), "{error}");
}

#[tokio::test]
async fn a_branch_that_holds_anything_else_is_refused_untouched() {
    let repository = TestRepository::new();
    let place = leased(Branch::new(repository.path("work"), "main".to_owned()));
    let before = git(&repository.bare, "rev-parse main");
    for error in [
        load(&place, None).await.map(|_| ()).expect_err("no state"),
        open(&place).await.map(|_| ()).expect_err("no state"),
    ] {
        let said = error.to_string();
        assert!(said.contains("it holds `manifest.yaml`"), "{said}");
    }
    assert_eq!(git(&repository.bare, "rev-parse main"), before);
}

#[tokio::test]
async fn a_remote_that_is_pushed_to_elsewhere_than_it_is_read_from_is_refused() {
    let repository = TestRepository::new();
    git(repository.folder.path(), "init --quiet --bare fork.git");
    let fork = repository.path("fork.git");
    let line = format!("remote set-url --push origin {}", fork.display());
    git(&repository.path("work"), &line);
    let error = open(&repository.place()).await.map(|_| ());
    let said = error.expect_err("two places").to_string();
    assert!(said.contains("another URL for pushes"), "{said}");
}

#[tokio::test]
async fn what_the_user_has_set_for_pushes_and_fetches_changes_nothing() {
    let repository = TestRepository::new();
    let work = repository.path("work");
    for setting in [
        "push.recurseSubmodules only",
        "push.gpgSign true",
        "push.pushOption ci.skip",
        "push.followTags true",
        "fetch.prune true",
        "fetch.recurseSubmodules true",
        "remote.origin.mirror true",
        "core.autocrlf true",
        "commit.gpgSign true",
    ] {
        git(&work, &format!("config --add {setting}"));
    }
    let mut store = open(&repository.place()).await.expect("free").store;
    store.append(vec![intent(1)]).await.expect("pushed");
    store.close().await.expect("pushed");
    let other = leased(repository.checkout("other"));
    let state = load(&other, None).await.expect("readable");
    assert_eq!(state.expect("a state").records().count(), 1);
}

/// The files of the branch's latest commit, as the remote has it.
fn kept_files(repository: &TestRepository) -> String {
    git(&repository.bare, "ls-tree --name-only backfill-state")
}

#[tokio::test]
async fn each_commit_holds_the_journal_before_there_is_a_state_too() {
    let repository = TestRepository::new();
    let place = repository.place();
    let held = place.lock(holder()).await.expect("free");
    assert_eq!(kept_files(&repository), "journal.jsonl\nlock\n");
    assert!(load(&place, None).await.expect("readable").is_none());
    drop(held); // the process died
    let mut store = open(&place).await.map(|_| ());
    assert!(
        matches!(store, Err(StoreError::Locked(Some(_)))),
        "{store:?}"
    );
    assert!(place.unlock(&holder()).await.expect("reached"));
    store = open(&place).await.map(|_| ());
    store.expect("what was begun goes on");
    assert_eq!(
        kept_files(&repository),
        "journal.jsonl\nlock\nstate.jsonl\n"
    );
}

#[tokio::test]
async fn a_commit_without_the_files_of_a_state_is_damage_and_not_an_empty_state() {
    let repository = TestRepository::new();
    let place = repository.place();
    let mut store = open(&place).await.expect("free").store;
    store.append(vec![intent(1)]).await.expect("pushed");
    store.close().await.expect("pushed");
    // As a version did that read a branch from below the repository's root.
    let work = repository.path("work");
    git(&work, "fetch --quiet origin backfill-state");
    let tree = git(&work, "mktree --missing").trim().to_owned();
    let line = format!("commit-tree -p FETCH_HEAD -m forgot {tree}");
    let forgot = git(&work, &line).trim().to_owned();
    git(
        &work,
        &format!("push --quiet origin {forgot}:backfill-state"),
    );
    for error in [
        load(&place, None).await.map(|_| ()).expect_err("damaged"),
        open(&place).await.map(|_| ()).expect_err("damaged"),
    ] {
        assert!(
            matches!(&error, StoreError::Unread(commit) if *commit == forgot),
            "{error}"
        );
        assert!(!error.may_pass());
    }
    let now = git(&repository.bare, "rev-parse backfill-state");
    assert_eq!(now.trim(), forgot, "nothing was written");
}

#[tokio::test]
async fn nothing_is_written_after_a_commit_that_holds_more_than_was_read_from_it() {
    let repository = TestRepository::new();
    let branch = repository.branch("work");
    let change = |step| CommitChange {
        step,
        lease: None,
        what: "a test".to_owned(),
    };
    let replace = change(Step::Replace {
        state: b"state\n".to_vec(),
        journal: b"journal\n".to_vec(),
    });
    let Ok(Swap::Won(whole)) = branch.swap(None, &replace).await else {
        panic!("it is the first");
    };
    let before = git(&repository.bare, "rev-parse backfill-state");
    for part in [
        BranchVersion {
            state: None,
            ..whole.clone()
        },
        BranchVersion {
            journal: None,
            ..whole.clone()
        },
        BranchVersion {
            state: whole.journal.clone(),
            ..whole.clone()
        },
    ] {
        for step in [
            Step::Lease,
            Step::Append(b"x\n".to_vec()),
            replace.step.clone(),
        ] {
            let written = branch.swap(Some(&part), &change(step)).await;
            assert!(matches!(written, Err(StoreError::Unread(_))), "{written:?}");
        }
    }
    assert_eq!(git(&repository.bare, "rev-parse backfill-state"), before);
    let appended = change(Step::Append(b"x\n".to_vec()));
    assert!(matches!(
        branch.swap(Some(&whole), &appended).await,
        Ok(Swap::Won(_))
    ));
}

#[tokio::test]
async fn all_folders_and_worktrees_of_a_repository_read_and_write_one_state() {
    let repository = TestRepository::new();
    let folders = [
        "work".to_owned(),
        repository.folder_below(),
        repository.folder_of_odd_name(),
        repository.second_worktree(),
        "work/.git".to_owned(),
        "work/.git/objects".to_owned(),
        repository.submodule(),
        repository.bare_clone(),
    ];
    // A path that is relative to the repository's root is so from everywhere.
    git(
        &repository.path("work"),
        "remote set-url origin ../remote.git",
    );
    for (folder, kept) in folders.iter().zip(1..) {
        let place = leased(repository.branch(folder));
        let mut store = open(&place).await.expect(folder).store;
        store
            .append(vec![intent(i64::from(kept))])
            .await
            .expect("pushed");
        store.close().await.expect("pushed");
        for other in &folders {
            let place = leased(repository.branch(other));
            let read = load(&place, None).await.expect("readable");
            let runs = read.expect("a state").records().count();
            assert_eq!(
                u8::try_from(runs),
                Ok(kept),
                "written in {folder}, read in {other}"
            );
        }
    }
}

fn hook(repository: &TestRepository, name: &str, script: &str) {
    let path = repository.bare.join("hooks").join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("writable");
    #[cfg(unix)] // elsewhere git asks for no permission
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
    }
}
