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
        let run = |params: (&str, &str), copy: (i64, i64)| {
            json!({
                "params": { "windowStartTime": params.0, "windowEndTime": params.1 },
                "activities": [{ "durationSummary": { "extensions": {
                    "windowStart": copy.0, "windowEnd": copy.1,
                }}}],
            })
        };
        let own = run(
            ("1000000000", "1000000060"),
            (1_000_000_000_000, 1_000_000_060_000),
        );
        for (near, params, copy) in [
            (
                NearWindow::EndEarly,
                ("1000000000", "1000000059"),
                (1_000_000_000_000, 1_000_000_059_000),
            ),
            (
                NearWindow::EndMillisEarly,
                ("1000000000000", "1000000059999"),
                (1_000_000_000_000, 1_000_000_059_999),
            ),
            (
                NearWindow::StartLate,
                ("1000000001", "1000000060"),
                (1_000_000_001_000, 1_000_000_060_000),
            ),
            (
                NearWindow::Microseconds,
                ("1000000000000000", "1000000060000000"),
                (1_000_000_000_000_000, 1_000_000_060_000_000),
            ),
            (
                NearWindow::EndFirst,
                ("1000000060", "1000000000"),
                (1_000_000_060_000, 1_000_000_000_000),
            ),
        ] {
            let mut shown = own.clone();
            near.show(&mut shown);
            assert_eq!(shown, run(params, copy), "{near:?}");
        }
    }

    #[test]
    fn what_shows_no_window_stays_as_it_is() {
        let run = json!({ "id": "r", "params": { "windowStartTime": 1 }, "activities": [{}] });
        let mut shown = run.clone();
        NearWindow::EndFirst.show(&mut shown);
        assert_eq!(shown, run);
    }
}
