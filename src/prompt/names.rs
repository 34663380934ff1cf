//! Names of columns as they stand in the source of a template.

use std::collections::HashSet;

use crate::input::{Fields, shown};

/// How to write a column whose name is no identifier, when the template seems to mean one.
pub(super) fn row_hint(source: &str, fields: &Fields) -> String {
    let meant = fields
        .names()
        .iter()
        .find(|name| !is_identifier(name) && source.contains(*name));
    match meant {
        Some(name) => {
            let name = shown(name);
            format!(r#" (the column `{name}` is written {{{{ row["{name}"] }}}})"#)
        }
        None => String::new(),
    }
}

/// How a field is written in a template: one of `fields`, the longest that stands in `source` if any
/// does, in whatever letters.
pub(super) fn written_like(source: &str, fields: &Fields) -> String {
    let names = fields.names();
    let source = source.to_lowercase();
    let meant = names
        .iter()
        .filter(|name| source.contains(&name.to_lowercase()));
    let name = meant.max_by_key(|name| name.len()).or(names.first());
    let name = name.map_or("field".into(), |name| shown(name));
    if is_identifier(&name) {
        format!("{{{{ {name} }}}}")
    } else {
        format!(r#"{{{{ row["{name}"] }}}}"#)
    }
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// The first of `names` that stands in `source` as a word behind a brace, and its line, from 1; of several
/// in a line, and where none is found, the first by the alphabet.
pub(super) fn first_of(source: &str, names: &HashSet<String>) -> Option<(usize, String)> {
    let in_line = |line: &str| {
        let tags = line.find('{').map_or("", |at| &line[at..]);
        let words = tags.split(|char: char| !char.is_alphanumeric() && char != '_');
        words
            .filter(|word| names.contains(*word))
            .min()
            .map(str::to_owned)
    };
    let found = (1..).zip(source.lines());
    let found = found.filter(|_| !names.is_empty());
    let mut found = found.filter_map(|(at, line)| Some((at, in_line(line)?)));
    found
        .next()
        .or_else(|| Some((1, names.iter().min()?.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_on_the_line_where_a_tag_has_it_as_a_word() {
        let found = |source: &str| {
            let names = ["body", "tail"].map(str::to_owned).into();
            first_of(source, &names).unwrap()
        };
        let (body, tail) = ("body".to_owned(), "tail".to_owned());
        assert_eq!(
            found("body\n{{ body_2 }}\n{% if body %}"),
            (3, body.clone())
        );
        assert_eq!(found("{{ tail }}\n{{ body }}"), (1, tail));
        assert_eq!(found("{{\nbody\n}}"), (1, body));
    }

    #[test]
    fn a_column_that_is_no_identifier_is_shown_as_it_must_be_written() {
        let fields = Fields::Columns(vec!["id".into(), "Best Answer".into()]);
        let hint = r#" (the column `Best Answer` is written {{ row["Best Answer"] }})"#;
        assert_eq!(row_hint("{{ Best Answer }}", &fields), hint);
        assert_eq!(row_hint("{{ id }}", &fields), "");
    }

    #[test]
    fn the_field_that_the_text_names_shows_how_fields_are_written() {
        let names = ["id", "text", "context", "Best Answer"].map(str::to_owned);
        let fields = Fields::Columns(names.into());
        for (source, written) in [
            ("$context", "{{ context }}"),
            ("{Best Answer}", r#"{{ row["Best Answer"] }}"#),
            ("text", "{{ text }}"),
            ("$best answer", r#"{{ row["Best Answer"] }}"#),
            ("say hello", "{{ id }}"),
        ] {
            assert_eq!(written_like(source, &fields), written, "{source}");
        }
        let none = Fields::Seen(Vec::new());
        assert_eq!(written_like("", &none), "{{ field }}");
    }
}
