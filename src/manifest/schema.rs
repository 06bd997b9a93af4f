//! The JSON Schema of a manifest, with which editors complete, explain and check.
//!
//! The types here are never filled: the reader (`document`) keeps the place of every value, which
//! no derived reader does. They hold what an editor needs beyond the reader's lists of fields: a
//! text for each, its form, an example. That both know the same fields is tested here; that they
//! agree on types and on what is required, in the tests of `schema`.
//!
//! The schema judges form alone. What needs a calendar, the clock, another file or the state is
//! left to `validate`, and whatever `validate` accepts fits the schema.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::run::UnixSeconds;

/// Runs to create of one flow.
///
/// Each run ingests a time window of the flow again. A file holds one manifest, or several
/// separated by `---`.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("allOf" = column_by_source(), "anyOf" = asks_for_something()))]
#[expect(
    dead_code,
    reason = "stands for its fields; the schema describes each of them"
)]
struct Manifest {
    /// The version of this format: `1`.
    #[schemars(extend("const" = 1))]
    version: u8,
    /// The id of the flow: the UUID in the address of its page in Experience Platform.
    ///
    /// Runs can be created only for a flow that is scheduled `once`.
    #[schemars(extend(
        "format" = "uuid",
        "pattern" = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
        "patternErrorMessage" = "A flow id is a UUID such as 3abea21c-7e36-4be1-bec1-d3bad0e3e0de.",
    ))]
    #[schemars(example = &"3abea21c-7e36-4be1-bec1-d3bad0e3e0de")]
    flow_id: String,
    /// A label for screens. Default: the file's name without its ending.
    #[schemars(regex(pattern = r"\S"), example = &"crm-accounts")]
    name: Option<String>,
    /// The name of the sandbox, not its title: lower-case letters, digits and hyphens.
    ///
    /// Default: `--sandbox`, `AEP_SANDBOX_NAME`, or `sandbox` in backfill.yaml.
    #[schemars(extend(
        "pattern" = "^[a-z0-9-]{1,256}$",
        "patternErrorMessage" =
            "A sandbox name is lower-case letters, digits and hyphens: the name, not the title.",
    ))]
    #[schemars(example = &"prod")]
    sandbox: Option<String>,
    /// What the flow reads, which decides how records are told apart by time.
    source: Source,
    /// The column that tells when a row was changed. A table source needs it, a file source has
    /// none. It is sent with the flow's first run only.
    delta_column: Option<DeltaColumn>,
    /// Why these windows are ingested, for the reviewer.
    ///
    /// Needed where a `rerun` is above 1, or backfill.yaml says `require: [reason]`.
    #[schemars(example = &"Restate accounts after the CRM migration")]
    reason: Option<String>,
    /// Whether windows may end after the present. Default: false.
    allow_future: Option<bool>,
    /// `allow`: windows of the flow may overlap. Without it an overlap is an error.
    overlap: Option<Overlap>,
    /// Windows one by one.
    #[schemars(length(min = 1))]
    runs: Option<Vec<Run>>,
    /// Windows by rule: from, to, every.
    #[schemars(length(min = 1))]
    ranges: Option<Vec<Range>>,
}

/// The column that tells when a row was changed.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "stands for its fields; the schema describes each of them"
)]
struct DeltaColumn {
    /// The column's name.
    #[schemars(regex(pattern = r"\S"), example = &"updatedAt")]
    name: String,
    /// How the column writes its dates. Default: what the service assumes.
    #[schemars(regex(pattern = r"\S"), example = &"yyyy-MM-dd HH:mm:ss")]
    date_format: Option<String>,
    /// The time zone of the column's dates. Default: what the service assumes.
    #[schemars(regex(pattern = r"\S"), example = &"UTC")]
    timezone: Option<String>,
}

/// One window: `[windowStartTime, windowEndTime)`.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "stands for its fields; the schema describes each of them"
)]
struct Run {
    /// Where the window starts, inclusive.
    ///
    /// RFC 3339 (`2022-05-03T13:36:31Z`), a date or date-time in UTC (`2022-05-03`), or unix
    /// seconds (10 digits).
    window_start_time: Time,
    /// Where the window ends, exclusive: the next window may start there.
    ///
    /// RFC 3339 (`2022-05-03T13:52:36Z`), a date or date-time in UTC (`2022-05-03`), or unix
    /// seconds (10 digits).
    window_end_time: Time,
    /// When the service should begin the run. Default: when it is sent.
    start_time: Option<Time>,
    /// 2 runs the window a second time, on purpose; it needs a `reason`. Default: 1.
    rerun: Option<Rerun>,
}

/// Windows side by side, from `from` to `to`.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "stands for its fields; the schema describes each of them"
)]
struct Range {
    /// Where the first window starts, inclusive. All windows are counted from here.
    ///
    /// A date or date-time in `timezone` (`2022-01-01`), RFC 3339 (`2022-01-01T00:00:00Z`), or
    /// unix seconds (10 digits).
    from: Time,
    /// Where the last window ends, exclusive: `2023-01-01` ends with 31 December 2022.
    ///
    /// A date or date-time in `timezone`, RFC 3339, or unix seconds (10 digits).
    to: Time,
    /// How long each window is: a number and a unit, `15 minutes`, `6 hours`, `1 day`, `1 week`,
    /// `1 month`, in short `15m`, `6h`, `1d`, or ISO 8601, `PT6H`, `P1D`.
    ///
    /// Days, weeks and months are those of the calendar in `timezone`: a day has 23 or 25 hours
    /// when the clocks change. `24 hours` is always 24 hours.
    every: Every,
    /// The time zone of `from`, `to`, `except` and of the calendar, as an IANA name. Default:
    /// `UTC`.
    #[schemars(example = &"UTC", example = &"Europe/Madrid", example = &"America/New_York")]
    timezone: Option<String>,
    /// Windows that start at these times are left out.
    except: Option<Vec<Time>>,
    /// When the service should begin the runs. Default: when they are sent.
    start_time: Option<Time>,
    /// 2 runs these windows a second time, on purpose; it needs a `reason`. Default: 1.
    rerun: Option<Rerun>,
}

/// `table` or `file`.
struct Source;

/// `allow`.
struct Overlap;

/// A time in any of its forms.
struct Time;

/// A length of time.
struct Every;

/// How often a window was wanted.
struct Rerun;

/// A type that is a piece of schema and no more.
macro_rules! written_out {
    ($($name:ident = $schema:expr;)*) => {
        $(impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        })*
    };
}

written_out! {
    Source = json_schema!({
        "type": "string",
        "enum": ["table", "file"],
        "enumDescriptions": [
            "Databases, CRM and the like: rows, told apart by `deltaColumn`.",
            "Storages: files, told apart by when they were last modified.",
        ],
    });
    Overlap = json_schema!({ "type": "string", "enum": ["allow"] });
    Rerun = json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX });
    Time = json_schema!({
        "type": ["string", "integer"],
        "minimum": LEAST_OF_TEN_DIGITS,
        "maximum": UnixSeconds::MAX.get(),
        "pattern": TIME,
        "patternErrorMessage":
            "A time is `2022-05-03T13:36:31Z`, `2022-05-03`, or unix seconds (10 digits).",
        "examples": ["2022-05-03", "2022-05-03T13:36:31Z", 1_651_584_991],
    });
    Every = json_schema!({
        "type": "string",
        "pattern": every_pattern(),
        "patternErrorMessage":
            "A length of time is a number and a unit: `15 minutes`, `6 hours`, `1 day`, `1 month`.",
        "examples": ["1 day", "6 hours", "15 minutes", "1 week", "1 month", "PT6H"],
    });
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
    let source =
        |is: &str| json!({ "properties": { "source": { "const": is } }, "required": ["source"] });
    json!([
        { "if": source("table"), "then": { "required": ["deltaColumn"] } },
        { "if": source("file"), "then": { "properties": { "deltaColumn": false } } },
    ])
}

/// `runs`, `ranges`, or both.
fn asks_for_something() -> Value {
    json!([{ "required": ["runs"] }, { "required": ["ranges"] }])
}

/// From what is derived to what an editor wants: an optional field is left away, `null` is not a
/// value of it; a paragraph of text is one line, as wide as the editor likes.
#[derive(Debug, Clone)]
struct ForEditors;

impl Transform for ForEditors {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(schema) = schema.as_object_mut() else {
            return;
        };
        if let Some(Value::String(text)) = schema.get_mut("description") {
            let paragraphs: Vec<_> = text
                .split("\n\n")
                .map(|paragraph| paragraph.replace('\n', " "))
                .collect();
            *text = paragraphs.join("\n\n");
            // Editors that know this keyword draw `code` as code.
            let markdown = text.clone();
            schema.insert("markdownDescription".to_owned(), markdown.into());
        }
        if let Some(is) = schema.get_mut("type")
            && let Value::Array(types) = &mut *is
        {
            types.retain(|name| name != "null");
            if types.len() == 1 {
                *is = types.remove(0);
            }
        }
        if let Some(Value::Array(values)) = schema.get_mut("enum") {
            values.retain(|value| !value.is_null());
        }
        if let Some(Value::Array(mut choices)) = schema.remove("anyOf") {
            choices.retain(|choice| choice != &json!({ "type": "null" }));
            match choices.as_slice() {
                // The field's own text stands before that of its type.
                [Value::Object(only)] => {
                    for (name, value) in only {
                        schema.entry(name.as_str()).or_insert(value.clone());
                    }
                }
                _ => {
                    schema.insert("anyOf".to_owned(), choices.into());
                }
            }
        }
    }
}

/// The JSON Schema (draft-07) of a manifest.
#[must_use]
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .with_transform(ForEditors)
        .into_generator()
        .into_root_schema_for::<Manifest>();
    schema.insert("title".to_owned(), json!("A manifest of backfill"));
    schema.to_value()
}

#[cfg(test)]
mod tests;
