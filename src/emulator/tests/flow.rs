//! Flows, flow specs and source connections, and who may see them.

use serde_json::Value;

use super::super::service::Route;
use super::{FILE, TABLE, TestService, code};

fn flow(rig: &TestService, id: &str) -> Value {
    let reply = rig.send(Route::GetFlow(id.to_owned()), "", "");
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
        let spec = rig.send(Route::GetFlowSpec(spec.to_owned()), "", "");
        let spec = spec.body_json()["items"][0].clone();
        assert_eq!(spec["name"], spec_name);
        let required = spec["runSpec"]["spec"]["required"]
            .as_array()
            .expect("a list");
        assert_eq!(required.contains(&"deltaColumn".into()), needs_column);
        let source = flow["sourceConnectionIds"][0].as_str().expect("an id");
        let source = rig.send(Route::GetSourceConnection(source.to_owned()), "", "");
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
        let body = rig.send(Route::ListFlows, query, "").body_json();
        let items = body["items"].as_array().expect("items").clone();
        items.iter().map(|flow| flow["id"].to_string()).collect()
    };
    assert_eq!(ids("").len(), 2);
    assert_eq!(ids("property=state==enabled").len(), 1);
    assert_eq!(ids(&format!("property=id=={TABLE},{FILE}")).len(), 2);
    assert_eq!(ids("property=name==\"flow 5\"").len(), 1);
    assert_eq!(
        ids("property=flowSpec.id==14518937-270c-4525-bdec-c2ba7cce3860").len(),
        1
    );
    assert_eq!(
        ids("property=inheritedAttributes.properties.isSourceFlow==true").len(),
        2
    );
    assert_eq!(ids("limit=1&orderby=-name").len(), 1);
}

#[test]
fn flow_specs_and_source_connections_are_listed_as_they_are_got() {
    let rig = TestService::calm();
    let listed = |route: Route, query: &str| -> Vec<Value> {
        let body = rig.send(route, query, "").body_json();
        body["items"].as_array().expect("items").clone()
    };
    let specs = listed(Route::ListFlowSpecs, "");
    assert_eq!(specs.len(), 2);
    for spec in &specs {
        let id = spec["id"].as_str().expect("an id").to_owned();
        let alone = rig.send(Route::GetFlowSpec(id), "", "").body_json();
        assert_eq!(&alone["items"][0], spec);
    }
    let named = listed(Route::ListFlowSpecs, "property=name==CRMToAEP");
    assert_eq!(named, [specs[0].clone()]);

    let sources = listed(Route::ListSourceConnections, "");
    assert_eq!(sources.len(), 2);
    for source in &sources {
        let id = source["id"].as_str().expect("an id").to_owned();
        let alone = rig.send(Route::GetSourceConnection(id), "", "").body_json();
        assert_eq!(&alone["items"][0], source);
    }
    let first = rig
        .send(Route::ListSourceConnections, "limit=1", "")
        .body_json();
    let link = first["_links"]["next"]["href"]
        .as_str()
        .expect("a next page");
    let query = link
        .strip_prefix("/sourceConnections?")
        .expect("a relative link");
    assert_eq!(
        listed(Route::ListSourceConnections, query),
        [sources[1].clone()]
    );

    let hidden = TestService::with(&format!("flows: [{{ id: {FILE}, hidden: true }}]"));
    let left = hidden
        .send(Route::ListSourceConnections, "", "")
        .body_json();
    assert_eq!(left["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_hidden_flow_is_gone_with_its_runs() {
    let rig = TestService::with(&format!("flows: [{{ id: {FILE}, hidden: true }}]"));
    let reply = rig.send(Route::GetFlow(FILE.to_owned()), "", "");
    assert_eq!(code(&reply.body_json()), "FLOW-1439-404");
    let flows = rig.send(Route::ListFlows, "", "").body_json();
    assert_eq!(flows["items"].as_array().map(Vec::len), Some(1));
    let runs = rig.list(&format!("property=flowId=={FILE}"));
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(0));
}

#[test]
fn the_sandbox_and_the_permission_are_checked_before_anything_is_done() {
    let get = |rig: &TestService| {
        let reply = rig.send(Route::GetFlow(FILE.to_owned()), "", "");
        (reply.status.as_u16(), code(&reply.body_json()).to_owned())
    };
    let sandbox = |name: Option<&str>| get(&TestService::calm().header("x-sandbox-name", name));
    assert_eq!(sandbox(None).0, 200);
    assert_eq!(sandbox(Some("nowhere")), (404, "FLOW-2100-404".to_owned()));
    let strict = TestService::with("requireSandboxHeader: true").header("x-sandbox-name", None);
    assert_eq!(get(&strict).1, "FLOW-2105-400");
    assert_eq!(
        get(&TestService::calm().header("x-sandbox-id", Some("1"))).1,
        "FLOW-2110-400"
    );
    assert_eq!(
        get(&TestService::with("permission: none")),
        (403, "FLOW-2120-403".to_owned())
    );

    let read_only = TestService::with("permission: readOnly");
    assert_eq!(get(&read_only).0, 200);
    let (_, refused) = read_only.create(&super::file_run((0, 1)));
    assert_eq!(code(&refused), "FLOW-1427-400");
    let no_type = TestService::calm().header("content-type", Some("text/plain"));
    let (status, refused) = no_type.create(&super::file_run((0, 1)));
    assert_eq!(
        (status, &refused["title"]),
        (400, &"BadRequestError".into())
    );
}
