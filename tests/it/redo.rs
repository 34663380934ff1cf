//! Nothing that was bought is bought again unasked: changed rows, changed ids, rows that are named.

use crate::harness::{Job, NOVA, Out, QUICK, Running, digest, pause};

/// `rows` rows of `id,text`, whose texts are one each.
fn table(rows: u32, id: impl Fn(u32) -> String, text: impl Fn(u32) -> String) -> String {
    let rows: String = (1..=rows)
        .map(|n| format!("{},{}\n", id(n), text(n)))
        .collect();
    format!("id,text\n{rows}")
}

fn plain(rows: u32) -> String {
    table(rows, |n| n.to_string(), |n| format!("text {n}"))
}

/// The same rows with their ids in a field of their own.
fn reviews(rows: u32) -> String {
    let rows: String = (1..=rows).map(|n| format!("R-{n},text {n}\n")).collect();
    format!("review_id,text\n{rows}")
}

fn first(csv: &str) -> Out {
    let job = Job::over(csv).args(["-t", "{{ text }}"]);
    job.run().exits(0)
}

/// The usual job again, with another input and more flags.
fn again(out: Out, verb: &str, csv: &str, more: &[&str]) -> Job {
    let job = out.again(verb).file("prompts.csv", csv);
    let job = job
        .on_the_emulator("prompts.csv")
        .args(["-t", "{{ text }}"]);
    more.iter().fold(job, |job, more| job.args([*more]))
}

fn calls(out: &Out) -> u64 {
    out.run_file()["this_run"]["calls"].as_u64().unwrap()
}

#[test]
fn naming_an_id_column_after_the_first_run_buys_nothing_again() {
    for more in [
        &["--id", "review_id"][..],
        &["--id", "review_id", "--limit", "2"],
    ] {
        let out = first(&reviews(30));
        let before = out.text("out.jsonl");
        let out = again(out, "run", &reviews(30), more).run().exits(2);
        assert_eq!(out.text("out.jsonl"), before, "{more:?}");
        let out = out.says(" only because they have another id now (row 1, now `R-1`");
        let out = out.says("leave out the id field `review_id`");
        assert_eq!(out.run_file()["stop"]["reason"], "changed_rows");
        let plan = again(out, "plan", &reviews(30), more).run().exits(2);
        assert!(
            plan.stdout.contains("have another id now"),
            "{}",
            plan.stdout
        );
        assert!(!plan.stdout.contains("no rows yet"), "{}", plan.stdout);
        assert!(
            plan.stdout.contains("30 rows more in the output"),
            "{}",
            plan.stdout
        );
    }
}

#[test]
fn ids_that_another_program_wrote_as_other_numbers_are_pointed_out() {
    // The prompts say the id, so that requests differ too.
    let prompt = |id: String| format!("text of {id}");
    let whole = table(30, |n| n.to_string(), |n| prompt(n.to_string()));
    for form in [|n: u32| format!("{n}.0"), |n: u32| format!("{n:03}")] {
        let floats = table(30, form, |n| prompt(form(n)));
        let out = again(first(&whole), "run", &floats, &[]).run().exits(2);
        let out = out.says("30 of 30 completed rows would run again, about $0.0");
        let out = out.says("the ids of 30 rows differ only in how a number is written");
        assert_eq!(out.answers().len(), 30);
        // What is asked for is done, and nothing is left of the old ids.
        let all = ["--redo-changed", "--max-redo", "100%"];
        let out = again(out, "run", &floats, &all).run().exits(0);
        assert_eq!((calls(&out), out.answers().len()), (30, 30));
        assert_eq!(out.run_file()["remaining"], 0);
        assert!(out.answers().contains_key(&form(7)));
        assert_eq!(out.lines(&out.file_named("out.before-")).len(), 30);
    }
}

#[test]
fn some_new_rows_that_repeat_a_request_that_is_gone_are_new_rows() {
    let out = first(&plain(60));
    // Rows 1 to 3 came back under other ids, among rows that are new.
    let rest: String = (4..=60).map(|n| format!("{n},text {n}\n")).collect();
    let more = format!("id,text\n{rest}x1,text 1\nx2,text 2\nx3,text 3\nx4,new\n");
    let out = again(out, "run", &more, &[]).run().exits(0);
    assert_eq!(calls(&out), 4);
    let _ = out.says("3 of 60 completed rows have another id now and run again under it, about $");
}

#[test]
fn a_request_that_other_rows_sent_too_is_nobodys_other_id() {
    let same = |id: fn(u32) -> String| table(8, id, |n| format!("text {}", n % 2));
    let out = first(&same(|n| format!("a{n}")));
    let out = again(out, "run", &same(|n| format!("b{n}")), &[])
        .run()
        .exits(0);
    assert_eq!(calls(&out), 8);
}

#[test]
fn more_changed_rows_than_max_redo_are_not_redone() {
    let changed = |rows: u32| {
        table(
            40,
            |n| n.to_string(),
            |n| match n <= rows {
                true => format!("new {n}"),
                false => format!("text {n}"),
            },
        )
    };
    for (rows, more, code) in [
        (5, &[][..], 0),
        (6, &[], 2),
        (6, &["--max-redo", "6"], 0),
        (6, &["--max-redo", "15%"], 0),
        (6, &["--max-redo", "14%"], 2),
        (1, &["--max-redo", "0"], 2),
    ] {
        let more = [&["--redo-changed"], more].concat();
        let out = again(first(&plain(40)), "run", &changed(rows), &more)
            .run()
            .exits(code);
        match code {
            0 => {
                assert_eq!(calls(&out), u64::from(rows), "{more:?}");
                let said =
                    format!("{rows} of 40 completed rows whose request changed run again, about $");
                let _ = out.says(&said).says("; their old lines are backed up\n");
            }
            _ => {
                assert_eq!(out.answers().len(), 40);
                let said = format!("{rows} of 40 completed rows would run again (row 1");
                let out = out.says(&said).says("about $0.000");
                let _ = out.says(&format!("give --max-redo {rows}"));
            }
        }
    }
}

#[test]
fn what_changed_is_named_settings_or_input_and_an_example_is_a_diff() {
    let keep = ["--keep", "text"];
    let start = || {
        Job::over(&plain(3))
            .args(["-t", "{{ text }}"])
            .args(keep)
            .run()
            .exits(0)
    };
    let csv = plain(3).replace("text 2", "text zwei");
    let out = again(start(), "run", &csv, &keep).run().exits(2);
    let out = out.says("1 of 3 completed rows would now send a different request (row 2)");
    let out = out.says("the settings are those of the last run, so rows of the input changed");
    let out = out.says("\n  row 2, `text`:\n  - text 2\n  + text zwei\n");
    // A command that does not start leaves the settings of the last run in place.
    let _ = again(out, "run", &csv, &keep)
        .run()
        .exits(2)
        .says("so rows of the input changed");
    for (more, said) in [
        (
            ["-t", "Say: {{ text }}", "-m", NOVA],
            "the settings changed: the template or system prompt;",
        ),
        (
            ["-t", "{{ text }}", "-m", "amazon.nova-micro-v1:0"],
            "the settings changed: the model (amazon.nova-lite-v1:0 → amazon.nova-micro-v1:0);",
        ),
        (
            ["--temperature", "0.5", "-m", NOVA],
            "the settings changed: the parameters;",
        ),
    ] {
        let job = start().again("run").scenario(QUICK);
        let job = job
            .args(["-i", "prompts.csv", "-o", "out.jsonl"])
            .args(more);
        let job = match more[0] {
            "-t" => job,
            _ => job.args(["-t", "{{ text }}"]),
        };
        let _ = job.run().exits(2).says(said);
    }
    // An output of an earlier version does not say what its settings were.
    let out = start();
    std::fs::remove_file(out.directory.path().join("out.run.json")).unwrap();
    let _ = again(out, "run", &csv, &keep)
        .run()
        .exits(2)
        .says("prompt, model or parameters changed;");
}

#[test]
fn a_plan_counts_what_would_be_redone() {
    let csv = plain(40).replace("text 1\n", "new 1\n");
    let redo = again(first(&plain(40)), "plan", &csv, &["--redo-changed"])
        .run()
        .exits(0);
    assert!(
        redo.stdout
            .contains("(39 succeeded, 0 failed, 1 remaining; 1 row more in the output"),
        "{}",
        redo.stdout
    );
    assert!(
        redo.stdout
            .contains("1 of 40 completed rows whose request changed run again, about $"),
        "{}",
        redo.stdout
    );
    let all = plain(40).replace("text ", "new ");
    let redo = again(redo, "plan", &all, &["--redo-changed"])
        .run()
        .exits(2);
    assert!(
        redo.stdout
            .contains("(0 succeeded, 0 failed, 40 remaining; 40 rows more in the output"),
        "{}",
        redo.stdout
    );
    assert!(
        redo.stdout.contains("give --max-redo 40"),
        "{}",
        redo.stdout
    );
}

#[test]
fn only_runs_the_named_rows_again_and_backs_up_their_lines() {
    let rows = plain(6);
    let out = first(&rows);
    let before = out.answers();
    let named = |out: Out, ids: &str, more: &[&str]| {
        let more = [&["--only", "ids.txt"], more].concat();
        again(out, "run", &rows, &more).file("ids.txt", ids)
    };
    let out = named(out, "2\r\n\n5\n", &["--json"]).run().exits(0);
    assert_eq!((calls(&out), out.answers().len()), (2, 6));
    let after = out.answers();
    for (id, line) in &before {
        assert_eq!(
            after[id] == *line,
            !["2", "5"].contains(&id.as_str()),
            "{id}"
        );
    }
    let backup = out.lines(&out.file_named("out.before-"));
    assert!(backup.values().eq([&before["2"], &before["5"]]));
    let out = out.says("2 completed rows of --only run again, about $");
    assert_eq!(out.run_file()["remaining"], 0);
    // A row that never ran is run; others that never ran are left.
    let out = named(out, "8", &[])
        .run()
        .exits(2)
        .says("--only ids.txt: 1 id is not in the input (`8`)");
    let out = named(out, "8", &[])
        .file("prompts.csv", plain(9))
        .run()
        .exits(0);
    assert_eq!((calls(&out), out.answers().len()), (1, 7));
    for more in ["--fresh", "--retry-failed", "--redo-changed", "--limit=1"] {
        let _ = named(first(&rows), "2", &[more])
            .run()
            .exits(2)
            .says("cannot be used with");
    }
    let _ = named(first(&rows), "\n", &[])
        .run()
        .exits(2)
        .says("no id in it");
}

#[test]
fn a_run_of_named_rows_that_was_stopped_resumes_and_pays_for_no_row_twice() {
    let rows = plain(8);
    let out = first(&rows);
    let slow = "[latency]\nfirst_token_ms = 400\nper_token_ms = 0\njitter = 0\n";
    let job = |out: Out, scenario: &str| {
        let job = out
            .again("run")
            .file("ids.txt", "2\n3\n5\n7\n")
            .scenario(scenario);
        let job = job.args([
            "-i",
            "prompts.csv",
            "-m",
            NOVA,
            "-o",
            "out.jsonl",
            "-c",
            "1",
        ]);
        job.args(["-t", "{{ text }}", "--only", "ids.txt"])
    };
    let mut running = job(out, slow).spawn();
    let lines = |running: &Running| {
        let text = std::fs::read_to_string(running.path("out.jsonl")).unwrap_or_default();
        text.lines().count()
    };
    while !(5..8).contains(&lines(&running)) {
        pause();
    }
    running.kill();
    let out = running.wait();
    let left = 8 - out.answers().len();
    assert!((1..=3).contains(&left), "{left}");
    let out = job(out, QUICK).run().exits(0);
    assert_eq!((calls(&out), out.answers().len()), (left as u64, 8));
    // Now that it is complete, the same command runs them all again.
    let out = job(out, QUICK).run().exits(0);
    assert_eq!((calls(&out), out.answers().len()), (4, 8));
    let answer = out.answers()["7"]["completion"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(answer.starts_with(&digest("text 7")), "{answer}");
}

#[test]
fn prompts_whose_fields_are_blank_are_counted_before_they_are_paid_for() {
    let rows = "id,text\na,one\nb,\nc,two\nd,\n";
    let said =
        "2 prompts contain only template text because their fields are blank: row 2 (b), row 4 (d)";
    let job = |verb: &str, template: &str| {
        let job = Job::new(verb).file("prompts.csv", rows);
        job.on_the_emulator("prompts.csv").args(["-t", template])
    };
    let plan = job("plan", "Say: {{ text }}").run().exits(0);
    assert!(plan.stdout.contains(said), "{}", plan.stdout);
    let _ = job("run", "Say: {{ text }}").run().exits(0).says(said);
    let plan = job("plan", "Say: {{ text }}")
        .args(["--json"])
        .run()
        .exits(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["rows"]["blank"]["count"], 2);
    // A template that names no field says so, and one that is nothing without its fields has bad rows.
    let plan = job("plan", "Say hello").run().exits(0);
    assert!(!plan.stdout.contains("are blank"), "{}", plan.stdout);
    let plan = job("plan", "{{ text }}").run().exits(2);
    assert!(plan.stdout.contains("2 cannot be sent"), "{}", plan.stdout);
}
