//! The markup of the page. Every value is escaped where it stands, but for the data, which holds no
//! character that means anything to HTML.

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};

use super::PageFlow;
use super::answers::{Answer, Summary, count, moment};
use super::document::{document, ticked};
use super::problems::Problem;
use crate::engine::Ending;
use crate::reconcile::status::Unread;
use crate::report::bar::Cell;
use crate::report::follow::grouped;
use crate::report::outcome::describe_ending;
use crate::report::{number, plain, short_window};
use crate::run::{Counts, FlowRef, Rerun, WindowStatus};

/// How many reasons are told in full.
const REASONS: usize = 40;
/// How many flows are named under a reason.
const FLOWS: usize = 12;

/// What the page shows.
pub(super) struct Page<'a> {
    pub(super) verb: &'static str,
    pub(super) now: Timestamp,
    pub(super) summary: Summary<'a>,
    pub(super) problems: &'a [Problem<'a>],
    pub(super) flows: &'a [PageFlow<'a>],
    pub(super) unread: &'a [Unread],
    pub(super) ending: Option<&'a Ending>,
    pub(super) is_partial: bool,
    pub(super) digest: &'a str,
    pub(super) data: &'a str,
}

/// The whole file.
pub(super) fn page(page: &Page<'_>) -> String {
    let headline = page.summary.headline();
    let body = html! {
        a.skip href="#flows" { "To the flows" }
        header {
            p.kicker { "backfill " (page.verb) " · " (sandboxes(page.flows)) " · " (moment(page.now)) }
            h1 { (headline) }
            (progress(page.summary.counts))
            (legend(page.summary.counts))
        }
        main {
            (answers(page))
            (notices(page))
            (attention(page))
            (flows(page))
            (table())
        }
        footer {
            p {
                "Made " (moment(page.now)) " by backfill " (env!("CARGO_PKG_VERSION")) " (" code { "backfill " (page.verb) } "), "
                "and not changed since. All times are UTC. A window is " code { "[start, end)" }
                ": its end is not part of it."
            }
            p { "Digest of the plan: " code.id { (page.digest) } }
        }
        div #tip role="tooltip" hidden {}
        p #said role="status" {}
        script #data type="application/json" { (PreEscaped(page.data)) }
    };
    document(&headline, &body, true)
}

/// `prod`, or how many sandboxes.
fn sandboxes(flows: &[PageFlow<'_>]) -> String {
    let mut names: Vec<String> = flows.iter().map(|it| it.flow.sandbox.to_string()).collect();
    names.sort();
    names.dedup();
    let flows = number(flows.len(), "flow");
    match &names[..] {
        [] => flows,
        [name] => format!("sandbox {name} · {flows}"),
        names => format!("{} sandboxes · {flows}", names.len()),
    }
}

/// The mark of a status, as bars in a terminal have it, in its colour.
fn badge(status: WindowStatus) -> Markup {
    html! {
        span class={ "badge s-" (status.word()) } aria-hidden="true" { (status.mark().0) }
    }
}

/// All windows as one bar.
fn progress(counts: &Counts<WindowStatus>) -> Markup {
    /// In how many parts the bar is measured.
    const PARTS: usize = 10_000;

    let wanted = counts.wanted().max(1);
    let mut at = 0;
    let parts: Vec<(WindowStatus, usize, usize)> = counts
        .present()
        .filter(|(status, _)| *status != WindowStatus::Orphaned)
        .map(|(status, number)| {
            let from = at;
            at += number;
            (status, from * PARTS / wanted, at * PARTS / wanted)
        })
        .collect();
    html! {
        svg.progress viewBox={ "0 0 " (PARTS) " 10" } preserveAspectRatio="none" role="img"
            aria-label=(describe_counts(counts)) {
            @for (status, from, to) in parts {
                rect class={ "s-" (status.word()) } x=(from) width=(to - from) height="10" {}
            }
        }
    }
}

fn describe_counts(counts: &Counts<WindowStatus>) -> String {
    let parts: Vec<String> = counts
        .present()
        .map(|(status, number)| format!("{} {}", count(number), status.label()))
        .collect();
    if parts.is_empty() {
        "no window".to_owned()
    } else {
        parts.join(", ")
    }
}

fn legend(counts: &Counts<WindowStatus>) -> Markup {
    html! {
        ul #legend {
            @for (status, number) in counts.present() {
                li data-status=(status.word()) title=(status.meaning()) {
                    (badge(status))
                    span { b { (count(number)) } " " (status.label()) }
                }
            }
        }
    }
}

fn answers(page: &Page<'_>) -> Markup {
    let reasons: Vec<(usize, String)> = page
        .problems
        .iter()
        .map(|problem| (problem.number, reason(problem)))
        .collect();
    let answer = |question: &str, answer: Answer| {
        html! {
            div.answer {
                h2 { (question) }
                p.short { (answer.short) }
                @for sentence in answer.sentences { p { (sentence) } }
            }
        }
    };
    html! {
        section.answers aria-label="In short" {
            (answer("Is it finished?", page.summary.finished()))
            (answer("What failed, and why?", page.summary.failed(&reasons)))
            (answer("When will it end?", page.summary.ends()))
        }
    }
}

/// `failed: CONNECTOR-2001-500, Error occurred while …`.
fn reason(problem: &Problem<'_>) -> String {
    /// How much of what was said is repeated in short.
    const SHORT: usize = 80;

    let label = problem.status.label();
    match (problem.code, problem.note) {
        // A long story, which is told further down.
        ("", _) => label.to_owned(),
        (code, "") => format!("{label}: {code}"),
        (code, note) => format!("{label}: {code}, {}", plain(note, SHORT)),
    }
}

fn notices(page: &Page<'_>) -> Markup {
    let ending = page.ending.and_then(describe_ending);
    html! {
        @if let Some(why) = ending {
            p.notice { b { "The apply stopped early: " } (plain(&why, 700)) }
        }
        @for Unread { name, flow: FlowRef { sandbox, id }, why } in page.unread {
            p.notice {
                b { "The runs of " (plain(name, 60)) " could not be listed" }
                " (" (sandbox) ", " (id) "): " (plain(why, 300))
                ". They are shown as they were last recorded."
            }
        }
        @if page.is_partial {
            p.notice { "Only the windows that were asked for by key are shown." }
        }
    }
}

fn attention(page: &Page<'_>) -> Markup {
    let problems = page.problems;
    if problems.is_empty() {
        return html! {};
    }
    let name_of = |flow: &FlowRef| {
        let found = page.flows.iter().find(|it| it.flow == flow);
        found.map_or_else(|| flow.id.to_string(), |it| it.name.clone())
    };
    let more = problems.len().saturating_sub(REASONS);
    html! {
        section #attention {
            h2 { "What went wrong, and what to do" }
            @for problem in problems.iter().take(REASONS) {
                article.problem data-status=(problem.status.word()) {
                    h3 {
                        (badge(problem.status))
                        span {
                            (number(problem.number, "window")) " " (problem.status.label())
                            @if !problem.code.is_empty() { " " code { (problem.code) } }
                        }
                    }
                    @if problem.note.is_empty() {
                        p.note { (problem.status.meaning()) }
                    } @else {
                        p.note {
                            (problem.note)
                            @if problem.has_other_notes {
                                " " span.aside { "The table has what was said of the others." }
                            }
                        }
                    }
                    @if problem.failed_records > 0 {
                        p { (grouped(problem.failed_records)) " records failed." }
                    }
                    @for of_flow in problem.flows.iter().take(FLOWS) {
                        p.where data-flow={ (of_flow.flow.sandbox) "/" (of_flow.flow.id) } {
                            b { (name_of(of_flow.flow)) } " "
                            @for span in of_flow.told() { span.window { (span) } " " }
                            @if of_flow.untold() > 0 {
                                span.aside { "and " (of_flow.untold()) " more" }
                            }
                        }
                    }
                    @if problem.flows.len() > FLOWS {
                        p.aside.more { "And " (number(problem.flows.len() - FLOWS, "more flow")) "." }
                    }
                    @if let Some(remedy) = problem.status.remedy() { p.remedy { (ticked(remedy)) } }
                }
            }
            @if more > 0 { p.aside { (more) " more reasons are in the table." } }
        }
    }
}

fn flows(page: &Page<'_>) -> Markup {
    html! {
        section #flows {
            h2 { "Flows" }
            form #filters aria-label="What is shown" hidden {
                label { span { "Flow" } select #flow { option value="" { "All flows" } } }
                label { span { "Text" } input #text type="search" placeholder="key, run id, message" autocomplete="off"; }
                label { span { "From" } input #from type="date"; }
                label { span { "To" } input #to type="date"; }
                button #clear type="button" { "Show all" }
                p #shown {}
            }
            @for (place, flow) in page.flows.iter().enumerate() {
                article.flow data-place=(place) {
                    h3 { (flow.name) }
                    p.about {
                        span.id { (flow.flow.sandbox) " · " (flow.flow.id) }
                        @if let Some(source) = &flow.source { span { (source) } }
                        span { (short_window(flow.span, Rerun::FIRST)) }
                    }
                    p.counts { (describe_counts(&flow.counts)) @for moved in &flow.moved { "; " (moved) } }
                    (bar(flow))
                }
            }
        }
    }
}

/// The flow's time: what needs a person is as high as the bar, and what was not sent is a line in it.
fn bar(flow: &PageFlow<'_>) -> Markup {
    let cells = &flow.bar.cells;
    let mut at = 0;
    let rects = cells.chunk_by(|a, b| a == b).filter_map(|same| {
        let from = at;
        at += same.len();
        match same.first()? {
            Cell::Windows(status) => Some((from, same.len(), *status)),
            Cell::Gap | Cell::NotSelected => None,
        }
    });
    let height = |status: WindowStatus| match status {
        _ if status.is_stuck() => 10,
        _ if status.is_done() || status.is_unfinished() => 6,
        _ => 2,
    };
    html! {
        svg.bar viewBox={ "0 0 " (cells.len()) " 10" } preserveAspectRatio="none" role="img"
            aria-label=(describe_counts(&flow.counts)) {
            @for (from, length, status) in rects {
                rect class={ "s-" (status.word()) } x=(from) width=(length)
                    y=((10 - height(status)) / 2) height=(height(status)) {}
            }
        }
    }
}

fn table() -> Markup {
    html! {
        section #windows {
            h2 { "Windows" }
            noscript { p { "The table of all windows needs the script of this page." } }
            div.tools hidden {
                label { span { "Order" } select #order {
                    option value="" { "what needs a person first" }
                    option value="time" { "by flow and time" }
                } }
                button #copy type="button" { "Copy the table" }
                div.pages {
                    button #before type="button" { "Previous" }
                    span #pages {}
                    button #after type="button" { "Next" }
                }
            }
            div.scroll role="region" aria-label="Table of windows" tabindex="0" hidden {
                table {
                    thead { tr {
                        th scope="col" { "Status" }
                        th scope="col" { "Flow" }
                        th scope="col" { "Window" }
                        th.number scope="col" { "In" }
                        th.number scope="col" { "Out" }
                        th.number scope="col" { "Failed" }
                        th scope="col" { "Ended" }
                        th scope="col" { "What was said" }
                        th scope="col" { "Run" }
                        th scope="col" { "Key" }
                        th scope="col" { "Manifest" }
                    } }
                    tbody #rows {}
                }
            }
        }
    }
}
