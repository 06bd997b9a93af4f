//! Manifests: from texts under review to the runs they ask for.
//!
//! [`read_paths`] finds files and reads them, and is all that touches the disk. [`check()`] is pure:
//! it takes [`Sources`] and [`Rules`], and gives every manifest that stands, every run that is
//! wanted, and every problem of every file at once. It goes text, nodes with places (`yaml`),
//! fields (`document`), one manifest (`check`, `windows`), all together (`across`). The clock is a
//! parameter. Nothing here knows what was created before, nor how a run is sent.

mod across;
mod check;
mod document;
mod fields;
mod find;
mod flows;
mod length;
mod near;
mod problem;
mod range;
mod render;
mod schema;
mod show;
mod steps;
#[cfg(test)]
mod tests;
mod time;
mod values;
mod windows;
mod yaml;
mod zone;

use std::collections::HashSet;
use std::sync::Arc;

pub(crate) use find::shown_path;
pub use find::{FindError, Sources, read_paths};
pub use length::{Every, parse_every, parse_seconds};
pub use problem::{Misread, Problem, Rule, Severity, SourcePlace, Unlisted};
pub use render::{render, render_all};
pub use schema::json_schema;
pub use values::is_placeholder;
pub use yaml::{Span, YamlError, read_yaml};
pub(crate) use yaml::{Spanned, position_of};

use crate::run::{DesiredRun, FlowRef, Request, Sandbox, UnixSeconds};
use problem::Problems;

/// What the manifests are held to besides their own rules.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The sandbox of manifests that name none.
    pub default_sandbox: Option<Sandbox>,
    /// The present: windows that end after it lie in the future.
    pub now: UnixSeconds,
    /// The least length of a window, in seconds (config `limits.window.min`).
    pub window_min_seconds: Option<i64>,
    /// The greatest length of a window, in seconds (config `limits.window.max`).
    pub window_max_seconds: Option<i64>,
    /// Whether each manifest needs a reason (config `require: [reason]`).
    pub reason_required: bool,
}

impl Rules {
    /// No default sandbox, no limits, nothing required.
    #[must_use]
    pub fn at(now: UnixSeconds) -> Self {
        Self {
            default_sandbox: None,
            now,
            window_min_seconds: None,
            window_max_seconds: None,
            reason_required: false,
        }
    }
}

/// What a document says of one flow: a document with a list of `flows` is as many manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The line at which the document, or its entry of `flows`, begins, from 1.
    pub line: u32,
    /// The flow to run.
    pub flow: Arc<FlowRef>,
    /// Why the windows are run.
    pub reason: Option<Arc<str>>,
    /// What all of its runs have in common.
    pub request: Arc<Request>,
    /// Where it tells the flow's source and delta column, or begins.
    source_span: Span,
}

/// What came of checking.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// The manifests that stand by themselves, in the order of files, documents and `flows`.
    pub manifests: Vec<Manifest>,
    /// How many documents these are: a list of `flows` is one.
    pub documents: usize,
    /// What they ask for, each run once, sorted by identity. Not to be acted upon while
    /// [`has_errors`](Self::has_errors).
    pub runs: Vec<DesiredRun>,
    /// What is wrong, sorted by file and position: at most 1,000 of a file, 10,000 in all.
    pub problems: Vec<Problem>,
    /// What else is wrong.
    pub unlisted: Unlisted,
}

impl Checked {
    /// How many flows the manifests speak of.
    #[must_use]
    pub fn flows(&self) -> usize {
        let flows = self.manifests.iter().map(|manifest| &manifest.flow);
        flows.collect::<HashSet<_>>().len()
    }

    /// How many problems forbid to go on, unlisted ones included.
    #[must_use]
    pub fn errors(&self) -> usize {
        let is_error = |problem: &&Problem| problem.severity() == Severity::Error;
        self.problems.iter().filter(is_error).count() + self.unlisted.errors
    }

    /// Whether a problem forbids to go on.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }
}

/// Checks all of `sources` and works out the runs they ask for.
#[must_use]
pub fn check(sources: &Sources, rules: &Rules) -> Checked {
    let mut problems = Problems::default();
    for problem in sources.problems() {
        problems.next_file(&problem.place.file);
        problems.push(problem.clone());
    }
    let mut standing = Vec::new();
    let mut windows_left = check::MAX_WINDOWS;
    for (file, text) in sources.readable() {
        problems.next_file(file);
        let found_before = problems.found();
        let nodes = yaml::parse(text, &mut problems);
        if nodes.is_empty() && problems.found() == found_before {
            let hint = "write one, or remove the file";
            let start = yaml::span_at(text, 0, 0);
            problems.report(Rule::NoManifest, start, "the file holds no manifest", hint);
        }
        for node in &nodes {
            let Some(document) = document::read(node, text, &mut problems) else {
                continue;
            };
            let checker = check::Checker {
                problems: &mut problems,
                rules,
                document: &document,
                windows_left: &mut windows_left,
                windows: Vec::new(),
                entries: Vec::new(),
            };
            standing.extend(checker.check());
        }
    }
    // What manifests do to each other hides nothing of a file, and is hidden by nothing.
    problems.next_file(&Arc::default());
    let runs = across::join(&standing, &mut problems);
    let (problems, unlisted) = problems.sorted();
    Checked {
        documents: standing.len(),
        manifests: standing
            .into_iter()
            .flat_map(|document| document.flows)
            .collect(),
        runs,
        problems,
        unlisted,
    }
}
