//! The vocabulary: what a run is, before anything is read, planned or sent.
//!
//! Takes plain values and gives checked ones: ids that cannot be mixed up, a [`Window`] that
//! cannot be empty, a [`Key`] that is the content hash of a [`RunIdentity`]. Knows no YAML, no
//! file, no network and no clock; every other module imports this one and it imports none.

mod counts;
mod desired;
mod id;
mod identity;
mod key;
mod other_run;
mod status;
mod time;
mod window;
mod window_status;

pub(crate) use counts::{Counted, Counts};
pub use desired::{DeltaColumn, DesiredRun, Order, Origin, Request, Source};
pub use id::{FlowId, IdError, OrganizationId, RunId, Sandbox};
pub use identity::{FlowRef, Rerun, RunIdentity};
pub use key::{Key, KeyError, KeyPrefix, PickError};
pub(crate) use key::{hex, hex_digits};
pub use other_run::{Obstacle, OtherRun};
pub use status::{ByteCounts, RecordCounts, RunStatus};
pub use time::{TimeError, UnixSeconds};
pub use window::{Window, WindowError};
pub(crate) use window_status::WindowStatus;
