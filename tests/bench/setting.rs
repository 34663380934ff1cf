//! Where the two sides meet: inputs, emulators, and the commands that start each side.

use std::ffi::OsStr;
use std::fs::{File, read_to_string};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::bare;
use crate::broken::{self, Broken};
use crate::process::{Guarded, Took, watch};

/// The model both sides call.
pub(crate) const MODEL: &str = "amazon.nova-lite-v1:0";

/// Calls in flight, on both sides.
pub(crate) const CONCURRENCY: u64 = 64;

/// The length of a prompt in bytes.
const TEXT_BYTES: usize = 500;

/// How long a process may take to come so far.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much is measured.
pub(crate) struct Form {
    /// How often each side is run at each latency.
    pub(crate) rounds: usize,
    /// Calls of one run.
    pub(crate) calls: u64,
    /// Numbers of rows at which memory is compared, from small to large.
    pub(crate) sizes: Vec<u64>,
    /// Streams at once, and rounds of them.
    pub(crate) streams: (u64, usize),
    /// Starts of promptmill.
    pub(crate) starts: usize,
}

impl Form {
    /// What the goals are stated for.
    pub(crate) fn full() -> Self {
        Self {
            rounds: 5,
            calls: 20_000,
            sizes: vec![10_000, 100_000],
            streams: (1_000, 5),
            starts: 20,
        }
    }

    /// Whether everything works.
    pub(crate) fn short() -> Self {
        Self {
            rounds: 2,
            calls: 2_000,
            sizes: vec![1_000, 5_000],
            streams: (100, 1),
            starts: 5,
        }
    }

    /// The same, with one more size of input.
    pub(crate) fn with_size(mut self, rows: Option<u64>) -> Self {
        self.sizes.extend(rows);
        self.sizes.sort_unstable();
        self.sizes.dedup();
        self
    }
}

/// Whether the rows of an input have an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// A column `id`.
    Column,
    /// The row's number will do.
    None,
}

/// A directory on the disk the build is on: one in memory would make every sync free.
pub(crate) struct Setting {
    directory: TempDir,
    cores: Cores,
}

/// Which processors the sides may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    /// All of them, with the emulator.
    All,
    /// The first, and the emulator the second (taskset, of util-linux).
    One,
}

/// An emulator that answers with a few words.
pub(crate) struct Emulator {
    /// Where it listens.
    pub(crate) url: String,
    _process: Guarded,
}

impl Setting {
    /// An empty directory.
    pub(crate) fn new(cores: Cores) -> Result<Self, Broken> {
        let directory =
            TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).map_err(broken::io("make a directory"))?;
        Ok(Self { directory, cores })
    }

    /// A path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts an emulator that takes `latency_ms` for each answer, which is short.
    pub(crate) async fn emulator(&self, latency_ms: u64) -> Result<Emulator, Broken> {
        self.emulator_of(latency_ms, 0, 12).await
    }

    /// Starts one whose answers have so many tokens, with so many milliseconds between them.
    pub(crate) async fn emulator_of(
        &self,
        first_ms: u64,
        per_token_ms: u64,
        tokens: u64,
    ) -> Result<Emulator, Broken> {
        let text = format!(
            "[latency]\nfirst_token_ms = {first_ms}\nper_token_ms = {per_token_ms}\njitter = 0\n\
             [output]\nmin_tokens = {tokens}\nmean_tokens = {tokens}\nmax_tokens = {tokens}\n"
        );
        self.emulator_playing(&text).await
    }

    /// Starts one that plays a scenario.
    pub(crate) async fn emulator_playing(&self, text: &str) -> Result<Emulator, Broken> {
        let scenario = self.path("scenario.toml");
        std::fs::write(&scenario, text).map_err(broken::io("write the scenario"))?;
        let said = self.path("emulator.txt");
        let stderr = File::create(&said).map_err(broken::io("write beside the scenario"))?;
        let process = self
            .promptmill("emulate")
            .args(["--port", "0", "--scenario"])
            .arg(&scenario)
            .stderr(stderr)
            .spawn()
            .map_err(broken::io("start the emulator"))?;
        let process = Guarded(process);
        let url = timeout(PATIENCE, url_in(&said))
            .await
            .map_err(|_| Broken::Late("the emulator did not say its URL"))?;
        Ok(Emulator {
            url,
            _process: process,
        })
    }

    /// An input of rows without an id, each with its own text and `end`.
    pub(crate) fn input_with(&self, name: &str, rows: u64, end: &str) -> Result<PathBuf, Broken> {
        let path = self.path(name);
        let write = || {
            let mut file = BufWriter::new(File::create(&path)?);
            for row in 1..=rows {
                let line = serde_json::json!({"text": text(row) + end});
                writeln!(file, "{line}")?;
            }
            file.flush()
        };
        write().map_err(broken::io("write an input"))?;
        Ok(path)
    }

    /// An input of `rows` rows.
    pub(crate) fn input(&self, rows: u64, ids: Ids) -> Result<PathBuf, Broken> {
        let path = self.path("input.jsonl");
        let write = || {
            let mut file = BufWriter::new(File::create(&path)?);
            for row in 1..=rows {
                let text = text(row);
                match ids {
                    Ids::Column => writeln!(file, r#"{{"id":"row-{row}","text":"{text}"}}"#)?,
                    Ids::None => writeln!(file, r#"{{"text":"{text}"}}"#)?,
                }
            }
            file.flush()
        };
        write().map_err(broken::io("write an input"))?;
        Ok(path)
    }

    /// promptmill's whole run over `input`, whose rows must all be answered.
    pub(crate) async fn run(&self, url: &str, input: &Path, rows: u64) -> Result<Took, Broken> {
        self.run_with(url, input, rows, ["-c", "64"]).await
    }

    /// The same, with more arguments.
    pub(crate) async fn run_with<const N: usize>(
        &self,
        url: &str,
        input: &Path,
        rows: u64,
        args: [&str; N],
    ) -> Result<Took, Broken> {
        let side = "promptmill";
        let output = self.path("out.jsonl");
        let mut command = self.run_command(url, input, &output);
        let took = watch(side, command.args(args)).await?;
        let written = read_to_string(&output).map_err(broken::io("read the output"))?;
        let answered = written.matches('\n').count() as u64;
        for name in ["out.jsonl", "out.run.json"] {
            std::fs::remove_file(self.path(name)).map_err(broken::io("remove the output"))?;
        }
        if answered == rows {
            Ok(took)
        } else {
            Err(Broken::Unanswered {
                side,
                answered,
                rows,
            })
        }
    }

    /// The same calls by the bare loop.
    pub(crate) async fn bare(&self, url: &str, calls: u64) -> Result<Took, Broken> {
        self.bare_with(url, [calls, CONCURRENCY], []).await
    }

    /// So many calls, so many of them at once.
    pub(crate) async fn bare_with<const N: usize>(
        &self,
        url: &str,
        numbers: [u64; 2],
        args: [&str; N],
    ) -> Result<Took, Broken> {
        let this = std::env::current_exe().map_err(broken::io("find the benchmark itself"))?;
        let mut command = self.command(this.as_os_str(), "0");
        command
            .args([bare::VERB, url])
            .args(numbers.map(|number| number.to_string()))
            .args(args)
            .env_clear();
        watch("the bare loop", &mut command).await
    }

    /// `promptmill run`, ready to be started.
    pub(crate) fn run_command(&self, url: &str, input: &Path, output: &Path) -> Command {
        let mut command = self.promptmill("run");
        command
            .arg("-i")
            .arg(input)
            .arg("-o")
            .arg(output)
            .args(["-m", MODEL, "-t", "{{ text }}", "--endpoint-url", url])
            .arg("--quiet");
        command
    }

    /// A command that runs `program`, on one core if that is asked for.
    fn command(&self, program: &OsStr, core: &str) -> Command {
        match self.cores {
            Cores::All => Command::new(program),
            Cores::One => {
                let mut command = Command::new("taskset");
                command.args(["-c", core]).arg(program);
                command
            }
        }
    }

    /// A command with nothing of the caller's environment that AWS would look at.
    fn promptmill(&self, verb: &str) -> Command {
        let core = if verb == "emulate" { "1" } else { "0" };
        let binary = env!("CARGO_BIN_EXE_promptmill");
        let mut command = self.command(binary.as_ref(), core);
        command
            .arg(verb)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .env_clear()
            .env("HOME", self.directory.path())
            .env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }
}

/// A prompt of its own for each row, the same every time; nothing in it needs escaping in JSON.
pub(crate) fn text(row: u64) -> String {
    const WORDS: &str = "tell in a sentence what this is about and whether it is meant well ";
    let mut text = format!("{row:09} ");
    while text.len() < TEXT_BYTES {
        text.push_str(WORDS);
    }
    text.truncate(TEXT_BYTES);
    text
}

/// The URL in what the emulator says first, once it has said it.
async fn url_in(said: &Path) -> String {
    loop {
        let text = read_to_string(said).unwrap_or_default();
        let url = text.lines().next().and_then(|line| {
            let (url, _) = line.split_once(" on ")?.1.split_once(": ")?;
            Some(url.to_owned())
        });
        match url {
            Some(url) if text.contains('\n') => return url,
            Some(_) | None => sleep(Duration::from_millis(5)).await,
        }
    }
}
