//! From the start of the process to the first byte of its first request.

use std::process::Command;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::broken::{self, Broken};
use crate::figures::Figures;
use crate::process::Guarded;
use crate::report::Report;
use crate::setting::{Form, Ids, Setting};

/// The most it may take.
const GOAL: Duration = Duration::from_millis(100);

/// How long a first request is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rows of the input: its size is not what is measured.
const ROWS: u64 = 100;

/// Prints the table.
pub(crate) async fn measure(
    setting: &Setting,
    form: &Form,
    report: &mut Report,
) -> Result<(), Broken> {
    let input = setting.input(ROWS, Ids::None)?;
    let output = setting.path("start.jsonl");
    let mut starts_ms = Vec::new();
    for _ in 0..form.starts {
        let listener = listen().await.map_err(broken::io("listen"))?;
        let address = listener.local_addr().map_err(broken::io("listen"))?;
        let command = setting.run_command(&format!("http://{address}"), &input, &output);
        let took = first_request(command, listener).await?;
        starts_ms.push(took.as_secs_f64() * 1e3);
    }
    let figures: Figures = starts_ms.into_iter().collect();
    report.title(&format!("start-up, {} times: median (spread)", form.starts));
    report.row("until first request, ms", [format!("{figures:.0}")]);
    report.goal(
        &format!("first request within {} ms of the start", GOAL.as_millis()),
        &format!("{figures:.0} ms"),
        (figures.median() <= GOAL.as_secs_f64() * 1e3).into(),
    );
    Ok(())
}

/// A listener of its own for each start: the connections of the one before may still be queued.
async fn listen() -> std::io::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").await
}

/// Starts it, waits for the first byte it sends, and ends it.
async fn first_request(mut command: Command, listener: TcpListener) -> Result<Duration, Broken> {
    let start = Instant::now();
    let process = command.spawn().map_err(broken::io("start promptmill"))?;
    let _process = Guarded(process);
    let arrival = async {
        let (mut stream, _) = listener.accept().await?;
        stream.read_u8().await
    };
    match timeout(PATIENCE, arrival).await {
        Ok(arrived) => arrived.map_err(broken::io("receive the first request"))?,
        Err(_) => return Err(Broken::Late("promptmill sent nothing")),
    };
    Ok(start.elapsed())
}
