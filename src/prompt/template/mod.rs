//! Templates: Jinja syntax, strict. The only file that names the template engine.
//!
//! Every field of the record is a variable; the whole record is `row`, so that a name which is no
//! identifier is reached as `{{ row["Best Answer"] }}`. A field that is itself called `row` takes
//! that name for itself. Values are written as they are when they are text, and as JSON otherwise.
//! `null` is rejected, since the word is hardly meant in a prompt; `{{ x or "" }}` allows it.
//! Python's methods of texts, lists and dictionaries work, since templates are often written for
//! Python: `{{ x.strip() }}`. One final newline of the template is dropped, since files and
//! multi-line strings end in one.

mod chains;
mod nesting;
mod problems;
mod value;

use std::collections::HashSet;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::error::PromptError;
use super::names::{first_of, row_hint};
use chains::TooDeep;
use nesting::Nesting;
use problems::{expression, is_unknown_function, is_unknown_method, syntax, undefined};
use value::{object, to_json};

use crate::input::{BadRow, Fields, Record};

/// The name of the whole record.
const ROW: &str = "row";

/// How the formatter marks a null, to be told apart from the engine's own errors.
const NULL: &str = "null has no text";

/// A template that fits its input.
#[derive(Debug)]
pub(super) struct Template {
    what: &'static str,
    engine: Environment<'static>,
    nesting: Nesting,
}

impl Template {
    /// Reads `source` and checks it against the fields; `what` is its name in messages.
    pub(super) fn new(
        what: &'static str,
        source: &str,
        fields: &Fields,
    ) -> Result<Self, PromptError> {
        let words =
            chains::check(source).map_err(|TooDeep { line, problem }| PromptError::Syntax {
                what,
                line,
                problem,
                hint: String::new(),
            })?;
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_formatter(write_value);
        engine.add_filter("tojson", to_json);
        engine.set_unknown_method_callback(unknown_method_callback);
        let nesting = Nesting::of(words);
        engine.set_fuel(Some(nesting.fuel()));
        engine.set_debug(true); // so that errors know the expression
        engine
            .add_template_owned(what, source.to_owned())
            .map_err(|error| syntax(what, &error, row_hint(source, fields)))?;
        let template = Self {
            what,
            engine,
            nesting,
        };
        template.check_variables(source, fields)?;
        template.try_out(source, fields)?;
        Ok(template)
    }

    /// The text for `record`.
    pub(super) fn render(&self, record: &Record) -> Result<String, BadRow> {
        self.nesting
            .with_room(|| {
                self.fill(record)
                    .map_err(|error| record.bad(self.explain(&error, record)))
            })
            .unwrap_or_else(|why| Err(record.bad(why)))
    }

    fn fill(&self, record: &Record) -> Result<String, Error> {
        let row = object(&record.fields);
        let field = |name: &str| (name.to_owned(), row.get_attr(name).unwrap_or_default());
        let fields = record.fields.keys().map(|name| field(name));
        let variables = std::iter::once((ROW.to_owned(), row.clone())).chain(fields);
        self.engine
            .get_template(self.what)?
            .render(Value::from_pairs(variables))
    }

    /// Whether nothing of a record goes into its text.
    pub(super) fn names_no_field(&self) -> bool {
        self.variables().next().is_none()
    }

    /// The names that records are to fill, with `row` if it is among them.
    fn variables(&self) -> impl Iterator<Item = String> {
        let template = self.engine.get_template(self.what).ok();
        let names = template.map(|template| template.undeclared_variables(false));
        let is_global = |name: &String| self.engine.globals().any(|(global, _)| global == name);
        let names = names.into_iter().flatten();
        names.filter(move |name| !is_global(name))
    }

    /// Refuses a variable that no record can have.
    fn check_variables(&self, source: &str, fields: &Fields) -> Result<(), PromptError> {
        let Fields::Columns(names) = fields else {
            return Ok(());
        };
        // Both may be many: a table of 100,000 columns, and a template that names all of them.
        let known: HashSet<&str> = names.iter().map(String::as_str).collect();
        let unknown: HashSet<String> = self
            .variables()
            .filter(|name| name != ROW && !known.contains(name.as_str()))
            .collect();
        match first_of(source, &unknown) {
            Some((line, name)) => Err(self.unknown(line, name, source, fields)),
            None => Ok(()),
        }
    }

    /// Renders made-up values once, to find what does not depend on them: filters that do not
    /// exist, and columns that `row` does not have.
    fn try_out(&self, source: &str, fields: &Fields) -> Result<(), PromptError> {
        let tried = self.nesting.with_room(|| self.try_out_here(source, fields));
        tried.unwrap_or_else(|problem| {
            Err(PromptError::Syntax {
                what: self.what,
                line: 1,
                problem,
                hint: String::new(),
            })
        })
    }

    fn try_out_here(&self, source: &str, fields: &Fields) -> Result<(), PromptError> {
        let made_up = fields
            .names()
            .iter()
            .map(|name| (name.clone(), "x".into()))
            .collect();
        let Err(error) = self.fill(&Record {
            row: 0,
            line: 0,
            fields: made_up,
        }) else {
            return Ok(());
        };
        if is_unknown_function(&error) || is_unknown_method(&error) {
            return Err(syntax(self.what, &error, String::new()));
        }
        let name = undefined(&error);
        let has_header = matches!(fields, Fields::Columns(_));
        if has_header && error.kind() == ErrorKind::UndefinedError && name.starts_with(ROW) {
            let line = error.line().unwrap_or(1);
            return Err(self.unknown(line, name.to_owned(), source, fields));
        }
        Ok(())
    }

    fn unknown(&self, line: usize, name: String, source: &str, fields: &Fields) -> PromptError {
        let hint = match row_hint(source, fields) {
            hint if hint.is_empty() => fields.hint(&name),
            hint => hint,
        };
        let columns = fields.to_string();
        PromptError::UnknownVariable {
            what: self.what,
            line,
            name,
            hint,
            columns,
        }
    }

    /// What went wrong with one record.
    fn explain(&self, error: &Error, record: &Record) -> String {
        let place = format!("{} line {}", self.what, error.line().unwrap_or(1));
        let detail = error.detail().unwrap_or_default();
        if detail == NULL {
            let name = expression(error);
            return format!(
                r#"{place}: `{name}` is null; write {{{{ {name} or "" }}}} to allow it"#
            );
        }
        if error.kind() == ErrorKind::OutOfFuel {
            let most = self.nesting.fuel();
            return format!("{place}: more than {most} steps; loop over less");
        }
        if error.kind() != ErrorKind::UndefinedError {
            return format!("{place}: {}: {detail}", error.kind());
        }
        let name = undefined(error);
        let fields = Fields::Seen(record.names());
        let hint = fields.hint(name);
        let allow = format!(
            "; where rows may lack it, write {{{{ {name} | default(\"\") }}}} or {{% if {name} is \
             defined %}}"
        );
        format!("{place}: no field `{name}`{hint}; fields here: {fields}{allow}")
    }
}

/// Writes text as it is, and everything else as JSON.
fn write_value(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Ok(()); // the missing `else` of an `if` expression
    }
    if value.is_none() {
        return Err(Error::new(ErrorKind::InvalidOperation, NULL));
    }
    if let Some(text) = value.as_str() {
        return Ok(out.write_str(text)?);
    }
    Ok(out.write_str(&to_json(value, None)?)?)
}

#[cfg(test)]
mod tests;
