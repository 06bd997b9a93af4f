//! The real binary against the real emulator over real sockets, in an empty environment.

mod anywhere;
mod apply;
mod audit;
#[cfg(target_os = "linux")] // clocks are turned by LD_PRELOAD
mod bad_hour;
mod bad_input;
mod bad_manifests;
#[cfg(unix)] // links, and files that may not be read
mod build_script;
#[cfg(all(unix, feature = "crash-points"))] // that a process died there is told by its signal
mod crash_points;
#[cfg(unix)] // `ulimit`
mod descriptors;
#[cfg(unix)] // mounts, permissions and limits of Unix
mod disk;
mod docs;
mod doctor;
mod flows;
mod follow;
#[cfg(target_os = "linux")] // /dev/full
mod full_disk;
#[cfg(target_os = "linux")] // the workflows' runner, Ubuntu, and its bash and tar
mod github;
mod golden;
mod good_manifests;
mod hostile;
mod hostile_service;
mod import;
mod init;
#[cfg(unix)] // no process sends Ctrl-C to another elsewhere
mod interrupted;
mod lock;
mod manifest_laws;
mod one_request;
#[cfg(target_os = "linux")]
mod other_ci;
mod page;
mod plan;
mod plan_online;
mod rehearse;
#[cfg(target_os = "linux")] // archives are packed by GNU tar
mod releases;
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
#[cfg(target_os = "linux")] // `script`, which has other flags elsewhere
mod terminal;
mod validate;
mod version;
mod wire;
mod wire_settings;
