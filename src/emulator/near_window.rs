//! Windows that are shown nearly as they are: what a service might do to times that it writes down
//! and reads back, and what no document rules out.
//!
//! Takes a run as it is answered and changes the two places that show its window, `params` and the
//! copy activity, in the unit and the type that they have.

use serde::Deserialize;
use serde_json::Value;

/// How a shown window differs from the one that the run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NearWindow {
    /// The end is a second early: the last second that is in the window.
    EndEarly,
    /// In milliseconds, the end one early: `….999`.
    EndMillisEarly,
    /// The start is a second late.
    StartLate,
    /// Both are in microseconds.
    Microseconds,
    /// The end is where the start belongs.
    EndFirst,
}

impl NearWindow {
    /// Changes the window that `entity` shows, if it shows one.
    pub(super) fn show(self, entity: &mut Value) {
        if let Some(params) = entity.get_mut("params") {
            self.change(params, "windowStartTime", "windowEndTime");
        }
        for activities in ["activities", "activites"] {
            let activities = entity.get_mut(activities).and_then(Value::as_array_mut);
            for activity in activities.into_iter().flatten() {
                if let Some(window) = activity.pointer_mut("/durationSummary/extensions") {
                    self.change(window, "windowStart", "windowEnd");
                }
            }
        }
    }

    fn change(self, window: &mut Value, start: &str, end: &str) {
        let time = |name: &str| {
            let time = window.get(name)?;
            time.as_i64().or_else(|| time.as_str()?.parse().ok())
        };
        let Some((from, to)) = time(start).zip(time(end)) else {
            return;
        };
        // Eleven digits and more are milliseconds.
        let second = if from < 10_000_000_000 { 1 } else { 1_000 };
        let (from, to) = match self {
            Self::EndEarly => (from, to - second),
            Self::StartLate => (from + second, to),
            Self::EndFirst => (to, from),
            Self::EndMillisEarly => (from * 1_000 / second, to * 1_000 / second - 1),
            Self::Microseconds => (from * 1_000_000 / second, to * 1_000_000 / second),
        };
        for (name, time) in [(start, from), (end, to)] {
            window[name] = if window[name].is_string() {
                time.to_string().into()
            } else {
                time.into()
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_places_show_the_window_in_their_own_unit_and_type() {
        let shown = |how: NearWindow| {
            let mut run = json!({
                "params": { "windowStartTime": "1640995200", "windowEndTime": "1641081600" },
                "activities": [{ "durationSummary": { "extensions": {
                    "windowStart": 1_640_995_200_000_i64, "windowEnd": 1_641_081_600_000_i64,
                }}}],
            });
            how.show(&mut run);
            let copy = &run["activities"][0]["durationSummary"]["extensions"];
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            (
                text(&run["params"]["windowStartTime"]),
                text(&run["params"]["windowEndTime"]),
                copy["windowStart"].as_i64().expect("a number"),
                copy["windowEnd"].as_i64().expect("a number"),
            )
        };
        let expected = |a: &str, b: &str, c: i64, d: i64| (a.to_owned(), b.to_owned(), c, d);
        assert_eq!(
            shown(NearWindow::EndEarly),
            expected(
                "1640995200",
                "1641081599",
                1_640_995_200_000,
                1_641_081_599_000
            )
        );
        assert_eq!(
            shown(NearWindow::EndMillisEarly),
            expected(
                "1640995200000",
                "1641081599999",
                1_640_995_200_000,
                1_641_081_599_999
            )
        );
        assert_eq!(
            shown(NearWindow::StartLate),
            expected(
                "1640995201",
                "1641081600",
                1_640_995_201_000,
                1_641_081_600_000
            )
        );
        assert_eq!(
            shown(NearWindow::Microseconds),
            expected(
                "1640995200000000",
                "1641081600000000",
                1_640_995_200_000_000,
                1_641_081_600_000_000
            )
        );
        assert_eq!(
            shown(NearWindow::EndFirst),
            expected(
                "1641081600",
                "1640995200",
                1_641_081_600_000,
                1_640_995_200_000
            )
        );
    }

    #[test]
    fn what_shows_no_window_stays_as_it_is() {
        let run = json!({ "id": "r", "params": { "windowStartTime": 1 }, "activities": [{}] });
        let mut shown = run.clone();
        NearWindow::EndFirst.show(&mut shown);
        assert_eq!(shown, run);
    }
}
