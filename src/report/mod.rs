//! What people and programs see, a folder for each form: `text`, `progress`, `json`, `markdown`, `html`,
//! `github` (annotations and outputs). In each, the file that is called as a verb is that verb's.
//! A [`View`] is a result in all of its forms.
//!
//! Takes results and events as values and turns them into text. Sends nothing, stores nothing,
//! decides nothing. Text that comes from a manifest or the service is made harmless before it is
//! shown: see [`crate::untrusted`].

mod apply;
mod audit;
mod bar;
mod blocks;
mod doctor;
mod explain;
mod failure;
mod follow;
mod forecast;
mod github;
mod html;
mod import;
pub(crate) mod json;
mod markdown;
mod outcome;
mod plan;
#[cfg(test)]
mod plan_tests;
mod problems;
mod progress;
mod reason;
mod resolve;
mod retry;
mod state;
mod status;
mod terminal;
mod validate;
mod view;
mod window_range;
mod wrap;

pub(crate) use apply::ApplyView;
pub(crate) use audit::AuditView;
pub(crate) use blocks::Layout;
#[cfg(feature = "rehearse")]
pub(crate) use blocks::{Block, Report, Row, Table};
pub(crate) use doctor::DoctorView;
pub(crate) use explain::write_explained;
pub(crate) use failure::FailureView;
pub(crate) use github::{
    Annotation, AnnotationPlace, END_GROUP, Outputs, annotate_conflicts, annotate_problems,
    begin_group, notice, write_annotations, write_output,
};
pub(crate) use html::failure_page;
pub(crate) use import::ImportView;
pub(crate) use markdown::{markdown, scope_markdown};
pub(crate) use outcome::{BlockedFlow, describe_ending};
pub(crate) use plan::PlanView;
pub(crate) use problems::{ProblemCounts, bound, write_problems};
pub(crate) use progress::apply_progress::ApplyProgress;
pub(crate) use progress::display::ProgressDisplay;
pub(crate) use progress::lines::{line, still_watching, watch_line};
pub(crate) use progress::silence::waiting_lines;
pub(crate) use reason::{describe_conflicts, describe_fate, describe_held_back};
pub(crate) use resolve::ResolveView;
pub(crate) use retry::RetryView;
pub(crate) use state::{StateView, VerifyView, changes, count_changes, no_state};
pub(crate) use status::StatusView;
pub(crate) use terminal::write_report;
pub(crate) use validate::{ValidateView, describe_manifests};
pub(crate) use view::View;
pub(crate) use wrap::{columns, fitting, fold, wrap};

use jiff::Timestamp;

use crate::amounts::listed;
pub(crate) use crate::amounts::{duration, number};
use crate::run::{Rerun, UnixSeconds, Window};
pub(crate) use crate::untrusted::plain;

/// A window as `[start, end)`, by dates alone where it begins and ends with a day.
pub(crate) fn window(window: Window) -> String {
    let date = |time: UnixSeconds| {
        let text = time.to_string();
        text.strip_suffix("T00:00:00Z").map(ToOwned::to_owned)
    };
    match (date(window.start()), date(window.end())) {
        (Some(start), Some(end)) => format!("[{start}, {end})"),
        _ => window.to_string(),
    }
}

/// A window in UTC as short as it can be told: `[2022-01-01, 2022-01-02)`,
/// `[2022-01-01 06:00, 07:00)`, `[2022-01-01 06:00, 2022-01-03 00:00)`; with its rerun, if it is one.
fn short_window(window: Window, rerun: Rerun) -> String {
    let at = |time: UnixSeconds| {
        let text = time.to_string();
        let (date, time) = text.split_once('T').unwrap_or((&text, ""));
        let time = time.trim_end_matches('Z');
        let time = time.strip_suffix(":00").unwrap_or(time);
        (date.to_owned(), time.to_owned())
    };
    let (from, to) = (at(window.start()), at(window.end()));
    let last_second = UnixSeconds::new(window.end().get() - 1).map_or_else(|_| to.clone(), at);
    let span = match (&from, &to) {
        ((from, start), (to, end)) if start == "00:00" && end == "00:00" => {
            format!("[{from}, {to})")
        }
        ((from, start), (to, end)) if from == to => format!("[{from} {start}, {end})"),
        ((from, start), (_, end)) if *from == last_second.0 && end == "00:00" => {
            format!("[{from} {start}, 24:00)")
        }
        ((from, start), (to, end)) => format!("[{from} {start}, {to} {end})"),
    };
    if rerun == Rerun::FIRST {
        span
    } else {
        format!("{span} rerun {rerun}")
    }
}

/// `13:52:36Z`, for waits that end soon.
fn clock_time(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_whole_days_are_shown_by_date() {
        let at = |s| UnixSeconds::new(s).expect("in range");
        let between = |start, end| window(Window::new(at(start), at(end)).expect("a window"));
        assert_eq!(between(0, 86_400), "[1970-01-01, 1970-01-02)");
        assert_eq!(
            between(0, 60),
            "[1970-01-01T00:00:00Z, 1970-01-01T00:01:00Z)"
        );
    }

    #[test]
    fn a_short_window_says_no_more_than_it_must() {
        let short = |start: &str, end: &str, rerun| {
            let at = |text: &str| {
                let time: Timestamp = text.parse().expect("a time");
                UnixSeconds::new(time.as_second()).expect("in range")
            };
            let window = Window::new(at(start), at(end)).expect("a window");
            short_window(window, Rerun::new(rerun).expect("not 0"))
        };
        let day = "2022-01-01T00:00:00Z";
        assert_eq!(
            short(day, "2022-01-03T00:00:00Z", 1),
            "[2022-01-01, 2022-01-03)"
        );
        assert_eq!(
            short(day, "2022-01-01T01:00:00Z", 1),
            "[2022-01-01 00:00, 01:00)"
        );
        assert_eq!(
            short("2022-01-01T23:00:00Z", "2022-01-02T00:00:00Z", 2),
            "[2022-01-01 23:00, 24:00) rerun 2"
        );
        assert_eq!(
            short(day, "2022-01-02T06:00:07Z", 1),
            "[2022-01-01 00:00, 2022-01-02 06:00:07)"
        );
        assert_eq!(
            short("2022-01-01T06:00:00Z", "2022-01-03T00:00:00Z", 1),
            "[2022-01-01 06:00, 2022-01-03 00:00)"
        );
    }

    #[test]
    fn text_from_elsewhere_cannot_act_on_a_terminal_or_a_log() {
        assert_eq!(
            plain("a\u{1b}[2J\n::error::b\u{202e}", 80),
            "a\\u{1b}[2J\\n\\u{3a}:error::b\\u{202e}"
        );
        assert_eq!(plain("abcdef", 3), "abc…");
    }
}
