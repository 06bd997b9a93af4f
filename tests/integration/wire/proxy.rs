//! Proxies. A tunnel that is not made proves that nothing was sent. A proxy that opens our TLS,
//! with a certificate that the user trusts, can send a request twice: nobody here can stop it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use super::server::{Server, is_create};
use super::tls::Issuer;
use crate::support::emulated::{Emulated, stored_windows};
use crate::support::workspace::Workspace;

/// A name that only a proxy can find.
const HOST: &str = "flow-service.invalid";
/// The password at the proxy.
const PASSWORD: &str = "a-password-of-the-proxy";

/// A workspace of one run whose service is reached through a proxy at `port`.
fn behind(port: u16, issuer: &Issuer) -> Workspace {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    let pem = workspace.write("issuer.pem", &issuer.pem());
    workspace.set("SSL_CERT_FILE", pem.to_str().expect("a path in UTF-8"));
    workspace.sign_in(&format!("https://{HOST}"));
    workspace.set(
        "HTTPS_PROXY",
        &format!("http://someone:{PASSWORD}@127.0.0.1:{port}"),
    );
    workspace
}

#[test]
fn a_tunnel_that_is_not_made_sent_nothing_and_is_asked_for_again() {
    let troubles = [
        &b""[..],
        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>",
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n",
        b"\x16\x03\x01garbage",
        b"HTTP/1.1 200 Connection established\r\n\r\nno handshake",
    ];
    let proxy = Server::start(move |talk| {
        if talk.request().is_some() {
            talk.say(troubles[(talk.number - 1) % troubles.len()]);
        }
    });
    let workspace = behind(proxy.port(), &Issuer::new());
    let ran = workspace.run("apply --yes --no-preflight -v").exits(1);
    assert_eq!(proxy.connections(), troubles.len());
    for line in proxy.request_lines() {
        assert_eq!(line, format!("CONNECT {HOST}:443 HTTP/1.1"));
    }
    let bytes = proxy.bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("a-token"), "the token went to the proxy");
    assert!(!ran.stderr.contains(PASSWORD), "{}", ran.stderr);
    let plan = workspace.run("plan --format json").exits(0).json();
    assert_eq!(plan["summary"]["inDoubt"], 0);
    assert_eq!(plan["summary"]["create"], 1);
}

/// Passes a request on to the service at `port` and gives its answer.
fn pass_on(port: u16, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the service is there");
    let request = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    stream.write_all(request.as_bytes()).expect("it listens");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    answer
}

#[test]
fn a_proxy_that_sends_a_create_twice_doubles_it_and_we_never_do() {
    let issuer = Issuer::new();
    let tls = issuer.server(HOST, &["http/1.1"]);
    let service = Arc::new(AtomicU16::new(0));
    let port = Arc::clone(&service);
    let proxy = Server::start(move |talk| {
        if talk.request().is_none() || !talk.say("HTTP/1.1 200 OK\r\n\r\n") {
            return;
        }
        talk.secure(&tls);
        let port = port.load(Ordering::SeqCst);
        if let Some(request) = talk.request() {
            let answer = pass_on(port, &request);
            if is_create(&request) {
                pass_on(port, &request);
            }
            talk.say(answer);
        }
    });
    let workspace = behind(proxy.port(), &issuer);
    let emulated = Emulated::start(&workspace, "");
    let port = emulated.url.rsplit(':').next().expect("a port");
    service.store(port.parse().expect("a port"), Ordering::SeqCst);

    workspace.run("apply --yes").exits(0);
    assert_eq!(proxy.posts(), 1, "we sent it once");
    let windows = |emulated: &Emulated| {
        let windows = stored_windows(&emulated.ledger());
        windows.into_values().collect::<Vec<_>>()
    };
    assert_eq!(windows(&emulated), [2], "and the proxy made two of it");

    // Nothing is added to it: with the state, nor without, where preflight finds what is there.
    workspace.run("apply --yes").exits(0);
    std::fs::remove_dir_all(workspace.path().join(".backfill")).expect("there is a state");
    let ran = workspace.run("apply --yes").exits(0);
    assert!(ran.stdout.contains("1 adopted"), "{}", ran.stdout);
    assert_eq!(proxy.posts(), 1);
    assert_eq!(windows(&emulated), [2]);
}
