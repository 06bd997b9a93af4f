//! What the tests share: a folder to run the binary in, the emulator, git, chance, what people
//! do beside us, and archives of releases.

pub(crate) mod by_hand;
pub(crate) mod dice;
pub(crate) mod emulated;
pub(crate) mod git;
#[cfg(target_os = "linux")]
pub(crate) mod release;
pub(crate) mod workspace;
