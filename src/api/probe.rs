//! One request to the service's host that holds no secret: whether it answers, by which way, behind
//! which certificate, and what time it is there.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::Certificate;
use url::Url;

use super::answer::Answer;
use super::client::SERVICE;
use super::clock::ServerClock;
use super::http::{Timeouts, builder, describe, header_of};
use super::proxy::{is_loopback, proxy_to};

/// How a host was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    /// The proxy that requests take, without what it needs to know of us.
    pub proxy: Option<String>,
    /// Whose certificate it shows.
    pub certificate: CertificateTrust,
    /// How far its clock is ahead of ours, to half a second and the time that an answer takes.
    pub ahead: Option<SignedDuration>,
    /// How long the answer took.
    pub took: Duration,
}

/// By whom a certificate is vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CertificateTrust {
    /// No TLS: this machine.
    Plain,
    /// A public authority, one of Mozilla's list.
    Public,
    /// One that only this machine, or `SSL_CERT_FILE`, trusts.
    Private,
}

/// Why a host was not reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreached {
    /// In words.
    pub why: String,
    /// The proxy that requests take.
    pub proxy: Option<String>,
    /// Whether it shows a certificate that nobody here trusts.
    pub is_untrusted: bool,
}

/// Asks the host of `endpoint` for the service's flows, without a token: what it says is no matter.
///
/// # Errors
/// When no answer comes.
pub(crate) async fn probe(endpoint: &Url, timeouts: Timeouts) -> Result<Probe, Unreached> {
    let proxy = proxy_to(endpoint);
    let unreached = |error: &reqwest::Error| {
        let why = describe(error);
        Unreached {
            is_untrusted: is_of_unknown_authority(&why),
            why,
            proxy: proxy.clone(),
        }
    };
    let mut url = endpoint.clone();
    url.set_path(&format!("/{SERVICE}/flows"));
    url.set_query(Some("limit=1"));
    let client = builder(endpoint, timeouts)
        .build()
        .map_err(|error| unreached(&error))?;
    let sent = Timestamp::now();
    let answer = client.get(url.clone()).send().await;
    let answer = answer.map_err(|error| unreached(&error))?;
    let received = Timestamp::now();
    let took = received.duration_since(sent);
    let status = answer.status().as_u16();
    let clock = ServerClock::default();
    if let Some(date) = Answer::begun(status, header_of(&answer), received).date {
        clock.learn(date);
    }
    let certificate = if is_loopback(endpoint) && endpoint.scheme() == "http" {
        CertificateTrust::Plain
    } else if is_trusted_by_all(endpoint, url, timeouts).await {
        CertificateTrust::Public
    } else {
        CertificateTrust::Private
    };
    Ok(Probe {
        proxy,
        certificate,
        ahead: clock.ahead_of_ours(),
        took: took.unsigned_abs(),
    })
}

/// Whether a certificate was refused because of who vouches for it: an authority that is not known,
/// or one that only bears the name of one that is.
fn is_of_unknown_authority(why: &str) -> bool {
    [
        "UnknownIssuer",
        "BadSignature",
        "unable to get local issuer",
    ]
    .iter()
    .any(|word| why.contains(word))
}

/// Whether those who know public authorities alone would trust the certificate.
async fn is_trusted_by_all(endpoint: &Url, url: Url, timeouts: Timeouts) -> bool {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let roots = roots.filter_map(|root| Certificate::from_der(root).ok());
    let Ok(client) = builder(endpoint, timeouts).tls_certs_only(roots).build() else {
        return true;
    };
    match client.get(url).send().await {
        Ok(_) => true,
        // What failed for another reason says nothing of the certificate.
        Err(error) => !is_of_unknown_authority(&describe(&error)),
    }
}
