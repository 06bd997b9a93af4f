//! The JSON Schema of a manifest, with which editors complete, explain and check.
//!
//! It is made from the table of fields that documents are read by. It judges form alone. What needs a
//! calendar, the clock, another file or the state is left to `validate`, and whatever `validate` accepts
//! fits the schema.

use serde_json::{Map, Value, json};

use super::fields::{Field, Kind, MANIFEST, Mapping};
use crate::run::UnixSeconds;

/// The JSON Schema (draft-07) of a manifest.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = mapping(&MANIFEST);
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

fn mapping(mapping: &Mapping) -> Map<String, Value> {
    let fields = mapping.fields;
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), property(field)))
        .collect();
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.is_required)
        .map(|field| field.name)
        .collect();
    let mut schema = object(json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": required,
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

fn property(field: &Field) -> Value {
    let mut schema = kind(field.kind);
    schema.extend(described(field.text));
    if !field.examples.is_empty() {
        let example = |text: &&str| match (field.kind, text.parse::<u32>()) {
            (Kind::Count, Ok(number)) => json!(number),
            _ => json!(text),
        };
        let examples: Vec<Value> = field.examples.iter().map(example).collect();
        schema.insert("examples".to_owned(), json!(examples));
    }
    schema.into()
}

fn kind(kind: Kind) -> Map<String, Value> {
    object(match kind {
        Kind::Version => {
            json!({ "type": "integer", "const": 1, "format": "uint8", "minimum": 0, "maximum": 255 })
        }
        Kind::FlowId => json!({
            "type": "string",
            "format": "uuid",
            "pattern":
                "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
            "patternErrorMessage":
                "A flow id is a UUID such as 3abea21c-7e36-4be1-bec1-d3bad0e3e0de.",
        }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Label => json!({ "type": "string", "pattern": r"\S" }),
        Kind::Sandbox => json!({
            "type": "string",
            "pattern": "^[a-z0-9-]{1,256}$",
            "patternErrorMessage":
                "A sandbox name is lower-case letters, digits and hyphens: the name, not the title.",
        }),
        Kind::Source => json!({
            "type": "string",
            "enum": ["table", "file"],
            "enumDescriptions": [
                "Databases, CRM and the like: rows, told apart by `deltaColumn`.",
                "Storages: files, told apart by when they were last modified.",
            ],
        }),
        Kind::Overlap => json!({ "type": "string", "enum": ["allow"] }),
        Kind::Order => json!({
            "type": "string",
            "enum": ["oldest-first", "newest-first"],
            "enumDescriptions": [
                "The earliest window first.",
                "The latest window first.",
            ],
        }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Time => json!({
            "type": ["string", "integer"],
            "minimum": LEAST_OF_TEN_DIGITS,
            "maximum": UnixSeconds::MAX.get(),
            "pattern": TIME,
            "patternErrorMessage":
                "A time is `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits).",
            "examples": ["2022-05-03", "2022-05-03T13:36:31Z", 1_651_584_991],
        }),
        Kind::Times => json!({ "type": "array", "items": self::kind(Kind::Time) }),
        Kind::Length => json!({
            "type": "string",
            "pattern": every_pattern(),
            "patternErrorMessage":
                "A length of time is a number and a unit: `15 minutes`, `6 hours`, `1 day`, `1 month`.",
            "examples": ["1 day", "6 hours", "15 minutes", "1 week", "1 month", "PT6H"],
        }),
        Kind::Rerun | Kind::Count => {
            json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
        }
        Kind::Mapping(of) => mapping(of).into(),
        Kind::List(of) => json!({ "type": "array", "minItems": 1, "items": mapping(of) }),
    })
}

/// 9 digits and fewer are most likely a slip of the pen.
const LEAST_OF_TEN_DIGITS: i64 = 1_000_000_000;

/// A date, perhaps with a time of day, perhaps with an offset; or unix seconds.
const TIME: &str = "^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}\
     (?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?)?|[+]?[0-9]{10})$";

/// What `every` may look like: numbers with units, or an ISO 8601 duration, in any case.
fn every_pattern() -> String {
    let units = [
        "seconds?", "secs?", "s", "minutes?", "mins?", "m", "hours?", "hrs?", "h", "days?", "d",
        "weeks?", "wks?", "w", "months?", "mos?", "years?", "yrs?", "y",
    ];
    let units = units.map(in_any_case).join("|");
    let parts = |letters: &str| -> String {
        let part = |c: char| format!("(?:[0-9]+[{c}{}])?", c.to_ascii_lowercase());
        letters.chars().map(part).collect()
    };
    let (date, time) = (parts("YMWD"), parts("HMS"));
    let words = format!(r"\+?(?:[0-9]+\s*(?:{units})(?:\s*,\s+|\s*))+");
    format!(r"^\s*(?:{words}|[Pp](?=[0-9Tt]){date}(?:[Tt](?=[0-9]){time})?)\s*$")
}

fn in_any_case(word: &str) -> String {
    word.chars()
        .map(|c| match c.to_ascii_uppercase() {
            upper if upper == c => c.to_string(),
            upper => format!("[{c}{upper}]"),
        })
        .collect()
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
