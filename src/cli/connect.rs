//! From the environment to a client: the only place where secrets enter the program.

use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;
use url::Url;

use super::Exit;
use super::context::Context;
use super::environment::{has_credentials, sendable, variable};
use super::failure::Failure;
use crate::api::{
    Client, Connection, Credentials, Pacer, Timeouts, is_loopback, unusable_certificates,
};
use crate::manifest::Manifest;
use crate::run::OrganizationId;

/// Where tokens come from, unless said otherwise.
const IMS: &str = "https://ims-na1.adobelogin.com";

/// A client, and what ends with it.
pub(crate) struct Connected {
    pub(crate) client: Arc<Client>,
    pub(crate) organization: OrganizationId,
    /// What is held so that it goes on, such as an emulator, and is ended by this.
    pub(crate) end: BoxFuture<'static, ()>,
}

impl Connected {
    /// Lets what is behind the client write and end.
    pub(crate) async fn close(self) {
        self.end.await;
    }
}

/// The service that `context` names, or an emulator with the flows of `manifests`.
pub(crate) async fn connect(
    context: &Context,
    manifests: &[Manifest],
) -> Result<Connected, Failure> {
    #[cfg(feature = "emulator")]
    if context.emulator {
        let connected = super::emulator::connect(context, manifests).await?;
        let (client, organization, emulator) = connected;
        return Ok(Connected {
            client: Arc::new(client),
            organization,
            end: Box::pin(emulator.stop()),
        });
    }
    #[cfg(not(feature = "emulator"))]
    let _ = manifests;
    let organization = context.organization.clone().ok_or_else(|| {
        Failure::usage("no organization is known")
            .hint("set AEP_ORG_ID, or `organization:` in backfill.yaml")
    })?;
    let (credentials, client_id) = credentials()?;
    let api_key = sendable("AEP_API_KEY")?.or(client_id).ok_or_else(|| {
        Failure::new(Exit::SignIn, "no API key is known")
            .hint("set AEP_API_KEY to the client id that the token was issued for")
    })?;
    let connection = Connection {
        endpoint: context.endpoint.clone(),
        organization: organization.clone(),
        api_key,
        credentials,
        timeouts: timeouts(context),
    };
    if let Some(wrong) = unusable_certificates(variable) {
        context.say(&format!("warning: {wrong}"));
    }
    let pacer = Arc::new(Pacer::new(context.config.limits.rate));
    Ok(Connected {
        client: Arc::new(Client::new(connection, pacer)?.speaking(context.config.wire.dialect())),
        organization,
        end: Box::pin(async {}),
    })
}

/// How long to wait for the service, by the config.
pub(crate) fn timeouts(context: &Context) -> Timeouts {
    let wire = &context.config.wire;
    let Timeouts { connect, total } = Timeouts::default();
    Timeouts {
        connect: wire.connect_timeout.unwrap_or(connect),
        total: wire.timeout.unwrap_or(total),
    }
}

/// How to sign in, and the client id if the environment has one.
fn credentials() -> Result<(Credentials, Option<String>), Failure> {
    let client_id = sendable("AEP_CLIENT_ID")?;
    if let Some(token) = sendable("AEP_ACCESS_TOKEN")? {
        // Copied from a header, it brings the scheme.
        let scheme = token.split_at_checked("Bearer ".len());
        let token = match scheme {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => token.trim(),
            _ => &token,
        };
        let credentials = Credentials::AccessToken(SecretString::from(token));
        return Ok((credentials, client_id));
    }
    let missing = |name: &str| {
        Failure::new(Exit::SignIn, format!("no access token: {name} is not set")).hint(
            "set AEP_ACCESS_TOKEN, or AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES \
             (OAuth server-to-server)",
        )
    };
    let Some(client_id) = client_id else {
        return Err(missing("AEP_ACCESS_TOKEN"));
    };
    let client_secret = sendable("AEP_CLIENT_SECRET")?
        .map(SecretString::from)
        .ok_or_else(|| missing("AEP_CLIENT_SECRET"))?;
    let scopes = variable("AEP_SCOPES").map(|text| scopes(&text));
    let scopes = scopes.ok_or_else(|| missing("AEP_SCOPES"))?;
    let ims = variable("AEP_IMS_ENDPOINT").unwrap_or_else(|| IMS.to_owned());
    let ims = Url::parse(&ims)
        .ok()
        .filter(|url| url.scheme() == "https" || is_loopback(url))
        .filter(|url| !has_credentials(url))
        .ok_or_else(|| Failure::usage("AEP_IMS_ENDPOINT is not an https://HOST"))?;
    let credentials = Credentials::ClientSecret {
        client_id: client_id.clone(),
        client_secret,
        scopes,
        ims,
    };
    Ok((credentials, Some(client_id)))
}

/// The scopes that a variable lists, as Adobe's pages separate them, by commas; OAuth and Postman
/// separate them by blanks (RFC 6749, section 3.3), and a file by line breaks.
fn scopes(text: &str) -> String {
    let scopes = text.split(|c: char| c == ',' || c.is_whitespace());
    let scopes: Vec<&str> = scopes.filter(|scope| !scope.is_empty()).collect();
    scopes.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_separated_by_commas_blanks_or_lines() {
        for text in [
            "openid,session,AdobeID",
            "openid session AdobeID",
            "openid, session,\tAdobeID",
            "openid\nsession\r\nAdobeID\n",
            ",openid,,session ,AdobeID,",
        ] {
            assert_eq!(scopes(text), "openid,session,AdobeID", "{text:?}");
        }
    }
}
