//! From paths to the runs that are wanted, or to what is wrong with the manifests.

use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;

use super::Exit;
use super::context::Context;
use super::failure::Failure;
use crate::manifest::{Checked, Rules, Severity, Sources, check, read_paths, render_all};
use crate::plan::Selection;
use crate::run::{FlowId, KeyPrefix, UnixSeconds};

/// Where manifests are, unless said otherwise.
const DEFAULT: &str = "manifests";

/// The manifests to read.
#[derive(Debug, clap::Args)]
pub(super) struct Paths {
    /// Manifests, or folders of them [default: manifests]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// The part of a plan that is wanted.
#[derive(Debug, clap::Args)]
pub(super) struct Narrow {
    /// Only this flow; may be given again
    #[arg(long = "flow", value_name = "FLOW_ID")]
    flows: Vec<FlowId>,
    /// Only the run whose key begins so; may be given again
    #[arg(long = "only", value_name = "KEY")]
    keys: Vec<KeyPrefix>,
    /// Create no more than so many runs, taken from every flow in turn
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// In place of the config's limits.newRunsPerApply
    #[arg(long, value_name = "N")]
    max_new: Option<usize>,
}

impl Narrow {
    /// As a selection, the config's guard included.
    pub(super) fn selection(&self, context: &Context) -> Selection {
        let Self {
            flows,
            keys,
            limit,
            max_new,
        } = self;
        let guard = max_new.unwrap_or(context.config.limits.new_runs_per_apply);
        Selection {
            flows: flows.clone(),
            keys: keys.clone(),
            limit: Some(limit.map_or(guard, |limit| limit.min(guard))),
        }
    }
}

impl Paths {
    /// These paths, given by another flag.
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        Self {
            paths: paths.to_vec(),
        }
    }

    /// Reads and checks the manifests.
    pub(super) fn check(&self, context: &Context) -> Result<(Sources, Checked), Failure> {
        let sources = if self.paths.is_empty() {
            read_paths(&[PathBuf::from(DEFAULT)])?
        } else {
            read_paths(&self.paths)?
        };
        let checked = check(&sources, &rules(context));
        Ok((sources, checked))
    }

    /// The same, and says what is wrong; errors end the verb.
    pub(super) fn desired(&self, context: &Context) -> Result<Checked, Failure> {
        let (sources, checked) = self.check(context)?;
        let shown: Vec<_> = checked
            .problems
            .iter()
            .filter(|problem| !context.quiet || problem.severity() == Severity::Error)
            .cloned()
            .collect();
        if !shown.is_empty() {
            let text = render_all(&shown, &sources, context.colour.1);
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
        let errors = errors(&checked);
        if errors > 0 {
            return Err(Failure::new(
                Exit::Usage,
                format!("{}; nothing was sent", count_errors(errors)),
            ));
        }
        Ok(checked)
    }
}

/// How many problems forbid to go on.
pub(super) fn errors(checked: &Checked) -> usize {
    checked.errors()
}

/// `1 error in the manifests`.
pub(super) fn count_errors(errors: usize) -> String {
    let plural = if errors == 1 { "" } else { "s" };
    format!("{errors} error{plural} in the manifests")
}

fn rules(context: &Context) -> Rules {
    let seconds = |length: std::time::Duration| i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    let window = &context.config.limits.window;
    let now = UnixSeconds::new(Timestamp::now().as_second().max(0)).expect("it is not yet 2200");
    Rules {
        default_sandbox: context.sandbox.clone(),
        now,
        window_min_seconds: window.min.map(seconds),
        window_max_seconds: window.max.map(seconds),
        reason_required: context.config.reason_required(),
    }
}
