//! The other side: a loop over the SDK that keeps nothing, run as a process of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_bedrockruntime::error::DisplayErrorContext;
use aws_sdk_bedrockruntime::primitives::Blob;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use promptmill::family::{Family, Parameters};
use promptmill::model::{Message, Prompt, Role};
use tokio::task::JoinSet;

use crate::broken::{self, Broken};
use crate::setting::{MODEL, text};

/// The verb that makes the benchmark's binary this side.
pub(crate) const VERB: &str = "bare";

/// `overhead bare URL CALLS CONCURRENCY`.
pub(crate) fn command() -> Command {
    Command::new(VERB)
        .hide(true)
        .arg(Arg::new("url").required(true))
        .arg(number("calls"))
        .arg(number("concurrency"))
        .arg(Arg::new("stream").long("stream").action(ArgAction::SetTrue))
}

fn number(name: &'static str) -> Arg {
    Arg::new(name)
        .required(true)
        .value_parser(value_parser!(u64))
}

/// Makes the calls, and fails if one of them does.
pub(crate) fn run(matches: &ArgMatches) -> Result<(), Broken> {
    let url: &String = matches.get_one("url").expect("required");
    let number = |name| *matches.get_one::<u64>(name).expect("required");
    let runtime = tokio::runtime::Runtime::new().map_err(broken::io("start the runtime"))?;
    let calls = number("calls");
    let side = Side {
        client: client(url),
        streams: matches.get_flag("stream"),
    };
    let answered = runtime.block_on(call_all(side, calls, number("concurrency")))?;
    if answered == calls {
        Ok(())
    } else {
        Err(Broken::Unanswered {
            side: "the bare loop",
            answered,
            rows: calls,
        })
    }
}

/// The SDK as it comes, but for its retries.
fn client(url: &str) -> Client {
    let credentials = Credentials::new("made-up", "made-up", None, None, "benchmark");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .endpoint_url(url)
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

/// Who calls, and how.
#[derive(Clone)]
struct Side {
    client: Client,
    streams: bool,
}

async fn call_all(side: Side, calls: u64, concurrency: u64) -> Result<u64, Broken> {
    let row = Arc::new(AtomicU64::new(1));
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        workers.spawn(work(side.clone(), Arc::clone(&row), calls));
    }
    let mut answered = 0;
    while let Some(joined) = workers.join_next().await {
        answered += joined.map_err(|error| Broken::Call(error.to_string()))??;
    }
    Ok(answered)
}

/// Takes the next row until there is none, and counts the answers.
async fn work(side: Side, row: Arc<AtomicU64>, calls: u64) -> Result<u64, Broken> {
    let mut answered = 0;
    loop {
        let row = row.fetch_add(1, Ordering::Relaxed);
        if calls < row {
            return Ok(answered);
        }
        let is_answered = if side.streams {
            side.receive(row).await
        } else {
            side.call(row).await
        };
        answered += u64::from(is_answered?);
    }
}

impl Side {
    async fn call(&self, row: u64) -> Result<bool, Broken> {
        let operation = self.client.invoke_model();
        let reply = operation
            .model_id(MODEL)
            .content_type("application/json")
            .accept("application/json")
            .body(Blob::new(body(row)))
            .send()
            .await
            .map_err(|error| Broken::Call(DisplayErrorContext(error).to_string()))?;
        Ok(!reply.body.into_inner().is_empty())
    }

    /// Receives every chunk, and looks at none.
    async fn receive(&self, row: u64) -> Result<bool, Broken> {
        let operation = self.client.invoke_model_with_response_stream();
        let mut reply = operation
            .model_id(MODEL)
            .content_type("application/json")
            .accept("application/json")
            .body(Blob::new(body(row)))
            .send()
            .await
            .map_err(|error| Broken::Call(DisplayErrorContext(error).to_string()))?;
        let mut chunks = 0;
        loop {
            let event = reply.body.recv().await;
            match event.map_err(|error| Broken::Call(DisplayErrorContext(error).to_string()))? {
                Some(event) => chunks += u64::from(event.is_chunk()),
                None => return Ok(0 < chunks),
            }
        }
    }
}

/// Made by hand: the text needs no escaping.
fn body(row: u64) -> String {
    let text = text(row);
    format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"{text}"}}]}}]}}"#)
}

/// Makes sure that both sides send the same.
pub(crate) fn check_body() -> Result<(), Broken> {
    let prompt = Prompt {
        system: None,
        system_written: None,
        messages: vec![Message {
            role: Role::User,
            text: text(1),
            images: Vec::new(),
            written: None,
        }],
    };
    let promptmill = Family::Nova
        .body(&prompt, &Parameters::default(), Some(MODEL))
        .to_string();
    let bare = body(1);
    if bare == promptmill {
        Ok(())
    } else {
        Err(Broken::OtherBody { bare, promptmill })
    }
}
