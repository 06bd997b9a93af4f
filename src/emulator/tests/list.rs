//! `GET /runs`: what is listed, in what order, on which page.

use serde_json::Value;
use url::form_urlencoded;

use super::super::reply::Reply;
use super::{FILE, TABLE, TestService, code, file_run};

fn starts(page: &Value) -> Vec<i64> {
    let items = page["items"].as_array().expect("items");
    let start = |run: &Value| run["params"]["windowStartTime"].as_i64().expect("a start");
    items.iter().map(start).collect()
}

fn next(page: &Value) -> Option<&str> {
    page["_links"]["next"]["href"]
        .as_str()?
        .strip_prefix("/runs?")
}

#[test]
fn the_newest_run_is_first_and_sandboxes_see_only_their_own() {
    let emulated = TestService::calm();
    for start in 0..3 {
        emulated.create_file_run((start, start + 1));
    }
    assert_eq!(starts(&emulated.list("")), [2, 1, 0]);
    let dev = emulated.header("x-sandbox-name", Some("dev"));
    assert!(starts(&dev.list("")).is_empty());
    dev.create_file_run((7, 8));
    assert_eq!(starts(&dev.list("")), [7]);
}

#[test]
fn pages_neither_lose_nor_repeat_a_run_while_others_are_created_and_change() {
    for query in [
        "limit=7".to_owned(),
        format!("limit=7&property=flowId=={FILE}"),
        "limit=7&property=sandboxName==prod".to_owned(),
    ] {
        let emulated = TestService::calm();
        for start in 0..40 {
            emulated.create_file_run((start, start + 1));
        }
        let mut page = emulated.list(&query);
        let mut seen = starts(&page);
        while let Some(link) = next(&page).map(str::to_owned) {
            emulated.create_file_run((1_000, 1_001));
            emulated.time.forward(700);
            page = emulated.list(&link);
            seen.extend(starts(&page));
        }
        assert_eq!(seen, (0..40).rev().collect::<Vec<_>>(), "{query}");
    }
}

#[test]
fn a_client_that_sends_its_own_parameters_with_the_token_gets_the_same_page() {
    let emulated = TestService::calm();
    for start in 0..5 {
        emulated.create_file_run((start, start + 1));
    }
    let filter = form_urlencoded::Serializer::new(String::new())
        .append_pair("property", &format!("flowId=={FILE}"))
        .append_pair("limit", "2")
        .finish();
    let page = emulated.list(&filter);
    let link = next(&page).expect("a next page");
    assert_eq!(starts(&emulated.list(&format!("{filter}&{link}"))), [2, 1]);
    let dev = emulated.header("x-sandbox-name", Some("dev"));
    assert_eq!(code(&dev.list(link)), "FLOW-9007-400");
}

#[test]
fn a_run_is_listed_late_and_answers_404_until_then() {
    let emulated = TestService::with("listedAfter: 2");
    let id = emulated.create_file_run((0, 1));
    emulated.time.forward(1_999);
    assert!(starts(&emulated.list("")).is_empty());
    assert_eq!(emulated.get(&format!("/runs/{id}")).status, 404);
    emulated.time.forward(1);
    assert_eq!(starts(&emulated.list("")), [0]);
    assert_eq!(emulated.get_run(&id)["id"], id);
}

#[test]
fn filters_by_flow_id_and_time_narrow_the_list() {
    let emulated = TestService::calm();
    emulated.create_file_run((0, 1));
    emulated.time.forward(10_000);
    emulated.create_file_run((1, 2));
    let at = emulated.time.now();
    for (query, expected) in [
        (format!("property=flowId=={FILE}"), vec![1, 0]),
        (format!("property=flowId=={TABLE}"), vec![]),
        (format!("property=flowId=={TABLE},{FILE}"), vec![1, 0]),
        (format!("property=createdAt%3E%3D{at}"), vec![1]),
        (
            format!("property=flowId=={FILE}&property=createdAt>={at}"),
            vec![1],
        ),
        ("property=params.windowStartTime==1".to_owned(), vec![1]),
        ("limit=5000&count=False".to_owned(), vec![1, 0]),
    ] {
        assert_eq!(starts(&emulated.list(&query)), expected, "{query}");
    }
    for (query, expected) in [
        ("testParam=1", "FLOW-1451-400"),
        ("orderby=id", "FLOW-1451-400"),
        ("limit=0", "FLOW-1452-400"),
        ("property=id~a", "FLOW-1450-400"),
        ("continuationToken=abc", "FLOW-9007-400"),
    ] {
        assert_eq!(code(&emulated.list(query)), expected, "{query}");
    }
}

#[test]
fn a_list_without_params_still_shows_windows_on_copy_activities_unless_told_not_to() {
    let emulated = TestService::with("paramsInLists: false");
    let id = emulated.create_file_run((5, 6));
    emulated.time.forward(1_000);
    let run = emulated.list("")["items"][0].clone();
    assert!(run.get("params").is_none());
    let extensions = &run["activities"][0]["durationSummary"]["extensions"];
    assert_eq!(extensions["windowStart"], 5_000);
    assert_eq!(extensions["windowEnd"], 6_000);
    assert!(emulated.get_run(&id).get("params").is_some());

    let bare = TestService::with("{ copyWindows: false, paramsInRuns: false }");
    let id = bare.create_file_run((5, 6));
    bare.time.forward(1_000);
    let run = bare.get_run(&id);
    assert!(run.get("params").is_none());
    assert!(run["activities"][0]["durationSummary"]["extensions"].is_null());
}

#[test]
fn a_replica_lags_or_lacks_the_newest_runs_on_each_page_and_for_each_filter() {
    let emulated = TestService::with(
        "faults:\n\
         - { on: listRuns, calls: [1, 2], do: { withoutNewest: 2 } }\n\
         - { on: listRuns, calls: [4], do: { behind: 10 } }\n\
         - { on: listRuns, calls: [5], do: empty }\n\
         - { on: listRuns, calls: [6], do: { withoutNewest: 9 } }\n\
         - { on: createRun, calls: [6], do: { behind: 10 } }\n",
    );
    for start in 0..5 {
        emulated.create_file_run((start, start + 1));
        emulated.time.forward(4_000);
    }
    let page = emulated.list(&format!("limit=2&property=flowId=={FILE}"));
    assert_eq!(starts(&page), [2, 1]);
    let link = next(&page).expect("a next page").to_owned();
    assert_eq!(
        starts(&emulated.list(&link)),
        [0],
        "the fault again, and the list is the same"
    );
    assert_eq!(starts(&emulated.list(&link)), [0]);
    assert_eq!(
        starts(&emulated.list("")),
        [2, 1, 0],
        "as it was ten seconds ago"
    );
    assert!(starts(&emulated.list("")).is_empty());
    assert!(
        starts(&emulated.list("")).is_empty(),
        "there are not so many"
    );
    emulated.create_file_run((5, 6));
    assert_eq!(starts(&emulated.list("")), [5, 4, 3, 2, 1, 0]);
}

#[test]
fn an_answer_of_a_cache_has_its_age_and_its_date() {
    let emulated = TestService::with(
        "faults:\n\
         - { on: listRuns, date: -4, age: 4, do: { behind: 4 } }\n\
         - { on: createRun, date: 3600, do: { status: { code: 502, when: after } } }\n",
    );
    let (status, _) = emulated.create(&file_run((0, 1)));
    assert_eq!(status, 502);
    let listed = emulated.get("/runs");
    assert!(starts(&listed.body_json()).is_empty());
    assert_eq!(listed.header("age"), Some("4"));
    // The test's clock begins at 2026-01-01T00:00:00Z.
    let date = |reply: &Reply| reply.header("date").expect("a date").to_owned();
    assert_eq!(date(&listed), "Wed, 31 Dec 2025 23:59:56 GMT");
    let created = emulated.send("POST /runs", &file_run((1, 2)).to_string());
    assert_eq!(date(&created), "Thu, 01 Jan 2026 01:00:00 GMT");
    let flow = emulated.get(&format!("/flows/{FILE}"));
    assert_eq!(date(&flow), "Thu, 01 Jan 2026 00:00:00 GMT");
}

#[test]
fn a_list_shows_nearly_the_windows_that_runs_have() {
    let emulated = TestService::with("faults: [{ on: listRuns, do: { nearly: startLate } }]");
    let id = emulated.create_file_run((7, 9));
    assert_eq!(starts(&emulated.list("")), [8]);
    assert_eq!(emulated.get_run(&id)["params"]["windowStartTime"], 7);
}
