//! Who answers: the fields that stand in every reply of SRS's API.

use http::HeaderValue;
use serde_json::{Map, Value, json};

/// This program, as its replies name it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The product's signature, as in `Server: SRSProxy/1.5.0`. Proxies show it in `versions` too, as SRS's
    /// proxy does.
    pub signature: String,
    /// `major.minor.revision`.
    pub version: String,
    /// The stable server id.
    pub server: String,
    /// The id of this run.
    pub service: String,
    /// The process id, a text as in SRS.
    pub pid: String,
}

impl Identity {
    /// A reply that begins with `code, server, service, pid`.
    pub(crate) fn reply(&self, code: u32) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("code".to_owned(), code.into());
        body.insert("server".to_owned(), self.server.clone().into());
        body.insert("service".to_owned(), self.service.clone().into());
        body.insert("pid".to_owned(), self.pid.clone().into());
        body
    }

    /// The body of `/api/v1/versions`: the origin's `data` and the proxy's `signature` and `version` in one,
    /// so that health checks written for either find what they read.
    pub(crate) fn versions(&self) -> Map<String, Value> {
        let mut numbers = self.version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        let (major, minor, revision) = (next(), next(), next());
        let mut body = self.reply(0);
        body.insert(
            "data".to_owned(),
            json!({"major": major, "minor": minor, "revision": revision, "version": self.version}),
        );
        body.insert("signature".to_owned(), self.signature.clone().into());
        body.insert("version".to_owned(), self.version.clone().into());
        body
    }

    /// The value of the `Server` header; none when the texts do not fit in one.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(format!("{}/{}", self.signature, self.version)).ok()
    }
}
