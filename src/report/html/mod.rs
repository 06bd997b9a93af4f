//! The page: a result as one HTML file, for somebody who has no terminal.
//!
//! Takes what there is to do and what is known of every window, and gives the whole text of the file:
//! totals and the answers to three questions, what needs a person, a bar for each flow, and the
//! windows as data, from which the script of the page fills the table. It fetches nothing; its policy names its own
//! style and script by their hashes, so that no other text can act. The template escapes every value.
//!
//! `windows` joins what is known, `problems` sorts it by reason, `answers` puts it into sentences,
//! `data` writes it for the script, `template` is the markup, `document` the file around it, with the
//! style and the script, and `failure` the page of a verb without a result.

mod answers;
mod data;
mod document;
mod failure;
mod problems;
mod template;
#[cfg(test)]
mod tests;
mod windows;

use std::time::Duration;

use jiff::Timestamp;

use super::bar::Bar;
use super::follow::{describe_bytes, describe_records};
use super::outcome::BlockedFlow;
use super::plain;
use super::reason::describe_request;
use crate::engine::Applied;
use crate::plan::{Forecast, Plan};
use crate::reconcile::status::Status;
use crate::run::{ByteCounts, Counts, FlowRef, RecordCounts, Window, WindowStatus};
use crate::state::State;

pub(crate) use failure::failure_page;

use answers::Summary;
use data::Data;
use problems::problems;
use windows::{Facts, PageWindow};

/// So many parts have the bars of all flows together, that are there without the script.
const BAR_PARTS: usize = 12_000;

/// What a page is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSource<'a> {
    /// The verb whose result it is.
    pub verb: &'static str,
    /// What there is to do after it.
    pub plan: &'a Plan,
    /// What that was made from.
    pub state: Option<&'a State>,
    /// What carrying it out will take.
    pub forecast: Option<&'a Forecast>,
    /// What the service has just said of the runs.
    pub status: Option<&'a Status>,
    /// The flows that nothing can be sent to, where the service was looked at.
    pub blocked: &'a [BlockedFlow],
    /// What became of the runs of an apply.
    pub applied: Option<&'a Applied>,
    /// The moment of the page.
    pub now: Timestamp,
}

/// A flow of the page.
#[derive(Debug)]
struct PageFlow<'a> {
    flow: &'a FlowRef,
    name: String,
    source: Option<String>,
    counts: Counts<WindowStatus>,
    /// What its runs moved.
    moved: Vec<String>,
    span: Window,
    bar: Bar,
}

/// The page of a result.
#[must_use]
pub(crate) fn page(source: &PageSource<'_>) -> String {
    let PageSource {
        verb,
        plan,
        state,
        forecast,
        status,
        blocked,
        applied,
        now,
    } = *source;
    let facts = Facts::new(state, status, applied, now).with_blocked(blocked);
    let windows = facts.windows(plan);
    let mut counts = Counts::default();
    for window in &windows {
        counts.add(window.status);
    }

    let flows = flows(&windows, plan.is_partial());
    let seen = windows.iter().filter_map(|it| it.seen.as_ref());
    let summary = Summary {
        counts: &counts,
        forecast,
        each: each(&windows),
        last_ended: seen.filter_map(|it| it.finished_at()).max(),
        now,
    };
    let names: Vec<(&FlowRef, String)> = flows
        .iter()
        .map(|flow| (flow.flow, flow.name.clone()))
        .collect();
    template::page(&template::Page {
        verb,
        now,
        summary,
        problems: &problems(&windows),
        flows: &flows,
        unread: status.map_or(&[], |status| &status.unread),
        ending: applied.map(|applied| &applied.ending),
        is_partial: plan.is_partial(),
        digest: &plan.digest(),
        data: &Data::new(&names, &windows).json(),
    })
}

/// The flows, those first that need a person.
fn flows<'a>(windows: &[PageWindow<'a>], is_partial: bool) -> Vec<PageFlow<'a>> {
    let groups = || windows.chunk_by(|a, b| a.identity.flow == b.identity.flow);
    let parts = (BAR_PARTS / groups().count().max(1)).clamp(12, 240);
    let mut flows: Vec<PageFlow<'a>> = groups()
        .filter_map(|windows| PageFlow::of(windows, parts, is_partial))
        .collect();
    let need = |flow: &PageFlow<'_>| {
        let worst = flow.counts.present().map(|(status, _)| status).min();
        worst.filter(|status| status.needs_attention())
    };
    flows.sort_by(|a, b| {
        let order = (need(a).is_none(), need(a)).cmp(&(need(b).is_none(), need(b)));
        order.then_with(|| a.name.cmp(&b.name))
    });
    flows
}

impl<'a> PageFlow<'a> {
    fn of(windows: &[PageWindow<'a>], parts: usize, is_partial: bool) -> Option<Self> {
        let flow = &*windows.first()?.identity.flow;
        let request = windows.iter().find_map(|it| Some(&it.desired?.request));
        let name = request.map_or_else(|| flow.id.to_string(), |it| plain(&it.name, 120));
        let span = Window::hull(windows.iter().map(|it| it.identity.window))?;
        let mut counts = Counts::default();
        let (mut records, mut bytes) = (RecordCounts::default(), ByteCounts::default());
        for window in windows {
            counts.add(window.status);
            if let Some(seen) = &window.seen {
                records = records.plus(seen.records);
                bytes = bytes.plus(seen.bytes);
            }
        }
        let cells: Vec<(Window, WindowStatus)> = windows
            .iter()
            .map(|it| (it.identity.window, it.status))
            .collect();
        let bar = Bar::of(span, &cells, parts);
        Some(Self {
            flow,
            name,
            source: request.map(|it| describe_request(it)),
            counts,
            moved: [describe_records(records), describe_bytes(bytes)]
                .into_iter()
                .flatten()
                .collect(),
            span,
            bar: if is_partial { bar.without_gaps() } else { bar },
        })
    }
}

/// How long runs took that ended with their records, on average.
fn each(windows: &[PageWindow<'_>]) -> Option<Duration> {
    let seen = windows.iter().filter_map(|window| window.seen.as_ref());
    let whole = seen.filter(|it| it.status.is_finished() && !it.status.is_retriable());
    let worked: Vec<Duration> = whole.filter_map(|it| it.worked()).collect();
    let all: Duration = worked.iter().sum();
    all.checked_div(u32::try_from(worked.len()).ok()?)
}
