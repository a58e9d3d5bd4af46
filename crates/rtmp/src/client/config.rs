//! What a client session is told, and what it tells.

use srs_amf::Value;

use crate::chunk::Bodies;
use crate::{Message, handshake};

/// Settings of a client session.
#[derive(Debug, Clone)]
pub struct Config {
    /// The complete object of `connect`, `app` and `tcUrl` included; sent in the order given.
    pub connect: Value,
    /// Arguments of `connect` after the object.
    pub arguments: Vec<Value>,
    /// The stream, with its query.
    pub stream: String,
    /// What is to be done with it.
    pub role: Role,
    /// Our chunk size, announced right after connect, bytes.
    pub chunk_size: u32,
    /// How bodies of played messages are held.
    pub bodies: Bodies,
    /// A number in the server's answer that is kept for [`Session::told`](super::Session::told), by its name.
    pub listen_for: Option<&'static str>,
    /// Which C1 is sent.
    pub handshake: handshake::Style,
}

impl Config {
    /// SRS's chunk size, bodies that may be kept, the simple handshake, no further arguments.
    pub fn new(connect: Value, stream: impl Into<String>, role: Role) -> Config {
        Config {
            connect,
            arguments: Vec::new(),
            stream: stream.into(),
            role,
            chunk_size: 60_000,
            bodies: Bodies::Owned,
            listen_for: None,
            handshake: handshake::Style::Simple,
        }
    }
}

/// Which way the media goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// From us to the server.
    Publish {
        /// `live`, `record` or `append`.
        kind: String,
    },
    /// From the server to us.
    Play,
}

/// What a client session tells its driver.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The server lets us publish or play.
    Started {
        /// The information object as sent; null when media came without one.
        status: Value,
    },
    /// The server refuses the connection or the stream. The session is over.
    Refused {
        /// `NetStream.Play.StreamNotFound` and the like; empty when the server gave none.
        code: String,
        /// The server's words.
        description: String,
        /// The information object as sent.
        status: Value,
    },
    /// Audio, video or data.
    Message(Message),
    /// A later `onStatus`, `NetStream.Play.UnpublishNotify` for instance.
    Status {
        /// Its code.
        code: String,
        /// `status`, `warning` or `error`.
        level: String,
        /// The information object as sent.
        status: Value,
    },
    /// The server says that the stream is over.
    StreamEof,
}
