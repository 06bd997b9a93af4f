//! What a job of GitHub Actions may do, as far as reads tell.

use crate::cli::context::Context;
use crate::cli::environment::variable;
use crate::cli::github::client;
use crate::cli::state_location::StateLocation;
use crate::doctor::{Check, Finding};
use crate::report::plain;

/// What the job's token reads, and whether a rule protects the branch of the state.
pub(super) async fn check(context: &Context) -> Vec<Finding> {
    if variable("GITHUB_TOKEN").is_none() {
        let finding = Check::TOKEN.notice("GITHUB_TOKEN is not set");
        let advice = "--comment and --issue need it: `env: GITHUB_TOKEN: ${{ github.token }}`";
        return vec![finding.advise(advice)];
    }
    let client = match client() {
        Ok(client) => client,
        Err(failure) => return vec![Check::TOKEN.notice(plain(&failure.message, 300))],
    };
    let reads = "GITHUB_TOKEN reads the repository";
    let mut findings = vec![match client.permissions().await {
        Ok(may) if may.is_empty() => Check::TOKEN.fine(reads),
        Ok(may) => {
            let message = format!("{reads}, as one that may {}", may.join(", "));
            Check::TOKEN.fine(message).advise(
                "whether it may write comments and issues shows only when it does: the job needs \
                 `pull-requests: write` for --comment and `issues: write` for --issue",
            )
        }
        Err(error) => Check::TOKEN
            .notice(format!("GITHUB_TOKEN: {}", plain(&error, 300)))
            .advise("the job needs `permissions: contents: read` at least"),
    }];
    if let StateLocation::Branch { name, .. } = &context.location {
        let shown = plain(name, 100);
        match client.is_protected(name).await {
            Ok(Some(true)) => {
                let message = format!("a rule protects the branch {shown}");
                findings.push(Check::BRANCH.notice(message).advise(
                    "see that it lets this job push: what it refuses shows only when a push is real",
                ));
            }
            Ok(Some(false)) => {
                let message = format!("no rule protects the branch {shown} from this job");
                findings.push(Check::BRANCH.fine(message));
            }
            // It is not there yet, or may not be seen: the push that is a dry run tells.
            Ok(None) | Err(_) => {}
        }
    }
    findings
}
