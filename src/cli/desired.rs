//! From paths to the runs that are wanted, or to what is wrong with the manifests.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

use super::context::Context;
use super::failure::Failure;
use super::project::Project;
use crate::api::{TimestampUnit, is_in_milliseconds};
use crate::manifest::{Checked, FindError, Rules, Sources, check, read_paths};
use crate::plan::{Limit, Plan, Selection};
use crate::report::{self, bound, columns, write_problems};
use crate::run::{DesiredRun, FlowId, KeyPrefix, UnixSeconds};

/// Problems that are shown, unless said otherwise.
const MAX_PROBLEMS: usize = 100;

/// The manifests to read.
#[derive(Debug, clap::Args)]
pub(crate) struct Paths {
    /// Manifests, or folders of them [default: manifests, beside the config]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Show at most N problems of the manifests, errors first, and count the rest
    #[arg(long, value_name = "N", default_value_t = MAX_PROBLEMS)]
    pub(crate) max_problems: usize,
}

/// The runs that are meant.
#[derive(Debug, clap::Args)]
pub(crate) struct ChoiceArgs {
    /// Only this flow; may be repeated
    #[arg(long = "flow", value_name = "FLOW_ID")]
    pub(crate) flows: Vec<FlowId>,
    /// Only the run whose key begins with KEY; may be repeated
    #[arg(long = "only", value_name = "KEY")]
    pub(crate) keys: Vec<KeyPrefix>,
}

/// The part of a plan that is wanted.
#[derive(Debug, clap::Args)]
pub(crate) struct SelectionArgs {
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Create at most N runs, taken from the flows in turn
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Use this in place of the config's limits.newRunsPerApply
    #[arg(long, value_name = "N")]
    max_new: Option<usize>,
}

impl ChoiceArgs {
    /// As a selection, of no more new runs than `limit`.
    pub(crate) fn selection(&self, limit: Option<Limit>) -> Selection {
        let Self { flows, keys } = self;
        Selection {
            flows: flows.clone(),
            keys: keys.clone(),
            limit,
        }
    }
}

impl SelectionArgs {
    /// The part of `plan` that is wanted, whatever the limits. What is named and not there is an error: it
    /// is a slip, and must not look like a plan with nothing to do.
    pub(crate) fn select(&self, plan: Plan) -> Result<Plan, Failure> {
        let selection = self.choice.selection(None);
        plan.names(&selection).map_err(|error| {
            Failure::usage(error.to_string())
                .hint("`backfill plan --verbose` shows the flows and keys that there are")
        })?;
        Ok(plan.select(&selection))
    }

    /// As much of `plan` as is wanted and the limits allow.
    pub(crate) fn limited(&self, context: &Context, plan: Plan) -> Plan {
        plan.select(&self.choice.selection(Some(self.limit(context))))
    }

    /// What says how many runs may be created: the least of the limits.
    pub(crate) fn limit(&self, context: &Context) -> Limit {
        let guard = self.max_new.map_or(
            Limit::NewRunsPerApply(context.config.limits.new_runs_per_apply),
            Limit::MaxNew,
        );
        match self.limit {
            Some(limit) if limit < guard.most() => Limit::Asked(limit),
            _ => guard,
        }
    }
}

impl Paths {
    /// These paths, given by another flag.
    pub(crate) fn of(paths: &[PathBuf]) -> Self {
        Self {
            paths: paths.to_vec(),
            max_problems: MAX_PROBLEMS,
        }
    }

    /// The paths of the manifests: those that were given, or the default.
    pub(crate) fn as_given(&self, project: &Project) -> Vec<PathBuf> {
        if self.paths.is_empty() {
            vec![project.manifests()]
        } else {
            self.paths.clone()
        }
    }

    /// Reads and checks the manifests.
    pub(crate) fn check(&self, context: &Context) -> Result<(Sources, Checked), Failure> {
        let sources = read_paths(&self.as_given(&context.project))?;
        let checked = check(&sources, &rules(context));
        Ok((sources, checked))
    }

    /// The same, and says what is wrong; errors end the verb.
    #[cfg(feature = "emulator")]
    pub(crate) fn desired(&self, context: &Context) -> Result<Checked, Failure> {
        let sources = read_paths(&self.as_given(&context.project))?;
        self.desired_of(context, &sources)
    }

    fn desired_of(&self, context: &Context, sources: &Sources) -> Result<Checked, Failure> {
        let checked = check(sources, &rules(context));
        self.show(context, sources, &checked);
        if checked.has_errors() {
            return Err(Failure::of_manifests(checked, "; nothing was sent"));
        }
        if let Some(run) = unreadable_in_milliseconds(context, &checked) {
            return Err(Failure::usage(format!(
                "{}: with `wire.unit: milliseconds` a list cannot show this window so that it is \
                 recognised: its times could be seconds; nothing was sent",
                report::plain(&run.origin().to_string(), 200)
            ))
            .hint("leave out windows before 1970-04-27, or send times in seconds"));
        }
        annotate(context, &checked);
        Ok(checked)
    }

    /// The same, but that there are none where they are by default is said and is no error, if there is a
    /// project: a commit may take the last of them away, and what is recorded is told all the same.
    pub(crate) fn desired_if_any(&self, context: &Context) -> Result<Checked, Failure> {
        match read_paths(&self.as_given(&context.project)) {
            Err(none @ (FindError::Missing(_) | FindError::NoManifest(_)))
                if self.paths.is_empty() && context.is_set_up() =>
            {
                context.warn(format!("{none}: nothing is wanted"));
                Ok(Checked::default())
            }
            sources => self.desired_of(context, &sources?),
        }
    }

    /// Draws what is wrong on standard error; with `--quiet`, only the errors.
    pub(crate) fn show(&self, context: &Context, sources: &Sources, checked: &Checked) {
        let bounded = bound(checked, self.max_problems);
        let bounded = if context.quiet {
            bounded.without_warnings()
        } else {
            bounded
        };
        // Nobody is left to tell that standard error cannot be written.
        let _ = write_problems(
            &mut io::stderr().lock(),
            &bounded,
            sources,
            context.colour.1,
            columns(&console::Term::stderr()),
        );
    }
}

/// The first run with a time that, in milliseconds, a list shows as a number that reads as seconds.
fn unreadable_in_milliseconds<'c>(
    context: &Context,
    checked: &'c Checked,
) -> Option<&'c DesiredRun> {
    let is_in_question = context.config.wire.unit == TimestampUnit::Milliseconds;
    // 0 is the same in both.
    let is_read_as_seconds =
        |at: UnixSeconds| at.get() != 0 && !is_in_milliseconds(at.get() * 1000);
    let mut runs = checked.runs.iter().filter(|_| is_in_question);
    runs.find(|run| {
        let window = run.identity.window;
        is_read_as_seconds(window.start()) || is_read_as_seconds(window.end())
    })
}

/// Annotates what is wrong, where annotations are written.
pub(crate) fn annotate(context: &Context, checked: &Checked) {
    let actions = &context.actions;
    actions.annotate(|| report::annotate_problems(&checked.problems));
    actions.count_unlisted(checked.unlisted.into());
}

/// What the config asks of manifests, at this moment.
pub(crate) fn rules(context: &Context) -> Rules {
    let seconds = |length: std::time::Duration| i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    let window = &context.config.limits.window;
    let now = UnixSeconds::clamped(Timestamp::now().as_second());
    Rules {
        default_sandbox: context.sandbox.clone(),
        now,
        window_min_seconds: window.min.map(seconds),
        window_max_seconds: window.max.map(seconds),
        reason_required: context.config.reason_required(),
    }
}
