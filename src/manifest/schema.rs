//! The JSON Schema of a manifest, with which editors complete, explain and check.
//!
//! It is made from the declarations by which documents are read. It judges form alone. What needs a
//! calendar, the clock, another file or the state is left to `validate`, and whatever `validate` accepts
//! fits the schema.

use serde_json::{Map, Value, json};

use super::document::Document;
use super::fields::{Description, FieldDescription, Kind};

/// The JSON Schema (draft-07) of a manifest.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = mapping(&Description::of::<Document>());
    schema.extend(object(json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A manifest of backfill",
        "if": { "required": ["flows"] },
        "then": of_a_list(),
        "else": { "required": ["flowId", "source"], "allOf": column_by_source() },
        "anyOf": asks_for_something(),
    })));
    schema.into()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn mapping(mapping: &Description) -> Map<String, Value> {
    let fields = &mapping.fields;
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), property(field)))
        .collect();
    let required = fields.iter().filter(|field| field.is_required);
    let mut schema = object(json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": required.map(|field| field.name).collect::<Vec<_>>(),
    }));
    schema.extend(described(mapping.text));
    schema
}

/// A text for readers. Editors that know the second keyword draw `code` as code.
fn described(text: &str) -> Map<String, Value> {
    if text.is_empty() {
        return Map::new();
    }
    object(json!({ "description": text, "markdownDescription": text }))
}

fn property(field: &FieldDescription) -> Value {
    let mut schema = object(match field.kind {
        Kind::Value(value) => value(),
        Kind::Values(value) => json!({ "type": "array", "items": value() }),
        Kind::Mapping(block) => mapping(&block()).into(),
        Kind::List(block) => json!({ "type": "array", "minItems": 1, "items": mapping(&block()) }),
    });
    schema.extend(described(field.text));
    if !field.examples.is_empty() {
        schema.insert("examples".to_owned(), json!(field.examples));
    }
    schema.into()
}

/// A table has a delta column, a file has none.
fn column_by_source() -> Value {
    json!([
        { "if": reads("table"), "then": { "required": ["deltaColumn"] } },
        { "if": reads("file"), "then": no_column() },
    ])
}

/// The same of a list of flows, each of which may say it, or leave it to the manifest.
fn of_a_list() -> Value {
    let each = |flow: Value| json!({ "properties": { "flows": { "items": flow } } });
    let some = |flow: Value| json!({ "properties": { "flows": { "contains": flow } } });
    let inherits = json!({ "not": { "required": ["source"] } });
    let has_column = json!({ "required": ["deltaColumn"] });
    let names_none = json!({ "not": { "anyOf": [reads("file"), has_column] } });
    let is_table = json!({ "allOf": [reads("table"), { "not": has_column }] });
    json!({
        "properties": { "flowId": false, "name": false },
        "allOf": [
            each(json!({ "if": reads("file"), "then": no_column() })),
            { "if": inherits, "then": each(json!({ "required": ["source"] })) },
            { "if": reads("file"), "then": each(json!({ "if": inherits, "then": no_column() })) },
            {
                "if": has_column,
                "then": { "anyOf": [
                    some(is_table),
                    { "allOf": [reads("table"), some(names_none)] },
                ] },
                "else": each(json!({ "if": reads("table"), "then": has_column })),
            },
            {
                "if": { "allOf": [reads("table"), { "not": has_column }] },
                "then": each(json!({ "if": inherits, "then": has_column })),
            },
        ],
    })
}

fn reads(source: &str) -> Value {
    json!({ "properties": { "source": { "const": source } }, "required": ["source"] })
}

fn no_column() -> Value {
    json!({ "properties": { "deltaColumn": false } })
}

/// `runs`, `ranges`, or both.
fn asks_for_something() -> Value {
    json!([{ "required": ["runs"] }, { "required": ["ranges"] }])
}

#[cfg(test)]
mod tests;
