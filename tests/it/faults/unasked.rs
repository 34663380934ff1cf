//! Unsolicited responses, on connections that are kept: none is taken for that of a row.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use crate::harness::{Job, pause};

/// When the unsolicited response comes.
#[derive(Debug, Clone, Copy)]
enum Unasked {
    /// In the same write as one that was asked for.
    AtOnce,
    /// Ten milliseconds later, while the connection is idle and the next row waits for its turn.
    WhileIdle,
}

/// A service that answers every call with the text of its prompt, and once more with another.
fn service(unasked: Unasked) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            // Who hangs up has heard enough.
            std::thread::spawn(move || serve(connection, unasked));
        }
    });
    address
}

fn serve(connection: TcpStream, unasked: Unasked) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut requests = BufReader::new(connection);
    while let Some(prompt) = prompt(&mut requests)? {
        let (asked, stale) = (answer(&prompt), answer("stale"));
        let connection = requests.get_mut();
        match unasked {
            Unasked::AtOnce => connection.write_all((asked + &stale).as_bytes())?,
            Unasked::WhileIdle => {
                connection.write_all(asked.as_bytes())?;
                pause();
                connection.write_all(stale.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// The text of the next prompt; `None` at the end of the connection.
fn prompt(requests: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if requests.read_line(&mut line)? == 0 {
            return Ok(None);
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
    requests.read_exact(&mut body)?;
    let body: serde_json::Value = serde_json::from_slice(&body)?;
    let text = body["messages"][0]["content"][0]["text"].as_str();
    Ok(Some(text.unwrap_or_default().to_owned()))
}

fn answer(text: &str) -> String {
    let body = format!(
        "{{\"output\":{{\"message\":{{\"role\":\"assistant\",\"content\":[{{\"text\":\"{text}\"}}]}}}},\
         \"stopReason\":\"end_turn\",\"usage\":{{\"inputTokens\":1,\"outputTokens\":1}}}}"
    );
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[track_caller]
fn check(unasked: Unasked, per_minute: &str) {
    let rows: String = (0..10).map(|n| format!("r{n},text {n}\n")).collect();
    let out = Job::new("run")
        .file("prompts.csv", format!("id,text\n{rows}"))
        .on(&format!("http://{}", service(unasked)))
        .the_usual()
        .args(["-c", "1", "--requests-per-minute", per_minute])
        .run()
        .exits(0);
    let answers = out.answers();
    assert_eq!(answers.len(), 10);
    for (id, row) in answers {
        let expected = id.replace('r', "text ");
        assert_eq!(row["completion"], expected, "{unasked:?}: {row}");
    }
}

#[test]
fn an_answer_behind_another_in_one_write_is_nobodys() {
    check(Unasked::AtOnce, "60000");
}

#[test]
fn an_answer_that_comes_while_a_connection_is_idle_is_nobodys() {
    // A call every 100 ms: the connection is idle for most of the time.
    check(Unasked::WhileIdle, "600");
}
