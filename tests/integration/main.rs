//! The real binary against the real emulator over real sockets, in an empty environment.

mod apply;
mod bad_input;
mod bad_manifests;
mod emulated;
mod good_manifests;
mod interrupted;
mod one_request;
mod plan;
mod status;
mod storm;
mod validate;
mod workspace;
