//! `--html`: a result, or why there is none, as a page in a file.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Exit;
use super::context::Context;
use super::failure::Failure;
use super::output;
use crate::report::View;

/// Where the page goes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct HtmlArgs {
    /// Also write the result to this file as a page for a browser, on failure too: one file that
    /// fetches nothing
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl HtmlArgs {
    /// Whether a page is to be written.
    pub(crate) fn is_asked(&self) -> bool {
        self.html.is_some()
    }

    /// Writes the page of a result.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self, view: &impl View) -> Result<(), Failure> {
        let Some(path) = &self.html else {
            return Ok(());
        };
        match view.html(Timestamp::now()) {
            Some(page) => write(path, &page),
            None => Ok(()),
        }
    }

    /// The same at the end of `verb`'s work: what was done was done, and a page that cannot be written
    /// does not hide how it ended.
    pub(crate) fn write_at_end(&self, context: &Context, view: &impl View, exit: Exit) -> Exit {
        match self.write(view) {
            Ok(()) => exit,
            Err(failure) => context.tell_unwritten(failure, exit),
        }
    }

    /// Writes why `verb` has no result.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write_failure(&self, verb: &str, failure: &Failure) -> Result<(), Failure> {
        match &self.html {
            Some(path) if !failure.is_silent() => {
                write(path, &failure.html(verb, Timestamp::now()))
            }
            _ => Ok(()),
        }
    }
}

fn write(path: &Path, page: &str) -> Result<(), Failure> {
    output::file(path, page.as_bytes(), true).map_err(|error| {
        Failure::new(
            Exit::Unexpected,
            format!("could not write the page {}: {error}", path.display()),
        )
    })
}
