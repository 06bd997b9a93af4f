//! Times as a manifest may write them, read exactly or refused.
//!
//! Three forms: RFC 3339 with an offset; a civil date or date-time, read in a zone; unix seconds
//! of 10 digits. A civil date is its first instant, also where the clocks skip midnight. Whatever
//! could be taken for two instants, or for none, is refused: a window in the wrong place is
//! ingested just as readily as one in the right place.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use serde_json::{Value as Json, json};

use super::problem::{Misread, Rule};
use super::show::{LONG, short};
use crate::run::UnixSeconds;

/// How to write one.
pub(super) const HINT: &str =
    "write `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits)";

/// A time that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ZonedMoment {
    pub(super) instant: UnixSeconds,
    /// What clocks of the zone show, or as it was written: what a civil range steps from.
    pub(super) civil: DateTime,
}

pub(super) fn schema() -> Json {
    /// A date, perhaps with a time of day, perhaps with an offset; or unix seconds.
    const PATTERN: &str = "^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}\
         (?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?)?|[+]?[0-9]{10})$";
    json!({
        "type": ["string", "integer"],
        // 9 digits and fewer are most likely a slip of the pen.
        "minimum": 1_000_000_000,
        "maximum": UnixSeconds::MAX.get(),
        "pattern": PATTERN,
        "patternErrorMessage":
            "A time is `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits).",
        "examples": ["2022-05-03", "2022-05-03T13:36:31Z", 1_651_584_991],
    })
}

/// Reads a time; one without an offset is read in `zone`.
pub(super) fn read_time(text: &str, zone: &TimeZone) -> Result<ZonedMoment, Misread> {
    let not_a_time = || wrong(format!("`{}` is not a time", short(text)), HINT);
    if text.len() > LONG {
        return Err(not_a_time());
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(at_instant(unix(text, digits)?, zone));
    }
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    if !has_shape(date, "0000-00-00") {
        return Err(not_a_time());
    }
    let date: Date = date.parse().map_err(|_| {
        let hint = "a date is year, month, day, such as `2022-05-03`";
        wrong(format!("`{text}`: the calendar has no {date}"), hint)
    })?;
    let Some(rest) = rest else {
        return at_start_of_day(date, zone, text);
    };
    let is_of_offset = |c: char| !matches!(c, '0'..='9' | ':' | '.' | ',');
    let (clock, offset) = rest.split_at(rest.find(is_of_offset).unwrap_or(rest.len()));
    if clock.contains(['.', ',']) {
        let message = format!("`{text}` has parts of a second; windows are whole seconds");
        return Err(wrong(message, "leave the part after the seconds away"));
    }
    if !has_shape(clock, "00:00") && !has_shape(clock, "00:00:00") {
        return Err(not_a_time());
    }
    let civil = date.to_datetime(time_of_day(clock).ok_or_else(|| {
        let hint = "a day goes from 00:00:00 to 23:59:59; it ends where the next one starts";
        wrong(format!("`{text}`: no day has a {clock}"), hint)
    })?);
    if offset.is_empty() {
        return at_civil(civil, zone, text);
    }
    let is_offset = offset.eq_ignore_ascii_case("z")
        || has_shape(offset, "+00:00")
        || has_shape(offset, "-00:00");
    let timestamp: Option<Timestamp> = text.parse().ok().filter(|_| is_offset);
    let timestamp = timestamp.ok_or_else(|| {
        let message = format!("`{text}` does not end in an offset as RFC 3339 writes it");
        let hint = "end in `Z` or in something like `+01:00`; a zone's name goes under `timezone` of a \
                    range";
        wrong(message, hint)
    })?;
    Ok(at_instant(in_range(timestamp, text)?, zone))
}

fn wrong(message: String, hint: &'static str) -> Misread {
    Misread::new(Rule::Time, message, hint)
}

fn out_of_range(text: &str) -> Misread {
    let message = format!("`{text}` is before 1970 or after 2199");
    wrong(message, "only the years from 1970 to 2199 can be written")
}

/// Whether `text` is `shape`, where each `0` stands for a digit.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(byte, shape): (u8, u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

/// `HH:MM`, perhaps with `:SS`.
fn time_of_day(clock: &str) -> Option<Time> {
    let mut parts = clock.split(':').map(str::parse::<i8>);
    let mut part = || parts.next().unwrap_or(Ok(0)).ok();
    Time::new(part()?, part()?, part()?, 0).ok()
}

fn unix(text: &str, digits: &str) -> Result<UnixSeconds, Misread> {
    if digits.len() == 10
        && let Ok(seconds) = text.parse()
    {
        return UnixSeconds::new(seconds).map_err(|_| out_of_range(text));
    }
    let why = match digits.len() {
        11 => "there is one digit too many, as in an example of Adobe's documentation",
        13 => "these look like milliseconds",
        _ => "",
    };
    let first_ten = || UnixSeconds::new(text.get(..10)?.parse().ok()?).ok();
    let hint = match first_ten().filter(|_| !why.is_empty()) {
        Some(time) => format!("{why}; did you mean {}, which is {time}?", time.get()),
        None => HINT.to_owned(),
    };
    let message = format!("`{text}` has {} digits; unix seconds have 10", digits.len());
    Err(Misread::new(Rule::TimeUnit, message, hint))
}

fn at_instant(instant: UnixSeconds, zone: &TimeZone) -> ZonedMoment {
    let civil = zone.to_datetime(instant.timestamp());
    ZonedMoment { instant, civil }
}

fn at_start_of_day(date: Date, zone: &TimeZone, text: &str) -> Result<ZonedMoment, Misread> {
    let civil = date.to_datetime(Time::midnight());
    let timestamp = first_instant(civil, zone).ok_or_else(|| out_of_range(text))?;
    if zone.to_datetime(timestamp).date() != date {
        // A zone that changed sides of the date line left the day out.
        return at_civil(civil, zone, text);
    }
    let instant = in_range(timestamp, text)?;
    Ok(ZonedMoment { instant, civil })
}

fn at_civil(civil: DateTime, zone: &TimeZone, text: &str) -> Result<ZonedMoment, Misread> {
    let at = |offset: Offset| offset.to_timestamp(civil).map_err(|_| out_of_range(text));
    let name = zone.iana_name().unwrap_or("its zone");
    let (message, hint) = match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => {
            let instant = in_range(at(offset)?, text)?;
            return Ok(ZonedMoment { instant, civil });
        }
        AmbiguousOffset::Gap { before, after } => {
            // Read with the offset after the gap, the time lies before it.
            let change = zone.following(at(after)?).next();
            let change = change.ok_or_else(|| out_of_range(text))?.timestamp();
            let [from, to] = [before, after].map(|offset| offset.to_datetime(change));
            (
                format!("`{text}` does not exist in {name}: the clocks went from {from} to {to}"),
                format!("the first time after the gap is `{to}`; or write an offset"),
            )
        }
        AmbiguousOffset::Fold { before, after } => {
            let earlier = at(before)?.display_with_offset(before);
            let later = at(after)?.display_with_offset(after);
            (
                format!("`{text}` happened twice in {name}: the clocks were set back"),
                format!("say which: `{earlier}` was the first, `{later}` the second"),
            )
        }
    };
    Err(Misread::new(Rule::CivilTime, message, hint))
}

/// The instant at which clocks of `zone` first show `civil`; where they skip it, as long after
/// the skip as it would have been into it (RFC 5545, and what `zoneinfo` of Python does).
pub(super) fn first_instant(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}

fn in_range(timestamp: Timestamp, text: &str) -> Result<UnixSeconds, Misread> {
    UnixSeconds::new(timestamp.as_second()).map_err(|_| out_of_range(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, zone: &str) -> Result<ZonedMoment, Misread> {
        read_time(text, &TimeZone::get(zone).expect("a zone"))
    }

    fn seconds(text: &str, zone: &str) -> i64 {
        read(text, zone).expect(text).instant.get()
    }

    fn refused(text: &str, zone: &str) -> (Rule, String) {
        let error = read(text, zone).expect_err(text);
        (error.rule, format!("{error}; {}", error.hint()))
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
    fn milliseconds_and_the_documentations_typo_are_told_what_was_meant() {
        let (rule, text) = refused("1651584991000", "UTC");
        assert_eq!(rule, Rule::TimeUnit);
        assert!(
            text.contains("milliseconds; did you mean 1651584991,"),
            "{text}"
        );
        let (rule, text) = refused("16515859567", "UTC");
        assert_eq!(rule, Rule::TimeUnit);
        assert!(
            text.contains("did you mean 1651585956, which is 2022-05-03T13:52:36Z?"),
            "{text}"
        );
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
    fn a_time_without_meaning_is_refused_with_what_was_meant() {
        for (text, part) in [
            ("2022-05-03T24:00:00Z", "no day has a 24:00:00"),
            ("2022-05-03T13:36:31.5Z", "parts of a second"),
            ("1651584991.5", "is not a time"),
            ("2016-12-31T23:59:60Z", "no day has a 23:59:60"),
            ("2022-5-3", "is not a time"),
            ("2022-05-03T9:00:00Z", "is not a time"),
            ("22-05-03", "is not a time"),
            ("2022-13-01", "no 2022-13-01"),
            ("2022-02-30", "no 2022-02-30"),
            ("2022-02-03T10:00:00+99:00", "+01:00"),
            ("2022-02-03T10:00:00+0100", "+01:00"),
            ("2022-02-03T10:00:00 UTC", "`Z`"),
            ("2022-02-03T10:00:00[Europe/Madrid]", "under `timezone`"),
            ("last 30 days", "is not a time"),
            ("now", "is not a time"),
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
