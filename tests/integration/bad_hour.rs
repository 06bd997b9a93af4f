//! A bad hour: an outage, a clock that steps, a list that is wrong. Nothing is created twice while it
//! lasts, no limit is passed, the state can be read all along, and once calm returns nothing is lost.
//!
//! What cannot be told may stay in doubt: then somebody decides who knows. `storm.rs` has all of it
//! at once.

use std::path::Path;
use std::time::{Duration, Instant};

use aep_backfill::emulator::RequestKind;

use crate::support::bad_hour::{
    Place, assert_each_begins_at_once, assert_is_an_end, assert_nothing_is_doubled, calm_returns,
    end, records, run, serve, start, wait_for_a_doubt,
};
use crate::support::by_hand::day;
use crate::support::dice::is_whole;
use crate::support::emulated::{Emulated, stored_windows, wait_for_creates};
use crate::support::turned_clock::TurnedClock;
use crate::support::workspace::{Ran, Workspace, flow};

const SILENT: &str = "paramsInLists: false\nparamsInRuns: false\ncopyWindows: false\n";

/// Runs that fail at their first attempt.
const FAIL: &str = "outcomes: { failed: 1 }\nbadAttempts: 1\nscheduledFor: 0\nrunsFor: 0\n";

/// A workspace with a flow of so many windows, and the service that it is done at.
fn world(place: Place, days: usize, config: &str, scenario: &str) -> (Workspace, Emulated) {
    let mut workspace = place.workspace(config);
    workspace.manifest(1, days, false);
    let emulated = serve(&mut workspace, scenario);
    (workspace, emulated)
}

/// Waits until the service has got so many requests of a kind.
fn wait_for(emulated: &Emulated, kind: RequestKind, number: usize) {
    let start = Instant::now();
    while emulated.requests(kind) < number {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "{kind} waited for"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Tries all cases at once, since they wait most of their time.
fn at_once<C: Send>(cases: impl IntoIterator<Item = C>, try_one: impl Fn(C) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| try_one(case));
        }
    });
}

// An outage.

/// Every command that reads the state can: it may find that there is work, or doubts.
#[track_caller]
fn every_command_reads(workspace: &Workspace) {
    for line in [
        "plan",
        "plan --online",
        "status",
        "resolve",
        "audit",
        "state list",
        "state verify",
        "state pull",
        "apply --dry-run",
        "retry --dry-run",
    ] {
        assert_is_an_end(&workspace.run(line));
    }
}

#[track_caller]
fn a_run_that_is_given_up(place: Place) {
    let scenario = "faults: [{ on: createRun, calls: [2, 3, 4], do: { status: { code: 503 } } }]";
    let (workspace, emulated) = world(place, 3, "settleDelay: 1 second\n", scenario);
    let ran = run(&workspace, "apply");
    assert_ne!(ran.code, Some(0), "not given up: {}", ran.stdout);
    every_command_reads(&workspace);
    calm_returns(&workspace, &emulated, 3);
}

#[test]
fn a_run_that_an_outage_made_us_give_up_leaves_a_state_that_can_be_read() {
    a_run_that_is_given_up(Place::Folder);
}

#[test]
fn a_run_that_an_outage_made_us_give_up_leaves_a_branch_that_can_be_read() {
    a_run_that_is_given_up(Place::Branch);
}

#[test]
fn an_interrupt_after_two_absences_leaves_a_state_that_can_be_read() {
    let scenario = "faults:
- { on: createRun, calls: [2, 3], do: { status: { code: 503 } } }
- { on: createRun, calls: [4], lasts: 10, do: { throttled: { retryAfter: 3 } } }
";
    let (workspace, emulated) = world(Place::Folder, 3, "settleDelay: 1 second\n", scenario);
    let apply = start(&workspace, "apply");
    wait_for_creates(&emulated, 4);
    end(apply, "INT").exits(130);
    every_command_reads(&workspace);
    calm_returns(&workspace, &emulated, 3);
}

#[test]
fn a_decision_after_an_absence_leaves_a_state_that_can_be_read() {
    let scenario = "faults: [{ on: createRun, calls: [2, 3], do: { status: { code: 503 } } }]";
    let (workspace, emulated) = world(Place::Folder, 3, "settleDelay: 1 second\n", scenario);
    let apply = start(&workspace, "apply");
    wait_for_creates(&emulated, 3);
    wait_for_a_doubt(&workspace);
    end(apply, "INT").exits(130);
    let doubt = records(&workspace)
        .into_iter()
        .find(|run| run["fate"] == "inDoubt");
    let key = doubt.expect("a doubt")["key"].clone();
    let key = key.as_str().expect("a key");
    let decision = format!("resolve {key} --not-created --reason unseen");
    let start = Instant::now();
    // Not before the settle delay has passed.
    while workspace.run(&decision).code != Some(0) {
        assert!(start.elapsed() < Duration::from_secs(60), "it is refused");
    }
    every_command_reads(&workspace);
    calm_returns(&workspace, &emulated, 3);
}

/// The version before ended an apply of the three windows of a flow with these files: the first run
/// was created, the second was found absent three times.
#[test]
fn a_state_of_a_run_that_was_given_up_is_read_whoever_wrote_it() {
    let workspace = Place::Folder.workspace("");
    workspace.manifest(1, 3, false);
    std::fs::create_dir(workspace.path().join(".backfill")).expect("a folder");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/given-up");
    for file in ["state.jsonl", "journal.jsonl"] {
        let text = std::fs::read_to_string(fixtures.join(file)).expect(file);
        workspace.write(&format!(".backfill/{file}"), &text);
    }
    workspace.run("state verify").exits(0);
    let mut records = records(&workspace).into_iter();
    let given_up = records.find(|run| run["fate"] == "notCreated");
    let earlier = given_up.expect("it is there")["earlier"].clone();
    assert_eq!(earlier.as_array().map(Vec::len), Some(2));
    workspace.run("plan --detailed-exitcode").exits(2);
}

// Clocks.

/// What is at work when a request is out and the clock steps back.
#[derive(Clone, Copy, PartialEq)]
enum Verb {
    Apply,
    Retry,
}

impl Verb {
    fn line(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Retry => "retry",
        }
    }

    fn request(self) -> RequestKind {
        match self {
            Self::Apply => RequestKind::CreateRun,
            Self::Retry => RequestKind::Action,
        }
    }
}

/// Runs are listed so late that whoever believes a list at once is wrong, and early enough.
const LISTED_LATE: &str = "listedAfter: 8\n";
const BELIEVED_LATER: &str = "settleDelay: 10 seconds\nlimits: { rate: 100/s }\n";
const WINDOWS: usize = 4;

/// The third request is struck by `third`, whose answer is lost; `more` are other rules.
fn world_that_loses_the_third(
    place: Place,
    verb: Verb,
    third: &str,
    more: &str,
) -> (Workspace, Emulated) {
    let ends = if verb == Verb::Retry { FAIL } else { "" };
    let request = verb.request();
    let faults = format!("faults:\n- {{ on: {request}, calls: [3], {third} }}\n{more}");
    let calm = format!("{LISTED_LATE}{ends}");
    let (mut workspace, emulated) = world(place, WINDOWS, BELIEVED_LATER, &calm);
    if verb == Verb::Retry {
        run(&workspace, "apply --wait --timeout 1m").exits(5);
    }
    drop(emulated);
    let emulated = serve(&mut workspace, &format!("{calm}{faults}"));
    (workspace, emulated)
}

/// A doubt was left. What comes next believes no list too early, and calm ends it.
#[track_caller]
fn goes_on(workspace: &Workspace, emulated: &Emulated, verb: Verb) {
    assert_is_an_end(&run(workspace, verb.line()));
    assert_nothing_is_doubled(emulated);
    calm_returns(workspace, emulated, WINDOWS);
    if verb == Verb::Retry {
        run(workspace, "retry").exits(0);
        run(workspace, "apply --wait --timeout 1m").exits(0);
        assert_nothing_is_doubled(emulated);
        let again = emulated.ledger().stored;
        let again = again.iter().filter(|run| run.retrigger_of.is_some());
        assert_eq!(again.count(), WINDOWS, "lost");
    }
}

/// The clock steps while a request is out whose answer is lost; then the process ends.
#[track_caller]
fn a_step_while_a_request_is_out(place: Place, verb: Verb, seconds: i64, signal: &str) {
    let lost = "do: { hang: { for: 1, when: after } }";
    let (mut workspace, emulated) = world_that_loses_the_third(place, verb, lost, "");
    let Some(clock) = TurnedClock::of(&mut workspace) else {
        return;
    };
    let process = start(&workspace, verb.line());
    wait_for(&emulated, verb.request(), 3);
    clock.turn(seconds);
    wait_for_a_doubt(&workspace);
    end(process, signal);
    goes_on(&workspace, &emulated, verb);
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

#[test]
fn a_quarter_of_an_hour_back_while_a_request_is_out_doubles_nothing() {
    a_step_while_a_request_is_out(Place::Folder, Verb::Apply, -15 * MINUTE, "INT");
}

#[test]
fn an_hour_back_while_a_request_is_out_and_a_kill_double_nothing() {
    a_step_while_a_request_is_out(Place::Folder, Verb::Apply, -HOUR, "KILL");
}

#[test]
fn a_day_back_while_a_request_is_out_doubles_nothing_on_a_branch() {
    a_step_while_a_request_is_out(Place::Branch, Verb::Apply, -DAY, "INT");
}

#[test]
fn an_hour_back_while_a_retry_is_out_runs_nothing_again_twice() {
    a_step_while_a_request_is_out(Place::Folder, Verb::Retry, -HOUR, "INT");
}

#[test]
fn any_step_while_a_request_is_out_doubles_nothing() {
    let cases = [-15 * MINUTE, -HOUR, -DAY, 10 * MINUTE, HOUR, DAY]
        .into_iter()
        .flat_map(|step| [(step, "INT"), (step, "KILL")])
        .flat_map(|(step, signal)| [(step, signal, Verb::Apply), (step, signal, Verb::Retry)]);
    let cases: Vec<_> = cases.collect();
    let some = if is_whole() { 3 } else { 9 };
    let cases = cases.into_iter().skip(some / 2).step_by(some);
    at_once(cases, |(step, signal, verb)| {
        a_step_while_a_request_is_out(Place::Folder, verb, step, signal);
    });
}

/// The service's own clock is off in some answers; the process ends with a doubt.
#[track_caller]
fn a_date_that_is_off(verb: Verb, third: &str, more: &str) {
    let (workspace, emulated) = world_that_loses_the_third(Place::Folder, verb, third, more);
    let process = start(&workspace, verb.line());
    wait_for_a_doubt(&workspace);
    end(process, "INT");
    goes_on(&workspace, &emulated, verb);
}

#[test]
fn one_answer_with_a_date_an_hour_early_doubles_nothing() {
    let gateway = "date: -3600, do: { status: { code: 502, when: after } }";
    at_once([Verb::Apply, Verb::Retry], |verb| {
        a_date_that_is_off(verb, gateway, "");
    });
}

#[test]
fn lists_with_a_date_an_hour_late_double_nothing() {
    let late = "- { on: listRuns, date: 3600 }\n";
    at_once([Verb::Apply, Verb::Retry], |verb| {
        a_date_that_is_off(verb, "do: { reset: after }", late);
    });
}

/// The clock steps between an answer and the next intent, whose answer is lost.
#[track_caller]
fn a_step_between_two_requests(place: Place, verb: Verb, lists: &str, seconds: i64) {
    let ends = if verb == Verb::Retry { FAIL } else { "" };
    let request = verb.request();
    let scenario =
        format!("{lists}{ends}faults: [{{ on: {request}, calls: [3], do: {{ reset: after }} }}]\n");
    let quick = "settleDelay: 2 seconds\nlimits: { rate: 100/s }\n";
    let (mut workspace, emulated) = world(place, WINDOWS + 1, quick, &scenario);
    let Some(clock) = TurnedClock::of(&mut workspace) else {
        return;
    };
    if verb == Verb::Retry {
        run(&workspace, "apply --wait").exits(5);
    }
    place.configure(
        &workspace,
        "settleDelay: 2 seconds\nlimits: { rate: 30/min }\n",
    );
    let process = start(&workspace, verb.line());
    wait_for(&emulated, request, 2);
    // Its answer is on its way; the next request leaves two seconds after it.
    std::thread::sleep(Duration::from_millis(500));
    clock.turn(seconds);
    wait_for(&emulated, request, 3);
    place.configure(&workspace, quick);
    assert_is_an_end(&Ran::of(process.wait_with_output().expect("it ends")));
    assert_nothing_is_doubled(&emulated);
    assert_each_begins_at_once(&emulated);
    calm_returns(&workspace, &emulated, WINDOWS + 1);
}

#[test]
fn ten_minutes_forward_before_a_request_double_nothing_where_lists_show_no_windows() {
    a_step_between_two_requests(Place::Folder, Verb::Apply, SILENT, 10 * MINUTE);
}

#[test]
fn ten_minutes_forward_before_a_retry_run_nothing_again_twice() {
    a_step_between_two_requests(Place::Folder, Verb::Retry, "", 10 * MINUTE);
}

#[test]
fn any_step_before_a_request_doubles_nothing() {
    let steps = [-DAY, -HOUR, -10 * MINUTE, 10 * MINUTE, HOUR, DAY];
    let cases = steps.into_iter().flat_map(|step| {
        [
            (Verb::Apply, ""),
            (Verb::Apply, SILENT),
            (Verb::Retry, ""),
            (Verb::Retry, SILENT),
        ]
        .map(|(verb, lists)| (step, verb, lists))
    });
    let cases: Vec<_> = cases.collect();
    let some = if is_whole() { 3 } else { 9 };
    let cases = cases.into_iter().skip(some / 2).step_by(some);
    at_once(cases, |(step, verb, lists)| {
        a_step_between_two_requests(Place::Folder, verb, lists, step);
    });
}

// Lists.

const SIX: usize = 6;

/// Lists are wrong from the second on, for a while; the answer to the fourth create is lost.
fn world_of_wrong_lists(wrong: &str) -> (Workspace, Emulated) {
    let scenario = format!(
        "faults:\n\
         - {{ on: createRun, calls: [4], do: {{ reset: after }} }}\n\
         - {{ on: listRuns, calls: [2], lasts: 15, {wrong} }}\n"
    );
    let config = "settleDelay: 1 second\nlimits: { rate: 100/s }\n";
    world(Place::Folder, SIX, config, &scenario)
}

#[track_caller]
fn lists_are_wrong(wrong: &str) {
    let (workspace, emulated) = world_of_wrong_lists(wrong);
    let ran = run(&workspace, "apply");
    assert_is_an_end(&ran);
    assert_nothing_is_doubled(&emulated);
    calm_returns(&workspace, &emulated, SIX);
}

/// The same where the apply ends with the doubt, and the next one comes at once, on a clock that is
/// off by so many seconds.
#[track_caller]
fn lists_are_wrong_for_the_next_apply(wrong: &str, seconds: i64) {
    let (mut workspace, emulated) = world_of_wrong_lists(wrong);
    let Some(clock) = TurnedClock::of(&mut workspace) else {
        return;
    };
    let apply = start(&workspace, "apply");
    wait_for_a_doubt(&workspace);
    end(apply, "INT");
    clock.turn(seconds);
    let ran = run(&workspace, "apply");
    assert_is_an_end(&ran);
    assert_nothing_is_doubled(&emulated);
    calm_returns(&workspace, &emulated, SIX);
}

const EMPTY: &str = "do: empty";
/// Two runs that are on record, and the one in doubt.
const FROZEN: &str = "do: { withoutNewest: 3 }";

#[test]
fn an_empty_list_of_a_flow_with_runs_of_this_apply_proves_nothing() {
    lists_are_wrong(EMPTY);
}

#[test]
fn an_empty_list_of_a_flow_with_runs_of_the_last_apply_proves_nothing() {
    lists_are_wrong_for_the_next_apply(EMPTY, 0);
}

#[test]
fn an_empty_list_proves_nothing_where_the_clock_is_a_day_early_or_late() {
    at_once([-DAY, DAY], |seconds| {
        lists_are_wrong_for_the_next_apply(EMPTY, seconds);
    });
}

#[test]
fn a_list_that_lacks_the_newest_runs_on_record_proves_nothing() {
    at_once([true, false], |is_next| {
        if is_next {
            lists_are_wrong_for_the_next_apply(FROZEN, 0);
        } else {
            lists_are_wrong(FROZEN);
        }
    });
}

/// Lists are five seconds old, as `headers` tell.
#[track_caller]
fn lists_come_from_a_cache(headers: &str) {
    let scenario = format!(
        "faults:\n\
         - {{ on: createRun, calls: [2, 4, 6], do: {{ reset: after }} }}\n\
         - {{ on: listRuns, {headers}, do: {{ behind: 5 }} }}\n"
    );
    let config = "settleDelay: 2 seconds\nlimits: { rate: 100/s }\n";
    let (mut workspace, emulated) = world(Place::Folder, SIX, config, &scenario);
    // What comes before is old enough for the cache: what it lacks are the runs in doubt alone.
    run(&workspace, "apply --limit 1").exits(0);
    std::thread::sleep(Duration::from_secs(6));
    assert_is_an_end(&run(&workspace, "apply"));
    assert_nothing_is_doubled(&emulated);
    drop(emulated);
    let emulated = serve(&mut workspace, "");
    calm_returns(&workspace, &emulated, SIX);
}

#[test]
fn an_answer_of_a_cache_proves_no_absence() {
    lists_come_from_a_cache("date: -5, age: 5");
}

#[test]
fn an_answer_of_a_cache_that_tells_its_date_alone_proves_no_absence() {
    lists_come_from_a_cache("date: -5");
}

#[test]
fn an_answer_of_a_cache_that_tells_its_age_alone_proves_no_absence() {
    lists_come_from_a_cache("age: 5");
}

/// Where lists show nearly the windows that are wanted, and the state is lost, nothing is sent.
#[track_caller]
fn windows_are_nearly_shown(how: &str) {
    let nearly = format!(
        "faults: [{{ on: listRuns, do: {{ nearly: {how} }} }}, \
         {{ on: getRun, do: {{ nearly: {how} }} }}]"
    );
    let config = "settleDelay: 1 second\nlimits: { rate: 100/s }\n";
    let (mut workspace, emulated) = world(Place::Folder, SIX, config, &nearly);
    run(&workspace, "apply").exits(0);
    std::fs::remove_dir_all(workspace.path().join(".backfill")).expect("it is there");
    let ran = run(&workspace, "apply");
    assert_nothing_is_doubled(&emulated);
    let said = assert_is_an_end(&ran);
    assert_ne!(ran.code, Some(0), "{said}");
    drop(emulated);
    let emulated = serve(&mut workspace, "");
    calm_returns(&workspace, &emulated, SIX);
}

#[test]
fn a_lost_state_doubles_nothing_where_windows_end_a_second_early() {
    windows_are_nearly_shown("endEarly");
}

#[test]
fn a_lost_state_doubles_nothing_where_windows_end_a_millisecond_early() {
    windows_are_nearly_shown("endMillisEarly");
}

#[test]
fn a_lost_state_doubles_nothing_where_windows_start_a_second_late() {
    windows_are_nearly_shown("startLate");
}

#[test]
fn a_lost_state_doubles_nothing_where_windows_are_in_microseconds() {
    windows_are_nearly_shown("microseconds");
}

#[test]
fn a_lost_state_doubles_nothing_where_windows_end_before_they_start() {
    windows_are_nearly_shown("endFirst");
}

#[test]
fn after_a_lost_state_a_retry_is_not_taken_for_the_rerun_that_is_wanted_next() {
    let config = "settleDelay: 1 second\nlimits: { rate: 100/s }\n";
    let (workspace, emulated) = world(Place::Folder, SIX, config, FAIL);
    run(&workspace, "apply --wait").exits(5);
    run(&workspace, "retry --wait").exits(0);
    let retries: Vec<String> = emulated
        .ledger()
        .stored
        .into_iter()
        .filter(|run| run.retrigger_of.is_some())
        .map(|run| run.run_id)
        .collect();
    assert_eq!(retries.len(), SIX);

    std::fs::remove_dir_all(workspace.path().join(".backfill")).expect("it is there");
    let last = i64::try_from(SIX).expect("small");
    let again: Vec<String> = (0..last)
        .map(day)
        .map(|(start, end)| {
            format!("  - {{ windowStartTime: {start}, windowEndTime: {end}, rerun: 2 }}\n")
        })
        .collect();
    workspace.write(
        "manifests/again.yaml",
        &format!(
            "version: 1\nflowId: {}\nsandbox: prod\nsource: file\nreason: it was wrong\nruns:\n{}",
            flow(1),
            again.concat()
        ),
    );
    let ran = run(&workspace, "apply");
    let said = assert_is_an_end(&ran);
    for record in records(&workspace) {
        let id = record["runId"].as_str().unwrap_or_default();
        let is_retry = retries.iter().any(|retry| retry == id);
        assert!(record["rerun"] != 2 || !is_retry, "{record}: {said}");
    }
    let windows = stored_windows(&emulated.ledger());
    if ran.code == Some(0) {
        // Told apart: the reruns are made.
        assert!(windows.values().all(|times| *times == 3), "{windows:?}");
    } else {
        // Not told apart: it is asked, and nothing is sent.
        assert!(windows.values().all(|times| *times == 2), "{windows:?}");
    }
}

// Limits.

/// Runs that are at work for as long as the test lasts, one at once.
const ONE: &str = "settleDelay: 1 second\nlimits: { rate: 100/s, maxActiveRuns: 1 }\n";

#[test]
fn no_more_runs_are_at_work_than_may_be_where_lists_do_not_show_them_yet() {
    for place in [Place::Folder, Place::Branch] {
        let late = "scheduledFor: 300\nlistedAfter: 120\n";
        let (workspace, emulated) = world(place, 5, ONE, late);
        for _ in 0..3 {
            run(&workspace, "apply --deadline 2s");
            assert!(emulated.ledger().most_unfinished <= 1);
        }
    }
}

#[test]
fn no_more_runs_are_at_work_than_may_be_while_lists_cannot_be_read() {
    at_once([2, 1], |list| {
        let scenario = format!(
            "scheduledFor: 300\n\
             faults: [{{ on: listRuns, calls: [{list}], lasts: 300, \
             do: {{ status: {{ code: 500 }} }} }}]\n"
        );
        let (workspace, emulated) = world(Place::Folder, 5, ONE, &scenario);
        let seconds = if is_whole() { 20 } else { 10 };
        for _ in 0..2 {
            run(
                &workspace,
                &format!("apply --deadline {seconds}s --no-preflight"),
            );
            assert!(emulated.ledger().most_unfinished <= 1, "{list}");
        }
    });
}

#[test]
fn no_more_runs_are_at_work_than_may_be_where_failed_ones_run_again() {
    let scenario = "outcomes: { failed: 1 }\nscheduledFor: 0\nrunsFor: 0.5\nlistedAfter: 3\n";
    let (workspace, emulated) = world(Place::Folder, 3, ONE, scenario);
    run(&workspace, "apply --wait").exits(5);
    for _ in 0..2 {
        run(&workspace, "retry --deadline 10s");
        assert_eq!(emulated.ledger().most_unfinished, 1);
    }
}

/// Three requests a day, of six that are wanted.
const THREE_A_DAY: &str = "settleDelay: 1 second\nlimits: { rate: 100/s, newRunsPerDay: 3 }\n";

#[test]
fn a_budget_of_a_day_is_kept_where_the_clock_is_off() {
    for place in [Place::Folder, Place::Branch] {
        for seconds in [DAY, -DAY, 2 * DAY] {
            let (mut workspace, emulated) = world(place, SIX, THREE_A_DAY, "");
            let Some(clock) = TurnedClock::of(&mut workspace) else {
                return;
            };
            run(&workspace, "apply");
            assert_eq!(emulated.ledger().stored.len(), 3);
            clock.turn(seconds);
            run(&workspace, "apply");
            assert_eq!(emulated.ledger().stored.len(), 3, "{seconds} s");
            clock.turn(0);
            run(&workspace, "apply");
            assert_eq!(
                emulated.ledger().stored.len(),
                3,
                "{seconds} s, and right again"
            );
        }
    }
}

#[test]
fn a_budget_of_a_day_is_kept_where_the_clock_steps_while_it_is_used() {
    for seconds in [DAY, -DAY] {
        let (mut workspace, emulated) = world(Place::Folder, SIX, THREE_A_DAY, "");
        let Some(clock) = TurnedClock::of(&mut workspace) else {
            return;
        };
        let slow = THREE_A_DAY.replace("100/s", "60/min");
        Place::Folder.configure(&workspace, &slow);
        let apply = start(&workspace, "apply");
        wait_for_creates(&emulated, 2);
        clock.turn(seconds);
        apply.wait_with_output().expect("it ends");
        run(&workspace, "apply");
        assert!(emulated.ledger().stored.len() <= 3, "{seconds} s");
    }
}

#[test]
fn a_budget_of_a_day_is_not_given_out_anew_where_only_the_clock_of_the_machine_is_known() {
    // No service's clock says 2017, so nothing is learned from it.
    let scenario = "faults: [{ date: -300000000 }]";
    let (mut workspace, emulated) = world(Place::Folder, SIX, THREE_A_DAY, scenario);
    let Some(clock) = TurnedClock::of(&mut workspace) else {
        return;
    };
    run(&workspace, "apply");
    clock.turn(DAY + HOUR);
    run(&workspace, "apply");
    assert!(emulated.ledger().stored.len() <= 3);
}

#[test]
fn a_budget_of_a_day_counts_retries_where_the_clock_is_a_day_ahead() {
    let (mut workspace, emulated) = world(Place::Folder, 2, THREE_A_DAY, FAIL);
    let Some(clock) = TurnedClock::of(&mut workspace) else {
        return;
    };
    run(&workspace, "apply --wait").exits(5);
    clock.turn(DAY + HOUR);
    run(&workspace, "retry");
    run(&workspace, "retry");
    assert_eq!(emulated.ledger().stored.len(), 3);
}
