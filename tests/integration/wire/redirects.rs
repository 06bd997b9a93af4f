//! Redirects are followed nowhere: a token must not go where a server points, and a request to
//! create must not go twice.

use super::server::Server;
use super::{answered, block_on, flow_ref, patient};

const REDIRECTS: [u16; 8] = [300, 301, 302, 303, 304, 305, 307, 308];

fn pointing_at(status: u16, url: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nlocation: {url}/elsewhere\r\ncontent-length: 0\r\n\r\n")
}

#[test]
fn a_redirect_of_a_create_leaves_a_doubt_and_is_not_followed() {
    let elsewhere = Server::start(|talk| {
        talk.request();
        talk.answer(201, super::CREATED);
    });
    for status in REDIRECTS {
        let answer = pointing_at(status, &elsewhere.url());
        answered("in doubt", &status.to_string(), answer);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_redirect_of_a_read_is_an_error_and_is_not_followed() {
    let elsewhere = Server::start(|talk| {
        talk.request();
        talk.answer(200, r#"{"items":[]}"#);
    });
    for status in REDIRECTS {
        let answer = pointing_at(status, &elsewhere.url());
        let server = Server::start(move |talk| {
            talk.request();
            talk.say(&answer);
        });
        let client = patient(&server.url());
        let error = block_on(client.runs_of(&flow_ref())).expect_err("a redirect");
        let shown = error.to_string();
        assert!(shown.starts_with(&format!("HTTP {status}")), "{shown}");
        assert_eq!(server.connections(), 1, "{status} was read again");
    }
    assert_eq!(elsewhere.connections(), 0);
}
