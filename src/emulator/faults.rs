//! Faults as data: which requests, when, and what goes wrong.
//!
//! A scenario holds a list of [`FaultRule`]s. Every request is counted by each rule that covers
//! its kind, and the first rule whose turn it is decides what is done to it. The decision takes
//! the call's number, the scenario's seed and, for a turn that lasts, the time; doing it is the
//! service's part.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Mutex;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::chance::draw;
use super::clock::Millis;
use super::delay::Delay;
use super::kind::RequestKind;
use super::lock;
use super::near_window::NearWindow;

/// One rule: `on` these requests, at these times, `do` this. It is about a request if
/// each of `chance`, `every` and `calls` that is given says so.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// Which requests; by default any, tokens included.
    pub on: Option<RequestKind>,
    /// This share of them, from 0 to 1, drawn from the seed.
    pub chance: Option<f64>,
    /// The n-th, the 2n-th, and so on.
    pub every: Option<NonZeroU64>,
    /// Those with these numbers; the first one is number 1.
    pub calls: Option<BTreeSet<u64>>,
    /// How long the fault lasts: until then it meets every further request too. By default it meets
    /// one request.
    pub lasts: Option<Delay>,
    /// Seconds that the answer's `Date` is ahead of the service's clock; negative: behind.
    #[serde(default)]
    pub date: i32,
    /// The answer's `Age`, in seconds.
    pub age: Option<u32>,
    /// What goes wrong; by default nothing but the headers.
    #[serde(rename = "do")]
    pub fault: Option<Fault>,
}

impl FaultRule {
    /// Its name in the ledger: the fault's, or `headers`.
    pub(super) fn name(&self) -> &'static str {
        self.fault.as_ref().map_or("headers", Fault::name)
    }

    /// Whether the request with this number, of those that it counts, meets the fault; `seed` and
    /// `index`, the rule's among all, are what chance is drawn from.
    fn is_turn(&self, seed: &str, index: usize, call: u64) -> bool {
        let is_drawn = |share| draw(index as u64, format_args!("{seed}/{call}")) < share;
        let is_named = |calls: &BTreeSet<u64>| calls.contains(&call);
        self.chance.is_none_or(is_drawn)
            && self.every.is_none_or(|n| call.is_multiple_of(n.get()))
            && self.calls.as_ref().is_none_or(is_named)
    }

    /// What is wrong with the rule, if something is.
    fn mistake(&self) -> Option<String> {
        let does_nothing = (&self.fault, self.date, self.age) == (&None, 0, None);
        match (self.chance, &self.fault) {
            (Some(share), _) if !(0.0..=1.0).contains(&share) => {
                Some(format!("`chance: {share}` is not between 0 and 1"))
            }
            (_, Some(Fault::Status { code, .. })) if !(400..600).contains(code) => Some(format!(
                "{code} is not the status of an error: expected 400 to 599"
            )),
            _ if does_nothing => Some("does nothing: expected `do`, `date` or `age`".to_owned()),
            _ => None,
        }
    }
}

/// The rules of a scenario; each must do something that can be done.
pub(super) fn rules<'de, D: Deserializer<'de>>(written: D) -> Result<Vec<FaultRule>, D::Error> {
    let rules: Vec<FaultRule> = Vec::deserialize(written)?;
    for (index, rule) in rules.iter().enumerate() {
        if let Some(mistake) = rule.mistake() {
            let number = index + 1;
            return Err(D::Error::custom(format!("fault rule {number}: {mistake}")));
        }
    }
    Ok(rules)
}

/// What is done to a request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// 429 `429050` by the gateway; the request never reaches the service.
    #[serde(rename_all = "camelCase")]
    Throttled {
        /// What `Retry-After` says, in seconds; by default the header is left out.
        #[serde(default)]
        retry_after: Option<u32>,
        /// How it says it.
        #[serde(default, rename = "as")]
        form: RetryAfterForm,
    },
    /// This status, whatever the service did.
    #[serde(rename_all = "camelCase")]
    Status {
        /// The HTTP status, 400 to 599.
        code: u16,
        /// Before or after the service did its work.
        #[serde(default)]
        when: FaultTiming,
        /// What the answer's body is.
        #[serde(default)]
        body: FaultBody,
        /// The number in the body's `FLOW-<number>-<status>`; by default that of the status.
        #[serde(default)]
        flow_code: Option<u16>,
    },
    /// The connection is reset, without an answer.
    Reset(FaultTiming),
    /// No answer for a while, then the connection is closed.
    Hang {
        /// For how long.
        #[serde(rename = "for")]
        time: Delay,
        /// Before or after the service did its work.
        #[serde(default)]
        when: FaultTiming,
    },
    /// The service does its work; the answer is a 2xx with a page of HTML.
    Garbage,
    /// The service does its work; its answer carries no id.
    WithoutId,
    /// The service does its work; half of its answer arrives, then the connection closes.
    HalfAnswer,
    /// 401 `401013` by the gateway, whatever the token.
    ExpiredToken,
    /// The service does its work this much later, even if nobody waits for it any more.
    Slow(Delay),
    /// A list without an item, whatever there is.
    Empty,
    /// A read is answered as it was this long ago: by a replica that lags, or a cache.
    Behind(Delay),
    /// A list lacks the newest so many of the runs that it asks for: of a replica that stands still.
    WithoutNewest(usize),
    /// Runs show nearly the windows that they have.
    Nearly(NearWindow),
}

impl Fault {
    /// The fault's name, as in a scenario and in the ledger.
    fn name(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "throttled",
            Self::Status { .. } => "status",
            Self::Reset(_) => "reset",
            Self::Hang { .. } => "hang",
            Self::Garbage => "garbage",
            Self::WithoutId => "withoutId",
            Self::HalfAnswer => "halfAnswer",
            Self::ExpiredToken => "expiredToken",
            Self::Slow(_) => "slow",
            Self::Empty => "empty",
            Self::Behind(_) => "behind",
            Self::WithoutNewest(_) => "withoutNewest",
            Self::Nearly(_) => "nearly",
        }
    }
}

/// When a fault happens: before the service did its work (nothing is stored) or after (it is).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultTiming {
    /// Nothing was stored.
    #[default]
    Before,
    /// The run was stored.
    After,
}

/// The two forms of `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetryAfterForm {
    /// `Retry-After: 2`
    #[default]
    Seconds,
    /// `Retry-After: Wed, 21 Oct 2026 07:28:00 GMT`, by the emulator's clock.
    HttpDate,
}

/// What the body of an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultBody {
    /// The Flow Service's error envelope.
    #[default]
    Service,
    /// Nothing, as Adobe's specification shows 503.
    Empty,
    /// A proxy's page.
    Html,
}

/// The rules of a scenario, with how many requests each has counted.
#[derive(Debug)]
pub(super) struct FaultPlan {
    seed: String,
    rules: Vec<FaultRule>,
    counts: Mutex<Vec<RuleCounters>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct RuleCounters {
    calls: u64,
    /// When the last turn ends.
    until: Option<Millis>,
}

impl FaultPlan {
    /// `epoch` is how many runs the service had at the start: it takes part in every draw, so
    /// that an emulator started again over the same journal is not unlucky in the same places.
    pub(super) fn new(seed: u64, epoch: usize, rules: Vec<FaultRule>) -> Self {
        let counts = Mutex::new(vec![RuleCounters::default(); rules.len()]);
        Self {
            seed: format!("{seed}/{epoch}"),
            rules,
            counts,
        }
    }

    /// Counts a request that arrives at `now`, and gives the first rule whose turn it is.
    pub(super) fn rule_for(&self, kind: RequestKind, now: Millis) -> Option<FaultRule> {
        let mut counts = lock(&self.counts);
        let mut found = None;
        for (index, (rule, counts)) in self.rules.iter().zip(counts.iter_mut()).enumerate() {
            if rule.on.is_some_and(|only| only != kind) {
                continue;
            }
            counts.calls += 1;
            if found.is_some() {
                continue;
            }
            if counts.until.is_none_or(|until| until <= now) {
                if !rule.is_turn(&self.seed, index, counts.calls) {
                    continue;
                }
                counts.until = rule.lasts.map(|time| now.saturating_add(time.millis()));
            }
            found = Some(rule.clone());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::Scenario;
    use crate::manifest::read_yaml;

    fn rules(yaml: &str) -> Vec<FaultRule> {
        read_yaml("faults.yaml", yaml).expect("rules")
    }

    fn met(plan: &FaultPlan, kind: RequestKind, calls: usize) -> Vec<usize> {
        (1..=calls)
            .filter_map(|n| plan.rule_for(kind, 0).map(|_| n))
            .collect()
    }

    #[test]
    fn a_rule_applies_by_number_by_step_or_always() {
        let plan = |yaml| FaultPlan::new(0, 0, rules(yaml));
        let kind = RequestKind::CreateRun;
        let calls = plan("[{ calls: [3, 7], do: garbage }]");
        assert_eq!(met(&calls, kind, 10), [3, 7]);
        let every = plan("[{ every: 4, do: garbage }]");
        assert_eq!(met(&every, kind, 10), [4, 8]);
        let always = plan("[{ do: garbage }]");
        assert_eq!(met(&always, kind, 2), [1, 2]);
    }

    #[test]
    fn a_rule_counts_only_the_requests_it_is_about() {
        let plan = FaultPlan::new(0, 0, rules("[{ on: createRun, calls: [2], do: garbage }]"));
        assert!(plan.rule_for(RequestKind::CreateRun, 0).is_none());
        assert!(plan.rule_for(RequestKind::ListRuns, 0).is_none());
        assert!(plan.rule_for(RequestKind::CreateRun, 0).is_some());
    }

    #[test]
    fn a_fault_that_lasts_meets_every_request_until_it_ends() {
        let yaml = "[{ on: createRun, calls: [3, 6], lasts: 5, do: garbage }]";
        let plan = FaultPlan::new(0, 0, rules(yaml));
        let at = |seconds: i64| {
            plan.rule_for(RequestKind::CreateRun, seconds * 1000)
                .is_some()
        };
        // The third begins a turn, the sixth another, and there is no more.
        let met = [0, 1, 2, 2, 6, 7, 8, 9, 11, 12, 13, 14].map(at);
        let expected = [
            false, false, true, true, true, true, true, true, true, false, false, false,
        ];
        assert_eq!(met, expected);
    }

    #[test]
    fn the_same_seed_picks_the_same_calls_and_another_seed_others() {
        let storm = |seed, epoch| {
            let plan = FaultPlan::new(seed, epoch, rules("[{ chance: 0.05, do: garbage }]"));
            met(&plan, RequestKind::CreateRun, 2_000)
        };
        assert_eq!(storm(1, 0), storm(1, 0));
        assert_ne!(storm(1, 0), storm(2, 0));
        assert_ne!(storm(1, 0), storm(1, 7));
        assert!((60..140).contains(&storm(1, 0).len()));
    }

    #[test]
    fn the_first_rule_in_the_list_wins_and_the_others_count_on() {
        let plan = FaultPlan::new(
            0,
            0,
            rules("[{ calls: [1], do: garbage }, { calls: [1, 2], do: halfAnswer }]"),
        );
        let fault = || plan.rule_for(RequestKind::GetRun, 0)?.fault;
        assert_eq!(fault(), Some(Fault::Garbage));
        assert_eq!(fault(), Some(Fault::HalfAnswer));
    }

    #[test]
    fn a_rule_that_makes_no_sense_is_refused() {
        for (bad, expected) in [
            (
                "{ chance: 1.5, do: garbage }",
                "rule 2: `chance: 1.5` is not",
            ),
            ("{ every: 0, do: garbage }", "every"),
            (
                "{ do: { status: { code: 200 } } }",
                "200 is not the status of an error",
            ),
            ("{ on: createRuns, do: garbage }", "createRun, listRuns"),
            ("{ on: listRuns, every: 2 }", "rule 2: does nothing"),
            ("{ do: explode }", "explode"),
            ("{ often: 2, do: garbage }", "often"),
        ] {
            let yaml = format!("faults: [{{ do: empty }}, {bad}]");
            let error = Scenario::read("scenario.yaml", &yaml).expect_err(bad);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
