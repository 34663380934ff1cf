//! Who may know whom: the rules of ARCHITECTURE.md, checked against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::harness::repository;

/// What each room may name of the others. What is not here is a rule broken.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("json_cost", &[]),
    ("exact", &["json_cost"]),
    ("alarm", &[]),
    ("blocking", &[]),
    ("event", &[]),
    ("exit", &[]),
    ("format", &[]),
    ("nearest", &[]),
    ("record_id", &[]),
    ("percent", &[]),
    ("replacement", &[]),
    ("stderr", &[]),
    ("url", &[]),
    ("model", &[]),
    ("catalog", &["model", "nearest"]),
    ("family", &["catalog", "json_cost", "model", "nearest"]),
    (
        "bedrock",
        &[
            "alarm",
            "blocking",
            "catalog",
            "family",
            "json_cost",
            "model",
            "percent",
            "schema",
            "url",
        ],
    ),
    ("schema", &["catalog", "json_cost", "model"]),
    ("input", &["exact", "json_cost", "nearest", "record_id"]),
    ("prompt", &["exact", "input", "model"]),
    ("run", &["alarm", "model"]),
    (
        "output",
        &[
            "catalog",
            "event",
            "exact",
            "exit",
            "format",
            "json_cost",
            "model",
            "run",
        ],
    ),
    (
        "job",
        &[
            "catalog", "family", "input", "model", "nearest", "output", "prompt", "run", "schema",
            "url",
        ],
    ),
    (
        "rows",
        &[
            "catalog", "exact", "exit", "family", "format", "input", "job", "model", "output",
            "prompt", "run",
        ],
    ),
    ("export", &["nearest", "output", "replacement"]),
    (
        "score",
        &[
            "format",
            "json_cost",
            "nearest",
            "output",
            "record_id",
            "replacement",
            "schema",
        ],
    ),
    (
        "report",
        &[
            "event",
            "exit",
            "format",
            "model",
            "output",
            "replacement",
            "run",
            "stderr",
        ],
    ),
    (
        "engine",
        &[
            "bedrock", "blocking", "catalog", "event", "exit", "family", "format", "input", "job",
            "model", "nearest", "output", "report", "rows", "run",
        ],
    ),
    (
        "cli",
        &[
            "bedrock",
            "catalog",
            "engine",
            "event",
            "exit",
            "export",
            "family",
            "format",
            "input",
            "job",
            "json_cost",
            "model",
            "output",
            "percent",
            "replacement",
            "report",
            "rows",
            "run",
            "schema",
            "score",
            "stderr",
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
    (
        "jsonschema::",
        "src/schema/validate.rs src/schema/errors.rs",
    ),
    ("csv::", "src/input/csv"),
    ("minijinja::", "src/prompt/template"),
    ("minijinja_contrib::", "src/prompt/template"),
    ("clap::", "src/cli"),
    ("clap_complete::", "src/cli/verbs.rs src/cli/shell.rs"),
    ("clap_mangen::", "src/cli/shell.rs"),
    (
        "rustix::",
        "src/output/disk src/output/holder.rs src/output/mount.rs src/output/pace_file.rs src/output/read_back.rs src/input/kernel.rs src/stderr.rs src/cli",
    ),
    (
        "hyper::",
        "src/bedrock/proxy.rs src/bedrock/stream_body.rs src/bedrock/whole_body.rs src/bedrock/wire.rs",
    ),
    ("bedrock_emulator::", "src/cli src/engine"),
];

/// The only places that print, for they see to what reaches the terminal.
const PRINTING: &[&str] = &[
    "src/cli/print.rs",
    "src/report/display/mod.rs",
    "src/stderr.rs",
];

/// The code of the runner: paths from the repository's root, and what a program is built from.
fn sources() -> Vec<(PathBuf, String)> {
    let files = files("src").into_iter();
    files.map(|(path, text)| (path, code(&text))).collect()
}

/// The Rust files below `folder`, whole: paths from the repository's root, and texts.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(repository()).unwrap().to_owned();
                found.push((path, text));
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

/// The files that `text`, the file at `path`, includes: from the repository's root.
fn included(path: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for names in ["include_str!(\"", "include_bytes!(\"", "include!(\""] {
        for rest in text.split(names).skip(1) {
            let name = rest.split('"').next().unwrap_or_default();
            let mut at = path.parent().unwrap().to_owned();
            for step in Path::new(name) {
                match step.to_str() {
                    Some("..") => drop(at.pop()),
                    _ => at.push(step),
                }
            }
            found.push(at);
        }
    }
    found
}

#[test]
fn an_included_file_is_found_from_where_it_is_named() {
    let text = r#"(include_str!("a.json"), include_bytes!("../data/b.txt"))"#;
    let found = included(Path::new("src/catalog/id/mod.rs"), text);
    let expected = ["src/catalog/id/a.json", "src/catalog/data/b.txt"];
    assert_eq!(found, expected.map(PathBuf::from));
}

/// Data is named as code is: a room includes no file of another, and neither crate one of the other.
#[test]
fn an_included_file_belongs_to_the_room_that_includes_it() {
    let emulator = "crates/bedrock-emulator";
    let mut broken = Vec::new();
    let mut seen = 0;
    for (path, text) in files("src").into_iter().chain(files(emulator)) {
        let home = match path.starts_with(emulator) {
            true => PathBuf::from(emulator),
            false => path.components().take(2).collect(),
        };
        for file in included(&path, &text) {
            seen += 1;
            if !file.starts_with(&home) {
                broken.push(format!("{} includes {}", path.display(), file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(5 < seen, "{seen}: the catalog includes its data");
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

/// A module by its path, such as `["output", "ledger", "sink"]`.
type Module = Vec<String>;

/// The module that a file holds.
fn module(path: &Path) -> Module {
    let names = path.components().skip(1);
    let mut names: Vec<_> = names
        .map(|name| {
            let name = name.as_os_str().to_str().unwrap();
            name.trim_end_matches(".rs").to_owned()
        })
        .collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// The paths that the tree of a `use` names, each from its beginning to its leaf.
fn leaves(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let name: String = tree
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    if !name.is_empty() {
        let below = tree[name.len()..].strip_prefix("::").map(leaves);
        let below = below.filter(|below| !below.is_empty());
        let below = below.unwrap_or_else(|| vec![Vec::new()]);
        let with_name = |leaf| std::iter::once(name.clone()).chain(leaf).collect();
        return below.into_iter().map(with_name).collect();
    }
    let Some(list) = tree.strip_prefix('{') else {
        return Vec::new();
    };
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if 0 < depth => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.extend(leaves(&list[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn the_tree_of_a_use_is_read_to_its_leaves() {
    let read = leaves("a::{b::C, d::{E, f::G}, H, *}");
    let read: Vec<_> = read.iter().map(|leaf| leaf.join("::")).collect();
    assert_eq!(read, ["a::b::C", "a::d::E", "a::d::f::G", "a::H"]);
}

/// The absolute paths that a module's code names, by `use` or in place.
fn paths_named(code: &str, at: &Module, modules: &BTreeMap<Module, String>) -> Vec<Vec<String>> {
    let trees = code.split("use ").skip(1).flat_map(leaves);
    let inline = ["crate::", "super::"].into_iter().flat_map(|start| {
        code.match_indices(start)
            .filter(|(place, _)| {
                let before = code[..*place].chars().next_back();
                !before.is_some_and(|c| c == ':' || c == '_' || c.is_alphanumeric())
            })
            .flat_map(|(place, _)| leaves(&code[place..]))
    });
    trees
        .chain(inline)
        .filter_map(|path| {
            let above = path.iter().take_while(|name| *name == "super").count();
            let base = match path[0].as_str() {
                "crate" => &at[..0],
                "super" => &at[..at.len().checked_sub(above)?],
                first => {
                    let child = [at.as_slice(), &[first.to_owned()]].concat();
                    modules.contains_key(&child).then_some(at.as_slice())?
                }
            };
            let skip = above + usize::from(path[0] == "crate");
            Some(base.iter().chain(&path[skip..]).cloned().collect())
        })
        .collect()
}

/// Where `path` leads: the module of its longest beginning that is one, and the name behind it.
fn split_at_module(
    path: &[String],
    modules: &BTreeMap<Module, String>,
) -> (Module, Option<String>) {
    let is_module = |len: &usize| modules.contains_key(&path[..*len]);
    let len = (1..=path.len()).rev().find(is_module).unwrap_or(0);
    (path[..len].to_vec(), path.get(len).cloned())
}

/// Files name each other in one direction. What a module re-exports counts as named where it is
/// defined; a module and those inside it may name each other.
#[test]
fn no_files_name_each_other_in_a_circle() {
    let modules: BTreeMap<Module, String> = sources()
        .into_iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, code)| (module(&path), code))
        .collect();
    let mut exports = BTreeMap::new();
    for (at, code) in &modules {
        for tree in code
            .split("pub use ")
            .chain(code.split("pub(crate) use "))
            .skip(1)
        {
            for leaf in leaves(tree) {
                let path: Vec<_> = at.iter().cloned().chain(leaf).collect();
                let (from, name) = split_at_module(&path, &modules);
                if let Some(name) = name.filter(|_| at.len() < from.len()) {
                    exports.insert((at.clone(), name), from);
                }
            }
        }
    }
    let mut names = BTreeMap::new();
    for (at, code) in &modules {
        let mut others = BTreeSet::new();
        for path in paths_named(code, at, &modules) {
            let (mut other, name) = split_at_module(&path, &modules);
            while let Some(from) = name
                .clone()
                .and_then(|name| exports.get(&(other.clone(), name)))
            {
                other.clone_from(from);
            }
            if !other.starts_with(at) && !at.starts_with(&other) {
                others.insert(other);
            }
        }
        names.insert(at.clone(), others);
    }
    // Takes away what names nothing that is left, and what nothing left names; circles stay.
    loop {
        let named: BTreeSet<Module> = names.values().flatten().cloned().collect();
        let is_free = |at: &Module, others: &BTreeSet<Module>| {
            !named.contains(at) || !others.iter().any(|other| names.contains_key(other))
        };
        let free = names.iter().find(|(at, others)| is_free(at, others));
        let Some(free) = free.map(|(at, _)| at.clone()) else {
            break;
        };
        names.remove(&free);
    }
    let left: BTreeMap<_, Vec<_>> = names
        .iter()
        .map(|(at, others)| {
            let others = others.iter().filter(|other| names.contains_key(*other));
            (
                at.join("::"),
                others.map(|other| other.join("::")).collect(),
            )
        })
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}
