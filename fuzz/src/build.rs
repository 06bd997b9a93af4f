//! Entries and damage, read from an input as instructions: most of what they tell is legal, and
//! all of it can be encoded.

use aep_backfill::run::{
    ByteCounts, FlowId, FlowRef, OrganizationId, RecordCounts, Rerun, RunId, RunIdentity,
    RunStatus, UnixSeconds, Window,
};
use aep_backfill::state::{
    ClockedTime, Entry, Evidence, Holder, LastSeen, Refusal, Retry, State, StoredIdentity,
    encode_entries,
};
use jiff::Timestamp;
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use uuid::Uuid;

use crate::{mend, with_extreme};

/// No more entries than this are made of one input.
const MOST_ENTRIES: usize = 24;

/// A state without records, of the input's lineage, that was folded up to some entry.
pub fn empty_state(u: &mut Unstructured<'_>) -> Result<State> {
    let mut state = State::new(organization());
    state.lineage = uuid(u)?;
    // Below 2^52, so that no number is out of reach, nor the ones after it.
    let shift = u.int_in_range(12..=63)?;
    state.folded = u.arbitrary::<u64>()? >> shift;
    state.serial = u.arbitrary::<u64>()? >> shift;
    Ok(state)
}

/// The organization of every state that is made.
#[must_use]
pub fn organization() -> OrganizationId {
    "5C13@AdobeOrg".parse().expect("an organization")
}

/// Who holds a state.
#[must_use]
pub fn holder() -> Holder {
    Holder {
        host: "a-laptop".to_owned(),
        pid: 7,
        ci_run: None,
        since: Timestamp::UNIX_EPOCH,
    }
}

/// Entries, legal or not.
pub fn entries(u: &mut Unstructured<'_>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for _ in 0..u.int_in_range(0..=MOST_ENTRIES)? {
        entries.push(entry(u)?);
    }
    // The sums of `mend` are those of the format, or nothing that is mended would get past them.
    let lines = encode_entries(1, &entries);
    assert_eq!(mend::lines(&lines), lines, "a line's sum is another");
    Ok(entries)
}

fn entry(u: &mut Unstructured<'_>) -> Result<Entry> {
    let day = u.int_in_range(0..=5)?;
    let key = identity(day).key();
    Ok(match u.int_in_range(0..=10)? {
        0 => Entry::Session {
            session: uuid(u)?,
            holder: Holder {
                host: text(u)?,
                pid: u.arbitrary()?,
                ci_run: optional(u, text)?,
                since: time(u)?,
            },
        },
        // Without an intent nothing else is legal.
        1..=3 => Entry::Intent {
            run: stored(u, day)?,
            at: moment(u)?,
            session: uuid(u)?,
            start_time: optional(u, start_time)?,
            order: optional(u, |u| u.arbitrary())?,
            retry: optional(u, |u| {
                Ok(Retry {
                    run_id: run_id(u)?,
                    by: text(u)?,
                })
            })?,
        },
        4 => Entry::Created {
            key,
            run_id: run_id(u)?,
            etag: optional(u, |u| Ok(text(u)?.into()))?,
            at: time(u)?,
        },
        10 => Entry::Seen {
            run: stored(u, day)?,
            run_id: run_id(u)?,
            seen: LastSeen {
                status: match u.int_in_range(0..=3)? {
                    0 => RunStatus::Failed,
                    1 => RunStatus::Success,
                    2 => RunStatus::Empty,
                    _ => RunStatus::Unknown(text(u)?.into()),
                },
                records: RecordCounts::default(),
                bytes: ByteCounts::default(),
                started_at: optional(u, time)?,
                updated_at: optional(u, time)?,
                ended_at: None,
                code: None,
                message: optional(u, |u| Ok(text(u)?.into()))?,
                at: time(u)?,
            },
            etag: optional(u, |u| Ok(text(u)?.into()))?,
        },
        5 => Entry::Rejected {
            key,
            refusal: Refusal {
                status: u.arbitrary()?,
                code: optional(u, text)?.map(Into::into),
                message: text(u)?.into(),
                request_id: optional(u, text)?.map(Into::into),
            },
            at: time(u)?,
        },
        6 => Entry::NotSent {
            key,
            reason: text(u)?,
            at: time(u)?,
        },
        7 => Entry::Doubt {
            key,
            reason: text(u)?,
            at: moment(u)?,
        },
        8 => Entry::Adopted {
            run: stored(u, day)?,
            run_id: run_id(u)?,
            evidence: evidence(u)?,
            at: time(u)?,
        },
        _ => Entry::NotCreated {
            key,
            evidence: evidence(u)?,
            at: time(u)?,
        },
    })
}

fn identity(day: i64) -> RunIdentity {
    let at = |day: i64| UnixSeconds::new(day * 86_400).expect("in range");
    let flow: FlowId = "3abea21c-7e36-4be1-bec1-d3bad0e3e0de"
        .parse()
        .expect("a flow");
    RunIdentity {
        flow: FlowRef {
            sandbox: if day % 2 == 0 { "prod" } else { "dev" }
                .parse()
                .expect("a sandbox"),
            id: flow,
        }
        .into(),
        window: Window::new(at(day), at(day + 1)).expect("a window"),
        rerun: Rerun::FIRST,
    }
}

/// The identity of that day's run; sometimes with the key of another, which no identity has.
fn stored(u: &mut Unstructured<'_>, day: i64) -> Result<StoredIdentity> {
    let stored = StoredIdentity::from(&identity(day));
    if !u.ratio(1, 16)? {
        return Ok(stored);
    }
    let mut fields = serde_json::to_value(stored).expect("string keys");
    fields["key"] = identity(day + 1).key().to_string().into();
    Ok(serde_json::from_value(fields).expect("only what a fold checks is wrong"))
}

fn run_id(u: &mut Unstructured<'_>) -> Result<RunId> {
    let id = format!("run-{}", u.int_in_range(0..=7)?);
    Ok(id.parse().expect("a run id"))
}

fn evidence(u: &mut Unstructured<'_>) -> Result<Evidence> {
    Ok(match u.int_in_range(0..=6)? {
        0 => Evidence::Params,
        1 => Evidence::RanAgain,
        2 => Evidence::CopyActivity,
        3 => Evidence::SoleIntent,
        4 => Evidence::Order,
        5 => Evidence::Lists {
            readings: u.arbitrary()?,
            runs: u.arbitrary()?,
        },
        _ => Evidence::Person {
            reason: text(u)?,
            who: text(u)?,
        },
    })
}

/// By one clock or by both.
fn moment(u: &mut Unstructured<'_>) -> Result<ClockedTime> {
    let service = optional(u, time)?;
    let local = match service {
        Some(_) => optional(u, time)?,
        None => Some(time(u)?),
    };
    Ok(ClockedTime { local, service })
}

/// Any time there is, to the nanosecond.
fn time(u: &mut Unstructured<'_>) -> Result<Timestamp> {
    let seconds = u.int_in_range(Timestamp::MIN.as_second()..=Timestamp::MAX.as_second())?;
    let nanoseconds = u.int_in_range(0..=999_999_999)?;
    Ok(Timestamp::new(seconds, nanoseconds).unwrap_or(Timestamp::MAX))
}

fn start_time(u: &mut Unstructured<'_>) -> Result<UnixSeconds> {
    let seconds = u.int_in_range(0..=4_000_000_000)?;
    Ok(UnixSeconds::new(seconds).expect("in range"))
}

fn uuid(u: &mut Unstructured<'_>) -> Result<Uuid> {
    Ok(Uuid::from_u128(u128::from(u.arbitrary::<u32>()?)))
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(u.arbitrary::<&str>()?.chars().take(40).collect())
}

fn optional<T>(
    u: &mut Unstructured<'_>,
    read: impl FnOnce(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Option<T>> {
    if u.arbitrary()? {
        read(u).map(Some)
    } else {
        Ok(None)
    }
}

/// Does to `bytes` what bad disks, editors, cut writes and malice do, once or a few times.
pub fn damage(u: &mut Unstructured<'_>, bytes: &mut Vec<u8>) -> Result<()> {
    for _ in 0..u.int_in_range(1..=3)? {
        if bytes.is_empty() {
            return Ok(());
        }
        let at = u.choose_index(bytes.len())?;
        match u.int_in_range(0..=7)? {
            0 => bytes[at] ^= 1 << u.int_in_range(0..=7)?,
            1 => bytes.truncate(at),
            2 => bytes.insert(at, u.arbitrary()?),
            3 => {
                bytes.remove(at);
            }
            4 => *bytes = with_extreme(bytes, u.arbitrary()?),
            of_lines => {
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
                let (one, other) = (u.choose_index(lines.len())?, u.choose_index(lines.len())?);
                match of_lines {
                    5 => {
                        lines.remove(one);
                    }
                    6 => lines.swap(one, other),
                    _ => lines.insert(one, lines[other]),
                }
                *bytes = lines.concat();
            }
        }
    }
    Ok(())
}
