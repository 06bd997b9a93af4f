//! Lists of flows.

use insta::assert_snapshot;

use super::seen;

#[test]
fn flow_listed_twice() {
    assert_snapshot!(seen("flow-listed-twice"), @r"
    error[BF036]: the flow 3abea21c-7e36-4be1-bec1-d3bad0e3e0de is listed twice
     --> flow-listed-twice.yaml:6:13
      |
    5 |   - flowId: 5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4
    6 |   - flowId: 3ABEA21C-7E36-4BE1-BEC1-D3BAD0E3E0DE
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: flow-listed-twice.yaml:3:13
      |
    2 | flows:
    3 |   - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
      |             ------------------------------------ listed here first
      |
      = help: remove one; windows that only this flow wants go into another manifest
    ");
}

#[test]
fn flow_id_beside_flows() {
    assert_snapshot!(seen("flow-id-beside-flows"), @r"
    error[BF037]: `flowId` stands beside `flows`
     --> flow-id-beside-flows.yaml:2:9
      |
    1 | version: 1
    2 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: flow-id-beside-flows.yaml:4:3
      |
    3 | flows:
    4 |   - flowId: 5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4
      |   ---------------------------------------------- the flows
      |
      = help: write it as an entry: `- flowId: …`
    ");
}

#[test]
fn name_beside_flows() {
    assert_snapshot!(seen("name-beside-flows"), @r"
    error[BF037]: `name` stands beside `flows`
     --> name-beside-flows.yaml:2:7
      |
    1 | version: 1
    2 | name: crm
      |       ^^^
      |
     ::: name-beside-flows.yaml:4:3
      |
    3 | flows:
    4 |   - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
      |   ---------------------------------------------- the flows
      |
      = help: write it in an entry: each flow has its own
    ");
}

#[test]
fn flows_empty() {
    assert_snapshot!(seen("flows-empty"), @r"
    error[BF007]: `flows` is empty
     --> flows-empty.yaml:2:8
      |
    1 | version: 1
    2 | flows: []
      |        ^^
      |
      = help: add an entry, `- flowId: UUID`
    ");
}

#[test]
fn flows_that_are_ids() {
    assert_snapshot!(seen("flows-that-are-ids"), @r"
    error[BF008]: an entry of `flows` is a mapping, but here is text
     --> flows-that-are-ids.yaml:3:5
      |
    2 | flows:
    3 |   - 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write lines of `field: value`, such as `flowId: UUID`
    ");
}

#[test]
fn flows_that_are_one() {
    assert_snapshot!(seen("flows-that-are-one"), @r"
    error[BF008]: `flows` is a list, but here is a mapping
     --> flows-that-are-one.yaml:3:3
      |
    2 | flows:
    3 |   flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: begin each entry with `- `, also if there is only one
    ");
}

#[test]
fn flow_of_a_list_without_an_id() {
    assert_snapshot!(seen("flow-of-a-list-without-an-id"), @r"
    error[BF007]: `flowId` is missing
     --> flow-of-a-list-without-an-id.yaml:4:5
      |
    3 |   - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    4 |   - name: loyalty-files
      |     ^^^^^^^^^^^^^^^^^^^
      |
      = help: write `flowId: UUID`, as in the address of the flow's page
    ");
}

#[test]
fn field_of_the_manifest_in_a_flow() {
    assert_snapshot!(seen("field-of-the-manifest-in-a-flow"), @r"
    error[BF006]: an entry of `flows` has no field `paused`
     --> field-of-the-manifest-in-a-flow.yaml:4:5
      |
    3 |   - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    4 |     paused: true
      |     ^^^^^^
      |
      = help: write `paused` beside `flows`, for all of them
    ");
}

#[test]
fn name_of_a_listed_flow_empty() {
    assert_snapshot!(seen("name-of-a-listed-flow-empty"), @r#"
    error[BF007]: `name` is empty
     --> name-of-a-listed-flow-empty.yaml:4:11
      |
    3 |   - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    4 |     name: ""
      |           ^^
      |
      = help: write a label, or leave it away
    "#);
}

#[test]
fn source_missing_of_one_flow() {
    assert_snapshot!(seen("source-missing-of-one-flow"), @r"
    error[BF007]: `source` is missing
     --> source-missing-of-one-flow.yaml:5:5
      |
    4 |     source: file
    5 |   - flowId: 5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `source: table` (rows, with a deltaColumn) or `source: file`
    ");
}

#[test]
fn source_missing_of_all_flows() {
    assert_snapshot!(seen("source-missing-of-all-flows"), @r"
    error[BF007]: `source` is missing
     --> source-missing-of-all-flows.yaml:1:1
      |
    1 | version: 1
      | ^^^^^^^^^^
      |
      = help: write `source: table` (rows, with a deltaColumn) or `source: file`
    ");
}

#[test]
fn delta_column_missing_of_one_flow() {
    assert_snapshot!(seen("delta-column-missing-of-one-flow"), @r"
    error[BF013]: a table source needs a delta column
     --> delta-column-missing-of-one-flow.yaml:5:5
      |
    4 |     deltaColumn: { name: DOB }
    5 |   - flowId: 5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `deltaColumn: { name: COLUMN }`
    ");
}

#[test]
fn delta_column_missing_of_all_flows() {
    assert_snapshot!(seen("delta-column-missing-of-all-flows"), @r"
    error[BF013]: a table source needs a delta column
     --> delta-column-missing-of-all-flows.yaml:5:9
      |
    4 |   - flowId: 5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4
    5 | source: table
      |         ^^^^^
      |
      = help: write `deltaColumn: { name: COLUMN }`
    ");
}

#[test]
fn delta_column_of_a_listed_file() {
    assert_snapshot!(seen("delta-column-of-a-listed-file"), @r"
    error[BF013]: a file source has no delta column
     --> delta-column-of-a-listed-file.yaml:6:18
      |
    5 |     source: file
    6 |     deltaColumn: { name: DOB }
      |                  ^^^^^^^^^^^^^
      |
      = help: remove it, or write `source: table`
    ");
}

#[test]
fn delta_column_of_no_flow() {
    assert_snapshot!(seen("delta-column-of-no-flow"), @r"
    error[BF013]: no flow of the list uses this delta column
     --> delta-column-of-no-flow.yaml:8:14
      |
    7 | source: table
    8 | deltaColumn: { name: DOB }
      |              ^^^^^^^^^^^^^
      |
      = help: remove it: each flow has its own, or reads files
    ");
}

#[test]
fn windows_too_many_for_all_flows() {
    assert_snapshot!(seen("windows-too-many-for-all-flows"), @r"
    error[BF023]: the range has 525600 windows or more for each of 2 flows; all manifests together may have 1000000
      --> windows-too-many-for-all-flows.yaml:11:12
       |
    10 |     to: 2023-01-01
    11 |     every: 1 minute
       |            ^^^^^^^^
       |
       = help: write longer windows, or apply the manifests in parts
    ");
}

#[test]
fn overlap_of_a_listed_flow() {
    assert_snapshot!(seen("overlap-of-a-listed-flow"), @r"
    error[BF030]: the window [2022-01-31T00:00:00Z, 2022-02-01T00:00:00Z) overlaps [2022-01-31T12:00:00Z, 2022-02-01T12:00:00Z)
      --> overlap-of-a-listed-flow/all.yaml:10:5
       |
     9 | ranges:
    10 |   - from: 2022-01-01
       |     ^^^^^^^^^^^^^^^^
       |
      ::: overlap-of-a-listed-flow/accounts.yaml:6:5
       |
     5 | runs:
     6 |   - windowStartTime: 2022-01-31T12:00:00Z
       |     ------------------------------------- overlaps this
       |
      ::: overlap-of-a-listed-flow/all.yaml:4:13
       |
     3 |   - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
     4 |   - flowId: 5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4
       |             ------------------------------------ for this flow
       |
       = help: what both cover would be ingested twice; if that is wanted, write `overlap: allow` in each manifest
    ");
}

#[test]
fn listed_flow_with_another_delta_column() {
    assert_snapshot!(seen("listed-flow-with-another-delta-column"), @r"
    error[BF031]: flow 5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4 has another delta column elsewhere
     --> listed-flow-with-another-delta-column/all.yaml:4:13
      |
    3 |   - flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    4 |   - flowId: 5f9c5c5e-5b0a-4f53-8e63-8f7bd1a3a7c4
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
     ::: listed-flow-with-another-delta-column/accounts.yaml:5:14
      |
    4 | source: table
    5 | deltaColumn: { name: updatedAt }
      |              ------------------- otherwise here
      |
      = help: a flow has one source and one delta column: make them the same
    ");
}
