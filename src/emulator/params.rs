//! `params` of a run: what `POST /runs` must say about it, read leniently and kept as it came.
//!
//! Times are seconds, as strings or integers (Adobe's tutorial sends the one, its schema says
//! the other). Values that look like milliseconds are taken for seconds, as nothing documents a
//! refusal: such a run has a window in the far future and no records.

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::run::DeltaColumn;

use super::reply::Reply;
use super::scenario::Timestamps;

/// The names of the three times.
const TIMES: [&str; 3] = ["startTime", "windowStartTime", "windowEndTime"];

/// Checked `params`, with their original beside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub(super) struct RunParams {
    raw: Map<String, Value>,
    /// In unix seconds.
    pub(super) start_time: i64,
    /// Start and end in unix seconds; nothing says that the first is the smaller one.
    pub(super) window: (i64, i64),
    pub(super) delta_column: Option<DeltaColumn>,
}

impl RunParams {
    /// `deltaColumn` as it came, or `null`.
    pub(super) fn raw_delta_column(&self) -> Value {
        self.raw.get("deltaColumn").cloned().unwrap_or_default()
    }

    /// The `params` that a run carries in answers.
    pub(super) fn shown(&self, timestamps: Timestamps) -> Value {
        let mut shown = self.raw.clone();
        let factor = match timestamps {
            Timestamps::Echo => return shown.into(),
            Timestamps::Integer => 1,
            Timestamps::Milliseconds => 1000,
        };
        let times = [self.start_time, self.window.0, self.window.1];
        for (name, time) in TIMES.into_iter().zip(times) {
            shown.insert(name.to_owned(), time.saturating_mul(factor).into());
        }
        shown.into()
    }
}

/// Why `params` are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RunParamsError {
    #[error("params.{0} is required.")]
    Missing(&'static str),
    #[error("params.{0} is not a unix time in seconds.")]
    NotATime(&'static str),
    #[error("params.deltaColumn is not an object with a name.")]
    DeltaColumn,
}

impl From<RunParamsError> for Reply {
    fn from(error: RunParamsError) -> Self {
        Self::invented(StatusCode::BAD_REQUEST, 9002, &error.to_string())
    }
}

impl TryFrom<Map<String, Value>> for RunParams {
    type Error = RunParamsError;

    fn try_from(raw: Map<String, Value>) -> Result<Self, RunParamsError> {
        let given = |name| raw.get(name).filter(|value| !value.is_null());
        let mut times = [0; 3];
        for (time, name) in times.iter_mut().zip(TIMES) {
            let value = given(name).ok_or(RunParamsError::Missing(name))?;
            *time = seconds(value).ok_or(RunParamsError::NotATime(name))?;
        }
        let [start_time, window_start, window_end] = times;
        let delta_column = given("deltaColumn").map(|value| {
            let column: Option<DeltaColumn> = serde_json::from_value(value.clone()).ok();
            let column = column.filter(|column| !column.name.is_empty());
            column.ok_or(RunParamsError::DeltaColumn)
        });
        Ok(Self {
            delta_column: delta_column.transpose()?,
            raw,
            start_time,
            window: (window_start, window_end),
        })
    }
}

impl From<RunParams> for Map<String, Value> {
    fn from(params: RunParams) -> Self {
        params.raw
    }
}

fn seconds(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(params: Value) -> Result<RunParams, RunParamsError> {
        match params {
            Value::Object(raw) => raw.try_into(),
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn times_are_read_as_strings_or_integers_and_given_back_as_they_came() {
        let sent = json!({
            "startTime": "1663735590", "windowStartTime": 1_651_584_991,
            "windowEndTime": "1651585956", "deltaColumn": { "name": "DOB" }, "extra": true,
        });
        let params = read(sent.clone()).expect("params");
        assert_eq!(params.start_time, 1_663_735_590);
        assert_eq!(params.window, (1_651_584_991, 1_651_585_956));
        assert_eq!(params.shown(Timestamps::Echo), sent);
        let shown = params.shown(Timestamps::Milliseconds);
        assert_eq!(shown["windowStartTime"], 1_651_584_991_000_i64);
        assert_eq!(
            params.shown(Timestamps::Integer)["startTime"],
            1_663_735_590
        );
    }

    #[test]
    fn a_missing_time_and_a_nameless_delta_column_are_refused() {
        assert_eq!(
            read(json!({ "startTime": 1, "windowStartTime": 1 })),
            Err(RunParamsError::Missing("windowEndTime"))
        );
        assert_eq!(
            read(json!({ "startTime": 1, "windowStartTime": "soon", "windowEndTime": 2 })),
            Err(RunParamsError::NotATime("windowStartTime"))
        );
        let times = json!({ "startTime": 1, "windowStartTime": 1, "windowEndTime": 2 });
        for bad in [
            json!("DOB"),
            json!({}),
            json!({ "name": "" }),
            json!({ "name": 1 }),
        ] {
            let mut params = times.clone();
            params["deltaColumn"] = bad;
            assert_eq!(read(params), Err(RunParamsError::DeltaColumn));
        }
    }
}
