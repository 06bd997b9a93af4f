//! What stands before the Flow Service: IMS, which issues tokens, and the gateway, which lets
//! callers in or not, in its own error shape, before the service sees the request.
//!
//! By default any bearer token, API key and organization that is not empty is let in, so that a
//! real client can rehearse with whatever it is configured with. A token issued here carries
//! its own end, so that nothing need be remembered.

use std::collections::VecDeque;
use std::sync::Mutex;

use hyper::{HeaderMap, StatusCode};
use serde_json::json;
use url::form_urlencoded;
use uuid::Uuid;

use super::clock::Millis;
use super::lock;
use super::reply::{Answer, Reply};
use super::scenario::Scenario;
use super::service_state::{Caller, ServiceState};

/// What a token issued here begins with; its end in milliseconds follows.
const ISSUED_MARK: &str = "emulator.";

/// The gateway's memory: when it let requests in during the last second.
#[derive(Debug, Default)]
pub(super) struct Gateway {
    recent: Mutex<VecDeque<i64>>,
}

impl Gateway {
    /// Counts a request against the rate limit; whether it is let in.
    pub(super) fn has_room(&self, scenario: &Scenario, now_micros: i64) -> bool {
        let Some(limit) = scenario.rate_limit else {
            return true;
        };
        let mut recent = lock(&self.recent);
        while recent
            .front()
            .is_some_and(|at| now_micros - at >= 1_000_000)
        {
            recent.pop_front();
        }
        let has_room = recent.len() < usize::try_from(limit.get()).unwrap_or(usize::MAX);
        if has_room {
            recent.push_back(now_micros);
        }
        has_room
    }
}

/// Who sends a request with these headers, checked in the gateway's order: token, key, organization;
/// then, by the service, the sandbox.
pub(super) fn caller(
    headers: &HeaderMap,
    state: &ServiceState,
    now: Millis,
) -> Result<Caller, Reply> {
    let forbidden = |code, message| Err(Reply::gateway(StatusCode::FORBIDDEN, code, message));
    let Some(authorization) = text(headers, "authorization") else {
        return forbidden("403010", "Oauth token is missing");
    };
    if !is_valid_token(authorization, now) {
        return Err(Reply::token_not_valid());
    }
    let Some(client) = text(headers, "x-api-key") else {
        return forbidden("403000", "Api Key is required");
    };
    let Some(organization) = text(headers, "x-gw-ims-org-id") else {
        let message = "Missing header: x-gw-ims-org-id";
        return Err(Reply::gateway(StatusCode::BAD_REQUEST, "400003", message));
    };
    let only = state.scenario.organization.as_deref();
    if only.is_some_and(|only| only != organization) {
        return forbidden("403025", "Profile is not valid");
    }
    let name = text(headers, "x-sandbox-name").unwrap_or("prod");
    let sandbox = name.parse().ok();
    let sandbox = sandbox.filter(|sandbox| state.has_sandbox(sandbox));
    let sandbox = sandbox.ok_or_else(|| {
        let message = format!("The sandbox {name} is not found.");
        Reply::flow_error(StatusCode::NOT_FOUND, 2100, &message)
    })?;
    Ok(Caller {
        sandbox,
        client: client.to_owned(),
        organization: organization.to_owned(),
    })
}

/// `POST /ims/token/v3`: OAuth server-to-server.
pub(super) fn issue_token(body: &[u8], scenario: &Scenario, now: Millis) -> Answer {
    let has = |name: &&str| {
        let mut fields = form_urlencoded::parse(body);
        fields.any(|(field, value)| field == *name && !value.is_empty())
    };
    let needed = ["grant_type", "client_id", "client_secret", "scope"];
    if let Some(missing) = needed.iter().find(|name| !has(name)) {
        let description = format!("{missing} is missing");
        let body = json!({ "error": "invalid_request", "error_description": description });
        return Err(Reply::json(StatusCode::BAD_REQUEST, &body));
    }
    let end = now.saturating_add(scenario.token_lifetime.millis());
    let token = format!("{ISSUED_MARK}{end}.{}", Uuid::new_v4().simple());
    Ok(Reply::json(
        StatusCode::OK,
        &json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": scenario.token_lifetime.duration().as_secs(),
        }),
    ))
}

/// Whether it is a bearer token, and none that was issued here and has expired.
fn is_valid_token(authorization: &str, now: Millis) -> bool {
    let Some((scheme, token)) = authorization.split_once(' ') else {
        return false;
    };
    let token = token.trim();
    let end = token
        .strip_prefix(ISSUED_MARK)
        .and_then(|rest| rest.split('.').next())
        .and_then(|end| end.parse::<Millis>().ok());
    scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && end.is_none_or(|end| now < end)
}

/// A header's text, without what surrounds it; nothing if it is empty.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_gateway_asks_for_token_key_and_organization_in_this_order() {
        let restricted = Scenario::of("organization: org@AdobeOrg");
        let state = ServiceState::new(Vec::new(), restricted, None).expect("a state");
        let mut sent = Vec::new();
        let mut refused = Vec::new();
        for next in [
            None,
            Some(("authorization", "Basic abc")),
            Some(("authorization", "Bearer abc")),
            Some(("x-api-key", "key")),
            Some(("x-gw-ims-org-id", "other@AdobeOrg")),
        ] {
            if let Some((name, value)) = next {
                sent.retain(|(sent, _)| *sent != name);
                sent.push((name, value));
            }
            let refusal = caller(&headers(&sent), &state, 0).expect_err("incomplete");
            refused.push(refusal.body_json()["error_code"].to_string());
        }
        assert_eq!(
            refused,
            ["403010", "401013", "403000", "400003", "403025"].map(|code| format!("{code:?}"))
        );
    }

    #[test]
    fn no_second_lets_in_more_than_the_rate() {
        let scenario = Scenario::of("rateLimit: 2");
        let gateway = Gateway::default();
        let is_let_in = |at| gateway.has_room(&scenario, at);
        assert!(is_let_in(0));
        assert!(is_let_in(900_000));
        assert!(!is_let_in(999_999));
        assert!(is_let_in(1_000_000));
        assert!(!is_let_in(1_500_000));
    }
}
