//! `init`: the first files, and what can be done with them at once.

use aep_backfill::emulator::RequestKind;
use insta::assert_snapshot;

use crate::support::emulated::Emulated;
use crate::support::workspace::Workspace;

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
    backfill.yaml                          written
    manifests/example.yaml                 written
    manifests/schema.json                  written
    .gitignore                             written
    .github/workflows/backfill-plan.yml    written
    .github/workflows/backfill-apply.yml   written
    .github/workflows/backfill-follow.yml  written
    .github/workflows/backfill-audit.yml   written

    Next:
    1. Try it, without an account: `backfill plan --emulator`.
    2. Put your flow, windows and reason into manifests/example.yaml, and give the file a better name.
    3. Put your organization and sandbox into backfill.yaml.
    4. Check: `backfill validate`. Rehearse: `backfill rehearse`.
    5. Set AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES; then `backfill doctor`,
       `backfill plan`, and `backfill apply --limit 1` for the first run.
    6. On GitHub: docs/github.md of backfill says what else the workflows need there.
    7. They use the action of OWNER/REPOSITORY@COMMIT, for this build is no release. Put in
       place of that the one you trust, or remove them and let `backfill init --action` write them.
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
    let files = [
        "backfill.yaml",
        "manifests/schema.json",
        ".gitignore",
        ".github/workflows/backfill-plan.yml",
    ];
    std::fs::create_dir_all(workspace.path().join(".github/workflows")).expect("a folder");
    for file in files {
        workspace.write(file, "mine\n");
    }
    workspace.manifest(1, 1, false);
    let ran = workspace.run("init").exits(0);
    assert_snapshot!(ran.stdout, @r#"
    backfill.yaml                          already there, left as it is
    manifests/example.yaml                 not written: there are manifests already
    manifests/schema.json                  already there, left as it is
    .gitignore                             already there, left as it is
    .github/workflows/backfill-plan.yml    already there, left as it is
    .github/workflows/backfill-apply.yml   written
    .github/workflows/backfill-follow.yml  written
    .github/workflows/backfill-audit.yml   written

    Next:
    1. Add the line `.backfill/` to .gitignore: the state stays out of git.
    2. manifests/schema.json is of another version: `backfill schema > manifests/schema.json`.
    3. Put your organization and sandbox into backfill.yaml.
    4. Check: `backfill validate`. Rehearse: `backfill rehearse`.
    5. Set AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES; then `backfill doctor`,
       `backfill plan`, and `backfill apply --limit 1` for the first run.
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
        8,
        "{again}"
    );
}

#[test]
fn an_action_that_workflows_which_are_there_do_not_use_is_told() {
    let workspace = empty();
    workspace.run("init").exits(0);
    let plan = ".github/workflows/backfill-plan.yml";
    let unknown = workspace.read(plan);
    let uses = "team/backfill/.github/actions/backfill@0123456789abcdef";
    // One of them was changed by hand, and uses it.
    let apply = ".github/workflows/backfill-apply.yml";
    workspace.write(apply, &format!("steps: [{{ uses: {uses} }}]\n"));
    let action = "init --action team/backfill@0123456789abcdef";
    let ran = workspace.run(action).exits(0);
    let next = ran.stdout.split("Next:\n").nth(1).expect("what comes next");
    assert_snapshot!(next, @"
    1. These workflows are left as they are, and do not use the action that you named. Put
       `team/backfill/.github/actions/backfill@0123456789abcdef`
       into their `uses:`, or remove them and run this again:
       backfill-plan.yml, backfill-follow.yml, backfill-audit.yml.
    2. Try it, without an account: `backfill plan --emulator`.
    3. Put your flow, windows and reason into manifests/example.yaml, and give the file a better name.
    4. Put your organization and sandbox into backfill.yaml.
    5. Check: `backfill validate`. Rehearse: `backfill rehearse`.
    6. Set AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES; then `backfill doctor`,
       `backfill plan`, and `backfill apply --limit 1` for the first run.
    ");
    assert_eq!(workspace.read(plan), unknown);

    for name in ["plan", "follow", "audit"] {
        let path = workspace
            .path()
            .join(format!(".github/workflows/backfill-{name}.yml"));
        std::fs::remove_file(path).expect("it is there");
    }
    let ran = workspace.run(action).exits(0);
    assert!(!ran.stdout.contains("do not use"), "{}", ran.stdout);
    assert!(workspace.read(plan).contains(uses));
}

#[test]
fn its_workflows_are_our_own_with_the_action_of_a_release() {
    let workspace = empty();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let action = format!("team/backfill@{commit}");
    let ran = workspace.run(&format!("init --action {action}")).exits(0);
    assert!(!ran.stdout.contains("OWNER"), "{}", ran.stdout);
    for (name, ours) in [
        ("plan", include_str!("../../.github/workflows/plan.yml")),
        ("apply", include_str!("../../.github/workflows/apply.yml")),
        ("follow", include_str!("../../.github/workflows/follow.yml")),
        ("audit", include_str!("../../.github/workflows/audit.yml")),
    ] {
        let path = format!(".github/workflows/backfill-{name}.yml");
        let theirs = workspace.read(&path);
        let uses = format!("uses: team/backfill/.github/actions/backfill@{commit}\n");
        // Follow retries, then makes the page of a status.
        let steps = if name == "follow" { 2 } else { 1 };
        assert_eq!(theirs.matches(&uses).count(), steps, "{theirs}");
        assert!(!theirs.contains("only in this repository"), "{theirs}");
        assert!(!theirs.contains("BACKFILL_STATE"), "{theirs}");
        // A change of the workflow is a reason to run it; a plan is made for every pull request.
        assert_eq!(theirs.contains(&path), name == "apply", "{theirs}");
        assert_eq!(theirs.contains("paths:"), name == "apply", "{theirs}");
        let kept = ours.lines().filter(|line| theirs.contains(*line)).count();
        assert!(ours.lines().count() - kept <= 2 + 2 * steps, "{theirs}");
    }
    for wrong in [
        "x",
        "team/backfill",
        "a/b/c@v1",
        "team/@v1",
        "a/b@c d",
        "a/b@\n",
    ] {
        workspace.run_with(["init", "--action", wrong]).exits(3);
    }
}

#[test]
fn in_a_repository_the_state_is_on_a_branch_and_workflows_are_at_its_root() {
    let workspace = empty();
    crate::support::git::git(workspace.path(), "init --quiet");
    std::fs::create_dir(workspace.path().join("crm")).expect("a folder");
    let ran = workspace
        .command(["init"])
        .current_dir(workspace.path().join("crm"))
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    let elsewhere = "not written: it belongs where the repository begins";
    assert_eq!(said.matches(elsewhere).count(), 4, "{said}");
    assert!(!workspace.path().join("crm/.github").exists());
    let state = "\nstate: git:backfill-state\n";
    assert!(workspace.read("crm/backfill.yaml").contains(state));

    workspace.run("init").exits(0);
    assert!(workspace.read("backfill.yaml").contains(state));
    assert!(
        workspace
            .read(".github/workflows/backfill-plan.yml")
            .contains("--comment")
    );
    // It is tried at once, without a remote.
    workspace.run("apply --emulator --yes").exits(0);
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
fn each_command_has_a_manual_page() {
    let workspace = Workspace::new();
    let ran = workspace.run("man man1").exits(0);
    assert!(ran.stdout.starts_with("Wrote "), "{}", ran.stdout);
    for (page, says) in [
        ("backfill.1", "exactly once"),
        ("backfill-apply.1", "no\\-preflight"),
        ("backfill-state-push.1", "pulled"),
    ] {
        let text = workspace.read(&format!("man1/{page}"));
        assert!(
            text.contains(".SH NAME") && text.contains(says),
            "{page}: {text}"
        );
    }
    workspace.write("a-file", "");
    workspace.run("man a-file").exits(1);
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
