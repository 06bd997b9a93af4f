//! The border where errors become messages: what went wrong, whose turn it is, the exit code.

use std::error::Error;
use std::io::{self, Write};

use jiff::Timestamp;

use super::Exit;
use crate::api::ApiError;
use crate::file_text::NotText;
use crate::manifest::{Checked, FindError, Severity};
use crate::plan::PlannedRun;
use crate::report::json::FailureDocument;
use crate::report::{
    self, Annotation, AnnotationPlace, FailureView, ProblemCounts, fitting, plain,
};
use crate::run::PickError;
use crate::state::FormatError;
use crate::store::StoreError;

/// How many characters of a line are shown.
const LONGEST: usize = 10_000;
/// How many characters of an error about the state are shown.
const MOST_SAID: usize = 700;

/// Why a verb could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// Completes "error: …".
    message: String,
    /// Lines under the message.
    details: Vec<String>,
    hints: Vec<String>,
    /// The line of the file that is wrong, if one is.
    place: Option<Box<AnnotationPlace>>,
    /// The runs that are in conflict with the state, if that is what is wrong.
    conflicts: Vec<PlannedRun>,
    /// The manifests, if they are what is wrong.
    checked: Option<Box<Checked>>,
    /// Standard output's reader has gone: nothing is wrong, and nobody listens.
    silent: bool,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            details: Vec::new(),
            hints: Vec::new(),
            place: None,
            conflicts: Vec::new(),
            checked: None,
            silent: false,
        }
    }

    /// Wrong flags, config or manifests.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// That the service lets nobody in with these credentials, and `why`.
    pub(crate) fn sign_in(why: &str) -> Self {
        Self::new(Exit::SignIn, format!("could not sign in: {why}")).hint(
            "compare AEP_CLIENT_SECRET and AEP_SCOPES, or AEP_ACCESS_TOKEN, and AEP_ORG_ID and \
             AEP_API_KEY with the project in Adobe's developer console; `backfill doctor` tells more",
        )
    }

    /// A file that is no text, called `name`.
    pub(crate) fn not_text(name: &str, error: NotText) -> Self {
        let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
        Self::usage(format!("{name}, line {line}: {error}"))
            .hint(error.hint())
            .at(name, Some((line, 1)))
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }

    /// Wrong is this line and column of a file, where they are known.
    pub(crate) fn at(mut self, file: &str, position: Option<(u32, u32)>) -> Self {
        self.place = position.map(|(line, column)| {
            Box::new(AnnotationPlace {
                file: file.to_owned(),
                line,
                column: Some(column),
            })
        });
        self
    }

    pub(crate) fn with_conflicts(mut self, conflicts: Vec<PlannedRun>) -> Self {
        self.conflicts = conflicts;
        self
    }

    /// That the manifests are wrong, and what follows; what is wrong with them was shown.
    pub(crate) fn of_manifests(checked: Checked, so: &str) -> Self {
        let errors = ProblemCounts::in_all(&checked).errors;
        let plural = if errors == 1 { "" } else { "s" };
        Self {
            checked: Some(Box::new(checked)),
            ..Self::usage(format!("{errors} error{plural} in the manifests{so}"))
        }
    }

    /// What is to be shown at which line; a failure of no line is one annotation.
    pub(crate) fn annotations(&self) -> Vec<Annotation> {
        if let Some(checked) = &self.checked {
            return report::annotate_problems(&checked.problems);
        }
        if !self.conflicts.is_empty() {
            return report::annotate_conflicts(&self.conflicts);
        }
        let hints = self.hints.iter().map(|hint| format!("hint: {hint}"));
        let message = self.message.lines().map(ToOwned::to_owned);
        vec![Annotation {
            severity: Severity::Error,
            spot: self.place.as_deref().cloned(),
            title: "backfill".to_owned(),
            lines: message
                .chain(self.details.iter().cloned())
                .chain(hints)
                .collect(),
        }]
    }

    /// The failure as the JSON that a report of `format` has in its place.
    pub(crate) fn document(&self, format: &'static str) -> FailureDocument {
        report::json::failure(format, &self.message, self.exit.code())
    }

    /// How many problems of manifests were found, but not kept.
    pub(crate) fn unlisted(&self) -> ProblemCounts {
        let checked = self.checked.as_ref();
        checked.map_or_else(ProblemCounts::default, |checked| checked.unlisted.into())
    }

    /// The failure of `verb` for a page on GitHub, in at most `most` bytes.
    pub(crate) fn markdown(&self, verb: &str, most: usize) -> String {
        self.view(verb).markdown(most)
    }

    /// The failure of `verb` as a page, made at `now`.
    pub(crate) fn html(&self, verb: &str, now: Timestamp) -> String {
        report::failure_page(self.view(verb), now)
    }

    fn view<'a>(&'a self, verb: &'a str) -> FailureView<'a> {
        let problems = self.checked.as_ref().map(|checked| &checked.problems[..]);
        FailureView {
            verb,
            message: &self.message,
            details: &self.details,
            hints: &self.hints,
            problems: problems.unwrap_or_default(),
            unlisted: self.unlisted(),
        }
    }

    pub(crate) fn conflicts(&self) -> &[PlannedRun] {
        &self.conflicts
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether nothing is wrong, and nobody listens.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Says it on standard error.
    pub(crate) fn report(self) -> Exit {
        let Self {
            exit,
            message,
            details,
            hints,
            place: _,
            conflicts: _,
            checked: _,
            silent,
        } = self;
        if silent {
            return exit;
        }
        let red = console::style("error:").for_stderr().red().bold();
        let cyan = console::style("hint:").for_stderr().cyan().bold();
        let term = console::Term::stderr();
        let mut err = io::stderr().lock();
        // A path may hold a line feed, and what follows it would begin a line.
        let mut message = message.lines().map(|line| plain(line, LONGEST));
        let first = format!("{red} {}", message.next().unwrap_or_default());
        let first = fitting(&term, &first).into_iter();
        // What follows may be an excerpt of a file: it keeps its columns.
        let details = details
            .iter()
            .map(|line| format!("  {}", plain(line, LONGEST)));
        let hints = hints
            .iter()
            .map(|hint| format!("{cyan} {}", plain(hint, LONGEST)));
        let rest = details.chain(hints).flat_map(|line| fitting(&term, &line));
        for line in first.chain(message).chain(rest) {
            let _ = writeln!(err, "{line}");
        }
        exit
    }

    /// A store error about the state at `place`.
    pub(crate) fn state(place: &str, error: &StoreError) -> Self {
        let failure = Self::new(
            Exit::State,
            format!(
                "could not use the state in {place}: {}",
                // What is damaged may be quoted, and anything may stand in it.
                plain(&chain(error), MOST_SAID)
            ),
        );
        match error {
            StoreError::Locked(_) => {
                failure.hint("wait for it to end; nothing was sent by this command")
            }
            StoreError::NoLock { .. } => failure.hint(
                "without a lock two applies at once could not be kept apart; keep the state on \
                 another file system, with --state FOLDER",
            ),
            StoreError::Fenced(_) => failure.hint(
                "nothing was sent that is not recorded; let the other one end, and apply again",
            ),
            StoreError::NoRemote(_) => failure.hint(
                "the state is kept on a branch of the remote `origin`: add one with `git remote add \
                 origin URL`; or keep the state on this machine, with `state: .backfill` in \
                 backfill.yaml",
            ),
            StoreError::Io { source, .. } | StoreError::Read { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                failure.hint(
                    "give this user the right to read and write there, or name another place with \
                     --state",
                )
            }
            StoreError::Remote { .. } => failure
                .hint(if place.starts_with("git:") {
                    "it is your own git that reads the branch and pushes to it, in the repository of \
                     the config or of the current folder: `git ls-remote` and `git push --dry-run` \
                     tell more; a job of GitHub Actions needs `contents: write` to push, and no rule that protects \
                     the branch from it"
                } else {
                    "docs/state.md, \"Where the state is kept\", says where bucket, credentials, region \
                     and endpoint are looked for"
                })
                .hint("nothing was sent that is not recorded; the next apply goes on from there"),
            StoreError::NoConditionalWrites(_) => failure.hint(
                "the server must create an object only if there is none (`If-None-Match: *`), as S3, \
                 Azure, Google Cloud Storage, R2 and MinIO do; or keep the state on git:BRANCH",
            ),
            StoreError::Unread(_) => failure
                .hint(
                    "nothing was sent, and nothing was written: `git log` of the branch shows the \
                     commits that hold state.jsonl; docs/troubleshooting.md says how to go on from one",
                )
                .hint(
                    "only where no commit of it ever held a state.jsonl, delete the branch and \
                     apply again",
                ),
            StoreError::TooSlow { .. } => failure.hint("raise `lease` in the config"),
            StoreError::Changed(_) => failure.hint(
                "nothing was sent that is not recorded; find out what else writes there (another \
                 tool, a checkout, a sync client), then see `backfill state verify`",
            ),
            StoreError::Format(FormatError::Newer { .. } | FormatError::NewerLine { .. }) => {
                failure.hint("use the version of backfill that wrote it, or a newer one")
            }
            StoreError::Format(FormatError::Moved { .. }) => {
                failure.hint("name that with --state, or as `state` in backfill.yaml")
            }
            StoreError::Format(_) => failure
                .hint("nothing was changed; restore both files from the same copy, if there is one")
                .hint(
                    "without a copy, wait until the settle delay has passed since the last request \
                     and the last startTime, and move both away: the next apply adopts the runs \
                     that are listed with their windows, and knows of no others",
                ),
            StoreError::ForeignOrganization { .. } => {
                failure.hint("name another state with --state, or another organization")
            }
            StoreError::Read { .. } | StoreError::Illegal(_) | StoreError::Failed => failure,
            StoreError::Io { .. } => failure.hint(
                "nothing was sent that is not recorded; the next apply goes on where this ended",
            ),
        }
    }
}

/// An error and its causes, each once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self {
                silent: true,
                ..Self::new(Exit::Success, String::new())
            };
        }
        Self::new(
            Exit::Unexpected,
            format!("could not write the result: {error}"),
        )
    }
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        Self::usage(chain(&error)).hint("name files or folders of manifests; default: manifests/")
    }
}

impl From<PickError> for Failure {
    fn from(error: PickError) -> Self {
        /// How many keys are named before the rest is counted.
        const NAMED: usize = 10;

        let failure = Self::usage(error.to_string());
        match error {
            PickError::Unknown(_) => failure.hint(
                "keys are those of the manifests that are read, and of the state; \
                 `backfill plan --verbose` and `backfill state list` show them",
            ),
            PickError::Ambiguous { prefix: _, keys } => {
                let more = keys.len().saturating_sub(NAMED);
                failure
                    .details(keys.iter().take(NAMED).map(ToString::to_string))
                    .details((more > 0).then(|| format!("… and {more} more")))
                    .hint("give more digits")
            }
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let exit = match error {
            ApiError::Auth(ref error) if error.may_pass() => Exit::Unexpected,
            ApiError::Auth(_) | ApiError::SignIn(_) => Exit::SignIn,
            ApiError::Setup(_) => Exit::Usage,
            ApiError::Refused(_) | ApiError::Unreachable(_) | ApiError::NotUnderstood(_) => {
                Exit::Unexpected
            }
        };
        let failure = Self::new(exit, chain(&error));
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_of_a_damaged_state_cannot_act_on_a_terminal() {
        let what = format!(
            "`\u{1b}[2J\n##[add-mask]{}` is no sandbox",
            "x".repeat(9_000)
        );
        let error = StoreError::Format(FormatError::Damaged {
            file: "state.jsonl",
            line: 2,
            what,
        });
        let failure = Failure::state(".backfill", &error);
        let message = failure.message();
        assert!(
            message.contains("line 2: `\\u{1b}[2J\\n\\u{23}#[add-mask]xxx"),
            "{message}"
        );
        assert!(message.chars().count() < 800, "{message}");
    }
}
