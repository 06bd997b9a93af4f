//! `backfill doctor`: whether it would work here, before the first run. Reads only, and goes on
//! after each failure, so that one run names everything that is wrong.

mod flows;
mod github;
mod service;
mod state;

use std::collections::{BTreeMap, HashSet};

use crate::api::Client;
use crate::cli::Exit;
use crate::cli::ci::is_on_github;
use crate::cli::config::Config;
use crate::cli::connect::connect;
use crate::cli::context::Context;
use crate::cli::desired::Paths;
use crate::cli::failure::Failure;
use crate::cli::output::Format;
use crate::cli::present::{present, show};
use crate::cli::project::Project;
use crate::doctor::{Check, Diagnosis, FaultKind, Finding, Needs, check_variables};
use crate::manifest::{Checked, Manifest};
use crate::report::{DoctorView, Layout, describe_manifests, number, plain};
use crate::run::RunId;

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
    pub(super) format: Format,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let mut diagnosis = Diagnosis::default();
    let found = &mut diagnosis.findings;
    found.push(check_config(&context.project));
    let needs = Needs {
        organization: context.organization.is_none(),
        credentials: !context.emulator,
    };
    found.extend(check_variables(&variables(), needs));
    let checked = check_manifests(context, flags, found);
    // The state is read first, since its runs tell which listed runs are ours; it is shown after what
    // it depends on.
    let (state_findings, sent) = state::check(context, flags.write).await;
    let answers = service::check_endpoint(context, found).await;
    let flows_checked = match connect(context, &checked.manifests).await {
        Ok(connected) => {
            let (client, manifests) = (&connected.client, &checked.manifests);
            let flows_checked =
                check_flows(context, client, manifests, &sent, answers, &mut diagnosis).await;
            connected.close().await;
            flows_checked
        }
        Err(failure) => {
            found.push(failed(Check::SIGN_IN, &failure));
            Err("settings or credentials are missing")
        }
    };
    let found = &mut diagnosis.findings;
    if let Err(why) = flows_checked {
        found.push(Check::FLOW.notice(format!("not looked at: {why}")));
    }
    found.extend(state_findings);
    if is_on_github() {
        found.extend(github::check(context).await);
    }
    let exit = exit_of(&diagnosis);
    Ok(present(context, &DoctorView(&diagnosis), exit))
}

/// Signs in, and checks the flows whose sandbox is open; an error says why not all of them.
async fn check_flows(
    context: &Context,
    client: &Client,
    manifests: &[Manifest],
    sent: &HashSet<RunId>,
    answers: bool,
    diagnosis: &mut Diagnosis,
) -> Result<(), &'static str> {
    let found = &mut diagnosis.findings;
    let has_token = service::sign_in(context, client, found).await;
    if !answers {
        return Err("the service does not answer");
    } else if !has_token {
        return Err("there is no token");
    }
    let open = service::open_sandboxes(context, client, manifests, found).await;
    let is_open = |manifest: &&Manifest| open.contains(&manifest.flow.sandbox);
    let checked: Vec<&Manifest> = manifests.iter().filter(is_open).collect();
    flows::check(context, client, &checked, sent, diagnosis).await;
    if checked.len() < manifests.len() {
        Err("their sandbox is not open")
    } else if manifests.is_empty() {
        Err("no manifest names one")
    } else {
        Ok(())
    }
}

impl Flags {
    /// The diagnosis where the settings are wrong, as `failure` says, so that nothing else can be read.
    pub(super) fn without_context(
        &self,
        project: &Project,
        failure: &Failure,
    ) -> Result<Exit, Failure> {
        let mut diagnosis = Diagnosis::default();
        let found = &mut diagnosis.findings;
        if Config::read(project.found_config()).is_ok() {
            found.push(check_config(project));
        }
        found.push(failed(Check::SETTINGS, failure));
        found.extend(check_variables(&variables(), Needs::default()));
        let message =
            "manifests, service, flows and state are not looked at: the settings are wrong";
        found.push(Check::ENDPOINT.notice(message).about("service"));
        let exit = exit_of(&diagnosis);
        let view = DoctorView(&diagnosis);
        show(&view, self.format, Layout::default(), exit)?;
        Ok(exit)
    }
}

fn check_config(project: &Project) -> Finding {
    match project.found_config() {
        Some(config) => Check::CONFIG.fine(plain(&config.display(), 200)),
        None => Check::CONFIG
            .notice("there is no backfill.yaml here or above: all settings are the defaults")
            .advise("`backfill init` writes one"),
    }
}

/// Which variables there are, and whether each has a value. Values are left out: a diagnosis cannot show
/// a secret that it does not have.
fn variables() -> BTreeMap<String, bool> {
    let all = std::env::vars_os().filter_map(|(name, value)| {
        let is_blank = value.to_str().is_some_and(|value| value.trim().is_empty());
        Some((name.into_string().ok()?, !is_blank))
    });
    all.collect()
}

/// The manifests that stand, whatever is wrong with others.
fn check_manifests(context: &Context, flags: &Flags, found: &mut Vec<Finding>) -> Checked {
    let checked = match flags.paths.check(context) {
        Ok((_, checked)) => checked,
        Err(failure) => {
            found.push(failed(Check::MANIFESTS, &failure));
            return Checked::default();
        }
    };
    found.push(if checked.has_errors() {
        Check::MANIFESTS
            .fault(FaultKind::Settings, number(checked.errors(), "error"))
            .advise("`backfill validate` shows each at its line")
    } else {
        Check::MANIFESTS.fine(describe_manifests(&checked))
    });
    checked
}

/// A failure as what `check` found.
fn failed(check: Check, failure: &Failure) -> Finding {
    let kind = match failure.exit {
        Exit::Usage => FaultKind::Settings,
        Exit::SignIn => FaultKind::SignIn,
        Exit::Unexpected => FaultKind::Unreachable,
        Exit::State => FaultKind::State,
        _ => FaultKind::WouldNotWork,
    };
    // A finding is one line: it keeps the position of the mistake and drops the excerpt below it.
    let lines: Vec<&str> = failure.message.lines().map(str::trim).collect();
    let place = lines.iter().position(|line| line.starts_with("--> "));
    let shown = place.map_or(&lines[..], |place| &lines[..=place]);
    let mut finding = check.fault(kind, plain(&shown.join(" "), 700));
    finding.advice = failure.hints.first().map(|hint| plain(hint, 700));
    finding
}

/// The gravest decides.
fn exit_of(diagnosis: &Diagnosis) -> Exit {
    match diagnosis.gravest_fault() {
        None => Exit::Success,
        Some(FaultKind::Settings) => Exit::Usage,
        Some(FaultKind::SignIn) => Exit::SignIn,
        Some(FaultKind::Unreachable) => Exit::Unexpected,
        Some(FaultKind::State) => Exit::State,
        Some(FaultKind::WouldNotWork) => Exit::Rejected,
    }
}
