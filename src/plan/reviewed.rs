//! A plan that was reviewed: what an apply may create, and nothing more.
//!
//! Takes the runs of a plan that was written to a file, and narrows a plan that is made now to them.
//! A run is one of them when its key is, and what would be sent for it has not changed since.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Action, Plan, PlannedRun};
use crate::run::{DeltaColumn, DesiredRun, Key, OrganizationId, Source, UnixSeconds, hex};

/// The runs that a reviewed plan creates, each with what is sent for it besides its window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ReviewedPlan {
    digest: String,
    creates: HashMap<Key, Terms>,
    /// The runs that it puts on record.
    adopts: HashSet<Key>,
}

/// What is sent for a run besides what its key is the hash of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Terms(Option<Box<str>>);

/// The digest of a plan, run by run.
pub(crate) struct PlanDigest(Sha256);

/// What became of a reviewed plan in one that is made now; so it stands in `plan/v2` and `apply/v1`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Review {
    /// The digest of the reviewed plan.
    pub digest: String,
    /// How many runs it creates.
    pub creates: usize,
    /// Those of them that are to be created now.
    pub to_create: usize,
    /// Those that a limit holds back.
    pub held_back: usize,
    /// Those that exist by now.
    pub exist: usize,
    /// Those that are in doubt, paused or in conflict.
    pub waiting: usize,
    /// Those that are asked for with another `startTime` or `deltaColumn` now: not sent.
    pub changed: usize,
    /// Those that no manifest that was read asks for, or that were not selected.
    pub not_wanted: usize,
    /// Runs to be created that it adopts, for they were found to exist.
    pub adopts: usize,
    /// Runs to be created that are not in it.
    pub not_in_plan: usize,
}

impl ReviewedPlan {
    /// The plan with this digest, which creates and adopts these runs.
    pub(crate) fn new<'a>(
        digest: String,
        creates: impl IntoIterator<Item = (Key, Option<UnixSeconds>, Option<&'a DeltaColumn>)>,
        adopts: HashSet<Key>,
    ) -> Self {
        let creates = creates
            .into_iter()
            .map(|(key, start_time, column)| (key, Terms::new(start_time, column)))
            .collect();
        Self {
            digest,
            creates,
            adopts,
        }
    }

    fn allows(&self, run: &DesiredRun) -> bool {
        let terms = self.creates.get(&run.key());
        terms.is_some_and(|terms| *terms == Terms::of(run))
    }
}

impl Terms {
    fn new(start_time: Option<UnixSeconds>, column: Option<&DeltaColumn>) -> Self {
        let start = start_time.map(|at| format!(" startTime={}", at.get()));
        let column = column.map(|column| {
            let json = serde_json::to_string(column).expect("a column has string keys");
            format!(" deltaColumn={json}")
        });
        let terms: String = [start, column].into_iter().flatten().collect();
        Self((!terms.is_empty()).then(|| terms.into()))
    }

    fn of(run: &DesiredRun) -> Self {
        let column = match &*run.request.source {
            Source::Table(column) => Some(column),
            Source::File => None,
        };
        Self::new(run.start_time, column)
    }
}

impl PlanDigest {
    /// Of a plan for this organization, if it is known.
    pub(crate) fn new(organization: Option<&OrganizationId>) -> Self {
        let mut hash = Sha256::new();
        hash.update("aep-backfill/plan-digest/v2\n");
        if let Some(organization) = organization {
            hash.update(format!("organization={organization}\n"));
        }
        Self(hash)
    }

    /// Adds a run. What is not done does not count.
    pub(crate) fn add(
        &mut self,
        action: Action,
        key: Key,
        start_time: Option<UnixSeconds>,
        column: Option<&DeltaColumn>,
    ) {
        if let Some(word) = word(action) {
            self.add_line(word, key, &Terms::new(start_time, column));
        }
    }

    pub(super) fn add_planned(&mut self, PlannedRun { run, action, .. }: &PlannedRun) {
        if let Some(word) = word(*action) {
            self.add_line(word, run.key(), &Terms::of(run));
        }
    }

    fn add_line(&mut self, word: &str, key: Key, Terms(terms): &Terms) {
        let terms = terms.as_deref().unwrap_or_default();
        self.0.update(format!("{word} {key}{terms}\n"));
    }

    /// SHA-256, in hex.
    pub(crate) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// What is done about a run, in the text that is hashed; none where nothing is.
fn word(action: Action) -> Option<&'static str> {
    match action {
        Action::Create | Action::Again => Some("create"),
        Action::Retry => Some("retry"),
        Action::Settle => Some("settle"),
        Action::Conflict => Some("conflict"),
        Action::Wait
        | Action::Paused
        | Action::Unreviewed
        | Action::Blocked
        | Action::Adopt
        | Action::Unchanged => None,
    }
}

impl Plan {
    /// The part of the plan that `reviewed` creates as well; a run that is in doubt is looked for
    /// either way.
    #[must_use]
    pub(crate) fn only(mut self, reviewed: &Arc<ReviewedPlan>) -> Self {
        for planned in &mut self.runs {
            if planned.action.creates() && !reviewed.allows(&planned.run) {
                planned.action = Action::Unreviewed;
            }
        }
        self.reviewed = Some(Arc::clone(reviewed));
        self
    }

    /// Whether the reviewed plan, if there is one, creates `run`.
    #[must_use]
    pub(crate) fn is_reviewed(&self, run: &DesiredRun) -> bool {
        let reviewed = self.reviewed.as_ref();
        reviewed.is_none_or(|reviewed| reviewed.allows(run))
    }

    /// What became of the reviewed plan that this one was narrowed to, if it was.
    #[must_use]
    pub(crate) fn review(&self) -> Option<Review> {
        let reviewed = self.reviewed.as_ref()?;
        let mut review = Review {
            digest: reviewed.digest.clone(),
            creates: reviewed.creates.len(),
            ..Review::default()
        };
        let mut seen = 0;
        let held_back = self.held_back.iter().map(|planned| (planned, true));
        let runs = self.runs.iter().map(|planned| (planned, false));
        for (PlannedRun { run, action, .. }, is_held_back) in runs.chain(held_back) {
            let key = run.key();
            let terms = reviewed.creates.get(&key);
            seen += usize::from(terms.is_some());
            let count = match (terms, action) {
                (None, Action::Unreviewed) if reviewed.adopts.contains(&key) => &mut review.adopts,
                (None, Action::Unreviewed) => &mut review.not_in_plan,
                (None, _) => continue,
                (Some(_), Action::Unchanged | Action::Adopt) => &mut review.exist,
                (Some(terms), _) if *terms != Terms::of(run) => &mut review.changed,
                (Some(_), _) if is_held_back => &mut review.held_back,
                (Some(_), action) if action.creates() => &mut review.to_create,
                (Some(_), _) => &mut review.waiting,
            };
            *count += 1;
        }
        review.not_wanted = review.creates - seen;
        Some(review)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{desired, flow, window};
    use crate::plan::{Selection, diff};
    use crate::run::{Rerun, RunIdentity};

    fn runs(windows: std::ops::Range<i64>) -> Vec<DesiredRun> {
        windows
            .map(|n| {
                desired(RunIdentity {
                    flow: flow().into(),
                    window: window(n),
                    rerun: Rerun::FIRST,
                })
            })
            .collect()
    }

    fn reviewed(runs: &[DesiredRun]) -> Arc<ReviewedPlan> {
        let creates = runs.iter().map(|run| (run.key(), run.start_time, None));
        Arc::new(ReviewedPlan::new("0".repeat(64), creates, HashSet::new()))
    }

    #[test]
    fn what_came_since_is_not_created_and_what_went_is_counted() {
        let reviewed = reviewed(&runs(0..4));
        let plan = diff(runs(1..7), None).only(&reviewed);
        assert_eq!(plan.totals().to_create(), 3);
        assert_eq!(plan.totals().actions.of(Action::Unreviewed), 3);
        let review = plan.review().expect("there is one");
        let expected = Review {
            digest: "0".repeat(64),
            creates: 4,
            to_create: 3,
            not_wanted: 1,
            not_in_plan: 3,
            ..Review::default()
        };
        assert_eq!(review, expected);
    }

    #[test]
    fn a_run_that_would_be_sent_otherwise_is_not_sent() {
        let mut later = runs(0..2);
        later[1].start_time = UnixSeconds::new(2_000_000_000).ok();
        let plan = diff(later, None).only(&reviewed(&runs(0..2)));
        assert_eq!(plan.totals().to_create(), 1);
        assert_eq!(plan.review().map(|review| review.changed), Some(1));
        assert!(!plan.is_reviewed(&plan.runs()[1].run));
    }

    #[test]
    fn a_limit_counts_only_what_was_reviewed() {
        let plan = diff(runs(0..6), None).only(&reviewed(&runs(4..6)));
        let plan = plan.select(&Selection {
            limit: Some(crate::plan::Limit::Asked(1)),
            ..Selection::default()
        });
        let created: Vec<_> = plan
            .runs()
            .iter()
            .filter(|it| it.action.creates())
            .collect();
        assert_eq!(created.len(), 1);
        assert_eq!(created[0].run.identity.window, window(4));
        assert_eq!(plan.held_back().len(), 1);
        let review = plan.review().expect("there is one");
        assert_eq!((review.to_create, review.held_back), (1, 1));
        assert_eq!(review.not_in_plan, 4);
    }

    #[test]
    fn the_organization_is_in_the_digest() {
        let of = |id: &str| {
            let id = id.parse().expect("an organization");
            diff(runs(0..2), None).of_organization(Some(id)).digest()
        };
        assert_ne!(of("5C13@AdobeOrg"), of("7D24@AdobeOrg"));
        assert_ne!(of("5C13@AdobeOrg"), diff(runs(0..2), None).digest());
    }
}
