//! What `backfill doctor` checks: facts in, findings out. Functions of plain data: who reads the
//! facts, and asks for them in which order, is the command's part.
//!
//! `check` is the table of the checks. `list_shape` reads what lists of runs show, and `behaviour`
//! says what follows from that where Adobe's documents are silent.

mod behaviour;
mod check;
mod diagnosis;
mod flows;
mod list_shape;
mod service;
mod settings;
mod state;

pub(crate) use behaviour::{BehaviourFacts, check_behaviour};
pub(crate) use check::Check;
pub(crate) use diagnosis::{Area, CheckCounts, Diagnosis, FaultKind, Finding, Mark, Settling};
pub(crate) use flows::{FlowAnswer, check_flows};
pub(crate) use list_shape::ListShape;
pub(crate) use service::{SignInFacts, check_probe, check_sandbox, check_sign_in};
pub(crate) use settings::{Needs, check_variables};
pub(crate) use state::{StateFacts, check_state, check_write};
