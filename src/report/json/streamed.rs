//! Lists of a document that are made as they are written: of a million runs no two are in memory at
//! once.

use std::fmt;

use serde::{Serialize, Serializer};

type Items<'a, T> = Box<dyn Iterator<Item = T> + 'a>;

/// A list whose items are made one after the other, each time that it is written.
pub(crate) struct Streamed<'a, T>(Box<dyn Fn() -> Items<'a, T> + 'a>);

impl<'a, T> Streamed<'a, T> {
    /// The list of what `items` gives.
    pub(super) fn of<I: Iterator<Item = T> + 'a>(items: impl Fn() -> I + 'a) -> Self {
        Self(Box::new(move || Box::new(items())))
    }
}

impl<T: Serialize> Serialize for Streamed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

impl<T> fmt::Debug for Streamed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[…]")
    }
}

/// The schema of the list that is written.
#[cfg(test)]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Streamed<'_, T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<T>::json_schema(generator)
    }
}
