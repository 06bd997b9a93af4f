//! A storm in a bad hour: beside lost answers and kills, an outage that makes runs give up, lists
//! that are empty, frozen, old or nearly right, clocks that are wrong, and limits.
//!
//! What must hold meanwhile is what [`crate::bad_hour`] asks of each alone.

use std::process::Child;
use std::time::{Duration, Instant};

use aep_backfill::emulator::RequestKind;
use serde_json::Value;

use crate::support::bad_hour::{
    Place, assert_each_begins_at_once, assert_is_an_end, assert_nothing_is_doubled, calm_returns,
    end, records, run, serve, start,
};
use crate::support::dice::{Dice, is_whole, storms};
use crate::support::emulated::Emulated;
use crate::support::turned_clock::TurnedClock;
use crate::support::workspace::{Ran, Workspace};

fn pick<T: Copy>(dice: &mut Dice, from: &[T]) -> T {
    let sides = u64::try_from(from.len()).expect("few");
    from[usize::try_from(dice.roll(sides)).expect("few")]
}

/// What is wrong with lists and clocks in a bad hour, beside what a storm has.
#[derive(Clone, Copy)]
enum Wrong {
    /// The machine's clock steps, in the process and between two of them.
    Steps,
    /// Some answers have a `Date` that is an hour off.
    Dates,
}

/// No more than these are at work at once, of a flow.
const AT_WORK: u64 = 3;
/// So many windows of each flow are created before it begins.
const BEFORE: usize = 4;
/// The runs are the same in the storm and in the calm after it.
const LIFE: &str = "listedAfter: 1\nscheduledFor: 0.2\nrunsFor: 0.5\n\
     outcomes: { failed: 1, success: 2 }\nbadAttempts: 1\n";

/// An outage that is long enough to make runs give up, lists that are empty, frozen, old or nearly
/// right, clocks that are wrong, kills, and limits.
fn bad_hour(place: Place, wrong: Wrong, seed: u64) {
    let (flows, days, rounds) = if is_whole() { (3, 12, 6) } else { (3, 10, 4) };
    let limits = |per_day: &str| {
        format!(
            "settleDelay: 2 seconds\nlimits: {{ rate: 40/s, maxActiveRuns: {AT_WORK}{per_day} }}\n"
        )
    };
    let mut dice = Dice(seed);
    let mut workspace = place.workspace(&limits(""));
    let wants = |workspace: &Workspace, days| {
        (0..flows).for_each(|n| workspace.manifest(n, days, n % 2 == 0));
    };
    // No list is too short for a flow that has no run yet.
    wants(&workspace, BEFORE);
    // Windows are shown at once, once a run is at work, or never.
    let shown = pick(
        &mut dice,
        &[
            "",
            "paramsInLists: false\nparamsInRuns: false\n",
            "paramsInLists: false\nparamsInRuns: false\ncopyWindows: false\n",
        ],
    );
    let calm = format!("seed: {seed}\n{LIFE}{shown}");
    let emulated = serve(&mut workspace, &calm);
    run(&workspace, "apply --wait --timeout 1m");
    assert_eq!(emulated.ledger().stored.len(), flows * BEFORE);
    drop(emulated);
    wants(&workspace, days);
    outage(&mut workspace, &calm);

    let emulated = serve(&mut workspace, &bad_scenario(wrong, &calm, &mut dice));
    let Some(clock) = TurnedClock::of(&mut workspace) else {
        return;
    };
    let steps = |dice: &mut Dice| match wrong {
        Wrong::Steps => pick(dice, &[0, 600, -600, 3_600, -3_600, 86_400, -86_400]),
        Wrong::Dates => 0,
    };
    for verbs in [&["apply"][..], &["retry", "apply"]] {
        let most = half_of_the_rest(&emulated, flows * days);
        place.configure(&workspace, &limits(&format!(", newRunsPerDay: {most}")));
        for round in 0..rounds {
            let requests = || {
                let ledger = emulated.ledger();
                let of = |kind| ledger.arrivals_of(kind).count();
                of(RequestKind::CreateRun) + of(RequestKind::Action)
            };
            let mut process = start(&workspace, verbs[round % verbs.len()]);
            // What the last one left can be read.
            workspace.run("state verify").exits(0);
            assert_is_an_end(&workspace.run("plan"));
            let is_over = |process: &mut Child| process.try_wait().expect("started").is_some();
            let mut pause = |until: &dyn Fn() -> bool, millis| {
                let since = Instant::now();
                while since.elapsed() < Duration::from_millis(millis)
                    && !until()
                    && !is_over(&mut process)
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
            };
            // A request is out when the clock steps; soon after that the process ends.
            let before = requests();
            pause(&|| requests() > before, 5_000);
            clock.turn(steps(&mut dice));
            pause(&|| false, dice.roll(2_000));
            let ran = if is_over(&mut process) {
                Ran::of(process.wait_with_output().expect("it ended"))
            } else {
                end(process, pick(&mut dice, &["KILL", "INT"]))
            };
            let said = assert_is_an_end(&ran);
            clock.turn(steps(&mut dice));
            assert_nothing_is_doubled(&emulated);
            assert_each_begins_at_once(&emulated);
            let ledger = emulated.ledger();
            assert!(ledger.stored.len() <= most, "over the budget: {said}");
            assert!(
                ledger.most_unfinished <= AT_WORK,
                "too many at work: {said}"
            );
        }
    }
    clock.turn(0);
    drop(emulated);
    place.configure(&workspace, &limits(""));
    let emulated = serve(&mut workspace, &calm);
    comes_to_rest(&workspace, &emulated, flows * days);
}

/// The service makes nothing for a while, and an apply gives its runs up.
fn outage(workspace: &mut Workspace, calm: &str) {
    let nothing = "faults: [{ on: createRun, do: { status: { code: 503 } } }]\n";
    let _emulated = serve(workspace, &format!("{calm}{nothing}"));
    assert_is_an_end(&run(workspace, "apply"));
    let found_twice = |run: &Value| {
        let earlier = run["earlier"].as_array().map_or(0, Vec::len);
        run["fate"] == "notCreated" && earlier > 0
    };
    assert!(records(workspace).iter().any(found_twice), "not given up");
}

/// How many runs there may be once half of what is left was created or run again.
fn half_of_the_rest(emulated: &Emulated, windows: usize) -> usize {
    let stored = emulated.ledger().stored;
    let first = stored.iter().filter(|run| run.retrigger_of.is_none());
    let left = windows - first.count() + failed(emulated);
    stored.len() + left / 2 + 1
}

/// How many runs have failed and were not run again.
fn failed(emulated: &Emulated) -> usize {
    let failed = emulated.ledger().ends.get("failed").copied().unwrap_or(0);
    usize::try_from(failed).expect("few")
}

/// Calm has returned: all is created, each run that failed is run again, each once.
fn comes_to_rest(workspace: &Workspace, emulated: &Emulated, windows: usize) {
    calm_returns(workspace, emulated, windows);
    for _ in 0..5 {
        run(workspace, "apply --wait --timeout 1m");
        run(workspace, "retry --wait --timeout 1m");
        calm_returns(workspace, emulated, windows);
        if failed(emulated) == 0 {
            break;
        }
    }
    assert_eq!(failed(emulated), 0, "not run again");
    assert!(emulated.ledger().most_unfinished <= AT_WORK);
}

fn bad_scenario(wrong: Wrong, calm: &str, dice: &mut Dice) -> String {
    let outage = 3 + dice.roll(10);
    // More than can be in doubt at once.
    let frozen = AT_WORK + 1;
    let nearly = [
        "endEarly",
        "endMillisEarly",
        "startLate",
        "microseconds",
        "endFirst",
    ];
    let nearly = pick(dice, &nearly);
    let dates = match wrong {
        Wrong::Steps => "",
        Wrong::Dates => {
            "- { on: createRun, chance: 0.1, date: -3600, do: { status: { code: 502, when: after } } }\n\
             - { on: action, chance: 0.1, date: -3600, do: { status: { code: 502, when: after } } }\n\
             - { on: listRuns, chance: 0.1, date: 3600 }\n"
        }
    };
    format!(
        "{calm}faults:\n\
         - {{ on: createRun, calls: [{outage}], lasts: 5, do: {{ status: {{ code: 503 }} }} }}\n\
         - {{ on: createRun, chance: 0.15, do: {{ reset: after }} }}\n\
         - {{ on: createRun, chance: 0.05, do: {{ reset: before }} }}\n\
         - {{ on: createRun, chance: 0.2, do: {{ hang: {{ for: 0.3, when: after }} }} }}\n\
         - {{ on: createRun, chance: 0.05, do: {{ throttled: {{ retryAfter: 1 }} }} }}\n\
         - {{ on: action, chance: 0.2, do: {{ reset: after }} }}\n\
         - {{ on: action, chance: 0.1, do: {{ status: {{ code: 503 }} }} }}\n\
         - {{ on: action, chance: 0.2, do: {{ hang: {{ for: 0.3, when: after }} }} }}\n\
         - {{ on: listRuns, chance: 0.04, lasts: 3, do: empty }}\n\
         - {{ on: listRuns, chance: 0.04, lasts: 3, do: {{ withoutNewest: {frozen} }} }}\n\
         - {{ on: listRuns, chance: 0.04, lasts: 3, do: {{ nearly: {nearly} }} }}\n\
         - {{ on: listRuns, chance: 0.04, lasts: 3, date: -60, age: 60, do: {{ behind: 60 }} }}\n\
         - {{ on: listRuns, chance: 0.1, do: {{ behind: 0.5 }} }}\n\
         - {{ on: listRuns, chance: 0.04, do: {{ status: {{ code: 503 }} }} }}\n\
         {dates}"
    )
}

fn bad_hours(place: Place, wrong: Wrong, first: u64) {
    // On a branch each takes more than a minute.
    let usually = u64::from(place == Place::Folder || is_whole());
    (first..first + storms().unwrap_or(usually)).for_each(|seed| bad_hour(place, wrong, seed));
}

#[test]
fn through_an_hour_of_wrong_lists_and_clocks_that_step_each_window_is_created_once() {
    bad_hours(Place::Folder, Wrong::Steps, 100);
}

#[test]
fn through_an_hour_of_wrong_lists_and_clocks_that_step_each_window_is_created_once_on_a_branch() {
    bad_hours(Place::Branch, Wrong::Steps, 200);
}

#[test]
fn through_an_hour_of_wrong_lists_and_dates_each_window_is_created_once() {
    bad_hours(Place::Folder, Wrong::Dates, 300);
}

#[test]
fn through_an_hour_of_wrong_lists_and_dates_each_window_is_created_once_on_a_branch() {
    bad_hours(Place::Branch, Wrong::Dates, 400);
}
