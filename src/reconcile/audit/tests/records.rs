//! Records, each beside the run that it stands for or should.

use super::*;

#[test]
fn a_record_whose_run_is_nowhere_has_vanished_unless_it_is_too_new_to_be_missed() {
    let facts = AuditFixture::new().created(&identity(1, 1), "a").facts();
    assert!(
        matches!(&facts[..], [Fact::Vanished(record)] if record.identity == identity(1, 1)),
        "{facts:?}"
    );
    let mut world = AuditFixture::new().created(&identity(1, 1), "a");
    world.now = SENT + SETTLE;
    let audit = world.audit();
    assert_eq!((audit.findings.len(), audit.too_new), (0, 1));
}

#[test]
fn a_recorded_run_that_shows_another_window_or_flow_differs() {
    let kinds = |run: FlowRun| {
        AuditFixture::new()
            .created(&identity(1, 1), "a")
            .lists([run])
            .kinds()
    };
    assert_eq!(kinds(shown("a", 2, SENT, OURS)), [FindingKind::Differs]);
    assert_eq!(
        kinds(run("a", WindowEvidence::Invalid, SENT, OURS)),
        [FindingKind::Differs]
    );
    let elsewhere = FlowRun {
        flow_id: Some(flow(OTHER_FLOW)),
        ..shown("a", 1, SENT, OURS)
    };
    assert_eq!(kinds(elsewhere), [FindingKind::Differs]);
    assert_eq!(kinds(run("a", WindowEvidence::Missing, SENT, OURS)), []);
}

#[test]
fn a_run_on_record_for_another_flow_is_told_once_from_whichever_side() {
    let world = AuditFixture::new().created(&identity(1, 1), "a");
    let stray = FlowRun {
        flow_id: Some(flow(OTHER_FLOW)),
        ..shown("a", 1, SENT, OURS)
    };
    let listed = || look(OTHER_FLOW, Ok(vec![stray.clone()]));
    let found = || look(FLOW, Ok(vec![stray.clone()]));
    let input = input(Some(&world.state), &[], world.now);
    for looks in [
        vec![listed()],
        vec![found(), listed()],
        vec![listed(), found()],
    ] {
        let audit = compare(input, &looks);
        assert_eq!(audit.findings.len(), 1, "{:?}", audit.findings);
        assert_eq!(audit.counts().of(FindingKind::Differs), 1);
    }
}

#[test]
fn a_run_in_doubt_says_what_could_tell() {
    let trace = |runs: &[FlowRun]| {
        let world = AuditFixture::new()
            .intent(&identity(1, 1))
            .lists(runs.to_vec());
        let traces: Vec<Trace> = world
            .facts()
            .into_iter()
            .filter_map(|fact| match fact {
                Fact::InDoubt { trace, .. } => Some(trace),
                _ => None,
            })
            .collect();
        let [trace] = &traces[..] else {
            panic!("{traces:?}");
        };
        trace.clone()
    };
    let id = |id: &str| -> RunId { id.parse().expect("a run id") };
    let theirs = shown("theirs", 1, SENT + 1, THEIRS);
    let ours = shown("ours", 1, SENT + 2, OURS);
    let old = shown("old", 1, SENT - 3600, OURS);
    let silent = run("silent", WindowEvidence::Missing, SENT + 1, OURS);
    assert_eq!(trace(&[]), Trace::Nothing);
    assert_eq!(
        trace(std::slice::from_ref(&old)),
        Trace::Shown(id("old")),
        "a window wanted once has any run of it, however old"
    );
    assert_eq!(
        trace(std::slice::from_ref(&theirs)),
        Trace::Shown(id("theirs"))
    );
    assert_eq!(trace(&[theirs, ours]), Trace::Shown(id("ours")));
    let elsewhere = shown("elsewhere", 2, SENT + 1, OURS);
    assert_eq!(
        trace(&[elsewhere, silent]),
        Trace::Silent(vec![id("silent")])
    );
}

#[test]
fn a_run_that_will_settle_a_doubt_is_no_other_finding() {
    let world = AuditFixture::new()
        .intent(&identity(1, 1))
        .lists([shown("a", 1, SENT + 1, OURS)]);
    assert_eq!(world.kinds(), [FindingKind::InDoubt]);
    let two = AuditFixture::new()
        .intent(&identity(1, 1))
        .lists([shown("a", 1, SENT + 1, OURS), shown("b", 1, SENT + 2, OURS)]);
    assert_eq!(two.kinds(), [FindingKind::Doubled, FindingKind::InDoubt]);
}

#[test]
fn recorded_runs_that_failed_since_are_told() {
    let world = AuditFixture::new()
        .created(&identity(1, 1), "a")
        .lists([ended("a", 1, RunStatus::Failed)]);
    assert_eq!(world.kinds(), [FindingKind::Failed]);
}

fn ended(id: &str, n: i64, status: RunStatus) -> FlowRun {
    FlowRun {
        status,
        ..shown(id, n, SENT, OURS)
    }
}

#[test]
fn a_partial_run_is_told_apart_from_a_failed_one() {
    let world = AuditFixture::new()
        .created(&identity(1, 1), "a")
        .created(&identity(2, 1), "b")
        .lists([
            ended("a", 1, RunStatus::Failed),
            ended("b", 2, RunStatus::Partial),
        ]);
    assert_eq!(world.kinds(), [FindingKind::Failed, FindingKind::Partial]);
}

#[test]
fn a_run_whose_later_rerun_has_succeeded_is_no_finding_whatever_became_of_it() {
    let again = |first: Option<RunStatus>, second: RunStatus| {
        AuditFixture::new()
            .created(&identity(1, 1), "a")
            .created(&identity(1, 2), "b")
            .lists(first.map(|status| ended("a", 1, status)))
            .lists([ended("b", 1, second)])
            .kinds()
    };
    for first in [Some(RunStatus::Failed), Some(RunStatus::Partial), None] {
        assert_eq!(again(first, RunStatus::Success), []);
    }
    assert_eq!(
        again(Some(RunStatus::Failed), RunStatus::InProgress),
        [FindingKind::Failed],
        "the rerun has not succeeded yet"
    );
    assert_eq!(
        again(Some(RunStatus::Success), RunStatus::Partial),
        [FindingKind::Partial],
        "an earlier rerun makes nothing good"
    );
}

/// A world in which the run `a` of the first window was retried as `second`.
fn retried(second: &str, first: &FlowRun) -> AuditFixture {
    let first_window = identity(1, 1);
    let mut world = AuditFixture::new().created(&first_window, "a");
    world.step(Entry::Seen {
        run: (&first_window).into(),
        run_id: first.id.clone(),
        seen: first.seen(at(SENT + 5)),
        etag: None,
    });
    world.step(Entry::Intent {
        run: (&first_window).into(),
        at: ClockedTime {
            local: Some(at(SENT + 10)),
            service: Some(at(SENT + 10)),
        },
        session: Uuid::nil(),
        start_time: None,
        order: None,
        retry: Some(crate::state::Retry {
            run_id: first.id.clone(),
            by: "somebody".to_owned(),
        }),
    });
    world.step(Entry::Created {
        key: first_window.key(),
        run_id: second.parse().expect("a run id"),
        etag: None,
        at: at(SENT + 11),
    });
    world
}

#[test]
fn a_run_whose_later_attempt_has_succeeded_is_no_finding() {
    let failed = ended("a", 1, RunStatus::Failed);
    let world = retried("b", &failed).lists([
        failed,
        FlowRun {
            created_at: Some(at(SENT + 11)),
            ..ended("b", 1, RunStatus::Success)
        },
    ]);
    assert_eq!(world.kinds(), []);
}

#[test]
fn a_run_that_was_just_retried_is_not_judged_by_how_it_was_listed_before() {
    let failed = ended("a", 1, RunStatus::Failed);
    let audit = |now| {
        let mut world = retried("a", &failed).lists([failed.clone()]);
        world.now = now;
        let audit = world.audit();
        (audit.counts().of(FindingKind::Failed), audit.too_new)
    };
    assert_eq!(audit(SENT + 20), (0, 1));
    assert_eq!(audit(SENT + 10_000), (1, 0), "the retry changed nothing");
}

#[test]
fn an_adopted_run_is_compared_like_one_that_was_created() {
    let mut world = AuditFixture::new();
    let identity = identity(1, 1);
    world.step(Entry::Adopted {
        run: (&identity).into(),
        run_id: "a".parse().expect("a run id"),
        evidence: Evidence::Params,
        at: at(SENT),
    });
    let is_created = |record: &Record| matches!(record.fate, Fate::Created { .. });
    let facts = world.lists([shown("a", 3, SENT, OURS)]).facts();
    assert!(
        matches!(&facts[..], [Fact::Differs { record, .. }] if is_created(record)),
        "{facts:?}"
    );
}
