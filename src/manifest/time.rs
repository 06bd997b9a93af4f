//! Times as a manifest may write them, read exactly or refused.
//!
//! Three forms: RFC 3339 with an offset; a civil date or date-time, read in a zone; unix seconds
//! of 10 digits. A civil date is its first instant, also where the clocks skip midnight. Whatever
//! could be taken for two instants, or for none, is refused: a window in the wrong place is
//! ingested just as readily as one in the right place.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::not_a_time::NotATime;
use super::parts::{read_clock, read_date, read_offset};
use super::show::{LONG, short};
use crate::run::UnixSeconds;

/// A time that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ZonedMoment {
    pub(super) instant: UnixSeconds,
    /// What clocks of the zone show, or as it was written: what a civil range steps from.
    pub(super) civil: DateTime,
}

/// Reads a time; one without an offset is read in `zone`.
pub(super) fn read_time(text: &str, zone: &TimeZone) -> Result<ZonedMoment, NotATime> {
    if text.len() > LONG {
        return Err(NotATime::Form(short(text).into_owned()));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(at_instant(unix(text)?, zone));
    }
    if let Some((whole, rest)) = unsigned.split_once('.')
        && [whole, rest]
            .iter()
            .all(|s| s.bytes().all(|b| b.is_ascii_digit()))
        && !whole.is_empty()
    {
        return Err(NotATime::SubSecond(text.to_owned()));
    }
    if is_relative(text) {
        return Err(NotATime::Relative(text.to_owned()));
    }
    let (date_text, rest) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let date = read_date(date_text, text)?;
    let Some(rest) = rest else {
        return at_start_of_day(date, zone, text);
    };
    let split = rest
        .find(|c: char| !matches!(c, '0'..='9' | ':' | '.' | ','))
        .unwrap_or(rest.len());
    let (clock, offset) = rest.split_at(split);
    let civil = DateTime::from_parts(date, read_clock(clock, date, offset, text)?);
    if offset.is_empty() {
        return at_civil(civil, zone, text);
    }
    let timestamp = read_offset(offset, text)?
        .to_timestamp(civil)
        .map_err(|_| NotATime::OutOfRange(text.to_owned()))?;
    Ok(at_instant(in_range(timestamp, text)?, zone))
}

fn unix(text: &str) -> Result<UnixSeconds, NotATime> {
    let digits = text.trim_start_matches(['-', '+']).len();
    if digits == 10
        && let Ok(seconds) = text.parse()
    {
        return UnixSeconds::new(seconds).map_err(|_| NotATime::OutOfRange(text.to_owned()));
    }
    let why = match digits {
        11 => Some("there is one digit too many, as in an example of Adobe's documentation"),
        13 => Some("these look like milliseconds"),
        16 => Some("these look like microseconds"),
        19 => Some("these look like nanoseconds"),
        _ => None,
    };
    Err(NotATime::Digits {
        text: text.to_owned(),
        digits,
        why,
    })
}

fn is_relative(text: &str) -> bool {
    const WORDS: [&str; 9] = [
        "now",
        "today",
        "yesterday",
        "tomorrow",
        "last",
        "next",
        "ago",
        "this",
        "since",
    ];
    text.split([' ', '-', '+', '(', '_'])
        .any(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

fn at_instant(instant: UnixSeconds, zone: &TimeZone) -> ZonedMoment {
    let civil = zone.to_datetime(instant.timestamp());
    ZonedMoment { instant, civil }
}

fn at_start_of_day(date: Date, zone: &TimeZone, text: &str) -> Result<ZonedMoment, NotATime> {
    let civil = date.to_datetime(Time::midnight());
    let timestamp = first_instant(civil, zone).ok_or(NotATime::OutOfRange(text.to_owned()))?;
    if zone.to_datetime(timestamp).date() != date {
        // A zone that changed sides of the date line left the day out.
        return at_civil(civil, zone, text);
    }
    let instant = in_range(timestamp, text)?;
    Ok(ZonedMoment { instant, civil })
}

fn at_civil(civil: DateTime, zone: &TimeZone, text: &str) -> Result<ZonedMoment, NotATime> {
    let out_of_range = || NotATime::OutOfRange(text.to_owned());
    let at = |offset: Offset| offset.to_timestamp(civil).map_err(|_| out_of_range());
    let name = || zone.iana_name().unwrap_or("its zone").to_owned();
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => {
            let instant = in_range(at(offset)?, text)?;
            Ok(ZonedMoment { instant, civil })
        }
        AmbiguousOffset::Gap { before, after } => {
            // Read with the offset after the gap, the time lies before it.
            let change = zone.following(at(after)?).next().ok_or_else(out_of_range)?;
            Err(NotATime::Gap {
                text: text.to_owned(),
                zone: name(),
                from: before.to_datetime(change.timestamp()),
                to: after.to_datetime(change.timestamp()),
            })
        }
        AmbiguousOffset::Fold { before, after } => Err(NotATime::Fold {
            text: text.to_owned(),
            zone: name(),
            earlier: at(before)?.display_with_offset(before).to_string(),
            later: at(after)?.display_with_offset(after).to_string(),
        }),
    }
}

/// The instant at which clocks of `zone` first show `civil`; where they skip it, as long after
/// the skip as it would have been into it (RFC 5545, and what `zoneinfo` of Python does).
pub(super) fn first_instant(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}

fn in_range(timestamp: Timestamp, text: &str) -> Result<UnixSeconds, NotATime> {
    UnixSeconds::new(timestamp.as_second()).map_err(|_| NotATime::OutOfRange(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::problem::Rule;

    fn read(text: &str, zone: &str) -> Result<ZonedMoment, NotATime> {
        read_time(text, &TimeZone::get(zone).expect("a zone"))
    }

    fn seconds(text: &str, zone: &str) -> i64 {
        read(text, zone).expect(text).instant.get()
    }

    fn refused(text: &str, zone: &str) -> (Rule, String) {
        let error = read(text, zone).expect_err(text);
        (error.rule(), format!("{error}; {}", error.hint()))
    }

    #[test]
    fn one_instant_can_be_written_in_every_form() {
        for text in [
            "2022-05-03T13:36:31Z",
            "2022-05-03t13:36:31z",
            "2022-05-03 13:36:31Z",
            "2022-05-03T15:36:31+02:00",
            "2022-05-03T08:06:31-05:30",
            "2022-05-03T13:36:31",
            "1651584991",
        ] {
            assert_eq!(seconds(text, "UTC"), 1_651_584_991, "{text}");
        }
        assert_eq!(
            seconds("2022-05-03T15:36:31", "Europe/Madrid"),
            1_651_584_991
        );
        assert_eq!(seconds("2022-05-03", "UTC"), 1_651_536_000);
        assert_eq!(seconds("2022-05-03", "Europe/Madrid"), 1_651_528_800);
        assert_eq!(seconds("2022-05-03T00:00", "UTC"), 1_651_536_000);
    }

    #[test]
    fn milliseconds_and_the_documentations_typo_are_told_as_such() {
        let (rule, text) = refused("1651584991000", "UTC");
        assert_eq!(rule, Rule::TimeUnit);
        assert!(text.contains("milliseconds"), "{text}");
        let (rule, text) = refused("16515859567", "UTC");
        assert_eq!(rule, Rule::TimeUnit);
        assert!(text.contains("one digit too many"), "{text}");
        for text in [
            "0",
            "20220503",
            "165158499",
            "-1651584991",
            "165158499100",
            "99999999999999999999999",
        ] {
            refused(text, "UTC");
        }
    }

    #[test]
    fn a_time_without_meaning_is_refused_with_a_hint() {
        for (text, part) in [
            ("2022-05-03T24:00:00Z", "`2022-05-04T00:00:00Z`"),
            ("2022-12-31T24:00:00+01:00", "`2023-01-01T00:00:00+01:00`"),
            ("2022-05-03T13:36:31.5Z", "after the seconds"),
            ("1651584991.5", "after the seconds"),
            ("2016-12-31T23:59:60Z", "leap second"),
            ("2022-5-3", "two digits"),
            ("2022-05-03T9:00:00Z", "two digits"),
            ("22-05-03", "a year four"),
            ("2022-13-01", "month 13"),
            ("2022-02-30", "day 30 of 2022-02"),
            ("2022-02-03T25:00:00Z", "25:00:00"),
            ("2022-02-03T10:00:00+99:00", "+99:00"),
            ("2022-02-03T10:00:00+0100", "+01:00"),
            ("2022-02-03T10:00:00 UTC", "end in `Z`"),
            (
                "2022-02-03T10:00:00+01:00[Europe/Madrid]",
                "under `timezone`",
            ),
            ("last 30 days", "relative"),
            ("now", "relative"),
            ("1969-12-31", "1970"),
            ("2200-01-01", "2199"),
            ("03/05/2022", "write `2022"),
            ("", "is not a time"),
            ("2022-05-03T", "is not a time"),
            ("２０２２-05-03", "is not a time"),
        ] {
            let (_, said) = refused(text, "UTC");
            assert!(said.contains(part), "{text}: {said}");
        }
    }

    #[test]
    fn a_time_that_the_clocks_skipped_or_repeated_is_refused() {
        let (rule, text) = refused("2022-03-27T02:30:00", "Europe/Madrid");
        assert_eq!(rule, Rule::CivilTime);
        assert!(
            text.contains("from 2022-03-27T02:00:00 to 2022-03-27T03:00:00"),
            "{text}"
        );
        let (rule, text) = refused("2022-10-30T02:30:00", "Europe/Madrid");
        assert_eq!(rule, Rule::CivilTime);
        assert!(
            text.contains("`2022-10-30T02:30:00+02:00` was the first"),
            "{text}"
        );
        assert!(
            text.contains("`2022-10-30T02:30:00+01:00` the second"),
            "{text}"
        );
        refused("2022-10-02T02:15:00", "Australia/Lord_Howe");
        refused("2022-04-03T01:45:00", "Australia/Lord_Howe");
        // With an offset nothing is doubtful.
        seconds("2022-10-30T02:30:00+01:00", "Europe/Madrid");
    }

    #[test]
    fn a_date_is_its_first_instant_also_where_clocks_skip_midnight() {
        assert_eq!(
            seconds("2018-11-04", "America/Sao_Paulo"),
            seconds("2018-11-04T01:00:00", "America/Sao_Paulo")
        );
        assert_eq!(
            seconds("2022-03-27", "Asia/Beirut"),
            seconds("2022-03-27T01:00:00", "Asia/Beirut")
        );
        // Midnight came twice; the day began with the first.
        assert_eq!(
            seconds("2022-11-06", "America/Havana"),
            seconds("2022-11-06T00:00:00-04:00", "UTC")
        );
    }

    #[test]
    fn a_day_that_did_not_exist_is_refused() {
        let (rule, text) = refused("2011-12-30", "Pacific/Apia");
        assert_eq!(rule, Rule::CivilTime);
        assert!(text.contains("`2011-12-31T00:00:00`"), "{text}");
    }
}
