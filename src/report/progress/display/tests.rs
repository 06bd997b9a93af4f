//! What the display says at one moment, at each width.

use std::time::Duration;

use super::*;
use crate::engine::{Event, FlowEvent, FlowIndex, FlowStarted, RunOutcome};
use crate::run::{Rerun, RunIdentity, UnixSeconds, Window};

fn started(flows: usize, each: usize) -> ApplyProgress {
    let flows = (0..flows)
        .map(|n| FlowStarted {
            to_follow: None,
            name: format!("flow-{n}").into(),
            flow: crate::fixture::flow(),
            to_create: each,
            in_doubt: Vec::new(),
        })
        .collect();
    let mut progress = ApplyProgress::default();
    let started = Event::Started {
        flows,
        is_retry: false,
    };
    progress.fold(&started, Instant::now());
    progress
}

fn outcome(flow: FlowIndex, outcome: RunOutcome) -> Event {
    Event::Flow(flow, FlowEvent::Outcome(run(), outcome))
}

fn settling(flow: FlowIndex, believed: Instant) -> Event {
    Event::Flow(flow, FlowEvent::Settling { runs: 1, believed })
}

fn run() -> RunIdentity {
    let at = |s| UnixSeconds::new(s).expect("in range");
    RunIdentity {
        flow: crate::fixture::flow().into(),
        window: Window::new(at(0), at(60)).expect("a window"),
        rerun: Rerun::FIRST,
    }
}

fn lines(progress: &ApplyProgress, now: Instant) -> Vec<String> {
    let line = |row: ProgressRow<'_>| {
        let notes = row.notes.join(", ");
        format!("{} {}/{} {notes}", row.name, row.done, row.wanted)
    };
    rows(progress, now).into_iter().map(line).collect()
}

#[tokio::test]
async fn at_most_eight_flows_have_a_bar_and_the_rest_is_counted() {
    let progress = started(11, 3);
    let lines = lines(&progress, Instant::now());
    assert_eq!(lines.len(), 9);
    assert_eq!(lines[0], "flow-0 0/3 checking");
    assert_eq!(lines[8], "in all 0/33 and 3 more flows");
}

/// A flow that settles and has adopted, one that sends, one that is checked.
fn busy(now: Instant) -> ApplyProgress {
    let mut progress = started(3, 200);
    let run_id = || "r1".parse().expect("a run id");
    for flow in 0..2 {
        progress.fold(&Event::Flow(flow, FlowEvent::Prepared), now);
    }
    for n in 0..60 {
        let at = now + Duration::from_millis(200 * n);
        let flow = usize::from(n % 2 == 0);
        let created = outcome(flow, RunOutcome::Created(run_id()));
        progress.fold(&created, at);
    }
    let at = now + Duration::from_secs(12);
    let evidence = crate::state::Evidence::Params;
    let adopted = outcome(0, RunOutcome::Adopted(run_id(), evidence));
    progress.fold(&adopted, at);
    let believed = at + Duration::from_millis(3600);
    progress.fold(&settling(0, believed), at);
    progress
}

#[tokio::test(start_paused = true)]
async fn each_flow_says_what_it_does_and_the_end_how_long_it_takes() {
    let now = Instant::now();
    let progress = busy(now);
    let lines = lines(&progress, now + Duration::from_secs(12));
    insta::assert_snapshot!(lines.join("\n"), @"
    flow-0 31/200 settling, 4 s left, 1 adopted
    flow-1 30/200 
    flow-2 0/200 checking
    in all 61/600 5.0/s, 1 min 48 s left
    ");
}

#[tokio::test(start_paused = true)]
async fn the_time_left_counts_what_is_waited_for_and_falls_by_a_second_each() {
    let start = Instant::now();
    let mut progress = busy(start);
    // The other flow waits as well: nothing can be sent.
    let at = start + Duration::from_secs(12);
    let believed = at + Duration::from_secs(30);
    for flow in 0..2 {
        progress.fold(&settling(flow, believed), at);
    }
    let eta = |seconds| {
        progress
            .eta(at + Duration::from_secs(seconds))
            .expect("a rate")
            .as_secs_f64()
    };
    let first = eta(0);
    // 539 runs at 5 a second; the flows that settle need less.
    assert!((100.0..120.0).contains(&first), "{first}");
    assert!(
        (eta(10) - first).abs() < 0.1,
        "nothing could be sent: {}",
        eta(10)
    );

    let mut alone = started(1, 200);
    alone.fold(&Event::Flow(0, FlowEvent::Prepared), start);
    for n in 0..50 {
        let at = start + Duration::from_millis(200 * n);
        let run_id = "r1".parse().expect("a run id");
        alone.fold(&outcome(0, RunOutcome::Created(run_id)), at);
    }
    let at = start + Duration::from_secs(10);
    alone.fold(&settling(0, at + Duration::from_secs(30)), at);
    let eta = |seconds| {
        alone
            .eta(at + Duration::from_secs(seconds))
            .expect("a rate")
            .as_secs_f64()
    };
    // 150 runs at 5 a second, after 30 seconds.
    assert!((eta(0) - 60.0).abs() < 1.0, "{}", eta(0));
    assert!((eta(20) - 40.0).abs() < 1.0, "{}", eta(20));
}

#[tokio::test(start_paused = true)]
async fn what_it_waits_for_is_said() {
    let mut progress = started(1, 3);
    let now = Instant::now();
    let until = now + Duration::from_secs(60);
    progress.fold(&Event::Throttled { until, rate: 2.5 }, now);
    let total = |at| lines(&progress, at).pop().expect("a line");
    assert!(
        total(now).ends_with(" throttled, 1 min left"),
        "{}",
        total(now)
    );
    let later = until + Duration::from_secs(1);
    assert!(total(later).ends_with(" 0/3 "), "{}", total(later));
}

#[tokio::test]
async fn the_display_draws_where_there_is_no_terminal() {
    let progress = started(9, 1);
    let mut display = ProgressDisplay::new();
    display.draw(&progress, Instant::now());
    display.draw(&started(1, 1), Instant::now());
}

#[test]
fn a_long_name_keeps_both_its_ends() {
    assert_eq!(
        without_middle("loyalty-files-of-region-1", 17),
        "loyalty-…region-1"
    );
    assert_eq!(without_middle("short", 5), "short");
    for width in 1..12 {
        assert!(measure_text_width(&without_middle("日本語の流れ-1", width)) <= width);
    }
}

#[test]
fn durations_are_short() {
    let shown = |s| duration(Duration::from_secs(s));
    assert_eq!(shown(0), "1 s");
    assert_eq!(shown(60), "1 min");
    assert_eq!(shown(200), "3 min 20 s");
    assert_eq!(shown(3720), "1 h 2 min");
    assert_eq!(duration(Duration::from_millis(3600)), "4 s");
}
