//! What manifests and entries do to each other.

use insta::assert_snapshot;

use super::seen;

#[test]
fn window_twice() {
    assert_snapshot!(seen("window-twice"), @r"
    warning[BF032]: the window [2022-05-03T13:36:31Z, 2022-05-03T13:52:36Z) is asked for twice; it is run once
      --> window-twice.yaml:10:5
       |
     9 |     windowEndTime: 2022-05-03T13:52:36Z
    10 |   - windowStartTime: 2022-05-03T13:36:31Z
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
      ::: window-twice.yaml:8:5
       |
     7 | runs:
     8 |   - windowStartTime: 2022-05-03T13:36:31Z
       |     ------------------------------------- asked for here first
       |
       = help: remove one; to run a window again on purpose, write `rerun: 2`
    ");
}

#[test]
fn windows_that_overlap() {
    assert_snapshot!(seen("windows-that-overlap"), @r"
    error[BF030]: the window [2022-05-03T13:50:00Z, 2022-05-03T14:00:00Z) overlaps [2022-05-03T13:36:31Z, 2022-05-03T13:52:36Z)
      --> windows-that-overlap.yaml:10:5
       |
     9 |     windowEndTime: 2022-05-03T13:52:36Z
    10 |   - windowStartTime: 2022-05-03T13:50:00Z
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
      ::: windows-that-overlap.yaml:8:5
       |
     7 | runs:
     8 |   - windowStartTime: 2022-05-03T13:36:31Z
       |     ------------------------------------- overlaps this
       |
       = help: what both cover would be ingested twice; if that is wanted, write `overlap: allow` in each manifest
    ");
}

#[test]
fn ranges_that_overlap() {
    assert_snapshot!(seen("ranges-that-overlap"), @r"
    error[BF030]: the window [2022-01-30T12:00:00Z, 2022-01-31T12:00:00Z) overlaps [2022-01-30T00:00:00Z, 2022-01-31T00:00:00Z), and so do 2 more of the same entries
      --> ranges-that-overlap.yaml:11:5
       |
    10 |     every: 1 day
    11 |   - from: 2022-01-30T12:00
       |     ^^^^^^^^^^^^^^^^^^^^^^
       |
      ::: ranges-that-overlap.yaml:8:5
       |
     7 | ranges:
     8 |   - from: 2022-01-01
       |     ---------------- overlaps this
       |
       = help: what both cover would be ingested twice; if that is wanted, write `overlap: allow` in each manifest
    ");
}

#[test]
fn run_within_a_range() {
    assert_snapshot!(seen("run-within-a-range"), @r"
    error[BF030]: the window [2022-05-03T00:00:00Z, 2022-05-04T00:00:00Z) overlaps [2022-05-03T13:36:31Z, 2022-05-03T13:52:36Z)
      --> run-within-a-range.yaml:11:5
       |
    10 | ranges:
    11 |   - from: 2022-05-01
       |     ^^^^^^^^^^^^^^^^
       |
      ::: run-within-a-range.yaml:8:5
       |
     7 | runs:
     8 |   - windowStartTime: 2022-05-03T13:36:31Z
       |     ------------------------------------- overlaps this
       |
       = help: what both cover would be ingested twice; if that is wanted, write `overlap: allow` in each manifest
    ");
}

#[test]
fn overlap_of_two_documents() {
    assert_snapshot!(seen("overlap-of-two-documents"), @r"
    error[BF030]: the window [2022-01-31T12:00:00Z, 2022-02-01T12:00:00Z) overlaps [2022-01-31T00:00:00Z, 2022-02-01T00:00:00Z)
      --> overlap-of-two-documents.yaml:20:5
       |
    19 | ranges:
    20 |   - from: 2022-01-31T12:00
       |     ^^^^^^^^^^^^^^^^^^^^^^
       |
      ::: overlap-of-two-documents.yaml:9:5
       |
     8 | ranges:
     9 |   - from: 2022-01-01
       |     ---------------- overlaps this
       |
       = help: what both cover would be ingested twice; if that is wanted, write `overlap: allow` in each manifest
    ");
}

#[test]
fn gap_between_ranges() {
    assert_snapshot!(seen("gap-between-ranges"), @r"
    warning[BF034]: nothing is asked for from 2022-02-01T00:00:00Z to 2022-02-02T00:00:00Z
      --> gap-between-ranges.yaml:11:5
       |
    10 |     every: 1 day
    11 |   - from: 2022-02-02
       |     ^^^^^^^^^^^^^^^^
       |
      ::: gap-between-ranges.yaml:8:5
       |
     7 | ranges:
     8 |   - from: 2022-01-01
       |     ---------------- the range before it
       |
       = help: `to` is exclusive: the next range begins where the last one ends
    ");
}

#[test]
fn flow_with_two_sources() {
    assert_snapshot!(seen("flow-with-two-sources"), @r"
    error[BF031]: flow 3abea21c-7e36-4be1-bec1-d3bad0e3e0de has another source elsewhere
      --> flow-with-two-sources.yaml:14:9
       |
    13 | sandbox: prod
    14 | source: file
       |         ^^^^
       |
      ::: flow-with-two-sources.yaml:5:14
       |
     4 | source: table
     5 | deltaColumn: { name: DOB }
       |              ------------- otherwise here
       |
       = help: a flow has one source and one delta column: make them the same
    ");
}

#[test]
fn flow_with_two_delta_columns() {
    assert_snapshot!(seen("flow-with-two-delta-columns"), @r"
    error[BF031]: flow 3abea21c-7e36-4be1-bec1-d3bad0e3e0de has another delta column elsewhere
      --> flow-with-two-delta-columns.yaml:15:14
       |
    14 | source: table
    15 | deltaColumn: { name: updatedAt }
       |              ^^^^^^^^^^^^^^^^^^^
       |
      ::: flow-with-two-delta-columns.yaml:5:14
       |
     4 | source: table
     5 | deltaColumn: { name: DOB }
       |              ------------- otherwise here
       |
       = help: a flow has one source and one delta column: make them the same
    ");
}

#[test]
fn overlap_across_files() {
    assert_snapshot!(seen("overlap-across-files"), @r"
    error[BF030]: the window [2022-01-31T12:00:00Z, 2022-02-01T12:00:00Z) overlaps [2022-01-31T00:00:00Z, 2022-02-01T00:00:00Z)
     --> overlap-across-files/late-january.yaml:8:5
      |
    7 | runs:
    8 |   - windowStartTime: 2022-01-31T12:00:00Z
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: overlap-across-files/january.yaml:8:5
      |
    7 | ranges:
    8 |   - from: 2022-01-01
      |     ---------------- overlaps this
      |
      = help: what both cover would be ingested twice; if that is wanted, write `overlap: allow` in each manifest
    ");
}

#[test]
fn sources_that_differ_across_files() {
    assert_snapshot!(seen("sources-that-differ-across-files"), @r"
    error[BF031]: flow 3abea21c-7e36-4be1-bec1-d3bad0e3e0de has another source elsewhere
     --> sources-that-differ-across-files/b.yaml:4:9
      |
    3 | sandbox: prod
    4 | source: file
      |         ^^^^
      |
     ::: sources-that-differ-across-files/a.yaml:5:14
      |
    4 | source: table
    5 | deltaColumn: { name: DOB }
      |              ------------- otherwise here
      |
      = help: a flow has one source and one delta column: make them the same
    ");
}

#[test]
fn delta_columns_that_differ_across_files() {
    assert_snapshot!(seen("delta-columns-that-differ-across-files"), @r"
    error[BF031]: flow 3abea21c-7e36-4be1-bec1-d3bad0e3e0de has another delta column elsewhere
     --> delta-columns-that-differ-across-files/b.yaml:5:14
      |
    4 | source: table
    5 | deltaColumn: { name: updatedAt }
      |              ^^^^^^^^^^^^^^^^^^^
      |
     ::: delta-columns-that-differ-across-files/a.yaml:5:14
      |
    4 | source: table
    5 | deltaColumn: { name: DOB }
      |              ------------- otherwise here
      |
      = help: a flow has one source and one delta column: make them the same
    ");
}

#[test]
fn window_twice_across_files() {
    assert_snapshot!(seen("window-twice-across-files"), @r"
    warning[BF032]: the window [2022-05-03T13:36:31Z, 2022-05-03T13:52:36Z) is asked for twice; it is run once
     --> window-twice-across-files/b.yaml:8:5
      |
    7 | runs:
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: window-twice-across-files/a.yaml:8:5
      |
    7 | runs:
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
      |     ------------------------------------- asked for here first
      |
      = help: remove one; to run a window again on purpose, write `rerun: 2`
    ");
}
