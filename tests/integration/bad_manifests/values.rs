//! Values that a field does not take: ids, names, reasons.

use aep_backfill::manifest::Rules;
use insta::assert_snapshot;

use super::{rules, seen, seen_under};

#[test]
fn version_of_the_future() {
    assert_snapshot!(seen("version-of-the-future"), @r"
    error[BF009]: version 2 is not known
     --> version-of-the-future.yaml:1:10
      |
    1 | version: 2
      |          ^
      |
      = help: write `version: 1`
    ");
}

#[test]
fn source_misspelled() {
    assert_snapshot!(seen("source-misspelled"), @r"
    error[BF009]: `source` is table or file, not `tabel`
     --> source-misspelled.yaml:4:9
      |
    3 | sandbox: prod
    4 | source: tabel
      |         ^^^^^
      |
      = help: databases and warehouses are `table`, with a deltaColumn; storages are `file`
    ");
}

#[test]
fn source_by_another_name() {
    assert_snapshot!(seen("source-by-another-name"), @"
    error[BF009]: `source` is table or file, not `database`
     --> source-by-another-name.yaml:4:9
      |
    3 | sandbox: prod
    4 | source: database
      |         ^^^^^^^^
      |
      = help: databases and warehouses are `table`, with a deltaColumn; storages are `file`
    ");
}

#[test]
fn overlap_that_is_not_allow() {
    assert_snapshot!(seen("overlap-that-is-not-allow"), @r"
    error[BF009]: `overlap` takes only `allow`, not `deny`
     --> overlap-that-is-not-allow.yaml:6:10
      |
    5 | deltaColumn: { name: DOB }
    6 | overlap: deny
      |          ^^^^
      |
      = help: leave it away to have overlaps refused
    ");
}

#[test]
fn flow_id_cut_short() {
    assert_snapshot!(seen("flow-id-cut-short"), @r"
    error[BF010]: `3abea21c-7e36-4be1-bec1-d3bad0e3e0d` is not a flow id: expected a UUID such as 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
     --> flow-id-cut-short.yaml:2:9
      |
    1 | version: 1
    2 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0d
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: copy it from the address of the flow's page
    ");
}

#[test]
fn flow_id_that_is_a_number() {
    assert_snapshot!(seen("flow-id-that-is-a-number"), @r"
    error[BF010]: `20220503` is not a flow id: expected a UUID such as 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
     --> flow-id-that-is-a-number.yaml:2:9
      |
    1 | version: 1
    2 | flowId: 20220503
      |         ^^^^^^^^
      |
      = help: copy it from the address of the flow's page
    ");
}

#[test]
fn flow_id_that_is_a_name() {
    assert_snapshot!(seen("flow-id-that-is-a-name"), @r"
    error[BF010]: `crm-accounts` is not a flow id: expected a UUID such as 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
     --> flow-id-that-is-a-name.yaml:2:9
      |
    1 | version: 1
    2 | flowId: crm-accounts
      |         ^^^^^^^^^^^^
      |
      = help: copy it from the address of the flow's page
    ");
}

#[test]
fn sandbox_with_a_capital() {
    assert_snapshot!(seen("sandbox-with-a-capital"), @r"
    error[BF011]: `Prod` is not a sandbox name: expected lower-case letters, digits and hyphens
     --> sandbox-with-a-capital.yaml:3:10
      |
    2 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    3 | sandbox: Prod
      |          ^^^^
      |
      = help: did you mean `prod`? The API wants the name, not the title
    ");
}

#[test]
fn sandbox_by_its_title() {
    assert_snapshot!(seen("sandbox-by-its-title"), @r"
    error[BF011]: `Production (VA7)` is not a sandbox name: expected lower-case letters, digits and hyphens
     --> sandbox-by-its-title.yaml:3:10
      |
    2 | flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de
    3 | sandbox: Production (VA7)
      |          ^^^^^^^^^^^^^^^^
      |
      = help: write its name, not its title; the list of sandboxes shows both
    ");
}

#[test]
fn sandbox_missing() {
    assert_snapshot!(seen("sandbox-missing"), @r"
    error[BF012]: no sandbox is named
     --> sandbox-missing.yaml:1:1
      |
    1 | version: 1
      | ^^^^^^^^^^
      |
      = help: write `sandbox: NAME` here or in backfill.yaml, or give --sandbox NAME or AEP_SANDBOX_NAME
    ");
}

#[test]
fn delta_column_missing() {
    assert_snapshot!(seen("delta-column-missing"), @r"
    error[BF013]: a table source needs a delta column
     --> delta-column-missing.yaml:4:9
      |
    3 | sandbox: prod
    4 | source: table
      |         ^^^^^
      |
      = help: write `deltaColumn: { name: COLUMN }`
    ");
}

#[test]
fn delta_column_of_a_file() {
    assert_snapshot!(seen("delta-column-of-a-file"), @r"
    error[BF013]: a file source has no delta column
     --> delta-column-of-a-file.yaml:5:14
      |
    4 | source: file
    5 | deltaColumn: { name: DOB }
      |              ^^^^^^^^^^^^^
      |
      = help: remove it, or write `source: table`
    ");
}

#[test]
fn delta_column_with_an_empty_name() {
    assert_snapshot!(seen("delta-column-with-an-empty-name"), @r#"
    error[BF013]: `name` of the delta column is empty
     --> delta-column-with-an-empty-name.yaml:5:22
      |
    4 | source: table
    5 | deltaColumn: { name: "" }
      |                      ^^
      |
      = help: write a value, or leave the field away
    "#);
}

#[test]
fn nothing_to_run() {
    assert_snapshot!(seen("nothing-to-run"), @r"
    error[BF014]: the manifest asks for nothing
     --> nothing-to-run.yaml:1:1
      |
    1 | version: 1
      | ^^^^^^^^^^
      |
      = help: list windows under `runs`, or rules under `ranges`
    ");
}

#[test]
fn runs_empty() {
    assert_snapshot!(seen("runs-empty"), @r"
    error[BF014]: `runs` is empty
     --> runs-empty.yaml:7:7
      |
    6 | reason: Restate accounts after the CRM migration
    7 | runs: []
      |       ^^
      |
      = help: add an entry, or leave the field away
    ");
}

#[test]
fn ranges_empty() {
    assert_snapshot!(seen("ranges-empty"), @r"
    error[BF014]: `ranges` is empty
     --> ranges-empty.yaml:7:9
      |
    6 | reason: Restate accounts after the CRM migration
    7 | ranges: []
      |         ^^
      |
      = help: add an entry, or leave the field away
    ");
}

#[test]
fn reason_todo() {
    assert_snapshot!(seen("reason-todo"), @r"
    error[BF029]: `TODO` is no reason
     --> reason-todo.yaml:6:9
      |
    5 | deltaColumn: { name: DOB }
    6 | reason: TODO
      |         ^^^^
      |
      = help: say why these windows are ingested again, for who reads it
    ");
}

#[test]
fn reason_xxx() {
    assert_snapshot!(seen("reason-xxx"), @r"
    error[BF029]: `xxx` is no reason
     --> reason-xxx.yaml:6:9
      |
    5 | deltaColumn: { name: DOB }
    6 | reason: xxx
      |         ^^^
      |
      = help: say why these windows are ingested again, for who reads it
    ");
}

#[test]
fn reason_of_dots() {
    assert_snapshot!(seen("reason-of-dots"), @r#"
    error[BF029]: `...` is no reason
     --> reason-of-dots.yaml:6:9
      |
    5 | deltaColumn: { name: DOB }
    6 | reason: "..."
      |         ^^^^^
      |
      = help: say why these windows are ingested again, for who reads it
    "#);
}

#[test]
fn reason_required() {
    assert_snapshot!(seen_under(
        "reason-required",
        &Rules { reason_required: true, ..rules() },
    ), @r"
    error[BF028]: no reason is given, and the config requires one
     --> reason-required.yaml:1:1
      |
    1 | version: 1
      | ^^^^^^^^^^
      |
      = help: write `reason: …` beside `flowId`
    ");
}

#[test]
fn reason_missing_for_a_rerun() {
    assert_snapshot!(seen("reason-missing-for-a-rerun"), @r"
    error[BF028]: to run windows again needs a reason
     --> reason-missing-for-a-rerun.yaml:9:12
      |
    8 |     windowEndTime: 2022-05-03T13:52:36Z
    9 |     rerun: 2
      |            ^
      |
      = help: write `reason: …` beside `flowId`
    ");
}

#[test]
fn rerun_zero() {
    assert_snapshot!(seen("rerun-zero"), @r"
    error[BF027]: `0` is not a whole number from 1
      --> rerun-zero.yaml:10:12
       |
     9 |     windowEndTime: 2022-05-03T13:52:36Z
    10 |     rerun: 0
       |            ^
       |
       = help: 2 runs the windows a second time; 1 is the default
    ");
}

#[test]
fn rerun_of_one_and_a_half() {
    assert_snapshot!(seen("rerun-of-one-and-a-half"), @r"
    error[BF027]: `1.5` is not a whole number from 1
      --> rerun-of-one-and-a-half.yaml:10:12
       |
     9 |     windowEndTime: 2022-05-03T13:52:36Z
    10 |     rerun: 1.5
       |            ^^^
       |
       = help: 2 runs the windows a second time; 1 is the default
    ");
}

#[test]
fn rerun_in_words() {
    assert_snapshot!(seen("rerun-in-words"), @r"
    error[BF008]: `rerun` is a number, but here is text
      --> rerun-in-words.yaml:10:12
       |
     9 |     windowEndTime: 2022-05-03T13:52:36Z
    10 |     rerun: twice
       |            ^^^^^
       |
       = help: write a whole number, without quotes
    ");
}
