//! Problems as annotations on a pull request: GitHub's workflow commands, a line each.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>
//!
//! GitHub keeps 10 errors and 10 warnings of a step and drops the rest without a word, so the
//! first of each are written, errors first, and a notice counts what is left. Everything that
//! comes from a manifest or a file's name is escaped: a line is one command, and not another one.

use std::borrow::Cow;
use std::io::{self, Write};

use super::plain;
use super::problems::{Bounded, Counts, bound};
use crate::manifest::{Checked, Place, Problem, Severity};

/// Annotations of one severity that GitHub keeps of a step.
const KEPT: usize = 10;
/// Characters of a part of a message: a value of a manifest may be megabytes long.
const LONGEST: usize = 1_000;

/// Writes at most `most` of the problems, worst first, and a notice of the rest.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_annotations(out: &mut dyn Write, checked: &Checked, most: usize) -> io::Result<()> {
    let Bounded { shown, .. } = bound(checked, most);
    let mut written = Vec::new();
    for severity in [Severity::Error, Severity::Warning] {
        let of_it = shown
            .iter()
            .filter(|problem| problem.severity() == severity);
        for problem in of_it.take(KEPT) {
            writeln!(out, "{}", annotation(problem))?;
            written.push(*problem);
        }
    }
    let rest = Counts::in_all(checked).less(Counts::of(written));
    if !rest.is_zero() {
        let text = format!("{rest} more in the manifests; `backfill validate` shows them");
        writeln!(out, "::notice title=backfill::{}", message(&text))?;
    }
    Ok(())
}

fn annotation(problem: &Problem) -> String {
    let place = &problem.place;
    let file: &str = place.file.strip_prefix("./").unwrap_or(&place.file);
    let mut lines = vec![plain(&problem.message, LONGEST)];
    for Place { file, span, label } in &problem.related {
        let (label, file) = (plain(label, LONGEST), plain(file, LONGEST));
        lines.push(format!("{file}:{}: {label}", span.line));
    }
    if let Some(hint) = &problem.hint {
        lines.push(format!("help: {}", plain(hint, LONGEST)));
    }
    format!(
        "::{} file={},line={},col={},title={}::{}",
        problem.severity().as_str(),
        property(file),
        place.span.line,
        place.span.column,
        property(problem.rule.code()),
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
    use crate::run::UnixSeconds;

    fn written(name: &str, text: &str, most: usize) -> String {
        let sources = Sources::from_texts([(name, text)]);
        let now = UnixSeconds::new(1_764_000_000).expect("in range");
        let checked = check(&sources, &Rules::at(now));
        let mut out = Vec::new();
        write_annotations(&mut out, &checked, most).expect("memory can be written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn an_annotation_names_place_code_message_and_hint() {
        let text = "version: 1\nflowId: 3abea21c-7e36-4be1-bec1-d3bad0e3e0de\nsandbox: Prod\n\
                    source: file\nruns: [{ windowStartTime: 1651584991, windowEndTime: 1651585956 }]\n";
        insta::assert_snapshot!(written("./manifests/a.yaml", text, 100), @"::error file=manifests/a.yaml,line=3,col=10,title=BF011::`Prod` is not a sandbox name: expected lower-case letters, digits and hyphens%0Ahelp: did you mean `prod`? The API wants the name, not the title");
    }

    #[test]
    fn a_hostile_name_stays_a_property_and_a_hostile_field_a_message() {
        let text = "version: 1\n\"a%0A::set-output name=x::y\\r\\n::error::z, b:c\": 1\n";
        let out = written("m,line=1::error file=x%0A\n::warning::y\r.yaml", text, 100);
        for line in out.lines() {
            assert!(line.starts_with("::error file=m%2Cline=1%3A%3Aerror file=x%250A%0A%3A%3Awarning%3A%3Ay%0D.yaml,line="), "{line}");
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
        assert!(out.ends_with("::notice title=backfill::4 errors and 2 warnings more in the manifests; `backfill validate` shows them\n"), "{out}");
        assert_eq!(written("m.yaml", &text, 3).lines().count(), 4);
    }
}
