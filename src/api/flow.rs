//! A dataflow as `GET /flows/{id}` shows it: what an apply checks before it sends.

use serde_json::Value;

use super::redact::plain;
use crate::run::DeltaColumn;
use crate::untrusted::Untrusted;

/// `CRMToAEP`, the flow spec of every table source (Adobe's database tutorial).
const TABLE_SPEC: &str = "14518937-270c-4525-bdec-c2ba7cce3860";
/// `CloudStorageToAEP`, the flow spec of every file source (Adobe's cloud storage tutorial).
const FILE_SPEC: &str = "9753525b-82c7-4dce-8a9b-5ccfce2b9876";

/// What is known of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Its name, as people gave it.
    pub name: Option<Untrusted>,
    /// Such as `enabled`.
    pub state: Option<Untrusted>,
    /// `scheduleParams.frequency`, such as `once`.
    pub frequency: Option<Untrusted>,
    /// The delta column in its Copy transformation: written there by the first run. Compared with
    /// the manifest's to the letter, so it is as the service gave it, and must be made plain to be
    /// shown.
    pub delta_column: Option<DeltaColumn>,
    /// Rows or files, where the flow itself tells.
    pub kind: Option<SourceKind>,
    /// The id of its flow spec, which tells when the flow does not.
    pub spec_id: Option<Untrusted>,
}

/// What a flow reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// Rows.
    Table,
    /// Files.
    File,
}

impl Flow {
    /// How it is scheduled, if it is not `once`: only for such flows runs are created on demand.
    pub(crate) fn other_schedule(&self) -> Option<&Untrusted> {
        let frequency = self.frequency.as_ref()?;
        (!frequency.raw().eq_ignore_ascii_case("once")).then_some(frequency)
    }

    /// Reads a flow, bare or as the only item of a list; `None` if it is neither.
    #[must_use]
    pub fn read(body: &Value) -> Option<Self> {
        let flow = first_item(body)?;
        flow.get("id")?;
        let text = |pointer: &str| {
            flow.pointer(pointer)
                .and_then(Value::as_str)
                .map(|text| Untrusted::from(plain(text)))
        };
        let delta_column = flow
            .get("transformations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|step| {
                step.get("name")
                    .and_then(Value::as_str)
                    .is_some_and(|name| name.eq_ignore_ascii_case("copy"))
            })
            .find_map(|copy| copy.pointer("/params/deltaColumn"))
            .and_then(|column| serde_json::from_value(column.clone()).ok());
        let spec_id = text("/flowSpec/id");
        let kind = match spec_id.as_ref().map(Untrusted::raw) {
            Some(TABLE_SPEC) => Some(SourceKind::Table),
            Some(FILE_SPEC) => Some(SourceKind::File),
            _ if delta_column.is_some() => Some(SourceKind::Table),
            _ => None,
        };
        Some(Self {
            name: text("/name"),
            state: text("/state"),
            frequency: text("/scheduleParams/frequency"),
            delta_column,
            kind,
            spec_id,
        })
    }
}

/// What a flow spec (`GET /flowSpecs/{id}`) says of its flows: table sources need a delta column.
#[must_use]
pub fn kind_by_spec(body: &Value) -> Option<SourceKind> {
    let required = first_item(body)?
        .pointer("/runSpec/spec/required")?
        .as_array()?;
    let needs_delta_column = required
        .iter()
        .any(|name| name.as_str() == Some("deltaColumn"));
    Some(if needs_delta_column {
        SourceKind::Table
    } else {
        SourceKind::File
    })
}

fn first_item(body: &Value) -> Option<&Value> {
    match body.get("items") {
        Some(items) => items.get(0),
        None => Some(body),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_flow_is_read_with_its_loosely_typed_schedule_and_copy_transformation() {
        let body = json!({"items": [{
            "id": "f", "name": "CRM", "state": "enabled",
            "flowSpec": {"id": TABLE_SPEC, "version": "1.0"},
            "scheduleParams": {"startTime": "1612310466", "frequency": "once"},
            "transformations": [
                {"name": "Copy", "params": {"deltaColumn": {"name": "DOB", "dateFormat": "YYYY"}}},
                {"name": "Mapping", "params": {}}
            ]
        }]});
        let flow = Flow::read(&body).expect("a flow");
        assert_eq!(flow.name.as_ref().map(Untrusted::raw), Some("CRM"));
        assert_eq!(flow.frequency.as_ref().map(Untrusted::raw), Some("once"));
        assert_eq!(flow.kind, Some(SourceKind::Table));
        assert_eq!(
            flow.delta_column.map(|column| column.name).as_deref(),
            Some("DOB")
        );
        let bare = Flow::read(&body["items"][0]).expect("a flow");
        assert_eq!(bare.state.as_ref().map(Untrusted::raw), Some("enabled"));
    }

    #[test]
    fn a_spec_that_requires_a_delta_column_is_a_tables() {
        let spec =
            |required: Value| json!({"items": [{"runSpec": {"spec": {"required": required}}}]});
        let all = json!([
            "startTime",
            "windowStartTime",
            "windowEndTime",
            "deltaColumn"
        ]);
        assert_eq!(kind_by_spec(&spec(all)), Some(SourceKind::Table));
        assert_eq!(
            kind_by_spec(&spec(json!(["startTime"]))),
            Some(SourceKind::File)
        );
        assert_eq!(kind_by_spec(&json!({"items": [{}]})), None);
    }
}
