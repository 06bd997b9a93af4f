//! Shows a result, or why there is none, in every place where somebody looks: standard output, the
//! job, a report, a page.

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::Exit;
use super::actions::Actions;
use super::context::Context;
use super::failure::Failure;
use super::github::ROOM;
use super::output::{self, Format, ResultArgs};
use crate::report::json;
use crate::report::{Layout, View, columns, failure_page};

/// Shows a result in all places but on a page; how the command ends, if its work ended with `exit`.
pub(crate) fn present<V: View>(context: &Context, view: &V, exit: Exit) -> Exit {
    tell(context, view);
    let ResultArgs { format, report, .. } = &context.result;
    // Of a large plan it is large: made once, and only where somebody reads it.
    let is_read = *format == Format::Json || report.is_some();
    let document = is_read.then(|| view.document(exit.code()));
    let shown = match &document {
        Some(document) if *format == Format::Json => output::json(document).map_err(Into::into),
        _ => show(view, *format, layout(context), exit),
    };
    let reported = match (&document, report) {
        (Some(document), Some(path)) => write_report(&context.actions, path, document),
        _ => Ok(()),
    };
    let exit = context.tell_unwritten(shown, exit);
    context.tell_unwritten(reported, exit)
}

/// Writes the page of a result, if it is asked for.
pub(crate) fn present_page(context: &Context, view: &impl View, exit: Exit) -> Exit {
    let page = context.result.html.as_ref();
    let page = page.and_then(|path| Some((path, view.html(Timestamp::now())?)));
    let written = page.map_or(Ok(()), |(path, page)| write_page(path, &page));
    context.tell_unwritten(written, exit)
}

/// Shows what is about to be done, where the result is for people. From here on a reader of standard
/// output that has gone decides nothing.
pub(crate) fn announce(context: &Context, title: &str, view: &impl View) {
    let format = context.result.format;
    if format != Format::Json && !context.quiet {
        context.actions.begin_group(io::stdout(), title);
        let _ = show(view, format, layout(context), Exit::Success);
        context.actions.end_group(io::stdout());
    }
}

/// Says why `verb` has no result, wherever that would be; `format` is that of its JSON document.
pub(crate) fn present_failure(
    failure: Failure,
    verb: &str,
    format: &'static str,
    result: &ResultArgs,
    actions: &Actions,
) -> Exit {
    if failure.silent {
        return failure.exit;
    }
    let view = failure.view(verb);
    // Windows in conflict are in the plan, which was shown.
    let is_shown = !failure.conflicts.is_empty();
    // Where a page is kept up to date with it, the result for an earlier commit would mislead.
    let shown = match result.format {
        Format::Markdown if !is_shown => {
            output::raw(|out| out.write_all(view.markdown(ROOM).as_bytes()))
        }
        _ => Ok(()),
    };
    let (message, code) = (&failure.message, failure.exit.code());
    let reported = match &result.report {
        Some(path) if format == "apply/v1" => {
            let document = json::apply_failure(message, &failure.conflicts, code);
            write_report(actions, path, &document)
        }
        Some(path) if !is_shown => {
            write_report(actions, path, &json::failure(format, message, code))
        }
        _ => Ok(()),
    };
    let paged = match &result.html {
        Some(path) if !is_shown => write_page(path, &failure_page(view, Timestamp::now())),
        _ => Ok(()),
    };
    for beside in [shown.map_err(Failure::from), reported, paged] {
        if let Err(beside) = beside {
            actions.tell_failure(&beside, verb);
            beside.report();
        }
    }
    actions.tell_failure(&failure, verb);
    failure.report()
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
pub(crate) fn show(
    view: &impl View,
    format: Format,
    layout: Layout,
    exit: Exit,
) -> Result<(), Failure> {
    let markdown = (format == Format::Markdown).then(|| view.markdown(ROOM));
    match markdown.flatten() {
        Some(markdown) => output::raw(|out| out.write_all(markdown.as_bytes()))?,
        None if format == Format::Json => output::json(&view.document(exit.code()))?,
        None => output::text(|out| view.write_text(out, layout))?,
    }
    Ok(())
}

fn write_report(
    actions: &Actions,
    path: &Path,
    document: &impl serde::Serialize,
) -> Result<(), Failure> {
    let write = || {
        let mut text = serde_json::to_vec_pretty(document)?;
        text.push(b'\n');
        output::file(path, &text, true)
    };
    write().map_err(|error| Failure::unwritten("the report ", path, &error))?;
    actions.report_written(path);
    Ok(())
}

fn write_page(path: &Path, page: &str) -> Result<(), Failure> {
    output::file(path, page.as_bytes(), true)
        .map_err(|error| Failure::unwritten("the page ", path, &error))
}

/// How text for standard output is laid out.
pub(crate) fn layout(context: &Context) -> Layout {
    Layout {
        verbose: context.verbose,
        width: columns(&console::Term::stdout()),
        is_markdown: false,
    }
}
