//! What is wrong is said before anything is sent, with its own exit code.

use insta::assert_snapshot;

use crate::support::emulated::Emulated;
use crate::support::workspace::{HOLDER, Workspace, flow};

fn with_one_run() -> Workspace {
    let workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace
}

#[test]
fn where_nobody_can_answer_yes_is_needed() {
    let ran = with_one_run().run("apply --emulator").exits(3);
    assert_snapshot!(ran.stderr, @r#"
    error: nobody can be asked here whether to create runs
    hint: add --yes, or use `backfill plan` to see what would be done
    "#);
}

#[test]
fn a_missing_organization_names_its_variable() {
    let ran = with_one_run().run("apply --yes").exits(3);
    assert_snapshot!(ran.stderr, @r#"
    error: no organization is known
    hint: set AEP_ORG_ID, or `organization:` in backfill.yaml
    "#);
}

#[test]
fn a_missing_token_names_its_variable() {
    let mut workspace = with_one_run();
    workspace.set("AEP_ORG_ID", "5C13@AdobeOrg");
    let ran = workspace.run("apply --yes").exits(4);
    assert_snapshot!(ran.stderr, @r#"
    error: no access token: AEP_ACCESS_TOKEN is not set
    hint: set AEP_ACCESS_TOKEN, or AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES (OAuth server-to-server)
    "#);
    workspace.set("AEP_CLIENT_ID", "us");
    let ran = workspace.run("apply --yes").exits(4);
    assert!(
        ran.stderr.contains("AEP_CLIENT_SECRET is not set"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_missing_sandbox_names_its_variable() {
    let workspace = Workspace::new();
    workspace.write(
        "manifests/a.yaml",
        &format!(
            "version: 1\nflowId: {}\nsource: file\nruns: [{{ windowStartTime: 1651584991, windowEndTime: 1651585956 }}]\n",
            flow(1)
        ),
    );
    let ran = workspace.run("apply --yes --emulator").exits(3);
    assert!(ran.stderr.contains("AEP_SANDBOX_NAME"), "{}", ran.stderr);
    workspace.run("plan --sandbox dev").exits(0);
}

#[test]
fn credentials_that_are_not_accepted_end_it_with_their_own_code() {
    let mut workspace = with_one_run();
    let emulated = Emulated::start(&workspace, "faults: [{ do: expiredToken }]");
    workspace.sign_in(&emulated.url);
    let ran = workspace.run("apply --yes").exits(4);
    assert!(ran.stderr.contains("401013"), "{}", ran.stderr);
    assert!(ran.stderr.contains("AEP_ACCESS_TOKEN"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("a-token"), "{}", ran.stderr);
    assert_eq!(emulated.ledger().creates, 0);
}

#[test]
fn a_state_that_cannot_be_written_sends_nothing() {
    let mut workspace = with_one_run();
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    workspace.write("taken", "a file where a folder should be");
    let ran = workspace.run("apply --yes --state taken").exits(8);
    assert!(
        ran.stderr.contains("could not use the state in taken"),
        "{}",
        ran.stderr
    );
    assert_eq!(emulated.ledger().creates, 0);
}

#[test]
fn a_state_that_somebody_holds_is_left_alone_and_they_are_named() {
    let mut workspace = with_one_run();
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    std::fs::create_dir(workspace.path().join(".backfill")).expect("a folder");
    let lock = workspace.write(".backfill/lock", "");
    workspace.write(
        HOLDER,
        r#"{"host":"ci-7","pid":4711,"since":"2026-11-23T10:00:00Z"}"#,
    );
    let held = std::fs::File::open(lock).expect("it is there");
    held.lock().expect("it is free");
    let ran = workspace.run("apply --yes").exits(8);
    assert!(
        ran.stderr
            .contains("held by process 4711 on ci-7, since 2026-11-23T10:00:00Z"),
        "{}",
        ran.stderr
    );
    assert_eq!(emulated.ledger().creates, 0);
}

#[test]
fn a_damaged_state_is_named_by_file_and_line_and_left_as_it_is() {
    let mut workspace = with_one_run();
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    let damaged = workspace
        .read(".backfill/state.jsonl")
        .replace("\"rerun\":1", "\"rerun\":3");
    workspace.write(".backfill/state.jsonl", &damaged);
    let ran = workspace.run("apply --yes").exits(8);
    assert!(ran.stderr.contains("state.jsonl, line 2"), "{}", ran.stderr);
    assert_eq!(workspace.read(".backfill/state.jsonl"), damaged);
    assert_eq!(emulated.ledger().creates, 1);
}

#[test]
fn the_state_of_another_organization_is_refused() {
    let mut workspace = with_one_run();
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    workspace.set("AEP_ORG_ID", "OTHER@AdobeOrg");
    let ran = workspace.run("apply --yes").exits(8);
    assert!(
        ran.stderr.contains("5C13@AdobeOrg, not to OTHER@AdobeOrg"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_token_never_leaves_this_machine_without_tls() {
    let mut workspace = with_one_run();
    workspace.sign_in("http://platform.example");
    let ran = workspace.run("apply --yes").exits(3);
    assert!(
        ran.stderr.contains("the endpoint is not one"),
        "{}",
        ran.stderr
    );
}

#[test]
fn windows_over_what_was_ingested_are_refused_unless_allowed() {
    let mut workspace = with_one_run();
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    workspace.run("apply --yes").exits(0);
    let shifted = |overlap: &str| {
        format!(
            "version: 1\nflowId: {}\nsandbox: prod\nsource: file\n{overlap}reason: a test\n\
             runs: [{{ windowStartTime: 1641000000, windowEndTime: 1641003600 }}]\n",
            flow(1)
        )
    };
    workspace.write("manifests/flow-1.yaml", &shifted(""));
    let planned = workspace.run("plan --format json").exits(3).json();
    let other = &planned["runs"][0]["conflict"];
    assert_eq!(other["fate"], "created");
    let run_id = other["runId"].as_str().expect("an id");
    let at = other["at"].as_str().expect("a time");

    let ran = workspace.run("apply --yes --report report.json").exits(3);
    assert!(ran.stderr.contains("overlap: allow"), "{}", ran.stderr);
    // Which run is in the way, and since when, stands in the plan and in the error.
    let named = format!("run {run_id}, created {at}");
    let key = &other["key"].as_str().expect("a key")[..12];
    for said in [&ran.stdout, &ran.stderr] {
        assert!(said.contains(&named), "{said}");
        assert!(
            said.contains(&format!("overlaps [2022-01-01, 2022-01-02) of key {key}")),
            "{said}"
        );
    }
    let report: serde_json::Value =
        serde_json::from_str(&workspace.read("report.json")).expect("a document");
    assert_eq!(report["runs"][0]["outcome"], "conflict");
    assert_eq!(&report["runs"][0]["conflict"], other);
    assert_eq!(emulated.ledger().creates, 1);
    // What a limit holds back beside it is not in the document's rows, and is said.
    workspace.manifest(2, 3, false);
    let ran = workspace
        .run("apply --yes --format json --limit 1")
        .exits(3);
    assert!(
        ran.stderr.contains("warning: 2 held back by --limit (1)"),
        "{}",
        ran.stderr
    );
    std::fs::remove_file(workspace.path().join("manifests/flow-2.yaml")).expect("removed");
    workspace.write("manifests/flow-1.yaml", &shifted("overlap: allow\n"));
    workspace.run("apply --yes").exits(0);
    assert_eq!(emulated.ledger().creates, 2);
}

/// `text` as an older PowerShell's `>` writes it.
fn utf_16(text: &str) -> Vec<u8> {
    let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_file_in_utf_16_is_named_and_a_byte_order_mark_changes_nothing() {
    let mut workspace = with_one_run();
    let emulated = Emulated::start(&workspace, "\u{feff}seed: 1\n");
    workspace.sign_in(&emulated.url);
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(workspace.path().join(name), bytes).expect("written");
    };
    let mut files = vec![
        ("backfill.yaml", "validate", "version: 1\n".to_owned()),
        (
            "s.yaml",
            "emulator --scenario s.yaml",
            "seed: 1\n".to_owned(),
        ),
        (
            "manifests/flow-1.yaml",
            "validate",
            workspace.read("manifests/flow-1.yaml"),
        ),
    ];
    let plan = workspace.run("plan --format json").exits(0).stdout;
    files.push(("plan.json", "apply --yes --plan plan.json", plan));
    workspace.run("apply --yes --state pushed").exits(0);
    workspace.run("state pull p.jsonl --state pushed").exits(0);
    let state = workspace.read("p.jsonl");
    files.push(("p.jsonl", "state push p.jsonl --yes --state pushed", state));
    for (name, line, text) in &files {
        write(name, &utf_16(text));
        let ran = workspace.run(line).exits(3);
        assert!(
            ran.stderr.contains("the file is UTF-16, not UTF-8"),
            "{name}: {}",
            ran.stderr
        );
        assert!(ran.stderr.contains(name), "{name}: {}", ran.stderr);
        write(name, format!("\u{feff}{text}").as_bytes());
        if !line.starts_with("emulator") {
            workspace.run(line).exits(0);
        }
    }
    // An editor has no business there; a mark, and no other damage, is what is told.
    let name = "pushed/state.jsonl";
    write(name, format!("\u{feff}{}", workspace.read(name)).as_bytes());
    let ran = workspace.run("state verify --state pushed").exits(8);
    assert!(
        ran.stderr
            .contains("state.jsonl, line 1: here is a byte order mark"),
        "{}",
        ran.stderr
    );
    write("p.jsonl", b"{}\n\xe9");
    let ran = workspace
        .run("state push p.jsonl --yes --state pushed")
        .exits(3);
    assert!(
        ran.stderr
            .contains("p.jsonl, line 2: the file is not UTF-8: byte 0xe9"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_config_that_is_no_text_is_annotated_at_its_line() {
    let workspace = with_one_run();
    std::fs::write(
        workspace.path().join("backfill.yaml"),
        b"version: 1\n# caf\xe9\n",
    )
    .expect("written");
    let ran = workspace.run("validate --format github").exits(3);
    let said = "::error file=backfill.yaml,line=2,col=1,title=backfill::";
    assert!(ran.stdout.starts_with(said), "{}", ran.stdout);
}
