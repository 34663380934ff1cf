//! What the engine's errors mean, in words of this project.

use minijinja::{Error, ErrorKind};

use crate::prompt::error::PromptError;

/// The methods that some value has (minijinja-contrib 3.1, pycompat).
#[rustfmt::skip]
const METHODS: &[&str] = &[
    "capitalize", "count", "endswith", "find", "format", "get", "isalnum", "isalpha", "isascii", "isdigit",
    "islower", "isnumeric", "isspace", "isupper", "items", "join", "keys", "lower", "lstrip", "replace",
    "rfind", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper", "values",
];

/// A template that the engine rejects.
pub(super) fn syntax(what: &'static str, error: &Error, hint: String) -> PromptError {
    let problem = match error.detail() {
        Some(detail) => format!("{}: {detail}{}", error.kind(), filter_instead(error)),
        None => error.kind().to_string(),
    };
    PromptError::Syntax {
        what,
        line: error.line().unwrap_or(1),
        problem,
        hint,
    }
}

/// That there are filters, where a method is missing.
fn filter_instead(error: &Error) -> &'static str {
    match error.kind() == ErrorKind::UnknownMethod {
        true => "; use a filter instead, such as {{ x | trim }}",
        false => "",
    }
}

/// Whether the template uses a filter, test or function that there is not.
pub(super) fn is_unknown_function(error: &Error) -> bool {
    use ErrorKind::{UnknownFilter, UnknownFunction, UnknownTest};
    [UnknownFilter, UnknownFunction, UnknownTest].contains(&error.kind())
}

/// Whether the template calls a method that no value has. One that another kind of value has may be
/// right: made-up values are texts.
pub(super) fn is_unknown_method(error: &Error) -> bool {
    let detail = error.detail().unwrap_or_default();
    let method = detail.rsplit(' ').next().unwrap_or_default();
    error.kind() == ErrorKind::UnknownMethod && !METHODS.contains(&method)
}

/// The expression that was undefined, from the engine's "`x` is undefined".
pub(super) fn undefined(error: &Error) -> &str {
    match error.detail().and_then(|detail| detail.split('`').nth(1)) {
        Some(name) => name,
        None => expression(error),
    }
}

/// The source of the expression that caused the error.
pub(super) fn expression(error: &Error) -> &str {
    let source = error.template_source().unwrap_or_default();
    error
        .range()
        .and_then(|range| source.get(range))
        .unwrap_or("a value")
        .trim()
}
