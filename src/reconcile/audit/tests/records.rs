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
    let listed = look(OTHER_FLOW, ListResult::Runs(vec![stray.clone()]));
    let found = look(FLOW, ListResult::Runs(vec![stray]));
    let input = input(Some(&world.state), &[], world.now);
    for looks in [
        vec![listed.clone()],
        vec![found.clone(), listed.clone()],
        vec![listed, found],
    ] {
        let audit = compare(input, &looks);
        assert_eq!(audit.findings.len(), 1, "{:?}", audit.findings);
        assert_eq!(audit.count(FindingKind::Differs), 1);
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
    for status in [RunStatus::Failed, RunStatus::Partial] {
        let failed = FlowRun {
            status,
            ..shown("a", 1, SENT, OURS)
        };
        let world = AuditFixture::new()
            .created(&identity(1, 1), "a")
            .lists([failed]);
        assert_eq!(world.kinds(), [FindingKind::Failed]);
    }
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
