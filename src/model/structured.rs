//! Structured output: the schema a model is given, and how a response compares with it.

use serde_json::Value;

/// How a model is made to follow a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SchemaMode {
    /// The service compiles the schema and constrains the tokens.
    Native,
    /// The schema is the input of one tool, which the model must call.
    Tool,
    /// The schema is a part of the prompt.
    Prompt,
}

impl SchemaMode {
    /// All of them, the strictest first.
    pub const ALL: [Self; 3] = [Self::Native, Self::Tool, Self::Prompt];

    /// The word in job files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Tool => "tool",
            Self::Prompt => "prompt",
        }
    }

    /// The mode of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// A schema as it goes into a request.
#[derive(Debug, Clone, PartialEq)]
pub struct SentSchema {
    /// Where in the request it goes.
    pub mode: SchemaMode,
    /// The name of the tool or of the response format.
    pub name: String,
    /// What is sent, which may ask for less than what validates.
    pub schema: Value,
}

impl SentSchema {
    /// What is added to a prompt in prompt mode: one fixed sentence, and the schema.
    pub fn sentence(&self) -> String {
        format!(
            "Answer with one JSON value that is valid against this JSON Schema, and with nothing \
             else: no explanation, no code fence.\n{}",
            self.schema
        )
    }
}

/// What a model called the tool with that stands for a schema.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolInput {
    /// A value.
    Value(Value),
    /// The text of one, which may be broken.
    Text(String),
}

/// How a response compares with the schema of the job.
#[derive(Debug, Clone, PartialEq)]
pub enum SchemaCheck {
    /// It is valid.
    Valid {
        /// What was done to the text to read it, if anything.
        repair: Option<Repair>,
    },
    /// It is not, for these reasons; there is at least one.
    Invalid(Vec<SchemaError>),
}

impl SchemaCheck {
    /// Whether it is valid.
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid { .. })
    }

    /// The word for what was done to the text to read it.
    pub fn repair(&self) -> Option<&'static str> {
        match self {
            Self::Valid { repair } => repair.map(Repair::as_str),
            Self::Invalid(_) => None,
        }
    }
}

/// What was done to a completion to read it. Nothing is ever added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repair {
    /// Reasoning in tags was left out.
    OutsideReasoning,
    /// What a code fence encloses was taken.
    FencedBlock,
    /// The outermost object or array was taken.
    Outermost,
    /// It was read by a tolerant reader.
    Tolerant,
}

impl Repair {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 4] = [
        Self::OutsideReasoning,
        Self::FencedBlock,
        Self::Outermost,
        Self::Tolerant,
    ];

    /// The word written to the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OutsideReasoning => "outside_reasoning",
            Self::FencedBlock => "fenced_block",
            Self::Outermost => "outermost",
            Self::Tolerant => "tolerant",
        }
    }
}

/// A rule that a response breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// Where in the response, as a JSON pointer; empty for all of it.
    pub pointer: String,
    /// The pointer with `*` for each name that only the response has, and not the schema.
    pub masked_pointer: String,
    /// The keyword of the schema; `json` for what is not JSON, `max_tokens` for what was cut off.
    pub keyword: String,
    /// What is wrong there; it quotes nothing of the response.
    pub message: String,
}

impl SchemaError {
    /// An error of the response as a whole.
    pub fn of_all(keyword: &str, message: impl Into<String>) -> Self {
        Self {
            pointer: String::new(),
            masked_pointer: String::new(),
            keyword: keyword.to_owned(),
            message: message.into(),
        }
    }

    /// The error without names that only the response has: for what is shown outside of the output.
    pub fn masked(&self) -> String {
        self.at(&self.masked_pointer)
    }

    fn at(&self, pointer: &str) -> String {
        let (keyword, message) = (&self.keyword, &self.message);
        match pointer {
            "" => format!("{message} ({keyword})"),
            pointer => format!("{pointer}: {message} ({keyword})"),
        }
    }
}

/// The whole error, for the model that wrote the response.
impl std::fmt::Display for SchemaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.at(&self.pointer))
    }
}
