//! What lists of runs show, as they came: of each question that Adobe's documents leave open, how
//! many runs answer it in which way.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use crate::api::{FlowRun, WindowEvidence, shows_milliseconds};
use crate::run::{FlowId, RunId, RunStatus};

/// Counts of runs, by what they show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ListShape {
    /// Lists that were read.
    pub lists: usize,
    /// Lists that have a second page.
    pub paged: usize,
    /// Lists whose second page was read, and brought other runs.
    pub pages_read: usize,
    /// All runs that were listed.
    pub runs: usize,
    /// Runs of another flow than was asked for.
    pub foreign: usize,
    /// Runs that show no flow.
    pub without_flow: usize,
    /// Runs with a window in `params`.
    pub params: usize,
    /// Of these, those whose times are texts.
    pub texts: usize,
    /// Of these, those whose times are in milliseconds.
    pub milliseconds: usize,
    /// Runs with a window on their copy activity alone.
    pub copy_windows: usize,
    /// Runs with a window that none can be.
    pub invalid: usize,
    /// Runs without any window.
    pub silent: usize,
    /// Silent runs that showed a window when they were read by their id.
    pub shown_alone: usize,
    /// Runs by our API key.
    pub ours: usize,
    /// Runs that name no client.
    pub without_client: usize,
    /// Runs without a time of creation.
    pub without_creation: usize,
    /// Runs that the state has as sent by us, and the clients that they name.
    pub recorded: usize,
    /// See [`recorded`](Self::recorded); without our own key.
    pub recorded_clients: BTreeSet<String>,
    /// Words for a status that are not known.
    pub unknown_statuses: BTreeSet<String>,
    /// Entries of lists that cannot be read as runs.
    pub unreadable: usize,
    /// An example of a run without a window.
    pub silent_run: Option<RunId>,
}

impl ListShape {
    /// Runs of the flows that were asked for.
    pub(crate) fn own(&self) -> usize {
        self.runs - self.foreign
    }

    /// Adds a page of the list of `flow`; `sent` are the runs that the state has as created by us.
    pub(crate) fn add(&mut self, page: &Value, flow: FlowId, api_key: &str, sent: &HashSet<RunId>) {
        let items = page.get("items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            let Some(run) = FlowRun::read(item) else {
                self.unreadable += 1;
                continue;
            };
            self.runs += 1;
            match run.flow_id {
                // It says nothing about the runs of this flow.
                Some(id) if id != flow => {
                    self.foreign += 1;
                    continue;
                }
                Some(_) => {}
                None => self.without_flow += 1,
            }
            match run.window_evidence {
                WindowEvidence::Params(_) => {
                    let start = item.pointer("/params/windowStartTime");
                    self.params += 1;
                    self.texts += usize::from(start.is_some_and(Value::is_string));
                    self.milliseconds += usize::from(start.is_some_and(shows_milliseconds));
                }
                WindowEvidence::CopyActivity(_) => self.copy_windows += 1,
                WindowEvidence::Invalid => self.invalid += 1,
                WindowEvidence::Missing => {
                    self.silent += 1;
                    self.silent_run.get_or_insert_with(|| run.id.clone());
                }
            }
            self.ours += usize::from(run.is_by(api_key));
            self.without_client += usize::from(run.created_client.is_none());
            self.without_creation += usize::from(run.created_at.is_none());
            if sent.contains(&run.id) {
                self.recorded += 1;
                if let Some(client) = &run.created_client
                    && !run.is_by(api_key)
                {
                    self.recorded_clients.insert(client.to_string());
                }
            }
            if let RunStatus::Unknown(word) = &run.status {
                self.unknown_statuses.insert(word.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixture;

    fn run(id: &str, more: &Value) -> Value {
        let mut run = json!({
            "id": id,
            "flowId": fixture::flow().id.to_string(),
            "createdAt": 1_651_587_212_543_i64,
            "createdClient": fixture::OURS,
            "metrics": { "statusSummary": { "status": "success" } },
        });
        for (name, value) in more.as_object().expect("fields") {
            run[name] = value.clone();
        }
        run
    }

    #[test]
    fn each_way_to_show_a_window_is_counted() {
        let flow = fixture::flow().id;
        let params = |start: Value, end: Value| json!({ "params": { "windowStartTime": start, "windowEndTime": end } });
        let copied = json!({ "activities": [{ "durationSummary": { "extensions": {
            "windowStart": 1_596_653_708_000_i64, "windowEnd": 1_596_655_508_000_i64 } } }] });
        let other = json!({ "flowId": "00000000-0000-4000-8000-000000000009" });
        let odd = json!({ "createdClient": "exc_app", "state": "ABORTED", "metrics": {} });
        let page = json!({ "items": [
            run("r1", &params(json!("1651584991"), json!("1651585956"))),
            run("r2", &params(json!(1_651_584_991), json!(1_651_585_956))),
            run("r3", &params(json!(1_651_584_991_000_i64), json!(1_651_585_956_000_i64))),
            run("r4", &copied),
            run("r5", &odd),
            run("r6", &other),
            { "no": "run" },
        ]});
        let sent = ["r1", "r5"].map(|id| id.parse().expect("an id")).into();
        let mut shape = ListShape::default();
        shape.add(&page, flow, fixture::OURS, &sent);
        assert_eq!(
            shape,
            ListShape {
                runs: 6,
                foreign: 1,
                params: 3,
                texts: 1,
                milliseconds: 1,
                copy_windows: 1,
                silent: 1,
                ours: 4,
                recorded: 2,
                recorded_clients: ["exc_app".to_owned()].into(),
                unknown_statuses: ["ABORTED".to_owned()].into(),
                unreadable: 1,
                silent_run: "r5".parse().ok(),
                ..ListShape::default()
            }
        );
        shape.add(&page, flow, fixture::OURS, &sent);
        assert_eq!((shape.runs, shape.own()), (12, 10));
    }
}
