//! What a run tells machines: one line of JSON, a metrics file, pings of a monitor.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use serde_json::Value;

use crate::harness::{Job, Out};

const THREE: &str = "id,text\na,one\nb,two\nc,three\n";

fn last_line(out: &Out) -> Value {
    serde_json::from_str(out.stdout.lines().last().unwrap()).unwrap()
}

#[test]
fn with_json_the_last_line_of_standard_output_is_the_summary_or_the_error() {
    let out = Job::over(THREE)
        .args(["-t", "{{ text }}", "--json"])
        .run()
        .exits(0);
    assert_eq!(out.stdout.lines().count(), 1);
    let summary = last_line(&out);
    assert_eq!(
        (&summary["state"], &summary["exit_code"]),
        (&"completed".into(), &0.into())
    );
    let out = Job::over(THREE)
        .args(["-t", "{{ txet }}", "--json"])
        .run()
        .exits(2);
    let error = last_line(&out);
    assert_eq!(error["ok"], false);
    assert_eq!(
        (&error["error"]["kind"], &error["error"]["exit_code"]),
        (&"usage".into(), &2.into())
    );
    let out = Job::new("run")
        .args(["--json", "--no-such-flag"])
        .run()
        .exits(2);
    assert_eq!(last_line(&out)["error"]["kind"], "usage");
}

/// The samples of a metrics file, by name and labels; checks its syntax on the way.
#[track_caller]
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut typed = Vec::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["gauge", "counter"].contains(&kind), "{line}");
            assert!(!typed.contains(&name.to_owned()), "{name} twice");
            typed.push(name.to_owned());
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let metric = name.split('{').next().unwrap();
            assert_eq!(typed.last().unwrap(), metric, "under its own type");
            assert!(
                samples
                    .insert(name.to_owned(), value.parse().unwrap())
                    .is_none()
            );
        }
    }
    samples
}

#[test]
fn a_metrics_file_says_how_a_run_ended_and_keeps_the_last_success_over_a_failed_one() {
    let args = ["-t", "{{ text }}", "--metrics-file", "job.prom"];
    let out = Job::over(THREE)
        .args(args)
        .args(["--name", "night"])
        .run()
        .exits(0);
    let found = samples(&out.text("job.prom"));
    for (name, value) in [
        ("promptmill_running{job=\"night\"}", 0.0),
        ("promptmill_exit_code{job=\"night\"}", 0.0),
        ("promptmill_rows{job=\"night\"}", 3.0),
        ("promptmill_rows_remaining{job=\"night\"}", 0.0),
        (
            "promptmill_rows_completed{job=\"night\",status=\"succeeded\"}",
            3.0,
        ),
        ("promptmill_run_calls_total{job=\"night\"}", 3.0),
        ("promptmill_calls_in_flight{job=\"night\"}", 0.0),
    ] {
        assert_eq!(found.get(name), Some(&value), "{name}");
    }
    let success = "promptmill_last_success_timestamp_seconds{job=\"night\"}";
    let ended = found[success];
    let out = out
        .again("run")
        .on_the_emulator("none.csv")
        .args(args)
        .run()
        .exits(2);
    let found = samples(&out.text("job.prom"));
    let of = |name: &str| {
        found
            .iter()
            .find(|(it, _)| it.starts_with(name))
            .map(|it| *it.1)
    };
    assert_eq!(of("promptmill_exit_code"), Some(2.0));
    assert_eq!(of("promptmill_stop_info"), Some(1.0));
    assert_eq!(of("promptmill_last_success_timestamp_seconds"), Some(ended));
    let job = out
        .again("run")
        .args(["missing.toml", "--metrics-file", "job.prom"]);
    let text = job.run().exits(2).text("job.prom");
    assert!(
        !text.contains("job=\"\""),
        "the job of the run before: {text}"
    );
}

#[test]
fn a_metrics_file_takes_no_place_but_its_own() {
    let run = |name: &str| Job::over(THREE).args(["-t", "{{ text }}", "--metrics-file", name]);
    let _ = run("out.jsonl")
        .run()
        .exits(2)
        .says("node_exporter reads files that end in .prom");
    let job = run("job.prom").file("target", "theirs");
    std::os::unix::fs::symlink("target", job.path("job.prom")).unwrap();
    let out = job.run().exits(0);
    assert_eq!(out.text("target"), "theirs");
    assert!(out.text("job.prom").contains("promptmill_rows"));
}

#[test]
fn a_metrics_file_that_cannot_be_written_is_a_warning_and_harms_nothing() {
    let out = Job::over(THREE)
        .args(["-t", "{{ text }}", "--metrics-file", "none/such/job.prom"])
        .run()
        .exits(0)
        .says("--metrics-file none/such/job.prom: ");
    assert_eq!(
        out.stderr.matches("--metrics-file").count(),
        1,
        "{}",
        out.stderr
    );
    assert_eq!(out.answers().len(), 3);
}

/// A monitor on this machine: answers every ping with `answer`, or never if that is empty, and tells
/// what was asked for.
fn monitor(answer: &'static str) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret-uuid", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut open: Vec<TcpStream> = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut start = [0; 4096];
            let read = stream.read(&mut start).unwrap_or(0);
            let text = String::from_utf8_lossy(&start[..read]).into_owned();
            if tell
                .send(text.lines().next().unwrap_or_default().to_owned())
                .is_err()
            {
                return;
            }
            let _ = stream.write_all(answer.as_bytes());
            if answer.is_empty() {
                open.push(stream);
            }
        }
    });
    (url, told)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nOK";

#[test]
fn a_monitor_is_told_of_the_start_and_of_the_exit_code() {
    let (url, told) = monitor(OK);
    let out = Job::over(THREE)
        .args(["-t", "{{ text }}", "--ping", &url, "--max-failures", "3"])
        .run()
        .exits(0);
    for (what, text) in [
        ("run file", out.text("out.run.json")),
        ("standard error", out.stderr.clone()),
    ] {
        assert!(!text.contains("secret-uuid"), "{what}: {text}");
    }
    let run = out.run_file();
    let command = run["command"].as_str().unwrap();
    assert!(
        command.contains("--ping \"$PROMPTMILL_PING\" --max-failures 3"),
        "{command}"
    );
    let mut pings: Vec<_> = told.try_iter().collect();
    pings.sort();
    let expected = [
        "GET /secret-uuid/0 HTTP/1.1",
        "GET /secret-uuid/start HTTP/1.1",
    ];
    assert_eq!(pings, expected);
    Job::over(THREE)
        .args(["-t", "{{ nothing }}", "--ping", &url])
        .run()
        .exits(2);
    assert!(
        told.try_iter()
            .any(|ping| ping.starts_with("GET /secret-uuid/2 "))
    );
}

#[test]
fn a_monitor_that_refuses_or_is_not_there_changes_neither_exit_code_nor_output() {
    let (gone, _told) =
        monitor("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    for (url, says) in [
        (gone.as_str(), "(0): answered with status 404"),
        (
            "http://127.0.0.1:9/secret-uuid",
            "--ping http://127.0.0.1:9 (0): ",
        ),
    ] {
        let out = Job::over(THREE)
            .args(["-t", "{{ text }}", "--ping", url])
            .run()
            .exits(0);
        assert_eq!(out.answers().len(), 3);
        let out = out.says(says);
        assert!(!out.stderr.contains("secret-uuid"), "{}", out.stderr);
    }
    Job::over(THREE)
        .args([
            "-t",
            "{{ text }}",
            "--ping",
            "http://hc.example/secret-uuid",
        ])
        .run()
        .exits(2)
        .says("plain http:// goes to this machine only");
}

#[test]
fn a_monitor_that_hangs_holds_up_the_end_of_a_run_for_ten_seconds_and_no_longer() {
    let (url, _told) = monitor("");
    let start = std::time::SystemTime::now();
    Job::over(THREE)
        .args(["-t", "{{ text }}", "--ping", &url])
        .run()
        .exits(0)
        .says("(0): no answer within 10 s");
    assert!(start.elapsed().unwrap().as_secs() < 40);
}
