//! Proxies and certificates that the environment names, in words: which proxy a request takes, and what
//! is wrong with a variable that cannot be used.
//!
//! The HTTP stack reads the same variables by itself, and passes over one that it cannot read. Then a
//! request would leave by another way than was meant, and nobody would know.

use std::path::Path;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::file_text::byte_order_mark;

/// What names a proxy for `https://`; the first that is set counts.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Whether `url` names this machine, the only one that is talked to without TLS.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The proxy that a request to `url` takes, without the credentials it may need.
pub(super) fn proxy_to(url: &Url) -> Option<String> {
    if is_loopback(url) {
        return None;
    }
    let proxy = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
    let authority = proxy.uri().authority()?.as_str();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    Some(host.to_owned())
}

/// The variable that names a proxy to `url` which cannot be used, and why; its value may hold a
/// password and is not told.
pub(crate) fn unusable_proxy(
    url: &Url,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<(&'static str, &'static str)> {
    if is_loopback(url) {
        return None;
    }
    let to: Uri = url.as_str().parse().ok()?;
    let none = ["NO_PROXY", "no_proxy"].into_iter().find_map(&variable);
    let excepted = Matcher::builder()
        .all("http://proxy.invalid")
        .no(none.unwrap_or_default())
        .build();
    excepted.intercept(&to)?;
    let set = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
    let name = PROXIES.into_iter().find(set)?;
    let value = variable(name)?;
    let proxy = Matcher::builder().all(value).build().intercept(&to);
    match proxy.as_ref().map(|proxy| proxy.uri().scheme_str()) {
        Some(Some("http" | "https")) => None,
        Some(_) => Some((name, "names a proxy that is neither http:// nor https://")),
        None => Some((
            name,
            "is not the address of a proxy, such as http://HOST:PORT",
        )),
    }
}

/// What is wrong with the certificates that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, if anything is.
pub fn unusable_certificates(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    if let Some(file) = variable("SSL_CERT_FILE") {
        return match std::fs::read(&file) {
            Err(error) => Some(format!(
                "SSL_CERT_FILE names {file}, which cannot be read: {error}"
            )),
            Ok(text) => match byte_order_mark(&text) {
                Some(mark) => Some(format!(
                    "SSL_CERT_FILE names {file}, where {mark} hides the first certificate: save it \
                     as plain text"
                )),
                None => (!holds_certificate(&text)).then(|| {
                    format!("SSL_CERT_FILE names {file}, which holds no certificate in PEM form")
                }),
            },
        };
    }
    let folders = variable("SSL_CERT_DIR")?;
    let wrong = std::env::split_paths(&folders).find(|folder| !Path::is_dir(folder))?;
    Some(format!(
        "SSL_CERT_DIR names {}, which is not a folder that can be read",
        wrong.display()
    ))
}

fn holds_certificate(text: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    text.windows(BEGIN.len()).any(|part| part == BEGIN)
        && text.windows(11).any(|part| part == b"CERTIFICATE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unusable(set: &[(&str, &str)]) -> Option<&'static str> {
        let url = Url::parse("https://platform.adobe.io").expect("a URL");
        let variable = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        unusable_proxy(&url, variable).map(|(name, _)| name)
    }

    #[test]
    fn a_proxy_that_cannot_be_read_is_named() {
        for value in [
            "ht tp://x",
            "::",
            "socks5://localhost:1080",
            "http://",
            "ftp://x",
        ] {
            for name in PROXIES {
                assert_eq!(unusable(&[(name, value)]), Some(name), "{value}");
            }
        }
        for value in [
            "http://proxy:8080",
            "https://u:p@proxy",
            "proxy.corp:3128",
            "10.0.0.1",
        ] {
            assert_eq!(unusable(&[("HTTPS_PROXY", value)]), None, "{value}");
        }
    }

    #[test]
    fn one_that_no_request_takes_is_not() {
        let wrong = ("HTTPS_PROXY", "::");
        assert_eq!(unusable(&[wrong, ("NO_PROXY", "*")]), None);
        assert_eq!(unusable(&[wrong, ("no_proxy", "adobe.io")]), None);
        assert_eq!(
            unusable(&[wrong, ("NO_PROXY", "example.org")]),
            Some("HTTPS_PROXY")
        );
        assert_eq!(unusable(&[("HTTP_PROXY", "::")]), None);
        assert_eq!(
            unusable(&[("HTTPS_PROXY", "http://x"), ("ALL_PROXY", "::")]),
            None
        );
    }

    #[test]
    fn certificates_that_cannot_be_used_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("writable");
            path.display().to_string()
        };
        let pem = file("ca.pem", "# us\n-----BEGIN CERTIFICATE-----\nAA==\n");
        let marked = file("marked.pem", "\u{feff}-----BEGIN CERTIFICATE-----\nAA==\n");
        let der = file("ca.der", "\u{1}\u{2}");
        let gone = folder.path().join("gone").display().to_string();
        let here = folder.path().display().to_string();
        for (name, value, is_wrong) in [
            ("SSL_CERT_FILE", &pem, false),
            ("SSL_CERT_FILE", &marked, true),
            ("SSL_CERT_FILE", &der, true),
            ("SSL_CERT_FILE", &gone, true),
            ("SSL_CERT_DIR", &here, false),
            ("SSL_CERT_DIR", &gone, true),
        ] {
            let said = unusable_certificates(|asked| (asked == name).then(|| value.clone()));
            assert_eq!(said.is_some(), is_wrong, "{name} {value}: {said:?}");
        }
    }
}
