use super::*;
use crate::doctor::Mark;

fn checked(shape: &ListShape, per_flow: usize) -> (Vec<Finding>, Settling) {
    check_behaviour(&BehaviourFacts {
        shape,
        limits: &BTreeMap::new(),
        per_flow,
        settle_delay: Duration::from_secs(300),
        timestamps: Timestamps::default(),
        is_emulator: false,
    })
}

fn ten() -> ListShape {
    ListShape {
        lists: 1,
        runs: 10,
        ours: 10,
        ..ListShape::default()
    }
}

fn finding<'f>(findings: &'f [Finding], check: &str) -> &'f Finding {
    let finding = findings.iter().find(|finding| finding.check == check);
    finding.unwrap_or_else(|| panic!("no {check}: {findings:?}"))
}

#[test]
fn doctor_reports_how_a_lost_answer_would_be_settled() {
    let params = ListShape {
        params: 10,
        texts: 10,
        ..ten()
    };
    let copied = ListShape {
        copy_windows: 8,
        silent: 2,
        ..ten()
    };
    let alone = ListShape {
        silent: 10,
        shown_alone: 1,
        ..ten()
    };
    let silent = ListShape {
        silent: 10,
        ..ten()
    };
    let others = ListShape {
        ours: 0,
        ..silent.clone()
    };
    for (shape, per_flow, settling) in [
        (&ListShape::default(), 1, Settling::Unknown),
        (&params, 8, Settling::ByWindow),
        (&copied, 1, Settling::ByWindow),
        (&alone, 1, Settling::ByWindowOfEach),
        (&silent, 1, Settling::ByOrder),
        (&silent, 2, Settling::ByPerson),
        (&others, 1, Settling::ByPerson),
    ] {
        assert_eq!(checked(shape, per_flow).1, settling, "{shape:?}");
    }
    let (findings, _) = checked(&silent, 2);
    let advice = finding(&findings, "settling").advice.as_deref();
    assert!(advice.is_some_and(|it| it.contains("perFlow to 1")));
}

#[test]
fn each_wrong_guess_is_a_notice_with_its_setting() {
    let odd = ListShape {
        foreign: 3,
        params: 7,
        milliseconds: 7,
        recorded: 2,
        recorded_clients: ["exc_app".to_owned()].into(),
        unknown_statuses: ["ABORTED".to_owned()].into(),
        paged: 1,
        ..ten()
    };
    let (findings, _) = checked(&odd, 1);
    for (check, expected) in [
        ("filter", "not filtered by flow: 3 of 10"),
        ("times", "in milliseconds, as integers"),
        ("clients", "`exc_app`"),
        ("statuses", "ABORTED"),
        ("pages", "brought no other run"),
    ] {
        let finding = finding(&findings, check);
        assert_eq!(finding.mark, Mark::Notice, "{check}");
        assert!(finding.message.contains(expected), "{}", finding.message);
        assert!(finding.advice.is_some(), "{check}");
    }
}

#[test]
fn a_settle_delay_below_the_one_of_adobes_pages_is_a_notice() {
    let facts = BehaviourFacts {
        shape: &ten(),
        limits: &[("x-ratelimit-limit".to_owned(), "50".to_owned())].into(),
        per_flow: 1,
        settle_delay: Duration::from_secs(60),
        timestamps: Timestamps::default(),
        is_emulator: false,
    };
    let (findings, _) = check_behaviour(&facts);
    assert_eq!(finding(&findings, "settleDelay").mark, Mark::Notice);
    assert!(
        finding(&findings, "limits")
            .message
            .contains("x-ratelimit-limit: 50")
    );
}
