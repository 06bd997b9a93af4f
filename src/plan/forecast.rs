//! What carrying a plan out will take: pure, from the plan, the state and the limits.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{DayBudget, Plan, PlannedRun};
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
}

/// What carrying a plan out will take.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Forecast {
    /// Requests to create that are to be sent, those held back by a limit included.
    pub requests: usize,
    /// How many of them a second.
    pub per_second: Option<f64>,
    /// How long sending them takes at that pace, if nothing else holds it up.
    pub sending: Option<Duration>,
    /// What the budget of a day makes of it, where there is one.
    pub day: Option<DayForecast>,
    /// What the service will do with them, as far as the state knows how earlier runs went.
    pub ingestion: Option<IngestionForecast>,
}

/// What a budget of a day makes of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DayForecast {
    /// The limit.
    pub most: usize,
    /// How many may be sent now.
    pub now: usize,
    /// When the last one may be; `None`: never.
    pub last: Option<Timestamp>,
}

/// What the service will do, judged by earlier runs of the same flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IngestionForecast {
    /// How many of the requests are of flows whose earlier runs are known.
    pub runs: usize,
    /// How long the slowest of these flows takes; `None` where nothing tells how long runs take.
    pub time: Option<Duration>,
    /// How many runs of a flow were taken to be at work at once; `None`: all of them.
    pub at_once: Option<usize>,
    /// How many records they read.
    pub records: Option<u64>,
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
        Some(Self {
            requests,
            per_second: pace.per_second,
            sending,
            day: day(&by_flow, state, pace, now),
            ingestion: ingestion(&by_flow, state),
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
        if let Some(each) = earlier.worked.checked_div(earlier.timed) {
            // Where nothing limits them, all are at work at once, as far as is known.
            let rounds = at_once.map_or(1, |at_once| number.div_ceil(at_once.max(1)));
            let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
            forecast.time = forecast.time.max(Some(each.saturating_mul(rounds)));
        }
        if let Some(each) = earlier.records.checked_div(earlier.counted) {
            let more = each.saturating_mul(*number as u64);
            forecast.records = Some(forecast.records.unwrap_or(0).saturating_add(more));
        }
    }
    (forecast.time.is_some() || forecast.records.is_some()).then_some(forecast)
}

impl Earlier {
    /// The runs of `flow` that have finished with their records; `None` where there are none.
    fn of(flow: &FlowRef, state: &State) -> Option<Self> {
        let mut earlier = Self::default();
        for seen in state.of_flow(flow).filter_map(|record| record.last_seen()) {
            if !seen.status.is_finished() || seen.status.is_retriable() {
                continue;
            }
            earlier.runs += 1;
            if let (Some(began), Some(ended)) = (seen.started_at, seen.ended_at)
                && let Ok(worked) = Duration::try_from(ended.duration_since(began))
            {
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
