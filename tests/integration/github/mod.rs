//! Jobs of GitHub Actions, played as a runner plays them: the real workflows and the real action, the
//! real binary, a bare repository, the emulator, and a stand-in for GitHub's API.

mod audit;
mod comment;
mod dispatch;
mod doctor;
mod hostile;
mod hub;
mod install;
pub(crate) mod job;
mod log;
mod story;
mod workflow;
