//! Why a plan does what it does about a run: what the state knows, in words.
//!
//! Takes values of the plan and the state, gives fragments of one line without a full stop. What
//! the service said is in them, made harmless.

use std::fmt::Write;

use jiff::Timestamp;

use super::{number, plain, window};
use crate::api::FlowRun;
use crate::plan::{Action, Known, Limit, Plan, PlannedRun};
use crate::run::{Obstacle, Order, OtherRun, Request, RunId, RunStatus, Source};
use crate::state::{Absence, Attempt, Evidence, Fate, LastSeen};

/// Why a run is not created that the reviewed plan does not create.
pub(in crate::report) const NOT_REVIEWED: &str =
    "the reviewed plan does not create it as it is asked for now";
/// How much of what the service said is repeated.
const MOST_SAID: usize = 300;
/// How much of a client's or an account's name is.
const MOST_NAME: usize = 80;

/// What became of a run and when: `run 3f…, created 2026-11-23T10:00:00Z`.
#[must_use]
pub(crate) fn describe_fate(fate: &Fate) -> String {
    match fate {
        Fate::Created {
            run_id,
            adopted: None,
            at,
            ..
        } => format!("run {run_id}, created {}", time(*at)),
        Fate::Created {
            run_id,
            adopted: Some(evidence),
            at,
            ..
        } => format!(
            "run {run_id}, adopted {}: {}",
            time(*at),
            describe_evidence(evidence)
        ),
        Fate::Rejected { refusal, at } => format!(
            "rejected {}: {}",
            time(*at),
            plain(&refusal.to_string(), MOST_SAID)
        ),
        Fate::InDoubt(it) => {
            let since = time(it.intent.time());
            let begins = it.start_time.map(|at| format!(", to begin at {at}"));
            let reason = match &it.doubt {
                Some(doubt) => plain(&doubt.reason, MOST_SAID),
                None => "no answer was recorded".to_owned(),
            };
            let what = describe_retry(it.retry.as_ref().map(|retry| &retry.run_id));
            let begins = begins.unwrap_or_default();
            format!("{what}in doubt since {since}{begins}: {reason}")
        }
        Fate::NotCreated(absence) => describe_absence(absence),
    }
}

/// Where its manifest says that nothing new is sent.
pub(in crate::report) fn describe_paused(request: &Request) -> String {
    let manifest = plain(&request.manifest, 200);
    match request.paused {
        Some(line) => format!("{manifest}:{line} says `paused: true`"),
        None => format!("{manifest} is paused"),
    }
}

/// How a run was doing: `failed 2026-…: 100 in, 0 out, CONNECTOR-2001-500 …`.
#[must_use]
pub(in crate::report) fn describe_seen(seen: &LastSeen) -> String {
    let mut text = format!("{}, read {}", plain(&seen.status, 40), time(seen.at));
    let counts = seen.records;
    let counts = [
        (counts.input, "in"),
        (counts.output, "out"),
        (counts.failed, "failed"),
    ];
    let counts = counts.into_iter();
    let counts: Vec<String> = counts
        .filter_map(|(count, word)| Some(format!("{} {word}", count?)))
        .collect();
    if !counts.is_empty() {
        let _ = write!(text, "; records: {}", counts.join(", "));
    }
    let said = said(seen);
    if !said.is_empty() {
        let _ = write!(text, "; {said}");
    }
    text
}

/// What the service said of a run: the code and the message of its first error.
pub(in crate::report) fn said(seen: &LastSeen) -> String {
    let said: Vec<String> = [&seen.code, &seen.message]
        .into_iter()
        .flatten()
        .map(|said| plain(said, MOST_SAID))
        .collect();
    said.join(" ")
}

/// A run that a retry replaced: what it was, who retried it and when.
#[must_use]
pub(in crate::report) fn describe_attempt(attempt: &Attempt) -> String {
    let seen = attempt.last_seen.as_ref();
    let ended = seen.map_or_else(|| "not read".to_owned(), describe_seen);
    let retried_at = time(attempt.retried_at.time());
    let by = plain(&attempt.by, MOST_SAID);
    format!(
        "run {}, {ended}; retried {retried_at} by {by}",
        attempt.run_id
    )
}

/// What is to be known of a run that is neither new nor done, line by line.
pub(in crate::report) fn reasons(planned: &PlannedRun) -> Vec<String> {
    match (planned.action, &planned.known) {
        (Action::Conflict, Some(other)) => describe_obstacle(other).to_vec(),
        (Action::Wait, Some(other)) => {
            let [overlaps, fate] = describe_obstacle(other);
            vec![overlaps, fate, "waits until that is settled".to_owned()]
        }
        (Action::Again, Some(known)) => vec![describe_fate(&known.fate)],
        (Action::Unchanged, Some(known)) => match &known.last_seen {
            Some(seen) if seen.status == RunStatus::Failed => vec![said(seen)],
            _ => Vec::new(),
        },
        (Action::Unreviewed, _) => vec![NOT_REVIEWED.to_owned()],
        (Action::Settle, Some(known)) => vec![
            describe_fate(&known.fate),
            "looked for before anything is sent".to_owned(),
        ],
        _ => Vec::new(),
    }
}

/// Whether one text serves both.
pub(in crate::report) fn same_reasons(a: &PlannedRun, b: &PlannedRun) -> bool {
    a.action == b.action
        && match (&a.known, &b.known) {
            (None, None) => true,
            (Some(one), Some(other)) => one == other || reasons(a) == reasons(b),
            _ => false,
        }
}

/// Which run of somebody is in the way, and how.
pub(in crate::report) fn describe_other(other: &OtherRun) -> String {
    let (run_id, window) = (&other.run_id, other.window);
    let by = other.made_by.as_ref().map(|by| format!(" by {by}"));
    let by = by.unwrap_or_default();
    match other.obstacle {
        Obstacle::Overlaps => format!(
            "the run {run_id}{by} ingests {window}, which overlaps it; `overlap: allow` in the \
             manifest sends it all the same"
        ),
        Obstacle::NearlySame => {
            format!(
                "the run {run_id}{by} shows {window}, which is nearly it, and may be this run; ask for \
                 that very window if it is, or leave this one out with `except`"
            )
        }
        Obstacle::RetryOrRerun => format!(
            "the run {run_id}{by} has this window and may be a retry of an earlier run of it, or this \
             rerun; `backfill retry` puts it on record as the retry, `backfill apply --no-preflight \
             --only KEY` sends this rerun"
        ),
    }
}

/// What is in the way of a window, in two parts: which, and what became of it.
pub(super) fn describe_obstacle(other: &Known) -> [String; 2] {
    if let Some(other) = &other.other {
        let unknown = "the state does not know that run".to_owned();
        return [describe_other(other), unknown];
    }
    let (window, key) = (window(other.identity.window), other.identity.key());
    let overlaps = format!("overlaps {window} of key {}", key.short());
    [overlaps, describe_fate(&other.fate)]
}

/// Windows that are in conflict and what is in their way, line by line; what is in the way of
/// several in a row stands once, under them.
#[must_use]
pub(crate) fn describe_conflicts(conflicts: &[PlannedRun]) -> Vec<String> {
    conflicts
        .chunk_by(same_reasons)
        .flat_map(|group| {
            let asked = group.iter().map(|planned| {
                let run = &planned.run;
                format!(
                    "{}: {} of key {}",
                    plain(&run.origin().to_string(), 100),
                    window(run.identity.window),
                    run.key().short()
                )
            });
            let obstacle = group[0]
                .known
                .as_deref()
                .into_iter()
                .flat_map(describe_obstacle);
            asked
                .chain(obstacle.map(|line| format!("  {line}")))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What became of the reviewed plan; `None` where all is planned.
#[must_use]
pub(crate) fn describe_review(plan: &Plan) -> Option<String> {
    let it = plan.review()?;
    let runs = number(it.creates, "run");
    let mut text = format!("{} of its {runs} to be created", it.to_create);
    let changed = "have another startTime or deltaColumn now and are not sent";
    let not_wanted = "are asked for by no manifest that was read, or not selected";
    let adopts = "that it adopts are put on record by an apply without --plan";
    for (number, what) in [
        (it.held_back, "held back by a limit"),
        (it.exist, "exist by now"),
        (it.waiting, "wait: in doubt, paused or in conflict"),
        (it.changed, changed),
        (it.not_wanted, not_wanted),
        (it.adopts, adopts),
        (
            it.not_in_plan,
            "more of the manifests are not in it, and not sent",
        ),
    ] {
        if number > 0 {
            let _ = write!(text, "; {number} {what}");
        }
    }
    Some(format!("Reviewed plan {}: {text}", &it.digest[..12]))
}

/// That runs are held back, by which limit, and how to change it; `None` where none are.
#[must_use]
pub(crate) fn describe_held_back(plan: &Plan) -> Option<String> {
    let limit = plan.limit()?;
    Some(describe_limit(plan.held_back().len(), limit))
}

/// The same of so many runs and a limit.
pub(super) fn describe_limit(held_back: usize, limit: Limit) -> String {
    let change = match limit {
        Limit::Asked(_) => "without it, more is created",
        Limit::MaxNew(_) => "a greater number creates more at a time",
        Limit::NewRunsPerApply(_) => {
            "to create more at a time, raise it in backfill.yaml, or once with --max-new"
        }
    };
    format!(
        "{held_back} held back by {} ({}) until the next apply; {change}",
        limit.name(),
        limit.most()
    )
}

/// A run that was found to exist, and is not on record yet: `run 3f…, its params show the window`.
pub(in crate::report) fn describe_found(known: &Known) -> String {
    match &known.fate {
        Fate::Created {
            run_id,
            adopted: Some(evidence),
            ..
        } => format!("run {run_id}: {}", describe_evidence(evidence)),
        fate => describe_fate(fate),
    }
}

/// That a request came to nothing: `sent 2026-…, found not to exist 2026-…: 2 readings of …`.
pub(super) fn describe_absence(absence: &Absence) -> String {
    let what = describe_retry(absence.retry_of.as_ref());
    let (since, at) = (time(absence.intent.time()), time(absence.at));
    let evidence = describe_evidence(&absence.evidence);
    format!("{what}in doubt since {since}, found not to exist {at}: {evidence}")
}

/// What a request was to do, where that is to run a run again.
fn describe_retry(run_id: Option<&RunId>) -> String {
    run_id.map_or_else(String::new, |run_id| format!("the retry of run {run_id} "))
}

pub(super) fn describe_evidence(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Params => "its params show the window".to_owned(),
        Evidence::RanAgain => "it runs again, or has".to_owned(),
        Evidence::CopyActivity => "its copy activity ingested the window".to_owned(),
        Evidence::SoleIntent => {
            "the one run of this API key since the one open request of the flow".to_owned()
        }
        Evidence::Order => "in its place among the runs of this API key since the open requests \
                            of the flow, which left in order"
            .to_owned(),
        Evidence::Lists { readings, runs } => {
            let listed = number(*runs, "run");
            format!("{readings} readings of the flow, {listed} in the last one")
        }
        Evidence::Person { reason, who } => format!(
            "{} decided: {}",
            plain(who, MOST_SAID),
            plain(reason, MOST_SAID)
        ),
    }
}

/// `run 3f…, created 2026-11-23T10:00:00Z by our-key (this API key, someone@…), success`.
pub(super) fn describe_run(run: &FlowRun, api_key: &str) -> String {
    let created = run.created_at.map_or("at an unknown time".to_owned(), time);
    let client = run.created_client.as_ref();
    let client = client.map_or("an unknown client".to_owned(), |it| plain(it, MOST_NAME));
    let ours = run.is_by(api_key).then(|| "this API key".to_owned());
    let account = run.created_by.as_ref().map(|it| plain(it, MOST_NAME));
    let whose: Vec<String> = ours.into_iter().chain(account).collect();
    let whose = if whose.is_empty() {
        String::new()
    } else {
        format!(" ({})", whose.join(", "))
    };
    let status = plain(&run.status, 40);
    format!(
        "run {}, created {created} by {client}{whose}, {status}",
        run.id
    )
}

/// A time, to the second.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// `table by updatedAt`, or `files`; and `newest first` where that is the order.
pub(in crate::report) fn describe_request(request: &Request) -> String {
    let source = match &*request.source {
        Source::Table(column) => format!("table by {}", plain(&column.name, 40)),
        Source::File => "files".to_owned(),
    };
    let order = match request.order {
        Order::OldestFirst => "",
        Order::NewestFirst => ", newest first",
    };
    source + order
}
