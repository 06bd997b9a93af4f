//! The verbs: one file for each, with its flags and its steps.
//!
//! [`run`] is the whole program but for the process itself: what was typed, what it means, what is
//! done, how it ends. What verbs share is in `cli`. Clap is known in these two modules and nowhere
//! else.

mod apply;
mod audit;
mod completions;
mod doctor;
#[cfg(feature = "emulator")]
mod emulator;
mod import;
mod init;
mod man;
mod plan;
#[cfg(feature = "rehearse")]
mod rehearse;
mod resolve;
mod retry;
mod schema;
mod state;
mod status;
mod validate;
mod version;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

pub use crate::cli::Exit;
use crate::cli::actions::Actions;
use crate::cli::ci::is_on_github;
use crate::cli::context;
use crate::cli::failure::Failure;
use crate::cli::output::{Format, ResultArgs};
use crate::cli::present::present_failure;

/// Create backfill flow runs in Adobe Experience Platform from reviewed manifests, each exactly
/// once
#[derive(Debug, Parser)]
#[command(
    name = "backfill",
    version,
    disable_version_flag = true,
    arg = version::flag(),
    max_term_width = 100,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    global: context::Flags,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a config, an example manifest and workflows; overwrites nothing
    Init(init::Flags),
    /// Check whether an apply would work here: settings, service, flows, state; only reads
    Doctor(doctor::Flags),
    /// Check manifests; needs no state and no network
    Validate(validate::Flags),
    /// Show what apply would do; sends nothing, and does not contact Adobe without --online
    Plan(plan::Flags),
    /// Create the runs that are wanted and do not exist yet
    Apply(apply::Flags),
    /// Show how the recorded runs are doing
    Status(status::Flags),
    /// Run failed runs again, each as a new attempt of the same window
    Retry(retry::Flags),
    /// Compare the state with what the sandbox has: unknown, doubled and vanished runs; only reads
    Audit(audit::Flags),
    /// Record runs that were created by hand, and write a manifest that asks for them
    Import(import::Flags),
    /// Decide what became of runs in doubt, where the service's lists cannot tell
    Resolve(resolve::Flags),
    /// Look at the state; unlock it, repair it by hand, or move it to another place
    State(state::Flags),
    /// Try the manifests on an emulator, under faults and kills, and count what was created
    ///
    /// Starts an emulator of the service and applies the manifests against it in processes of
    /// their own, which it kills; the emulator's own count then decides. Your state and your
    /// credentials are not used. Exits with 1 if a run was lost, doubled or not wanted, with 6 if
    /// one stays in doubt, with 5 if some were refused for good.
    #[cfg(feature = "rehearse")]
    Rehearse(rehearse::Flags),
    /// Serve a local Flow Service to rehearse against
    #[cfg(feature = "emulator")]
    Emulator(emulator::Flags),
    /// Print the JSON Schema of manifests, for editors
    Schema,
    /// Print a completion script for a shell
    Completions(completions::Flags),
    /// Write a manual page for each command into a folder
    Man(man::Flags),
}

/// Does what `args`, the program's name first, ask for; says on standard error what went wrong.
///
/// Takes the runtime, and is neither generic nor `async`: its code, and that of all futures in it, would be compiled
/// once more for the binary.
pub fn run(args: &[OsString], runtime: &tokio::runtime::Runtime) -> Exit {
    runtime.block_on(run_async(args))
}

async fn run_async(args: &[OsString]) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return explain(args, &error),
    };
    let (verb, format, result) = cli.verb.result();
    let actions = Arc::new(Actions::new(result.format == Format::Github));
    let exit = match Box::pin(dispatch(cli, &result, &actions)).await {
        Ok(exit) => exit,
        Err(failure) => present_failure(failure, verb, format, &result, &actions),
    };
    actions.finish(exit);
    exit
}

/// What clap has to say in place of a verb: help and versions are results, all else is a mistake.
fn explain(args: &[OsString], error: &clap::Error) -> Exit {
    if error.kind() == ErrorKind::DisplayVersion && version::is_verbose(args) {
        return version::print().unwrap_or_else(Failure::report);
    }
    if error.use_stderr() && is_on_github() {
        let actions = Actions::new(false);
        let text = error.to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        let failure = Failure::usage(text.trim_end());
        actions.tell_failure(&failure, "");
        // What was typed may be another's, and is repeated by clap as it is.
        let exit = failure.report();
        actions.finish(exit);
        return exit;
    }
    match error.print() {
        Ok(()) if error.use_stderr() => Exit::Usage,
        Ok(()) => Exit::Success,
        Err(error) => Failure::from(error).report(),
    }
}

impl Verb {
    /// Its name as it is typed, the format of its JSON document, and where its result goes.
    fn result(&self) -> (&'static str, &'static str, ResultArgs) {
        let with_page = |html: &Option<PathBuf>, result: &ResultArgs| ResultArgs {
            html: html.clone(),
            ..result.clone()
        };
        match self {
            Self::Init(_) => ("init", "", ResultArgs::default()),
            Self::Doctor(flags) => ("doctor", "doctor/v1", flags.format.into()),
            Self::Validate(flags) => ("validate", "validate/v1", flags.format.into()),
            Self::Plan(flags) => ("plan", "plan/v2", with_page(&flags.html, &flags.result)),
            Self::Apply(flags) => {
                let is_plan = flags.send.dry_run;
                let format = if is_plan { "plan/v2" } else { "apply/v1" };
                ("apply", format, with_page(&flags.html, &flags.send.result))
            }
            Self::Status(flags) => {
                let result = with_page(&flags.html, &flags.format.into());
                ("status", "status/v1", result)
            }
            Self::Retry(flags) => ("retry", "retry/v1", flags.send.result.clone()),
            Self::Audit(flags) => ("audit", "audit/v1", flags.result.clone()),
            Self::Import(flags) => ("import", "import/v1", flags.format.into()),
            Self::Resolve(flags) => ("resolve", "resolve/v1", flags.format.into()),
            Self::State(flags) => ("state", "state/v1", flags.format().into()),
            #[cfg(feature = "rehearse")]
            Self::Rehearse(flags) => ("rehearse", "rehearse/v1", flags.format.into()),
            #[cfg(feature = "emulator")]
            Self::Emulator(_) => ("emulator", "", ResultArgs::default()),
            Self::Schema => ("schema", "", ResultArgs::default()),
            Self::Completions(_) => ("completions", "", ResultArgs::default()),
            Self::Man(_) => ("man", "", ResultArgs::default()),
        }
    }
}

async fn dispatch(
    Cli { global, verb }: Cli,
    result: &ResultArgs,
    actions: &Arc<Actions>,
) -> Result<Exit, Failure> {
    let project = global.project();
    let sandbox = global.sandbox().ok().flatten();
    let context = context::Context::resolve(global, result.clone(), project.clone(), actions);
    match (verb, context) {
        // These need no config, and must work where it is wrong.
        (Verb::Init(flags), _) => init::run(&flags),
        (Verb::Schema, _) => schema::run(),
        (Verb::Completions(flags), _) => completions::run(&flags),
        (Verb::Man(flags), _) => man::run(&flags),
        (Verb::Doctor(flags), Err(failure)) => flags.without_context(&project, &failure),
        (Verb::Plan(flags), Err(failure)) => {
            let told = flags.unplanned(&project, sandbox.as_ref(), &failure, actions);
            if let Err(untold) = told.await {
                actions.tell_failure(&untold, "plan");
                untold.report();
            }
            Err(failure)
        }
        (_, Err(failure)) => Err(failure),
        (Verb::Validate(flags), Ok(context)) => validate::run(&context, &flags),
        (Verb::Doctor(flags), Ok(context)) => doctor::run(&context, &flags).await,
        (Verb::Plan(flags), Ok(context)) => plan::run(&context, &flags).await,
        (Verb::Apply(flags), Ok(context)) => apply::run(&context, &flags).await,
        (Verb::Status(flags), Ok(context)) => status::run(&context, &flags).await,
        (Verb::Retry(flags), Ok(context)) => retry::run(&context, &flags).await,
        (Verb::Resolve(flags), Ok(context)) => resolve::run(&context, &flags).await,
        (Verb::State(flags), Ok(context)) => state::run(&context, &flags).await,
        (Verb::Audit(flags), Ok(context)) => audit::run(&context, &flags).await,
        (Verb::Import(flags), Ok(context)) => import::run(&context, &flags).await,
        #[cfg(feature = "rehearse")]
        (Verb::Rehearse(flags), Ok(context)) => rehearse::run(&context, &flags).await,
        #[cfg(feature = "emulator")]
        (Verb::Emulator(flags), Ok(context)) => emulator::run(&context, &flags).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_flags_of_all_verbs_fit_together() {
        super::Cli::command().debug_assert();
    }
}
