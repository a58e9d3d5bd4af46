//! Clients of the doors under test.

use srs_amf::Value;

pub mod flv;
pub mod hls;
pub mod player;
pub mod publisher;
pub mod raw;

/// Whom a client connects to, and as what.
#[derive(Clone, Debug)]
pub struct Target {
    /// Of the connect object.
    pub app: String,
    /// Of the connect object.
    pub tc_url: String,
    /// The stream with its query.
    pub stream: String,
    /// Further fields of the connect object.
    pub fields: Vec<(String, Value)>,
    /// Arguments behind the connect object.
    pub arguments: Vec<Value>,
}

impl Target {
    /// `live/NAME` at a host without a vhost of its own.
    pub fn live(stream: &str) -> Target {
        Target {
            app: "live".to_owned(),
            tc_url: "rtmp://127.0.0.1/live".to_owned(),
            stream: stream.to_owned(),
            fields: Vec::new(),
            arguments: Vec::new(),
        }
    }

    /// The path of the same stream over HTTP-FLV.
    pub fn flv(stream: &str) -> String {
        format!("/live/{stream}.flv")
    }

    fn connect(&self) -> Value {
        let mut connect = Value::object([
            ("app", self.app.as_str().into()),
            ("type", "nonprivate".into()),
            ("flashVer", "kit/1".into()),
            ("tcUrl", self.tc_url.as_str().into()),
        ]);
        for (name, value) in &self.fields {
            connect.set(name, value.clone());
        }
        connect
    }
}

/// Why a client was not served.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Told with a code and words.
    Told {
        /// `NetStream.Publish.BadName` and the like.
        code: String,
        /// The server's words.
        description: String,
    },
    /// The connection ended, or broke, without a word.
    Closed(String),
}

impl Refusal {
    /// The code; empty when none was told.
    pub fn code(&self) -> &str {
        match self {
            Refusal::Told { code, .. } => code,
            Refusal::Closed(_) => "",
        }
    }
}
