//! The flows of the manifests: whether each can be sent to.

use super::{Area, Check, FaultKind, Finding, Mark};
use crate::amounts::number;
use crate::api::{ApiError, Flow};
use crate::reconcile::Blocked;
use crate::reconcile::preflight::check_flow;
use crate::run::{FlowRef, Source};
use crate::untrusted::{Untrusted, plain};

const CHECK: Check = Check(Area::Flows, "flow", "flow");
/// More flows than this are counted where nothing is wrong with them.
const NAMED: usize = 8;
/// How much of what the service said is repeated.
const MOST_SAID: usize = 300;
/// How much of a label is shown.
const MOST_NAME: usize = 40;

/// A flow as a manifest names it, and as the service shows it.
#[derive(Debug)]
pub(crate) struct FlowAnswer<'a> {
    pub name: &'a Untrusted,
    pub flow: &'a FlowRef,
    pub source: &'a Source,
    pub answer: Result<Flow, ApiError>,
}

/// Whether each flow can be sent to; those that can are only counted where they are many, unless
/// everything is to be shown.
pub(crate) fn check_flows(answers: &[FlowAnswer<'_>], shows_all: bool) -> Vec<Finding> {
    let findings: Vec<Finding> = answers.iter().map(check).collect();
    let is_fine = |finding: &Finding| finding.mark == Mark::Fine;
    let fine = findings.iter().filter(|finding| is_fine(finding)).count();
    if shows_all || fine <= NAMED {
        return findings;
    }
    let mut told: Vec<Finding> = findings.into_iter().filter(|it| !is_fine(it)).collect();
    told.push(CHECK.fine("exist here, are scheduled once and enabled, source and deltaColumn agree (--verbose names \
         them)").about(number(fine, "flow")));
    told
}

fn check(answer: &FlowAnswer<'_>) -> Finding {
    let FlowAnswer {
        name,
        flow: FlowRef { sandbox, id },
        source,
        answer,
    } = answer;
    let subject = plain(name, MOST_NAME);
    let fault = |kind, message: String| CHECK.fault(kind, message).about(subject.clone());
    let flow = match answer {
        Ok(flow) => flow,
        Err(ApiError::Refused(refusal)) if refusal.status == 404 => {
            let said = plain(&refusal.to_string(), MOST_SAID);
            let message = format!("there is no flow {id} in {sandbox}: {said}");
            return fault(FaultKind::WouldNotWork, message).advise(
                "compare flowId and sandbox with the address of the flow's page in AEP; access \
                 labels may hide a flow from this credential",
            );
        }
        Err(error) => {
            let said = plain(&error.to_string(), MOST_SAID);
            return fault(kind_of(error), format!("{id} in {sandbox}: {said}"));
        }
    };
    if let Err(blocked) = check_flow(flow, source) {
        let finding = fault(FaultKind::WouldNotWork, plain(&blocked, MOST_SAID));
        return match advice(&blocked) {
            Some(advice) => finding.advise(advice),
            None => finding,
        };
    }
    let Flow {
        name: _,
        state,
        frequency,
        delta_column,
        kind,
        spec_id: _,
    } = flow;
    let unsaid: Vec<&str> = [
        (state.is_none(), "whether it is enabled"),
        (frequency.is_none(), "how it is scheduled"),
        (kind.is_none(), "whether it reads a table or files"),
    ]
    .into_iter()
    .filter_map(|(is_unsaid, what)| is_unsaid.then_some(what))
    .collect();
    if !unsaid.is_empty() {
        let message = format!("the service does not say {}", unsaid.join(", nor "));
        return CHECK
            .notice(message)
            .about(subject)
            .advise("look at the flow in AEP; its first request will tell");
    }
    let shown = |text: &Option<Untrusted>| {
        text.as_ref()
            .map_or_else(String::new, |text| plain(text, 40))
    };
    let column = match (source, delta_column) {
        (Source::File, _) => "files".to_owned(),
        (Source::Table(_), Some(column)) => {
            format!("a table, deltaColumn {}", plain(&column.name, 60))
        }
        (Source::Table(column), None) => format!(
            "a table; its first run fixes deltaColumn {}",
            plain(&column.name, 60)
        ),
    };
    let message = format!(
        "in {sandbox}, scheduled {}, {}, reads {column}",
        shown(frequency),
        shown(state)
    );
    CHECK.fine(message).about(subject)
}

/// What is wrong where the service answers so.
pub(super) fn kind_of(error: &ApiError) -> FaultKind {
    match error {
        ApiError::Auth(_) | ApiError::SignIn(_) => FaultKind::SignIn,
        ApiError::Refused(refusal) if refusal.status == 403 => FaultKind::SignIn,
        ApiError::Unreachable(_) | ApiError::NotUnderstood(_) => FaultKind::Unreachable,
        ApiError::Setup(_) => FaultKind::Settings,
        ApiError::Refused(_) => FaultKind::WouldNotWork,
    }
}

fn advice(blocked: &Blocked) -> Option<&'static str> {
    match blocked {
        Blocked::NotOnce(_) => Some(
            "runs on demand need a flow of their own: make one of the same source and dataset that \
             is scheduled once, and name it in the manifest",
        ),
        Blocked::Disabled(_) => Some("enable it on its page in AEP"),
        Blocked::ReadsFiles | Blocked::ReadsTable => {
            Some("correct `source` in the manifest, or the flowId")
        }
        Blocked::DeltaColumn { .. } => Some(
            "the first run of a flow fixes its column: name that one in the manifest, or make \
             another flow",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::SourceKind;
    use crate::fixture;

    fn flow() -> Flow {
        Flow {
            name: None,
            state: Some("enabled".into()),
            frequency: Some("once".into()),
            delta_column: None,
            kind: Some(SourceKind::File),
            spec_id: None,
        }
    }

    fn checked(answers: Vec<Result<Flow, ApiError>>, shows_all: bool) -> Vec<Finding> {
        let (name, reference) = (Untrusted::from("crm"), fixture::flow());
        let answers: Vec<FlowAnswer<'_>> = answers
            .into_iter()
            .map(|answer| FlowAnswer {
                name: &name,
                flow: &reference,
                source: &Source::File,
                answer,
            })
            .collect();
        check_flows(&answers, shows_all)
    }

    #[test]
    fn each_fault_of_a_flow_has_its_advice() {
        let recurring = Flow {
            frequency: Some("hour".into()),
            ..flow()
        };
        let disabled = Flow {
            state: Some("disabled".into()),
            ..flow()
        };
        for (flow, said) in [(recurring, "`hour`"), (disabled, "disabled")] {
            let [finding] = &checked(vec![Ok(flow)], false)[..] else {
                panic!("one finding");
            };
            assert_eq!(finding.mark, Mark::Fault(FaultKind::WouldNotWork));
            assert!(finding.message.contains(said), "{}", finding.message);
            assert!(finding.advice.is_some());
        }
    }

    #[test]
    fn what_a_flow_does_not_say_is_told() {
        let silent = Flow {
            state: None,
            kind: None,
            ..flow()
        };
        let [finding] = &checked(vec![Ok(silent)], false)[..] else {
            panic!("one finding");
        };
        assert_eq!(finding.mark, Mark::Notice);
        assert!(finding.message.contains("enabled, nor whether it reads"));
    }

    #[test]
    fn many_flows_that_are_fine_are_one_line() {
        let mut answers: Vec<_> = (0..20).map(|_| Ok(flow())).collect();
        answers.push(Err(ApiError::Unreachable("reset".to_owned())));
        let findings = checked(answers, false);
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[1].subject, "20 flows");
        assert_eq!(
            checked((0..20).map(|_| Ok(flow())).collect(), true).len(),
            20
        );
    }
}
