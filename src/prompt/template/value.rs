//! Values of records as the template engine has them, and back as JSON.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Serde, Value, ValueKind};
use minijinja::{Error, ErrorKind};
use serde_json::{Map, Value as Json};

use crate::exact::{self, Exact};

/// A number that only its digits hold. It can be written and compared, and not calculated with.
#[derive(Debug)]
struct Digits(String);

impl Object for Digits {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The fields of a record or object, in their order.
pub(super) fn object(fields: &Map<String, Json>) -> Value {
    let pairs = fields
        .iter()
        .map(|(name, value)| (name.clone(), of_json(value)));
    Value::from_pairs(pairs)
}

fn of_json(value: &Json) -> Value {
    if let Some(digits) = exact::digits(value) {
        return Value::from_object(Digits(digits.to_owned()));
    }
    match value {
        Json::Array(items) => items.iter().map(of_json).collect(),
        Json::Object(fields) => object(fields),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Value::from(Serde(value)),
    }
}

/// JSON as plain text: unlike the engine's own filter, nothing is escaped for web pages. With
/// `true`, over several lines.
pub(super) fn to_json(value: &Value, pretty: Option<bool>) -> Result<String, Error> {
    let json = json(value)?;
    let text = match pretty {
        Some(true) => serde_json::to_string_pretty(&Exact(&json)),
        Some(false) | None => serde_json::to_string(&Exact(&json)),
    };
    text.map_err(unwritable)
}

fn json(value: &Value) -> Result<Json, Error> {
    if let Some(Digits(digits)) = value.downcast_object_ref() {
        return Ok(exact::number_of(digits));
    }
    if value.kind() == ValueKind::Map {
        let entry = |key: Value| {
            let inner = value.get_item(&key)?;
            let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            Ok((name, json(&inner)?))
        };
        return value
            .try_iter()?
            .map(entry)
            .collect::<Result<_, _>>()
            .map(Json::Object);
    }
    if value.kind() == ValueKind::Seq {
        let items = value.try_iter()?.map(|item| json(&item));
        return items.collect::<Result<_, _>>().map(Json::Array);
    }
    serde_json::to_value(value).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::BadSerialization, "a value that JSON cannot hold").with_source(error)
}
