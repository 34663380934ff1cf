//! `promptmill export`: what it writes, in which order, and what it refuses.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};

use crate::harness::{Job, Out};

/// A record of a row that succeeded.
fn record(row: u64, more: Value) -> String {
    let mut record = json!({
        "custom_id": format!("r{row}"), "row": row, "status": "succeeded", "completion": "Paris",
        "finish_reason": "stop", "stop_reason": null, "model": "amazon.nova-lite-v1:0",
        "usage": {"input_tokens": 7, "output_tokens": 5}, "cost_usd": 0.001, "attempts": 1,
        "fingerprint": "0123456789abcdef", "metadata": {"lang": "fr"},
    });
    let more = more.as_object().unwrap().clone();
    record.as_object_mut().unwrap().extend(more);
    format!("{record}\n")
}

fn failed(row: u64) -> String {
    let error = json!({"category": "server_error", "code": null, "status_code": 500, "message": "no, \"not\" now"});
    let record = json!({
        "custom_id": format!("r{row}"), "row": row, "status": "failed", "error": error,
        "model": "amazon.nova-lite-v1:0", "attempts": 3, "fingerprint": null, "metadata": null,
    });
    format!("{record}\n")
}

/// Three rows of which the second failed, in the order in which they completed.
fn exporting() -> Job {
    let output = record(3, json!({"completion": "Rome", "metadata": {"lang": "it"}}))
        + &record(1, json!({}));
    Job::new("export")
        .file("out.jsonl", output)
        .file("out.failed.jsonl", failed(2))
        .args(["out.jsonl"])
}

/// The IDs of an export as JSON Lines.
fn ids(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ids = lines.map(|line| line["custom_id"].as_str().unwrap().to_owned());
    ids.collect::<Vec<_>>().join(" ")
}

#[test]
fn records_are_exported_as_they_are_in_the_order_of_the_input() {
    let out = exporting().args(["-o", "all.jsonl"]).run().exits(0);
    assert_eq!(out.stdout, "all.jsonl: 3 records, 1 of failed rows\n");
    let expected = record(1, json!({}))
        + &failed(2)
        + &record(3, json!({"completion": "Rome", "metadata": {"lang": "it"}}));
    assert_eq!(out.text("all.jsonl"), expected);
    let out = exporting().args(["-o", "-"]).run().exits(0);
    assert_eq!((out.stdout, out.stderr.as_str()), (expected, ""));
    let out = exporting().args(["-o", "-", "--unordered"]).run().exits(0);
    assert_eq!(ids(&out.stdout), "r3 r1 r2");
}

#[test]
fn csv_has_a_column_for_each_field_and_its_values_are_typed() {
    let out = exporting().args(["-o", "all.csv"]).run().exits(0);
    let expected = "\
custom_id,row,status,completion,finish_reason,stop_reason,model,usage.input_tokens,usage.output_tokens,\
cost_usd,error.category,error.code,error.status_code,error.message,attempts,fingerprint,metadata.lang
r1,1,succeeded,Paris,stop,,amazon.nova-lite-v1:0,7,5,0.001,,,,,1,0123456789abcdef,fr
r2,2,failed,,,,amazon.nova-lite-v1:0,,,,server_error,,500,\"no, \"\"not\"\" now\",3,,
r3,3,succeeded,Rome,stop,,amazon.nova-lite-v1:0,7,5,0.001,,,,,1,0123456789abcdef,it
";
    assert_eq!(out.text("all.csv"), expected);
}

#[test]
fn columns_are_those_that_were_asked_for() {
    let columns = "metadata.lang,custom_id,usage,reasoning";
    let out = exporting()
        .args(["-o", "-", "--to", "csv", "--columns", columns])
        .run()
        .exits(0);
    let usage = "\"{\"\"input_tokens\"\":7,\"\"output_tokens\"\":5}\"";
    let expected = format!("{columns}\nfr,r1,{usage},\n,r2,,\nit,r3,{usage},\n");
    assert_eq!(out.stdout, expected);
    let out = exporting()
        .args(["-o", "-", "--columns", "row", "--columns", "metadata.lang"])
        .run()
        .exits(0);
    let expected = "{\"row\":1,\"metadata.lang\":\"fr\"}\n{\"row\":2,\"metadata.lang\":null}\n\
                    {\"row\":3,\"metadata.lang\":\"it\"}\n";
    assert_eq!(out.stdout, expected);
}

#[test]
fn conditions_leave_records_out_and_failed_rows_go_where_they_are_wanted() {
    let out = exporting()
        .args(["-o", "-", "--where", "status!=failed"])
        .args(["--where", "metadata.lang=it"])
        .run()
        .exits(0);
    assert_eq!(ids(&out.stdout), "r3");
    let out = exporting()
        .args(["-o", "-", "--failed", "none"])
        .run()
        .exits(0);
    assert_eq!(ids(&out.stdout), "r1 r3");
    let out = exporting()
        .args(["-o", "a.jsonl", "--failed", "apart", "--json"])
        .run()
        .exits(0);
    assert_eq!(ids(&out.text("a.jsonl")), "r1 r3");
    assert_eq!(ids(&out.text("a.failed.jsonl")), "r2");
    let told: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(
        told,
        json!({"ok": true, "file": "a.jsonl", "records": 3, "failed": 1, "left_out": 0})
    );
    exporting()
        .args(["-o", "-", "--failed", "apart"])
        .run()
        .exits(2)
        .says("--failed apart: standard output is one file; name another with -o");
}

#[test]
fn a_text_that_a_spreadsheet_would_run_is_guarded_unless_it_is_asked_for() {
    let records = record(
        1,
        json!({"completion": "=HYPERLINK(\"http://x\")", "metadata": {"+a": "-5"}}),
    );
    let job = || {
        let job = Job::new("export").file("out.jsonl", &records);
        job.args(["out.jsonl", "-o", "-", "--to", "csv"])
            .args(["--columns", "completion,metadata.+a"])
    };
    let out = job().run().exits(0);
    let expected = "completion,metadata.+a\n\"'=HYPERLINK(\"\"http://x\"\")\",-5\n";
    assert_eq!(out.stdout, expected);
    let out = job().args(["--keep-formulas", "--bom"]).run().exits(0);
    assert_eq!(
        out.stdout,
        format!("\u{feff}{}", expected.replace('\'', ""))
    );
    exporting()
        .args(["-o", "a.jsonl", "--bom"])
        .run()
        .exits(2)
        .says("--bom is for CSV");
}

#[test]
fn cells_of_a_sweep_are_in_order_and_keep_what_tells_them_apart() {
    let cell = |variant: &str, sample: u64| {
        let more = json!({"variant": variant, "sample": sample, "params": {"temperature": 0.5}});
        record(1, more)
    };
    let records = cell("b", 1) + &record(2, json!({})) + &cell("a", 2) + &cell("a", 1);
    let columns = "row,variant,sample,params.temperature";
    let out = Job::new("export")
        .file("out.jsonl", &records)
        .args(["out.jsonl", "-o", "-", "--to", "csv", "--columns", columns])
        .run()
        .exits(0);
    let expected = format!("{columns}\n1,a,1,0.5\n1,a,2,0.5\n1,b,1,0.5\n2,,,\n");
    assert_eq!(out.stdout, expected);
    Job::new("export")
        .file("out.jsonl", records + &cell("a", 2))
        .args(["out.jsonl", "-o", "-"])
        .run()
        .exits(2)
        .says("row 1 (r1), variant a, sample 2 has two records");
}

#[test]
fn what_cannot_be_exported_is_said_with_its_place_and_nothing_is_written() {
    #[track_caller]
    fn check<const N: usize>(args: [&str; N], says: &str) {
        let out = exporting()
            .file("kept.csv", "old")
            .args(args)
            .run()
            .exits(2)
            .says(says);
        assert_eq!(out.text("kept.csv"), "old");
    }
    check(
        ["-o", "kept.csv", "--columns", "completon"],
        "--columns: no record has `completon`; did you mean completion?",
    );
    check(
        ["-o", "kept.csv", "--where", "metadata.land=fr"],
        "--where: no record has `metadata.land`; did you mean metadata.lang?",
    );
    check(
        ["-o", "kept.csv", "--where", "status"],
        "it takes FIELD=VALUE",
    );
    check(["-o", "kept.csv", "--to", "xlsx"], "xlsx");
    check(["-o", "kept.csv", "--columns", "row,,"], "a name is empty");
    check(
        ["-o", "out.jsonl"],
        "-o out.jsonl: it is a file of the output",
    );
    check(["-o", "./out.failed.jsonl"], "it is a file of the output");
    check(["-o", "."], "names no file");
    check(["-o", "none/a.csv"], "no folder none; create it first");
    check(["-o", "kept.csv/a.csv"], "kept.csv is not a folder");
    check(["-o", "/dev/null"], "it is no regular file");
    check(
        ["-o", "-", "--json"],
        "--json: standard output has the export",
    );
    Job::new("export")
        .args(["none.jsonl", "-o", "a.csv"])
        .run()
        .exits(2)
        .says("none.jsonl: no such output");
    Job::new("export")
        .file("notes.txt", "")
        .args(["notes.txt", "-o", "a.csv"])
        .run()
        .exits(2)
        .says("notes.txt does not end in .jsonl");
    Job::new("export")
        .file("rows.jsonl", "{\"text\":\"a\"}\n")
        .args(["rows.jsonl", "-o", "a.csv"])
        .run()
        .exits(2)
        .says("rows.jsonl: line 1 is not a record of promptmill");
}

#[test]
fn a_file_is_replaced_for_the_people_of_the_output_and_a_link_stays_what_it_leads_to() {
    let job = exporting()
        .file("theirs", "theirs")
        .args(["-o", "link.csv"]);
    symlink("theirs", job.path("link.csv")).unwrap();
    fs::set_permissions(job.path("out.jsonl"), fs::Permissions::from_mode(0o640)).unwrap();
    let out = job.run().exits(0);
    assert_eq!(out.text("theirs"), "theirs");
    assert!(out.text("link.csv").starts_with("custom_id,"));
    let mode = |out: &Out, name| {
        fs::metadata(out.directory.path().join(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode(&out, "link.csv") & 0o777, 0o640);
    // A second export has the same bytes.
    let first = out.text("link.csv");
    let out = out
        .again("export")
        .args(["out.jsonl", "-o", "link.csv"])
        .run()
        .exits(0);
    assert_eq!(out.text("link.csv"), first);
}

#[test]
fn a_real_run_is_exported_in_order() {
    let csv: String = (1..=300).map(|nth| format!("text {nth}\n")).collect();
    let out = Job::over(&format!("text\n{csv}"))
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    let out = out
        .again("export")
        .args(["out.jsonl", "-o", "a.csv", "--columns", "row,completion"])
        .run()
        .exits(0);
    let text = out.text("a.csv");
    let rows: Vec<_> = text
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap().0)
        .collect();
    let expected: Vec<_> = (1..=300).map(|nth| nth.to_string()).collect();
    assert_eq!(rows, expected);
}
