//! README and help say what the code does: both are checked against the tables they stand for.

use std::fmt::Write as _;

use promptmill::exit::Exit;
use promptmill::family::Family;
use promptmill::job::keys::{KEYS, tables};
use promptmill::model::Category;

use crate::harness::{Job, repository};

/// The part of the README between two markers, which must be `expected`.
#[track_caller]
fn check(section: &str, expected: &str) {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let begin = format!("<!-- {section} -->\n");
    let end = format!("<!-- end of {section} -->");
    let found = readme
        .split_once(&begin)
        .and_then(|(_, rest)| rest.split_once(&end));
    let found = found.map(|(found, _)| found).unwrap_or_default();
    assert!(
        found.trim() == expected.trim(),
        "README.md, {section}, should be:\n\n{expected}"
    );
}

#[test]
fn the_readme_lists_every_key_and_its_flag() {
    let mut text = String::new();
    for table in tables() {
        match table {
            "" => text += "| key | flag | what it is for |\n|---|---|---|\n",
            table => writeln!(text, "| **[{table}]** | | |").unwrap(),
        }
        for key in KEYS.iter().filter(|key| key.table == table) {
            let short = key.short.map(|c| format!("`-{c}` ")).unwrap_or_default();
            let value = key.value.replace('|', "\\|");
            let help = key
                .help
                .replace("{{", "`{{")
                .replace("}}", "}}`")
                .replace('|', "\\|");
            writeln!(
                text,
                "| `{}` | {short}`{}` | {help} |",
                key.name,
                format_args!("--{} {value}", key.flag)
            )
            .unwrap();
        }
    }
    check("keys", &text);
}

#[test]
fn the_readme_lists_every_exit_code() {
    let mut text = String::from("| code | meaning |\n|---|---|\n");
    for exit in Exit::ALL {
        writeln!(text, "| {} | {} |", exit.code(), exit.meaning()).unwrap();
    }
    check("exit codes", &text);
}

#[test]
fn the_readme_says_what_every_family_can() {
    let mut text = String::from(
        "| family | models | InvokeModel | stream | usage | stop reason | multi-turn | system prompt \
         | images in |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let yes = |is: bool| if is { "yes" } else { "–" };
    for family in Family::ALL {
        let ids = family.serves().iter().map(|begins| format!("`{begins}…`"));
        let ids: Vec<_> = ids.collect();
        let can = family.abilities();
        writeln!(
            text,
            "| `{}` | {} | yes | {} | {} | {} | {} | {} | {} |",
            family.name(),
            if ids.is_empty() {
                "by name".into()
            } else {
                ids.join(" ")
            },
            yes(can.streams),
            can.usage,
            yes(can.stop_reason),
            yes(can.multi_turn),
            yes(can.system),
            can.images,
        )
        .unwrap();
    }
    check("families", &text);
}

#[test]
fn the_readme_lists_every_error_category_by_what_happens_next() {
    use promptmill::model::fault::Verdict;
    let of = |verdict| {
        let named = Category::ALL
            .iter()
            .filter(|category| category.verdict() == verdict);
        named
            .map(|category| format!("`{}`", category.as_str()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let text = format!(
        "- sent again: {}\n- the row fails, the run goes on: {}\n- the run stops, resumable: {}\n",
        of(Verdict::Retry),
        of(Verdict::RowFailed),
        of(Verdict::StopRun)
    );
    check("categories", &text);
}

#[test]
fn the_help_shows_every_flag_and_every_exit_code() {
    let out = Job::new("run").args(["--help"]).run().exits(0);
    for key in KEYS {
        assert!(
            [" ", "[="]
                .iter()
                .any(|end| out.stdout.contains(&format!("--{}{end}", key.flag))),
            "--{}",
            key.flag
        );
    }
    for exit in Exit::ALL {
        assert!(out.stdout.contains(exit.meaning()), "{exit:?}");
    }
}

#[test]
fn the_changelog_knows_this_version() {
    let changelog = std::fs::read_to_string(repository().join("CHANGELOG.md")).unwrap();
    let headings = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## "));
    let names: Vec<_> = headings
        .filter_map(|heading| heading.split_whitespace().next())
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        names.first() == Some(&"Unreleased") || names.contains(&version),
        "CHANGELOG.md begins with neither Unreleased nor {version}: {names:?}"
    );
}
