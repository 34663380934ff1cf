//! `${NAME}` and `{{ date }}` in paths.

use jiff::civil::Date;

/// What can be wrong with a path before it is looked up.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// The environment has no such variable.
    #[error("`{path}`: no environment variable {name}; set it, or write the path out")]
    NoVariable {
        /// The path as typed.
        path: String,
        /// The variable.
        name: String,
    },
    /// A credential: a path is shown, and is written to the run file.
    #[error("`{path}`: {name} is a credential and no part of a path; use another variable")]
    Secret {
        /// The path as typed.
        path: String,
        /// The variable.
        name: String,
    },
    /// A home directory as shells write it.
    #[error("`{path}`: `~` is not expanded here: write {instead}")]
    Home {
        /// The path as typed.
        path: String,
        /// How it is written.
        instead: String,
    },
    /// An opening without its end, or a placeholder that does not exist.
    #[error("`{path}`: only ${{NAME}} and {{{{ date }}}} can be used in a path")]
    Syntax {
        /// The path as typed.
        path: String,
    },
}

/// Variables whose values are shown nowhere.
const CREDENTIALS: [&str; 3] = [
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// Whether a path depends on the day or on the environment.
pub(super) fn is_open(path: &str) -> bool {
    path.contains("{{") || path.contains("${")
}

/// Replaces `${NAME}` by the environment's value and `{{ date }}` by `today`.
///
/// # Errors
/// A variable that is not set, a placeholder that does not exist, or a home directory as `~`.
pub fn expand(
    path: &str,
    today: Date,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    let syntax = || ExpandError::Syntax {
        path: path.to_owned(),
    };
    refuse_tilde(path)?;
    let mut expanded = String::new();
    let mut rest = path;
    while let Some(at) = rest.find(['$', '{']) {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(inner) = rest.strip_prefix("${") {
            let (name, after) = inner.split_once('}').ok_or_else(syntax)?;
            if CREDENTIALS.contains(&name) {
                let (path, name) = (path.to_owned(), name.to_owned());
                return Err(ExpandError::Secret { path, name });
            }
            let value = variable(name).ok_or_else(|| ExpandError::NoVariable {
                path: path.to_owned(),
                name: name.to_owned(),
            })?;
            expanded.push_str(&value);
            rest = after;
        } else if let Some(inner) = rest.strip_prefix("{{") {
            let (name, after) = inner.split_once("}}").ok_or_else(syntax)?;
            if name.trim() != "date" {
                return Err(syntax());
            }
            expanded.push_str(&today.to_string());
            rest = after;
        } else {
            expanded.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Shells write out `~/` where it begins a word, and not in `--output=~/x` or in a job file, where a
/// directory of that name would be made.
fn refuse_tilde(path: &str) -> Result<(), ExpandError> {
    let Some((user, rest)) = path.strip_prefix('~').and_then(|it| it.split_once('/')) else {
        return Ok(());
    };
    let instead = match user {
        "" => format!("${{HOME}}/{rest}"),
        user => format!("the home directory of {user} out, or ./{path}"),
    };
    let path = path.to_owned();
    Err(ExpandError::Home { path, instead })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<&str, &str>) {
        let today = jiff::civil::date(2026, 11, 22);
        let home = |name: &str| (name == "HOME").then(|| "/home/ada".to_owned());
        let expanded = expand(path, today, home).map_err(|error| error.to_string());
        assert_eq!(expanded.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn variables_and_the_date_are_filled_in() {
        check("out/{{ date }}/tags.jsonl", Ok("out/2026-11-22/tags.jsonl"));
        check("${HOME}/{{date}}.jsonl", Ok("/home/ada/2026-11-22.jsonl"));
        check("cost$ {1}.csv", Ok("cost$ {1}.csv"));
    }

    #[test]
    fn what_cannot_be_filled_in_is_named() {
        check(
            "${HOEM}/x",
            Err("`${HOEM}/x`: no environment variable HOEM; set it, or write the path out"),
        );
        check(
            "${AWS_SECRET_ACCESS_KEY}.jsonl",
            Err(
                "`${AWS_SECRET_ACCESS_KEY}.jsonl`: AWS_SECRET_ACCESS_KEY is a credential and no part \
                 of a path; use another variable",
            ),
        );
        let syntax = "only ${NAME} and {{ date }} can be used in a path";
        check(
            "{{ time }}/x",
            Err(&format!("`{{{{ time }}}}/x`: {syntax}")),
        );
        check("${HOME", Err(&format!("`${{HOME`: {syntax}")));
        let tilde = "`~` is not expanded here: write";
        check("~/a/b", Err(&format!("`~/a/b`: {tilde} ${{HOME}}/a/b")));
        let users = format!("`~ada/b`: {tilde} the home directory of ada out, or ./~ada/b");
        check("~ada/b", Err(&users));
        check("./~/a", Ok("./~/a"));
        check("b~/a", Ok("b~/a"));
        check("~", Ok("~"));
    }
}
