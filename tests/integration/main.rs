//! The real binary against the real emulator over real sockets, in an empty environment.

mod apply;
mod bad_input;
mod bad_manifests;
mod emulated;
mod good_manifests;
mod hostile;
mod hostile_service;
mod init;
mod interrupted;
mod manifest_laws;
mod one_request;
mod plan;
mod readme_rules;
mod schema;
mod secrets;
mod status;
mod storm;
mod validate;
mod wire;
mod workspace;
