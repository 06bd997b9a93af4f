//! The folder of a rehearsal: a config fitted to the scenario, a state of its own, what the
//! applies printed, and in the end the evidence.
//!
//! Gives the command of an apply, which runs this very program with an environment that holds
//! nothing of the user's but where programs are: no credential of theirs can reach the emulator,
//! and no request of the rehearsal can reach Adobe.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use super::counts::LastApply;
use crate::api::TimestampForm;
use crate::cli::config::Limits;
use crate::cli::context::Context;
use crate::emulator::{Emulator, Fault, Ledger, Scenario};

/// Variables that a process needs on some system to start or to open a socket.
const KEPT: [&str; 2] = ["PATH", "SystemRoot"];
/// Who the applies are; their organization is the scenario's, if it names one.
const CLIENT: &str = "rehearsal";
const ORGANIZATION: &str = "REHEARSAL@AdobeOrg";
/// Requests a second, where the scenario has no limit: no time is spent on waiting.
const RATE: u32 = 2000;
/// More than any manifests can want.
const NEW_RUNS: usize = 1_000_000;
/// By how much two estimates of the service's clock differ at most: `Date` has whole seconds.
const CLOCKS_DIFFER: Duration = Duration::from_secs(1);
/// What an answer may take besides the delay of the scenario.
const ANSWER_TAKES: Duration = Duration::from_secs(1);
/// How many of the last lines of the output an error shows.
const TAIL: usize = 12;

/// The temporary folder of a rehearsal: manifests, config, state and ledger.
#[derive(Debug)]
pub(crate) struct Folder {
    place: TempDir,
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
}

impl Folder {
    /// A new folder, for applies of the manifests at `paths` against `emulator`.
    pub(crate) fn make(
        context: &Context,
        paths: &[PathBuf],
        emulator: &Emulator,
        scenario: &Scenario,
    ) -> io::Result<Self> {
        let place = tempfile::Builder::new().prefix("backfill-").tempdir()?;
        let limits = &context.config.limits;
        let text = config(limits, context.config.wire.timestamps, scenario);
        fs::write(place.path().join("backfill.yaml"), text)?;
        let at = |file: &str| place.path().join(file).into_os_string();
        let mut arguments: Vec<OsString> = ["--yes", "--progress=plain", "--color=never"]
            .map(OsString::from)
            .into();
        arguments.extend(["--config".into(), at("backfill.yaml")]);
        arguments.extend(["--state".into(), at("state")]);
        arguments.extend(["--report".into(), at("report.json")]);
        if let Some(sandbox) = &context.sandbox {
            arguments.extend(["--sandbox".into(), sandbox.to_string().into()]);
        }
        arguments.push("--".into());
        arguments.extend(paths.iter().map(OsString::from));
        let organization = match (&scenario.organization, &context.organization) {
            (Some(only), _) => only.clone(),
            (None, Some(own)) => own.to_string(),
            (None, None) => ORGANIZATION.to_owned(),
        };
        let mut environment = vec![
            ("AEP_ENDPOINT", emulator.url().into()),
            ("AEP_IMS_ENDPOINT", emulator.url().into()),
            ("AEP_CLIENT_ID", CLIENT.into()),
            ("AEP_CLIENT_SECRET", CLIENT.into()),
            ("AEP_SCOPES", "openid".into()),
            ("AEP_ORG_ID", organization.into()),
        ];
        environment.extend(
            KEPT.into_iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        );
        Ok(Self {
            program: std::env::current_exe()?,
            arguments,
            environment,
            place,
        })
    }

    /// The command of the next apply or retry, which the output is to show under `title`; one that
    /// `waits` follows the runs to their end.
    pub(crate) fn command(&self, verb: &str, title: &str, waits: bool) -> io::Result<Command> {
        // A process that dies early must not leave the report of the one before as its own.
        match fs::remove_file(self.report()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut output = File::options()
            .create(true)
            .append(true)
            .open(self.output())?;
        writeln!(output, "\n--- {title}")?;
        let mut command = Command::new(&self.program);
        command
            .arg(verb)
            .args(waits.then_some("--wait"))
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true);
        Ok(command)
    }

    /// What the last apply reported; nothing, where it came to no report.
    pub(crate) fn last_apply(&self) -> LastApply {
        let text = fs::read(self.report()).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The last lines of what the applies printed.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        let text = fs::read(self.output()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(TAIL)..];
        last.iter().map(|line| (*line).to_owned()).collect()
    }

    /// Leaves the folder where it is, the service's own count in it, and says where that is.
    pub(crate) fn keep(self, ledger: &Ledger) -> io::Result<PathBuf> {
        let path = self.place.keep();
        let mut file = io::BufWriter::new(File::create(path.join("ledger.json"))?);
        serde_json::to_writer_pretty(&mut file, ledger)?;
        file.flush()?;
        Ok(path)
    }

    fn report(&self) -> PathBuf {
        self.place.path().join("report.json")
    }

    fn output(&self) -> PathBuf {
        self.place.path().join("output.txt")
    }
}

/// The config of the applies: the user's own way of sending, at a pace that wastes no time, and
/// none of the guards that would have them leave work for another day.
fn config(limits: &Limits, timestamps: TimestampForm, scenario: &Scenario) -> String {
    // Neither the user's rate nor budgets hold applies back here.
    let Limits {
        concurrency,
        per_flow,
        ..
    } = limits;
    let rate = scenario
        .rate_limit
        .map_or(RATE, |most| most.get().min(RATE));
    let timestamps = match timestamps {
        TimestampForm::Text => "string",
        TimestampForm::Integer => "integer",
    };
    let slowest = slowest(scenario);
    // A run that appears in a list after this would be sent again, as it must be.
    let settle_delay = scenario.listed_after.duration() + slowest + CLOCKS_DIFFER;
    format!(
        "version: 1\n\
         limits: {{ rate: {rate}/s, concurrency: {concurrency}, perFlow: {per_flow}, \
         newRunsPerApply: {NEW_RUNS} }}\n\
         settleDelay: {} seconds\n\
         wire: {{ timestamps: {timestamps}, timeout: {} seconds }}\n",
        whole_seconds(settle_delay),
        whole_seconds(slowest + ANSWER_TAKES),
    )
}

/// How late the service does its work at most, by the scenario.
fn slowest(scenario: &Scenario) -> Duration {
    let delays = scenario.faults.iter().map(|rule| match rule.fault {
        Some(Fault::Slow(delay)) => delay.duration(),
        _ => Duration::ZERO,
    });
    delays.max().unwrap_or_default()
}

/// As many seconds as cover `time`, and one at least.
fn whole_seconds(time: Duration) -> u64 {
    let part = u64::from(time.subsec_nanos() > 0);
    (time.as_secs() + part).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::Config;
    use crate::manifest::read_yaml;

    fn config_for(scenario: &str) -> String {
        let scenario = Scenario::built_in(scenario)
            .or_else(|| Scenario::read("scenario.yaml", scenario).ok())
            .expect("a scenario");
        config(&Limits::default(), TimestampForm::Text, &scenario)
    }

    #[test]
    fn the_config_that_is_written_is_one_that_is_read() {
        for name in Scenario::BUILT_IN {
            let text = config_for(name);
            let config: Config = read_yaml("backfill.yaml", &text).expect("a config");
            assert_eq!(config.limits.concurrency, 8);
            assert_eq!(config.limits.new_runs_per_apply, NEW_RUNS);
        }
    }

    #[test]
    fn no_run_appears_after_the_settle_delay_and_no_slow_answer_is_given_up() {
        assert_eq!(
            config_for("listedAfter: 2\nfaults: [{ do: { slow: 3.5 } }, { do: { slow: 1 } }]"),
            "version: 1\n\
             limits: { rate: 2000/s, concurrency: 8, perFlow: 1, newRunsPerApply: 1000000 }\n\
             settleDelay: 7 seconds\n\
             wire: { timestamps: string, timeout: 5 seconds }\n"
        );
        assert!(config_for("calm").contains("settleDelay: 1 seconds"));
        assert!(config_for("storm").contains("settleDelay: 2 seconds"));
    }

    #[test]
    fn what_the_service_lets_through_is_not_asked_for_in_vain() {
        assert!(config_for("rateLimit: 60").contains("rate: 60/s"));
    }
}
