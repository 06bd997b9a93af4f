//! How many of each kind there are: one type for the totals of every verb.

use std::marker::PhantomData;
use std::ops::AddAssign;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// A kind that can be counted.
pub(crate) trait Counted: Copy + 'static {
    /// Every one, in the order in which totals show them.
    const ALL: &'static [Self];

    /// Its number among the variants.
    fn index(self) -> usize;
}

/// A number for each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counts<K> {
    /// By the index of the kind, as far as there are any.
    numbers: Vec<usize>,
    kind: PhantomData<K>,
}

impl<K: Counted> Counts<K> {
    pub(crate) fn add(&mut self, kind: K) {
        self.add_many(kind, 1);
    }

    pub(crate) fn add_many(&mut self, kind: K, number: usize) {
        let index = kind.index();
        if self.numbers.len() <= index {
            self.numbers.resize(index + 1, 0);
        }
        self.numbers[index] += number;
    }

    pub(crate) fn of(&self, kind: K) -> usize {
        self.numbers.get(kind.index()).copied().unwrap_or_default()
    }

    /// The sum of those for which `is` holds.
    pub(crate) fn sum(&self, is: impl Fn(K) -> bool) -> usize {
        let kinds = self.present().filter(|(kind, _)| is(*kind));
        kinds.map(|(_, number)| number).sum()
    }

    /// Those that there are, in the order of [`Counted::ALL`].
    pub(crate) fn present(&self) -> impl Iterator<Item = (K, usize)> {
        let all = K::ALL.iter().map(|kind| (*kind, self.of(*kind)));
        all.filter(|(_, number)| *number > 0)
    }
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            kind: PhantomData,
        }
    }
}

impl<K: Counted> FromIterator<K> for Counts<K> {
    fn from_iter<I: IntoIterator<Item = K>>(kinds: I) -> Self {
        let mut counts = Self::default();
        kinds.into_iter().for_each(|kind| counts.add(kind));
        counts
    }
}

impl<K: Counted> AddAssign<&Self> for Counts<K> {
    fn add_assign(&mut self, other: &Self) {
        for (kind, number) in other.present() {
            self.add_many(kind, number);
        }
    }
}

/// An object with a number for every kind, 0 included, so that a script finds each.
impl<K: Counted + Serialize> Serialize for Counts<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(K::ALL.len()))?;
        for kind in K::ALL {
            map.serialize_entry(kind, &self.of(*kind))?;
        }
        map.end()
    }
}

#[cfg(test)]
impl<K: Counted + Serialize> schemars::JsonSchema for Counts<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Counts".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words: Vec<serde_json::Value> = K::ALL
            .iter()
            .map(|kind| serde_json::to_value(kind).expect("a word"))
            .collect();
        let number = serde_json::json!({ "type": "integer", "format": "uint", "minimum": 0 });
        let properties: serde_json::Map<String, serde_json::Value> = words
            .iter()
            .map(|word| (word.as_str().expect("a word").to_owned(), number.clone()))
            .collect();
        schemars::json_schema!({ "type": "object", "properties": properties, "required": words })
    }
}
