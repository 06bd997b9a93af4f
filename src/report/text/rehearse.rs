//! What a rehearsal came to, as a table and a sentence; what went wrong is listed under it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use super::table;
use crate::report::duration;
use crate::report::wrap::wrap;
use crate::report::{number, plain, window};
use crate::run::{Key, UnixSeconds, Window};

/// How many windows are listed before the rest is counted.
const LISTED: usize = 20;
/// How wide lines are.
const WIDTH: usize = 100;

/// A rehearsal that came to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rehearsal {
    /// The scenario, as it was asked for: a name or a file.
    pub scenario: String,
    /// What the faults and the moments of the kills were drawn from.
    pub seed: u64,
    /// What the service's own count says.
    pub verdict: RehearsalCounts,
    /// How many applies were killed.
    pub kills: u32,
    /// How many were to be killed.
    pub kills_asked: u32,
    /// How many applies were started, killed ones included.
    pub applies: u32,
    /// How many retries were started, killed ones included.
    pub retries: u32,
    /// What the last apply said of itself, unless it was fine.
    pub last_words: Option<String>,
    /// How many requests of each kind arrived.
    pub requests: BTreeMap<String, u64>,
    /// How often each fault was done.
    pub faults: BTreeMap<String, u64>,
    /// How long it took.
    pub took: Duration,
    /// The folder with the evidence, where it was kept.
    pub kept: Option<PathBuf>,
}

/// How the runs that exist compare with those that were wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RehearsalCounts {
    /// Runs that the manifests want.
    pub wanted: usize,
    /// How many of these exist.
    pub created: usize,
    /// Runs that failed and were run again.
    pub retried: usize,
    /// Runs that exist beside the one that was wanted, or were run again twice for one failure.
    pub doubled: usize,
    /// Runs that do not exist, and of which the last apply did not say so.
    pub lost: usize,
    /// Runs of windows that no manifest wants.
    pub unwanted: usize,
    /// Runs of which the last apply said that they may exist.
    pub in_doubt: usize,
    /// Runs that do not exist, and of which the last apply said so: refused, or not sent.
    pub left: usize,
    /// The windows behind `doubled`, `lost` and `unwanted`, in the order of sandbox, flow and
    /// window.
    pub wrong: Vec<Miscount>,
}

/// A window with more runs than are wanted of it, or fewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Miscount {
    /// What is wrong with it.
    pub wrong: Wrong,
    /// The sandbox, as the service has it.
    pub sandbox: String,
    /// The flow, as the service has it.
    pub flow_id: String,
    /// The window's start and end in unix seconds.
    pub window: (i64, i64),
    /// The keys of the runs that are wanted of it.
    pub keys: Vec<Key>,
    /// The runs that exist of it.
    pub run_ids: Vec<String>,
}

/// What can be wrong with a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// More runs exist than are wanted.
    Doubled,
    /// Fewer exist, and nobody said so.
    Lost,
    /// None is wanted.
    Unwanted,
}

impl Wrong {
    /// The word for it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Doubled => "doubled",
            Self::Lost => "lost",
            Self::Unwanted => "unwanted",
        }
    }
}

/// Writes the table, the sentence, and what went wrong.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_rehearsal(out: &mut dyn Write, rehearsal: &Rehearsal) -> io::Result<()> {
    let Rehearsal {
        scenario,
        seed,
        verdict,
        kills,
        kills_asked,
        applies,
        retries,
        last_words,
        requests,
        faults,
        took,
        kept,
    } = rehearsal;
    let RehearsalCounts {
        wanted,
        created,
        retried,
        doubled,
        lost,
        unwanted,
        in_doubt,
        left,
        wrong,
    } = verdict;
    let rows = [
        ("scenario", format!("{}, seed {seed}", plain(scenario, 200))),
        ("wanted", wanted.to_string()),
        ("created", created.to_string()),
        ("retried", retried.to_string()),
        ("doubled", doubled.to_string()),
        ("lost", lost.to_string()),
        ("unwanted", unwanted.to_string()),
        ("in doubt", in_doubt.to_string()),
        ("left", left.to_string()),
        ("kills", describe_kills(*kills, *kills_asked)),
        ("applies", applies.to_string()),
        ("retries", retries.to_string()),
        ("requests", describe_kinds(requests)),
        ("faults", describe_kinds(faults)),
        ("time", duration(*took)),
    ]
    .map(|(name, value)| [name.to_owned(), value]);
    for line in table::columns("", &rows).lines() {
        for line in wrap(line, "          ", WIDTH) {
            writeln!(out, "{line}")?;
        }
    }
    writeln!(out, "\n{}", sentence(verdict))?;
    if let Some(words) = last_words {
        writeln!(out, "The last apply: {}", plain(words, 700))?;
    }
    write_wrong(out, wrong)?;
    if let Some(folder) = kept {
        let folder = plain(&folder.to_string_lossy(), 500);
        writeln!(out, "\nState, journal, ledger and output are in {folder}")?;
    }
    Ok(())
}

/// The verdict in words.
fn sentence(verdict: &RehearsalCounts) -> String {
    let RehearsalCounts {
        wanted,
        created,
        retried,
        doubled,
        lost,
        unwanted,
        in_doubt,
        left,
        wrong: _,
    } = verdict;
    let mut wrong = Vec::new();
    for (count, what) in [
        (doubled, "doubled"),
        (lost, "lost"),
        (unwanted, "created without being wanted"),
    ] {
        if *count > 0 {
            wrong.push(format!("{} {what}", number(*count, "run")));
        }
    }
    if !wrong.is_empty() {
        return format!(
            "{}: a defect of backfill, unless the scenario breaks what it relies on.",
            wrong.join(", ")
        );
    }
    let mut open = Vec::new();
    if *in_doubt > 0 {
        open.push(format!("{in_doubt} in doubt, for a person to decide"));
    }
    if *left > 0 {
        open.push(format!("{left} not created, and known not to be"));
    }
    if open.is_empty() && created == wanted {
        let again = match retried {
            0 => String::new(),
            retried => format!(
                " {} that failed {} run again, once for each failure.",
                number(*retried, "run"),
                if *retried == 1 { "was" } else { "were" }
            ),
        };
        return format!(
            "Each of {} was created exactly once.{again}",
            number(*wanted, "wanted run")
        );
    }
    format!("No run was doubled or lost; {}.", open.join("; "))
}

fn describe_kills(kills: u32, asked: u32) -> String {
    if kills < asked {
        format!("{kills} of {asked}: nothing was left that an apply could do")
    } else {
        kills.to_string()
    }
}

/// `12: 10 createRun, 2 token`
fn describe_kinds(kinds: &BTreeMap<String, u64>) -> String {
    let total: u64 = kinds.values().sum();
    let each: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} {}", plain(kind, 40)))
        .collect();
    if each.is_empty() {
        "0".to_owned()
    } else {
        format!("{total}: {}", each.join(", "))
    }
}

fn write_wrong(out: &mut dyn Write, wrong: &[Miscount]) -> io::Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for miscount in wrong.iter().take(LISTED) {
        let Miscount {
            wrong,
            sandbox,
            flow_id,
            window: (start, end),
            keys,
            run_ids,
        } = miscount;
        let keys: Vec<String> = keys.iter().map(Key::short).collect();
        let keys = if keys.is_empty() {
            "no key".to_owned()
        } else {
            keys.join(" ")
        };
        writeln!(
            out,
            "{:<9} {keys}  {}  {}  {}",
            wrong.as_str(),
            plain(sandbox, 60),
            plain(flow_id, 60),
            describe_window(*start, *end),
        )?;
        if !run_ids.is_empty() {
            writeln!(out, "          {}", plain(&run_ids.join(" "), 400))?;
        }
    }
    if wrong.len() > LISTED {
        let more = wrong.len() - LISTED;
        writeln!(out, "… and {more} more; --format json has them all")?;
    }
    Ok(())
}

/// The window as everywhere, or its bare numbers where they make none.
fn describe_window(start: i64, end: i64) -> String {
    let both = UnixSeconds::new(start).ok().zip(UnixSeconds::new(end).ok());
    match both.and_then(|(start, end)| Window::new(start, end).ok()) {
        Some(valid) => window(valid),
        None => format!("[{start}, {end})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rehearsal(verdict: RehearsalCounts) -> Rehearsal {
        let count = |pairs: &[(&str, u64)]| {
            let pairs = pairs.iter().map(|(kind, n)| ((*kind).to_owned(), *n));
            pairs.collect()
        };
        Rehearsal {
            scenario: "storm".to_owned(),
            seed: 7,
            verdict,
            kills: 9,
            kills_asked: 10,
            applies: 12,
            retries: 2,
            last_words: None,
            requests: count(&[("createRun", 80), ("listRuns", 200)]),
            faults: count(&[("reset", 6)]),
            took: Duration::from_secs(83),
            kept: None,
        }
    }

    fn shown(rehearsal: &Rehearsal) -> String {
        let mut out = Vec::new();
        write_rehearsal(&mut out, rehearsal).expect("written to memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_rehearsal_without_a_fault_of_ours_is_a_table_and_one_sentence() {
        let verdict = RehearsalCounts {
            wanted: 80,
            created: 80,
            retried: 3,
            ..RehearsalCounts::default()
        };
        insta::assert_snapshot!(shown(&rehearsal(verdict)), @r"
        scenario  storm, seed 7
        wanted    80
        created   80
        retried   3
        doubled   0
        lost      0
        unwanted  0
        in doubt  0
        left      0
        kills     9 of 10: nothing was left that an apply could do
        applies   12
        retries   2
        requests  280: 80 createRun, 200 listRuns
        faults    6: 6 reset
        time      1 min 23 s

        Each of 80 wanted runs was created exactly once. 3 runs that failed were run again, once for each failure.
        ");
    }

    #[test]
    fn what_went_wrong_is_listed_up_to_twenty_windows_and_its_evidence_named() {
        let miscount = |n: i64| Miscount {
            wrong: Wrong::Doubled,
            sandbox: "prod".to_owned(),
            flow_id: "3abea21c-7e36-4be1-bec1-d3bad0e3e0de".to_owned(),
            window: (n * 86_400, (n + 1) * 86_400),
            keys: vec!["a".repeat(64).parse().expect("a key")],
            run_ids: vec!["one".to_owned(), "two".to_owned()],
        };
        let mut told = rehearsal(RehearsalCounts {
            wanted: 80,
            created: 80,
            doubled: 21,
            lost: 1,
            wrong: (0..21).map(miscount).collect(),
            ..RehearsalCounts::default()
        });
        told.kept = Some(PathBuf::from("/tmp/backfill-rehearsal"));
        let text = shown(&told);
        let end = text.split_once("\n\n").expect("a table first").1;
        assert!(
            end.starts_with(
                "21 runs doubled, 1 run lost: a defect of backfill, unless the scenario breaks \
                 what it relies on.\n\n\
                 doubled   aaaaaaaaaaaa  prod  3abea21c-7e36-4be1-bec1-d3bad0e3e0de  \
                 [1970-01-01, 1970-01-02)\n          one two\n"
            ),
            "{end}"
        );
        assert!(
            end.ends_with(
                "… and 1 more; --format json has them all\n\n\
                 State, journal, ledger and output are in /tmp/backfill-rehearsal\n"
            ),
            "{end}"
        );
    }

    #[test]
    fn what_is_in_doubt_or_left_is_neither_lost_nor_done() {
        let verdict = RehearsalCounts {
            wanted: 80,
            created: 60,
            in_doubt: 2,
            left: 18,
            ..RehearsalCounts::default()
        };
        assert_eq!(
            sentence(&verdict),
            "No run was doubled or lost; 2 in doubt, for a person to decide; 18 not created, and \
             known not to be."
        );
    }
}
