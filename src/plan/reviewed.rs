//! A plan that was reviewed: what an apply may create, and nothing more.
//!
//! Takes the runs of a plan that was written to a file, and narrows a plan that is made now to them.
//! A run is one of them when its key is, and what would be sent for it has not changed since.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Action, Plan, PlannedRun};
use crate::run::{DeltaColumn, DesiredRun, Key, OrganizationId, Source, UnixSeconds, hex};

/// The runs that a reviewed plan creates, each with what is sent for it besides its window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ReviewedPlan {
    digest: String,
    creates: HashMap<Key, Terms>,
}

/// What is sent for a run besides what its key is the hash of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Terms(Option<Box<str>>);

/// The digest of a plan, run by run.
pub(crate) struct PlanDigest(Sha256);

/// What became of a reviewed plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Review {
    plan: Arc<ReviewedPlan>,
    /// The runs of it that are still to be created.
    pub to_create: usize,
    /// Those that no manifest asks for any more.
    pub not_wanted: usize,
    /// Those that are asked for with another `startTime` or `deltaColumn`.
    pub changed: usize,
    /// Runs to be created that are not in it.
    pub not_in_plan: usize,
}

impl ReviewedPlan {
    /// The plan with this digest and these runs.
    pub(crate) fn new<'a>(
        digest: String,
        creates: impl IntoIterator<Item = (Key, Option<UnixSeconds>, Option<&'a DeltaColumn>)>,
    ) -> Self {
        let creates = creates
            .into_iter()
            .map(|(key, start_time, column)| (key, Terms::new(start_time, column)))
            .collect();
        Self { digest, creates }
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
        Action::Wait | Action::Paused | Action::Unreviewed | Action::Adopt | Action::Unchanged => {
            None
        }
    }
}

impl Review {
    /// The digest of the reviewed plan.
    pub(crate) fn digest(&self) -> &str {
        &self.plan.digest
    }

    /// How many runs it creates.
    pub(crate) fn creates(&self) -> usize {
        self.plan.creates.len()
    }

    /// Those of them that need nothing now: they exist, or are not sent for another reason.
    pub(crate) fn settled(&self) -> usize {
        self.creates() - self.to_create - self.not_wanted - self.changed
    }
}

impl Plan {
    /// The part of the plan that `reviewed` creates as well; a run that is in doubt is looked for
    /// either way.
    #[must_use]
    pub(crate) fn only(mut self, reviewed: &Arc<ReviewedPlan>) -> Self {
        let mut review = Review {
            plan: Arc::clone(reviewed),
            to_create: 0,
            not_wanted: 0,
            changed: 0,
            not_in_plan: 0,
        };
        let mut still_wanted = 0;
        for planned in &mut self.runs {
            let terms = reviewed.creates.get(&planned.run.key());
            still_wanted += usize::from(terms.is_some());
            if !planned.action.creates() {
                continue;
            }
            let count = match terms {
                Some(terms) if *terms == Terms::of(&planned.run) => {
                    review.to_create += 1;
                    continue;
                }
                Some(_) => &mut review.changed,
                None => &mut review.not_in_plan,
            };
            *count += 1;
            planned.action = Action::Unreviewed;
        }
        review.not_wanted = reviewed.creates.len() - still_wanted;
        self.review = Some(review);
        self
    }

    /// What became of the reviewed plan that this one was narrowed to, if it was.
    #[must_use]
    pub(crate) fn review(&self) -> Option<&Review> {
        self.review.as_ref()
    }

    /// Whether the reviewed plan, if there is one, creates `run`.
    #[must_use]
    pub(crate) fn is_reviewed(&self, run: &DesiredRun) -> bool {
        let review = self.review.as_ref();
        review.is_none_or(|review| review.plan.allows(run))
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
        Arc::new(ReviewedPlan::new("0".repeat(64), creates))
    }

    #[test]
    fn what_came_since_is_not_created_and_what_went_is_counted() {
        let reviewed = reviewed(&runs(0..4));
        let plan = diff(runs(1..7), None).only(&reviewed);
        assert_eq!(plan.totals().to_create(), 3);
        assert_eq!(plan.totals().unreviewed, 3);
        let review = plan.review().expect("there is one");
        assert_eq!((review.creates(), review.to_create), (4, 3));
        assert_eq!((review.not_wanted, review.not_in_plan), (1, 3));
        assert_eq!((review.changed, review.settled()), (0, 0));
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
