//! The real binary against the real emulator over real sockets, in an empty environment.

mod apply;
mod bad_input;
mod emulated;
mod init;
mod interrupted;
mod one_request;
mod plan;
mod schema;
mod status;
mod storm;
mod validate;
mod workspace;
