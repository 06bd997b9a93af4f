//! A plan that was written to a file, read back: what an apply may create by it.
//!
//! What the file says of itself must fit: each key its run, the digest and the summary all runs. A
//! file that was edited is not the one that was reviewed.

use std::collections::HashSet;

use serde::Deserialize;

use crate::plan::{Action, PlanDigest, ReviewedPlan};
use crate::run::{
    DeltaColumn, FlowId, FlowRef, Key, OrganizationId, Rerun, RunIdentity, Sandbox, UnixSeconds,
    Window,
};
use crate::untrusted::shortened;

/// Why a file is not a plan that can be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanFileError {
    #[error("not a plan in JSON: {0}")]
    NotAPlan(#[from] serde_json::Error),
    #[error("its format is `{}`, not `plan/v2`: plan again", shortened(.0, 40))]
    Format(String),
    /// A failure was written in its place.
    #[error("it holds no plan: {}", shortened(.0, 300))]
    Failed(String),
    #[error("its run {0} has a wrong window: {1}")]
    Window(usize, String),
    #[error("its run {nth} has the key {key}, but what it says of that run makes the key {made}")]
    Key {
        nth: usize,
        key: Box<Key>,
        made: Box<Key>,
    },
    #[error("its run {nth} has an unknown action: `{}`", shortened(.action, 40))]
    Action { nth: usize, action: String },
    #[error(
        "its digest is {}, but what it says makes the digest {made}: it was edited, or another \
         version wrote it",
        shortened(.said, 64)
    )]
    Digest { said: String, made: String },
    #[error(
        "its summary does not fit its runs: `create` and `rejected` are {said}, its runs say {made}"
    )]
    Summary { said: usize, made: usize },
    #[error("it has the key {} twice", .0.short())]
    Twice(Key),
    #[error(
        "it does not say for which organization it was made: AEP_ORG_ID, or `organization` in the \
         config, must be known where a plan is made"
    )]
    NoOrganization,
    #[error("it was made for the organization {said}, and this is {ours}")]
    Organization {
        said: OrganizationId,
        ours: OrganizationId,
    },
}

/// What tells whether there is a plan to read.
#[derive(Deserialize)]
struct Head {
    format: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    digest: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct PlanFile {
    #[serde(default)]
    organization: Option<OrganizationId>,
    digest: String,
    summary: Summary,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Summary {
    create: usize,
    rejected: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    key: Key,
    sandbox: Sandbox,
    flow_id: FlowId,
    window_start_time: i64,
    window_start: String,
    window_end_time: i64,
    window_end: String,
    rerun: u32,
    action: String,
    #[serde(default)]
    start_time: Option<i64>,
    #[serde(default)]
    delta_column: Option<DeltaColumn>,
}

impl Run {
    /// What it is, if what it says makes its key.
    fn checked(self, nth: usize) -> Result<Checked, PlanFileError> {
        let time = |seconds| {
            UnixSeconds::new(seconds).map_err(|e| PlanFileError::Window(nth, e.to_string()))
        };
        let (start, end) = (time(self.window_start_time)?, time(self.window_end_time)?);
        let window =
            Window::new(start, end).map_err(|e| PlanFileError::Window(nth, e.to_string()))?;
        // People read these.
        if [start, end].map(|at| at.to_string()) != [self.window_start, self.window_end] {
            let why = "its times do not agree with each other".to_owned();
            return Err(PlanFileError::Window(nth, why));
        }
        let rerun = Rerun::new(self.rerun)
            .ok_or_else(|| PlanFileError::Window(nth, "its rerun is 0".to_owned()))?;
        let flow = FlowRef {
            sandbox: self.sandbox,
            id: self.flow_id,
        };
        let made = RunIdentity {
            flow: flow.into(),
            window,
            rerun,
        }
        .key();
        if made != self.key {
            return Err(PlanFileError::Key {
                nth,
                key: Box::new(self.key),
                made: Box::new(made),
            });
        }
        let action = serde_json::from_value(self.action.as_str().into());
        let action = action.map_err(|_| PlanFileError::Action {
            nth,
            action: self.action,
        })?;
        Ok(Checked {
            key: made,
            action,
            start_time: self.start_time.map(time).transpose()?,
            delta_column: self.delta_column,
        })
    }
}

struct Checked {
    key: Key,
    action: Action,
    start_time: Option<UnixSeconds>,
    delta_column: Option<DeltaColumn>,
}

/// The plan that `text`, a `plan/v2`, holds, to be applied for the organization `ours`.
///
/// # Errors
/// When it is none, does not fit itself, or is another organization's.
pub(crate) fn read_plan(
    text: &[u8],
    ours: Option<&OrganizationId>,
) -> Result<ReviewedPlan, PlanFileError> {
    let Head {
        format,
        message,
        digest,
    } = serde_json::from_slice(text)?;
    if format != "plan/v2" {
        return Err(PlanFileError::Format(format));
    }
    if let (Some(message), None) = (message, digest) {
        return Err(PlanFileError::Failed(message));
    }
    let PlanFile {
        organization,
        digest: said,
        summary,
        runs,
    } = serde_json::from_slice(text)?;
    let runs = runs.into_iter().zip(1..);
    let runs: Vec<Checked> = runs
        .map(|(run, nth)| run.checked(nth))
        .collect::<Result<_, _>>()?;

    let mut digest = PlanDigest::new(organization.as_ref());
    for run in &runs {
        digest.add(
            run.action,
            run.key,
            run.start_time,
            run.delta_column.as_ref(),
        );
    }
    let made = digest.finish();
    if made != said {
        return Err(PlanFileError::Digest { said, made });
    }
    let creates = || {
        runs.iter()
            .filter(|run| matches!(run.action, Action::Create | Action::Again))
    };
    let (said, counted) = (summary.create + summary.rejected, creates().count());
    if said != counted {
        return Err(PlanFileError::Summary {
            said,
            made: counted,
        });
    }
    match (organization, ours) {
        (Some(said), Some(ours)) if said != *ours => {
            let ours = ours.clone();
            return Err(PlanFileError::Organization { said, ours });
        }
        (None, Some(_)) => return Err(PlanFileError::NoOrganization),
        _ => {}
    }
    let mut keys = HashSet::new();
    if let Some(twice) = runs.iter().find(|run| !keys.insert(run.key)) {
        return Err(PlanFileError::Twice(twice.key));
    }
    let adopts = runs.iter().filter(|run| run.action == Action::Adopt);
    let adopts = adopts.map(|run| run.key).collect();
    let creates = creates().map(|run| (run.key, run.start_time, run.delta_column.as_ref()));
    Ok(ReviewedPlan::new(made, creates, adopts))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::fixture::{desired, flow, window};
    use crate::plan::{Plan, Selection, diff};
    use crate::report::json;
    use crate::run::{DesiredRun, Request, Source};

    /// A change of a file.
    type Edit<'e> = &'e dyn Fn(&mut Value);

    const OURS: &str = "5C13@AdobeOrg";

    fn organization(id: &str) -> OrganizationId {
        id.parse().expect("an organization")
    }

    /// Four windows of a table, the last one to begin later.
    fn runs() -> Vec<DesiredRun> {
        let column = DeltaColumn {
            name: "DOB".to_owned(),
            date_format: Some("yyyy-MM-dd".to_owned()),
            timezone: None,
        };
        let mut runs: Vec<DesiredRun> = (0..4)
            .map(|n| {
                desired(RunIdentity {
                    flow: flow().into(),
                    window: window(n),
                    rerun: Rerun::FIRST,
                })
            })
            .collect();
        let request = Arc::new(Request {
            source: Arc::new(Source::Table(column)),
            ..Request::clone(&runs[0].request)
        });
        for run in &mut runs {
            run.request = Arc::clone(&request);
        }
        runs[3].start_time = UnixSeconds::new(2_000_000_000).ok();
        runs
    }

    fn plan() -> Plan {
        diff(runs(), None).of_organization(Some(organization(OURS)))
    }

    fn document(plan: &Plan) -> Value {
        serde_json::to_value(json::plan(plan, None, None, None)).expect("string keys")
    }

    fn read(document: &Value) -> Result<ReviewedPlan, PlanFileError> {
        read_plan(document.to_string().as_bytes(), Some(&organization(OURS)))
    }

    #[test]
    fn a_plan_that_was_written_is_read_as_it_was() {
        let plan = plan();
        let reviewed = Arc::new(read(&document(&plan)).expect("it fits"));
        let narrowed = plan.clone().only(&reviewed);
        assert_eq!(narrowed.runs(), plan.runs());
        let review = narrowed.review().expect("there is one");
        assert_eq!(review.digest, plan.digest());
        assert_eq!((review.creates, review.to_create), (4, 4));
    }

    #[test]
    fn what_a_limit_held_back_is_not_in_it() {
        let limit = Some(crate::plan::Limit::Asked(1));
        let part = plan().select(&Selection {
            limit,
            ..Selection::default()
        });
        let reviewed = Arc::new(read(&document(&part)).expect("it fits"));
        let narrowed = plan().only(&reviewed);
        assert_eq!(narrowed.totals().actions.of(Action::Create), 1);
        assert_eq!(narrowed.totals().actions.of(Action::Unreviewed), 3);
    }

    #[test]
    fn an_edited_file_is_refused_whatever_was_edited() {
        let other_run = |document: &mut Value| {
            let mut another = document["runs"][3].clone();
            another["key"] = json!("0".repeat(64));
            document["runs"].as_array_mut().expect("runs").push(another);
        };
        let edits: [(&str, Edit<'_>, &str); 15] = [
            (
                "format",
                &|it| it["format"] = json!("plan/v3"),
                "its format is `plan/v3`",
            ),
            (
                "digest",
                &|it| it["digest"] = json!("00"),
                "its digest is 00",
            ),
            (
                "window",
                &|it| it["runs"][0]["windowEndTime"] = json!(99),
                "its times do not agree",
            ),
            (
                "what people read",
                &|it| it["runs"][0]["windowStart"] = json!("2022-01-01T00:00:00Z"),
                "its times do not agree",
            ),
            (
                "window and its words",
                &|it| {
                    it["runs"][0]["windowEndTime"] = json!(99);
                    it["runs"][0]["windowEnd"] = json!("1970-01-01T00:01:39Z");
                },
                "its run 1 has the key",
            ),
            (
                "order",
                &|it| it["runs"][1]["windowEndTime"] = json!(1),
                "its run 2 has a wrong window",
            ),
            (
                "rerun",
                &|it| it["runs"][0]["rerun"] = json!(2),
                "its run 1 has the key",
            ),
            (
                "no rerun",
                &|it| it["runs"][0]["rerun"] = json!(0),
                "its rerun is 0",
            ),
            (
                "sandbox",
                &|it| it["runs"][2]["sandbox"] = json!("dev"),
                "its run 3 has the key",
            ),
            (
                "column",
                &|it| it["runs"][0]["deltaColumn"]["name"] = json!("ID"),
                "its digest is",
            ),
            (
                "start",
                &|it| it["runs"][3]["startTime"] = json!(2_000_000_001),
                "its digest is",
            ),
            (
                "action",
                &|it| it["runs"][0]["action"] = json!("unchanged"),
                "its digest is",
            ),
            (
                "a word",
                &|it| it["runs"][0]["action"] = json!("destroy"),
                "an unknown action",
            ),
            (
                "summary",
                &|it| it["summary"]["create"] = json!(3),
                "its summary does not fit",
            ),
            ("one more", &other_run, "its run 5 has the key 0000"),
        ];
        for (what, edit, says) in edits {
            let mut document = document(&plan());
            edit(&mut document);
            let error = read(&document).expect_err(what).to_string();
            assert!(error.contains(says), "{what}: {error}");
        }
        let mut fewer = document(&plan());
        fewer["runs"].as_array_mut().expect("runs").pop();
        assert!(matches!(read(&fewer), Err(PlanFileError::Digest { .. })));
    }

    #[test]
    fn another_organizations_plan_is_refused_even_under_our_name() {
        let theirs = diff(runs(), None).of_organization(Some(organization("7D24@AdobeOrg")));
        let mut document = document(&theirs);
        assert!(matches!(
            read(&document),
            Err(PlanFileError::Organization { .. })
        ));
        document["organization"] = json!(OURS);
        assert!(matches!(read(&document), Err(PlanFileError::Digest { .. })));
        let nobodys = document_of_nobody();
        assert!(matches!(read(&nobodys), Err(PlanFileError::NoOrganization)));
    }

    fn document_of_nobody() -> Value {
        document(&diff(runs(), None))
    }

    #[test]
    fn a_run_that_is_there_twice_is_refused_even_under_a_digest_that_fits() {
        let [first, ..] = &runs()[..] else {
            panic!("there are four");
        };
        let plan = diff(vec![first.clone(), first.clone()], None);
        let twice = plan.of_organization(Some(organization(OURS)));
        assert!(matches!(
            read(&document(&twice)),
            Err(PlanFileError::Twice(_))
        ));
    }

    #[test]
    fn what_is_no_plan_says_what_it_is() {
        let failure = json!({
            "format": "plan/v2", "ending": "failed", "message": "2 errors", "exitCode": 3
        });
        let error = read(&failure).expect_err("no plan").to_string();
        assert_eq!(error, "it holds no plan: 2 errors");
        let error = read_plan(b"{\n  \"format\": plan", None).expect_err("no JSON");
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
