//! Prompts, completions and credentials: in the results, and nowhere else.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Job, NOVA, Out, QUICK, Service, pause, repository};

/// What must never be seen outside the results.
const SECRET_KEY: &str = "CANARYSECRETKEY";
const TOKEN: &str = "CANARYSESSIONTOKEN";
const PROMPT: &str = "CANARYPROMPT";

/// Rows with the canary, one of them broken.
const ROWS: &str = "id,text\na,CANARYPROMPT one\nb,CANARYPROMPT two\nc,CANARYPROMPT three\n";

/// Everything that could make a program talk.
const TALK: [(&str, &str); 6] = [
    ("RUST_LOG", "trace"),
    ("RUST_LOG_STYLE", "always"),
    ("RUST_BACKTRACE", "full"),
    ("AWS_LOG_LEVEL", "trace"),
    ("SMITHY_LOG", "trace"),
    ("DEBUG", "*"),
];

fn job(service: &Service) -> Job {
    let job = Job::new("run").file("prompts.csv", ROWS).on(&service.url);
    let job = TALK
        .iter()
        .fold(job, |job, (name, value)| job.env(name, value));
    job.env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_SESSION_TOKEN", TOKEN)
        .args(["-i", "prompts.csv", "-m", NOVA, "-o", "out.jsonl"])
        .args([
            "-t",
            "{{ text }}",
            "--max-attempts",
            "2",
            "--attempt-timeout",
            "1s",
        ])
        .args(["--throttle-wait", "1s"])
}

/// Looks for the canaries, and for what the model wrote, in everything but the results.
#[track_caller]
fn nothing_is_told(out: &Out) {
    let completions = out.answers().into_values().map(|row| {
        let text = row["completion"].as_str().unwrap_or_default();
        text[..20].to_owned() // with the digest of its prompt
    });
    let secrets = [SECRET_KEY, TOKEN, PROMPT].map(str::to_owned);
    let told = [
        &out.stdout,
        &out.stderr,
        &out.text("out.run.json"),
        &out.text("out.lock"),
    ];
    for secret in completions.chain(secrets) {
        for text in told {
            assert!(!text.contains(&secret), "{secret} in:\n{text}");
        }
    }
    for keys in [SECRET_KEY, TOKEN] {
        for name in ["out.jsonl", "out.failed.jsonl"] {
            assert!(!out.text(name).contains(keys), "{keys} in {name}");
        }
    }
}

#[test]
fn no_log_and_no_summary_holds_a_prompt_a_completion_or_a_key() {
    let kinds = [
        "reset",
        "short_body",
        "closed",
        "stall",
        "throttled",
        "unavailable",
        "html_502",
        "validation",
        "expired_token",
        "clock_skew",
        "access_denied",
        "empty_body",
        "not_json",
        "wrong_shape",
    ];
    for kind in kinds {
        for mode in ["--json", "--quiet", "--raw=always"] {
            let struck = format!("[[fault]]\nkind = \"{kind}\"\nmatching = \"two\"\n");
            let service = Service::playing(&format!("{QUICK}{struck}"));
            nothing_is_told(&job(&service).args([mode]).run());
        }
    }
}

#[test]
fn what_the_row_holds_is_not_quoted_when_it_cannot_be_used() {
    let rows = [
        (
            "in.jsonl",
            "{\"text\":\"CANARYPROMPT\"}\n{\"text\":\"CANARYPROMPT\n",
        ),
        ("in.jsonl", "{\"text\":\"CANARYPROMPT\",\"n\":01}\n"),
        ("in.csv", "text,n\nCANARYPROMPT,1,2\n"),
        ("in.csv", "text,n\n\"CANARYPROMPT,1\n"),
        (
            "in.json",
            "[{\"text\":[\"CANARYPROMPT\"]},{\"text\":\"CANARYPROMPT\"]",
        ),
    ];
    for (name, text) in rows {
        let job = Job::new("run").file(name, text).on_the_emulator(name);
        let out = job
            .args(["-t", "{{ text.x }} {{ text | shorten }}"])
            .run()
            .exits(2);
        assert!(!out.stderr.contains(PROMPT), "{}", out.stderr);
        let job = Job::new("run").file(name, text).on_the_emulator(name);
        let out = job.args(["--messages", "text"]).run().exits(2);
        assert!(!out.stderr.contains(PROMPT), "{}", out.stderr);
    }
}

#[test]
fn no_crate_that_prints_logs_is_built_in() {
    let lock = std::fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    for logger in [
        "tracing-subscriber",
        "env_logger",
        "simple_logger",
        "fern",
        "tracing-log",
    ] {
        let entry = format!("name = \"{logger}\"");
        assert!(
            !lock.contains(&entry),
            "{logger} would print what the SDK traces: bodies"
        );
    }
}

#[test]
fn what_is_written_is_its_owners_alone_whatever_the_mask() {
    let out = struck(0).run().exits(3);
    all_have(&out, 0o600, 4, "answers, failures, run file, lock");
    let out = again(out, &["--retry-failed"]);
    all_have(&out, 0o600, 4, "answers, earlier failures, run file, lock");
}

#[test]
fn a_mode_that_is_told_holds_for_every_new_file_whatever_the_mask() {
    let out = struck(0o77).args(["--output-mode", "0640"]).run().exits(3);
    all_have(&out, 0o640, 4, "answers, failures, run file, lock");
    // What is there keeps its mode, and what is put beside it by hand has it too.
    let out = again(out, &["--retry-failed"]);
    let aside = out.file_named("out.before-");
    all_have(&out, 0o640, 4, "answers, earlier failures, run file, lock");
    let text = out.text("out.jsonl");
    let (_, rest) = text.split_once('\n').unwrap();
    let out = out.file("out.jsonl", format!("oops\n{rest}"));
    let out = out.again("repair").args(["out.jsonl"]).run().exits(0);
    all_have(&out, 0o640, 5, "and the bad line");
    std::fs::remove_file(out.directory.path().join(aside)).unwrap();
    let out = again(out, &["--fresh"]);
    let fresh = out.directory.path().join("out.jsonl");
    assert_eq!(mode(&fresh), 0o600, "it is new, and nothing was told");
}

#[test]
fn a_mode_that_is_told_holds_for_images_and_new_folders() {
    let job = Job::after("umask 077", "run").file("in.csv", "prompt\na cat\n");
    let job = job
        .scenario(QUICK)
        .args(["-i", "in.csv", "-o", "new/out.jsonl"]);
    let job = job.args(["-m", "amazon.nova-canvas-v1:0", "--output-mode", "644"]);
    let out = job.run().exits(0);
    let folder = out.directory.path().join("new");
    let images = folder.join("out.images");
    assert_eq!((mode(&folder), mode(&images)), (0o755, 0o755));
    let image = std::fs::read_dir(images).unwrap().next().unwrap().unwrap();
    assert_eq!(mode(&image.path()), 0o644);
}

#[test]
fn a_mode_that_makes_no_sense_is_refused() {
    for typed in ["0440", "rw-r-----", "0777", "8"] {
        let out = struck(0).args(["--output-mode", typed]).run().exits(2);
        let said = format!("`output.mode`: \"{typed}\" is not a file mode: give it in octal");
        out.says(&said).sent_nothing();
    }
}

/// A run with an answer and a failure, under this mask.
fn struck(mask: u32) -> Job {
    let struck = format!("{QUICK}[[fault]]\nkind = \"wrong_shape\"\nmatching = \"two\"\n");
    let job = Job::after(&format!("umask {mask:03o}"), "run");
    let job = job.file("prompts.csv", ROWS).on_the_emulator("prompts.csv");
    job.scenario(&struck).args(["-t", "{{ text }}"])
}

fn again(out: Out, how: &[&str]) -> Out {
    let again = out.again("run").on_the_emulator("prompts.csv");
    let again = again.args(["-t", "{{ text }}"]);
    how.iter()
        .fold(again, |job, how| job.args([how]))
        .run()
        .exits(0)
}

fn mode(path: &std::path::Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// Checks the files of an output, and how many there are.
#[track_caller]
fn all_have(out: &Out, expected: u32, files: usize, which: &str) {
    let found = std::fs::read_dir(out.directory.path()).unwrap();
    let mut count = 0;
    for file in found.map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        if name.starts_with("out.") {
            assert_eq!(mode(&file.path()), expected, "{name}");
            count += 1;
        }
    }
    assert_eq!(count, files, "{which}");
}

#[cfg(target_os = "linux")]
#[test]
fn no_core_is_dumped() {
    let slow = "[latency]\nfirst_token_ms = 60000\n";
    let running = Job::over("prompt\nx\n").scenario(slow).spawn();
    let limit = || {
        let limits = running.proc("limits");
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        line.unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    for _ in 0..500 {
        if limit() == "Max core file size 0 0 bytes" {
            break;
        }
        pause();
    }
    assert_eq!(limit(), "Max core file size 0 0 bytes");
    running.signal("INT");
    running.signal("INT");
    running.wait();
}

/// Control characters, an escape sequence in one byte, and one that turns text around.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}x";

#[test]
fn what_others_named_does_not_act_on_the_terminal() {
    let tells_of = |job: Job| {
        let out = job.run();
        let shown = format!("{}{}", out.stdout, out.stderr);
        let acts =
            |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!shown.contains(acts), "{shown:?}");
        assert!(shown.contains("31m"), "it was to be shown: {shown}");
    };
    let rows = |id: &str| format!("id,text\n{id},one\nb,two\n");
    // A file, a column, a key of a job file, an argument, a family.
    tells_of(Job::new("run").on_the_emulator(&format!("{HOSTILE}.csv")));
    tells_of(Job::over("\u{9b}31m\u{202e},b\n1,2\n"));
    tells_of(
        Job::over("a\n1\n")
            .file("job.toml", format!("\"{}\" = 1\n", escape(HOSTILE)))
            .args(["job.toml"]),
    );
    tells_of(Job::over("a\n1\n").args([&format!("--no-{HOSTILE}")]));
    tells_of(Job::over("a\n1\n").args(["--family", HOSTILE]));
    // An id twice, a bad row of such a name.
    tells_of(Job::over(&format!("id,prompt\n{HOSTILE},1\n{HOSTILE},2\n")));
    // What the service says: the emulator quotes a field it does not know, and `check` shows that.
    for mode in ["--json", "--region=us-east-1"] {
        let extra = serde_json::json!({ HOSTILE: 1 }).to_string();
        let job = Job::new("check").args(["-m", crate::harness::NOVA, "--extra", &extra]);
        tells_of(job.args(["--endpoint-url", "emulator", mode]));
        // A run shows our own words for it; its JSON repeats the command alone.
        let job = Job::over(&rows("a")).args(["-t", "{{ text }}", "--extra", &extra]);
        let out = job
            .args([if mode == "--json" { mode } else { "--quiet" }])
            .run()
            .exits(2);
        let shown = format!("{}{}", out.stdout, out.stderr);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        let stop = &out.run_file()["stop"].to_string();
        assert!(!stop.contains("31m"), "{stop}");
        assert_eq!(mode == "--json", shown.contains("31m"), "{shown:?}");
    }
    // The name of a row that failed, in the summary; the plan of its request.
    let struck = format!("{QUICK}[[fault]]\nkind = \"wrong_shape\"\nmatching = \"one\"\n");
    tells_of(
        Job::over(&rows(HOSTILE))
            .scenario(&struck)
            .args(["-t", "{{ text }}"]),
    );
    for mode in ["--json", "--limit=1"] {
        let job = Job::new("plan").file("prompts.csv", rows("a").replace("one", HOSTILE));
        tells_of(
            job.on_the_emulator("prompts.csv")
                .args(["-t", "{{ text }}", mode]),
        );
    }
}

fn escape(text: &str) -> String {
    text.chars()
        .map(|c| format!("\\u{:04X}", u32::from(c)))
        .collect()
}

#[test]
fn what_stays_on_this_machine_goes_through_no_proxy() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let through = |job: Job| {
        ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]
            .iter()
            .fold(job, |job, name| job.env(name, &url))
    };
    let embedded = Job::over("text\none\n").args(["-t", "{{ text }}"]);
    let embedded = embedded.args(["--attempt-timeout", "2s", "--max-attempts", "1"]);
    through(embedded).run().exits(0);
    let service = Service::playing(QUICK);
    through(job(&service)).run().exits(0);
    let asked = proxy.accept();
    assert!(asked.is_err(), "the proxy was spoken to: {asked:?}");
}
