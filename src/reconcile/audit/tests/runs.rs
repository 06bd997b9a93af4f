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

fn ended(status: RunStatus, run: FlowRun) -> FlowRun {
    FlowRun { status, ..run }
}

#[test]
fn a_run_that_ingested_nothing_doubles_no_window() {
    for status in [RunStatus::Failed, RunStatus::Empty] {
        let theirs = ended(status.clone(), shown("theirs", 1, SENT + 9, THEIRS));
        let world = AuditFixture::new()
            .created(&identity(1, 1), "ours")
            .lists([shown("ours", 1, SENT, OURS), theirs.clone()]);
        assert_eq!(world.kinds(), [], "{status}");
        let alone = AuditFixture::new().lists([theirs]);
        assert_eq!(alone.kinds(), [FindingKind::Unknown], "{status}");
    }
    // Ours failed, and theirs has the data: a retry would ingest it again.
    let ours = ended(RunStatus::Failed, shown("ours", 1, SENT, OURS));
    let world = AuditFixture::new()
        .created(&identity(1, 1), "ours")
        .lists([ours, shown("theirs", 1, SENT + 9, THEIRS)]);
    assert_eq!(world.kinds(), [FindingKind::Overlap, FindingKind::Failed]);
}

/// A window of `length` seconds, `from` seconds after the `n`-th begins.
fn shifted(n: i64, from: i64, length: i64) -> Window {
    let start = window(n).start().get() + from;
    let at = |second| crate::run::UnixSeconds::new(second).expect("in range");
    Window::new(at(start), at(start + length)).expect("not empty")
}

#[test]
fn an_unknown_run_that_overlaps_a_window_on_record_or_wanted_says_which() {
    let length = window(1).seconds();
    let across = shifted(1, length / 2, length);
    let theirs = run("theirs", WindowEvidence::Params(across), SENT, THEIRS);
    let facts = |world: AuditFixture| {
        let facts = world.facts();
        facts.into_iter().find_map(|fact| match fact {
            Fact::Overlap { run, with } => Some((run.id.to_string(), with)),
            _ => None,
        })
    };
    let (first, second) = (identity(1, 1), identity(2, 1));
    let world = AuditFixture::new()
        .created(&first, "ours")
        .wants(first.clone())
        .wants(second.clone())
        .wants(identity(4, 1))
        .lists([shown("ours", 1, SENT, OURS), theirs.clone()]);
    let with = vec![(window(1), first.key()), (window(2), second.key())];
    assert_eq!(facts(world), Some(("theirs".to_owned(), with)));

    // Only a window that `params` show is known, and a run that ingested nothing is in no way.
    for harmless in [
        run("a", WindowEvidence::CopyActivity(across), SENT, THEIRS),
        ended(RunStatus::Failed, theirs.clone()),
        ended(RunStatus::Empty, theirs.clone()),
        run(
            "a",
            WindowEvidence::Params(shifted(1, length, 1)),
            SENT,
            THEIRS,
        ),
    ] {
        let world = AuditFixture::new().wants(first.clone()).lists([harmless]);
        assert_eq!(world.kinds(), [FindingKind::Unknown]);
    }
}

#[test]
fn an_overlap_that_a_manifest_allows_is_none() {
    let length = window(1).seconds();
    let theirs = run(
        "theirs",
        WindowEvidence::Params(shifted(1, 1, length)),
        SENT,
        THEIRS,
    );
    let mut world = AuditFixture::new().wants(identity(1, 1)).lists([theirs]);
    for wanted in &mut world.wanted {
        std::sync::Arc::make_mut(&mut wanted.request).overlap_allowed = true;
    }
    assert_eq!(world.kinds(), [FindingKind::Unknown]);
}

#[test]
fn a_window_that_reaches_over_many_is_found_to_overlap_a_run_far_behind_its_start() {
    let long = RunIdentity {
        window: shifted(0, 0, 100 * window(0).seconds()),
        ..identity(0, 1)
    };
    let mut world = AuditFixture::new().wants(long.clone());
    for n in 1..90 {
        world = world.created(&identity(n, 1), &format!("run-{n}"));
        world = world.lists([shown(&format!("run-{n}"), n, SENT, OURS)]);
    }
    let theirs = run(
        "theirs",
        WindowEvidence::Params(shifted(95, 0, 10)),
        SENT,
        THEIRS,
    );
    let facts = world.lists([theirs]).facts();
    assert!(
        matches!(&facts[..], [Fact::Overlap { with, .. }] if *with == [(long.window, long.key())]),
        "{facts:?}"
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
    assert!(matches!(denial, Fate::Rejected { .. }));
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
            denial: Fate::NotCreated(_),
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
