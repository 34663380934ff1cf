//! What `check` prints.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Asked, Checked, ProbeOutcome};
use crate::exit::Exit;
use crate::format::{count, dollars, one_line, time};
use crate::job::Endpoint;
use crate::model::{Category, Delivery, Fault, FinishReason, Reply};

/// Longer texts of a model, and of the service, are cut for people.
const LONGEST_ANSWER: usize = 60;
const LONGEST_MESSAGE: usize = 600;

/// The least cost that is not shown as nothing.
const LEAST_USD: f64 = 1e-6;

/// What was found out of each model.
pub(super) fn text_of_all(checked: &[Checked]) -> String {
    let texts: Vec<_> = checked.iter().map(Checked::text).collect();
    texts.concat()
}

/// What was found out of the model of a job; of several, all of it in `models`.
pub(super) fn json_of_all(checked: &[Checked]) -> Value {
    match checked {
        [only] => only.json(),
        several => {
            let models: Vec<_> = several.iter().map(Checked::json).collect();
            let is_ok = models.iter().all(|of| of["ok"] == true);
            let calls: u64 = models.iter().filter_map(|of| of["calls"].as_u64()).sum();
            json!({ "ok": is_ok, "calls": calls, "models": models })
        }
    }
}

impl Checked {
    pub(super) fn text(&self) -> String {
        let model = &self.plan.model;
        let mut text = format!("{}: ", self.plan.name);
        let remark = self.plan.catalog_remark();
        let line = |text: &mut String, what: &str, words: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {what:9}  {words}");
        };
        match &self.outcome {
            ProbeOutcome::NotSent(failure) => {
                text += &format!("no call to {model} was made\n");
                line(
                    &mut text,
                    "failed",
                    &failure.to_string().replace('\n', "\n             "),
                );
            }
            ProbeOutcome::Sent { region, took, came } => {
                let operation = self.operation();
                text += &format!("one call to {model} in {region} ({operation})\n");
                let lines = match came {
                    Ok(reply) => self.answered(reply, *took),
                    Err(fault) => self.refused(fault, region),
                };
                for (what, words) in lines {
                    line(&mut text, what, &words);
                }
            }
        }
        if let Some(remark) = remark {
            line(&mut text, "note", &remark);
        }
        text
    }

    fn answered(&self, reply: &Reply, took: Duration) -> Vec<(&'static str, String)> {
        let reading = &reply.parsed;
        let words = reading.completion.as_deref().map(str::trim);
        let words = words.filter(|words| !words.is_empty());
        let words = words.map(|words| format!(": {}", one_line(words, LONGEST_ANSWER)));
        let mut lines = vec![(
            "answered",
            format!("in {}{}", time(took), words.unwrap_or_default()),
        )];
        if let Some(first) = reply.first_token {
            lines.push(("first", format!("words after {}", time(first))));
        }
        match reading.finish_reason {
            FinishReason::Guardrail => {
                lines.push((
                    "note",
                    "the guardrail stepped in, and the call works".into(),
                ));
            }
            FinishReason::ContentFilter => {
                lines.push((
                    "note",
                    "the model or a filter refused to answer; the call itself works".into(),
                ));
            }
            FinishReason::Stop
            | FinishReason::Length
            | FinishReason::ToolCalls
            | FinishReason::ContextWindow
            | FinishReason::Unknown => {}
        }
        let tokens = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), count);
        lines.push((
            "tokens",
            format!(
                "{} in, {} out",
                tokens(reading.usage.input_tokens),
                tokens(reading.usage.output_tokens)
            ),
        ));
        lines.push(("cost", self.cost(reply)));
        lines
    }

    fn cost(&self, reply: &Reply) -> String {
        let usd = reply.cost_usd.map(|usd| match usd {
            usd if 0.0 < usd && usd < LEAST_USD => format!("less than {}", dollars(LEAST_USD)),
            usd => dollars(usd),
        });
        match (usd, self.is_emulated()) {
            (Some(usd), false) => format!("{usd}, for this one call"),
            (Some(usd), true) => {
                format!("{usd} on Bedrock; the emulator responded, so nothing is billed")
            }
            (None, false) => match self.plan.unpriced_remark() {
                Some(remark) => format!("unknown: {remark}"),
                None => "unknown: the price of this model is not in the catalog".into(),
            },
            (None, true) => "nothing: the emulator responded".into(),
        }
    }

    fn refused(&self, fault: &Fault, region: &str) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            ("failed", one_line(&self.words(fault), LONGEST_MESSAGE)),
            ("to do", self.to_do(fault, region)),
            ("cost", cost_of(fault).into()),
        ];
        if let Some(id) = &fault.request_id {
            lines.push(("request", id.clone()));
        }
        lines
    }

    /// What is said of a fault: the message of the service is shown where it can quote no row.
    fn words(&self, fault: &Fault) -> String {
        match self.asked {
            Asked::AFewWords => fault.in_full(),
            Asked::FirstRow => fault.to_string(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut report = json!({
            "name": self.plan.name,
            "model": self.plan.model.as_str(),
            "family": self.plan.family.name(),
            "operation": self.operation(),
            "request": match self.asked {
                Asked::AFewWords => "a few words",
                Asked::FirstRow => "first row",
            },
            "emulated": self.is_emulated(),
            "note": self.plan.catalog_remark(),
        });
        let more = match &self.outcome {
            ProbeOutcome::NotSent(failure) => json!({
                "ok": false,
                "calls": 0,
                "region": null,
                "error": {
                    "category": (failure.exit == Exit::Access).then_some("credentials"),
                    "message": failure.to_string(),
                },
                "cost_usd": 0.0,
            }),
            ProbeOutcome::Sent { region, took, came } => {
                let mut sent = json!({
                    "ok": came.is_ok(),
                    "calls": 1,
                    "region": region,
                    "latency_ms": millis(*took),
                });
                let came = match came {
                    Ok(reply) => of_reply(reply),
                    Err(fault) => self.of_fault(fault, region),
                };
                lay(&mut sent, came);
                sent
            }
        };
        lay(&mut report, more);
        report
    }

    fn of_fault(&self, fault: &Fault, region: &str) -> Value {
        json!({
            "error": {
                "category": fault.category.as_str(),
                "code": fault.code,
                "status_code": fault.status_code,
                "message": match self.asked {
                    Asked::AFewWords => fault.message.clone(),
                    Asked::FirstRow => fault.words(),
                },
                "to_do": self.to_do(fault, region),
            },
            "maybe_billed": fault.maybe_billed,
            "cost_usd": (!is_perhaps_billed(fault)).then_some(0.0),
            "request_id": fault.request_id,
        })
    }

    fn operation(&self) -> &'static str {
        match self.plan.delivery {
            Delivery::Whole => "InvokeModel",
            Delivery::Streamed { .. } => "InvokeModelWithResponseStream",
        }
    }

    fn is_emulated(&self) -> bool {
        match &self.outcome {
            ProbeOutcome::Sent {
                came: Ok(reply), ..
            } => reply.served.emulated,
            ProbeOutcome::Sent {
                came: Err(fault), ..
            } => fault.emulated,
            ProbeOutcome::NotSent(_) => matches!(self.plan.endpoint, Endpoint::Emulator { .. }),
        }
    }

    /// What to do about a fault; here there is always something, for a person waits for it.
    fn to_do(&self, fault: &Fault, region: &str) -> String {
        let known = fault.advice_in(&self.plan.model, Some(region));
        known.unwrap_or_else(|| self.wait_or_look(fault.category, region))
    }

    /// What to do about transient errors, or errors whose cause is unclear.
    fn wait_or_look(&self, category: Category, region: &str) -> String {
        let model = &self.plan.model;
        match category {
            Category::Throttled => format!(
                "the quota of this minute is used up: check again in a minute; `promptmill quotas \
                 {model}` shows the quota"
            ),
            Category::ModelNotReady => {
                "the model is being loaded: check again in a few minutes".into()
            }
            Category::Unavailable | Category::ServerError | Category::ModelError => {
                "check again in a few minutes; a profile with more regions, such as global., has \
                 more room"
                    .into()
            }
            Category::Network => format!(
                "check the connection to Bedrock in {region}: the name of the region, the proxy \
                 (HTTPS_PROXY, NO_PROXY), the VPC endpoint, --endpoint-url"
            ),
            Category::BadResponse => format!(
                "the response is not in the format of {}: give the format with --family",
                self.plan.family.name()
            ),
            Category::InvalidRequest
            | Category::InvalidOutput
            | Category::BadInputRow
            | Category::ContextWindow
            | Category::RequestTooLarge
            | Category::ModelTimeout
            | Category::AttemptTimeout
            | Category::AccessDenied
            | Category::NotFound
            | Category::Credentials
            | Category::DailyQuota
            | Category::ServiceQuota => {
                "fix what the message reports, in the job or its extra fields".into()
            }
        }
    }
}

fn of_reply(reply: &Reply) -> Value {
    let reading = &reply.parsed;
    json!({
        "first_token_ms": reply.first_token.map(millis),
        "completion": reading.completion,
        "finish_reason": reading.finish_reason.as_str(),
        "usage": {
            "input_tokens": reading.usage.input_tokens,
            "output_tokens": reading.usage.output_tokens,
        },
        "cost_usd": reply.cost_usd,
        "request_id": reply.request_id,
    })
}

/// An answer that came and was not understood has been paid for.
fn is_perhaps_billed(fault: &Fault) -> bool {
    fault.maybe_billed || fault.category == Category::BadResponse
}

fn cost_of(fault: &Fault) -> &'static str {
    match is_perhaps_billed(fault) {
        true => "unknown: the service may bill this one call",
        false => "nothing: this call got no response",
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Adds the fields of one object to another.
fn lay(over: &mut Value, fields: Value) {
    if let (Value::Object(over), Value::Object(fields)) = (over, fields) {
        over.extend(fields);
    }
}
