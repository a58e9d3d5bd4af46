//! Commands: a name, a transaction, a command object and arguments, in AMF0 (RTMP 1.0 section 7).

use bytes::BytesMut;
use srs_amf::Value;

use crate::{Error, Message, MessageKind};

/// The longest command that is read. A connect object with a long token stays under 4 KiB; it is the longest there is.
pub const MAX_COMMAND: usize = 16 * 1024;

/// Values in one command. With the texts inside [`MAX_COMMAND`] this keeps an unknown peer under 64 KiB.
const MAX_VALUES: usize = 512;

/// One command, of either direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// What is asked, or `_result`, `_error`, `onStatus`.
    pub name: String,
    /// Pairs an answer with its question; 0 wants no answer, yet some encoders write it everywhere.
    pub transaction: f64,
    /// Null where the command has none.
    pub object: Value,
    /// What follows the command object.
    pub arguments: Vec<Value>,
}

impl Command {
    /// A command without arguments.
    pub fn new(name: &str, transaction: f64, object: Value) -> Command {
        Command { name: name.to_owned(), transaction, object, arguments: Vec::new() }
    }

    /// With one more argument.
    #[must_use]
    pub fn with(mut self, argument: impl Into<Value>) -> Command {
        self.arguments.push(argument.into());
        self
    }

    /// Reads a command message; `at` is its end in the chunk stream, for the error text.
    ///
    /// An argument in an AMF3 form that has no AMF0 twin ends the list of arguments: what came before it is kept.
    pub fn read(message: &Message, at: u64) -> Result<Command, Error> {
        let bytes = message.body.len();
        if bytes > MAX_COMMAND {
            return Err(Error::LongCommand { bytes, at });
        }
        let body: &[u8] = &message.body;
        let mut rest = match body.split_first() {
            Some((0, rest)) if message.kind == MessageKind::COMMAND_AMF3 => rest,
            _ => body,
        };
        let mut values = MAX_VALUES;
        let error = |source| Error::Command { at, source };
        let name = srs_amf::decode_bounded(&mut rest, &mut values).map_err(error)?;
        let mut found = Vec::new();
        while !rest.is_empty() {
            match srs_amf::decode_bounded(&mut rest, &mut values) {
                Ok(value) => found.push(value),
                Err(srs_amf::Error::Amf3 { .. }) => break,
                Err(source) => return Err(error(source)),
            }
        }
        let mut found = found.into_iter();
        Ok(Command {
            name: name.as_str().unwrap_or_default().to_owned(),
            transaction: found.next().and_then(|value| value.as_f64()).unwrap_or(0.0),
            object: found.next().unwrap_or(Value::Null),
            arguments: found.collect(),
        })
    }

    /// The command as an AMF0 message.
    pub fn message(&self, stream_id: u32) -> Message {
        let mut body = BytesMut::new();
        srs_amf::encode_str(&self.name, &mut body);
        srs_amf::encode(&Value::Number(self.transaction), &mut body);
        srs_amf::encode(&self.object, &mut body);
        self.arguments.iter().for_each(|value| srs_amf::encode(value, &mut body));
        Message { kind: MessageKind::COMMAND_AMF0, timestamp: 0, stream_id, body: body.freeze() }
    }

    /// The text at this place of the arguments.
    pub(crate) fn text(&self, index: usize) -> Option<&str> {
        self.arguments.get(index).and_then(Value::as_str)
    }

    /// The number at this place of the arguments.
    pub(crate) fn number(&self, index: usize) -> Option<f64> {
        self.arguments.get(index).and_then(Value::as_f64)
    }
}

/// The information object of `onStatus` and of connect's answer.
pub(crate) fn information(level: &str, code: &str, description: &str) -> Value {
    Value::object([("level", level.into()), ("code", code.into()), ("description", description.into())])
}

/// A data message (AMF0) of these values.
pub(crate) fn data(values: &[Value], stream_id: u32) -> Message {
    let mut body = BytesMut::new();
    values.iter().for_each(|value| srs_amf::encode(value, &mut body));
    Message { kind: MessageKind::DATA_AMF0, timestamp: 0, stream_id, body: body.freeze() }
}

#[cfg(test)]
mod tests;
