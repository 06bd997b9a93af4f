//! What stands before the Flow Service: IMS, which issues tokens, and the gateway, which lets
//! callers in or not, in its own error shape, before the service sees the request.
//!
//! By default any bearer token, API key and organization that is not empty is let in, so that a
//! real client can rehearse with whatever it is configured with. A token issued here carries
//! its own end, so that nothing need be remembered.

use std::collections::VecDeque;
use std::sync::Mutex;

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::json;
use url::form_urlencoded;
use uuid::Uuid;

use crate::run::Sandbox;

use super::clock::Millis;
use super::lock;
use super::refusal::ServiceError;
use super::reply::Reply;
use super::scenario::{Permission, Scenario, TokenRule};
use super::world::World;

/// What a token issued here begins with; its end in milliseconds follows.
const ISSUED_MARK: &str = "emulator.";

/// Who sent a request that was let in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Caller {
    pub(super) sandbox: Sandbox,
    /// `x-api-key`
    pub(super) client: String,
    /// `x-gw-ims-org-id`
    pub(super) organization: String,
}

/// The gateway's memory: when it let requests in during the last second.
#[derive(Debug, Default)]
pub(super) struct Gateway {
    recent: Mutex<VecDeque<i64>>,
}

impl Gateway {
    /// Counts a request against the rate limit.
    pub(super) fn check_rate(
        &self,
        scenario: &Scenario,
        now_micros: i64,
    ) -> Result<(), ServiceError> {
        let Some(limit) = scenario.rate_limit else {
            return Ok(());
        };
        let mut recent = lock(&self.recent);
        while recent
            .front()
            .is_some_and(|at| now_micros - at >= 1_000_000)
        {
            recent.pop_front();
        }
        if recent.len() >= usize::try_from(limit.get()).unwrap_or(usize::MAX) {
            return Err(ServiceError::Throttled {
                retry_after: Some("1".to_owned()),
            });
        }
        recent.push_back(now_micros);
        Ok(())
    }
}

/// Checks the headers of a request, in the gateway's order: token, key, organization.
pub(super) fn check_headers(
    headers: &HeaderMap,
    scenario: &Scenario,
    now: Millis,
) -> Result<(String, String), ServiceError> {
    let forbidden =
        |code, message| Err(ServiceError::gateway(StatusCode::FORBIDDEN, code, message));
    let Some(authorization) = text(headers, header::AUTHORIZATION.as_str()) else {
        return forbidden("403010", "Oauth token is missing");
    };
    if !is_valid_token(authorization, scenario.tokens, now) {
        return Err(ServiceError::token_not_valid());
    }
    let Some(key) = text(headers, "x-api-key") else {
        return forbidden("403000", "Api Key is required");
    };
    if scenario.api_key.as_ref().is_some_and(|only| only != key) {
        return forbidden("403003", "Api Key is invalid");
    }
    let Some(organization) = text(headers, "x-gw-ims-org-id") else {
        return Err(ServiceError::gateway(
            StatusCode::BAD_REQUEST,
            "400003",
            "Missing header: x-gw-ims-org-id",
        ));
    };
    let only = scenario.organization.as_ref();
    if only.is_some_and(|only| only != organization) {
        return forbidden("403025", "Profile is not valid");
    }
    Ok((key.to_owned(), organization.to_owned()))
}

/// Refuses a body that is not said to be JSON.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), ServiceError> {
    let media_type = text(headers, header::CONTENT_TYPE.as_str())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    if media_type.trim().eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(ServiceError::ContentType)
    }
}

/// The sandbox that a request is for.
pub(super) fn check_sandbox(
    headers: &HeaderMap,
    scenario: &Scenario,
    world: &World,
) -> Result<Sandbox, ServiceError> {
    if headers.contains_key("x-sandbox-id") {
        return Err(ServiceError::bad_request(
            2110,
            "The header x-sandbox-id is not allowed with a user token.",
        ));
    }
    let name = match text(headers, "x-sandbox-name") {
        Some(name) => name,
        None if scenario.require_sandbox_header => {
            return Err(ServiceError::bad_request(
                2105,
                "The header x-sandbox-name is missing.",
            ));
        }
        None => "prod",
    };
    let sandbox = name.parse().ok();
    sandbox
        .filter(|sandbox| world.has_sandbox(sandbox))
        .ok_or_else(|| {
            ServiceError::service(
                StatusCode::NOT_FOUND,
                2100,
                format!("The sandbox {name} is not found."),
            )
        })
}

/// Whether the caller may do what changes something, or anything at all.
pub(super) fn check_permission(permission: Permission, changes: bool) -> Result<(), ServiceError> {
    match permission {
        Permission::None => Err(ServiceError::service(
            StatusCode::FORBIDDEN,
            2120,
            "The user does not have the permissions for this operation.",
        )),
        Permission::ReadOnly if changes => Err(ServiceError::bad_request(
            1427,
            "The user token is not authorized to create or update flow runs.",
        )),
        _ => Ok(()),
    }
}

/// `POST /ims/token/v3`: OAuth server-to-server.
///
/// Fields are read from the form, and from the query, where older clients put them.
pub(super) fn issue_token(
    query: &str,
    body: &[u8],
    scenario: &Scenario,
    now: Millis,
) -> Result<Reply, ServiceError> {
    let field = |name: &str| {
        form_urlencoded::parse(body)
            .chain(form_urlencoded::parse(query.as_bytes()))
            .find_map(|(field, value)| (field == name && !value.is_empty()).then_some(value))
    };
    let refused = |error, description| Err(ServiceError::Token { error, description });
    let Some(grant_type) = field("grant_type") else {
        return refused("invalid_request", "grant_type is missing");
    };
    if grant_type != "client_credentials" {
        return refused("unsupported_grant_type", "expected client_credentials");
    }
    let Some(client) = field("client_id") else {
        return refused("invalid_request", "client_id is missing");
    };
    if field("client_secret").is_none() {
        return refused("invalid_request", "client_secret is missing");
    }
    if field("scope").is_none() {
        return refused("invalid_scope", "scope is missing");
    }
    if scenario
        .api_key
        .as_ref()
        .is_some_and(|only| *only != client)
    {
        return refused("invalid_client", "the client is not known");
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

fn is_valid_token(authorization: &str, rule: TokenRule, now: Millis) -> bool {
    let Some((scheme, token)) = authorization.split_once(' ') else {
        return false;
    };
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return false;
    }
    let end = token
        .strip_prefix(ISSUED_MARK)
        .and_then(|rest| rest.split('.').next())
        .and_then(|end| end.parse::<Millis>().ok());
    match end {
        Some(end) => now < end,
        None => rule == TokenRule::Any,
    }
}

/// A header's text, without what surrounds it; nothing if it is empty.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

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

    fn code(refusal: ServiceError) -> &'static str {
        match refusal {
            ServiceError::Gateway { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_gateway_asks_for_token_key_and_organization_in_this_order() {
        let restricted = Scenario::of("{ apiKey: key, organization: org@AdobeOrg }");
        let mut sent = Vec::new();
        let mut refused = Vec::new();
        for next in [
            None,
            Some(("authorization", "Basic abc")),
            Some(("authorization", "Bearer abc")),
            Some(("x-api-key", "other")),
            Some(("x-api-key", "key")),
            Some(("x-gw-ims-org-id", "other@AdobeOrg")),
        ] {
            if let Some((name, value)) = next {
                sent.retain(|(sent, _)| *sent != name);
                sent.push((name, value));
            }
            let refusal = check_headers(&headers(&sent), &restricted, 0);
            refused.push(code(refusal.expect_err("incomplete")));
        }
        assert_eq!(
            refused,
            ["403010", "401013", "403000", "403003", "400003", "403025"]
        );
    }

    #[test]
    fn any_token_is_let_in_unless_it_was_issued_here_and_expired() {
        let reply = issue_token(
            "",
            b"grant_type=client_credentials&client_id=a&client_secret=b&scope=c",
            &Scenario::of("tokenLifetime: 60"),
            1_000,
        )
        .expect("a token");
        let body = reply.body_json();
        assert_eq!(body["expires_in"], 60);
        assert_eq!(body["token_type"], "bearer");
        let bearer = format!("Bearer {}", body["access_token"].as_str().expect("a token"));
        assert!(is_valid_token(&bearer, TokenRule::Issued, 60_999));
        assert!(!is_valid_token(&bearer, TokenRule::Any, 61_000));
        assert!(is_valid_token("Bearer whatever", TokenRule::Any, 0));
        assert!(!is_valid_token("Bearer whatever", TokenRule::Issued, 0));
        assert!(!is_valid_token("Bearer ", TokenRule::Any, 0));
    }

    #[test]
    fn a_token_needs_all_four_fields() {
        let all = "grant_type=client_credentials&client_id=a&client_secret=b&scope=c";
        for (index, _) in all.split('&').enumerate() {
            let mut fields: Vec<_> = all.split('&').collect();
            fields.remove(index);
            let form = fields.join("&");
            let issued = issue_token("", form.as_bytes(), &Scenario::default(), 0);
            assert!(matches!(issued, Err(ServiceError::Token { .. })), "{form}");
        }
    }

    #[test]
    fn no_second_lets_in_more_than_the_rate() {
        let scenario = Scenario::of("rateLimit: 2");
        let gateway = Gateway::default();
        let is_let_in = |at| gateway.check_rate(&scenario, at).is_ok();
        assert!(is_let_in(0));
        assert!(is_let_in(900_000));
        assert!(!is_let_in(999_999));
        assert!(is_let_in(1_000_000));
        assert!(!is_let_in(1_500_000));
    }
}
