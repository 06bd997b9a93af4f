//! Values of another type than their field takes.

use insta::assert_snapshot;

use super::seen;

#[test]
fn version_in_quotes() {
    assert_snapshot!(seen("version-in-quotes"), @r#"
    error[BF008]: `version` is a number, but here is text
     --> version-in-quotes.yaml:1:10
      |
    1 | version: "1"
      |          ^^^
      |
      = help: write a whole number, without quotes
    "#);
}

#[test]
fn manifest_that_is_a_list() {
    assert_snapshot!(seen("manifest-that-is-a-list"), @r"
    error[BF008]: a manifest is a mapping, but here is a list
     --> manifest-that-is-a-list.yaml:1:1
      |
    1 | - version: 1
      | ^^^^^^^^^^^^
      |
      = help: write lines of `field: value`, such as `version: 1`
    ");
}

#[test]
fn runs_that_are_no_list() {
    assert_snapshot!(seen("runs-that-are-no-list"), @r"
    error[BF008]: `runs` is a list, but here is a mapping
     --> runs-that-are-no-list.yaml:8:3
      |
    7 | runs:
    8 |   windowStartTime: 2022-05-03T13:36:31Z
      |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: begin each entry with `- `, also if there is only one
    ");
}

#[test]
fn run_that_is_a_text() {
    assert_snapshot!(seen("run-that-is-a-text"), @r"
    error[BF008]: an entry of `runs` is a mapping, but here is text
     --> run-that-is-a-text.yaml:8:5
      |
    7 | runs:
    8 |   - 2022-05-03T13:36:31Z/2022-05-03T13:52:36Z
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write lines of `field: value`, such as `windowStartTime: 2022-05-03`
    ");
}

#[test]
fn reason_without_a_value() {
    assert_snapshot!(seen("reason-without-a-value"), @r"
    error[BF008]: `reason` is text, but here is nothing
     --> reason-without-a-value.yaml:6:7
      |
    5 | deltaColumn: { name: DOB }
    6 | reason:
      |       ^
      |
      = help: write a value, or leave the field away
    ");
}

#[test]
fn allow_future_in_words() {
    assert_snapshot!(seen("allow-future-in-words"), @r"
    error[BF008]: `allowFuture` is true or false, but here is text
     --> allow-future-in-words.yaml:6:14
      |
    5 | deltaColumn: { name: DOB }
    6 | allowFuture: yes
      |              ^^^
      |
      = help: write `true` or `false`, without quotes
    ");
}

#[test]
fn delta_column_that_is_a_text() {
    assert_snapshot!(seen("delta-column-that-is-a-text"), @r"
    error[BF008]: `deltaColumn` is a mapping, but here is text
     --> delta-column-that-is-a-text.yaml:5:14
      |
    4 | source: table
    5 | deltaColumn: DOB
      |              ^^^
      |
      = help: write `deltaColumn: { name: DOB }`
    ");
}

#[test]
fn time_that_is_a_truth_value() {
    assert_snapshot!(seen("time-that-is-a-truth-value"), @r"
    error[BF008]: `windowEndTime` is a time, but here is a truth value
     --> time-that-is-a-truth-value.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: true
      |                    ^^^^
      |
      = help: write `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits)
    ");
}

#[test]
fn except_that_is_no_list() {
    assert_snapshot!(seen("except-that-is-no-list"), @r"
    error[BF008]: `except` is a list, but here is text
      --> except-that-is-no-list.yaml:11:13
       |
    10 |     every: 1 day
    11 |     except: 2022-01-06
       |             ^^^^^^^^^^
       |
       = help: write it in brackets, also if it is only one: `[2022-01-06]`
    ");
}
