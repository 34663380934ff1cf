//! The references in `docs/reference` say what the code does: their generated parts are compared
//! with the tables they are made of, and the others name what the code names.
//!
//! `PROMPTMILL_BLESS=1 cargo test --test it -- reference` rewrites the generated parts.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};
use promptmill::exit::{Exit, Reason};
use promptmill::family::Family;
use promptmill::job::keys::{KEYS, tables};
use promptmill::model::Category;
use promptmill::model::fault::Verdict;

use crate::harness::{Job, repository};
use crate::manual::markdown::{Page, pages};

fn page(name: &str) -> Page {
    let found = pages().into_iter().find(|page| page.name == name);
    found.unwrap_or_else(|| panic!("there is no {name}"))
}

/// The part of a page between two markers, which must be `expected`.
#[track_caller]
fn check(name: &str, section: &str, expected: &str) {
    let text = page(name).text;
    let begin = format!("<!-- generated: {section} -->\n");
    let end = format!("<!-- end of {section} -->");
    let parts = text.split_once(&begin).and_then(|(before, rest)| {
        let (found, after) = rest.split_once(&end)?;
        Some((before, found, after))
    });
    let (before, found, after) = parts.unwrap_or_else(|| panic!("{name} has no part {section}"));
    if found.trim() == expected.trim() {
        return;
    }
    assert!(
        std::env::var_os("PROMPTMILL_BLESS").is_some(),
        "{name}, {section}, should be as below (PROMPTMILL_BLESS=1 writes it):\n\n{expected}"
    );
    let text = format!("{before}{begin}\n{}\n\n{end}{after}", expected.trim());
    std::fs::write(repository().join(name), text).unwrap();
}

/// A text of the help as a cell of a table.
fn cell(help: &str) -> String {
    help.replace("{{", "`{{")
        .replace("}}", "}}`")
        .replace('|', "\\|")
        .replace('\n', " ")
}

#[test]
fn the_reference_of_job_files_has_every_key_and_its_flag() {
    let mut text = String::new();
    for table in tables() {
        if !table.is_empty() {
            writeln!(text, "\n### [{table}]\n").unwrap();
        }
        text += "| key | flag | meaning |\n|---|---|---|\n";
        for key in KEYS.iter().filter(|key| key.table == table) {
            let short = key.short.map(|c| format!("`-{c}`, ")).unwrap_or_default();
            let value = key.value.replace('|', "\\|");
            let flag = format!("--{} {value}", key.flag);
            writeln!(
                text,
                "| `{}` | {short}`{}` | {} |",
                key.name,
                flag.trim_end(),
                cell(key.help)
            )
            .unwrap();
        }
    }
    check("docs/reference/job-file.md", "keys", &text);
}

#[test]
fn the_reference_of_commands_has_every_verb_and_its_flags() {
    let mut text = String::new();
    for verb in promptmill::cli::command().get_subcommands() {
        let about = verb.get_about().map(ToString::to_string);
        writeln!(
            text,
            "\n### promptmill {}\n\n{}.\n",
            verb.get_name(),
            about.unwrap_or_default().trim_end_matches('.')
        )
        .unwrap();
        let takes_jobs = flags(verb).any(|arg| arg.get_long() == Some("max-tokens"));
        if takes_jobs {
            text += "Takes every flag of [a job file's keys](job-file.md#keys), and these:\n\n";
        }
        text += "| argument | meaning |\n|---|---|\n";
        for arg in flags(verb).filter(|arg| !(takes_jobs && is_key(arg))) {
            writeln!(text, "| {} | {} |", spelled(arg), meaning(arg)).unwrap();
        }
    }
    check("docs/reference/commands.md", "commands", &text);
}

/// The arguments that the help shows, `--help` apart.
fn flags(verb: &Command) -> impl Iterator<Item = &Arg> {
    let shown = |arg: &&Arg| !arg.is_hide_set() && arg.get_id() != "help";
    verb.get_arguments().filter(shown)
}

fn is_key(arg: &Arg) -> bool {
    KEYS.iter().any(|key| Some(key.flag) == arg.get_long())
}

fn spelled(arg: &Arg) -> String {
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let names = arg.get_value_names().unwrap_or_default();
    let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
    let value = if takes_value {
        names.join(" ")
    } else {
        String::new()
    };
    let value = value.replace('|', "\\|");
    match (arg.get_short(), arg.get_long()) {
        (short, Some(long)) => {
            let short = short.map(|short| format!("`-{short}`, "));
            let flag = format!("--{long} {value}");
            format!("{}`{}`", short.unwrap_or_default(), flag.trim_end())
        }
        (_, None) => format!("`{value}`"),
    }
}

fn meaning(arg: &Arg) -> String {
    let mut text = cell(&arg.get_help().map(ToString::to_string).unwrap_or_default());
    let defaults = arg.get_default_values().first();
    let default = defaults.and_then(|default| default.to_str());
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    if let Some(default) = default.filter(|_| takes_value && !text.contains("[default")) {
        write!(text, " [default: {default}]").unwrap();
    }
    text
}

#[test]
fn the_reference_of_exit_codes_has_every_code() {
    let mut text = String::from("| code | meaning |\n|---|---|\n");
    for exit in Exit::ALL {
        writeln!(text, "| {} | {} |", exit.code(), exit.meaning()).unwrap();
    }
    check("docs/reference/exit-codes.md", "exit codes", &text);
}

#[test]
fn the_reference_of_reasons_has_the_advice_of_each() {
    let mut text = String::from("| `stop.reason` | `stop.advice` |\n|---|---|\n");
    for reason in Reason::ALL {
        writeln!(text, "| `{}` | {} |", reason.as_str(), reason.advice()).unwrap();
    }
    check("docs/reference/output.md", "reasons", &text);
}

#[test]
fn the_reference_of_metrics_has_every_metric() {
    let mut text = String::from("| metric | type | meaning |\n|---|---|---|\n");
    for (metric, kind, help) in promptmill::report::metrics::METRICS {
        writeln!(text, "| `{metric}` | {kind} | {help} |").unwrap();
    }
    check("docs/reference/metrics.md", "metrics", &text);
}

#[test]
fn the_reference_of_families_says_what_every_family_can() {
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
    check("docs/reference/families.md", "families", &text);
}

/// The categories that end like this, in the order of the list.
fn categories(verdict: Verdict) -> Vec<&'static str> {
    let of = |category: &&Category| category.verdict() == verdict;
    let found = Category::ALL.iter().filter(of);
    found.map(|category| category.as_str()).collect()
}

#[test]
fn the_reference_of_errors_has_every_category_under_what_happens_next() {
    let page = page("docs/reference/errors.md");
    for (heading, verdict) in [
        ("## Retried", Verdict::Retry),
        ("## The row fails", Verdict::RowFailed),
        ("## The run stops", Verdict::StopRun),
    ] {
        let section = page.text.split(heading).nth(1).expect(heading);
        let section = section.split("\n## ").next().unwrap();
        let documented: BTreeSet<_> = first_cells(section).into_iter().collect();
        let expected: BTreeSet<_> = categories(verdict).into_iter().collect();
        assert_eq!(documented, expected, "docs/reference/errors.md, {heading}");
    }
}

/// What stands in backticks in the first cell of the rows of the tables of a text.
fn first_cells(text: &str) -> Vec<&str> {
    let is_heading = |line: &&str| line.contains("key of `[");
    let lines = text.lines().filter(|line| !is_heading(line));
    let rows = lines.filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split_once(" |").map(|(cell, _)| cell));
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

/// The part of `docs/reference/output.md` under a heading.
fn output_section(heading: &str) -> String {
    let page = page("docs/reference/output.md");
    let section = page.text.split(heading).nth(1).expect(heading);
    section.split("\n## ").next().unwrap().to_owned()
}

/// The fields of everything that is serialized in the source files whose path has one of these
/// names in it.
fn serialized_fields(names: &[&str]) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    let mut folders = vec![repository().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let shown = path.display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if names.iter().any(|name| shown.ends_with(name)) {
                let text = std::fs::read_to_string(&path).unwrap();
                fields.extend(fields_of(&text));
            }
        }
    }
    fields
}

fn fields_of(source: &str) -> Vec<String> {
    let mut fields = Vec::new();
    for item in source.split("\n#[derive(").skip(1) {
        let (derived, item) = item.split_once(")]").unwrap();
        if !derived.contains("Serialize") {
            continue;
        }
        let body = item.split("\n}").next().unwrap();
        let mut flattened = false;
        for line in body.lines() {
            let line = line.trim();
            let declared = line
                .trim_start_matches("pub(super) ")
                .trim_start_matches("pub(crate) ")
                .trim_start_matches("pub ");
            if let Some((name, _)) = declared.split_once(": ") {
                let is_name =
                    |char: char| char.is_ascii_lowercase() || "_0123456789".contains(char);
                let is_named = name.chars().all(is_name);
                if is_named && !name.is_empty() && !flattened {
                    fields.push(name.to_owned());
                }
                flattened = false;
            }
            flattened |= line.contains("serde(flatten)");
        }
    }
    fields
}

#[test]
fn the_reference_of_output_has_every_field_of_a_line() {
    let section = output_section("## Fields of a record");
    let documented: BTreeSet<_> = first_cells(&section)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let written = serialized_fields(&["/output/line.rs", "/output/line/mod.rs"]);
    assert!(20 < written.len(), "{written:?}");
    assert_eq!(
        documented, written,
        "left: docs/reference/output.md, right: the code"
    );
}

#[test]
fn the_reference_of_output_has_every_field_of_the_run_file() {
    let out = Job::over("id,text\na,one\nb,two\n")
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    let section = output_section("## The run file");
    let documented: BTreeSet<_> = first_cells(&section)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let run = out.run_file();
    let (total, this_run) = (&run["total"], &run["this_run"]);
    for object in [&run, total, this_run] {
        for name in object.as_object().unwrap().keys() {
            assert!(
                documented.contains(name),
                "docs/reference/output.md lacks {name}"
            );
        }
    }
}

/// The keys that a table of a scenario takes, as the error for an unknown one lists them.
fn scenario_keys(text: &str) -> Vec<String> {
    let out = Job::new("emulate")
        .file("scenario.toml", text)
        .args(["--port", "0", "--scenario", "scenario.toml"])
        .run();
    let (_, expected) = out.stderr.split_once(", expected ").expect(&out.stderr);
    let expected = expected.split(';').next().unwrap();
    let names = expected.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn the_reference_of_scenarios_has_every_key_and_every_kind_of_fault() {
    let page = page("docs/reference/scenarios.md");
    let documented: BTreeSet<_> = first_cells(&page.text).into_iter().collect();
    let top = scenario_keys("nonesuch = 1\n");
    assert!(10 < top.len(), "{top:?}");
    for table in &top {
        assert!(
            documented.contains(table.as_str()),
            "scenarios.md lacks {table}"
        );
    }
    let kinds = scenario_keys("[[fault]]\nkind = \"nonesuch\"\n");
    let mut keys = kinds.clone();
    for table in [
        "latency",
        "output",
        "control_plane",
        "guardrail",
        "filter",
        "prompt_cache",
    ] {
        keys.extend(scenario_keys(&format!("[{table}]\nnonesuch = 1\n")));
    }
    for table in ["quota", "tenant", "answer", "fault"] {
        keys.extend(scenario_keys(&format!("[[{table}]]\nnonesuch = 1\n")));
    }
    for key in &keys {
        assert!(
            documented.contains(key.as_str()),
            "scenarios.md lacks {key}"
        );
    }
    for name in documented {
        let known = keys.iter().chain(&top).any(|key| key == name);
        assert!(known, "scenarios.md has {name}, which no scenario takes");
    }
}

#[test]
fn the_guide_to_the_library_has_the_example_of_the_crate() {
    let crate_page = std::fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let lines = crate_page
        .lines()
        .filter_map(|line| line.strip_prefix("//!"));
    let text: Vec<_> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let text = text.join("\n");
    let example = text.split("```no_run\n").nth(1).expect("an example");
    let example = example.split("\n```").next().unwrap();
    check(
        "docs/library.md",
        "example",
        &format!("```rust\n{example}\n```\n"),
    );
}

#[test]
fn the_readme_counts_families_and_faults_as_they_are() {
    let kinds = scenario_keys("[[fault]]\nkind = \"nonesuch\"\n");
    let readme = page("README.md").text.replace('\n', " ");
    for said in [
        format!("{} model layouts", Family::ALL.len()),
        format!("{} kinds of fault", kinds.len()),
    ] {
        assert!(readme.contains(&said), "README.md does not say {said}");
    }
}

#[test]
fn the_help_shows_every_flag_and_every_exit_code() {
    let out = Job::new("run").args(["--help"]).run().exits(0);
    for key in KEYS {
        assert!(
            [" ", "[=", "\n"]
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
    let changelog = page("CHANGELOG.md").text;
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
