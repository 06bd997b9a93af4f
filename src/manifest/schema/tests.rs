use proptest::prelude::*;

use super::*;
use crate::manifest::length::parse_every;
use crate::manifest::time::read_time;

fn fields(pointer: &str) -> Vec<String> {
    let schema = json_schema();
    let mapping = schema.pointer(pointer).expect(pointer);
    assert_eq!(mapping["additionalProperties"], false, "{pointer}");
    let fields = mapping["properties"].as_object().expect("fields");
    for (field, schema) in fields {
        let text = schema["description"].as_str().unwrap_or_default();
        assert!(text.ends_with('.'), "{pointer}/{field} says: {text}");
    }
    fields.keys().cloned().collect()
}

#[test]
fn each_field_has_a_text_and_no_mapping_takes_another() {
    for (pointer, number) in [
        ("", 15),
        ("/properties/flows/items", 4),
        ("/properties/deltaColumn", 3),
        ("/properties/runs/items", 4),
        ("/properties/ranges/items", 7),
    ] {
        assert_eq!(fields(pointer).len(), number, "{pointer}");
    }
}

/// Tables of the fields of `mapping` and of those within it, each mapping once.
fn tables(mapping: &Description, tables: &mut Vec<String>) {
    let rows = mapping.fields.iter().map(|field| {
        let required = if field.is_required { " Required." } else { "" };
        let text = paragraphs(field.text).join(" ");
        format!("| `{}` | {text}{required} |\n", field.name)
    });
    let rows: String = rows.collect();
    let table = format!("| field | of {} |\n|---|---|\n{rows}", mapping.name);
    if !tables.contains(&table) {
        tables.push(table);
    }
    for field in &mapping.fields {
        if let Kind::Mapping(block) | Kind::List(block) = field.kind {
            self::tables(&block(), tables);
        }
    }
}

#[test]
fn the_page_of_manifests_lists_every_field_as_it_is_declared() {
    let page = include_str!("../../../docs/manifests.md");
    let (_, rest) = page.split_once("<!-- fields -->\n").expect("a mark");
    let (written, _) = rest.split_once("<!-- /fields -->").expect("a mark");
    let mut declared = Vec::new();
    tables(&Description::of::<Document>(), &mut declared);
    let declared = declared.join("\n");
    assert_eq!(
        written, declared,
        "docs/manifests.md has other fields; write\n{declared}"
    );
}

#[test]
fn no_field_takes_null() {
    assert!(!json_schema().to_string().contains("null"));
}

/// Whether `value` fits the piece of schema at `pointer`.
fn fits(pointer: &str, value: impl Into<Value>) -> bool {
    let schema = json_schema();
    jsonschema::is_valid(schema.pointer(pointer).expect(pointer), &value.into())
}

const EVERY: &str = "/properties/ranges/items/properties/every";
const FROM: &str = "/properties/ranges/items/properties/from";

#[test]
fn lengths_that_are_read_fit_and_common_slips_do_not() {
    for text in [
        "1 day",
        "15 minutes",
        " 6 Hours ",
        "1day",
        "2 YEARS",
        "+1 week",
        "P1D",
        "PT6H",
        "pt1h30m",
        "P1Y6M",
        "P1M1D",
        "P0DT6H",
        "1d",
        "15m",
        "1h30m",
        "1 hour, 30 minutes",
    ] {
        assert!(parse_every(text).is_ok(), "{text}");
        assert!(fits(EVERY, text), "{text}");
    }
    for text in [
        "",
        "daily",
        "900",
        "01:30",
        "1.5 hours",
        "P",
        "PT",
        "P1",
        "P1DT",
        "often",
    ] {
        assert!(!fits(EVERY, text), "{text}");
    }
    assert!(!fits(EVERY, 900));
}

#[test]
fn times_that_are_read_fit_and_common_slips_do_not() {
    for text in [
        "2022-05-03",
        "2022-05-03T13:36:31Z",
        "2022-05-03 13:36",
        "2022-05-03t13:36+02:00",
        "1651584991",
        "+1651584991",
    ] {
        assert!(read_time(text, &jiff::tz::TimeZone::UTC).is_ok(), "{text}");
        assert!(fits(FROM, text), "{text}");
    }
    assert!(fits(FROM, 1_651_584_991));
    for text in [
        "",
        "yesterday",
        "2022-5-3",
        "22-05-03",
        "16515859567",
        "1651584991000",
    ] {
        assert!(!fits(FROM, text), "{text}");
    }
    for number in [16_515_859_567_i64, 1_651_584_991_000, 20_220_503] {
        assert!(!fits(FROM, number), "{number}");
    }
}

proptest! {
    #[test]
    fn whatever_is_read_as_a_length_or_a_time_fits(
        length in r"[ +]{0,2}[0-9]{1,3} ?(second|Minute|HOUR|day|week|mo|month|yr|Year|S|m|H|d|w)s? ?|([0-9]{1,2} ?(d|h|min|sec)s?,? ?){1,3}|[Pp]?([0-9]{1,2}[YMWDymwd]){0,3}[Tt]?([0-9]{1,2}[HMShms]){0,2}",
        time in r"[+-]?[0-9]{9,11}|[12][0-9]{3}-[01][0-9]-[0-3][0-9]([Tt ][0-2][0-9]:[0-5][0-9](:[0-5][0-9])?(Z|z|[+-][01][0-9]:?[03]0)?)?",
    ) {
        prop_assert!(parse_every(&length).is_err() || fits(EVERY, length.as_str()), "{length}");
        let zone = jiff::tz::TimeZone::UTC;
        prop_assert!(read_time(&time, &zone).is_err() || fits(FROM, time.as_str()), "{time}");
    }
}
