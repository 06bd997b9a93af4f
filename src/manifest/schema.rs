//! The JSON Schema of a manifest, with which editors complete, explain and check.
//!
//! It is made from the declarations by which documents are read. It judges form alone. What needs a
//! calendar, the clock, another file or the state is left to `validate`, and whatever `validate` accepts
//! fits the schema.

use serde_json::{Map, Value, json};

use super::document::Document;
use super::fields::{Description, FieldDescription, Kind, Lines};

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
fn described(lines: Lines) -> Map<String, Value> {
    if lines.is_empty() {
        return Map::new();
    }
    let text = paragraphs(lines).join("\n\n");
    object(json!({ "description": text, "markdownDescription": text }))
}

/// The paragraphs of a comment, each one line.
fn paragraphs(lines: Lines) -> Vec<String> {
    let paragraphs = lines.split(|line| line.is_empty());
    let paragraphs = paragraphs.map(|lines| lines.concat().trim().to_owned());
    paragraphs.collect()
}

fn property(field: &FieldDescription) -> Value {
    let mut schema = object(match field.kind {
        Kind::Value(value) => value(),
        Kind::Values(value) => json!({ "type": "array", "items": value() }),
        Kind::Mapping(block) => mapping(&block()).into(),
        Kind::List(block) => json!({ "type": "array", "minItems": 1, "items": mapping(&block()) }),
    });
    schema.extend(described(field.text));
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
    let inherits = json!({ "not": { "required": ["source"] } });
    let has_column = json!({ "required": ["deltaColumn"] });
    let if_inherited = |then: &Value| each(json!({ "if": inherits, "then": then }));
    json!({
        "properties": { "flowId": false, "name": false },
        "allOf": [
            { "if": reads("file"), "then": no_column() },
            each(json!({ "if": reads("file"), "then": no_column() })),
            { "if": inherits, "then": each(json!({ "required": ["source"] })) },
            { "if": reads("file"), "then": if_inherited(&no_column()) },
            {
                "if": { "not": has_column },
                "then": { "allOf": [
                    each(json!({ "if": reads("table"), "then": has_column })),
                    { "if": reads("table"), "then": if_inherited(&has_column) },
                ] },
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
