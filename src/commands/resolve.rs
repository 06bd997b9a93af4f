//! `backfill resolve`: a person's decision about runs in doubt, checked against what the service
//! lists, and recorded with its reason. Without a decision it only shows what is known.

use std::collections::BTreeSet;

use clap::ArgGroup;
use jiff::Timestamp;

use crate::cli::Exit;
use crate::cli::context::Context;
use crate::cli::desired::Paths;
use crate::cli::failure::Failure;
use crate::cli::input::reason;
use crate::cli::lock::{LockArgs, person};
use crate::cli::output::Format;
use crate::cli::present::{self, present};
use crate::cli::session::{HeldState, Session, in_session};
use crate::reconcile::resolve::{Case, Decision, cases as read_cases, in_doubt};
use crate::report::{self, ResolveView};
use crate::run::{Key, KeyPrefix, RunId};
use crate::state::{Evidence, Fate, State};

/// Flags of `resolve`.
#[derive(Debug, clap::Args)]
#[command(
    group(
        ArgGroup::new("decision").args(["adopt", "not_created"]).requires_all(["reason", "keys"])
    ),
    after_help = "\
Exit codes: 0 the decision is recorded, or no run is in doubt; 3 the decision cannot be right, and \
nothing was recorded; 4 sign-in or permission; 6 runs are in doubt, and nothing was decided; 8 the \
state is held by somebody else, or cannot be used."
)]
pub(super) struct Flags {
    /// The beginnings of the keys of runs in doubt [default, without a decision: all]; to adopt,
    /// also of runs that were believed not to exist
    #[arg(value_name = "KEY")]
    keys: Vec<KeyPrefix>,
    /// It exists, as this run; repeat it for each KEY, in the same order
    #[arg(long, value_name = "RUN_ID")]
    adopt: Vec<RunId>,
    /// None of them exists: the next apply creates them if a manifest asks for them
    #[arg(long)]
    not_created: bool,
    /// How you know this; recorded with the decision
    #[arg(long, value_name = "TEXT", requires = "decision", value_parser = reason)]
    reason: Option<String>,
    /// How to write the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) format: Format,
    #[command(flatten)]
    lock: LockArgs,
}

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<Exit, Failure> {
    let decisions = flags.decisions()?;
    // Only the emulator that is built in needs to be told which flows there are.
    let manifests = if context.emulator {
        Paths::of(&[]).desired_if_any(context)?.manifests
    } else {
        Vec::new()
    };
    in_session(context, &manifests, async |session| match decisions {
        Some(decisions) => decide(session, flags, decisions).await,
        None => show(session, flags).await,
    })
    .await
}

impl Flags {
    /// What is decided about each key; `None`: nothing.
    fn decisions(&self) -> Result<Option<Vec<Decision>>, Failure> {
        let (keys, adopt) = (self.keys.len(), self.adopt.len());
        if self.not_created {
            return Ok(Some(vec![Decision::NotCreated; keys]));
        }
        if adopt == 0 {
            return Ok(None);
        }
        if adopt != keys {
            let (keys, adopt) = (
                report::number(keys, "KEY"),
                report::number(adopt, "--adopt"),
            );
            return Err(Failure::usage(format!("{keys} and {adopt} do not pair up"))
                .hint("give --adopt RUN_ID once for each KEY, in the same order"));
        }
        if BTreeSet::from_iter(&self.adopt).len() < adopt {
            let message = "a run cannot be two of the runs in doubt: each RUN_ID stands once";
            return Err(Failure::usage(message));
        }
        Ok(Some(
            self.adopt.iter().cloned().map(Decision::Adopt).collect(),
        ))
    }
}

/// Shows what is known, and changes nothing.
async fn show(session: &Session<'_>, flags: &Flags) -> Result<Exit, Failure> {
    let client = &session.connected.client;
    let cases = match &session.load().await? {
        Some(state) if flags.keys.is_empty() => read_cases(state, &in_doubt(state), client).await?,
        Some(state) => read_cases(state, &picked(state, &flags.keys, true)?, client).await?,
        None => Vec::new(),
    };
    let is_open = |case: &Case| matches!(case.fate, Fate::InDoubt(_));
    let open = cases.iter().any(is_open);
    let exit = if open { Exit::InDoubt } else { Exit::Success };
    let view = view(session, &cases, false);
    Ok(present(session.context, &view, exit))
}

/// Takes hold of the state, records the decisions, and tells of them.
async fn decide(
    session: &Session<'_>,
    flags: &Flags,
    decisions: Vec<Decision>,
) -> Result<Exit, Failure> {
    let (mut held, mut signals) = session.hold(&flags.lock).await?;
    let recorded = async {
        let recorded = record(session, flags, decisions, &mut held).await;
        (recorded, held.close().await)
    };
    let (recorded, closed) = signals.outlast(recorded).await?;
    // It is recorded: neither a result that cannot be shown, nor a fold that the next holder does, undoes it.
    let recorded = recorded?;
    let view = view(session, &recorded, true);
    let exit = present(session.context, &view, Exit::Success);
    Ok(session.context.tell_unwritten(closed, exit))
}

/// Checks each decision against what is known, and records all of them or none.
async fn record(
    session: &Session<'_>,
    flags: &Flags,
    decisions: Vec<Decision>,
    held: &mut HeldState<'_>,
) -> Result<Vec<Case>, Failure> {
    let (context, client) = (session.context, &session.connected.client);
    let keys = picked(held.state(), &flags.keys, !flags.not_created)?;
    let mut cases = read_cases(held.state(), &keys, client).await?;
    if flags.format == Format::Text {
        let view = view(session, &cases, true);
        let layout = present::layout(context);
        present::show(&view, flags.format, layout, Exit::Success)?;
    }
    let (mut objections, mut hints) = (Vec::new(), BTreeSet::new());
    for (case, decision) in cases.iter_mut().zip(decisions) {
        let checked = case.check(held.state(), client, &decision, context.settle_delay());
        if let Err(objection) = checked.await? {
            objections.push(format!("{}: {objection}", case.key.short()));
            hints.extend(objection.hint());
        }
        case.decision = Some(decision);
    }
    if !objections.is_empty() {
        let failure = Failure::usage("the decision cannot be right; nothing was recorded");
        let failure = failure.details(objections);
        return Err(hints.into_iter().fold(failure, Failure::hint));
    }
    let evidence = Evidence::Person {
        reason: flags.reason.clone().unwrap_or_default(),
        who: person(),
    };
    let entries = cases
        .iter()
        .filter_map(|case| case.entry(&evidence, Timestamp::now()));
    held.append(entries.collect()).await?;
    Ok(cases)
}

/// The runs that the person means: in doubt, or, to adopt, believed not to exist after they were.
fn picked(state: &State, prefixes: &[KeyPrefix], adopts: bool) -> Result<Vec<Key>, Failure> {
    let mut keys = Vec::new();
    for prefix in prefixes {
        let key = prefix.pick(state.records().map(|record| record.identity.key()))?;
        let short = key.short();
        match state.find(&key).map(|record| &record.fate) {
            None | Some(Fate::InDoubt(_)) => {}
            Some(Fate::NotCreated(_)) if adopts => {}
            Some(fate) => {
                let failure = Failure::usage(format!("{short} is not in doubt"));
                return Err(failure.details([report::describe_fate(fate)]));
            }
        }
        if keys.contains(&key) {
            return Err(Failure::usage(format!("{short} is named twice")));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn view<'a>(session: &'a Session<'_>, cases: &'a [Case], is_decision: bool) -> ResolveView<'a> {
    ResolveView {
        cases,
        is_decision,
        api_key: session.connected.client.api_key(),
    }
}
