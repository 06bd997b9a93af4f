//! The border where errors become messages: what went wrong, whose turn it is, the exit code.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use super::Exit;
use crate::api::ApiError;
use crate::manifest::{Checked, FindError, Severity};
use crate::plan::PlannedRun;
use crate::report::{
    self, Annotation, AnnotationPlace, FailureView, ProblemCounts, fitting, plain,
};
use crate::run::PickError;
use crate::store::StoreError;

/// How many characters of a line are shown.
const LONGEST: usize = 10_000;
/// How many characters of an error about the state are shown.
const MOST_SAID: usize = 700;

/// Why a verb could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// Completes "error: …".
    pub(crate) message: String,
    /// Lines under the message.
    details: Vec<String>,
    pub(crate) hints: Vec<String>,
    /// The line of the file that is wrong, if one is.
    place: Option<Box<AnnotationPlace>>,
    /// The runs that are in conflict with the state, if that is what is wrong.
    pub(crate) conflicts: Vec<PlannedRun>,
    /// The manifests, if they are what is wrong.
    checked: Option<Box<Checked>>,
    /// Standard output's reader has gone: nothing is wrong, and nobody listens.
    pub(crate) silent: bool,
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

    /// That `what`, the file at `path`, could not be written.
    pub(crate) fn unwritten(what: &str, path: &Path, error: &dyn Error) -> Self {
        let path = plain(&path.display().to_string(), 300);
        let message = format!("could not write {what}{path}: {}", chain(error));
        Self::new(Exit::Unexpected, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }

    /// That of `all` lines no more than `shown` are under the message.
    pub(crate) fn and_more(self, all: usize, shown: usize) -> Self {
        self.details((all > shown).then(|| format!("… and {} more", all - shown)))
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

    /// How many problems of manifests were found, but not kept.
    pub(crate) fn unlisted(&self) -> ProblemCounts {
        let checked = self.checked.as_ref();
        checked.map_or_else(ProblemCounts::default, |checked| checked.unlisted.into())
    }

    /// The failure of `verb`, for those who read it elsewhere than on a terminal.
    pub(crate) fn view<'a>(&'a self, verb: &'a str) -> FailureView<'a> {
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

    /// Says it on standard error.
    pub(crate) fn report(self) -> Exit {
        if self.silent {
            return self.exit;
        }
        let red = console::style("error:").for_stderr().red().bold();
        let cyan = console::style("hint:").for_stderr().cyan().bold();
        let term = console::Term::stderr();
        let mut err = io::stderr().lock();
        // A path may hold a line feed, and what follows it would begin a line.
        let mut message = self.message.lines().map(|line| plain(line, LONGEST));
        let first = format!("{red} {}", message.next().unwrap_or_default());
        let details = self
            .details
            .iter()
            .map(|line| format!("  {}", plain(line, LONGEST)));
        let hints = self
            .hints
            .iter()
            .map(|hint| format!("{cyan} {}", plain(hint, LONGEST)));
        let rest = details.chain(hints).flat_map(|line| fitting(&term, &line));
        // The rest of the message may be an excerpt of a file: it keeps its columns.
        for line in fitting(&term, &first)
            .into_iter()
            .chain(message)
            .chain(rest)
        {
            let _ = writeln!(err, "{line}");
        }
        self.exit
    }

    /// A store error about the state at `place`.
    pub(crate) fn state(place: &str, error: &StoreError) -> Self {
        // What is damaged may be quoted, and anything may stand in it.
        let why = plain(&chain(error), MOST_SAID);
        let message = format!("could not use the state in {place}: {why}");
        let hints = error.hints(place).into_iter();
        Self {
            hints: hints.map(str::to_owned).collect(),
            ..Self::new(Exit::State, message)
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
        let PickError::Ambiguous { keys, .. } = error else {
            return failure.hint(
                "keys are those of the manifests that are read, and of the state; \
                 `backfill plan --verbose` and `backfill state list` show them",
            );
        };
        failure
            .details(keys.iter().take(NAMED).map(ToString::to_string))
            .and_more(keys.len(), NAMED)
            .hint("give more digits")
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let exit = match &error {
            ApiError::Auth(error) if error.may_pass() => Exit::Unexpected,
            ApiError::Auth(_) | ApiError::SignIn(_) => Exit::SignIn,
            ApiError::Setup(_) => Exit::Usage,
            _ => Exit::Unexpected,
        };
        Self {
            hints: error.hint().map(str::to_owned).into_iter().collect(),
            ..Self::new(exit, chain(&error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::FormatError;

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
        let message = failure.message;
        assert!(
            message.contains("line 2: `\\u{1b}[2J\\n\\u{23}#[add-mask]xxx"),
            "{message}"
        );
        assert!(message.chars().count() < 800, "{message}");
    }
}
