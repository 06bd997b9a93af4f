//! The HTTP stack, tamed: nothing sent again, no redirects, TLS everywhere but on this machine,
//! bodies bounded, errors in words that hold no more of a URL than its host.

use std::time::Duration;

use url::Url;

use super::proxy::{is_loopback, proxy_to};
use super::redact::plain;

/// How long to wait for the service.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For a whole answer. The gateway itself gives up after 60 s, so this is longer.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            total: Duration::from_secs(90),
        }
    }
}

/// The body, up to `most` bytes of it, and whether that is all.
pub(crate) async fn bounded_body(response: &mut reqwest::Response, most: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= most => body.extend_from_slice(&chunk),
            Ok(Some(_)) | Err(_) => return (body, false),
            Ok(None) => return (body, true),
        }
    }
}

/// The headers of a response, each as text.
pub(super) fn header_of(response: &reqwest::Response) -> impl Fn(&str) -> Option<String> {
    |name| {
        let value = response.headers().get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

/// What every connection has in common.
pub(crate) fn builder(to: &Url, timeouts: Timeouts) -> reqwest::ClientBuilder {
    crate::tls::install_provider();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("backfill/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    #[cfg(any(windows, target_vendor = "apple"))]
    let builder = builder.tls_certs_merge(named_authorities());
    if is_loopback(to) {
        // HTTP_PROXY would capture the emulator too.
        let builder = builder.no_proxy();
        if to.scheme() == "http" {
            // Where TLS is not spoken nobody has to be trusted: hundreds of certificates are not read.
            builder.tls_certs_only([])
        } else {
            builder
        }
    } else {
        builder.https_only(true)
    }
}

/// The authorities in the file that `SSL_CERT_FILE` names. Elsewhere they are read with the system's; the
/// verifiers of Windows and macOS know nothing of it. What is wrong with the file is told by
/// [`unusable_certificates`](super::proxy::unusable_certificates).
#[cfg(any(windows, target_vendor = "apple"))]
fn named_authorities() -> Vec<reqwest::Certificate> {
    let file = std::env::var_os("SSL_CERT_FILE");
    let text = file.and_then(|file| std::fs::read(file).ok());
    let found = text.and_then(|text| reqwest::Certificate::from_pem_bundle(&text).ok());
    found.unwrap_or_default()
}

/// What to do where a certificate is of no authority that is known here.
pub(crate) const OWN_AUTHORITY: &str = "if your company has a certificate authority of its own, \
     name the file of its certificate with SSL_CERT_FILE";

/// An error of the HTTP stack with its cause: of the URL the host alone, and the proxy if one was used.
pub(crate) fn describe(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() && error.is_connect() {
        "no connection in time"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "no answer in time"
    } else {
        "the connection broke"
    };
    let mut text = what.to_owned();
    if let Some(host) = error.url().and_then(Url::host_str) {
        let answers = error.is_timeout() && !error.is_connect();
        text.push_str(if answers { " from " } else { " to " });
        text.push_str(host);
    }
    if let Some(proxy) = error.url().and_then(proxy_to) {
        text.push_str(" through the proxy ");
        text.push_str(&proxy);
    }
    let mut last = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        last = cause.to_string();
        source = cause.source();
    }
    if !last.is_empty() {
        text.push_str(": ");
        text.push_str(&plain(&last));
    }
    if last.contains("UnknownIssuer") || last.contains("unable to get local issuer") {
        return format!("{text} ({OWN_AUTHORITY})");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_talked_to_without_tls() {
        let loopback = |text: &str| is_loopback(&Url::parse(text).expect("a URL"));
        assert!(loopback("http://127.0.0.1:8080"));
        assert!(loopback("http://[::1]:8080"));
        assert!(loopback("http://localhost:1"));
        assert!(!loopback("http://10.0.0.1"));
        assert!(!loopback("http://localhost.evil.example"));
    }
}
