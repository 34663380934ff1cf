//! `promptmill init`: a commented job file for a data file.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use serde_json::Value;

use super::print;
use crate::catalog::id::ModelId;
use crate::engine::Failure;
use crate::exit::{Exit, Reason};
use crate::format::{count, one_line, shell_word};
use crate::input::{Input, ReadOptions, Record};

/// So many rows are looked at to guess what the fields are for.
const LOOKED_AT: usize = 200;

/// What is written where no model is given: cheap, and offered in most regions.
const USUAL_MODEL: &str = "us.amazon.nova-lite-v1:0";

/// So many other fields are copied to each record, and no more: they are in the input anyway.
const KEPT: usize = 5;

/// A field whose values have so many characters on average is text for a prompt.
const TEXT: f64 = 25.0;

/// Names that tell what a field is for, whatever its values are.
const TEXT_NAMES: &[&str] = &[
    "text",
    "body",
    "content",
    "question",
    "input",
    "instruction",
    "description",
    "comment",
    "review",
    "message",
    "summary",
    "passage",
    "document",
    "title",
    "subject",
    "abstract",
];

pub(super) fn command() -> Command {
    Command::new("init")
        .about("Write a commented job file for a data file")
        .before_help(
            "Reads the first rows, guesses which field identifies a row and which make the prompt, and \
             writes a job file to be edited. Sends nothing.",
        )
        .after_help(
            "Examples:\n\
             \x20 promptmill init reviews.csv -m us.amazon.nova-lite-v1:0\n\
             \x20 promptmill init reviews.csv -o -    prints the job file\n\n\
             Exit codes:\n\
             \x20   0  the job file was written\n\
             \x20   2  the data cannot be read, or the job file exists\n\
             \x20  74  the job file cannot be written",
        )
        .arg(
            Arg::new("data")
                .value_name("DATA")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .required(true)
                .help("Prompts: CSV, TSV, JSONL or JSON (.gz, .zst too)"),
        )
        .arg(
            Arg::new("model")
                .short('m')
                .long("model")
                .value_name("ID")
                .help("Model ID, inference profile ID, or ARN [default: asked for on a terminal]"),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("JOB.toml")
                .value_parser(value_parser!(PathBuf))
                .value_hint(ValueHint::FilePath)
                .help("Job file to write; - prints it [default: the name of DATA with .toml]"),
        )
        .arg(
            Arg::new("force")
                .long("force")
                .action(ArgAction::SetTrue)
                .help("Overwrite the job file if it exists"),
        )
}

/// Writes the job file.
pub(super) fn init(matches: &ArgMatches) -> Result<Exit, Failure> {
    let data: &PathBuf = matches.get_one("data").expect("it is required");
    if data == Path::new("-") {
        let message = "standard input cannot be read again by a run: name a file";
        return Err(Failure::usage(message));
    }
    let seen = FirstRows::of(data)?;
    let model = model(matches)?;
    let stem = stem(data);
    let text = job(data, &stem, &model, &seen);
    let named: Option<&PathBuf> = matches.get_one("output");
    let path = named
        .cloned()
        .unwrap_or_else(|| format!("{stem}.toml").into());
    if path == Path::new("-") {
        print::delivered(print::text(&text))?;
        return Ok(Exit::Complete);
    }
    write(&path, &text, matches.get_flag("force"))?;
    let job = shell_word(&path.display().to_string());
    let try_out = shell_word(&format!("out/{stem}.try.jsonl"));
    let text = format!(
        "{job}: {}; id: {}; prompt: {}\n\n\
         Try it on the emulator, which needs no AWS account:\n  \
         promptmill run {job} --limit 20 --endpoint-url emulator -o {try_out}\n\n\
         Estimate tokens, cost and time:\n  promptmill plan {job}",
        seen.fields_in_words(),
        one_line(
            &seen.id.clone().unwrap_or_else(|| "the row number".into()),
            80
        ),
        seen.prompt.in_words(),
    );
    print::delivered(print::text(&text))?;
    Ok(Exit::Complete)
}

fn write(path: &Path, text: &str, overwrites: bool) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    match overwrites {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let mut file = options.open(path).map_err(|error| {
        if error.kind() != std::io::ErrorKind::AlreadyExists {
            return cannot_write(path, &error);
        }
        Failure::usage(format!(
            "{} exists: overwrite it with --force, or name another file with -o",
            path.display()
        ))
    })?;
    let written = writeln!(file, "{}", text.trim_end());
    written.map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::CannotWrite, format!("{}: {error}", path.display()))
}

/// The model that was given or is asked for on a terminal, or the usual one.
fn model(matches: &ArgMatches) -> Result<String, Failure> {
    let given: Option<&String> = matches.get_one("model");
    let typed = match given {
        Some(model) => model.clone(),
        None if std::io::stdin().is_terminal() && print::columns().is_some() => {
            print::said(&format!("Model ID (Enter: {USUAL_MODEL}):"));
            let mut line = String::new();
            let _ = std::io::stdin().lock().read_line(&mut line);
            line.trim().to_owned()
        }
        None => String::new(),
    };
    if typed.is_empty() {
        return Ok(USUAL_MODEL.into());
    }
    let model = ModelId::parse_of_any_provider(&typed);
    model.map_err(|error| Failure::usage(error.to_string()))?;
    Ok(typed)
}

/// The name of the data file without its endings.
fn stem(data: &Path) -> String {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').find(|part| !part.is_empty());
    stem.unwrap_or("job").to_owned()
}

/// What makes the prompt.
#[derive(Debug, Clone, PartialEq)]
enum PromptGuess {
    Body(String),
    Messages(String),
    Column(String),
    Template(Vec<String>),
}

impl PromptGuess {
    fn in_words(&self) -> String {
        let words = match self {
            Self::Body(field) => format!("request bodies in {field}"),
            Self::Messages(field) => format!("conversations in {field}"),
            Self::Column(field) => field.clone(),
            Self::Template(fields) => fields.join(", "),
        };
        one_line(&words, 200)
    }

    fn fields(&self) -> &[String] {
        match self {
            Self::Body(field) | Self::Messages(field) | Self::Column(field) => {
                std::slice::from_ref(field)
            }
            Self::Template(fields) => fields,
        }
    }
}

/// What the first rows show.
#[derive(Debug)]
struct FirstRows {
    fields: Vec<String>,
    rows: usize,
    is_all: bool,
    id: Option<String>,
    prompt: PromptGuess,
    keep: Vec<String>,
}

impl FirstRows {
    fn of(data: &Path) -> Result<Self, Failure> {
        let input = Input::open(data, &ReadOptions::default())?;
        let mut records = Vec::new();
        let mut rest = input.records()?;
        for row in rest.by_ref().take(LOOKED_AT) {
            // A row that cannot be read tells nothing; `plan` names it.
            records.extend(row?.ok());
        }
        let is_all = rest.next().is_none();
        let mut fields: Vec<String> = Vec::new();
        for name in records.iter().flat_map(Record::names) {
            if !fields.contains(&name) {
                fields.push(name);
            }
        }
        if records.is_empty() {
            let message = format!("{}: none of its first rows can be read", data.display());
            return Err(Failure::usage(message).because(Reason::Input));
        }
        let id = id(&records, &fields);
        let prompt = prompt(&records, &fields, id.as_deref());
        let others = fields.iter().filter(|field| {
            let is_text = average(&records, field).is_none_or(|length| TEXT * 2.0 < length);
            id.as_ref() != Some(field) && !prompt.fields().contains(field) && !is_text
        });
        let keep = others.take(KEPT).cloned().collect();
        Ok(Self {
            rows: records.len(),
            fields,
            is_all,
            id,
            prompt,
            keep,
        })
    }

    fn fields_in_words(&self) -> String {
        let more = if self.is_all { "" } else { "the first " };
        let names: Vec<_> = self.fields.iter().map(String::as_str).collect();
        let rows = count(self.rows as u64);
        one_line(&format!("{more}{rows} rows with {}", names.join(", ")), 400)
    }
}

/// A value as text; `None` for lists and objects.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// How many characters a field has on average; `None` if its values are no text.
fn average(records: &[Record], field: &str) -> Option<f64> {
    let mut characters = 0;
    for record in records {
        if let Some(value) = record.fields.get(field) {
            characters += text(value)?.chars().count();
        }
    }
    Some(characters as f64 / records.len() as f64)
}

/// The field that identifies a row: unique in the rows seen, and named or short like one.
fn id(records: &[Record], fields: &[String]) -> Option<String> {
    let is_unique = |field: &&String| {
        let mut seen = HashSet::new();
        records.iter().all(|record| {
            let value = record.fields.get(field.as_str()).and_then(text);
            value.is_some_and(|value| !value.trim().is_empty() && seen.insert(value))
        })
    };
    let unique: Vec<_> = fields.iter().filter(is_unique).collect();
    let is_named = |field: &&&String| {
        let name = field.to_lowercase();
        let exact = ["custom_id", "id", "recordid", "uuid", "key", "guid"];
        exact.contains(&name.as_str()) || name.ends_with("_id") || field.ends_with("Id")
    };
    unique.iter().find(is_named).map(|field| (**field).clone())
}

/// What makes the prompt: bodies and conversations by their shape, a column named `prompt`, else the
/// fields that hold text.
fn prompt(records: &[Record], fields: &[String], id: Option<&str>) -> PromptGuess {
    let first = |field: &String| records.iter().find_map(|record| record.fields.get(field));
    let is_body = |field: &&String| {
        let value = first(field).and_then(Value::as_object);
        let keys = [
            "messages",
            "prompt",
            "inputText",
            "anthropic_version",
            "texts",
        ];
        value.is_some_and(|value| keys.iter().any(|key| value.contains_key(*key)))
    };
    let is_conversation = |field: &&String| {
        let messages = first(field).and_then(Value::as_array);
        let message = messages.and_then(|messages| messages.first());
        message.is_some_and(|message| message.get("role").is_some())
    };
    if let Some(field) = fields.iter().find(is_body) {
        return PromptGuess::Body(field.clone());
    }
    if let Some(field) = fields.iter().find(is_conversation) {
        return PromptGuess::Messages(field.clone());
    }
    if let Some(field) = fields.iter().find(|field| *field == "prompt") {
        return PromptGuess::Column(field.clone());
    }
    let length = |field: &String| average(records, field);
    let is_usable = |field: &&String| Some(field.as_str()) != id && length(field).is_some();
    let is_text = |field: &&String| {
        let is_named = TEXT_NAMES.contains(&field.to_lowercase().as_str());
        is_named || length(field).is_some_and(|length| TEXT < length)
    };
    let usable: Vec<_> = fields.iter().filter(is_usable).collect();
    let texts: Vec<_> = usable.iter().copied().filter(is_text).cloned().collect();
    match texts.is_empty() {
        false => PromptGuess::Template(texts.into_iter().take(3).collect()),
        true => PromptGuess::Template(usable.into_iter().take(3).cloned().collect()),
    }
}

/// Text in quotes, as TOML has it: JSON's quotes, but for one character that TOML wants escaped too.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A field in a template.
fn inserted(field: &str) -> String {
    let mut letters = field.chars();
    let begins = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let is_name = begins && letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_name {
        true => format!("{{{{ {field} }}}}"),
        false => format!("{{{{ row[{}] }}}}", quoted(field)),
    }
}

fn job(data: &Path, stem: &str, model: &str, seen: &FirstRows) -> String {
    let names: Vec<_> = seen
        .fields
        .iter()
        .map(|field| one_line(field, 60))
        .collect();
    let names = names.join(", ");
    let path = quoted(&data.display().to_string());
    let mut text = format!(
        "# Fields of the data: {names}\n\
         #\n\
         # Every key: docs/reference/job-file.md, or promptmill run --help.\n\n\
         name = {}\n\n\
         [input]\n\
         path = {path}\n",
        quoted(stem)
    );
    // Writing to a String cannot fail.
    let _ = match &seen.id {
        Some(id) => writeln!(
            text,
            "id = {}   # identifies a row in the output",
            quoted(id)
        ),
        None => writeln!(
            text,
            "id = \"#row\"   # no field is different in every row: the row number"
        ),
    };
    let keep: Vec<_> = seen.keep.iter().map(|field| quoted(field)).collect();
    let _ = match keep.is_empty() {
        true => writeln!(text, "# keep = [\"…\"]   # fields to copy to each record"),
        false => writeln!(
            text,
            "keep = [{}]   # copied to each record",
            keep.join(", ")
        ),
    };
    text += "\n[prompt]\n";
    let _ = match &seen.prompt {
        PromptGuess::Body(field) => writeln!(
            text,
            "# Whole request bodies, sent as they are: system, max_tokens and the like go into them.\n\
             body = {}",
            quoted(field)
        ),
        PromptGuess::Messages(field) => writeln!(
            text,
            "# system = \"Answer in one sentence.\"\nmessages = {}   # conversations",
            quoted(field)
        ),
        PromptGuess::Column(field) => writeln!(
            text,
            "# system = \"Answer in one sentence.\"\ncolumn = {}   # holds the whole prompt",
            quoted(field)
        ),
        PromptGuess::Template(fields) => {
            let fields: Vec<_> = fields.iter().map(|field| inserted(field)).collect();
            let template = quoted(&fields.join("\n\n"));
            writeln!(
                text,
                "# Say here what the model is to do.\n\
                 system = \"Summarize the text in one sentence.\"\n\
                 template = {template}"
            )
        }
    };
    let _ = writeln!(
        text,
        "\n[model]\n\
         id = {}   # promptmill models lists what you can call",
        quoted(model)
    );
    if !matches!(seen.prompt, PromptGuess::Body(_)) {
        text += "max_tokens = 256     # a lower limit makes a faster run: every call reserves it\n";
    }
    let _ = writeln!(
        text,
        "\n[limits]\n\
         # quota = \"auto\"              # read the account's limits from Service Quotas\n\
         # requests_per_minute = 600   # or name them; without, they are learned\n\
         # max_cost_usd = 1.0          # never spend more on this output\n\n\
         [output]\n\
         path = {}\n\
         max_failures = \"1%\"   # exit with code 3 if more rows fail",
        quoted(&format!("out/{stem}.jsonl"))
    );
    text
}
