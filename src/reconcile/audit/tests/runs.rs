//! Runs that no record stands for, and windows that have more runs than they should.

use super::*;
use crate::untrusted::Untrusted;

#[test]
fn a_run_that_no_record_stands_for_is_unknown_and_says_whose_it_is() {
    let facts = AuditFixture::new()
        .lists([shown("a", 1, SENT, THEIRS)])
        .facts();
    let [Fact::Unknown { run, wanted: None }] = &facts[..] else {
        panic!("{facts:?}");
    };
    assert_eq!(
        run.created_client.as_ref().map(Untrusted::raw),
        Some(THEIRS)
    );
    assert_eq!(
        run.created_by.as_ref().map(Untrusted::raw),
        Some("someone@example.com")
    );
    for silent in [WindowEvidence::Missing, WindowEvidence::Invalid] {
        let world = AuditFixture::new().lists([run_of(silent)]);
        assert_eq!(world.kinds(), [FindingKind::Unknown]);
    }
}

fn run_of(window_evidence: WindowEvidence) -> FlowRun {
    run("a", window_evidence, SENT, THEIRS)
}

#[test]
fn an_unknown_run_of_a_wanted_window_is_adopted_by_the_next_apply() {
    let wanted = |world: AuditFixture| match &world.facts()[..] {
        [Fact::Unknown { wanted, .. }] => *wanted,
        facts => panic!("{facts:?}"),
    };
    let first = identity(1, 1);
    let by_hand = AuditFixture::new().lists([shown("a", 1, SENT, THEIRS)]);
    assert_eq!(wanted(by_hand.wants(first.clone())), Some(first.key()));
    let other = AuditFixture::new().lists([shown("a", 1, SENT, THEIRS)]);
    assert_eq!(wanted(other.wants(identity(2, 1))), None);
    // Beside a recorded run, one of another client was not meant as the rerun that is wanted.
    let again = identity(1, 2);
    let kinds = AuditFixture::new()
        .created(&first, "a")
        .wants(again.clone())
        .lists([shown("a", 1, SENT, OURS), shown("b", 1, SENT + 9, THEIRS)])
        .kinds();
    assert_eq!(kinds, [FindingKind::Doubled]);
    let ours = AuditFixture::new()
        .created(&first, "a")
        .wants(again.clone())
        .lists([shown("a", 1, SENT, OURS), shown("b", 1, SENT + 9, OURS)]);
    assert_eq!(wanted(ours), Some(again.key()));
}

#[test]
fn a_window_with_more_runs_than_reruns_is_doubled() {
    let first = identity(1, 1);
    let facts = AuditFixture::new()
        .created(&first, "ours")
        .lists([
            shown("theirs", 1, SENT + 9, THEIRS),
            shown("ours", 1, SENT, OURS),
        ])
        .facts();
    let [
        Fact::Doubled {
            window: which,
            runs,
        },
    ] = &facts[..]
    else {
        panic!("{facts:?}");
    };
    assert_eq!(*which, window(1));
    let of: Vec<_> = runs
        .iter()
        .map(|(run, key)| (run.id.to_string(), *key))
        .collect();
    assert_eq!(
        of,
        [
            ("ours".to_owned(), Some(first.key())),
            ("theirs".to_owned(), None)
        ]
    );

    let by_hand = || {
        AuditFixture::new().lists([
            shown("a", 1, SENT, THEIRS),
            run(
                "b",
                WindowEvidence::CopyActivity(window(1)),
                SENT + 9,
                THEIRS,
            ),
        ])
    };
    assert_eq!(by_hand().kinds(), [FindingKind::Doubled]);
    assert_eq!(
        by_hand().wants(identity(1, 1)).kinds(),
        [FindingKind::Doubled]
    );
    let both = by_hand().wants(identity(1, 1)).wants(identity(1, 2));
    assert_eq!(
        both.kinds(),
        [FindingKind::Unknown; 2],
        "two reruns are wanted"
    );
}

#[test]
fn a_run_that_was_rejected_and_is_listed_all_the_same_is_a_contradiction() {
    let facts = AuditFixture::new()
        .rejected(&identity(1, 1))
        .lists([shown("a", 1, SENT, OURS)])
        .facts();
    let [Fact::Contradiction { denial, run, .. }] = &facts[..] else {
        panic!("{facts:?}");
    };
    assert!(matches!(denial, Denial::Rejected { .. }));
    assert_eq!(run.id.to_string(), "a");
    let old =
        AuditFixture::new()
            .rejected(&identity(1, 1))
            .lists([shown("a", 1, SENT - 3600, OURS)]);
    assert_eq!(
        old.kinds(),
        [FindingKind::Unknown],
        "it is older than the request"
    );
}

#[test]
fn a_run_that_was_found_not_to_exist_and_is_listed_later_is_a_contradiction() {
    let since = |created, client| {
        AuditFixture::new()
            .absent(&identity(1, 1))
            .lists([shown("a", 1, created, client)])
            .kinds()
    };
    assert_eq!(since(SENT + 1, OURS), [FindingKind::Contradiction]);
    assert_eq!(since(SENT + 1, THEIRS), [FindingKind::Contradiction]);
    assert_eq!(since(SENT - 3600, OURS), [FindingKind::Unknown]);
}

#[test]
fn a_run_that_shows_up_after_its_window_was_sent_again_is_a_contradiction_and_a_doubling() {
    let first = identity(1, 1);
    let facts = AuditFixture::new()
        .absent(&first)
        .created(&first, "second")
        .lists([
            shown("second", 1, SENT + 700, OURS),
            shown("late", 1, SENT + 1, OURS),
        ])
        .facts();
    let [
        Fact::Contradiction {
            denial: Denial::Absent(_),
            run,
            ..
        },
        Fact::Doubled { runs, .. },
    ] = &facts[..]
    else {
        panic!("{facts:?}");
    };
    assert_eq!(run.id.to_string(), "late");
    assert_eq!(runs.len(), 2);
}

#[test]
fn a_window_that_was_run_for_another_ones_record_is_doubled_too() {
    let kinds = AuditFixture::new()
        .created(&identity(1, 1), "a")
        .created(&identity(2, 1), "b")
        .lists([shown("a", 1, SENT, OURS), shown("b", 1, SENT, OURS)])
        .kinds();
    assert_eq!(kinds, [FindingKind::Doubled, FindingKind::Differs]);
}
