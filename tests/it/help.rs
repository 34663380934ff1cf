//! The help is short first, whole when asked for, and fits a terminal.

use std::process::Command;

use promptmill::job::keys::{KEYS, values};

/// What `promptmill ARGS` prints where a terminal has so many columns.
#[track_caller]
fn help(args: &str, columns: usize) -> Vec<String> {
    let out = Command::new(env!("CARGO_BIN_EXE_promptmill"))
        .args(args.split(' '))
        .env_clear()
        .env("COLUMNS", columns.to_string())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{args}");
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

const VERBS: [&str; 11] = [
    "run",
    "plan",
    "check",
    "models",
    "quotas",
    "repair",
    "reparse",
    "emulate",
    "completions",
    "man",
    "help",
];

#[test]
fn the_short_help_fits_a_screen() {
    for (args, most) in [
        ("-h", 40),
        ("run -h", 60),
        ("plan -h", 60),
        ("check -h", 60),
    ] {
        let lines = help(args, 80);
        assert!(lines.len() <= most, "{args}: {} lines", lines.len());
    }
}

#[test]
fn no_line_of_the_help_is_wider_than_the_terminal() {
    for verb in VERBS {
        for flag in ["-h", "--help"] {
            for line in help(&format!("{verb} {flag}"), 80) {
                // What is to be copied into a shell is not broken.
                let is_command = line.trim_start().starts_with("promptmill");
                assert!(
                    is_command || line.chars().count() <= 80,
                    "{verb} {flag}: {line}"
                );
            }
        }
    }
}

#[test]
fn the_short_help_shows_the_usual_options_and_the_long_one_all_under_headings() {
    let brief = help("run -h", 80).join("\n");
    for shown in [
        "--input",
        "--model",
        "--template",
        "--output",
        "--max-cost",
        "--limit",
        "--retry-failed",
        "Examples:",
        "promptmill run --help",
    ] {
        assert!(brief.contains(shown), "{shown}");
    }
    for left_out in ["--top-p", "--durability", "--trust-locks", "Exit codes"] {
        assert!(!brief.contains(left_out), "{left_out}");
    }
    let whole = help("run --help", 80);
    for heading in [
        "Input:",
        "Prompt:",
        "Model:",
        "Limits:",
        "Retry:",
        "Output:",
        "Emulator:",
    ] {
        assert!(whole.iter().any(|line| line == heading), "{heading}");
    }
    let whole = whole.join("\n");
    for key in KEYS {
        assert!(whole.contains(&format!("--{}", key.flag)), "{}", key.flag);
    }
    assert_eq!(help("help run", 80).join("\n"), whole);
}

#[test]
fn help_has_help_of_its_own() {
    let text = help("help --help", 80).join("\n");
    assert!(text.contains("Usage: promptmill help [COMMAND]"), "{text}");
    assert!(help("help", 80).join("\n").contains("Exit codes:"));
}

#[test]
fn a_verb_that_needs_one_has_an_example() {
    for verb in [
        "run", "plan", "check", "models", "quotas", "repair", "reparse", "emulate",
    ] {
        for flag in ["-h", "--help"] {
            let lines = help(&format!("{verb} {flag}"), 80);
            let at = lines.iter().position(|line| line == "Examples:");
            let example = &lines[1 + at.expect(verb)];
            assert!(example.starts_with("  promptmill "), "{verb}: {example}");
        }
    }
}

#[test]
fn completions_offer_the_values_of_a_flag() {
    let fish = help("completions fish", 80).join("\n");
    let zsh = help("completions zsh", 80).join("\n");
    for key in KEYS {
        for value in values(key.table, key.name) {
            assert!(fish.contains(value), "fish: --{} {value}", key.flag);
            assert!(zsh.contains(value), "zsh: --{} {value}", key.flag);
        }
    }
    assert!(zsh.contains("_files"), "paths are completed");
}
