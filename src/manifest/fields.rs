//! How the fields of a mapping are read, and what is said of those that cannot be.
//!
//! A mapping of a manifest is a [`Block`], declared with [`block!`]: each field has a name, what it means, and a type,
//! which says how it is written. That is all there is of a field: the schema, and the names that messages list, come
//! from the same declaration ([`Description::of`]).

use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::length;
use super::near::nearest;
use super::problem::{Misread, Problem, Problems, Rule};
use super::show::short;
use super::time;
use super::yaml::{MapEntry, Node, NodeKind, Span, Value, within};
use crate::file_text::{LookAlike, as_typed, look_alike, look_alike_in_syntax};

/// Text of a declaration.
type Text = &'static str;
/// Lines of Markdown, with the blank that a comment has before each; an empty one ends a paragraph.
pub(super) type Lines = &'static [&'static str];

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

    /// What is written here, or else there.
    pub(super) fn or<'f>(&'f self, other: &'f Self) -> &'f Self {
        if self.is_absent() { other } else { self }
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

/// A mapping of a manifest, made by [`block!`].
pub(super) trait Block: Sized {
    /// What messages call it.
    const NAME: Text;
    /// A line of it, for messages.
    const EXAMPLE: Text;
    /// What it is; empty, where the field that holds it says so.
    const TEXT: Lines;

    /// Takes each field once; `None` if nothing can be made of them, which was reported.
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self>;
}

/// Declares a mapping and its fields: the struct, and how it is read. The comments are what schema and
/// documentation say: paragraphs of Markdown.
macro_rules! block {
    (
        $(#[doc = $text:literal])*
        $block:ident, $name:literal, $example:literal;
        $($(#[doc = $meaning:literal])* $how:ident $field:literal $to:ident: $type:ty,)*
    ) => {
        $(#[doc = $text])*
        #[derive(Debug)]
        pub(super) struct $block {
            pub(super) span: Span,
            $($(#[doc = $meaning])* pub(super) $to: Field<$type>,)*
        }

        impl Block for $block {
            const NAME: &'static str = $name;
            const EXAMPLE: &'static str = $example;
            const TEXT: Lines = &[$($text),*];

            fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
                let span = fields.span;
                Some(Self { span, $($to: fields.$how($field, &[$($meaning),*]),)* })
            }
        }
    };
}
pub(super) use block;

/// A single value: how it is written, what editors are told of it, and what it means.
pub(super) trait Scalar: Sized {
    const FORM: Form;

    fn schema() -> Json;

    fn parse(text: &str, context: &mut Context<'_>) -> Result<Self, Misread>;
}

/// What a value may mean beside its text.
pub(super) struct Context<'c> {
    pub(super) field: Text,
    /// The zone in which the times of the mapping are read: that of its `timezone`, once that is read.
    pub(super) zone: &'c mut TimeZone,
    pub(super) is_hint_shown: bool,
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
    pub(super) text: Lines,
    pub(super) fields: Vec<FieldDescription>,
}

/// What can be said of a field.
pub(super) struct FieldDescription {
    pub(super) name: Text,
    pub(super) text: Lines,
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
    zone: TimeZone,
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
            zone: TimeZone::UTC,
        }
    }

    pub(super) fn value<T: Scalar>(&mut self, name: Text, text: Lines) -> Field<T> {
        let kind = Kind::Value(T::schema);
        self.take(name, text, kind, false, |reader, node, zone| {
            reader.scalar(node, name, zone)
        })
    }

    /// A value without which the mapping is wrong.
    pub(super) fn required<T: Scalar>(&mut self, name: Text, text: Lines) -> Field<T> {
        let kind = Kind::Value(T::schema);
        self.take(name, text, kind, true, |reader, node, zone| {
            reader.scalar(node, name, zone)
        })
    }

    pub(super) fn values<T: Scalar>(&mut self, name: Text, text: Lines) -> Field<Vec<At<T>>> {
        let kind = Kind::Values(T::schema);
        self.take(name, text, kind, false, |reader, node, zone| {
            reader.list(node, name, |reader, node| reader.scalar(node, name, zone))
        })
    }

    pub(super) fn mapping<T: Block>(&mut self, name: Text, text: Lines) -> Field<T> {
        let block = Description::of::<T>;
        self.take(
            name,
            text,
            Kind::Mapping(block),
            false,
            |reader, node, _| {
                let value = reader.block(node, &block())?;
                let span = node.span;
                Some(At { value, span })
            },
        )
    }

    pub(super) fn list<T: Block>(&mut self, name: Text, text: Lines) -> Field<Vec<T>> {
        let block = Description::of::<T>;
        self.take(name, text, Kind::List(block), false, |reader, node, _| {
            if let Value::Sequence(entries) = &node.value
                && entries.is_empty()
            {
                let message = format!("`{name}` is empty");
                let hint = "add an entry, or leave the field away";
                let problems = &mut *reader.problems;
                problems.report(Rule::NothingToRun, node.used_at(), message, hint);
                return None;
            }
            let entry = block();
            reader.list(node, name, |reader, node| reader.block(node, &entry))
        })
    }

    fn take<T>(
        &mut self,
        name: Text,
        text: Lines,
        kind: Kind,
        is_required: bool,
        read: impl FnOnce(&mut Reader<'_>, &Node<'a>, &mut TimeZone) -> Option<At<T>>,
    ) -> Field<T> {
        let (reader, entries, meant) = match &mut self.source {
            Source::Mapping(reader, entries, meant) => (reader, entries, meant),
            Source::Description(fields) => {
                fields.push(FieldDescription {
                    name,
                    text,
                    is_required,
                    kind,
                });
                return Field::Absent;
            }
        };
        if let Some(entry) = entries.iter().find(|entry| entry.key == name) {
            return read(reader, &entry.node, &mut self.zone).map_or(Field::Broken, Field::Is);
        }
        if meant.contains(&name) {
            return Field::Broken;
        }
        if is_required {
            let meaning = text.first().unwrap_or(&"");
            let message = format!("`{name}` is missing");
            let hint = format!("write `{name}: …`. {}", meaning.trim());
            let problems = &mut *reader.problems;
            problems.report(Rule::MissingField, self.span, message, hint);
        }
        Field::Absent
    }
}

/// Reads nodes of one file. What gives `None` was reported.
pub(super) struct Reader<'r> {
    pub(super) problems: &'r mut Problems,
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
            problems: self.problems,
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
                _ if self.problems.is_full() => String::new(),
                Some(near) => format!("did you mean `{near}`?"),
                None => self.elsewhere(&entry.key, mapping),
            };
            let message = format!("{} has no field `{}`", mapping.name, short(&entry.key));
            let problems = &mut *self.problems;
            problems.report(Rule::UnknownField, entry.key_span, message, hint);
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

    fn scalar<T: Scalar>(
        &mut self,
        node: &Node<'_>,
        field: Text,
        zone: &mut TimeZone,
    ) -> Option<At<T>> {
        let scalar = match &node.value {
            Value::Scalar(scalar) if T::FORM.takes(scalar.kind()) => scalar,
            _ => {
                let (what, hint) = T::FORM.texts();
                self.wrong_type(node, &format!("`{field}` is {what}"), hint);
                return None;
            }
        };
        let is_pasted = match T::FORM {
            Form::Sentence => false,
            Form::Verbatim => self.is_pasted(node.span, look_alike_in_syntax),
            _ => self.is_pasted(node.span, look_alike),
        };
        if is_pasted {
            return None;
        }
        let mut context = Context {
            field,
            zone,
            is_hint_shown: !self.problems.is_full(),
        };
        let span = node.span;
        match T::parse(&scalar.text, &mut context) {
            Ok(value) => Some(At { value, span }),
            Err(misread) => {
                let message = misread.to_string();
                self.problems
                    .report(misread.rule, span, message, misread.hint());
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
        self.problems.report(Rule::PastedText, place, message, hint);
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
        let file = &self.problems.file;
        let message = format!("{expected}, but here is {found}");
        let mut problem = Problem::new(Rule::WrongType, file, node.span, message).hint(hint);
        if node.used_at() != node.span {
            problem = problem.related(file, node.used_at(), "used here");
        }
        self.problems.push(problem);
    }
}
