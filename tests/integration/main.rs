//! The real binary against the real emulator over real sockets, in an empty environment.

mod apply;
mod bad_input;
mod bad_manifests;
#[cfg(all(unix, feature = "crash-points"))]
mod crash_points;
mod emulated;
mod good_manifests;
mod hostile;
mod init;
mod interrupted;
mod manifest_laws;
mod one_request;
mod plan;
mod readme_rules;
mod rehearse;
mod schema;
mod status;
mod storm;
mod validate;
mod workspace;
