//! Flags over environment over config: what every verb needs to know before it begins.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use url::Url;

use super::actions::{Actions, is_on_a_runner};
use super::config::{self, Config};
use super::failure::Failure;
use super::kept::Kept;
use crate::api::is_loopback;
use crate::report::plain;
use crate::run::{OrganizationId, Sandbox};
use crate::store::Place;

/// Where the service is, unless said otherwise.
const ENDPOINT: &str = "https://platform.adobe.io";
/// Where the state is, unless said otherwise.
const STATE: &str = ".backfill";
/// Where below it what belongs to the emulator is.
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
pub(super) struct Flags {
    /// The config [default: backfill.yaml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(
        long,
        global = true,
        value_name = "PLACE",
        help = "Where the state is kept: a folder, git:BRANCH of this repository's remote, or a \
                prefix in a bucket, s3://, az:// or gs:// \
                [env: BACKFILL_STATE] [default: .backfill]"
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
    #[arg(long, global = true, conflicts_with = "endpoint")]
    emulator: bool,
    /// Whether to colour what is shown
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: When,
    /// How to show progress
    #[arg(long, global = true, value_name = "HOW", default_value = "auto")]
    progress: ProgressForm,
    /// Say more, and fold no list
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Say only what went wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressForm {
    /// Bars on a terminal, plain lines elsewhere and in CI
    Auto,
    /// Bars
    Bar,
    /// A line for each thing that happens
    Plain,
    /// Nothing
    None,
}

/// What a verb needs to know. See the module's front door.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that people type"
)]
#[derive(Debug)]
pub(super) struct Context {
    pub(super) config: Config,
    /// Where the config is, or would be.
    pub(super) config_path: PathBuf,
    /// The job that this runs in, if it runs in one.
    pub(super) actions: Arc<Actions>,
    kept: Kept,
    /// Whether anybody has said where the state is.
    is_named: bool,
    pub(super) sandbox: Option<Sandbox>,
    pub(super) organization: Option<OrganizationId>,
    pub(super) endpoint: Url,
    pub(super) emulator: bool,
    pub(super) progress: ProgressForm,
    pub(super) verbose: bool,
    pub(super) quiet: bool,
    /// Whether somebody can answer a question.
    pub(super) interactive: bool,
    /// Whether standard output, and standard error, are coloured.
    pub(super) colour: (bool, bool),
}

impl Flags {
    /// Where the config is, or would be.
    pub(super) fn config_path(&self) -> PathBuf {
        let named = self.config.clone();
        named.unwrap_or_else(|| config::DEFAULT.into())
    }
}

impl Context {
    /// Brings together what was typed, what the environment says and what the config says.
    pub(super) fn resolve(flags: Flags, actions: &Arc<Actions>) -> Result<Self, Failure> {
        let config_path = flags.config_path();
        let Flags {
            config,
            state,
            sandbox,
            endpoint,
            emulator,
            color,
            progress,
            verbose,
            quiet,
        } = flags;
        let config = Config::read(config.as_deref())?;
        let named = state
            .or_else(|| variable("BACKFILL_STATE"))
            .or_else(|| config.state.clone());
        let is_named = named.is_some();
        let kept = Kept::read(named.as_deref().unwrap_or(STATE))?;
        let organization = parsed("AEP_ORG_ID")?.or_else(|| config.organization.clone());
        let sandbox = match sandbox {
            Some(typed) => Some(typed),
            None => parsed("AEP_SANDBOX_NAME")?,
        };
        let endpoint = match endpoint {
            Some(typed) => Some(typed),
            // What was typed beats the environment.
            None if emulator => None,
            None => parsed("AEP_ENDPOINT")?,
        };
        let endpoint = endpoint.map_or_else(
            || Ok(Url::parse(ENDPOINT).expect("a constant URL")),
            check_endpoint,
        )?;
        Ok(Self {
            // What the emulator did must never pass for what the service did.
            kept: match kept {
                Kept::Folder(folder) if emulator => Kept::Folder(folder.join(EMULATOR)),
                Kept::Branch(_) | Kept::Objects(_) if emulator => {
                    Kept::Folder(Path::new(STATE).join(EMULATOR))
                }
                kept => kept,
            },
            sandbox: sandbox.or_else(|| config.sandbox.clone()),
            organization: if emulator {
                Some(EMULATOR_ORGANIZATION.parse().expect("a constant id"))
            } else {
                organization
            },
            config,
            config_path,
            actions: Arc::clone(actions),
            is_named,
            endpoint,
            emulator,
            progress,
            verbose,
            quiet,
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            colour: colours(color),
        })
    }

    /// Where the state is kept.
    pub(super) fn place(&self) -> Result<Box<dyn Place>, Failure> {
        if is_on_a_runner() && !self.is_named && !self.emulator {
            return Err(Failure::usage(
                "nothing says where the state is kept, and a folder would be gone with this job",
            )
            .hint("put `state: git:backfill-state` into backfill.yaml: see docs/github.md"));
        }
        self.kept.place(self.config.lease())
    }

    /// That the state is in a folder that goes with this job, if it is.
    pub(super) fn fleeting_state(&self) -> Option<String> {
        match &self.kept {
            Kept::Folder(folder) if !self.emulator && goes_with_a_job(folder) => Some(format!(
                "the state is kept in {}, which is gone with this job unless something keeps it: \
                     what is in doubt would be forgotten",
                folder.display()
            )),
            _ => None,
        }
    }

    /// Says something on standard error, unless only what goes wrong is to be said.
    pub(super) fn say(&self, text: &str) {
        if !self.quiet {
            // Nobody is left to tell that it cannot be written.
            let _ = writeln!(io::stderr().lock(), "{}", plain(text, 1_000));
        }
    }

    /// The name of that place.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The same, as messages name it.
    pub(super) fn place_name(&self) -> String {
        self.kept.to_string()
    }

    /// Where the emulator that is built in keeps its runs.
    pub(super) fn emulator_folder(&self) -> PathBuf {
        match &self.kept {
            Kept::Folder(folder) => folder.clone(),
            Kept::Branch(_) | Kept::Objects(_) => Path::new(STATE).join(EMULATOR),
        }
    }

    /// How long after a request its run may still appear in a list.
    pub(super) fn settle_delay(&self) -> Duration {
        if self.emulator {
            EMULATOR_SETTLE_DELAY
        } else {
            self.config.settle_delay().unwrap_or(SETTLE_DELAY)
        }
    }

    /// Whether progress is shown as bars.
    pub(super) fn shows_bars(&self) -> bool {
        match self.progress {
            ProgressForm::Auto => {
                // Where the result goes down a pipe, so may what is said about it.
                !self.quiet
                    && io::stdout().is_terminal()
                    && io::stderr().is_terminal()
                    && std::env::var_os("CI").is_none()
            }
            ProgressForm::Bar => true,
            ProgressForm::Plain | ProgressForm::None => false,
        }
    }

    /// Whether progress is shown as lines.
    pub(super) fn shows_lines(&self) -> bool {
        match self.progress {
            ProgressForm::Auto => !self.quiet && !self.shows_bars(),
            ProgressForm::Plain => true,
            ProgressForm::Bar | ProgressForm::None => false,
        }
    }
}

/// Whether a folder is one of those that a runner clears: below that of the checkout, or of what is
/// temporary.
fn goes_with_a_job(folder: &Path) -> bool {
    let is_below = |name: &str| variable(name).is_some_and(|root| folder.starts_with(root));
    is_on_a_runner()
        && (folder.is_relative() || is_below("GITHUB_WORKSPACE") || is_below("RUNNER_TEMP"))
}

/// A variable that is set and not empty: CI systems pass what is not set as an empty text.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn parsed<T>(name: &str) -> Result<Option<T>, Failure>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    variable(name)
        .map(|text| text.parse())
        .transpose()
        .map_err(|error| Failure::usage(format!("{name}: {error}")))
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

/// Whether a URL holds a user or a password, which belong into no URL.
pub(super) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn colours(when: When) -> (bool, bool) {
    let colours = match when {
        When::Always => (true, true),
        When::Never => (false, false),
        When::Auto if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => {
            (false, false)
        }
        When::Auto => (console::colors_enabled(), console::colors_enabled_stderr()),
    };
    console::set_colors_enabled(colours.0);
    console::set_colors_enabled_stderr(colours.1);
    colours
}
