//! Flags over environment over config: what every verb needs to know before it begins.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use url::Url;

use super::Exit;
use super::actions::Actions;
use super::ci::{goes_with_a_job, is_in_a_job};
use super::config::Config;
use super::environment::{has_credentials, parsed, variable};
use super::failure::Failure;
use super::output::ResultArgs;
use super::project::{self, Project};
use super::state_location::StateLocation;
use crate::api::is_loopback;
use crate::report::{Annotation, fitting, plain};
use crate::run::{OrganizationId, Sandbox};
use crate::store::{Inspected, StateBackend, StoreError, inspect};

/// Where the service is, unless said otherwise.
const ENDPOINT: &str = "https://platform.adobe.io";
/// Where below the folder of the state what belongs to the emulator is.
const EMULATOR: &str = "emulator";
/// How long after a request its run may still appear in a list, unless the config says.
const SETTLE_DELAY: Duration = Duration::from_secs(300);
/// The same for the emulator that is built in, which lists at once.
const EMULATOR_SETTLE_DELAY: Duration = Duration::from_secs(2);
/// The organization of the emulator: no real one's state is ever mixed with it.
const EMULATOR_ORGANIZATION: &str = "EMULATOR@AdobeOrg";

/// Flags that every verb takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Flags {
    /// The config [default: backfill.yaml, here or in the nearest folder above, up to the
    /// repository's root]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(
        long,
        global = true,
        value_name = "PLACE",
        help = "Where the state is kept: a folder, git:BRANCH of this repository's remote, or a \
                prefix in a bucket, s3://, az:// or gs:// \
                [env: BACKFILL_STATE] [default: .backfill beside the config]"
    )]
    state: Option<String>,
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help = "The sandbox of manifests that name none [env: AEP_SANDBOX_NAME]"
    )]
    sandbox: Option<Sandbox>,
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "Where the service is [env: AEP_ENDPOINT] [default: Adobe's]"
    )]
    endpoint: Option<Url>,
    /// Use a Flow Service built in, with the manifests' flows and a state of its own
    #[cfg_attr(
        feature = "emulator",
        arg(long, global = true, conflicts_with = "endpoint")
    )]
    #[cfg_attr(not(feature = "emulator"), arg(skip))]
    emulator: bool,
    /// Whether to colour what is shown
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    /// How to show progress
    #[arg(long, global = true, value_name = "HOW", default_value = "auto")]
    progress: ProgressForm,
    /// Say more, and shorten no list
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Only say what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProgressForm {
    /// Bars on a terminal, plain lines elsewhere and in CI
    Auto,
    /// Bars
    Bar,
    /// A line for each thing that happens
    Plain,
    /// Nothing
    None,
}

/// What a verb needs to know: flags, environment and config, merged.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that people type"
)]
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) project: Project,
    /// The job that this runs in, if it runs in one.
    pub(crate) actions: Arc<Actions>,
    /// Where the result goes.
    pub(crate) result: ResultArgs,
    /// Where the state is kept.
    pub(crate) location: StateLocation,
    /// Whether a flag, the environment or the config names the place of the state.
    is_named: bool,
    pub(crate) sandbox: Option<Sandbox>,
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) endpoint: Url,
    pub(crate) emulator: bool,
    /// How progress is shown; never `Auto`.
    progress: ProgressForm,
    pub(crate) verbose: bool,
    pub(crate) quiet: bool,
    /// Whether somebody can answer a question.
    pub(crate) interactive: bool,
    /// Whether standard output, and standard error, are coloured.
    pub(crate) colour: (bool, bool),
}

impl Flags {
    /// The project of the config that is named, or found.
    pub(crate) fn project(&self) -> Project {
        Project::find(self.config.as_deref())
    }

    /// The sandbox that is typed, or that the environment names.
    pub(crate) fn sandbox(&self) -> Result<Option<Sandbox>, Failure> {
        match &self.sandbox {
            Some(typed) => Ok(Some(typed.clone())),
            None => parsed("AEP_SANDBOX_NAME"),
        }
    }
}

impl Context {
    /// Brings together what was typed, what the environment says and what the config says.
    pub(crate) fn resolve(
        flags: Flags,
        result: ResultArgs,
        project: Project,
        actions: &Arc<Actions>,
    ) -> Result<Self, Failure> {
        let sandbox = flags.sandbox();
        let Flags {
            config: _,
            state,
            sandbox: _,
            endpoint,
            emulator,
            color,
            progress,
            verbose,
            quiet,
        } = flags;
        let config = Config::read(project.found_config())?;
        let named = named_state(state, &config, &project)?;
        let is_named = named.is_some();
        let location = match named.unwrap_or_else(|| StateLocation::Folder(project.state())) {
            location if !emulator => location,
            // What the emulator did must never pass for what the service did.
            StateLocation::Folder(folder) => StateLocation::Folder(folder.join(EMULATOR)),
            _ => StateLocation::Folder(project.state().join(EMULATOR)),
        };
        let organization = parsed("AEP_ORG_ID")?.or_else(|| config.organization.clone());
        let emulated = || EMULATOR_ORGANIZATION.parse().expect("a constant id");
        let sandbox = sandbox?;
        let endpoint = match endpoint {
            // What was typed beats the environment.
            None if !emulator => parsed("AEP_ENDPOINT")?,
            typed => typed,
        };
        let endpoint = endpoint.map_or_else(
            || Ok(Url::parse(ENDPOINT).expect("a constant URL")),
            check_endpoint,
        )?;
        Ok(Self {
            result,
            location,
            sandbox: sandbox.or_else(|| config.sandbox.clone()),
            organization: if emulator {
                Some(emulated())
            } else {
                organization
            },
            config,
            project,
            actions: Arc::clone(actions),
            is_named,
            endpoint,
            emulator,
            progress: shown_progress(progress, quiet),
            verbose,
            quiet,
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            colour: colours(color),
        })
    }

    /// Where the state is kept.
    pub(crate) fn place(&self) -> Result<Box<dyn StateBackend>, Failure> {
        if is_in_a_job() && !self.is_named && !self.emulator {
            return Err(Failure::usage(
                "nothing says where the state is kept, and a folder may be gone with this job",
            )
            .hint(
                "put `state: git:backfill-state` into backfill.yaml: see docs/github.md, and \
                 docs/other-ci.md",
            ));
        }
        self.location.place(self.config.lease())
    }

    /// Reads the state without holding it; `None` where there is none.
    pub(crate) async fn inspect(&self) -> Result<Option<Inspected>, Failure> {
        let inspected = inspect(self.place()?.as_ref(), self.organization.as_ref()).await;
        inspected.map_err(|error| self.unusable(&error))
    }

    /// What went wrong with the state.
    pub(crate) fn unusable(&self, error: &StoreError) -> Failure {
        Failure::state(&self.location.to_string(), error)
    }

    /// Whether something says that there is a project here: a config, or a state, named or found. Then
    /// manifests that are not there were taken away; else this may be another folder than was meant.
    pub(crate) fn is_set_up(&self) -> bool {
        self.project.found_config().is_some()
            || self.is_named
            || matches!(&self.location, StateLocation::Folder(folder) if project::is_state(folder))
    }

    /// That the state is in a folder that goes with this job, if it is.
    pub(crate) fn fleeting_state(&self) -> Option<String> {
        match &self.location {
            StateLocation::Folder(folder) if !self.emulator && goes_with_a_job(folder) => {
                Some(format!(
                    "the state is kept in {}, which is gone with this job unless something keeps it: \
                     what is in doubt would be forgotten",
                    folder.display()
                ))
            }
            _ => None,
        }
    }

    /// Tells of what could not be written; how it all ends, if the work ended with `exit`. What was done
    /// was done, and this does not hide how that ended.
    pub(crate) fn tell_unwritten(&self, written: Result<(), Failure>, exit: Exit) -> Exit {
        let Err(failure) = written else {
            return exit;
        };
        if failure.silent {
            return exit;
        }
        self.actions.annotate(|| failure.annotations());
        match failure.report() {
            unwritten if matches!(exit, Exit::Success | Exit::Changes) => unwritten,
            _ => exit,
        }
    }

    /// Says something on standard error, unless only what goes wrong is to be said.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            for line in fitting(&console::Term::stderr(), &plain(text, 1_000)) {
                // Nobody is left to tell that it cannot be written.
                let _ = writeln!(io::stderr().lock(), "{line}");
            }
        }
    }

    /// Says it on standard error and in the job.
    pub(crate) fn warn(&self, text: String) {
        self.say(&format!("warning: {text}"));
        self.actions.annotate(|| vec![Annotation::warning(text)]);
    }

    /// How long after a request its run may still appear in a list.
    pub(crate) fn settle_delay(&self) -> Duration {
        if self.emulator {
            EMULATOR_SETTLE_DELAY
        } else {
            self.config.settle_delay.unwrap_or(SETTLE_DELAY)
        }
    }

    /// Whether progress is shown as bars.
    pub(crate) fn shows_bars(&self) -> bool {
        self.progress == ProgressForm::Bar
    }

    /// Whether progress is shown as lines.
    pub(crate) fn shows_lines(&self) -> bool {
        self.progress == ProgressForm::Plain
    }
}

fn shown_progress(asked: ProgressForm, quiet: bool) -> ProgressForm {
    // Where the result goes down a pipe, so may what is said about it.
    let is_watched = || {
        io::stdout().is_terminal() && io::stderr().is_terminal() && std::env::var_os("CI").is_none()
    };
    match asked {
        ProgressForm::Auto if quiet => ProgressForm::None,
        ProgressForm::Auto if is_watched() => ProgressForm::Bar,
        ProgressForm::Auto => ProgressForm::Plain,
        asked => asked,
    }
}

/// The place of the state that is named: by the flag over the environment over the config. What is
/// typed is relative to the current folder, what the config says to the config.
fn named_state(
    typed: Option<String>,
    config: &Config,
    project: &Project,
) -> Result<Option<StateLocation>, Failure> {
    if let Some(typed) = typed {
        return StateLocation::read(&typed, Path::new("")).map(Some);
    }
    if let Some(set) = variable("BACKFILL_STATE") {
        let location = StateLocation::read(&set, project.folder())?;
        let is_folder = matches!(location, StateLocation::Folder(_));
        if is_folder && Path::new(&set).is_relative() && !project.is_here() {
            return Err(Failure::usage(
                "BACKFILL_STATE is a relative path, which is another folder wherever one stands",
            )
            .hint("set it to an absolute path, or name the state in the config"));
        }
        return Ok(Some(location));
    }
    let Some((state, at)) = config.state() else {
        return Ok(None);
    };
    let location = StateLocation::read(state, project.folder());
    let named = |it: Failure| it.at(&project.config().display().to_string(), Some(at));
    location.map(Some).map_err(named)
}

/// A token goes over TLS, or not further than this machine.
fn check_endpoint(url: Url) -> Result<Url, Failure> {
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !safe || !bare || has_credentials(&url) {
        // Not shown: people put passwords into URLs.
        return Err(Failure::usage(
            "the endpoint is not one: expected https://HOST, or http:// on this machine, without \
             a path or a user",
        ));
    }
    Ok(url)
}

fn colours(when: ColorChoice) -> (bool, bool) {
    let is_set = |value: std::ffi::OsString| !value.is_empty();
    let colours = match when {
        ColorChoice::Always => (true, true),
        ColorChoice::Auto if !std::env::var_os("NO_COLOR").is_some_and(is_set) => {
            (console::colors_enabled(), console::colors_enabled_stderr())
        }
        ColorChoice::Auto | ColorChoice::Never => (false, false),
    };
    console::set_colors_enabled(colours.0);
    console::set_colors_enabled_stderr(colours.1);
    colours
}
