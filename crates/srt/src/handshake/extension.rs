//! What a conclusion says behind its fields, the draft's section 3.2.1.1 and those below it.

use super::Error;
use crate::wire::{Reader, array};

/// The longest stream id, by libsrt's `SRTO_STREAMID`.
pub const MOST_STREAM_ID: usize = 512;
/// The same between nodes of one cluster, which put a key of their own behind what the client said
/// ([`crate::streamid::with_key`]). With everything else that a conclusion has it fits a packet.
pub const MOST_BETWEEN_NODES: usize = 1200;

/// Bytes of HSREQ and HSRSP.
const SRT: usize = 12;

/// The type of an extension. Those that are not named here go by as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExtensionKind(pub u16);

impl ExtensionKind {
    /// What a caller can and wants: [`Srt`].
    pub const HSREQ: ExtensionKind = ExtensionKind(1);
    /// What a listener can and grants: [`Srt`].
    pub const HSRSP: ExtensionKind = ExtensionKind(2);
    /// Key material, wrapped by the passphrase.
    pub const KMREQ: ExtensionKind = ExtensionKind(3);
    /// The same again from who could unwrap it, else why not.
    pub const KMRSP: ExtensionKind = ExtensionKind(4);
    /// The stream id.
    pub const STREAM_ID: ExtensionKind = ExtensionKind(5);
    /// The name of the congestion controller, where it is not the one for live media.
    pub const CONGESTION: ExtensionKind = ExtensionKind(6);
    /// The configuration of a packet filter (forward error correction).
    pub const FILTER: ExtensionKind = ExtensionKind(7);
    /// Which group of connections it belongs to (bonding).
    pub const GROUP: ExtensionKind = ExtensionKind(8);
}

/// One extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its type.
    pub kind: ExtensionKind,
    /// Whole words of 32 bits.
    pub content: &'a [u8],
}

/// Extensions one after the other, whose lengths are known to be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions<'a>(&'a [u8]);

impl<'a> Extensions<'a> {
    pub(super) fn read(blocks: &'a [u8]) -> Result<Extensions<'a>, Error> {
        let mut rest = blocks;
        while let Some((_, behind)) = split(rest)? {
            rest = behind;
        }
        Ok(Extensions(blocks))
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (extension, behind) = split(rest).ok()??;
            rest = behind;
            Some(extension)
        })
    }

    /// The bytes of all, heads included.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The content of the one of this type.
    pub(super) fn one(&self, kind: ExtensionKind) -> Result<Option<&'a [u8]>, Error> {
        let mut those = self.iter().filter(|extension| extension.kind == kind);
        let first = those.next().map(|extension| extension.content);
        if those.next().is_some() { Err(Error::Twice { kind }) } else { Ok(first) }
    }
}

/// The first extension and what is behind it; none at the end.
fn split(blocks: &[u8]) -> Result<Option<(Extension<'_>, &[u8])>, Error> {
    if blocks.is_empty() {
        return Ok(None);
    }
    let mut reader = Reader(blocks);
    let (Some(kind), Some(words)) = (reader.u16().map(ExtensionKind), reader.u16()) else {
        return Err(Error::Tail { left: blocks.len() });
    };
    let (said, left) = (usize::from(words).saturating_mul(4), reader.0.len());
    let (content, behind) = reader.0.split_at_checked(said).ok_or(Error::Cut { kind, said, left })?;
    Ok(Some((Extension { kind, content }, behind)))
}

/// What both sides say of themselves in HSREQ and HSRSP, the draft's section 3.2.1.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Srt {
    /// Of the library: `0x010501` is 1.5.1.
    pub version: u32,
    /// What it can do, the draft's section 3.2.1.1.1.1.
    pub flags: u32,
    /// For how long it wants to hold what it receives, in milliseconds.
    pub receive_delay: u16,
    /// The least for which the peer is to hold what this one sends, in milliseconds.
    pub send_delay: u16,
}

impl Srt {
    /// Versions after 1.0 may say more behind this.
    pub(super) fn read(content: &[u8]) -> Option<Srt> {
        let mut reader = Reader(content);
        Some(Srt {
            version: reader.u32()?,
            flags: reader.u32()?,
            receive_delay: reader.u16()?,
            send_delay: reader.u16()?,
        })
    }

    /// The content of an HSREQ or HSRSP.
    pub fn write(&self) -> [u8; SRT] {
        let (receive, send) = (self.receive_delay.to_be_bytes(), self.send_delay.to_be_bytes());
        array(&[&self.version.to_be_bytes(), &self.flags.to_be_bytes(), &receive, &send])
    }
}

/// Reverses the bytes of each whole word.
pub(super) fn swap(bytes: &mut [u8]) {
    for word in bytes.as_chunks_mut::<4>().0 {
        word.reverse();
    }
}

/// The stream id in an extension: the bytes of each word are reversed, and zeros fill the last one.
pub(super) fn stream_id(content: &[u8]) -> Result<String, Error> {
    let mut text = content.to_owned();
    swap(&mut text);
    while text.last() == Some(&0) {
        text.pop();
    }
    if text.len() > MOST_BETWEEN_NODES {
        return Err(Error::StreamIdLong { length: text.len() });
    }
    if text.contains(&0) {
        return Err(Error::StreamIdText);
    }
    String::from_utf8(text).map_err(|_| Error::StreamIdText)
}

/// The content of the extension that says this stream id.
///
/// # Errors
/// [`Error::StreamIdLong`], and [`Error::StreamIdText`] when there is a zero in it.
pub fn stream_id_words(text: &str) -> Result<Vec<u8>, Error> {
    if text.len() > MOST_BETWEEN_NODES {
        return Err(Error::StreamIdLong { length: text.len() });
    }
    if text.contains('\0') {
        return Err(Error::StreamIdText);
    }
    let mut words = text.as_bytes().to_owned();
    words.resize(text.len().next_multiple_of(4), 0);
    swap(&mut words);
    Ok(words)
}
