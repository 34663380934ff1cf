//! `promptmill models`: what a job can have as its model.

mod table;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::args::{examples, scenario, switch, text, trust_endpoint};
use super::{connect, options, print};
use crate::bedrock::control::{Control, ListedModel, Listing};
use crate::bedrock::hosts::Hosts;
use crate::catalog;
use crate::catalog::id::{IdKind, ModelId};
use crate::catalog::{ModelFacts, rounded_usd};
use crate::engine::Failure;
use crate::exit::Exit;
use crate::family::Family;

const EXAMPLES: &str = "  promptmill models haiku
  promptmill models --writes embedding --region eu-central-1
  promptmill models --endpoint-url emulator   (no AWS account needed)";

/// The verb and its flags.
pub(super) fn command() -> Command {
    let kinds = KINDS.map(|(word, _)| word);
    Command::new("models")
        .about("List the models, profiles and provisioned throughput you can call")
        .before_help(
            "The first column is what a job takes as `id`. Needs bedrock:ListFoundationModels and \
             bedrock:ListInferenceProfiles, and for your own models \
             bedrock:ListProvisionedModelThroughputs, bedrock:ListCustomModelDeployments and \
             bedrock:ListImportedModels. What is not permitted is left out, with a warning.",
        )
        .after_help(examples(EXAMPLES))
        .arg(
            Arg::new("text")
                .value_name("TEXT")
                .help("Only models with this text in their ID or name"),
        )
        .arg(text(
            "provider",
            "NAME",
            "Only models of this provider, such as anthropic",
        ))
        .arg(
            text("kind", "KIND", "Only this kind; may be repeated")
                .action(ArgAction::Append)
                .value_parser(kinds),
        )
        .arg(
            text("writes", "WHAT", "Only models with this output").value_parser([
                "text",
                "image",
                "embedding",
                "video",
                "speech",
            ]),
        )
        .arg(switch("streaming", "Only models that stream responses"))
        .arg(text(
            "region",
            "REGION",
            "AWS region [default: AWS_REGION or the profile's]",
        ))
        .arg(text(
            "profile",
            "PROFILE",
            "AWS profile [default: AWS_PROFILE]",
        ))
        .arg(text(
            "endpoint-url",
            "URL",
            "Endpoint to ask instead of AWS; emulator is the built-in emulator",
        ))
        .arg(trust_endpoint())
        .arg(scenario())
        .arg(switch("json", "Print one JSON object instead of the table"))
}

/// The kinds of offers, by the words that `--kind` takes.
pub(super) const KINDS: [(&str, IdKind); 6] = [
    ("model", IdKind::Base),
    ("profile", IdKind::Profile),
    ("application-profile", IdKind::ApplicationProfile),
    ("provisioned", IdKind::Provisioned),
    ("deployment", IdKind::CustomDeployment),
    ("imported", IdKind::Imported),
];

/// What was found, and which part of it is wanted.
struct ModelReport {
    region: String,
    listing: Listing,
    wanted: Wanted,
    source: ModelSource,
}

/// Who says which models there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ModelSource {
    /// Bedrock, to the account.
    Account,
    /// The catalog of this program.
    Catalog,
}

/// Which offers are wanted; what is not said lets all of them in.
#[derive(Debug, Default)]
struct Wanted {
    text: Option<String>,
    provider: Option<String>,
    writes: Option<String>,
    kinds: Vec<String>,
    streaming: Streaming,
}

/// Whether only models that stream are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Streaming {
    #[default]
    AnyWay,
    Needed,
}

/// An offer with what is known of it beforehand.
struct KnownOffer<'a> {
    offer: &'a ListedModel,
    base: Option<String>,
    facts: Option<&'static ModelFacts>,
}

/// Lists what can be invoked.
pub(super) fn models(matches: &ArgMatches) -> Result<Exit, Failure> {
    let runtime = connect::runtime()?;
    let report = runtime.block_on(ask(matches))?;
    for missing in &report.listing.missing {
        print::warning(&format!("left out: {missing}"));
    }
    print::delivered(match matches.get_flag("json") {
        true => print::json(&format!("{:#}", report.json())),
        false => print::text(&report.text(print::columns_of_stdout())),
    })?;
    Ok(Exit::Complete)
}

async fn ask(matches: &ArgMatches) -> Result<ModelReport, Failure> {
    let region = matches.get_one::<String>("region").cloned();
    let connection = connect::of_flags(matches, region.clone())?;
    let trusted = options::trusted_hosts(matches);
    let warn = &mut |text: &str| print::warning(text);
    let mut hosts = Hosts::new(&trusted, warn);
    match Control::connect(connection.access.clone(), &mut hosts).await {
        Ok(control) => Ok(ModelReport {
            listing: control.list().await?,
            region: control.region().to_owned(),
            wanted: wanted(matches),
            source: ModelSource::Account,
        }),
        Err(error) if error.is_without_account() => Ok(of_catalog(matches, region)),
        Err(error) => Err(error.into()),
    }
}

/// What the catalog has for a region, where there is no account to ask.
fn of_catalog(matches: &ArgMatches, region: Option<String>) -> ModelReport {
    let variable = |name| {
        std::env::var(name)
            .ok()
            .filter(|it: &String| !it.is_empty())
    };
    let region = region
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .unwrap_or_else(|| "us-east-1".to_owned());
    print::said(&format!(
        "no AWS account to ask: these are the models of the catalog in {region}, not what an account \
         may call; log in (`aws sso login`) and name a region with --region, or try it with \
         --endpoint-url emulator"
    ));
    let listing = Listing {
        offers: catalog::ids_of_region(&region).filter_map(listed).collect(),
        to_be_bought: 0,
        missing: Vec::new(),
    };
    ModelReport {
        region,
        listing,
        wanted: wanted(matches),
        source: ModelSource::Catalog,
    }
}

/// A model as far as the catalog knows it.
fn listed(id: String) -> Option<ListedModel> {
    let model = ModelId::parse(&id).ok()?;
    Some(ListedModel {
        kind: model.kind(),
        name: String::new(),
        like: None,
        provider: model.provider().map(str::to_owned),
        streaming: None,
        reads: Vec::new(),
        writes: Vec::new(),
        state: None,
        end_of_life: None,
        id,
    })
}

fn wanted(matches: &ArgMatches) -> Wanted {
    let lower = |name: &str| {
        let typed = matches.get_one::<String>(name);
        typed.map(|text| text.to_lowercase())
    };
    let kinds = matches.get_many::<String>("kind").unwrap_or_default();
    Wanted {
        text: lower("text"),
        provider: lower("provider"),
        writes: lower("writes"),
        kinds: kinds.cloned().collect(),
        streaming: match matches.get_flag("streaming") {
            true => Streaming::Needed,
            false => Streaming::AnyWay,
        },
    }
}

impl Wanted {
    fn has(&self, known: &KnownOffer<'_>) -> bool {
        let offer = known.offer;
        let holds = |text: &str, part: &str| text.to_lowercase().contains(part);
        let is_wanted = |wanted: &Option<String>, fits: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(fits)
        };
        let base = known.base.as_deref().unwrap_or_default();
        let provider = offer.provider.as_deref().unwrap_or_default();
        let of_base = base.split('.').next().unwrap_or_default();
        is_wanted(&self.text, &|part| {
            holds(&offer.id, part) || holds(&offer.name, part) || holds(base, part)
        }) && is_wanted(&self.provider, &|name| {
            holds(provider, name) || of_base == name
        }) && is_wanted(&self.writes, &|what| {
            offer.writes.iter().any(|it| it.eq_ignore_ascii_case(what))
        }) && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == word(offer.kind)))
            && (self.streaming == Streaming::AnyWay || offer.streaming == Some(true))
    }
}

/// The word for a kind.
fn word(kind: IdKind) -> &'static str {
    let known = KINDS.iter().find(|(_, known)| *known == kind);
    known.map_or("other", |(word, _)| word)
}

impl ModelReport {
    /// The offers that are wanted, with what is known of them: a model with its profiles, then
    /// what the account has of its own.
    fn known(&self) -> Vec<KnownOffer<'_>> {
        let known = self.listing.offers.iter().map(|offer| {
            let model = ModelId::parse(&offer.id).ok();
            let model = model.map(|model| match &offer.like {
                Some(like) => model.behind(like),
                None => model,
            });
            let like = model.as_ref().map(ModelId::like);
            KnownOffer {
                offer,
                facts: like.and_then(|like| catalog::lookup(like, Some(&self.region))),
                base: model.and_then(|model| model.base().map(str::to_owned)),
            }
        });
        let mut known: Vec<_> = known.filter(|known| self.wanted.has(known)).collect();
        known.sort_by(|a, b| a.place().cmp(&b.place()));
        known
    }

    fn json(&self) -> Value {
        let models = self.known().into_iter().map(|known| known.json());
        let missing = self.listing.missing.iter().map(ToString::to_string);
        json!({
            "region": self.region,
            "source": match self.source {
                ModelSource::Account => "account",
                ModelSource::Catalog => "catalogue", // a value that programs know
            },
            "models": models.collect::<Vec<_>>(),
            "provisioned_only": self.listing.to_be_bought,
            "left_out": missing.collect::<Vec<_>>(),
        })
    }
}

impl KnownOffer<'_> {
    /// Its position in the list.
    fn place(&self) -> (bool, Option<&str>, &str) {
        (self.is_own(), self.base.as_deref(), &self.offer.id)
    }

    /// Whether it is the account's own, known by an ARN.
    fn is_own(&self) -> bool {
        !matches!(self.offer.kind, IdKind::Base | IdKind::Profile)
    }

    fn family(&self) -> Option<Family> {
        if self.offer.kind == IdKind::Imported {
            return Some(Family::Imported);
        }
        Family::of(self.base.as_deref()?)
    }

    /// What serves it, where InvokeModel does not reach it.
    fn served_by(&self) -> Option<&'static str> {
        Family::reached_otherwise(self.base.as_deref()?)
    }

    /// USD per million tokens of input and output.
    fn prices(&self) -> (Option<f64>, Option<f64>) {
        let price = self.facts.map(|facts| facts.price).unwrap_or_default();
        let million = |usd: f64| rounded_usd(usd * 1000.0);
        (price.input.map(million), price.output.map(million))
    }

    /// What is known of the model itself, whatever it costs.
    fn limits(&self) -> Option<&'static ModelFacts> {
        let base = self.base.as_deref();
        self.facts.or_else(|| catalog::anywhere(base?))
    }

    fn context(&self) -> Option<u64> {
        self.limits()?.max_in
    }

    fn json(&self) -> Value {
        let (input, output) = self.prices();
        json!({
            "id": self.offer.id,
            "kind": word(self.offer.kind),
            "name": self.offer.name,
            "provider": self.offer.provider,
            "base_model": self.base,
            "family": self.family().map(Family::name),
            "invoke_model": self.base.is_some().then(|| self.served_by().is_none()),
            "served_by": self.served_by(),
            "streaming": self.offer.streaming,
            "reads": self.offer.reads,
            "writes": self.offer.writes,
            "input_usd_per_million": input,
            "output_usd_per_million": output,
            "usd_per_image": self.facts.and_then(|facts| facts.unit_price.made),
            "usd_per_query": self.facts.and_then(|facts| facts.unit_price.query),
            "context_tokens": self.context(),
            "max_output_tokens": self.limits().and_then(|facts| facts.max_out),
            "state": self.offer.state,
            "end_of_life": self.offer.end_of_life,
        })
    }
}
