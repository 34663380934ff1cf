//! Images through the ways a run goes on: every file is named by a line, and every line finds its
//! files.

use std::collections::BTreeSet;
use std::path::Path;

use crate::harness::{Job, Out, QUICK};

const CANVAS: &str = "amazon.nova-canvas-v1:0";
const ROWS: &str = "id,prompt\na,a moon\nb,a star\n";

/// Two images a row.
fn with_flags(job: Job, flags: &[&str]) -> Job {
    let two = r#"{"imageGenerationConfig":{"numberOfImages":2}}"#;
    let job = job
        .scenario(QUICK)
        .args(["-i", "prompts.csv", "-o", "out.jsonl", "-m", CANVAS])
        .args(["--extra", two]);
    flags.iter().fold(job, |job, flag| job.args([flag]))
}

fn first() -> Out {
    let job = Job::new("run").file("prompts.csv", ROWS);
    with_flags(job, &[]).run().exits(0)
}

/// The files that the lines of `output` name; each of them is there.
#[track_caller]
fn named(out: &Out, output: &str) -> BTreeSet<String> {
    let lines = out.text(output);
    let mut names = BTreeSet::new();
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for file in line["files"].as_array().unwrap() {
            let name = file.as_str().unwrap();
            let bytes = std::fs::read(out.directory.path().join(name)).expect(name);
            assert!(bytes.starts_with(b"\x89PNG"), "{name}");
            assert!(names.insert(name.to_owned()), "{name} is of two lines");
        }
    }
    names
}

fn there(out: &Out, folder: &str) -> BTreeSet<String> {
    let path = out.directory.path().join(folder);
    let files = std::fs::read_dir(Path::new(&path)).unwrap();
    let name = |file: std::fs::DirEntry| file.file_name().into_string().unwrap();
    files
        .map(|file| format!("{folder}/{}", name(file.unwrap())))
        .collect()
}

fn aside(out: &Out, ending: &str) -> String {
    let files = std::fs::read_dir(out.directory.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names = names.filter(|name| name.starts_with("out.before-") && name.ends_with(ending));
    let name = names.next().expect("something is aside");
    assert_eq!(names.next(), None);
    name
}

#[test]
fn fresh_keeps_the_images_aside_with_the_lines_that_name_them() {
    let out = first();
    let old = there(&out, "out.images");
    assert_eq!(old.len(), 4);
    let out = with_flags(out.again("run"), &["--fresh"]).run().exits(0);
    let (lines, folder) = (aside(&out, ".jsonl"), aside(&out, ".images"));
    assert_eq!(lines.strip_suffix(".jsonl"), folder.strip_suffix(".images"));
    assert_eq!(named(&out, &lines), there(&out, &folder));
    assert_eq!(there(&out, &folder).len(), 4);
    assert_eq!(named(&out, "out.jsonl"), there(&out, "out.images"));
    assert_eq!(there(&out, "out.images"), old, "the same rows, anew");
    let said = format!("earlier output is kept in {folder}");
    out.says(&said);
}

#[test]
fn rows_that_are_run_again_take_no_image_from_the_others() {
    let out = first();
    let before = named(&out, "out.jsonl");
    let job = out
        .again("run")
        .file("prompts.csv", "id,prompt\na,a moon\nb,a comet\n");
    let out = with_flags(job, &["--redo-changed"]).run().exits(0);
    let old = named(&out, &aside(&out, ".jsonl"));
    let new = named(&out, "out.jsonl");
    assert_eq!(old.len(), 2, "the row that has changed");
    assert!(old.is_subset(&before) && old.is_disjoint(&new));
    assert_eq!(there(&out, "out.images"), &old | &new);
}

#[test]
fn failed_rows_that_run_again_add_their_images() {
    let broken = format!("{QUICK}[[fault]]\nkind = \"not_json\"\nmatching = \"a star\"\n");
    let job = Job::new("run").file("prompts.csv", ROWS).scenario(&broken);
    let out = with_flags(job, &[])
        .file("scenario.toml", &broken)
        .run()
        .exits(3);
    let kept = named(&out, "out.jsonl");
    assert_eq!(kept.len(), 2);
    let out = with_flags(out.again("run"), &["--retry-failed"])
        .run()
        .exits(0);
    let all = named(&out, "out.jsonl");
    assert!(kept.is_subset(&all) && all.len() == 4);
    assert_eq!(there(&out, "out.images"), all);
}

#[test]
fn a_resume_leaves_the_images_that_are_there_alone() {
    let job = Job::new("run").file("prompts.csv", ROWS);
    let out = with_flags(job, &["--limit", "1"]).run().exits(0);
    let kept = named(&out, "out.jsonl");
    let out = with_flags(out.again("run"), &[]).run().exits(0);
    let all = named(&out, "out.jsonl");
    assert!(kept.is_subset(&all) && all.len() == 4);
    assert_eq!(there(&out, "out.images"), all);
}

#[test]
fn rows_that_are_added_bring_their_images() {
    let out = first();
    let lines = out.text("out.jsonl");
    let old = there(&out, "out.images");
    // What was rescued lies elsewhere, under other names.
    let folder = out.directory.path();
    let elsewhere = folder.join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let images = elsewhere.join("x.rescued.images");
    std::fs::rename(folder.join("out.images"), &images).unwrap();
    let rescued = lines.replace("out.images/", "x.rescued.images/");
    std::fs::write(elsewhere.join("x.rescued.jsonl"), rescued).unwrap();
    let out = out.file("out.jsonl", "");
    let add = |out: Out| {
        let job = out.again("repair").args(["out.jsonl"]);
        job.args(["--add", "elsewhere/x.rescued.jsonl"])
            .run()
            .exits(0)
    };
    let out = add(out);
    assert!(out.stdout.contains("2 rows added"), "{}", out.stdout);
    assert_eq!(named(&out, "out.jsonl"), old);
    assert_eq!(out.text("out.jsonl"), lines, "the same lines again");

    // A row whose images are gone runs again instead.
    let gone = std::fs::read_dir(&images).unwrap().next().unwrap();
    std::fs::remove_file(gone.unwrap().path()).unwrap();
    let out = add(out.file("out.jsonl", ""));
    let said = "1 row not added, for images that it names cannot be read: it runs again";
    assert!(out.stdout.contains(said), "{}", out.stdout);
    assert_eq!(named(&out, "out.jsonl").len(), 2);
    let out = with_flags(out.again("run"), &[]).run().exits(0);
    assert_eq!(named(&out, "out.jsonl"), old);
}

#[test]
fn no_line_that_is_added_reaches_for_a_file_elsewhere() {
    let out = first();
    let line = out.text("out.jsonl").lines().next().unwrap().to_owned();
    let mut line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let out = out.file("out.jsonl", "").file("secret", b"\x89PNG");
    std::fs::create_dir(out.directory.path().join("in")).unwrap();
    let secret = out.directory.path().join("secret");
    for name in ["../secret", secret.to_str().unwrap()] {
        line["files"] = serde_json::json!([name]);
        std::fs::write(out.directory.path().join("in/x.jsonl"), format!("{line}\n")).unwrap();
        let paths = promptmill::output::OutputPaths::new(&out.directory.path().join("out.jsonl"));
        let added = out.directory.path().join("in/x.jsonl");
        let locks = promptmill::output::Locks::Trusted;
        let repaired = promptmill::output::repair(&paths, locks, Some(&added)).unwrap();
        assert_eq!((repaired.added, repaired.without_images), (0, 1), "{name}");
    }
}

#[test]
fn answers_that_are_understood_later_bring_their_images() {
    let out = first();
    let answers = out.answers();
    let raw = serde_json::json!({ "images": ["iVBORw0KGgo=", "iVBORw0KGgp4"] });
    let mut failed = answers["b"].clone();
    failed["status"] = "failed".into();
    failed["error"] = serde_json::json!({ "category": "bad_response", "message": "x" });
    failed["raw"] = raw;
    for answer_only in ["completion", "files", "usage", "cost_usd", "finish_reason"] {
        failed.as_object_mut().unwrap().remove(answer_only);
    }
    let out = out.file("out.jsonl", format!("{}\n", answers["a"]));
    let out = out.file("out.failed.jsonl", format!("{failed}\n"));
    let out = out.again("reparse").args(["out.jsonl"]).run().exits(0);
    assert!(
        out.stdout.contains("1 response re-parsed"),
        "{}",
        out.stdout
    );
    let files = out.answers()["b"]["files"].clone();
    assert_eq!(files.as_array().map(Vec::len), Some(2), "{files}");
    assert_eq!(named(&out, "out.jsonl").len(), 4);
}
