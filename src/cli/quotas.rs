//! `promptmill quotas`: what the account may use of a model.

use std::fmt::Write as _;

use clap::{Arg, ArgMatches, Command};
use serde_json::{Value, json};

use super::args::{examples, scenario, switch, text, trust_endpoint};
use super::{connect, options, print};
use crate::bedrock::ConnectError;
use crate::bedrock::aws::Access;
use crate::bedrock::hosts::Hosts;
use crate::bedrock::quotas::{Quota, ServiceQuotas};
use crate::catalog::id::ModelId;
use crate::catalog::quota_codes;
use crate::catalog::quota_codes::{QuotaCode, QuotaUnit};
use crate::engine::Failure;
use crate::exit::Exit;
use crate::format::count;
use crate::job;

const EXAMPLES: &str = "  promptmill quotas us.anthropic.claude-haiku-4-5-20251001-v1:0
  promptmill quotas us.amazon.nova-lite-v1:0 --region us-west-2";

/// The verb and its flags.
pub(super) fn command() -> Command {
    Command::new("quotas")
        .about("Show the account's quotas for a model, per minute and day")
        .before_help(
            "Asks Service Quotas for applied and default values, with their codes, and prints what to \
             put into a job. Needs servicequotas:GetServiceQuota and \
             servicequotas:GetAWSDefaultServiceQuota.",
        )
        .after_help(examples(EXAMPLES))
        .arg(
            Arg::new("model")
                .value_name("MODEL")
                .required(true)
                .help("Model ID, inference profile ID, or ARN"),
        )
        .arg(text(
            "region",
            "REGION",
            "AWS region [default: the ARN's, else AWS_REGION or the profile's]",
        ))
        .arg(text("profile", "PROFILE", "AWS profile [default: AWS_PROFILE]"))
        .arg(text(
            "endpoint-url",
            "URL",
            "Endpoint to ask instead of AWS; emulator is the built-in emulator",
        ))
        .arg(trust_endpoint())
        .arg(scenario())
        .arg(switch("json", "Print one JSON object instead of the table"))
}

/// What was read, for which model and where.
struct QuotaReport {
    model: ModelId,
    region: String,
    quotas: Vec<Quota>,
    absent: Vec<QuotaCode>,
}

/// Reads the quotas of a model and prints them.
pub(super) fn quotas(matches: &ArgMatches) -> Result<Exit, Failure> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let typed = text("model").unwrap_or_default();
    let model = ModelId::parse(&typed).map_err(Failure::usage)?;
    let codes = quota_codes::of(&model).map_err(Failure::usage)?;
    let region = job::region(text("region"), &model)?;
    let runtime = connect::runtime()?;
    let report = runtime.block_on(async {
        let connection = connect::of_flags(matches, region)?;
        let trusted = options::trusted_hosts(matches);
        let warn = &mut |text: &str| print::warning(text);
        let mut hosts = Hosts::new(&trusted, warn);
        read(model, &codes, connection.access.clone(), &mut hosts).await
    })?;
    print::delivered(match matches.get_flag("json") {
        true => print::json(&report.json().to_string()),
        false => print::text(&report.text()),
    })?;
    Ok(Exit::Complete)
}

async fn read(
    model: ModelId,
    codes: &[QuotaCode],
    access: Access,
    hosts: &mut Hosts<'_>,
) -> Result<QuotaReport, Failure> {
    let service = ServiceQuotas::connect(access, hosts)
        .await
        .map_err(with_hint)?;
    let mut report = QuotaReport {
        model,
        region: service.region().to_owned(),
        quotas: Vec::new(),
        absent: Vec::new(),
    };
    for code in codes {
        match service.read(*code).await? {
            Some(quota) => report.quotas.push(quota),
            None => report.absent.push(*code),
        }
    }
    Ok(report)
}

/// Where there is no account, the emulator has quotas to show.
fn with_hint(error: ConnectError) -> Failure {
    if !error.is_without_account() {
        return error.into();
    }
    let hint = "to try it without an AWS account, add --endpoint-url emulator";
    let message = format!("{error}\n{hint}");
    match matches!(error, ConnectError::NoRegion) {
        true => Failure::usage(message),
        false => Failure::new(Exit::Access, message),
    }
}

impl QuotaReport {
    fn json(&self) -> Value {
        let quotas = self.quotas.iter().map(|quota| {
            json!({
                "quota": quota.code.counts.key(),
                "name": quota.code.name,
                "code": quota.code.code,
                "applied": quota.applied,
                "default": quota.default,
                "usable": quota.usable(),
                "adjustable": quota.adjustable,
            })
        });
        json!({
            "model": self.model.as_str(),
            "route": quota_codes::route(&self.model).to_string(),
            "region": self.region,
            "quotas": quotas.collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let route = quota_codes::route(&self.model);
        let mut text = format!("{}, {route}, called from {}\n\n", self.model, self.region);
        text += &self.table();
        for note in self.notes() {
            text += "\n";
            text += &note;
        }
        if !self.notes().is_empty() {
            text.push('\n');
        }
        text + &self.advice()
    }

    fn table(&self) -> String {
        let figure = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), count);
        let head = ["quota", "applied", "default", "code", "adjustable"].map(str::to_owned);
        let rows = self.quotas.iter().map(|quota| {
            [
                quota.code.counts.words().to_owned(),
                figure(quota.applied),
                figure(quota.default),
                quota.code.code.to_owned(),
                if quota.adjustable { "yes" } else { "no" }.to_owned(),
            ]
        });
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        let width = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or(0);
        let [what, applied, default, code] = [0, 1, 2, 3].map(width);
        let mut table = String::new();
        for [a, b, c, d, e] in &rows {
            // Writing to a String cannot fail.
            let _ = writeln!(
                table,
                "{a:what$}  {b:>applied$}  {c:>default$}  {d:code$}  {e}"
            );
        }
        table
    }

    /// What the table cannot say.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let has = |counts| {
            let read = self.quotas.iter().map(|quota| quota.code);
            read.chain(self.absent.iter().copied())
                .any(|code| code.counts == counts)
        };
        for counts in [QuotaUnit::Requests, QuotaUnit::Tokens] {
            if !has(counts) {
                notes.push(format!("this model has no quota of {}", counts.words()));
            }
        }
        for code in &self.absent {
            notes.push(format!(
                "Service Quotas knows no {} ({}) in {}",
                code.counts.words(),
                code.code,
                self.region
            ));
        }
        if self.quotas.iter().any(|quota| quota.applied.is_none()) {
            notes.push("without an applied value the default applies".into());
        }
        if self.quotas.iter().any(|quota| quota.code.times != 1) {
            let note = "cross-region calls may use twice the tokens per day shown above";
            notes.push(note.into());
        }
        notes
    }

    /// What to put into a job.
    fn advice(&self) -> String {
        let mut text = String::from("\nFor the job file:\n\n[limits]\n");
        for quota in &self.quotas {
            let is_key = quota.code.counts != QuotaUnit::Concurrent;
            if let Some(value) = quota.usable().filter(|_| is_key) {
                let value = count(value).replace(',', "_");
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{} = {value}", quota.code.counts.key());
            }
        }
        text + "\nor quota = \"auto\", which reads them before every run and uses 95% of them\n"
    }
}
