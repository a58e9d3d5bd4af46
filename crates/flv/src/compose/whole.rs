//! Pictures of VP8, VP9 and AV1: frames as they are, with the record of what their key frames say before them.

use crate::body;
use crate::whole::{self, Head, av1};

/// The pictures of one stream.
#[derive(Debug)]
pub(super) struct Whole {
    codec: body::Whole,
    /// Of the last key frame.
    head: Option<Head>,
}

/// A frame that can be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made<'a> {
    /// The record that stands before it, where it differs from the one before.
    pub config: Option<Vec<u8>>,
    pub key: bool,
    pub data: &'a [u8],
}

impl Whole {
    pub(super) fn new(codec: body::Whole) -> Self {
        Self { codec, head: None }
    }

    pub(super) fn codec(&self) -> body::Whole {
        self.codec
    }

    /// Width and height of the last key frame.
    pub(super) fn size(&self) -> Option<(u32, u32)> {
        self.head.as_ref().map(|head| (head.width, head.height))
    }

    /// Takes a frame. What the stream says of key frames is not asked: the frames say it themselves.
    pub(super) fn take<'a>(&mut self, unit: &'a [u8]) -> Option<Made<'a>> {
        let data = if self.codec == body::Whole::Av1 { av1::undelimited(unit) } else { unit };
        let head = whole::head(self.codec, data);
        let key = head.is_some();
        let mut config = None;
        if let Some(head) = head {
            let known = self.head.as_ref().is_some_and(|known| known.record == head.record);
            config = (!known).then(|| head.record.clone());
            self.head = Some(head);
        }
        (self.head.is_some() && !data.is_empty()).then_some(Made { config, key, data })
    }
}
