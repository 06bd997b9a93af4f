//! Windows and ranges: order, limits, exceptions, what a reviewer would not see.

use aep_backfill::manifest::Rules;
use insta::assert_snapshot;

use super::{rules, seen, seen_under};

#[test]
fn window_that_ends_before_it_starts() {
    assert_snapshot!(seen("window-that-ends-before-it-starts"), @r"
    error[BF020]: the end lies before the start
     --> window-that-ends-before-it-starts.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:52:36Z
    9 |     windowEndTime: 2022-05-03T13:36:31Z
      |                    ^^^^^^^^^^^^^^^^^^^^ 2022-05-03T13:36:31Z
      |
     ::: window-that-ends-before-it-starts.yaml:8:22
      |
    7 | runs:
    8 |   - windowStartTime: 2022-05-03T13:52:36Z
      |                      -------------------- 2022-05-03T13:52:36Z
      |
      = help: are the two swapped?
    ");
}

#[test]
fn window_of_no_length() {
    assert_snapshot!(seen("window-of-no-length"), @r"
    error[BF020]: the window is empty: it ends where it starts
     --> window-of-no-length.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-05-03T13:36:31Z
      |                    ^^^^^^^^^^^^^^^^^^^^ 2022-05-03T13:36:31Z
      |
     ::: window-of-no-length.yaml:8:22
      |
    7 | runs:
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
      |                      -------------------- 2022-05-03T13:36:31Z
      |
      = help: the end is exclusive: a whole day ends where the next one starts
    ");
}

#[test]
fn range_that_ends_before_it_starts() {
    assert_snapshot!(seen("range-that-ends-before-it-starts"), @r"
    error[BF020]: the end lies before the start
     --> range-that-ends-before-it-starts.yaml:9:9
      |
    8 |   - from: 2022-01-01
    9 |     to: 2021-02-01
      |         ^^^^^^^^^^ 2021-02-01T00:00:00Z
      |
     ::: range-that-ends-before-it-starts.yaml:8:11
      |
    7 | ranges:
    8 |   - from: 2022-01-01
      |           ---------- 2022-01-01T00:00:00Z
      |
      = help: are the two swapped?
    ");
}

#[test]
fn range_of_no_length() {
    assert_snapshot!(seen("range-of-no-length"), @r"
    error[BF020]: the window is empty: it ends where it starts
     --> range-of-no-length.yaml:9:9
      |
    8 |   - from: 2022-01-01
    9 |     to: 2022-01-01
      |         ^^^^^^^^^^ 2022-01-01T00:00:00Z
      |
     ::: range-of-no-length.yaml:8:11
      |
    7 | ranges:
    8 |   - from: 2022-01-01
      |           ---------- 2022-01-01T00:00:00Z
      |
      = help: the end is exclusive: a whole day ends where the next one starts
    ");
}

#[test]
fn window_in_the_future() {
    assert_snapshot!(seen("window-in-the-future"), @"
    error[BF021]: the window [2026-12-01T00:00:00Z, 2026-12-02T00:00:00Z) ends in the future
     --> window-in-the-future.yaml:9:20
      |
    8 |   - windowStartTime: 2026-12-01
    9 |     windowEndTime: 2026-12-02
      |                    ^^^^^^^^^^
      |
      = help: wait until it has passed, or write `allowFuture: true` beside `flowId`
    ");
}

#[test]
fn range_into_the_future() {
    assert_snapshot!(seen("range-into-the-future"), @"
    error[BF021]: the window [2026-01-01T00:00:00Z, 2026-01-02T00:00:00Z) ends in the future, and so do 30 after it
     --> range-into-the-future.yaml:9:9
      |
    8 |   - from: 2025-12-01
    9 |     to: 2026-02-01
      |         ^^^^^^^^^^
      |
      = help: wait until it has passed, or write `allowFuture: true` beside `flowId`
    ");
}

#[test]
fn window_too_short() {
    assert_snapshot!(seen_under(
        "window-too-short",
        &Rules { window_min_seconds: Some(900), ..rules() },
    ), @r"
    error[BF022]: the window [2022-05-03T13:36:31Z, 2022-05-03T13:36:32Z) falls short of the least length
     --> window-too-short.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-05-03T13:36:32Z
      |                    ^^^^^^^^^^^^^^^^^^^^
      |
      = help: `limits.window.min` of the config is 15 min
    ");
}

#[test]
fn range_of_windows_too_long() {
    assert_snapshot!(seen_under(
        "range-of-windows-too-long",
        &Rules { window_max_seconds: Some(30 * 86_400), ..rules() },
    ), @r"
    error[BF022]: the window [2022-01-01T00:00:00Z, 2022-02-01T00:00:00Z) exceeds the greatest length, and so do 1 after it
      --> range-of-windows-too-long.yaml:10:12
       |
     9 |     to: 2022-04-01
    10 |     every: 1 month
       |            ^^^^^^^
       |
       = help: `limits.window.max` of the config is 30 d
    ");
}

#[test]
fn windows_too_many() {
    assert_snapshot!(seen("windows-too-many"), @r"
    error[BF023]: the range has 94694400 windows or more; all manifests together may have 1000000
      --> windows-too-many.yaml:10:12
       |
     9 |     to: 2025-01-01
    10 |     every: 1 second
       |            ^^^^^^^^
       |
       = help: write longer windows, or apply the manifests in parts
    ");
}

#[test]
fn range_that_except_empties() {
    assert_snapshot!(seen("range-that-except-empties"), @r"
    error[BF024]: `except` leaves no window of the range
     --> range-that-except-empties.yaml:8:5
      |
    7 | ranges:
    8 |   - from: 2022-01-01
      |     ^^^^^^^^^^^^^^^^
      |
      = help: leave the range away
    ");
}

#[test]
fn except_within_a_window() {
    assert_snapshot!(seen("except-within-a-window"), @r"
    error[BF025]: no window of the range starts at `2022-01-11`
      --> except-within-a-window.yaml:11:14
       |
    10 |     every: 1 week
    11 |     except: [2022-01-11]
       |              ^^^^^^^^^^
       |
       = help: the window that holds it starts at 2022-01-08T00:00:00Z
    ");
}

#[test]
fn except_outside_of_the_range() {
    assert_snapshot!(seen("except-outside-of-the-range"), @r"
    error[BF025]: no window of the range starts at `2022-02-01`
      --> except-outside-of-the-range.yaml:11:14
       |
    10 |     every: 1 day
    11 |     except: [2022-02-01]
       |              ^^^^^^^^^^
       |
       = help: `to` is exclusive: the range ends there
    ");
}

#[test]
fn last_window_cut_short() {
    assert_snapshot!(seen("last-window-cut-short"), @r"
    warning[BF033]: the last window is cut: it starts at 2022-01-29T00:00:00Z and is 3 d long
     --> last-window-cut-short.yaml:9:9
      |
    8 |   - from: 2022-01-01
    9 |     to: 2022-02-01
      |         ^^^^^^^^^^
      |
      = help: a whole window ends at 2022-02-05T00:00:00Z; end the range at 2022-01-29T00:00:00Z to leave it away
    ");
}

#[test]
fn clocks_go_forward() {
    assert_snapshot!(seen("clocks-go-forward"), @r"
    warning[BF035]: the clocks change within 1 of 31 windows: 2022-03-27 has 23 h
      --> clocks-go-forward.yaml:10:12
       |
     9 |     to: 2022-04-01
    10 |     every: 1 day
       |            ^^^^^
       |
       = help: this is right for civil days; `24 hours` steps by exact time
    ");
}

#[test]
fn clocks_go_back() {
    assert_snapshot!(seen("clocks-go-back"), @r"
    warning[BF035]: the clocks change within 1 of 30 windows: 2022-04-03 has 24 h 30 min
      --> clocks-go-back.yaml:10:12
       |
     9 |     to: 2022-05-01
    10 |     every: 1 day
       |            ^^^^^
       |
       = help: this is right for civil days; `24 hours` steps by exact time
    ");
}
