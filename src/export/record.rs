//! A line of an output, cut into the values of the columns that are wanted. Nothing is parsed that is
//! not looked at.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The objects of a record whose fields are columns of their own, such as `usage.input_tokens`.
pub(super) const GROUPS: [&str; 4] = ["usage", "error", "params", "metadata"];

/// A value as it stands in the line: JSON text. `None` is a field that is not there, or `null`.
pub(super) type Cell<'a> = Option<&'a str>;

/// Which fields of a line go into which column.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    fields: Vec<Field>,
    columns: usize,
    /// The position of the field that is likely to come next: lines are much alike.
    next: usize,
}

#[derive(Debug)]
struct Field {
    name: String,
    whole: Option<usize>,
    parts: Vec<(String, usize)>,
}

/// A column's place: a field, or a field of one of the [`GROUPS`].
pub(super) fn split(column: &str) -> (&str, Option<&str>) {
    match column.split_once('.') {
        Some((group, part)) if GROUPS.contains(&group) => (group, Some(part)),
        _ => (column, None),
    }
}

impl Cutter {
    /// Cuts out these columns.
    pub(super) fn new<'c>(columns: impl IntoIterator<Item = &'c str>) -> Self {
        let mut cutter = Self::default();
        for column in columns {
            cutter.add(column);
        }
        cutter
    }

    /// One more column, and its number.
    pub(super) fn add(&mut self, column: &str) -> usize {
        let number = self.columns;
        let (name, part) = split(column);
        let known = self.fields.iter().position(|field| field.name == name);
        let at = known.unwrap_or_else(|| {
            self.fields.push(Field {
                name: name.to_owned(),
                whole: None,
                parts: Vec::new(),
            });
            self.fields.len() - 1
        });
        let field = &mut self.fields[at];
        let there = match part {
            None => field.whole,
            Some(part) => {
                let mut parts = field.parts.iter();
                parts.find(|(name, _)| name == part).map(|(_, it)| *it)
            }
        };
        if let Some(there) = there {
            return there;
        }
        match part {
            None => field.whole = Some(number),
            Some(part) => field.parts.push((part.to_owned(), number)),
        }
        self.columns += 1;
        number
    }

    /// Puts the values of `line` into `cells`, one for each column. Returns false if it is no record.
    pub(super) fn cut<'a>(&mut self, line: &'a [u8], cells: &mut Vec<Cell<'a>>) -> bool {
        cells.clear();
        cells.resize(self.columns, None);
        self.next = 0;
        let mut reader = serde_json::Deserializer::from_slice(line);
        let cut = Cut {
            cutter: self,
            cells,
        };
        cut.deserialize(&mut reader).is_ok()
    }
}

struct Cut<'c, 'a> {
    cutter: &'c mut Cutter,
    cells: &'c mut Vec<Cell<'a>>,
}

impl<'a> DeserializeSeed<'a> for Cut<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Cut<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let fields = &self.cutter.fields;
        while let Some(Name(name)) = map.next_key()? {
            let is_it = |field: &Field| field.name == name;
            let likely = fields.get(self.cutter.next).is_some_and(is_it);
            let found = match likely {
                true => Some(self.cutter.next),
                false => fields.iter().position(is_it),
            };
            let Some(found) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.cutter.next = found + 1;
            let value = map.next_value::<&RawValue>()?.get();
            let field = &fields[found];
            if let Some(number) = field.whole {
                self.cells[number] = present(value);
            }
            if !field.parts.is_empty() && value.starts_with('{') {
                let parts = RecordParts {
                    parts: &field.parts,
                    cells: self.cells,
                };
                let mut reader = serde_json::Deserializer::from_str(value);
                let read = reader.deserialize_map(parts);
                read.map_err(serde::de::Error::custom)?;
            }
        }
        Ok(())
    }
}

struct RecordParts<'c, 'a> {
    parts: &'c [(String, usize)],
    cells: &'c mut Vec<Cell<'a>>,
}

impl<'a> Visitor<'a> for RecordParts<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let mut next = 0;
        while let Some(Name(name)) = map.next_key()? {
            let is_it = |(part, _): &(String, usize)| *part == name;
            let likely = self.parts.get(next).is_some_and(is_it);
            let found = match likely {
                true => Some(next),
                false => self.parts.iter().position(is_it),
            };
            let Some(found) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            next = found + 1;
            self.cells[self.parts[found].1] = present(map.next_value::<&RawValue>()?.get());
        }
        Ok(())
    }
}

fn present(value: &str) -> Cell<'_> {
    (value != "null").then_some(value)
}

/// A name, borrowed where it stands without escapes.
#[derive(serde::Deserialize)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The text that a JSON string stands for; any other JSON as it is written.
pub(super) fn text(json: &str) -> Cow<'_, str> {
    match json.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
        Some(_) => serde_json::from_str(json).map_or(Cow::Borrowed(json), Cow::Owned),
        None => Cow::Borrowed(json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, columns: &[&str], expected: &[Cell<'_>]) {
        let mut cutter = Cutter::new(columns.iter().copied());
        let mut cells = Vec::new();
        assert!(cutter.cut(line.as_bytes(), &mut cells), "{line}");
        assert_eq!(cells, expected, "{line}");
    }

    #[test]
    fn fields_and_fields_of_groups_are_cut_out_in_any_order() {
        let line = r#"{"row":1,"status":"failed","metadata":{"a.b":[1, 2],"c":null},"usage":{"input_tokens":7},"model":null}"#;
        check(
            line,
            &["metadata.a.b", "row", "usage.input_tokens", "usage"],
            &[
                Some("[1, 2]"),
                Some("1"),
                Some("7"),
                Some(r#"{"input_tokens":7}"#),
            ],
        );
        check(
            line,
            &["metadata.c", "model", "none", "metadata.none"],
            &[None; 4],
        );
        check(r#"{"metadata":null}"#, &["metadata.a"], &[None]);
        check(r#"{"a\"b":1}"#, &["a\"b"], &[Some("1")]);
    }

    #[test]
    fn a_column_that_is_asked_for_twice_is_one() {
        let mut cutter = Cutter::default();
        let numbers = ["row", "usage.a", "row", "usage.a"].map(|name| cutter.add(name));
        assert_eq!(numbers, [0, 1, 0, 1]);
    }

    #[test]
    fn what_is_no_object_is_no_record() {
        for line in ["[]", "1", "", "{\"a\":", "{\"a\":1"] {
            let mut cutter = Cutter::new(["a"]);
            assert!(!cutter.cut(line.as_bytes(), &mut Vec::new()), "{line}");
        }
    }

    #[test]
    fn a_text_is_unescaped_and_other_json_stays() {
        assert_eq!(text(r#""a\n\u00e9""#), "a\né");
        assert_eq!(text(r#""plain""#), "plain");
        assert_eq!(text("[\"a\"]"), "[\"a\"]");
    }
}
