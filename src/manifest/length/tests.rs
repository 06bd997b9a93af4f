use super::*;

const fn days(days: i32) -> Every {
    Every::Calendar { months: 0, days }
}

const fn months(months: i32) -> Every {
    Every::Calendar { months, days: 0 }
}

const fn exact(seconds: i64) -> Every {
    Every::Exact { seconds }
}

#[test]
fn words_and_iso_durations_are_read() {
    for (text, every) in [
        ("1 day", days(1)),
        ("15 minutes", exact(900)),
        ("6 hours", exact(21_600)),
        ("24 hours", exact(86_400)),
        ("1 week", days(7)),
        ("1 month", months(1)),
        ("2 Years", months(24)),
        ("90 seconds", exact(90)),
        ("1day", days(1)),
        ("P1D", days(1)),
        ("P1W", days(7)),
        ("P1Y6M", months(18)),
        ("PT6H", exact(21_600)),
        ("PT1H30M", exact(5400)),
        ("PT15M", exact(900)),
        ("P1M1D", Every::Calendar { months: 1, days: 1 }),
        ("1d", days(1)),
        ("15m", exact(900)),
        ("6H", exact(21_600)),
        ("1h 30m", exact(5400)),
        ("1 hour, 30 minutes", exact(5400)),
        ("2wk", days(14)),
        ("1mo", months(1)),
        ("+1 week", days(7)),
    ] {
        assert_eq!(parse_every(text), Ok(every), "{text}");
    }
}

#[test]
fn what_is_not_a_positive_whole_length_is_refused() {
    use EveryError as E;
    let is = |text: &str, want: fn(String) -> E| {
        assert_eq!(parse_every(text), Err(want(text.to_owned())), "{text}");
    };
    for text in [
        "0 days",
        "-1 day",
        "PT0S",
        "-P1D",
        "P0D",
        "-99999999999999999999 days",
    ] {
        is(text, E::NotPositive);
    }
    for text in ["0.5 seconds", "1.5 hours", "PT0.5S", "100 milliseconds"] {
        is(text, E::Fraction);
    }
    is("P1DT6H", E::Mixed);
    for text in ["99999999999999999999 days", "999999 years", "P99999999999D"] {
        is(text, E::TooLong);
    }
    for text in [
        "",
        "often",
        "daily",
        "day",
        "P",
        "PT",
        "P1",
        "P1H",
        "PT1D",
        "P1DT",
        "PTT1H",
        "P1M1M",
        "1-2 days",
        "01:30",
        "1h 00:30:00",
        "0 * * * *",
        "1m 1h",
    ] {
        is(text, E::Form);
    }
    is("900", E::NoUnit);
}

#[test]
fn a_unit_that_is_none_or_two_is_refused() {
    for (text, unit) in [("15M", "M"), ("1 dya", "dya")] {
        assert_eq!(parse_every(text), Err(EveryError::Unit(unit.to_owned())));
    }
    // Of hours and minutes it can only be one.
    assert_eq!(parse_every("1h30M"), Ok(exact(5400)));
}

#[test]
fn a_limit_in_days_is_exact_and_one_in_months_is_refused() {
    assert_eq!(parse_seconds("31 days"), Ok(2_678_400));
    assert_eq!(parse_seconds("5 minutes"), Ok(300));
    assert!(matches!(
        parse_seconds("1 month"),
        Err(EveryError::NotExact(_))
    ));
}

#[test]
fn a_step_shows_as_it_could_be_written() {
    for text in ["1 day", "15 minutes", "6 hours", "1 month", "90 seconds"] {
        let every = parse_every(text).expect(text);
        assert_eq!(parse_every(&every.to_string()), Ok(every));
    }
    assert_eq!(exact(90).to_string(), "90 seconds");
    assert_eq!(months(2).to_string(), "2 months");
}
