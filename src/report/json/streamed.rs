//! Lists of a document that are made as they are written: of a million runs only a few thousand are
//! in memory at once. While some are written, all other cores make the next.

use std::fmt;
use std::ops::Range;

use rayon::prelude::*;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

/// So many are made at a time.
const AT_ONCE: usize = 4096;

/// A list whose items are made each time that it is written.
pub(crate) struct Streamed<'a, T> {
    length: usize,
    make: Box<dyn Fn(Range<usize>) -> Vec<T> + Sync + 'a>,
}

impl<'a, T: Send> Streamed<'a, T> {
    /// The list of what `make` gives for each of `items`.
    pub(super) fn of<S: Sync>(items: &'a [S], make: impl Fn(&'a S) -> T + Sync + 'a) -> Self {
        Self {
            length: items.len(),
            make: Box::new(move |range| items[range].par_iter().map(&make).collect()),
        }
    }
}

impl<T: Serialize + Send> Serialize for Streamed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.length))?;
        let mut made = Vec::new();
        for start in (0..self.length + AT_ONCE).step_by(AT_ONCE) {
            let range = start.min(self.length)..(start + AT_ONCE).min(self.length);
            let mut next = Vec::new();
            rayon::in_place_scope(|scope| {
                scope.spawn(|_| next = (self.make)(range));
                made.iter()
                    .try_for_each(|item| list.serialize_element(item))
            })?;
            made = next;
        }
        list.end()
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
