//! What people really have in their environment, and what really answers in place of a service.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::workspace::{Ran, Workspace};
use crate::wire::server::{Server, Talk};

/// A workspace of one run, and a service that answers by path.
fn at(service: impl Fn(&str, &mut Talk) + Send + Sync + 'static) -> (Server, Workspace) {
    let server = Server::start(move |talk| {
        while let Some(request) = talk.request() {
            service(&request, talk);
        }
    });
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.sign_in_with_secret(&server.url());
    (server, workspace)
}

const TOKEN: &str = r#"{"access_token":"a-token","token_type":"bearer"}"#;

fn is_sign_in(request: &str) -> bool {
    request.starts_with("POST /ims/token/v3 ")
}

/// The forms that were posted to sign in.
fn forms(server: &Server) -> Vec<String> {
    let text = String::from_utf8_lossy(&server.bytes()).into_owned();
    let forms = text
        .split("\r\n")
        .filter(|line| line.starts_with("grant_type="));
    forms.map(ToOwned::to_owned).collect()
}

#[test]
fn line_breaks_and_blanks_around_a_variable_are_not_sent() {
    let (server, mut workspace) = at(|request, talk| {
        let refused = r#"{"error":"invalid_client","error_description":"wrong"}"#;
        assert!(is_sign_in(request));
        talk.answer(400, refused);
    });
    for (name, value) in [
        ("AEP_CLIENT_ID", "our-key\n"),
        ("AEP_CLIENT_SECRET", " our-secret\r\n"),
        ("AEP_SCOPES", "openid session\nAdobeID\n"),
        ("AEP_ORG_ID", "5C13@AdobeOrg\n"),
        ("AEP_API_KEY", "\tour-key "),
    ] {
        workspace.set(name, value);
    }
    let url = format!("{}\n", server.url());
    workspace.set("AEP_ENDPOINT", &url);
    workspace.set("AEP_IMS_ENDPOINT", &url);
    let ran = workspace.run("apply --yes").exits(4);
    assert!(
        ran.stderr.contains("invalid_client wrong"),
        "{}",
        ran.stderr
    );
    let form = "grant_type=client_credentials&client_id=our-key&client_secret=our-secret\
                &scope=openid%2Csession%2CAdobeID";
    assert_eq!(forms(&server), [form]);
}

#[test]
fn a_value_that_no_header_holds_is_named_and_not_shown() {
    let (server, mut workspace) = at(|_, _| ());
    for name in [
        "AEP_CLIENT_ID",
        "AEP_CLIENT_SECRET",
        "AEP_API_KEY",
        "AEP_ACCESS_TOKEN",
    ] {
        for (value, why) in [
            ("hidden-a\nhidden-b", "a line break in the middle"),
            ("hidden-a\u{1b}hidden-b", "a control character"),
            ("\u{201c}hidden-a\u{201d}", "a letter that is not ASCII"),
        ] {
            workspace.set(name, value);
            let ran = workspace.run("apply --yes").exits(3);
            assert!(
                ran.stderr
                    .contains(&format!("{name} cannot be sent: it holds {why}")),
                "{}",
                ran.stderr
            );
            assert!(!ran.stderr.contains("hidden"), "{}", ran.stderr);
        }
        workspace.set(name, "fine");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_token_that_was_copied_with_its_scheme_is_sent_as_one() {
    let (server, mut workspace) = at(|_, talk| {
        talk.answer(
            401,
            r#"{"error_code":"401013","message":"Oauth token is not valid"}"#,
        );
    });
    workspace.set("AEP_ACCESS_TOKEN", "Bearer a-token\n");
    workspace.run("apply --yes").exits(4);
    let sent = String::from_utf8_lossy(&server.bytes()).to_ascii_lowercase();
    assert!(sent.contains("authorization: bearer a-token\r\n"), "{sent}");
}

#[test]
fn credentials_that_are_refused_are_to_be_compared_and_no_firewall_is() {
    for (status, error) in [(401, "invalid_client"), (400, "invalid_scope")] {
        let (_server, workspace) = at(move |_, talk| {
            let body = format!(r#"{{"error":"{error}","error_description":"wrong"}}"#);
            talk.answer(status, &body);
        });
        for line in ["apply --yes", "plan --online", "doctor"] {
            let ran = workspace.run(line).exits(4);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(error), "{line}: {said}");
            assert!(said.contains("AEP_CLIENT_SECRET"), "{line}: {said}");
            assert!(said.contains("AEP_SCOPES"), "{line}: {said}");
            assert!(!said.contains("firewall"), "{line}: {said}");
        }
    }
}

/// How an apply ends where the sign-in service gives this answer.
fn signing_in(status: u16, body: &'static str) -> Ran {
    let (server, workspace) = at(move |_, talk| {
        talk.answer(status, body);
    });
    let ran = workspace.run("apply --yes");
    assert_eq!(server.posts(), 0);
    ran
}

#[test]
fn a_sign_in_service_that_is_no_such_service_has_refused_nothing() {
    for (status, body, said) in [
        (302, "", "HTTP 302 leads elsewhere"),
        (
            403,
            "<html><title>Blocked by policy</title>",
            "a page of HTML (`Blocked by policy`)",
        ),
    ] {
        let ran = signing_in(status, body).exits(1);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(
            !ran.stderr.contains("refused the credentials"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_service_that_says_when_it_is_back_is_not_asked_before() {
    let asked = AtomicUsize::new(0);
    let (server, workspace) = at(move |request, talk| {
        if is_sign_in(request) {
            talk.answer(200, TOKEN);
        } else if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            talk.say("HTTP/1.1 503 X\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n");
        } else {
            talk.answer(404, "{}");
        }
    });
    let begun = Instant::now();
    workspace.run("apply --yes");
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert!(server.connections() > 0);
    assert_eq!(server.posts(), 0);
}

#[test]
fn a_page_in_place_of_an_answer_is_told_as_one() {
    let (_server, workspace) = at(|request, talk| {
        if is_sign_in(request) {
            talk.answer(200, TOKEN);
        } else {
            talk.answer(
                200,
                "<html><title>Sign in to the company network</title></html>",
            );
        }
    });
    let ran = workspace.run("apply --yes --progress plain").exits(1);
    let said = "a page of HTML (`Sign in to the company network`), as a proxy or a login gives";
    assert!(
        ran.stderr.contains(said) || ran.stdout.contains(said),
        "{}\n{}",
        ran.stdout,
        ran.stderr
    );
}

#[test]
fn a_connection_that_is_not_made_is_told_with_host_and_proxy() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.sign_in_with_secret("http://127.0.0.1:1");
    let ran = workspace.run("status").exits(0);
    assert_eq!(ran.stderr, "");
    let ran = workspace.run("apply --yes").exits(1);
    assert!(
        ran.stderr.contains("no connection to 127.0.0.1"),
        "{}",
        ran.stderr
    );
    workspace.set("AEP_IMS_ENDPOINT", "https://ims.invalid");
    workspace.set("HTTPS_PROXY", "http://me:hidden@127.0.0.1:1");
    let ran = workspace.run("apply --yes").exits(1);
    let said = "no connection to ims.invalid through the proxy 127.0.0.1:1";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(!ran.stderr.contains("hidden"), "{}", ran.stderr);
}

#[test]
fn a_proxy_that_cannot_be_read_is_refused_and_not_gone_around() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.sign_in_with_secret("https://flow-service.invalid");
    for value in ["socks5://127.0.0.1:1080", "ht tp://hidden@x"] {
        workspace.set("https_proxy", value);
        let ran = workspace.run("apply --yes").exits(3);
        assert!(ran.stderr.contains("https_proxy "), "{}", ran.stderr);
        assert!(!ran.stderr.contains("hidden"), "{}", ran.stderr);
    }
}

#[test]
fn certificates_that_cannot_be_read_are_warned_of() {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    workspace.sign_in_with_secret("http://127.0.0.1:1");
    workspace.set("SSL_CERT_FILE", "/nowhere/ca.pem");
    let ran = workspace.run("apply --yes");
    let said = "warning: SSL_CERT_FILE names /nowhere/ca.pem, which cannot be read";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}
