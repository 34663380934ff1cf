//! `promptmill reparse`: answers that could not be understood, read again.

use std::borrow::Cow;

use clap::{ArgMatches, Command, ValueHint};
use serde_json::Value;

use super::args::{output_argument, text, trust_locks, with_examples};
use super::flags;
use super::options::locks;
use super::print;
use super::repair::existing_output;
use crate::catalog::id::ModelId;
use crate::catalog::{KnownModel, ModelFacts, rounded_usd};
use crate::engine::Failure;
use crate::exit::Exit;
use crate::family::{Assembly, Family};
use crate::format::{count, one_line, plural};
use crate::job::small;
use crate::json_cost;
use crate::model::{ParsedReply, Reasoning, RequestOptions, Tier};
use crate::output::{KeptBody, OutputPaths, Reparsed, Reread, Understood, reparse as read_again};
use crate::run::Share;
use crate::schema::{Judge, Schema};

pub(super) const EXAMPLES: &str = "  promptmill reparse out.jsonl
  promptmill reparse out.jsonl --family openai-chat
  promptmill reparse out.jsonl --schema label.schema.json";

/// The verb and its flags.
pub(super) fn command() -> Command {
    Command::new("reparse")
        .about("Re-parse stored responses, without calling the model")
        .before_help(
            "A response that could not be parsed is a failure of category bad_response and keeps its \
             body. Those that can be parsed now move to the completions; the old lines are backed up.",
        )
        .after_help(with_examples(EXAMPLES, &crate::exit::table()))
        .arg(output_argument())
        .arg(
            text(
                "family",
                "FAMILY",
                "Response format [default: from the model ID, else from the body]",
            )
            .hide_possible_values(true)
            .value_parser(flags::suggesting(&crate::job::keys::values("model", "family"))),
        )
        .arg(text(
            "region",
            "REGION",
            "Region whose prices apply [default: the ARN's, else the general price]",
        ))
        .arg(
            text("prices", "FILE", "TOML file with prices that override the catalog's")
                .value_hint(ValueHint::FilePath),
        )
        .arg(
            text(
                "schema",
                "FILE",
                "JSON Schema: responses that failed with invalid_output and are valid against it \
                 move too",
            )
            .value_hint(ValueHint::FilePath),
        )
        .arg(trust_locks())
}

/// How bodies are read, and what answers cost.
struct BodyReader {
    family: Option<Family>,
    region: Option<String>,
    prices: Option<String>,
    /// What judges responses against a schema.
    judge: Option<Judge>,
}

/// Reads kept bodies again, and says what became of them.
pub(super) fn reparse(matches: &ArgMatches) -> Result<Exit, Failure> {
    let paths = existing_output(matches)?;
    let reader = BodyReader::new(matches)?;
    let which = match reader.judge {
        Some(_) => Reread::InvalidToo,
        None => Reread::Unparsed,
    };
    let reparsed = read_again(&paths, locks(matches), which, |kept| reader.read(kept))?;
    for line in describe(&reparsed, &paths) {
        print::delivered(print::text(&format!("{}: {line}", paths.output.display())))?;
    }
    match reparsed.uncounted {
        Some(error) => Err(error.into()),
        None => Ok(Exit::Complete),
    }
}

impl BodyReader {
    fn new(matches: &ArgMatches) -> Result<Self, Failure> {
        let text = |name: &str| matches.get_one::<String>(name);
        let family = text("family").map(|name| Family::parse(name));
        let prices = text("prices").map(|path| {
            let path = std::path::Path::new(path);
            small::text_of_any(path)
                .map_err(|why| Failure::usage(format!("--prices {}: {why}", path.display())))
        });
        Ok(Self {
            family: family.transpose().map_err(Failure::usage)?,
            region: text("region").cloned(),
            prices: prices.transpose()?,
            judge: text("schema").map(|path| judge(path)).transpose()?,
        })
    }

    fn read(&self, kept: KeptBody<'_>) -> Understood {
        if let (Some(invalid), Some(judge)) = (kept.invalid, &self.judge) {
            let judged = judge.judge(None, invalid.clone());
            return match judged.schema_errors() {
                Some([first, ..]) => Err(first.masked()),
                Some([]) | None => Ok((judged, None)),
            };
        }
        let id = ModelId::parse_of_any_provider(kept.model).map_err(|error| error.to_string())?;
        let by_id = || id.base().and_then(Family::of);
        let family = self.family.or_else(by_id).unwrap_or(Family::Raw);
        let body = own_part(family, kept)?;
        json_cost::check(&body).map_err(|error| format!("the answer cannot be read: {error}"))?;
        let body = serde_json::from_slice(&body)
            .map_err(|error| format!("the response is not JSON: {error}"))?;
        let (mut reading, body) = reading(family, body)?;
        if !kept.own_body {
            // The layout of the request decides, not that of the response.
            reading = by_id().unwrap_or(family).tidied(reading, &body);
        }
        if kept.reasoning == Reasoning::Dropped {
            reading.reasoning = None;
        }
        let region = self.region.as_deref().or_else(|| id.region());
        let terms = RequestOptions {
            latency: kept.latency_mode.map(str::to_owned),
            ..RequestOptions::default()
        };
        let known = match terms.is_optimized() {
            true => KnownModel::optimized,
            false => KnownModel::of,
        };
        let known = known(&id, region, self.prices.as_deref());
        let known = known.map_err(|error| error.to_string())?;
        let facts = known.facts.as_ref();
        if let Some(judge) = &self.judge {
            reading = judge.judge(None, reading);
            if let Some([first, ..]) = reading.schema_errors() {
                return Err(first.masked());
            }
        }
        // The request is not kept: what it alone tells of the cost is unknown.
        let bill = family.bill_of_answer(None, &reading);
        // In another tier than it was asked for it may have cost several times as much, or half.
        let tier = kept.service_tier.and_then(Tier::parse);
        let cost = |facts: &ModelFacts| facts.billed_usd(&bill?, &reading.usage, tier?);
        let cost_usd = facts.and_then(cost);
        Ok((reading, cost_usd.map(rounded_usd)))
    }
}

/// What judges responses against the schema in the file at `path`.
fn judge(path: &str) -> Result<Judge, Failure> {
    let wrong = |why: String| Failure::usage(format!("--schema {path}: {why}"));
    let text =
        small::text_of_any(std::path::Path::new(path)).map_err(|why| wrong(why.to_string()))?;
    let schema = Schema::parse(&text).map_err(|problem| wrong(problem.to_string()))?;
    Ok(Judge {
        schema: std::sync::Arc::new(schema),
        repairs: true,
        max_tokens: None,
    })
}

/// What a body says, and the body itself: of a response that was streamed all chunks are kept, in an
/// array.
fn reading(family: Family, body: Value) -> Result<(ParsedReply, Value), String> {
    let whole = |body: &Value| family.read_any_shape(body);
    match (&body, family.assemble()) {
        (Value::Array(chunks), Some(assembly)) => {
            // Some family's complete responses are arrays too.
            streamed(assembly, chunks).or_else(|why| match whole(&body) {
                Ok(reading) => Ok((reading, body)),
                Err(_) => Err(why),
            })
        }
        _ => match whole(&body) {
            Ok(reading) => Ok((reading, body)),
            Err(why) => Err(why.to_string()),
        },
    }
}

fn streamed(mut assembly: Assembly, chunks: &[Value]) -> Result<(ParsedReply, Value), String> {
    let mut push = |chunk: &Value| assembly.push(chunk.to_string().as_bytes());
    let pushed = chunks.iter().try_for_each(&mut push);
    let whole = pushed.and_then(|()| assembly.finish());
    whole
        .map(|whole| (whole.parsed, whole.body))
        .map_err(|error| error.to_string())
}

/// A row's part of the body that its call was answered with.
fn own_part(family: Family, kept: KeptBody<'_>) -> Result<Cow<'_, [u8]>, String> {
    let Share { rows, place } = kept.share;
    if rows <= 1 {
        return Ok(kept.body.into());
    }
    let parts = family.part(kept.body, rows as usize);
    let parts = parts.map_err(|misread| misread.to_string())?;
    let own = parts.into_iter().nth((place as usize).saturating_sub(1));
    own.map(Cow::from)
        .ok_or_else(|| format!("there is no row {place} of {rows} in the call"))
}

fn describe(reparsed: &Reparsed, paths: &OutputPaths) -> Vec<String> {
    let mut text = vec![format!(
        "{} re-parsed, {} still cannot be parsed, {} without a stored body",
        plural(reparsed.understood, "response"),
        count(reparsed.not_understood),
        count(reparsed.without_body),
    )];
    if let Some((row, why)) = &reparsed.example {
        text.push(format!(
            "row {row}: {}; its body is `raw` in {}",
            one_line(why, 200),
            paths.failed.display()
        ));
    }
    if let Some(aside) = &reparsed.aside {
        let aside = aside.display();
        text.push(format!("the old failure lines are backed up in {aside}"));
    }
    text
}
