//! Every key of a job file, which is also every flag that stands for one: the single source of
//! the check, the flags, the help and the reference.

use crate::family::Family;
use crate::model::Tier;

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
    /// A whole number from 0, in 32 bits.
    Whole,
    /// A whole number from 1, in 63 bits.
    Large,
    /// A number.
    Number,
    /// A time such as `90s`, `15m`, `6h`.
    Time,
    /// Like [`Self::Time`], or a clock time such as `06:30` or `06:30 Europe/Berlin`.
    Deadline,
    /// A whole number, or a percentage such as `1%`.
    CountOrShare,
    /// A percentage such as `1%`.
    Share,
    /// true or false; the flag alone is true.
    Switch,
    /// A table; the flag takes JSON.
    Table,
    /// A list of tables of clock times and limits; the flag takes one as JSON and may be repeated.
    Windows,
    /// A list of tables of a prompt; the flag takes one as JSON and may be repeated.
    Prompts,
}

impl Kind {
    /// What it takes, as an error says it.
    pub fn takes(self) -> &'static str {
        match self {
            Self::Text => "text in quotes",
            Self::Texts => "a list of texts",
            Self::Count => "a whole number from 1 to 4294967295",
            Self::Whole => "a whole number",
            Self::Large => "a whole number from 1",
            Self::Number => "a number",
            Self::Time => "a time such as \"90s\", \"15m\" or \"6h\"",
            Self::Deadline => {
                "a time such as \"3h\", or a clock time such as \"06:30\" or \"06:30 Europe/Berlin\""
            }
            Self::CountOrShare => "a whole number or a percentage such as \"1%\"",
            Self::Share => "a percentage such as \"5%\"",
            Self::Switch => "true or false",
            Self::Table => "a table of JSON values",
            Self::Windows => {
                "tables of from, to, zone, requests_per_minute and tokens_per_minute, as [[limits.window]]"
            }
            Self::Prompts => {
                "tables of name, template or template_file, and system, as [[sweep.prompt]]"
            }
        }
    }
}

/// ` (did you mean 0.95?)` for `95%` where a number is due: what a value was probably meant to be, or
/// nothing.
pub fn meant(kind: Kind, typed: &str) -> String {
    match instead(kind, typed.trim()) {
        Some(instead) => format!(" (did you mean {instead}?)"),
        None => String::new(),
    }
}

fn instead(kind: Kind, typed: &str) -> Option<String> {
    let number = || typed.parse::<f64>().ok();
    match kind {
        Kind::Number => {
            if let Some(percent) = typed.strip_suffix('%') {
                let share = percent.trim().parse::<f64>().ok()? / 100.0;
                return Some(share.to_string());
            }
            let plain = typed.trim_start_matches('$').replace([',', '_'], "");
            plain.parse::<f64>().ok().map(|number| number.to_string())
        }
        Kind::Count | Kind::Whole | Kind::Large => whole(typed),
        Kind::Time | Kind::Deadline => number()
            .filter(|number| 0.0 < *number)
            .map(|number| format!("\"{number}s\" or \"{number}m\"")),
        Kind::Share => number()
            .filter(|number| (0.0..=100.0).contains(number))
            .map(|number| match number < 1.0 {
                true => format!("\"{}%\"", number * 100.0),
                false => format!("\"{number}%\""),
            }),
        Kind::CountOrShare => number()
            .filter(|number| (0.0..1.0).contains(number))
            .map(|number| format!("\"{}%\"", number * 100.0)),
        Kind::Switch => match typed.to_lowercase().as_str() {
            "yes" | "on" | "1" | "y" | "t" => Some("true".into()),
            "no" | "off" | "0" | "n" | "f" => Some("false".into()),
            other => ["true", "false"].contains(&other).then(|| other.to_owned()),
        },
        Kind::Table => {
            let (name, value) = typed.split_once('=')?;
            let plain = |text: &str| !text.is_empty() && !text.contains(['{', '"', '\'']);
            (plain(name) && plain(value)).then(|| format!("'{{\"{name}\": \"{value}\"}}'"))
        }
        Kind::Text | Kind::Texts | Kind::Windows | Kind::Prompts => None,
    }
}

/// `200k`, `1M`, `1,000` and `1e6` as digits.
fn whole(typed: &str) -> Option<String> {
    let plain = typed.replace([',', '_', ' '], "");
    let (digits, times) = match plain.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => match plain.strip_suffix(['m', 'M']) {
            Some(digits) => (digits, 1e6),
            None => (plain.as_str(), 1.0),
        },
    };
    let number = digits.parse::<f64>().ok()? * times;
    let is_whole = number.fract() == 0.0 && (1.0..1e15).contains(&number);
    let digits = format!("{number:.0}");
    (is_whole && digits != typed).then_some(digits)
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

/// Keys of `[model]` that are the same for a whole job: where calls go and under which account, and
/// what only says something about the model that is called.
const SAME_FOR_ALL: &[&str] = &[
    "id",
    "family",
    "endpoint",
    "profile",
    "request_metadata",
    "prices",
    "force",
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
        "Job name, shown in the summary [default: the job file's name]"),

    key(("input", "path"), ("input", Some('i')), Kind::Text, "FILE",
        "Prompts: CSV, TSV, JSONL or JSON (.gz, .zst too); - reads stdin"),
    key(("input", "format"), ("format", None), Kind::Text, "FORMAT",
        "Input format: csv, tsv, jsonl, json, or txt for one prompt a line [default: from the name, else the content]"),
    key(("input", "delimiter"), ("delimiter", None), Kind::Text, "CHAR",
        "Delimiter of a CSV, such as ; or | or tab [default: a comma, or a tab for TSV]"),
    key(("input", "quote"), ("quote", None), Kind::Text, "CHAR",
        "Quote character of a CSV, or none [default: \"]"),
    key(("input", "escape"), ("escape", None), Kind::Text, "CHAR",
        "Escape before a quote in a quoted value of a CSV, such as backslash [default: quotes are doubled]"),
    key(("input", "comment"), ("comment", None), Kind::Text, "CHAR",
        "Skip lines of a CSV that begin with this, such as # [default: none]"),
    key(("input", "header"), ("header", None), Kind::Switch, "true|false",
        "Whether a CSV begins with column names; without them they are column_1, column_2, … [default: true]"),
    key(("input", "records"), ("records", None), Kind::Text, "PATH",
        "Path of the list of rows in a JSON document, such as /data"),
    key(("input", "id"), ("id", None), Kind::Text, "FIELD",
        "Field or path that identifies a row, or #row for the row number [default: custom_id, id or recordId, else the row number]"),
    key(("input", "keep"), ("keep", None), Kind::Texts, "FIELD",
        "Field or path to copy into the metadata of each output line, or * for all; may be repeated"),
    key(("input", "allow_empty"), ("allow-empty", None), Kind::Switch, "true|false",
        "Exit with code 0 if the input has no rows [default: false]"),
    key(("input", "dedupe"), ("dedupe", None), Kind::Switch, "true|false",
        "Send identical requests once, and copy the record to the other rows [default: false]"),

    key(("prompt", "system"), ("system", None), Kind::Text, "TEXT",
        "System prompt; {{ field }} inserts a value"),
    key(("prompt", "cache"), ("cache", None), Kind::Switch, "true|false",
        "Put a cache checkpoint after the system prompt [default: false]"),
    key(("prompt", "template"), ("template", Some('t')), Kind::Text, "TEXT",
        "Prompt; {{ field }} inserts a value, {{ row[\"a field\"] }} one of any name"),
    key(("prompt", "template_file"), ("template-file", None), Kind::Text, "FILE",
        "File that holds the template"),
    key(("prompt", "column"), ("column", None), Kind::Text, "FIELD",
        "Field or path (a.b, /a/0/b) that holds the whole prompt [default: prompt, if there is one]"),
    key(("prompt", "messages"), ("messages", None), Kind::Text, "FIELD",
        "Field or path that holds a conversation, [{role, content}, …], such as body.messages"),
    key(("prompt", "texts"), ("texts", None), Kind::Text, "FIELD",
        "Field or path that holds texts to embed in one call, or a query and documents to rerank"),
    key(("prompt", "body"), ("body", None), Kind::Text, "FIELD",
        "Field or path that holds a whole InvokeModel request body, sent unchanged"),

    key(("model", "id"), ("model", Some('m')), Kind::Text, "ID",
        "Model ID, inference profile ID, or ARN; repeat it to compare models"),
    key(("model", "family"), ("family", None), Kind::Text, "FAMILY",
        "Request format, for an ARN that does not show it [default: from the model ID]"),
    key(("model", "region"), ("region", None), Kind::Text, "REGION",
        "AWS region [default: the ARN's, else AWS_REGION or the profile's]"),
    key(("model", "profile"), ("profile", None), Kind::Text, "PROFILE",
        "AWS profile [default: AWS_PROFILE]"),
    key(("model", "endpoint"), ("endpoint-url", None), Kind::Text, "URL",
        "Endpoint to call instead of AWS; emulator starts the built-in emulator"),
    key(("model", "max_tokens"), ("max-tokens", None), Kind::Count, "N",
        "Longest completion, in tokens [default: 1024, 4096 if the model reasons by default]"),
    key(("model", "temperature"), ("temperature", None), Kind::Number, "X",
        "Sampling temperature [default: the model's]"),
    key(("model", "top_p"), ("top-p", None), Kind::Number, "X",
        "Nucleus sampling: probability mass to sample from [default: the model's]"),
    key(("model", "top_k"), ("top-k", None), Kind::Count, "N",
        "Sample from the N most likely tokens [default: the model's]"),
    key(("model", "stop"), ("stop", None), Kind::Texts, "TEXT",
        "Stop sequence, which ends a completion; may be repeated"),
    key(("model", "stream"), ("stream", None), Kind::Switch, "true|false",
        "Stream responses, and record the time to the first token [default: false]"),
    key(("model", "rows_per_call"), ("rows-per-call", None), Kind::Count, "N",
        "Rows in one call, for embedding models [default: 96 for cohere-embed, else 1]"),
    key(("model", "service_tier"), ("service-tier", None), Kind::Text, "TIER",
        "Service tier: default, flex, priority or reserved [default: the service's]"),
    key(("model", "latency"), ("latency", None), Kind::Text, "MODE",
        "Latency mode: standard or optimized [default: the service's]"),
    key(("model", "guardrail"), ("guardrail", None), Kind::Text, "ID",
        "ID or ARN of a guardrail for prompts and completions [default: none]"),
    key(("model", "guardrail_version"), ("guardrail-version", None), Kind::Text, "VERSION",
        "Version of the guardrail: a number or DRAFT"),
    key(("model", "trace"), ("trace", None), Kind::Text, "MODE",
        "Guardrail trace: enabled, enabled_full or disabled [default: the service's]"),
    key(("model", "request_metadata"), ("request-metadata", None), Kind::Table, "JSON",
        "Key-value strings for the account's invocation log [default: none]"),
    key(("model", "content_type"), ("content-type", None), Kind::Text, "TYPE",
        "Content-Type header [default: application/json]"),
    key(("model", "accept"), ("accept", None), Kind::Text, "TYPE",
        "Accept header [default: application/json]"),
    key(("model", "prices"), ("prices", None), Kind::Text, "FILE",
        "TOML file with prices and limits that override the catalog's"),
    key(("model", "extra"), ("extra", None), Kind::Table, "JSON",
        "Fields to merge into every request body"),
    key(("model", "force"), ("force", None), Kind::Switch, "true|false",
        "Send what the catalog says the model rejects [default: false]"),

    key(("sweep", "samples"), ("samples", None), Kind::Count, "N",
        "Completions of each row in each variant [default: 1]"),
    key(("sweep", "seed"), ("sweep-seed", None), Kind::Whole, "N",
        "Seed of the first sample, one more for each further one, for models that take one [default: none]"),
    key(("sweep", "on_refused"), ("on-refused", None), Kind::Text, "WHAT",
        "Variants that their model is known to reject: error or skip [default: error]"),
    key(("sweep", "prompt"), ("sweep-prompt", None), Kind::Prompts, "JSON",
        "A prompt to compare, as {\"name\": \"plain\", \"template\": \"…\"}; may be repeated"),

    key(("schema", "path"), ("schema", None), Kind::Text, "FILE",
        "JSON Schema that every completion must be valid against [default: none]"),
    key(("schema", "json"), ("schema-json", None), Kind::Text, "JSON",
        "The schema itself, in place of a file"),
    key(("schema", "mode"), ("schema-mode", None), Kind::Text, "MODE",
        "How the model gets it: native, tool or prompt [default: auto, the strictest that it has]"),
    key(("schema", "name"), ("schema-name", None), Kind::Text, "NAME",
        "Name of the tool or response format [default: answer]"),
    key(("schema", "reasks"), ("reasks", None), Kind::Whole, "N",
        "Times to ask for a correction of an invalid completion, 0 to 3 [default: 1]"),
    key(("schema", "repair"), ("schema-repair", None), Kind::Switch, "true|false",
        "Read JSON out of fences, prose and near-JSON, without a call [default: true]"),

    key(("limits", "requests_per_minute"), ("requests-per-minute", None), Kind::Count, "N",
        "Most calls per minute, retries included [default: learned from throttling]"),
    key(("limits", "tokens_per_minute"), ("tokens-per-minute", None), Kind::Large, "N",
        "The account's token quota per minute [default: learned from throttling]"),
    key(("limits", "tokens_per_day"), ("tokens-per-day", None), Kind::Large, "N",
        "Quota tokens per day (UTC); a run that used them exits with code 75 [default: no limit]"),
    key(("limits", "quota"), ("quota", None), Kind::Text, "auto",
        "auto reads the limits above that are not set from Service Quotas"),
    key(("limits", "utilization"), ("utilization", None), Kind::Number, "SHARE",
        "Share of those quotas to use, above 0 and up to 1 [default: 0.95]"),
    key(("limits", "burndown"), ("burndown", None), Kind::Number, "X",
        "Output burndown rate: quota tokens per output token [default: the model's]"),
    key(("limits", "concurrency"), ("concurrency", Some('c')), Kind::Count, "N",
        "Most calls in flight [default: 64]"),

    key(("limits", "max_cost_usd"), ("max-cost", None), Kind::Number, "USD",
        "Never spend more than this on the output [default: no limit]"),
    key(("limits", "max_cost_per_run_usd"), ("max-run-cost", None), Kind::Number, "USD",
        "Never spend more than this in one run [default: no limit]"),
    key(("limits", "deadline"), ("deadline", None), Kind::Deadline, "TIME",
        "Stop sending after this long, or at a clock time such as 06:30, and exit with code 8 [default: no limit]"),
    key(("limits", "window"), ("window", None), Kind::Windows, "JSON",
        "Limits per minute for a part of the day, as {\"from\": \"08:00\", \"to\": \"18:00\", \"requests_per_minute\": 200}; may be repeated"),
    key(("limits", "max_error_rate"), ("max-error-rate", None), Kind::Share, "N%",
        "Stop with exit code 8 if more rows fail, of at least 50 [default: no limit]"),

    key(("retry", "max_attempts"), ("max-attempts", None), Kind::Count, "N",
        "Most attempts per row for transient errors, 3 for errors of a model at work [default: 6]"),
    key(("retry", "throttle_wait"), ("throttle-wait", None), Kind::Time, "TIME",
        "How long to keep retrying a throttled row [default: 15m]"),
    key(("retry", "attempt_timeout"), ("attempt-timeout", None), Kind::Time, "TIME",
        "Abort a call after this long; it may still be billed [default: 15m]"),
    key(("retry", "idle_timeout"), ("idle-timeout", None), Kind::Time, "TIME",
        "Abort a stream that has sent nothing for this long [default: 5m]"),

    key(("output", "path"), ("output", Some('o')), Kind::Text, "FILE",
        "Where completions are written, such as out.jsonl; failures: out.failed.jsonl"),
    key(("output", "raw"), ("raw", None), Kind::Text, "WHEN",
        "Keep the response body: always, errors or never [default: errors]"),
    key(("output", "reasoning"), ("reasoning", None), Kind::Switch, "true|false",
        "Keep the model's reasoning with the completion [default: false]"),
    key(("output", "messages"), ("keep-messages", None), Kind::Switch, "true|false",
        "Keep the prompt with the completion, as messages [default: false]"),
    key(("output", "durability"), ("durability", None), Kind::Text, "WHEN",
        "sync: completed rows survive a power cut; none: a crash only [default: sync]"),
    key(("output", "mode"), ("output-mode", None), Kind::Text, "MODE",
        "Permissions of new files, in octal, such as 0640 [default: 0600]"),
    key(("output", "max_failures"), ("max-failures", None), Kind::CountOrShare, "N|N%",
        "Exit with code 3 if more rows than this failed [default: 0]"),
    key(("output", "max_filtered"), ("max-filtered", None), Kind::CountOrShare, "N|N%",
        "Exit with code 3 if more rows than this were filtered [default: no limit]"),

    key(("emulator", "scenario"), ("scenario", None), Kind::Text, "FILE",
        "Scenario for the built-in emulator: latency, quotas, faults [default: none]"),
];

/// The key of this name in this table.
pub fn find(table: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter()
        .find(|key| key.table == table && key.name == name)
}

/// Keys of `[model]` that may vary, in the order of the reference.
pub fn varying_keys() -> impl Iterator<Item = &'static Key> {
    KEYS.iter()
        .filter(|key| key.table == "model" && !SAME_FOR_ALL.contains(&key.name))
}

/// The key whose values a list of this name in `[sweep]` has.
pub fn axis(name: &str) -> Option<&'static Key> {
    match name {
        "model" => find("model", "id"),
        name => varying_keys().find(|key| key.name == name),
    }
}

/// Why a key cannot vary; `None` where it can.
pub fn cannot_vary(name: &str) -> Option<String> {
    if axis(name).is_some() {
        return None;
    }
    let may: Vec<_> = varying_keys().map(|key| key.name).collect();
    let near = || {
        let names = may
            .iter()
            .copied()
            .chain(["model", "prompt", "samples", "seed", "on_refused"]);
        crate::nearest::nearest(name, names)
    };
    Some(match name {
        "id" => "the list of models is called model".into(),
        name if SAME_FOR_ALL.contains(&name) => "it is the same for the whole job".into(),
        _ => match near() {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "keys that can: model, {}, and [[sweep.prompt]]",
                may.join(", ")
            ),
        },
    })
}

/// The values of a key that takes one of a few; empty for any other key.
pub fn values(table: &str, name: &str) -> Vec<&'static str> {
    match (table, name) {
        ("input", "format") => vec!["csv", "tsv", "jsonl", "json"],
        ("model", "family") => Family::ALL.iter().map(|family| family.name()).collect(),
        ("model", "service_tier") => Tier::ALL.map(Tier::as_str).to_vec(),
        ("model", "latency") => vec!["standard", "optimized"],
        ("model", "trace") => vec!["enabled", "enabled_full", "disabled"],
        ("sweep", "on_refused") => vec!["error", "skip"],
        ("schema", "mode") => vec!["auto", "native", "tool", "prompt"],
        ("limits", "quota") => vec!["auto"],
        ("output", "raw") => vec!["always", "errors", "never"],
        ("output", "durability") => vec!["sync", "none"],
        _ => match find(table, name).map(|key| key.kind) {
            Some(Kind::Switch) => vec!["true", "false"],
            Some(_) | None => Vec::new(),
        },
    }
}

/// The tables there are, in the order of the reference; the first is the top of the file.
pub fn tables() -> impl Iterator<Item = &'static str> {
    let starts = |at: usize| at == 0 || KEYS[at - 1].table != KEYS[at].table;
    (0..KEYS.len())
        .filter(move |at| starts(*at))
        .map(|at| KEYS[at].table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_the_wrong_form_is_answered_with_the_right_one() {
        for (kind, typed, instead) in [
            (Kind::Number, "95%", "0.95"),
            (Kind::Number, "$5", "5"),
            (Kind::Number, "$1,000", "1000"),
            (Kind::Count, "1k", "1000"),
            (Kind::Count, "1,024", "1024"),
            (Kind::Large, "200k", "200000"),
            (Kind::Large, "1.5M", "1500000"),
            (Kind::Large, "1e6", "1000000"),
            (Kind::Time, "60", "\"60s\" or \"60m\""),
            (Kind::Deadline, "60", "\"60s\" or \"60m\""),
            (Kind::Share, "5", "\"5%\""),
            (Kind::Share, "0.05", "\"5%\""),
            (Kind::CountOrShare, "0.5", "\"50%\""),
            (Kind::Switch, "yes", "true"),
            (Kind::Switch, "Off", "false"),
            (Kind::Table, "team=search", "'{\"team\": \"search\"}'"),
        ] {
            let meant = meant(kind, typed);
            assert_eq!(meant, format!(" (did you mean {instead}?)"), "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_guessed_is_not_guessed() {
        for (kind, typed) in [
            (Kind::Number, "many"),
            (Kind::Count, "0"),
            (Kind::Count, "-3"),
            (Kind::Count, "1.5"),
            (Kind::Count, "9999999999"),
            (Kind::Time, "soon"),
            (Kind::Time, "0"),
            (Kind::Share, "500"),
            (Kind::Switch, "perhaps"),
            (Kind::Table, "{\"a\" = 1}"),
            (Kind::Text, "x"),
        ] {
            assert_eq!(meant(kind, typed), "", "{typed}");
        }
    }

    #[test]
    fn every_value_that_is_offered_is_taken() {
        for key in KEYS {
            for value in values(key.table, key.name) {
                let taken = match (key.table, key.name) {
                    ("input", "format") => value.parse::<crate::input::Format>().is_ok(),
                    ("model", "family") => Family::parse(value).is_ok(),
                    ("model", "service_tier") => Tier::parse(value).is_some(),
                    _ => true,
                };
                assert!(taken, "{}: {value}", key.flag);
            }
        }
    }
}
