//! Composes documents from parser events: anchors, aliases and merge keys are resolved,
//! duplicate keys and other faults are reported, and what can still be read is kept.
//!
//! Takes a text; gives the documents that could be read, and adds a problem for each thing that
//! could not. A syntax error costs its own document, never the next. Bounded for hostile input:
//! nodes are counted as if every alias were written out, so that no walk over a tree can be
//! longer than [`MAX_NODES`].

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, Tag};

use super::fields::{Fields, Pending};
use super::syntax::{hint, look_alike_near, tab_in_indent};
use super::{MapEntry, Node, Scalar, Span, Value, offset, within};
use crate::manifest::problem::{Problem, Problems, Reporter, Rule};
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
pub(in crate::manifest) fn parse<'a>(
    file: &Arc<str>,
    text: &'a str,
    problems: &mut Problems,
) -> Vec<Node<'a>> {
    let mut reporter = Reporter { file, problems };
    if let Some(at) = text.find('\0') {
        let hint = "is it really a text file? UTF-16 is not read, only UTF-8";
        let span = span_at(text, at, 1);
        reporter.report(Rule::Yaml, span, "the file has a NUL byte", hint);
        return Vec::new();
    }
    let mut options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        emit_unresolved_aliases: true,
    };
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut composer = Composer {
        reporter,
        documents: Vec::new(),
        frames: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut broken = 0;
    while let Some(next) = parser.next_event() {
        match next {
            Ok((event, span)) => {
                composer.take(event, span);
                if composer.nodes > MAX_NODES {
                    composer.refuse_size(span);
                    break;
                }
            }
            Err(error) => {
                composer.abandon(text, &error);
                broken += 1;
                if broken == MAX_BROKEN || !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    composer.documents
}

struct Composer<'p, 'a> {
    reporter: Reporter<'p>,
    documents: Vec<Node<'a>>,
    frames: Vec<Frame<'a>>,
    anchors: HashMap<usize, Anchored<'a>>,
    /// Nodes so far, aliases written out.
    nodes: usize,
}

struct Anchored<'a> {
    node: Node<'a>,
    /// Its nodes, itself included.
    nodes: usize,
}

/// A collection that is still open.
struct Frame<'a> {
    span: Span,
    anchor: usize,
    /// The count of nodes when it opened.
    nodes_before: usize,
    items: Items<'a>,
}

enum Items<'a> {
    Sequence(Vec<Node<'a>>),
    Mapping(Fields<'a>),
}

impl<'a> Composer<'_, 'a> {
    fn take(&mut self, event: Event<'a>, at: granit_parser::Span) {
        let span = span(at);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.nodes += 1;
                let as_text = self.is_tagged_text(tag.as_deref(), span);
                let plain = style == ScalarStyle::Plain && !as_text;
                let value = if text.len() > MAX_SCALAR {
                    self.refuse_scalar(text.len(), span);
                    Value::Unreadable
                } else {
                    Value::Scalar(Scalar { text, plain })
                };
                let node = node(value, span);
                self.anchor(anchor, &node, 1);
                self.place(node);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.is_tagged_text(tag.as_deref(), span);
                self.open(span, anchor, Items::Sequence(Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                self.is_tagged_text(tag.as_deref(), span);
                self.open(span, anchor, Items::Mapping(Fields::default()));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end),
            Event::Alias(id) => {
                let node = if let Some(Anchored { node, nodes }) = self.anchors.get(&id) {
                    self.nodes = self.nodes.saturating_add(*nodes);
                    Node {
                        alias: Some(Box::new(span)),
                        ..node.clone()
                    }
                } else {
                    // The anchor's own collection is still open.
                    let message = "this alias is inside of what it stands for";
                    self.report(span, message, "write out what is meant");
                    node(Value::Unreadable, span)
                };
                self.place(node);
            }
            Event::UnresolvedAlias(name) => {
                self.nodes += 1;
                let message = format!("no anchor `&{}`", short(&name));
                let hint = "an anchor must come before its alias, in the same document";
                self.report(span, message, hint);
                self.place(node(Value::Unreadable, span));
            }
            Event::DocumentStart(..) | Event::DocumentEnd => {
                self.frames.clear();
                self.anchors.clear();
            }
            _ => {}
        }
    }

    fn open(&mut self, span: Span, anchor: usize, items: Items<'a>) {
        self.frames.push(Frame {
            span,
            anchor,
            nodes_before: self.nodes,
            items,
        });
        self.nodes += 1;
    }

    fn close(&mut self, end: u32) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        let value = match frame.items {
            Items::Sequence(items) => Value::Sequence(Rc::new(items)),
            Items::Mapping(mut fields) => {
                for merged in std::mem::take(&mut fields.merges) {
                    self.merge(&mut fields, &merged, true);
                }
                Value::Mapping(Rc::new(fields.entries))
            }
        };
        let span = Span {
            end: end.max(frame.span.end),
            ..frame.span
        };
        let node = node(value, span);
        self.anchor(frame.anchor, &node, self.nodes - frame.nodes_before);
        self.place(node);
    }

    fn anchor(&mut self, id: usize, node: &Node<'a>, nodes: usize) {
        if id != 0 {
            let node = node.clone();
            self.anchors.insert(id, Anchored { node, nodes });
        }
    }

    /// Puts a finished node where it belongs: into the open collection, or among the documents.
    fn place(&mut self, node: Node<'a>) {
        let Some(frame) = self.frames.last_mut() else {
            if !matches!(&node.value, Value::Scalar(s) if s.kind() == super::NodeKind::Null) {
                self.documents.push(node);
            }
            return;
        };
        let fields = match &mut frame.items {
            Items::Sequence(items) => return items.push(node),
            Items::Mapping(fields) => fields,
        };
        match std::mem::take(&mut fields.pending) {
            Pending::Key => fields.key(node, &mut self.reporter),
            Pending::ValueOf(key, key_span) => fields.insert(MapEntry {
                key,
                key_span,
                node,
            }),
            Pending::Merge => fields.merges.push(node),
            Pending::Dropped => {}
        }
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

    fn abandon(&mut self, text: &str, error: &ScanError) {
        self.frames.clear();
        self.anchors.clear();
        let mark = error.marker();
        let width = text
            .get(mark.byte_offset().unwrap_or(0)..)
            .and_then(|rest| rest.chars().next())
            .map_or(0, char::len_utf8);
        let mut span = span(granit_parser::Span::empty(*mark));
        span.end = span.start + offset(width);
        let kind = error.kind().to_string();
        if let Some(tab) = tab_in_indent(text, span) {
            let message = "not valid YAML: a line is indented with a tab";
            return self.report(tab, message, "indent with spaces only");
        }
        let file = self.reporter.file;
        let mut problem = Problem::new(Rule::Yaml, file, span, format!("not valid YAML: {kind}"));
        if let Some((place, found)) = look_alike_near(text, span) {
            let meant = found.meant();
            let hint = format!("{found} stands where {meant} belongs: type it anew");
            problem = problem.related(file, place, found.to_string()).hint(hint);
        } else if let Some(hint) = hint(&kind) {
            problem = problem.hint(hint);
        }
        self.reporter.problems.push(problem);
    }

    fn refuse_scalar(&mut self, length: usize, span: Span) {
        let message = format!("a value of {length} bytes; {MAX_SCALAR} are allowed");
        let hint = "is a quote before it left open?";
        self.reporter.report(Rule::TooLarge, span, message, hint);
    }

    fn refuse_size(&mut self, at: granit_parser::Span) {
        self.frames.clear();
        let message = format!("more than {MAX_NODES} values in one file, aliases written out");
        let hint = "split the file, or write windows by rule under `ranges`";
        self.reporter
            .report(Rule::TooLarge, span(at), message, hint);
    }

    fn report(&mut self, span: Span, message: impl Into<String>, hint: &str) {
        self.reporter.report(Rule::Yaml, span, message, hint);
    }
}

fn node(value: Value<'_>, span: Span) -> Node<'_> {
    Node {
        value,
        span,
        alias: None,
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
