//! Draws problems as the Rust compiler draws its own: code, message, place, excerpt, help.
//!
//! Takes problems and the texts they speak of; gives text, coloured or not. Only the lines
//! around a place are handed to the drawing, so a problem costs the same in a file of ten lines
//! and of 200,000. Control characters in what users wrote become visible and harmless.

use annotate_snippets::{
    AnnotationKind, Group, Level, Origin, Renderer, Snippet, renderer::DecorStyle,
};

use super::find::Sources;
use super::problem::{Problem, Severity, SourcePlace};
use super::yaml::Span;
use crate::untrusted::{can_act, harmless};

/// The column beyond which no excerpt is drawn: nobody could read it, and it would cost much.
const LAST_COLUMN: u32 = 10_000;
/// Bytes shown of a line after the place, and at most of the line before it.
const REACH: usize = 200;

/// Draws one problem, without a line end after it.
#[must_use]
pub fn render(problem: &Problem, sources: &Sources, colour: bool) -> String {
    let level = match problem.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(harmless(&problem.message))
        .id(problem.rule.code());
    let mut group = draw(
        Group::with_title(title),
        &problem.place,
        sources.text(&problem.place.file),
        AnnotationKind::Primary,
    );
    for place in &problem.related {
        let text = sources.text(&place.file);
        group = draw(group, place, text, AnnotationKind::Context);
    }
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(harmless(hint)));
    }
    unarmed(renderer(colour).render(&[group]))
}

/// Without a mark that the runner of a GitHub workflow, or the agent of Azure Pipelines, obeys wherever it
/// stands in a line. (The other one, `::`, has to begin a line, and nothing that a user wrote does here.)
fn unarmed(mut drawn: String) -> String {
    for mark in ["##[", "##vso["] {
        if drawn.contains(mark) {
            drawn = drawn.replace(mark, &mark.replacen('#', "\\u{23}", 1));
        }
    }
    drawn
}

/// Draws all of `problems`, an empty line after each.
#[must_use]
pub fn render_all(problems: &[Problem], sources: &Sources, colour: bool) -> String {
    let mut text = String::new();
    for problem in problems {
        text.push_str(&render(problem, sources, colour));
        text.push_str("\n\n");
    }
    text
}

/// Draws the place in `text` of an error that knows no rule.
pub(super) fn plain_excerpt(name: &str, span: Span, text: &str) -> String {
    let group = Group::with_title(Level::ERROR.no_name().primary_title(""));
    let place = SourcePlace {
        file: name.into(),
        span,
        label: String::new(),
    };
    let group = draw(group, &place, Some(text), AnnotationKind::Primary);
    unarmed(renderer(false).render(&[group]))
        .trim_start_matches('\n')
        .to_owned()
}

fn renderer(colour: bool) -> Renderer {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.decor_style(DecorStyle::Ascii)
}

fn draw<'p>(
    group: Group<'p>,
    place: &'p SourcePlace,
    text: Option<&str>,
    kind: AnnotationKind,
) -> Group<'p> {
    let SourcePlace { file, span, label } = place;
    let Some(Excerpt {
        lines,
        first_line,
        start,
        end,
    }) = text.and_then(|text| Excerpt::of(text, *span))
    else {
        let origin = Origin::path(harmless(file))
            .line(span.line as usize)
            .char_column(span.column as usize);
        return group.element(origin);
    };
    let annotation = match label.as_str() {
        "" => kind.span(start..end),
        label => kind.span(start..end).label(harmless(label)),
    };
    let snippet = Snippet::source(lines)
        .path(harmless(file))
        .line_start(first_line)
        .fold(false)
        .annotation(annotation);
    group.element(snippet)
}

/// The lines around a place, cut to what fits a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    lines: String,
    first_line: usize,
    /// The place, within `lines`.
    start: usize,
    end: usize,
}

impl Excerpt {
    /// Cuts the line of `span`, and the one before it, out of `text`.
    fn of(text: &str, span: Span) -> Option<Self> {
        if text.is_empty() || span.column > LAST_COLUMN {
            return None;
        }
        let at = floor(text, span.start as usize);
        let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        // A place of many lines is shown by its first.
        let reach = floor(text, at + REACH);
        let line_end = text[at..reach].find('\n').map_or(reach, |n| at + n);
        let end = floor(text, span.end as usize).clamp(at, line_end);
        let end = at + text[at..end].trim_end().len();

        let before = line
            .checked_sub(1)
            .and_then(|newline| short_line_before(text, newline))
            .filter(|before| !before.trim().is_empty());
        let (from, first_line) = match before {
            Some(before) => (line - 1 - before.len(), span.line.saturating_sub(1)),
            None => (line, span.line),
        };
        let line_end = from + text[from..line_end].trim_end_matches('\r').len();
        // A place at the line's end may stand on the `\r` that was cut.
        let (at, end) = (at.min(line_end), end.min(line_end));
        let mut lines = seen(&text[from..at]);
        let start = lines.len();
        lines.push_str(&seen(&text[at..end]));
        let end_seen = lines.len();
        lines.push_str(&seen(&text[end..line_end]));
        Some(Self {
            start,
            end: end_seen,
            lines,
            first_line: first_line.max(1) as usize,
        })
    }
}

/// `text` with a sign in place of each character that would hide or reorder what is beside it; the
/// drawing has signs for control characters itself.
fn seen(text: &str) -> String {
    let hides = |c: char| can_act(c) && !c.is_control();
    text.chars()
        .map(|c| {
            if hides(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

/// The line that ends with the line end at `newline`, unless it is long.
fn short_line_before(text: &str, newline: usize) -> Option<&str> {
    let from = floor(text, newline.saturating_sub(REACH));
    match text[from..newline].rfind('\n') {
        Some(end) => Some(&text[from + end + 1..newline]),
        None => (from == 0).then(|| &text[..newline]),
    }
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::problem::Rule;
    use crate::manifest::yaml::span_at;

    fn drawn(text: &str, place: &str, colour: bool) -> String {
        let sources = Sources::from_texts([("manifests/x.yaml", text)]);
        let at = text.find(place).expect("it is there");
        let span = span_at(text, at, place.len());
        let problem = Problem::new(
            Rule::Sandbox,
            &"manifests/x.yaml".into(),
            span,
            "is \u{1b}[31m",
        )
        .label("not\rthis")
        .related(&"manifests/x.yaml".into(), span_at(text, 0, 7), "of this")
        .hint("write\nit small");
        render(&problem, &sources, colour)
    }

    #[test]
    fn a_problem_is_drawn_as_the_compiler_draws_and_nothing_of_it_can_steer_a_terminal() {
        let text = "version: 1\n\nsandbox: Ma\u{f1}ana\u{202e}\t# \u{7}\n";
        insta::assert_snapshot!(drawn(text, "Ma\u{f1}ana", false), @r"
        error[BF011]: is \u{1b}[31m
         --> manifests/x.yaml:3:10
          |
        3 | sandbox: Mañana�    # ␇
          |          ^^^^^^ not\rthis
          |
         ::: manifests/x.yaml:1:1
          |
        1 | version: 1
          | ------- of this
          |
          = help: write\nit small
        ");
        assert!(drawn(text, "Ma\u{f1}ana", true).contains("\u{1b}["));
    }

    #[test]
    fn what_hides_or_reorders_text_is_seen_in_an_excerpt_and_in_a_message() {
        for c in [
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{202e}',
            '\u{206f}',
            '\u{fffb}',
            '\u{e0041}',
        ] {
            let text = format!("version: 1\nsandbox: a{c}b # {c}\n");
            let sources = Sources::from_texts([("manifests/x.yaml", &*text)]);
            let at = text.find(c).expect("it is there");
            let span = span_at(&text, at, c.len_utf8());
            let problem = Problem::new(
                Rule::Sandbox,
                &"manifests/x.yaml".into(),
                span,
                format!("is a{c}b"),
            );
            let drawn = render(&problem, &sources, false);
            assert!(!drawn.contains(c), "{drawn}");
            assert!(
                drawn.contains("2 | sandbox: a\u{fffd}b # \u{fffd}"),
                "{drawn}"
            );
            assert!(
                drawn.contains(&format!("is a{}b", c.escape_default())),
                "{drawn}"
            );
        }
    }

    #[test]
    fn a_place_far_out_in_a_line_is_named_without_an_excerpt() {
        let text = format!("version: 1\na: {}Prod", "x".repeat(20_000));
        assert!(drawn(&text, "Prod", false).contains("manifests/x.yaml:2:20004"));
        let text = format!("version: 1\na: Prod{}", "x".repeat(20_000));
        assert!(drawn(&text, "Prod", false).len() < 1_000);
    }

    #[test]
    fn a_place_of_many_lines_or_at_the_end_is_drawn_at_its_first() {
        for (start, end) in [(0, 30), (11, 11), (30, 30), (500, 900)] {
            let text = "version: 1\r\nruns:\r\n  - a\r\n  - b";
            let span = Span {
                start,
                end,
                line: 1,
                column: 1,
            };
            let excerpt = Excerpt::of(text, span).expect("there is text");
            assert!(!excerpt.lines[excerpt.start..excerpt.end].contains('\n'));
        }
    }
}
