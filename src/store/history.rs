//! What a write records, in words: where each write stays to be seen, as a commit does, they are
//! its message.

use std::fmt::Write;

use crate::run::Key;
use crate::state::{Entry, State};

/// So many runs are named; of more, the number is.
const MOST: usize = 100;

/// What `entries` record, which are part of `state` already: a line that counts them, and one for
/// each run whose fate they tell.
pub(super) fn describe(entries: &[Entry], state: &State) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let mut lines = Vec::new();
    for entry in entries {
        let (what, run) = match entry {
            Entry::Session { .. } => return "Begin a session".to_owned(),
            Entry::Intent { retry: None, .. } => ("to be sent", None),
            Entry::Intent { .. } => ("to be retried", None),
            Entry::NotSent { .. } => ("not sent", None),
            Entry::Created { key, run_id, .. } => ("created", Some((*key, Some(run_id)))),
            Entry::Adopted { run, run_id, .. } => ("adopted", Some((run.key(), Some(run_id)))),
            Entry::Rejected { key, .. } => ("rejected", Some((*key, None))),
            Entry::Doubt { key, .. } => ("in doubt", Some((*key, None))),
            Entry::Seen { .. } => ("seen", None),
            Entry::NotCreated { key, .. } => ("not created", Some((*key, None))),
        };
        match counts.iter_mut().find(|(known, _)| *known == what) {
            Some((_, count)) => *count += 1,
            None => counts.push((what, 1)),
        }
        lines.extend(run.and_then(|(key, run_id)| {
            let line = line(state, key)?;
            Some(match run_id {
                Some(run_id) => format!("{what}: {line}, run {run_id}"),
                None => format!("{what}: {line}"),
            })
        }));
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    let mut text = format!("Runs: {}", counts.join(", "));
    if !lines.is_empty() {
        text.push('\n');
    }
    for line in lines.iter().take(MOST) {
        let _ = write!(text, "\n{line}");
    }
    if lines.len() > MOST {
        let _ = write!(text, "\nand {} more", lines.len() - MOST);
    }
    text
}

/// Which run it is.
fn line(state: &State, key: Key) -> Option<String> {
    let identity = &state.find_changed(&key)?.identity;
    Some(format!(
        "{} {} {} to {}{}",
        identity.flow.sandbox,
        identity.flow.id,
        identity.window.start(),
        identity.window.end(),
        match identity.rerun.get() {
            1 => String::new(),
            rerun => format!(", rerun {rerun}"),
        }
    ))
}
