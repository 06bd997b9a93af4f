//! What carrying a plan out will take, in a sentence.

use super::follow::grouped;
use super::{duration, number};
use crate::plan::{DayForecast, Forecast, IngestionForecast};

/// `365 requests take 1 min 13 s at 5/s; …`, without a full stop.
pub(super) fn describe_forecast(forecast: &Forecast) -> String {
    let Forecast {
        requests: number_of_requests,
        per_second,
        at_once,
        sending,
        applies,
        day,
        ingestion,
        is_emulated,
    } = forecast;
    let requests = number(*number_of_requests, "request");
    let mut parts = vec![match (at_once, sending, per_second) {
        (Some(at_once), Some(sending), _) => format!(
            "{requests}, {at_once} of a flow at once (maxActiveRuns), in about {}",
            duration(*sending)
        ),
        (Some(at_once), None, _) => format!(
            "{requests}, {at_once} of a flow at once (maxActiveRuns): in what time is not known before \
             the first runs have ended"
        ),
        (None, Some(sending), Some(rate)) => {
            format!("{requests} at {} in {}", pace(*rate), duration(*sending))
        }
        (None, ..) => format!("{requests}, as fast as the service takes them"),
    }];
    if *applies > 1 {
        parts.push(format!(
            "limits.newRunsPerApply makes {applies} applies of it, with the time between them on top"
        ));
    }
    parts.extend(day.as_ref().map(describe_day));
    let ingestion = ingestion.as_ref();
    parts.extend(ingestion.map(|it| describe_ingestion(it, *number_of_requests, *is_emulated)));
    parts.join("; ")
}

fn pace(per_second: f64) -> String {
    if per_second < 1.0 {
        format!("{}/min", per_second * 60.0)
    } else {
        format!("{per_second}/s")
    }
}

fn describe_day(day: &DayForecast) -> String {
    let DayForecast { most, now, last } = day;
    let last = match last {
        Some(last) => format!("the last on {}", last.strftime("%Y-%m-%d")),
        None => "the others never".to_owned(),
    };
    format!("limits.newRunsPerDay ({most}) lets {now} go now, {last}")
}

fn describe_ingestion(ingestion: &IngestionForecast, requests: usize, is_emulated: bool) -> String {
    let IngestionForecast {
        runs,
        time,
        at_once,
        records,
    } = ingestion;
    let went = if is_emulated {
        "as runs of the emulator went, which is no service"
    } else {
        "as earlier runs went"
    };
    let of = format!("{went}, {} of them", grouped(*runs as u64));
    let time = time.map(|time| {
        let at_once = match at_once {
            Some(at_once) => format!(", {at_once} of a flow at once"),
            None => String::new(),
        };
        format!("take about {}{at_once}", duration(time))
    });
    let records = records.map(|records| format!("read about {} records", grouped(records)));
    let told: Vec<String> = time.into_iter().chain(records).collect();
    let others = match requests - runs {
        0 => String::new(),
        others => format!(", of {} nothing is known", grouped(others as u64)),
    };
    format!("{of} {}{others}", told.join(" and "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn forecast() -> Forecast {
        Forecast {
            requests: 365,
            per_second: Some(5.0),
            at_once: None,
            sending: Some(Duration::from_secs(73)),
            applies: 1,
            day: None,
            ingestion: None,
            is_emulated: false,
        }
    }

    #[test]
    fn a_forecast_says_what_is_known() {
        let mut forecast = forecast();
        assert_eq!(
            describe_forecast(&forecast),
            "365 requests at 5/s in 1 min 13 s"
        );
        forecast.day = Some(DayForecast {
            most: 90,
            now: 60,
            last: "2026-12-01T10:00:00Z".parse().ok(),
        });
        forecast.ingestion = Some(IngestionForecast {
            runs: 300,
            time: Some(Duration::from_secs(7_200)),
            at_once: Some(3),
            records: Some(36_500),
        });
        assert_eq!(
            describe_forecast(&forecast),
            "365 requests at 5/s in 1 min 13 s; limits.newRunsPerDay (90) lets 60 go now, the last \
             on 2026-12-01; as earlier runs went, 300 of them take about 2 h, 3 of a flow at once \
             and read about 36,500 records, of 65 nothing is known"
        );
    }

    #[test]
    fn what_holds_requests_up_is_said_and_time_that_is_not_known() {
        let mut forecast = forecast();
        forecast.at_once = Some(3);
        forecast.applies = 4;
        forecast.sending = None;
        assert_eq!(
            describe_forecast(&forecast),
            "365 requests, 3 of a flow at once (maxActiveRuns): in what time is not known before the \
             first runs have ended; limits.newRunsPerApply makes 4 applies of it, with the time between \
             them on top"
        );
        forecast.applies = 1;
        forecast.sending = Some(Duration::from_secs(72_000));
        assert_eq!(
            describe_forecast(&forecast),
            "365 requests, 3 of a flow at once (maxActiveRuns), in about 20 h"
        );
    }

    #[test]
    fn the_pace_of_the_emulator_is_called_so() {
        let mut forecast = forecast();
        forecast.is_emulated = true;
        forecast.ingestion = Some(IngestionForecast {
            runs: 365,
            time: Some(Duration::from_secs(3)),
            at_once: None,
            records: None,
        });
        assert_eq!(
            describe_forecast(&forecast),
            "365 requests at 5/s in 1 min 13 s; as runs of the emulator went, which is no service, 365 of \
             them take about 3 s"
        );
    }
}
