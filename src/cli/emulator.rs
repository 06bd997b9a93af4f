//! The emulator as verbs use it: `--emulator`, and `--scenario NAME|FILE`, which says how one behaves,
//! by a name that is built in or by a file.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use super::Exit;
use super::context::Context;
use super::failure::{Failure, chain};
use super::input::read_text;
use super::state_location::StateLocation;
use crate::api::{Client, Connection, Credentials, Pacer, Rate, Timeouts};
use crate::emulator::{Emulator, EmulatorError, FlowSeed, Options, Scenario};
use crate::manifest::Manifest;
use crate::run::OrganizationId;

/// How fast the emulator is asked: it needs no gentle pace, only one that can be watched.
const EMULATOR_RATE: f64 = 100.0;

/// The scenario that was asked for: one that is built in if `asked` is exactly its name, else the
/// file at that path.
pub(crate) fn read_scenario(asked: &str) -> Result<Scenario, Failure> {
    if let Some(scenario) = Scenario::built_in(asked) {
        return Ok(scenario);
    }
    let text = read_text("the scenario ", Path::new(asked)).map_err(|failure| {
        let names = Scenario::BUILT_IN.join(", ");
        failure.hint(format!("name a file, or one that is built in: {names}"))
    })?;
    Scenario::read(asked, &text).map_err(|error| {
        Failure::usage(format!("the scenario is wrong\n{error}")).at(asked, error.position())
    })
}

/// A client of an emulator with the flows of `manifests`, whose runs are kept beside its state.
pub(crate) async fn connect(
    context: &Context,
    manifests: &[Manifest],
) -> Result<(Client, OrganizationId, Emulator), Failure> {
    let folder = match &context.location {
        StateLocation::Folder(folder) => folder.clone(),
        StateLocation::Branch { .. } | StateLocation::Objects(_) => context.project.state(),
    };
    std::fs::create_dir_all(&folder).map_err(|error| {
        Failure::new(
            Exit::State,
            format!("could not create the folder {}: {error}", folder.display()),
        )
    })?;
    let emulator = Emulator::start(Options {
        flows: seeds(manifests),
        journal: Some(folder.join("service.jsonl")),
        ..Options::default()
    })
    .await?;
    if !context.quiet {
        let _ = writeln!(
            io::stderr().lock(),
            "note: this is the built-in emulator; nothing reaches Adobe"
        );
    }
    let organization = context
        .organization
        .clone()
        .expect("the emulator's context has its organization");
    let connection = Connection {
        endpoint: Url::parse(&emulator.url()).expect("the emulator's own URL"),
        organization: organization.clone(),
        api_key: "emulator".to_owned(),
        // What begins like it is taken for it, and shown as no client's name: not like the API key.
        credentials: Credentials::AccessToken(SecretString::from("token-of-the-built-in")),
        timeouts: Timeouts::default(),
    };
    let rate = Rate::per_second(EMULATOR_RATE).expect("a constant rate");
    let client = Client::new(connection, Arc::new(Pacer::new(rate)))?;
    let client = client.speaking(context.config.wire.dialect());
    Ok((client, organization, emulator))
}

/// The flows that `manifests` name.
pub(crate) fn seeds(manifests: &[Manifest]) -> Vec<FlowSeed> {
    manifests
        .iter()
        .map(|manifest| FlowSeed {
            id: manifest.flow.id,
            sandbox: manifest.flow.sandbox.clone(),
            name: manifest.request.name.raw().to_owned(),
            source: (*manifest.request.source).clone(),
        })
        .collect()
}

impl From<EmulatorError> for Failure {
    fn from(error: EmulatorError) -> Self {
        let exit = match error {
            EmulatorError::UnknownFlow(_) => Exit::Usage,
            EmulatorError::Listen { .. } | EmulatorError::Journal { .. } => Exit::Unexpected,
        };
        Self::new(
            exit,
            format!("could not start the emulator: {}", chain(&error)),
        )
    }
}
