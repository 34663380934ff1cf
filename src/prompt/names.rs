//! Names of columns as they stand in the source of a template.

use crate::input::Fields;

/// How to write a column whose name is no identifier, when the template seems to mean one.
pub(super) fn row_hint(source: &str, fields: &Fields) -> String {
    let meant = fields
        .names()
        .iter()
        .find(|name| !is_identifier(name) && source.contains(*name));
    match meant {
        Some(name) => format!(r#" (the column `{name}` is written {{{{ row["{name}"] }}}})"#),
        None => String::new(),
    }
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// The first line that has `name` as a word behind a brace, from 1.
pub(super) fn line_of(source: &str, name: &str) -> usize {
    let has_it = |line: &str| {
        let tags = line.find('{').map_or("", |at| &line[at..]);
        tags.split(|char: char| !char.is_alphanumeric() && char != '_')
            .any(|word| word == name)
    };
    source.lines().position(has_it).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_on_the_line_where_a_tag_has_it_as_a_word() {
        assert_eq!(line_of("body\n{{ body_2 }}\n{% if body %}", "body"), 3);
        assert_eq!(line_of("{{\nbody\n}}", "body"), 1);
    }

    #[test]
    fn a_column_that_is_no_identifier_is_shown_as_it_must_be_written() {
        let fields = Fields::Columns(vec!["id".into(), "Best Answer".into()]);
        let hint = r#" (the column `Best Answer` is written {{ row["Best Answer"] }})"#;
        assert_eq!(row_hint("{{ Best Answer }}", &fields), hint);
        assert_eq!(row_hint("{{ id }}", &fields), "");
    }
}
