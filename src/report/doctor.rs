//! A diagnosis: a line for each check, under the heading of its area, with what to do about it below; at
//! the end whether it works.

use console::style;
use serde::Serialize;

use super::audit::first_of;
use super::blocks::{Layout, Report, Row, Table};
use super::github::Annotation;
use super::number;
use super::view::View;
use crate::doctor::{Area, CheckCounts, Diagnosis, Finding};
use crate::manifest::Severity;

/// What `doctor` found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DoctorView<'a>(pub &'a Diagnosis);

/// `doctor/v1`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct DoctorDocument<'a> {
    #[cfg_attr(test, schemars(extend("const" = "doctor/v1")))]
    format: &'static str,
    summary: CheckCounts,
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    exit_code: u8,
}

impl<'a> View for DoctorView<'a> {
    type Document = DoctorDocument<'a>;

    fn report(&self, layout: Layout) -> Report {
        let diagnosis = self.0;
        let CheckCounts {
            fault,
            notice,
            fine,
        } = diagnosis.counts();
        let (faults, notices) = (number(fault, "fault"), number(notice, "notice"));
        let counts = format!("{faults}, {notices}, {fine} fine");
        let mut report = Report {
            title: format!("doctor: {counts}"),
            ..Report::default()
        };
        for findings in diagnosis.findings.chunk_by(|a, b| a.area == b.area) {
            report.table(Table {
                heading: findings.first().map(|it| heading(it.area).to_owned()),
                rows: findings.iter().map(row).collect(),
                rest: "lines",
                ..Table::default()
            });
        }
        // On a long screen the faults are far up; a page has them in its title.
        if !layout.is_markdown {
            let verdict = if fault == 0 {
                style("It works here").green().bold().to_string()
            } else {
                let mut subjects: Vec<&String> =
                    diagnosis.faults().map(|fault| &fault.subject).collect();
                subjects.dedup();
                let subjects = first_of(subjects.into_iter().cloned());
                let verdict = style("It would not work here").red().bold();
                format!("{verdict} because of {subjects}")
            };
            report.note(format!("{verdict}: {counts}."));
        }
        report
    }

    fn document(&self, exit_code: u8) -> DoctorDocument<'a> {
        DoctorDocument {
            format: "doctor/v1",
            summary: self.0.counts(),
            diagnosis: self.0,
            exit_code,
        }
    }

    /// What would not work; what is only to be known is in the summary.
    fn annotations(&self) -> Vec<Annotation> {
        let annotations = self.0.faults().map(|finding| {
            let message = format!("{}: {}", finding.subject, finding.message);
            let advice = finding.advice.iter();
            let advice = advice.map(|advice| format!("hint: {advice}"));
            Annotation {
                severity: Severity::Error,
                spot: None,
                title: "backfill doctor".to_owned(),
                lines: std::iter::once(message).chain(advice).collect(),
            }
        });
        annotations.collect()
    }
}

fn heading(area: Area) -> &'static str {
    match area {
        Area::Settings => "Settings",
        Area::Service => "Service",
        Area::Flows => "Flows",
        Area::Behaviour => "What the service does",
        Area::State => "State",
        Area::GitHub => "GitHub",
    }
}

fn row(finding: &Finding) -> Row {
    let advice = finding.advice.iter().map(|advice| format!("→ {advice}"));
    Row {
        check: Some(finding.mark),
        notes: advice.collect(),
        ..Row::new([finding.subject.clone(), finding.message.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{Check, FaultKind, Settling};

    #[test]
    fn each_check_is_a_line_with_what_to_do_below() {
        let diagnosis = Diagnosis {
            findings: vec![
                Check::CONFIG.fine("backfill.yaml"),
                Check::SIGN_IN
                    .fault(
                        FaultKind::SignIn,
                        "no access token: AEP_CLIENT_SECRET is not set",
                    )
                    .advise(
                        "set AEP_ACCESS_TOKEN, or AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES",
                    ),
                Check::ENDPOINT
                    .notice("not looked at: there is no token")
                    .about("sandbox prod"),
                Check::FLOW
                    .fault(FaultKind::WouldNotWork, "the flow is scheduled `hour`")
                    .about("a-flow-with-a-label-that-is-far-too-long"),
            ],
            settling: Settling::Unknown,
        };
        let mut out = Vec::new();
        let layout = Layout {
            width: Some(60),
            ..Layout::default()
        };
        let written = DoctorView(&diagnosis).write_text(&mut out, layout);
        written.expect("memory");
        let text = String::from_utf8(out).expect("text");
        insta::assert_snapshot!(console::strip_ansi_codes(&text), @r"
        Settings:
          ✓ config  backfill.yaml

        Service:
          ✗ sign-in       no access token: AEP_CLIENT_SECRET is not
                          set
              → set AEP_ACCESS_TOKEN, or AEP_CLIENT_ID,
              AEP_CLIENT_SECRET and AEP_SCOPES
          ! sandbox prod  not looked at: there is no token

        Flows:
          ✗ a-flow-with-a-label-that-is-far-too-long  the flow is scheduled `hour`

        It would not work here because of sign-in,
          a-flow-with-a-label-that-is-far-too-long: 2 faults, 1
          notice, 1 fine.
        ");
    }
}
