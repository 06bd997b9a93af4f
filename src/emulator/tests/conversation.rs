//! Faults, clocks and journals: what a client lives through from one request to the next.

use std::path::Path;

use serde_json::{Value, json};

use super::super::journal::RunJournal;
use super::super::service::{Cut, Delivery, Service};
use super::super::service_state::ServiceState;
use super::{FILE, TABLE, TestService, code, file_run, flows};

#[test]
fn a_fault_before_the_store_leaves_nothing_and_one_after_it_leaves_a_run() {
    let create = file_run((0, 1)).to_string();
    for (fault, name, leaves) in [
        ("{ reset: before }", "reset", 0),
        ("{ reset: after }", "reset", 1),
        ("{ status: { code: 504 } }", "status", 0),
        ("{ status: { code: 504, when: after } }", "status", 1),
        ("{ hang: { for: 90 } }", "hang", 0),
        ("{ hang: { for: 90, when: after } }", "hang", 1),
        ("{ throttled: {} }", "throttled", 0),
        ("expiredToken", "expiredToken", 0),
        ("garbage", "garbage", 1),
        ("withoutId", "withoutId", 1),
        ("halfAnswer", "halfAnswer", 1),
        ("{ slow: 90 }", "slow", 1),
    ] {
        let emulated = TestService::with(&format!("faults: [{{ on: createRun, do: {fault} }}]"));
        emulated.deliver("POST /runs", &create);
        let ledger = emulated.service.ledger();
        assert_eq!(ledger.stored.len(), leaves, "{fault}");
        assert_eq!((ledger.creates, ledger.faults[name]), (1, 1), "{fault}");
    }
}

#[test]
fn each_fault_answers_as_it_is_documented() {
    let deliver = |fault: &str| {
        TestService::with(&format!("faults: [{{ do: {fault} }}]"))
            .deliver("POST /runs", &file_run((0, 1)).to_string())
    };
    let reply = |fault: &str| match deliver(fault) {
        Delivery::Whole(reply) => reply,
        other => panic!("{other:?}"),
    };
    let throttled = reply("{ throttled: { retryAfter: 3 } }");
    assert_eq!(throttled.status, 429);
    assert_eq!(code(&throttled.body_json()), "429050");
    assert_eq!(throttled.header("retry-after"), Some("3"));
    let dated = reply("{ throttled: { retryAfter: 3, as: httpDate } }");
    assert_eq!(
        dated.header("retry-after"),
        Some("Thu, 01 Jan 2026 00:00:03 GMT")
    );
    assert_eq!(reply("{ throttled: {} }").header("retry-after"), None);
    let gone = reply("{ status: { code: 503 } }");
    assert_eq!(code(&gone.body_json()), "FLOW-1103-503");
    assert!(
        reply("{ status: { code: 503, body: empty } }")
            .body
            .is_empty()
    );
    assert!(
        reply("{ status: { code: 502, body: html } }")
            .body
            .starts_with(b"<!DOCTYPE")
    );
    let expired = reply("{ status: { code: 400, flowCode: 2115 } }");
    assert_eq!(code(&expired.body_json()), "FLOW-2115-400");
    assert_eq!(
        code(&reply("{ status: { code: 409 } }").body_json()),
        "FLOW-9099-409"
    );
    assert_eq!(code(&reply("expiredToken").body_json()), "401013");
    let garbage = reply("garbage");
    assert!(garbage.status.is_success() && garbage.body.starts_with(b"<!DOCTYPE"));
    let without_id = reply("withoutId");
    assert_eq!(without_id.status, 201);
    let item = without_id.body_json()["items"][0].clone();
    assert!(item["id"].is_null() && item["etag"].is_string(), "{item}");
    assert!(matches!(deliver("halfAnswer"), Delivery::Half(_)));
    assert!(matches!(
        deliver("{ reset: before }"),
        Delivery::Cut(Cut::Reset)
    ));
    assert!(matches!(
        deliver("{ hang: { for: 90 } }"),
        Delivery::Cut(Cut::Close)
    ));
}

#[test]
fn every_answer_carries_a_request_id_and_the_services_own_time() {
    let emulated = TestService::with("clockSkew: 3600");
    let refused = emulated.send("POST /runs", "");
    assert_eq!(
        refused.header("x-request-id"),
        refused.body_json()["report"]["request-id"].as_str()
    );
    let id = emulated.create_file_run((0, 1));
    let reply = emulated.get(&format!("/runs/{id}"));
    assert!(reply.header("x-request-id").is_some());
    assert_eq!(reply.header("date"), Some("Thu, 01 Jan 2026 01:00:00 GMT"));
    assert_eq!(
        emulated.get_run(&id)["createdAt"],
        emulated.time.now() + 3_600_000
    );
    let arrivals = emulated.service.ledger().arrivals;
    assert!(
        arrivals
            .iter()
            .all(|arrival| arrival.at_micros == emulated.time.now() * 1_000)
    );
}

#[test]
fn a_token_issued_here_expires_and_is_counted() {
    let emulated = TestService::with("tokenLifetime: 60");
    let list = |emulated: &TestService| code(&emulated.list("")).to_owned();
    let form = "grant_type=client_credentials&client_id=a&client_secret=b&scope=c";
    let issued = emulated.send("POST /ims/token/v3", form).body_json();
    let token = issued["access_token"].as_str().expect("a token");
    let emulated = emulated.header("authorization", Some(&format!("Bearer {token}")));
    assert_eq!(list(&emulated), "");
    emulated.time.forward(60_000);
    assert_eq!(list(&emulated), "401013");
    assert_eq!(emulated.service.ledger().tokens_issued, 1);
}

/// The same service over the world that a journal holds.
fn over(path: &Path, emulated: TestService) -> TestService {
    let TestService {
        service,
        time,
        headers,
    } = emulated;
    let scenario = service.state.scenario.clone();
    drop(service); // which may hold the file
    let remembered = RunJournal::open(path).expect("a journal");
    let state = ServiceState::new(flows(), scenario, Some(remembered)).expect("a state");
    let service = Service::new(state, time.clock()).into();
    TestService {
        service,
        time,
        headers,
    }
}

#[test]
fn a_world_over_the_same_journal_is_the_same_world() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("runs.jsonl");
    let emulated = over(
        &path,
        TestService::with("outcomes: { success: 1, failed: 1 }"),
    );
    let mut first = file_run((0, 1));
    first["flowId"] = TABLE.into();
    first["params"]["deltaColumn"] = json!({ "name": "DOB" });
    assert_eq!(emulated.create(&first).0, 201);
    for start in 0..20 {
        emulated.create_file_run((start, start + 1));
    }
    emulated.time.forward(10_000);
    let see = |emulated: &TestService| -> Vec<Value> {
        let flow = |id: &str| emulated.get(&format!("/flows/{id}")).body_json();
        vec![emulated.list(""), flow(TABLE), flow(FILE)]
    };
    let (seen, stored) = (see(&emulated), emulated.service.ledger().stored);
    assert_eq!(seen[0]["items"].as_array().map(Vec::len), Some(21));

    let emulated = over(&path, emulated);
    assert_eq!(see(&emulated), seen);
    let ledger = emulated.service.ledger();
    assert_eq!((ledger.stored, ledger.creates), (stored, 0));
}
