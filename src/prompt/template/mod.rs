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
mod value;

use std::collections::HashSet;
use std::panic::resume_unwind;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::error::PromptError;
use super::names::{first_of, row_hint};
use chains::TooDeep;
use value::{object, to_json};

use crate::input::{BadRow, Fields, Record};

/// The work one rendering may do: a million steps, or the 64 MB that this much writes at the
/// engine's 64 bytes a step. A template that needs more loops over something it should not.
const FUEL: u64 = 1_000_000;

/// Like [`FUEL`], but for a template that can put a value into itself again and again: each step may then
/// nest it one level deeper, and what is nested is walked down on the stack.
const FUEL_OF_NESTING: u64 = 100_000;

/// The stack such a template is rendered on: 5 KiB for each level. Memory that is not used is not taken.
const STACK_OF_NESTING: usize = 512 << 20;

/// The most assignments of a template whose values cannot be nested deep.
const FEW_ASSIGNMENTS: usize = 100;

/// The name of the whole record.
const ROW: &str = "row";

/// The methods that some value has (minijinja-contrib 3.1, pycompat).
#[rustfmt::skip]
const METHODS: &[&str] = &[
    "capitalize", "count", "endswith", "find", "format", "get", "isalnum", "isalpha", "isascii", "isdigit",
    "islower", "isnumeric", "isspace", "isupper", "items", "join", "keys", "lower", "lstrip", "replace",
    "rfind", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper", "values",
];

/// How the formatter marks a null, to be told apart from the engine's own errors.
const NULL: &str = "null has no text";

/// A template that fits its input.
#[derive(Debug)]
pub(super) struct Template {
    what: &'static str,
    engine: Environment<'static>,
    nesting: Nesting,
}

/// How deep the values can be that a template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nesting {
    /// As deep as its source and its record.
    Shallow,
    /// As deep as it has steps.
    Deep,
}

impl Nesting {
    /// Judges by what may put a value into itself: a `namespace`, which outlives the rounds of a loop, or
    /// one assignment after the other.
    fn of(source: &str) -> Self {
        let assignments = source.matches("set").count();
        match source.contains("namespace") || FEW_ASSIGNMENTS < assignments {
            true => Self::Deep,
            false => Self::Shallow,
        }
    }

    fn fuel(self) -> u64 {
        match self {
            Self::Shallow => FUEL,
            Self::Deep => FUEL_OF_NESTING,
        }
    }
}

impl Template {
    /// Reads `source` and checks it against the fields; `what` is its name in messages.
    pub(super) fn new(
        what: &'static str,
        source: &str,
        fields: &Fields,
    ) -> Result<Self, PromptError> {
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
        let nesting = Nesting::of(source);
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
        self.with_room(|| {
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

    /// Does something with values of the template, on a stack that is large enough for them. Errors keep
    /// values too, so none leaves it.
    fn with_room<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, String> {
        if self.nesting == Nesting::Shallow {
            return Ok(work());
        }
        std::thread::scope(|scope| {
            let roomy = std::thread::Builder::new().stack_size(STACK_OF_NESTING);
            let working = roomy.spawn_scoped(scope, work);
            let working = working.map_err(|error| format!("no memory to render it: {error}"))?;
            working.join().or_else(|panicked| resume_unwind(panicked))
        })
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
        let tried = self.with_room(|| self.try_out_here(source, fields));
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

fn syntax(what: &'static str, error: &Error, hint: String) -> PromptError {
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
fn is_unknown_function(error: &Error) -> bool {
    use ErrorKind::{UnknownFilter, UnknownFunction, UnknownTest};
    [UnknownFilter, UnknownFunction, UnknownTest].contains(&error.kind())
}

/// Whether the template calls a method that no value has. One that another kind of value has may be
/// right: made-up values are texts.
fn is_unknown_method(error: &Error) -> bool {
    let detail = error.detail().unwrap_or_default();
    let method = detail.rsplit(' ').next().unwrap_or_default();
    error.kind() == ErrorKind::UnknownMethod && !METHODS.contains(&method)
}

/// The expression that was undefined, from the engine's "`x` is undefined".
fn undefined(error: &Error) -> &str {
    match error.detail().and_then(|detail| detail.split('`').nth(1)) {
        Some(name) => name,
        None => expression(error),
    }
}

/// The source of the expression that caused the error.
fn expression(error: &Error) -> &str {
    let source = error.template_source().unwrap_or_default();
    error
        .range()
        .and_then(|range| source.get(range))
        .unwrap_or("a value")
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::testing::record;

    fn columns(names: &[&str]) -> Fields {
        Fields::Columns(names.iter().map(|&name| name.to_owned()).collect())
    }

    /// Renders `source` with the fields of a JSON object.
    #[track_caller]
    fn check(source: &str, json: &str, expected: &str) {
        let record = record(json);
        let template = Template::new("template", source, &Fields::Seen(record.names())).unwrap();
        let text = template
            .render(&record)
            .unwrap_or_else(|bad| bad.to_string());
        assert_eq!(text, expected, "{source}");
    }

    #[track_caller]
    fn refuse(source: &str, fields: &Fields, expected: &str) {
        let error = Template::new("template", source, fields).unwrap_err();
        assert_eq!(error.to_string(), expected, "{source}");
    }

    #[test]
    fn text_is_written_as_it_is_and_the_rest_as_json() {
        check("<{{ a }}>", r#"{"a":"x & \"y\" <z>"}"#, "<x & \"y\" <z>>");
        check(
            "{{ a }} {{ b }} {{ c }} {{ d }}",
            r#"{"a":3,"b":0.5,"c":true,"d":3.0}"#,
            "3 0.5 true 3.0",
        );
        check(
            "{{ a }}",
            r#"{"a":{"z":[1,null,"é"],"b":false}}"#,
            r#"{"z":[1,null,"é"],"b":false}"#,
        );
        check("{{ a.b[1] }}", r#"{"a":{"b":["x","y"]}}"#, "y");
        check(
            "{{ 18446744073709551615 }}{{ a }}",
            r#"{"a":-7}"#,
            "18446744073709551615-7",
        );
    }

    #[test]
    fn loops_filters_and_conditions_work() {
        let json = r#"{"list":["a","b"],"x":null}"#;
        check(
            "{% for i in list %}{{ loop.index }}{{ i }} {% endfor %}",
            json,
            "1a 2b ",
        );
        check(
            "{{ list | join('-') }}{{ ' yes' if x is none }}{{ 'no' if x }}",
            json,
            "a-b yes",
        );
        check(
            "{{ y | default('none given') }} {{ list | tojson }}",
            json,
            "none given [\"a\",\"b\"]",
        );
        check("{{ x | tojson }}", r#"{"x":"<a> & 'b'"}"#, r#""<a> & 'b'""#);
        check(
            "{{ x | tojson(true) }}",
            r#"{"x":{"a":1}}"#,
            "{\n  \"a\": 1\n}",
        );
    }

    #[test]
    fn data_is_never_read_as_a_template() {
        check(
            "{{ a }}",
            r#"{"a":"{{ b }} {% for %}","b":"no"}"#,
            "{{ b }} {% for %}",
        );
    }

    #[test]
    fn methods_of_python_work() {
        let json = r#"{"q":" Which? ","o":{"k":"v"},"l":["a","b"]}"#;
        check("<{{ q.strip() }}>", json, "<Which?>");
        check("{{ q.upper().replace('W', 'w') }}", json, " wHICH? ");
        check("{{ q.strip().lower().split('h')[0] }}", json, "w");
        check(
            "{% for k, v in o.items() %}{{ k }}={{ v }}{% endfor %}",
            json,
            "k=v",
        );
        check(
            "{{ ', '.join(l) }} {{ o.get('x', 'none') }}",
            json,
            "a, b none",
        );
        check("{{ q.startswith(' ') }}", json, "true");
    }

    #[test]
    fn a_method_that_no_value_has_is_a_fault_of_the_template() {
        refuse(
            "\n{{ q.zfill(5) }}",
            &columns(&["q"]),
            "template line 2: unknown method: string has no method named zfill; use a filter instead, \
             such as {{ x | trim }}",
        );
        assert!(Template::new("template", "{{ q.items() }}", &columns(&["q"])).is_ok());
    }

    #[test]
    fn numbers_keep_their_digits() {
        let json = r#"{"n":12345678901234567890123,"o":{"pi":3.14159265358979323846,"x":1.50}}"#;
        check(
            "{{ n }} {{ o.pi }} {{ o.x }}",
            json,
            "12345678901234567890123 3.14159265358979323846 1.5",
        );
        let object = r#"{"pi":3.14159265358979323846,"x":1.5}"#;
        check("{{ o }}", json, object);
        check(
            "{{ [n, o] | tojson }}",
            json,
            &format!("[12345678901234567890123,{object}]"),
        );
    }

    #[test]
    fn only_one_final_newline_is_dropped() {
        check("a\n\n", "{}", "a\n");
        check("\n a", "{}", "\n a");
        check("{{ a }}", r#"{"a":"x\n"}"#, "x\n");
    }

    #[test]
    fn names_that_are_no_identifiers_are_reached_through_row() {
        check(r#"{{ row["Best Answer"] }}"#, r#"{"Best Answer":"x"}"#, "x");
        check("{{ row }}", r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#);
        check("{{ row }}", r#"{"row":12,"a":2}"#, "12");
    }

    #[test]
    fn a_null_is_refused_unless_the_template_allows_it() {
        check(
            "a\n{{ x }}",
            r#"{"x":null}"#,
            r#"row 7 (line 9): template line 2: `x` is null; write {{ x or "" }} to allow it"#,
        );
        check(r#"<{{ x or "" }}>"#, r#"{"x":null}"#, "<>");
        check("<{{ x }}>", r#"{"x":""}"#, "<>");
    }

    #[test]
    fn a_field_that_a_row_lacks_is_named_with_those_it_has() {
        check(
            "{{ bdy }}",
            r#"{"id":1,"body":"x"}"#,
            "row 7 (line 9): template line 1: no field `bdy` (did you mean `body`?); fields here: id, body; \
             where rows may lack it, write {{ bdy | default(\"\") }} or {% if bdy is defined %}",
        );
        check(
            "{{ a.c }}",
            r#"{"a":{"b":1}}"#,
            "row 7 (line 9): template line 1: no field `a.c`; fields here: a; where rows may lack it, write \
             {{ a.c | default(\"\") }} or {% if a.c is defined %}",
        );
    }

    #[test]
    fn a_column_that_the_header_lacks_is_refused_at_once() {
        let fields = columns(&["id", "body", "team", "Best Answer"]);
        refuse(
            "bdy\n{{ bdy }}",
            &fields,
            "template line 2: no column `bdy` (did you mean `body`?); columns here: id, body, team, Best Answer",
        );
        refuse(
            "{{ row['Bst'] }} ",
            &fields,
            "template line 1: no column `row['Bst']`; columns here: id, body, team, Best Answer",
        );
        assert!(Template::new("template", "{{ range(3) }}{{ row.body }}", &fields).is_ok());
    }

    #[test]
    fn what_the_engine_cannot_read_is_refused_with_its_line() {
        let fields = columns(&["Best Answer", "body"]);
        refuse(
            "\n{{ Best Answer }}",
            &fields,
            "template line 2: syntax error: unexpected identifier, expected end of variable block \
             (the column `Best Answer` is written {{ row[\"Best Answer\"] }})",
        );
        refuse(
            "{{ body | shout }}",
            &fields,
            "template line 1: unknown filter: filter shout is unknown",
        );
    }

    #[test]
    fn a_template_that_runs_away_is_stopped() {
        check(
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            "{}",
            "row 7 (line 9): template line 1: more than 1000000 steps; loop over less",
        );
    }

    #[test]
    fn values_that_a_template_nests_in_themselves_do_not_overflow_the_stack() {
        let often = "{% for i in range(9999) %}{% for j in range(9) %}STEP{% endfor %}{% endfor %}";
        let in_loop = |start: &str, step: &str| format!("{start}{}", often.replace("STEP", step));
        let list = in_loop("{% set ns = namespace(x=1) %}", "{% set ns.x = [ns.x] %}");
        let dictionary = in_loop(
            "{% set ns = namespace(x=1) %}",
            "{% set ns.x = {'a': ns.x} %}",
        );
        let in_line = format!("{{% set x = 1 %}}{}x", "{% set x = [x] %}".repeat(20_000));
        let said = |source: &str| {
            let template = Template::new("template", source, &Fields::Columns(Vec::new())).unwrap();
            template
                .render(&record("{}"))
                .unwrap_or_else(|bad| bad.reason)
        };
        let too_many = "template line 1: more than 100000 steps; loop over less";
        assert_eq!(said(&list), too_many);
        assert_eq!(said(&dictionary), too_many);
        assert_eq!(said(&in_line), "x");
    }

    #[test]
    fn a_chain_of_operators_is_rejected_with_its_line() {
        let source = format!("one\n{{{{ 1{} }}}}", "+1".repeat(50_000));
        let error = Template::new("template", &source, &columns(&["a"])).unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("template line 2: an expression with more than 400"),
            "{said}"
        );
    }

    /// Both were compared one by one: 25 s for so many, in a debug build.
    #[test]
    fn a_template_that_names_each_of_very_many_columns_is_checked_at_once() {
        let names: Vec<String> = (0..60_000).map(|at| format!("column{at}")).collect();
        let source: String = names
            .iter()
            .map(|name| format!("{{{{ {name} }}}}"))
            .collect();
        let started = tokio::time::Instant::now();
        Template::new("template", &source, &Fields::Columns(names)).unwrap();
        let took = started.elapsed();
        assert!(took.as_secs() < 6, "{took:?}");
    }
}
