//! One name is one state, wherever one stands, whatever the environment says of repositories.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::emulated::{Emulated, assert_each_once};
use crate::support::git::{git, hook};
use crate::support::workspace::{Ran, Workspace, flow};

const WINDOWS: usize = 6;

/// A repository with a project below its root, and a remote.
fn repository(state: &str) -> (Workspace, Emulated) {
    let mut workspace = Workspace::below("repo/deploy");
    workspace.manifest(0, WINDOWS, false);
    workspace.write(
        "backfill.yaml",
        &format!("version: 1\n{state}limits: {{ rate: 100/s }}\nsettleDelay: 2 seconds\n"),
    );
    let root = workspace.root().join("repo");
    git(
        workspace.root(),
        "init --quiet --bare --initial-branch=main remote.git",
    );
    for line in [
        "init --quiet --initial-branch=main",
        "remote add origin ../remote.git",
        "add .",
        "commit --quiet -m one",
        "push --quiet origin main",
    ] {
        git(&root, line);
    }
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    workspace.set("PATH", &std::env::var("PATH").expect("a path"));
    (workspace, emulated)
}

/// How many runs were created.
fn creates(emulated: &Emulated) -> usize {
    usize::try_from(emulated.ledger().creates).expect("a few")
}

/// The keys and ids of what is recorded, as `state list` tells them.
#[track_caller]
fn recorded(ran: Ran) -> Vec<(String, String)> {
    let listed = ran.exits(0).json();
    let text = |run: &serde_json::Value, name: &str| run[name].as_str().map(ToOwned::to_owned);
    let runs = listed["runs"].as_array().expect("runs");
    runs.iter()
        .map(|run| {
            let id = text(run, "runId");
            (text(run, "key").expect("a key"), id.expect("an id"))
        })
        .collect()
}

/// What each way of standing somewhere and naming the config comes to: where, and with which flags.
const WAYS: [(&str, &str); 7] = [
    ("", ""),
    ("manifests", ""),
    ("manifests/deep/er", ""),
    ("..", "--config deploy/backfill.yaml"),
    ("..", "--config ./deploy/../deploy/backfill.yaml"),
    ("../other folder/é", "--config ../../deploy/backfill.yaml"),
    // Not in the repository at all.
    ("../..", "--config repo/deploy/backfill.yaml"),
];

fn one_state_from_everywhere(state: &str) {
    let (mut workspace, emulated) = repository(state);
    for (applied, (folder, flags)) in WAYS.into_iter().enumerate() {
        workspace.stand_in(folder);
        let before = creates(&emulated);
        let ran = workspace.run(&format!("apply --yes --progress none --limit 1 {flags}"));
        let left = WINDOWS.saturating_sub(applied + 1);
        let ran = ran.exits(0);
        let created = creates(&emulated) - before;
        assert_eq!(
            created,
            usize::from(applied < WINDOWS),
            "{folder} {flags}: {}",
            ran.stdout
        );
        let runs = recorded(workspace.run(&format!("state list --format json {flags}")));
        for (other, flags) in WAYS {
            workspace.stand_in(other);
            let plan = workspace
                .run(&format!("plan --format json {flags}"))
                .exits(0)
                .json();
            assert_eq!(
                plan["summary"]["create"], left,
                "{folder}, then {other} {flags}"
            );
            let list = workspace.run(&format!("state list --format json {flags}"));
            assert_eq!(recorded(list), runs, "{folder}, then {other} {flags}");
        }
    }
    assert_each_once(&emulated, WINDOWS);
    let mut found = Vec::new();
    find(workspace.root(), "state.jsonl", &mut found);
    assert!(found.len() <= 1, "{found:?}");
}

/// All files of this name, at every depth.
fn find(folder: &Path, name: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, name, found);
        } else if path.ends_with(name) {
            found.push(path);
        }
    }
}

#[test]
fn a_state_on_a_branch_is_one_from_every_folder() {
    one_state_from_everywhere("state: git:backfill-state\n");
}

#[test]
fn a_state_in_a_folder_that_the_config_names_is_one_from_every_folder() {
    one_state_from_everywhere("state: ../kept/state\n");
}

#[test]
fn the_default_state_is_one_from_every_folder() {
    one_state_from_everywhere("");
}

/// What a hook, an alias or a shell may have set. `.` is the repository's root.
const SURROUNDINGS: [&[(&str, &str)]; 9] = [
    &[("GIT_DIR", ".git")],
    &[("GIT_DIR", "/nowhere")],
    &[("GIT_DIR", "../other/.git"), ("GIT_WORK_TREE", "../other")],
    &[("GIT_WORK_TREE", "deploy")],
    &[("GIT_PREFIX", "deploy/")],
    &[("GIT_NAMESPACE", "elsewhere")],
    &[("GIT_CEILING_DIRECTORIES", "deploy")],
    &[
        ("GIT_INDEX_FILE", "/nowhere/index"),
        ("GIT_OBJECT_DIRECTORY", "/nowhere/objects"),
    ],
    &[
        ("GIT_COMMON_DIR", "/nowhere"),
        ("GIT_QUARANTINE_PATH", "/nowhere"),
    ],
];

#[test]
fn what_the_environment_says_of_repositories_changes_nothing() {
    let (mut workspace, emulated) = repository("state: git:backfill-state\n");
    let root = workspace.root().join("repo");
    git(workspace.root(), "init --quiet other");
    for (applied, variables) in SURROUNDINGS.into_iter().enumerate() {
        workspace.stand_in(["", "manifests", ".."][applied % 3]);
        let flags = if applied % 3 == 2 {
            "--config deploy/backfill.yaml"
        } else {
            ""
        };
        let line = format!("apply --yes --progress none --limit 1 {flags}");
        let ran = workspace
            .command(line.split_whitespace())
            .envs(variables.iter().map(|(name, value)| {
                let value = match *value {
                    path if name == &"GIT_CEILING_DIRECTORIES" => root.join(path),
                    value => value.into(),
                };
                (name, value)
            }))
            .output()
            .expect("the binary runs");
        Ran::of(ran).exits(0);
        let created = (applied + 1).min(WINDOWS);
        assert_eq!(creates(&emulated), created, "{variables:?}");
    }
    assert_each_once(&emulated, WINDOWS);
    let branches = git(
        &workspace.root().join("remote.git"),
        "for-each-ref --format=%(refname)",
    );
    assert_eq!(branches, "refs/heads/backfill-state\nrefs/heads/main\n");
    let other = git(&workspace.root().join("other"), "for-each-ref");
    assert_eq!(other, "");
}

#[test]
fn a_hook_of_git_uses_the_state_of_its_repository() {
    let (workspace, emulated) = repository("state: git:backfill-state\n");
    let root = workspace.root().join("repo");
    let binary = assert_cmd::cargo::cargo_bin!("backfill")
        .display()
        .to_string();
    let script = format!("cd deploy && exec '{binary}' apply --yes --progress none");
    hook(&root.join(".git"), "post-commit", &script);
    let mut commit = workspace.command([] as [&str; 0]);
    let environment: Vec<_> = commit
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    commit = Command::new("git");
    let ran = commit
        .args(["-c", "user.name=x", "-c", "user.email=x@localhost"])
        .args(["commit", "--quiet", "--allow-empty", "-m", "two"])
        .current_dir(&root)
        .env_clear()
        .envs(environment)
        .output()
        .expect("git is installed");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(creates(&emulated), WINDOWS, "{said}");
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["unchanged"], WINDOWS);
}

#[test]
fn paths_are_shown_as_they_would_be_typed_and_annotated_from_the_repositorys_root() {
    let (mut workspace, _emulated) = repository("");
    workspace.write("manifests/wrong.yaml", "version: 1\nnonsense: 1\n");
    workspace.stand_in("manifests/deep");
    let ran = workspace.run("validate --format github").exits(3);
    assert!(
        ran.stderr.contains("--> ../../manifests/wrong.yaml:2:1"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stdout
            .contains("file=deploy/manifests/wrong.yaml,line=2"),
        "{}",
        ran.stdout
    );
    workspace.write("backfill.yaml", "version: 1\nnonsense: 1\n");
    let ran = workspace.run("plan").exits(3);
    assert!(ran.stderr.contains("../../backfill.yaml"), "{}", ran.stderr);
}

#[test]
fn a_state_that_is_named_by_the_environment_is_one_or_refused() {
    let (mut workspace, _emulated) = repository("");
    workspace.set("BACKFILL_STATE", "kept");
    workspace.run("plan").exits(0);
    workspace.stand_in("manifests");
    let ran = workspace.run("plan").exits(3);
    assert!(ran.stderr.contains("BACKFILL_STATE"), "{}", ran.stderr);
    let absolute = workspace.path().join("kept").display().to_string();
    workspace.set("BACKFILL_STATE", &absolute);
    workspace.run("plan").exits(0);
}

#[test]
fn import_writes_beside_the_config() {
    let (mut workspace, emulated) = repository("");
    workspace.stand_in("manifests/deep");
    workspace.run("apply --yes --progress none").exits(0);
    std::fs::remove_dir_all(workspace.path().join(".backfill")).expect("it is ours");
    std::fs::remove_file(workspace.path().join("manifests/flow-0.yaml")).expect("it is ours");
    workspace
        .run_with(["import", "--sandbox", "prod", &flow(0)])
        .exits(0);
    let written = std::fs::read_dir(workspace.path().join("manifests")).expect("a folder");
    assert!(written.count() > 1, "a manifest beside the folder `deep`");
    assert!(Path::exists(
        &workspace.path().join(".backfill/state.jsonl")
    ));
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["create"], 0);
    assert_eq!(creates(&emulated), WINDOWS);
}

#[test]
fn without_git_a_state_on_a_branch_is_refused_and_says_what_is_missing() {
    let mut workspace = Workspace::new();
    git(workspace.path(), "init --quiet");
    git(workspace.path(), "remote add origin somewhere");
    workspace.manifest(1, 1, false);
    workspace.set("PATH", "/nowhere");
    let ran = workspace.run("plan --state git:backfill-state").exits(8);
    let said = "cannot run git: it is not installed here, or not on the PATH";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    // Nothing else needs it, as in the container image without one.
    workspace.run("plan --emulator").exits(0);
}
