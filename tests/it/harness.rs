//! One door to the binary: a [`Job`] in a directory of its own, and what came [`Out`] of it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The model most tests call.
pub(crate) const NOVA: &str = "amazon.nova-lite-v1:0";

/// An emulator that answers at once.
pub(crate) const QUICK: &str = "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n";

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A run of the binary in an empty directory, with nothing of the caller's environment that AWS
/// would look at.
pub(crate) struct Job {
    directory: TempDir,
    command: Command,
    stdin: Vec<u8>,
}

/// What a run left behind.
pub(crate) struct Out {
    /// The directory it ran in.
    pub(crate) directory: TempDir,
    /// The exit code, or `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Job {
    /// `promptmill VERB`, in a new directory.
    pub(crate) fn new(verb: &str) -> Self {
        Self::in_directory(verb, TempDir::new().unwrap())
    }

    /// `promptmill run` over `prompts.csv` with this text, on a quick emulator, to `out.jsonl`.
    pub(crate) fn over(csv: &str) -> Self {
        Self::new("run")
            .file("prompts.csv", csv)
            .on_the_emulator("prompts.csv")
    }

    fn in_directory(verb: &str, directory: TempDir) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_promptmill"));
        Self::of(command, verb, directory)
    }

    /// `promptmill VERB` where a shell has said this before: a limit, a mask.
    pub(crate) fn after(shell: &str, verb: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        let then = format!("{shell} && exec \"$0\" \"$@\"");
        command.args(["-c", &then, env!("CARGO_BIN_EXE_promptmill")]);
        Self::of(command, verb, TempDir::new().unwrap())
    }

    fn of(mut command: Command, verb: &str, directory: TempDir) -> Self {
        command.arg(verb).current_dir(directory.path()).env_clear();
        command
            .env("HOME", directory.path())
            .env("TZ", "UTC")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command.stdin(Stdio::null());
        Self {
            directory,
            command,
            stdin: Vec::new(),
        }
    }

    /// Adds what a run on a quick emulator needs beside its prompt.
    pub(crate) fn on_the_emulator(self, input: &str) -> Self {
        self.scenario(QUICK)
            .args(["-i", input, "-m", NOVA, "-o", "out.jsonl"])
    }

    /// Asks [`NOVA`] for each `text` of `prompts.csv`.
    pub(crate) fn the_usual(self) -> Self {
        self.args(["-i", "prompts.csv", "-m", NOVA, "-o", "out.jsonl"])
            .args(["-t", "{{ text }}"])
    }

    /// Calls this endpoint, as somebody.
    pub(crate) fn on(self, url: &str) -> Self {
        self.env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
            .env("AWS_REGION", "us-east-1")
            .args(["--endpoint-url", url])
    }

    /// Plays `scenario` on the embedded emulator.
    pub(crate) fn scenario(self, scenario: &str) -> Self {
        let job = self.file("scenario.toml", scenario);
        let given = job.command.get_args().any(|arg| arg == "--scenario");
        if given {
            job
        } else {
            job.args(["--endpoint-url", "emulator", "--scenario", "scenario.toml"])
        }
    }

    /// Writes a file beside the job.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// More arguments.
    pub(crate) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.command.args(args);
        self
    }

    /// One more variable in the environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// What comes in by standard input.
    pub(crate) fn stdin(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stdin = text.as_ref().to_vec();
        self.command.stdin(Stdio::piped());
        self
    }

    /// Runs it by a shell, which does `script`; there, the command is `"$@"`.
    pub(crate) fn through(mut self, script: &str) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", script, "sh"])
            .arg(self.command.get_program());
        shell.args(self.command.get_args());
        shell.current_dir(self.directory.path()).env_clear();
        let variables = self.command.get_envs();
        shell.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        shell.stdin(Stdio::null());
        self.command = shell;
        self
    }

    /// A path beside the job.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts it and returns at once.
    pub(crate) fn spawn(mut self) -> Running {
        let child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running {
            directory: self.directory,
            child: Guarded(Some(child)),
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Out {
        let stdin = self.stdin.clone();
        let mut running = self.spawn();
        if let Some(mut pipe) = running.child.child().stdin.take() {
            use std::io::Write as _;
            pipe.write_all(&stdin).unwrap();
        }
        running.wait()
    }
}

/// An emulator in a process of its own, on a port of its own. It ends with this value.
pub(crate) struct Service {
    /// Where it listens.
    pub(crate) url: String,
    child: Guarded,
    said: BufReader<ChildStderr>,
    _directory: TempDir,
}

impl Service {
    /// Starts one that plays `scenario`.
    pub(crate) fn playing(scenario: &str) -> Self {
        let running = Job::new("emulate")
            .file("scenario.toml", scenario)
            .args(["--port", "0", "--scenario", "scenario.toml"])
            .spawn();
        let Running {
            directory,
            mut child,
        } = running;
        let mut said = BufReader::new(child.child().stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let url = line.split(' ').find(|word| word.starts_with("http://"));
        let url = url.unwrap().trim_end_matches(':').to_owned();
        Self {
            url,
            child,
            said,
            _directory: directory,
        }
    }

    /// Ends it, and returns how many calls it saw.
    pub(crate) fn calls(mut self) -> u64 {
        send(self.child.child(), "INT");
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        let last = rest.lines().last().unwrap_or_default();
        last.split_once(" call").unwrap().0.parse().unwrap()
    }
}

fn send(child: &Child, signal: &str) {
    let status = Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// A run that goes on, and does not outlive a test that fails.
pub(crate) struct Running {
    directory: TempDir,
    child: Guarded,
}

struct Guarded(Option<Child>);

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Guarded {
    fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }
}

impl Running {
    /// A path beside the job.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.as_ref().unwrap().id()
    }

    /// Whether it has come to its end. It stays there until it is waited for.
    pub(crate) fn has_ended(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()));
        stat.is_ok_and(|stat| {
            stat.rsplit_once(')')
                .is_some_and(|(_, rest)| rest.starts_with(" Z"))
        })
    }

    /// Kills it without the detour of another process.
    pub(crate) fn kill(&mut self) {
        self.child.child().kill().unwrap();
    }

    /// Sends a signal, by its name.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        assert!(self.signal_if_there(name));
    }

    /// The same, whether or not it has ended.
    pub(crate) fn signal_if_there(&self, name: &str) -> bool {
        let status = Command::new("kill")
            .args(["-s", name, &self.id().to_string()])
            .status();
        status.unwrap().success()
    }

    /// Whether it catches SIGTERM by now.
    pub(crate) fn catches_sigterm(&self) -> bool {
        const SIGTERM: u64 = 15;
        let status = self.proc("status");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask & (1 << (SIGTERM - 1)) != 0)
    }

    /// What the system says of the process: a file of `/proc`.
    pub(crate) fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.id())).unwrap()
    }

    /// Waits until `out.jsonl` has this many lines.
    #[track_caller]
    pub(crate) fn wait_for_lines(&self, lines: usize) {
        self.wait_for_lines_in("out.jsonl", lines);
    }

    /// Waits until this output has this many lines.
    #[track_caller]
    pub(crate) fn wait_for_lines_in(&self, output: &str, lines: usize) {
        for _ in 0..2000 {
            let text = std::fs::read_to_string(self.path(output)).unwrap_or_default();
            if lines <= text.matches('\n').count() {
                return;
            }
            pause();
        }
        panic!("no {lines} lines of output within 20 s");
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Out {
        let output = self.child.0.take().unwrap().wait_with_output().unwrap();
        Out {
            directory: self.directory,
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Ten milliseconds in the real world, where another process is at work.
#[expect(
    clippy::disallowed_methods,
    reason = "a test that watches another process"
)]
pub(crate) fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(10));
}

impl Out {
    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}{}", self.stdout, self.stderr);
        self
    }

    /// Checks that standard error holds `text`.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no `{text}` in:\n{}",
            self.stderr
        );
        self
    }

    /// Checks that nothing was sent: no output holds a line.
    #[track_caller]
    pub(crate) fn sent_nothing(self) -> Self {
        assert_eq!(self.text("out.jsonl"), "", "{}", self.stderr);
        assert_eq!(self.text("out.failed.jsonl"), "", "{}", self.stderr);
        self
    }

    /// A file beside the job; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }

    /// The lines of a file, parsed, by `custom_id`.
    #[track_caller]
    pub(crate) fn lines(&self, name: &str) -> BTreeMap<String, Value> {
        let text = self.text(name);
        let lines = text.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (
                line["custom_id"].as_str().unwrap_or("null").to_owned(),
                line,
            )
        });
        let count = text.lines().count();
        let by_id: BTreeMap<_, _> = lines.collect();
        assert_eq!(by_id.len(), count, "an id stands twice in {name}");
        by_id
    }

    /// The answered rows by id.
    #[track_caller]
    pub(crate) fn answers(&self) -> BTreeMap<String, Value> {
        self.lines("out.jsonl")
    }

    /// The failed rows by id.
    #[track_caller]
    pub(crate) fn failures(&self) -> BTreeMap<String, Value> {
        self.lines("out.failed.jsonl")
    }

    /// The ids of the answered rows, joined.
    #[track_caller]
    pub(crate) fn answered(&self) -> String {
        self.answers().into_keys().collect::<Vec<_>>().join(" ")
    }

    /// The one file whose name begins like this.
    #[track_caller]
    pub(crate) fn file_named(&self, beginning: &str) -> String {
        let files = std::fs::read_dir(self.directory.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let found: Vec<_> = names.filter(|name| name.starts_with(beginning)).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    /// `out.run.json`.
    pub(crate) fn run_file(&self) -> Value {
        serde_json::from_str(&self.text("out.run.json")).unwrap()
    }

    /// Writes a file beside the job.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.directory.path().join(name), content).unwrap();
        self
    }

    /// Another run in the same directory.
    pub(crate) fn again(self, verb: &str) -> Job {
        Job::in_directory(verb, self.directory)
    }
}

/// What the emulator puts before an answer to this text: eight digits of its SHA-256.
pub(crate) fn digest(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(text);
    let digits: String = hash[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("[emulated {digits}] ")
}
