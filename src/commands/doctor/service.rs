//! Asks the service who it is, and whether it lets us in.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::failed;
use crate::api::{ApiError, Client, probe, unusable_certificates};
use crate::cli::connect::timeouts;
use crate::cli::context::Context;
use crate::cli::environment::variable;
use crate::cli::failure::Failure;
use crate::doctor::{Check, Finding, SignInFacts, check_probe, check_sandbox, check_sign_in};
use crate::manifest::Manifest;
use crate::run::Sandbox;

/// How the endpoint is reached, and what time it is there; whether it answers.
pub(super) async fn check_endpoint(context: &Context, found: &mut Vec<Finding>) -> bool {
    if context.emulator {
        found.push(Check::ENDPOINT.fine("the built-in emulator: nothing reaches Adobe"));
        return true;
    }
    let endpoint = context.endpoint.as_str().trim_end_matches('/');
    if let Some(wrong) = unusable_certificates(variable) {
        found.push(Check::CERTIFICATES.notice(wrong));
    }
    let probed = probe(&context.endpoint, timeouts(context)).await;
    found.extend(check_probe(endpoint, &probed));
    probed.is_ok()
}

/// Whether there is a token.
pub(super) async fn sign_in(context: &Context, client: &Client, found: &mut Vec<Finding>) -> bool {
    let token = match client.auth().token().await {
        Ok(token) => token,
        Err(error) => {
            let failure = Failure::from(ApiError::Auth(error));
            found.push(failed(Check::SIGN_IN, &failure));
            return false;
        }
    };
    if !context.emulator {
        found.push(check_sign_in(&SignInFacts {
            claims: token.claims(),
            lifetime: token.lifetime(),
            is_renewed: client.auth().can_renew(),
            api_key: client.api_key().to_owned(),
            now: Timestamp::now(),
        }));
    }
    true
}

/// Which of the sandboxes that are named are open to us.
pub(super) async fn open_sandboxes<'m>(
    context: &'m Context,
    client: &Client,
    manifests: &'m [Manifest],
    found: &mut Vec<Finding>,
) -> BTreeSet<&'m Sandbox> {
    let of_manifests = manifests.iter().map(|manifest| &manifest.flow.sandbox);
    let sandboxes: BTreeSet<&Sandbox> = of_manifests.chain(&context.sandbox).collect();
    let mut open = BTreeSet::new();
    for sandbox in sandboxes {
        let answer = client.open_sandbox(sandbox).await;
        found.push(check_sandbox(sandbox, answer.as_ref().map(drop)));
        if answer.is_ok() {
            open.insert(sandbox);
        }
    }
    open
}
