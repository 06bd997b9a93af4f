//! `backfill doctor`: whether it would work here, before the first run. Reads only, and goes on
//! after whatever failed: what is wrong is told at once.

mod flows;
mod github;
mod service;
mod state;

use crate::cli::Exit;
use crate::cli::config::Config;
use crate::cli::connect::connect;
use crate::cli::context::Context;
use crate::cli::desired::Paths;
use crate::cli::environment::is_on_a_runner;
use crate::cli::failure::Failure;
use crate::cli::output::{self, OutputFormat};
use crate::cli::present::show_result;
use crate::cli::project::Project;
use crate::doctor::{Area, Diagnosis, Finding, Needs, Trouble, Variables, check_variables};
use crate::manifest::{Checked, Manifest};
use crate::report::{DoctorView, Layout, View, describe_manifests, number, plain};

/// Why flows are not looked at.
const NO_TOKEN: &str = "there is no token";

/// Flags of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Sends nothing but reads and a request for a token. Exit codes: 0 it works; otherwise the first of these \
that applies: 3 flags, config, manifests or the organization are wrong; 4 credentials are missing or \
refused, or a permission; 1 the service cannot be reached; 8 the state cannot be used; 5 something \
else would not work.")]
pub(super) struct Flags {
    #[command(flatten)]
    paths: Paths,
    /// Try whether a bucket may be written to, with an object that is removed again
    #[arg(long)]
    write: bool,
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: OutputFormat,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let mut diagnosis = Diagnosis::default();
    let found = &mut diagnosis.findings;
    found.push(config_finding(&context.project));
    let needs = Needs {
        organization: context.organization.is_none(),
        credentials: !context.emulator,
    };
    found.extend(check_variables(&variables(), needs));
    let checked = manifests(context, flags, found);

    let (state_findings, sent) = state::check(context, flags.write).await;
    let answers = if context.emulator {
        found.push(Finding::fine(
            Area::Service,
            "endpoint",
            "endpoint",
            "the built-in emulator: nothing reaches Adobe",
        ));
        true
    } else {
        service::probe_endpoint(context, found).await
    };
    match connect(context, &checked.manifests).await {
        Ok(connected) => {
            let client = &connected.client;
            let has_token = service::sign_in(context, client, found).await;
            if has_token && answers {
                let manifests = &checked.manifests;
                let open = service::open_sandboxes(context, client, manifests, found).await;
                let is_open = |manifest: &&Manifest| open.contains(&manifest.flow.sandbox);
                let manifests: Vec<&Manifest> = manifests.iter().filter(is_open).collect();
                if manifests.len() < checked.manifests.len() {
                    found.push(not_looked_at("their sandbox is not open"));
                } else if manifests.is_empty() {
                    found.push(not_looked_at("no manifest names one"));
                }
                let learnt = flows::look(context, client, &manifests, &sent).await;
                found.extend(learnt.findings);
                diagnosis.settling = learnt.settling;
            } else {
                found.push(not_looked_at(if answers {
                    NO_TOKEN
                } else {
                    "the service does not answer"
                }));
            }
            connected.close().await;
        }
        Err(failure) => {
            found.push(of_failure(Area::Service, "signIn", "sign-in", &failure));
            found.push(not_looked_at("settings or credentials are missing"));
        }
    }
    diagnosis.findings.extend(state_findings);
    if is_on_a_runner() {
        diagnosis.findings.extend(github::check(context).await);
    }
    let exit = exit_of(&diagnosis);
    show_result(context, &DoctorView(&diagnosis), flags.format, exit)?;
    Ok(exit)
}

impl Flags {
    /// What can be told where not even the settings can be brought together, as `failure` says.
    pub(super) fn without_context(
        &self,
        project: &Project,
        failure: &Failure,
    ) -> Result<Exit, Failure> {
        let mut diagnosis = Diagnosis::default();
        let found = &mut diagnosis.findings;
        if Config::read(project.found_config()).is_ok() {
            found.push(config_finding(project));
        }
        found.push(of_failure(Area::Settings, "settings", "settings", failure));
        found.extend(check_variables(&variables(), Needs::default()));
        found.push(Finding::notice(
            Area::Service,
            "endpoint",
            "service",
            "manifests, service, flows and state are not looked at: the settings are wrong",
        ));
        let exit = exit_of(&diagnosis);
        let view = DoctorView(&diagnosis);
        match self.format {
            OutputFormat::Text => output::text(|out| view.write_text(out, Layout::default())),
            OutputFormat::Json => output::json(&view.document(exit.code())),
        }?;
        Ok(exit)
    }
}

fn config_finding(project: &Project) -> Finding {
    match project.found_config() {
        Some(config) => Finding::fine(
            Area::Settings,
            "config",
            "config",
            plain(&config.display().to_string(), 200),
        ),
        None => Finding::notice(
            Area::Settings,
            "config",
            "config",
            "there is no backfill.yaml here or above: all settings are the defaults",
        )
        .advise("`backfill init` writes one"),
    }
}

/// Which variables are set; of none the value.
fn variables() -> Variables {
    let all = std::env::vars_os().filter_map(|(name, value)| {
        let is_blank = value.to_str().is_some_and(|value| value.trim().is_empty());
        Some((name.into_string().ok()?, !is_blank))
    });
    Variables::new(all)
}

/// The manifests that stand, whatever is wrong with others.
fn manifests(context: &Context, flags: &Flags, found: &mut Vec<Finding>) -> Checked {
    const AREA: Area = Area::Settings;
    let (_, checked) = match flags.paths.check(context) {
        Ok(read) => read,
        Err(failure) => {
            found.push(of_failure(AREA, "manifests", "manifests", &failure));
            return Checked::default();
        }
    };
    found.push(if checked.has_errors() {
        let errors = number(checked.errors(), "error");
        Finding::fault(Trouble::Settings, AREA, "manifests", "manifests", errors)
            .advise("`backfill validate` shows each at its line")
    } else {
        let manifests = describe_manifests(&checked);
        Finding::fine(AREA, "manifests", "manifests", manifests)
    });
    checked
}

fn not_looked_at(why: &str) -> Finding {
    let message = format!("not looked at: {why}");
    Finding::notice(Area::Flows, "flow", "flows", message)
}

/// A failure as what a check found.
fn of_failure(area: Area, check: &'static str, subject: &str, failure: &Failure) -> Finding {
    let trouble = match failure.exit() {
        Exit::Usage => Trouble::Settings,
        Exit::SignIn => Trouble::SignIn,
        Exit::Unexpected => Trouble::Unreachable,
        Exit::State => Trouble::State,
        _ => Trouble::WouldNotWork,
    };
    // Where it is wrong is told, and not drawn: a finding is a line.
    let mut is_past_place = false;
    let lines = failure.message().lines().take_while(|line| {
        let is_told = !is_past_place;
        is_past_place |= line.trim_start().starts_with("--> ");
        is_told
    });
    let lines: Vec<&str> = lines.map(str::trim).collect();
    let message = plain(&lines.join(" "), 700);
    let finding = Finding::fault(trouble, area, check, subject, message);
    match failure.hints().first() {
        Some(hint) => finding.advise(plain(hint, 700)),
        None => finding,
    }
}

/// The gravest decides.
fn exit_of(diagnosis: &Diagnosis) -> Exit {
    match diagnosis.trouble() {
        None => Exit::Success,
        Some(Trouble::Settings) => Exit::Usage,
        Some(Trouble::SignIn) => Exit::SignIn,
        Some(Trouble::Unreachable) => Exit::Unexpected,
        Some(Trouble::State) => Exit::State,
        Some(Trouble::WouldNotWork) => Exit::Rejected,
    }
}
