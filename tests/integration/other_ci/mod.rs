//! The examples for other CI systems than GitHub Actions, played from the very files of `docs/ci`: their
//! scripts in the system's shells, the real binary, a bare repository, the emulator, and stand-ins for the
//! systems' APIs.

mod archive;
mod azure;
mod azure_pipeline;
mod comments;
mod gitlab;
mod gitlab_pipeline;
mod jenkins;
mod jenkinsfile;
mod machine;
mod notes;
mod team;
mod threads;
