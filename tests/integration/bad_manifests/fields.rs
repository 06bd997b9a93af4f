//! Fields that are unknown or missing.

use insta::assert_snapshot;

use super::seen;

#[test]
fn field_misspelled() {
    assert_snapshot!(seen("field-misspelled"), @r"
    error[BF006]: a manifest has no field `reazon`
     --> field-misspelled.yaml:6:1
      |
    5 | deltaColumn: { name: DOB }
    6 | reazon: Restate accounts after the CRM migration
      | ^^^^^^
      |
      = help: did you mean `reason`?
    ");
}

#[test]
fn field_in_another_case() {
    assert_snapshot!(seen("field-in-another-case"), @r"
    error[BF006]: a manifest has no field `flowid`
     --> field-in-another-case.yaml:2:1
      |
    1 | version: 1
    2 | flowid: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
      | ^^^^^^
      |
      = help: did you mean `flowId`?
    ");
}

#[test]
fn field_of_a_run_by_another_name() {
    assert_snapshot!(seen("field-of-a-run-by-another-name"), @r"
    error[BF006]: an entry of `runs` has no field `end`
      --> field-of-a-run-by-another-name.yaml:10:5
       |
     9 |     windowEndTime: 2022-05-03T13:52:36Z
    10 |     end: 2022-05-03T13:52:36Z
       |     ^^^
       |
       = help: a window's end is `windowEndTime`, a range's `to`
    ");
}

#[test]
fn field_of_a_range_by_another_name() {
    assert_snapshot!(seen("field-of-a-range-by-another-name"), @r"
    error[BF006]: an entry of `ranges` has no field `until`
      --> field-of-a-range-by-another-name.yaml:10:5
       |
     9 |     to: 2022-02-01
    10 |     until: 2022-02-01
       |     ^^^^^
       |
       = help: a window's end is `windowEndTime`, a range's `to`
    ");
}

#[test]
fn field_of_a_range_beside_the_flow() {
    assert_snapshot!(seen("field-of-a-range-beside-the-flow"), @r"
    error[BF006]: a manifest has no field `timezone`
     --> field-of-a-range-beside-the-flow.yaml:3:1
      |
    2 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    3 | timezone: Europe/Madrid
      | ^^^^^^^^
      |
      = help: `timezone` belongs to an entry of `ranges`
    ");
}

#[test]
fn field_that_nothing_resembles() {
    assert_snapshot!(seen("field-that-nothing-resembles"), @r"
    error[BF006]: a manifest has no field `owner`
     --> field-that-nothing-resembles.yaml:3:1
      |
    2 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    3 | owner: data-platform
      | ^^^^^
      |
      = help: a manifest takes version, flowId, name, flows, sandbox, source, deltaColumn, reason, allowFuture, overlap, order, paused, maxActiveRuns, runs, ranges
    ");
}

#[test]
fn field_of_the_delta_column_unknown() {
    assert_snapshot!(seen("field-of-the-delta-column-unknown"), @r"
    error[BF006]: `deltaColumn` has no field `type`
     --> field-of-the-delta-column-unknown.yaml:5:27
      |
    4 | source: table
    5 | deltaColumn: { name: DOB, type: date }
      |                           ^^^^
      |
      = help: `deltaColumn` takes name, dateFormat, timezone
    ");
}

#[test]
fn version_missing() {
    assert_snapshot!(seen("version-missing"), @r"
    error[BF007]: `version` is missing
     --> version-missing.yaml:1:1
      |
    1 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `version: 1`
    ");
}

#[test]
fn flow_id_missing() {
    assert_snapshot!(seen("flow-id-missing"), @r"
    error[BF007]: `flowId` is missing
     --> flow-id-missing.yaml:1:1
      |
    1 | version: 1
      | ^^^^^^^^^^
      |
      = help: write `flowId: UUID`, as in the address of the flow's page
    ");
}

#[test]
fn source_missing() {
    assert_snapshot!(seen("source-missing"), @r"
    error[BF007]: `source` is missing
     --> source-missing.yaml:1:1
      |
    1 | version: 1
      | ^^^^^^^^^^
      |
      = help: a flow with a delta column reads a table: write `source: table`
    ");
}

#[test]
fn window_without_end() {
    assert_snapshot!(seen("window-without-end"), @r"
    error[BF007]: the run has no `windowEndTime`
     --> window-without-end.yaml:8:5
      |
    7 | runs:
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `windowEndTime: …`: a window has a start and an end
    ");
}

#[test]
fn range_without_to() {
    assert_snapshot!(seen("range-without-to"), @r"
    error[BF007]: the range has no `to`
     --> range-without-to.yaml:8:5
      |
    7 | ranges:
    8 |   - from: 2022-01-01
      |     ^^^^^^^^^^^^^^^^
      |
      = help: write `to: …`: where the last window ends, exclusive
    ");
}

#[test]
fn range_without_every() {
    assert_snapshot!(seen("range-without-every"), @r"
    error[BF007]: the range has no `every`
     --> range-without-every.yaml:8:5
      |
    7 | ranges:
    8 |   - from: 2022-01-01
      |     ^^^^^^^^^^^^^^^^
      |
      = help: write `every: …`: how long a window is, such as `1 day` or `6 hours`
    ");
}

#[test]
fn delta_column_without_name() {
    assert_snapshot!(seen("delta-column-without-name"), @r"
    error[BF007]: the delta column has no `name`
     --> delta-column-without-name.yaml:5:14
      |
    4 | source: table
    5 | deltaColumn: { dateFormat: yyyy-MM-dd }
      |              ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `deltaColumn: { name: COLUMN }`
    ");
}

#[test]
fn name_empty() {
    assert_snapshot!(seen("name-empty"), @r#"
    error[BF007]: `name` is empty
     --> name-empty.yaml:3:7
      |
    2 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    3 | name: ""
      |       ^^
      |
      = help: write a label, or leave it away
    "#);
}
