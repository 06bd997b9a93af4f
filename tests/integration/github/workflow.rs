//! A workflow or an action as a runner reads it: YAML, with expressions in its texts.
//!
//! Only what ours use is understood; anything else is a panic, so that a test cannot pass by not
//! looking.

use std::collections::BTreeMap;

use serde_yaml::{Mapping, Value};

/// What expressions can name: `github.token`, `inputs.command`, …
pub(crate) type Names = BTreeMap<String, String>;

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) uses: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) condition: Option<String>,
    pub(crate) working_directory: String,
    pub(crate) with: Pairs,
    pub(crate) env: Pairs,
    /// Whether its failure is none of the job's.
    pub(crate) may_fail: bool,
}

/// The steps of the only job of a workflow, and the condition of the job.
pub(crate) fn job(text: &str) -> (Vec<Step>, Option<String>) {
    let workflow: Value = serde_yaml::from_str(text).expect("a workflow");
    let jobs = workflow["jobs"].as_mapping().expect("jobs");
    assert_eq!(jobs.len(), 1, "one job");
    let job = jobs.values().next().expect("a job");
    let condition = job.get("if").map(text_of);
    (steps(&job["steps"]), condition)
}

/// Names with their texts, in the order of the file.
pub(crate) type Pairs = Vec<(String, String)>;

/// The steps of a composite action, its inputs with their defaults, and its outputs.
pub(crate) fn action(text: &str) -> (Vec<Step>, Pairs, Pairs) {
    let action: Value = serde_yaml::from_str(text).expect("an action");
    let fields = |name: &str, field: &str| {
        let mapping = action[name].as_mapping().expect("a mapping");
        let of = |(name, one): (&Value, &Value)| (text_of(name), text_of(&one[field]));
        mapping.iter().map(of).collect()
    };
    (
        steps(&action["runs"]["steps"]),
        fields("inputs", "default"),
        fields("outputs", "value"),
    )
}

fn steps(value: &Value) -> Vec<Step> {
    let steps = value.as_sequence().expect("steps");
    steps.iter().map(step).collect()
}

fn step(step: &Value) -> Step {
    let text = |name: &str| step.get(name).map(text_of);
    let mapping = |name: &str| {
        let mapping = step.get(name).and_then(Value::as_mapping);
        mapping.map(pairs).unwrap_or_default()
    };
    let known = [
        "id",
        "if",
        "name",
        "uses",
        "run",
        "shell",
        "with",
        "env",
        "working-directory",
        "continue-on-error",
    ];
    for name in step.as_mapping().expect("a step").keys() {
        let name = text_of(name);
        assert!(
            known.contains(&name.as_str()),
            "a step's `{name}` is not known"
        );
    }
    Step {
        id: text("id").unwrap_or_default(),
        uses: text("uses"),
        run: text("run"),
        condition: text("if"),
        may_fail: text("continue-on-error").as_deref() == Some("true"),
        working_directory: text("working-directory").unwrap_or_else(|| ".".to_owned()),
        with: mapping("with"),
        env: mapping("env"),
    }
}

fn pairs(mapping: &Mapping) -> Pairs {
    let of = |(name, value): (&Value, &Value)| (text_of(name), text_of(value));
    mapping.iter().map(of).collect()
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(is) => is.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null => String::new(),
        other => panic!("no text: {other:?}"),
    }
}

/// `text` with each `${{ … }}` evaluated.
pub(crate) fn expand(text: &str, names: &Names) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${{") {
        let (expression, after) = after.split_once("}}").expect("a whole expression");
        out.push_str(before);
        out.push_str(&evaluate(expression, names));
        rest = after;
    }
    out + rest
}

/// How a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobStatus {
    /// All steps so far went well.
    Success,
    Failure,
    Cancelled,
}

/// Whether a condition holds, in a job that is doing so.
pub(crate) fn holds(condition: Option<&str>, status: JobStatus, names: &Names) -> bool {
    let is_well = status == JobStatus::Success;
    match condition {
        None => is_well,
        Some("always()") => true,
        Some("${{ !cancelled() }}") => status != JobStatus::Cancelled,
        Some(condition) => is_well && is_true(&evaluate(condition, names)),
    }
}

fn evaluate(expression: &str, names: &Names) -> String {
    let expression = expression.trim();
    if let Some((one, other)) = expression.split_once("||") {
        let one = evaluate(one, names);
        return if is_true(&one) {
            one
        } else {
            evaluate(other, names)
        };
    }
    if let Some((one, other)) = expression.split_once("&&") {
        let one = evaluate(one, names);
        return if is_true(&one) {
            evaluate(other, names)
        } else {
            one
        };
    }
    for (operator, is_equal) in [("==", true), ("!=", false)] {
        if let Some((one, other)) = expression.split_once(operator) {
            let same = evaluate(one, names) == evaluate(other, names);
            return (same == is_equal).to_string();
        }
    }
    if let Some(text) = expression.strip_prefix('\'') {
        return text.strip_suffix('\'').expect("a whole text").to_owned();
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    // A function's value is a name, too.
    let name = expression
        .strip_prefix("toJSON(")
        .and_then(|rest| rest.strip_suffix(')'));
    assert!(
        name.unwrap_or(expression).chars().all(is_name),
        "not understood: {expression}"
    );
    names.get(expression).cloned().unwrap_or_default()
}

fn is_true(value: &str) -> bool {
    !matches!(value, "" | "false" | "0")
}

#[test]
fn expressions_are_read_as_runners_read_them() {
    let names = Names::from([
        ("inputs.limit".to_owned(), "5".to_owned()),
        ("inputs.dry-run".to_owned(), "false".to_owned()),
    ]);
    for (text, expected) in [
        ("--limit=${{ inputs.limit }}", "--limit=5"),
        ("--flow=${{ inputs.flow }}", "--flow="),
        ("${{ inputs.dry-run && '--dry-run' || '' }}", ""),
        ("${{ vars.X || 'default' }}-${{inputs.limit}}", "default-5"),
        ("${{ inputs.limit == '5' }}", "true"),
    ] {
        assert_eq!(expand(text, &names), expected, "{text}");
    }
    assert!(holds(None, JobStatus::Success, &names) && !holds(None, JobStatus::Failure, &names));
    assert!(holds(Some("always()"), JobStatus::Failure, &names));
    let not_cancelled = Some("${{ !cancelled() }}");
    assert!(holds(not_cancelled, JobStatus::Failure, &names));
    assert!(!holds(not_cancelled, JobStatus::Cancelled, &names));
    assert!(!holds(
        Some("inputs.limit == '6'"),
        JobStatus::Success,
        &names
    ));
}
