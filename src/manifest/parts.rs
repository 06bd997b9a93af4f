//! The parts of a written time: date, time of day, offset.
//!
//! Each is read exactly as RFC 3339 writes it.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;

use super::not_a_time::NotATime;

pub(super) fn read_date(date: &str, text: &str) -> Result<Date, NotATime> {
    let form = || NotATime::Form(text.to_owned());
    let mut parts = date.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(form());
    };
    let parts = [year, month, day];
    if !parts
        .iter()
        .all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(form());
    }
    if parts.map(str::len) != [4, 2, 2] {
        return Err(NotATime::TwoDigits(text.to_owned()));
    }
    let number = |part: &str| part.parse::<i16>().map_err(|_| form());
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let out_of_range = |part: String, hint: String| NotATime::Part {
        text: text.to_owned(),
        part,
        hint,
    };
    if !(1..=12).contains(&month) {
        let hint = "a year has the months 01 to 12; the month stands before the day";
        return Err(out_of_range(format!("month {month:02}"), hint.to_owned()));
    }
    let narrow = |part: i16| i8::try_from(part).map_err(|_| form());
    let first = Date::new(year, narrow(month)?, 1).map_err(|_| form())?;
    first.with().day(narrow(day)?).build().map_err(|_| {
        let month = format!("{year:04}-{month:02}");
        let hint = format!("{month} has the days 01 to {}", first.days_in_month());
        out_of_range(format!("day {day:02} of {month}"), hint)
    })
}

pub(super) fn read_clock(
    clock: &str,
    date: Date,
    offset: &str,
    text: &str,
) -> Result<Time, NotATime> {
    if clock.contains(['.', ',']) {
        return Err(NotATime::SubSecond(text.to_owned()));
    }
    let parts: Vec<&str> = clock.split(':').collect();
    if !(2..=3).contains(&parts.len()) || parts.iter().any(|part| part.is_empty()) {
        return Err(NotATime::Form(text.to_owned()));
    }
    if parts.iter().any(|part| part.len() != 2) {
        return Err(NotATime::TwoDigits(text.to_owned()));
    }
    let number = |at: usize| parts.get(at).map_or(Ok(0), |part| part.parse::<i8>());
    let (Ok(hour), Ok(minute), Ok(second)) = (number(0), number(1), number(2)) else {
        return Err(NotATime::Form(text.to_owned()));
    };
    if (hour, minute, second) == (24, 0, 0)
        && let Ok(next) = date.tomorrow()
    {
        return Err(NotATime::Hour24 {
            text: text.to_owned(),
            meant: format!("{next}T00:00:00{offset}"),
        });
    }
    if second == 60 {
        return Err(NotATime::LeapSecond(text.to_owned()));
    }
    Time::new(hour, minute, second, 0).map_err(|_| NotATime::Part {
        text: text.to_owned(),
        part: format!("the time of day {clock}"),
        hint: "a day goes from 00:00:00 to 23:59:59".to_owned(),
    })
}

pub(super) fn read_offset(offset: &str, text: &str) -> Result<Offset, NotATime> {
    let form = || NotATime::OffsetForm(text.to_owned());
    let (sign, hours, minutes) = match offset.as_bytes() {
        b"Z" | b"z" => return Ok(Offset::UTC),
        [b'+', h1, h2, b':', m1, m2] => (1, [h1, h2], [m1, m2]),
        [b'-', h1, h2, b':', m1, m2] => (-1, [h1, h2], [m1, m2]),
        _ => return Err(form()),
    };
    let number = |[tens, ones]: [&u8; 2]| {
        (tens.is_ascii_digit() && ones.is_ascii_digit())
            .then(|| i32::from(tens - b'0') * 10 + i32::from(ones - b'0'))
            .ok_or_else(form)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 23 || minutes > 59 {
        return Err(NotATime::Part {
            text: text.to_owned(),
            part: format!("the offset {offset}"),
            hint: "an offset goes from -23:59 to +23:59".to_owned(),
        });
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).map_err(|_| form())
}
