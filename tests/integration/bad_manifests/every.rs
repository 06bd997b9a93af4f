//! Steps that are no length of time, or none that fits.

use insta::assert_snapshot;

use super::seen;

#[test]
fn every_zero() {
    assert_snapshot!(seen("every-zero"), @r"
    error[BF019]: `0 days` is not a positive length
      --> every-zero.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: 0 days
       |            ^^^^^^
       |
       = help: the least is `1 second`
    ");
}

#[test]
fn every_negative() {
    assert_snapshot!(seen("every-negative"), @r"
    error[BF019]: `-1 day` is not a positive length
      --> every-negative.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: -1 day
       |            ^^^^^^
       |
       = help: the least is `1 second`
    ");
}

#[test]
fn every_sub_second() {
    assert_snapshot!(seen("every-sub-second"), @r"
    error[BF019]: `PT0.5S` is not a whole number of its unit
      --> every-sub-second.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: PT0.5S
       |            ^^^^^^
       |
       = help: windows are whole seconds: the least is `1 second`
    ");
}

#[test]
fn every_of_a_fraction() {
    assert_snapshot!(seen("every-of-a-fraction"), @r"
    error[BF019]: `1.5 hours` is not a whole number of its unit
      --> every-of-a-fraction.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: 1.5 hours
       |            ^^^^^^^^^
       |
       = help: use a smaller unit: `90 minutes`, not `1.5 hours`
    ");
}

#[test]
fn every_without_a_unit() {
    assert_snapshot!(seen("every-without-a-unit"), @r"
    error[BF019]: `3600` has no unit
      --> every-without-a-unit.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: 3600
       |            ^^^^
       |
       = help: write `3600 seconds`, `3600 minutes`, …
    ");
}

#[test]
fn every_with_a_unit_of_two_meanings() {
    assert_snapshot!(seen("every-with-a-unit-of-two-meanings"), @"
    error[BF019]: `M` is not a unit of time
      --> every-with-a-unit-of-two-meanings.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: 15M
       |            ^^^
       |
       = help: write a number and a unit: `15 minutes`, `6 hours`, `1 day`, `1 week`, `1 month`
    ");
}

#[test]
fn every_of_days_and_hours() {
    assert_snapshot!(seen("every-of-days-and-hours"), @r"
    error[BF019]: `P1DT12H` mixes calendar days with exact hours
      --> every-of-days-and-hours.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: P1DT12H
       |            ^^^^^^^
       |
       = help: write only days, weeks and months, or only hours, minutes and seconds
    ");
}

#[test]
fn every_as_an_adverb() {
    assert_snapshot!(seen("every-as-an-adverb"), @r"
    error[BF019]: `daily` is not a length of time
      --> every-as-an-adverb.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: daily
       |            ^^^^^
       |
       = help: write a number and a unit: `15 minutes`, `6 hours`, `1 day`, `1 week`, `1 month`
    ");
}

#[test]
fn every_as_cron() {
    assert_snapshot!(seen("every-as-cron"), @r#"
    error[BF019]: `0 0 * * *` is not a length of time
      --> every-as-cron.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: "0 0 * * *"
       |            ^^^^^^^^^^^
       |
       = help: write a number and a unit: `15 minutes`, `6 hours`, `1 day`, `1 week`, `1 month`
    "#);
}

#[test]
fn every_too_long() {
    assert_snapshot!(seen("every-too-long"), @r"
    error[BF019]: `1000 years` is too long
      --> every-too-long.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: 1000 years
       |            ^^^^^^^^^^
       |
       = help: years beyond 2200 are out of range
    ");
}

#[test]
fn every_longer_than_its_range() {
    assert_snapshot!(seen("every-longer-than-its-range"), @r"
    error[BF026]: 2 months is longer than the range, 31 d
      --> every-longer-than-its-range.yaml:10:12
       |
     9 |     to: 2022-02-01
    10 |     every: 2 months
       |            ^^^^^^^^
       |
       = help: for a single window, write it under `runs`
    ");
}
