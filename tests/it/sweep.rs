//! Sweeps: one job over models, parameters, prompts and samples.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::{Job, NOVA, Out, QUICK};

const HAIKU: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const GPT: &str = "openai.gpt-oss-20b-1:0";

const ROWS: &str = "id,question,team\nq1,one,x\nq2,two,y\nq3,three,x\n";

const PROMPTS: &str = r#"
[[sweep.prompt]]
name = "plain"
template = "{{ question }}"
[[sweep.prompt]]
name = "steps"
template = "Think. {{ question }}"
"#;

/// A job over three rows with this `[sweep]`, on a quick emulator.
fn job(sweep: &str) -> String {
    format!(
        "[input]\npath = \"in.csv\"\nid = \"id\"\nkeep = [\"team\"]\n\
         [model]\nid = \"{NOVA}\"\nmax_tokens = 40\nregion = \"us-east-1\"\n\
         [output]\npath = \"out.jsonl\"\n{sweep}"
    )
}

fn start(verb: &str, sweep: &str) -> Job {
    let job = job(sweep);
    Job::new(verb)
        .file("in.csv", ROWS)
        .file("job.toml", job)
        .scenario(QUICK)
        .args(["job.toml"])
}

fn again(out: Out, sweep: &str) -> Job {
    let job = job(sweep);
    out.file("job.toml", job)
        .again("run")
        .scenario(QUICK)
        .args(["job.toml"])
}

/// The records of both files by what identifies them: `q1 nova-lite/plain 1`.
#[track_caller]
fn records(out: &Out) -> BTreeMap<String, Value> {
    let mut records = BTreeMap::new();
    for line in (out.text("out.jsonl") + &out.text("out.failed.jsonl")).lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
        let name = format!(
            "{} {} {}",
            text("custom_id"),
            text("variant"),
            record["sample"]
        );
        assert!(
            records.insert(name.clone(), record).is_none(),
            "{name} is there twice"
        );
    }
    records
}

#[track_caller]
fn variants(out: &Out) -> String {
    let names: BTreeSet<_> = records(out)
        .into_values()
        .map(|record| record["variant"].as_str().unwrap().to_owned())
        .collect();
    names.into_iter().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn calls(out: &Out, expected: u64) {
    let calls = &out.run_file()["this_run"]["calls"];
    assert_eq!(calls, expected, "\n{}", out.stderr);
}

#[test]
fn every_row_has_a_record_for_each_sample_of_each_variant() {
    let sweep = format!("[sweep]\nmodel = [\"{HAIKU}\", \"{GPT}\"]\nsamples = 2\n{PROMPTS}");
    let out = start("run", &sweep).run().exits(0);
    calls(&out, 24);
    let found = records(&out);
    assert_eq!(found.len(), 24);
    let one = &found["q2 us.claude-haiku-4-5/steps 2"];
    assert_eq!(one["params"], json!({"model": HAIKU, "prompt": "steps"}));
    assert_eq!((&one["row"], &one["model"]), (&json!(2), &json!(HAIKU)));
    assert_eq!(one["metadata"], json!({"team": "y"}));
    let names: Vec<_> = one.as_object().unwrap().keys().take(6).collect();
    let first = ["custom_id", "row", "variant", "sample", "params", "status"];
    assert_eq!(names, first);
    let file = out.run_file();
    assert_eq!(
        (&file["rows"], &file["input_rows"]),
        (&json!(24), &json!(3))
    );
    let of = file["variants"].as_array().unwrap();
    assert_eq!(of.len(), 4);
    assert_eq!(of[1]["variant"], "us.claude-haiku-4-5/steps");
    assert_eq!(
        (&of[1]["rows"], &of[1]["succeeded"]),
        (&json!(6), &json!(6))
    );
    let models = file["models"].as_array().unwrap();
    assert_eq!(
        (&models[0]["model"], &models[0]["calls"]),
        (&json!(HAIKU), &json!(12))
    );
    let out = out.says("variants   us.claude-haiku-4-5/plain  6 of 6 succeeded  $0.00");
    let again = again(out, &sweep).run().exits(0);
    let _ = again.says("all 24 rows completed earlier; nothing to do");
}

#[test]
fn what_is_added_runs_its_own_cells_and_what_is_removed_stays() {
    let first =
        "[sweep]\nsamples = 2\n[[sweep.prompt]]\nname = \"plain\"\ntemplate = \"{{ question }}\"\n";
    let out = start("run", first).run().exits(0);
    calls(&out, 6);
    assert_eq!(variants(&out), "nova-lite/plain");
    let before = records(&out);
    let prompts = format!("[sweep]\nsamples = 2\n{PROMPTS}");
    let out = again(out, &prompts).run().exits(0);
    calls(&out, 6);
    let samples = prompts.replace("samples = 2", "samples = 3");
    let out = again(out, &samples).run().exits(0);
    calls(&out, 6);
    let models = samples.replace(
        "[sweep]",
        &format!("[sweep]\nmodel = [\"{NOVA}\", \"{GPT}\"]"),
    );
    let out = again(out, &models).run().exits(0);
    calls(&out, 18);
    let now = records(&out);
    assert_eq!(now.len(), 36);
    assert!(before.iter().all(|(name, record)| now[name] == *record));
    let one = models
        .replace(&format!("\"{NOVA}\", "), "")
        .replace("samples = 3", "samples = 1");
    let out = again(out, &one).run().exits(0);
    let out = out.says(
        "30 rows of the output are no longer in the job (of variants that it no longer has: \
         nova-lite/plain, nova-lite/steps); they are kept",
    );
    assert_eq!(records(&out), now);
}

#[test]
fn flags_sweep_too_and_one_model_narrows_the_models_of_the_file() {
    let out = Job::new("run").file("in.csv", ROWS).scenario(QUICK).args([
        "-i",
        "in.csv",
        "-o",
        "out.jsonl",
        "-t",
        "{{ question }}",
        "-m",
        NOVA,
        "-m",
        GPT,
        "--samples",
        "2",
    ]);
    let out = out.run().exits(0);
    assert_eq!(records(&out).len(), 12);
    assert_eq!(variants(&out), "gpt-oss-20b-1 nova-lite");
    let sweep =
        format!("[sweep]\nmodel = [\"{NOVA}\", \"{GPT}\"]\ntemperature = [0.0, 1.0]\n{PROMPTS}");
    let out = start("run", &sweep)
        .args(["-m", GPT, "--temperature", "1"])
        .run()
        .exits(0);
    assert_eq!(
        variants(&out),
        "gpt-oss-20b-1/temperature=1/plain gpt-oss-20b-1/temperature=1/steps"
    );
    let out = again(out, &sweep).run().exits(0);
    calls(&out, 18);
    assert_eq!(records(&out).len(), 24);
}

#[test]
fn a_run_that_is_killed_resumes_with_every_record_once() {
    let rows: String = (1..=60).map(|n| format!("q{n},question {n},x\n")).collect();
    let sweep = format!("[sweep]\nmodel = [\"{HAIKU}\", \"{GPT}\"]\nsamples = 2\n{PROMPTS}");
    let slow = "[latency]\nfirst_token_ms = 20\nper_token_ms = 0\n";
    let job = start("run", &sweep).file("in.csv", format!("id,question,team\n{rows}"));
    let mut running = job
        .file("scenario.toml", slow)
        .args(["--concurrency", "4"])
        .spawn();
    running.wait_for_lines(300);
    running.kill();
    let out = running.wait();
    let left = 480 - out.text("out.jsonl").lines().count() as u64;
    let out = again(out, &sweep).run().exits(0);
    let calls = out.run_file()["this_run"]["calls"].as_u64().unwrap();
    assert!(
        (left..=left + 1).contains(&calls),
        "{calls} calls for {left} rows"
    );
    assert_eq!(records(&out).len(), 480);
}

#[test]
fn a_changed_prompt_runs_its_own_variant_again_and_no_other() {
    let sweep = format!("[sweep]\nsamples = 2\n{PROMPTS}");
    let out = start("run", &sweep).run().exits(0);
    let before = records(&out);
    let changed = sweep.replace("Think.", "Think hard.");
    let out = again(out, &changed).run().exits(2);
    let out = out.says("6 of 12 completed rows would now send a different request (row 1 (q1, nova-lite/steps, sample 1)");
    let out = again(out, &changed)
        .args(["--redo-changed", "--max-redo", "6"])
        .run()
        .exits(0);
    calls(&out, 6);
    let now = records(&out);
    assert_eq!(now.len(), 12);
    for (name, record) in &now {
        assert_eq!(before[name] == *record, name.contains("plain"), "{name}");
    }
}

#[test]
fn a_prompt_that_is_renamed_is_not_bought_again_unasked() {
    let sweep = format!("[sweep]\n{PROMPTS}");
    let out = start("run", &sweep).run().exits(0);
    let renamed = sweep.replace("\"plain\"", "\"simple\"");
    let out = again(out, &renamed).run().exits(2);
    let _ = out
        .says("3 of 6 completed rows would run again")
        .says("(row 1, now `q1, nova-lite/simple, sample 1`");
}

#[test]
fn failed_rows_are_retried_in_their_variant_alone() {
    let sweep = format!("[sweep]\nmodel = [\"{NOVA}\", \"{GPT}\"]\nsamples = 2");
    let sweep = format!("{sweep}\n[prompt]\ntemplate = \"{{{{ question }}}}\"");
    let faulty = format!("{QUICK}\n[[fault]]\nkind = \"validation\"\nmodel = \"openai.*\"\n");
    let job = start("run", &sweep).file("scenario.toml", faulty);
    let out = job.args(["--max-failures", "6"]).run().exits(0);
    let out = out
        .says("nova-lite      6 of 6 succeeded")
        .says("gpt-oss-20b-1  0 of 6 succeeded  $0, 6 failed");
    assert_eq!(records(&out).len(), 12);
    let failed: Value =
        serde_json::from_str(out.text("out.failed.jsonl").lines().next().unwrap()).unwrap();
    assert_eq!(failed["variant"], "gpt-oss-20b-1");
    assert_eq!(failed["params"], json!({"model": GPT}));
    let out = again(out, &sweep).run().exits(3);
    let out = again(out, &sweep).args(["--retry-failed"]).run().exits(0);
    calls(&out, 6);
    assert_eq!(records(&out).len(), 12);
}

#[test]
fn rows_that_are_named_run_again_in_all_cells() {
    let sweep = format!("[sweep]\nsamples = 2\n{PROMPTS}");
    let out = start("run", &sweep).run().exits(0).file("ids.txt", "q2\n");
    let out = again(out, &sweep)
        .args(["--only", "ids.txt"])
        .run()
        .exits(0);
    calls(&out, 4);
    assert_eq!(records(&out).len(), 12);
}

#[test]
fn a_limit_is_of_rows_and_says_how_many_calls_they_are() {
    let sweep = format!("[sweep]\nsamples = 3\n{PROMPTS}");
    let out = start("plan", &sweep).args(["--limit", "2"]).run().exits(0);
    let first = "job: 2 rows × 2 variants × 3 samples = 12 completions, 12 calls to make; nothing";
    assert!(out.stdout.starts_with(first), "{}", out.stdout);
    assert!(!out.stdout.contains("dedupe"), "{}", out.stdout);
    let out = out
        .again("run")
        .scenario(QUICK)
        .args(["job.toml", "--limit", "2"]);
    let out = out.run().exits(0);
    calls(&out, 12);
    let out = out
        .again("plan")
        .args(["job.toml", "--json"])
        .scenario(QUICK)
        .run()
        .exits(0);
    let plan: Value = serde_json::from_str(&out.stdout).unwrap();
    let rows = &plan["rows"];
    assert_eq!(
        (&rows["input"], &rows["all"], &rows["left"]),
        (&json!(3), &json!(18), &json!(6))
    );
    let steps = &plan["variants"][1];
    assert_eq!(steps["variant"], "nova-lite/steps");
    assert_eq!(
        (&steps["calls"], &steps["answered"]),
        (&json!(3), &json!(6))
    );
    let cost = |of: &Value| of["cost_usd"]["expected"].as_f64().unwrap();
    let sum = cost(&plan["variants"][0]) + cost(steps);
    let total = plan["cost_usd"]["in_service_tier"]["expected"]
        .as_f64()
        .unwrap();
    assert!(0.0 < total && (sum - total).abs() < 1e-12, "{sum} {total}");
}

#[test]
fn a_cost_limit_holds_over_all_models_and_a_higher_one_resumes() {
    let sweep = format!("[sweep]\nmodel = [\"{NOVA}\", \"{HAIKU}\"]\n{PROMPTS}");
    let plan = start("run", &sweep).run().exits(0).run_file();
    let nova_usd = plan["variants"][0]["cost_usd"].as_f64().unwrap()
        + plan["variants"][1]["cost_usd"].as_f64().unwrap();
    // Enough for the first model and a few calls of the second.
    let limit = format!("{:.6}", nova_usd + 0.000_6);
    let out = start("run", &sweep)
        .args(["--max-run-cost", &limit])
        .run()
        .exits(8);
    let spent = out.run_file()["total"]["cost_usd"].as_f64().unwrap();
    assert!(
        nova_usd < spent && spent <= limit.parse().unwrap(),
        "{spent} of {limit}"
    );
    let out = start("run", &sweep)
        .args(["--max-cost", &limit])
        .run()
        .exits(8);
    assert!(out.run_file()["total"]["cost_usd"].as_f64().unwrap() <= limit.parse().unwrap());
    let out = again(out, &sweep).args(["--max-cost", "1"]).run().exits(0);
    assert_eq!(records(&out).len(), 12);
}

#[test]
fn what_a_model_rejects_is_rejected_with_its_variant_or_left_out() {
    let sweep = format!("[sweep]\nmodel = [\"{NOVA}\", \"{GPT}\"]\ntop_k = [1, 5]\n{PROMPTS}");
    let out = start("plan", &sweep).run().exits(2);
    let out = out.says("variant gpt-oss-20b-1/top_k=1/plain: `model`: ");
    let skip = sweep.replace("[sweep]", "[sweep]\non_refused = \"skip\"");
    let out = again(out, &skip).run().exits(0);
    let out = out.says("4 variants are left out of 8, with on_refused = \"skip\":");
    assert_eq!(records(&out).len(), 12);
    let out = out
        .again("plan")
        .args(["job.toml", "--json"])
        .scenario(QUICK)
        .run()
        .exits(0);
    let plan: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(plan["skipped"].as_array().unwrap().len(), 4);
    assert_eq!(plan["skipped"][0]["variant"], "gpt-oss-20b-1/top_k=1/plain");
    // A job that is wrong in every variant is wrong, and a model ID that is none is no refusal.
    let wrong = skip.replace(GPT, "gpt");
    let out = again(out, &wrong).run().exits(2);
    let out = out.says("variant gpt/top_k=1/plain: `model.id`: ");
    let every = skip.replace("top_k = [1, 5]", "service_tier = [\"no\"]");
    let out = again(out, &every).run().exits(2);
    let _ = out.says("error: `model.service_tier`: ");
}

#[test]
fn samples_have_seeds_where_a_model_takes_one() {
    let sweep = format!(
        "[sweep]\nmodel = [\"{NOVA}\", \"{GPT}\"]\nsamples = 2\nseed = 7\n[prompt]\ntemplate = \"{{{{ question }}}}\""
    );
    let out = start("run", &sweep).run().exits(0);
    let out = out.says(&format!(
        "no seed is sent to {NOVA}: its requests have none"
    ));
    let found = records(&out);
    let of = |name: &str| {
        (
            found[name]["params"].clone(),
            found[name]["fingerprint"].clone(),
        )
    };
    let (first, second) = (of("q1 gpt-oss-20b-1 1"), of("q1 gpt-oss-20b-1 2"));
    assert_eq!(first.0, json!({"model": GPT, "seed": 7}));
    assert_eq!(second.0, json!({"model": GPT, "seed": 8}));
    assert_ne!(first.1, second.1);
    let (first, second) = (of("q1 nova-lite 1"), of("q1 nova-lite 2"));
    assert_eq!((&first.0, &first.1), (&second.0, &second.1));
    let twice = format!("{sweep}\n[model.extra]\nseed = 1\n");
    let out = again(out, &twice).run().exits(2);
    let out = out.says("`sweep.seed`: model.extra has a seed too");
    let none = sweep.replace(&format!(", \"{GPT}\""), "");
    let out = again(out, &none).run().exits(2);
    let _ = out.says("`sweep.seed`: no model of the sweep takes a seed: leave it out");
}

#[test]
fn a_variant_sends_what_the_job_of_its_settings_sends() {
    let sweep =
        format!("[sweep]\nmodel = [\"{NOVA}\"]\ntemperature = [0.5]\nsamples = 2\n{PROMPTS}");
    let swept = records(&start("run", &sweep).run().exits(0));
    let plain = "[prompt]\ntemplate = \"Think. {{ question }}\"\n";
    let out = start("run", plain)
        .args(["--temperature", "0.5"])
        .run()
        .exits(0);
    for (id, record) in out.answers() {
        let name = format!("{id} nova-lite/temperature=0.5/steps 2");
        assert_eq!(record["fingerprint"], swept[&name]["fingerprint"], "{id}");
    }
}

#[test]
fn samples_at_temperature_0_are_remarked_upon() {
    let sweep = format!("[sweep]\ntemperature = [0, 0.7]\nsamples = 2\n{PROMPTS}");
    let said = "2 samples at temperature 0 are mostly the same completion, paid for 2 times \
                (nova-lite/temperature=0/plain, nova-lite/temperature=0/steps)";
    let out = start("run", &sweep).run().exits(0).says(said);
    let out = again(out, &sweep.replace("samples = 2", "samples = 1")).run();
    assert!(!out.stderr.contains("temperature 0 are"), "{}", out.stderr);
}

#[test]
fn records_of_a_sweep_and_of_none_do_not_mix() {
    let sweep = format!("[sweep]\n{PROMPTS}");
    let plain = "[prompt]\ntemplate = \"{{ question }}\"";
    let out = start("run", plain).run().exits(0);
    let out = again(out, &sweep).run().exits(2);
    let out =
        out.says("out.jsonl: 3 rows of it are of a run without a sweep, and this job has one");
    let out = again(out, &sweep).args(["--fresh"]).run().exits(0);
    let out = again(out, plain).run().exits(2);
    let _ = out.says("out.jsonl: its rows are of a sweep (nova-lite/plain, nova-lite/steps), and this job has none");
}

#[test]
fn identical_requests_are_copied_within_a_variant() {
    let sweep = format!(
        "[input]\npath = \"in.csv\"\nid = \"id\"\ndedupe = true\n[model]\nid = \"{NOVA}\"\n[output]\npath = \"out.jsonl\"\n[sweep]\nservice_tier = [\"default\", \"flex\"]\n{PROMPTS}"
    );
    let rows = "id,question,team\na,one,x\nb,one,y\n";
    let out = Job::new("run")
        .file("in.csv", rows)
        .file("job.toml", sweep)
        .scenario(QUICK);
    let out = out.args(["job.toml"]).run().exits(0);
    calls(&out, 4);
    let found = records(&out);
    for (name, record) in &found {
        let copied = record.get("copied_from").is_some();
        assert_eq!(copied, name.starts_with('b'), "{name}");
    }
}

#[test]
fn repair_knows_rows_by_variant_and_sample() {
    let sweep = format!("[sweep]\nsamples = 2\n{PROMPTS}");
    let out = start("run", &sweep).run().exits(0);
    let lines = out.text("out.jsonl");
    let twice = format!("{lines}{}\n", lines.lines().next().unwrap());
    let out = out.file("out.jsonl", twice);
    let out = again(out, &sweep).run().exits(2).says("appears twice");
    let out = out.again("repair").args(["out.jsonl"]).run().exits(0);
    assert_eq!(out.text("out.jsonl"), lines);
    let _ = again(out, &sweep).run().exits(0).says("nothing to do");
}

#[test]
fn each_model_of_a_sweep_has_its_own_quota() {
    let sweep = format!(
        "[sweep]\nmodel = [\"{NOVA}\", \"{GPT}\"]\n[prompt]\ntemplate = \"{{{{ question }}}}\"\n[limits]\ntokens_per_day = 2000\n"
    );
    let out = start("run", &sweep).run().exits(0);
    let pace = out.text("out.pace");
    assert_eq!(pace.len(), 2 * 512, "a record for each model");
    let records: Vec<Value> = pace
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let used = |at: usize| records[at]["tokens_of_day"].as_f64().unwrap();
    assert_ne!(records[0]["model"], records[1]["model"]);
    assert!(0.0 < used(0) && 0.0 < used(1), "{pace}");
    // What one model has used is not counted against the other.
    let file = out.run_file();
    let of = |at: usize| file["models"][at]["quota_tokens"].as_f64().unwrap();
    assert!(
        (used(0) - of(0)).abs() < 1.0 && (used(1) - of(1)).abs() < 1.0,
        "{pace} {file}"
    );
}

#[test]
fn what_is_wrong_in_a_sweep_is_said_with_its_line() {
    for (sweep, said) in [
        (
            "[sweep]\nmodel = []",
            "job.toml:12: `sweep.model` takes a list of at least one value, not an empty list",
        ),
        (
            "[sweep]\ntemperature = 0.5",
            "job.toml:12: `sweep.temperature` takes a list of values, not 0.5",
        ),
        (
            "[sweep]\ntemperature = [0.5, \"hot\"]",
            "job.toml:12: `sweep.temperature` takes a number, not the text \"hot\"",
        ),
        (
            "[sweep]\nendpoint = [\"emulator\"]",
            "job.toml:12: `endpoint` cannot vary: it is the same for the whole job",
        ),
        (
            "[sweep]\ntemperatur = [0.5]",
            "job.toml:12: `temperatur` cannot vary: did you mean `temperature`?",
        ),
        (
            "[sweep]\nsamples = 0",
            "job.toml:12: `samples` takes a whole number from 1",
        ),
        (
            "[sweep]\ntop_p = [0.5, 0.5]",
            "`sweep`: top_p names 0.5 twice: name it once",
        ),
        (
            "[sweep]\non_refused = \"stop\"",
            "`sweep.on_refused`: \"stop\" is not error or skip",
        ),
        (
            "[[sweep.prompt]]\nname = \"a\"\ntext = \"x\"",
            "job.toml:11: `prompt` takes tables of name, template or template_file, and system",
        ),
        (
            "[[sweep.prompt]]\ntemplate = \"x\"",
            "`sweep.prompt`: prompt 1: it has no name",
        ),
        (
            "[[sweep.prompt]]\nname = \"a\"\ntemplate = \"{{ question }}\"\n[[sweep.prompt]]\nname = \"a\"\ntemplate = \"y\"",
            "`sweep`: two variants have the name nova-lite/a: ",
        ),
        (
            "[[sweep.prompt]]\nname = \"a\"\ntemplate_file = \"none.txt\"",
            "`prompt.template_file`: none.txt: ",
        ),
        (
            "[[sweep.prompt]]\nname = \"a\"\ntemplate = \"{{ quest }}\"",
            "variant nova-lite/a: template line 1: no column `quest` (did you mean `question`?)",
        ),
        (
            "[sweep]\nsamples = 2\n[prompt]\ntemplate = \"{{ question }}\"\n[input]\ndedupe = true",
            "duplicate key",
        ),
    ] {
        let out = start("run", sweep).run().exits(2);
        let _ = out.says(said).sent_nothing();
    }
    let out = start("run", "[sweep]\nsamples = 2\n").args(["--dedupe", "-t", "{{ question }}"]);
    let _ = out
        .run()
        .exits(2)
        .says("`input.dedupe`: samples send the same request several times")
        .sent_nothing();
    let out = start("run", PROMPTS)
        .args(["-t", "{{ question }}"])
        .run()
        .exits(2);
    let _ = out
        .says("`sweep.prompt` and `template` both say where the prompts come from")
        .sent_nothing();
}

#[test]
fn check_makes_one_call_to_each_model() {
    let sweep =
        format!("[sweep]\nmodel = [\"{NOVA}\", \"{GPT}\"]\ntemperature = [0.0, 1.0]\n{PROMPTS}");
    let denied = format!("{QUICK}\n[[fault]]\nkind = \"access_denied\"\nmodel = \"openai.*\"\n");
    let out = start("check", &sweep).run().exits(0);
    let said = [NOVA, GPT].map(|model| {
        out.stdout
            .contains(&format!("job: one call to {model} in us-east-1"))
    });
    assert_eq!(said, [true, true], "{}", out.stdout);
    let out = start("check", &sweep)
        .file("scenario.toml", denied)
        .args(["--json"])
        .run()
        .exits(77);
    let found: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!((&found["ok"], &found["calls"]), (&json!(false), &json!(2)));
    assert_eq!(
        (&found["models"][0]["ok"], &found["models"][1]["ok"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn a_model_that_cannot_be_called_stops_the_run_and_what_it_was_is_said() {
    let sweep = format!("[sweep]\nmodel = [\"{NOVA}\", \"{GPT}\"]\n{PROMPTS}");
    let denied = format!("{QUICK}\n[[fault]]\nkind = \"access_denied\"\nmodel = \"openai.*\"\n");
    let out = start("run", &sweep)
        .file("scenario.toml", denied)
        .run()
        .exits(77);
    assert_eq!(variants(&out), "nova-lite/plain nova-lite/steps");
    let stop = &out.run_file()["stop"];
    assert_eq!(stop["reason"], "access_denied");
    assert!(
        stop["detail"]
            .as_str()
            .unwrap()
            .ends_with(&format!(" ({GPT})")),
        "{stop}"
    );
    let out = again(out, &sweep).run().exits(0);
    calls(&out, 6);
    assert_eq!(records(&out).len(), 12);
}

#[test]
fn the_share_of_failures_is_of_all_models_together() {
    let rows: String = (1..=40).map(|n| format!("q{n},question {n},x\n")).collect();
    let sweep = format!(
        "[sweep]\nmodel = [\"{NOVA}\", \"{GPT}\"]\n[prompt]\ntemplate = \"{{{{ question }}}}\"\n"
    );
    let faulty =
        format!("{QUICK}\n[[fault]]\nkind = \"validation\"\nmodel = \"openai.*\"\nevery = 2\n");
    let job = start("run", &sweep)
        .file("in.csv", format!("id,question,team\n{rows}"))
        .file("scenario.toml", faulty);
    // Of the second model alone half of the rows fail, but never 50 of them complete before the end.
    let job = job.args([
        "--max-error-rate",
        "15%",
        "--max-failures",
        "80",
        "--concurrency",
        "1",
    ]);
    let out = job.run().exits(8);
    let file = out.run_file();
    assert_eq!(file["stop"]["reason"], "max_error_rate");
    let failed = file["total"]["failed"].as_u64().unwrap();
    assert!((8..=12).contains(&failed), "{file}");
}

#[test]
fn failures_are_listed_with_an_example_that_names_its_variant() {
    let sweep = format!("[sweep]\n{PROMPTS}");
    let faulty = format!("{QUICK}\n[[fault]]\nkind = \"validation\"\nmatching = \"Think\"\n");
    let out = start("run", &sweep)
        .file("scenario.toml", faulty)
        .run()
        .exits(3);
    let out = out.again("errors").args(["out.jsonl"]).run().exits(0);
    assert!(
        out.stdout
            .contains("example    row 1, q1, nova-lite/steps, sample 1: "),
        "{}",
        out.stdout
    );
}
