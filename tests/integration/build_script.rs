//! `build.rs`, compiled and run as cargo does, in packages and repositories of every kind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::support::git::git;

const ZEROS: &str = "0000000000000000000000000000000000000000";

/// The compiled script, and the folder that it is in.
static SCRIPT: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("build-script");
    let compiled = Command::new("rustc")
        .args(["--edition", "2024", "--crate-name", "build_script", "-o"])
        .arg(&script)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs"))
        .output()
        .expect("rustc is installed");
    assert!(compiled.status.success(), "{compiled:?}");
    (folder, script)
});

struct Built {
    is_done: bool,
    commit: String,
    /// What a change of builds anew, without the script itself.
    watched: Vec<PathBuf>,
    stderr: String,
}

fn run(command: &mut Command) -> Built {
    let output = command.output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let after = |prefix: &str| -> Vec<&str> {
        let lines = text.lines();
        lines.filter_map(|line| line.strip_prefix(prefix)).collect()
    };
    let watched = after("cargo::rerun-if-changed=");
    assert!(watched.contains(&"build.rs"), "{text}");
    let target = after("cargo::rustc-env=BACKFILL_BUILD_TARGET=");
    Built {
        is_done: output.status.success() && target == ["some-target"],
        commit: after("cargo::rustc-env=BACKFILL_BUILD_COMMIT=").concat(),
        watched: watched
            .into_iter()
            .filter(|file| *file != "build.rs")
            .map(PathBuf::from)
            .collect(),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The script in `package`, as cargo runs it.
fn script(package: &Path) -> Command {
    let mut command = Command::new(&SCRIPT.1);
    command
        .current_dir(package)
        .env_clear()
        .env("PATH", std::env::var("PATH").expect("a path"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("CARGO_MANIFEST_DIR", package)
        .env("TARGET", "some-target");
    command
}

/// What it gives there. All files that it names exist, or each build would be a new one.
fn build(package: &Path) -> Built {
    let built = run(&mut script(package));
    assert!(built.is_done, "{}", built.stderr);
    for file in &built.watched {
        assert!(package.join(file).exists(), "{}", file.display());
    }
    built
}

/// A repository with a commit, and the hash of that.
fn repository(folder: &Path) -> String {
    fs::create_dir_all(folder).expect("a folder");
    git(folder, "init -q -b main");
    commit(folder)
}

fn commit(folder: &Path) -> String {
    git(folder, "commit -q --allow-empty -m more");
    git(folder, "rev-parse HEAD").trim().to_owned()
}

/// What the watched files of a package hold.
fn contents(package: &Path, built: &Built) -> Vec<Vec<u8>> {
    let files = built.watched.iter();
    files
        .map(|file| fs::read(package.join(file)).expect("readable"))
        .collect()
}

#[test]
fn the_commit_is_the_one_that_is_checked_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let head = repository(folder.path());
    assert_eq!(build(folder.path()).commit, head);
    // A hook's variables name another repository.
    let other = tempfile::tempdir().expect("a folder");
    repository(other.path());
    let built = run(script(folder.path()).env("GIT_DIR", other.path().join(".git")));
    assert_eq!(built.commit, head);
}

#[test]
fn each_way_in_which_head_moves_changes_a_file_that_is_watched() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    repository(here);
    // Without a log of what HEAD was, too.
    for is_logged in [true, false] {
        if !is_logged {
            git(here, "config core.logAllRefUpdates false");
            fs::remove_dir_all(here.join(".git/logs")).expect("it was there");
        }
        let moves: [&dyn Fn(); 5] = [
            &|| drop(commit(here)),
            &|| drop(git(here, "switch -q -c another")),
            &|| drop(commit(here)),
            &|| drop(git(here, "switch -q --detach HEAD~1")),
            &|| drop(git(here, "switch -q main")),
        ];
        for (n, go) in moves.iter().enumerate() {
            let before = build(here);
            let held = contents(here, &before);
            go();
            let is_changed = contents(here, &before) != held;
            assert!(is_changed, "move {n}, logged: {is_logged}");
        }
        git(here, "branch -D another");
    }
}

#[test]
fn a_branch_whose_ref_is_packed_is_watched_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let first = repository(here);
    git(here, "pack-refs --all");
    let before = build(here);
    assert_eq!(before.commit, first);
    assert!(
        before
            .watched
            .iter()
            .any(|file| file.ends_with("packed-refs"))
    );
    let held = contents(here, &before);
    let next = commit(here);
    assert_ne!(contents(here, &before), held);
    assert_eq!(build(here).commit, next);
}

#[test]
fn a_linked_worktree_has_a_commit_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let main = folder.path().join("main");
    let linked = folder.path().join("linked");
    let first = repository(&main);
    git(&main, "worktree add -q ../linked -b linked");
    let before = build(&linked);
    let held = contents(&linked, &before);
    let next = commit(&linked);
    assert_ne!(contents(&linked, &before), held);
    assert_eq!(build(&linked).commit, next);
    assert_eq!(build(&main).commit, first);
}

#[test]
fn a_copy_in_the_repository_of_another_project_is_not_of_its_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    repository(folder.path());
    let copy = folder.path().join("vendor/aep-backfill");
    fs::create_dir_all(&copy).expect("a folder");
    let built = build(&copy);
    assert_eq!(built.commit, "unknown");
    assert_eq!(built.watched, [""; 0].map(PathBuf::from));
}

#[test]
fn a_package_knows_the_commit_that_it_was_made_from() {
    let folder = tempfile::tempdir().expect("a folder");
    // As cargo lays it into packages, here in a repository into which the package was unpacked.
    repository(folder.path());
    let written = "{\n  \"git\": {\n    \"sha1\": \"0123456789abcdef0123456789abcdef01234567\"\n  },\n  \
                   \"path_in_vcs\": \"\"\n}";
    fs::write(folder.path().join(".cargo_vcs_info.json"), written).expect("writable");
    assert_eq!(
        build(folder.path()).commit,
        "0123456789abcdef0123456789abcdef01234567"
    );
}

#[test]
fn a_build_without_git_or_without_a_repository_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(build(folder.path()).commit, "unknown");
    // A branch without a commit.
    git(folder.path(), "init -q -b main");
    assert_eq!(build(folder.path()).commit, "unknown");
    commit(folder.path());
    let built = run(script(folder.path()).env("PATH", "/nowhere"));
    assert!(built.is_done, "{}", built.stderr);
    assert_eq!(built.commit, "unknown");
}

#[test]
fn the_variable_goes_before_all_and_must_be_a_whole_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    let head = repository(folder.path());
    let with = |value: &str| run(script(folder.path()).env("BACKFILL_COMMIT", value));
    assert_eq!(with(ZEROS).commit, ZEROS);
    assert_eq!(with("").commit, head);
    for wrong in [
        "main",
        &ZEROS[1..],
        "g000000000000000000000000000000000000000",
    ] {
        let built = with(wrong);
        assert!(!built.is_done);
        assert!(
            built
                .stderr
                .contains("BACKFILL_COMMIT must be a whole commit hash"),
            "{}",
            built.stderr
        );
    }
}
