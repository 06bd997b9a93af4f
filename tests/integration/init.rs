//! `init`: the first files, and what can be done with them at once.

use aep_backfill::emulator::RequestKind;
use insta::assert_snapshot;

use crate::emulated::Emulated;
use crate::workspace::Workspace;

fn empty() -> Workspace {
    let workspace = Workspace::new();
    std::fs::remove_dir(workspace.path().join("manifests")).expect("it is empty");
    workspace
}

#[test]
fn it_writes_what_a_newcomer_needs_and_says_what_comes_next() {
    let workspace = empty();
    let ran = workspace.run("init").exits(0);
    assert_snapshot!(ran.stdout, @r#"
    backfill.yaml           written
    manifests/example.yaml  written
    manifests/schema.json   written
    .gitignore              written

    Next:
    1. Try it, without an account: `backfill plan --emulator`.
    2. Put your flow, windows and reason into manifests/example.yaml, and give the file a better name.
    3. Put your organization and sandbox into backfill.yaml.
    4. Check: `backfill validate`. Rehearse: `backfill rehearse`.
    5. Set AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES; then `backfill plan`, and
       `backfill apply --limit 1` for the first run.
    "#);
    assert_eq!(ran.stderr, "");
    let schema = workspace.run("schema").exits(0).stdout;
    assert_eq!(workspace.read("manifests/schema.json"), schema);
    assert!(workspace.read(".gitignore").contains("\n.backfill/\n"));

    let ran = workspace.run("validate").exits(0);
    assert_eq!(ran.stdout, "1 file, 1 manifest, 7 runs: no errors.\n");
    assert_eq!(ran.stderr, "");
    workspace.run("apply --emulator --yes").exits(0);
}

#[test]
fn it_overwrites_nothing_and_says_so() {
    let workspace = Workspace::new();
    let files = ["backfill.yaml", "manifests/schema.json", ".gitignore"];
    for file in files {
        workspace.write(file, "mine\n");
    }
    workspace.manifest(1, 1, false);
    let ran = workspace.run("init").exits(0);
    assert_snapshot!(ran.stdout, @r#"
    backfill.yaml           already there, left as it is
    manifests/example.yaml  not written: there are manifests already
    manifests/schema.json   already there, left as it is
    .gitignore              already there, left as it is

    Next:
    1. Add the line `.backfill/` to .gitignore: the state stays out of git.
    2. manifests/schema.json is of another version: `backfill schema > manifests/schema.json`.
    3. Put your organization and sandbox into backfill.yaml.
    4. Check: `backfill validate`. Rehearse: `backfill rehearse`.
    5. Set AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES; then `backfill plan`, and
       `backfill apply --limit 1` for the first run.
    "#);
    for file in files {
        assert_eq!(workspace.read(file), "mine\n");
    }
    assert!(!workspace.path().join("manifests/example.yaml").exists());

    let workspace = empty();
    workspace.run("init").exits(0);
    let again = workspace.run("init").exits(0).stdout;
    assert_eq!(
        again.matches("already there, the same").count(),
        4,
        "{again}"
    );
}

#[test]
fn an_example_that_nobody_edited_creates_nothing_at_the_service() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    // A service that knows the flow of another manifest, as a real one does.
    let service = Emulated::start(&workspace, "{}");
    std::fs::remove_file(workspace.path().join("manifests/flow-1.yaml")).expect("it was there");
    workspace.run("init").exits(0);
    workspace.sign_in(&service.url);
    let ran = workspace.run("apply --yes").exits(5);
    assert!(ran.stdout.contains("0 created"), "{}", ran.stdout);
    assert_eq!(service.requests(RequestKind::CreateRun), 0);
    workspace.run("apply --yes --no-preflight");
    assert!(service.ledger().stored.is_empty());
}

#[test]
fn completions_are_printed_for_every_shell() {
    let workspace = Workspace::new();
    // They must work where the config is wrong.
    workspace.write("backfill.yaml", "wrong");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = workspace.run(&format!("completions {shell}")).exits(0);
        assert!(ran.stdout.contains("max-problems"), "{shell}");
    }
    workspace.run("completions sh").exits(3);
}
