//! What the service lists, beside what is recorded and wanted: which listed run is which, and what
//! follows from it.
//!
//! [`matching`] is the one rule; the others ask it. `preflight` says whether a flow may be sent to and
//! what of it exists, `settle` what one list tells of runs in doubt and `settle_schedule` what several
//! do, [`resolve`] whether a person's decision fits, [`audit`] what differs, [`import`] what runs made
//! by hand stand for, `status` how runs are doing, `look` what an apply would find. All of it are
//! functions of plain data, but for the reads in `listing`, `status` and `resolve`.

#[cfg(test)]
mod agreement;
pub(crate) mod audit;
mod doubt;
pub(crate) mod import;
mod listing;
pub(crate) mod look;
pub(crate) mod matching;
pub(crate) mod preflight;
mod reason;
pub(crate) mod resolve;
mod seen;
pub(crate) mod settle;
pub(crate) mod settle_schedule;
pub(crate) mod status;

pub(crate) use doubt::{OpenDoubt, SettleContext, settle};
pub(crate) use listing::{
    Extent, FlowRecords, LIST_SELDOM, LIST_SOON, MOST_SINGLE, Moment, Observation, Query, observe,
};
pub(crate) use reason::{Blocked, DoubtfulList, Unclear};
pub(crate) use seen::{all_news, news};
pub(crate) use settle_schedule::{INTENT_LIFE, LEAVES_WITHIN};
