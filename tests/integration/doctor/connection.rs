//! Secrets, sandboxes, clocks, proxies.

use super::{at, examined, has_line, lines};
use crate::support::emulated::Emulated;
use crate::support::workspace::{Ran, Workspace};
use crate::wire::server::{Server, Talk};
use crate::wire::tls::Issuer;

#[test]
fn a_secret_that_is_missing_is_named_and_the_rest_is_looked_at() {
    let (mut workspace, emulated) = at("");
    workspace.set("AEP_CLIENT_SECRET", "");
    let ran = examined(&workspace, &emulated, 4);
    has_line(&ran, '✗', &["sign-in", "AEP_CLIENT_SECRET is not set"]);
    has_line(&ran, '!', &["set to nothing: AEP_CLIENT_SECRET"]);
    has_line(&ran, '✓', &["clock", "the same as the service's"]);
    has_line(&ran, '✓', &["writing"]);
    assert_eq!(lines(&ran, '✗').len(), 1);
    assert_eq!(emulated.ledger().tokens_issued, 0);
}

#[test]
fn a_secret_that_is_wrong_is_told_in_the_words_of_the_sign_in_service() {
    let server = Server::start(|talk| {
        while let Some(request) = talk.request() {
            if request.starts_with("POST /ims/token/v3 ") {
                let refused = r#"{"error":"invalid_client","error_description":"invalid client_secret parameter"}"#;
                talk.answer(400, refused);
            } else {
                talk.answer(
                    403,
                    r#"{"error_code":"403010","message":"Oauth token is missing"}"#,
                );
            }
        }
    });
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.sign_in_with_secret(&server.url());
    let ran = workspace.run("doctor").exits(4);
    has_line(
        &ran,
        '✗',
        &["sign-in", "invalid_client invalid client_secret"],
    );
    assert!(!ran.stdout.contains("our-secret"));
    let posts: Vec<_> = posts(&server);
    assert!(
        posts.iter().all(|line| line.starts_with("POST /ims/")),
        "{posts:?}"
    );
}

fn posts(server: &Server) -> Vec<String> {
    let lines = server.request_lines().into_iter();
    lines.filter(|line| line.starts_with("POST ")).collect()
}

#[test]
fn a_sandbox_that_does_not_exist_is_named() {
    let (workspace, emulated) = at("");
    let manifest = workspace.read("manifests/flow-1.yaml");
    workspace.write("manifests/flow-1.yaml", &manifest.replace("prod", "prd"));
    let ran = examined(&workspace, &emulated, 5);
    has_line(
        &ran,
        '✗',
        &["sandbox prd", "none of this name", "FLOW-2100-404"],
    );
    assert_eq!(lines(&ran, '✗').len(), 1, "one cause is told once");
    has_line(&ran, '!', &["flows", "their sandbox is not open"]);
}

#[test]
fn an_organization_that_is_not_the_tokens_is_a_matter_of_sign_in() {
    let (mut workspace, emulated) = at("organization: 5C13@AdobeOrg\n");
    workspace.set("AEP_ORG_ID", "AAAA@AdobeOrg");
    let ran = examined(&workspace, &emulated, 4);
    has_line(&ran, '✗', &["sandbox prod", "403025"]);
}

#[test]
fn a_permission_that_is_missing_is_told() {
    let (workspace, emulated) =
        at("faults: [{ on: listFlows, do: { status: { code: 403, flowCode: 2120 } } }]");
    let ran = examined(&workspace, &emulated, 4);
    has_line(&ran, '✗', &["sandbox prod", "FLOW-2120-403"]);
}

#[test]
fn a_clock_that_is_an_hour_off_is_named_with_what_it_breaks() {
    for (skew, side) in [(3_600, "behind"), (-3_600, "ahead of")] {
        let (workspace, emulated) = at(&format!("clockSkew: {skew}\n"));
        let ran = examined(&workspace, &emulated, 5);
        has_line(&ran, '✗', &["clock", &format!("1 h {side} the service")]);
        assert!(ran.stdout.contains("→ set the clock"), "{}", ran.stdout);
    }
}

#[test]
fn a_service_that_is_not_there_is_told_and_the_state_looked_at() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.sign_in("http://127.0.0.1:1");
    workspace.write("backfill.yaml", "version: 1\n");
    let ran = workspace.run("doctor").exits(1);
    has_line(&ran, '✗', &["endpoint", "no connection to 127.0.0.1"]);
    has_line(&ran, '✓', &["place"]);
}

/// How the doctor ends behind a proxy that opens TLS, whose authority is trusted or not.
fn behind_a_swapping_proxy(is_trusted: bool, code: i32) -> Ran {
    const HOST: &str = "flow-service.invalid";
    let issuer = Issuer::new();
    let tls = issuer.server(HOST, &["http/1.1"]);
    let proxy = Server::start(move |talk: &mut Talk| {
        if talk.request().is_none() || !talk.say("HTTP/1.1 200 OK\r\n\r\n") {
            return;
        }
        talk.secure(&tls);
        while let Some(request) = talk.request() {
            let body = if request.contains("/flows/") {
                r#"{"items":[{"id":"f","state":"enabled","scheduleParams":{"frequency":"once"},
                    "flowSpec":{"id":"9753525b-82c7-4dce-8a9b-5ccfce2b9876"}}]}"#
            } else {
                r#"{"items":[]}"#
            };
            talk.answer(200, body);
        }
    });
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("backfill.yaml", "version: 1\n");
    workspace.sign_in(&format!("https://{HOST}"));
    workspace.set(
        "HTTPS_PROXY",
        &format!("http://someone:hidden@127.0.0.1:{}", proxy.port()),
    );
    let trusted = if is_trusted { issuer } else { Issuer::new() };
    let pem = workspace.write("issuer.pem", &trusted.pem());
    workspace.set("SSL_CERT_FILE", pem.to_str().expect("a path in UTF-8"));
    let ran = workspace.run("doctor").exits(code);
    assert_eq!(posts(&proxy), [""; 0]);
    assert!(!ran.stdout.contains("hidden"), "{}", ran.stdout);
    ran
}

#[test]
fn a_proxy_that_swaps_certificates_is_named_as_such() {
    let untrusted = behind_a_swapping_proxy(false, 1);
    has_line(
        &untrusted,
        '✗',
        &["TLS", "through the proxy 127.0.0.1:", "swaps certificates"],
    );
    let trusted = behind_a_swapping_proxy(true, 0);
    has_line(&trusted, '✓', &["endpoint", "through the proxy 127.0.0.1:"]);
    has_line(&trusted, '!', &["TLS", "a proxy swaps certificates"]);
}

#[test]
fn a_token_says_until_when_it_is_good_and_what_for() {
    // {"client_id":"our-key","scope":"openid,AdobeID","created_at":"1000","expires_in":"1000"}
    const EXPIRED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJjbGllbnRfaWQiOiJvdXIta2V5Iiwic2NvcGUiOiJvcGVuaWQsQWRvYmVJRCIsImNyZWF0ZWRfYXQiOiIxMDAwIiwiZXhwaXJlc19pbiI6IjEwMDAifQ.c2ln";
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("backfill.yaml", "version: 1\n");
    let emulated = Emulated::start(&workspace, "");
    workspace.sign_in(&emulated.url);
    workspace.set("AEP_ACCESS_TOKEN", EXPIRED);
    let ran = examined(&workspace, &emulated, 4);
    has_line(
        &ran,
        '✗',
        &["AEP_ACCESS_TOKEN: expired, scopes openid,AdobeID"],
    );
    assert!(!ran.stdout.contains("eyJ"), "{}", ran.stdout);
}

#[test]
fn headers_about_a_limit_are_told() {
    let server = Server::start(|talk| {
        while let Some(request) = talk.request() {
            let body = if request.contains("/flows/") {
                r#"{"items":[{"id":"f","state":"enabled","scheduleParams":{"frequency":"once"},
                    "flowSpec":{"id":"9753525b-82c7-4dce-8a9b-5ccfce2b9876"}}]}"#
            } else {
                r#"{"items":[]}"#
            };
            talk.say(format!(
                "HTTP/1.1 200 X\r\nX-RateLimit-Limit: 50\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ));
        }
    });
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.write("backfill.yaml", "version: 1\n");
    workspace.sign_in(&server.url());
    let ran = workspace.run("doctor").exits(0);
    has_line(&ran, '✓', &["rate", "x-ratelimit-limit: 50"]);
    has_line(&ran, '!', &["clock", "no date"]);
    assert_eq!(posts(&server), [""; 0]);
}
