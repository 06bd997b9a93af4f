//! The `Retry-After` header: seconds, or an HTTP date.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The longest wait that is honoured; beyond it the service is asked again.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// How long `value` asks to wait, seen from `now`; `None` if it is neither form.
pub(super) fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let until = http_date(value)?;
        Duration::try_from(until.duration_since(now)).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

/// An HTTP date, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(value: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(value: &str) -> Option<u64> {
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("RFC 9110's own example");
        parse(value, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(wait("38"), Some(38));
        assert_eq!(wait(" 0 "), Some(0));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
    }

    #[test]
    fn a_date_that_has_passed_is_no_wait_and_nonsense_is_none() {
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-3"), None);
    }

    #[test]
    fn a_wait_is_never_longer_than_a_quarter_of_an_hour() {
        assert_eq!(wait("99999999"), Some(900));
    }
}
