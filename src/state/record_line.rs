//! The common line of a state, read without a detour.
//!
//! Nearly every record is of a run that was created, and was written here, field by field in one
//! order. Read in that order, a million lines take a tenth of the time that a parser of any JSON
//! takes, which serde makes build a tree first where a record is tagged and flattened as ours are.
//! A line that this does not read, for whatever reason, is read the general way, which also says
//! what is wrong with it.

use std::sync::Arc;

use super::record::{Fate, Record};
use crate::run::{FlowRef, Key, Rerun, RunIdentity, UnixSeconds, Window};

/// The flow of the line before, which is nearly always that of the next: runs share it.
#[derive(Default)]
pub(super) struct FlowOfLine(Option<Arc<FlowRef>>);

impl FlowOfLine {
    /// The flow, shared with the run before where that is of the same one.
    fn read(&mut self, sandbox: &str, flow_id: &str) -> Option<Arc<FlowRef>> {
        let id = flow_id.parse().ok()?;
        match &self.0 {
            Some(last) if last.id == id && last.sandbox.as_str() == sandbox => {
                Some(Arc::clone(last))
            }
            _ => {
                let sandbox = sandbox.parse().ok()?;
                let flow = Arc::new(FlowRef { sandbox, id });
                Some(Arc::clone(self.0.insert(flow)))
            }
        }
    }
}

/// The record of a created run, its key checked; `None` for any other line. The line's checksum was
/// right, so that it is one that was written here.
pub(super) fn read_created(line: &str, flow: &mut FlowOfLine) -> Option<Record> {
    let mut rest = line;
    let key: Key = text(&mut rest, "{\"key\":\"")?.parse().ok()?;
    let sandbox = text(&mut rest, ",\"sandbox\":\"")?;
    let flow_id = text(&mut rest, ",\"flowId\":\"")?;
    let start = number(&mut rest, ",\"windowStartTime\":")?;
    let end = number(&mut rest, "\"windowEndTime\":")?;
    let rerun = number(&mut rest, "\"rerun\":")?;
    let run_id = text(&mut rest, "\"fate\":\"created\",\"runId\":\"")?;
    let adopted = match rest.strip_prefix(",\"adopted\":") {
        None => None,
        Some(evidence) => {
            let (evidence, after) = evidence.split_once(",\"at\":\"")?;
            rest = &rest[rest.len() - after.len() - ",\"at\":\"".len()..];
            Some(Box::new(serde_json::from_str(evidence).ok()?))
        }
    };
    let at = text(&mut rest, ",\"at\":\"")?;
    let mut sent_at = None;
    if let Some(after) = rest.strip_prefix(",\"sentAt\":") {
        let (digits, _) = after.split_once(',')?;
        sent_at = Some(UnixSeconds::new(digits.parse().ok()?).ok()?);
        rest = &after[digits.len()..];
    }
    let history = match rest.rsplit_once(",\"sum\":")? {
        ("", _) => None,
        // What stands before the sum, without its first comma, are the fields of a history.
        (fields, _) => Some(serde_json::from_str(&format!("{{{}}}", fields.get(1..)?)).ok()?),
    };
    let time = |seconds| UnixSeconds::new(seconds).ok();
    let identity = RunIdentity {
        flow: flow.read(sandbox, flow_id)?,
        window: Window::new(time(start)?, time(end)?).ok()?,
        rerun: Rerun::new(rerun.try_into().ok()?)?,
    };
    let fate = Fate::Created {
        run_id: run_id.parse().ok()?,
        adopted,
        at: at.parse().ok()?,
        sent_at,
    };
    let record = Record {
        identity,
        fate,
        history,
    };
    (record.identity.key() == key).then_some(record)
}

/// The text after `name`, up to its quote. What an escape stands in is none of ours.
#[inline] // With a name of known length, comparing it is one instruction.
fn text<'l>(rest: &mut &'l str, name: &str) -> Option<&'l str> {
    let (text, after) = rest.strip_prefix(name)?.split_once('"')?;
    *rest = after;
    (!text.contains('\\')).then_some(text)
}

/// The number after `name`, up to its comma.
#[inline]
fn number(rest: &mut &str, name: &str) -> Option<i64> {
    let (digits, after) = rest.strip_prefix(name)?.split_once(',')?;
    *rest = after;
    digits.parse().ok()
}
