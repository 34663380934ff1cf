//! How many tokens of quota one token of output takes.
//!
//! Source: Amazon Bedrock user guide, "Token burndown rates", as of October 2026. Billing is
//! always one for one; only the quota counts differently.

/// More than any model's, of which the dearest is 15: with a rate far off, hardly a call would be
/// sent in a minute.
pub const MOST_BURNDOWN: f64 = 100.0;

/// Base ids by how they begin, and their rate. The first row that fits counts; what is in no
/// row has a rate of 1: "all other models", says the guide. Haiku 5.5, Sonnet 5.5, Fable 5 and Mythos 5 are not listed there: they are
/// taken to be like the other models of their generation.
const RATES: [(&str, u32); 10] = [
    ("anthropic.claude-opus-4-8", 15),
    ("anthropic.claude-opus-5", 10),
    ("anthropic.claude-sonnet-5", 10),
    ("anthropic.claude-haiku-5", 10),
    ("anthropic.claude-fable-5", 10),
    ("anthropic.claude-mythos-5", 10),
    ("anthropic.claude-", 5),
    ("openai.gpt-5.6-sol", 10),
    ("openai.gpt-5.6-terra", 10),
    ("openai.gpt-5.6-luna", 10),
];

/// Providers whose models differ: one that is newer than the catalog may have any rate.
const DIFFERENT: [&str; 2] = ["anthropic.", "openai.gpt-5"];

/// Whether the rate of the model behind `base` is known, if the catalog knows the model or not.
pub(super) fn is_known(base: &str, is_listed: bool) -> bool {
    is_listed || !DIFFERENT.iter().any(|begin| base.starts_with(begin))
}

/// Tokens of quota for one token of output of the model behind `base`.
pub fn burndown(base: &str) -> u32 {
    let row = RATES.iter().find(|(begin, _)| base.starts_with(begin));
    row.map_or(1, |(_, rate)| *rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_models_burn_faster() {
        for (base, rate) in [
            ("anthropic.claude-opus-4-8", 15),
            ("anthropic.claude-opus-5-5", 10),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", 5),
            ("anthropic.claude-sonnet-4-5-20250929-v1:0", 5),
            ("openai.gpt-5.6-sol", 10),
            ("openai.gpt-5.4", 1),
            ("amazon.nova-lite-v1:0", 1),
        ] {
            assert_eq!(burndown(base), rate, "{base}");
        }
    }
}
