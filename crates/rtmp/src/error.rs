//! Why a session ended.

use crate::{chunk, handshake};

/// The end of a session, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The peer does not speak RTMP as it is spoken here.
    #[error("handshake: {0}")]
    Handshake(#[from] handshake::Error),
    /// The chunk stream is broken.
    #[error("chunk stream: {0}")]
    Chunk(#[from] chunk::Error),
    /// A command that cannot be read; `at` counts the bytes of the chunk stream up to the end of the message.
    #[error("command before byte {at}: {source}")]
    Command {
        /// Where the message ended.
        at: u64,
        /// What is wrong, with the offset inside the message.
        source: srs_amf::Error,
    },
    /// A command message of more than [`crate::MAX_COMMAND`] bytes.
    #[error("command of {bytes} bytes before byte {at}, at most {} are read", crate::MAX_COMMAND)]
    LongCommand {
        /// Its length.
        bytes: usize,
        /// Where the message ended.
        at: u64,
    },
    /// `connect` without a command object.
    #[error("connect without a command object before byte {at}")]
    BadConnect {
        /// Where the message ended.
        at: u64,
    },
    /// `publish` or `play` before `connect`.
    #[error("{command} before connect")]
    NotConnected {
        /// The command.
        command: &'static str,
    },
    /// `publish` or `play` with no stream name. The peer has been told; send what is pending before closing.
    #[error("{command} without a stream name")]
    NoStreamName {
        /// The command.
        command: &'static str,
    },
    /// The peer asks faster than it takes the answers.
    #[error("more than {limit} bytes of answers pending")]
    TooManyAnswers {
        /// The limit, bytes.
        limit: usize,
    },
}
