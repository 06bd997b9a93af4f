//! What the tests share: a folder to run the binary in, the emulator, git, chance, and what people
//! do beside us.

pub(crate) mod by_hand;
pub(crate) mod dice;
pub(crate) mod emulated;
pub(crate) mod git;
pub(crate) mod workspace;
