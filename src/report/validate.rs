//! What `validate` found: one line, if there is no error. Problems are drawn on standard error.

use super::blocks::Layout;
use super::blocks::Report;
use super::json::{self, ValidateDocument};
use super::view::View;
use super::{ProblemCounts, number};
use crate::manifest::{Checked, Sources};

/// What `validate` found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValidateView<'a> {
    pub sources: &'a Sources,
    /// What they ask for, and what is wrong with them.
    pub checked: &'a Checked,
    /// No more problems than so many are in the document.
    pub max_problems: usize,
}

impl<'a> View for ValidateView<'a> {
    type Document = ValidateDocument<'a>;

    fn report(&self, _: Layout) -> Report {
        if self.checked.has_errors() {
            return Report::default();
        }
        let warnings = match ProblemCounts::in_all(self.checked).warnings {
            0 => String::new(),
            warnings => format!(", {}", number(warnings, "warning")),
        };
        let files = number(self.sources.len(), "file");
        let manifests = describe_manifests(self.checked);
        let verdict = format!("{files}, {manifests}: no errors{warnings}.");
        Report {
            title: format!("validate: {verdict}"),
            verdict,
            ..Report::default()
        }
    }

    fn document(&self, exit_code: u8) -> ValidateDocument<'a> {
        json::validate(self.sources, self.checked, self.max_problems, exit_code)
    }
}

/// `4 manifests of 6 flows, 403 runs`; the flows only where a manifest has several.
pub(crate) fn describe_manifests(checked: &Checked) -> String {
    let flows = if checked.manifests.len() == checked.documents {
        String::new()
    } else {
        format!(" of {}", number(checked.flows(), "flow"))
    };
    let manifests = number(checked.documents, "manifest");
    format!("{manifests}{flows}, {}", number(checked.runs.len(), "run"))
}
