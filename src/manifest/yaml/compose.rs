//! Composes documents from parser events: anchors, aliases and merge keys are resolved,
//! duplicate keys and other faults are reported, and what can still be read is kept.
//!
//! Takes a text; gives the documents that could be read, and adds a problem for each thing that
//! could not. A syntax error costs its own document, never the next. Bounded for hostile input:
//! nodes are counted as if every alias were written out, so that no walk over a tree can be
//! longer than [`MAX_NODES`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::syntax::{hint, look_alike_near, tab_in_indent};
use super::{MapEntry, Node, NodeKind, Scalar, Span, Value, offset, within};
use crate::manifest::problem::{Problem, Problems, Rule};
use crate::manifest::show::short;

/// Nodes of a file, aliases written out: twice what 200,000 lines of windows need.
const MAX_NODES: usize = 1_000_000;
/// Bytes of a value: an alias repeats it wherever it stands, and messages quote it.
const MAX_SCALAR: usize = 4096;
/// Collections within collections; a manifest needs four.
const MAX_DEPTH: usize = 64;
/// Broken documents of a file that are told; a file with more is no manifest.
const MAX_BROKEN: usize = 1_000;

/// Reads the documents of `text`, leaving out empty ones, and reports what is wrong with it.
pub(in crate::manifest) fn parse<'a>(text: &'a str, problems: &mut Problems) -> Vec<Node<'a>> {
    if let Some(at) = text.find('\0') {
        let hint = "is it really a text file? UTF-16 is not read, only UTF-8";
        let span = span_at(text, at, 1);
        problems.report(Rule::Yaml, span, "the file has a NUL byte", hint);
        return Vec::new();
    }
    let mut options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        emit_unresolved_aliases: true,
    };
    options.set_emit_comments(false);
    let mut composer = Composer {
        parser: Parser::new_from_str_with_options(text, options),
        problems,
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut documents = Vec::new();
    let mut broken = 0;
    loop {
        match composer.document() {
            Ok(Some(node)) => documents.push(node),
            Ok(None) => break,
            Err(Stop::Syntax(error)) => {
                composer.report_syntax(text, &error);
                broken += 1;
                let goes_on = broken < MAX_BROKEN
                    && matches!(composer.parser.proceed_next_document(), Ok(true));
                if !goes_on {
                    break;
                }
            }
            Err(Stop::TooLarge(span)) => {
                let message =
                    format!("more than {MAX_NODES} values in one file, aliases written out");
                let hint = "split the file, or write windows by rule under `ranges`";
                problems.report(Rule::TooLarge, span, message, hint);
                break;
            }
        }
    }
    documents.retain(|node| !matches!(&node.value, Value::Scalar(s) if s.kind() == NodeKind::Null));
    documents
}

/// Why a document is given up.
enum Stop {
    Syntax(ScanError),
    /// The file has too many values: the last one.
    TooLarge(Span),
}

struct Composer<'p, 'a> {
    parser: Parser<'a, StrInput<'a>>,
    problems: &'p mut Problems,
    /// Each anchored node, and how many nodes it is.
    anchors: HashMap<usize, (Node<'a>, usize)>,
    /// Nodes so far, aliases written out.
    nodes: usize,
}

impl<'a> Composer<'_, 'a> {
    fn document(&mut self) -> Result<Option<Node<'a>>, Stop> {
        self.anchors.clear();
        while let Some((event, span)) = self.next()? {
            if !matches!(
                event,
                Event::StreamStart
                    | Event::StreamEnd
                    | Event::DocumentStart(..)
                    | Event::DocumentEnd
            ) {
                return self.node(event, span).map(Some);
            }
        }
        Ok(None)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Stop> {
        let next = self.parser.next_event().transpose().map_err(Stop::Syntax)?;
        Ok(next.map(|(event, at)| (event, span(at))))
    }

    /// The node that begins with `event`. The parser bounds how deep it goes.
    fn node(&mut self, event: Event<'a>, mut span: Span) -> Result<Node<'a>, Stop> {
        let (before, at) = (self.nodes, span);
        self.nodes += 1;
        let mut alias = None;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let as_text = self.is_tagged_text(tag.as_deref(), span);
                let plain = style == ScalarStyle::Plain && !as_text;
                (self.scalar(text, plain, span), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.is_tagged_text(tag.as_deref(), span);
                (self.sequence(&mut span)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.is_tagged_text(tag.as_deref(), span);
                (self.mapping(&mut span)?, anchor)
            }
            Event::Alias(id) => {
                if let Some((node, nodes)) = self.anchors.get(&id) {
                    self.nodes = before.saturating_add(*nodes);
                    alias = Some(Box::new(at));
                    span = node.span;
                    (node.value.clone(), 0)
                } else {
                    // The anchor's own collection is still open.
                    let message = "this alias is inside of what it stands for";
                    self.report(span, message, "write out what is meant");
                    (Value::Unreadable, 0)
                }
            }
            Event::UnresolvedAlias(name) => {
                let message = format!("no anchor `&{}`", short(&name));
                let hint = "an anchor must come before its alias, in the same document";
                self.report(span, message, hint);
                (Value::Unreadable, 0)
            }
            _ => (Value::Unreadable, 0),
        };
        if self.nodes > MAX_NODES {
            return Err(Stop::TooLarge(at));
        }
        let node = Node { value, span, alias };
        if anchor != 0 {
            let nodes = self.nodes - before;
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
        Ok(node)
    }

    fn scalar(&mut self, text: Cow<'a, str>, plain: bool, span: Span) -> Value<'a> {
        if text.len() <= MAX_SCALAR {
            return Value::Scalar(Scalar { text, plain });
        }
        let message = format!("a value of {} bytes; {MAX_SCALAR} are allowed", text.len());
        let hint = "is a quote before it left open?";
        self.problems.report(Rule::TooLarge, span, message, hint);
        Value::Unreadable
    }

    /// The rest of a sequence; `span` is made to reach to its end.
    fn sequence(&mut self, span: &mut Span) -> Result<Value<'a>, Stop> {
        let mut items = Vec::new();
        while let Some((event, at)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                span.end = span.end.max(at.end);
                break;
            }
            items.push(self.node(event, at)?);
        }
        Ok(Value::Sequence(Rc::new(items)))
    }

    /// The rest of a mapping; `span` is made to reach to its end.
    fn mapping(&mut self, span: &mut Span) -> Result<Value<'a>, Stop> {
        let mut fields = Fields::default();
        let mut merges = Vec::new();
        while let Some((event, at)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                span.end = span.end.max(at.end);
                break;
            }
            let key = self.node(event, at)?;
            let Some((event, at)) = self.next()? else {
                break;
            };
            let node = self.node(event, at)?;
            let key_span = key.used_at();
            match key.value {
                Value::Scalar(key) if key.plain && key.text == "<<" => merges.push(node),
                Value::Scalar(Scalar { text: key, .. }) => {
                    if let Some(first) = fields.get(&key) {
                        let message = format!("`{}` is written twice in one mapping", short(&key));
                        self.problems.report_two(
                            Rule::DuplicateKey,
                            key_span,
                            message,
                            (first.key_span, "first here"),
                            "keep one of the two",
                        );
                    } else {
                        fields.insert(MapEntry {
                            key,
                            key_span,
                            node,
                        });
                    }
                }
                Value::Unreadable => {}
                Value::Sequence(_) | Value::Mapping(_) => {
                    let message = "a key must be a single word, not a collection";
                    self.report(key_span, message, "is a line before it, or a `: `, amiss?");
                }
            }
        }
        for merged in &merges {
            self.merge(&mut fields, merged, true);
        }
        Ok(Value::Mapping(Rc::new(fields.entries)))
    }

    /// Adds the fields of a `<<` value that the mapping does not have itself.
    fn merge(&mut self, into: &mut Fields<'a>, node: &Node<'a>, lists: bool) {
        match &node.value {
            Value::Mapping(entries) => {
                self.nodes = self.nodes.saturating_add(entries.len());
                if self.nodes > MAX_NODES {
                    return;
                }
                for entry in entries.iter() {
                    if into.get(&entry.key).is_none() {
                        into.insert(entry.clone());
                    }
                }
            }
            Value::Sequence(items) if lists => {
                for item in items.iter() {
                    self.merge(into, item, false);
                }
            }
            Value::Unreadable => {}
            _ => self.report(
                node.used_at(),
                "`<<` takes a mapping, or a list of mappings",
                "write `<<: *NAME`, where `&NAME` stands before a mapping further up",
            ),
        }
    }

    /// Whether the tag says text; a tag that YAML itself does not define is refused.
    fn is_tagged_text(&mut self, tag: Option<&Tag>, at: Span) -> bool {
        let Some(tag) = tag else { return false };
        match tag.core_suffix() {
            Some(suffix) => suffix == "str",
            None if tag.suffix().is_empty() => true,
            None => {
                let message = format!("the tag `{}` means nothing here", short(&tag.original()));
                self.report(at, message, "leave the tag away");
                false
            }
        }
    }

    fn report_syntax(&mut self, text: &str, error: &ScanError) {
        let mark = error.marker();
        let width = text
            .get(mark.byte_offset().unwrap_or(0)..)
            .and_then(|rest| rest.chars().next())
            .map_or(0, char::len_utf8);
        let mut span = span(granit_parser::Span::empty(*mark));
        span.end = span.start + offset(width);
        if let Some(tab) = tab_in_indent(text, span) {
            let message = "not valid YAML: a line is indented with a tab";
            return self.report(tab, message, "indent with spaces only");
        }
        let kind = error.kind().to_string();
        let file = &self.problems.file;
        let mut problem = Problem::new(Rule::Yaml, file, span, format!("not valid YAML: {kind}"));
        if let Some((place, found)) = look_alike_near(text, span) {
            let meant = found.meant();
            let hint = format!("{found} stands where {meant} belongs: type it anew");
            problem = problem.related(file, place, found.to_string()).hint(hint);
        } else if let Some(hint) = hint(&kind) {
            problem = problem.hint(hint);
        }
        self.problems.push(problem);
    }

    fn report(&mut self, span: Span, message: impl Into<String>, hint: &str) {
        self.problems.report(Rule::Yaml, span, message, hint);
    }
}

/// The fields of a mapping so far. A key is looked up in constant time, so that a hostile mapping of a
/// million keys costs no more than a friendly one.
#[derive(Default)]
struct Fields<'a> {
    entries: Vec<MapEntry<'a>>,
    by_key: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<&MapEntry<'a>> {
        self.by_key.get(key).map(|&at| &self.entries[at])
    }

    fn insert(&mut self, entry: MapEntry<'a>) {
        self.by_key.insert(entry.key.clone(), self.entries.len());
        self.entries.push(entry);
    }
}

fn span(at: granit_parser::Span) -> Span {
    let start = offset(at.start.byte_offset().unwrap_or(0));
    Span {
        start,
        end: offset(at.end.byte_offset().unwrap_or(0)).max(start),
        line: offset(at.start.line()),
        column: offset(at.start.col() + 1),
    }
}

/// The span of `length` bytes from byte `at` of `text`.
pub(in crate::manifest) fn span_at(text: &str, at: usize, length: usize) -> Span {
    let whole = Span {
        line: 1,
        column: 1,
        ..Span::default()
    };
    within(whole, text, at, length)
}
