//! `rehearse/v1`: what a rehearsal came to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::text::rehearse::{Miscount, Rehearsal, RehearsalCounts};
use crate::run::Key;

/// `rehearse/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct RehearseDocument {
    #[cfg_attr(test, schemars(extend("const" = "rehearse/v1")))]
    format: &'static str,
    scenario: String,
    seed: u64,
    summary: Summary,
    kills: u32,
    kills_asked: u32,
    applies: u32,
    /// Retries that were started, those that were killed included.
    retries: u32,
    /// How many requests of each kind arrived.
    requests: BTreeMap<String, u64>,
    /// How often each fault was done.
    faults: BTreeMap<String, u64>,
    seconds: f64,
    /// The windows that are doubled, lost or unwanted.
    windows: Vec<WrongWindow>,
    /// What the last apply said of itself, unless it was fine.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The folder with the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Summary {
    wanted: usize,
    created: usize,
    /// Runs that failed and were run again.
    retried: usize,
    doubled: usize,
    lost: usize,
    unwanted: usize,
    in_doubt: usize,
    left: usize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct WrongWindow {
    outcome: &'static str,
    keys: Vec<Key>,
    sandbox: String,
    flow_id: String,
    window_start_time: i64,
    window_end_time: i64,
    /// The ids of the runs that exist of it.
    runs: Vec<String>,
}

impl WrongWindow {
    fn new(miscount: &Miscount) -> Self {
        let Miscount {
            wrong,
            sandbox,
            flow_id,
            window: (start, end),
            keys,
            run_ids,
        } = miscount.clone();
        Self {
            outcome: wrong.as_str(),
            keys,
            sandbox,
            flow_id,
            window_start_time: start,
            window_end_time: end,
            runs: run_ids,
        }
    }
}

/// What a rehearsal came to, as `rehearse/v1`.
#[must_use]
pub(crate) fn rehearse(rehearsal: &Rehearsal, exit_code: u8) -> RehearseDocument {
    let Rehearsal {
        scenario,
        seed,
        verdict,
        kills,
        kills_asked,
        applies,
        retries,
        last_words,
        requests,
        faults,
        took,
        kept,
    } = rehearsal.clone();
    let RehearsalCounts {
        wanted,
        created,
        retried,
        doubled,
        lost,
        unwanted,
        in_doubt,
        left,
        wrong,
    } = verdict;
    RehearseDocument {
        format: "rehearse/v1",
        scenario,
        seed,
        summary: Summary {
            wanted,
            created,
            retried,
            doubled,
            lost,
            unwanted,
            in_doubt,
            left,
        },
        kills,
        kills_asked,
        applies,
        retries,
        requests,
        faults,
        seconds: took.as_secs_f64(),
        windows: wrong.iter().map(WrongWindow::new).collect(),
        message: last_words,
        kept: kept.map(|folder| folder.to_string_lossy().into_owned()),
        exit_code,
    }
}
