//! A diagnosis as text: a line for each check, under the heading of its area, with what to do about
//! it below; at the end whether it works.

use std::io::{self, Write};

use console::{measure_text_width, style};

use super::table::Layout;
use crate::report::{number, wrap};

/// Labels that are longer are followed by their message without being lined up.
const WIDEST: usize = 24;
/// How many faults are named at the end.
const NAMED: usize = 5;

/// What was found, in the order of the checks.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    /// One for each check.
    pub findings: Vec<Finding>,
    /// How a lost answer would be settled.
    pub settling: Settling,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub area: Area,
    /// The check, for programs.
    pub check: &'static str,
    /// What was checked, for people: a flow's label, or a word.
    pub subject: String,
    pub mark: Mark,
    /// One sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// Config, variables, manifests.
    Project,
    /// Endpoint, clock, sign-in, sandboxes.
    Service,
    /// The flows of the manifests.
    Flows,
    /// What the service does that is not documented.
    Behaviour,
    /// The place of the state.
    State,
    /// The job that this runs in.
    GitHub,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// As it should be.
    Fine,
    /// Something to know, or what could not be checked.
    Notice,
    /// An apply would not work.
    Fault(Trouble),
}

/// What is wrong, gravest first: each keeps more of the others from being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// Flags, variables, config or manifests.
    Settings,
    /// Sign-in or permission.
    SignIn,
    /// The service does not answer.
    Unreachable,
    /// The state cannot be used.
    State,
    /// Something else would not work.
    WouldNotWork,
}

/// How it would be found out whether a run exists whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Settling {
    /// Nothing to learn from yet.
    #[default]
    Unknown,
    /// By the window that lists show.
    ByWindow,
    /// By the window that a run shows when it is read by its id.
    ByWindowOfEach,
    /// By the order in which our runs were created.
    ByOrder,
    /// By a person.
    ByPerson,
}

impl Finding {
    /// That all is well.
    pub(crate) fn fine(
        area: Area,
        check: &'static str,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            area,
            check,
            subject: subject.into(),
            mark: Mark::Fine,
            message: message.into(),
            advice: None,
        }
    }

    /// That something is to be known.
    pub(crate) fn notice(
        area: Area,
        check: &'static str,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            mark: Mark::Notice,
            ..Self::fine(area, check, subject, message)
        }
    }

    /// That something would not work.
    pub(crate) fn fault(
        trouble: Trouble,
        area: Area,
        check: &'static str,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            mark: Mark::Fault(trouble),
            ..Self::fine(area, check, subject, message)
        }
    }

    /// With what to do about it.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl Diagnosis {
    /// The gravest trouble.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let troubles = self
            .findings
            .iter()
            .filter_map(|finding| match finding.mark {
                Mark::Fault(trouble) => Some(trouble),
                Mark::Fine | Mark::Notice => None,
            });
        troubles.min()
    }

    /// How many checks found faults, things to know, and nothing.
    pub(in crate::report) fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for finding in &self.findings {
            counts[match finding.mark {
                Mark::Fault(_) => 0,
                Mark::Notice => 1,
                Mark::Fine => 2,
            }] += 1;
        }
        counts
    }

    /// `2 faults, 1 notice, 14 fine`.
    pub(in crate::report) fn describe_counts(&self) -> String {
        let [faults, notices, fine] = self.counts();
        format!(
            "{}, {}, {fine} fine",
            number(faults, "fault"),
            number(notices, "notice")
        )
    }
}

impl Area {
    fn heading(self) -> &'static str {
        match self {
            Self::Project => "Settings",
            Self::Service => "Service",
            Self::Flows => "Flows",
            Self::Behaviour => "What the service does",
            Self::State => "State",
            Self::GitHub => "GitHub",
        }
    }
}

impl Settling {
    /// In a sentence without a full stop.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Unknown => "in a way that shows once the flows have runs",
            Self::ByWindow => "by the window that lists show of each run",
            Self::ByWindowOfEach => {
                "by the window that each run shows when it is read by its id: one request for each"
            }
            Self::ByOrder => {
                "by the order in which our runs were created: their windows are not shown"
            }
            Self::ByPerson => "by a person, with `backfill resolve`",
        }
    }
}

/// Writes the diagnosis.
///
/// # Errors
/// When writing fails.
pub(crate) fn write_diagnosis(
    out: &mut dyn Write,
    diagnosis: &Diagnosis,
    layout: Layout,
) -> io::Result<()> {
    // Where it is not read on a screen, a finding is one line.
    let columns = layout.width.map_or(usize::MAX, |_| layout.columns());
    let areas = diagnosis.findings.chunk_by(|a, b| a.area == b.area);
    for findings in areas {
        let Some(first) = findings.first() else {
            continue;
        };
        writeln!(out, "{}", style(first.area.heading()).bold())?;
        let widths = findings
            .iter()
            .map(|finding| measure_text_width(&finding.subject));
        let widest = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
        for finding in findings {
            write_finding(out, finding, widest, columns)?;
        }
        writeln!(out)?;
    }
    let counts = diagnosis.describe_counts();
    if diagnosis.trouble().is_none() {
        let verdict = style("It works here").green().bold();
        return writeln!(out, "{verdict}: {counts}.");
    }
    // On a long screen the faults are far up.
    let faults = diagnosis
        .findings
        .iter()
        .filter(|finding| matches!(finding.mark, Mark::Fault(_)));
    let mut subjects: Vec<&str> = faults.map(|finding| finding.subject.as_str()).collect();
    subjects.dedup();
    let more = subjects.len().saturating_sub(NAMED);
    subjects.truncate(NAMED);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let verdict = style("It would not work here").red().bold();
    let subjects = subjects.join(", ");
    writeln!(out, "{verdict} because of {subjects}{more}: {counts}.")
}

fn write_finding(
    out: &mut dyn Write,
    finding: &Finding,
    widest: usize,
    columns: usize,
) -> io::Result<()> {
    let Finding {
        area: _,
        check: _,
        subject,
        mark,
        message,
        advice,
    } = finding;
    let sign = match mark {
        Mark::Fine => style("✓").green(),
        Mark::Notice => style("!").yellow().bold(),
        Mark::Fault(_) => style("✗").red().bold(),
    };
    let gap = " ".repeat(widest.saturating_sub(measure_text_width(subject)));
    let indent = " ".repeat(4 + widest + 2);
    // The sign is put in afterwards: colour has no width.
    let text = format!("    {subject}{gap}  {message}");
    let lines = wrap(&text, &indent, columns);
    for (n, line) in lines.iter().enumerate() {
        match line.strip_prefix("    ").filter(|_| n == 0) {
            Some(rest) => writeln!(out, "  {sign} {rest}")?,
            None => writeln!(out, "{line}")?,
        }
    }
    if let Some(advice) = advice {
        let lines = wrap(
            &format!("{indent}→ {advice}"),
            &format!("{indent}  "),
            columns,
        );
        super::write_lines(out, &lines)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosis() -> Diagnosis {
        Diagnosis {
            findings: vec![
                Finding::fine(Area::Project, "config", "config", "backfill.yaml"),
                Finding::fault(
                    Trouble::SignIn,
                    Area::Service,
                    "signIn",
                    "sign-in",
                    "no access token: AEP_CLIENT_SECRET is not set",
                )
                .advise("set AEP_ACCESS_TOKEN, or AEP_CLIENT_ID, AEP_CLIENT_SECRET and AEP_SCOPES"),
                Finding::notice(
                    Area::Service,
                    "sandbox",
                    "sandbox prod",
                    "not looked at: there is no token",
                ),
                Finding::fault(
                    Trouble::WouldNotWork,
                    Area::Flows,
                    "flow",
                    "a-flow-with-a-label-that-is-far-too-long",
                    "the flow is scheduled `hour`",
                ),
            ],
            settling: Settling::Unknown,
        }
    }

    #[test]
    fn each_check_is_a_line_with_what_to_do_below() {
        let mut out = Vec::new();
        let layout = Layout {
            verbose: false,
            width: Some(60),
            ..Layout::default()
        };
        write_diagnosis(&mut out, &diagnosis(), layout).expect("memory");
        let text = String::from_utf8(out).expect("text");
        insta::assert_snapshot!(console::strip_ansi_codes(&text), @r"
        Settings
          ✓ config  backfill.yaml

        Service
          ✗ sign-in       no access token: AEP_CLIENT_SECRET is not
                          set
                          → set AEP_ACCESS_TOKEN, or AEP_CLIENT_ID,
                            AEP_CLIENT_SECRET and AEP_SCOPES
          ! sandbox prod  not looked at: there is no token

        Flows
          ✗ a-flow-with-a-label-that-is-far-too-long  the flow is
              scheduled `hour`

        It would not work here because of sign-in, a-flow-with-a-label-that-is-far-too-long: 2 faults, 1 notice, 1 fine.
        ");
    }

    #[test]
    fn the_gravest_trouble_decides() {
        assert_eq!(diagnosis().trouble(), Some(Trouble::SignIn));
        assert_eq!(Diagnosis::default().trouble(), None);
        let order = [
            Trouble::Settings,
            Trouble::SignIn,
            Trouble::Unreachable,
            Trouble::State,
            Trouble::WouldNotWork,
        ];
        assert!(order.is_sorted());
    }
}
