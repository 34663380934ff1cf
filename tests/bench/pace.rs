//! How close to a quota promptmill goes, over the wire: `cargo bench --bench pace`.
//!
//! promptmill is a process of its own and calls an emulator on loopback, which counts what it
//! refuses. The makespan, start of the process included, is set against the ideal: all rows at
//! exactly the quota, and one latency for the last answer. Beside it stands what is usually
//! written by hand: the SDK with its standard retries, paced by governor with its default burst.
//!
//! The makespan of a quota of tokens is set against the tokens that the answers turned out to cost:
//! its inverse is the share of the quota that was used.
//!
//! `-- noise tokens_unknown` measures the cases of these names alone: `known_requests`, `known_tokens`,
//! `unknown_requests`, `unknown_and_halved`, `tokens_unknown`, `noise`, `refused`.
//! `-- --short` takes half a minute: whether it works. There a search, which costs the same few
//! refusals however long the job, is allowed for beside the share of them.

mod report;

use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_bedrockruntime::primitives::Blob;
use bedrock_emulator::{Emulator, Scenario, Stats};
use governor::{Quota, RateLimiter};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::Instant;

use report::{Met, Report};

const MODEL: &str = "amazon.nova-lite-v1:0";

/// Calls in flight, on both sides: enough for every quota here.
const CONCURRENCY: u64 = 64;

/// The length of a prompt in bytes.
const TEXT_BYTES: usize = 40;

/// Answers after 20 ms.
const QUICK: &str = "[latency]\nfirst_token_ms = 20\nper_token_ms = 0\njitter = 0\n\
                     [output]\nmin_tokens = 50\nmean_tokens = 50\nmax_tokens = 50\n";

/// Answers after 200 ms, each of 50 tokens.
const SERVICE: &str = "[latency]\nfirst_token_ms = 200\nper_token_ms = 0\njitter = 0\n\
                       [output]\nmin_tokens = 50\nmean_tokens = 50\nmax_tokens = 50\n";

const LATENCY_S: f64 = 0.2;

/// How often a process is looked at: the error of its makespan.
const LOOK_EVERY: Duration = Duration::from_millis(5);

type Broken = Box<dyn std::error::Error + Send + Sync>;

/// What is measured: a quota, and what promptmill is told of it.
struct Case {
    name: &'static str,
    /// Its latency and its answers, as they stand in a scenario.
    service: &'static str,
    /// The service's quotas, as they stand in a scenario.
    quota: &'static str,
    flags: &'static [&'static str],
    rows: u64,
    most: Most,
    goal: Goal,
}

/// What could be had at most.
enum Most {
    /// Rows a second, each until a moment in seconds.
    Rows(&'static [(f64, f64)]),
    /// Tokens a second.
    Tokens(f64),
}

/// What is to be reached.
struct Goal {
    /// The longest makespan over ideal.
    over: f64,
    /// The largest share of calls that is refused.
    refused: f64,
    /// Refusals allowed beside that share.
    search: u64,
}

/// What a side came to.
struct Came {
    makespan_s: f64,
    answered: u64,
    refused: u64,
    calls: u64,
    tokens: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if !has("--bench") {
        println!("this is a benchmark: cargo bench --bench pace");
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return broken(&error),
    };
    let named = arguments
        .iter()
        .skip(1)
        .filter(|name| !name.starts_with('-'));
    let named: Vec<String> = named.cloned().collect();
    match runtime.block_on(bench(has("--short"), &named)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => broken(error.as_ref()),
    }
}

fn broken(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("pace: {error}");
    ExitCode::FAILURE
}

/// Measures everything, prints the table, then the goals.
async fn bench(short: bool, named: &[String]) -> Result<(), Broken> {
    let mut report = Report::default();
    report.title("makespan over ideal, share of calls refused, rows not answered");
    let asked = |name: &str| named.is_empty() || named.iter().any(|asked| asked == name);
    if asked("known_requests") {
        let known = known_requests(if short { 600 } else { 3_000 });
        judge(&mut report, &known, &promptmill(&known).await?);
        let bare = bare(&known, 6_000).await?;
        print(&report, "the same, by hand", &known, &bare);
    }
    let cases = if short {
        vec![
            ("known_tokens", known_tokens(350)),
            ("unknown_requests", unknown_requests(240, SEARCH)),
            ("noise", noise()),
        ]
    } else {
        vec![
            ("known_tokens", known_tokens(1_500)),
            ("unknown_requests", unknown_requests(1_000, 0)),
            ("unknown_and_halved", unknown_and_halved(4_500)),
            ("tokens_unknown", tokens_unknown(2_000)),
            ("noise", noise()),
            ("refused", refused(1_500)),
        ]
    };
    for (_, case) in cases.into_iter().filter(|(name, _)| asked(name)) {
        let came = promptmill(&case).await?;
        judge(&mut report, &case, &came);
    }
    report.print_goals();
    Ok(())
}

/// Refusals that a search for a quota of 20 a second may cost.
const SEARCH: u64 = 12;

const FOR_EVER: f64 = f64::INFINITY;

fn known_requests(rows: u64) -> Case {
    Case {
        name: "6,000 a minute, known",
        service: SERVICE,
        quota: "[[quota]]\nrequests_per_minute = 6000\n",
        flags: &["--requests-per-minute", "6000"],
        rows,
        most: Most::Rows(&[(FOR_EVER, 100.0)]),
        goal: Goal {
            over: 1.03,
            refused: 0.001,
            search: 0,
        },
    }
}

fn known_tokens(rows: u64) -> Case {
    Case {
        name: "120,000 tokens, known",
        service: SERVICE,
        quota: "[[quota]]\ntokens_per_minute = 120_000\n",
        flags: &["--tokens-per-minute", "120000", "--max-tokens", "1000"],
        rows,
        most: Most::Tokens(2_000.0),
        goal: Goal {
            over: 1.0 / 0.95,
            refused: 0.005,
            search: 0,
        },
    }
}

fn unknown_requests(rows: u64, search: u64) -> Case {
    Case {
        name: "20 a second, unknown",
        service: SERVICE,
        quota: "[[quota]]\nrequests_per_minute = 1200\n",
        flags: &[],
        rows,
        most: Most::Rows(&[(FOR_EVER, 20.0)]),
        goal: Goal {
            over: 1.25,
            refused: 0.03,
            search,
        },
    }
}

fn unknown_and_halved(rows: u64) -> Case {
    Case {
        name: "100, unknown, halved",
        service: SERVICE,
        quota: "[[quota]]\nfrom_s = 15\nto_s = 35\nrequests_per_minute = 3000\n\
                [[quota]]\nrequests_per_minute = 6000\n",
        flags: &[],
        rows,
        most: Most::Rows(&[(15.0, 100.0), (35.0, 50.0), (FOR_EVER, 100.0)]),
        goal: Goal {
            over: 1.25,
            refused: 0.03,
            search: 0,
        },
    }
}

/// Each call reserves about 1,020 tokens and uses about 60: what is in flight is refused before the rate is.
fn tokens_unknown(rows: u64) -> Case {
    Case {
        name: "60,000 tokens, unknown",
        service: SERVICE,
        quota: "[[quota]]\ntokens_per_minute = 60_000\n",
        flags: &["--max-tokens", "1000"],
        rows,
        most: Most::Tokens(1_000.0),
        goal: Goal {
            over: 1.05,
            refused: 0.03,
            search: 0,
        },
    }
}

/// Two calls in a hundred come back with each of eight errors.
fn noise() -> Case {
    Case {
        name: "16 % fail, no quota",
        service: QUICK,
        quota: "[[fault]]\nkind = \"server_error\"\nshare = 0.02\n\
                [[fault]]\nkind = \"unavailable\"\nshare = 0.02\n\
                [[fault]]\nkind = \"model_error\"\nshare = 0.02\n\
                [[fault]]\nkind = \"model_timeout\"\nshare = 0.02\n\
                [[fault]]\nkind = \"model_not_ready\"\nshare = 0.02\n\
                [[fault]]\nkind = \"throttled\"\nshare = 0.02\n\
                [[fault]]\nkind = \"reset\"\nshare = 0.02\n\
                [[fault]]\nkind = \"reset_mid_body\"\nshare = 0.02\n",
        flags: &[],
        rows: 3_000,
        // 64 calls in 20 ms, of which 84 in a hundred succeed.
        most: Most::Rows(&[(FOR_EVER, 2_688.0)]),
        goal: Goal {
            over: 2.3,
            refused: 0.05,
            search: 0,
        },
    }
}

/// One call in ten is refused whatever the rate, and two in a hundred are reset; the quota is known.
fn refused(rows: u64) -> Case {
    Case {
        name: "1,000 known, noise",
        service: SERVICE,
        quota: "[[quota]]\nrequests_per_minute = 1000\n\
                [[fault]]\nkind = \"throttled\"\nshare = 0.1\n\
                [[fault]]\nkind = \"reset\"\nshare = 0.02\n",
        flags: &["--requests-per-minute", "1000"],
        rows,
        most: Most::Rows(&[(FOR_EVER, 1000.0 / 60.0 * 0.88)]),
        goal: Goal {
            over: 1.1,
            refused: 0.14,
            search: 0,
        },
    }
}

impl Case {
    /// How long it takes at least.
    fn ideal_s(&self, came: &Came) -> f64 {
        let steps = match self.most {
            Most::Tokens(per_second) => return came.tokens as f64 / per_second + LATENCY_S,
            Most::Rows(steps) => steps,
        };
        let (mut rows, mut from_s) = (self.rows as f64, 0.0);
        for (until_s, per_second) in steps {
            let lasts_s = rows / per_second;
            if from_s + lasts_s <= *until_s {
                return from_s + lasts_s + LATENCY_S;
            }
            rows -= (until_s - from_s) * per_second;
            from_s = *until_s;
        }
        from_s + LATENCY_S
    }
}

impl Came {
    fn share_refused(&self) -> f64 {
        self.refused as f64 / self.calls.max(1) as f64
    }
}

fn print(report: &Report, what: &str, case: &Case, came: &Came) {
    let over = came.makespan_s / case.ideal_s(came);
    let cells = [
        format!("{:.1} s, {over:.3} x", came.makespan_s),
        format!("{:.2} %", came.share_refused() * 100.0),
        format!("{} of {}", case.rows - came.answered, case.rows),
    ];
    report.row(what, cells);
}

fn judge(report: &mut Report, case: &Case, came: &Came) {
    print(report, case.name, case, came);
    let over = came.makespan_s / case.ideal_s(came);
    let Goal {
        over: most_over,
        refused,
        search,
    } = case.goal;
    let few = came.refused as f64 <= refused * came.calls as f64 + search as f64;
    let beside = match search {
        0 => String::new(),
        calls => format!(" and {calls} calls"),
    };
    report.goal(
        &format!(
            "{}: at most {most_over:.2} x ideal, {} %{beside} refused, every row answered",
            case.name,
            refused * 100.0
        ),
        &format!(
            "{over:.3} x, {:.2} % ({} calls), {} rows",
            came.share_refused() * 100.0,
            came.refused,
            came.answered
        ),
        Met::from(over <= most_over && few && came.answered == case.rows),
    );
}

/// An emulator of its own for each run; it ends with the runtime.
async fn emulator(case: &Case) -> Result<(String, Stats), Broken> {
    let scenario = format!("{}{}", case.service, case.quota);
    let scenario = Scenario::parse(&scenario, case.name)?;
    let emulator = Emulator::bind(([127, 0, 0, 1], 0).into(), scenario)?;
    let (url, stats) = (emulator.url(), emulator.stats());
    tokio::spawn(emulator.serve());
    Ok((url, stats))
}

/// A prompt of its own for each row.
fn text(row: u64) -> String {
    format!("{row:0>TEXT_BYTES$}")
}

fn input(directory: &Path, rows: u64) -> Result<PathBuf, Broken> {
    let path = directory.join("input.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
    for row in 1..=rows {
        writeln!(file, r#"{{"text":"{}"}}"#, text(row))?;
    }
    file.flush()?;
    Ok(path)
}

/// promptmill's whole run.
async fn promptmill(case: &Case) -> Result<Came, Broken> {
    let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (url, stats) = emulator(case).await?;
    let input = input(directory.path(), case.rows)?;
    let output = directory.path().join("out.jsonl");
    let mut command = Command::new(env!("CARGO_BIN_EXE_promptmill"));
    command
        .arg("run")
        .arg("-i")
        .arg(input)
        .arg("-o")
        .arg(&output);
    command.args([
        "-m",
        MODEL,
        "-t",
        "{{ text }}",
        "--endpoint-url",
        &url,
        "-c",
    ]);
    command.arg(CONCURRENCY.to_string()).arg("--quiet");
    command.args(case.flags).env_clear().stdin(Stdio::null());
    command.env("HOME", directory.path());
    for (key, value) in [
        ("AWS_ACCESS_KEY_ID", "made-up"),
        ("AWS_SECRET_ACCESS_KEY", "made-up"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ] {
        command.env(key, value);
    }
    let start = Instant::now();
    let mut child = command.spawn()?;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None => tokio::time::sleep(LOOK_EVERY).await,
        }
    };
    let makespan_s = start.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("promptmill ended with {status}; what it said stands above").into());
    }
    let answered = std::fs::read_to_string(&output)?.matches('\n').count() as u64;
    Ok(came(makespan_s, answered, &stats))
}

fn came(makespan_s: f64, answered: u64, stats: &Stats) -> Came {
    let counts = stats.counts();
    Came {
        makespan_s,
        answered,
        refused: counts.throttled,
        calls: counts.calls,
        tokens: counts.input_tokens + counts.output_tokens,
    }
}

/// The same rows by the SDK with its standard retries, paced by governor as it comes.
async fn bare(case: &Case, per_minute: u32) -> Result<Came, Broken> {
    let (url, stats) = emulator(case).await?;
    let credentials = Credentials::new("made-up", "made-up", None, None, "benchmark");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .endpoint_url(url)
        .retry_config(RetryConfig::standard())
        .build();
    let client = Client::from_conf(config);
    let per_minute = NonZeroU32::new(per_minute).ok_or("a quota of nothing")?;
    let pace = Arc::new(RateLimiter::direct(Quota::per_minute(per_minute)));
    let (row, rows) = (Arc::new(AtomicU64::new(1)), case.rows);
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (client, pace, row) = (client.clone(), Arc::clone(&pace), Arc::clone(&row));
        workers.spawn(async move {
            let mut answered = 0;
            loop {
                let row = row.fetch_add(1, Ordering::Relaxed);
                if rows < row {
                    return answered;
                }
                pace.until_ready().await;
                answered += u64::from(call(&client, row).await);
            }
        });
    }
    let answered = workers.join_all().await.into_iter().sum();
    Ok(came(start.elapsed().as_secs_f64(), answered, &stats))
}

/// Whether a row was answered.
async fn call(client: &Client, row: u64) -> bool {
    let text = text(row);
    let body = format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"{text}"}}]}}]}}"#);
    let call = client.invoke_model().model_id(MODEL);
    let call = call.content_type("application/json").body(Blob::new(body));
    call.send().await.is_ok()
}
