//! `backfill` creates flow runs in Adobe Experience Platform from reviewed manifests, each
//! exactly once.
//!
//! The service's `POST /runs` ingests a time window of a dataflow again. It is not idempotent and
//! takes no idempotency key: a request whose answer was lost may have created a run or not, and
//! sending it again may ingest the window twice. Everything here is shaped by that.
//!
//! This is the code of a program, not a library to depend on: any release may change any item.
//! `cargo install aep-backfill` installs the program, `backfill --help` lists its commands, and the
//! manual is in `docs/` of the package, from `docs/introduction.md` on.
//!
//! # The story
//!
//! 1. [`manifest`] reads YAML files under review: text, nodes with places, checked manifests,
//!    desired runs. Every mistake of every file is reported at once, at its line.
//! 2. [`run`] says what a run is, and gives it its key: a hash of sandbox, flow, window and rerun,
//!    so that spelling never makes a window new. Its `WindowStatus` is the one answer to what became
//!    of a window.
//! 3. [`state`] is what we remember, the fold of a journal; [`store`] is where that is kept, and
//!    its [`LockedStore`](store::LockedStore) the only thing that can append to it.
//! 4. `plan` is the difference of the two: a value that can be shown or carried out.
//! 5. `engine` carries it out: the intent to send a run is durable before its request leaves;
//!    what comes back is recorded, or the run is in doubt until the service's own lists tell. The
//!    lists also tell how runs end; one that failed is run again the same way, as a new attempt.
//!    `reconcile` reads those lists: which listed run is which rerun of a window is decided in one
//!    module, for settling, preflight, the audit and the import alike.
//! 6. [`api`] is the client: one request per create, judged by one table, everything paced.
//! 7. `doctor` says before the first run what would not work, and learns from runs that exist what
//!    the service really does.
//! 8. `report` draws results: a verb's result is one value, its JSON document is made of it, and its
//!    text and its Markdown are one list of blocks with two writers. `github` keeps a comment or an
//!    issue up to date with them. [`commands`] has the verbs, and `cli` what they share: the session
//!    of those that send, flags, environment, config, exit codes.
//!
//! `emulator` is a Flow Service to rehearse against. [`crash`] lists where a test makes the program
//! die. The interface for others is the command line, the files and the JSON; `CONTRIBUTING.md` has
//! the whole of it. What is `pub` here is what tests and fuzz targets use.
//!
//! What a service or a manifest says is [`untrusted`] wherever it goes: its type shows it harmless.
//!
//! From text to plan all is pure: no clock, no network, no folder. A plan cannot send, the engine
//! cannot print, the report cannot send.
//!
//! # A manifest, read
//!
//! ```
//! use aep_backfill::manifest::{Rules, Sources, check};
//! use aep_backfill::run::UnixSeconds;
//!
//! let sources = Sources::from_texts([(
//!     "manifests/accounts.yaml",
//!     "version: 1\n\
//!      flowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n\
//!      sandbox: prod\n\
//!      source: table\n\
//!      deltaColumn: { name: DOB }\n\
//!      runs:\n\
//!      - { windowStartTime: 2022-05-03T13:36:31Z, windowEndTime: 2022-05-03T13:52:36Z }\n",
//! )]);
//! let now = UnixSeconds::new(1_764_000_000)?;
//! let checked = check(&sources, &Rules::at(now));
//! assert!(!checked.has_errors());
//!
//! assert_eq!(checked.runs.len(), 1);
//! assert_eq!(checked.runs[0].key().short(), "b75f22b6087c");
//! # Ok::<(), aep_backfill::run::TimeError>(())
//! ```

mod amounts;
pub mod api;
mod backoff;
mod cli;
pub mod commands;
pub mod crash;
mod doctor;
#[cfg(feature = "emulator")]
pub mod emulator;
mod engine;
mod file_text;
#[cfg(test)]
mod fixture;
mod github;
pub mod manifest;
mod plan;
mod reconcile;
#[cfg(feature = "rehearse")]
mod rehearse;
mod report;
pub mod run;
pub mod state;
pub mod store;
mod tls;
pub mod untrusted;
