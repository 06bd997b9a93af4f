//! Whether the service can be reached, whose certificate it shows, what time it is there, and whether
//! it takes the credentials.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::flows::kind_of;
use super::{Area, Check, FaultKind, Finding};
use crate::amounts::duration;
use crate::api::{ApiError, CLOCKS, CertificateTrust, Probe, TokenClaims, Unreached};
use crate::run::Sandbox;
use crate::state::Refusal;
use crate::untrusted::plain;

const AREA: Area = Area::Service;
const ENDPOINT: Check = Check(AREA, "endpoint", "endpoint");
const TLS: Check = Check(AREA, "tls", "TLS");
const CLOCK: Check = Check(AREA, "clock", "clock");
const SIGN_IN: Check = Check(AREA, "signIn", "sign-in");
/// A clock that is further off than this breaks more than a warning can say.
const FAR_OFF: SignedDuration = SignedDuration::from_mins(10);
/// A token that is good for less than this may not last for an apply.
const SHORT_LIFE: Duration = Duration::from_secs(60 * 60);
/// How much of what the service said is repeated.
const MOST_SAID: usize = 300;

/// How the host was reached, and what time it is there.
pub(crate) fn check_probe(endpoint: &str, probe: &Result<Probe, Unreached>) -> Vec<Finding> {
    let through = |proxy: &Option<String>| match proxy {
        Some(proxy) => format!("through the proxy {}", plain(proxy, 100)),
        None => "no proxy".to_owned(),
    };
    let probe = match probe {
        Ok(probe) => probe,
        Err(Unreached {
            why,
            proxy,
            is_untrusted,
        }) => {
            let at = format!("{endpoint} ({})", through(proxy));
            return vec![if *is_untrusted {
                let message = format!(
                    "{at} shows a certificate of an authority that is not trusted here: a proxy that \
                     swaps certificates does so"
                );
                TLS.fault(FaultKind::Unreachable, message).advise(
                    "name the file of your company's authority with SSL_CERT_FILE, or have the \
                     proxy leave this host alone",
                )
            } else {
                let message = format!("{at}: {}", plain(why, MOST_SAID));
                ENDPOINT
                    .fault(FaultKind::Unreachable, message)
                    .advise("see whether AEP_ENDPOINT, HTTPS_PROXY and the firewall fit")
            }];
        }
    };
    let Probe {
        proxy,
        certificate,
        ahead,
        took,
    } = probe;
    let answered = format!("answered in {} ms", took.as_millis());
    let tls = match certificate {
        CertificateTrust::Plain => "this machine, no TLS",
        CertificateTrust::Public => "certificate of a public authority",
        CertificateTrust::Private => "certificate of a private authority",
    };
    let message = format!("{endpoint}, {tls}, {}, {answered}", through(proxy));
    let mut findings = vec![ENDPOINT.fine(message)];
    if *certificate == CertificateTrust::Private {
        let message = "a proxy swaps certificates: the one that is shown is of no public authority, \
                       and is trusted on this machine alone";
        findings.push(TLS.notice(message).advise(
            "a proxy that decrypts can repeat a request, and backfill cannot prevent that: exclude \
             this host with NO_PROXY, or make sure that it repeats no POST",
        ));
    }
    findings.push(check_clock(*ahead));
    findings
}

fn check_clock(ahead: Option<SignedDuration>) -> Finding {
    let Some(ahead) = ahead else {
        return CLOCK.notice("the service's answer has no date: clocks cannot be compared");
    };
    let off = ahead.unsigned_abs();
    let side = if ahead.is_negative() {
        "ahead of"
    } else {
        "behind"
    };
    if off <= CLOCKS.unsigned_abs() {
        let seconds = off.as_secs();
        let message = if seconds == 0 {
            "the same as the service's".to_owned()
        } else {
            format!("{seconds} s {side} the service's")
        };
        return CLOCK.fine(message);
    }
    let message = format!("this machine is {} {side} the service", duration(off));
    let breaks = if ahead.is_negative() {
        "windows that are not over yet pass as over"
    } else {
        "windows that are over are refused as windows in the future"
    };
    let finding = if off > FAR_OFF.unsigned_abs() {
        CLOCK.fault(FaultKind::WouldNotWork, message)
    } else {
        CLOCK.notice(message)
    };
    finding.advise(format!(
        "set the clock: {breaks}, leases on a shared state are misjudged, and buckets refuse \
         signatures (settling and tokens go by the service's clock)"
    ))
}

/// What is known of a token that was got.
#[derive(Debug)]
pub(crate) struct SignInFacts {
    /// What it says of itself.
    pub claims: TokenClaims,
    /// How much longer it is good, as the sign-in service said.
    pub lifetime: Option<Duration>,
    /// Whether a new one can be had when it expires.
    pub is_renewed: bool,
    /// The API key that goes with it.
    pub api_key: String,
    pub now: Timestamp,
}

/// What a token is good for, and how long.
pub(crate) fn check_sign_in(facts: &SignInFacts) -> Finding {
    let SignInFacts {
        claims,
        lifetime,
        is_renewed,
        api_key,
        now,
    } = facts;
    let TokenClaims {
        expires,
        scopes,
        client_id,
    } = claims;
    let left = lifetime.or_else(|| {
        let left = expires.as_ref()?.duration_since(*now);
        Some(Duration::try_from(left).unwrap_or_default())
    });
    let how = if *is_renewed {
        "OAuth server-to-server"
    } else {
        "AEP_ACCESS_TOKEN"
    };
    let life = match left {
        Some(left) if left.is_zero() => "expired".to_owned(),
        Some(left) => format!("good for {}", duration(left)),
        None => "it does not say how long it is good".to_owned(),
    };
    let scopes = if scopes.is_empty() {
        String::new()
    } else {
        format!(", scopes {}", plain(&scopes.join(","), MOST_SAID))
    };
    let message = format!("{how}: {life}{scopes}");
    let fine = SIGN_IN.fine(&message);
    if client_id.as_ref().is_some_and(|client| client != api_key) {
        return SIGN_IN.notice(message).advise(
            "the token was issued for another client than AEP_API_KEY (or AEP_CLIENT_ID) names: the \
             gateway may refuse the pair",
        );
    }
    match left {
        Some(left) if !is_renewed && left.is_zero() => {
            SIGN_IN.fault(FaultKind::SignIn, message).advise(
                "get a new token, or set AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES: then \
                 tokens are renewed",
            )
        }
        Some(left) if !is_renewed && left < SHORT_LIFE => SIGN_IN.notice(message).advise(
            "an apply that takes longer ends there: set AEP_CLIENT_ID, AEP_CLIENT_SECRET and \
                 AEP_SCOPES, and tokens are renewed",
        ),
        _ => fine,
    }
}

/// Whether the service lists the flows of a sandbox for us.
pub(crate) fn check_sandbox(sandbox: &Sandbox, answer: Result<(), &ApiError>) -> Finding {
    /// Codes that say that there is no such sandbox.
    const UNKNOWN: [&str; 4] = ["FLOW-2100-", "FLOW-2101-", "FLOW-2103-", "FLOW-2106-"];

    let check = Check(AREA, "sandbox", "sandbox");
    let subject = format!("sandbox {sandbox}");
    let Err(error) = answer else {
        let message = "the organization and the sandbox are accepted";
        return check.fine(message).about(subject);
    };
    let said = plain(&error.to_string(), MOST_SAID);
    let (message, advice) = match error {
        ApiError::Refused(Refusal {
            code: Some(code), ..
        }) if UNKNOWN.iter().any(|known| code.raw().starts_with(known)) => {
            let advice = "name the sandbox by its name, not by its title: `sandbox` in the manifest \
                          or the config, or AEP_SANDBOX_NAME";
            (format!("there is none of this name: {said}"), Some(advice))
        }
        ApiError::Refused(refusal) if refusal.status == 403 => {
            let advice = "give the credential's role the permissions View Sources and Manage Sources \
                          in this sandbox";
            (said, Some(advice))
        }
        _ => (said, error.hint()),
    };
    let finding = check.fault(kind_of(error), message).about(subject);
    match advice {
        Some(advice) => finding.advise(advice),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Mark;

    fn probe(certificate: CertificateTrust, ahead: Option<i64>) -> Vec<Finding> {
        let probe = Probe {
            proxy: Some("proxy.corp:3128".to_owned()),
            certificate,
            ahead: ahead.map(SignedDuration::from_secs),
            took: Duration::from_millis(20),
        };
        check_probe("https://platform.adobe.io", &Ok(probe))
    }

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off() {
        for (ahead, mark, said) in [
            (0, Mark::Fine, "the same as"),
            (-90, Mark::Fine, "90 s ahead of"),
            (200, Mark::Notice, "3 min 20 s behind the service"),
            (-200, Mark::Notice, "3 min 20 s ahead of the service"),
            (
                3_600,
                Mark::Fault(FaultKind::WouldNotWork),
                "this machine is 1 h behind the service",
            ),
            (
                -3_600,
                Mark::Fault(FaultKind::WouldNotWork),
                "this machine is 1 h ahead of the service",
            ),
        ] {
            let findings = probe(CertificateTrust::Public, Some(ahead));
            let clock = findings.last().expect("it is checked");
            assert_eq!(clock.mark, mark, "{ahead}");
            assert!(clock.message.contains(said), "{}", clock.message);
        }
        let unknown = probe(CertificateTrust::Public, None);
        assert_eq!(unknown.last().expect("checked").mark, Mark::Notice);
    }

    #[test]
    fn a_proxy_that_swaps_certificates_is_named_whether_it_is_trusted_or_not() {
        let trusted = probe(CertificateTrust::Private, Some(0));
        let said = |finding: &Finding| finding.message.contains("swaps certificates");
        assert!(trusted.iter().any(|it| said(it) && it.mark == Mark::Notice));
        let untrusted = Unreached {
            why: "no connection".to_owned(),
            proxy: Some("proxy.corp:3128".to_owned()),
            is_untrusted: true,
        };
        let [finding] = &check_probe("https://platform.adobe.io", &Err(untrusted))[..] else {
            panic!("one finding");
        };
        assert!(said(finding) && finding.message.contains("proxy.corp:3128"));
        assert_eq!(finding.mark, Mark::Fault(FaultKind::Unreachable));
        let plain = probe(CertificateTrust::Public, Some(0));
        assert!(!plain.iter().any(said));
    }

    #[test]
    fn a_token_that_cannot_be_renewed_is_judged_by_how_long_it_lasts() {
        let facts = |left: Option<u64>, is_renewed| SignInFacts {
            claims: TokenClaims::default(),
            lifetime: left.map(Duration::from_secs),
            is_renewed,
            api_key: "our-key".to_owned(),
            now: Timestamp::UNIX_EPOCH,
        };
        for (left, is_renewed, mark) in [
            (Some(86_399), true, Mark::Fine),
            (Some(60), true, Mark::Fine),
            (Some(86_399), false, Mark::Fine),
            (Some(60), false, Mark::Notice),
            (Some(0), false, Mark::Fault(FaultKind::SignIn)),
            (None, false, Mark::Fine),
        ] {
            let finding = check_sign_in(&facts(left, is_renewed));
            assert_eq!(finding.mark, mark, "{left:?} {is_renewed}");
        }
        let mut other = facts(None, false);
        other.claims.client_id = Some("another".to_owned());
        assert_eq!(check_sign_in(&other).mark, Mark::Notice);
    }

    #[test]
    fn a_sandbox_that_is_not_there_is_told_from_one_that_may_not_be_seen() {
        let sandbox = "prod".parse().expect("a sandbox");
        let refused = |status, code: &str| {
            ApiError::Refused(Refusal {
                status,
                code: Some(code.into()),
                message: "no".into(),
                request_id: None,
            })
        };
        for (error, trouble) in [
            (refused(404, "FLOW-2100-404"), FaultKind::WouldNotWork),
            (refused(403, "FLOW-2120-403"), FaultKind::SignIn),
            (
                ApiError::Unreachable("reset".to_owned()),
                FaultKind::Unreachable,
            ),
        ] {
            let finding = check_sandbox(&sandbox, Err(&error));
            assert_eq!(finding.mark, Mark::Fault(trouble), "{error}");
        }
        assert_eq!(check_sandbox(&sandbox, Ok(())).mark, Mark::Fine);
    }
}
