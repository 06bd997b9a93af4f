//! Shows a result in every place where somebody looks: standard output, the job, a report.

use std::path::Path;

use crate::report::{Layout, View, columns};

use super::Exit;
use super::context::Context;
use super::failure::Failure;
use super::output::{self, AnnotatedFormat, OutputFormat};

/// How a result is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// For a page on GitHub, in at most so many bytes.
    Markdown(usize),
}

impl From<OutputFormat> for Form {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Text => Self::Text,
            OutputFormat::Json => Self::Json,
        }
    }
}

impl From<AnnotatedFormat> for Form {
    fn from(format: AnnotatedFormat) -> Self {
        match format {
            AnnotatedFormat::Text | AnnotatedFormat::Github => Self::Text,
            AnnotatedFormat::Json => Self::Json,
        }
    }
}

/// Tells the job, writes the report to its file, and the result to standard output; of a program that
/// ends with `exit`.
///
/// # Errors
/// What could not be written: first to standard output, then to the report. One does not keep the
/// other from being written.
pub(crate) fn present<V: View>(
    context: &Context,
    view: &V,
    form: Form,
    report: Option<&Path>,
    exit: Exit,
) -> [Result<(), Failure>; 2] {
    tell(context, view);
    // Of a large plan it is large: made once, and only where somebody reads it.
    let is_read = form == Form::Json || report.is_some();
    let document = is_read.then(|| view.document(exit.code()));
    let shown = match &document {
        Some(document) if form == Form::Json => output::json(document).map_err(Failure::from),
        _ => show(context, view, form),
    };
    let reported = match (&document, report) {
        (Some(document), Some(path)) => output::report(context, path, document),
        _ => Ok(()),
    };
    [shown, reported]
}

/// The same, for a verb without a report.
///
/// # Errors
/// When it cannot be written to standard output.
pub(crate) fn show_result(
    context: &Context,
    view: &impl View,
    form: impl Into<Form>,
    exit: Exit,
) -> Result<(), Failure> {
    let [shown, _] = present(context, view, form.into(), None, exit);
    shown
}

/// Tells the job that this runs in, if it runs in one.
pub(crate) fn tell(context: &Context, view: &impl View) {
    let actions = &context.actions;
    actions.annotate(|| view.annotations());
    actions.summarize(|most| view.markdown(most));
    actions.output(|| view.outputs());
}

/// Writes a result to standard output, and tells nobody else.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn show(context: &Context, view: &impl View, form: Form) -> Result<(), Failure> {
    let written = match form {
        Form::Text => output::text(|out| view.write_text(out, layout(context))),
        Form::Markdown(most) => {
            output::raw(|out| out.write_all(view.markdown(most).unwrap_or_default().as_bytes()))
        }
        Form::Json => output::json(&view.document(Exit::Success.code())),
    };
    written.map_err(Failure::from)
}

/// How text for standard output is laid out.
pub(crate) fn layout(context: &Context) -> Layout {
    Layout {
        verbose: context.verbose,
        width: columns(&console::Term::stdout()),
        is_markdown: false,
    }
}
