//! Limits of the user's own: each stops the run with 8, drained and resumable.

use crate::harness::{Job, NOVA, QUICK};

fn rows(count: usize) -> String {
    let rows: String = (0..count).map(|n| format!("r{n:03},text {n}\n")).collect();
    format!("id,text\n{rows}")
}

#[test]
fn a_budget_is_never_overshot_and_a_larger_one_goes_on() {
    // amazon.nova-lite-v1:0 costs $0.00006 and $0.00024 per 1,000 tokens (catalog), so at 400
    // tokens a call costs at most about a ten-thousandth of a dollar.
    let args = ["-t", "{{ text }}", "--max-tokens", "400", "-c", "4"];
    let out = Job::over(&rows(100))
        .args(args)
        .args(["--max-cost", "0.0012"])
        .run()
        .exits(8);
    let run = out.run_file();
    let spent = run["total"]["cost_usd"].as_f64().unwrap();
    assert!(spent <= 0.0012, "{spent}");
    assert!(0.0010 < spent, "the budget is used: {spent}");
    assert!(
        run["stopped_by"]
            .as_str()
            .unwrap()
            .starts_with("max_cost_usd"),
        "{run}"
    );
    assert_ne!(run["remaining"], 0);
    let out =
        out.says("what to do raise max_cost_usd; otherwise the same command stops immediately");
    // 100 rows take about ten times as much.
    let resume = run["resume"].as_str().unwrap();
    let (command, enough) = resume.split_once(" --max-cost ").unwrap();
    assert!(!command.contains("0.0012"), "{resume}");
    let enough = enough.to_owned();
    assert!(
        (0.0024..0.02).contains(&enough.parse().unwrap()),
        "{resume}"
    );

    let again = out.again("run").on_the_emulator("prompts.csv").args(args);
    let out = again.args(["--max-cost", "0.0012"]).run().exits(8);
    assert_eq!(
        out.run_file()["this_run"]["calls"],
        0,
        "what was spent before counts"
    );

    let again = out.again("run").on_the_emulator("prompts.csv").args(args);
    assert_eq!(
        again
            .args(["--max-cost", &enough])
            .run()
            .exits(0)
            .answers()
            .len(),
        100
    );
}

#[test]
fn what_is_merged_into_bodies_counts_for_the_budget() {
    // An answer of 300 tokens costs about 0.00007 dollars; of 16, as max_tokens has it, 0.000004.
    let long = format!("{QUICK}[output]\nmin_tokens = 300\nmean_tokens = 310\nmax_tokens = 320\n");
    let asked = [
        ["--extra", r#"{"inferenceConfig":{"maxTokens":400}}"#],
        [
            "--extra",
            r#"{"inferenceConfig":{"max_new_tokens":400,"maxTokens":400}}"#,
        ],
    ];
    for extra in asked {
        let out = Job::over(&rows(100))
            .scenario(&long)
            .args(["-t", "{{ text }}", "--max-tokens", "16", "-c", "32"])
            .args(extra)
            .args(["--max-cost", "0.0008"])
            .run()
            .exits(8);
        let spent = out.run_file()["total"]["cost_usd"].as_f64().unwrap();
        assert!((0.0006..=0.0008).contains(&spent), "{spent}");
    }
}

#[test]
fn several_answers_to_a_prompt_count_for_the_budget() {
    let body = r#"{"prompt":"p","max_tokens":100,"num_generations":5}"#;
    let input: String = (1..=3)
        .map(|n| format!("{{\"id\":{n},\"body\":{body}}}\n"))
        .collect();
    let job = |most: &str| {
        Job::new("run")
            .file("rows.jsonl", &input)
            .scenario(QUICK)
            .args(["-i", "rows.jsonl", "-o", "out.jsonl", "--body", "body"])
            .args([
                "-m",
                "cohere.command-text-v14",
                "-c",
                "1",
                "--max-cost",
                most,
            ])
            .run()
    };
    // 51 bytes of input at 0.001 and 500 tokens of output at 0.002 by 1,000: 0.001051 at worst.
    job("0.00105").exits(8).sent_nothing();
    assert!(!job("0.00106").answers().is_empty());
}

#[test]
fn a_budget_for_an_unknown_price_is_refused_until_a_price_is_given() {
    let job = |more: [&str; 2]| {
        Job::new("run")
            .file("prompts.csv", rows(3))
            .file("mine.toml", "[\"acme\"]\ninput_usd_per_1k = 1\n")
            .scenario(QUICK)
            .args(["-i", "prompts.csv", "-o", "out.jsonl", "-t", "{{ text }}"])
            .args(["-m", "amazon.nova-lite-v9:0", "--max-cost", "1"])
            .args(more)
            .run()
    };
    job(["--prices", "mine.toml"])
        .exits(2)
        .says("the price of `amazon.nova-lite-v9:0` is not known, so its cost cannot be limited")
        .sent_nothing();
    let priced = priced("").args(["-i", "prompts.csv", "-t", "{{ text }}"]);
    let priced = priced.run().exits(0);
    assert!(priced.answers()["r000"]["cost_usd"].as_f64().is_some());
}

/// A job with a budget for a model that is in no catalog, with prices and `more` of the user's own.
fn priced(more: &str) -> Job {
    let prices =
        "[\"amazon.nova-lite-v9:0\"]\ninput_usd_per_1k = 0.001\noutput_usd_per_1k = 0.002\n";
    Job::new("run")
        .file("prompts.csv", rows(3))
        .file("mine.toml", format!("{prices}{more}"))
        .scenario(QUICK)
        .args([
            "-o",
            "out.jsonl",
            "--max-cost",
            "9",
            "--prices",
            "mine.toml",
        ])
        .args(["-m", "amazon.nova-lite-v9:0"])
}

#[test]
fn a_budget_for_answers_of_any_length_is_refused_until_something_limits_them() {
    let body = r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}"#;
    let of_bodies = |more| {
        let job = priced(more).file("rows.jsonl", format!("{{\"body\":{body}}}\n"));
        job.args(["-i", "rows.jsonl", "--body", "body"])
    };
    of_bodies("").run().exits(2).sent_nothing().says(
        "row 1: the length of its completion is unlimited, and the cost is limited: give max_tokens, or the model's max_output_tokens in a --prices file, or remove the cost limit",
    );
    of_bodies("max_output_tokens = 500\n").run().exits(0);
}

/// A job of one row for a model of any name.
fn of_model<const N: usize>(model: &str, more: [&str; N]) -> Job {
    Job::new("run")
        .file("prompts.csv", rows(1))
        .file(
            "mine.toml",
            format!("[\"{model}\"]\ninput_usd_per_1k = 1\n"),
        )
        .scenario(QUICK)
        .args(["-i", "prompts.csv", "-o", "out.jsonl", "-t", "{{ text }}"])
        .args(["-m", model])
        .args(more)
}

#[test]
fn a_budget_in_a_tier_whose_price_is_unknown_is_refused() {
    for tier in ["flex", "reserved"] {
        Job::over("prompt\none\n")
            .args(["--max-cost", "1", "--service-tier", tier])
            .run()
            .exits(2)
            .says(&format!(
                "the price of `amazon.nova-lite-v1:0` in the service tier {tier} is not known, so \
                 its cost cannot be limited: leave the tier or the limit out"
            ))
            .sent_nothing();
    }
}

#[test]
fn a_price_of_half_a_call_is_no_price() {
    of_model(
        "amazon.nova-lite-v9:0",
        ["--max-cost", "9", "--prices", "mine.toml"],
    )
    .run()
    .exits(2)
    .says("the price of the output of `amazon.nova-lite-v9:0` is not known")
    .sent_nothing();
}

#[test]
fn a_limit_of_tokens_needs_a_burndown_that_is_known() {
    let newer = "anthropic.claude-zeta-9-v1:0";
    of_model(newer, ["--tokens-per-minute", "1000000"])
        .run()
        .exits(2)
        .says("`limits.burndown`: how many tokens of quota a token of this model's output costs")
        .sent_nothing();
    let told = ["--tokens-per-minute", "1000000", "--burndown", "10"];
    of_model(newer, told).run().exits(0);
    of_model(newer, []).run().exits(0);
}

#[test]
fn a_wrong_key_in_a_price_file_is_named_by_its_line() {
    Job::over(&rows(1))
        .file("mine.toml", "[\"amazon.nova-lite-v1:0\"]\nprice = 1\n")
        .args(["-t", "{{ text }}", "--prices", "mine.toml"])
        .run()
        .exits(2)
        .says("`model.prices`: mine.toml: line 2: unknown field `price`")
        .sent_nothing();
}

#[test]
fn a_deadline_lets_calls_in_flight_land() {
    let slow = "[latency]\nfirst_token_ms = 250\nper_token_ms = 0\njitter = 0\n";
    let out = Job::over(&rows(60))
        .scenario(slow)
        .args(["-t", "{{ text }}", "-c", "2", "--deadline", "1s"])
        .run()
        .exits(8);
    let run = out.run_file();
    assert_eq!(run["stopped_by"], "the deadline of 1 s");
    assert_eq!(run["this_run"]["maybe_billed"], 0);
    assert_eq!(run["this_run"]["calls"], out.answers().len());
}

#[test]
fn a_command_that_began_anew_is_not_the_one_that_goes_on() {
    let slow = "[latency]\nfirst_token_ms = 250\nper_token_ms = 0\njitter = 0\n";
    let job = |more: &[&str]| {
        let args = more
            .iter()
            .fold(Job::over(&rows(60)).scenario(slow), |job, arg| {
                job.args([*arg])
            });
        args.args(["-t", "{{ text }}", "-c", "2", "--deadline", "1s"])
            .run()
            .exits(8)
    };
    let out = job(&["--fresh"]).says("what to do run the command below again\n");
    assert!(
        !out.run_file()["resume"]
            .as_str()
            .unwrap()
            .contains("--fresh")
    );
    let _ = job(&[]).says("what to do run the same command again\n");
}

#[test]
fn a_rate_of_errors_needs_a_sample_and_then_stops_the_run() {
    let broken = format!("{QUICK}[[fault]]\nkind = \"not_json\"\nshare = 0.5\n");
    let out = Job::over(&rows(200))
        .scenario(&broken)
        .args(["-t", "{{ text }}", "-c", "1", "--max-error-rate", "5%"])
        .run()
        .exits(8);
    let run = out.run_file();
    assert_eq!(out.answers().len() + out.failures().len(), 50);
    assert!(
        run["stopped_by"]
            .as_str()
            .unwrap()
            .starts_with("max_error_rate: "),
        "{run}"
    );
}

#[test]
fn an_image_whose_answer_broke_off_does_not_use_up_the_day() {
    // 2 MB, which are no 2.7 million tokens.
    let image = "iVBORw0KGgo".to_owned() + &"A".repeat(2_700_000);
    let row = serde_json::json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{image}=")}},
    ]}]});
    let broken = format!("{QUICK}[[fault]]\nkind = \"short_body\"\nfirst = 1\n");
    let out = Job::new("run")
        .file("rows.jsonl", format!("{row}\n{row}\n"))
        .scenario(&broken)
        .args(["-i", "rows.jsonl", "-o", "out.jsonl", "-m", NOVA])
        .args(["--messages", "messages", "--tokens-per-day", "2000000"])
        .args(["-c", "1"])
        .run()
        .exits(0);
    assert_eq!(out.run_file()["this_run"]["maybe_billed"], 1);
    assert_eq!(out.answers().len(), 2);
}

#[test]
fn a_day_of_tokens_stops_the_run_until_tomorrow() {
    let out = Job::over(&rows(60))
        .args(["-t", "{{ text }}", "-c", "1", "--tokens-per-day", "3000"])
        .args(["--max-tokens", "500"])
        .run()
        .exits(75);
    let run = out.run_file();
    let usage = &run["total"]["usage"];
    let used = usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
    assert!(used <= 3000, "{used}");
    assert!(
        run["stopped_by"]
            .as_str()
            .unwrap()
            .starts_with("tokens_per_day"),
        "{run}"
    );
}

#[test]
fn limits_that_make_no_sense_are_refused_with_the_remedy() {
    let said = [
        (
            ["--tokens-per-minute", "0"],
            "`--tokens-per-minute` takes a whole number from 1, not \"0\"",
        ),
        (
            ["--burndown", "0"],
            "`limits.burndown`: 0 is not above 0 and up to 100: it is the tokens of quota for one",
        ),
        (
            ["--burndown", "-5"],
            "`limits.burndown`: -5 is not above 0 and up to 100",
        ),
        (
            ["--burndown", "1000"],
            "`limits.burndown`: 1000 is not above 0 and up to 100",
        ),
        (
            ["--max-cost", "0"],
            "`limits.max_cost_usd`: it must be above 0",
        ),
        (
            ["--deadline", "soon"],
            "`limits.deadline`: \"soon\" is not a time above 0",
        ),
        (
            ["--max-error-rate", "2"],
            "`--max-error-rate` takes a percentage such as \"5%\", not \"2\"",
        ),
    ];
    for (args, message) in said {
        let out = Job::over(&rows(1))
            .args(["-t", "{{ text }}"])
            .args(args)
            .run();
        out.exits(2).says(message).sent_nothing();
    }
}

#[test]
fn an_outage_fails_no_row_and_is_waited_through() {
    // The emulator breaks the first 14 calls, whoever makes them: one of each row, and two more. With
    // two attempts a row, two rows would fail if each had to answer for itself.
    let outage = format!("{QUICK}[[fault]]\nkind = \"unavailable\"\nfirst = 14\n");
    let out = Job::over(&rows(12))
        .scenario(&outage)
        .args(["-t", "{{ text }}", "-c", "12", "--max-attempts", "2"])
        .args(["--requests-per-minute", "60000"])
        .run()
        .exits(0);
    assert_eq!(out.answers().len(), 12);
    assert_eq!(out.run_file()["this_run"]["retries"], 14);
}

#[test]
fn a_row_that_always_breaks_the_service_fails_and_the_others_do_not() {
    let broken = format!("{QUICK}[[fault]]\nkind = \"server_error\"\nmatching = \"text 7\"\n");
    let out = Job::over(&rows(12))
        .scenario(&broken)
        .args(["-t", "{{ text }}", "-c", "1", "--max-attempts", "3"])
        .run()
        .exits(3);
    assert_eq!(out.answers().len(), 11);
    assert_eq!(out.failures()["r007"]["attempts"], 3);
}

#[test]
fn a_stop_while_the_last_calls_land_is_mentioned_and_changes_nothing() {
    let slow = "[latency]\nfirst_token_ms = 2000\nper_token_ms = 0\njitter = 0\n\
                [[fault]]\nkind = \"validation\"\nmatching = \"bad\"\n";
    for (row, code) in [("fine", 0), ("bad", 3)] {
        let out = Job::over(&format!("id,text\na,one\nb,{row}\n"))
            .scenario(slow)
            .args(["-t", "{{ text }}", "-c", "2", "--deadline", "1s"])
            .run()
            .exits(code)
            .says("the deadline of 1 s (nothing was left to send)");
        let run = out.run_file();
        assert_eq!(run["stopped_by"], "the deadline of 1 s");
        assert_eq!(
            (&run["remaining"], &run["exit_code"]),
            (&0.into(), &code.into())
        );
    }
}

#[test]
fn a_run_spends_no_more_than_its_own_limit_and_the_next_run_as_much_again() {
    let args = ["-t", "{{ text }}", "--max-tokens", "400", "-c", "4"];
    let limit = ["--max-run-cost", "0.0012"];
    let out = Job::over(&rows(100)).args(args).args(limit).run().exits(8);
    let first = out.run_file();
    assert_eq!(first["stop"]["reason"], "max_run_cost", "{first}");
    let spent = |run: &serde_json::Value, part: &str| run[part]["cost_usd"].as_f64().unwrap();
    assert!((0.0010..=0.0012).contains(&spent(&first, "this_run")));
    assert_ne!(first["remaining"], 0);
    assert!(!first["resume"].as_str().unwrap().contains("--max-cost "));
    let out = out
        .says("run the same command again, which may spend as much again")
        .again("run")
        .on_the_emulator("prompts.csv")
        .args(args)
        .args(limit)
        .run();
    let second = out.run_file();
    assert!((0.0001..=0.0012).contains(&spent(&second, "this_run")));
    assert!(spent(&first, "total") < spent(&second, "total"));
}

#[test]
fn an_input_without_rows_is_rejected_unless_that_is_allowed() {
    for (name, content) in [
        ("rows.csv", "id,text\n"),
        ("rows.csv", ""),
        ("rows.jsonl", "\n"),
        ("rows.json", "[]"),
    ] {
        let job = |more: &[&str]| {
            let mut job = Job::new("run").file(name, content).on_the_emulator(name);
            job = job.args(["-t", "{{ text }}"]);
            more.iter().fold(job, |job, word| job.args([word])).run()
        };
        job(&[]).exits(2).sent_nothing();
        let out = job(&["--allow-empty"])
            .exits(0)
            .says("the input has no rows; nothing to do");
        let run = out.run_file();
        assert_eq!(run["state"], "completed", "{name}");
        assert_eq!(run["rows"], 0);
    }
}

#[test]
fn an_empty_night_leaves_the_output_of_the_nights_before_as_it_is() {
    let out = Job::over(&rows(3))
        .args(["-t", "{{ text }}"])
        .run()
        .exits(0);
    let before = out.text("out.jsonl");
    let out = out
        .file("prompts.csv", "id,text\n")
        .again("run")
        .on_the_emulator("prompts.csv")
        .args(["-t", "{{ text }}", "--allow-empty"])
        .run()
        .exits(0);
    assert_eq!(out.text("out.jsonl"), before);
}

#[test]
fn a_clock_deadline_holds_in_its_zone_and_a_restart_of_the_same_night_keeps_it() {
    let minutes_away = |minutes: i64| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        at.to_zoned(jiff::tz::TimeZone::get("Asia/Tokyo").unwrap())
            .strftime("%H:%M Asia/Tokyo")
            .to_string()
    };
    let later = minutes_away(90);
    let out = Job::over(&rows(3))
        .args(["-t", "{{ text }}", "--deadline", &later])
        .run()
        .exits(0)
        .says(&format!("the deadline is {later}, in 1h"));
    assert!(out.run_file()["deadline_at"].as_str().is_some());
    // Killed on its way, and started again when the deadline has passed.
    let passed = minutes_away(-30);
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(30);
    let at = at.strftime("%Y-%m-%dT%H:%M:00Z").to_string();
    let mut run = out.run_file();
    run["deadline_at"] = at.clone().into();
    run["state"] = "running".into();
    let args = ["-t", "{{ text }}", "--deadline", &passed];
    let out = out
        .file("prompts.csv", rows(5))
        .file("out.run.json", run.to_string())
        .again("run")
        .on_the_emulator("prompts.csv")
        .args(args)
        .run()
        .exits(8)
        .says(&format!("the deadline of this night, {passed}, has passed"))
        .says(&format!("stopped by the deadline, {passed}"));
    let run = out.run_file();
    assert_eq!(run["stop"]["reason"], "deadline");
    assert_eq!(run["deadline_at"].as_str().unwrap().get(..16), at.get(..16));
    // A first start in the morning runs until the next morning.
    let again = Job::over(&rows(3)).args(args).run().exits(0);
    again.says(&format!("the deadline is {passed}, in 23h"));
}

#[test]
fn times_and_windows_that_make_no_sense_are_rejected_with_what_to_do() {
    for (toml, says) in [
        (
            "deadline = \"06:30 Mars/Base\"",
            "no time zone `Mars/Base` is known",
        ),
        ("deadline = \"25:00\"", "or a clock time such as \"06:30\""),
        (
            "[[limits.window]]\nfrom = \"08:00\"\nto = \"8\"\nrequests_per_minute = 5",
            "to must be a clock time such as \"08:00\", not \"8\"",
        ),
        (
            "[[limits.window]]\nfrom = \"08:00\"\nto = \"08:00\"\nrequests_per_minute = 5",
            "from and to are the same time",
        ),
        (
            "[[limits.window]]\nfrom = \"08:00\"\nto = \"09:00\"",
            "a window needs requests_per_minute or tokens_per_minute",
        ),
        (
            "[[limits.window]]\nfrom = \"08:00\"\nuntil = \"09:00\"",
            "job.toml:1: `window` takes tables of from, to, zone",
        ),
    ] {
        Job::over(&rows(1))
            .file(
                "job.toml",
                format!("limits.{toml}").replace("limits.[[", "[["),
            )
            .args(["job.toml", "-t", "{{ text }}"])
            .run()
            .exits(2)
            .says(says)
            .sent_nothing();
    }
}

#[test]
fn a_window_sets_the_pace_while_it_holds_and_a_zone_that_is_unknown_stops_nothing_else() {
    let window = r#"{"from":"00:00","to":"12:00","requests_per_minute":600}"#;
    let rest = r#"{"from":"12:00","to":"00:00","requests_per_minute":600}"#;
    let out = Job::over(&rows(30))
        .args(["-t", "{{ text }}", "--window", window, "--window", rest])
        .run()
        .exits(0)
        .says("a window of limits holds now: 600 requests per minute");
    let seconds = out.run_file()["this_run"]["seconds"].as_f64().unwrap();
    assert!(2.5 < seconds, "30 calls at 10 a second: {seconds}");
    Job::over(&rows(1))
        .env("TZ", "Nowhere/AtAll")
        .args(["-t", "{{ text }}", "--window", window])
        .run()
        .exits(2)
        .says("TZ=Nowhere/AtAll is none that is known here");
}
