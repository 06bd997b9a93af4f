//! What the tests share: a folder to run the binary in, the emulator, git, chance, what people
//! do beside us, what a machine can do, clocks that are wrong, and archives of releases.

#[cfg(target_os = "linux")]
pub(crate) mod bad_hour;
pub(crate) mod by_hand;
pub(crate) mod dice;
pub(crate) mod emulated;
pub(crate) mod git;
#[cfg(unix)] // a shell
pub(crate) mod machine;
#[cfg(target_os = "linux")]
pub(crate) mod release;
#[cfg(target_os = "linux")] // LD_PRELOAD
pub(crate) mod turned_clock;
pub(crate) mod workspace;
