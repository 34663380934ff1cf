//! `repair`, `reparse` and `--redo-changed`: what is taken out, what stays, what runs again.

use crate::harness::{Job, NOVA, Out, digest};

const ROWS: &str = "id,text\na,one\nb,two\nc,three\nd,four\n";

fn first() -> Out {
    Job::over(ROWS).args(["-t", "{{ text }}"]).run().exits(0)
}

fn again(out: Out) -> Job {
    out.again("run")
        .on_the_emulator("prompts.csv")
        .args(["-t", "{{ text }}"])
}

#[test]
fn a_bad_line_is_put_aside_by_repair_and_its_row_runs_again() {
    let out = first();
    let whole = out.text("out.jsonl");
    let second = whole.lines().nth(1).unwrap();
    let broken = whole.replace(second, &second.replacen("status", "st\"tus", 1));
    let at = whole.find('\n').unwrap() + 1;
    let out = out.file("out.jsonl", &broken);
    let out = again(out).run().exits(2);
    let out = out.says(&format!("line 2 (at byte {at})"));
    let out = out.says("`promptmill repair`");
    let repaired = out.again("repair").args(["out.jsonl"]).run().exits(0);
    let said = format!(
        "out.jsonl: 1 line that cannot be read ({} bytes, the first is line 2 at byte {at}) moved \
         from out.jsonl to out.bad-",
        second.len() + 1
    );
    assert!(repaired.stdout.starts_with(&said), "{}", repaired.stdout);
    let bad = repaired.file_named("out.bad-");
    assert!(repaired.text(&bad).contains("st\"tus"));
    let done = again(repaired).run().exits(0);
    assert_eq!(done.answered(), "a b c d");
    assert_eq!(done.run_file()["this_run"]["calls"], 1);
}

#[test]
fn repair_of_a_good_output_changes_nothing() {
    let out = first();
    let before = out.text("out.jsonl");
    let out = out.again("repair").args(["out.jsonl"]).run().exits(0);
    assert_eq!(out.stdout, "out.jsonl: nothing was wrong with it\n");
    assert_eq!(out.text("out.jsonl"), before);
}

#[test]
fn the_run_file_is_true_after_repair_and_what_was_rescued_counts() {
    let out = first();
    let whole = out.text("out.jsonl");
    let (_, rest) = whole.split_once('\n').unwrap();
    let (second, last) = rest.split_once('\n').unwrap();
    let was = out.run_file();
    let out = out.file("out.jsonl", format!("oops\n{rest}"));
    let out = out.file("rescued.jsonl", format!("{second}\n"));
    let out = out.again("repair").args(["out.jsonl"]).run().exits(0);
    let run = out.run_file();
    assert_eq!(
        (&run["total"]["succeeded"], &run["remaining"]),
        (&3.into(), &1.into())
    );
    assert_eq!(run["resume"], was["command"]);
    assert_eq!(run["counted"]["by"], "repair");
    assert_eq!(run["this_run"], was["this_run"]);
    let out = out.file("out.jsonl", last);
    let add = out
        .again("repair")
        .args(["out.jsonl", "--add", "rescued.jsonl"]);
    let out = add.run().exits(0);
    let run = out.run_file();
    assert_eq!(
        (&run["total"]["succeeded"], &run["remaining"]),
        (&3.into(), &1.into())
    );
    let done = again(out).run().exits(0);
    assert_eq!(done.run_file()["total"], was["total"]);
    assert!(done.run_file()["counted"].is_null() && done.run_file()["resume"].is_null());
}

#[test]
fn a_run_file_that_cannot_be_counted_anew_is_said_behind_what_was_repaired() {
    let out = first();
    let whole = out.text("out.jsonl");
    let out = out.file("out.jsonl", whole.replacen("{\"custom_id\"", "oops", 1));
    std::fs::create_dir(out.directory.path().join("out.run.json.promptmill-new")).unwrap();
    let out = out.again("repair").args(["out.jsonl"]).run().exits(74);
    assert!(
        out.stdout.contains("1 line that cannot be read"),
        "{}",
        out.stdout
    );
    out.says("error: cannot open out.run.json.promptmill-new: ");
}

#[test]
fn only_a_file_can_be_added() {
    let out = first()
        .again("repair")
        .args(["out.jsonl", "--add", "/dev/zero"])
        .run();
    out.exits(2)
        .says("--add /dev/zero: not a regular file; name the one that `run` has rescued");
}

#[test]
fn repair_and_reparse_want_an_output_that_is_there() {
    for verb in ["repair", "reparse"] {
        Job::new(verb)
            .args(["tags.jsonl"])
            .run()
            .exits(2)
            .says("error: tags.jsonl: no such output; name the file given to `run`");
    }
}

#[test]
fn repair_and_reparse_want_the_output_and_not_a_file_beside_it() {
    let mut out = first();
    for verb in ["repair", "reparse"] {
        for name in ["out.failed.jsonl", "out.run.json", "out.lock"] {
            out = out.again(verb).args([name]).run().exits(2);
            let expected =
                format!("error: {name} belongs to the output out.jsonl: give out.jsonl\n");
            assert_eq!(out.stderr, expected);
        }
    }
    let directory = std::fs::read_dir(out.directory.path()).unwrap();
    let names = directory.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let locks = names.filter(|name| name.ends_with(".lock"));
    assert_eq!(locks.collect::<Vec<_>>(), ["out.lock"], "stray locks");
}

#[test]
fn a_row_that_stands_twice_is_refused_and_repair_takes_the_later_line_out() {
    let out = Job::over("id,text\na,one\nb,two\n").args(["-t", "{{ text }}"]);
    let out = out.run().exits(0);
    let lines = out.text("out.jsonl");
    let out = out.file("prompts.csv", ROWS);
    let out = out.file("out.jsonl", format!("{lines}{lines}"));
    let row = if lines.starts_with("{\"custom_id\":\"a\"") {
        1
    } else {
        2
    };
    let said = format!("out.jsonl: row {row} appears twice (lines 1 and 3): ");
    let plan = out.again("plan").on_the_emulator("prompts.csv");
    let plan = plan.args(["-t", "{{ text }}"]).run().exits(2);
    assert!(plan.stdout.contains(&said), "{}", plan.stdout);
    let out = again(plan).run().exits(2).says(&said);
    let out = out.says("move the later line to a backup with `promptmill repair`");
    assert_eq!(out.text("out.jsonl"), format!("{lines}{lines}"));
    let out = out.again("repair").args(["out.jsonl"]).run().exits(0);
    assert_eq!(out.text("out.jsonl"), lines);
    let done = again(out).run().exits(0);
    assert_eq!(done.answered(), "a b c d");
    let run = done.run_file();
    assert_eq!(
        (&run["total"]["succeeded"], &run["remaining"]),
        (&4.into(), &0.into())
    );
    assert_eq!(run["this_run"]["calls"], 2);
}

#[test]
fn rows_of_another_job_and_files_that_are_not_there_are_not_added() {
    let out = first();
    let lines = out.text("out.jsonl");
    let other = lines.replace(NOVA, "amazon.nova-pro-v1:0");
    let other = other.replace("\"custom_id\":\"", "\"custom_id\":\"other-");
    let out = out.file("other.jsonl", other);
    let add = |out: Out, name: &str| {
        let job = out.again("repair").args(["out.jsonl", "--add", name]);
        let out = job.run().exits(2);
        assert_eq!(out.text("out.jsonl"), lines);
        out
    };
    let out = add(out, "other.jsonl").says(
        "error: other.jsonl: line 1 is from model amazon.nova-pro-v1:0, but out.jsonl contains \
         amazon.nova-lite-v1:0: these rows belong to another job; nothing was added\n",
    );
    let out = add(out, "nofile").says("error: --add nofile: no such file");
    add(out, "prompts.csv").says(
        "error: prompts.csv has no line written by promptmill: give the file of rescued rows that a run \
         named; nothing was added\n",
    );
}

#[test]
fn changed_rows_run_again_when_asked_and_the_others_stay() {
    let out = first();
    let before = out.answers();
    let changed = ROWS.replace("two", "zwei").replace("four", "vier");
    let out = again(out.file("prompts.csv", &changed)).run().exits(2);
    let out =
        out.says("2 of 4 completed rows would now send a different request (row 2 (b), row 4 (d))");
    let plan = out.again("plan").on_the_emulator("prompts.csv");
    let plan = plan
        .args(["-t", "{{ text }}", "--redo-changed"])
        .run()
        .exits(0);
    let expected = "(2 succeeded, 0 failed, 2 remaining";
    assert!(plan.stdout.contains(expected), "{}", plan.stdout);
    let done = again(plan).args(["--redo-changed"]).run().exits(0);
    let after = done.answers();
    assert_eq!(done.answered(), "a b c d");
    assert_eq!(done.run_file()["this_run"]["calls"], 2);
    assert_eq!(done.run_file()["total"]["succeeded"], 4);
    assert_eq!((&after["a"], &after["c"]), (&before["a"], &before["c"]));
    let answer = after["b"]["completion"].as_str().unwrap();
    assert!(answer.starts_with(&digest("zwei")), "{answer}");
    let aside = done.file_named("out.before-");
    let aside = done.lines(&aside);
    assert!(aside.values().eq([&before["b"], &before["d"]]));
    let done = again(done).args(["--redo-changed"]).run().exits(0);
    assert_eq!(done.run_file()["this_run"]["calls"], 0);
}

#[test]
fn a_row_that_failed_and_has_changed_is_redone_too() {
    let broken = "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n\
                  [[fault]]\nkind = \"not_json\"\nmatching = \"two\"\n";
    let out = Job::over(ROWS)
        .scenario(broken)
        .args(["-t", "{{ text }}"])
        .run()
        .exits(3);
    let out = out.file("prompts.csv", ROWS.replace("two", "zwei"));
    let done = again(out).args(["--redo-changed"]).run().exits(0);
    assert_eq!(done.answered(), "a b c d");
    assert_eq!(done.text("out.failed.jsonl"), "");
}

#[test]
fn reparse_reads_kept_bodies_again_without_a_call() {
    let broken = "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n\
                  [[fault]]\nkind = \"not_json\"\nmatching = \"two\"\n\
                  [[fault]]\nkind = \"not_json\"\nmatching = \"four\"\n";
    let out = Job::over(ROWS)
        .scenario(broken)
        .args(["-t", "{{ text }}", "--max-attempts", "1"])
        .run()
        .exits(3);
    let failed = out.failures();
    let body = serde_json::json!({
        "output": { "message": { "role": "assistant", "content": [{ "text": "understood" }] } },
        "stopReason": "end_turn",
        "usage": { "inputTokens": 1000, "outputTokens": 1000 },
    });
    let mut line = failed["b"].clone();
    line["raw"] = body.clone();
    let text = format!("{line}\n{}\n", failed["d"]);
    let out = out.file("out.failed.jsonl", text);
    let out = out.again("reparse").args(["out.jsonl"]).run().exits(0);
    let said = "out.jsonl: 1 response re-parsed, 1 still cannot be parsed, 0 without a stored body\n\
                out.jsonl: row 4: the answer is not JSON: ";
    assert!(out.stdout.starts_with(said), "{}", out.stdout);
    assert_eq!(out.answered(), "a b c d".replace(" d", ""));
    assert_eq!(out.failures().into_keys().collect::<String>(), "d");
    let answer = &out.answers()["b"];
    assert_eq!(answer["completion"], "understood");
    assert_eq!(answer["fingerprint"], failed["b"]["fingerprint"]);
    assert_eq!(answer["request_id"], failed["b"]["request_id"]);
    assert_eq!(answer["raw"], body);
    // amazon.nova-lite-v1:0: $0.00006 and $0.00024 per 1,000 tokens (catalog).
    assert_eq!(answer["cost_usd"], 0.0003, "{NOVA}");
    let total = &out.run_file()["total"];
    assert_eq!(
        (&total["succeeded"], &total["failed"]),
        (&3.into(), &1.into())
    );
    assert_eq!(out.run_file()["counted"]["by"], "reparse");
    assert!(0.0 < failed["b"]["maybe_billed_usd"].as_f64().unwrap());
    assert_eq!(answer["maybe_billed_usd"], serde_json::Value::Null);
    assert_eq!(
        (&failed["b"]["maybe_billed"], &answer["maybe_billed"]),
        (&1.into(), &0.into())
    );
    assert_eq!(answer["service_tier"], "default");
    let done = again(out).run().exits(3);
    assert_eq!(done.run_file()["this_run"]["calls"], 0);
    assert_eq!(done.run_file()["total"]["succeeded"], 3);
}

/// The one row of a job fails, and then its line has this body, and `more` than it had.
fn reparsed(model: &str, body: &serde_json::Value, more: &serde_json::Value) -> serde_json::Value {
    let broken =
        "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n[[fault]]\nkind = \"not_json\"\n";
    let job = Job::new("run").file("prompts.csv", "id,text\nb,two\n");
    let job = job.args(["-i", "prompts.csv", "-o", "out.jsonl", "-t", "{{ text }}"]);
    let out = job.args(["-m", model]).scenario(broken).run().exits(3);
    let mut line = out.failures()["b"].clone();
    line["raw"] = body.clone();
    for (key, value) in more.as_object().unwrap() {
        line[key] = value.clone();
    }
    let out = out.file("out.failed.jsonl", format!("{line}\n"));
    let out = out.again("reparse").args(["out.jsonl"]).run().exits(0);
    assert!(
        out.stdout.contains("1 response re-parsed"),
        "{}",
        out.stdout
    );
    out.answers()["b"].clone()
}

#[test]
fn reparse_puts_the_chunks_of_a_streamed_answer_together() {
    let chunks = serde_json::json!([
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "under"}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "stood"}, "contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 1000, "outputTokens": 1000}}},
    ]);
    let answer = reparsed(NOVA, &chunks, &serde_json::json!({}));
    assert_eq!(answer["completion"], "understood");
    assert_eq!(answer["cost_usd"], 0.0003);
}

#[test]
fn reparse_prices_by_the_tier_of_the_call_and_keeps_what_the_job_keeps() {
    let model = "openai.gpt-oss-20b-1:0";
    let body = serde_json::json!({
        "choices": [{"message": {"role": "assistant", "content": "<reasoning>hm</reasoning>so"},
                     "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 1000},
    });
    let told = |more| reparsed(model, &body, &more);
    let usual = told(serde_json::json!({}));
    assert_eq!(
        (&usual["completion"], &usual["reasoning"]),
        (&"so".into(), &().into())
    );
    let kept = told(serde_json::json!({"keeps_reasoning": true}));
    assert_eq!(kept["reasoning"], "hm");
    let usd = |line: &serde_json::Value| line["cost_usd"].as_f64();
    let flex = told(serde_json::json!({"service_tier": "flex"}));
    assert!(usd(&flex) < usd(&usual), "{flex}");
    let unknown = told(serde_json::json!({"service_tier": null}));
    assert_eq!(usd(&unknown), None);
    assert!(0.0 < unknown["maybe_billed_usd"].as_f64().unwrap());
}

#[test]
fn reparse_prices_optimized_latency_as_a_run_does() {
    let job = |body: &str| {
        let job = Job::new("run").file("prompts.csv", "id,text\nb,two\n");
        let args = ["-i", "prompts.csv", "-o", "out.jsonl", "-t", "{{ text }}"];
        job.args(args)
            .args(["-m", NOVA, "--latency", "optimized"])
            .scenario(&format!(
                "[latency]\nfirst_token_ms = 0\nper_token_ms = 0\n{body}"
            ))
            .run()
    };
    let answered = job("").exits(0).answers()["b"].clone();
    let out = job("[[fault]]\nkind = \"not_json\"\n").exits(3);
    let mut line = out.failures()["b"].clone();
    assert_eq!(line["latency_mode"], "optimized");
    line["raw"] = serde_json::json!({
        "output": {"message": {"role": "assistant", "content": [{"text": "so"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1000, "outputTokens": 1000},
    });
    let out = out.file("out.failed.jsonl", format!("{line}\n"));
    let out = out.again("reparse").args(["out.jsonl"]).run().exits(0);
    let reparsed = &out.answers()["b"];
    assert_eq!(reparsed["completion"], "so", "{reparsed}");
    for line in [&answered, reparsed] {
        assert_eq!(line["cost_usd"], serde_json::Value::Null, "{line}");
        assert_eq!(line["latency_mode"], "optimized");
    }
}
