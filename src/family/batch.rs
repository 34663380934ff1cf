//! Rows that share a call: their bodies made one, and its answer parted again.
//!
//! Only where each text of a body is answered for itself. Both ways go by the lists alone and copy
//! the rest as it stands, so that a row's part of the answer is what the row would have been
//! answered alone, and is read as such.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::layout::{Form, Lists};
use super::{Family, Misread};

/// The bodies of several rows, as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What is sent.
    pub body: Vec<u8>,
    /// How long each row's text is, in bytes of the body.
    pub weights: Vec<u64>,
}

impl Family {
    /// How many rows of one text each can share a call; 1 where none can, as where `extra` puts
    /// other things into the list of what is answered.
    pub fn most_rows_in_a_call(self, extra: &Map<String, Value>) -> usize {
        let Some(lists) = self.lists() else {
            return 1;
        };
        let is_given = |key: &&str| extra.contains_key(*key);
        let listed_elsewhere = is_given(&lists.texts) || lists.beside.iter().any(is_given);
        if listed_elsewhere { 1 } else { lists.most }
    }

    /// One body for the texts of all `bodies`, which are alike in everything else.
    ///
    /// # Errors
    /// A body that no row of this family has.
    pub fn join(self, bodies: &[&[u8]]) -> Result<Batch, Misread> {
        let lists = self.lists().ok_or_else(|| self.not_shared())?;
        let mut texts = String::new();
        let mut weights = Vec::with_capacity(bodies.len());
        for body in bodies {
            let body = fields(body)?;
            let list = body.field(lists.texts).and_then(inner);
            let list = list.ok_or_else(|| missing(lists.texts))?;
            if !texts.is_empty() {
                texts.push(',');
            }
            texts.push_str(list);
            weights.push(list.len() as u64);
        }
        let first = fields(bodies.first().copied().unwrap_or(b"{}"))?;
        let body = first.written(|key, value| match key == lists.texts {
            true => format!("[{texts}]"),
            false => value.get().to_owned(),
        });
        Ok(Batch { body, weights })
    }

    /// The answer to `rows` rows that shared a call, as the answer to each.
    ///
    /// # Errors
    /// It has not one entry for each of them.
    pub fn part(self, answer: &[u8], rows: usize) -> Result<Vec<Vec<u8>>, Misread> {
        let lists = self.lists().ok_or_else(|| self.not_shared())?;
        let answer = fields(answer)?;
        let answers = answer
            .field(lists.answers)
            .ok_or_else(|| missing(lists.answers))?;
        let answers = Entries::of(answers, rows, lists.answers)?;
        let texts = answer.field(lists.texts).and_then(listed);
        let texts = texts.filter(|texts| texts.len() == rows);
        let part = |row: usize| {
            answer.written(|key, value| match &texts {
                _ if key == lists.answers => answers.of_row(row),
                Some(texts) if key == lists.texts => format!("[{}]", texts[row].get()),
                Some(_) | None => value.get().to_owned(),
            })
        };
        Ok((0..rows).map(part).collect())
    }

    fn lists(self) -> Option<Lists> {
        match self.layout().form {
            Form::EachText(lists) => Some(lists),
            Form::Turns(_) | Form::Text(_) | Form::Texts(..) | Form::Body => None,
        }
    }

    fn not_shared(self) -> Misread {
        Misread(format!("{} takes one row per call", self.name()))
    }
}

/// What each row is answered with.
enum Entries<'a> {
    /// One list.
    List(Vec<&'a RawValue>),
    /// A list of each kind that was asked for.
    ByKind(Vec<(String, Option<Vec<&'a RawValue>>)>),
}

impl<'a> Entries<'a> {
    fn of(answers: &'a RawValue, rows: usize, name: &str) -> Result<Self, Misread> {
        let counted = |list: Vec<&'a RawValue>| match list.len() {
            len if len == rows => Ok(list),
            len => Err(Misread(format!(
                "the reply has {len} `{name}` for the {rows} rows of the call"
            ))),
        };
        if let Some(list) = listed(answers) {
            return counted(list).map(Self::List);
        }
        let kinds: ObjectFields<'a> =
            serde_json::from_str(answers.get()).map_err(|_| missing(name))?;
        let of_kind = |(kind, value): (String, &'a RawValue)| match value.get() {
            "null" => Ok((kind, None)),
            _ => {
                let list = listed(value).ok_or_else(|| missing(name))?;
                Ok((kind, Some(counted(list)?)))
            }
        };
        let kinds: Vec<_> = kinds.0.into_iter().map(of_kind).collect::<Result<_, _>>()?;
        match kinds.iter().any(|(_, list)| list.is_some()) {
            true => Ok(Self::ByKind(kinds)),
            false => Err(missing(name)),
        }
    }

    fn of_row(&self, row: usize) -> String {
        match self {
            Self::List(list) => format!("[{}]", list[row].get()),
            Self::ByKind(kinds) => {
                let of_kind = |(kind, list): &(String, Option<Vec<&RawValue>>)| {
                    let entry = list.as_ref().map(|list| format!("[{}]", list[row].get()));
                    format!("{}:{}", quoted(kind), entry.as_deref().unwrap_or("null"))
                };
                let kinds: Vec<_> = kinds.iter().map(of_kind).collect();
                format!("{{{}}}", kinds.join(","))
            }
        }
    }
}

/// The fields of an object in their order, their values as they stand.
struct ObjectFields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> ObjectFields<'a> {
    fn field(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| *value)
    }

    /// The object with what `value` says in the place of each value.
    fn written(&self, value: impl Fn(&str, &RawValue) -> String) -> Vec<u8> {
        let field =
            |(key, old): &(String, &RawValue)| format!("{}:{}", quoted(key), value(key, old));
        let fields: Vec<_> = self.0.iter().map(field).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    }
}

impl<'de> Deserialize<'de> for ObjectFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = ObjectFields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(ObjectFields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn fields(body: &[u8]) -> Result<ObjectFields<'_>, Misread> {
    // What serde_json says of a wrong kind of value quotes the value.
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Misread(format!("not a JSON object (line {line}, column {column})"))
    })
}

fn listed(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// What stands between the brackets of a list that has something in it.
fn inner(value: &RawValue) -> Option<&str> {
    let list = value.get().strip_prefix('[')?.strip_suffix(']')?.trim();
    (!list.is_empty()).then_some(list)
}

fn missing(name: &str) -> Misread {
    Misread(format!("`{name}` is no list with an entry for each row"))
}

fn quoted(key: &str) -> String {
    Value::from(key).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COHERE: Family = Family::CohereEmbed;

    /// Parts `answer` among `rows`: the parts, one a line, or why there are none.
    #[track_caller]
    fn parted(answer: &str, rows: usize, expected: &[&str]) {
        let parts = match COHERE.part(answer.as_bytes(), rows) {
            Ok(parts) => parts
                .into_iter()
                .map(|part| String::from_utf8(part).unwrap())
                .collect(),
            Err(misread) => vec![misread.to_string()],
        };
        assert_eq!(parts, expected, "{answer}");
    }

    #[test]
    fn bodies_become_one_that_differs_in_its_texts_alone() {
        let a = br#"{"texts":["a, \"b\""],"input_type":"search_query","truncate":"END"}"#;
        let b = br#"{"texts": [ "]" ] ,"input_type":"search_query","truncate":"END"}"#;
        let joined = COHERE.join(&[a, b]).unwrap();
        assert_eq!(
            String::from_utf8(joined.body).unwrap(),
            r#"{"texts":["a, \"b\"","]"],"input_type":"search_query","truncate":"END"}"#
        );
        assert_eq!(joined.weights, [10, 3]);
        assert_eq!(COHERE.join(&[a]).unwrap().body, a);
        assert!(COHERE.join(&[a, b"{}"]).is_err());
        assert!(Family::Nova.join(&[a]).is_err());
    }

    #[test]
    fn each_row_is_given_its_own_entry_and_all_that_is_shared() {
        parted(
            r#"{"id":"i","texts":["a","b"],"response_type":"embeddings_floats","embeddings":[[0.10,1e-3],[2]]}"#,
            2,
            &[
                r#"{"id":"i","texts":["a"],"response_type":"embeddings_floats","embeddings":[[0.10,1e-3]]}"#,
                r#"{"id":"i","texts":["b"],"response_type":"embeddings_floats","embeddings":[[2]]}"#,
            ],
        );
        parted(
            r#"{"embeddings":{"float":[[1],[2]],"int8":[[3],[4]],"binary":null},"texts":null}"#,
            2,
            &[
                r#"{"embeddings":{"float":[[1]],"int8":[[3]],"binary":null},"texts":null}"#,
                r#"{"embeddings":{"float":[[2]],"int8":[[4]],"binary":null},"texts":null}"#,
            ],
        );
    }

    #[test]
    fn an_answer_without_an_entry_for_each_row_is_not_parted() {
        let two_for_three = "the reply has 2 `embeddings` for the 3 rows of the call";
        parted(r#"{"embeddings":[[1],[2]]}"#, 3, &[two_for_three]);
        let two_for_one = "the reply has 2 `embeddings` for the 1 rows of the call";
        parted(r#"{"embeddings":[[1],[2]]}"#, 1, &[two_for_one]);
        let of_one_kind = r#"{"embeddings":{"float":[[1],[2],[3]],"int8":[[1],[2]]}}"#;
        parted(of_one_kind, 3, &[two_for_three]);
        let none = "`embeddings` is no list with an entry for each row";
        for answer in [
            "{}",
            r#"{"embeddings":7}"#,
            r#"{"embeddings":{}}"#,
            r#"{"embeddings":{"float":null}}"#,
            r#"{"embeddings":{"float":7}}"#,
        ] {
            parted(answer, 2, &[none]);
        }
        assert!(COHERE.part(b"[1]", 1).is_err());
        assert!(Family::Nova.part(b"{}", 1).is_err());
    }

    #[test]
    fn a_part_is_read_as_the_answer_to_a_row_alone() {
        let answer = r#"{"id":"i","texts":["a","b"],"response_type":"embeddings_floats","embeddings":[[1.5],[2.5]]}"#;
        let alone =
            r#"{"id":"i","texts":["b"],"response_type":"embeddings_floats","embeddings":[[2.5]]}"#;
        let parts = COHERE.part(answer.as_bytes(), 2).unwrap();
        let read = |body: &[u8]| COHERE.read(&serde_json::from_slice(body).unwrap()).unwrap();
        assert_eq!(read(&parts[1]), read(alone.as_bytes()));
    }

    #[test]
    fn rows_share_calls_where_texts_are_all_that_is_answered() {
        let most = |family: Family, extra: &str| {
            family.most_rows_in_a_call(&serde_json::from_str(extra).unwrap())
        };
        assert_eq!(most(COHERE, r#"{"truncate":"END"}"#), 96);
        assert_eq!(most(COHERE, r#"{"images":["data:"]}"#), 1);
        assert_eq!(most(COHERE, r#"{"texts":["a"]}"#), 1);
        for family in Family::ALL.iter().filter(|family| **family != COHERE) {
            assert_eq!(most(*family, "{}"), 1, "{}", family.name());
        }
    }
}
