//! The outcome of one create request: the table that decides whether a run exists, does not, or
//! may. Nothing else in the program decides that.

use std::time::Duration;

use super::Answer;
use crate::run::RunId;
use crate::state::Refusal;
use crate::untrusted::Untrusted;

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// No connection: name not found, refused, unreachable, TLS failed. Not a byte of the request
    /// was written.
    NotConnected(String),
    /// The connection broke or fell silent afterwards.
    Connected(String),
}

/// What a create request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The run exists.
    Created {
        /// Its id.
        run_id: RunId,
        /// Its `etag`, where the answer has one.
        etag: Option<Untrusted>,
    },
    /// The request never left: it may be sent again.
    NotSent(String),
    /// The gateway refused to pass it on: it may be sent again, later.
    Throttled {
        /// How long the service asked to wait, if it said.
        retry_after: Option<Duration>,
        /// What it said.
        refusal: Refusal,
    },
    /// The token has expired: it may be sent again with a new one, once.
    TokenExpired(Refusal),
    /// The credentials are not accepted: no request will be.
    SignIn(Refusal),
    /// The service refused this run: it does not exist, and would be refused again.
    Rejected(Refusal),
    /// The run may exist. It must not be sent again before that is known.
    InDoubt(String),
}

/// Decides what a create request came to.
#[must_use]
pub fn judge(seen: Result<&Answer, &Broken>) -> Outcome {
    let answer = match seen {
        Ok(answer) => answer,
        Err(Broken::NotConnected(why)) => return Outcome::NotSent(why.clone()),
        Err(Broken::Connected(why)) => return Outcome::InDoubt(why.clone()),
    };
    let refusal = answer.refusal();
    let code = refusal.code.as_ref().map_or("", Untrusted::raw);
    match answer.status {
        200..=299 => match answer.run_id() {
            Some(run_id) => Outcome::Created {
                run_id,
                etag: answer.etag(),
            },
            None => Outcome::InDoubt(format!(
                "HTTP {} without a run id in the answer",
                answer.status
            )),
        },
        429 => Outcome::Throttled {
            retry_after: answer.retry_after,
            refusal,
        },
        401 if code == "401013" => Outcome::TokenExpired(refusal),
        // Flow Service says so with a 400: "token is empty", "token is invalid".
        400 if is_flow_code(code, &["2114", "2115"]) => Outcome::TokenExpired(refusal),
        401 => Outcome::SignIn(refusal),
        400 | 403 if answer.is_from_gateway() => Outcome::SignIn(refusal),
        // 408: the server gave up waiting, perhaps not for all of it. 409: not documented.
        408 | 409 => Outcome::InDoubt(refusal.to_string()),
        400..=499 => Outcome::Rejected(refusal),
        // 5xx; and redirects, which are not followed: a 303 may point at what was created.
        _ => Outcome::InDoubt(refusal.to_string()),
    }
}

/// Whether the service refused the word for what it is asked to do, and did nothing (`FLOW-1434` to
/// `FLOW-1436`).
pub(super) fn is_word_refused(outcome: &Outcome) -> bool {
    let Outcome::Rejected(Refusal {
        status: 400,
        code: Some(code),
        ..
    }) = outcome
    else {
        return false;
    };
    is_flow_code(code.raw(), &["1434", "1435", "1436"])
}

/// Whether `code` is `FLOW-<one of numbers>-…`.
fn is_flow_code(code: &str, numbers: &[&str]) -> bool {
    code.strip_prefix("FLOW-")
        .and_then(|rest| rest.split('-').next())
        .is_some_and(|number| numbers.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: u16, body: &str) -> Outcome {
        judge(Ok(&Answer {
            status,
            body: body.as_bytes().to_vec(),
            complete: true,
            ..Answer::default()
        }))
    }

    fn flow_error(code: &str) -> String {
        format!(
            r#"{{"type":"https://ns.adobe.com/aep/errors/{code}","report":{{"detailed-message":"m"}}}}"#
        )
    }

    #[test]
    fn a_connection_that_was_never_made_sent_nothing() {
        let broken = Broken::NotConnected("connection refused".to_owned());
        assert_eq!(
            judge(Err(&broken)),
            Outcome::NotSent("connection refused".to_owned())
        );
    }

    #[test]
    fn a_connection_that_broke_leaves_a_doubt() {
        let broken = Broken::Connected("reset".to_owned());
        assert_eq!(judge(Err(&broken)), Outcome::InDoubt("reset".to_owned()));
    }

    #[test]
    fn a_success_with_an_id_is_created() {
        for status in [200, 201, 202] {
            let answer = r#"{"items":[{"id":"r1","etag":"\"8f03\""}]}"#;
            let Outcome::Created { run_id, etag } = seen(status, answer) else {
                panic!("{status} is not created");
            };
            assert_eq!(run_id.to_string(), "r1");
            assert_eq!(etag, Some("\"8f03\"".into()));
        }
    }

    #[test]
    fn a_success_without_an_id_leaves_a_doubt() {
        for body in ["", "<html>ok</html>", "{}", r#"{"items":["#] {
            assert!(matches!(seen(201, body), Outcome::InDoubt(_)), "{body}");
        }
    }

    #[test]
    fn too_many_requests_is_throttled_with_the_wait_that_was_asked_for() {
        let answer = Answer {
            status: 429,
            retry_after: Some(Duration::from_secs(38)),
            body: br#"{"error_code":"429050","message":"Too many requests"}"#.to_vec(),
            ..Answer::default()
        };
        let Outcome::Throttled { retry_after, .. } = judge(Ok(&answer)) else {
            panic!("429 is not throttled");
        };
        assert_eq!(retry_after, Some(Duration::from_secs(38)));
    }

    #[test]
    fn an_expired_token_is_told_from_credentials_that_are_not_accepted() {
        let expired = r#"{"error_code":"401013","message":"Oauth token is not valid"}"#;
        assert!(matches!(seen(401, expired), Outcome::TokenExpired(_)));
        for code in ["FLOW-2114-400", "FLOW-2115-400"] {
            assert!(matches!(
                seen(400, &flow_error(code)),
                Outcome::TokenExpired(_)
            ));
        }
        assert!(matches!(
            seen(401, &flow_error("FLOW-2000-401")),
            Outcome::SignIn(_)
        ));
    }

    #[test]
    fn a_refusal_of_the_gateway_is_about_the_credentials() {
        for (status, code) in [
            (400, 400_003),
            (403, 403_000),
            (403, 403_010),
            (403, 403_025),
        ] {
            let body = format!(r#"{{"error_code":"{code}","message":"m"}}"#);
            assert!(matches!(seen(status, &body), Outcome::SignIn(_)), "{code}");
        }
    }

    #[test]
    fn any_other_4xx_is_rejected() {
        for (status, code) in [
            (400, "FLOW-1430-400"),
            (400, "FLOW-1427-400"),
            (403, "FLOW-2120-403"),
            (404, "FLOW-1439-404"),
            (412, "FLOW-1404-412"),
        ] {
            let Outcome::Rejected(refusal) = seen(status, &flow_error(code)) else {
                panic!("{code} is not rejected");
            };
            assert_eq!(refusal.code.as_ref().map(Untrusted::raw), Some(code));
        }
        assert!(matches!(seen(422, ""), Outcome::Rejected(_)));
    }

    #[test]
    fn what_does_not_tell_leaves_a_doubt() {
        for status in [408, 409, 500, 502, 503, 504, 599, 301, 303, 307] {
            assert!(matches!(seen(status, ""), Outcome::InDoubt(_)), "{status}");
        }
    }
}
