//! Answers that the emulator made up and answers of a model never share an output.

use std::path::Path;

use crate::job::Endpoint;
use crate::model::emulated;
use crate::output::Tally;
use crate::output::text::count;

/// Who will answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// The emulator, and so nobody.
    Emulator,
    /// A model.
    Model,
    /// Whoever is at this URL.
    At(String),
    /// Nobody can say before the first answer.
    Unknown,
}

/// What points the SDK elsewhere, strongest first.
const ELSEWHERE: [&str; 2] = ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL"];

impl Who {
    /// Who will answer, as far as the job and the environment tell.
    pub(super) fn answers(endpoint: &Endpoint, variable: impl Fn(&str) -> Option<String>) -> Self {
        let url = match endpoint {
            Endpoint::Emulator { .. } => return Self::Emulator,
            Endpoint::Url(url) => Some(url.clone()),
            Endpoint::Aws => ELSEWHERE.into_iter().find_map(variable),
        };
        match url {
            Some(url) if emulated::may_be_at(&url) => Self::At(url),
            Some(_) | None => Self::Model,
        }
    }

    /// The same, after asking where that is needed to tell.
    pub(super) async fn asked(self) -> Self {
        match self {
            Self::At(url) => match emulated::is_at(&url).await {
                Some(true) => Self::Emulator,
                Some(false) => Self::Model,
                None => Self::Unknown,
            },
            known @ (Self::Emulator | Self::Model | Self::Unknown) => known,
        }
    }

    /// Why these answers do not go with those in the output, if they do not.
    pub(super) fn refusal(&self, past: &Tally, output: &Path) -> Option<String> {
        let output = output.display();
        let remedy = "begin anew with --fresh (it keeps the old answers aside), or choose another \
                      --output";
        match self {
            Self::Model if 0 < past.made_up => Some(format!(
                "{output}: {} of its rows were made up by the emulator, and a model would answer the \
                 rest: nobody could tell one from the other; {remedy}",
                count(past.made_up)
            )),
            Self::Emulator if 0 < past.real => Some(format!(
                "{output}: {} of its rows were answered by a model, and the emulator would make up \
                 the rest: nobody could tell one from the other; {remedy}",
                count(past.real)
            )),
            Self::Model | Self::Emulator | Self::At(_) | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_make_answers_up() {
        let who = |endpoint: Endpoint, url: Option<&str>| {
            Who::answers(&endpoint, |name| {
                (name == "AWS_ENDPOINT_URL").then_some(url?.to_owned())
            })
        };
        let here = "http://127.0.0.1:8686";
        assert_eq!(who(Endpoint::Aws, None), Who::Model);
        assert_eq!(who(Endpoint::Aws, Some(here)), Who::At(here.into()));
        assert_eq!(who(Endpoint::Url(here.into()), None), Who::At(here.into()));
        let proxy = Endpoint::Url("https://bedrock.example.com".into());
        assert_eq!(who(proxy, Some(here)), Who::Model);
        let embedded = Endpoint::Emulator { scenario: None };
        assert_eq!(who(embedded, None), Who::Emulator);
    }
}
