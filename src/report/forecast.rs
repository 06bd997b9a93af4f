//! What carrying a plan out will take, in a sentence.

use super::text::follow::grouped;
use super::{duration, number};
use crate::plan::{DayForecast, Forecast, IngestionForecast};

/// `365 requests take 1 min 13 s at 5/s; …`, without a full stop.
pub(super) fn describe_forecast(forecast: &Forecast) -> String {
    let Forecast {
        requests,
        per_second,
        sending,
        day,
        ingestion,
    } = forecast;
    let requests = number(*requests, "request");
    let mut parts = vec![match sending.zip(*per_second) {
        Some((sending, rate)) => format!("{requests} at {} in {}", pace(rate), duration(sending)),
        None => format!("{requests}, as fast as the service takes them"),
    }];
    parts.extend(day.as_ref().map(describe_day));
    parts.extend(ingestion.as_ref().map(describe_ingestion));
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

fn describe_ingestion(ingestion: &IngestionForecast) -> String {
    let IngestionForecast {
        runs,
        time,
        at_once,
        records,
    } = ingestion;
    let of = format!("as earlier runs went, {} of them", grouped(*runs as u64));
    let time = time.map(|time| {
        let at_once = match at_once {
            Some(at_once) => format!(", {at_once} of a flow at once"),
            None => String::new(),
        };
        format!("take about {}{at_once}", duration(time))
    });
    let records = records.map(|records| format!("read about {} records", grouped(records)));
    let told: Vec<String> = time.into_iter().chain(records).collect();
    format!("{of} {}", told.join(" and "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_forecast_says_what_is_known() {
        let mut forecast = Forecast {
            requests: 365,
            per_second: Some(5.0),
            sending: Some(Duration::from_secs(73)),
            day: None,
            ingestion: None,
        };
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
             and read about 36,500 records"
        );
    }
}
