//! Shapes that models are fine-tuned with: one JSON object a line, a prompt with its completion.
//!
//! Sources: OpenAI, "Supervised fine-tuning" (chat format); FastChat and LLaMA-Factory (ShareGPT, Alpaca
//! with `system` and `history`); AWS, "Prepare data for fine-tuning Amazon Nova models"
//! (`bedrock-conversation-2024`).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::conversation::{Conversation, Speaker};
use super::error::ExportError;
use super::filter::{Condition, Filter};
use super::index::{Index, Order, RecordKey};
use super::left_out::LeftOut;
use super::read::RecordReader;
use super::record::{Cell, Cutter, text};
use super::scores::PassedRecords;
use super::split::DatasetSplit;
use super::target::{self, ExportTarget, Sink};
use crate::output::OutputPaths;

/// A shape of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainingShape {
    /// `messages` with roles, as OpenAI and most trainers read them.
    OpenaiChat,
    /// `conversations` of `from` and `value`.
    Sharegpt,
    /// `instruction`, `input`, `output`.
    Alpaca,
    /// Bedrock's conversations for fine-tuning.
    BedrockSft,
}

/// An export of prompts with their completions.
#[derive(Debug)]
pub struct Training<'a> {
    /// The output. Its records keep their prompts.
    pub paths: &'a OutputPaths,
    /// The shape of a line.
    pub shape: TrainingShape,
    /// What all exported records have in common.
    pub conditions: &'a [Condition],
    /// Checks that all exported records passed.
    pub passed: &'a [String],
    /// The parts that lines are spread over, each with a file of its own.
    pub split: Option<&'a DatasetSplit>,
    /// The field whose value decides on the part, if not the ID.
    pub split_by: Option<&'a str>,
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TrainingCounts {
    /// Each file with its lines; none for a stream.
    pub files: Vec<(PathBuf, u64)>,
    /// Which records were left out, and how many.
    pub left_out: BTreeMap<LeftOut, u64>,
}

/// The columns that every line is made of, by the constants below.
const COLUMNS: [&str; 9] = [
    "custom_id",
    "row",
    "variant",
    "sample",
    "status",
    "completion",
    "output",
    "schema_valid",
    "messages",
];
const CUSTOM_ID: usize = 0;
const ROW: usize = 1;
const VARIANT: usize = 2;
const SAMPLE: usize = 3;
const STATUS: usize = 4;
const COMPLETION: usize = 5;
const OUTPUT: usize = 6;
const SCHEMA_VALID: usize = 7;
const MESSAGES: usize = 8;

impl Training<'_> {
    /// Writes a line for each record to `target`, in the order of the input; with a split to a file for
    /// each part, `FILE.train.jsonl`. Files are replaced as a whole, and only once all is in them.
    ///
    /// # Errors
    /// The output or its scores cannot be read, the target cannot be written, a field or a check is
    /// unknown, a record does not keep its prompt.
    pub fn export(
        &self,
        target: &ExportTarget,
        stream: &mut dyn Write,
    ) -> Result<TrainingCounts, ExportError> {
        let files = self.files(target)?;
        for file in &files {
            target::check(file, self.paths, &[])?;
        }
        let index = Index::of(self.paths, false, Order::Input)?;
        let conditions = self.conditions.iter().map(|it| ("--where", it.field()));
        for (flag, field) in conditions.chain(self.split_by.map(|field| ("--split-by", field))) {
            let checked = index.fields.check(flag, field);
            checked.map_err(ExportError::Usage)?;
        }
        let passed = match self.passed {
            [] => None,
            checks => Some(PassedRecords::read(self.paths, checks)?),
        };
        let mut sinks = match target {
            ExportTarget::Stream => vec![Sink::Stream(stream)],
            ExportTarget::Path(_) => {
                let sinks = files.iter().map(|file| Sink::file(file));
                sinks.collect::<Result<_, _>>()?
            }
        };
        let mut cutter = Cutter::new(COLUMNS);
        let filter = Filter::new(self.conditions, &mut cutter);
        let split_by = self.split_by.map(|field| (field, cutter.add(field)));
        let mut lines = vec![0; sinks.len()];
        let mut left_out = BTreeMap::new();
        RecordReader::of(self.paths).each(&index, |_, line| {
            let mut cells = Vec::new();
            cutter.cut(line, &mut cells);
            let completed = match self.reason_to_leave_out(&cells, &filter, passed.as_ref()) {
                Some(why) => Err(why),
                None => self.conversation(&cells)?,
            };
            let conversation = match completed {
                Ok(conversation) => conversation,
                Err(why) => {
                    *left_out.entry(why).or_default() += 1;
                    return Ok(());
                }
            };
            let part = self.part(&cells, split_by)?;
            lines[part] += 1;
            sinks[part].write(format!("{}\n", self.shape.line(&conversation)).as_bytes())
        })?;
        for sink in sinks {
            sink.keep(self.paths)?;
        }
        Ok(TrainingCounts {
            files: files.into_iter().zip(lines).collect(),
            left_out,
        })
    }

    fn files(&self, target: &ExportTarget) -> Result<Vec<PathBuf>, ExportError> {
        match (target, self.split) {
            (ExportTarget::Stream, Some(_)) => {
                let why = "--split: standard output is one file; name another with -o";
                Err(ExportError::Usage(why.into()))
            }
            (ExportTarget::Stream, None) => Ok(Vec::new()),
            (ExportTarget::Path(path), None) => Ok(vec![path.clone()]),
            (ExportTarget::Path(path), Some(split)) => {
                Ok(split.names().map(|name| part_of(path, name)).collect())
            }
        }
    }

    fn reason_to_leave_out(
        &self,
        cells: &[Cell<'_>],
        filter: &Filter<'_>,
        passed: Option<&PassedRecords>,
    ) -> Option<LeftOut> {
        if cells[STATUS] != Some("\"succeeded\"") {
            return Some(LeftOut::Filtered);
        }
        if !filter.takes(cells) {
            return Some(LeftOut::Where);
        }
        let has_passed = passed.is_none_or(|passed| passed.has(record_of(cells)));
        (!has_passed).then_some(LeftOut::Passed)
    }

    /// The prompt of a record with its completion, or why the record is left out.
    fn conversation(
        &self,
        cells: &[Cell<'_>],
    ) -> Result<Result<Conversation, LeftOut>, ExportError> {
        let Some(messages) = cells[MESSAGES] else {
            return Err(ExportError::Usage(format!(
                "{}: {} does not keep its prompt: a job with `messages = true` in [output] \
                 (--keep-messages) keeps prompts, except those of whole bodies; \
                 `--where messages!=` leaves out records without",
                self.paths.output.display(),
                who(cells)
            )));
        };
        // The value that a tool was called with is all that some models write for a schema.
        let value = cells[OUTPUT].filter(|_| cells[SCHEMA_VALID] == Some("true"));
        let Some(completion) = cells[COMPLETION].or(value).map(text) else {
            return Ok(Err(LeftOut::NoCompletion));
        };
        let messages: Vec<Value> = serde_json::from_str(messages).unwrap_or_default();
        Ok(Conversation::of(&messages).map(|prompt| prompt.answered(&completion)))
    }

    fn part(
        &self,
        cells: &[Cell<'_>],
        split_by: Option<(&str, usize)>,
    ) -> Result<usize, ExportError> {
        let Some(split) = self.split else {
            return Ok(0);
        };
        let value = match split_by {
            None => cells[CUSTOM_ID].or(cells[ROW]),
            Some((_, number)) => cells[number],
        };
        match (value, split_by) {
            (None, Some((field, _))) => Err(ExportError::Usage(format!(
                "--split-by {field}: {} of {} does not have it; `--where {field}!=` leaves out records \
                 without",
                who(cells),
                self.paths.output.display()
            ))),
            (value, _) => Ok(split.part(&value.map_or("".into(), text))),
        }
    }
}

impl TrainingShape {
    fn line(self, conversation: &Conversation) -> Value {
        match self {
            Self::OpenaiChat => json!({ "messages": messages(conversation) }),
            Self::Sharegpt => sharegpt(conversation),
            Self::Alpaca => alpaca(conversation),
            Self::BedrockSft => bedrock_sft(conversation),
        }
    }
}

fn record_of(cells: &[Cell<'_>]) -> u64 {
    let (key, row) = key_of(cells);
    key.key(row)
}

fn who(cells: &[Cell<'_>]) -> String {
    let (key, row) = key_of(cells);
    key.told(row)
}

/// What identifies a record, and the number of its row.
fn key_of(cells: &[Cell<'_>]) -> (RecordKey, u64) {
    let string = |nth: usize| cells[nth].map(|it| text(it).into_owned());
    let key = RecordKey {
        custom_id: string(CUSTOM_ID),
        variant: string(VARIANT),
        sample: cells[SAMPLE].and_then(|it| it.parse().ok()),
    };
    let row = cells[ROW].and_then(|it| it.parse().ok());
    (key, row.unwrap_or(0))
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
fn messages(conversation: &Conversation) -> Value {
    let system = conversation.system.iter();
    let system = system.map(|text| json!({ "role": "system", "content": text }));
    let turns = conversation.turns.iter().map(|(speaker, text)| {
        let role = speaker.role();
        json!({ "role": role, "content": text })
    });
    system.chain(turns).collect()
}

fn sharegpt(conversation: &Conversation) -> Value {
    let system = conversation.system.iter();
    let system = system.map(|text| json!({ "from": "system", "value": text }));
    let turns = conversation.turns.iter().map(|(speaker, text)| {
        let from = match speaker {
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
        let role = speaker.role();
        json!({ "role": role, "content": [{ "text": text }] })
    });
    line["messages"] = turns.collect();
    line
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
    fn a_part_has_its_name_before_the_end_of_the_file() {
        let part = |path: &str| part_of(Path::new(path), "train");
        assert_eq!(part("a/data.jsonl"), Path::new("a/data.train.jsonl"));
        assert_eq!(part("data"), Path::new("data.train"));
    }
}
