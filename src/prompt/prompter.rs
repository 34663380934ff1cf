//! Where prompts come from, checked against an input, and then applied to each record.

use std::borrow::Cow;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::error::PromptError;
use super::names::written_like;
use super::template::Template;
use super::{field, messages};
use crate::exact::ExactMap;
use crate::input::{BadRow, Fields, Record, listed};
use crate::model::{Body, Content, Message, Prompt, Role};

/// The columns that hold prompts when the job does not say where they come from, in order.
const PROMPT: &str = "prompt";
const MESSAGES: &str = "messages";
const MODEL_INPUT: &str = "modelInput"; // Bedrock batch inference

/// Where the prompt of a record comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptSource {
    /// A template, filled with the record's fields.
    Template(String),
    /// The text of this column.
    Column(String),
    /// The list of messages in this column, or the JSON text of one.
    Messages(String),
    /// The list of texts in this column, or the JSON text of one: each a turn of the user's.
    Texts(String),
    /// The InvokeModel body in this column, or the JSON text of one.
    Body(String),
}

/// What a job says about prompts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptSpec {
    /// Where prompts come from.
    pub source: PromptSource,
    /// The system prompt: a template too.
    pub system: Option<String>,
}

/// Makes the content of each record; fits its input.
#[derive(Debug)]
pub struct Prompter {
    source: CompiledSource,
    system: Option<Template>,
    /// Where nothing of a record goes into its prompt: how a field would be written.
    alike: Option<String>,
    /// Fields beside a conversation that are not sent, of the first row that has any.
    ignored: OnceLock<String>,
}

#[derive(Debug)]
enum CompiledSource {
    Template(Box<Template>),
    Column(String),
    Messages(String),
    Texts(String),
    Body(String),
}

impl PromptSource {
    /// Where prompts come from when the job does not say: the column `prompt`, else `messages`,
    /// else `modelInput`. `advice` is said where there is none of them.
    pub fn usual(fields: &Fields, advice: &str) -> Result<Self, PromptError> {
        if fields.has(PROMPT) {
            return Ok(Self::Column(PROMPT.into()));
        }
        if fields.has(MESSAGES) {
            return Ok(Self::Messages(MESSAGES.into()));
        }
        if fields.has(MODEL_INPUT) {
            return Ok(Self::Body(MODEL_INPUT.into()));
        }
        Err(PromptError::NoSource {
            columns: fields.to_string(),
            advice: advice.into(),
        })
    }
}

impl Prompter {
    /// Checks `spec` against the fields of the input: the syntax of its templates, and every name
    /// in them where a header tells all names.
    pub fn new(spec: &PromptSpec, fields: &Fields) -> Result<Self, PromptError> {
        let source = match &spec.source {
            PromptSource::Template(text) => {
                CompiledSource::Template(Box::new(Template::new("template", text, fields)?))
            }
            PromptSource::Column(name) => {
                fields.require("column", name)?;
                CompiledSource::Column(name.clone())
            }
            PromptSource::Messages(name) => {
                fields.require("messages", name)?;
                CompiledSource::Messages(name.clone())
            }
            PromptSource::Texts(name) => {
                fields.require("texts", name)?;
                CompiledSource::Texts(name.clone())
            }
            PromptSource::Body(_) if spec.system.is_some() => {
                return Err(PromptError::SystemBesideBody);
            }
            PromptSource::Body(name) => {
                fields.require("body", name)?;
                CompiledSource::Body(name.clone())
            }
        };
        let system = spec.system.as_ref();
        let system = system
            .map(|text| Template::new("system", text, fields))
            .transpose()?;
        let is_alike = |template: &Template| template.names_no_field();
        let alike = match (&spec.source, &source) {
            (PromptSource::Template(text), CompiledSource::Template(template))
                if is_alike(template) && system.as_ref().is_none_or(is_alike) =>
            {
                Some(written_like(text, fields))
            }
            _ => None,
        };
        Ok(Self {
            source,
            system,
            alike,
            ignored: OnceLock::new(),
        })
    }

    /// What a person should know where nothing of these rows goes into their prompts.
    pub fn alike_remark(&self, rows: u64) -> Option<String> {
        let field = self.alike.as_ref().filter(|_| 1 < rows)?;
        Some(format!(
            "the template names no field of the rows, so all {rows} prompts are alike; fields are \
             written {field}"
        ))
    }

    /// The content of `record`. A system prompt of the job comes before one that the record's
    /// messages bring, with a blank line between them; a blank one counts as none.
    pub fn prompt(&self, record: &Record) -> Result<Content, BadRow> {
        let prompt = match &self.source {
            CompiledSource::Template(template) => Prompt::of_user(filled(template, record)?),
            CompiledSource::Column(name) => Prompt::of_user(field::text(record, name)?),
            CompiledSource::Messages(name) => self.conversation(record, name)?,
            CompiledSource::Texts(name) => texts(record, name)?,
            CompiledSource::Body(name) => return body(record, name).map(Content::Body),
        };
        let job_system = self
            .system
            .as_ref()
            .map(|system| system.render(record))
            .transpose()?;
        let job_system = job_system.filter(|text| !text.trim().is_empty());
        let mut system_written = prompt.system_written;
        if let (Some(written), Some(text)) = (&mut system_written, &job_system) {
            written.begin_with(text);
        }
        let systems = job_system.into_iter().chain(prompt.system);
        let system = messages::joined(systems.filter(|text| !text.trim().is_empty()));
        Ok(Content::Prompt(Prompt {
            system,
            system_written,
            messages: prompt.messages,
        }))
    }
}

impl Prompter {
    /// The conversation at `name`. Where that leads into an object, as in the batch files of other
    /// APIs, its `system` comes first.
    fn conversation(&self, record: &Record, name: &str) -> Result<Prompt, BadRow> {
        let bad = |problem| record.bad(format!("`{name}`: {problem}"));
        let value = field::json(record, name)?;
        let beside = beside(record, name);
        let beside = beside.as_deref().and_then(Value::as_object);
        let Some(system) = beside.and_then(|fields| fields.get("system")) else {
            self.note_ignored(name, beside);
            return messages::read(&value).map_err(bad);
        };
        self.note_ignored(name, beside);
        let first = serde_json::json!({"role": "system", "content": system});
        let rest = value.as_array().into_iter().flatten().cloned();
        match value.is_array() && !system.is_null() {
            true => messages::read(&std::iter::once(first).chain(rest).collect()).map_err(bad),
            false => messages::read(&value).map_err(bad),
        }
    }

    fn note_ignored(&self, name: &str, beside: Option<&Map<String, Value>>) {
        let Some(fields) = beside else {
            return;
        };
        let is_sent = |key: &String| key == "system" || name.ends_with(key.as_str());
        let ignored: Vec<_> = fields.keys().filter(|key| !is_sent(key)).collect();
        if !ignored.is_empty() {
            self.ignored.get_or_init(|| listed(&ignored));
        }
    }

    /// What a person should know where conversations have parameters beside them.
    pub fn ignored_remark(&self) -> Option<String> {
        let ignored = self.ignored.get()?;
        Some(format!(
            "not sent, since only the messages are: {ignored}; give what is meant as flags, such as \
             --max-tokens"
        ))
    }
}

/// The object that a path to a conversation leads into; `None` for a field of the record itself.
fn beside<'r>(record: &'r Record, name: &str) -> Option<Cow<'r, Value>> {
    if record.fields.contains_key(name) {
        return None;
    }
    let (above, _) = name.rsplit_once(['.', '/'])?;
    // In a cell of CSV it is text that holds the object.
    field::json(record, above).ok()
}

impl Message {
    fn of_user(text: String) -> Self {
        Self {
            role: Role::User,
            text,
            images: Vec::new(),
            written: None,
        }
    }
}

impl Prompt {
    fn of_user(text: String) -> Self {
        Self {
            system: None,
            system_written: None,
            messages: vec![Message::of_user(text)],
        }
    }
}

fn filled(template: &Template, record: &Record) -> Result<String, BadRow> {
    let text = template.render(record)?;
    match text.trim().is_empty() {
        true => Err(record.bad("the prompt is empty; the fields that the template uses are blank")),
        false => Ok(text),
    }
}

/// A text alone counts as a list of one.
fn texts(record: &Record, name: &str) -> Result<Prompt, BadRow> {
    let listed = field::list(record, name)?;
    let text = |entry: &Value| match entry.as_str() {
        Some(text) if !text.trim().is_empty() => Ok(Message::of_user(text.to_owned())),
        Some(_) => Err(record.bad(format!("`{name}` has an empty text in its list"))),
        None => Err(record.bad(format!("`{name}` is not a list of texts"))),
    };
    let messages: Vec<Message> = listed.iter().map(text).collect::<Result<_, _>>()?;
    match messages.is_empty() {
        true => Err(record.bad(format!("`{name}` is an empty list"))),
        false => Ok(Prompt {
            system: None,
            system_written: None,
            messages,
        }),
    }
}

fn body(record: &Record, name: &str) -> Result<Body, BadRow> {
    let value = field::json(record, name)?;
    let Value::Object(body) = &*value else {
        return Err(record.bad(format!("`{name}` is not a JSON object; a body must be one")));
    };
    let text = serde_json::to_vec(&ExactMap(body))
        .map_err(|error| record.bad(format!("`{name}` cannot be written as JSON: {error}")))?;
    Ok(Body {
        text,
        value: value.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::testing::record;

    #[track_caller]
    fn check(source: PromptSource, system: Option<&str>, json: &str, expected: &str) {
        let record = record(json);
        let spec = PromptSpec {
            source,
            system: system.map(Into::into),
        };
        let prompter = Prompter::new(&spec, &Fields::Seen(record.names())).unwrap();
        let shown = match prompter.prompt(&record) {
            Ok(Content::Body(body)) => String::from_utf8(body.text).unwrap(),
            Ok(Content::Prompt(Prompt {
                system, messages, ..
            })) => {
                let system = system
                    .map(|text| format!("system={text:?} "))
                    .unwrap_or_default();
                let texts: Vec<&str> = messages.iter().map(|turn| turn.text.as_str()).collect();
                format!("{system}{texts:?}")
            }
            Err(bad) => bad.to_string(),
        };
        assert_eq!(shown, expected);
    }

    fn template(text: &str) -> PromptSource {
        PromptSource::Template(text.into())
    }

    fn messages() -> PromptSource {
        PromptSource::Messages("m".into())
    }

    fn body() -> PromptSource {
        PromptSource::Body("b".into())
    }

    #[test]
    fn templates_and_columns_make_one_turn() {
        check(template("Q: {{ q }}"), None, r#"{"q":"x"}"#, r#"["Q: x"]"#);
        check(
            PromptSource::Column("q".into()),
            Some("In {{ l }}."),
            r#"{"q":"x","l":"French"}"#,
            r#"system="In French." ["x"]"#,
        );
        check(
            PromptSource::Column("q".into()),
            Some("{{ l }}"),
            r#"{"q":7,"l":" "}"#,
            r#"["7"]"#,
        );
        check(
            template(" {{ q }} "),
            None,
            r#"{"q":""}"#,
            "row 7 (line 9): the prompt is empty; the fields that the template uses are blank",
        );
    }

    #[test]
    fn messages_come_from_a_list_or_its_text() {
        let list = r#"[{"role":"system","content":"row"},{"role":"user","content":"q"}]"#;
        let expected = r#"system="job\n\nrow" ["q"]"#;
        check(
            messages(),
            Some("job"),
            &format!(r#"{{"m":{list}}}"#),
            expected,
        );
        let text = serde_json::to_string(list).unwrap();
        check(
            messages(),
            Some("job"),
            &format!(r#"{{"m":{text}}}"#),
            expected,
        );
        check(
            messages(),
            None,
            r#"{"m":[]}"#,
            "row 7 (line 9): `m`: no message of the user; add one",
        );
    }

    #[test]
    fn the_system_prompt_beside_a_conversation_comes_first_and_the_rest_is_said_once() {
        let json = r#"{"params":{"model":"m","max_tokens":5,"system":"You help.","messages":[{"role":"user","content":"q"}]}}"#;
        for path in ["params.messages", "/params/messages"] {
            let source = PromptSource::Messages(path.into());
            check(source.clone(), None, json, r#"system="You help." ["q"]"#);
            let spec = PromptSpec {
                source,
                system: None,
            };
            let record = record(json);
            let prompter = Prompter::new(&spec, &Fields::Seen(record.names())).unwrap();
            assert_eq!(prompter.ignored_remark(), None);
            prompter.prompt(&record).unwrap();
            let said = prompter.ignored_remark().unwrap();
            assert!(
                said.contains("not sent, since only the messages are: model, max_tokens;"),
                "{said}"
            );
        }
        let top = r#"{"system":"ignored","m":[{"role":"user","content":"q"}]}"#;
        check(messages(), None, top, r#"["q"]"#);
    }

    #[test]
    fn texts_come_from_a_list_its_text_or_one_text() {
        let texts = || PromptSource::Texts("t".into());
        check(texts(), None, r#"{"t":["a","b"]}"#, r#"["a", "b"]"#);
        check(texts(), None, r#"{"t":"[\"a\",\"b\"]"}"#, r#"["a", "b"]"#);
        check(texts(), None, r#"{"t":"a b"}"#, r#"["a b"]"#);
        for (json, problem) in [
            (r#"{"t":["a",1]}"#, "`t` is not a list of texts"),
            (r#"{"t":["a"," "]}"#, "`t` has an empty text in its list"),
            (r#"{"t":[]}"#, "`t` is an empty list"),
            (r#"{"t":7}"#, "`t` is not a list of texts"),
        ] {
            check(texts(), None, json, &format!("row 7 (line 9): {problem}"));
        }
    }

    #[test]
    fn bodies_are_sent_as_they_are() {
        check(
            body(),
            None,
            r#"{"b":{"z": 1.0, "a":["é"]}}"#,
            r#"{"z":1.0,"a":["é"]}"#,
        );
        check(body(), None, r#"{"b":"{\"z\": 1}"}"#, r#"{"z":1}"#);
        check(
            body(),
            None,
            r#"{"b":[1]}"#,
            "row 7 (line 9): `b` is not a JSON object; a body must be one",
        );
        let spec = PromptSpec {
            source: body(),
            system: Some("x".into()),
        };
        let error = Prompter::new(&spec, &Fields::Seen(vec!["b".into()])).unwrap_err();
        assert!(error.to_string().starts_with("`system` cannot be added"));
    }

    #[test]
    fn the_usual_columns_are_found_when_the_job_names_none() {
        let usual = |names: &[&str]| {
            let columns = names.iter().map(|&name| name.into()).collect();
            PromptSource::usual(&Fields::Columns(columns), "")
        };
        assert_eq!(
            usual(&["messages", "prompt"]).unwrap(),
            PromptSource::Column("prompt".into())
        );
        assert_eq!(
            usual(&["messages", "id"]).unwrap(),
            PromptSource::Messages("messages".into())
        );
        let batch = usual(&["recordId", "modelInput"]).unwrap();
        assert_eq!(batch, PromptSource::Body("modelInput".into()));
        assert_eq!(
            usual(&["id", "question"]).unwrap_err().to_string(),
            "the input has no `prompt` column; columns here: id, question; \
             say which with --column NAME or write --template '{{ NAME }}'"
        );
    }

    #[test]
    fn a_column_that_the_header_lacks_is_refused_at_once() {
        let spec = PromptSpec {
            source: PromptSource::Column("promt".into()),
            system: None,
        };
        let error = Prompter::new(&spec, &Fields::Columns(vec!["prompt".into()])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`column`: no column `promt` (did you mean `prompt`?); columns here: prompt"
        );
    }
}
