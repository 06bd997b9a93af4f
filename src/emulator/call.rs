//! A request as the service takes it, before and after the gateway has let it in.

use hyper::HeaderMap;
use hyper::body::Bytes;

use super::clock::Millis;
use super::kind::RequestKind;
use super::service_state::{Caller, ServiceState};

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) kind: RequestKind,
    /// The id in its path, if its kind has one.
    pub(super) id: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) replica: Replica,
}

/// How far what answers is behind the service itself; not at all, unless a fault says so.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Replica {
    /// A read is answered as it was this long ago.
    pub(super) behind: Millis,
    /// A list of runs lacks so many of the newest.
    pub(super) without: usize,
}

/// A request that the gateway has let in, and what it is answered from.
pub(super) struct AuthorizedCall<'a> {
    pub(super) request: &'a Call,
    pub(super) caller: Caller,
    pub(super) state: &'a ServiceState,
    /// The moment as of which it is answered.
    pub(super) now: Millis,
}
