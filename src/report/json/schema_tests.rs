//! The JSON Schemas of the documents, made from their structs and kept in `docs/schemas`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{
    ApplyDocument, AuditDocument, FailureDocument, ImportDocument, PlanDocument, ResolveDocument,
    RetryDocument, StateDocument, StatusDocument, ValidateDocument, VerifyDocument,
};
use crate::report::doctor::DoctorDocument;
use crate::run::{FlowId, Key, OrganizationId, RunId, Sandbox};
use crate::untrusted::Untrusted;

/// Values that are one text in JSON.
macro_rules! text {
    ($($name:ident = $schema:expr;)*) => {
        $(impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        })*
    };
}

text! {
    Key = json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    FlowId = json_schema!({ "type": "string", "format": "uuid" });
    RunId = json_schema!({ "type": "string" });
    Sandbox = json_schema!({ "type": "string", "pattern": "^[a-z0-9-]{1,256}$" });
    OrganizationId = json_schema!({ "type": "string", "pattern": "@AdobeOrg$" });
    Untrusted = json_schema!({ "type": "string" });
}

fn schema<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}

/// Each document with the name of its schema's file.
fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("apply.v1", schema::<ApplyDocument>("apply/v1")),
        ("audit.v1", schema::<AuditDocument<'_>>("audit/v1")),
        ("doctor.v1", schema::<DoctorDocument<'_>>("doctor/v1")),
        (
            "failure.v1",
            schema::<FailureDocument>(
                "In the place of a plan, a retry or an audit that could not be made",
            ),
        ),
        ("import.v1", schema::<ImportDocument<'_>>("import/v1")),
        ("plan.v2", schema::<PlanDocument<'_>>("plan/v2")),
        ("resolve.v1", schema::<ResolveDocument<'_>>("resolve/v1")),
        ("retry.v1", schema::<RetryDocument>("retry/v1")),
        ("state.v1", schema::<StateDocument<'_>>("state/v1")),
        ("status.v1", schema::<StatusDocument<'_>>("status/v1")),
        ("validate.v1", schema::<ValidateDocument<'_>>("validate/v1")),
        ("verify.v1", schema::<VerifyDocument>("verify/v1")),
    ]
}

fn file(name: &str) -> PathBuf {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    docs.join(format!("{name}.json"))
}

#[test]
fn the_schemas_in_docs_are_those_of_the_documents() {
    for (name, schema) in schemas() {
        check(name, &schema);
    }
}

/// Compares the schema of a document with the one in `docs`: `BACKFILL_WRITE_SCHEMAS=1` writes it anew.
#[cfg(feature = "rehearse")]
pub(crate) fn check_schema<T: JsonSchema>(name: &str, title: &str) {
    check(name, &schema::<T>(title));
}

fn check(name: &str, schema: &Value) {
    let file = file(name);
    let text = serde_json::to_string_pretty(schema).expect("JSON") + "\n";
    if std::env::var_os("BACKFILL_WRITE_SCHEMAS").is_some() {
        std::fs::write(&file, &text).expect("written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept.replace("\r\n", "\n") == text,
        "{} is stale: BACKFILL_WRITE_SCHEMAS=1 cargo test --lib schema writes it",
        file.display()
    );
    jsonschema::meta::validate(schema).expect("a schema");
}
