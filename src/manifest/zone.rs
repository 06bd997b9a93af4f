//! Time zones by IANA name, from the database that is compiled in.

use jiff::tz::{self, TimeZone};

use super::near::nearest;
use super::show::short;

/// Why a text names no zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a time zone")]
pub(super) struct UnknownZone {
    name: String,
}

impl UnknownZone {
    pub(super) fn hint(&self) -> String {
        if let Some(hours) = whole_hours(&self.name)
            && let Some(name) = zone_at(hours)
        {
            return format!(
                "did you mean `{name}`? It is UTC{hours:+03}:00 all year: names of this kind have \
                 the sign the other way round. A place such as `Europe/Madrid` also has its summer \
                 time"
            );
        }
        match nearest_zone(&self.name) {
            Some(name) => format!("did you mean `{name}`?"),
            None if self.name.contains(['+', '-']) => {
                "write an IANA name such as `Europe/Madrid`; an offset goes into a time itself"
                    .to_owned()
            }
            None => "write an IANA name such as `Europe/Madrid`, or `UTC`".to_owned(),
        }
    }
}

/// Looks a zone up.
pub(super) fn read_zone(name: &str) -> Result<TimeZone, UnknownZone> {
    match TimeZone::get(name) {
        Ok(zone) if !zone.is_unknown() => Ok(zone),
        _ => Err(UnknownZone {
            name: short(name).into_owned(),
        }),
    }
}

/// How many hours ahead of UTC a text such as `GMT+2`, `UTC -05:00` or `+0100` says that clocks are.
fn whole_hours(name: &str) -> Option<i8> {
    let (base, offset) = name.split_at(name.find(['+', '-'])?);
    let base = base.trim();
    let is_utc = ["", "GMT", "UTC", "UT", "Z"];
    if !is_utc.iter().any(|utc| base.eq_ignore_ascii_case(utc)) {
        return None;
    }
    let (sign, digits) = offset.split_at(1);
    let digits = digits.trim();
    let minutes = [":00", "00"].into_iter().find(|end| digits.ends_with(end));
    let hours = digits.strip_suffix(minutes.unwrap_or_default())?;
    let hours = if hours.is_empty() { digits } else { hours };
    if !hours.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i8 = hours.parse().ok()?;
    Some(if sign == "-" { -hours } else { hours })
}

/// The zone whose clocks are always so many hours ahead of UTC. `Etc/GMT-2` is 2 hours ahead: the database
/// has the signs of POSIX, which counts to the west.
fn zone_at(hours: i8) -> Option<String> {
    let name = match hours {
        0 => "UTC".to_owned(),
        hours => format!("Etc/GMT{:+}", -hours),
    };
    read_zone(&name).is_ok().then_some(name)
}

/// The nearest name, or the one whose city `name` is. It has no other offset than `name`, as far as `name`
/// tells one.
fn nearest_zone(name: &str) -> Option<String> {
    // Letters such as CEST stand for several zones, or for half a year of one.
    if name.len() <= 5 && name.bytes().all(|b| b.is_ascii_uppercase()) {
        return None;
    }
    // A slip in a number or a sign is hours.
    if name.contains(|c: char| c.is_ascii_digit() || c == '+') {
        return None;
    }
    let names: Vec<_> = tz::db().available().collect();
    let names = || names.iter().map(jiff::tz::TimeZoneName::as_str);
    let area = |zone: &str| zone.split('/').next().map(str::to_owned);
    let wanted = name.replace(' ', "_");
    let mut of_city = names().filter(|zone| {
        let city = zone.rsplit('/').next().unwrap_or(zone);
        city.eq_ignore_ascii_case(&wanted)
    });
    if let Some(first) = of_city.next() {
        // `West` is half of Brazil, and of Australia.
        let is_one = of_city.all(|other| area(other) == area(first));
        return is_one.then(|| first.to_owned());
    }
    // `cest` is one letter away from `EST`.
    let is_place = |zone: &&str| zone.contains('/') && !zone.contains(|c: char| c.is_ascii_digit());
    nearest(name, names().filter(is_place)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn meant(name: &str) -> Option<String> {
        let hint = read_zone(name).expect_err(name).hint();
        let (_, rest) = hint.split_once("did you mean `")?;
        rest.split_once('`').map(|(name, _)| name.to_owned())
    }

    #[test]
    fn an_unknown_zone_is_told_the_nearest_name() {
        for (name, meant) in [
            ("Europe/Madird", "Europe/Madrid"),
            ("Madrid", "Europe/Madrid"),
            ("New York", "America/New_York"),
            ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ] {
            let error = read_zone(name).expect_err(name);
            assert_eq!(error.hint(), format!("did you mean `{meant}`?"));
        }
        assert!(read_zone("the moon").is_err());
    }

    #[test]
    fn an_offset_is_told_the_zone_that_has_it() {
        for base in ["GMT", "gmt", "UTC", "UTC ", "", "Z"] {
            for hours in -15..=15_i32 {
                for end in ["", ":00", "00"] {
                    let name = format!("{base}{hours:+}{end}");
                    let padded = format!("{base}{hours:+03}{end}");
                    for name in [name, padded] {
                        // A name of the database says what the database means by it.
                        if read_zone(&name).is_ok() {
                            continue;
                        }
                        let Some(zone) = meant(&name) else {
                            assert!(!(-12..=14).contains(&hours), "{name}");
                            continue;
                        };
                        let zone = read_zone(&zone).expect("a zone");
                        let offset = zone.to_offset(Timestamp::UNIX_EPOCH);
                        assert_eq!(offset.seconds(), hours * 3600, "{name}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_help_leads_to_another_offset_than_the_one_that_is_written() {
        for name in [
            "Etc/GMT+02",
            "Etc/UTC+2",
            "UTC+5:30",
            "GMT+2:30",
            "+05:45",
            "UTC2",
            "GMT2",
            "EST5ED",
            "CEST",
            "cest",
            "Cest",
            "West",
            "WEST",
            "west",
            "bst",
            "Eastern",
            "GMT+99",
            "GMT+-2",
        ] {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn the_machines_own_zone_has_no_name_here() {
        for name in ["local", "system", "", "Etc/Unknown"] {
            assert!(read_zone(name).is_err(), "{name}");
        }
        assert!(read_zone("UTC").is_ok());
    }
}
