//! An output as the input of a judge, and what the judge said as scores of it.

use serde_json::{Value, json};

use crate::harness::{Job, NOVA, Out, QUICK};

const GPT: &str = "openai.gpt-oss-20b-1:0";

const SCHEMA: &str = r#"{"type":"object","properties":{"correct":{"type":"boolean"},"clarity":{"type":"integer"}},"required":["correct","clarity"],"additionalProperties":false}"#;

/// What the judge says of an answer: it is correct if it ends in the reference.
const VERDICTS: &str = r#"
[latency]
first_token_ms = 0
per_token_ms = 0
[[answer]]
matching = "one=one"
text = '{"correct":true,"clarity":5}'
[[answer]]
matching = "two=one"
text = '{"correct":false,"clarity":2}'
"#;

/// An output of two variants with two samples each; both answer `one`, which is right for `a` alone.
fn answers() -> Out {
    let job = format!(
        "[input]\npath = \"in.csv\"\nid = \"id\"\nkeep = [\"right\"]\n\
         [output]\npath = \"out.jsonl\"\n[model]\nmax_tokens = 40\n\
         [prompt]\ntemplate = \"{{{{ id }}}}\"\n\
         [sweep]\nmodel = [\"{NOVA}\", \"{GPT}\"]\nsamples = 2\n"
    );
    let scenario = format!("{QUICK}\n[[answer]]\ntext = \"one\"\n");
    Job::new("run")
        .file("in.csv", "id,right\na,one\nb,two\n")
        .file("job.toml", job)
        .scenario(&scenario)
        .args(["job.toml"])
        .run()
        .exits(0)
}

fn judge(out: Out, more: [&str; 4]) -> Job {
    out.file("scenario.toml", VERDICTS)
        .file("schema.json", SCHEMA)
        .again("run")
        .args(["--endpoint-url", "emulator", "--scenario", "scenario.toml"])
        .args(["-m", NOVA, "--schema", "schema.json"])
        .args(["-t", "{{ metadata.right }}={{ completion }}"])
        .args(more)
}

const OVER_OUT: [&str; 4] = ["-i", "out.jsonl", "-o", "judged.jsonl"];

#[test]
fn records_of_a_sweep_are_rows_with_ids_of_their_own() {
    let out = judge(answers(), OVER_OUT).run().exits(0);
    let judged = out.lines("judged.jsonl");
    assert_eq!(judged.len(), 8);
    assert_eq!(
        judged["a#nova-lite#1"]["output"],
        json!({"correct": true, "clarity": 5})
    );
    assert_eq!(
        judged["b#gpt-oss-20b-1#2"]["output"],
        json!({"correct": false, "clarity": 2})
    );
    // What the judge made of its schema is reached the same way by the next job.
    let next = out.again("run").scenario(QUICK);
    let next = next.args(["-i", "judged.jsonl", "-o", "next.jsonl", "-m", NOVA]);
    let next = next.args([
        "-t",
        "{{ output.clarity }} {{ output.correct }}",
        "--id",
        "custom_id",
    ]);
    let _ = next.run().exits(0).says("8 of 8 rows succeeded");
}

#[test]
fn what_a_judge_said_is_scored_by_variant() {
    let checks = "[[check]]\nname = \"right\"\ntype = \"equals\"\non = \"/judged/correct\"\nvalue = true\n\
                  [[check]]\nname = \"clear\"\ntype = \"number\"\non = \"/judged/clarity\"\nmin = 4\n";
    let out = judge(answers(), OVER_OUT)
        .run()
        .exits(0)
        .file("checks.toml", checks);
    let score = |out: Out, more: [&str; 3]| {
        let job = out.again("score").args(["out.jsonl", "checks.toml"]);
        job.args(more)
    };
    let out = score(out, ["--from", "judged.jsonl", "--json"])
        .run()
        .exits(0);
    let report: Value = serde_json::from_str(&out.stdout).unwrap();
    for score in report["scores"].as_array().unwrap() {
        let counted = ["n", "passed", "missing"].map(|key| score[key].as_u64().unwrap());
        assert_eq!(counted, [4, 2, 0], "{score}");
    }
    let judged = &report["judged"];
    assert_eq!(
        judged.as_array().unwrap().len(),
        2,
        "a boolean has no mean: {judged}"
    );
    assert_eq!(judged[0]["variant"], "gpt-oss-20b-1");
    assert_eq!(
        (&judged[0]["score"], &judged[0]["n"]),
        (&json!("clarity"), &json!(4))
    );
    assert_eq!(judged[0]["mean"], 3.5);
    // Two rows with means of 5 and 2: the standard error is 1.5, whatever the samples are.
    let low = judged[0]["interval_95"][0].as_f64().unwrap();
    assert!(
        (low - (3.5 - 1.959_963_984_540_054 * 1.5)).abs() < 1e-9,
        "{low}"
    );
    // A record that was not judged has no such value, and is not wrong.
    let judged = out.text("judged.jsonl");
    let fewer: String = judged
        .lines()
        .filter(|line| !line.contains("b#nova-lite#2"))
        .map(|line| format!("{line}\n"))
        .collect();
    let out = out.file("judged.jsonl", fewer);
    let out = score(out, ["--from", "judged.jsonl", "--json"])
        .run()
        .exits(0);
    let report: Value = serde_json::from_str(&out.stdout).unwrap();
    let nova = &report["scores"][2];
    assert_eq!(
        (&nova["variant"], &nova["n"], &nova["missing"]),
        (&json!("nova-lite"), &json!(3), &json!(1))
    );
    let out = score(out, ["--from", "judged.jsonl", "--by=right"])
        .run()
        .exits(0);
    assert!(
        out.stdout
            .contains("nova-lite, two, clarity: judged 2.00 on average over 1 record\n"),
        "{}",
        out.stdout
    );
}

#[test]
fn two_variants_are_compared_row_by_row() {
    let checks = "[[check]]\nname = \"right\"\ntype = \"equals\"\nreference = \"right\"\n";
    let scenario = format!(
        "{QUICK}\n[[answer]]\nmatching = \"think\"\ntext = \"one\"\n[[answer]]\ntext = \"two\"\n"
    );
    let job = format!(
        "[input]\npath = \"in.csv\"\nid = \"id\"\nkeep = [\"right\"]\n[output]\npath = \"out.jsonl\"\n\
         [model]\nid = \"{NOVA}\"\nmax_tokens = 40\n\
         [[sweep.prompt]]\nname = \"plain\"\ntemplate = \"{{{{ id }}}}\"\n\
         [[sweep.prompt]]\nname = \"steps\"\ntemplate = \"think {{{{ id }}}}\"\n"
    );
    let rows = "id,right\na,one\nb,two\nc,one\nd,one\n";
    let out = Job::new("run")
        .file("in.csv", rows)
        .file("job.toml", job)
        .scenario(&scenario);
    let out = out
        .args(["job.toml"])
        .run()
        .exits(0)
        .file("checks.toml", checks);
    let compare = |out: Out, one: &str, other: &str| {
        let job = out.again("score").args(["out.jsonl", "checks.toml"]);
        job.args(["--compare", one, other]).run()
    };
    let out = compare(out, "nova-lite/steps", "nova-lite/plain").exits(0);
    let said = "nova-lite/steps compared with nova-lite/plain:\n\
                right: +50.0 points over 4 rows (95 %: -48.0 to +148.0); 1 passed only there, 3 only here; McNemar p = 0.625\n";
    assert!(out.stdout.contains(said), "{}", out.stdout);
    let out = compare(out, "nova-lite/step", "nova-lite/plain").exits(2);
    let out = out.says("--compare: no variant `nova-lite/step`; did you mean nova-lite/steps? (variants: nova-lite/plain, nova-lite/steps)");
    let plain: String = out
        .text("out.jsonl")
        .lines()
        .take(1)
        .map(|line| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            for name in ["variant", "sample", "params"] {
                record.as_object_mut().unwrap().remove(name);
            }
            format!("{record}\n")
        })
        .collect();
    let out = compare(out.file("out.jsonl", plain), "a", "b").exits(2);
    let _ = out.says("--compare: the output has no variants: its job had no [sweep]");
}

#[test]
fn what_cannot_be_joined_is_rejected_with_its_place() {
    let plain = "[[check]]\ntype = \"length\"\nmin = 1\n";
    let of_judge =
        "[[check]]\nname = \"right\"\ntype = \"equals\"\non = \"/judged/correct\"\nvalue = true\n";
    let line = |id: &str, more: &str| {
        format!(
            "{{\"custom_id\":\"{id}\",\"row\":1,\"status\":\"succeeded\"{more},\"fingerprint\":null}}\n"
        )
    };
    let verdict = ",\"output\":{\"correct\":true}";
    let records = line("a", ",\"completion\":\"x\"");
    for (checks, judged, said) in [
        (
            of_judge,
            None,
            "check `right` looks at what a judge said: give the judge's output with --from",
        ),
        (
            plain,
            Some(String::new()),
            "--from judged.jsonl: no record in it",
        ),
        (
            plain,
            Some("x\n".to_owned()),
            "--from judged.jsonl: line 1 is not a record of promptmill",
        ),
        (
            plain,
            Some(line("a", "")),
            "--from judged.jsonl: line 1 has no `output`; a judge's job needs a [schema]",
        ),
        (
            plain,
            Some(line("a", verdict) + &line("a", verdict)),
            "--from judged.jsonl: line 2 is a second record of `a`; judge with one variant and one sample",
        ),
        (
            plain,
            Some(line("b", verdict)),
            "judged.jsonl: none of its records is of a record of out.jsonl; IDs here are such as b, and there such as a",
        ),
    ] {
        let mut job = Job::new("score")
            .file("out.jsonl", &records)
            .file("checks.toml", checks);
        job = job.args(["out.jsonl", "checks.toml"]);
        if let Some(judged) = judged {
            job = job
                .file("judged.jsonl", judged)
                .args(["--from", "judged.jsonl"]);
        }
        let _ = job.run().exits(2).says(said);
    }
    let job = Job::new("score")
        .file("out.jsonl", &records)
        .file("checks.toml", plain);
    let job = job.args(["out.jsonl", "checks.toml", "--from", "none.jsonl"]);
    let _ = job
        .run()
        .exits(2)
        .says("--from none.jsonl: cannot be read: ");
    let checks = "[[check]]\ntype = \"number\"\nmin = 1\ntolerance = 0.5\n";
    let job = Job::new("score")
        .file("out.jsonl", &records)
        .file("checks.toml", checks);
    let job = job.args(["out.jsonl", "checks.toml"]);
    let _ = job
        .run()
        .exits(2)
        .says("`tolerance` has no effect on type = \"number\"");
}
