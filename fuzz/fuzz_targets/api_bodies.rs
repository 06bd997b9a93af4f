//! Whatever the service answers is read or refused, never a panic or a hang; no answer makes a run
//! that may exist one that does not; and nothing of it that is shown can act on a terminal, a log
//! or a workflow, is without end, or holds a secret of ours.
//!
//! The first line of an input is the HTTP status, all after it is the body. The body goes through
//! every parser as it is, and again with one of its numbers at the end of a range. Then it is taken
//! as mere text, with a secret put into it, and stands in the fields of an answer that are shown.
//!
//! `.ci/fuzz 60 api_bodies` runs it for a minute.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aep_backfill::api::{
    Answer, Client, Connection, Credentials, Flow, FlowRun, Outcome, Pacer, Page, Rate, RunError,
    Timeouts, TokenAnswer, judge, kind_by_spec,
};
use aep_backfill::state::{ClockedTime, Refusal};
use aep_backfill::untrusted::Untrusted;
use aep_backfill_fuzz::text::{MOST, assert_harmless};
use aep_backfill_fuzz::{any_number, build, with_extreme};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use serde_json::{Value, json};

/// What must not be shown.
const SECRET: &str = "fz7-veiled+text/secret=9Kq";
/// The same, as it stands in a query.
const ENCODED: &str = "fz7-veiled%2Btext%2Fsecret%3D9Kq";

/// A client that signs in with the secret: from then on it is known.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let connection = Connection {
        endpoint: "http://127.0.0.1:9".parse().expect("a URL"),
        organization: build::organization(),
        api_key: "key".to_owned(),
        credentials: Credentials::AccessToken(SecretString::from(SECRET)),
        timeouts: Timeouts::default(),
    };
    let rate = Rate::per_second(1.0).expect("a rate");
    Client::new(connection, Arc::new(Pacer::new(rate))).expect("a client")
});

fuzz_target!(|bytes: &[u8]| {
    LazyLock::force(&CLIENT);
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let (first, body) = match end {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (&b"200"[..], bytes),
    };
    let status = std::str::from_utf8(first)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| u16::from(first.first().copied().unwrap_or_default()) * 3);

    check_body(status, body);
    check_body(status, &with_extreme(body, any_number(bytes)));

    let text = String::from_utf8_lossy(body);
    check_headers(status, &text);

    let any = any_number(bytes);
    let mut at = any % (text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let (before, after) = text.split_at(at);
    let secret = if any.is_multiple_of(2) {
        SECRET
    } else {
        ENCODED
    };
    let text = format!("{before}{secret}{after}");
    check_text(status, &text, any);
    if any.is_multiple_of(32) {
        // More than is kept of anything.
        check_text(status, &text.repeat(9_000 / text.len() + 1), any / 32);
    }
});

/// Every parser reads `body`.
fn check_body(status: u16, body: &[u8]) {
    check_create(status, body);
    check_token(status, body);
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    for item in [value.pointer("/items/0").unwrap_or(&value), &value] {
        check_run(item);
        check_flow(item);
        let _ = kind_by_spec(item);
    }
    check_page(&value);
}

/// `text` stands in the headers that are read.
fn check_headers(status: u16, text: &str) {
    let any = any_number(text.as_bytes());
    let header = |name: &str| match name {
        "retry-after" if any.is_multiple_of(2) => Some((any >> (any % 64)).to_string()),
        _ => Some(text.to_owned()),
    };
    let answer = Answer::begun(status, header, Timestamp::UNIX_EPOCH);
    let longest = Duration::from_secs(15 * 60);
    assert!(answer.retry_after.is_none_or(|wait| wait <= longest));
}

/// `text` stands wherever text of an answer is shown; `any` says which of them.
fn check_text(status: u16, text: &str, any: usize) {
    let answer = Answer::begun(status, |_| Some(text.to_owned()), Timestamp::UNIX_EPOCH);
    shown(answer.request_id.as_deref().expect("it was given"));

    let error = match any % 7 {
        0 => json!({"type": format!("https://ns.adobe.com/aep/errors/FLOW-{text}"), "title": text,
            "report": {"detailed-message": text, "request-id": text}}),
        1 => json!({"error_code": text, "message": text}),
        2 => json!({"code": text, "errorDetails": text}),
        3 => json!({"code": text, "errorMessage": text}),
        4 => json!({"error_code": text, "detail": text}),
        5 => json!({"title": text, "report": {"request-id": text}}),
        _ => json!(text),
    };
    check_create(status, error.to_string().as_bytes());
    check_create(status, text.as_bytes());
    let error = json!({"error": text, "error_description": text});
    check_token(status, error.to_string().as_bytes());
    let token = json!({"access_token": text, "expires_in": any >> (any % 64)});
    check_token(200, token.to_string().as_bytes());

    let number = if text.len() < 9_000 { 1 } else { 150 };
    let mut errors = vec![json!({"code": text, "message": text})];
    errors.extend((0..number).map(|code| json!({"code": code, "message": text})));
    check_run(
        &json!({"id": "r", "createdClient": text, "createdBy": text, "createdAt": text,
        "params": {"windowStartTime": text, "windowEndTime": text},
        "metrics": {"statusSummary": {"status": text, "errors": errors}},
        "activities": [{"statusSummary": {"extensions": {"errors": errors}}}]}),
    );
    check_flow(
        &json!({"id": text, "name": text, "state": text, "flowSpec": {"id": text},
        "scheduleParams": {"frequency": text},
        "transformations": [{"name": "Copy", "params": {"deltaColumn": {"name": text}}}]}),
    );
    check_page(&match any % 3 {
        0 => json!({"items": [], "_links": {"next": {"href": text}}}),
        1 => json!({"items": [],
            "_links": {"next": {"href": format!("/runs?continuationToken={text}")}}}),
        _ => json!({"items": [], "continuationToken": text}),
    });
}

/// The table: what a create request comes to.
fn check_create(status: u16, body: &[u8]) {
    let answer = Answer {
        status,
        body: body.to_vec(),
        complete: true,
        ..Answer::default()
    };
    let outcome = judge(Ok(&answer));
    assert_eq!(
        outcome,
        judge(Ok(&answer)),
        "the same answer means the same"
    );
    check_refusal(&answer.refusal());
    let is_success = (200..300).contains(&status);
    match &outcome {
        Outcome::Created { run_id: id, etag } => {
            if let Some(etag) = etag {
                shown_at_most(etag.raw(), MOST);
            }
            assert!(is_success, "{status} made a run");
            let body: Value = serde_json::from_slice(body).expect("an id stands in JSON");
            let ids = [body.pointer("/items/0/id"), body.get("id")];
            assert!(
                ids.contains(&Some(&json!(id.to_string()))),
                "the id {id} is not the answer's"
            );
        }
        Outcome::InDoubt(why) => {
            assert!(is_success || !(400..500).contains(&status) || matches!(status, 408 | 409));
            shown_at_most(why, 3 * MOST + 40);
        }
        Outcome::Rejected(refusal) => {
            assert!((400..500).contains(&status) && !matches!(status, 401 | 408 | 409 | 429));
            check_refusal(refusal);
        }
        Outcome::TokenExpired(refusal) | Outcome::SignIn(refusal) => {
            assert!(
                matches!(status, 400 | 401 | 403),
                "{status} is about a token"
            );
            check_refusal(refusal);
        }
        Outcome::Throttled { refusal, .. } => {
            assert_eq!(status, 429);
            check_refusal(refusal);
        }
        Outcome::NotSent(why) => panic!("it was answered: {why}"),
    }
    if !is_success {
        return;
    }
    assert!(matches!(
        outcome,
        Outcome::Created { .. } | Outcome::InDoubt(_)
    ));
    // An answer that breaks off has the same id or none, if it was one at all.
    if serde_json::from_slice::<Value>(body).is_err() {
        return;
    }
    for cut in [any_number(body) % body.len(), body.len() - 1] {
        let cut = Answer {
            body: body[..cut].to_vec(),
            complete: false,
            ..answer.clone()
        };
        let of_cut = judge(Ok(&cut));
        assert!(
            matches!(of_cut, Outcome::InDoubt(_)) || of_cut == outcome,
            "cut, it is {of_cut:?} and not {outcome:?}"
        );
    }
}

fn check_refusal(refusal: &Refusal) {
    let Refusal {
        status: _,
        code,
        message,
        request_id,
    } = refusal;
    for text in [code.as_ref(), Some(message), request_id.as_ref()] {
        shown(text.map_or("", Untrusted::raw));
    }
    shown_at_most(&refusal.to_string(), 3 * MOST + 40);
}

fn check_token(status: u16, body: &[u8]) {
    match TokenAnswer::read(status, body) {
        Ok(token) => {
            assert!((200..300).contains(&status), "{status} gave a token");
            assert!(
                token
                    .kept_for()
                    .is_none_or(|kept| kept <= Duration::from_secs(24 * 3600))
            );
            shown_at_most(&format!("{token:?}"), 200);
        }
        Err(error) => shown_at_most(&error.to_string(), MOST + 80),
    }
}

fn check_run(item: &Value) {
    let Some(run) = FlowRun::read(item) else {
        return;
    };
    let FlowRun {
        id,
        flow_id: _,
        created_at: _,
        created_client,
        created_by,
        window_evidence,
        status,
        records: _,
        bytes: _,
        times: _,
        etag,
        errors,
        diagnostics,
    } = &run;
    let id = id.to_string();
    assert_eq!(Some(&*id), item["id"].as_str());
    shown_at_most(&id, 128);
    shown(created_client.as_ref().map_or("", Untrusted::raw));
    shown(created_by.as_ref().map_or("", Untrusted::raw));
    shown(&status.to_string());
    shown(etag.as_ref().map_or("", Untrusted::raw));
    for link in diagnostics {
        shown(link.raw());
    }
    assert!(errors.len() <= 100, "{} errors are shown", errors.len());
    for RunError { code, message } in errors {
        shown(code.raw());
        shown(message.raw());
    }
    if let Some(window) = window_evidence.window() {
        assert!(window.seconds() > 0);
    }
    let times = [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX].map(Some);
    for local in times {
        for service in times {
            let intent = ClockedTime { local, service };
            assert!(!run.is_since(intent) || run.may_be_since(intent));
        }
    }
}

fn check_flow(body: &Value) {
    let Some(flow) = Flow::read(body) else {
        return;
    };
    let Flow {
        name,
        state,
        frequency,
        // As it came, to be compared; whoever shows it makes it plain.
        delta_column: _,
        kind: _,
        spec_id,
    } = flow;
    for text in [name, state, frequency, spec_id] {
        shown(text.as_ref().map_or("", Untrusted::raw));
    }
}

fn check_page(body: &Value) {
    match Page::read(body) {
        Ok(Page { runs, next }) => {
            let items = body["items"].as_array().expect("a list was read");
            assert_eq!(runs.len(), items.len(), "a page is whole");
            for (run, item) in runs.iter().zip(items) {
                assert_eq!(Some(run), FlowRun::read(item).as_ref());
            }
            assert!(next.is_none_or(|token| token.len() <= 8 << 10));
        }
        Err(error) => shown_at_most(&error.to_string(), 200),
    }
}

fn shown(text: &str) {
    shown_at_most(text, MOST);
}

fn shown_at_most(text: &str, most: usize) {
    assert_harmless(text, most);
    for secret in [SECRET, ENCODED] {
        assert!(!text.contains(secret), "a secret is shown: {text:?}");
    }
}
