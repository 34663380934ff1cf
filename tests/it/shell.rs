//! What shells and readers of manuals are given is what the help says.

use promptmill::job::keys::KEYS;

use crate::harness::{Job, NOVA, Out};

fn print<const N: usize>(verb: &str, args: [&str; N]) -> Out {
    Job::new(verb).args(args).run().exits(0)
}

#[test]
fn every_shell_completes_every_verb_and_flag() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let out = print("completions", [shell]);
        for verb in ["run", "plan", "check", "reparse", "man"] {
            assert!(out.stdout.contains(verb), "{shell}: {verb}");
        }
        for key in KEYS {
            assert!(out.stdout.contains(key.flag), "{shell}: --{}", key.flag);
        }
    }
    let _ = Job::new("completions").args(["tcsh"]).run().exits(2);
}

#[test]
fn an_answer_that_cannot_be_written_was_not_given() {
    let emulated = |verb: &str| Job::new(verb).args(["--endpoint-url", "emulator"]);
    let plan = |verb: &str| {
        emulated(verb).file("in.csv", "prompt\nx\n").args([
            "-i",
            "in.csv",
            "-o",
            "out.jsonl",
            "-m",
            NOVA,
        ])
    };
    let jobs = || {
        let quotas = emulated("quotas").args([NOVA]);
        [emulated("models"), quotas, plan("plan"), plan("check")]
    };
    let with_json = jobs().map(|job| job.args(["--json"]));
    for job in jobs().into_iter().chain(with_json) {
        let out = job.through("\"$@\" > /dev/full").run().exits(74);
        let _ = out.says("error: cannot write to standard output: No space left on device");
    }
    for job in jobs() {
        let _ = job.through("\"$@\" | :").run().exits(0);
    }
}

#[test]
fn the_manual_has_a_page_a_verb_with_every_flag() {
    let all = print("man", []).stdout;
    assert!(all.contains(".TH promptmill 1"), "{all}");
    assert!(all.contains("promptmill\\-run(1)"), "{all}");
    let run = print("man", ["run"]).stdout;
    assert!(run.contains(".TH promptmill-run 1"), "{run}");
    let keys = KEYS.iter().map(|key| key.flag);
    for flag in keys.chain(["wait-lock"]) {
        let flag = format!("\\-\\-{}", flag.replace('-', "\\-"));
        assert!(run.contains(&flag), "{flag}\n{run}");
    }
    let plan = print("man", ["plan"]).stdout;
    assert!(
        !plan.contains("\\-\\-wait\\-lock"),
        "what does nothing is not shown: {plan}"
    );
    let _ = Job::new("man").args(["fly"]).run().exits(2);
}
