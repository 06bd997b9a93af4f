use serde_json::json;

use super::*;

#[expect(
    clippy::needless_pass_by_value,
    reason = "a literal reads better than its address"
)]
fn read(item: Value) -> FlowRun {
    FlowRun::read(&item).expect("it has an id")
}

fn tutorial_window() -> Window {
    window(1_651_584_991, 1_651_585_956).expect("a window")
}

#[test]
fn the_window_is_read_from_params_as_text_integer_or_milliseconds() {
    for params in [
        json!({"windowStartTime": "1651584991", "windowEndTime": "1651585956"}),
        json!({"windowStartTime": 1_651_584_991, "windowEndTime": 1_651_585_956}),
        json!({"windowStartTime": 1_651_584_991_000_i64, "windowEndTime": 1_651_585_956_000_i64}),
    ] {
        let run = read(json!({"id": "r", "params": params}));
        assert_eq!(
            run.window_evidence,
            WindowEvidence::Params(tutorial_window())
        );
    }
}

#[test]
fn without_params_the_copy_activity_shows_the_window() {
    for activities in ["activities", "activites"] {
        let run = read(json!({
            "id": "r",
            activities: [
                {"name": "Promotion Activity", "durationSummary": {}},
                {"name": "Copy Activity", "durationSummary": {"extensions":
                    {"windowStart": 1_651_584_991_000_i64, "windowEnd": 1_651_585_956_000_i64}}}
            ]
        }));
        assert_eq!(
            run.window_evidence,
            WindowEvidence::CopyActivity(tutorial_window())
        );
    }
}

#[test]
fn a_run_without_a_window_is_told_from_one_with_an_impossible_one() {
    assert_eq!(
        read(json!({"id": "r", "activities": []})).window_evidence,
        WindowEvidence::Missing
    );
    let typo = json!({"windowStartTime": "1651584991", "windowEndTime": "16515859567"});
    let least = json!({"windowStartTime": i64::MIN, "windowEndTime": i64::MIN.to_string()});
    for params in [typo, least] {
        assert_eq!(
            read(json!({"id": "r", "params": params})).window_evidence,
            WindowEvidence::Invalid
        );
    }
}

#[test]
fn a_status_is_known_in_any_spelling() {
    for (text, status) in [
        ("IN_PROGRESS", RunStatus::InProgress),
        ("inProgress", RunStatus::InProgress),
        ("Success", RunStatus::Success),
        ("PARTIAL_SUCCESS", RunStatus::Partial),
        ("failed", RunStatus::Failed),
        ("scheduled", RunStatus::Scheduled),
    ] {
        let run = read(json!({"id": "r", "metrics": {"statusSummary": {"status": text}}}));
        assert_eq!(run.status, status, "{text}");
    }
    let run = read(json!({"id": "r", "metrics": {"statusSummary": {"status": "paused"}}}));
    assert_eq!(run.status, RunStatus::Unknown("paused".into()));
    assert!(!run.status.is_finished());
}

#[test]
fn a_failed_run_has_its_errors_once_and_no_counts() {
    let run = read(json!({
        "id": "r",
        "metrics": {
            "recordSummary": {"inputRecordCount": -1, "outputRecordCount": -1},
            "statusSummary": {"status": "failed",
                "errors": [{"code": "CONNECTOR-2001-500", "message": "m"}]}
        },
        "activities": [{"statusSummary": {"extensions": {"errors": [
            {"code": "133", "message": "deep"},
            {"code": "CONNECTOR-2001-500", "message": "m"}
        ]}}}]
    }));
    assert_eq!(run.records, RecordCounts::default());
    let codes: Vec<&str> = run.errors.iter().map(|e| e.code.raw()).collect();
    assert_eq!(codes, ["CONNECTOR-2001-500", "133"]);
}

#[test]
fn a_run_with_errors_without_end_has_some_of_them() {
    let errors: Vec<Value> = (0..100_000).map(|code| json!({"code": code})).collect();
    let run = read(json!({"id": "r", "metrics": {"statusSummary": {"errors": errors}}}));
    assert_eq!(run.errors.len(), MOST_ERRORS);
}

#[test]
fn a_run_of_no_flow_is_ours_perhaps_and_one_of_nonsense_is_not_read() {
    assert_eq!(read(json!({"id": "r"})).flow_id, None);
    assert_eq!(read(json!({"id": "r", "flowId": null})).flow_id, None);
    for odd in [json!(7), json!(""), json!("3abea21c")] {
        assert_eq!(FlowRun::read(&json!({"id": "r", "flowId": odd})), None);
    }
}

#[test]
fn a_success_is_told_by_its_records() {
    for (word, summary, status) in [
        (
            "success",
            json!({"inputRecordCount": 100, "outputRecordCount": 99, "failedRecordCount": 1}),
            RunStatus::Partial,
        ),
        (
            "success",
            json!({"inputRecordCount": 0, "outputRecordCount": 0, "failedRecordCount": 0}),
            RunStatus::Empty,
        ),
        (
            "COMPLETED",
            json!({"inputRecordCount": 0}),
            RunStatus::Empty,
        ),
        (
            "success",
            json!({"inputRecordCount": 9, "outputRecordCount": 0}),
            RunStatus::Empty,
        ),
        (
            "success",
            json!({"outputRecordCount": 9, "failedRecordCount": 0}),
            RunStatus::Success,
        ),
        (
            "success",
            json!({"inputRecordCount": -1, "outputRecordCount": -1}),
            RunStatus::Success,
        ),
        ("success", json!({}), RunStatus::Success),
        ("success", json!(null), RunStatus::Success),
        (
            "failed",
            json!({"inputRecordCount": 0, "outputRecordCount": 0}),
            RunStatus::Failed,
        ),
        (
            "inProgress",
            json!({"outputRecordCount": 0}),
            RunStatus::InProgress,
        ),
        (
            "PARTIAL_FAILURE",
            json!({"outputRecordCount": 0}),
            RunStatus::Partial,
        ),
    ] {
        let run = read(json!({
            "id": "r",
            "metrics": { "statusSummary": { "status": word }, "recordSummary": summary.clone() },
        }));
        assert_eq!(run.status, status, "{word} {summary}");
    }
}

#[test]
fn times_etag_bytes_and_links_are_read_in_each_spelling() {
    let at = |second| Some(Timestamp::from_second(second).expect("in range"));
    for (etag, activities, scale) in [("etag", "activities", 1_000_i64), ("eTag", "activites", 1)] {
        let run = read(json!({
            "id": "r",
            "createdAt": 1_596_656_079 * scale,
            "updatedAt": 1_596_656_113 * scale,
            etag: "\"b8003af1-0000\"",
            "metrics": {
                "durationSummary": {
                    "startedAtUTC": 1_596_656_058 * scale,
                    "completedAtUTC": 1_596_656_113 * scale,
                },
                "sizeSummary": { "inputBytes": 24_012, "outputBytes": -1 },
            },
            activities: [{ "statusSummary": { "extensions": { "manifest": {
                "failedRecords": "https://platform.adobe.io/x?path=row_errors",
                "sampleErrors": "javascript:alert(1)",
            } } } }],
        }));
        assert_eq!(run.created_at, at(1_596_656_079), "{scale}");
        assert_eq!(
            run.times,
            RunTimes {
                updated_at: at(1_596_656_113),
                started_at: at(1_596_656_058),
                ended_at: at(1_596_656_113),
            }
        );
        assert_eq!(run.etag, Some("\"b8003af1-0000\"".into()));
        assert_eq!(
            run.bytes,
            ByteCounts {
                input: Some(24_012),
                output: None
            }
        );
        let links: Vec<&str> = run.diagnostics.iter().map(Untrusted::raw).collect();
        assert_eq!(links, ["https://platform.adobe.io/x?path=row_errors"]);
    }
    let none = read(json!({ "id": "r" }));
    assert_eq!((none.times, none.etag), (RunTimes::default(), None));
}
