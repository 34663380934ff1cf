//! Responses as services send them, one a file of `replies/`, and the record that each becomes.
//!
//! A file names the model, the rows, the flags beside those for input, model, output and endpoint,
//! and the response that every call is answered with:
//!
//! ```json
//! {
//!   "why": "what makes this response worth a file",
//!   "model": "amazon.nova-lite-v1:0", "rows": [{"prompt": "Hi"}], "flags": ["--stream=true"],
//!   "status": 200, "headers": {"content-type": "application/json"},
//!   "body": {"any": "JSON"}, "text": "or a text that is none", "chunks": ["or the chunks of a stream"],
//!   "exit": 0, "record": {"the": "fields of the record that matter"},
//!   "calls": 1, "sent": {"keys": "of the body of the first call"}, "says": "in standard error",
//!   "reparse": {"family": "openai-chat", "record": {"as": "above, after reparse"}}
//! }
//! ```

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{Job, repository};

/// A service on this machine that answers every call with the same bytes, and keeps what it was
/// sent.
pub(crate) struct Service {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<Value>>>,
}

impl Service {
    /// Starts one; it ends with the process.
    fn answering(response: Vec<u8>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&sent);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                // A client that hangs up has read enough.
                if let Ok(body) = answer(connection, &response) {
                    log.lock().unwrap().push(body);
                }
            }
        });
        Self { address, sent }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn sent(&self) -> Vec<Value> {
        self.sent.lock().unwrap().clone()
    }
}

/// Reads one request, answers it, and returns its body.
fn answer(connection: TcpStream, response: &[u8]) -> std::io::Result<Value> {
    let mut request = BufReader::new(connection);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if request.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(said) = line.strip_prefix("content-length:") {
            length = said.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    request.read_exact(&mut body)?;
    request.get_mut().write_all(response)?;
    Ok(serde_json::from_slice(&body).unwrap_or_default())
}

/// An HTTP response in its bytes.
fn response(case: &Value) -> Vec<u8> {
    let chunks = case["chunks"].as_array();
    let body = match (chunks, case["text"].as_str()) {
        (Some(chunks), _) => chunks.iter().flat_map(frame).collect(),
        (None, Some(text)) => text.as_bytes().to_vec(),
        (None, None) => case["body"].to_string().into_bytes(),
    };
    let kind = match chunks {
        Some(_) => "application/vnd.amazon.eventstream",
        None => "application/json",
    };
    let status = case["status"].as_u64().unwrap_or(200);
    let mut head =
        format!("HTTP/1.1 {status} So\r\nconnection: close\r\nx-amzn-requestid: r-1\r\n");
    let given = case["headers"].as_object().cloned().unwrap_or_default();
    if !given.contains_key("content-type") {
        head += &format!("content-type: {kind}\r\n");
    }
    for (name, value) in &given {
        head += &format!("{name}: {}\r\n", value.as_str().unwrap());
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    [head.into_bytes(), body].concat()
}

/// A chunk as an event of an AWS event stream.
fn frame(chunk: &Value) -> Vec<u8> {
    let payload = json!({"bytes": STANDARD.encode(chunk.to_string())}).to_string();
    let mut headers = Vec::new();
    for (name, value) in [
        (":event-type", "chunk"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ] {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        headers.push(7); // a text follows
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let total = 12 + headers.len() + payload.len() + 4;
    let mut frame = Vec::new();
    frame.extend_from_slice(&(total as u32).to_be_bytes());
    frame.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    frame.extend_from_slice(&crc(&frame).to_be_bytes());
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(payload.as_bytes());
    frame.extend_from_slice(&crc(&frame).to_be_bytes());
    frame
}

/// CRC-32 as in zlib.
fn crc(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| match crc & 1 {
        0 => crc >> 1,
        _ => (crc >> 1) ^ 0xedb8_8320,
    };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), bit);
    !bytes.iter().fold(!0, byte)
}

/// Whether `found` says what `expected` does: of objects only the fields that are expected, and
/// null where there is nothing.
fn says(found: &Value, expected: &Value) -> bool {
    match expected {
        Value::Object(fields) => fields.iter().all(|(key, value)| says(&found[key], value)),
        Value::Number(number) => found.as_f64() == number.as_f64(),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => found == expected,
    }
}

/// Runs a case and says what is wrong with what came of it.
pub(crate) fn wrongs(case: &Value) -> Vec<String> {
    let service = Service::answering(response(case));
    let rows = case["rows"].as_array().unwrap();
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let mut job = Job::new("run")
        .file("in.jsonl", rows)
        .on(&service.url())
        .args(["-i", "in.jsonl", "-o", "out.jsonl"])
        .args(["-m", case["model"].as_str().unwrap()]);
    for flag in case["flags"].as_array().into_iter().flatten() {
        job = job.args([flag.as_str().unwrap()]);
    }
    let out = job.run();
    let mut wrong = Vec::new();
    let mut expect = |what: &str, is_so: bool, found: &dyn std::fmt::Debug| {
        if !is_so {
            wrong.push(format!("{what}: found {found:?}\n{}", out.stderr));
        }
    };
    expect(
        "exit code",
        out.code.map(Into::into) == case["exit"].as_i64(),
        &out.code,
    );
    let records = |out: &crate::harness::Out| {
        let lines = out.text("out.jsonl") + &out.text("out.failed.jsonl");
        let read = |line: &str| serde_json::from_str(line).unwrap();
        lines.lines().map(read).collect::<Vec<Value>>()
    };
    let found = records(&out);
    match case.get("record") {
        Some(record) => expect("record", says(&found[..1][0], record), &found),
        None => expect("no record", found.is_empty(), &found),
    }
    let sent = service.sent();
    if let Some(calls) = case["calls"].as_u64() {
        expect("calls", sent.len() as u64 == calls, &sent.len());
    }
    if let Some(body) = case.get("sent") {
        expect("sent", says(&sent[0], body), &sent);
    }
    if let Some(text) = case["says"].as_str() {
        expect("says", out.stderr.contains(text), &text);
    }
    if let Some(reparse) = case.get("reparse") {
        let family = reparse["family"].as_str().unwrap();
        let out = out
            .again("reparse")
            .args(["out.jsonl", "--family", family])
            .run();
        let found = records(&out);
        if !says(&found[0], &reparse["record"]) {
            wrong.push(format!(
                "reparse: found {found:?}\n{}{}",
                out.stdout, out.stderr
            ));
        }
    }
    wrong
}

#[test]
fn every_response_becomes_the_record_that_its_file_says() {
    let directory = repository().join("tests/it/replies");
    let files = std::fs::read_dir(directory).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .collect();
    assert!(15 < files.len(), "{files:?}");
    let run = |path: &std::path::PathBuf| {
        let case: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let wrongs = wrongs(&case).into_iter();
        wrongs
            .map(|wrong| format!("{}: {wrong}", path.display()))
            .collect::<Vec<_>>()
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = files.iter().map(|path| scope.spawn(|| run(path))).collect();
        all.into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
