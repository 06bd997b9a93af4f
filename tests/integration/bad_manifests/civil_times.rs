//! Zones that do not exist, and times that have no meaning in theirs.

use insta::assert_snapshot;

use super::seen;

#[test]
fn civil_time_in_a_gap() {
    assert_snapshot!(seen("civil-time-in-a-gap"), @r"
    error[BF017]: `2022-03-27T02:30` does not exist in Europe/Madrid: the clocks went from 2022-03-27T02:00:00 to 2022-03-27T03:00:00
     --> civil-time-in-a-gap.yaml:8:11
      |
    7 | ranges:
    8 |   - from: 2022-03-27T02:30
      |           ^^^^^^^^^^^^^^^^
      |
      = help: the first time after the gap is `2022-03-27T03:00:00`; or write an offset
    ");
}

#[test]
fn civil_time_that_came_twice() {
    assert_snapshot!(seen("civil-time-that-came-twice"), @r"
    error[BF017]: `2022-10-30T02:30` happened twice in Europe/Madrid: the clocks were set back
     --> civil-time-that-came-twice.yaml:8:11
      |
    7 | ranges:
    8 |   - from: 2022-10-30T02:30
      |           ^^^^^^^^^^^^^^^^
      |
      = help: say which: `2022-10-30T02:30:00+02:00` was the first, `2022-10-30T02:30:00+01:00` the second
    ");
}

#[test]
fn civil_day_that_did_not_exist() {
    assert_snapshot!(seen("civil-day-that-did-not-exist"), @r"
    error[BF017]: `2011-12-30` does not exist in Pacific/Apia: the clocks went from 2011-12-30T00:00:00 to 2011-12-31T00:00:00
     --> civil-day-that-did-not-exist.yaml:8:11
      |
    7 | ranges:
    8 |   - from: 2011-12-30
      |           ^^^^^^^^^^
      |
      = help: the first time after the gap is `2011-12-31T00:00:00`; or write an offset
    ");
}

#[test]
fn zone_misspelled() {
    assert_snapshot!(seen("zone-misspelled"), @r"
    error[BF018]: `Europe/Madird` is not a time zone
      --> zone-misspelled.yaml:11:15
       |
    10 |     every: 1 day
    11 |     timezone: Europe/Madird
       |               ^^^^^^^^^^^^^
       |
       = help: did you mean `Europe/Madrid`?
    ");
}

#[test]
fn zone_by_its_city() {
    assert_snapshot!(seen("zone-by-its-city"), @r"
    error[BF018]: `New York` is not a time zone
      --> zone-by-its-city.yaml:11:15
       |
    10 |     every: 1 day
    11 |     timezone: New York
       |               ^^^^^^^^
       |
       = help: did you mean `America/New_York`?
    ");
}

#[test]
fn zone_by_its_letters() {
    assert_snapshot!(seen("zone-by-its-letters"), @r"
    error[BF018]: `CEST` is not a time zone
      --> zone-by-its-letters.yaml:11:15
       |
    10 |     every: 1 day
    11 |     timezone: CEST
       |               ^^^^
       |
       = help: write an IANA name such as `Europe/Madrid`, or `UTC`
    ");
}

#[test]
fn zone_as_an_offset() {
    assert_snapshot!(seen("zone-as-an-offset"), @r#"
    error[BF018]: `+02:00` is not a time zone
      --> zone-as-an-offset.yaml:11:15
       |
    10 |     every: 1 day
    11 |     timezone: "+02:00"
       |               ^^^^^^^^
       |
       = help: did you mean `Etc/GMT-2`? It is UTC+02:00 all year: names of this kind have the sign the other way round. A place such as `Europe/Madrid` also has its summer time
    "#);
}

#[test]
fn zone_by_gmt_offset() {
    assert_snapshot!(seen("zone-by-gmt-offset"), @r"
    error[BF018]: `GMT+2` is not a time zone
      --> zone-by-gmt-offset.yaml:11:15
       |
    10 |     every: 1 day
    11 |     timezone: GMT+2
       |               ^^^^^
       |
       = help: did you mean `Etc/GMT-2`? It is UTC+02:00 all year: names of this kind have the sign the other way round. A place such as `Europe/Madrid` also has its summer time
    ");
}
