//! What the verbs share: from flags, environment and config to the things that a verb works with,
//! and from its result or its error back to a message and an exit code.
//!
//! `config` reads the file (`wire` the part of it about the service, `length` times), `context` puts
//! flags over environment over file, `project` finds the folder of the config, `environment` reads
//! variables, `ci` those of a CI job, `state_location` the place of the state, and `lock` takes hold of it.
//! `input` reads files of a person, `desired` leads from paths to runs, `connect` from the environment to a
//! client, `emulator` to one of the emulator; `session` is client and state together, and sends. `ask` asks
//! a person, `signals` hears Ctrl-C, `watch` shows an apply, `silence` says when a line is due although
//! nothing happens. `failure` turns errors into messages with an `exit` code; `present` shows results and
//! failures, `output` writes them, `actions` and `github` tell a job and a pull request.
//! Nothing here knows a verb.

pub(crate) mod actions;
pub(crate) mod ask;
pub(crate) mod ci;
pub(crate) mod config;
pub(crate) mod connect;
pub(crate) mod context;
pub(crate) mod desired;
#[cfg(feature = "emulator")]
pub(crate) mod emulator;
pub(crate) mod environment;
pub(crate) mod exit;
pub(crate) mod failure;
pub(crate) mod github;
pub(crate) mod input;
pub(crate) mod length;
pub(crate) mod lock;
pub(crate) mod outcomes;
pub(crate) mod output;
pub(crate) mod present;
pub(crate) mod project;
pub(crate) mod session;
pub(crate) mod signals;
pub(crate) mod silence;
pub(crate) mod state_location;
pub(crate) mod watch;
mod wire;

pub use exit::Exit;

/// A result for standard output, whose reader may have gone: then there is nobody to tell.
type WriteResult = std::io::Result<()>;
