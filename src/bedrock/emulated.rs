//! Whether an endpoint is promptmill's emulator, which makes its answers up: it says so itself.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::url::is_unencrypted;

/// What the emulator calls itself in the `server` header of everything it says.
const NAME: &str = "promptmill-emulator";

/// An emulator on this machine says who it is at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// More than the head of such an answer has.
const LONGEST_HEAD: u64 = 8 << 10;

/// Whether this `server` header is the emulator's.
pub(crate) fn is_emulator(server: &str) -> bool {
    server == NAME
}

/// Whether the emulator could stand at `url` at all: it speaks plain HTTP, on this machine only, and
/// so does nothing else that is called.
pub fn may_be_at(url: &str) -> bool {
    url.starts_with("http://") && !is_unencrypted(url)
}

/// Asks the server at `url` whether it is the emulator; `None` if it does not answer.
pub async fn is_at(url: &str) -> Option<bool> {
    let authority = url.strip_prefix("http://")?.split('/').next()?;
    let address = match authority.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => authority.to_owned(),
        Some(_) | None => format!("{authority}:80"),
    };
    let question = format!("GET / HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(question.as_bytes()).await?;
        head(stream).await
    };
    let head = timeout(PATIENCE, asked).await.ok()?.ok()?;
    Some(head.lines().any(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.eq_ignore_ascii_case("server") && is_emulator(value.trim())
    }))
}

/// What is said before the first empty line.
async fn head(stream: TcpStream) -> std::io::Result<String> {
    let mut lines = BufReader::new(stream.take(LONGEST_HEAD)).lines();
    let mut head = String::new();
    while let Some(line) = lines.next_line().await? {
        if line.is_empty() {
            return Ok(head);
        }
        head.push_str(&line);
        head.push('\n');
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
}
