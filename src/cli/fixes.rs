//! What to do about a failure that an output holds, and the command that does it.

use std::path::Path;

use crate::catalog::id::ModelId;
use crate::format::{retrying, shell_word};
use crate::model::{Category, Fault};
use crate::output::{OutputStatus, RecordError, RecordFigures};

/// What a person does about this failure.
pub(super) fn fix(record: &RecordFigures) -> String {
    let error = record.error.clone().unwrap_or_default();
    let Some(category) = category(&error) else {
        return "see what the message says, then run the failed rows again".into();
    };
    advice(record, &error, category).unwrap_or_else(|| usual(category).into())
}

fn category(error: &RecordError) -> Option<Category> {
    let mut all = Category::ALL.into_iter();
    all.find(|category| category.as_str() == error.category)
}

/// What the run would have advised.
fn advice(record: &RecordFigures, error: &RecordError, category: Category) -> Option<String> {
    let model = ModelId::parse_of_any_provider(record.model.as_deref()?).ok()?;
    let fault = Fault {
        code: error.code.clone(),
        status_code: error.status_code,
        ..Fault::local(category, &error.message)
    };
    fault.advice_in(&model, model.region())
}

/// What is left to do where the run had no advice.
fn usual(category: Category) -> &'static str {
    match category {
        Category::Throttled => {
            "run the failed rows again when more of the quota is free, or raise throttle_wait"
        }
        Category::ModelNotReady
        | Category::Unavailable
        | Category::ServerError
        | Category::ModelTimeout
        | Category::ModelError
        | Category::Network
        | Category::AttemptTimeout => "a transient error: run the failed rows again",
        Category::BadInputRow => "fix the row in the input; the same command then runs it",
        Category::BadResponse => {
            "parse the stored responses again; if that does not help, run the failed rows again"
        }
        Category::InvalidOutput => {
            "change the prompt or the schema, or raise max_tokens, then run the failed rows again"
        }
        Category::InvalidRequest
        | Category::ContextWindow
        | Category::RequestTooLarge
        | Category::AccessDenied
        | Category::NotFound
        | Category::Credentials
        | Category::DailyQuota
        | Category::ServiceQuota => {
            "change the row or the job as the message says, then run the failed rows again"
        }
    }
}

/// The command that runs rows again which failed like this.
pub(super) fn command(record: &RecordFigures, status: &OutputStatus) -> String {
    let error = record.error.clone().unwrap_or_default();
    let command = status.text("command").unwrap_or("promptmill run JOB.toml");
    match category(&error) {
        Some(Category::BadInputRow) => command.to_owned(),
        Some(Category::BadResponse) => {
            format!("promptmill reparse {}", word(&status.paths.output))
        }
        Some(_) | None => retrying(command),
    }
}

fn word(path: &Path) -> String {
    shell_word(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(category: &str, message: &str) -> RecordFigures {
        RecordFigures {
            model: Some("amazon.nova-lite-v1:0".into()),
            error: Some(RecordError {
                category: category.into(),
                code: Some("ValidationException".into()),
                status_code: Some(400),
                message: message.into(),
            }),
            ..RecordFigures::default()
        }
    }

    #[test]
    fn every_category_has_something_to_do_and_so_has_one_of_a_later_version() {
        for category in Category::ALL {
            assert!(10 < fix(&failed(category.as_str(), "said the service")).len());
        }
        assert!(fix(&failed("a_later_one", "")).contains("run the failed rows again"));
        assert!(fix(&RecordFigures::default()).contains("run the failed rows again"));
    }

    #[test]
    fn a_message_that_the_run_knows_has_the_advice_of_the_run() {
        let long = fix(&failed(
            "context_window",
            "Input is too long for requested model.",
        ));
        assert!(long.starts_with("shorten the prompt"), "{long}");
    }
}
