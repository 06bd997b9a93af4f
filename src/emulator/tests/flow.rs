//! Flows, flow specs and source connections, and who may see them.

use serde_json::Value;

use super::{FILE, TABLE, TestService, code};

fn flow(rig: &TestService, id: &str) -> Value {
    let reply = rig.get(&format!("/flows/{id}"));
    reply.body_json()["items"][0].clone()
}

#[test]
fn a_flow_leads_to_its_spec_and_its_source() {
    let rig = TestService::calm();
    for (id, spec_name, needs_column, format) in [
        (TABLE, "CRMToAEP", true, "tabular"),
        (FILE, "CloudStorageToAEP", false, "delimited"),
    ] {
        let flow = flow(&rig, id);
        assert_eq!(flow["scheduleParams"]["frequency"], "once");
        assert_eq!(flow["state"], "enabled");
        let spec = flow["flowSpec"]["id"].as_str().expect("a spec");
        let spec = rig.get(&format!("/flowSpecs/{spec}"));
        let spec = spec.body_json()["items"][0].clone();
        assert_eq!(spec["name"], spec_name);
        let required = spec["runSpec"]["spec"]["required"]
            .as_array()
            .expect("a list");
        assert_eq!(required.contains(&"deltaColumn".into()), needs_column);
        let source = flow["sourceConnectionIds"][0].as_str().expect("an id");
        let source = rig.get(&format!("/sourceConnections/{source}"));
        assert_eq!(source.body_json()["items"][0]["data"]["format"], format);
    }
}

#[test]
fn a_flow_knows_its_last_run_once_one_has_begun() {
    let rig = TestService::calm();
    let id = rig.create_file_run((0, 1));
    assert!(flow(&rig, FILE).get("lastRunDetails").is_none());
    rig.time.forward(1_000);
    let details = flow(&rig, FILE)["lastRunDetails"].clone();
    assert_eq!(details["id"], id);
    assert_eq!(details["state"], "inProgress");
    rig.time.forward(2_000);
    assert_eq!(flow(&rig, FILE)["lastRunDetails"]["state"], "success");
}

#[test]
fn flows_are_listed_filtered_and_paged() {
    let rig = TestService::with(&format!("flows: [{{ id: {TABLE}, state: disabled }}]"));
    let ids = |query: &str| -> Vec<String> {
        let body = rig.get(&format!("/flows?{query}")).body_json();
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
fn flow_specs_and_source_connections_are_listed_as_they_are_got() {
    let rig = TestService::calm();
    let listed = |query: &str| -> Vec<Value> {
        let body = rig.get(query).body_json();
        body["items"].as_array().expect("items").clone()
    };
    for kind in ["/flowSpecs", "/sourceConnections"] {
        let all = listed(kind);
        assert_eq!(all.len(), 2);
        for one in &all {
            let id = one["id"].as_str().expect("an id");
            let alone = rig.get(&format!("{kind}/{id}")).body_json();
            assert_eq!(&alone["items"][0], one);
        }
        let first = rig.get(&format!("{kind}?limit=1")).body_json();
        let link = first["_links"]["next"]["href"].as_str();
        assert_eq!(listed(link.expect("a next page")), [all[1].clone()]);
    }
    let named = listed("/flowSpecs?property=name==CRMToAEP");
    assert_eq!(named[0]["name"], "CRMToAEP");
    assert_eq!(named.len(), 1);

    let hidden = TestService::with(&format!("flows: [{{ id: {FILE}, hidden: true }}]"));
    let left = hidden.get("/sourceConnections").body_json();
    assert_eq!(left["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_hidden_flow_is_gone_with_its_runs() {
    let rig = TestService::with(&format!("flows: [{{ id: {FILE}, hidden: true }}]"));
    let reply = rig.get(&format!("/flows/{FILE}"));
    assert_eq!(code(&reply.body_json()), "FLOW-1439-404");
    let flows = rig.get("/flows").body_json();
    assert_eq!(flows["items"].as_array().map(Vec::len), Some(1));
    let runs = rig.list(&format!("property=flowId=={FILE}"));
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(0));
}

#[test]
fn the_sandbox_and_the_content_type_are_checked_before_anything_is_done() {
    let get = |rig: &TestService| {
        let reply = rig.get(&format!("/flows/{FILE}"));
        (reply.status.as_u16(), code(&reply.body_json()).to_owned())
    };
    let sandbox = |name: Option<&str>| get(&TestService::calm().header("x-sandbox-name", name));
    assert_eq!(sandbox(None).0, 200);
    assert_eq!(sandbox(Some("nowhere")), (404, "FLOW-2100-404".to_owned()));
    assert_eq!(
        get(&TestService::calm().header("x-sandbox-id", Some("1"))).1,
        "FLOW-2110-400"
    );
    let no_type = TestService::calm().header("content-type", Some("text/plain"));
    let (status, refused) = no_type.create(&super::file_run((0, 1)));
    assert_eq!(
        (status, &refused["title"]),
        (400, &"BadRequestError".into())
    );
}
