//! `plan --explain`: all there is to know about one run.

use std::io::{self, Write};

use super::blocks::{Block, Layout, Report, under};
use super::plain;
use super::reason::{
    describe_fate, describe_found, describe_limit, describe_paused, describe_seen, reasons,
};
use super::terminal::{date, write_report};
use super::window;
use crate::plan::{Action, Explained, PlannedRun};
use crate::run::{DesiredRun, Order, RunIdentity, Source, UnixSeconds};

/// What is said above a request.
const REQUEST: &str = "The request for it, for a support ticket, with what is secret as variables. \
                       Leave it to `backfill apply` to send it: what is sent by hand is on no record.";

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
    let RunIdentity {
        flow,
        window: span,
        rerun,
    } = identity;
    let mut fields = vec![
        ("key", identity.key().to_string()),
        ("action", action.to_owned()),
    ];
    fields.extend(under("because", why));
    let name = run.map_or_else(String::new, |run| plain(&run.request.name, 60) + "  ");
    let rerun = match rerun.get() {
        1 => "1, the first time".to_owned(),
        n => format!("{n}, the same window again on purpose"),
    };
    let shown = format!("{} in UTC, the end exclusive", window(*span));
    fields.extend([
        ("flow", format!("{name}{flow}")),
        ("window", shown),
        ("rerun", rerun),
    ]);
    let is_sent = explained.to_send().is_some();
    fields.extend(
        run.into_iter()
            .flat_map(|run| request_fields(run, is_sent, now)),
    );
    let mut report = Report::of([Block::Fields(fields)]);
    report.note("The key is the SHA-256 of these lines, each ended by a line feed:");
    let hashed = identity.canonical_text();
    report
        .blocks
        .push(Block::Code(hashed.trim_end().to_owned()));
    if let Some(request) = request {
        report.note(REQUEST);
        report.blocks.push(Block::Code(request.to_owned()));
    }
    write_report(out, &report, layout)
}

/// What the manifest says of the run.
fn request_fields(
    run: &DesiredRun,
    is_sent: bool,
    now: UnixSeconds,
) -> [(&'static str, String); 5] {
    let request = &run.request;
    let start = match run.start_time {
        None => "when it is sent".to_owned(),
        Some(asked) if is_sent && asked < now => {
            format!("when it is sent: its startTime {} has passed", date(asked))
        }
        Some(asked) => date(asked),
    };
    let order = match request.order {
        Order::OldestFirst => "the oldest window of the flow first",
        Order::NewestFirst => "the newest window of the flow first",
    };
    let overlap = if request.overlap_allowed {
        "allowed, with windows of the same flow and rerun"
    } else {
        "not allowed"
    };
    [
        ("asked for", plain(&run.origin().to_string(), 200)),
        ("start", start),
        ("source", describe_source(&request.source)),
        ("order", order.to_owned()),
        ("overlap", overlap.to_owned()),
    ]
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
            reasons(planned),
        ),
        Action::Settle => (
            "look for it in the lists of the service, and send it only if it is not there",
            fate(),
        ),
        Action::Wait => (
            "none before the run that it overlaps is settled",
            reasons(planned),
        ),
        Action::Conflict => (
            "none, and nothing else is sent: the window was ingested already",
            reasons(planned),
        ),
    }
}

fn describe_source(source: &Source) -> String {
    let Source::Table(column) = source else {
        return "files, told apart by when they were modified".to_owned();
    };
    let mut parts = vec![format!(
        "table, rows told apart by {}",
        plain(&column.name, 60)
    )];
    let further = [("read as", &column.date_format), ("in", &column.timezone)];
    let further = further.into_iter();
    parts.extend(further.filter_map(|(what, value)| {
        let value = plain(value.as_ref()?, 60);
        Some(format!("{what} {value}"))
    }));
    parts.join(", ")
}
