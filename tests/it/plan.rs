//! `promptmill plan`: what a job will take, found out without a call and without a trace.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Job, NOVA, Out};

/// Ten bytes of prompt a row.
const ROWS: &str = "id,prompt\na,2345678901\nb,1234567890\nc,0123456789\nd,3456789012\n";

/// `promptmill plan` over `prompts.csv` with this text. Nothing of AWS is in its environment.
fn plan(csv: &str) -> Job {
    planned(Job::new("plan").file("prompts.csv", csv))
}

fn planned(job: Job) -> Job {
    job.args(["-i", "prompts.csv", "-m", NOVA, "-o", "out/a.jsonl"])
}

/// A line of output as a run would have written it, without a fingerprint.
fn answer(id: &str, row: u64, input: u64, output: u64, latency_ms: u64) -> String {
    let usage = json!({ "input_tokens": input, "output_tokens": output });
    format!(
        r#"{{"custom_id":"{id}","row":{row},"status":"succeeded","finish_reason":"stop","usage":{usage},"cost_usd":0.5,"latency_ms":{latency_ms},"fingerprint":null}}"#
    ) + "\n"
}

/// What `--json` printed.
#[track_caller]
fn object(out: &Out) -> Value {
    assert_eq!(out.stderr, "");
    serde_json::from_str(&out.stdout).unwrap()
}

/// All files below a folder, with their content.
fn tree(job: &std::path::Path) -> BTreeSet<(String, Vec<u8>)> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(job).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.insert((name, Vec::new()));
            found.extend(tree(&path));
        } else {
            found.insert((name, std::fs::read(&path).unwrap()));
        }
    }
    found
}

/// Runs it and checks that it leaves everything as it was.
#[track_caller]
fn traceless(job: Job, code: i32) -> Out {
    let before = tree(&job.path(""));
    let out = job.run().exits(code);
    assert_eq!(tree(out.directory.path()), before, "something was written");
    out
}

#[test]
fn a_plan_is_one_screen_of_text() {
    // 2 rows are left, of 10 bytes: 4 bytes a token in the answers so far, which have 60 and 100
    // tokens and took 30 s. 5 tokens in, 160 out: 5 × 0.00006 + 160 × 0.00024, by 1,000.
    let past = answer("a", 1, 2, 60, 30_000) + &answer("b", 2, 3, 100, 30_000);
    let job = plan(ROWS)
        .file("out/a.jsonl", past)
        .args(["--region", "eu-west-1", "--max-tokens", "1000"])
        .args(["--requests-per-minute", "10", "--tokens-per-minute", "500"]);
    let out = traceless(job, 0);
    assert_eq!(out.stderr, "");
    assert_eq!(
        out.stdout,
        r#"promptmill: 4 rows, 2 calls to make; nothing has been sent
  model         amazon.nova-lite-v1:0 in eu-west-1
  input         prompts.csv
  output        out/a.jsonl (2 succeeded, 0 failed, 2 remaining, $1.0000 spent)

                           low       expected          worst
  input tokens               4              5              6
  output tokens            128            160          2,000
  quota tokens             132            165          2,006
  on demand          $0.000031      $0.000039      $0.000480
  flex tier        not offered
  batch              $0.000015      $0.000019      $0.000240
  time                     96s         2m 00s        25m 03s

  assumed       4.0 bytes per input token, measured on 2 completions (low 4.8, worst 3.3); worst output is max_tokens
  limited by    tokens_per_minute, 500: calls reserve max_tokens for 30s each, so lower max_tokens is faster
  max_tokens    p99 of the output is 100, each call reserves 1,000 (2 completions: p50 60, longest 100)
  advice        --max-tokens 128 lets more calls run at once; it changes the requests, so completed rows need --fresh
  note          `amazon.nova-lite-v1:0` is called through an inference profile from eu-west-1, as far as the catalog knows: eu.amazon.nova-lite-v1:0
  note          the largest call reserves about 1,003 tokens (its input and max_tokens), more than the 500 of a minute: Bedrock always throttles it; lower max_tokens

the first request, row 3 (c):
  POST /model/amazon.nova-lite-v1%3A0/invoke
  content-type: application/json
  accept: application/json
  {
    "messages": [
      {
        "role": "user",
        "content": [
          {
            "text": "0123456789"
          }
        ]
      }
    ],
    "inferenceConfig": {
      "maxTokens": 1000
    }
  }
"#
    );
}

/// The last line that begins with these words.
#[track_caller]
fn line<'a>(out: &'a Out, begins: &str) -> &'a str {
    let found = out
        .stdout
        .lines()
        .rfind(|line| line.trim_start().starts_with(begins));
    found.unwrap_or_else(|| panic!("no {begins} in:\n{}", out.stdout))
}

#[test]
fn the_first_request_is_shown_as_it_is_sent() {
    let asked = |job: Job| {
        job.args(["--guardrail", "gr123", "--guardrail-version", "DRAFT"])
            .args(["--trace", "enabled", "--service-tier", "flex"])
            .args([
                "--latency",
                "standard",
                "--request-metadata",
                r#"{"team":"eu"}"#,
            ])
    };
    let same = "  X-Amzn-Bedrock-Trace: ENABLED\n  \
                X-Amzn-Bedrock-GuardrailIdentifier: gr123\n  \
                X-Amzn-Bedrock-GuardrailVersion: DRAFT\n  \
                X-Amzn-Bedrock-PerformanceConfig-Latency: standard\n  \
                X-Amzn-Bedrock-Service-Tier: flex\n  \
                X-Amzn-Bedrock-Request-Metadata: {\"team\":\"eu\"}\n  {\n";
    let whole = format!(
        "  POST /model/amazon.nova-lite-v1%3A0/invoke\n  content-type: application/json\n  \
         accept: application/json\n{same}"
    );
    let streamed = format!(
        "  POST /model/amazon.nova-lite-v1%3A0/invoke-with-response-stream\n  \
         content-type: application/json\n  X-Amzn-Bedrock-Accept: application/json\n{same}"
    );
    let out = traceless(asked(plan(ROWS)), 0);
    assert!(out.stdout.contains(&whole), "{}", out.stdout);
    let out = traceless(asked(plan(ROWS)).args(["--stream"]), 0);
    assert!(out.stdout.contains(&streamed), "{}", out.stdout);
    let out = object(&traceless(
        asked(plan(ROWS)).args(["--stream", "--json"]),
        0,
    ));
    let request = &out["first_request"];
    let path = request["path"].as_str().unwrap();
    assert!(path.ends_with("/invoke-with-response-stream"), "{path}");
    let headers = &request["headers"];
    assert_eq!(headers["X-Amzn-Bedrock-GuardrailIdentifier"], "gr123");
    assert_eq!(headers["X-Amzn-Bedrock-Service-Tier"], "flex");
    assert_eq!(headers["accept"], Value::Null);
}

#[test]
fn a_quota_that_the_run_will_ask_for_is_not_denied() {
    let job = || plan(ROWS).args(["--quota", "auto"]);
    let json = object(&traceless(job().args(["--json"]), 0));
    assert_eq!(json["time"]["quota"], "auto");
    let out = traceless(job(), 0);
    assert_eq!(
        line(&out, "limited by").trim(),
        "limited by    quota = \"auto\": the run reads it from Service Quotas, plan does not; how \
         long a call takes is unknown"
    );
}

#[test]
fn longer_answers_take_longer() {
    // 300 rows, 64 at once: 4.6875 rounds of 30 s. Answers have 80 tokens, and 320 at most.
    let rows: String = (0..301).map(|n| format!("r{n},0123456789\n")).collect();
    let job = plan(&format!("id,prompt\n{rows}"))
        .file("out/a.jsonl", answer("r0", 1, 3, 80, 30_000))
        .args(["--max-tokens", "320"]);
    let out = traceless(job, 0);
    assert_eq!(
        line(&out, "time")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
        "time 1m 52s 2m 20s 9m 22s"
    );
}

#[test]
fn there_is_no_advice_where_it_would_be_refused() {
    let bodies = r#"{"id":"a","modelInput":{"messages":[]}}"#.to_owned() + "\n";
    let job = |output: &str, model: &str| {
        Job::new("plan")
            .file(
                "rows.jsonl",
                format!("{bodies}{}", bodies.replace("\"a\"", "\"b\"")),
            )
            .file("prompts.csv", ROWS)
            .file(
                "out/a.jsonl",
                answer("a", 1, 9, 512, 9).replace("\"stop\"", output),
            )
            .args(["-o", "out/a.jsonl", "-m", model])
    };
    let own = traceless(job("\"length\"", NOVA).args(["-i", "rows.jsonl"]), 0);
    assert!(!own.stdout.contains("--max-tokens"), "{}", own.stdout);
    assert!(
        own.stdout
            .contains("p99 of the output is 512 (1 completions"),
        "{}",
        own.stdout
    );
    let embeddings = job("\"stop\"", "amazon.titan-embed-text-v2:0");
    let out = traceless(embeddings.args(["-i", "prompts.csv"]), 0);
    assert!(!out.stdout.contains("p99"), "{}", out.stdout);
    assert!(!out.stdout.contains("worst output"), "{}", out.stdout);
}

#[test]
fn a_price_that_is_unknown_for_how_calls_are_made_is_said_beforehand() {
    let flex = "the price of `amazon.nova-lite-v1:0` in the service tier flex is not in the catalog: \
                what calls cost is unknown";
    let optimized = "the price of `amazon.nova-lite-v1:0` with optimized latency is not in the \
                     catalog: what calls cost is unknown; give it in a file with --prices";
    for (flags, note) in [
        (["--service-tier", "flex"], flex),
        (["--latency", "optimized"], optimized),
    ] {
        let out = traceless(plan(ROWS).args(flags), 0);
        assert!(out.stdout.contains(note), "{}", out.stdout);
        let _ = Job::over(ROWS).args(flags).run().exits(0).says(note);
    }
    let out = traceless(plan(ROWS).args(["--latency", "optimized"]), 0);
    let prices = line(&out, "on demand").split_whitespace();
    assert_eq!(prices.collect::<Vec<_>>()[2..], ["unknown"; 3]);
}

#[test]
fn json_says_why_there_is_no_plan() {
    let missing = Job::new("plan").args(["--json", "-i", "none.csv"]);
    let missing = missing.args(["-m", NOVA, "-o", "a.jsonl"]);
    let out = traceless(missing, 2).says("error: none.csv: no such file");
    let json: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(json["error"]["exit_code"], 2);
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("none.csv: no such file"), "{message}");
    assert_eq!(json["error"]["kind"], "input");
    let advice = "fix the input as the message says, then run the same command";
    assert_eq!(json["error"]["advice"], advice);
    let unknown = Job::new("plan").args(["--json", "--inptu", "a.csv"]).run();
    let json: Value = serde_json::from_str(&unknown.exits(2).stdout).unwrap();
    let message = json["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("unexpected argument '--inptu'"),
        "{message}"
    );
    let guessed = Job::new("plan").args(["--json", "--rpm", "60"]).run();
    let json: Value = serde_json::from_str(&guessed.exits(2).stdout).unwrap();
    let advice =
        "type --requests-per-minute N; without it, promptmill learns the limit from throttling";
    assert_eq!(json["error"]["advice"], advice);
    let nothing = Job::new("plan").args(["--json"]).run().exits(2);
    assert!(
        nothing.stdout.starts_with(r#"{"ok":false,"error":{"#),
        "{}",
        nothing.stdout
    );
}

#[test]
fn a_region_that_nobody_knows_is_said() {
    let note = "us-esat-1 is not a region in the catalog (did you mean us-east-1?)";
    let out = traceless(plan(ROWS).args(["--region", "us-esat-1"]), 0);
    assert!(out.stdout.contains(note), "{}", out.stdout);
}

#[test]
fn without_answers_it_says_what_is_not_known() {
    let out = traceless(plan(ROWS).args(["--max-tokens", "100"]), 0);
    for line in [
        "promptmill: 4 rows, 4 calls to make; nothing has been sent\n",
        "  output        out/a.jsonl (no rows yet)\n",
        "  output tokens              4        unknown            400\n",
        "  time                 unknown        unknown        unknown\n",
        "  unknown       how long completions are; `promptmill run` with --limit 20 measures it\n",
        "  limited by    no quota in the job, so the rate is learned from throttling; how long a \
         call takes is unknown\n",
    ] {
        assert!(out.stdout.contains(line), "{line}\n{}", out.stdout);
    }
    assert!(!out.stdout.contains("$0 "), "{}", out.stdout);
}

#[test]
fn json_is_one_object_with_the_whole_first_request() {
    let long = "0123456789".repeat(100);
    let job = plan(&format!("id,prompt\na,{long}\n"));
    let job = job.args([
        "--json",
        "--max-tokens",
        "100",
        "--requests-per-minute",
        "60",
    ]);
    let out = object(&traceless(job, 0));
    let keys: Vec<_> = out.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys.join(" "),
        "promptmill name model region emulated fingerprint input output refusals notes rows assumed \
         tokens cost_usd time max_tokens first_request"
    );
    assert_eq!(
        out["first_request"]["body"]["messages"][0]["content"][0]["text"],
        long
    );
    assert_eq!(out["refusals"], json!([]));
    assert_eq!(out["rows"]["left"], 1);
    assert_eq!(
        out["tokens"]["input"],
        json!({"low": 200.0, "expected": 1000.0 / 3.5, "worst": 500.0})
    );
    assert_eq!(
        out["tokens"]["output"],
        json!({"low": 1.0, "expected": null, "worst": 100.0})
    );
    assert_eq!(
        out["cost_usd"]["flex"],
        json!({"low": null, "expected": null, "worst": null})
    );
    assert_eq!(out["time"]["seconds"]["expected"], 1.0);
    assert_eq!(out["time"]["bound_by"], "requests_per_minute");
    assert_eq!(out["max_tokens"], Value::Null);
}

#[test]
fn everything_that_run_would_refuse_is_said_at_once() {
    let ended = answer("a", 1, 9, 9, 9).replace("null", "\"0000000000000001\"");
    let rows = "id,prompt\na,one\nb,two\nb,three\nc\n,five\n";
    let job = plan(rows).file("out/a.jsonl", ended);
    let out = traceless(job.args(["--json"]), 2);
    let out = object(&out);
    let refusals: Vec<_> = out["refusals"].as_array().unwrap().iter().collect();
    let begins = |at: usize, text: &str| {
        let refusal = refusals[at].as_str().unwrap();
        assert!(refusal.starts_with(text), "{refusal}");
    };
    begins(
        0,
        "prompts.csv: 1 row shares an id with an earlier row: `b` appears in rows 2 and 3;",
    );
    begins(
        1,
        "out/a.jsonl: 1 of 1 completed rows would now send a different request (row 1 (a)): prompt,",
    );
    begins(
        2,
        "prompts.csv: 2 of 5 rows cannot be sent, and max_failures is 0:\n  row 4 (line 5): ",
    );
    assert_eq!(refusals.len(), 3);
    assert_eq!(out["rows"]["unusable"]["count"], 2);
    assert_eq!(out["rows"]["left"], 2);
}

#[test]
fn bad_rows_that_the_job_allows_are_listed_and_the_plan_goes_on() {
    let job = plan("id,prompt\na,one\nb\nc,three\n").args(["--max-failures", "1"]);
    let out = traceless(job, 0);
    let bad = "  bad rows      1 cannot be sent:\n    row 2 (line 3): ";
    assert!(out.stdout.contains(bad), "{}", out.stdout);
    assert!(
        out.stdout.contains("3 rows, 2 calls to make"),
        "{}",
        out.stdout
    );
    assert!(!out.stdout.contains("would refuse"), "{}", out.stdout);
}

#[test]
fn a_corrupt_output_is_a_refusal_and_a_torn_one_a_note() {
    let good = answer("a", 1, 9, 9, 9);
    let corrupt = format!("{good}garbage\n{good}");
    let out = traceless(plan(ROWS).file("out/a.jsonl", corrupt), 2);
    let refusal = "\n`run` would reject this job:\n- out/a.jsonl: line 2 (at byte ";
    assert!(out.stdout.contains(refusal), "{}", out.stdout);

    let others = plan(ROWS).file("out/a.run.json", "{\"their\": \"file\"}");
    let out = traceless(others, 2);
    assert!(out.stdout.contains("\n- out/a.run.json"), "{}", out.stdout);

    let torn = format!("{good}{}", &good[..40]);
    let out = traceless(plan(ROWS).file("out/a.jsonl", torn), 0);
    let note = "  note          out/a.jsonl ends inside a line (at byte ";
    assert!(out.stdout.contains(note), "{}", out.stdout);
    assert!(
        out.stdout.contains("(1 succeeded, 0 failed, 3 remaining"),
        "{}",
        out.stdout
    );
}

#[test]
fn a_plan_of_a_resumed_job_is_about_what_is_left() {
    let ran = Job::over(ROWS)
        .args(["--limit", "3", "--max-tokens", "8192"])
        .run()
        .exits(0);
    let again = |out: Out| {
        out.again("plan")
            .on_the_emulator("prompts.csv")
            .args(["--max-tokens", "8192", "--json"])
    };
    let out = traceless(again(ran), 0);
    let found = object(&out);
    assert_eq!(
        [
            &found["rows"]["answered"],
            &found["rows"]["failed"],
            &found["rows"]["left"]
        ],
        [3, 0, 1]
    );
    assert_eq!(found["first_request"]["row"], 4);
    assert_eq!(found["assumed"]["bytes_per_token_measured_on"], 3);
    let lengths = &found["max_tokens"];
    assert_eq!(
        (&lengths["answers"], &lengths["reserved"]),
        (&3.into(), &8192.into())
    );
    let (longest, advice) = (lengths["max"].as_u64(), lengths["advice"].as_u64());
    assert!(longest <= advice && advice < Some(8192), "{lengths}");
    let notes = found["notes"].to_string();
    assert!(
        notes.contains("estimates are based on fake responses of the emulator in the output"),
        "{notes}"
    );

    let fresh = object(&traceless(again(out).args(["--fresh"]), 0));
    assert_eq!(fresh["rows"]["left"], 4);
    assert_eq!(fresh["max_tokens"]["answers"], 3);
}

#[test]
fn answers_that_were_cut_off_are_counted() {
    let cut_off = answer("a", 1, 9, 512, 9).replace("\"stop\"", "\"length\"");
    let job = plan(ROWS)
        .file("out/a.jsonl", cut_off)
        .args(["--max-tokens", "512"]);
    let out = traceless(job, 0);
    let found = "p99 of the output is 512, each call reserves 512 (1 completions: p50 512, longest 512; 1 were \
                 cut off)\n  advice        --max-tokens 1024 cuts off fewer completions;";
    assert!(out.stdout.contains(found), "{}", out.stdout);
}

#[test]
fn lines_with_more_tokens_than_any_answer_has_teach_nothing() {
    let most = i64::MAX as u64;
    let past = answer("a", 1, most, most, 9) + &answer("b", 2, most, most, 9);
    let job = plan(ROWS).file("out/a.jsonl", past + &answer("c", 3, 3, 80, 9));
    let out = traceless(job, 0);
    let found =
        "p99 of the output is 80, each call reserves 1,024 (1 completions: p50 80, longest 80)";
    assert!(out.stdout.contains(found), "{}", out.stdout);
    assert_eq!(line(&out, "advice").split_whitespace().nth(2), Some("128"));
}

#[test]
fn a_limit_of_ones_own_may_be_any_number() {
    let row = r#"{"body":{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}}"#.to_owned();
    let most = format!("[\"{NOVA}\"]\nmax_output_tokens = {}\n", i64::MAX);
    let job = Job::new("plan").file("rows.jsonl", format!("{row}\n").repeat(3));
    let job = job.file("mine.toml", most).args(["-m", NOVA, "--json"]);
    let job = job.args(["-i", "rows.jsonl", "--body", "body", "-o", "out.jsonl"]);
    let out = object(&traceless(job.args(["--prices", "mine.toml"]), 0));
    let worst = out["tokens"]["output"]["worst"].as_f64().unwrap();
    assert!(1e19 < worst, "{worst}");
}

#[test]
fn no_longer_answers_are_advised_than_the_model_writes() {
    // Titan Text Express writes 8,192 tokens, Lite 4,096.
    let advice = |model: &str, limit: &str| {
        let cut_off = answer("a", 1, 9, 512, 9).replace("\"stop\"", "\"length\"");
        let job = Job::new("plan").file("prompts.csv", ROWS);
        let job = job.file("out/a.jsonl", cut_off);
        let job = job.args(["-i", "prompts.csv", "-o", "out/a.jsonl", "--json"]);
        let out = job.args(["-m", model, "--max-tokens", limit]).run();
        object(&out.exits(0))["max_tokens"]["advice"].clone()
    };
    assert_eq!(advice("amazon.titan-text-express-v1", "5000"), 8192);
    assert_eq!(advice("amazon.titan-text-express-v1", "8192"), Value::Null);
    assert_eq!(advice("amazon.titan-text-lite-v1", "3000"), 4096);
}

#[test]
fn an_unknown_price_is_unknown() {
    let job = Job::new("plan").file("prompts.csv", ROWS).args([
        "-i",
        "prompts.csv",
        "-o",
        "a.jsonl",
        "-m",
        "amazon.nova-next-v9:0",
        "--family",
        "nova",
    ]);
    let out = traceless(job, 0);
    let line = "  on demand            unknown        unknown        unknown\n";
    assert!(out.stdout.contains(line), "{}", out.stdout);
    let note = "`amazon.nova-next-v9:0` is not in the catalog";
    assert!(out.stdout.contains(note), "{}", out.stdout);
    assert!(!out.stdout.contains('$'), "{}", out.stdout);
}

#[test]
fn limits_that_would_stop_the_run_are_noted() {
    let past = answer("a", 1, 10, 100, 60_000);
    let job = plan(ROWS)
        .file("out/a.jsonl", past)
        .args(["--max-cost", "0.1"]);
    let job = job.args(["--deadline", "30s", "--tokens-per-day", "200"]);
    let out = traceless(job, 0);
    for note in [
        "max_cost_usd is $0.1000, and the whole output will cost about $0.5001: the run would stop \
         with exit code 8",
        "the deadline is 30s, and the run will take about 60s: it would stop with exit code 8",
        "the run takes about 330 tokens of quota, and tokens_per_day is 200: it would stop with \
         exit code 75 and need 2 days",
    ] {
        assert!(out.stdout.contains(note), "{note}\n{}", out.stdout);
    }
}

#[test]
fn a_job_is_priced_in_the_tier_that_it_asks_for() {
    // Nova Pro: $0.0008 and $0.0032 per 1,000 tokens, and $0.0014 and $0.0056 as priority.
    let past = answer("a", 1, 2, 60, 30_000) + &answer("b", 2, 3, 100, 30_000);
    let job = |tier: &str, json: &[&str]| {
        let job = Job::new("plan").file("prompts.csv", ROWS);
        let job = job.file("out/a.jsonl", &past);
        let job = job.args(["-i", "prompts.csv", "-o", "out/a.jsonl"]);
        let job = job.args(["-m", "amazon.nova-pro-v1:0", "--max-tokens", "1000"]);
        let job = job.args(["--service-tier", tier, "--max-cost", "1.0007"]);
        let job = json.iter().fold(job, |job, flag| job.args([flag]));
        job.run().exits(0)
    };
    let out = job("priority", &[]);
    let over = "max_cost_usd is $1.0007, and the whole output will cost about $1.0009";
    assert!(out.stdout.contains(over), "{}", out.stdout);
    let worst = line(&out, "priority tier").split_whitespace().last();
    assert_eq!(worst, Some("$0.0112"), "{}", out.stdout);
    let usual = job("default", &[]).stdout;
    assert!(!usual.contains("max_cost_usd"), "{usual}");
    assert!(!usual.contains("default tier"), "{usual}");
    let cost = &object(&job("priority", &["--json"]))["cost_usd"];
    assert_eq!(cost["service_tier"], "priority");
    let expected = |way: &str| cost[way]["expected"].as_f64().unwrap();
    let dearer = expected("in_service_tier") / expected("on_demand");
    assert!((dearer - 1.75).abs() < 1e-9, "{cost}");
}

#[test]
fn an_output_that_a_run_holds_is_counted_as_of_now() {
    let slow = "[latency]\nfirst_token_ms = 200\nper_token_ms = 0\n";
    let rows: String = (0..200).map(|n| format!("r{n},text {n}\n")).collect();
    let job = Job::over(&format!("id,prompt\n{rows}")).scenario(slow);
    let running = job.args(["-c", "1"]).spawn();
    running.wait_for_lines(1);
    let out = running.path("out.jsonl");
    let input = running.path("prompts.csv");
    let planned = Job::new("plan")
        .args(["-i", input.to_str().unwrap(), "-o", out.to_str().unwrap()])
        .args(["-m", NOVA, "--endpoint-url", "emulator"])
        .run()
        .exits(0);
    let note = "another run is writing this output: the completed rows are as of now";
    assert!(planned.stdout.contains(note), "{}", planned.stdout);
    running.signal("INT");
    let _ = running.wait();
}

#[test]
fn a_prompt_that_no_window_holds_is_refused_before_it_is_sent() {
    // Nova Micro takes 128,000 tokens.
    let job = |verb: &str, prompt: &str| {
        Job::new(verb)
            .file("prompts.csv", format!("id,prompt\na,{prompt}\n"))
            .args([
                "-i",
                "prompts.csv",
                "-o",
                "out.jsonl",
                "-m",
                "amazon.nova-micro-v1:0",
            ])
    };
    let long = "words of no use ".repeat(64_001);
    let said = "row 1: the prompt has 1024016 bytes, surely more than the 128000 tokens of input \
                that `amazon.nova-micro-v1:0` takes";
    let out = traceless(job("plan", &long), 2);
    assert!(out.stdout.contains(said), "{}", out.stdout);
    let _ = job("run", &long).run().exits(2).says(said);
    // As many bytes of spaces may be few tokens: only the service knows.
    let blank = format!("x{}y", " ".repeat(1_100_000));
    let _ = traceless(job("plan", &blank), 0);
}

#[test]
fn a_job_that_makes_no_sense_is_refused_in_the_words_of_run() {
    let out = Job::new("plan")
        .args(["-i", "none.csv", "-m", NOVA, "-o", "a.jsonl"])
        .run();
    let _ = out.exits(2).says("error: none.csv: ");
    let over_itself = Job::new("plan")
        .file("a.jsonl", "{\"prompt\":\"x\"}\n")
        .args(["-i", "a.jsonl", "-m", NOVA, "-o", "a.jsonl"]);
    let out = traceless(over_itself, 2);
    let refusal = "- the output a.jsonl is the input: choose another --output\n";
    assert!(out.stdout.contains(refusal), "{}", out.stdout);
}

#[test]
fn an_output_that_cannot_be_made_is_refused_before_the_run() {
    for (output, why) in [
        (
            "/proc/x/y.jsonl",
            "- cannot create /proc/x: permission denied",
        ),
        (
            "prompts.csv/y.jsonl",
            "- cannot write to prompts.csv: not a directory",
        ),
    ] {
        let job = Job::new("plan").file("prompts.csv", ROWS);
        let out = traceless(job.args(["-i", "prompts.csv", "-m", NOVA, "-o", output]), 2);
        assert!(out.stdout.contains(why), "{}", out.stdout);
    }
}

#[test]
fn an_endpoint_that_run_refuses_is_refused() {
    let open = "`model.endpoint`: http://example.com is not encrypted: use https, or http on this \
                machine only";
    for verb in ["plan", "run"] {
        let job = planned(Job::new(verb).file("prompts.csv", ROWS));
        let _ = traceless(job.args(["--endpoint-url", "http://example.com"]), 2).says(open);
    }
    let here = plan(ROWS).args(["--endpoint-url", "http://127.0.0.1:9"]);
    let _ = traceless(here, 0);
}

#[test]
fn all_mistakes_of_the_job_are_listed() {
    let job = "[limits]\ncolour = 1\n[model]\nid = 7\n";
    let out = plan(ROWS).file("job.toml", job).args(["job.toml"]);
    let said = "error: the job has 2 mistakes:\n\
                - job.toml:2: unknown key `limits.colour`; keys here: ";
    let _ = traceless(out, 2)
        .says(said)
        .says("\n- job.toml:4: `id` takes text in quotes, not 7\n");
    let values = plan(ROWS).args(["--temperature", "5", "--max-cost", "-3", "--deadline", "1"]);
    let _ = traceless(values.args(["--region", "us east"]), 2)
        .says("error: the job has 4 mistakes:\n- `model`: ")
        .says("\n- `model.region`: \"us east\" is not a region")
        .says("\n- `limits.max_cost_usd`: it must be above 0\n")
        .says("\n- `limits.deadline`: \"1\" is not a time");
    let nothing = Job::new("plan").run().exits(2);
    let missing =
        ["input", "model", "output"].map(|what| format!("names no {what}: give --{what}"));
    let _ = missing.iter().fold(nothing, |out, what| out.says(what));
}

#[test]
fn a_plan_reckons_with_the_limit_that_is_merged_into_the_body() {
    let merged = r#"{"inferenceConfig":{"maxTokens":4000}}"#;
    let job = plan(ROWS).args(["--max-tokens", "16", "--extra", merged, "--json"]);
    let plan = object(&traceless(job, 0));
    assert_eq!(plan["tokens"]["output"]["worst"], 16_000.0, "{plan}");
}
