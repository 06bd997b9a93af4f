//! What a job of GitHub Actions may do, as far as reads tell.

use crate::cli::context::Context;
use crate::cli::environment::variable;
use crate::cli::github::client;
use crate::cli::state_location::StateLocation;
use crate::doctor::{Area, Check, Finding};
use crate::report::plain;

const AREA: Area = Area::GitHub;

/// What the job's token reads, and whether a rule protects the branch of the state.
pub(super) async fn check(context: &Context) -> Vec<Finding> {
    if variable("GITHUB_TOKEN").is_none() {
        return vec![
            Check(AREA, "token", "token")
                .notice("GITHUB_TOKEN is not set")
                .advise("--comment and --issue need it: `env: GITHUB_TOKEN: ${{ github.token }}`"),
        ];
    }
    let client = match client() {
        Ok(client) => client,
        Err(failure) => {
            let message = plain(&failure.message, 300);
            return vec![Check(AREA, "token", "token").notice(message)];
        }
    };
    let reads = "GITHUB_TOKEN reads the repository";
    let mut findings = vec![match client.permissions().await {
        Ok(may) if may.is_empty() => Check(AREA, "token", "token").fine(reads),
        Ok(may) => {
            let message = format!("{reads}, as one that may {}", may.join(", "));
            Check(AREA, "token", "token").fine(message).advise(
                "whether it may write comments and issues shows only when it does: the job needs \
                 `pull-requests: write` for --comment and `issues: write` for --issue",
            )
        }
        Err(error) => {
            let message = format!("GITHUB_TOKEN: {}", plain(&error.to_string(), 300));
            Check(AREA, "token", "token")
                .notice(message)
                .advise("the job needs `permissions: contents: read` at least")
        }
    }];
    if let StateLocation::Branch { name, .. } = &context.location {
        let shown = plain(name, 100);
        match client.is_protected(name).await {
            Ok(Some(true)) => {
                let message = format!("a rule protects the branch {shown}");
                findings.push(Check(AREA, "branch", "branch").notice(message).advise(
                    "see that it lets this job push: what it refuses shows only when a push is real",
                ));
            }
            Ok(Some(false)) => {
                let message = format!("no rule protects the branch {shown} from this job");
                findings.push(Check(AREA, "branch", "branch").fine(message));
            }
            // It is not there yet, or may not be seen: the push that is a dry run tells.
            Ok(None) | Err(_) => {}
        }
    }
    findings
}
