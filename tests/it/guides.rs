//! Every command of the README and the guides runs, and prints what the page shows.
//!
//! The blocks of a page run in their order in a directory that has the repository's `jobs` and
//! `sample-data`. A page's shown output is compared without its numbers, and a line `[…]` stands for
//! any lines. `PROMPTMILL_BLESS=1 cargo test --test it -- guides` writes what was printed into the page.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::{pause, repository};
use crate::manual::markdown::{Block, Page, guides};

/// What a shown output has where something is left out.
const ELLIPSIS: &str = "[…]";

/// Programs that commands which are only parsed may name.
const OTHERS: [&str; 12] = [
    "aws",
    "brew",
    "cargo",
    "curl",
    "crontab",
    "docker",
    "duckdb",
    "jq",
    "kill",
    "man",
    "python3",
    "systemctl",
];

/// What `cargo` is while a page runs: the binary under test is built already.
const CARGO: &str = r#"#!/bin/sh
case "$1" in
  run) while [ "$1" != -- ]; do shift; done; shift; exec promptmill "$@" ;;
  install|test|bench|build) exit 0 ;;
esac
echo "cargo $1: not in a page" >&2; exit 1
"#;

/// What `promptmill` is in commands that are only parsed: its arguments go to a file.
const RECORDER: &str = "#!/bin/sh\nprintf '%s\\0' promptmill \"$@\" '' >> \"$RECORD\"\n";

/// A directory for the blocks of one page.
struct Scene {
    directory: TempDir,
    /// The ports of the page, and free ones in their place.
    port: u16,
    /// Process groups that a block has left running.
    left: Vec<u32>,
}

/// What a block printed and how it ended.
struct Printed {
    text: String,
    code: Option<i32>,
}

impl Scene {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let scene = Self {
            directory,
            port: free_port(),
            left: Vec::new(),
        };
        copy(&repository().join("jobs"), &scene.path("work/jobs"));
        copy(
            &repository().join("sample-data"),
            &scene.path("work/sample-data"),
        );
        std::fs::create_dir_all(scene.path("home")).unwrap();
        scene.program("tools/cargo", CARGO);
        scene.program("stubs/promptmill", RECORDER);
        for name in OTHERS {
            scene.program(&format!("stubs/{name}"), "#!/bin/sh\nexit 0\n");
        }
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn script(&mut self, script: &str, tools: &str) -> Printed {
        let script = script.replace("8686", &self.port.to_string());
        let said = self.path("said");
        let file = File::create(&said).unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_promptmill"));
        let binaries = binary.parent().unwrap().display();
        let tools = self.path(tools);
        let mut command = Command::new("/bin/sh");
        command
            .args(["-e", "-c", &script])
            .current_dir(self.path("work"))
            .env_clear()
            .env(
                "PATH",
                format!(
                    "{}:{binaries}:/usr/local/bin:/usr/bin:/bin",
                    tools.display()
                ),
            )
            .env("HOME", self.path("home"))
            .env("RECORD", self.path("record"))
            .env("TZ", "UTC")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0);
        let mut child = command.spawn().unwrap();
        let group = child.id();
        let status = child.wait().unwrap();
        if script.trim_end().ends_with('&') {
            self.left.push(group);
            for _ in 0..1000 {
                if !std::fs::read_to_string(&said).unwrap().is_empty() {
                    break;
                }
                pause();
            }
        }
        let text = std::fs::read_to_string(&said).unwrap();
        Printed {
            text: text.replace(&self.port.to_string(), "8686"),
            code: status.code(),
        }
    }

    /// The command lines of `promptmill` in a script that is not run.
    fn parsed(&mut self, script: &str) -> Vec<Vec<String>> {
        let record = self.path("record");
        std::fs::write(&record, "").unwrap();
        let printed = self.script(script, "stubs");
        assert_eq!(printed.code, Some(0), "{script}\n{}", printed.text);
        let text = std::fs::read_to_string(&record).unwrap();
        let lines = text.split_terminator("\0\0");
        lines
            .map(|line| line.split('\0').map(str::to_owned).collect())
            .collect()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for group in &self.left {
            let group = format!("-{group}");
            let _ = Command::new("kill")
                .args(["-s", "KILL", "--", &group])
                .status();
        }
    }
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    socket.local_addr().unwrap().port()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &name);
        } else {
            std::fs::copy(&path, &name).map(drop).unwrap();
        }
    }
}

fn is_installed(tool: &str) -> bool {
    let found = Command::new("/bin/sh")
        .args(["-c", "command -v \"$0\"", tool])
        .stdout(Stdio::null())
        .status();
    found.unwrap().success()
}

/// How a block of commands is to be treated.
enum Treatment {
    Run { exits: i32, varies: bool },
    Parse,
}

fn treatment(block: &Block) -> Treatment {
    let directive = block.directive.as_deref().unwrap_or_default();
    let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
    match word.trim_end_matches(':') {
        "aws" | "parsed" => Treatment::Parse,
        "needs" if !is_installed(rest) => Treatment::Parse,
        "exits" => Treatment::Run {
            exits: rest.parse().unwrap(),
            varies: false,
        },
        word => Treatment::Run {
            exits: 0,
            varies: word == "varies",
        },
    }
}

/// The text without what differs between two runs: numbers, ids, columns.
fn without_numbers(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| {
        // What limits a short run is a matter of chance.
        let line = line.split("; limited by").next().unwrap_or(line);
        let line = line.split("; held back by").next().unwrap_or(line);
        // The id of a run ends in hexadecimal digits.
        let line = match line.split_once("\"run\":\"") {
            Some((before, rest)) => {
                let after = rest.split_once('"').map_or("", |(_, after)| after);
                format!("{before}\"run\":#{after}")
            }
            None => line.to_owned(),
        };
        let words = line.split_whitespace().map(|word| {
            let hexadecimal = |char: char| char.is_ascii_hexdigit() || char == '-';
            let core = word.trim_matches(|char: char| !char.is_ascii_alphanumeric());
            if 8 <= core.len() && core.chars().all(hexadecimal) {
                return "#".to_owned();
            }
            let mut kept = String::new();
            let mut after_digit = false;
            for char in word.chars() {
                let is_part = char.is_ascii_digit() || (after_digit && ",.".contains(char));
                if is_part && !after_digit {
                    kept.push('#');
                } else if !is_part {
                    kept.push(char);
                }
                after_digit = is_part;
            }
            kept
        });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.map(|line| line.trim_end().to_owned()).collect()
}

/// Whether what a page shows is what was printed, numbers and what is left out apart.
fn shows(shown: &str, printed: &str) -> bool {
    let printed = without_numbers(printed).join("\n");
    let mut rest = printed.trim();
    let shown = without_numbers(shown).join("\n");
    let mut parts = shown.trim().split(ELLIPSIS);
    let Some(start) = parts
        .next()
        .and_then(|start| rest.strip_prefix(start.trim()))
    else {
        return false;
    };
    rest = start;
    let mut last = None;
    for part in parts.map(str::trim) {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    // What is left out at the end may be anything.
    rest.is_empty() || last == Some("")
}

/// Whether the lines of what a page shows begin with the words that lines of what was printed begin
/// with: for runs in which chance decides what else there is to say.
fn shows_labels(shown: &str, printed: &str) -> bool {
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let is_label = |word: &String| !word.contains(|char: char| char.is_ascii_digit());
    let printed: Vec<_> = printed.lines().filter_map(first).collect();
    let mut labels = shown.lines().filter_map(first).filter(is_label).peekable();
    labels.peek().is_some() && labels.all(|label| printed.contains(&label))
}

/// As many lines of what was printed as are shown: of its beginning and its end, where something is
/// left out between them.
fn excerpt(shown: &str, printed: &str) -> String {
    let Some((head, tail)) = shown.split_once(&format!("{ELLIPSIS}\n")) else {
        return printed.to_owned();
    };
    let printed: Vec<_> = printed.lines().collect();
    let (head, tail) = (head.lines().count(), tail.lines().count());
    let tail = printed.len().saturating_sub(tail);
    let lines = printed.iter().take(head).chain([&ELLIPSIS]);
    let lines = lines.chain(printed.iter().skip(tail));
    lines.map(|line| format!("{line}\n")).collect()
}

fn is_blessed() -> bool {
    std::env::var_os("PROMPTMILL_BLESS").is_some()
}

/// Runs a page. The text of the page with what was printed in the place of what it shows, if they
/// differ.
fn play(page: &Page) -> Option<String> {
    let blocks = page.blocks();
    let mut scene = Scene::new();
    let mut text = page.text.clone();
    let mut printed: Option<(String, bool)> = None;
    for block in &blocks {
        let place = format!("{}:{}", page.name, block.line);
        match (block.language.as_str(), printed.take()) {
            ("sh", _) => match treatment(block) {
                Treatment::Parse => check_flags(&scene.parsed(&block.text), &place),
                Treatment::Run { exits, varies } => {
                    let ran = scene.script(&block.text, "tools");
                    assert_eq!(ran.code, Some(exits), "{place}\n{}", ran.text);
                    printed = Some((ran.text, varies));
                }
            },
            ("text", Some((said, varies))) if block.follows => {
                let shows = if varies { shows_labels } else { shows };
                if shows(&block.text, &said) {
                    continue;
                }
                assert!(
                    is_blessed(),
                    "{place} shows\n{}\nbut this was printed:\n{said}",
                    block.text
                );
                let old = format!("```text\n{}```", block.text);
                let new = format!("```text\n{}```", excerpt(&block.text, &said));
                text = text.replacen(&old, &new, 1);
            }
            _ => {}
        }
    }
    (text != page.text).then_some(text)
}

fn check_flags(commands: &[Vec<String>], place: &str) {
    for command in commands {
        if let Err(error) = promptmill::cli::command().try_get_matches_from(command) {
            let is_help = !error.use_stderr();
            assert!(is_help, "{place}: {error}");
        }
    }
}

#[track_caller]
fn check(names: impl Fn(&str) -> bool) {
    let pages = guides().into_iter().filter(|page| names(&page.name));
    for page in pages {
        if let Some(text) = play(&page) {
            std::fs::write(repository().join(&page.name), text).unwrap();
        }
    }
}

#[test]
fn the_readme_runs() {
    check(|name| name == "README.md");
}

/// One test a letter, so that they run side by side.
#[test]
fn the_guides_from_a_to_e_run() {
    check(|name| letter(name).is_some_and(|letter| letter <= 'e'));
}

#[test]
fn the_guides_from_f_to_p_run() {
    check(|name| letter(name).is_some_and(|letter| ('f'..='p').contains(&letter)));
}

#[test]
fn the_guides_from_q_on_run() {
    check(|name| letter(name).is_some_and(|letter| 'q' <= letter && !name.contains("/reference/")));
}

#[test]
fn the_references_run() {
    check(|name| name.starts_with("docs/reference/"));
}

/// The first letter of a guide's name.
fn letter(name: &str) -> Option<char> {
    name.strip_prefix("docs/")?.to_lowercase().chars().next()
}

#[test]
fn a_shown_output_is_compared_without_its_numbers() {
    let printed = "quickstart: 24 of 24 rows in 2.9 s\n  cost    $0.007567\n";
    assert!(shows(
        "quickstart: 24 of 24 rows in 3.1 s\n  cost $0.01\n",
        printed
    ));
    assert!(shows("quickstart: 2 of 2 rows in 3 s\n[…]", printed));
    assert!(shows("[…]\ncost $1", printed));
    assert!(!shows("quickstart: 24 of 24 rows in 3.1 s\n", printed));
    assert!(!shows("quickstart: 24 of 24 calls in 3.1 s\n[…]", printed));
    assert!(!shows("[…]\nprice $1", printed));
}
