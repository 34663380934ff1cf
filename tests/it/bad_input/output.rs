//! Outputs that are not ours to write, or cannot be written.

use super::{refused, to};
use crate::harness::{Job, NOVA, QUICK};

#[test]
fn an_output_that_is_the_input_is_refused_and_left_as_it_was() {
    let row = "{\"prompt\":\"a\"}\n";
    let over = |input: &str, link: &str, output: &str, named: &str| {
        let job = Job::new("run").file(input, row).scenario(QUICK);
        if link != input {
            std::os::unix::fs::symlink(input, job.path(link)).unwrap();
        }
        let job = job.args(["-m", NOVA, "-i", input, "-o", output, "--fresh"]);
        let out = refused(job, 2);
        let message = format!("the output {named} is the input: choose another --output");
        assert_eq!(out.stderr, format!("promptmill: {message}\n"));
        assert_eq!(out.text(input), row);
    };
    over("in.jsonl", "in.jsonl", "in.jsonl", "in.jsonl");
    over("in.jsonl", "in.jsonl", "./in.jsonl", "./in.jsonl");
    over("in.jsonl", "link.jsonl", "link.jsonl", "in.jsonl");
    over(
        "a.failed.jsonl",
        "a.failed.jsonl",
        "a.jsonl",
        "a.failed.jsonl",
    );
    over("a.run.json", "a.run.json", "a.jsonl", "a.run.json");
}

#[test]
fn an_output_that_promptmill_did_not_write_is_left_as_it_was() {
    for (name, content) in [("out.txt", "my notes"), ("out.csv", "a,b\n1,2\n")] {
        for fresh in [false, true] {
            let job = to(name).file(name, content);
            let job = if fresh { job.args(["--fresh"]) } else { job };
            let out = refused(job, 2).says(&format!(
                "promptmill: {name} exists and was not written by promptmill: \
                 choose another --output, or move it away\n"
            ));
            assert_eq!(out.text(name), content);
        }
    }
}

#[test]
fn an_output_that_cannot_be_made_is_another_matter_than_a_mistake() {
    let blocked = to("taken/out.jsonl").file("taken", "a file");
    refused(blocked, 74).says("promptmill: cannot create taken: ");
    let folder = to("out.d").file("out.d/a", "");
    refused(folder, 2).says("promptmill: out.d is not a regular file");
}
