//! What a run says of its state, and what it does not spend without being asked.

use crate::harness::{Job, QUICK};

/// A job over rows of `id,text`.
fn to_model(model: &str, rows: &str) -> Job {
    let job = Job::new("run").file("prompts.csv", format!("id,text\n{rows}"));
    let job = job.args(["-i", "prompts.csv", "-o", "out.jsonl"]);
    job.args(["-m", model, "-t", "{{ text }}"])
}

/// A job whose rows `bomb` are filtered.
fn filtering(more: &[&str]) -> Job {
    let filter = format!("{QUICK}[filter]\ntakes = [\"bomb\"]\n");
    let job = to_model(
        "us.amazon.nova-2-lite-v1:0",
        "a,one\nb,bomb\nc,three\nd,a bomb\n",
    );
    let job = job.scenario(&filter);
    more.iter().fold(job, |job, more| job.args([*more]))
}

#[test]
fn more_filtered_rows_than_max_filtered_are_exit_code_3() {
    for (more, code) in [
        (&[][..], 0),
        (&["--max-filtered", "2"], 0),
        (&["--max-filtered", "50%"], 0),
        (&["--max-filtered", "1"], 3),
        (&["--max-filtered", "49%"], 3),
        (&["--max-filtered", "0"], 3),
    ] {
        let out = filtering(more).run().exits(code);
        assert_eq!(out.run_file()["total"]["filtered"], 2, "{more:?}");
        let said = "2 rows filtered, max_filtered allows ";
        assert_eq!(out.stderr.contains(said), code == 3, "{}", out.stderr);
    }
    let _ = filtering(&["--max-filtered", "few"])
        .run()
        .exits(2)
        .sent_nothing()
        .says("`output.max_filtered`: \"few\" is not a whole number or a percentage");
}

#[test]
fn a_model_id_cut_short_names_the_full_one_where_a_limit_needs_its_price() {
    let job = to_model("us.anthropic.claude-haiku-4-5", "a,one\n").scenario(QUICK);
    let job = job.args(["--max-cost", "1"]);
    let _ = job.run().exits(2).sent_nothing().says(
        "(did you mean `us.anthropic.claude-haiku-4-5-20251001-v1:0`?), so its cost cannot be",
    );
}
