//! Secrets: every command that talks to the service, in every trouble, as loud as it can be made;
//! then all that was said and all that was written is searched for the token and the client secret.
//!
//! A new verb goes into [`TALKING`] with the flags that make it talk, or into [`SILENT`]; a test
//! compares them with `backfill --help`.

use std::fs::File;
use std::path::Path;

use aep_backfill::emulator::RequestKind;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use crate::support::emulated::Emulated;
use crate::support::workspace::Workspace;
use crate::wire::server::{Server, Talk};

/// Commands that talk to the service, or hold the credentials while they do not.
const TALKING: &[&str] = &[
    "doctor",
    "apply --yes --report applied.json",
    "apply --yes --no-preflight --format json --progress bar",
    "status",
    "status --format json",
    "status --watch --timeout 1s",
    "retry --yes --format json",
    "retry --dry-run",
    "audit",
    "audit --format json",
    "import 00000000-0000-4000-8000-000000000001 --dry-run --format json",
    "resolve",
    "resolve --format json",
    "state list",
    "state verify",
    "plan --format json",
    "validate",
];
/// A command that brings its own service, and holds the credentials all the same.
const REHEARSAL: &str = "rehearse --scenario calm --kills 1 --keep";
/// Verbs that need no credentials.
const SILENT: &[&str] = &["init", "emulator", "schema", "completions", "man"];

const TOKEN: &str = "eyJhbGciOiJub25lIn0.dG9rZW4+b2Y/dGVzdHM=.c2lnbmF0dXJl";
const SECRET: &str = "p8e-s3cr3t+of/the=tests-0123456789";
/// What a token begins with that the emulator has issued; its end in milliseconds follows.
const ISSUED: &str = "emulator.1";

/// Every fault of the emulator, with its settings.
const FAULTS: &[&str] = &[
    "{ throttled: {} }",
    "{ throttled: { retryAfter: 1 } }",
    "{ throttled: { retryAfter: 1, as: httpDate } }",
    "{ status: { code: 400 } }",
    "{ status: { code: 400, flowCode: 2115 } }",
    "{ status: { code: 403, body: html } }",
    "{ status: { code: 503, body: empty } }",
    "{ status: { code: 504, when: after } }",
    "{ reset: before }",
    "{ reset: after }",
    "{ hang: { for: 3, when: before } }",
    "{ hang: { for: 3, when: after } }",
    "garbage",
    "withoutId",
    "halfAnswer",
    "expiredToken",
    "{ slow: 0.1 }",
];

/// How to sign in.
#[derive(Debug, Clone, Copy)]
enum Signed {
    ByToken,
    BySecret,
}

/// A workspace of two runs, signed in at `service`, where nothing takes long and all is logged.
fn workspace(service: &str, ims: &str, signed: Signed) -> Workspace {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 2, true);
    sign_in(&mut workspace, service, ims, signed);
    workspace
}

fn sign_in(workspace: &mut Workspace, service: &str, ims: &str, signed: Signed) {
    workspace.write(
        "backfill.yaml",
        "version: 1\nsettleDelay: 1 second\nlimits: { rate: 100/s }\n\
         wire: { timeout: 2 seconds }\n",
    );
    for (name, value) in [
        ("AEP_ENDPOINT", service),
        ("AEP_ORG_ID", "5C13@AdobeOrg"),
        ("RUST_LOG", "trace"),
        ("RUST_BACKTRACE", "full"),
    ] {
        workspace.set(name, value);
    }
    match signed {
        Signed::ByToken => {
            workspace.set("AEP_ACCESS_TOKEN", TOKEN);
            workspace.set("AEP_API_KEY", "our-key");
        }
        Signed::BySecret => {
            workspace.set("AEP_CLIENT_ID", "our-key");
            workspace.set("AEP_CLIENT_SECRET", SECRET);
            workspace.set("AEP_SCOPES", "openid,AdobeID");
            workspace.set("AEP_IMS_ENDPOINT", ims);
        }
    }
}

/// All forms in which a secret could come out: as it is, percent-encoded, in base64.
fn forms(secret: &str) -> Vec<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms = vec![secret.to_owned(), encoded.to_lowercase(), encoded];
    for before in 0..3 {
        let text = [&b"::"[..before.min(2)], secret.as_bytes()].concat();
        for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
            // Without what depends on the bytes before and after.
            let text = engine.encode(&text);
            forms.push(text[4..text.len() - 4].to_owned());
        }
    }
    forms
}

/// Which secrets `text` holds.
fn found_in(text: &str) -> Vec<String> {
    let mut all = forms(TOKEN);
    all.extend(forms(SECRET));
    // Half of one is too much.
    all.extend([&TOKEN[..24], &TOKEN[24..], &SECRET[..20]].map(ToOwned::to_owned));
    all.push(ISSUED.to_owned());
    all.retain(|form| text.contains(form));
    all
}

#[track_caller]
fn assert_clean(text: &str, what: &str) {
    let found = found_in(text);
    assert!(found.is_empty(), "{what} holds {found:?}:\n{text}");
}

/// Searches every file under `folder`.
#[track_caller]
fn assert_files_clean(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_files_clean(&path);
        } else {
            let bytes = std::fs::read(&path).expect("a file");
            let text = String::from_utf8_lossy(&bytes);
            assert_clean(&text, &path.display().to_string());
        }
    }
}

/// Runs every command and looks at all that it leaves behind.
#[track_caller]
fn nothing_comes_out(workspace: &Workspace, trouble: &str) -> String {
    let mut said = String::new();
    for command in TALKING {
        let ran = workspace.run(&format!("{command} -v"));
        assert!(
            ran.code.is_some_and(|code| code < 100),
            "{command}: {ran:?}"
        );
        let all = format!("{}\n{}", ran.stdout, ran.stderr);
        assert_clean(&all, &format!("`{command}` in `{trouble}`"));
        said.push_str(&all);
    }
    assert_files_clean(workspace.path());
    said
}

/// Runs `each` for all of `cases` at once: what they do is mostly waiting.
fn for_all<T: Copy + Send>(cases: impl IntoIterator<Item = T>, each: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let each = &each;
            scope.spawn(move || each(case));
        }
    });
}

#[test]
fn the_search_finds_what_it_is_made_for() {
    let basic = BASE64_STANDARD_NO_PAD.encode(format!("our-key:{SECRET}"));
    let encoded: String = url::form_urlencoded::byte_serialize(TOKEN.as_bytes()).collect();
    for text in [
        &format!("Bearer {TOKEN}"),
        &format!("client_secret={SECRET}&"),
        &basic,
        &BASE64_URL_SAFE_NO_PAD.encode(format!("x{TOKEN}")),
        &encoded,
        "emulator.1790000000000.4f",
    ] {
        assert!(!found_in(text).is_empty(), "{text}");
    }
}

#[test]
fn every_verb_is_searched_or_needs_no_credentials() {
    let workspace = Workspace::new();
    let help = workspace.run("--help").exits(0).stdout;
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(verbs.contains(&"apply"), "{help}");
    for verb in verbs {
        let talks = TALKING
            .iter()
            .chain([&REHEARSAL])
            .any(|line| line.split(' ').next() == Some(verb));
        assert!(
            talks || SILENT.contains(&verb),
            "`{verb}` is in neither list of this file"
        );
    }
}

#[test]
fn no_fault_of_the_emulator_brings_a_secret_out() {
    let cases = FAULTS
        .iter()
        .flat_map(|fault| [(*fault, Signed::ByToken), (*fault, Signed::BySecret)]);
    for_all(cases, |(fault, signed)| {
        let mut workspace = Workspace::new();
        workspace.manifest(1, 2, true);
        let log = File::create(workspace.path().join("emulator.log")).expect("a file");
        let at = |kind, calls| format!("- {{ on: {kind}, calls: {calls}, do: {fault} }}\n");
        let scenario = [
            "scheduledFor: 0\nrunsFor: 0\noutcomes: { failed: 1 }\nfaults:\n".to_owned(),
            at("createRun", "[1]"),
            at("getFlow", "[1]"),
            at("listRuns", "[2, 4]"),
            at("token", "[3]"),
        ]
        .concat();
        let flags = "--data service.jsonl -v";
        let emulated = Emulated::start_with(&workspace, &scenario, flags, log.into());
        sign_in(&mut workspace, &emulated.url, &emulated.url, signed);
        nothing_comes_out(&workspace, fault);
        assert!(emulated.requests(RequestKind::CreateRun) > 0, "{fault}");
        if let Signed::BySecret = signed {
            assert!(emulated.requests(RequestKind::Token) > 0, "{fault}");
        }
        drop(emulated);
        assert_files_clean(workspace.path());
    });
}

/// The value of the `Authorization` header of a request, without its scheme.
fn token_in(request: &str) -> &str {
    let header = request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("authorization").then_some(value)
    });
    let (_, token) = header
        .and_then(|value| value.split_once(' '))
        .unwrap_or_default();
    token
}

/// A way to repeat a secret: name, and what becomes of it.
type Echo = (&'static str, fn(&str) -> String);

const ECHOES: &[Echo] = &[
    ("as it is", |secret| format!("`{secret}` is not valid")),
    ("as a header", |secret| {
        format!("authorization=Bearer {secret}")
    }),
    ("at the end", |secret| format!("not valid: {secret}")),
    ("far behind", |secret| {
        format!("{}{secret}", "x".repeat(590))
    }),
    ("percent-encoded", |secret| {
        let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        format!("client_secret={encoded}&x=y")
    }),
    ("in base64", |secret| {
        let encoded = BASE64_STANDARD_NO_PAD.encode(format!("our-key:{secret}"));
        format!("Basic {encoded}")
    }),
    ("in base64 for URLs", |secret| {
        BASE64_URL_SAFE_NO_PAD.encode(format!("k:{secret}"))
    }),
];

/// Answers every request with `status` and `text` wherever a service has room for text.
fn repeat(talk: &mut Talk, status: u16, text: &str) {
    let body = serde_json::json!({
        "error_code": text, "message": text,
        "report": { "detailed-message": text, "request-id": text },
    })
    .to_string();
    talk.say(format!(
        "HTTP/1.1 {status} X\r\nx-request-id: {text}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    ));
}

#[test]
fn a_service_that_repeats_the_token_in_its_errors_does_not_bring_it_out() {
    let statuses = [400, 401, 403, 404, 409, 500];
    let cases = ECHOES
        .iter()
        .enumerate()
        .map(|(at, echo)| (*echo, statuses[at % statuses.len()]))
        .chain(statuses.map(|status| (ECHOES[0], status)));
    for_all(cases, |((name, echo), status)| {
        let server = Server::start(move |talk| {
            if let Some(request) = talk.request() {
                let text = echo(token_in(&request));
                if request.starts_with("GET") {
                    // No list: what is in doubt stays so.
                    talk.answer(200, "{}");
                } else {
                    repeat(talk, status, &text);
                }
            }
        });
        let workspace = workspace(&server.url(), "", Signed::ByToken);
        let said = nothing_comes_out(&workspace, name);
        assert!(server.posts() > 0, "{name}");
        assert!(said.contains("***"), "{name}, {status}: {said}");
    });
}

#[test]
fn an_answer_that_breaks_off_within_the_token_does_not_show_the_half_of_it() {
    let lengths = [TOKEN.len() - 1, TOKEN.len() - 8, 30];
    for_all(lengths, |length| {
        let server = Server::start(move |talk| {
            if let Some(request) = talk.request() {
                let half = &token_in(&request)[..length];
                talk.say(format!(
                    "HTTP/1.1 400 X\r\ncontent-length: 9999\r\n\r\n{{\"message\":\"Bearer {half}"
                ));
            }
        });
        let workspace = workspace(&server.url(), "", Signed::ByToken);
        let said = nothing_comes_out(&workspace, "a half");
        assert!(said.contains("Bearer ***"), "{said}");
    });
}

#[test]
fn a_service_that_repeats_the_token_in_what_it_lists_does_not_bring_it_out() {
    // A token of the environment, and one that was asked for.
    for_all([Signed::ByToken, Signed::BySecret], |signed| {
        let ims = Server::start(|talk| {
            talk.request();
            let token = serde_json::json!({"access_token": TOKEN, "expires_in": 86_399});
            talk.answer(200, token.to_string());
        });
        let server = Server::start(|talk| {
            let Some(request) = talk.request() else {
                return;
            };
            let text = format!("said by {}", token_in(&request));
            if request.starts_with("POST") {
                talk.answer(201, r#"{"id":"r1"}"#);
            } else if request.contains("/flows/") {
                let flow = serde_json::json!({
                    "id": "f", "flowSpec": {"id": text},
                    "scheduleParams": {"frequency": "once"},
                });
                talk.answer(200, serde_json::json!({"items": [flow]}).to_string());
            } else {
                let run = serde_json::json!({
                    "id": "r1", "createdClient": text,
                    "metrics": {"statusSummary": {
                        "status": text, "errors": [{"code": text, "message": text}]
                    }},
                });
                talk.answer(200, serde_json::json!({"items": [run]}).to_string());
            }
        });
        let workspace = workspace(&server.url(), &ims.url(), signed);
        workspace.manifest(1, 1, true);
        let said = nothing_comes_out(&workspace, "lists");
        assert!(said.contains("said by ***"), "{said}");
    });
}

#[test]
fn a_flow_that_repeats_the_token_in_what_blocks_it_does_not_bring_it_out() {
    for_all(["state", "frequency", "column"], |place| {
        let server = Server::start(move |talk| {
            if let Some(request) = talk.request() {
                let text = format!("said by {}", token_in(&request));
                let mut flow = serde_json::json!({"id": "f"});
                match place {
                    "state" => flow["state"] = "disabled".into(),
                    "frequency" => flow["scheduleParams"]["frequency"] = text.clone().into(),
                    _ => {
                        flow["transformations"] = serde_json::json!([
                            {"name": "Copy", "params": {"deltaColumn": {"name": text}}}
                        ]);
                    }
                }
                flow["items"] = serde_json::json!([flow.clone()]);
                talk.answer(200, flow.to_string());
            }
        });
        let workspace = workspace(&server.url(), "", Signed::ByToken);
        let ran = workspace
            .run("apply --yes --report applied.json -v")
            .exits(5);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert_clean(&all, place);
        assert_files_clean(workspace.path());
        assert_eq!(all.contains("said by ***"), place != "state", "{all}");
    });
}

#[test]
fn a_sign_in_service_that_repeats_the_secret_does_not_bring_it_out() {
    let cases = ECHOES
        .iter()
        .map(|echo| (*echo, 400))
        .chain([200, 302, 401, 429, 503].map(|status| (ECHOES[0], status)));
    for_all(cases, |((name, echo), status)| {
        let ims = Server::start(move |talk| {
            if let Some(request) = talk.request() {
                let (_, form) = request.split_once("\r\n\r\n").expect("a body");
                let secret = url::form_urlencoded::parse(form.as_bytes())
                    .find(|(name, _)| name == "client_secret")
                    .map(|(_, value)| value.into_owned());
                let text = echo(&secret.expect("a secret"));
                let body = serde_json::json!({"error": text, "error_description": text});
                talk.answer(status, body.to_string());
            }
        });
        let service = Server::start(|talk| {
            talk.request();
        });
        let workspace = workspace(&service.url(), &ims.url(), Signed::BySecret);
        let ran = workspace.run("apply --yes --report applied.json -v");
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ims.connections() > 0, "{name}");
        assert_eq!(service.connections(), 0, "nothing is sent without a token");
        assert!(all.contains(&format!("HTTP {status}")), "{name}: {all}");
        let repeats = ![200, 302].contains(&status);
        assert_eq!(all.contains("***"), repeats, "{name}: {all}");
        assert_clean(&all, name);
        assert_files_clean(workspace.path());
    });
}

#[test]
fn a_rehearsal_keeps_no_secret() {
    let mut workspace = workspace("http://127.0.0.1:1", "", Signed::ByToken);
    let kept = workspace.path().join("kept");
    std::fs::create_dir(&kept).expect("a folder");
    let variable = if cfg!(windows) { "TMP" } else { "TMPDIR" };
    workspace.set(variable, kept.to_str().expect("a path in UTF-8"));
    let ran = workspace.run(&format!("{REHEARSAL} -v")).exits(0);
    assert_clean(&format!("{}{}", ran.stdout, ran.stderr), REHEARSAL);
    assert!(kept.read_dir().expect("it is kept").next().is_some());
    assert_files_clean(workspace.path());
}

#[test]
fn a_variable_that_is_wrong_is_not_shown() {
    for (name, value) in [
        ("AEP_ACCESS_TOKEN", format!("{TOKEN}\n{SECRET}")),
        ("AEP_ACCESS_TOKEN", format!("{TOKEN}\u{7f}")),
        (
            "AEP_ENDPOINT",
            format!("https://someone:{SECRET}@127.0.0.1"),
        ),
        ("AEP_ENDPOINT", format!("https://127.0.0.1/{SECRET}")),
        (
            "AEP_IMS_ENDPOINT",
            format!("https://someone:{SECRET}@127.0.0.1"),
        ),
    ] {
        let signed = if name == "AEP_IMS_ENDPOINT" {
            Signed::BySecret
        } else {
            Signed::ByToken
        };
        let mut workspace = workspace("http://127.0.0.1:1", "", signed);
        workspace.set(name, &value);
        nothing_comes_out(&workspace, name);
    }
}
