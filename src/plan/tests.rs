//! Plans against model worlds: build desired runs and a state, look at the plan as data.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::fixture::desired;
use crate::run::{
    ByteCounts, FlowId, FlowRef, Key, Order, PickError, RecordCounts, Rerun, RunStatus,
    UnixSeconds, Window,
};
use crate::state::{ClockedTime, Entry, LastSeen, Refusal, State};

const DAY: i64 = 86_400;

fn flow(n: u8) -> FlowId {
    format!("00000000-0000-4000-8000-0000000000{n:02x}")
        .parse()
        .expect("a flow")
}

fn identity(flow_number: u8, start: i64, end: i64) -> RunIdentity {
    let at = |s| UnixSeconds::new(s).expect("in range");
    RunIdentity {
        flow: FlowRef {
            sandbox: "prod".parse().expect("a sandbox"),
            id: flow(flow_number),
        }
        .into(),
        window: Window::new(at(start), at(end)).expect("a window"),
        rerun: Rerun::FIRST,
    }
}

fn days(flow_number: u8, days: std::ops::Range<i64>) -> Vec<DesiredRun> {
    days.map(|day| desired(identity(flow_number, day * DAY, (day + 1) * DAY)))
        .collect()
}

struct PlanFixture(State);

impl PlanFixture {
    fn new() -> Self {
        Self(State::new(
            "5C13@AdobeOrg".parse().expect("an organization"),
        ))
    }

    fn intent(mut self, identity: &RunIdentity) -> Self {
        self.step(Entry::Intent {
            run: identity.into(),
            at: ClockedTime {
                local: Some(Timestamp::UNIX_EPOCH),
                service: None,
            },
            session: Uuid::nil(),
            start_time: None,
            order: None,
            retry: None,
        });
        self
    }

    fn created(self, identity: &RunIdentity) -> Self {
        let mut world = self.intent(identity);
        world.step(Entry::Created {
            key: identity.key(),
            run_id: identity.key().short().parse().expect("a run id"),
            etag: None,
            at: Timestamp::UNIX_EPOCH,
        });
        world
    }

    fn rejected(self, identity: &RunIdentity) -> Self {
        let mut world = self.intent(identity);
        world.step(Entry::Rejected {
            key: identity.key(),
            refusal: Refusal {
                status: 400,
                code: None,
                message: "no".into(),
                request_id: None,
            },
            at: Timestamp::UNIX_EPOCH,
        });
        world
    }

    fn step(&mut self, entry: Entry) {
        self.0.fold(entry).expect("a legal step");
    }
}

fn actions(plan: &Plan) -> Vec<Action> {
    plan.runs().iter().map(|planned| planned.action).collect()
}

#[test]
fn without_a_state_everything_is_created() {
    let plan = diff(days(1, 0..3), None);
    assert_eq!(actions(&plan), [Action::Create; 3]);
    assert!(plan.totals().has_changes());
}

#[test]
fn each_fate_has_its_action() {
    let world = PlanFixture::new()
        .created(&identity(1, 0, DAY))
        .intent(&identity(1, DAY, 2 * DAY))
        .rejected(&identity(1, 2 * DAY, 3 * DAY));
    let plan = diff(days(1, 0..4), Some(&world.0));
    assert_eq!(
        actions(&plan),
        [
            Action::Unchanged,
            Action::Settle,
            Action::Again,
            Action::Create
        ]
    );
}

#[test]
fn when_all_exists_there_is_nothing_to_do() {
    let world = PlanFixture::new().created(&identity(1, 0, DAY));
    let plan = diff(days(1, 0..1), Some(&world.0));
    assert!(!plan.totals().has_changes());
}

#[test]
fn a_window_over_one_that_was_ingested_is_a_conflict_unless_allowed() {
    let week = identity(1, 0, 7 * DAY);
    let world = PlanFixture::new().created(&week);
    let mut runs = days(1, 3..4);
    let plan = diff(runs.clone(), Some(&world.0));
    assert_eq!(actions(&plan), [Action::Conflict]);
    assert_eq!(
        plan.runs()[0].known.as_ref().map(|known| &known.identity),
        Some(&week)
    );
    Arc::make_mut(&mut runs[0].request).overlap_allowed = true;
    assert_eq!(actions(&diff(runs, Some(&world.0))), [Action::Create]);
}

#[test]
fn a_window_over_one_in_doubt_waits_until_that_is_settled() {
    let world = PlanFixture::new().intent(&identity(1, 0, 7 * DAY));
    let plan = diff(days(1, 3..4), Some(&world.0));
    assert_eq!(actions(&plan), [Action::Wait]);
    assert!(plan.totals().has_changes());
}

#[test]
fn a_long_window_among_many_short_ones_is_found() {
    let year = identity(1, 0, 365 * DAY);
    let mut world = PlanFixture::new().created(&year);
    for day in 366..400 {
        world = world.created(&identity(1, day * DAY, (day + 1) * DAY));
    }
    let runs = [days(1, 100..101), days(1, 365..366), days(1, 399..401)].concat();
    assert_eq!(
        actions(&diff(runs, Some(&world.0))),
        [
            Action::Conflict,
            Action::Create,
            Action::Unchanged,
            Action::Create
        ]
    );
}

#[test]
fn a_rejected_run_is_in_nobodys_way() {
    let world = PlanFixture::new().rejected(&identity(1, 0, 7 * DAY));
    assert_eq!(
        actions(&diff(days(1, 3..4), Some(&world.0))),
        [Action::Create]
    );
}

#[test]
fn runs_of_a_flow_that_no_manifest_wants_are_orphaned_and_other_flows_are_not() {
    let world = PlanFixture::new()
        .created(&identity(1, 0, DAY))
        .created(&identity(2, 0, DAY));
    let plan = diff(days(1, 5..6), Some(&world.0));
    let orphaned: Vec<_> = plan
        .orphaned()
        .iter()
        .map(|known| &known.identity)
        .collect();
    assert_eq!(orphaned, [&identity(1, 0, DAY)]);
    // Without a manifest, all of them are.
    assert_eq!(diff(Vec::new(), Some(&world.0)).orphaned().len(), 2);
}

#[test]
fn a_limit_takes_from_every_flow_in_turn_and_counts_the_rest() {
    let runs = [days(1, 0..100), days(2, 0..2), days(3, 0..10)].concat();
    let plan = diff(runs, None).select(&Selection {
        limit: Some(Limit::Asked(12)),
        ..Selection::default()
    });
    let of = |n| {
        plan.runs()
            .iter()
            .filter(|planned| planned.run.identity.flow.id == flow(n))
            .count()
    };
    assert_eq!([of(1), of(2), of(3)], [5, 2, 5]);
    assert_eq!(plan.totals().held_back, 100);
    assert_eq!(plan.limit(), Some(Limit::Asked(12)));
    assert!(plan.held_back().iter().all(|held| {
        plan.runs()
            .iter()
            .all(|kept| kept.run.key() != held.run.key())
    }));
    let first = plan.runs()[0].run.identity.window.start().get();
    assert_eq!(first, 0, "earliest windows first");
}

#[test]
fn a_limit_takes_the_newest_windows_where_these_are_sent_first() {
    let mut runs = days(1, 0..10);
    let mut again = runs[9].clone();
    again.identity.rerun = Rerun::new(2).expect("not 0");
    runs.push(again);
    for run in &mut runs {
        Arc::make_mut(&mut run.request).order = Order::NewestFirst;
    }
    runs.extend(days(2, 0..10));
    for limit in [Limit::Asked(6), Limit::MaxNew(6), Limit::NewRunsPerApply(6)] {
        let plan = diff(runs.clone(), None).select(&Selection {
            limit: Some(limit),
            ..Selection::default()
        });
        let selected: Vec<_> = plan
            .runs()
            .iter()
            .map(|planned| &planned.run.identity)
            .map(|run| (run.window.start().get() / DAY, run.rerun.get()))
            .collect();
        assert_eq!(selected, [(8, 1), (9, 1), (9, 2), (0, 1), (1, 1), (2, 1)]);
        assert_eq!(plan.totals().held_back, 15);
    }
}

#[test]
fn a_limit_is_not_eaten_by_what_was_refused_before() {
    let mut world = PlanFixture::new();
    for day in 0..5 {
        world = world.rejected(&identity(1, day * DAY, (day + 1) * DAY));
    }
    let limited = |most| {
        diff(days(1, 0..10), Some(&world.0)).select(&Selection {
            limit: Some(Limit::Asked(most)),
            ..Selection::default()
        })
    };
    let plan = limited(3);
    assert_eq!(actions(&plan), [Action::Create; 3]);
    let plan = limited(7);
    assert_eq!(plan.totals().actions.of(Action::Create), 5);
    assert_eq!(plan.totals().actions.of(Action::Again), 2);
}

#[test]
fn a_selection_by_flow_and_key_keeps_only_those() {
    let runs = [days(1, 0..3), days(2, 0..3)].concat();
    let key = runs[4].key();
    let by_flow = diff(runs.clone(), None).select(&Selection {
        flows: vec![flow(2)],
        ..Selection::default()
    });
    assert_eq!(by_flow.runs().len(), 3);
    let by_key = diff(runs, None).select(&Selection {
        keys: vec![key.short().parse().expect("a prefix")],
        ..Selection::default()
    });
    assert_eq!(by_key.runs().len(), 1);
    assert_eq!(by_key.runs()[0].run.key(), key);
}

#[test]
fn the_digest_tells_what_is_done_and_nothing_else() {
    let world = PlanFixture::new().created(&identity(1, 0, DAY));
    let with_done = diff(days(1, 0..3), Some(&world.0));
    let without = diff(days(1, 1..3), None);
    assert_eq!(with_done.digest(), without.digest());
    assert_ne!(with_done.digest(), diff(days(1, 0..3), None).digest());
}

proptest! {
    #[test]
    fn a_limit_is_kept_and_nothing_is_lost(counts in prop::collection::vec(0..30i64, 1..6), limit in 0..80usize) {
        let runs: Vec<DesiredRun> = counts
            .iter()
            .zip(1..)
            .flat_map(|(count, n)| days(n, 0..*count))
            .collect();
        let all = runs.len();
        let totals = diff(runs, None)
            .select(&Selection { limit: Some(Limit::Asked(limit)), ..Selection::default() })
            .totals();
        prop_assert_eq!(totals.actions.of(Action::Create), all.min(limit));
        prop_assert_eq!(totals.actions.of(Action::Create) + totals.held_back, all);
    }
}

#[test]
fn a_key_is_found_in_the_plan_under_a_limit_and_in_the_state() {
    let kept = identity(1, 50 * DAY, 51 * DAY);
    let world = PlanFixture::new().created(&kept);
    let all = days(1, 0..3);
    let plan = diff(all.clone(), Some(&world.0)).select(&Selection {
        limit: Some(Limit::MaxNew(2)),
        ..Selection::default()
    });
    let ask = |key: &Key| {
        let prefix = key.short().parse().expect("a prefix");
        explain(&plan, Some(&world.0), &prefix)
    };
    assert!(matches!(ask(&all[0].key()), Ok(Explained::Planned(planned)) if planned.run == all[0]));
    assert!(matches!(
        ask(&all[2].key()),
        Ok(Explained::HeldBack(planned, Limit::MaxNew(2))) if planned.run == all[2]
    ));
    assert!(matches!(ask(&kept.key()), Ok(Explained::NotWanted(known)) if known.identity == kept));
    assert!(matches!(
        ask(&identity(9, 0, 1).key()),
        Err(PickError::Unknown(_))
    ));
}

#[test]
fn a_beginning_of_several_keys_names_them() {
    // Two of so many keys begin with the same four digits.
    let plan = diff(days(1, 0..2000), None);
    let mut keys: Vec<Key> = plan
        .runs()
        .iter()
        .map(|planned| planned.run.key())
        .collect();
    keys.sort();
    let beginning = |key: &Key| key.short()[..4].to_owned();
    let twins = keys
        .windows(2)
        .find(|pair| beginning(&pair[0]) == beginning(&pair[1]))
        .expect("the birthdays of 2000 keys in 65536 days");
    let prefix = beginning(&twins[0]).parse().expect("a prefix");
    match explain(&plan, None, &prefix) {
        Err(PickError::Ambiguous { keys, .. }) => assert!(keys.starts_with(twins)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_million_runs_stay_small() {
    assert!(size_of::<DesiredRun>() <= 56, "{}", size_of::<DesiredRun>());
    assert!(size_of::<PlannedRun>() <= 72, "{}", size_of::<PlannedRun>());
}

/// What was read of a run of ten minutes with 100 records.
fn seen(identity: &RunIdentity, status: RunStatus) -> Entry {
    let at = |second| Timestamp::from_second(second).ok();
    Entry::Seen {
        run: identity.into(),
        run_id: identity.key().short().parse().expect("a run id"),
        seen: LastSeen {
            status,
            records: RecordCounts {
                input: Some(100),
                ..RecordCounts::default()
            },
            bytes: ByteCounts::default(),
            started_at: at(1_000),
            updated_at: None,
            ended_at: at(1_600),
            code: None,
            message: None,
            at: Timestamp::UNIX_EPOCH,
        },
        etag: None,
    }
}

const ALL: [RunStatus; 4] = [
    RunStatus::Failed,
    RunStatus::Empty,
    RunStatus::Partial,
    RunStatus::Success,
];

/// A state with runs that have ended in all ways, one that has not, and one that is not there.
fn ended() -> (Vec<DesiredRun>, State) {
    let runs = days(1, 0..6);
    let mut world = PlanFixture::new();
    for (run, status) in runs.iter().zip(ALL) {
        world = world.created(&run.identity);
        world.step(seen(&run.identity, status));
    }
    let world = world.created(&runs[4].identity);
    (runs, world.0)
}

#[test]
fn how_runs_ended_is_known_of_those_that_did_not_end_well() {
    let (runs, state) = ended();
    let plan = diff(runs, Some(&state));
    let known = |at: usize| {
        let known = plan.runs()[at].known.as_ref()?;
        Some(known.last_seen.as_ref()?.status.clone())
    };
    let [failed, empty, partial, _] = ALL;
    assert_eq!(
        [known(0), known(1), known(2), known(3), known(4)],
        [Some(failed), Some(empty), Some(partial), None, None]
    );
    assert_eq!(plan.totals().actions.of(Action::Unchanged), 5);
    assert_eq!(plan.totals().actions.of(Action::Create), 1);
}

fn retries(rule: RetryRule) -> (Vec<(i64, Action)>, RetryPlan) {
    let (runs, state) = ended();
    let retry = RetryPlan::of(diff(runs, Some(&state)), &state, rule);
    let planned = retry.plan.runs().iter().map(|planned| {
        let day = planned.run.identity.window.start().get() / DAY;
        (day, planned.action)
    });
    (planned.collect(), retry)
}

#[test]
fn what_failed_is_run_again_and_with_empty_what_brought_no_record() {
    let rule = RetryRule {
        empty: false,
        most_attempts: 3,
    };
    let (planned, retry) = retries(rule);
    assert_eq!(planned, [(0, Action::Retry), (4, Action::Unchanged)]);
    assert_eq!((retry.unchanged, retry.exhausted.len()), (3, 0));
    let (planned, _) = retries(RetryRule {
        empty: true,
        ..rule
    });
    assert_eq!(
        planned,
        [
            (0, Action::Retry),
            (1, Action::Retry),
            (4, Action::Unchanged)
        ]
    );
    let (planned, retry) = retries(RetryRule {
        most_attempts: 1,
        ..rule
    });
    assert_eq!(planned, [(4, Action::Unchanged)]);
    assert_eq!(retry.exhausted.len(), 1);
}

#[test]
fn a_failed_run_whose_window_a_later_rerun_has_brought_is_not_run_again() {
    let rule = RetryRule {
        empty: true,
        most_attempts: 3,
    };
    for (status, retries) in [
        (Some(RunStatus::Success), 0),
        (None, 0), // it may bring it yet
        (Some(RunStatus::Failed), 2),
        (Some(RunStatus::Empty), 2),
    ] {
        let first = days(1, 0..1).remove(0);
        let mut again = first.clone();
        again.identity.rerun = Rerun::new(2).expect("not 0");
        let mut world = PlanFixture::new().created(&first.identity);
        world.step(seen(&first.identity, RunStatus::Failed));
        world = world.created(&again.identity);
        if let Some(status) = status.clone() {
            world.step(seen(&again.identity, status));
        }
        let plan = diff(vec![first, again], Some(&world.0));
        let planned = RetryPlan::of(plan, &world.0, rule).plan;
        let planned = planned.runs().iter();
        let again = planned.filter(|planned| planned.action == Action::Retry);
        assert_eq!(again.count(), retries, "{status:?}");
    }
}

fn forecast(pace: Pace) -> Option<Forecast> {
    let (mut runs, state) = ended();
    runs.extend(days(1, 6..30));
    runs.extend(days(2, 0..5));
    let now = Timestamp::from_second(1_000_000).expect("in range");
    Forecast::of(&diff(runs, Some(&state)), Some(&state), pace, now)
}

#[test]
fn a_forecast_goes_by_the_limits_and_by_how_earlier_runs_went() {
    let pace = Pace {
        per_second: Some(5.0),
        new_runs_per_day: None,
        max_active_runs: Some(5),
        is_emulated: false,
    };
    let told = forecast(pace).expect("there is something to send");
    assert_eq!(told.requests, 30);
    assert_eq!(told.day, None);
    // Of the first flow 25 are to be created, five at a time, ten minutes each; of the second
    // nothing is known.
    assert_eq!((told.at_once, told.applies), (Some(5), 1));
    let minutes = |minutes: u64| Some(std::time::Duration::from_secs(minutes * 60));
    assert_eq!(
        told.sending,
        minutes(40),
        "the last go when twenty have ended"
    );
    let ingestion = told.ingestion.expect("earlier runs are known");
    assert_eq!(ingestion.runs, 25);
    assert_eq!(
        ingestion.time,
        Some(std::time::Duration::from_secs(5 * 600))
    );
    assert_eq!(ingestion.records, Some(2_500));

    let day = forecast(Pace {
        new_runs_per_day: Some(12),
        ..pace
    });
    let day = day.and_then(|forecast| forecast.day).expect("a budget");
    assert_eq!((day.most, day.now), (12, 12));
    // 12 now, 12 a day later, 6 two days later.
    assert_eq!(day.last, Timestamp::from_second(1_000_000 + 2 * DAY).ok());
    let unlimited = Pace {
        max_active_runs: None,
        ..pace
    };
    let told = forecast(unlimited).expect("there is something to send");
    assert_eq!(told.at_once, None);
    assert_eq!(told.sending, Some(std::time::Duration::from_secs(6)));
    let one_by_one = Pace {
        max_active_runs: Some(1),
        ..pace
    };
    let told = forecast(one_by_one).expect("there is something to send");
    assert_eq!(told.sending, None, "of the second flow it is not known");
    let nothing = diff(Vec::new(), None);
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(Forecast::of(&nothing, None, pace, now), None);
}

#[test]
fn a_forecast_counts_the_applies_that_the_guard_makes_of_a_plan() {
    let pace = Pace {
        per_second: Some(5.0),
        new_runs_per_day: None,
        max_active_runs: None,
        is_emulated: false,
    };
    let applies = |limit| {
        let plan = diff(days(1, 0..1_000), None).select(&Selection {
            limit: Some(limit),
            ..Selection::default()
        });
        let told = Forecast::of(&plan, None, pace, Timestamp::UNIX_EPOCH);
        told.map(|told| (told.requests, told.applies))
    };
    assert_eq!(applies(Limit::NewRunsPerApply(300)), Some((1_000, 4)));
    assert_eq!(applies(Limit::NewRunsPerApply(1_000)), Some((1_000, 1)));
    // What was asked for once says nothing of the next apply.
    assert_eq!(applies(Limit::Asked(300)), Some((1_000, 1)));
}

#[test]
fn a_paused_manifest_creates_nothing_and_its_runs_are_counted() {
    let (runs, state) = ended();
    let paused = runs.into_iter().map(|run| DesiredRun {
        request: Arc::new(crate::run::Request {
            paused: Some(4),
            ..(*run.request).clone()
        }),
        ..run
    });
    let plan = diff(paused.collect(), Some(&state));
    assert_eq!(plan.totals().actions.of(Action::Paused), 1);
    assert!(!plan.totals().has_changes());
    let rule = RetryRule {
        empty: true,
        most_attempts: 3,
    };
    let retry = RetryPlan::of(plan, &state, rule);
    assert_eq!(retry.plan.totals().actions.of(Action::Retry), 0);
    assert_eq!(retry.paused, 2);
}
