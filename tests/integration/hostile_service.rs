//! A service that says what is meant to harm its readers: escape sequences, workflow commands,
//! marks that turn text around, and too much of everything. All of it is spelled out and cut.

use serde_json::{Value, json};

use crate::support::dice::is_whole;
use crate::support::workspace::{Ran, Workspace};
use crate::wire::server::Server;

/// What no line that people or runners read may hold.
const HARM: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\r\n::error::pwned\n::add-mask::a\r::stop-commands::x \
                    ##[error]pwned\u{202e}gnp\u{2066}\u{200b}\u{61c}\u{feff}\0\u{9b}31m";

/// All that one command may say about two runs.
const ENOUGH: usize = 40_000;

fn harm() -> String {
    // In front, so that it is not cut off; then a megabyte more, or ten.
    let megabytes = if is_whole() { 10 } else { 1 };
    format!("{HARM} {}", "x".repeat(megabytes << 20))
}

/// Whether `c` may stand in a line.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[track_caller]
fn assert_harmless(text: &str) {
    assert!(text.len() < ENOUGH, "{} bytes were said", text.len());
    for line in text.lines() {
        assert!(line.chars().all(is_harmless), "{line:?}");
        assert!(!line.trim_start().starts_with("::"), "a command: {line}");
        assert!(!line.contains("##["), "a command: {line}");
    }
}

/// Every text in a document.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[track_caller]
fn assert_document_harmless(text: &str) {
    for line in text.lines() {
        assert!(line.len() < ENOUGH, "{} bytes in a line", line.len());
    }
    let documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    for document in documents {
        let document = document.expect("JSON");
        texts(&document).into_iter().for_each(assert_harmless);
    }
}

#[track_caller]
fn assert_all_harmless(workspace: &Workspace, ran: &Ran) {
    assert_harmless(&ran.stderr);
    if ran.stdout.starts_with('{') {
        assert_document_harmless(&ran.stdout);
    } else {
        assert_harmless(&ran.stdout);
    }
    for file in [
        "applied.json",
        ".backfill/state.jsonl",
        ".backfill/journal.jsonl",
    ] {
        if workspace.path().join(file).exists() {
            assert_document_harmless(&workspace.read(file));
        }
    }
}

/// A workspace of two runs of a table at a service that answers by method and path.
fn at(service: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> (Server, Workspace) {
    let server = Server::start(move |talk| {
        if let Some(request) = talk.request() {
            let (status, body) = service(request.lines().next().expect("a line"));
            talk.answer(status, body);
        }
    });
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, true);
    workspace.write("backfill.yaml", "version: 1\nsettleDelay: 1 second\n");
    workspace.sign_in(&server.url());
    (server, workspace)
}

#[test]
fn the_measure_finds_what_it_is_made_for() {
    for line in [HARM, "  ::error::x", "a ##[error]x", "\u{202e}"] {
        assert!(std::panic::catch_unwind(|| assert_harmless(line)).is_err());
    }
}

#[test]
fn a_refusal_is_harmless_wherever_it_is_shown_or_kept() {
    let code = || format!("https://x/FLOW-{HARM}");
    let bodies: Vec<String> = vec![
        json!({"type": code(), "report": {"detailed-message": harm(), "request-id": harm()}})
            .to_string(),
        json!({"type": code(), "report": {"detailed-message": HARM, "request-id": HARM}})
            .to_string(),
        json!({"code": HARM, "errorMessage": HARM}).to_string(),
        harm(),
        HARM.to_owned(),
    ];
    for (status, code) in [(400, 5), (409, 6), (500, 6)] {
        for body in &bodies {
            let body = body.clone();
            let (server, workspace) = at(move |line| {
                if line.starts_with("POST") {
                    (status, body.clone())
                } else {
                    // In doubt, it stays so: no list is understood.
                    (200, "{}".to_owned())
                }
            });
            let apply = "apply --yes --no-preflight --report applied.json";
            let ran = workspace.run(&format!("{apply} -v")).exits(code);
            assert!(ran.stderr.contains("pwned"), "not shown: {}", ran.stderr);
            assert_all_harmless(&workspace, &ran);
            assert!(server.posts() > 0);
            for command in [
                "plan",
                "plan --format json",
                "plan --format markdown",
                "status",
                &format!("{apply} --format json --progress bar"),
            ] {
                assert_all_harmless(&workspace, &workspace.run(command));
            }
        }
    }
}

#[test]
fn the_explanation_of_a_refused_run_is_harmless_however_it_is_broken_into_lines() {
    for before in (0..40).step_by(if is_whole() { 1 } else { 6 }) {
        let message = format!("{} {HARM}", "x".repeat(before));
        let (_, workspace) = at(move |_| (400, json!({"message": message}).to_string()));
        workspace.run("apply --yes --no-preflight").exits(5);
        let plan = workspace.run("plan --format json").exits(0).json();
        let key = plan["runs"][0]["key"].as_str().expect("a key");
        let ran = workspace.run(&format!("plan --explain {key}")).exits(0);
        assert!(ran.stdout.contains("pwned"), "{}", ran.stdout);
        assert_harmless(&ran.stdout);
    }
}

#[test]
fn a_flow_that_blocks_itself_is_harmless() {
    for place in ["/state", "/scheduleParams/frequency", "/transformations"] {
        for text in [HARM.to_owned(), harm()] {
            let (_, workspace) = at(move |_| {
                let flow = match place {
                    "/state" => json!({"id": "f", "state": "disabled", "x": text}),
                    "/transformations" => json!({"id": "f", "transformations": [
                        {"name": "Copy", "params": {"deltaColumn": {"name": text, "dateFormat": text}}}
                    ]}),
                    _ => json!({"id": "f", "scheduleParams": {"frequency": text}}),
                };
                (200, json!({"items": [flow]}).to_string())
            });
            let ran = workspace
                .run("apply --yes --report applied.json -v")
                .exits(5);
            assert_eq!(ran.stderr.contains("pwned"), place != "/state", "{place}");
            assert_all_harmless(&workspace, &ran);
        }
    }
}

#[test]
fn the_status_of_a_run_and_its_errors_are_harmless() {
    for text in [HARM.to_owned(), harm()] {
        let (_, workspace) = at(move |line| {
            if line.starts_with("POST") {
                return (201, json!({"id": "r1"}).to_string());
            }
            let error = json!({"code": HARM, "message": text});
            let run = json!({"id": "r1", "createdClient": text, "metrics": {"statusSummary":
                {"status": HARM, "errors": [error]}}});
            (200, json!({"items": [run]}).to_string())
        });
        workspace.run("apply --yes --no-preflight --limit 1");
        for command in ["status", "status --format json", "status -v"] {
            let ran = workspace.run(command);
            assert!(ran.stdout.contains("pwned"), "{}", ran.stdout);
            assert_all_harmless(&workspace, &ran);
        }
    }
}
