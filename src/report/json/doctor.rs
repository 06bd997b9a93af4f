//! `doctor/v1`: what would not work here, for programs.

use serde::Serialize;

use crate::report::text::doctor::{Area, Diagnosis, Finding, Mark, Settling, Trouble};

/// `doctor/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct DoctorDocument {
    #[cfg_attr(test, schemars(extend("const" = "doctor/v1")))]
    format: &'static str,
    summary: SummaryFields,
    /// How a lost answer would be settled: `byWindow`, `byWindowOfEach`, `byOrder`, `byPerson` or
    /// `unknown`.
    settling: &'static str,
    findings: Vec<FindingFields>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SummaryFields {
    fault: usize,
    notice: usize,
    fine: usize,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct FindingFields {
    /// `settings`, `service`, `flows`, `behaviour`, `state` or `github`.
    area: &'static str,
    check: &'static str,
    subject: String,
    /// `fine`, `notice` or `fault`.
    mark: &'static str,
    /// Of a fault: `settings`, `signIn`, `unreachable`, `state` or `wouldNotWork`.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'static str>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// The diagnosis as `doctor/v1`.
#[must_use]
pub(crate) fn doctor(diagnosis: &Diagnosis, exit_code: u8) -> DoctorDocument {
    let [fault, notice, fine] = diagnosis.counts();
    let Diagnosis { findings, settling } = diagnosis;
    DoctorDocument {
        format: "doctor/v1",
        summary: SummaryFields {
            fault,
            notice,
            fine,
        },
        settling: match settling {
            Settling::Unknown => "unknown",
            Settling::ByWindow => "byWindow",
            Settling::ByWindowOfEach => "byWindowOfEach",
            Settling::ByOrder => "byOrder",
            Settling::ByPerson => "byPerson",
        },
        findings: findings.iter().map(finding_fields).collect(),
        exit_code,
    }
}

fn finding_fields(finding: &Finding) -> FindingFields {
    let Finding {
        area,
        check,
        subject,
        mark,
        message,
        advice,
    } = finding;
    FindingFields {
        area: match area {
            Area::Project => "settings",
            Area::Service => "service",
            Area::Flows => "flows",
            Area::Behaviour => "behaviour",
            Area::State => "state",
            Area::GitHub => "github",
        },
        check,
        subject: subject.clone(),
        mark: match mark {
            Mark::Fine => "fine",
            Mark::Notice => "notice",
            Mark::Fault(_) => "fault",
        },
        trouble: match mark {
            Mark::Fine | Mark::Notice => None,
            Mark::Fault(Trouble::Settings) => Some("settings"),
            Mark::Fault(Trouble::SignIn) => Some("signIn"),
            Mark::Fault(Trouble::Unreachable) => Some("unreachable"),
            Mark::Fault(Trouble::State) => Some("state"),
            Mark::Fault(Trouble::WouldNotWork) => Some("wouldNotWork"),
        },
        message: message.clone(),
        advice: advice.clone(),
    }
}
