//! Whether a refusal is that of a rate limit, and how long GitHub wants to be left alone.
//!
//! <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>:
//! both limits answer 403 or 429. The primary one says when it resets; the secondary one may say `retry-after`,
//! and may say nothing but its message.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

use super::error::is_about_a_permission;
use crate::api::Answer;

/// How long GitHub asks to wait at least where it names no time; each time after, twice as long.
pub(super) const UNTOLD: Duration = Duration::from_secs(60);

/// How long to wait after a refusal, `untold` where GitHub does not say; `None` where no limit is the
/// reason.
pub(super) fn wait(
    status: u16,
    headers: &HeaderMap,
    message: &str,
    untold: Duration,
    now: Timestamp,
) -> Option<Duration> {
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim().to_owned());
    let Answer {
        retry_after, date, ..
    } = Answer::begun(status, header, now);
    let is_used_up = header("x-ratelimit-remaining").as_deref() == Some("0");
    let lower = message.to_ascii_lowercase();
    let is_named = ["rate limit", "abuse detection"]
        .iter()
        .any(|words| lower.contains(words));
    let is_limit = match status {
        429 => true,
        403 => retry_after.is_some() || is_named || (is_used_up && !is_about_a_permission(message)),
        _ => false,
    };
    if !is_limit {
        return None;
    }
    if retry_after.is_some() {
        return retry_after;
    }
    let reset = header("x-ratelimit-reset").and_then(|at| at.parse().ok());
    if let Some(reset) = reset.filter(|_| is_used_up) {
        // By GitHub's own clock, which this machine's may differ from; both are in whole seconds.
        let now = date.unwrap_or(now).as_second();
        let seconds = u64::try_from(i64::saturating_sub(reset, now)).unwrap_or(0);
        return Some(Duration::from_secs(seconds.saturating_add(1)));
    }
    Some(untold)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few minutes.";
    const PRIMARY: &str = "API rate limit exceeded for installation ID 1.";

    fn seconds(status: u16, headers: &[(&'static str, &str)], message: &str) -> Option<u64> {
        let headers = headers.iter().map(|(name, value)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, value.parse().expect("a header"))
        });
        let now = Timestamp::from_second(1_700_000_000).expect("in range");
        wait(status, &headers.collect(), message, UNTOLD, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn each_form_of_a_limit_says_how_long_to_wait() {
        let used_up = ("x-ratelimit-remaining", "0");
        let date = ("date", "Tue, 14 Nov 2023 22:12:20 GMT"); // a minute before ours
        for (status, headers, message, expected) in [
            (429, &[("retry-after", "7")][..], "", Some(7)),
            (403, &[("retry-after", "7")], SECONDARY, Some(7)),
            (429, &[], "", Some(60)),
            (429, &[("retry-after", "soon")], "", Some(60)),
            (403, &[], SECONDARY, Some(60)),
            (
                403,
                &[],
                "You have triggered an abuse detection mechanism",
                Some(60),
            ),
            (
                403,
                &[used_up, ("x-ratelimit-reset", "1700000009")],
                PRIMARY,
                Some(10),
            ),
            (
                429,
                &[used_up, ("x-ratelimit-reset", "1700000009"), date],
                PRIMARY,
                Some(70),
            ),
            (
                403,
                &[used_up, ("x-ratelimit-reset", "1600000000")],
                PRIMARY,
                Some(1),
            ),
            (403, &[used_up], PRIMARY, Some(60)),
            // It resets, but is not what refused.
            (
                403,
                &[
                    ("x-ratelimit-remaining", "4999"),
                    ("x-ratelimit-reset", "1700003600"),
                ],
                SECONDARY,
                Some(60),
            ),
        ] {
            let found = seconds(status, headers, message);
            assert_eq!(found, expected, "{status} {headers:?} {message}");
        }
    }

    #[test]
    fn another_refusal_is_no_limit_even_if_it_was_the_last_that_was_allowed() {
        let used_up = ("x-ratelimit-remaining", "0");
        for (status, headers, message) in [
            (403, &[][..], "Resource not accessible by integration"),
            (403, &[used_up], "Resource not accessible by integration"),
            (404, &[used_up], "Not Found"),
            (502, &[("retry-after", "7")], ""),
            (
                403,
                &[],
                "Unable to create comment because issue is locked.",
            ),
        ] {
            assert_eq!(
                seconds(status, headers, message),
                None,
                "{status} {message}"
            );
        }
    }
}
