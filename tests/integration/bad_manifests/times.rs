//! Times that are none, or probably another.

use insta::assert_snapshot;

use super::seen;

#[test]
fn time_relative() {
    assert_snapshot!(seen("time-relative"), @r"
    error[BF015]: `now` is a relative time, and those do not exist: what is reviewed is what is sent
     --> time-relative.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: now
      |                    ^^^
      |
      = help: write `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits)
    ");
}

#[test]
fn range_of_the_last_30_days() {
    assert_snapshot!(seen("range-of-the-last-30-days"), @r"
    error[BF015]: `last 30 days` is a relative time, and those do not exist: what is reviewed is what is sent
     --> range-of-the-last-30-days.yaml:8:11
      |
    7 | ranges:
    8 |   - from: last 30 days
      |           ^^^^^^^^^^^^
      |
      = help: write `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits)
    ");
}

#[test]
fn time_with_parts_of_a_second() {
    assert_snapshot!(seen("time-with-parts-of-a-second"), @r"
    error[BF015]: `2022-05-03T13:52:36.500Z` has parts of a second; windows are whole seconds
     --> time-with-parts-of-a-second.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-05-03T13:52:36.500Z
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: leave the part after the seconds away
    ");
}

#[test]
fn unix_time_with_parts_of_a_second() {
    assert_snapshot!(seen("unix-time-with-parts-of-a-second"), @r"
    error[BF015]: `1651585956.5` has parts of a second; windows are whole seconds
     --> unix-time-with-parts-of-a-second.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 1651585956.5
      |                    ^^^^^^^^^^^^
      |
      = help: leave the part after the seconds away
    ");
}

#[test]
fn time_of_24_00() {
    assert_snapshot!(seen("time-of-24-00"), @r"
    error[BF015]: `2022-05-03T24:00:00Z`: there is no hour 24
     --> time-of-24-00.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-05-03T24:00:00Z
      |                    ^^^^^^^^^^^^^^^^^^^^
      |
      = help: the day ends where the next begins: `2022-05-04T00:00:00Z`
    ");
}

#[test]
fn time_of_a_leap_second() {
    assert_snapshot!(seen("time-of-a-leap-second"), @r"
    error[BF015]: `2022-12-31T23:59:60Z`: a leap second has no unix time
     --> time-of-a-leap-second.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-12-31T23:59:60Z
      |                    ^^^^^^^^^^^^^^^^^^^^
      |
      = help: write the second before or after it
    ");
}

#[test]
fn time_with_one_digit() {
    assert_snapshot!(seen("time-with-one-digit"), @r"
    error[BF015]: `2022-05-03T9:52:36Z`: every part has two digits, a year four
     --> time-with-one-digit.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-05-03T9:52:36Z
      |                    ^^^^^^^^^^^^^^^^^^^
      |
      = help: such as `2022-05-03T09:05:00Z`
    ");
}

#[test]
fn date_with_one_digit() {
    assert_snapshot!(seen("date-with-one-digit"), @r"
    error[BF015]: `2022-5-4`: every part has two digits, a year four
     --> date-with-one-digit.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-5-4
      |                    ^^^^^^^^
      |
      = help: such as `2022-05-03T09:05:00Z`
    ");
}

#[test]
fn year_of_two_digits() {
    assert_snapshot!(seen("year-of-two-digits"), @r"
    error[BF015]: `22-05-04`: every part has two digits, a year four
     --> year-of-two-digits.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 22-05-04
      |                    ^^^^^^^^
      |
      = help: such as `2022-05-03T09:05:00Z`
    ");
}

#[test]
fn date_with_slashes() {
    assert_snapshot!(seen("date-with-slashes"), @r"
    error[BF015]: `04/05/2022` is not a time
     --> date-with-slashes.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 04/05/2022
      |                    ^^^^^^^^^^
      |
      = help: write `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits)
    ");
}

#[test]
fn month_13() {
    assert_snapshot!(seen("month-13"), @r"
    error[BF015]: `2022-13-04`: month 13 is out of range
     --> month-13.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-13-04
      |                    ^^^^^^^^^^
      |
      = help: a year has the months 01 to 12; the month stands before the day
    ");
}

#[test]
fn day_that_its_month_does_not_have() {
    assert_snapshot!(seen("day-that-its-month-does-not-have"), @r"
    error[BF015]: `2022-06-31`: day 31 of 2022-06 is out of range
     --> day-that-its-month-does-not-have.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-06-31
      |                    ^^^^^^^^^^
      |
      = help: 2022-06 has the days 01 to 30
    ");
}

#[test]
fn offset_without_a_colon() {
    assert_snapshot!(seen("offset-without-a-colon"), @r"
    error[BF015]: `2022-05-03T13:52:36+0000` does not end in an offset as RFC 3339 writes it
     --> offset-without-a-colon.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-05-03T13:52:36+0000
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: end in `Z` or in something like `+01:00`; a zone's name goes under `timezone` of a range
    ");
}

#[test]
fn offset_by_name() {
    assert_snapshot!(seen("offset-by-name"), @r"
    error[BF015]: `2022-05-03T13:52:36 UTC` does not end in an offset as RFC 3339 writes it
     --> offset-by-name.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-05-03T13:52:36 UTC
      |                    ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: end in `Z` or in something like `+01:00`; a zone's name goes under `timezone` of a range
    ");
}

#[test]
fn zone_within_a_time() {
    assert_snapshot!(seen("zone-within-a-time"), @r"
    error[BF015]: `2022-05-03T15:52:36[Europe/Madrid]` does not end in an offset as RFC 3339 writes it
     --> zone-within-a-time.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2022-05-03T15:52:36[Europe/Madrid]
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: end in `Z` or in something like `+01:00`; a zone's name goes under `timezone` of a range
    ");
}

#[test]
fn time_after_2199() {
    assert_snapshot!(seen("time-after-2199"), @r"
    error[BF015]: `2999-12-31` is before 1970 or after 2199
     --> time-after-2199.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 2999-12-31
      |                    ^^^^^^^^^^
      |
      = help: only the years from 1970 to 2199 can be written
    ");
}

#[test]
fn unix_time_in_milliseconds() {
    assert_snapshot!(seen("unix-time-in-milliseconds"), @r"
    error[BF016]: `1651585956000` has 13 digits; unix seconds have 10
     --> unix-time-in-milliseconds.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 1651585956000
      |                    ^^^^^^^^^^^^^
      |
      = help: these look like milliseconds
    ");
}

#[test]
fn unix_time_of_11_digits() {
    assert_snapshot!(seen("unix-time-of-11-digits"), @r"
    error[BF016]: `16515859567` has 11 digits; unix seconds have 10
     --> unix-time-of-11-digits.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 16515859567
      |                    ^^^^^^^^^^^
      |
      = help: there is one digit too many, as in an example of Adobe's documentation
    ");
}

#[test]
fn unix_time_of_8_digits() {
    assert_snapshot!(seen("unix-time-of-8-digits"), @r"
    error[BF016]: `20220504` has 8 digits; unix seconds have 10
     --> unix-time-of-8-digits.yaml:9:20
      |
    8 |   - windowStartTime: 2022-05-03T13:36:31Z
    9 |     windowEndTime: 20220504
      |                    ^^^^^^^^
      |
      = help: write `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits)
    ");
}

#[test]
fn start_time_that_has_passed() {
    assert_snapshot!(seen("start-time-that-has-passed"), @r"
    warning[BF039]: the `startTime` 2025-12-01T02:00:00Z has passed: what is not sent yet begins when it is sent
      --> start-time-that-has-passed.yaml:11:16
       |
    10 |     every: 1 day
    11 |     startTime: 2025-12-01T02:00:00Z
       |                ^^^^^^^^^^^^^^^^^^^^
       |
       = help: leave it away, or write a time that lies ahead
    ");
}
