//! The real binary against the real emulator over real sockets, in an empty environment.

mod apply;
mod audit;
mod bad_input;
mod bad_manifests;
mod by_hand;
mod emulated;
mod good_manifests;
mod hostile;
mod import;
mod init;
mod interrupted;
mod manifest_laws;
mod one_request;
mod plan;
mod readme_rules;
mod schema;
mod status;
mod storm;
mod validate;
mod workspace;
