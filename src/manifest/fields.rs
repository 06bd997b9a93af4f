//! How the fields of a mapping are read, and what is said of those that cannot be.
//!
//! A mapping of a manifest is a [`Block`]. Its `read` takes each field by name, with what it means; the type of the
//! value says how it is written. That is all there is of a field: the schema, and the names that messages list, come
//! from the same function, called without a mapping ([`Description::of`]).

use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::length;
use super::near::nearest;
use super::problem::{Misread, Problem, Reporter, Rule};
use super::show::short;
use super::time::{self, ZonedMoment, read_time};
use super::yaml::{MapEntry, Node, NodeKind, Span, Value, within};
use crate::file_text::{LookAlike, as_typed, look_alike, look_alike_in_syntax};

/// Text of a declaration.
type Text = &'static str;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// What came of a field.
#[derive(Debug, Clone, Default)]
pub(super) enum Field<T> {
    #[default]
    Absent,
    /// It is written, and was reported: it is not missing.
    Broken,
    Is(At<T>),
}

impl<T> Field<T> {
    pub(super) fn get(&self) -> Option<&At<T>> {
        match self {
            Self::Is(at) => Some(at),
            Self::Absent | Self::Broken => None,
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(super) fn span(&self) -> Option<Span> {
        self.get().map(|at| at.span)
    }

    /// The value; `default` where none is written, nothing where it is broken.
    pub(super) fn or_default(&self, default: T) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Self::Is(at) => Some(at.value.clone()),
            Self::Absent => Some(default),
            Self::Broken => None,
        }
    }
}

/// A mapping of a manifest.
pub(super) trait Block: Sized {
    /// What messages call it.
    const NAME: Text;
    /// A line of it, for messages.
    const EXAMPLE: Text;
    /// What it is; empty, where the field that holds it says so.
    const TEXT: Text;

    /// Takes each field once; `None` if nothing can be made of them, which was reported.
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self>;
}

/// A single value: how it is written, what editors are told of it, and what it means.
pub(super) trait Scalar: Sized {
    const FORM: Form;

    fn schema() -> Json;

    fn parse(text: &str, field: &str) -> Result<Self, Misread>;
}

/// How a single value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Text for people, who may write any quotes and dashes.
    Sentence,
    /// Text that the service is sent as it is: only quotes around it are a mistake.
    Verbatim,
    Word,
    /// Text that may look like a number.
    Id,
    Time,
    Length,
    Number,
    Boolean,
}

impl Form {
    /// What it is, and how to write it.
    fn texts(self) -> (Text, Text) {
        match self {
            Self::Sentence | Self::Verbatim | Self::Word | Self::Id => (
                "text",
                "write a text, in quotes if it looks like a number; or leave the field away",
            ),
            Self::Time => ("a time", time::HINT),
            Self::Length => ("a length of time", length::HINT),
            Self::Number => ("a number", "write a whole number, without quotes"),
            Self::Boolean => ("true or false", "write `true` or `false`, without quotes"),
        }
    }

    fn takes(self, kind: NodeKind) -> bool {
        match kind {
            NodeKind::Text => !matches!(self, Self::Number | Self::Boolean),
            NodeKind::Integer | NodeKind::Float => {
                matches!(self, Self::Id | Self::Time | Self::Length | Self::Number)
            }
            NodeKind::Bool => self == Self::Boolean,
            NodeKind::Null => false,
        }
    }
}

/// What can be said of a mapping without one.
pub(super) struct Description {
    pub(super) name: Text,
    example: Text,
    pub(super) text: Text,
    pub(super) fields: Vec<FieldDescription>,
}

/// What can be said of a field.
pub(super) struct FieldDescription {
    pub(super) name: Text,
    pub(super) text: Text,
    pub(super) examples: &'static [&'static str],
    /// Whether a mapping without it is wrong, whatever else it has.
    pub(super) is_required: bool,
    pub(super) kind: Kind,
}

/// What a field takes.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Value(fn() -> Json),
    Values(fn() -> Json),
    Mapping(fn() -> Description),
    /// At least one mapping.
    List(fn() -> Description),
}

impl Description {
    pub(super) fn of<T: Block>() -> Self {
        let mut fields = Vec::new();
        let source = Source::Description(&mut fields);
        let _ = T::read(&mut Fields::new(source, Span::default()));
        Self {
            name: T::NAME,
            example: T::EXAMPLE,
            text: T::TEXT,
            fields,
        }
    }

    fn names(&self) -> impl Iterator<Item = Text> {
        self.fields.iter().map(|field| field.name)
    }

    /// The mappings that have the field, of this one and those within it.
    fn with_field(&self, field: &str, found: &mut Vec<Text>) {
        if self.names().any(|name| name == field) && !found.contains(&self.name) {
            found.push(self.name);
        }
        for inner in &self.fields {
            if let Kind::Mapping(block) | Kind::List(block) = inner.kind {
                block().with_field(field, found);
            }
        }
    }
}

/// The fields of a mapping, to be taken one by one.
pub(super) struct Fields<'r, 'a> {
    source: Source<'r, 'a>,
    /// Where the mapping is.
    pub(super) span: Span,
    examples: &'static [&'static str],
    is_required: bool,
}

enum Source<'r, 'a> {
    /// Its fields, and those that are written by another name, which was reported.
    Mapping(Reader<'r>, &'r [MapEntry<'a>], Vec<Text>),
    /// There is no mapping: the fields are only named.
    Description(&'r mut Vec<FieldDescription>),
}

impl<'r, 'a> Fields<'r, 'a> {
    fn new(source: Source<'r, 'a>, span: Span) -> Self {
        Self {
            source,
            span,
            examples: &[],
            is_required: false,
        }
    }

    /// The next field is one without which the mapping is wrong.
    pub(super) fn required(&mut self) -> &mut Self {
        self.is_required = true;
        self
    }

    /// Examples of the next field for editors, where those of its type would not do.
    pub(super) fn such_as(&mut self, examples: &'static [&'static str]) -> &mut Self {
        self.examples = examples;
        self
    }

    /// A field with its meaning: paragraphs of Markdown, each one line.
    pub(super) fn value<T: Scalar>(&mut self, name: Text, text: Text) -> Field<T> {
        self.take(name, text, Kind::Value(T::schema), |reader, node| {
            reader.scalar(node, name, T::FORM, |text| T::parse(text, name))
        })
    }

    /// A time; one without an offset is read in `zone`.
    pub(super) fn time(&mut self, name: Text, zone: &TimeZone, text: Text) -> Field<ZonedMoment> {
        self.take(name, text, Kind::Value(time::schema), |reader, node| {
            reader.time(node, name, zone)
        })
    }

    pub(super) fn times(
        &mut self,
        name: Text,
        zone: &TimeZone,
        text: Text,
    ) -> Field<Vec<At<ZonedMoment>>> {
        self.take(name, text, Kind::Values(time::schema), |reader, node| {
            reader.list(node, name, |reader, node| reader.time(node, name, zone))
        })
    }

    pub(super) fn mapping<T: Block>(&mut self, name: Text, text: Text) -> Field<T> {
        let block = Description::of::<T>;
        self.take(name, text, Kind::Mapping(block), |reader, node| {
            let value = reader.block(node, &block())?;
            let span = node.span;
            Some(At { value, span })
        })
    }

    pub(super) fn list<T: Block>(&mut self, name: Text, text: Text) -> Field<Vec<T>> {
        let block = Description::of::<T>;
        self.take(name, text, Kind::List(block), |reader, node| {
            let entry = block();
            reader.list(node, name, |reader, node| reader.block(node, &entry))
        })
    }

    fn take<T>(
        &mut self,
        name: Text,
        text: Text,
        kind: Kind,
        read: impl FnOnce(&mut Reader<'_>, &Node<'a>) -> Option<At<T>>,
    ) -> Field<T> {
        let examples = std::mem::take(&mut self.examples);
        let is_required = std::mem::take(&mut self.is_required);
        let (reader, entries, meant) = match &mut self.source {
            Source::Mapping(reader, entries, meant) => (reader, entries, meant),
            Source::Description(fields) => {
                fields.push(FieldDescription {
                    name,
                    text,
                    examples,
                    is_required,
                    kind,
                });
                return Field::Absent;
            }
        };
        if let Some(entry) = entries.iter().find(|entry| entry.key == name) {
            return read(reader, &entry.node).map_or(Field::Broken, Field::Is);
        }
        if meant.contains(&name) {
            return Field::Broken;
        }
        if is_required {
            reader.reporter.missing(name, text, self.span);
        }
        Field::Absent
    }
}

/// Reads nodes of one file. What gives `None` was reported.
pub(super) struct Reader<'r> {
    pub(super) reporter: Reporter<'r>,
    /// What the file holds.
    pub(super) text: &'r str,
    /// The outermost mapping: a field that is none here may be one elsewhere.
    pub(super) root: fn() -> Description,
}

impl Reader<'_> {
    pub(super) fn block<T: Block>(
        &mut self,
        node: &Node<'_>,
        description: &Description,
    ) -> Option<T> {
        let Value::Mapping(entries) = &node.value else {
            let hint = format!(
                "write lines of `field: value`, such as `{}`",
                description.example
            );
            self.wrong_type(node, &format!("{} is a mapping", description.name), &hint);
            return None;
        };
        let meant = self.unknown(entries, description);
        let reader = Reader {
            reporter: self.reporter.again(),
            ..*self
        };
        let source = Source::Mapping(reader, entries, meant);
        T::read(&mut Fields::new(source, node.used_at()))
    }

    /// Reports the fields that the mapping does not have, and gives those that were probably meant.
    fn unknown(&mut self, entries: &[MapEntry<'_>], mapping: &Description) -> Vec<Text> {
        let mut meant = Vec::new();
        for entry in entries {
            if mapping.names().any(|name| name == entry.key) {
                continue;
            }
            let near = nearest(&as_typed(&entry.key), mapping.names());
            meant.extend(near);
            if self.is_pasted(entry.key_span, look_alike) {
                continue;
            }
            let hint = match near {
                // Only counted, and not worth the search.
                _ if self.reporter.problems.is_full() => String::new(),
                Some(near) => format!("did you mean `{near}`?"),
                None => self.elsewhere(&entry.key, mapping),
            };
            let message = format!("{} has no field `{}`", mapping.name, short(&entry.key));
            let reporter = &mut self.reporter;
            reporter.report(Rule::UnknownField, entry.key_span, message, hint);
        }
        meant
    }

    fn elsewhere(&self, field: &str, mapping: &Description) -> String {
        let mut found = Vec::new();
        (self.root)().with_field(field, &mut found);
        if found.is_empty() {
            let names: Vec<_> = mapping.names().collect();
            format!("{} takes {}", mapping.name, names.join(", "))
        } else {
            format!("`{field}` is a field of {}", found.join(" and of "))
        }
    }

    /// A list; entries that cannot be read are left out.
    fn list<'a, T>(
        &mut self,
        node: &Node<'a>,
        field: &str,
        mut read: impl FnMut(&mut Self, &Node<'a>) -> Option<T>,
    ) -> Option<At<Vec<T>>> {
        let Value::Sequence(items) = &node.value else {
            let hint =
                "begin each entry with `- `, or write all in brackets, also if there is only one";
            self.wrong_type(node, &format!("`{field}` is a list"), hint);
            return None;
        };
        let span = node.used_at();
        let value: Vec<_> = items.iter().filter_map(|item| read(self, item)).collect();
        // Nothing left of a list that had entries: they were reported, it is not an empty list.
        (items.is_empty() || !value.is_empty()).then_some(At { value, span })
    }

    fn time(&mut self, node: &Node<'_>, field: &str, zone: &TimeZone) -> Option<At<ZonedMoment>> {
        self.scalar(node, field, Form::Time, |text| read_time(text, zone))
    }

    fn scalar<T>(
        &mut self,
        node: &Node<'_>,
        field: &str,
        form: Form,
        parse: impl FnOnce(&str) -> Result<T, Misread>,
    ) -> Option<At<T>> {
        let scalar = match &node.value {
            Value::Scalar(scalar) if form.takes(scalar.kind()) => scalar,
            _ => {
                let (what, hint) = form.texts();
                self.wrong_type(node, &format!("`{field}` is {what}"), hint);
                return None;
            }
        };
        let is_pasted = match form {
            Form::Sentence => false,
            Form::Verbatim => self.is_pasted(node.span, look_alike_in_syntax),
            _ => self.is_pasted(node.span, look_alike),
        };
        if is_pasted {
            return None;
        }
        match parse(&scalar.text) {
            Ok(value) => {
                let span = node.span;
                Some(At { value, span })
            }
            Err(misread) => {
                self.reporter.misread(node.span, &misread);
                None
            }
        }
    }

    /// Whether `find` finds a character in what is written at `span` that only looks like a plain one. Then it
    /// is reported.
    fn is_pasted(&mut self, span: Span, find: fn(&str) -> Option<LookAlike>) -> bool {
        let written = self.text.get(span.start as usize..span.end as usize);
        let Some((written, found)) = written.and_then(|text| Some((text, find(text)?))) else {
            return false;
        };
        let message = format!("here is {found}, where {} belongs", found.meant());
        let hint = format!("write it anew: `{}`", short(&as_typed(written.trim())));
        let place = within(span, written, found.at, found.character.len_utf8());
        self.reporter.report(Rule::PastedText, place, message, hint);
        true
    }

    fn wrong_type(&mut self, node: &Node<'_>, expected: &str, hint: &str) {
        if matches!(node.value, Value::Scalar(_)) && self.is_pasted(node.span, look_alike) {
            return;
        }
        let found = match &node.value {
            Value::Unreadable => return,
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Scalar(scalar) => match scalar.kind() {
                NodeKind::Null => "nothing",
                NodeKind::Bool => "a truth value",
                NodeKind::Integer | NodeKind::Float => "a number",
                NodeKind::Text => "text",
            },
        };
        let file = self.reporter.file;
        let message = format!("{expected}, but here is {found}");
        let mut problem = Problem::new(Rule::WrongType, file, node.span, message).hint(hint);
        if node.used_at() != node.span {
            problem = problem.related(file, node.used_at(), "used here");
        }
        self.reporter.problems.push(problem);
    }
}
