//! Answers in which the model says that it has failed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use crate::harness::Job;

/// A service that answers every call with this body.
fn service(body: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            // Who hangs up has heard enough.
            let _ = answer(connection, body);
        }
    });
    address
}

fn answer(connection: TcpStream, body: &str) -> std::io::Result<()> {
    let mut request = BufReader::new(connection);
    let mut length = 0;
    loop {
        let mut line = String::new();
        request.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(said) = line.strip_prefix("content-length:") {
            length = said.trim().parse().unwrap_or(0);
        }
    }
    request.read_exact(&mut vec![0; length])?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let length = body.len();
    write!(
        request.get_mut(),
        "{head}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn a_model_that_stops_with_an_error_is_asked_again_and_its_words_are_kept_apart() {
    const BODY: &str = r#"{"output":{"message":{"content":[{"text":"I"}]}},"stopReason":"malformed_model_output"}"#;
    let out = Job::new("run")
        .file("prompts.csv", "id,text\na,one\n")
        .on(&format!("http://{}", service(BODY)))
        .the_usual()
        .args(["--max-attempts", "2"])
        .run()
        .exits(3);
    assert_eq!(out.answered(), "");
    let row = &out.failures()["a"];
    let error = &row["error"];
    assert_eq!(error["category"], "model_error", "{row}");
    assert_eq!(error["code"], "malformed_model_output", "{row}");
    assert_eq!(row["attempts"], 2, "{row}");
    assert_eq!(row["maybe_billed"], 2, "{row}");
    assert_eq!(row["raw"].to_string(), BODY);
}
