//! The SDK's client, and a new one when its credentials have expired.
//!
//! The SDK resolves credentials again when it knows that they expire. It does not know of a token
//! that was set in the environment or written in a file, and it reads a profile only once. So when
//! the service says that credentials have expired, the whole chain is resolved again: a login
//! in another terminal, or a file that was replaced, is then found.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::{Builder, StalledStreamProtectionConfig};
use tokio::sync::Mutex;

use super::aws::Access;
use super::error::ConnectError;

/// What the SDK's settings call the service.
pub(crate) const SERVICE: &str = "Bedrock Runtime";

/// A client that can be replaced.
#[derive(Debug)]
pub(crate) struct Clients {
    access: Access,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    client: Client,
    /// How many there were before it.
    number: u64,
    expired: bool,
}

impl Clients {
    /// The first client.
    pub(crate) async fn new(access: Access) -> Result<Self, ConnectError> {
        let current = Current {
            client: client(access.clone()).await?,
            number: 0,
            expired: false,
        };
        Ok(Self {
            access,
            current: Mutex::new(current),
        })
    }

    /// The client to call with, a new one if the last has expired; and its number.
    pub(crate) async fn current(&self) -> Result<(Client, u64), ConnectError> {
        let mut current = self.current.lock().await;
        if current.expired {
            // Boxed: it is seldom replaced, and would be most of what a call takes in memory.
            current.client = Box::pin(client(self.access.clone())).await?;
            current.number += 1;
            current.expired = false;
        }
        Ok((current.client.clone(), current.number))
    }

    /// The credentials of the client of this number are no good any more.
    pub(crate) async fn expired(&self, number: u64) {
        let mut current = self.current.lock().await;
        // A call that was long on its way says nothing about the client that came after it.
        if current.number == number {
            current.expired = true;
        }
    }
}

async fn client(access: Access) -> Result<Client, ConnectError> {
    let config = Builder::from(&access.config(SERVICE).await?)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    Ok(Client::from_conf(config))
}
