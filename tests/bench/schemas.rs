//! What it costs that every response is validated: the same calls with a schema and without.
//!
//! The model is asked in the prompt. Without a schema the rows bring the sentence that asks for it, so that
//! both sides send the same bodies and get the same responses.

use std::path::Path;

use promptmill::model::{SchemaMode, SentSchema};
use serde_json::{Map, Value, json};

use crate::broken::{self, Broken};
use crate::figures::Figures;
use crate::process::Took;
use crate::report::Report;
use crate::setting::{CONCURRENCY, Form, Setting};

/// The most CPU time of a row, beside a row without a schema.
const GOAL: f64 = 1.1;

/// Properties of the schema.
const PROPERTIES: usize = 30;

/// Prints a table of runs with a schema and without, which take turns at being first.
pub(crate) async fn measure(
    setting: &Setting,
    form: &Form,
    report: &mut Report,
) -> Result<(), Broken> {
    let answer = answer().to_string();
    let scenario = format!(
        "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\njitter = 0\n\
         [[answer]]\ntext = '{answer}'\n"
    );
    let emulator = setting.emulator_playing(&scenario).await?;
    let schema = schema();
    let file = setting.path("schema.json");
    std::fs::write(&file, schema.to_string()).map_err(broken::io("write the schema"))?;
    let sent = SentSchema {
        mode: SchemaMode::Prompt,
        name: "answer".to_owned(),
        schema,
    };
    let calls = form.calls;
    let plain = setting.input_with("plain.jsonl", calls, "")?;
    let asked = format!("\n\n{}", sent.sentence());
    let asked = setting.input_with("asked.jsonl", calls, &asked)?;
    let url = emulator.url.as_str();
    let mut rounds = Vec::new();
    for number in 0..form.rounds {
        rounds.push(if number % 2 == 0 {
            let validated = validated(setting, url, &plain, &file, calls).await?;
            (validated, unvalidated(setting, url, &asked, calls).await?)
        } else {
            let unvalidated = unvalidated(setting, url, &asked, calls).await?;
            let validated = validated(setting, url, &plain, &file, calls).await?;
            (validated, unvalidated)
        });
    }
    tell(&rounds, calls, answer.len(), report);
    Ok(())
}

async fn validated(
    setting: &Setting,
    url: &str,
    input: &Path,
    schema: &Path,
    calls: u64,
) -> Result<Took, Broken> {
    let schema = schema.to_string_lossy();
    let args = ["-c", "64", "--schema", &schema, "--schema-mode", "prompt"];
    setting.run_with(url, input, calls, args).await
}

async fn unvalidated(
    setting: &Setting,
    url: &str,
    input: &Path,
    calls: u64,
) -> Result<Took, Broken> {
    setting.run(url, input, calls).await
}

/// Properties of the kinds that schemas mostly have.
fn schema() -> Value {
    let property = |number: usize| match number % 5 {
        0 => json!({"type": "string", "minLength": 1, "maxLength": 200}),
        1 => json!({"type": "integer", "minimum": 0, "maximum": 1000}),
        2 => json!({"enum": ["low", "middle", "high"]}),
        3 => json!({"type": "array", "items": {"type": "string"}, "maxItems": 5}),
        _ => json!({"type": ["boolean", "null"]}),
    };
    let properties: Map<String, Value> = (0..PROPERTIES)
        .map(|number| (name(number), property(number)))
        .collect();
    let required: Vec<String> = (0..PROPERTIES).map(name).collect();
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

fn answer() -> Value {
    let value = |number: usize| match number % 5 {
        0 => json!("what this is about in a few words"),
        1 => json!(number),
        2 => json!("middle"),
        3 => json!(["a first part", "a second part"]),
        _ => json!(true),
    };
    let fields: Map<String, Value> = (0..PROPERTIES)
        .map(|number| (name(number), value(number)))
        .collect();
    Value::Object(fields)
}

fn name(number: usize) -> String {
    format!("property_{number:02}")
}

fn tell(rounds: &[(Took, Took)], calls: u64, bytes: usize, report: &mut Report) {
    let cpu = |took: &Took| took.cpu.as_secs_f64() * 1e6 / calls as f64;
    let with = rounds.iter().map(|(with, _)| cpu(with));
    let without = rounds.iter().map(|(_, without)| cpu(without));
    let share: Figures = rounds
        .iter()
        .map(|(with, without)| cpu(with) / cpu(without))
        .collect();
    report.title(&format!(
        "{calls} calls, {CONCURRENCY} at once, a schema of {PROPERTIES} properties, responses of {bytes} \
         bytes, {} rounds: median (spread)",
        rounds.len()
    ));
    report.row(
        "",
        ["with a schema", "without", "with / without"].map(str::to_owned),
    );
    report.row(
        "µs of CPU per row",
        [
            format!("{:.0}", with.collect::<Figures>()),
            format!("{:.0}", without.collect::<Figures>()),
            format!("{share:.3}"),
        ],
    );
    report.goal(
        &format!("CPU per row with a schema at most {GOAL:.2} of that without"),
        &format!("{share:.3}"),
        (share.median() <= GOAL).into(),
    );
}
