//! The state: where it is, whether it can be read, who holds it, and whether this process may write.

use super::{Check, FaultKind, Finding};
use crate::amounts::number;
use crate::state::Holder;
use crate::store::WriteAccess;
use crate::untrusted::plain;

/// What was read of the state.
#[derive(Debug)]
pub(crate) struct StateFacts {
    /// Its place, as messages name it.
    pub place: String,
    /// Runs on record, and those of them that are in doubt; `None` where there is no state.
    pub records: Option<(usize, usize)>,
    /// Bytes of a journal line that was never finished.
    pub torn: usize,
    /// Who holds it.
    pub holder: Option<Holder>,
    /// That it goes with this job, if it does.
    pub fleeting: Option<String>,
}

/// What is to be known of a state that could be read.
pub(crate) fn check_state(facts: &StateFacts) -> Vec<Finding> {
    let StateFacts {
        place,
        records,
        torn,
        holder,
        fleeting,
    } = facts;
    let place = plain(place, 200);
    let mut findings = vec![match (fleeting, records) {
        (Some(why), _) => Check::PLACE
            .fault(FaultKind::State, plain(why, 400))
            .advise(
                "put `state: git:backfill-state` into backfill.yaml, or name a bucket: see \
                 docs/state.md",
            ),
        (None, None) => Check::PLACE.fine(format!("{place}: none yet, the first apply begins it")),
        (None, Some((records, _))) => {
            Check::PLACE.fine(format!("{place}, {} on record", number(*records, "run")))
        }
    }];
    if let Some((_, in_doubt @ 1..)) = records {
        let message = format!("{} in doubt", number(*in_doubt, "run"));
        findings.push(Check::DOUBTS.notice(message).advise(
            "the next apply settles them; what it cannot tell, `backfill resolve` takes from you",
        ));
    }
    if *torn > 0 {
        let bytes = number(*torn, "byte");
        let message = format!("the journal ends in {bytes} of an entry that was never finished");
        let advice = "nothing depended on it: the next apply drops it";
        findings.push(Check::JOURNAL.notice(message).advise(advice));
    }
    if let Some(holder) = holder {
        let message = format!("held by {}", plain(holder, 300));
        findings.push(Check::HOLDER.notice(message).advise(
            "an apply would wait for it with --lock-timeout; `backfill state unlock` ends the hold \
             of one that is gone",
        ));
    }
    findings
}

/// Whether this process may write the state, as far as was tried.
pub(crate) fn check_write(access: WriteAccess) -> Finding {
    match access {
        WriteAccess::Permission => Check::WRITE.fine("the folder may be written to"),
        WriteAccess::DryRun => Check::WRITE.fine(
            "a push to the branch is accepted (a dry run; rules that protect a branch show only \
             when it is real)",
        ),
        WriteAccess::Probe => {
            Check::WRITE.fine("an object was created once, not twice, and removed again")
        }
        WriteAccess::NothingToPush => Check::WRITE
            .notice("not tried: this repository has no commit that a dry run could push")
            .advise("make a first commit, and ask again"),
        WriteAccess::OnlyWithWrite => Check::WRITE
            .notice("not tried")
            .advise("`backfill doctor --write` tries with an object that it removes again"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::doctor::Mark;

    #[test]
    fn doubts_a_holder_and_a_torn_journal_are_notices_and_a_folder_of_a_job_is_a_fault() {
        let holder = Holder {
            host: "elsewhere".to_owned(),
            pid: 1,
            ci_run: None,
            since: Timestamp::UNIX_EPOCH,
        };
        let facts = StateFacts {
            place: ".backfill".to_owned(),
            records: Some((5, 2)),
            torn: 7,
            holder: Some(holder),
            fleeting: Some(
                "the state is kept in .backfill, which is gone with this job".to_owned(),
            ),
        };
        let findings = check_state(&facts);
        let marks: Vec<_> = findings.iter().map(|it| (it.check, it.mark)).collect();
        assert_eq!(
            marks,
            [
                ("place", Mark::Fault(FaultKind::State)),
                ("doubts", Mark::Notice),
                ("journal", Mark::Notice),
                ("holder", Mark::Notice),
            ]
        );
    }

    #[test]
    fn a_state_that_is_not_there_yet_is_fine() {
        let facts = StateFacts {
            place: "git:backfill-state".to_owned(),
            records: None,
            torn: 0,
            holder: None,
            fleeting: None,
        };
        let [finding] = &check_state(&facts)[..] else {
            panic!("one finding");
        };
        assert_eq!(finding.mark, Mark::Fine);
        assert_eq!(
            finding.message,
            "git:backfill-state: none yet, the first apply begins it"
        );
    }
}
