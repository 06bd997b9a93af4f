//! What we send: the body of `POST /runs`, as the on-demand ingestion tutorial shows it.

use serde::Serialize;

use crate::run::{DeltaColumn, FlowId, UnixSeconds, Window};

/// How a time is spelled in a request. The sources disagree, so the user may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampForm {
    /// `"1651584991"`, as the tutorial sends it.
    #[default]
    Text,
    /// `1651584991`, as the OpenAPI and the flow specs' `runSpec` say.
    Integer,
}

/// The body of `POST /runs`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRun {
    flow_id: FlowId,
    params: Params,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    start_time: WireTime,
    window_start_time: WireTime,
    window_end_time: WireTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_column: Option<DeltaColumn>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum WireTime {
    Text(String),
    Integer(i64),
}

impl CreateRun {
    /// The body's bytes.
    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a request has string keys")
    }

    /// A request to ingest `window` of `flow_id`, beginning at `start_time`. All times are sent
    /// in seconds; `delta_column` goes with a table flow's first run only.
    #[must_use]
    pub fn new(
        flow_id: FlowId,
        start_time: UnixSeconds,
        window: Window,
        delta_column: Option<DeltaColumn>,
        form: TimestampForm,
    ) -> Self {
        let wire = |time: UnixSeconds| match form {
            TimestampForm::Text => WireTime::Text(time.get().to_string()),
            TimestampForm::Integer => WireTime::Integer(time.get()),
        };
        Self {
            flow_id,
            params: Params {
                start_time: wire(start_time),
                window_start_time: wire(window.start()),
                window_end_time: wire(window.end()),
                delta_column,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tutorial(form: TimestampForm, delta_column: Option<DeltaColumn>) -> serde_json::Value {
        let at = |s| UnixSeconds::new(s).expect("in range");
        let window = Window::new(at(1_651_584_991), at(1_651_585_956)).expect("a window");
        let flow = "3abea21c-7e36-4be1-bec1-d3bad0e3e0de"
            .parse()
            .expect("a flow");
        let body = CreateRun::new(flow, at(1_663_735_590), window, delta_column, form);
        serde_json::to_value(body).expect("string keys")
    }

    #[test]
    fn the_tutorials_table_request_is_sent_to_the_letter() {
        let dob = DeltaColumn {
            name: "DOB".to_owned(),
            date_format: None,
            timezone: None,
        };
        assert_eq!(
            tutorial(TimestampForm::Text, Some(dob)),
            json!({
                "flowId": "3abea21c-7e36-4be1-bec1-d3bad0e3e0de",
                "params": {
                    "startTime": "1663735590",
                    "windowStartTime": "1651584991",
                    "windowEndTime": "1651585956",
                    "deltaColumn": { "name": "DOB" }
                }
            })
        );
    }

    #[test]
    fn the_tutorials_file_request_has_no_delta_column() {
        let body = tutorial(TimestampForm::Text, None);
        assert!(body["params"].get("deltaColumn").is_none());
    }

    #[test]
    fn times_are_integers_where_the_user_says_so() {
        let body = tutorial(TimestampForm::Integer, None);
        assert_eq!(
            body["params"],
            json!({
                "startTime": 1_663_735_590,
                "windowStartTime": 1_651_584_991,
                "windowEndTime": 1_651_585_956
            })
        );
    }
}
