//! What we send: the body of `POST /runs`, as the on-demand ingestion tutorial shows it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::{DeltaColumn, FlowId, UnixSeconds, Window};

/// How a time is spelled in a request. The sources disagree, so the user may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TimestampForm {
    /// `"1651584991"`, as the tutorial sends it.
    #[default]
    #[serde(rename = "string")]
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
    start_time: Value,
    window_start_time: Value,
    window_end_time: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_column: Option<DeltaColumn>,
}

/// What the times in a request count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TimestampUnit {
    /// Seconds, by every example.
    #[default]
    Seconds,
    /// Milliseconds, as the specification says beside examples in seconds.
    Milliseconds,
}

/// Which runs of a table's flow bring its delta column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeltaColumnRule {
    /// The first, which fixes it, as the tutorial says.
    #[default]
    First,
    /// Each, as the flow specs' `runSpec` demands.
    Always,
}

/// How times are written in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timestamps {
    /// As what.
    pub form: TimestampForm,
    /// What they count.
    pub unit: TimestampUnit,
}

impl CreateRun {
    /// The body's bytes.
    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a request has string keys")
    }

    /// A request to ingest `window` of `flow_id`, beginning at `start_time`. All times are sent
    /// as `timestamps` says.
    #[must_use]
    pub fn new(
        flow_id: FlowId,
        start_time: UnixSeconds,
        window: Window,
        delta_column: Option<DeltaColumn>,
        timestamps: Timestamps,
    ) -> Self {
        let Timestamps { form, unit } = timestamps;
        let wire = |time: UnixSeconds| {
            let number = match unit {
                TimestampUnit::Seconds => time.get(),
                TimestampUnit::Milliseconds => time.get() * 1000,
            };
            match form {
                TimestampForm::Text => Value::from(number.to_string()),
                TimestampForm::Integer => Value::from(number),
            }
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

    fn tutorial(timestamps: Timestamps, delta_column: Option<DeltaColumn>) -> Value {
        let at = |s| UnixSeconds::new(s).expect("in range");
        let window = Window::new(at(1_651_584_991), at(1_651_585_956)).expect("a window");
        let flow = "3abea21c-7e36-4be1-bec1-d3bad0e3e0de"
            .parse()
            .expect("a flow");
        let body = CreateRun::new(flow, at(1_663_735_590), window, delta_column, timestamps);
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
            tutorial(Timestamps::default(), Some(dob)),
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
        let body = tutorial(Timestamps::default(), None);
        assert!(body["params"].get("deltaColumn").is_none());
    }

    #[test]
    fn times_are_in_milliseconds_where_the_user_says_so() {
        let milliseconds = Timestamps {
            form: TimestampForm::Integer,
            unit: TimestampUnit::Milliseconds,
        };
        let body = tutorial(milliseconds, None);
        assert_eq!(body["params"]["startTime"], 1_663_735_590_000_i64);
        assert_eq!(body["params"]["windowEndTime"], 1_651_585_956_000_i64);
    }

    #[test]
    fn times_are_integers_where_the_user_says_so() {
        let integers = Timestamps {
            form: TimestampForm::Integer,
            ..Timestamps::default()
        };
        let body = tutorial(integers, None);
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
