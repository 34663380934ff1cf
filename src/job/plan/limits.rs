//! Quotas, and limits of the user's own.

use std::num::NonZeroU32;
use std::path::Path;

use super::values::{parse_share, time, wrong};
use super::{Plan, QuotaSource};
use crate::catalog::id::{ModelId, suggest};
use crate::catalog::{KnownModel, MOST_BURNDOWN, ModelFacts, Most, quota_codes};
use crate::family::Family;
use crate::job::clock::is_clock_time;
use crate::job::file::{JobError, LimitsTable, Mistakes};
use crate::job::small;
use crate::model::{Bill, Metered};
use crate::model::{RequestOptions, Tier};
use crate::run::{Limits, RequestsPerMinute, SoFar, TokenLimits};

pub(super) fn requests_per_minute(limit: Option<u32>) -> Option<RequestsPerMinute> {
    limit.and_then(NonZeroU32::new).map(RequestsPerMinute)
}

/// What is left of a quota for other callers, and for what estimates get wrong.
const UTILIZATION: f64 = 0.95;

pub(super) fn quota_source(table: &LimitsTable) -> Result<QuotaSource, JobError> {
    match table.quota.as_deref() {
        None if table.utilization.is_some() => {
            let message = "it is a share of the quotas that quota = \"auto\" reads: add that, or leave \
                           this out";
            Err(wrong("limits.utilization", message))
        }
        None => Ok(QuotaSource::Learned),
        Some("auto") => {
            let utilization = utilization(table.utilization.unwrap_or(UTILIZATION))?;
            Ok(QuotaSource::Auto { utilization })
        }
        Some(other) => {
            let message = format!(
                "\"{other}\" is not \"auto\"; quotas of your own go into requests_per_minute, \
                 tokens_per_minute and tokens_per_day"
            );
            Err(wrong("limits.quota", message))
        }
    }
}

pub(super) fn utilization(share: f64) -> Result<f64, JobError> {
    if 1.0 < share {
        let message = format!(
            "{share} is more than the whole quota: give a share up to 1, such as 0.95; calls above \
             the quota are throttled, and AWS raises quotas on request"
        );
        return Err(wrong("limits.utilization", message));
    }
    if share <= 0.0 || share.is_nan() {
        let message = "it must be above 0 and up to 1, such as 0.95";
        return Err(wrong("limits.utilization", message));
    }
    Ok(share)
}

/// What the catalog and the user's own file know of the model.
pub(super) fn known(
    model: &ModelId,
    region: Option<&str>,
    terms: &RequestOptions,
    own: Option<&Path>,
) -> Result<KnownModel, JobError> {
    let reject = |path: &Path, why: &dyn std::error::Error| {
        wrong("model.prices", format!("{}: {why}", path.display()))
    };
    let text = own.map(|path| small::text(path).map_err(|error| reject(path, &error)));
    let text = text.transpose()?;
    let of = match terms.is_optimized() {
        true => KnownModel::optimized,
        false => KnownModel::of,
    };
    let known = of(model, region, text.as_deref());
    known.map_err(|error| reject(own.unwrap_or(Path::new("")), &error))
}

/// Where nothing says how long an answer can be, this many tokens of output are reserved for it.
const UNKNOWN_MAX_TOKENS: u64 = 4096;

pub(super) fn tokens(
    table: &LimitsTable,
    known: &KnownModel,
    model: &ModelId,
    family: Family,
) -> Result<TokenLimits, JobError> {
    let of_windows = table.window.iter().filter_map(|it| it.tokens_per_minute);
    let of_windows = of_windows.min();
    let named = [table.tokens_per_minute, table.tokens_per_day, of_windows];
    let may_be_read = table.quota.is_some() && quota_codes::of(model).is_ok();
    let burndown = match table.burndown.or(known.burndown) {
        Some(burndown) => burndown,
        None if named.iter().all(Option::is_none) && !may_be_read => 1.0,
        None => {
            let message = "how many tokens of quota a token of this model's output costs is not \
                           known: give it, such as 5 (Claude up to 4.7), 10 or 15 (newer Claude \
                           and GPT), or 1 (most others), or leave the token quotas out";
            return Err(wrong("limits.burndown", message));
        }
    };
    check_burndown(burndown)?;
    let most = known.facts.as_ref().and_then(|facts| facts.max_out);
    Ok(TokenLimits {
        per_minute: table.tokens_per_minute,
        per_day: table.tokens_per_day,
        burndown,
        default_max_tokens: match family.writes_text() {
            true => most.unwrap_or(UNKNOWN_MAX_TOKENS),
            false => 0,
        },
    })
}

fn check_burndown(burndown: f64) -> Result<(), JobError> {
    if 0.0 < burndown && burndown <= MOST_BURNDOWN {
        return Ok(());
    }
    let message = format!(
        "{burndown} is not above 0 and up to {MOST_BURNDOWN}: it is the tokens of quota for one \
         token of output, such as 5 (Claude up to 4.7), 10 or 15 (newer Claude and GPT), or 1 \
         (most others)"
    );
    Err(wrong("limits.burndown", message))
}

pub(super) fn limits(
    table: &LimitsTable,
    facts: Option<&ModelFacts>,
    terms: &RequestOptions,
    model: &ModelId,
    family: Family,
    mistakes: &mut Mistakes,
) -> Option<Limits> {
    let cost = |key, typed| max_cost((key, typed), facts, terms, model, family);
    let max_cost_usd = mistakes.keep(cost("limits.max_cost_usd", table.max_cost_usd));
    let of_run = cost("limits.max_cost_per_run_usd", table.max_cost_per_run_usd);
    let max_cost_per_run_usd = mistakes.keep(of_run);
    let typed = table.deadline.as_deref();
    let typed = typed.filter(|typed| !is_clock_time(typed));
    let deadline = typed.map(|typed| time("limits.deadline", typed));
    let deadline = mistakes.keep(deadline.transpose());
    Some(Limits {
        so_far: SoFar::default(),
        max_cost_usd: max_cost_usd?,
        max_cost_per_run_usd: max_cost_per_run_usd?,
        spent_usd: 0.0,
        deadline: deadline?,
        max_error_rate: table.max_error_rate.as_deref().and_then(parse_share),
    })
}

/// A limit of what calls cost, which is rejected where that is not known.
fn max_cost(
    (key, typed): (&'static str, Option<f64>),
    facts: Option<&ModelFacts>,
    terms: &RequestOptions,
    model: &ModelId,
    family: Family,
) -> Result<Option<f64>, JobError> {
    if let Some(max) = typed {
        if !(0.0 < max && max.is_finite()) {
            return Err(wrong(key, "it must be above 0"));
        }
        let bill = family.usual_bill(model.base());
        if let Some(what) = unpriced(facts, &bill) {
            let (how, or_else) = match terms.is_optimized() {
                true => (" with optimized latency", "the latency or the limit"),
                false => ("", "the limit"),
            };
            let meant = match facts {
                Some(_) => None,
                None => suggest(model.as_str()).filter(|meant| meant != model.as_str()),
            };
            let meant = meant.map(|meant| format!(" (did you mean `{meant}`?)"));
            let meant = meant.unwrap_or_default();
            let message = format!(
                "the price of {what}`{model}`{how} is not known{meant}, so its cost cannot be \
                 limited: give its price in a file with --prices, under [\"{model}\"], or leave \
                 {or_else} out"
            );
            return Err(wrong(key, message));
        }
        let tier = terms.tier.unwrap_or_default();
        if facts.is_some_and(|facts| facts.worst_usd(&bill, Most::default(), tier).is_none()) {
            let message = format!(
                "the price of `{model}` in the service tier {} is not known, so its cost cannot be \
                 limited: leave the tier or the limit out",
                tier.as_str()
            );
            return Err(wrong(key, message));
        }
    }
    Ok(typed)
}

impl Plan {
    /// What is said beforehand of calls whose price is not known although their model's is.
    pub fn unpriced_remark(&self) -> Option<String> {
        let Self {
            model,
            family,
            terms,
            ..
        } = self;
        let facts = self.facts.as_ref()?;
        let bill = family.usual_bill(model.base());
        let tier = terms.tier.unwrap_or_default();
        if facts.worst_usd(&bill, Most::default(), tier).is_some() {
            return None;
        }
        let (how, remedy) = match (terms.is_optimized(), tier) {
            (true, Tier::Default) => {
                let remedy = "; give it in a file with --prices";
                (" with optimized latency".to_owned(), remedy)
            }
            (true, tier) => {
                let tier = tier.as_str();
                let how = format!(" in the service tier {tier} with optimized latency");
                (how, "")
            }
            (false, Tier::Default) => (String::new(), "; give it in a file with --prices"),
            (false, tier) => (format!(" in the service tier {}", tier.as_str()), ""),
        };
        Some(format!(
            "the price of `{model}`{how} is not in the catalog: what calls cost is unknown{remedy}"
        ))
    }
}

/// What of a model has no price, if anything: all of it, its input, or its output.
fn unpriced(facts: Option<&ModelFacts>, bill: &Bill) -> Option<&'static str> {
    let units = facts.and_then(|facts| facts.units_usd(bill.most, Tier::Default));
    if units.is_none() {
        return Some("");
    }
    if bill.tokens == Metered::Free {
        return None;
    }
    let price = facts.map(|facts| &facts.price);
    let input = price.and_then(|price| price.input);
    let output = price.and_then(|price| price.output);
    match (input, output) {
        (Some(_), Some(_)) => None,
        (Some(_), None) => Some("the output of "),
        (None, Some(_)) => Some("the input of "),
        (None, None) => Some(""),
    }
}
