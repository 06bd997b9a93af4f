//! A mapping while it is read: its keys are taken one by one, each once.
//!
//! Looking a key up takes constant time however many there are, so that a hostile mapping of a
//! million keys costs no more than a friendly one.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{MapEntry, Node, Span, Value};
use crate::manifest::problem::{Problem, Reporter, Rule};
use crate::manifest::show::short;

/// Entries of a mapping beyond which its keys are looked up by hash.
const FEW: usize = 16;

/// What is there of the mapping so far.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) entries: Vec<MapEntry<'a>>,
    /// Filled once `entries` are more than a few.
    by_key: HashMap<Cow<'a, str>, usize>,
    pub(super) pending: Pending<'a>,
    /// The values of `<<` keys.
    pub(super) merges: Vec<Node<'a>>,
}

/// What the next node of a mapping is.
#[derive(Default)]
pub(super) enum Pending<'a> {
    #[default]
    Key,
    ValueOf(Cow<'a, str>, Span),
    /// The value of `<<`.
    Merge,
    /// The value of a key that was refused.
    Dropped,
}

impl<'a> Fields<'a> {
    /// The field of that name.
    pub(super) fn get(&self, key: &str) -> Option<&MapEntry<'a>> {
        if self.entries.len() <= FEW {
            self.entries.iter().find(|entry| entry.key == key)
        } else {
            self.by_key.get(key).map(|&at| &self.entries[at])
        }
    }

    /// Takes a key, and settles what is to become of its value.
    pub(super) fn key(&mut self, node: Node<'a>, reporter: &mut Reporter<'_>) {
        self.pending = Pending::Dropped;
        let span = node.used_at();
        let Value::Scalar(scalar) = node.value else {
            if matches!(node.value, Value::Unreadable) {
                return;
            }
            let message = "a key must be a single word, not a collection";
            let hint = "is a line before it, or a `: `, amiss?";
            return reporter.report(Rule::Yaml, span, message, hint);
        };
        if scalar.plain && scalar.text == "<<" {
            self.pending = Pending::Merge;
        } else if let Some(first) = self.get(&scalar.text) {
            let message = format!("`{}` is written twice in one mapping", short(&scalar.text));
            let file = reporter.file;
            reporter.problems.push(
                Problem::new(Rule::DuplicateKey, file, span, message)
                    .related(file, first.key_span, "first here")
                    .hint("keep one of the two"),
            );
        } else {
            self.pending = Pending::ValueOf(scalar.text, span);
        }
    }

    /// Adds a field that is not there yet.
    pub(super) fn insert(&mut self, entry: MapEntry<'a>) {
        self.entries.push(entry);
        // From the entry that makes them many, every key is in the index.
        if self.entries.len() > FEW {
            for at in self.by_key.len()..self.entries.len() {
                self.by_key.insert(self.entries[at].key.clone(), at);
            }
        }
    }
}
