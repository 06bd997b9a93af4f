//! `--scenario NAME|FILE`: how an emulator behaves, by a name that is built in or by a file.

use super::failure::Failure;
use crate::emulator::Scenario;
use crate::file_text::text_of;

/// The scenario that was asked for: one that is built in if `asked` is exactly its name, else the
/// file at that path.
pub(crate) fn read(asked: &str) -> Result<Scenario, Failure> {
    if let Some(scenario) = Scenario::built_in(asked) {
        return Ok(scenario);
    }
    let bytes = std::fs::read(asked).map_err(|error| {
        Failure::usage(format!("could not read the scenario {asked}: {error}")).hint(format!(
            "name a file, or one that is built in: {}",
            Scenario::BUILT_IN.join(", ")
        ))
    })?;
    let text = text_of(&bytes).map_err(|error| Failure::not_text(asked, error))?;
    Scenario::read(asked, text).map_err(|error| {
        Failure::usage(format!("the scenario is wrong\n{error}")).at(asked, error.position())
    })
}
