//! Whether the service can be reached, whose certificate it shows, what time it is there, and whether
//! it takes the credentials.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Check, FaultKind, Finding};
use crate::amounts::duration;
use crate::api::{ApiError, CLOCKS, CertificateTrust, Probe, TokenClaims, Unreached};
use crate::run::Sandbox;
use crate::state::Refusal;
use crate::untrusted::{Untrusted, plain};

/// A clock that is further off than this breaks more than a warning can say.
const FAR_OFF: Duration = Duration::from_secs(10 * 60);
/// A token that is good for less than this may not last for an apply.
const SHORT_LIFE: Duration = Duration::from_secs(60 * 60);
/// How much of what the service says is quoted.
const LONGEST_QUOTE: usize = 300;

/// How the host was reached, and what time it is there.
pub(crate) fn check_probe(endpoint: &str, probe: &Result<Probe, Unreached>) -> Vec<Finding> {
    let proxy = match probe {
        Ok(Probe { proxy, .. }) | Err(Unreached { proxy, .. }) => proxy,
    };
    let through = match proxy {
        Some(proxy) => format!("through the proxy {}", plain(proxy, 100)),
        None => "no proxy".to_owned(),
    };
    let probe = match probe {
        Ok(probe) => probe,
        Err(unreached) if unreached.is_untrusted => {
            let message = format!(
                "{endpoint} ({through}) shows a certificate of an authority that is not trusted \
                 here: a proxy that swaps certificates does so"
            );
            return vec![Check::TLS.fault(FaultKind::Unreachable, message).advise(
                "name the file of your company's authority with SSL_CERT_FILE, or have the proxy \
                 leave this host alone",
            )];
        }
        Err(unreached) => {
            let why = plain(&unreached.why, LONGEST_QUOTE);
            let message = format!("{endpoint} ({through}): {why}");
            let finding = Check::ENDPOINT.fault(FaultKind::Unreachable, message);
            let advice = "see whether AEP_ENDPOINT, HTTPS_PROXY and the firewall fit";
            return vec![finding.advise(advice)];
        }
    };
    let tls = match probe.certificate {
        CertificateTrust::Plain => "this machine, no TLS",
        CertificateTrust::Public => "certificate of a public authority",
        CertificateTrust::Private => "certificate of a private authority",
    };
    let took = probe.took.as_millis();
    let message = format!("{endpoint}, {tls}, {through}, answered in {took} ms");
    let mut findings = vec![Check::ENDPOINT.fine(message)];
    if probe.certificate == CertificateTrust::Private {
        let message = "a proxy swaps certificates: the one that is shown is of no public \
                       authority, and is trusted on this machine alone";
        findings.push(Check::TLS.notice(message).advise(
            "a proxy that decrypts can repeat a request, and backfill cannot prevent that: exclude \
             this host with NO_PROXY, or make sure that it repeats no POST",
        ));
    }
    findings.push(match probe.ahead {
        Some(ahead) => check_clock(ahead),
        None => Check::CLOCK.notice("the service's answer has no date: clocks cannot be compared"),
    });
    findings
}

fn check_clock(ahead: SignedDuration) -> Finding {
    let off = ahead.unsigned_abs();
    let (side, breaks) = if ahead.is_negative() {
        ("ahead of", "windows that are not over yet pass as over")
    } else {
        (
            "behind",
            "windows that are over are refused as windows in the future",
        )
    };
    if off.as_secs() == 0 {
        return Check::CLOCK.fine("the same as the service's");
    } else if off <= CLOCKS.unsigned_abs() {
        let seconds = off.as_secs();
        return Check::CLOCK.fine(format!("{seconds} s {side} the service's"));
    }
    let message = format!("this machine is {} {side} the service", duration(off));
    let finding = if off > FAR_OFF {
        Check::CLOCK.fault(FaultKind::WouldNotWork, message)
    } else {
        Check::CLOCK.notice(message)
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
    let TokenClaims {
        expires,
        scopes,
        client_id,
    } = &facts.claims;
    let left = facts.lifetime.or_else(|| {
        let left = expires.as_ref()?.duration_since(facts.now);
        Some(Duration::try_from(left).unwrap_or_default())
    });
    let (how, unrenewed) = if facts.is_renewed {
        ("OAuth server-to-server", None)
    } else {
        ("AEP_ACCESS_TOKEN", left)
    };
    let life = match left {
        Some(left) if left.is_zero() => "expired".to_owned(),
        Some(left) => format!("good for {}", duration(left)),
        None => "it does not say how long it is good".to_owned(),
    };
    let scopes = if scopes.is_empty() {
        String::new()
    } else {
        format!(", scopes {}", plain(&scopes.join(","), LONGEST_QUOTE))
    };
    let message = format!("{how}: {life}{scopes}");
    // The gateway may take the pair, so it is no fault.
    if client_id
        .as_ref()
        .is_some_and(|client| *client != facts.api_key)
    {
        return Check::SIGN_IN.notice(message).advise(
            "the token was issued for another client than AEP_API_KEY (or AEP_CLIENT_ID) names: the \
             gateway may refuse the pair",
        );
    }
    match unrenewed {
        Some(left) if left.is_zero() => Check::SIGN_IN.fault(FaultKind::SignIn, message).advise(
            "get a new token, or set AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES: then \
                 tokens are renewed",
        ),
        Some(left) if left < SHORT_LIFE => Check::SIGN_IN.notice(message).advise(
            "an apply that takes longer ends there: set AEP_CLIENT_ID, AEP_CLIENT_SECRET and \
             AEP_SCOPES, and tokens are renewed",
        ),
        _ => Check::SIGN_IN.fine(message),
    }
}

/// Whether the service lists the flows of a sandbox for us.
pub(crate) fn check_sandbox(sandbox: &Sandbox, answer: Result<(), &ApiError>) -> Finding {
    let finding = match answer {
        Ok(()) => Check::SANDBOX.fine("the organization and the sandbox are accepted"),
        Err(error) => refused_sandbox(error),
    };
    finding.about(format!("sandbox {sandbox}"))
}

fn refused_sandbox(error: &ApiError) -> Finding {
    let quote = plain(error, LONGEST_QUOTE);
    let is_unknown = |refusal: &Refusal| {
        let code = refusal.code.as_ref().map_or("", Untrusted::raw);
        let mut codes = ["2100", "2101", "2103", "2106"].into_iter();
        codes.any(|number| code.starts_with(&format!("FLOW-{number}-")))
    };
    match error {
        ApiError::Refused(refusal) if is_unknown(refusal) => {
            let message = format!("there is none of this name: {quote}");
            Check::SANDBOX
                .fault(FaultKind::WouldNotWork, message)
                .advise(
                    "name the sandbox by its name, not by its title: `sandbox` in the manifest or \
                     the config, or AEP_SANDBOX_NAME",
                )
        }
        ApiError::Refused(refusal) if refusal.status == 403 => {
            Check::SANDBOX.fault(FaultKind::SignIn, quote).advise(
                "give the credential's role the permissions View Sources and Manage Sources in \
                 this sandbox",
            )
        }
        error => {
            let mut finding = Check::SANDBOX.fault(error.into(), quote);
            finding.advice = error.hint().map(str::to_owned);
            finding
        }
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
    fn a_missing_sandbox_and_a_missing_permission_are_different_faults() {
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
