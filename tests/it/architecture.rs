//! Who may know whom: the rules of ARCHITECTURE.md, checked against the sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::harness::repository;

/// What each room may name of the others. What is not here is a rule broken.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("alarm", &[]),
    ("exit", &[]),
    ("format", &[]),
    ("nearest", &[]),
    ("percent", &[]),
    ("url", &[]),
    ("model", &[]),
    ("catalog", &["model", "nearest"]),
    ("family", &["catalog", "model", "nearest"]),
    (
        "bedrock",
        &["alarm", "catalog", "family", "model", "percent", "url"],
    ),
    ("input", &["nearest"]),
    ("prompt", &["input", "model"]),
    ("run", &["alarm", "model"]),
    ("output", &["catalog", "exit", "format", "model", "run"]),
    (
        "job",
        &[
            "catalog", "family", "input", "model", "nearest", "output", "prompt", "run", "url",
        ],
    ),
    (
        "rows",
        &[
            "catalog", "family", "format", "input", "job", "model", "output", "prompt", "run",
        ],
    ),
    ("report", &["exit", "format", "model", "output", "run"]),
    (
        "engine",
        &[
            "bedrock", "catalog", "exit", "family", "format", "input", "job", "model", "nearest",
            "output", "report", "rows", "run",
        ],
    ),
    (
        "cli",
        &[
            "bedrock", "catalog", "engine", "exit", "family", "format", "input", "job", "model",
            "output", "percent", "report", "rows", "run",
        ],
    ),
];

/// The only places that name a crate which the rest must not depend on; a space between two.
const ONLY_IN: &[(&str, &str)] = &[
    ("aws_", "src/bedrock"),
    ("governor::", "src/run/pace.rs"),
    ("console::", "src/report/display"),
    ("indicatif::", "src/report/display"),
    ("serde_json_borrow::", "src/family/chunk.rs"),
    ("csv::", "src/input/csv.rs"),
    ("minijinja::", "src/prompt/template.rs"),
    ("clap::", "src/cli"),
    ("clap_complete::", "src/cli/verbs.rs src/cli/shell.rs"),
    ("clap_mangen::", "src/cli/shell.rs"),
    (
        "rustix::",
        "src/output/disk src/output/lock.rs src/output/mount.rs src/cli",
    ),
    ("hyper::", "src/bedrock/proxy.rs src/bedrock/wire.rs"),
    ("bedrock_emulator::", "src/cli src/engine"),
];

/// The only places that print, for they see to what reaches the terminal.
const PRINTING: &[&str] = &["src/cli/print.rs", "src/report/display/mod.rs"];

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![repository().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(repository()).unwrap().to_owned();
                found.push((path, code(&text)));
            }
        }
    }
    found
}

/// The code a program is built from: no comments, no tests. Tests within a file stand at its end;
/// behind a line that names a file of tests the program goes on.
fn code(text: &str) -> String {
    let program = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = program
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        ["tests", "tests.rs", "testing.rs"]
            .map(std::ffi::OsStr::new)
            .contains(&part.as_os_str())
    })
}

/// The room of the crate that a file belongs to.
fn part(path: &Path) -> String {
    let name = path
        .components()
        .nth(1)
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    name.trim_end_matches(".rs").to_owned()
}

/// The parts named in `crate::part`, and in `crate::{part, …}`.
fn named(code: &str) -> BTreeSet<String> {
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| {
            let inside = rest.strip_prefix('{').and_then(|list| list.split_once('}'));
            let list = inside.map_or(rest, |(list, _)| list);
            let names = if inside.is_some() {
                list.split(',').collect()
            } else {
                vec![list]
            };
            names
                .into_iter()
                .map(|name| {
                    name.trim()
                        .chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect()
                })
                .collect::<Vec<String>>()
        })
        .collect()
}

#[test]
fn what_stands_behind_the_name_of_a_file_of_tests_is_looked_at() {
    let code = code("one\n#[cfg(test)]\nmod tests;\ntwo\n#[cfg(test)]\nmod tests {\nthree\n}");
    assert!(code.contains("two") && !code.contains("three"), "{code}");
}

#[test]
fn each_part_names_only_the_parts_it_may() {
    let mut broken = Vec::new();
    for (path, code) in sources() {
        let part = part(&path);
        let Some((_, may)) = MAY_NAME.iter().find(|(name, _)| *name == part) else {
            continue;
        };
        for other in named(&code) {
            if other != part && !may.contains(&other.as_str()) {
                broken.push(format!("{} names crate::{other}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_part_has_its_rule() {
    let ruled: BTreeSet<_> = MAY_NAME
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let parts: BTreeSet<_> = sources().iter().map(|(path, _)| part(path)).collect();
    let entry = ["lib".to_owned(), "main".to_owned()];
    assert_eq!(
        ruled,
        parts
            .into_iter()
            .filter(|part| !entry.contains(part))
            .collect()
    );
}

#[test]
fn an_outside_crate_is_named_in_one_place() {
    let mut broken = Vec::new();
    for (path, code) in sources().into_iter().filter(|(path, _)| !is_test(path)) {
        for (krate, place) in ONLY_IN {
            let names = code.match_indices(krate).any(|(at, _)| {
                !code[..at]
                    .ends_with(|before: char| before.is_alphanumeric() || "_:\"".contains(before))
            });
            if names && !place.split(' ').any(|place| path.starts_with(place)) {
                broken.push(format!("{} names {krate}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn only_what_sees_to_the_terminal_prints() {
    let mut broken = Vec::new();
    for (path, code) in sources() {
        let prints = ["println!", "eprintln!", "io::stdout()", "io::stderr()"];
        if prints.iter().any(|print| code.contains(print))
            && !PRINTING.iter().any(|place| path.starts_with(place))
        {
            broken.push(path);
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_loop_shares_nothing_by_locks_or_channels() {
    for (path, code) in sources()
        .into_iter()
        .filter(|(path, _)| part(path) == "run" && !is_test(path))
    {
        for word in ["Mutex", "RwLock", "mpsc", "oneshot", "broadcast"] {
            assert!(!code.contains(word), "{} names {word}", path.display());
        }
    }
}
