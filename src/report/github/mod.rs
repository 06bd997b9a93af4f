//! Annotations on a pull request: GitHub's workflow commands, a line each.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>
//!
//! GitHub keeps 10 errors, 10 warnings and 10 notices of a step and drops the rest without a word,
//! so the first of each are written, errors first, and a notice counts what is left. Everything
//! that comes from a manifest, a file's name or the service is escaped: a line is one command, and
//! not another one.

mod found;
mod outputs;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

pub(super) use found::{FoundWindows, annotate_plan, first_origins};
pub(crate) use found::{annotate_conflicts, annotate_problems};
pub(crate) use outputs::{Outputs, write_output};

use super::plain;
use super::problems::ProblemCounts;
use crate::manifest::Severity;
use crate::run::Origin;

/// Annotations of one severity that GitHub keeps of a step.
const KEPT: usize = 10;
/// Characters of a part of a message: a value of a manifest may be megabytes long.
const LONGEST: usize = 1_000;

/// Something that is wrong, at a line of a file if it stands in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Annotation {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is, if it is anywhere.
    pub spot: Option<AnnotationPlace>,
    /// A few words, or a code.
    pub title: String,
    /// What is wrong, line by line.
    pub lines: Vec<String>,
}

impl Annotation {
    /// A warning that is about no file.
    #[must_use]
    pub(crate) fn warning(text: String) -> Self {
        Self {
            severity: Severity::Warning,
            spot: None,
            title: "backfill".to_owned(),
            lines: vec![text],
        }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnnotationPlace {
    /// The file, as this program was told of it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, where it is known.
    pub column: Option<u32>,
}

impl From<&Origin> for AnnotationPlace {
    fn from(origin: &Origin) -> Self {
        Self {
            file: origin.manifest.to_string(),
            line: origin.line,
            column: None,
        }
    }
}

/// Writes the first ten errors, the first ten warnings, and a notice of all others; `unlisted` are
/// others that were not even given. `locate` makes of a file's name its path in the repository.
///
/// # Errors
/// When `out` cannot be written.
pub(crate) fn write_annotations(
    out: &mut dyn Write,
    annotations: &[Annotation],
    unlisted: ProblemCounts,
    locate: impl Fn(&str) -> String,
) -> io::Result<()> {
    let mut rest = unlisted;
    for severity in [Severity::Error, Severity::Warning] {
        let of_it = annotations.iter().filter(|one| one.severity == severity);
        for (n, annotation) in of_it.enumerate() {
            if n < KEPT {
                writeln!(out, "{}", command(annotation, &locate))?;
            } else {
                rest.add(severity);
            }
        }
    }
    if !rest.is_zero() {
        let text = format!("{rest} more than GitHub shows of a step: its log and its summary tell");
        writeln!(out, "::notice title=backfill::{}", message(&text))?;
    }
    Ok(())
}

/// Begins a group of lines of a log, which is folded; [`END_GROUP`] ends it.
#[must_use]
pub(crate) fn begin_group(title: &str) -> String {
    format!("::group::{}", message(&plain(title, LONGEST)))
}

/// Ends a group of lines of a log.
pub(crate) const END_GROUP: &str = "::endgroup::";

/// A notice, which is no problem.
#[must_use]
pub(crate) fn notice(text: &str) -> String {
    format!(
        "::notice title=backfill::{}",
        message(&plain(text, LONGEST))
    )
}

fn command(annotation: &Annotation, locate: impl Fn(&str) -> String) -> String {
    let Annotation {
        severity,
        spot,
        title,
        lines,
    } = annotation;
    let mut properties = String::new();
    if let Some(AnnotationPlace { file, line, column }) = spot {
        // One that could act on the log names no file then, but acts on none.
        let file = plain(&locate(file), LONGEST);
        properties = format!("file={},line={line},", property(&file));
        if let Some(column) = column {
            let _ = write!(properties, "col={column},");
        }
    }
    let lines: Vec<String> = lines.iter().map(|line| plain(line, LONGEST)).collect();
    format!(
        "::{} {properties}title={}::{}",
        severity.as_str(),
        property(&plain(title, LONGEST)),
        message(&lines.join("\n"))
    )
}

/// `text` as the message of a command.
fn message(text: &str) -> Cow<'_, str> {
    escape(text, &['%', '\r', '\n'])
}

/// `text` as a property of a command, which also ends at `:` and `,`.
fn property(text: &str) -> Cow<'_, str> {
    escape(text, &['%', '\r', '\n', ':', ','])
}

fn escape<'t>(text: &'t str, reserved: &[char]) -> Cow<'t, str> {
    if !text.contains(reserved) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            ':' if reserved.contains(&':') => out.push_str("%3A"),
            ',' if reserved.contains(&',') => out.push_str("%2C"),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Rules, Sources, check};
    use crate::report::bound;
    use crate::run::UnixSeconds;

    fn written(name: &str, text: &str, most: usize) -> String {
        let sources = Sources::from_texts([(name, text)]);
        let now = UnixSeconds::new(1_764_000_000).expect("in range");
        let checked = check(&sources, &Rules::at(now));
        let bounded = bound(&checked, most);
        let mut out = Vec::new();
        let annotations = annotate_problems(bounded.shown);
        write_annotations(&mut out, &annotations, bounded.rest, ToOwned::to_owned)
            .expect("memory can be written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn an_annotation_names_place_code_message_and_hint() {
        let text = "version: 1\nflowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\nsandbox: Prod\n\
                    source: file\nruns: [{ windowStartTime: 1651584991, windowEndTime: 1651585956 }]\n";
        insta::assert_snapshot!(written("manifests/a.yaml", text, 100), @"::error file=manifests/a.yaml,line=3,col=10,title=BF011::`Prod` is not a sandbox name: expected lower-case letters, digits and hyphens%0Ahelp: write its name, not its title; the list of sandboxes shows both");
    }

    #[test]
    fn a_hostile_name_stays_a_property_and_a_hostile_field_a_message() {
        let text = "version: 1\n\"a%0A::set-output name=x::y\\r\\n::error::z, b:c\": 1\n";
        let out = written("m,line=1::error file=x%0A\n::warning::y\r.yaml", text, 100);
        for line in out.lines() {
            assert!(line.starts_with(r"::error file=m%2Cline=1%3A%3Aerror file=x%250A\n\u{3a}%3Awarning%3A%3Ay\r.yaml,line="), "{line}");
        }
        assert!(!out.contains('\r'));
        let hostile = out.lines().find(|line| line.contains("set-output"));
        let said = hostile
            .expect("it is reported")
            .splitn(3, "::")
            .nth(2)
            .expect("a message");
        assert!(
            said.starts_with(
                r"a manifest has no field `a%250A::set-output name=x::y\r\n\u{3a}:error::z, b:c`"
            ),
            "{said}"
        );
    }

    #[test]
    fn what_is_escaped_can_be_read_back_by_githubs_own_rules() {
        for text in [
            "",
            "plain",
            "%",
            "%25",
            "%0A",
            "a\r\nb",
            "::error::",
            "a,b:c",
            "ü%\n",
        ] {
            let back = |text: &str| {
                text.replace("%0D", "\r")
                    .replace("%0A", "\n")
                    .replace("%3A", ":")
                    .replace("%2C", ",")
                    .replace("%25", "%")
            };
            assert_eq!(back(&property(text)), text);
            assert_eq!(back(&message(text)), text);
            assert!(!property(text).contains([':', ',', '\r', '\n']));
            assert!(!message(text).contains(['\r', '\n']));
        }
    }

    #[test]
    fn ten_of_each_severity_are_written_errors_first_and_the_rest_is_counted() {
        let mut text = "version: 1\nflowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\n\
                        sandbox: prod\nsource: file\nruns:\n"
            .to_owned();
        let run = "- { windowStartTime: 1651584991, windowEndTime: 1651585956 }\n";
        text.push_str(&run.repeat(13));
        let slips: Vec<_> = (0..14).map(|n| format!("slip{n}: 1\n")).collect();
        text.push_str(&slips.concat());
        let out = written("m.yaml", &text, 100);
        let words: Vec<_> = out.lines().map(|line| &line[2..7]).collect();
        assert_eq!(
            words,
            [["error"; 10], ["warni"; 10]]
                .concat()
                .into_iter()
                .chain(["notic"])
                .collect::<Vec<_>>()
        );
        assert!(out.ends_with("::notice title=backfill::4 errors and 2 warnings more than GitHub shows of a step: its log and its summary tell\n"), "{out}");
        assert_eq!(written("m.yaml", &text, 3).lines().count(), 4);
    }

    #[test]
    fn a_problem_of_no_file_has_no_place_and_a_title_cannot_end_the_properties() {
        let annotation = Annotation {
            severity: Severity::Error,
            spot: None,
            title: "a,b::c".to_owned(),
            lines: vec!["one\n::error::two".to_owned(), "three".to_owned()],
        };
        let mut out = Vec::new();
        let none = ProblemCounts::default();
        write_annotations(&mut out, &[annotation], none, ToOwned::to_owned).expect("written");
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "::error title=a%2Cb%3A%3Ac::one\\n\\u{3a}:error::two%0Athree\n"
        );
    }
}
