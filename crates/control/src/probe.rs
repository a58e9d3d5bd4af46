//! The probe: asks a node's HTTP API whether it lives. Works for plain SRS too.

use crate::client::{self, ClientError, Target};
use serde::Deserialize;
use srs_balance::Endpoint;
use std::time::Duration;

/// The path that every SRS answers without a token.
const PATH: &str = "/api/v1/versions";

/// Who answered, as far as the answer says: a caller compares it with whom it meant to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The stable server id.
    pub server: Option<String>,
    /// The id of the run.
    pub service: Option<String>,
    /// The process id.
    pub pid: Option<String>,
}

impl Answer {
    /// True unless the answer names another node or another run of it. A node that names neither is believed.
    #[must_use]
    pub fn is_from(&self, node: &srs_balance::Node) -> bool {
        let is_node = self.server.as_ref().is_none_or(|server| server == node.id.as_str());
        let is_run = match (&self.service, &self.pid) {
            (Some(service), Some(pid)) => format!("{service}-{pid}") == node.instance,
            _ => true,
        };
        is_node && is_run
    }
}

/// Asks once. Any answer in HTTP below 500 is a sign of life; a body that is not SRS's says nothing about who
/// it is.
///
/// # Errors
/// [`ClientError`].
pub async fn probe(api: &Endpoint, timeout: Duration) -> Result<Answer, ClientError> {
    let target = Target::new(&api.host, api.port, PATH);
    let (status, body) = client::ask(&target, None, None, None, timeout).await?;
    if status.is_server_error() {
        return Err(ClientError::Answer { authority: target.authority(), text: format!("status {status}") });
    }
    Ok(serde_json::from_slice(&body).unwrap_or_default())
}

#[cfg(test)]
mod tests;
