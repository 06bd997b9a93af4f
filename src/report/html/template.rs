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
use crate::run::{Counted, Counts, FlowRef, Rerun, WindowStatus};

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
        a.skip href="#flows" { "To the timelines" }
        (signs())
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
            (timelines(page))
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

/// A sign for each status, to be used by its id.
fn signs() -> Markup {
    html! {
        svg.signs aria-hidden="true" width="0" height="0" {
            @for status in WindowStatus::ALL.iter().copied() {
                symbol id={ "sign-" (status.word()) } viewBox="0 0 16 16" {
                    path d=(sign(status)) {}
                }
            }
        }
    }
}

/// The lines of a sign, in a square of 16.
fn sign(status: WindowStatus) -> &'static str {
    match status {
        WindowStatus::Success => "M3 8.5 6.5 12 13 4.5",
        WindowStatus::Failed => "M4 4 12 12M12 4 4 12",
        WindowStatus::Rejected => "M8 2.5A5.5 5.5 0 1 1 7.9 2.5ZM4.2 11.8 11.8 4.2",
        WindowStatus::Conflict => "M8 3V9.5M8 12V12.8",
        WindowStatus::Blocked => "M8 2.5A5.5 5.5 0 1 1 7.9 2.5ZM4.5 8H11.5",
        WindowStatus::InDoubt => "M5 6A3 3 0 1 1 8.8 8.3C8.2 8.7 8 9 8 10M8 12.4V13",
        WindowStatus::Waiting => "M3.5 8H4.3M7.6 8H8.4M11.7 8H12.5",
        WindowStatus::NotRead => "M3 5V3H5M11 3H13V5M13 11V13H11M5 13H3V11M8 5V8.5M8 10.5V11",
        WindowStatus::Unknown => "M8 3A5 5 0 1 1 7.9 3ZM8 5V8.5M8 10.5V11",
        WindowStatus::NotListed => "M3 5V3H5M11 3H13V5M13 11V13H11M5 13H3V11",
        WindowStatus::Partial => "M8 2.5A5.5 5.5 0 1 1 7.9 2.5ZM3 9.5H13M4.5 11.5H11.5",
        WindowStatus::Empty => "M8 3A5 5 0 1 1 7.9 3Z",
        WindowStatus::InProgress => "M5.5 3.5 12 8 5.5 12.5Z",
        WindowStatus::Scheduled => "M8 2.5A5.5 5.5 0 1 1 7.9 2.5ZM8 5V8L10.5 9.5",
        WindowStatus::Created => "M8 6.5A1.5 1.5 0 1 1 7.9 6.5Z",
        WindowStatus::New => "M8 3.5V12.5M3.5 8H12.5",
        WindowStatus::HeldBack => "M2.5 9C4.5 5 6.5 5 8 8S11.5 11 13.5 7",
        WindowStatus::Paused => "M5.5 4V12M10.5 4V12",
        WindowStatus::Orphaned => "M4 8H12",
    }
}

fn sign_of(status: WindowStatus) -> Markup {
    html! {
        svg class={ "sign s-" (status.word()) } aria-hidden="true" {
            use href={ "#sign-" (status.word()) } {}
        }
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
                    span class={ "swatch s-" (status.word()) } aria-hidden="true" {}
                    (sign_of(status))
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
                        (sign_of(problem.status))
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

fn timelines(page: &Page<'_>) -> Markup {
    html! {
        section #flows {
            h2 { "Flows" }
            form #filters aria-label="What is shown" hidden {
                label { span { "Flow" } select #flow { option value="" { "All flows" } } }
                label { span { "Text" } input #text type="search" placeholder="key, run id, message" autocomplete="off"; }
                fieldset {
                    legend { "Zoom" }
                    select #year aria-label="Year" { option value="" { "All years" } }
                    select #month aria-label="Month" { option value="" { "All months" } }
                    select #day aria-label="Day" { option value="" { "All days" } }
                }
                button #clear type="button" { "Show all" }
                p #shown {}
            }
            @for (place, flow) in page.flows.iter().enumerate() { (timeline(place, flow)) }
        }
    }
}

fn timeline(place: usize, flow: &PageFlow<'_>) -> Markup {
    html! {
        article.flow data-place=(place) aria-labelledby={ "flow-" (place) } {
            h3 id={ "flow-" (place) } { (flow.name) }
            p.about {
                span.id { (flow.flow.sandbox) " · " (flow.flow.id) }
                @if let Some(source) = &flow.source { span { (source) } }
                span { (short_window(flow.span, Rerun::FIRST)) }
            }
            p.counts { (describe_counts(&flow.counts)) @for moved in &flow.moved { "; " (moved) } }
            div.timeline { (bar(flow)) }
        }
    }
}

/// The flow as a bar, for who has no script.
fn bar(flow: &PageFlow<'_>) -> Markup {
    let cells = &flow.bar.cells;
    let mut at = 0;
    let runs: Vec<(usize, usize, WindowStatus)> = cells
        .chunk_by(|a, b| a == b)
        .filter_map(|same| {
            let from = at;
            at += same.len();
            match same.first()? {
                Cell::Windows(status) => Some((from, same.len(), *status)),
                Cell::Gap | Cell::NotSelected => None,
            }
        })
        .collect();
    html! {
        svg.bar viewBox={ "0 0 " (cells.len()) " 10" } preserveAspectRatio="none" role="img"
            aria-label=(describe_counts(&flow.counts)) {
            @for (from, length, status) in runs {
                rect class={ "s-" (status.word()) } x=(from) width=(length) height="10" {}
            }
        }
    }
}

fn table() -> Markup {
    html! {
        section #windows {
            h2 { "Windows" }
            noscript { p { "The timelines and the table of all windows need the script of this page." } }
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
