use super::*;
use crate::fixture::flow;
use crate::run::{UnixSeconds, Window};

/// The run of a day of ten seconds.
pub(in crate::engine) fn run(day: i64) -> DesiredRun {
    let at = |s| UnixSeconds::new(s).expect("in range");
    let identity = RunIdentity {
        flow: flow().into(),
        window: Window::new(at(day * 10), at(day * 10 + 10)).expect("a window"),
        rerun: Rerun::FIRST,
    };
    crate::fixture::desired(identity)
}

/// A queue of the runs of these days.
pub(in crate::engine) fn queue_of(days: impl IntoIterator<Item = i64>) -> FlowQueue {
    let mut queue = FlowQueue::new(flow());
    for day in days {
        queue.enqueue(run(day));
    }
    queue
}

/// Reserves and sends the next run.
fn next(queue: &mut FlowQueue, per_flow: usize) -> Option<i64> {
    let (run, _) = send(queue, per_flow, false)?;
    Some(run.identity.window.start().get() / 10)
}

fn send(
    queue: &mut FlowQueue,
    per_flow: usize,
    again_too: bool,
) -> Option<(DesiredRun, Option<DeltaColumn>)> {
    let run = queue.next(queue.capacity(per_flow, 0), again_too)?;
    assert!(queue.may_send(per_flow));
    let column = queue.sent(&run);
    Some((run, column))
}

#[test]
fn runs_are_reserved_ahead_where_they_leave_one_by_one_and_go_back_in_their_order() {
    let mut queue = queue_of([1, 2, 3, 4]);
    queue.open(None);
    assert_eq!(
        queue.capacity(2, 5).ahead,
        0,
        "two at once leave in no order"
    );
    let capacity = queue.capacity(1, 2);
    let reserved: Vec<DesiredRun> = std::iter::from_fn(|| queue.next(capacity, false)).collect();
    assert_eq!(reserved, [run(1), run(2), run(3)]);
    queue.sent(&run(1));
    assert!(!queue.may_send(1), "one at a time");
    queue.on_send_done();
    assert!(queue.may_send(1));
    assert_eq!(queue.next(capacity, false), Some(run(4)));
    for n in [4, 2, 3] {
        queue.put_back(run(n));
    }
    assert_eq!(next(&mut queue, 1), Some(2));
}

#[test]
fn runs_leave_in_the_order_of_their_windows_and_not_more_than_allowed_at_once() {
    let mut queue = queue_of([3, 1, 2]);
    assert_eq!(next(&mut queue, 2), None, "not checked yet");
    queue.open(None);
    assert_eq!(next(&mut queue, 2), Some(1));
    assert_eq!(next(&mut queue, 2), Some(2));
    assert_eq!(next(&mut queue, 2), None);
    queue.on_send_done();
    assert_eq!(next(&mut queue, 2), Some(3));
}

#[test]
fn a_queue_sends_in_the_order_by_which_a_plan_selects() {
    let mut again = run(2);
    again.identity.rerun = Rerun::new(2).expect("not 0");
    let mut runs = vec![run(1), run(2), again, run(3)];
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut queue = queue_of([]);
        queue.order = order;
        for run in &runs {
            queue.enqueue(run.clone());
        }
        queue.open(None);
        let sent = std::iter::from_fn(|| {
            let (run, _) = send(&mut queue, 1, false)?;
            queue.on_send_done();
            Some(run)
        });
        runs.sort_by(|a, b| order.compare(&a.identity, &b.identity));
        assert_eq!(sent.collect::<Vec<_>>(), runs);
    }
}

#[test]
fn what_was_refused_before_is_not_reserved_behind_another_and_waits_for_what_is_fresh() {
    let mut queue = queue_of([1]);
    queue.enqueue_again(run(2));
    queue.enqueue_again(run(3));
    queue.open(None);
    let capacity = queue.capacity(1, 8);
    assert_eq!(queue.next(capacity, true), Some(run(1)));
    assert_eq!(queue.next(capacity, true), None);
    assert!(queue.has_fresh(), "it has not left");
    queue.sent(&run(1));
    assert!(!queue.has_fresh());
    assert_eq!(
        queue.next(capacity, true),
        None,
        "the one before it may be refused"
    );
    queue.on_send_done();
    assert_eq!(queue.next(capacity, true), Some(run(2)));
    assert_eq!(queue.next(capacity, true), None);
}

#[test]
fn a_run_that_may_turn_up_late_goes_alone() {
    let mut later = run(2);
    later.start_time = Some(UnixSeconds::MAX);
    for absent in [true, false] {
        let mut queue = queue_of([1, 3, 4]);
        if absent {
            queue.enqueue(run(2));
            queue.absent_before.insert(run(2).key());
        } else {
            queue.enqueue(later.clone());
        }
        queue.open(None);
        let capacity = queue.capacity(1, 8);
        for n in [1, 2] {
            let next = queue.next(capacity, false).expect("none is under way");
            assert_eq!(next.identity, run(n).identity);
            assert_eq!(queue.next(capacity, false), None, "not beside {n}");
            queue.sent(&next);
            queue.on_send_done();
        }
        assert_eq!(queue.next(capacity, false), Some(run(3)));
        assert_eq!(queue.next(capacity, false), Some(run(4)));
    }
}

#[test]
fn what_was_refused_before_goes_last_and_only_when_it_may() {
    let mut queue = queue_of([2, 3]);
    queue.enqueue_again(run(1));
    queue.open(None);
    assert_eq!(next(&mut queue, 8), Some(2));
    assert_eq!(next(&mut queue, 8), Some(3));
    assert_eq!(next(&mut queue, 8), None);
    queue.on_send_done();
    queue.on_send_done();
    let (run, _) = send(&mut queue, 8, true).expect("the refused one");
    assert_eq!(run.identity.window.start().get(), 10);
}

#[test]
fn the_run_that_fixes_the_delta_column_goes_alone_until_one_is_accepted() {
    let column = DeltaColumn {
        name: "DOB".to_owned(),
        date_format: None,
        timezone: None,
    };
    let mut queue = queue_of([1, 2, 3, 4]);
    queue.open(Some(column.clone()));
    let (_, carried) = send(&mut queue, 8, false).expect("the first");
    assert_eq!(carried, Some(column.clone()));
    assert!(
        send(&mut queue, 8, false).is_none(),
        "the first is not accepted yet"
    );
    queue.on_send_done(); // rejected
    let (_, carried) = send(&mut queue, 8, false).expect("the second");
    assert_eq!(carried, Some(column));
    queue.on_send_done();
    queue.delta_column = None; // accepted
    let (_, carried) = send(&mut queue, 8, false).expect("the third");
    assert_eq!(carried, None);
    assert!(
        send(&mut queue, 8, false).is_some(),
        "no longer one at a time"
    );
}
