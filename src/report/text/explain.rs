//! `plan --explain`: all there is to know about one run.

use std::io::{self, Write};

use super::table::Layout;
use super::write_lines;
use crate::plan::{Action, Explained, PlannedRun};
use crate::report::reason::{
    NOT_REVIEWED, describe_fate, describe_found, describe_limit, describe_obstacle,
    describe_paused, describe_seen,
};
use crate::report::terminal::date;
use crate::report::wrap::wrap;
use crate::report::{plain, window};
use crate::run::{DesiredRun, Order, RunIdentity, Source, UnixSeconds};

/// How wide the column of headings is.
const HEADING: usize = 12;

/// Writes what is to be done about a run and why, where it was asked for, what its key is the hash
/// of, and the `request` that would be sent, as a command of the shell.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_explained(
    out: &mut dyn Write,
    explained: &Explained,
    request: Option<&str>,
    now: UnixSeconds,
    layout: Layout,
) -> io::Result<()> {
    let width = layout.columns();
    let (identity, action, why, run) = match explained {
        Explained::Planned(planned) => {
            let (action, why) = action_and_reason(planned);
            (&planned.run.identity, action, why, Some(&planned.run))
        }
        Explained::HeldBack(planned, limit) => (
            &planned.run.identity,
            "none now: created by a later apply",
            vec![describe_limit(1, *limit)],
            Some(&planned.run),
        ),
        Explained::NotWanted(known) => (
            &known.identity,
            "none: no manifest that was read asks for it",
            vec![describe_fate(&known.fate)],
            None,
        ),
    };
    let mut field = |heading: &str, text: &str| -> io::Result<()> {
        let line = format!("{heading:HEADING$}{text}");
        for line in wrap(&line, &" ".repeat(HEADING), width) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    };
    field("key", &identity.key().to_string())?;
    field("action", action)?;
    for (n, why) in why.iter().enumerate() {
        field(if n == 0 { "because" } else { "" }, why)?;
    }
    let RunIdentity {
        flow,
        window: span,
        rerun,
    } = identity;
    let name = run.map_or_else(String::new, |run| {
        format!("{}  ", plain(&run.request.name, 60))
    });
    field("flow", &format!("{name}{flow}"))?;
    field(
        "window",
        &format!("{} in UTC, the end exclusive", window(*span)),
    )?;
    field(
        "rerun",
        &match rerun.get() {
            1 => "1, the first time".to_owned(),
            n => format!("{n}, the same window again on purpose"),
        },
    )?;
    if let Some(run) = run {
        let DesiredRun {
            start_time,
            request,
            ..
        } = run;
        field("asked for", &plain(&run.origin().to_string(), 200))?;
        let is_sent = explained.to_send().is_some();
        let start = match *start_time {
            None => "when it is sent".to_owned(),
            Some(asked) if is_sent && asked < now => {
                format!("when it is sent: its startTime {} has passed", date(asked))
            }
            Some(asked) => date(asked),
        };
        field("start", &start)?;
        field("source", &describe_source(&request.source))?;
        let order = match request.order {
            Order::OldestFirst => "the oldest window of the flow first",
            Order::NewestFirst => "the newest window of the flow first",
        };
        field("order", order)?;
        let overlap = if request.overlap_allowed {
            "allowed, with windows of the same flow and rerun"
        } else {
            "not allowed"
        };
        field("overlap", overlap)?;
    }
    writeln!(
        out,
        "\nThe key is the SHA-256 of these lines, each ended by a line feed:\n"
    )?;
    for line in identity.canonical_text().lines() {
        writeln!(out, "{line}")?;
    }
    if let Some(request) = request {
        let what = "The request for it, for a support ticket, with what is secret as variables. \
                    Leave it to `backfill apply` to send it: what is sent by hand is on no record.";
        writeln!(out)?;
        write_lines(out, &wrap(what, "", width))?;
        writeln!(out, "\n{request}")?;
    }
    Ok(())
}

fn action_and_reason(planned: &PlannedRun) -> (&'static str, Vec<String>) {
    let PlannedRun { run, action, known } = planned;
    let fate = || {
        let told = known.iter().flat_map(|known| {
            let seen = known.last_seen.as_ref().map(describe_seen);
            std::iter::once(describe_fate(&known.fate)).chain(seen)
        });
        told.collect()
    };
    match action {
        Action::Create if known.is_some() => ("create it: it does not exist", fate()),
        Action::Create => (
            "create it",
            vec!["the state does not know this key".to_owned()],
        ),
        Action::Again => ("create it: what was rejected does not exist", fate()),
        Action::Unchanged => ("none: it exists", fate()),
        Action::Retry => ("run it again", fate()),
        Action::Paused => (
            "none: its manifest is paused",
            vec![describe_paused(&run.request)],
        ),
        Action::Blocked => ("none: nothing can be sent to its flow", fate()),
        Action::Adopt => (
            "put it on record: it exists",
            known.as_deref().map(describe_found).into_iter().collect(),
        ),
        Action::Unreviewed => (
            "none: the reviewed plan does not create it",
            vec![NOT_REVIEWED.to_owned()],
        ),
        Action::Settle => (
            "look for it in the lists of the service, and send it only if it is not there",
            fate(),
        ),
        Action::Wait => (
            "none before the run that it overlaps is settled",
            known
                .as_deref()
                .into_iter()
                .flat_map(describe_obstacle)
                .collect(),
        ),
        Action::Conflict => (
            "none, and nothing else is sent: the window was ingested already",
            known
                .as_deref()
                .into_iter()
                .flat_map(describe_obstacle)
                .collect(),
        ),
    }
}

fn describe_source(source: &Source) -> String {
    match source {
        Source::File => "files, told apart by when they were modified".to_owned(),
        Source::Table(column) => {
            let further = [("read as", &column.date_format), ("in", &column.timezone)];
            let further = further.into_iter().filter_map(|(what, value)| {
                let value = plain(value.as_ref()?, 60);
                Some(format!(", {what} {value}"))
            });
            let name = plain(&column.name, 60);
            std::iter::once(format!("table, rows told apart by {name}"))
                .chain(further)
                .collect()
        }
    }
}
