//! What a server session tells its driver.

use std::sync::Arc;

use srs_amf::Value;

use crate::Message;

/// Something that the session cannot answer alone, or that the peer sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The peer wants to publish: answer with [`super::Session::accept_publish`] or [`super::Session::reject`].
    Publish(PublishRequest),
    /// The peer wants to play: answer with [`super::Session::accept_play`] or [`super::Session::reject`].
    Play(PlayRequest),
    /// Audio, video or data of a publisher; `@setDataFrame` is still inside.
    Message(Message),
    /// FCUnpublish, deleteStream or closeStream: a clean end. Comes once; the connection may publish or play again.
    EndOfStream,
    /// The player pauses (true) or goes on. Already answered.
    Pause(bool),
    /// The player's buffer, milliseconds.
    SetBufferLength(u32),
}

/// All that the peer said in `connect`.
#[derive(Debug, Clone, PartialEq)]
pub struct Connect {
    /// The app, as sent: with query, instance or several levels if it had them.
    pub app: String,
    /// The URL that the client was given.
    pub tc_url: String,
    /// The whole command object, keys in order, known or not.
    pub object: Value,
    /// Arguments after the object.
    pub arguments: Vec<Value>,
}

/// A wish to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishRequest {
    /// What was said before.
    pub connect: Arc<Connect>,
    /// The stream as sent, with its query; never empty.
    pub stream: String,
    /// `live`, `record` or `append`.
    pub kind: String,
}

/// A wish to play.
#[derive(Debug, Clone, PartialEq)]
pub struct PlayRequest {
    /// What was said before.
    pub connect: Arc<Connect>,
    /// The stream as sent, with its query; never empty.
    pub stream: String,
    /// Seconds, or -2 (live, else recorded: the default) or -1 (live only). Some players send milliseconds.
    pub start: f64,
    /// Seconds, -1 for all.
    pub duration: f64,
    /// Whether an earlier playlist is to be dropped.
    pub reset: bool,
    /// The player's buffer where it was said before `play`, milliseconds.
    pub buffer_ms: Option<u32>,
}
