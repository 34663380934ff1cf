//! Credentials that expire while a run goes on.

use crate::harness::{Job, QUICK, Service};

const ROWS: &str = "id,text\na,one\nb,two\nc,three\nd,four\n";

/// Takes every key but the old one.
fn service() -> Service {
    let expired = "[[fault]]\nkind = \"expired_token\"\nkey = \"AKIDOLD\"\n";
    Service::playing(&format!("{QUICK}{expired}"))
}

/// A job whose credentials come from a program that is asked each time the chain is gone through.
fn job(service: &Service, program: &str) -> Job {
    let job = Job::new("run")
        .file("prompts.csv", ROWS)
        .file("credentials.sh", program);
    let path = job.path("credentials.sh");
    let config = format!(
        "[default]\nregion = us-east-1\ncredential_process = /bin/sh {}\n",
        path.display()
    );
    job.file(".aws/config", config)
        .the_usual()
        .args(["-c", "2"])
        .args(["--endpoint-url", &service.url])
}

fn says(key: &str) -> String {
    format!(
        r#"echo '{{"Version":1,"AccessKeyId":"{key}","SecretAccessKey":"s","SessionToken":"t"}}'"#
    )
}

#[test]
fn new_credentials_are_found_and_the_rows_never_know() {
    let service = service();
    let (old, new) = (says("AKIDOLD"), says("AKIDNEW"));
    let program = format!(
        "echo asked >> asked.txt\nif [ -e once ]; then {new}; else touch once; {old}; fi\n"
    );
    let out = job(&service, &program).run().exits(0);
    assert_eq!(out.answered(), "a b c d");
    assert!(out.answers().values().all(|row| row["attempts"] == 1));
    assert_eq!(out.text("asked.txt").lines().count(), 2);
    assert_eq!(out.text("out.failed.jsonl"), "");
    drop(out);
    assert!(
        service.calls() <= 6,
        "two in flight, one probe a row at most"
    );
}

#[test]
fn credentials_that_stay_expired_stop_the_run_after_a_while_with_all_rows_left() {
    let service = service();
    let program = format!("echo asked >> asked.txt\n{}\n", says("AKIDOLD"));
    let out = job(&service, &program).run().exits(77);
    let out = out
        .says("stopped by ExpiredTokenException (HTTP 403): the credentials are rejected")
        .says("what to do renew the credentials (with SSO: aws sso login)");
    assert!(
        2 <= out.text("asked.txt").lines().count(),
        "asked again before giving up"
    );
    assert_eq!(out.run_file()["remaining"], 4);
    let out = out.sent_nothing();
    let after = out.again("run").on(&service.url);
    let after = after.the_usual();
    assert_eq!(after.run().exits(0).answered(), "a b c d");
}
