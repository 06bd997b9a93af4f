//! The single values that fields take: how each is written, and what editors are told of it.

use std::num::NonZeroUsize;

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::fields::{Context, Form, Scalar};
use super::length::{self, Every, parse_every};
use super::problem::{Misread, Rule};
use super::time::{self, ZonedMoment, read_time};
use super::zone::read_zone;
use crate::run::{FlowId, Order, Rerun, Sandbox};

/// The only version there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version;

impl Scalar for Version {
    const FORM: Form = Form::Number;

    fn schema() -> Json {
        json!({ "type": "integer", "const": 1, "format": "uint8", "minimum": 0, "maximum": 255 })
    }

    fn parse(text: &str, _: &mut Context<'_>) -> Result<Self, Misread> {
        let message = || format!("version {text} is not known");
        let error = || Misread::new(Rule::UnknownValue, message(), "write `version: 1`");
        (text == "1").then_some(Self).ok_or_else(error)
    }
}

impl Scalar for FlowId {
    const FORM: Form = Form::Id;

    fn schema() -> Json {
        json!({
            "type": "string",
            "format": "uuid",
            "pattern":
                "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
            "patternErrorMessage":
                "A flow id is a UUID such as 3abea21c-7e36-4be1-bec1-d3bad0e3e0de.",
            "examples": ["3abea21c-7e36-4be1-bec1-d3bad0e3e0de"],
        })
    }

    fn parse(text: &str, _: &mut Context<'_>) -> Result<Self, Misread> {
        let hint = "copy it from the address of the flow's page";
        text.parse()
            .map_err(|error| Misread::new(Rule::FlowId, format!("{error}"), hint))
    }
}

impl Scalar for Sandbox {
    const FORM: Form = Form::Word;

    fn schema() -> Json {
        json!({
            "type": "string",
            "pattern": "^[a-z0-9-]{1,256}$",
            "patternErrorMessage":
                "A sandbox name is lower-case letters, digits and hyphens: the name, not the title.",
            "examples": ["prod"],
        })
    }

    fn parse(text: &str, _: &mut Context<'_>) -> Result<Self, Misread> {
        let hint = "write its name, not its title; the list of sandboxes shows both";
        text.parse()
            .map_err(|error| Misread::new(Rule::Sandbox, format!("{error}"), hint))
    }
}

/// A text for people that is not blank.
#[derive(Debug, Clone)]
pub(super) struct Label(pub(super) String);

impl Scalar for Label {
    const FORM: Form = Form::Sentence;

    fn schema() -> Json {
        json!({ "type": "string", "pattern": r"\S", "examples": ["crm-accounts"] })
    }

    fn parse(text: &str, context: &mut Context<'_>) -> Result<Self, Misread> {
        not_blank(text, context.field).map(Self)
    }
}

/// A text that the service is sent as it is.
#[derive(Debug, Clone)]
pub(super) struct Verbatim(pub(super) String);

impl Scalar for Verbatim {
    const FORM: Form = Form::Verbatim;

    fn schema() -> Json {
        json!({ "type": "string", "pattern": r"\S" })
    }

    fn parse(text: &str, context: &mut Context<'_>) -> Result<Self, Misread> {
        not_blank(text, context.field).map(Self)
    }
}

fn not_blank(text: &str, field: &str) -> Result<String, Misread> {
    if text.trim().is_empty() {
        let message = format!("`{field}` is empty");
        let hint = "write a value, or leave the field away";
        return Err(Misread::new(Rule::MissingField, message, hint));
    }
    Ok(text.to_owned())
}

/// A text that tells a reviewer something.
#[derive(Debug, Clone)]
pub(super) struct Reason(pub(super) String);

impl Scalar for Reason {
    const FORM: Form = Form::Sentence;

    fn schema() -> Json {
        json!({ "type": "string", "examples": ["Restate accounts after the CRM migration"] })
    }

    fn parse(text: &str, _: &mut Context<'_>) -> Result<Self, Misread> {
        if is_placeholder(text) {
            let message = format!("`{text}` is no reason");
            let hint = "say why these windows are ingested again, for who reads it";
            return Err(Misread::new(Rule::PlaceholderReason, message, hint));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether `reason` says nothing, as `TODO` and `...` do.
#[must_use]
pub fn is_placeholder(reason: &str) -> bool {
    const WORDS: [&str; 12] = [
        "todo", "tbd", "fixme", "xxx", "na", "none", "reason", "test", "why", "foo", "asdf", "wip",
    ];
    let letters: String = reason.chars().filter(|c| c.is_alphanumeric()).collect();
    letters.is_empty() || WORDS.iter().any(|word| letters.eq_ignore_ascii_case(word))
}

/// One of a few words.
trait Choice: Copy + 'static {
    /// Each with its meaning, if editors are told one.
    const WORDS: &'static [(&'static str, &'static str, Self)];
    const HINT: &'static str;
}

impl<T: Choice> Scalar for T {
    const FORM: Form = Form::Word;

    fn schema() -> Json {
        let words: Vec<_> = T::WORDS.iter().map(|(word, _, _)| word).collect();
        let texts = T::WORDS.iter().map(|(_, text, _)| text);
        let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
        let mut schema = json!({ "type": "string", "enum": words });
        if !texts.is_empty() {
            schema["enumDescriptions"] = json!(texts);
        }
        schema
    }

    fn parse(text: &str, context: &mut Context<'_>) -> Result<Self, Misread> {
        let found = T::WORDS.iter().find(|(word, _, _)| *word == text);
        found.map(|(_, _, value)| *value).ok_or_else(|| {
            let words: Vec<_> = T::WORDS.iter().map(|(w, _, _)| format!("`{w}`")).collect();
            let (field, words) = (context.field, words.join(" or "));
            let message = format!("`{field}` takes {words}, not `{text}`");
            Misread::new(Rule::UnknownValue, message, T::HINT)
        })
    }
}

/// What kind of source a flow reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceKind {
    Table,
    File,
}

impl Choice for SourceKind {
    const WORDS: &'static [(&'static str, &'static str, Self)] = &[
        (
            "table",
            "Databases, CRM and the like: rows, told apart by `deltaColumn`.",
            Self::Table,
        ),
        (
            "file",
            "Storages: files, told apart by when they were last modified.",
            Self::File,
        ),
    ];
    const HINT: &'static str = "databases and warehouses are `table`, storages are `file`";
}

impl Choice for Order {
    const WORDS: &'static [(&'static str, &'static str, Self)] = &[
        (
            "oldest-first",
            "The earliest window first.",
            Self::OldestFirst,
        ),
        (
            "newest-first",
            "The latest window first.",
            Self::NewestFirst,
        ),
    ];
    const HINT: &'static str = "leave it away to have the oldest windows sent first";
}

/// That windows may overlap.
#[derive(Debug, Clone, Copy)]
pub(super) struct AllowOverlap;

impl Choice for AllowOverlap {
    const WORDS: &'static [(&'static str, &'static str, Self)] = &[("allow", "", Self)];
    const HINT: &'static str = "leave it away to have overlaps refused";
}

impl Scalar for bool {
    const FORM: Form = Form::Boolean;

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }

    fn parse(text: &str, _: &mut Context<'_>) -> Result<Self, Misread> {
        Ok(text.eq_ignore_ascii_case("true"))
    }
}

fn count<T>(
    text: &str,
    new: impl FnOnce(u32) -> Option<T>,
    rule: Rule,
    hint: &'static str,
) -> Result<T, Misread> {
    let message = || format!("`{text}` is not a whole number from 1");
    let number = text.parse().ok().and_then(new);
    number.ok_or_else(|| Misread::new(rule, message(), hint))
}

impl Scalar for NonZeroUsize {
    const FORM: Form = Form::Number;

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX, "examples": [3] })
    }

    fn parse(text: &str, _: &mut Context<'_>) -> Result<Self, Misread> {
        let new = |number: u32| Self::new(number as usize);
        let hint = "write `paused: true` to have nothing sent";
        count(text, new, Rule::UnknownValue, hint)
    }
}

impl Scalar for Rerun {
    const FORM: Form = Form::Number;

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
    }

    fn parse(text: &str, _: &mut Context<'_>) -> Result<Self, Misread> {
        let hint = "2 runs the windows a second time; 1 is the default";
        count(text, Self::new, Rule::Rerun, hint)
    }
}

impl Scalar for Every {
    const FORM: Form = Form::Length;

    fn schema() -> Json {
        length::schema()
    }

    fn parse(text: &str, _: &mut Context<'_>) -> Result<Self, Misread> {
        parse_every(text)
    }
}

impl Scalar for TimeZone {
    const FORM: Form = Form::Word;

    fn schema() -> Json {
        json!({ "type": "string", "examples": ["UTC", "Europe/Madrid", "America/New_York"] })
    }

    fn parse(text: &str, context: &mut Context<'_>) -> Result<Self, Misread> {
        let zone = read_zone(text, context.is_hint_shown)?;
        *context.zone = zone.clone();
        Ok(zone)
    }
}

impl Scalar for ZonedMoment {
    const FORM: Form = Form::Time;

    fn schema() -> Json {
        time::schema()
    }

    fn parse(text: &str, context: &mut Context<'_>) -> Result<Self, Misread> {
        read_time(text, context.zone)
    }
}
