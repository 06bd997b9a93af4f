//! Flows and flow specs, and who may see them.

use serde_json::Value;

use super::{FILE, TABLE, TestService, code};

fn flow(emulated: &TestService, id: &str) -> Value {
    let reply = emulated.get(&format!("/flows/{id}"));
    reply.body_json()["items"][0].clone()
}

#[test]
fn a_flow_leads_to_its_spec() {
    let emulated = TestService::calm();
    for (id, spec_name, needs_column) in [
        (TABLE, "CRMToAEP", true),
        (FILE, "CloudStorageToAEP", false),
    ] {
        let flow = flow(&emulated, id);
        assert_eq!(flow["scheduleParams"]["frequency"], "once");
        assert_eq!(flow["state"], "enabled");
        let spec = flow["flowSpec"]["id"].as_str().expect("a spec");
        let spec = emulated.get(&format!("/flowSpecs/{spec}"));
        let spec = spec.body_json()["items"][0].clone();
        assert_eq!(spec["name"], spec_name);
        let required = spec["runSpec"]["spec"]["required"]
            .as_array()
            .expect("a list");
        assert_eq!(required.contains(&"deltaColumn".into()), needs_column);
    }
}

#[test]
fn flows_are_listed_filtered_and_paged() {
    let emulated = TestService::with(&format!("flows: [{{ id: {TABLE}, state: disabled }}]"));
    let ids = |query: &str| -> Vec<String> {
        let body = emulated.get(&format!("/flows?{query}")).body_json();
        let items = body["items"].as_array().expect("items").clone();
        items.iter().map(|flow| flow["id"].to_string()).collect()
    };
    assert_eq!(ids("").len(), 2);
    assert_eq!(ids("property=state==enabled").len(), 1);
    assert_eq!(ids(&format!("property=id=={TABLE},{FILE}")).len(), 2);
    assert_eq!(
        ids("property=inheritedAttributes.properties.isSourceFlow==true").len(),
        2
    );
    assert_eq!(ids("limit=1").len(), 1);
}

#[test]
fn an_absent_flow_is_gone_with_its_runs() {
    let emulated = TestService::with(&format!("flows: [{{ id: {FILE}, absent: true }}]"));
    let reply = emulated.get(&format!("/flows/{FILE}"));
    assert_eq!(code(&reply.body_json()), "FLOW-1439-404");
    let flows = emulated.get("/flows").body_json();
    assert_eq!(flows["items"].as_array().map(Vec::len), Some(1));
    let runs = emulated.list(&format!("property=flowId=={FILE}"));
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(0));
}

#[test]
fn the_sandbox_is_checked_before_anything_is_done() {
    let sandbox = |name: Option<&str>| {
        let emulated = TestService::calm().header("x-sandbox-name", name);
        let reply = emulated.get(&format!("/flows/{FILE}"));
        (reply.status.as_u16(), code(&reply.body_json()).to_owned())
    };
    assert_eq!(sandbox(None).0, 200);
    assert_eq!(sandbox(Some("nowhere")), (404, "FLOW-2100-404".to_owned()));
}
