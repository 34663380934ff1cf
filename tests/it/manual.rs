//! The commands of the README that need no account, run by a shell as they stand there.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{digest, repository};

/// The blocks of commands that bring whole bodies to the emulator, one script.
fn script() -> String {
    let text = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap().to_owned());
    let ours = |block: &String| block.contains("--body body") && block.contains("emulator");
    blocks.filter(ours).collect()
}

fn answer(directory: &Path, name: &str) -> Value {
    let text = std::fs::read_to_string(directory.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_requests_of_the_aws_page_work_as_the_readme_writes_them() {
    let directory = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_promptmill"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    let ran = Command::new("/bin/sh")
        .args(["-e", "-c", &script()])
        .current_dir(directory.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let story = answer(directory.path(), "story.jsonl");
    let essay = answer(directory.path(), "essay.out.jsonl");
    for (line, prompt) in [
        (&story, "story of two dogs"),
        (&essay, "write an essay for living on mars in 1000 words"),
    ] {
        assert_eq!(line["status"], "succeeded", "{line}");
        assert_eq!(line["stop_reason"], "stop_sequence", "{line}");
        let completion = line["completion"].as_str().unwrap();
        assert!(completion.starts_with(&digest(prompt)), "{line}");
        let tokens = line["usage"]["output_tokens"].as_u64();
        assert!(tokens.is_some_and(|tokens| 0 < tokens), "{line}");
    }
    assert!(
        essay["first_token_ms"].is_u64(),
        "it came in chunks: {essay}"
    );
    assert_eq!(story.get("first_token_ms"), None, "it came whole: {story}");
}
