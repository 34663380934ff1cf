//! The pages for readers keep their form: size, links, words, keys of job files.

pub(crate) mod markdown;

use std::path::Path;

use promptmill::job::keys;

use crate::harness::repository;
use markdown::{Page, guides, pages};

/// The longest line of prose.
const COLUMNS: usize = 110;

/// The most lines of the README.
const README_LINES: usize = 150;

/// Words that the project does not use, with the word it uses.
const WORDS: &[(&str, &str)] = &[
    ("anew", "again, or start over"),
    ("nobody", "say what is not there"),
    ("whoever", "say who"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("becomes of", "say what happens"),
    ("put aside", "back up"),
    ("kept aside", "backed up"),
    ("keeps aside", "backs up"),
    ("may land", "may finish"),
    ("stands twice", "appears twice"),
    ("goes on", "resumes, or continues"),
    ("given up on", "timed out"),
    ("held back by", "limited by"),
    ("refused for now", "throttled"),
    ("told from", "distinguished from"),
    ("by the piece", "per unit"),
];

#[test]
fn the_readme_is_one_page() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let lines = readme.lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines");
}

#[test]
fn no_line_of_prose_is_too_long() {
    for page in guides() {
        for (number, line) in page.prose() {
            let is_table = line.trim_start().starts_with('|');
            let is_code = line.starts_with("    ");
            let columns = line.chars().count();
            assert!(
                is_table || is_code || columns <= COLUMNS,
                "{}:{number} has {columns} columns",
                page.name
            );
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let mut broken = Vec::new();
    for page in &pages {
        for (line, target) in page.links() {
            if !is_there(page, &target, &pages) {
                broken.push(format!("{}:{line}: {target}", page.name));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

/// Whether a link of `page` leads to a file of the repository, and to a heading of it if it names
/// one. Other sites are not asked.
fn is_there(page: &Page, target: &str, pages: &[Page]) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(&page.name).parent().unwrap();
    let name = match path {
        "" => page.name.clone(),
        path => normalised(&folder.join(path)),
    };
    if !repository().join(&name).exists() {
        return false;
    }
    let linked = pages.iter().find(|page| page.name == name);
    anchor.is_empty() || linked.is_some_and(|page| page.anchors().contains(&anchor.to_owned()))
}

/// `a/../b` as `b`.
fn normalised(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.to_str().unwrap().split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn every_page_of_the_docs_is_listed_in_its_table_of_contents() {
    let pages = pages();
    let contents = pages.iter().find(|page| page.name == "docs/README.md");
    let contents = contents.expect("docs/README.md");
    let linked: Vec<_> = contents.links().into_iter().map(|(_, to)| to).collect();
    for page in &pages {
        let name = page.name.strip_prefix("docs/");
        if let Some(name) = name.filter(|name| *name != "README.md") {
            assert!(
                linked.contains(&name.to_owned()),
                "docs/README.md lacks {name}"
            );
        }
    }
}

#[test]
fn the_pages_use_the_words_of_the_glossary() {
    for page in guides() {
        for (number, line) in page.prose() {
            // The references of keys and commands repeat the help, which has tests of its own.
            let is_help = line.starts_with("| ") && page.text.contains("<!-- generated: ");
            let line = if is_help {
                String::new()
            } else {
                line.to_lowercase()
            };
            for (word, instead) in WORDS {
                let found = line.match_indices(word).any(|(at, _)| {
                    let letter = |char: Option<char>| char.is_some_and(char::is_alphabetic);
                    !letter(line[..at].chars().next_back())
                        && !letter(line[at + word.len()..].chars().next())
                });
                assert!(!found, "{}:{number}: `{word}`: {instead}", page.name);
            }
        }
    }
}

/// Keys whose values are tables of the user's own.
const OPEN: [&str; 2] = ["extra", "request_metadata"];

#[test]
fn every_job_file_in_the_docs_has_keys_that_exist() {
    for page in guides() {
        for block in page.blocks() {
            if block.language != "toml" {
                continue;
            }
            let place = format!("{}:{}", page.name, block.line);
            let job: toml::Table = toml::from_str(&block.text).expect(&place);
            for (table, value) in &job {
                let Some(keys_of_table) = value.as_table() else {
                    assert!(keys::find("", table).is_some(), "{place}: {table}");
                    continue;
                };
                for name in keys_of_table.keys() {
                    let varies = table == "sweep" && keys::axis(name).is_some();
                    let is_known = varies
                        || keys::find(table, name).is_some()
                        || OPEN.contains(&name.as_str());
                    assert!(is_known, "{place}: [{table}] {name}");
                }
            }
        }
    }
}

#[test]
fn every_room_has_a_row_in_the_architecture() {
    let pages = pages();
    let page = pages.iter().find(|page| page.name == "ARCHITECTURE.md");
    let rows: Vec<_> = page.unwrap().text.lines().collect();
    let rooms = std::fs::read_dir(repository().join("src")).unwrap();
    for room in rooms.map(|entry| entry.unwrap().path()) {
        let name = room.file_name().unwrap().to_str().unwrap().to_owned();
        let row = format!("| `{name}/` |");
        let is_described = rows.iter().any(|line| line.starts_with(&row));
        assert!(
            !room.is_dir() || is_described,
            "ARCHITECTURE.md has no row for {name}/"
        );
    }
}

#[test]
fn every_source_file_that_is_named_exists() {
    for page in pages() {
        let spans = page.prose().into_iter().flat_map(|(number, line)| {
            let spans = line.split('`').skip(1).step_by(2);
            spans.map(move |span| (number, span))
        });
        for (number, span) in spans {
            let is_path = span.contains('/') && span.ends_with(".rs") && !span.contains(' ');
            let roots = ["", "src", "src/run", "crates/bedrock-emulator"];
            let exists = roots.map(|root| repository().join(root).join(span).exists());
            assert!(
                !is_path || exists.contains(&true),
                "{}:{number}: {span}",
                page.name
            );
        }
    }
}
