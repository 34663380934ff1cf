//! What a job, its files and the machine around it may not do to the person who runs it.

use std::io::Write as _;
use std::process::Command;

use crate::harness::{Job, NOVA, Running, pause};

/// Seconds within which anything that is not stuck has ended, on a busy machine too.
const LONG: u32 = 30;

/// Waits for the end of something that may be stuck, and ends it then.
#[track_caller]
fn ends(mut running: Running) -> crate::harness::Out {
    for _ in 0..LONG * 100 {
        if running.has_ended() {
            return running.wait();
        }
        pause();
    }
    running.kill();
    panic!("it has not ended within {LONG} s");
}

#[test]
fn a_job_sends_no_file_that_the_kernel_makes_up() {
    let secret = |job: Job| job.env("CANARY", "CANARYSECRET");
    for (key, code) in [
        ("--template-file=/proc/self/environ", 2),
        ("--prices=/proc/self/environ", 2),
        ("--scenario=/proc/self/environ", 2),
        ("--template-file=/dev/zero", 2),
        ("--prices=/dev/zero", 2),
        ("--scenario=/dev/zero", 2),
    ] {
        for verb in ["run", "plan", "check"] {
            let job = Job::new(verb).file("prompts.csv", "id,text\na,one\n");
            let job = job.args(["-i", "prompts.csv", "-m", NOVA, "-o", "out.jsonl"]);
            let job = job.args(["--endpoint-url", "emulator", key]);
            let job = match key.starts_with("--template-file") {
                true => job,
                false => job.args(["-t", "{{ text }}"]),
            };
            let out = ends(secret(job).spawn()).exits(code);
            let said = format!("{}{}", out.stdout, out.stderr);
            assert!(
                said.contains("not a regular file; copy it"),
                "{key}: {said}"
            );
            assert!(!said.contains("CANARYSECRET"), "{key}: {said}");
            out.sent_nothing();
        }
    }
}

#[test]
fn the_kernels_files_are_no_input() {
    for path in ["/proc/self/environ", "/proc/version"] {
        let job = Job::new("run").args(["-i", path, "--format", "txt", "-m", NOVA]);
        let job = job.args(["-o", "out.jsonl", "--endpoint-url", "emulator"]);
        let out = job.run().exits(2);
        out.says("the kernel makes this file up when it is read")
            .sent_nothing();
    }
}

#[test]
fn a_template_that_would_overflow_the_stack_is_rejected() {
    for link in ["+1", "|trim", ".strip()", " and 1", "~1"] {
        let template = format!("{{{{ text{} }}}}", link.repeat(50_000));
        let job = Job::over("id,text\na,one\n").file("template.txt", template);
        let out = job.args(["--template-file", "template.txt"]).run().exits(2);
        out.says("an expression with more than 400 operators")
            .sent_nothing();
    }
}

#[test]
fn of_an_endless_pipe_a_limit_takes_what_it_needs() {
    for verb in ["run", "plan"] {
        let job = Job::new(verb).on_the_emulator("-");
        let job = job.args(["-t", "{{ text }}", "--limit", "3", "--format", "csv"]);
        // More than a disk of a test machine should have to bear, and too long to wait for.
        let pipe = "(echo text; yes row) | \"$@\"";
        let out = ends(job.through(pipe).spawn()).exits(0);
        if verb == "run" {
            assert_eq!(out.lines("out.jsonl").len(), 3);
        }
    }
}

/// A full pipe without a reader, as standard error.
fn stalled(job: Job) -> (Running, std::fs::File) {
    let pipe = job.path("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut end = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    end.write_all(&[b'.'; 1 << 16]).unwrap(); // what a pipe holds (pipe(7))
    (job.through("exec \"$@\" 2>pipe").spawn(), end)
}

#[test]
fn a_standard_error_that_nobody_reads_holds_up_neither_a_run_nor_its_end() {
    for style in ["--json", "--quiet=no"] {
        let job = Job::over("id,text\na,one\nb,two\n").args(["-t", "{{ text }}"]);
        let job = match style {
            "--json" => job.args([style]),
            _ => job,
        };
        let (running, _end) = stalled(job);
        let out = ends(running).exits(0);
        assert_eq!(out.lines("out.jsonl").len(), 2);
    }
}

#[test]
fn a_run_ends_at_sigterm_although_nobody_reads_its_standard_error() {
    let slow = "[latency]\nfirst_token_ms = 60000\n";
    let job = Job::over("id,text\na,one\n").scenario(slow);
    let (running, _end) = stalled(job.args(["-t", "{{ text }}", "--drain", "0s"]));
    let lock = running.path("out.lock");
    for _ in 0..LONG * 100 {
        if lock.exists() && running.catches_sigterm() {
            break;
        }
        pause();
    }
    running.signal("TERM");
    ends(running).exits(75);
}

/// A host that does not exist (RFC 6761).
const GATEWAY: &str = "https://gateway.invalid";

/// The verbs that send something, each to an endpoint that the job or the environment names.
fn to_the_gateway(verb: &str) -> Job {
    let job = match verb {
        "models" => Job::new(verb),
        "quotas" => Job::new(verb).args([NOVA]),
        _ => Job::new(verb)
            .file("prompts.csv", "id,text\na,one\n")
            .file("job.toml", format!("[model]\nendpoint = \"{GATEWAY}\"\n"))
            .args(["job.toml"])
            .the_usual(),
    };
    let job = match verb {
        "models" | "quotas" => job.args(["--endpoint-url", GATEWAY]),
        "run" => job.args(["--deadline", "2s", "--drain", "0s"]),
        _ => job,
    };
    job.env("AWS_REGION", "us-east-1")
}

#[test]
fn an_api_key_goes_to_no_host_that_the_command_line_does_not_trust() {
    for verb in ["run", "check", "models"] {
        let job = || to_the_gateway(verb).env("AWS_BEARER_TOKEN_BEDROCK", "CANARYKEY");
        let out = job().run().exits(2);
        let said = format!("{}{}", out.stdout, out.stderr);
        assert!(
            said.contains("would be sent to gateway.invalid"),
            "{verb}: {said}"
        );
        assert!(
            said.contains("add --trust-endpoint gateway.invalid"),
            "{verb}: {said}"
        );
        out.sent_nothing();
        let other = job().args(["--trust-endpoint", "invalid"]).run();
        assert_eq!(other.code, Some(2), "{verb}: another host is trusted");
        let trusted = job().args(["--trust-endpoint", "Gateway.invalid"]).run();
        let said = format!("{}{}", trusted.stdout, trusted.stderr);
        assert_ne!(trusted.code, Some(2), "{verb}: {said}");
        assert!(
            said.contains("go to https://gateway.invalid, which is not an AWS host"),
            "{said}"
        );
        assert!(!said.contains("CANARYKEY"), "{said}");
    }
}

#[test]
fn no_job_file_trusts_a_host() {
    for key in ["trust_endpoint", "trusted_hosts"] {
        let text = format!("[model]\nendpoint = \"{GATEWAY}\"\n{key} = \"gateway.invalid\"\n");
        let job = to_the_gateway("run").file("job.toml", text);
        job.run().exits(2).says("unknown key");
    }
}

#[test]
fn every_verb_names_a_host_that_is_not_of_aws_before_it_sends() {
    for verb in ["run", "check", "models", "quotas", "plan"] {
        let job = to_the_gateway(verb)
            .env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up");
        let out = job.run();
        let said = format!("{}{}", out.stdout, out.stderr).replace(['\n', '│'], " ");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let named = "go to https://gateway.invalid, which is not an AWS host for";
        assert!(said.contains(named), "{verb}: {said}");
    }
}

#[test]
fn what_may_be_a_secret_of_an_endpoint_is_never_shown() {
    let secret = "https://ada:CANARYPASS@gateway.invalid/x?key=CANARYQUERY";
    let signed = |job: Job| {
        job.env("AWS_ACCESS_KEY_ID", "made-up")
            .env("AWS_SECRET_ACCESS_KEY", "made-up")
            .env("AWS_REGION", "us-east-1")
    };
    for url in [
        secret,
        "https://gateway.invalid/x?CANARYQUERY",
        "ada:CANARYPASS@x",
    ] {
        for verb in ["run", "plan", "check", "models", "quotas"] {
            let with = |job: Job| match verb {
                "models" => job,
                "quotas" => job.args([NOVA]),
                _ => job.file("prompts.csv", "id,text\na,one\n").the_usual(),
            };
            let typed = with(signed(Job::new(verb))).args(["--endpoint-url", url]);
            let configured = with(signed(Job::new(verb))).env("AWS_ENDPOINT_URL", url);
            for job in [typed, configured] {
                let out = job.run();
                let said = format!("{}{}{}", out.stdout, out.stderr, out.text("out.run.json"));
                assert!(!said.contains("CANARY"), "{verb} {url}: {said}");
                out.sent_nothing();
            }
        }
    }
}

const TOKEN: &str = "CANARYTOKENIQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUC";
const API_KEY: &str = "CANARYKEYABSKQmVkcm9ja0FQSUtleS1uY3BxLWF0LTEyMzQ1";
const PROMPT: &str = "CANARYPROMPT";

/// A service on this machine that answers with what it was sent: headers and body, in the text that `wrap`
/// makes of them. It ends with the process.
fn echoing(status: &'static str, wrap: fn(&str) -> String) -> String {
    use std::io::{BufRead as _, BufReader, Read as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = move |mut stream: std::net::TcpStream| -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = wrap(&format!("{head}{}", String::from_utf8_lossy(&body)));
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-amzn-requestid: r-1\r\n\
             content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = answer(stream);
        }
    });
    url
}

/// What a service that echoes says, made of a secret.
type Echo = fn(&str) -> String;

/// The ways in which an answer that is final quotes what it was sent: its status, and what is made of it.
fn echoes() -> [(&'static str, Echo); 4] {
    fn message(sent: &str) -> String {
        serde_json::json!({ "message": sent }).to_string()
    }
    fn code(sent: &str) -> String {
        serde_json::json!({ "__type": sent, "code": sent, "message": "" }).to_string()
    }
    fn key(sent: &str) -> String {
        serde_json::json!({ sent: 1 }).to_string()
    }
    [
        ("400 Bad Request", message),
        ("400 Bad Request", code),
        ("403 Forbidden", message),
        ("200 OK", key),
    ]
}

#[test]
fn what_a_service_quotes_of_a_call_is_in_the_failed_file_alone_and_no_credential_is() {
    for (status, wrap) in echoes() {
        let url = echoing(status, wrap);
        for (mode, keys) in [
            ("--json", "signature"),
            ("--raw=always", "api key"),
            ("--stream=true", "signature"),
        ] {
            {
                let job = Job::new("run")
                    .file(
                        "prompts.csv",
                        format!("id,text\na,{PROMPT} one\nb,{PROMPT} two\n"),
                    )
                    .on(&url)
                    .the_usual()
                    .args([mode, "--max-attempts", "2", "--throttle-wait", "1s"])
                    .args([
                        "--attempt-timeout",
                        "5s",
                        "--deadline",
                        "10s",
                        "--drain",
                        "0s",
                    ]);
                let job = match keys {
                    "signature" => job.env("AWS_SESSION_TOKEN", TOKEN),
                    _ => job.env("AWS_BEARER_TOKEN_BEDROCK", API_KEY),
                };
                let out = job.run();
                let again = |out: &crate::harness::Out| {
                    [
                        out.stdout.clone(),
                        out.stderr.clone(),
                        out.text("out.run.json"),
                    ]
                    .concat()
                };
                let told = again(&out);
                assert!(!told.contains("CANARY"), "{status} {mode} {keys}:\n{told}");
                let failed = out.text("out.failed.jsonl");
                for secret in [TOKEN, API_KEY, "CANARYTOKEN", "CANARYKEY"] {
                    assert!(
                        !failed.contains(secret),
                        "{status} {mode} {keys}:\n{failed}"
                    );
                }
                // A summary of what an earlier run has written says no more.
                let out = out
                    .again("run")
                    .on(&url)
                    .the_usual()
                    .args(["--limit", "1"])
                    .run();
                let told = again(&out);
                assert!(
                    !told.contains("CANARY"),
                    "{status} {mode} {keys} resumed:\n{told}"
                );
            }
        }
    }
}

#[test]
fn the_failed_file_keeps_what_the_service_said() {
    let url = echoing("400 Bad Request", echoes()[0].1);
    let job = Job::new("run").file("prompts.csv", format!("id,text\na,{PROMPT}\n"));
    let out = job
        .on(&url)
        .the_usual()
        .env("AWS_SESSION_TOKEN", TOKEN)
        .run();
    let out = out.says("the service rejected the request");
    let failed = out.text("out.failed.jsonl");
    assert!(failed.contains(PROMPT), "{failed}");
    assert!(failed.contains("[credential removed]"), "{failed}");
}

#[test]
fn check_shows_no_credential_and_nothing_of_a_row() {
    for (status, wrap) in echoes() {
        let url = echoing(status, wrap);
        for json in [false, true] {
            let body = format!("{{\"text\":{{\"messages\":\"{PROMPT}\"}}}}\n");
            let job = Job::new("check").file("rows.jsonl", body).on(&url);
            let job = job.args(["-i", "rows.jsonl", "-m", NOVA, "--body", "text"]);
            let job = if json { job.args(["--json"]) } else { job };
            let out = job.env("AWS_SESSION_TOKEN", TOKEN).run();
            let told = format!("{}{}", out.stdout, out.stderr);
            assert!(!told.contains("CANARY"), "{status} {json}:\n{told}");
            // A few words of ours may be quoted, and the message helps.
            let job = Job::new("check").on(&url).args(["-m", NOVA]);
            let out = job.env("AWS_BEARER_TOKEN_BEDROCK", API_KEY).run();
            assert!(!out.stdout.contains("CANARY"), "{status}:\n{}", out.stdout);
        }
    }
}
