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
        match nearest_zone(&self.name) {
            Some(name) => format!("did you mean `{name}`?"),
            None if self.name.starts_with(['+', '-']) => {
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

/// The nearest name, or the one whose city `name` is.
fn nearest_zone(name: &str) -> Option<String> {
    // Letters such as CEST stand for several zones, or for half a year of one.
    if name.len() <= 5 && name.bytes().all(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let names: Vec<_> = tz::db().available().collect();
    let names = || names.iter().map(jiff::tz::TimeZoneName::as_str);
    let city = |zone: &&str| {
        let city = zone.rsplit('/').next().unwrap_or(zone);
        city.eq_ignore_ascii_case(&name.replace(' ', "_"))
    };
    names()
        .find(city)
        .or_else(|| nearest(name, names()))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_zone_is_told_the_nearest_name() {
        for (name, meant) in [
            ("Europe/Madird", "Europe/Madrid"),
            ("Madrid", "Europe/Madrid"),
            ("New York", "America/New_York"),
        ] {
            let error = read_zone(name).expect_err(name);
            assert_eq!(error.hint(), format!("did you mean `{meant}`?"));
        }
        assert!(read_zone("the moon").is_err());
    }

    #[test]
    fn the_machines_own_zone_has_no_name_here() {
        for name in ["local", "system", "", "Etc/Unknown"] {
            assert!(read_zone(name).is_err(), "{name}");
        }
        assert!(read_zone("UTC").is_ok());
    }
}
