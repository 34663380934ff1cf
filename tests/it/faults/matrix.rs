//! Every fault of the wire, striking now and then, often, and always.
//!
//! The short form has [`ROWS`] rows; `FAULT_ROWS=5000 cargo test --test it -- matrix` is the long one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::harness::{Job, Out, digest};

/// Rows of a run, where nothing else is asked for.
const ROWS: usize = 100;

/// Runs at a time; nearly all of their time is waiting.
const AT_ONCE: usize = 16;

/// The shares of attempts that are struck.
const SHARES: [f64; 3] = [0.01, 0.2, 1.0];

/// The outcome of a run whose calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It goes unnoticed.
    Answered,
    /// The row is sent again; where every call is struck, the service is down: rows wait, and the
    /// run stops with this code.
    SentAgain(i32),
    /// The row is sent again, but only twice; where every call is struck, all rows fail.
    SentTwiceMore,
    /// The same; but where every call is struck, the service is down, as with [`Fate::SentAgain`].
    Unheard(i32),
    /// The row fails.
    Fails,
    /// The row fails; where every call is struck, the request itself is wrong.
    Refused,
    /// The queue is held and goes on; where every call is struck, the run stops with this code.
    Held(i32),
    /// The run stops with this code.
    Stops(i32),
}

use Fate::{Answered, Fails, Held, Refused, SentAgain, SentTwiceMore, Stops, Unheard};

/// The kind, with `after` and seconds where it says when to come back; its category; what happens to
/// it; whether it may have been billed; what is said.
type Row = (&'static str, &'static str, Fate, bool, &'static str);

const MATRIX: &[Row] = &[
    (
        "reset",
        "network",
        SentAgain(75),
        true,
        "Connection reset by peer",
    ),
    (
        "closed",
        "network",
        SentAgain(75),
        true,
        "connection closed before message completed",
    ),
    (
        "reset_mid_body",
        "network",
        SentAgain(75),
        true,
        "Connection reset by peer",
    ),
    (
        "short_body",
        "network",
        SentAgain(75),
        true,
        "end of file before message length reached",
    ),
    ("reset_after", "network", Answered, false, ""),
    ("closed_after", "network", Answered, false, ""),
    (
        "stall",
        "attempt_timeout",
        Unheard(75),
        true,
        "no response within 1 s",
    ),
    (
        "drip",
        "attempt_timeout",
        Unheard(75),
        true,
        "no response within 1 s",
    ),
    (
        "throttled",
        "throttled",
        SentAgain(75),
        false,
        "the service throttled the call",
    ),
    (
        "throttled after 1",
        "throttled",
        SentAgain(75),
        false,
        "the service throttled the call",
    ),
    (
        "too_many_connections",
        "unavailable",
        SentAgain(75),
        false,
        "the service has no capacity at the moment",
    ),
    (
        "unavailable",
        "unavailable",
        SentAgain(75),
        false,
        "the service has no capacity at the moment",
    ),
    (
        "unavailable after 1",
        "unavailable",
        SentAgain(75),
        false,
        "the service has no capacity at the moment",
    ),
    (
        "server_error",
        "server_error",
        SentAgain(75),
        false,
        "InternalServerException (HTTP 500): the service failed",
    ),
    (
        "overloaded",
        "unavailable",
        SentAgain(75),
        false,
        "overloaded_error (HTTP 529): the service has no capacity",
    ),
    (
        "html_502",
        "server_error",
        SentAgain(75),
        false,
        "server_error (HTTP 502): the service failed",
    ),
    (
        "huge_error",
        "server_error",
        SentAgain(75),
        false,
        "server_error (HTTP 502): the service failed",
    ),
    (
        "model_error",
        "model_error",
        SentTwiceMore,
        false,
        "unexpected error during processing",
    ),
    (
        "model_timeout",
        "model_timeout",
        SentTwiceMore,
        false,
        "Model has timed out",
    ),
    (
        "service_quota",
        "service_quota",
        Stops(75),
        false,
        "ServiceQuotaExceededException",
    ),
    (
        "daily_quota",
        "daily_quota",
        Stops(75),
        false,
        "the account's tokens per day are used up",
    ),
    (
        "not_found",
        "not_found",
        Stops(77),
        false,
        "the model is retired",
    ),
    (
        "access_denied",
        "access_denied",
        Stops(77),
        false,
        "the account has no access to the model",
    ),
    (
        "clock_skew",
        "credentials",
        Stops(77),
        false,
        "set this machine's clock",
    ),
    (
        "expired_token",
        "credentials",
        Held(77),
        false,
        "renew the credentials",
    ),
    (
        "validation",
        "invalid_request",
        Refused,
        false,
        "the scenario refuses this request",
    ),
    (
        "empty_body",
        "bad_response",
        SentTwiceMore,
        true,
        "the response is empty",
    ),
    (
        "not_json",
        "bad_response",
        SentTwiceMore,
        true,
        "the response is",
    ),
    (
        "wrong_shape",
        "bad_response",
        Fails,
        true,
        "not shaped as nova",
    ),
    (
        "huge_body",
        "bad_response",
        Fails,
        true,
        "the response is longer than 32 MiB",
    ),
];

#[test]
fn every_fault_has_its_category_and_its_end_however_often_it_strikes() {
    let runs: Vec<(&Row, f64)> = MATRIX
        .iter()
        .flat_map(|row| SHARES.map(|share| (row, share)))
        .collect();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((row, share)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = Found::of(row, *share);
                    if let Err(what) = found.judge(row, *share) {
                        let line = format!("{} at {share}: {what}\n{}", row.0, found.out.stderr);
                        wrong.lock().unwrap().push(line);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a run left behind.
struct Found {
    out: Out,
    rows: usize,
    run: Value,
    failures: Vec<Value>,
    answers: Vec<Value>,
}

impl Found {
    fn of(row: &Row, share: f64) -> Self {
        let rows = match (row.0, std::env::var("FAULT_ROWS")) {
            ("huge_body", _) => 6, // 32 MiB each are read of it
            ("throttled" | "throttled after 1", Err(_)) => ROWS / 4, // each refusal slows all down
            (_, Ok(rows)) => rows.parse().unwrap(),
            (_, Err(_)) => ROWS,
        };
        let (kind, retry_after) = row.0.split_once(" after ").unwrap_or((row.0, ""));
        let mut scenario = format!(
            "seed = 8\nrefusal_ms = 1\n[latency]\nfirst_token_ms = 5\nper_token_ms = 0\n\n\
             [[fault]]\nkind = \"{kind}\"\nshare = {share}\n"
        );
        if !retry_after.is_empty() {
            scenario += &format!("retry_after_s = {retry_after}\n");
        }
        let input: String = (0..rows).map(|n| format!("r{n},text {n}\n")).collect();
        let out = Job::over(&format!("id,text\n{input}"))
            .scenario(&scenario)
            .args(["-t", "{{ text }}", "--attempt-timeout", timeout(row.2)])
            .args(["--throttle-wait", patience(share), "-c", concurrency(kind)])
            .run();
        let values = |name: &str| {
            let text = out.text(name);
            let lines = text.lines().map(serde_json::from_str::<Value>);
            lines.collect::<Result<Vec<_>, _>>().unwrap()
        };
        Self {
            rows,
            run: out.run_file(),
            failures: values("out.failed.jsonl"),
            answers: values("out.jsonl"),
            out,
        }
    }

    fn judge(&self, row: &Row, share: f64) -> Result<(), String> {
        let (_, category, fate, billed, says) = *row;
        self.nothing_is_lost()?;
        let always = share == 1.0;
        let (code, failed) = (self.out.code, self.failures.len());
        let exit = |expected: i32| ensure(code == Some(expected), format!("exit {code:?}"));
        let total = |what: &str| self.run["this_run"][what].as_u64().unwrap_or_default();
        match fate {
            Answered => {
                exit(0)?;
                return ensure(self.answers.len() == self.rows, "not all are answered");
            }
            SentAgain(stop) | Unheard(stop) if always => {
                exit(stop)?;
                ensure(failed == 0, "rows failed of an outage")?;
            }
            SentAgain(_) => {
                exit(0)?;
                let again = total("retries") + total("throttles");
                ensure(0 < again, "nothing was sent again")?;
            }
            SentTwiceMore | Unheard(_) => {
                exit(if failed == 0 { 0 } else { 3 })?;
                ensure(0 < total("retries"), "nothing was sent again")?;
                ensure(!always || failed == self.rows, "not all rows failed")?;
                self.all_failed_with(category, 3)?;
            }
            Fails => {
                exit(if failed == 0 { 0 } else { 3 })?;
                ensure(!always || failed == self.rows, "not all rows failed")?;
                self.all_failed_with(category, 1)?;
            }
            Refused => {
                exit(if always { 2 } else { 3 })?;
                ensure(!always || 20 <= failed, "stopped too early")?;
                self.all_failed_with(category, 1)?;
            }
            Held(stop) => {
                exit(if always { stop } else { 0 })?;
                let attempts = |row: &Value| row["attempts"] == 1;
                ensure(self.answers.iter().all(attempts), "a hold cost an attempt")?;
            }
            Stops(stop) => {
                exit(stop)?;
                ensure(failed == 0, "a row failed of what is not its fault")?;
                ensure(self.run["remaining"] != 0, "nothing is left")?;
            }
        }
        let struck = always || failed != 0 || 0 < total("retries");
        ensure(
            !struck || (0 < total("maybe_billed")) == billed,
            format!("{} maybe billed", total("maybe_billed")),
        )?;
        let mut said = self.out.stderr.clone();
        said.extend(self.failures.iter().map(Value::to_string));
        ensure(!always || said.contains(says), format!("no `{says}`"))
    }

    /// Every row is in one file or left, none twice, and every answer is that of its prompt.
    fn nothing_is_lost(&self) -> Result<(), String> {
        let (answered, failed) = (self.answers.len(), self.failures.len());
        let left = self.run["remaining"].as_u64().unwrap_or_default() as usize;
        let sum = answered + failed + left;
        ensure(sum == self.rows, format!("{answered} + {failed} + {left}"))?;
        let mut rows: Vec<_> = self.answers.iter().chain(&self.failures).collect();
        rows.sort_by_key(|line| line["row"].as_u64());
        rows.dedup_by_key(|line| line["row"].as_u64());
        ensure(rows.len() == answered + failed, "a row stands twice")?;
        self.answers.iter().try_for_each(|line| {
            let n = line["row"].as_u64().unwrap_or_default() - 1;
            let begins = digest(&format!("text {n}"));
            let completion = line["completion"].as_str().unwrap_or_default();
            ensure(completion.starts_with(&begins), "an answer of another row")
        })
    }

    fn all_failed_with(&self, category: &str, attempts: u64) -> Result<(), String> {
        self.failures.iter().try_for_each(|line| {
            let (found, tried) = (&line["error"]["category"], &line["attempts"]);
            let as_expected = *found == category && *tried == attempts;
            ensure(as_expected, format!("{found} after {tried}"))
        })
    }
}

/// Short where it is waited for; else longer than any answer takes on the slowest machine.
fn timeout(fate: Fate) -> &'static str {
    match fate {
        Unheard(_) => "1s",
        Answered | SentAgain(_) | SentTwiceMore | Fails | Refused | Held(_) | Stops(_) => "30s",
    }
}

/// How long rows wait: for ever, in effect, where calls get through.
fn patience(share: f64) -> &'static str {
    if share == 1.0 { "3s" } else { "10m" }
}

/// Few calls at a time where each takes much memory.
fn concurrency(kind: &str) -> &'static str {
    if kind == "huge_body" { "2" } else { "32" }
}

fn ensure(holds: bool, otherwise: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}
