//! What a person sees on a terminal of 60 columns: sentences are broken at blanks, and what is copied is not.

use std::process::{Command, Stdio};

use crate::support::workspace::{Workspace, flow};

/// What `line` writes to a terminal of 60 columns.
fn on_terminal(workspace: &Workspace, line: &str) -> String {
    let program = workspace.command(line.split(' '));
    let mut command = Command::new("script");
    command
        .args(["-q", "-e", "-c"])
        .arg(r#"stty rows 24 cols 60; "$PROGRAM" $LINE; true"#)
        .arg("/dev/null")
        .current_dir(workspace.path())
        .env_clear()
        .stdin(Stdio::null());
    for (name, value) in program.get_envs() {
        command.envs(value.map(|value| (name, value)));
    }
    command
        .env("PATH", "/usr/bin:/bin")
        .env("NO_COLOR", "1")
        .env("PROGRAM", program.get_program())
        .env("LINE", line);
    let output = command.output().expect("a terminal");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.replace("\r\n", "\n")
}

#[test]
fn a_request_to_copy_is_not_broken() {
    let workspace = Workspace::new();
    workspace.manifest(1, 3, true);
    let shown = on_terminal(&workspace, "plan --explain 4d4f984b");
    let body = shown.lines().find(|line| line.contains("--data "));
    let body = body.unwrap_or_else(|| panic!("{shown}"));
    assert!(body.ends_with("}}}'"), "{shown}");
    let header = r#"  -H "x-api-key: ${AEP_API_KEY:-$AEP_CLIENT_ID}" \"#;
    assert!(shown.lines().any(|line| line == header), "{shown}");
    let sentence = shown.lines().find(|line| line.starts_with("The request"));
    assert!(sentence.is_some_and(|line| line.len() <= 60), "{shown}");
}

#[test]
fn a_sentence_is_broken_at_blanks() {
    let workspace = Workspace::new();
    let manifest = format!(
        "version: 1\nflowId: {}\nsandbox: prod\nsource: file\nreason: a test\n\
         ranges: [{{ from: 2022-01-01, to: 2022-01-03, every: 1 day, timezone: GMT+2 }}]\n",
        flow(1)
    );
    workspace.write("manifests/a.yaml", &manifest);
    let shown = on_terminal(&workspace, "validate");
    let (_, help) = shown.split_once("= help: ").expect("a help");
    let (help, _) = help.split_once("\n\n").expect("its end");
    let words: Vec<&str> = help.split_whitespace().collect();
    let whole = "write an IANA name such as `Europe/Madrid`, or `UTC`; an offset goes into a time";
    assert!(words.join(" ").contains(whole), "{shown}");
    assert!(help.lines().all(|line| line.len() <= 60), "{shown}");
    // The place is under what it points at.
    assert!(shown.contains("timezone: GMT+2 }]\n"), "{shown}");
    std::fs::remove_dir_all(workspace.path().join("manifests")).expect("removed");
    let shown = on_terminal(&workspace, "apply");
    let hint = shown.split_once("hint: ").expect("a hint").1;
    assert!(hint.lines().all(|line| line.len() <= 60), "{shown}");
}
