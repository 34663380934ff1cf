//! `quota = "auto"`: the account's quotas as limits of a run.

use std::num::NonZeroU32;

use crate::bedrock::aws::Access;
use crate::bedrock::hosts::Hosts;
use crate::bedrock::quotas::{Quota, QuotaError, ServiceQuotas};
use crate::catalog::quota_codes;
use crate::catalog::quota_codes::{QuotaCode, QuotaUnit};
use crate::format::count;
use crate::job::{Plan, QuotaSource};
use crate::run::{RequestsPerMinute, TokenLimits};

/// The limits a run keeps, and what there is to say about where they come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quotas {
    /// Calls started per minute.
    pub(super) requests_per_minute: Option<RequestsPerMinute>,
    /// How many tokens the quota has.
    pub(super) tokens: TokenLimits,
    /// What was read and is used.
    pub(super) note: Option<String>,
    /// What could not be read; the run learns it.
    pub(super) warning: Option<String>,
}

/// The limits of the job, and where it asks for that, what Service Quotas says of the others.
pub(super) async fn resolve(plan: &Plan, access: &Access, hosts: &mut Hosts<'_>) -> Quotas {
    let given = Quotas {
        requests_per_minute: plan.requests_per_minute,
        tokens: plan.tokens,
        note: None,
        warning: None,
    };
    let QuotaSource::Auto { utilization } = plan.quota else {
        return given;
    };
    let codes = match quota_codes::of(&plan.model) {
        Ok(codes) => codes,
        Err(none) => return given.warned(&none),
    };
    let open: Vec<_> = codes
        .into_iter()
        .filter(|code| given.leaves_open(code.counts))
        .collect();
    if open.is_empty() {
        return given;
    }
    match ServiceQuotas::connect(of_service_quotas(access), hosts).await {
        Ok(service) => {
            let (read, refused) = read(&service, &open).await;
            let used = given.with(&read, utilization);
            match refused {
                Some(refused) => used.warned(&refused),
                None => used,
            }
        }
        Err(error) => given.warned(&error),
    }
}

/// The access of a job for Service Quotas: its identity and region, without its Bedrock endpoint.
fn of_service_quotas(access: &Access) -> Access {
    match access.clone() {
        Access::Aws {
            region, profile, ..
        } => Access::Aws {
            region,
            profile,
            endpoint: None,
        },
        emulator @ Access::Emulator { .. } => emulator,
    }
}

/// What could be read, and why the rest could not.
async fn read(service: &ServiceQuotas, codes: &[QuotaCode]) -> (Vec<Quota>, Option<QuotaError>) {
    let mut read = Vec::new();
    for code in codes {
        match service.in_force(*code).await {
            Ok(Some(quota)) => read.push(quota),
            Ok(None) => {}
            Err(error) => return (read, Some(error)),
        }
    }
    let nothing = read.is_empty().then(|| QuotaError::Absent {
        region: service.region().to_owned(),
    });
    (read, nothing)
}

impl Quotas {
    /// Whether the job leaves this limit to be found.
    fn leaves_open(&self, counts: QuotaUnit) -> bool {
        match counts {
            QuotaUnit::Requests => self.requests_per_minute.is_none(),
            QuotaUnit::Tokens => self.tokens.per_minute.is_none(),
            QuotaUnit::TokensPerDay => self.tokens.per_day.is_none(),
            QuotaUnit::Concurrent => false,
        }
    }

    fn warned(mut self, why: &dyn std::fmt::Display) -> Self {
        self.warning = Some(format!(
            "quota = \"auto\": {why}; what is unknown is learned from throttling"
        ));
        self
    }

    /// These quotas with what was read, times `utilization`.
    fn with(mut self, read: &[Quota], utilization: f64) -> Self {
        // A share of a whole number: below 2^53 exact enough, and never less than 1.
        let share = |value: u64| ((value as f64 * utilization) as u64).max(1);
        for quota in read {
            let Some(value) = quota.usable().map(share) else {
                continue;
            };
            match quota.code.counts {
                QuotaUnit::Requests => {
                    let requests = u32::try_from(value).unwrap_or(u32::MAX);
                    self.requests_per_minute = NonZeroU32::new(requests).map(RequestsPerMinute);
                }
                QuotaUnit::Tokens => self.tokens.per_minute = Some(value),
                QuotaUnit::TokensPerDay => self.tokens.per_day = Some(value),
                QuotaUnit::Concurrent => {}
            }
        }
        self.note = note(read, utilization);
        self
    }
}

/// `quota: 600 requests and 200,000 tokens a minute (L-…, L-…), used at 95 %`
fn note(read: &[Quota], utilization: f64) -> Option<String> {
    let amount = |counts: QuotaUnit, unit: &str| {
        let quota = read.iter().find(|quota| quota.code.counts == counts)?;
        Some(format!("{} {unit}", count(quota.usable()?)))
    };
    let minute = [
        amount(QuotaUnit::Requests, "requests"),
        amount(QuotaUnit::Tokens, "tokens"),
    ];
    let minute: Vec<_> = minute.into_iter().flatten().collect();
    let minute = (!minute.is_empty()).then(|| format!("{} a minute", minute.join(" and ")));
    let day = amount(QuotaUnit::TokensPerDay, "tokens a day");
    let amounts: Vec<_> = minute.into_iter().chain(day).collect();
    if amounts.is_empty() {
        return None;
    }
    let codes: Vec<_> = read.iter().map(|quota| quota.code.code).collect();
    let percent = (utilization * 1000.0).round() / 10.0;
    Some(format!(
        "quota: {} ({}), using {percent}%",
        amounts.join(", "),
        codes.join(", ")
    ))
}
