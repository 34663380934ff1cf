//! Shapes that models are trained and evaluated with: one JSON object a line for each prompt and its
//! completion, or for a pair of completions.
//!
//! Sources: OpenAI, "Supervised fine-tuning" (chat format); FastChat and LLaMA-Factory (ShareGPT, Alpaca
//! with `history`); AWS, "Prepare data for fine-tuning Amazon Nova models" (`bedrock-conversation-2024`)
//! and "Create a prompt dataset for a model evaluation job that uses a model as judge" (own inference
//! responses); TRL, "Dataset formats" (conversational preference). Read in November 2026; none was tried
//! against the services.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::conversation::{Conversation, Speaker};
use super::error::ExportError;
use super::examples::{Example, Examples, LeftOut};
use super::record::text;
use super::split::Split;
use super::target::{self, ExportTarget, Sink};

/// A shape of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `messages` with roles.
    OpenaiChat,
    /// `conversations` of `from` and `value`.
    Sharegpt,
    /// `instruction`, `input`, `output`.
    Alpaca,
    /// Bedrock's conversations for fine-tuning.
    BedrockSft,
    /// Bedrock's prompts for evaluation, with responses.
    BedrockEval,
    /// A completion that passed a check beside one of the same prompt that did not.
    Preference,
    /// A record of a dataset with its identity, messages and kept fields.
    Dataset,
}

/// An export of examples.
#[derive(Debug)]
pub struct Training<'a> {
    /// The records, with their prompts.
    pub examples: Examples<'a>,
    /// The shape of a line.
    pub shape: Shape,
    /// The parts that lines are spread over.
    pub split: Option<&'a Split>,
    /// The field that holds the right answer, for [`Shape::BedrockEval`].
    pub reference: Option<&'a str>,
    /// The field that holds the category, for [`Shape::BedrockEval`].
    pub category: Option<&'a str>,
    /// Files that must not be replaced: what the export is made from.
    pub read: &'a [PathBuf],
}

/// What was written.
#[derive(Debug, Default)]
pub struct FileLines {
    /// Each file with its lines.
    pub files: Vec<(PathBuf, u64)>,
    /// What was left out: why, and how many records.
    pub left_out: LeftOut,
}

/// The fields of a record that a dataset has beside the conversation.
pub(super) const DATASET_FIELDS: [&str; 9] = [
    "variant",
    "sample",
    "params",
    "model",
    "finish_reason",
    "usage.input_tokens",
    "usage.output_tokens",
    "metadata",
    "output",
];

impl Shape {
    /// The fields of a record that it looks at, in the order in which it does.
    pub fn fields<'a>(self, reference: Option<&'a str>, category: Option<&'a str>) -> Vec<&'a str> {
        match self {
            Self::BedrockEval => ["model"]
                .into_iter()
                .chain(reference)
                .chain(category)
                .collect(),
            Self::Dataset => DATASET_FIELDS.to_vec(),
            Self::OpenaiChat
            | Self::Sharegpt
            | Self::Alpaca
            | Self::BedrockSft
            | Self::Preference => Vec::new(),
        }
    }
}

impl Training<'_> {
    /// Writes the examples to `target`: with a split to a file for each part, `FILE.train.jsonl`.
    ///
    /// # Errors
    /// The output, the job or the scores cannot be read or do not go together; the target cannot be
    /// written.
    pub fn export(
        &self,
        target: &ExportTarget,
        stream: &mut dyn std::io::Write,
    ) -> Result<FileLines, ExportError> {
        let paths = self.examples.paths;
        let files = match (target, self.split) {
            (ExportTarget::Stream, Some(_)) => {
                let why = "--split: standard output is one file; name another with -o";
                return Err(ExportError::Usage(why.into()));
            }
            (ExportTarget::Stream, None) => Vec::new(),
            (ExportTarget::Path(path), None) => vec![path.clone()],
            (ExportTarget::Path(path), Some(split)) => {
                split.names().map(|name| part_of(path, name)).collect()
            }
        };
        for file in &files {
            target::check(file, paths, self.read)?;
        }
        let mut sinks = match target {
            ExportTarget::Stream => vec![Sink::Stream(stream)],
            ExportTarget::Path(_) => files
                .iter()
                .map(|file| Sink::file(file))
                .collect::<Result<_, _>>()?,
        };
        let (counts, left_out) = self.write(&mut sinks)?;
        for sink in sinks {
            sink.keep(paths)?;
        }
        Ok(FileLines {
            files: files.into_iter().zip(counts).collect(),
            left_out,
        })
    }

    /// Writes the lines of each part, and counts them.
    pub(super) fn write(&self, sinks: &mut [Sink<'_>]) -> Result<(Vec<u64>, LeftOut), ExportError> {
        let mut counts = vec![0; sinks.len()];
        let mut group = Group::default();
        let mut unpaired = 0;
        let mut put = |part: usize, line: &Value| {
            counts[part] += 1;
            sinks[part].write(format!("{line}\n").as_bytes())
        };
        let mut left_out = self.examples.each(|example| {
            let part = self.split.map_or(0, |split| split.part(&example.split_key));
            if self.shape != Shape::Preference {
                return put(part, &self.line(example));
            }
            let id = example.custom_id.clone();
            let row = (id, example.row, part);
            if group.row.as_ref() != Some(&row) {
                unpaired += group.flush(&mut put)?;
                group.row = Some(row);
            }
            group
                .examples
                .push((example.prompt, example.completion, example.passed));
            Ok(())
        })?;
        unpaired += group.flush(&mut put)?;
        if 0 < unpaired {
            left_out.insert("records without another to compare with", unpaired);
        }
        Ok((counts, left_out))
    }

    fn line(&self, example: Example<'_>) -> Value {
        let Example {
            custom_id,
            row,
            prompt,
            completion,
            fields,
            ..
        } = example;
        match self.shape {
            Shape::OpenaiChat | Shape::Preference => {
                json!({ "messages": messages(&prompt.answered(&completion)) })
            }
            Shape::Sharegpt => sharegpt(&prompt.answered(&completion)),
            Shape::Alpaca => alpaca(&prompt.answered(&completion)),
            Shape::BedrockSft => bedrock_sft(&prompt.answered(&completion)),
            Shape::BedrockEval => {
                let field = |nth: usize| fields.get(nth).copied().flatten().map(text);
                let category = 1 + usize::from(self.reference.is_some());
                let mut line = json!({ "prompt": flat(&prompt) });
                if let Some(reference) = field(1).filter(|_| self.reference.is_some()) {
                    line["referenceResponse"] = reference.into();
                }
                if let Some(category) = field(category).filter(|_| self.category.is_some()) {
                    line["category"] = category.into();
                }
                let model = identifier(&field(0).unwrap_or_default());
                line["modelResponses"] =
                    json!([{ "response": completion, "modelIdentifier": model }]);
                line
            }
            Shape::Dataset => {
                let value = |nth: usize| -> Value {
                    let json = fields.get(nth).copied().flatten();
                    json.and_then(|json| serde_json::from_str(json).ok())
                        .unwrap_or_default()
                };
                let mut line = json!({ "custom_id": custom_id, "row": row });
                for (nth, name) in ["variant", "sample"].into_iter().enumerate() {
                    if !value(nth).is_null() {
                        line[name] = value(nth);
                    }
                }
                // What differs in its kind from record to record is text, so that a column has one kind.
                if !value(2).is_null() {
                    line["params"] = value(2).to_string().into();
                }
                line["messages"] = messages(&prompt);
                line["completion"] = completion.into();
                line["output"] = fields[8].into();
                for (nth, name) in ["model", "finish_reason"].into_iter().enumerate() {
                    line[name] = value(3 + nth);
                }
                line["input_tokens"] = value(5);
                line["output_tokens"] = value(6);
                if let Value::Object(kept) = value(7) {
                    for (name, value) in kept {
                        line[format!("metadata.{name}")] = match value {
                            Value::Object(_) | Value::Array(_) => value.to_string().into(),
                            plain => plain,
                        };
                    }
                }
                line
            }
        }
    }
}

/// The examples of one row, to be compared with each other.
#[derive(Default)]
struct Group {
    /// The ID, the row number, and the part.
    row: Option<(Option<String>, u64, usize)>,
    examples: Vec<(Conversation, String, bool)>,
}

impl Group {
    /// Writes a line for each pair of a completion that passed and one of the same prompt that did not, no
    /// completion in two of them; returns how many are in none.
    fn flush(
        &mut self,
        put: &mut impl FnMut(usize, &Value) -> Result<(), ExportError>,
    ) -> Result<u64, ExportError> {
        let part = self.row.take().map_or(0, |(_, _, part)| part);
        let mut left = 0;
        while let Some((prompt, ..)) = self.examples.first() {
            let prompt = prompt.clone();
            let (same, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.examples)
                .into_iter()
                .partition(|(other, ..)| *other == prompt);
            self.examples = others;
            let all = same.len();
            let (chosen, rejected): (Vec<_>, Vec<_>) =
                same.into_iter().partition(|(.., passed)| *passed);
            let pairs = chosen.len().min(rejected.len());
            left += (all - 2 * pairs) as u64;
            for ((_, chosen, _), (_, rejected, _)) in chosen.iter().zip(&rejected) {
                let said = |text: &str| json!([{ "role": "assistant", "content": text }]);
                let line = json!({
                    "prompt": messages(&prompt),
                    "chosen": said(chosen),
                    "rejected": said(rejected),
                });
                put(part, &line)?;
            }
        }
        Ok(left)
    }
}

/// The file of a part: `data.train.jsonl` of `data.jsonl`.
fn part_of(path: &Path, name: &str) -> PathBuf {
    let end = path.extension().unwrap_or_default().to_string_lossy();
    path.with_extension(match end.as_ref() {
        "" => name.to_owned(),
        end => format!("{name}.{end}"),
    })
}

/// OpenAI's messages.
pub(super) fn messages(conversation: &Conversation) -> Value {
    let system = conversation.system.iter();
    let system = system.map(|text| json!({ "role": "system", "content": text }));
    let turns = conversation.turns.iter().map(|(speaker, text)| {
        let role = match speaker {
            Speaker::System => "system",
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
        };
        json!({ "role": role, "content": text })
    });
    system.chain(turns).collect()
}

fn sharegpt(conversation: &Conversation) -> Value {
    let system = conversation.system.iter();
    let system = system.map(|text| json!({ "from": "system", "value": text }));
    let turns = conversation.turns.iter().map(|(speaker, text)| {
        let from = match speaker {
            Speaker::System => "system",
            Speaker::User => "human",
            Speaker::Assistant => "gpt",
        };
        json!({ "from": from, "value": text })
    });
    json!({ "conversations": system.chain(turns).collect::<Value>() })
}

fn alpaca(conversation: &Conversation) -> Value {
    let mut exchanges = conversation.exchanges();
    let (instruction, output) = exchanges.pop().unwrap_or_default();
    let mut line = json!({ "instruction": instruction, "input": "", "output": output });
    if let Some(system) = &conversation.system {
        line["system"] = system.as_str().into();
    }
    if !exchanges.is_empty() {
        let pairs = exchanges
            .into_iter()
            .map(|(user, model)| json!([user, model]));
        line["history"] = pairs.collect();
    }
    line
}

fn bedrock_sft(conversation: &Conversation) -> Value {
    let mut line = json!({ "schemaVersion": "bedrock-conversation-2024" });
    if let Some(system) = &conversation.system {
        line["system"] = json!([{ "text": system }]);
    }
    let turns = conversation.turns.iter().map(|(speaker, text)| {
        let role = match speaker {
            Speaker::Assistant => "assistant",
            Speaker::System | Speaker::User => "user",
        };
        json!({ "role": role, "content": [{ "text": text }] })
    });
    line["messages"] = turns.collect();
    line
}

/// A prompt as one text: that of its only turn, or all of them with their speakers.
fn flat(conversation: &Conversation) -> String {
    match (&conversation.system, conversation.turns.as_slice()) {
        (None, [(_, text)]) => text.clone(),
        (system, turns) => {
            let system = system.iter().cloned();
            let turns = turns.iter().map(|(speaker, text)| match speaker {
                Speaker::Assistant => format!("Assistant: {text}"),
                Speaker::System | Speaker::User if turns.len() == 1 => text.clone(),
                Speaker::System | Speaker::User => format!("User: {text}"),
            });
            system.chain(turns).collect::<Vec<_>>().join("\n\n")
        }
    }
}

/// A model ID in the letters that the source of a response may have: `[a-zA-Z0-9]([a-zA-Z0-9._-]){0,255}`.
fn identifier(model: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphanumeric() || "._-".contains(c) {
        true => c,
        false => '-',
    };
    let name: String = model.chars().map(letter).take(256).collect();
    name.trim_start_matches(['.', '_', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Conversation {
        Conversation {
            system: Some("Be brief.".into()),
            turns: vec![
                (Speaker::User, "Hi".into()),
                (Speaker::Assistant, "Hello".into()),
                (Speaker::User, "2+2?".into()),
                (Speaker::Assistant, "4".into()),
            ],
        }
    }

    #[test]
    fn each_shape_has_its_names() {
        let chat = messages(&conversation());
        assert_eq!(chat[0], json!({"role": "system", "content": "Be brief."}));
        assert_eq!(chat[4], json!({"role": "assistant", "content": "4"}));
        let shared = sharegpt(&conversation());
        assert_eq!(
            shared["conversations"][1],
            json!({"from": "human", "value": "Hi"})
        );
        assert_eq!(
            alpaca(&conversation()),
            json!({"instruction": "2+2?", "input": "", "output": "4", "system": "Be brief.",
                   "history": [["Hi", "Hello"]]})
        );
        let tuned = bedrock_sft(&conversation());
        assert_eq!(tuned["system"], json!([{"text": "Be brief."}]));
        assert_eq!(
            tuned["messages"][3],
            json!({"role": "assistant", "content": [{"text": "4"}]})
        );
    }

    #[test]
    fn a_prompt_of_several_turns_names_its_speakers() {
        let mut prompt = conversation();
        prompt.turns.pop();
        assert_eq!(
            flat(&prompt),
            "Be brief.\n\nUser: Hi\n\nAssistant: Hello\n\nUser: 2+2?"
        );
        prompt.turns.drain(..2);
        assert_eq!(flat(&prompt), "Be brief.\n\n2+2?");
        prompt.system = None;
        assert_eq!(flat(&prompt), "2+2?");
    }

    #[test]
    fn a_model_id_becomes_an_identifier() {
        assert_eq!(identifier("amazon.nova-lite-v1:0"), "amazon.nova-lite-v1-0");
        assert_eq!(identifier("arn:aws:x/y"), "arn-aws-x-y");
    }

    #[test]
    fn completions_of_one_prompt_are_paired_once() {
        let prompt = |text: &str| Conversation {
            system: None,
            turns: vec![(Speaker::User, text.into())],
        };
        let mut group = Group {
            row: Some((None, 1, 0)),
            examples: vec![
                (prompt("a"), "good".into(), true),
                (prompt("b"), "other".into(), false),
                (prompt("a"), "bad".into(), false),
                (prompt("a"), "worse".into(), false),
            ],
        };
        let mut lines = Vec::new();
        let left = group.flush(&mut |part, line: &Value| {
            lines.push((part, line.clone()));
            Ok(())
        });
        assert_eq!(left.unwrap(), 2);
        let said = |text: &str| json!([{"role": "assistant", "content": text}]);
        let line = json!({"prompt": [{"role": "user", "content": "a"}], "chosen": said("good"),
                          "rejected": said("bad")});
        assert_eq!(lines, [(0, line)]);
    }
}
