//! `--scenario NAME|FILE`: how an emulator behaves, by a name that is built in or by a file.

use super::failure::Failure;
use crate::emulator::Scenario;

/// The scenario that was asked for: one that is built in if `asked` is exactly its name, else the
/// file at that path.
pub(crate) fn read(asked: &str) -> Result<Scenario, Failure> {
    if let Some(scenario) = Scenario::built_in(asked) {
        return Ok(scenario);
    }
    let text = std::fs::read_to_string(asked).map_err(|error| {
        Failure::usage(format!("could not read the scenario {asked}: {error}")).hint(format!(
            "name a file, or one that is built in: {}",
            Scenario::BUILT_IN.join(", ")
        ))
    })?;
    Scenario::read(asked, &text).map_err(|error| {
        Failure::usage(format!("the scenario is wrong\n{error}")).at(asked, error.position())
    })
}
