//! Model identifiers: every form InvokeModel accepts, and what each tells about the model.
//!
//! Forms are checked, existence is not: a model that came out yesterday has an id of a known
//! form, and only the service knows whether it is there.

mod arn;
mod suggest;

use std::fmt;

pub use suggest::suggest;

/// The longest id the service takes, in characters (botocore 1.44.5, `InvokeModelIdentifier`).
const MAX_LENGTH: usize = 2048;

/// Providers whose models are on Bedrock, as they stand before the first dot of an id. Others may
/// come any day: their models are called too, once the job says how they are spoken to.
const PROVIDERS: [&str; 20] = [
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "xai",
    "zai",
];

/// What stands before the provider in the id of a system inference profile, as far as is known;
/// before a provider that is known, anything else is a geography too.
const GEOS: [&str; 11] = [
    "us", "eu", "apac", "jp", "au", "ca", "in", "us-gov", "global", "sa", "amer",
];

/// A model identifier of a form the service accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelId {
    wire: String,
    kind: IdKind,
    base: Option<String>,
    region: Option<String>,
    like: Option<String>,
}

/// The forms of a model identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// `amazon.nova-lite-v1:0`, also with a context suffix or as a foundation-model ARN.
    Base,
    /// `eu.amazon.nova-lite-v1:0`, also as an inference-profile ARN.
    Profile,
    /// An inference profile of the account.
    ApplicationProfile,
    /// Capacity bought for a model.
    Provisioned,
    /// A model trained further in the account.
    Custom,
    /// A custom model that is served on demand.
    CustomDeployment,
    /// A model brought from elsewhere.
    Imported,
    /// A router that picks a model for each prompt.
    PromptRouter,
    /// A model of the Marketplace on an endpoint of the account.
    MarketplaceEndpoint,
}

/// A model identifier that the service would not understand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("the model id is empty; {FORMS}")]
    Empty,
    /// More than the service takes.
    #[error("the model id has {length} characters; the service takes {MAX_LENGTH}")]
    TooLong {
        /// Its length in characters.
        length: usize,
    },
    /// A character no id has.
    #[error("`{id}` is no model id: it has {what}; {}", or_form(.meant))]
    BadCharacter {
        /// What was given.
        id: String,
        /// The character, in words.
        what: String,
        /// The id that may have been meant.
        meant: Option<String>,
    },
    /// Not `provider.model`.
    #[error("`{id}` is not a Bedrock model ID; {}{FORMS}", hint(.meant))]
    UnknownForm {
        /// What was given.
        id: String,
        /// The id that may have been meant.
        meant: Option<String>,
    },
    /// `provider.model`, of an unknown provider.
    #[error(
        "`{id}`: no provider `{provider}` is known; {}if its models are new on Amazon Bedrock, name \
         a layout that they share with --family", hint(.meant)
    )]
    UnknownProvider {
        /// What was given.
        id: String,
        /// Its provider.
        provider: String,
        /// The id that may have been meant.
        meant: Option<String>,
    },
    /// An ARN of something that is not a model.
    #[error("`{arn}` cannot be invoked: {reason}")]
    BadArn {
        /// What was given.
        arn: String,
        /// What is wrong with it and what to do.
        reason: String,
    },
}

/// What the errors say about the forms there are.
const FORMS: &str = "give a model ID such as `amazon.nova-lite-v1:0`, \
    an inference profile such as `us.anthropic.claude-haiku-4-5-20251001-v1:0`, or an ARN";

fn hint(meant: &Option<String>) -> String {
    meant
        .as_ref()
        .map_or_else(String::new, |id| format!("did you mean `{id}`? "))
}

fn or_form(meant: &Option<String>) -> String {
    let form = || "model ids look like `amazon.nova-lite-v1:0`".to_owned();
    meant
        .as_ref()
        .map_or_else(form, |id| format!("did you mean `{id}`?"))
}

impl ModelId {
    /// Understands an id as it was typed, of a provider that is known.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let id = Self::parse_of_any_provider(text)?;
        match id.provider() {
            Some(provider) if !id.is_arn() && !is_provider(provider) => {
                Err(IdError::UnknownProvider {
                    id: text.to_owned(),
                    provider: provider.to_owned(),
                    meant: suggest(text),
                })
            }
            Some(_) | None => Ok(id),
        }
    }

    /// Understands an id as it was typed, whosever model it is: where the family is named, the
    /// provider decides nothing.
    pub fn parse_of_any_provider(text: &str) -> Result<Self, IdError> {
        if text.trim().is_empty() {
            return Err(IdError::Empty);
        }
        let length = text.chars().count();
        if MAX_LENGTH < length {
            return Err(IdError::TooLong { length });
        }
        if text.starts_with("arn:") {
            return arn::parse(text);
        }
        if let Some(what) = strange_character(text) {
            let (id, meant) = (text.to_owned(), suggest(text));
            return Err(IdError::BadCharacter { id, what, meant });
        }
        let (geo, base) = strip_geo(text);
        if !is_provider_and_name(base) {
            let (id, meant) = (text.to_owned(), suggest(text));
            return Err(IdError::UnknownForm { id, meant });
        }
        Ok(Self {
            wire: text.to_owned(),
            kind: geo.map_or(IdKind::Base, |_| IdKind::Profile),
            base: Some(strip_context(base).to_owned()),
            region: None,
            like: None,
        })
    }

    /// The id as it goes on the wire: as it was typed.
    pub fn as_str(&self) -> &str {
        &self.wire
    }

    /// Which form it has.
    pub fn kind(&self) -> IdKind {
        self.kind
    }

    /// The id of the model behind it, without geography and context suffix; `None` where an ARN
    /// does not tell.
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// This id with the base model that Bedrock resolved it to: `like` calls that model the same way.
    #[must_use]
    pub fn behind(self, like: &str) -> Self {
        let base = strip_context(strip_geo(like).1).to_owned();
        Self {
            base: Some(base),
            like: Some(like.to_owned()),
            ..self
        }
    }

    /// Whether the id itself tells which model it calls.
    pub fn tells_its_model(&self) -> bool {
        self.base.is_some() && self.like.is_none()
    }

    /// Whether Bedrock can be asked which model stands behind it, and has to be.
    pub fn hides_its_model(&self) -> bool {
        self.base.is_none()
            && match self.kind {
                IdKind::ApplicationProfile
                | IdKind::Provisioned
                | IdKind::Custom
                | IdKind::CustomDeployment => true,
                IdKind::Base
                | IdKind::Profile
                | IdKind::Imported
                | IdKind::PromptRouter
                | IdKind::MarketplaceEndpoint => false,
            }
    }

    /// The id that was found behind it, where Bedrock was asked.
    pub fn found_behind(&self) -> Option<&str> {
        self.like.as_deref()
    }

    /// The id whose prices and quotas hold: the profile that a profile of the account was made
    /// from, else the id itself. Bought capacity and models of the account have their own.
    pub fn like(&self) -> &str {
        let like = self.like.as_deref();
        let like = like.filter(|_| self.kind == IdKind::ApplicationProfile);
        like.unwrap_or(&self.wire)
    }

    /// The provider, where the id tells.
    pub fn provider(&self) -> Option<&str> {
        self.base()?.split('.').next()
    }

    fn is_arn(&self) -> bool {
        self.wire.starts_with("arn:")
    }

    /// The region an ARN names.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.wire)
    }
}

/// Splits `us.amazon.nova-lite-v1:0` into its geography, if it has one, and the base id. Geographies
/// are opened faster than lists are written: what stands before a provider, and is none, is one.
pub(crate) fn strip_geo(id: &str) -> (Option<&str>, &str) {
    let is_geo = |geo: &str, base: &str| {
        let is_known = GEOS.contains(&geo) && base.contains('.');
        is_known || (!geo.is_empty() && !is_provider(geo) && has_known_provider(base))
    };
    match id.split_once('.') {
        Some((geo, base)) if is_geo(geo, base) => (Some(geo), base),
        Some(_) | None => (None, id),
    }
}

/// Cuts the context size off `amazon.nova-lite-v1:0:300k`, but not the revision off `…-v1:0`.
pub(crate) fn strip_context(id: &str) -> &str {
    let Some((rest, last)) = id.rsplit_once(':') else {
        return id;
    };
    let kilo = last
        .strip_suffix('k')
        .is_some_and(|n| n.parse::<u32>().is_ok());
    if kilo || rest.contains(':') { rest } else { id }
}

/// `provider.name`, as far as the form goes.
fn is_provider_and_name(base: &str) -> bool {
    base.contains('.') && base.split('.').all(|part| !part.is_empty())
}

/// `provider.name`, with a provider that is known and a name that is there.
fn has_known_provider(base: &str) -> bool {
    base.split_once('.')
        .is_some_and(|(provider, name)| is_provider(provider) && !name.is_empty())
}

fn is_provider(word: &str) -> bool {
    PROVIDERS.contains(&word)
}

/// The first character that no model id has, in words.
fn strange_character(text: &str) -> Option<String> {
    let strange = text
        .chars()
        .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '-' | '_' | ':'))?;
    Some(match strange {
        c if c.is_whitespace() => "a space in it".to_owned(),
        c if c.is_uppercase() => format!("a capital letter in it, `{c}`"),
        '/' => "a `/` in it, which only ARNs have".to_owned(),
        c => format!("a `{}` in it", c.escape_default()),
    })
}

#[cfg(test)]
mod tests;
