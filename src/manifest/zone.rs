//! Time zones by IANA name, from the database that is compiled in.

use std::borrow::Cow;

use jiff::tz::{self, TimeZone};

use super::near::nearest;
use super::problem::{Misread, Rule};
use super::show::short;

/// Looks a zone up. The search for the name that was meant is worth its time only where it is shown.
pub(super) fn read_zone(name: &str, is_hint_shown: bool) -> Result<TimeZone, Misread> {
    match TimeZone::get(name) {
        Ok(zone) if !zone.is_unknown() => Ok(zone),
        _ => {
            let name = short(name);
            let meant = is_hint_shown.then(|| nearest_zone(&name)).flatten();
            let hint = match meant {
                Some(name) => format!("did you mean `{name}`?").into(),
                None => Cow::Borrowed(HINT),
            };
            let message = format!("`{name}` is not a time zone");
            Err(Misread::new(Rule::Zone, message, hint))
        }
    }
}

const HINT: &str =
    "write an IANA name such as `Europe/Madrid`, or `UTC`; an offset goes into a time itself";

/// The nearest name, or the one whose city `name` is. It has no other offset than `name`, as far as `name`
/// tells one.
fn nearest_zone(name: &str) -> Option<String> {
    // Letters such as CEST stand for several zones, or for half a year of one; a slip in a number or a sign
    // is hours.
    let is_short = name.len() <= 5 && name.bytes().all(|b| b.is_ascii_uppercase());
    if is_short || name.contains(|c: char| c.is_ascii_digit() || c == '+') {
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
    use super::*;

    fn meant(name: &str) -> Option<String> {
        let error = read_zone(name, true).expect_err(name);
        let hint = error.hint();
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
            let error = read_zone(name, true).expect_err(name);
            assert_eq!(error.hint(), format!("did you mean `{meant}`?"));
        }
        assert!(read_zone("the moon", true).is_err());
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
            "GMT+2",
            "+02:00",
            "GMT+99",
            "GMT+-2",
        ] {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn the_machines_own_zone_has_no_name_here() {
        for name in ["local", "system", "", "Etc/Unknown"] {
            assert!(read_zone(name, true).is_err(), "{name}");
        }
        assert!(read_zone("UTC", true).is_ok());
    }
}
