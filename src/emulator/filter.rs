//! `property=` filters and `orderby`: read from text, applied to the JSON of an entity.
//!
//! As Adobe's "Filter flows and runs" page shows them: `path==a,b` (one of several), `>`, `<`,
//! `>=`, `<=`, quoted values, dotted paths, `[]` after an array. What that page or the error
//! catalogue refuses is refused here with the same code.

use std::cmp::Ordering;

use serde_json::Value;

use super::refusal::ServiceError;

/// One `property=` filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    path: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Filter {
    /// Reads a filter over entities with these top-level fields.
    pub(super) fn read(text: &str, fields: &[&str]) -> Result<Self, ServiceError> {
        let is_path =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '[' | ']');
        let (path, rest) = text.split_at(text.find(|c| !is_path(c)).unwrap_or(text.len()));
        check_field(path, fields).map_err(|message| ServiceError::bad_request(1449, message))?;
        let symbol_end = rest
            .find(|c: char| !matches!(c, '=' | '<' | '>' | '!' | '~'))
            .unwrap_or(rest.len());
        let (symbol, values) = rest.split_at(symbol_end);
        let operator = match symbol {
            "==" => Operator::Equal,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            _ => {
                return Err(ServiceError::bad_request(
                    1450,
                    format!("The operator `{symbol}` in the filter `{text}` is not supported."),
                ));
            }
        };
        let values: Vec<_> = values
            .split(',')
            .map(|value| unquoted(value.trim()))
            .collect();
        if values.iter().any(|value| value.is_empty()) {
            return Err(ServiceError::bad_request(
                1453,
                format!("The filter `{text}` has an empty value."),
            ));
        }
        if operator != Operator::Equal && values.len() > 1 {
            return Err(ServiceError::bad_request(
                1443,
                format!("The operator `{symbol}` does not take several values."),
            ));
        }
        if operator != Operator::Equal && path == "id" {
            return Err(ServiceError::bad_request(
                1448,
                format!("The operator `{symbol}` is not supported for id."),
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            operator,
            values: values.into_iter().map(str::to_owned).collect(),
        })
    }

    /// The values that the field `path` must equal one of, if that is what the filter says.
    pub(super) fn equals(&self, path: &str) -> Option<&[String]> {
        (self.operator == Operator::Equal && self.path == path).then_some(&self.values)
    }

    /// The top-level field that the filter looks at.
    pub(super) fn field(&self) -> &str {
        top_field(&self.path)
    }

    /// Whether the entity passes.
    pub(super) fn passes(&self, entity: &Value) -> bool {
        // Adobe filters runs by `state==inProgress` and by `…status==Failed`, but shows neither
        // the field nor the capital: the first is read as the second, and words match in any case.
        let is_run = entity.get("metrics").is_some();
        let path = match self.path.as_str() {
            "state" if is_run => "metrics.statusSummary.status",
            path => path,
        };
        let any_case = path.ends_with(".status");
        self.values.iter().any(|wanted| {
            any_at(entity, path, &mut |found| {
                let order = if any_case && let Some(word) = found.as_str() {
                    plain(word).cmp(&plain(wanted)).into()
                } else {
                    compare(found, wanted)
                };
                order.is_some_and(|order| match self.operator {
                    Operator::Equal => order.is_eq(),
                    Operator::Greater => order.is_gt(),
                    Operator::GreaterOrEqual => order.is_ge(),
                    Operator::Less => order.is_lt(),
                    Operator::LessOrEqual => order.is_le(),
                })
            })
        })
    }
}

/// One field of `orderby`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OrderBy {
    path: String,
    descends: bool,
}

impl OrderBy {
    /// Reads `orderby`: fields separated by commas, each with `+`, `-` or nothing before it.
    pub(super) fn read(text: &str, fields: &[&str]) -> Result<Vec<Self>, ServiceError> {
        text.split(',')
            .map(|field| {
                // A `+` that was not percent-encoded arrives as a blank.
                let (path, descends) = match field.as_bytes().first() {
                    Some(b'-') => (&field[1..], true),
                    Some(b'+' | b' ') => (&field[1..], false),
                    Some(first) if first.is_ascii_alphanumeric() => (field, false),
                    _ => {
                        return Err(ServiceError::bad_request(
                            1432,
                            format!("orderby `{field}` begins with neither + nor - nor a field."),
                        ));
                    }
                };
                check_field(path, fields)
                    .map_err(|message| ServiceError::bad_request(1433, message))?;
                Ok(Self {
                    path: path.to_owned(),
                    descends,
                })
            })
            .collect()
    }

    /// The top-level field that the order looks at.
    pub(super) fn field(&self) -> &str {
        top_field(&self.path)
    }

    /// The value to sort by, as [`OrderBy::compare`] takes it.
    pub(super) fn key(&self, entity: &Value) -> Value {
        let mut key = Value::Null;
        any_at(entity, &self.path, &mut |found| {
            key = found.clone();
            true
        });
        key
    }

    /// Compares two keys: numbers, then texts, then what is missing.
    pub(super) fn compare(&self, a: &Value, b: &Value) -> Ordering {
        let order = match (a, b) {
            (Value::Number(a), Value::Number(b)) => a
                .as_f64()
                .partial_cmp(&b.as_f64())
                .unwrap_or(Ordering::Equal),
            (Value::String(a), Value::String(b)) => a.cmp(b),
            _ => rank(a).cmp(&rank(b)),
        };
        if self.descends {
            order.reverse()
        } else {
            order
        }
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        _ => 2,
    }
}

fn top_field(path: &str) -> &str {
    let top = path.split('.').next().unwrap_or_default();
    top.strip_suffix("[]").unwrap_or(top)
}

fn check_field(path: &str, fields: &[&str]) -> Result<(), String> {
    if fields.contains(&top_field(path)) {
        Ok(())
    } else {
        Err(format!("The field `{path}` is not valid."))
    }
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value)
}

/// A status word without what its spellings differ in.
fn plain(word: &str) -> String {
    word.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Whether `accept` takes any of the values at `path`.
fn any_at(entity: &Value, path: &str, accept: &mut dyn FnMut(&Value) -> bool) -> bool {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let mut go_on = |found: &Value| match rest {
        Some(rest) => any_at(found, rest, accept),
        None => accept(found),
    };
    match name.strip_suffix("[]") {
        Some(name) => entity
            .get(name)
            .and_then(Value::as_array)
            .is_some_and(|items| items.iter().any(go_on)),
        None => entity.get(name).is_some_and(&mut go_on),
    }
}

/// How the value found stands to the text wanted; `None` if they cannot be compared.
fn compare(found: &Value, wanted: &str) -> Option<Ordering> {
    match found {
        Value::Number(number) => match (number.as_i64(), wanted.parse::<i64>()) {
            (Some(number), Ok(wanted)) => Some(number.cmp(&wanted)),
            _ => number.as_f64()?.partial_cmp(&wanted.parse().ok()?),
        },
        Value::String(text) => match (text.parse::<i64>(), wanted.parse::<i64>()) {
            (Ok(number), Ok(wanted)) => Some(number.cmp(&wanted)),
            _ => Some(text.as_str().cmp(wanted)),
        },
        Value::Bool(truth) => Some(truth.to_string().as_str().cmp(wanted)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: &[&str] = &[
        "id",
        "flowId",
        "state",
        "createdAt",
        "metrics",
        "activities",
        "params",
    ];

    fn passes(filter: &str, entity: &Value) -> bool {
        Filter::read(filter, FIELDS).expect(filter).passes(entity)
    }

    fn code(refusal: ServiceError) -> u16 {
        match refusal {
            ServiceError::Service { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_are_compared_as_what_they_are() {
        let run = json!({
            "id": "a", "createdAt": 1000, "params": { "windowStartTime": "900" },
            "metrics": { "statusSummary": { "status": "failed" } },
            "activities": [{ "id": "copyActivity" }, { "id": "promotionActivity" }],
        });
        for yes in [
            "id==a",
            "id==b,a",
            "id==\"a\"",
            "createdAt>999",
            "createdAt>=1000",
            "createdAt<1001",
            "createdAt<=1000",
            "createdAt==1000",
            "params.windowStartTime>1",
            "metrics.statusSummary.status==Failed",
            "state==failed",
            "activities[].id==promotionActivity",
        ] {
            assert!(passes(yes, &run), "{yes}");
        }
        for no in [
            "id==b",
            "id==A",
            "createdAt>1000",
            "createdAt<1000",
            "createdAt==1e9",
            "metrics.statusSummary.status==success",
            "activities.id==copyActivity",
            "params.missing==1",
            "metrics==failed",
        ] {
            assert!(!passes(no, &run), "{no}");
        }
    }

    #[test]
    fn what_adobe_refuses_is_refused_with_its_code() {
        for (filter, expected) in [
            ("id~a", 1450),
            ("id!=a", 1450),
            ("createdAt!>1", 1450),
            ("id=a", 1450),
            ("id", 1450),
            ("createdAt>=1,2", 1443),
            ("id>=a", 1448),
            ("colour==red", 1449),
            ("==red", 1449),
            ("id==", 1453),
            ("id==a,,b", 1453),
            ("é==1", 1449),
        ] {
            let refusal = Filter::read(filter, FIELDS).expect_err(filter);
            assert_eq!(code(refusal), expected, "{filter}");
        }
    }

    #[test]
    fn order_is_ascending_unless_a_minus_says_so() {
        let order = OrderBy::read("-createdAt,+id, state,flowId", FIELDS).expect("an order");
        assert!(order[0].descends);
        assert!(order[1..].iter().all(|field| !field.descends));
        assert_eq!(order[0].compare(&json!(1), &json!(2)), Ordering::Greater);
        assert_eq!(order[1].compare(&json!("a"), &Value::Null), Ordering::Less);
        assert_eq!(code(OrderBy::read("~id", FIELDS).expect_err("~")), 1432);
        assert_eq!(code(OrderBy::read("", FIELDS).expect_err("empty")), 1432);
        assert_eq!(
            code(OrderBy::read("colour", FIELDS).expect_err("no field")),
            1433
        );
        assert_eq!(
            code(OrderBy::read("é", FIELDS).expect_err("no field")),
            1432
        );
    }
}
