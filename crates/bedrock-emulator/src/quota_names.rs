//! The quotas of Amazon Bedrock as Service Quotas lists them, in `data/quotas.txt`: a code, and a
//! name that says what is counted, by which route, for which model.

use std::sync::LazyLock;

/// The end of the name of a quota that calls through an inference profile may use twice.
const DOUBLED: &str = " (doubled for cross-region calls)";

/// Geographies that inference profiles are named by (regional profile lists, October 2026).
const GEOGRAPHIES: [&str; 8] = ["us", "eu", "apac", "jp", "au", "ca", "in", "us-gov"];

static QUOTAS: LazyLock<Vec<NamedQuota>> =
    LazyLock::new(|| parse(include_str!("../data/quotas.txt")));

/// A quota of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedQuota {
    pub(super) code: &'static str,
    /// The name without its model, such as `Cross-region model inference requests per minute`.
    kind: &'static str,
    /// The model as the name calls it.
    model: &'static str,
    /// The ids of that model.
    ids: Vec<&'static str>,
}

/// What a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Requests,
    Tokens,
    TokensPerDay,
    Concurrency,
}

/// How the calls that a quota counts name their model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    OnDemand,
    Geographic,
    Global,
    /// On demand and geographic profiles together; the latter may use twice as much.
    Shared,
    CustomModel,
}

/// The quota of this code.
pub(super) fn find(code: &str) -> Option<&'static NamedQuota> {
    QUOTAS.iter().find(|quota| quota.code == code)
}

impl NamedQuota {
    /// The name, as Service Quotas shows it.
    pub(super) fn name(&self) -> String {
        match self.kind.strip_suffix(DOUBLED) {
            Some(kind) => format!("{kind} for {}{DOUBLED}", self.model),
            None => format!("{} for {}", self.kind, self.model),
        }
    }

    pub(super) fn counted(&self) -> Counted {
        if self.kind.contains("concurrent requests") {
            Counted::Concurrency
        } else if self.kind.contains("requests per minute") {
            Counted::Requests
        } else if self.kind.contains("tokens per minute") {
            Counted::Tokens
        } else {
            Counted::TokensPerDay
        }
    }

    fn route(&self) -> Route {
        let kind = self.kind.to_ascii_lowercase();
        if kind.ends_with(DOUBLED) {
            Route::Shared
        } else if kind.starts_with("global") {
            Route::Global
        } else if kind.starts_with("cross-region") {
            Route::Geographic
        } else if kind.starts_with("(model customization)") {
            Route::CustomModel
        } else {
            Route::OnDemand
        }
    }

    /// The ids of requests that it counts, and how often they may use it.
    pub(super) fn counts(&self) -> Vec<(String, f64)> {
        let ids = self.ids.iter();
        let of_geographies = |id: &str, times| {
            let id = id.to_owned();
            GEOGRAPHIES.map(move |geography| (format!("{geography}.{id}"), times))
        };
        match self.route() {
            Route::OnDemand | Route::CustomModel => ids.map(|id| ((*id).to_owned(), 1.0)).collect(),
            Route::Global => ids.map(|id| (format!("global.{id}"), 1.0)).collect(),
            Route::Geographic => ids.flat_map(|id| of_geographies(id, 1.0)).collect(),
            Route::Shared => ids
                .flat_map(|id| {
                    std::iter::once(((*id).to_owned(), 1.0)).chain(of_geographies(id, 2.0))
                })
                .collect(),
        }
    }
}

/// Reads the list: `MODEL = ID …`, and below it indented `CODE KIND`.
fn parse(list: &'static str) -> Vec<NamedQuota> {
    let mut quotas = Vec::new();
    let (mut model, mut ids) = ("", Vec::new());
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        if let Some((code, kind)) = line.strip_prefix("  ").and_then(|it| it.split_once(' ')) {
            let ids = ids.clone();
            quotas.push(NamedQuota {
                code,
                kind,
                model,
                ids,
            });
        } else if let Some((name, list)) = line.split_once(" = ") {
            (model, ids) = (name, list.split(' ').collect());
        }
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::{Counted, QUOTAS, Route, find};

    #[test]
    fn every_line_of_the_list_is_read() {
        let list = include_str!("../data/quotas.txt");
        let codes = list.lines().filter(|line| line.starts_with("  L-"));
        assert_eq!(codes.count(), QUOTAS.len());
        assert_eq!(QUOTAS.len(), 296);
        for quota in QUOTAS.iter() {
            assert!(quota.ids.iter().all(|id| id.contains('.')), "{quota:?}");
            let first = QUOTAS.iter().find(|other| other.code == quota.code);
            assert_eq!(first, Some(quota), "a code is listed once");
            let counted = quota.counted();
            assert!(
                counted != Counted::TokensPerDay || quota.kind.contains("tokens per day"),
                "{quota:?}"
            );
        }
    }

    /// Codes that the pages on quotas name (read November 2026), and what they are for.
    #[test]
    fn codes_are_those_that_the_documentation_names() {
        #[track_caller]
        fn check(code: &str, route: Route, counted: Counted, id: &str) {
            let quota = find(code).unwrap();
            assert_eq!((quota.route(), quota.counted()), (route, counted), "{code}");
            assert!(quota.counts().iter().any(|(it, _)| it == id), "{quota:?}");
        }
        use Counted::{Requests, Tokens, TokensPerDay};
        use Route::{Geographic, Global, OnDemand, Shared};
        let sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0";
        check("L-F4DDD3EB", Geographic, Tokens, &format!("eu.{sonnet}"));
        check("L-27C57EE8", Global, Tokens, &format!("global.{sonnet}"));
        check("L-DB84CE56", Global, Requests, &format!("global.{sonnet}"));
        let haiku = "anthropic.claude-haiku-4-5-20251001-v1:0";
        check("L-58BE175A", Geographic, Tokens, &format!("us.{haiku}"));
        check("L-9A11C666", Global, Tokens, &format!("global.{haiku}"));
        check(
            "L-15B8E632",
            Geographic,
            Tokens,
            "us.anthropic.claude-sonnet-4-6",
        );
        check(
            "L-7BEE40FB",
            Global,
            Tokens,
            "global.anthropic.claude-sonnet-4-6",
        );
        check(
            "L-99296DCD",
            Geographic,
            Tokens,
            "us.anthropic.claude-opus-5",
        );
        check(
            "L-D73B1244",
            Global,
            Tokens,
            "global.anthropic.claude-opus-5",
        );
        check(
            "L-D4FBCF4E",
            Geographic,
            Tokens,
            "us.anthropic.claude-sonnet-5",
        );
        check(
            "L-DD84E5CA",
            Global,
            Tokens,
            "global.anthropic.claude-sonnet-5",
        );
        check("L-E386A278", OnDemand, Requests, "amazon.nova-lite-v1:0");
        check("L-70423BF8", OnDemand, Tokens, "amazon.nova-lite-v1:0");
        check("L-45E0AD92", Shared, TokensPerDay, "amazon.nova-lite-v1:0");
        check(
            "L-89F8391A",
            Geographic,
            Requests,
            "us.amazon.nova-lite-v1:0",
        );
        check(
            "L-7C42E72A",
            Geographic,
            Tokens,
            "apac.amazon.nova-lite-v1:0",
        );
        check("L-C0326783", Geographic, Tokens, "us.amazon.nova-pro-v1:0");
        check(
            "L-0E7AA8B7",
            Geographic,
            Tokens,
            "us.meta.llama3-3-70b-instruct-v1:0",
        );
    }

    #[test]
    fn a_name_is_put_together_as_service_quotas_has_it() {
        let name = |code| find(code).unwrap().name();
        assert_eq!(
            name("L-45E0AD92"),
            "Model invocation max tokens per day for Amazon Nova Lite (doubled for cross-region calls)"
        );
        assert_eq!(
            name("L-58BE175A"),
            "Cross-region model inference tokens per minute for Anthropic Claude Haiku 4.5"
        );
    }
}
