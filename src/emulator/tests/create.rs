//! `POST /runs`: its checks, its answers, and the life of a delta column.

use serde_json::{Value, json};

use super::{FILE, TABLE, TestService, code, file_run};

fn table_run(start: i64, delta_column: Option<Value>) -> Value {
    let mut params = json!({
        "startTime": "0", "windowStartTime": start.to_string(),
        "windowEndTime": (start + 10).to_string(),
    });
    if let Some(column) = delta_column {
        params["deltaColumn"] = column;
    }
    json!({ "flowId": TABLE, "params": params })
}

#[test]
fn a_created_run_is_scheduled_and_carries_what_was_sent() {
    let emulated = TestService::calm();
    let (status, body) = emulated.create(&table_run(0, Some(json!({ "name": "DOB" }))));
    assert_eq!(status, 201);
    let created = &body["items"][0];
    let run = emulated.get_run(created["id"].as_str().expect("an id"));
    assert_eq!(run["etag"], created["etag"]);
    assert_eq!(run["metrics"]["statusSummary"]["status"], "scheduled");
    assert_eq!(run["activities"], json!([]));
    assert_eq!(run["createdClient"], "my-client");
    assert_eq!(run["createdAt"], emulated.time.now());
    assert_eq!(
        run["params"],
        json!({ "startTime": "0", "windowStartTime": "0", "windowEndTime": "10",
                "deltaColumn": { "name": "DOB" } })
    );
}

#[test]
fn a_create_answers_in_both_documented_shapes() {
    let answer = |dialect: &str| {
        TestService::with(&format!("dialect: {dialect}"))
            .create(&file_run((0, 1)))
            .1
    };
    assert!(answer("tutorial")["items"][0]["id"].is_string());
    assert!(answer("openapi")["id"].is_string());
}

#[test]
fn the_first_run_of_a_table_writes_the_delta_column_and_later_ones_may_not_differ() {
    let emulated = TestService::calm();
    let copy = || {
        let flow = emulated.get(&format!("/flows/{TABLE}"));
        let flow = flow.body_json()["items"][0].clone();
        (flow["transformations"][0].clone(), flow["etag"].clone())
    };
    let (before, first_etag) = copy();
    assert_eq!(before["name"], "Mapping");

    let (status, body) = emulated.create(&table_run(0, None));
    assert_eq!((status, code(&body)), (400, "FLOW-9004-400"));
    assert_eq!(
        emulated
            .create(&table_run(0, Some(json!({ "name": "DOB" }))))
            .0,
        201
    );
    let (after, second_etag) = copy();
    assert_eq!(after["name"], "Copy");
    assert_eq!(after["params"]["deltaColumn"], json!({ "name": "DOB" }));
    assert_ne!(first_etag, second_etag);

    assert_eq!(emulated.create(&table_run(10, None)).0, 201);
    assert_eq!(
        emulated
            .create(&table_run(20, Some(json!({ "name": "DOB" }))))
            .0,
        201
    );
    let (status, body) = emulated.create(&table_run(30, Some(json!({ "name": "updatedAt" }))));
    assert_eq!((status, code(&body)), (400, "FLOW-9003-400"));
    assert_eq!(emulated.service.ledger().stored.len(), 3);
}

#[test]
fn a_flow_that_has_a_copy_transformation_needs_no_delta_column() {
    let emulated = TestService::with(&format!(
        "flows: [{{ id: {TABLE}, deltaColumn: {{ name: DOB }} }}]"
    ));
    assert_eq!(emulated.create(&table_run(0, None)).0, 201);
}

#[test]
fn a_body_that_is_not_a_create_is_refused_with_its_code() {
    let emulated = TestService::calm();
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (body, expected) in [
        ("", "FLOW-1405-400"),
        ("{", "FLOW-9000-400"),
        ("[]", "FLOW-9000-400"),
        ("{}", "FLOW-1446-400"),
        (r#"{"flowId":null}"#, "FLOW-1446-400"),
        (&format!(r#"{{"flowId":"{unknown}"}}"#), "FLOW-1430-400"),
        (r#"{"flowId":"x"}"#, "FLOW-1430-400"),
        (&format!(r#"{{"flowId":"{FILE}"}}"#), "FLOW-9002-400"),
        (
            &format!(r#"{{"flowId":"{FILE}","params":[]}}"#),
            "FLOW-9002-400",
        ),
    ] {
        let reply = emulated.send("POST /runs", body);
        assert_eq!(code(&reply.body_json()), expected, "{body}");
    }
    assert_eq!(emulated.service.ledger().creates, 9);
    assert!(emulated.service.ledger().stored.is_empty());
}

#[test]
fn the_same_create_twice_makes_two_runs() {
    let emulated = TestService::calm();
    assert_ne!(
        emulated.create_file_run((0, 1)),
        emulated.create_file_run((0, 1))
    );
}

#[test]
fn a_flow_that_cannot_take_runs_refuses_them() {
    for (change, expected) in [
        ("frequency: hour", "FLOW-9001-400"),
        ("state: disabled", "FLOW-1444-400"),
        ("absent: true", "FLOW-1430-400"),
    ] {
        let emulated = TestService::with(&format!("flows: [{{ id: {FILE}, {change} }}]"));
        assert_eq!(
            code(&emulated.create(&file_run((0, 1))).1),
            expected,
            "{change}"
        );
    }
}

#[test]
fn a_failed_run_is_triggered_again_and_a_good_one_is_not() {
    let again = |emulated: &TestService, id: &str, query: &str| {
        emulated
            .send(&format!("POST /runs/{id}/action?{query}"), "")
            .body_json()
    };
    let emulated = TestService::with("outcomes: { failed: 1 }");
    let id = emulated.create_file_run((0, 1));
    assert_eq!(
        code(&again(&emulated, &id, "op=re-trigger")),
        "FLOW-9005-400"
    );
    emulated.time.forward(3_000);
    assert_eq!(code(&again(&emulated, &id, "")), "FLOW-2119-400");
    assert_eq!(code(&again(&emulated, &id, "op=cancel")), "FLOW-1435-400");
    assert_eq!(
        code(&again(&emulated, &id, "op=RE_TRIGGER")),
        "FLOW-1435-400"
    );
    let answer = again(&emulated, &id, "op=re-trigger");
    let new = answer["id"].as_str().expect("an id");
    assert_ne!(new, id);
    assert_eq!(
        emulated.get_run(new)["params"],
        emulated.get_run(&id)["params"]
    );
    let emulated = emulated.header("if-match", Some("\"stale\""));
    let stale = emulated.send(&format!("POST /runs/{id}/action?op=re-trigger"), "");
    assert_eq!(stale.status.as_u16(), 412);
    let etag = emulated.get_run(&id)["etag"]
        .as_str()
        .expect("an etag")
        .to_owned();
    let emulated = emulated.header("if-match", Some(&etag));
    assert!(again(&emulated, &id, "op=re-trigger")["id"].is_string());

    let good = TestService::calm();
    let id = good.create_file_run((0, 1));
    good.time.forward(3_000);
    assert_eq!(code(&again(&good, &id, "op=re-trigger")), "FLOW-9005-400");
}
