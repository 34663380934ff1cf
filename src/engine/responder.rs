//! Answers that the emulator made up and answers of a model never share an output.

use std::path::Path;

use crate::bedrock;
use crate::bedrock::emulated;
use crate::format::count;
use crate::job::{Endpoint, Plan};
use crate::output::Tally;

/// Who will answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Responder {
    /// The emulator, and so nobody.
    Emulator,
    /// A model.
    Model,
    /// Whoever is at this URL.
    At(String),
    /// Nobody can say before the first answer.
    Unknown,
}

impl Responder {
    /// Who will answer, as far as the job, the environment and the AWS configuration tell.
    pub(crate) async fn answers(plan: &Plan) -> Self {
        match &plan.endpoint {
            Endpoint::Emulator { .. } => Self::Emulator,
            Endpoint::Url(url) => Self::at(Some(url.clone())),
            Endpoint::Aws => Self::at(bedrock::elsewhere(plan.profile.as_deref()).await),
        }
    }

    /// Who will answer where the calls go to this URL, or to AWS.
    fn at(url: Option<String>) -> Self {
        match url {
            Some(url) if emulated::may_be_at(&url) => Self::At(url),
            Some(_) | None => Self::Model,
        }
    }

    /// The same, after asking where that is needed to tell.
    pub(crate) async fn asked(self) -> Self {
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
    pub(crate) fn refusal(&self, past: &Tally, output: &Path) -> Option<String> {
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
        let at = |url: &str| Responder::at(Some(url.to_owned()));
        let here = "http://127.0.0.1:8686";
        assert_eq!(Responder::at(None), Responder::Model);
        assert_eq!(at(here), Responder::At(here.into()));
        assert_eq!(at("https://bedrock.example.com"), Responder::Model);
    }
}
