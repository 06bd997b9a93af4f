//! The real binary against the real emulator over real sockets, in an empty environment.

#[cfg(unix)]
mod anywhere;
mod apply;
mod audit;
mod bad_input;
mod bad_manifests;
#[cfg(all(unix, feature = "crash-points"))]
mod crash_points;
#[cfg(unix)]
mod disk;
mod docs;
mod doctor;
mod flows;
mod follow;
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(target_os = "linux")]
mod github;
mod golden;
mod good_manifests;
mod hostile;
mod hostile_service;
mod import;
mod init;
mod interrupted;
#[cfg(unix)]
mod lock;
mod manifest_laws;
mod one_request;
mod page;
mod plan;
mod plan_online;
mod rehearse;
#[cfg(unix)]
mod remote;
mod resolve;
mod reviewed_plan;
mod schema;
mod secrets;
mod settling;
mod sign_in;
mod state;
mod status;
mod storm;
mod structure;
mod support;
mod validate;
mod wire;
mod wire_settings;
