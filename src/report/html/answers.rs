//! The three questions of somebody who only wants to know: is it finished, what failed, when will it
//! end?
//!
//! Takes counts and a forecast, gives sentences. Pure: the moment of the page is a parameter.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::plan::Forecast;
use crate::report::duration;
use crate::report::follow::grouped;
use crate::report::forecast::describe_forecast;
use crate::run::{Counts, WindowStatus};

/// An answer: a word or two, and the sentences under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) short: String,
    pub(super) sentences: Vec<String>,
}

/// What the answers go by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Summary<'a> {
    pub(super) counts: &'a Counts<WindowStatus>,
    pub(super) forecast: Option<&'a Forecast>,
    /// How long a run took, on average.
    pub(super) each: Option<Duration>,
    /// When the last run ended.
    pub(super) last_ended: Option<Timestamp>,
    /// The moment of the page.
    pub(super) now: Timestamp,
}

impl Summary<'_> {
    /// How many windows have ended with all that they will bring, and how many there are.
    fn progress(&self) -> (usize, usize) {
        let counts = self.counts;
        (counts.sum(WindowStatus::is_done), counts.wanted())
    }

    /// Whether the data of every window is there.
    pub(super) fn is_finished(&self) -> bool {
        let (done, wanted) = self.progress();
        done == wanted
    }

    /// The page in one sentence.
    pub(super) fn headline(&self) -> String {
        let (done, wanted) = self.progress();
        if wanted == 0 {
            return "Nothing is asked for".to_owned();
        }
        let (done, wanted) = (count(done), count(wanted));
        if self.is_finished() {
            return match self.shortcomings() {
                Some(but) => format!("Finished: all {wanted} windows have ended, {but}"),
                None => format!("Finished: the data of all {wanted} windows is there"),
            };
        }
        format!("Not finished: {done} of {wanted} windows are done")
    }

    /// What is not as it should be of the runs that ended.
    fn shortcomings(&self) -> Option<String> {
        let partial = self.counts.of(WindowStatus::Partial);
        let empty = self.counts.of(WindowStatus::Empty);
        let parts: Vec<String> = [
            (partial, "with records that failed"),
            (empty, "without a record"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(number)))
        .collect();
        (!parts.is_empty()).then(|| parts.join(" and "))
    }

    /// Is it finished?
    pub(super) fn finished(&self) -> Answer {
        let (done, wanted) = self.progress();
        if wanted == 0 {
            return Answer {
                short: "Nothing to do".to_owned(),
                sentences: vec!["The manifests ask for no window.".to_owned()],
            };
        }
        let mut sentences = vec![format!(
            "{} of {} windows are done.",
            count(done),
            count(wanted)
        )];
        if let Some(but) = self.shortcomings() {
            sentences.push(format!("Of those that are done, {but}."));
        }
        for (number, what) in [
            (self.counts.sum(WindowStatus::is_active), "under way"),
            (self.unsent(), "still to be sent"),
            (self.counts.of(WindowStatus::Paused), "paused"),
            (self.stuck(), "failed or stuck"),
        ] {
            if number > 0 {
                sentences.push(format!("{} {what}.", count(number)));
            }
        }
        Answer {
            short: if self.is_finished() {
                "Yes".to_owned()
            } else {
                format!("No: {} % is done", done * 100 / wanted)
            },
            sentences,
        }
    }

    fn unsent(&self) -> usize {
        let counts = self.counts;
        counts.of(WindowStatus::New) + counts.of(WindowStatus::HeldBack)
    }

    fn stuck(&self) -> usize {
        self.counts.sum(WindowStatus::is_stuck)
    }

    /// What failed? `reasons`: the number of windows and the reason, the most important first.
    pub(super) fn failed(&self, reasons: &[(usize, String)]) -> Answer {
        /// So many reasons are told here; all of them are further down the page.
        const TOLD: usize = 3;

        let failed = self.counts.of(WindowStatus::Failed) + self.counts.of(WindowStatus::Rejected);
        let stuck = self.stuck();
        let short = match (failed, stuck) {
            (0, 0) => "Nothing".to_owned(),
            (0, stuck) => format!("Nothing, but {} stuck", are(stuck)),
            (failed, _) => format!("{} window{}", count(failed), plural(failed)),
        };
        let mut sentences: Vec<String> = reasons
            .iter()
            .take(TOLD)
            .map(|(number, reason)| {
                let stop = if reason.ends_with(['.', '…']) {
                    ""
                } else {
                    "."
                };
                format!("{} {reason}{stop}", count(*number))
            })
            .collect();
        if reasons.len() > TOLD {
            sentences.push(format!("{} more reasons.", reasons.len() - TOLD));
        }
        Answer { short, sentences }
    }

    /// When will it end?
    pub(super) fn ends(&self) -> Answer {
        let mut sentences = Vec::new();
        let active = self.counts.sum(WindowStatus::is_active);
        let (stuck, to_send) = (self.stuck(), self.unsent());
        let paused = self.counts.of(WindowStatus::Paused);
        if self.is_finished() {
            let last = self.last_ended;
            let is_any = self.counts.wanted() > 0;
            return Answer {
                short: if is_any {
                    "It has ended"
                } else {
                    "Nothing is under way"
                }
                .to_owned(),
                sentences: last
                    .map(|at| format!("The last run ended {}.", moment(at)))
                    .into_iter()
                    .collect(),
            };
        }
        if active > 0 {
            sentences.push(match self.each {
                Some(each) => format!(
                    "{} under way; those before took about {} each.",
                    are(active),
                    duration(each)
                ),
                None => format!(
                    "{} under way; how long they take is not known.",
                    are(active)
                ),
            });
        }
        if let Some(forecast) = self.forecast {
            let forecast_text = describe_forecast(forecast);
            sentences.push(format!("When an apply sends the rest: {forecast_text}."));
        }
        if paused > 0 {
            sentences.push(format!("{} paused by their manifest.", are(paused)));
        }
        if stuck > 0 {
            let needs = if stuck == 1 { "needs" } else { "need" };
            sentences.push(format!(
                "{} window{} {needs} a person.",
                count(stuck),
                plural(stuck)
            ));
        }
        let short = match self.estimate() {
            _ if active == 0 && to_send == 0 => "Not by itself".to_owned(),
            Estimate::Never => "Never, under the limits".to_owned(),
            // Nobody is sending it.
            Estimate::At(at) if to_send > 0 => {
                format!("About {}, if an apply begins now", rough(at, self.now))
            }
            Estimate::Unknown if to_send > 0 => "Not before an apply sends the rest".to_owned(),
            Estimate::At(at) => format!("About {}", rough(at, self.now)),
            Estimate::Unknown => "Not known yet".to_owned(),
        };
        if matches!(self.estimate(), Estimate::Unknown)
            && active + to_send > 0
            && self.each.is_none()
        {
            sentences.push("It will be known when the first runs have ended.".to_owned());
        }
        Answer { short, sentences }
    }

    /// When what goes on by itself will have ended, if an apply goes on as the limits allow.
    fn estimate(&self) -> Estimate {
        let length = |length: Duration| SignedDuration::try_from(length).unwrap_or_default();
        let after = |at: Timestamp, by: Duration| at.saturating_add(length(by)).unwrap_or(at);
        let last = self.forecast.and_then(|forecast| forecast.day.as_ref());
        if last.is_some_and(|day| day.last.is_none()) {
            return Estimate::Never;
        }
        let Some(each) = self.each else {
            return Estimate::Unknown;
        };
        let mut end = after(self.now, each);
        if let Some(forecast) = self.forecast {
            let is_waited_for = forecast.at_once.is_some() && forecast.sending.is_none();
            let ingestion = forecast.ingestion.as_ref();
            let is_known = ingestion.is_none_or(|it| it.runs == forecast.requests);
            // When the next apply begins is nobody's knowledge.
            if is_waited_for || forecast.applies > 1 || !is_known {
                return Estimate::Unknown;
            }
            let sent = after(self.now, forecast.sending.unwrap_or_default());
            let last = last.and_then(|day| day.last);
            let last = last.map_or(sent, |last| last.max(sent));
            let ingestion = ingestion.and_then(|it| it.time);
            end = end
                .max(after(last, each))
                .max(after(self.now, ingestion.unwrap_or_default()));
        }
        Estimate::At(end)
    }
}

enum Estimate {
    At(Timestamp),
    Never,
    Unknown,
}

/// `1,234`.
pub(super) fn count(number: usize) -> String {
    grouped(number as u64)
}

fn plural(number: usize) -> &'static str {
    if number == 1 { "" } else { "s" }
}

/// `1 is`, `2 are`.
fn are(number: usize) -> String {
    format!(
        "{} {}",
        count(number),
        if number == 1 { "is" } else { "are" }
    )
}

/// `2026-11-28 09:30 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// As exact as it can be meant: a date, or the time of the day if that is near.
fn rough(at: Timestamp, now: Timestamp) -> String {
    if at.duration_since(now) < SignedDuration::from_hours(20) {
        moment(at)
    } else {
        at.strftime("%Y-%m-%d").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::at;
    use crate::plan::DayForecast;

    fn counts(of: &[(WindowStatus, usize)]) -> Counts<WindowStatus> {
        let mut counts = Counts::default();
        for (status, number) in of {
            (0..*number).for_each(|_| counts.add(*status));
        }
        counts
    }

    fn summary(counts: &Counts<WindowStatus>) -> Summary<'_> {
        Summary {
            counts,
            forecast: None,
            each: Some(Duration::from_secs(60)),
            last_ended: Some(at(1_700_000_000)),
            now: at(1_700_000_000),
        }
    }

    #[test]
    fn it_is_finished_when_every_run_has_ended_and_says_what_is_missing() {
        let all = counts(&[(WindowStatus::Success, 3)]);
        assert_eq!(
            summary(&all).headline(),
            "Finished: the data of all 3 windows is there"
        );
        assert_eq!(summary(&all).ends().short, "It has ended");
        assert_eq!(summary(&all).failed(&[]).short, "Nothing");
        let some = counts(&[(WindowStatus::Success, 3), (WindowStatus::Empty, 2)]);
        assert_eq!(
            summary(&some).headline(),
            "Finished: all 5 windows have ended, 2 without a record"
        );
        let failed = counts(&[(WindowStatus::Success, 3), (WindowStatus::Failed, 1)]);
        let summary = summary(&failed);
        assert_eq!(summary.headline(), "Not finished: 3 of 4 windows are done");
        assert_eq!(summary.finished().short, "No: 75 % is done");
        assert_eq!(summary.ends().short, "Not by itself");
        assert_eq!(summary.ends().sentences, ["1 window needs a person."]);
    }

    #[test]
    fn the_end_is_told_as_exactly_as_it_is_known() {
        let open = counts(&[(WindowStatus::New, 10), (WindowStatus::InProgress, 1)]);
        let mut forecast = Forecast {
            requests: 10,
            per_second: Some(5.0),
            at_once: None,
            sending: Some(Duration::from_secs(2)),
            applies: 1,
            day: None,
            ingestion: None,
            is_emulated: false,
        };
        let ends = |forecast: &Forecast, each: Option<Duration>| {
            let summary = Summary {
                forecast: Some(forecast),
                each,
                ..summary(&open)
            };
            summary.ends()
        };
        let minute = Some(Duration::from_secs(60));
        let answer = ends(&forecast, minute);
        assert_eq!(
            answer.short,
            "About 2023-11-14 22:14 UTC, if an apply begins now"
        );
        assert_eq!(
            answer.sentences,
            [
                "1 is under way; those before took about 1 min each.",
                "When an apply sends the rest: 10 requests at 5/s in 2 s.",
            ]
        );
        let nobody_knows = "Not before an apply sends the rest";
        assert_eq!(ends(&forecast, None).short, nobody_knows);
        forecast.applies = 3;
        assert_eq!(
            ends(&forecast, minute).short,
            nobody_knows,
            "when they are is not known"
        );
        forecast.applies = 1;
        (forecast.at_once, forecast.sending) = (Some(2), None);
        assert_eq!(
            ends(&forecast, minute).short,
            nobody_knows,
            "nor how long each works"
        );
        (forecast.at_once, forecast.sending) = (None, Some(Duration::from_secs(2)));
        forecast.day = Some(DayForecast {
            most: 4,
            now: 4,
            last: Some(at(1_700_000_000 + 2 * 86_400)),
        });
        assert_eq!(
            ends(&forecast, minute).short,
            "About 2023-11-16, if an apply begins now"
        );
        forecast.day = Some(DayForecast {
            most: 0,
            now: 0,
            last: None,
        });
        assert_eq!(ends(&forecast, minute).short, "Never, under the limits");
        let running = counts(&[(WindowStatus::InProgress, 1), (WindowStatus::Success, 1)]);
        assert_eq!(summary(&running).ends().short, "About 2023-11-14 22:14 UTC");
    }
}
