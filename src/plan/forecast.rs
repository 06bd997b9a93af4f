//! What carrying a plan out will take: pure, from the plan, the state and the limits.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{DayBudget, Limit, Plan, PlannedRun};
use crate::run::{FlowRef, Sandbox};
use crate::state::State;

/// The limits that a forecast goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Requests per second; `None`: as fast as it goes.
    pub per_second: Option<f64>,
    /// `limits.newRunsPerDay`
    pub new_runs_per_day: Option<usize>,
    /// `limits.maxActiveRuns`; a manifest may say otherwise.
    pub max_active_runs: Option<usize>,
    /// Whether it is the emulator that works: how its runs went says nothing of the service.
    pub is_emulated: bool,
}

/// What carrying a plan out will take, as far as can be told beforehand; so it stands in `plan/v2`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Forecast {
    /// Requests to create, those held back by a limit included.
    pub requests: usize,
    /// None where `limits.rate` is `unlimited`.
    #[serde(rename = "requestsPerSecond", skip_serializing_if = "Option::is_none")]
    pub per_second: Option<f64>,
    /// How many runs of a flow may be at work at once, where requests wait for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_once: Option<usize>,
    /// How long sending them takes at that pace, waits for runs at work included; none where that is
    /// not known, or the pace has no limit.
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    #[serde(
        rename = "sendingSeconds",
        serialize_with = "seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub sending: Option<Duration>,
    /// How many applies `limits.newRunsPerApply` makes of it; none: one.
    #[cfg_attr(test, schemars(with = "Option<usize>"))]
    #[serde(skip_serializing_if = "is_one")]
    pub applies: usize,
    /// What the budget of a day makes of it, where there is one.
    #[serde(flatten)]
    pub day: Option<DayForecast>,
    /// What the service will do, judged by earlier runs of the same flows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingestion: Option<IngestionForecast>,
    /// Said where that is how long the emulator takes.
    #[serde(rename = "emulated", skip_serializing_if = "std::ops::Not::not")]
    pub is_emulated: bool,
}

/// What a budget of a day makes of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct DayForecast {
    /// `limits.newRunsPerDay`
    #[serde(rename = "newRunsPerDay")]
    pub most: usize,
    /// How many of the requests that limit lets go now.
    #[serde(rename = "fitNow")]
    pub now: usize,
    /// When that limit lets the last of them go; none: never.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    #[serde(
        rename = "lastFitsAt",
        serialize_with = "to_the_second",
        skip_serializing_if = "Option::is_none"
    )]
    pub last: Option<Timestamp>,
}

/// What the service will do, judged by earlier runs of the same flows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct IngestionForecast {
    /// How many of the requests are of flows whose earlier runs are known.
    pub runs: usize,
    /// How long the slowest flow takes; none where nothing tells how long runs take.
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    #[serde(
        rename = "seconds",
        serialize_with = "seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub time: Option<Duration>,
    /// How many runs of a flow were taken to be at work at once; none: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_once: Option<usize>,
    /// How many records they read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
}

/// A length in whole seconds, begun ones included.
#[expect(clippy::ref_option, reason = "serde calls it so")]
fn seconds<S: Serializer>(length: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let seconds = length.map(|length| length.as_secs() + u64::from(length.subsec_nanos() > 0));
    seconds.serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn to_the_second<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| format!("{at:.0}")).serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one(number: &usize) -> bool {
    *number == 1
}

/// How the finished runs of a flow went.
#[derive(Default)]
struct Earlier {
    runs: u64,
    worked: Duration,
    timed: u32,
    records: u64,
    counted: u64,
}

impl Forecast {
    /// What `plan`, made from `state`, will take; `None` where it sends nothing.
    #[must_use]
    pub(crate) fn of(
        plan: &Plan,
        state: Option<&State>,
        pace: Pace,
        now: Timestamp,
    ) -> Option<Self> {
        let mut by_flow: HashMap<&FlowRef, (usize, Option<usize>)> = HashMap::new();
        let creates = plan.runs().iter().filter(|it| it.action.creates());
        for PlannedRun { run, .. } in creates.chain(plan.held_back()) {
            let own = run.request.max_active_runs.map(std::num::NonZeroUsize::get);
            let (number, _) = by_flow
                .entry(&*run.identity.flow)
                .or_insert((0, own.or(pace.max_active_runs)));
            *number += 1;
        }
        let requests: usize = by_flow.values().map(|(number, _)| number).sum();
        if requests == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "only shown, in whole seconds")]
        let sending = pace
            .per_second
            .map(|rate| Duration::from_secs_f64((requests as f64 / rate).min(1e9)));
        let waiting = by_flow.iter().filter_map(|(flow, (number, at_once))| {
            let at_once = at_once.filter(|at_once| at_once < number)?;
            Some((*flow, *number, at_once))
        });
        let at_once = waiting.clone().map(|(_, _, at_once)| at_once).max();
        let waits: Option<Vec<Duration>> = waiting
            .map(|(flow, number, at_once)| {
                let each = Earlier::of(flow, state?)?.each()?;
                // The last are sent when those before them have ended.
                Some(each.saturating_mul(rounds(number, Some(at_once)) - 1))
            })
            .collect();
        let applies = match plan.limit() {
            Some(Limit::NewRunsPerApply(most)) => requests.div_ceil(most.max(1)),
            _ => 1,
        };
        Some(Self {
            requests,
            per_second: pace.per_second,
            at_once,
            sending: match (at_once, waits) {
                (None, _) => sending,
                (Some(_), waits) => waits.and_then(|waits| waits.into_iter().chain(sending).max()),
            },
            applies,
            day: day(&by_flow, state, pace, now),
            ingestion: ingestion(&by_flow, state),
            is_emulated: pace.is_emulated,
        })
    }
}

type ByFlow<'p> = HashMap<&'p FlowRef, (usize, Option<usize>)>;

fn day(
    by_flow: &ByFlow<'_>,
    state: Option<&State>,
    pace: Pace,
    now: Timestamp,
) -> Option<DayForecast> {
    let most = pace.new_runs_per_day?;
    let budget = DayBudget::of(Some(most), state, Some(now));
    let mut by_sandbox: HashMap<&Sandbox, usize> = HashMap::new();
    for (flow, (number, _)) in by_flow {
        *by_sandbox.entry(&flow.sandbox).or_default() += number;
    }
    let mut at_once = 0;
    let mut last = Some(now);
    for (sandbox, number) in by_sandbox {
        let fits = budget.fits(sandbox, number, now);
        at_once += fits.iter().take_while(|at| **at <= now).count();
        let all_fit = fits.len() == number;
        last = last
            .zip(fits.last().filter(|_| all_fit))
            .map(|(a, b)| a.max(*b));
    }
    Some(DayForecast {
        most,
        now: at_once,
        last,
    })
}

fn ingestion(by_flow: &ByFlow<'_>, state: Option<&State>) -> Option<IngestionForecast> {
    let mut forecast = IngestionForecast {
        runs: 0,
        time: None,
        at_once: None,
        records: None,
    };
    for (flow, (number, at_once)) in by_flow {
        let Some(earlier) = Earlier::of(flow, state?) else {
            continue;
        };
        forecast.runs += number;
        forecast.at_once = forecast.at_once.max(*at_once);
        if let Some(each) = earlier.each() {
            let time = each.saturating_mul(rounds(*number, *at_once));
            forecast.time = forecast.time.max(Some(time));
        }
        if let Some(each) = earlier.records.checked_div(earlier.counted) {
            let more = each.saturating_mul(*number as u64);
            forecast.records = Some(forecast.records.unwrap_or(0).saturating_add(more));
        }
    }
    (forecast.time.is_some() || forecast.records.is_some()).then_some(forecast)
}

/// How often so many runs of a flow go to work, one lot after the other. Where nothing limits them, all
/// are at work at once, as far as is known.
fn rounds(number: usize, at_once: Option<usize>) -> u32 {
    let rounds = at_once.map_or(1, |at_once| number.div_ceil(at_once.max(1)));
    u32::try_from(rounds).unwrap_or(u32::MAX)
}

impl Earlier {
    /// How long a run took, on average.
    fn each(&self) -> Option<Duration> {
        self.worked.checked_div(self.timed)
    }

    /// The runs of `flow` that have finished with their records; `None` where there are none.
    fn of(flow: &FlowRef, state: &State) -> Option<Self> {
        let mut earlier = Self::default();
        for seen in state.of_flow(flow).filter_map(|record| record.last_seen()) {
            if !seen.status.is_finished() || seen.status.is_retriable() {
                continue;
            }
            earlier.runs += 1;
            if let Some(worked) = seen.worked() {
                earlier.worked += worked;
                earlier.timed += 1;
            }
            if let Some(records) = seen.records.input {
                earlier.records = earlier.records.saturating_add(records);
                earlier.counted += 1;
            }
        }
        (earlier.runs > 0).then_some(earlier)
    }
}
