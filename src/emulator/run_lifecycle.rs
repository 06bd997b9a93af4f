//! The life of a run: `scheduled`, `inProgress`, then one of five ends.
//!
//! A pure function of the run, the scenario and the time. A run waits for its `startTime`, and
//! `scheduledFor` at least; it runs for `runsFor`; how it ends is drawn from the seed and from
//! what the run is, so that neither the order of requests nor a restart changes it.

use super::chance::draw;
use super::clock::Millis;
use super::scenario::{EmulatedOutcome, Scenario};
use super::service_state::EmulatedRun;

/// Where a run is in its life: scheduled, until it has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunLifecycle {
    pub(super) started: Option<Millis>,
    /// When it ended, and how.
    pub(super) ended: Option<(Millis, EmulatedOutcome)>,
}

impl RunLifecycle {
    /// Where `run` is at `now`.
    pub(super) fn of(run: &EmulatedRun, scenario: &Scenario, now: Millis) -> Self {
        let wanted = run.record.params.start_time.saturating_mul(1000);
        let created = run.record.created_at;
        let started = wanted.max(created.saturating_add(scenario.scheduled_for.millis()));
        let completed = started.saturating_add(scenario.runs_for.millis());
        Self {
            started: (started <= now).then_some(started),
            ended: (completed <= now).then(|| (completed, outcome(run, scenario))),
        }
    }

    /// How it ended, or where it is, in one word: of a success, whether it is one of all records.
    pub(super) fn end(self) -> &'static str {
        use EmulatedOutcome::{NoRecords, PartialSuccess, SuccessWithErrors};
        match self.ended {
            Some((_, SuccessWithErrors | PartialSuccess)) => "partial",
            Some((_, NoRecords)) => "empty",
            _ => self.status(),
        }
    }

    /// When the run last changed.
    pub(super) fn updated_at(self, run: &EmulatedRun) -> Millis {
        let ended = self.ended.map(|(completed, _)| completed);
        ended.or(self.started).unwrap_or(run.record.created_at)
    }

    /// The word for it, as Adobe's samples spell it.
    pub(super) fn status(self) -> &'static str {
        use EmulatedOutcome::{Failed, NoRecords, PartialSuccess, Success, SuccessWithErrors};
        match self.ended {
            None if self.started.is_none() => "scheduled",
            None => "inProgress",
            Some((_, Success | SuccessWithErrors | NoRecords)) => "success",
            Some((_, PartialSuccess)) => "partialSuccess",
            Some((_, Failed)) => "failed",
        }
    }

    /// Whether the run may be triggered again: it failed, or brought nothing.
    pub(super) fn is_retriable(self) -> bool {
        use EmulatedOutcome::{Failed, NoRecords};
        matches!(self.ended, Some((_, Failed | NoRecords)))
    }
}

fn outcome(run: &EmulatedRun, scenario: &Scenario) -> EmulatedOutcome {
    let record = &run.record;
    let (start, end) = record.params.window;
    // Nothing can be in a window that is empty or had not begun when the run was created:
    // milliseconds sent as seconds show as no records.
    if end <= start || start.saturating_mul(1000) > record.created_at {
        return EmulatedOutcome::NoRecords;
    }
    if scenario
        .bad_attempts
        .is_some_and(|bad| run.attempt >= bad.get())
    {
        return EmulatedOutcome::Success;
    }
    let total = scenario.outcomes.values().copied().map(u32::from).sum();
    let subject = format_args!(
        "{}/{}/{start}/{end}/{}",
        record.sandbox, record.flow_id, run.attempt
    );
    let mut left = if scenario.outcomes_exact && run.attempt == 0 {
        f64::from(spread(run.ordinal, total))
    } else {
        draw(scenario.seed, subject) * f64::from(total)
    };
    for (outcome, weight) in &scenario.outcomes {
        let weight = f64::from(*weight);
        if left < weight {
            return *outcome;
        }
        left -= weight;
    }
    EmulatedOutcome::Success
}

/// Gives each number below `total` once to as many runs; spread out, so that those that fail do not
/// come all together.
fn spread(ordinal: u32, total: u32) -> u32 {
    // A prime that is larger than any sum of weights shares no factor with it.
    const STRIDE: u64 = 1_000_003;
    let place = u64::from(ordinal) * STRIDE % u64::from(total.max(1));
    u32::try_from(place).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(start_time: i64, window: (i64, i64), attempt: u32) -> EmulatedRun {
        EmulatedRun {
            record: serde_json::from_value(json!({
                "id": "r", "sandbox": "prod",
                "flowId": "3abea21c-7e36-4be1-bec1-d3bad0e3e0de",
                "createdAt": 1_000_000_000_000_i64, "createdClient": "k",
                "imsOrgId": "o", "retriggerOf": null,
                "params": { "startTime": start_time, "windowStartTime": window.0,
                            "windowEndTime": window.1 },
            }))
            .expect("a record"),
            serial: 0,
            made_at: 1_000_000_000_000,
            attempt,
            ordinal: u32::try_from(window.0.rem_euclid(1_000_000)).expect("small"),
        }
    }

    fn scenario(yaml: &str) -> Scenario {
        Scenario::of(yaml)
    }

    #[test]
    fn a_run_is_scheduled_then_in_progress_then_ended() {
        let (run, calm) = (run(0, (0, 10), 0), Scenario::default());
        let status = |after: i64| RunLifecycle::of(&run, &calm, 1_000_000_000_000 + after).status();
        assert_eq!(status(0), "scheduled");
        assert_eq!(status(999), "scheduled");
        assert_eq!(status(1_000), "inProgress");
        assert_eq!(status(2_999), "inProgress");
        assert_eq!(status(3_000), "success");
        assert_eq!(status(i64::from(u32::MAX)), "success");
    }

    #[test]
    fn a_run_waits_for_its_start_time() {
        let (run, calm) = (run(1_000_000_600, (0, 10), 0), Scenario::default());
        let status = |after: i64| RunLifecycle::of(&run, &calm, 1_000_000_000_000 + after).status();
        assert_eq!(status(599_999), "scheduled");
        assert_eq!(status(600_000), "inProgress");
    }

    #[test]
    fn a_window_in_milliseconds_brings_no_records() {
        let run = run(0, (1_651_584_991_000, 1_651_585_956_000), 0);
        let life = RunLifecycle::of(&run, &Scenario::default(), i64::MAX);
        assert_eq!(life.status(), "success");
        assert!(life.is_retriable());
    }

    #[test]
    fn outcomes_follow_their_weights_and_repeat_with_the_seed() {
        let half = scenario("{ seed: 3, outcomes: { success: 1, failed: 1 } }");
        let ends = |scenario: &Scenario| -> Vec<_> {
            (0..1_000)
                .map(|n| RunLifecycle::of(&run(0, (n, n + 1), 0), scenario, i64::MAX).status())
                .collect()
        };
        let failed = ends(&half).iter().filter(|end| **end == "failed").count();
        assert!((400..600).contains(&failed), "{failed} of 1,000 failed");
        assert_eq!(ends(&half), ends(&half));
        assert_ne!(
            ends(&half),
            ends(&Scenario {
                seed: 4,
                ..half.clone()
            })
        );
        let exact = scenario(
            "{ outcomesExact: true, badAttempts: 1, outcomes: { success: 265, failed: 20, \
             partialSuccess: 5, noRecords: 10 } }",
        );
        let first: Vec<_> = ends(&exact).into_iter().take(300).collect();
        let of = |word| first.iter().filter(|end| **end == word).count();
        assert_eq!(
            (of("failed"), of("partialSuccess"), of("success")),
            (20, 5, 275)
        );
        let again = RunLifecycle::of(&run(0, (7, 8), 1), &exact, i64::MAX).status();
        assert_eq!(again, "success", "a second attempt");
        let all = scenario("outcomes: { failed: 1 }");
        assert!(ends(&all).iter().all(|end| *end == "failed"));
    }
}
