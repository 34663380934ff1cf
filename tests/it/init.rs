//! `promptmill init`: a job file that runs as it is, from data of every shape.

use crate::harness::{Job, NOVA};

/// Writes a job for this data, runs it on the emulator, and returns the job file.
#[track_caller]
fn made_and_run(name: &str, data: &str, model: &str) -> String {
    let out = Job::new("init")
        .file(name, data)
        .args([name, "-m", model, "-o", "job.toml"]);
    let out = out.run().exits(0);
    let job = out.text("job.toml");
    let (_, command) = out.stdout.split_once("needs no AWS account:\n  ").unwrap();
    assert!(
        command.starts_with("promptmill run job.toml --limit 20 --endpoint-url emulator -o out/")
    );
    let out = out.again("run");
    let out = out.args([
        "job.toml",
        "--endpoint-url",
        "emulator",
        "-o",
        "out/try.jsonl",
    ]);
    let out = out.run().exits(0);
    assert!(!out.text("out/try.jsonl").is_empty());
    job
}

#[test]
fn fields_are_guessed_by_name_by_shape_and_by_their_values() {
    let tickets = "ticket_id,team,subject,body\n1,eu,Hi,\"Hello, I was charged twice this month\"\n\
                   2,us,Ho,\"Please send the invoice for October again\"\n";
    let job = made_and_run("tickets.csv", tickets, NOVA);
    for line in [
        "# Fields of the data: ticket_id, team, subject, body\n",
        "id = \"ticket_id\"",
        "keep = [\"team\"]",
        "template = \"{{ subject }}\\n\\n{{ body }}\"",
        "id = \"amazon.nova-lite-v1:0\"",
        "path = \"out/tickets.jsonl\"",
    ] {
        assert!(job.contains(line), "no {line} in:\n{job}");
    }
    let chats = r#"{"id":"a","messages":[{"role":"user","content":"Hi"}]}"#;
    let job = made_and_run("chats.jsonl", chats, NOVA);
    assert!(job.contains("messages = \"messages\""), "{job}");
    let body =
        r#"{"recordId":"a","modelInput":{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}}"#;
    let job = made_and_run("batch.jsonl", body, NOVA);
    assert!(job.contains("body = \"modelInput\""), "{job}");
    let job = made_and_run("p.csv", "prompt\none\none\n", NOVA);
    assert!(
        job.contains("column = \"prompt\"") && job.contains("id = \"#row\""),
        "{job}"
    );
}

#[test]
fn fields_of_any_name_and_hostile_ones_make_a_job_that_runs() {
    let data = "a \"b\" {{ c }},x\u{200b}\u{202e}y,ü]]\n\"some longer text, with a comma in it\",1,2\n\
                \"another longer text, with a comma\",1,3\n";
    made_and_run("odd.csv", data, NOVA);
    let data = "\"line\nbreak # [limits]\",id\nsome text that is long enough for it,1\n";
    made_and_run("break.csv", data, NOVA);
}

#[test]
fn a_job_file_is_not_overwritten_and_what_cannot_be_read_is_said() {
    let job = |more: &[&str]| {
        let job = Job::new("init")
            .file("d.csv", "prompt\none\n")
            .file("d.toml", "mine");
        more.iter()
            .fold(job.args(["d.csv"]), |job, word| job.args([word]))
            .run()
    };
    let out = job(&[])
        .exits(2)
        .says("d.toml exists: overwrite it with --force");
    assert_eq!(out.text("d.toml"), "mine");
    assert!(
        job(&["--force"])
            .exits(0)
            .text("d.toml")
            .contains("us.amazon.nova-lite-v1:0")
    );
    assert!(
        job(&["-o", "-"])
            .exits(0)
            .stdout
            .starts_with("# Fields of the data: prompt\n")
    );
    job(&["-m", "no model"]).exits(2);
    Job::new("init")
        .args(["none.csv"])
        .run()
        .exits(2)
        .says("none.csv");
    Job::new("init")
        .args(["-"])
        .run()
        .exits(2)
        .says("name a file");
}
