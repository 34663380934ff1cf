//! Where prompts may be in records that have no usual field for them.

use serde_json::Value;

use super::Record;

/// Fields that often hold prompts.
const USUAL: [&str; 5] = ["prompt", "text", "question", "input", "messages"];

/// `; …` with the path to what looks like prompts inside of the fields of `record`, or nothing.
pub(super) fn advice(record: &Record) -> String {
    let lists = record
        .fields
        .iter()
        .filter_map(|(name, value)| list_of_rows(name, value));
    let (most_likely, objects) = (lists.max_by_key(|(likely, _)| *likely), &record.fields);
    most_likely
        .map(|(_, said)| said)
        .or_else(|| objects.iter().find_map(|(name, value)| inside(name, value)))
        .unwrap_or_default()
}

/// A list of objects, which may be the rows themselves; and how likely that is.
fn list_of_rows(name: &str, value: &Value) -> Option<((bool, usize), String)> {
    let items = value.as_array().filter(|items| !items.is_empty())?;
    let first = items.first()?.as_object()?;
    let is_conversation = first.contains_key("role") || first.contains_key("from");
    if !items.iter().all(Value::is_object) {
        return None;
    }
    if is_conversation {
        let said = format!("; `{name}` looks like a conversation: give --messages {name}");
        return Some(((true, items.len()), said));
    }
    let of_row = first.get("row").filter(|row| row.is_object());
    let and_column = of_row.map_or("", |_| ", and --column row.NAME for a field of its `row`");
    let said = format!(
        "; `{name}` holds a list of objects: if these are the rows, give --records /{}{and_column}",
        name.replace('~', "~0").replace('/', "~1"),
    );
    let is_likely = of_row.is_some() || USUAL.iter().any(|key| first.contains_key(*key));
    Some(((is_likely, items.len()), said))
}

/// An object that has a usual field.
fn inside(name: &str, value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let found = |key: &'static str| fields.contains_key(key).then_some(key);
    if let Some(messages) = found("messages") {
        return Some(format!(
            "; a conversation is at --messages {name}.{messages}"
        ));
    }
    let text = ["prompt", "text", "question", "input"]
        .into_iter()
        .find_map(found)?;
    Some(format!("; is it --column {name}.{text}?"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::record;
    use super::*;

    #[test]
    fn what_looks_like_prompts_is_named_with_its_path() {
        let rows = "holds a list of objects: if these are the rows, give --records";
        for (json, expected) in [
            (r#"{"data":[{"id":1}]}"#, format!("; `data` {rows} /data")),
            (
                r#"{"features":[{"name":"q"},{"name":"r"}],"rows":[{"row":{"q":1}}]}"#,
                format!("; `rows` {rows} /rows, and --column row.NAME for a field of its `row`"),
            ),
            (
                r#"{"body":{"messages":[]}}"#,
                "; a conversation is at --messages body.messages".into(),
            ),
            (
                r#"{"conversations":[{"from":"human"}]}"#,
                "; `conversations` looks like a conversation: give --messages conversations".into(),
            ),
            (
                r#"{"input":{"text":"a"}}"#,
                "; is it --column input.text?".into(),
            ),
            (r#"{"tags":["a"],"n":{"m":1}}"#, String::new()),
        ] {
            assert_eq!(advice(&record(json)), expected, "{json}");
        }
    }
}
