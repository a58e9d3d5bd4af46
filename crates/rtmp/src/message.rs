//! The unit that chunks carry and sessions speak of.

use bytes::Bytes;

/// One whole RTMP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What the body is.
    pub kind: MessageKind,
    /// Milliseconds on the sender's clock; wraps at 2^32.
    pub timestamp: u32,
    /// The message stream: 0 for the connection, else what `createStream` answered.
    pub stream_id: u32,
    /// The payload without any chunk header.
    pub body: Bytes,
}

/// The message type id as it stands on the wire; ids without a name here pass through all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageKind(pub u8);

impl MessageKind {
    /// Set Chunk Size, RTMP 1.0 section 5.4.1.
    pub const SET_CHUNK_SIZE: MessageKind = MessageKind(1);
    /// Abort, 5.4.2: the rest of a half-sent message will not come.
    pub const ABORT: MessageKind = MessageKind(2);
    /// Acknowledgement, 5.4.3.
    pub const ACK: MessageKind = MessageKind(3);
    /// User Control, 6.2; see [`crate::user_control`].
    pub const USER_CONTROL: MessageKind = MessageKind(4);
    /// Window Acknowledgement Size, 5.4.4.
    pub const WINDOW_ACK: MessageKind = MessageKind(5);
    /// Set Peer Bandwidth, 5.4.5.
    pub const PEER_BANDWIDTH: MessageKind = MessageKind(6);
    /// An audio frame, as in an FLV tag.
    pub const AUDIO: MessageKind = MessageKind(8);
    /// A video frame, as in an FLV tag.
    pub const VIDEO: MessageKind = MessageKind(9);
    /// Data in AMF3, in practice a zero byte and then AMF0.
    pub const DATA_AMF3: MessageKind = MessageKind(15);
    /// A command in AMF3, in practice a zero byte and then AMF0.
    pub const COMMAND_AMF3: MessageKind = MessageKind(17);
    /// Data such as `onMetaData`, in AMF0.
    pub const DATA_AMF0: MessageKind = MessageKind(18);
    /// A command in AMF0.
    pub const COMMAND_AMF0: MessageKind = MessageKind(20);
    /// Several messages in one, see [`crate::aggregate`].
    pub const AGGREGATE: MessageKind = MessageKind(22);

    /// Audio, video or data: what a publisher sends and a player gets.
    pub fn is_media(self) -> bool {
        matches!(self, Self::AUDIO | Self::VIDEO | Self::DATA_AMF0 | Self::DATA_AMF3)
    }

    /// A command in either encoding.
    pub fn is_command(self) -> bool {
        matches!(self, Self::COMMAND_AMF0 | Self::COMMAND_AMF3)
    }
}
