//! A faithful Flow Service on this machine: the first command's backend, the user's rehearsal,
//! the tests' server.
//!
//! [`Emulator::start`] takes flows, a [`Scenario`] and where to listen, and serves what is known
//! of Adobe's Flow Service under `/data/foundation/flowservice`, with its gateway before it and
//! IMS beside it. It shares no code with the client: what it reads and writes was taken from
//! Adobe's documentation, not from our own idea of it. `GET /_emulator/ledger` is its own count
//! of what it got and stored. Nothing else in this program may depend on how it works inside.
//!
//! The calm scenario accepts any token, key and organization, and each run succeeds after three
//! seconds. A scenario file changes the service and gives it faults; three of them, from `calm` to
//! `storm`, are built in ([`Scenario::built_in`]). `docs/rehearsal.md` has one that names every knob.

mod built_in;
mod call;
mod chance;
mod clock;
mod delay;
mod faults;
mod flows;
mod gateway;
mod journal;
mod kind;
mod ledger;
mod listing;
mod near_window;
mod params;
mod reply;
mod run_body;
mod run_lifecycle;
mod runs;
mod scenario;
mod server;
mod service;
mod service_state;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::run::{FlowId, Sandbox, Source};

pub(crate) use chance::draw;
pub use delay::Delay;
pub use faults::{Fault, FaultBody, FaultRule, FaultTiming, RetryAfterForm};
pub use kind::RequestKind;
pub use ledger::{Arrival, Arrived, Ledger, StoredRun};
pub use near_window::NearWindow;
pub use scenario::{Dialect, EmulatedOutcome, FlowOverride, PageTokens, Scenario, Timestamps};

use clock::Clock;
use server::Server;
use service::Service;
use service_state::ServiceState;

/// A flow that exists from the start.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowSeed {
    /// Its id.
    pub id: FlowId,
    /// The sandbox it lives in.
    pub sandbox: Sandbox,
    /// Its name.
    pub name: String,
    /// What it reads; the delta column of a table is not written into the flow: the first run
    /// does that.
    pub source: Source,
}

/// What an emulator serves, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 is any free one.
    pub listen: SocketAddr,
    /// The flows that exist; of several with the same sandbox and id the first counts.
    pub flows: Vec<FlowSeed>,
    /// How the service behaves.
    pub scenario: Scenario,
    /// The file in which runs outlive this emulator; `None`: they do not.
    pub journal: Option<PathBuf>,
}

impl Default for Options {
    /// Any free port of this machine alone, no flows, calm, nothing kept.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            flows: Vec::new(),
            scenario: Scenario::default(),
            journal: None,
        }
    }
}

/// Why an emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// The address is taken, or not ours.
    #[error("could not listen at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The journal cannot be used.
    #[error("could not use the emulator's journal {}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The scenario changes a flow that does not exist.
    #[error("the scenario changes the flow {0}, which is not among the emulator's flows")]
    UnknownFlow(FlowId),
}

/// A running emulator; dropping it stops it.
#[derive(Debug)]
pub struct Emulator {
    service: Arc<Service>,
    server: Server,
}

impl Emulator {
    /// Starts to serve, on the tokio runtime of the caller.
    ///
    /// # Errors
    /// When the address cannot be listened at, the journal cannot be used, or the scenario names
    /// a flow that is not in `options`.
    pub async fn start(options: Options) -> Result<Self, EmulatorError> {
        let Options {
            listen,
            flows,
            scenario,
            journal,
        } = options;
        let open = |path: PathBuf| {
            let opened = journal::RunJournal::open(&path);
            opened.map_err(|source| EmulatorError::Journal { path, source })
        };
        let remembered = journal.map(open).transpose()?;
        let state = ServiceState::new(flows, scenario, remembered);
        let state = state.map_err(EmulatorError::UnknownFlow)?;
        let service = Arc::new(Service::new(state, Clock::system()));
        let server = Server::start(listen, Arc::clone(&service))
            .await
            .map_err(|source| EmulatorError::Listen {
                address: listen,
                source,
            })?;
        Ok(Self { service, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The endpoint to give to a client, in the place of `https://platform.adobe.io` and of
    /// `https://ims-na1.adobelogin.com`: no path, no slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// What it got and stored so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.service.ledger()
    }

    /// How much arrived so far, and whatever arrives from now on.
    #[must_use]
    pub fn arrived(&self) -> watch::Receiver<Arrived> {
        self.service.counts.watch()
    }

    /// How many runs have failed and were not run again.
    #[must_use]
    pub fn failed(&self) -> usize {
        let failed = self.service.ledger().ends.get("failed").copied();
        failed.map_or(0, |failed| usize::try_from(failed).unwrap_or(usize::MAX))
    }

    /// How many runs exist.
    #[must_use]
    pub fn stored(&self) -> usize {
        self.service.state.run_count()
    }

    /// Closes the port and every connection.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// The value behind a lock; a panic elsewhere while it was held does not spread.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
