//! TLS that fails, and what is spoken through it: a handshake that fails proves that nothing was
//! sent, and no client of ours speaks HTTP/2, in which a server can refuse a stream it was sent.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::server::Server;
use super::{CREATED, block_on, client, create, flow_ref, line, patient};
use crate::support::workspace::Workspace;

/// Somebody who signs certificates.
pub(crate) struct Issuer(CertifiedIssuer<'static, KeyPair>);

impl Issuer {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its own certificate, as `SSL_CERT_FILE` has it.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// What a server for `name` needs that speaks `protocols`.
    pub(crate) fn server(&self, name: &str, protocols: &[&str]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a key that fits");
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Arc::new(config)
    }
}

fn https(server: &Server) -> String {
    format!("https://localhost:{}", server.port())
}

/// Nothing of a request has left through `server`, in whatever it could read.
#[track_caller]
fn got_nothing_of_ours(server: &Server) {
    let bytes = server.bytes();
    let text = String::from_utf8_lossy(&bytes);
    for ours in ["POST", "Bearer", super::TOKEN, "windowStartTime", "our-key"] {
        assert!(!text.contains(ours), "{ours} has left: {text}");
    }
}

#[test]
fn a_certificate_of_nobody_we_trust_sent_nothing() {
    let tls = Issuer::new().server("localhost", &[]);
    let server = Server::start_tls(tls, |talk| {
        talk.request();
        talk.answer(201, CREATED);
    });
    let outcome = create(&patient(&https(&server)));
    assert_eq!(line(&outcome), "not sent", "{outcome:?}");
    assert!(
        format!("{outcome:?}").contains("certificate"),
        "{outcome:?}"
    );
    got_nothing_of_ours(&server);
}

#[test]
fn a_plaintext_server_behind_https_gets_no_word_of_the_request() {
    for answer in [
        &b"HTTP/1.1 400 The plain HTTP request was sent to HTTPS port\r\n\r\n"[..],
        b"HTTP/1.1 201 Created\r\ncontent-length: 10\r\n\r\n{\"id\":\"r\"}",
        b"220 mail.invalid ESMTP\r\n",
        b"",
    ] {
        let server = Server::start(move |talk| {
            talk.read(1 << 14);
            talk.say(answer);
        });
        let outcome = create(&patient(&https(&server)));
        assert_eq!(line(&outcome), "not sent", "{outcome:?}");
        assert!(!server.bytes().is_empty(), "it read a handshake");
        got_nothing_of_ours(&server);
    }
}

#[test]
fn a_handshake_that_is_not_answered_in_time_sent_nothing() {
    let server = Server::start(super::server::Talk::wait_for_end);
    let limit = Duration::from_millis(300);
    let outcome = create(&client(&https(&server), limit, Duration::from_secs(60)));
    assert_eq!(line(&outcome), "not sent", "{outcome:?}");
    got_nothing_of_ours(&server);
}

#[test]
fn no_client_of_ours_offers_http_2() {
    let tls = Issuer::new().server("localhost", &["h2"]);
    let server = Server::start_tls(tls, |talk| {
        talk.request();
    });
    let client = patient(&https(&server));
    let outcome = create(&client);
    assert_eq!(line(&outcome), "not sent", "{outcome:?}");
    assert!(
        format!("{outcome:?}").contains("NoApplicationProtocol"),
        "{outcome:?}"
    );
    // The first attempt of a read is enough to see it; it would be made again.
    let connections = server.connections();
    let read = async {
        let first = Duration::from_millis(400);
        tokio::time::timeout(first, client.runs_of(&flow_ref())).await
    };
    assert!(block_on(read).is_err());
    assert!(server.connections() > connections);
    got_nothing_of_ours(&server);
}

/// A workspace of one run whose service is `server`, behind a certificate of `issuer`'s.
fn trusting(issuer: &Issuer, server: &Server) -> Workspace {
    let mut workspace = Workspace::new();
    workspace.manifest(1, 1, false);
    let pem = workspace.write("issuer.pem", &issuer.pem());
    workspace.set("SSL_CERT_FILE", pem.to_str().expect("a path in UTF-8"));
    workspace.sign_in(&https(server));
    workspace
}

#[test]
fn a_certificate_that_is_trusted_is_enough_and_http_1_is_spoken_where_both_are() {
    let issuer = Issuer::new();
    for protocols in [&["h2", "http/1.1"][..], &[]] {
        let tls = issuer.server("localhost", protocols);
        let server = Server::start_tls(tls, |talk| {
            talk.request();
            talk.answer(201, CREATED);
        });
        let workspace = trusting(&issuer, &server);
        workspace.run("apply --yes --no-preflight").exits(0);
        assert_eq!((server.connections(), server.posts()), (1, 1));
    }
}

#[test]
fn a_certificate_for_another_host_sent_nothing_and_the_next_connection_is_tried() {
    let issuer = Issuer::new();
    let wrong = issuer.server("elsewhere.invalid", &[]);
    let right = issuer.server("localhost", &[]);
    let server = Server::start(move |talk| {
        talk.secure(if talk.number == 1 { &wrong } else { &right });
        if talk.request().is_some() {
            talk.answer(201, CREATED);
        }
    });
    let workspace = trusting(&issuer, &server);
    workspace.run("apply --yes --no-preflight").exits(0);
    assert_eq!((server.connections(), server.posts()), (2, 1));
}
