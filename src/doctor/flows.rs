//! The flows of the manifests: whether each can be sent to.

use super::{Check, FaultKind, Finding, Mark};
use crate::amounts::number;
use crate::api::{ApiError, Flow};
use crate::reconcile::Blocked;
use crate::reconcile::preflight::check_flow;
use crate::run::{FlowRef, Source};
use crate::untrusted::{Untrusted, plain};

/// More flows than this are counted where nothing is wrong with them.
const NAMED: usize = 8;
/// How much of what the service says is quoted.
const LONGEST_QUOTE: usize = 300;

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
    let mut findings: Vec<Finding> = answers
        .iter()
        .map(|answer| check(answer).about(plain(answer.name, 40)))
        .collect();
    let is_fine = |finding: &Finding| finding.mark == Mark::Fine;
    let fine = findings.iter().filter(|finding| is_fine(finding)).count();
    if !shows_all && fine > NAMED {
        findings.retain(|finding| !is_fine(finding));
        let message = "exist here, are scheduled once and enabled, source and deltaColumn agree \
                       (--verbose names them)";
        findings.push(Check::FLOW.fine(message).about(number(fine, "flow")));
    }
    findings
}

fn check(answer: &FlowAnswer<'_>) -> Finding {
    let FlowRef { sandbox, id } = answer.flow;
    let flow = match &answer.answer {
        Ok(flow) => flow,
        Err(error) => {
            let quote = plain(error, LONGEST_QUOTE);
            let kind = FaultKind::from(error);
            return match error {
                ApiError::Refused(refusal) if refusal.status == 404 => Check::FLOW
                    .fault(kind, format!("there is no flow {id} in {sandbox}: {quote}"))
                    .advise(
                        "compare flowId and sandbox with the address of the flow's page in AEP; \
                         access labels may hide a flow from this credential",
                    ),
                _ => Check::FLOW.fault(kind, format!("{id} in {sandbox}: {quote}")),
            };
        }
    };
    if let Err(blocked) = check_flow(flow, answer.source) {
        let mut finding =
            Check::FLOW.fault(FaultKind::WouldNotWork, plain(&blocked, LONGEST_QUOTE));
        finding.advice = advice(&blocked).map(str::to_owned);
        return finding;
    }
    let (Some(state), Some(frequency), Some(_)) = (&flow.state, &flow.frequency, &flow.kind) else {
        let unsaid = [
            (flow.state.is_none(), "whether it is enabled"),
            (flow.frequency.is_none(), "how it is scheduled"),
            (flow.kind.is_none(), "whether it reads a table or files"),
        ];
        let unsaid = unsaid.into_iter().filter(|(is_unsaid, _)| *is_unsaid);
        let unsaid: Vec<_> = unsaid.map(|(_, what)| what).collect();
        let message = format!("the service does not say {}", unsaid.join(", nor "));
        let advice = "look at the flow in AEP; its first request will tell";
        return Check::FLOW.notice(message).advise(advice);
    };
    let reads = match (answer.source, &flow.delta_column) {
        (Source::File, _) => "files".to_owned(),
        (Source::Table(_), Some(column)) => {
            format!("a table, deltaColumn {}", plain(&column.name, 60))
        }
        (Source::Table(column), None) => {
            let column = plain(&column.name, 60);
            format!("a table; its first run fixes deltaColumn {column}")
        }
    };
    let (frequency, state) = (plain(frequency, 40), plain(state, 40));
    Check::FLOW.fine(format!(
        "in {sandbox}, scheduled {frequency}, {state}, reads {reads}"
    ))
}

/// An error of the service, as what keeps an apply from working.
impl From<&ApiError> for FaultKind {
    fn from(error: &ApiError) -> Self {
        match error {
            ApiError::Auth(_) | ApiError::SignIn(_) => Self::SignIn,
            ApiError::Refused(refusal) if refusal.status == 403 => Self::SignIn,
            ApiError::Refused(_) => Self::WouldNotWork,
            ApiError::Unreachable(_) | ApiError::NotUnderstood(_) => Self::Unreachable,
            ApiError::Setup(_) => Self::Settings,
        }
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
        for (flow, quote) in [(recurring, "`hour`"), (disabled, "disabled")] {
            let [finding] = &checked(vec![Ok(flow)], false)[..] else {
                panic!("one finding");
            };
            assert_eq!(finding.mark, Mark::Fault(FaultKind::WouldNotWork));
            assert!(finding.message.contains(quote), "{}", finding.message);
            assert!(finding.advice.is_some());
        }
    }

    #[test]
    fn a_flow_without_state_and_kind_is_a_notice() {
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
