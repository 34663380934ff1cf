//! Every key of a job file, which is also every flag that stands for one: the single source of
//! the check, the flags, the help and the reference.

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The table it stands in; empty at the top.
    pub table: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// The flag that stands for it.
    pub flag: &'static str,
    /// The flag's short form.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// The value's name in the help.
    pub value: &'static str,
    /// What it is for, in a sentence, with its default.
    pub help: &'static str,
}

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A list of texts; the flag may be repeated.
    Texts,
    /// A whole number from 1, in 32 bits.
    Count,
    /// A whole number from 1, in 63 bits.
    Large,
    /// A number.
    Number,
    /// A time such as `90s`, `15m`, `6h`.
    Time,
    /// A whole number, or a percentage such as `1%`.
    CountOrShare,
    /// A percentage such as `1%`.
    Share,
    /// true or false; the flag alone is true.
    Switch,
    /// A table; the flag takes JSON.
    Table,
}

impl Kind {
    /// What it takes, as an error says it.
    pub fn takes(self) -> &'static str {
        match self {
            Self::Text => "text in quotes",
            Self::Texts => "a list of texts",
            Self::Count => "a whole number from 1 to 4294967295",
            Self::Large => "a whole number from 1",
            Self::Number => "a number",
            Self::Time => "a time such as \"90s\", \"15m\" or \"6h\"",
            Self::CountOrShare => "a whole number or a percentage such as \"1%\"",
            Self::Share => "a percentage such as \"5%\"",
            Self::Switch => "true or false",
            Self::Table => "a table of JSON values",
        }
    }
}

/// Keys of which only one may be given: where the prompt comes from.
pub const PROMPT_SOURCES: &[&str] = &[
    "template",
    "template_file",
    "column",
    "messages",
    "texts",
    "body",
];

const fn key(
    place: (&'static str, &'static str),
    flag: (&'static str, Option<char>),
    kind: Kind,
    value: &'static str,
    help: &'static str,
) -> Key {
    Key {
        table: place.0,
        name: place.1,
        flag: flag.0,
        short: flag.1,
        kind,
        value,
        help,
    }
}

/// All of them, in the order of the reference.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key(("", "name"), ("name", None), Kind::Text, "NAME",
        "What to call the job in the summary [default: the job file's name]"),

    key(("input", "path"), ("input", Some('i')), Kind::Text, "FILE",
        "The prompts: .csv .tsv .jsonl .json, plain, .gz or .zst; - is standard input"),
    key(("input", "format"), ("format", None), Kind::Text, "FORMAT",
        "csv, tsv, jsonl, json, or txt for one prompt a line [default: from the name, else from the content]"),
    key(("input", "delimiter"), ("delimiter", None), Kind::Text, "CHAR",
        "What separates the values of a CSV, such as ; or | or tab [default: , and tab for TSV]"),
    key(("input", "quote"), ("quote", None), Kind::Text, "CHAR",
        "What quotes the values of a CSV, or none [default: \"]"),
    key(("input", "escape"), ("escape", None), Kind::Text, "CHAR",
        "What escapes a quote in a quoted value of a CSV, such as backslash [default: another quote]"),
    key(("input", "comment"), ("comment", None), Kind::Text, "CHAR",
        "What begins a line of a CSV that is no row, such as # [default: none]"),
    key(("input", "header"), ("header", None), Kind::Switch, "true|false",
        "Whether a CSV begins with names of columns, else they are column_1, column_2, … [default: true]"),
    key(("input", "records"), ("records", None), Kind::Text, "PATH",
        "Where in a JSON document the list of rows is, such as /data"),
    key(("input", "id"), ("id", None), Kind::Text, "FIELD",
        "The field or path that identifies a row, #row for its number [default: custom_id, id or recordId, else the row number]"),
    key(("input", "keep"), ("keep", None), Kind::Texts, "FIELD",
        "Fields or paths copied to each result's metadata; * is all fields"),

    key(("prompt", "system"), ("system", None), Kind::Text, "TEXT",
        "The system prompt; may hold {{ fields }} too"),
    key(("prompt", "cache"), ("cache", None), Kind::Switch, "true|false",
        "Mark the system prompt for the service's prompt cache [default: false]"),
    key(("prompt", "template"), ("template", Some('t')), Kind::Text, "TEXT",
        "The prompt with {{ field }} where a field goes, {{ row[\"a field\"] }} for any name"),
    key(("prompt", "template_file"), ("template-file", None), Kind::Text, "FILE",
        "The same, from a file"),
    key(("prompt", "column"), ("column", None), Kind::Text, "FIELD",
        "The field or path (a.b, /a/0/b) that holds the prompt [default: prompt, where there is one]"),
    key(("prompt", "messages"), ("messages", None), Kind::Text, "FIELD",
        "The field or path that holds a conversation, [{role, content}, …], such as body.messages"),
    key(("prompt", "texts"), ("texts", None), Kind::Text, "FIELD",
        "The field or path that holds texts to embed in one call, or a query and the documents to rank"),
    key(("prompt", "body"), ("body", None), Kind::Text, "FIELD",
        "The field or path that holds an InvokeModel body, sent as it is"),

    key(("model", "id"), ("model", Some('m')), Kind::Text, "ID",
        "Model id, inference profile id, or any ARN InvokeModel takes"),
    key(("model", "family"), ("family", None), Kind::Text, "FAMILY",
        "The body layout, where an opaque ARN hides it"),
    key(("model", "region"), ("region", None), Kind::Text, "REGION",
        "AWS region [default: the ARN's, else the standard chain]"),
    key(("model", "profile"), ("profile", None), Kind::Text, "PROFILE",
        "Profile of the AWS configuration [default: AWS_PROFILE]"),
    key(("model", "endpoint"), ("endpoint-url", None), Kind::Text, "URL",
        "Where to send calls instead of AWS; emulator is the embedded one"),
    key(("model", "max_tokens"), ("max-tokens", None), Kind::Count, "N",
        "The longest answer in tokens; all are reserved from the quota [default: 1024, 4096 if it thinks unasked]"),
    key(("model", "temperature"), ("temperature", None), Kind::Number, "X",
        "Sampling temperature [default: the model's]"),
    key(("model", "top_p"), ("top-p", None), Kind::Number, "X",
        "Nucleus sampling [default: the model's]"),
    key(("model", "top_k"), ("top-k", None), Kind::Count, "N",
        "Sample from the N likeliest tokens [default: the model's]"),
    key(("model", "stop"), ("stop", None), Kind::Texts, "TEXT",
        "Texts that end an answer"),
    key(("model", "stream"), ("stream", None), Kind::Switch, "true|false",
        "Take answers in chunks, with the time to the first token [default: false]"),
    key(("model", "rows_per_call"), ("rows-per-call", None), Kind::Count, "N",
        "Rows of one text each that share a call, for embeddings [default: 96 for cohere-embed, else 1]"),
    key(("model", "service_tier"), ("service-tier", None), Kind::Text, "TIER",
        "default, flex, priority or reserved [default: the service's]"),
    key(("model", "latency"), ("latency", None), Kind::Text, "MODE",
        "standard or optimized [default: the service's]"),
    key(("model", "guardrail"), ("guardrail", None), Kind::Text, "ID",
        "Id or ARN of the guardrail that checks prompts and answers"),
    key(("model", "guardrail_version"), ("guardrail-version", None), Kind::Text, "VERSION",
        "The guardrail's version, a number or DRAFT"),
    key(("model", "trace"), ("trace", None), Kind::Text, "HOW",
        "enabled, enabled_full or disabled: whether a guardrail tells what it found"),
    key(("model", "request_metadata"), ("request-metadata", None), Kind::Table, "JSON",
        "Pairs of texts that the account's invocation log keeps with each call"),
    key(("model", "content_type"), ("content-type", None), Kind::Text, "TYPE",
        "The request's Content-Type [default: application/json]"),
    key(("model", "accept"), ("accept", None), Kind::Text, "TYPE",
        "The Accept header [default: application/json]"),
    key(("model", "prices"), ("prices", None), Kind::Text, "FILE",
        "Prices and limits of your own, TOML, before the catalogue's"),
    key(("model", "extra"), ("extra", None), Kind::Table, "JSON",
        "Merged into every request body as it is"),
    key(("model", "force"), ("force", None), Kind::Switch, "true|false",
        "Send what the catalogue says the model refuses"),

    key(("limits", "requests_per_minute"), ("requests-per-minute", None), Kind::Count, "N",
        "Calls started per minute, retries included [default: learned from refusals]"),
    key(("limits", "tokens_per_minute"), ("tokens-per-minute", None), Kind::Large, "N",
        "The account's tokens per minute for this model [default: learned from refusals]"),
    key(("limits", "tokens_per_day"), ("tokens-per-day", None), Kind::Large, "N",
        "Tokens of quota a run may use before it stops with 75 [default: no limit of ours]"),
    key(("limits", "quota"), ("quota", None), Kind::Text, "auto",
        "auto reads from Service Quotas, before the run, the limits above that are not given"),
    key(("limits", "utilization"), ("utilization", None), Kind::Number, "SHARE",
        "How much of the quotas that were read is used, above 0 and up to 1 [default: 0.95]"),
    key(("limits", "burndown"), ("burndown", None), Kind::Number, "X",
        "Tokens of quota for one token of output [default: the catalogue's for the model]"),
    key(("limits", "concurrency"), ("concurrency", Some('c')), Kind::Count, "N",
        "The most calls in flight [default: 64]"),

    key(("limits", "max_cost_usd"), ("max-cost", None), Kind::Number, "USD",
        "What the output may cost in all; calls in flight count at their worst"),
    key(("limits", "deadline"), ("deadline", None), Kind::Time, "TIME",
        "How long the run may send; then calls in flight land for --drain, and it stops with 8, resumable"),
    key(("limits", "max_error_rate"), ("max-error-rate", None), Kind::Share, "N%",
        "Stop with 8 once more than this share of at least 50 rows has failed"),

    key(("retry", "max_attempts"), ("max-attempts", None), Kind::Count, "N",
        "Attempts a row has against passing faults; 3 at most once the model was at work [default: 6]"),
    key(("retry", "throttle_wait"), ("throttle-wait", None), Kind::Time, "TIME",
        "How long a row may be refused for now before it fails [default: 15m]"),
    key(("retry", "attempt_timeout"), ("attempt-timeout", None), Kind::Time, "TIME",
        "How long one call may take; giving up may still be billed [default: 15m]"),
    key(("retry", "idle_timeout"), ("idle-timeout", None), Kind::Time, "TIME",
        "How long a stream may say nothing before the call is given up [default: 5m]"),

    key(("output", "path"), ("output", Some('o')), Kind::Text, "FILE",
        "Where the answers go, OUT.jsonl; failures go beside it, to OUT.failed.jsonl"),
    key(("output", "raw"), ("raw", None), Kind::Text, "WHEN",
        "Keep the provider's own body: always, errors or never [default: errors]"),
    key(("output", "reasoning"), ("reasoning", None), Kind::Switch, "true|false",
        "Keep what the model thought before it answered, beside the answer"),
    key(("output", "durability"), ("durability", None), Kind::Text, "WHEN",
        "sync: an answer counts once it survives a power cut; none: once it is written [default: sync]"),
    key(("output", "mode"), ("output-mode", None), Kind::Text, "MODE",
        "Who may read and write new files, in octal, such as 0640 [default: 0600]"),
    key(("output", "max_failures"), ("max-failures", None), Kind::CountOrShare, "N|N%",
        "More failed rows than this, and the exit code says so [default: 0]"),
    key(("output", "max_filtered"), ("max-filtered", None), Kind::CountOrShare, "N|N%",
        "Exit with code 3 if more rows than this were filtered [default: no limit]"),

    key(("emulator", "scenario"), ("scenario", None), Kind::Text, "FILE",
        "What the embedded emulator plays: latency, quotas, faults"),
];

/// The key of this name in this table.
pub fn find(table: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter()
        .find(|key| key.table == table && key.name == name)
}

/// The tables there are, in the order of the reference; the first is the top of the file.
pub fn tables() -> impl Iterator<Item = &'static str> {
    let starts = |at: usize| at == 0 || KEYS[at - 1].table != KEYS[at].table;
    (0..KEYS.len())
        .filter(move |at| starts(*at))
        .map(|at| KEYS[at].table)
}
