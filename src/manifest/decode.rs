//! Reads YAML values as the types a field takes, and says so when they are of another.

use std::borrow::Cow;
use std::sync::Arc;

use super::fields::{FLOW, Field, Kind, MANIFEST, Mapping};
use super::near::nearest;
use super::problem::{Problem, Problems, Rule};
use super::show::short;
use super::yaml::{MapEntry, Node, NodeKind, Span, Value, within};
use crate::file_text::{as_typed, look_alike};

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// Text of the file, or unescaped from it.
pub(super) type Text<'a> = At<Cow<'a, str>>;

/// Decodes nodes of one file. Each reader gives `None` only after it reported why.
pub(super) struct Decoder<'p> {
    pub(super) file: &'p Arc<str>,
    /// What the file holds.
    pub(super) text: &'p str,
    pub(super) problems: &'p mut Problems,
}

impl Decoder<'_> {
    pub(super) fn mapping<'n, 'a>(
        &mut self,
        node: &'n Node<'a>,
        mapping: &Mapping,
    ) -> Option<&'n [MapEntry<'a>]> {
        if let Value::Mapping(entries) = &node.value {
            return Some(entries);
        }
        let Mapping { name, example, .. } = mapping;
        self.wrong_type(
            node,
            &format!("{name} is a mapping"),
            &format!("write lines of `field: value`, such as `{example}`"),
        );
        None
    }

    /// The field, if `mapping` has it; otherwise it is reported, and the name of the field that was
    /// probably meant comes back: it is not missing.
    pub(super) fn known(
        &mut self,
        entry: &MapEntry<'_>,
        mapping: &'static Mapping,
    ) -> Result<&'static Field, Option<&'static str>> {
        if let Some(field) = mapping.fields.iter().find(|field| field.name == entry.key) {
            return Ok(field);
        }
        let names: Vec<&'static str> = mapping.fields.iter().map(|field| field.name).collect();
        if self.is_pasted(entry.key_span) {
            return Err(nearest(&as_typed(&entry.key), names));
        }
        let what = mapping.name;
        let near = nearest(&entry.key, names.iter().copied());
        let is_of_manifest = || MANIFEST.fields.iter().any(|field| field.name == entry.key);
        let hint = match (elsewhere(&entry.key), near) {
            _ if mapping.name == FLOW.name && is_of_manifest() => {
                format!("write `{}` beside `flows`, for all of them", entry.key)
            }
            (Some(hint), _) => hint,
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("{what} takes {}", names.join(", ")),
        };
        let message = format!("{what} has no field `{}`", short(&entry.key));
        self.problems
            .push(Problem::new(Rule::UnknownField, self.file, entry.key_span, message).hint(hint));
        Err(near)
    }

    /// The single value of a field, as its kind has it.
    pub(super) fn value<'a>(&mut self, node: &Node<'a>, field: &Field) -> Option<Text<'a>> {
        let name = field.name;
        if !matches!(field.kind, Kind::Text | Kind::Label) && self.is_pasted(node.span) {
            return None;
        }
        match field.kind {
            Kind::Version | Kind::Rerun | Kind::Count => self.integer(node, name),
            Kind::FlowId => self.id(node, name),
            Kind::Text
            | Kind::Label
            | Kind::Sandbox
            | Kind::Source
            | Kind::Overlap
            | Kind::Order => self.text(node, name),
            Kind::Time => self.time(node, name),
            Kind::Length => self.length(node, name),
            Kind::Boolean | Kind::Times | Kind::Mapping(_) | Kind::List(_) => {
                unreachable!("no single text")
            }
        }
    }

    /// A list; entries that cannot be read are reported and left out.
    pub(super) fn list<'a, T>(
        &mut self,
        node: &Node<'a>,
        field: &str,
        mut read: impl FnMut(&mut Self, &Node<'a>) -> Option<T>,
    ) -> Option<At<Vec<T>>> {
        let Value::Sequence(items) = &node.value else {
            let hint = match &node.value {
                Value::Scalar(one) if field == "except" && one.text.len() < 40 => {
                    format!(
                        "write it in brackets, also if it is only one: `[{}]`",
                        one.text
                    )
                }
                _ => "begin each entry with `- `, also if there is only one".to_owned(),
            };
            self.wrong_type(node, &format!("`{field}` is a list"), &hint);
            return None;
        };
        let span = node.used_at();
        let value: Vec<_> = items.iter().filter_map(|item| read(self, item)).collect();
        // Nothing left of a list that had entries: they were reported, it is not an empty list.
        (items.is_empty() || !value.is_empty()).then_some(At { value, span })
    }

    pub(super) fn text<'a>(&mut self, node: &Node<'a>, field: &str) -> Option<Text<'a>> {
        let hint = match &node.value {
            Value::Scalar(scalar) if scalar.kind() == NodeKind::Null => {
                "write a value, or leave the field away".to_owned()
            }
            Value::Scalar(scalar) => format!("write it in quotes: \"{}\"", scalar.text),
            _ => "write a single value".to_owned(),
        };
        self.scalar(node, &format!("`{field}` is text"), &hint, |kind| {
            kind == NodeKind::Text
        })
    }

    /// Text that is no less itself for looking like a number.
    pub(super) fn id<'a>(&mut self, node: &Node<'a>, field: &str) -> Option<Text<'a>> {
        let hint = "write a value, or leave the field away";
        self.scalar(node, &format!("`{field}` is text"), hint, |kind| {
            matches!(kind, NodeKind::Text | NodeKind::Integer | NodeKind::Float)
        })
    }

    pub(super) fn time<'a>(&mut self, node: &Node<'a>, field: &str) -> Option<Text<'a>> {
        let hint = "write `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits)";
        self.scalar(node, &format!("`{field}` is a time"), hint, |kind| {
            matches!(kind, NodeKind::Text | NodeKind::Integer | NodeKind::Float)
        })
    }

    pub(super) fn length<'a>(&mut self, node: &Node<'a>, field: &str) -> Option<Text<'a>> {
        let hint = "write a number and a unit: `15 minutes`, `6 hours`, `1 day`, `1 month`";
        self.scalar(
            node,
            &format!("`{field}` is a length of time"),
            hint,
            |kind| matches!(kind, NodeKind::Text | NodeKind::Integer | NodeKind::Float),
        )
    }

    pub(super) fn integer<'a>(&mut self, node: &Node<'a>, field: &str) -> Option<Text<'a>> {
        let hint = "write a whole number, without quotes";
        self.scalar(node, &format!("`{field}` is a number"), hint, |kind| {
            matches!(kind, NodeKind::Integer | NodeKind::Float)
        })
    }

    pub(super) fn boolean(&mut self, node: &Node<'_>, field: &str) -> Option<bool> {
        if let Value::Scalar(scalar) = &node.value
            && let NodeKind::Bool(value) = scalar.kind()
        {
            return Some(value);
        }
        let message = format!("`{field}` is true or false");
        self.wrong_type(node, &message, "write `true` or `false`, without quotes");
        None
    }

    pub(super) fn scalar<'a>(
        &mut self,
        node: &Node<'a>,
        expected: &str,
        hint: &str,
        fits: impl Fn(NodeKind) -> bool,
    ) -> Option<Text<'a>> {
        if let Value::Scalar(scalar) = &node.value
            && fits(scalar.kind())
        {
            return Some(At {
                value: scalar.text.clone(),
                span: node.span,
            });
        }
        self.wrong_type(node, expected, hint);
        None
    }

    /// Whether the scalar or the key at `span` has a character that only looks like a plain one. Then it
    /// is reported.
    pub(super) fn is_pasted(&mut self, span: Span) -> bool {
        let Some(written) = self.text.get(span.start as usize..span.end as usize) else {
            return false;
        };
        let Some(found) = look_alike(written) else {
            return false;
        };
        let message = format!("here is {found}, where {} belongs", found.meant());
        let hint = format!("write it anew: `{}`", short(&as_typed(written.trim())));
        let place = within(span, written, found.at, found.character.len_utf8());
        let problem = Problem::new(Rule::PastedText, self.file, place, message).hint(hint);
        self.problems.push(problem);
        true
    }

    pub(super) fn wrong_type(&mut self, node: &Node<'_>, expected: &str, hint: &str) {
        let is_pasted = match &node.value {
            Value::Scalar(_) => self.is_pasted(node.span),
            // A dash that is no hyphen makes a list a mapping.
            Value::Mapping(entries) => entries.iter().any(|entry| self.is_pasted(entry.key_span)),
            Value::Sequence(_) | Value::Unreadable => false,
        };
        if is_pasted {
            return;
        }
        let found = match &node.value {
            Value::Unreadable => return,
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Scalar(scalar) => match scalar.kind() {
                NodeKind::Null => "nothing",
                NodeKind::Bool(_) => "a truth value",
                NodeKind::Integer | NodeKind::Float => "a number",
                NodeKind::Text => "text",
            },
        };
        let message = format!("{expected}, but here is {found}");
        let mut problem = Problem::new(Rule::WrongType, self.file, node.span, message).hint(hint);
        if node.used_at() != node.span {
            problem = problem.related(self.file, node.used_at(), "used here");
        }
        self.problems.push(problem);
    }
}

/// What a field that is known elsewhere, or by another name, stands for.
fn elsewhere(field: &str) -> Option<String> {
    let text = match field {
        "timezone" => "`timezone` belongs to an entry of `ranges`",
        "windowStartTime" | "windowEndTime" => "windows one by one go under `runs`",
        "from" | "to" | "every" | "except" => "windows by rule go under `ranges`",
        "rerun" => "`rerun` belongs to an entry of `runs` or `ranges`",
        "start" | "windowStart" => "a window's start is `windowStartTime`, a range's `from`",
        "end" | "windowEnd" | "until" => "a window's end is `windowEndTime`, a range's `to`",
        "flow" => "did you mean `flowId`, or `flows` for a list?",
        "step" | "interval" | "by" => "did you mean `every`?",
        _ => return None,
    };
    Some(text.to_owned())
}
