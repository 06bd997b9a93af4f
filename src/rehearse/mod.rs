//! A rehearsal: applies as processes of their own against an emulator, each in turn killed at a moment
//! that is drawn from a seed, and at the end a comparison with the emulator's own count.
//!
//! The user's state, credentials and endpoint are not touched, and nothing reaches Adobe.

mod apply_process;
mod counts;
mod folder;
mod kill;
mod kill_loop;
mod result;
mod text;

pub(crate) use counts::judge;
pub(crate) use folder::Folder;
pub(crate) use kill::Draws;
pub(crate) use kill_loop::{Aborted, KillLoop};
pub(crate) use result::{Rehearsal, RehearsalCounts};
