//! AMF0 bytes to values, with every length and count checked against the bytes that are really there.

use crate::{Value, amf3};

/// How deep objects and arrays may nest. Metadata of real encoders stays under 5; the recursion of 32 levels fits a
/// 256 KiB stack many times over.
pub const MAX_DEPTH: usize = 32;

/// How many values one call of [`decode()`] makes. A one-byte marker becomes a value of some 56 bytes in memory, so a
/// message of 16 MiB could grow to 1 GiB without it; the key frame index of a day-long FLV file fits.
pub const MAX_VALUES: usize = 131_072;

/// Why bytes are no AMF0 value. `at` counts bytes from the start of the slice that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes end inside a value, or a length points past their end.
    #[error("AMF value cut short at byte {at}")]
    Truncated {
        /// Where more bytes were wanted.
        at: usize,
    },
    /// A marker that the standard does not define or that no one sends (movie clip, record set).
    #[error("unknown AMF0 marker {marker:#04x} at byte {at}")]
    UnknownMarker {
        /// The marker.
        marker: u8,
        /// Where it stands.
        at: usize,
    },
    /// More than [`MAX_DEPTH`] levels.
    #[error("AMF value nested deeper than {MAX_DEPTH} levels at byte {at}")]
    TooDeep {
        /// Where the first level too many begins.
        at: usize,
    },
    /// More values than the caller allows.
    #[error("too many AMF values, the limit was reached at byte {at}")]
    TooMany {
        /// Where the first value too many begins.
        at: usize,
    },
    /// An AMF3 form without an AMF0 twin: byte arrays, vectors, dictionaries, externalizable classes, object references.
    #[error("AMF3 form not supported (marker {marker:#04x}) at byte {at}")]
    Amf3 {
        /// The AMF3 marker.
        marker: u8,
        /// Where it stands.
        at: usize,
    },
}

/// Takes one value from the front of `input`. On an error `input` is left as it was.
///
/// A text that is not UTF-8 is read as Latin-1: names in old encodings stay apart from each other and nothing is refused.
pub fn decode(input: &mut &[u8]) -> Result<Value, Error> {
    decode_bounded(input, &mut MAX_VALUES.clone())
}

/// As [`decode()`], with a budget of values that several calls can share; what was used is taken off `values`.
pub fn decode_bounded(input: &mut &[u8], values: &mut usize) -> Result<Value, Error> {
    let mut cursor = Cursor { rest: input, total: input.len(), values: *values };
    let value = read(&mut cursor, 0)?;
    *values = cursor.values;
    *input = cursor.rest;
    Ok(value)
}

pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    total: usize,
    values: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn at(&self) -> usize {
        self.total.saturating_sub(self.rest.len())
    }

    fn cut(&self) -> Error {
        Error::Truncated { at: self.total }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.cut())?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.cut())?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn number(&mut self) -> Result<f64, Error> {
        self.array().map(f64::from_be_bytes)
    }

    fn short_text(&mut self) -> Result<String, Error> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(usize::from(length)).map(text)
    }

    fn long_text(&mut self) -> Result<String, Error> {
        let length = u32::from_be_bytes(self.array()?);
        self.take(usize::try_from(length).unwrap_or(usize::MAX)).map(text)
    }

    /// Charges one value and checks the depth at which it stands.
    pub(crate) fn enter(&mut self, depth: usize) -> Result<(), Error> {
        let at = self.at();
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep { at });
        }
        self.values = self.values.checked_sub(1).ok_or(Error::TooMany { at })?;
        Ok(())
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

fn read(input: &mut Cursor<'_>, depth: usize) -> Result<Value, Error> {
    input.enter(depth)?;
    let at = input.at();
    Ok(match input.byte()? {
        0x00 => Value::Number(input.number()?),
        0x01 => Value::Boolean(input.byte()? != 0),
        0x02 => Value::String(input.short_text()?),
        0x03 => Value::Object(fields(input, depth, None)?),
        0x05 => Value::Null,
        0x06 => Value::Undefined,
        0x07 => Value::Reference(u16::from_be_bytes(input.array()?)),
        0x08 => {
            let count = u32::from_be_bytes(input.array()?);
            Value::EcmaArray(fields(input, depth, Some(count))?)
        }
        0x0a => Value::StrictArray(elements(input, depth)?),
        0x0b => Value::Date { ms: input.number()?, tz: i16::from_be_bytes(input.array()?) },
        0x0c => Value::LongString(input.long_text()?),
        0x0d => Value::Unsupported,
        0x0f => Value::Xml(input.long_text()?),
        0x10 => Value::TypedObject { class: input.short_text()?, fields: fields(input, depth, None)? },
        0x11 => amf3::read(input, depth)?,
        marker => return Err(Error::UnknownMarker { marker, at }),
    })
}

/// Reads up to the end mark. Some encoders leave it out after an ECMA array that ends the message: with `count` given,
/// the end of the bytes after that many fields ends the array too.
fn fields(input: &mut Cursor<'_>, depth: usize, count: Option<u32>) -> Result<Vec<(String, Value)>, Error> {
    let mut fields = Vec::new();
    loop {
        if input.rest.is_empty()
            && count.is_some_and(|count| usize::try_from(count).is_ok_and(|n| fields.len() >= n))
        {
            return Ok(fields);
        }
        let key = input.short_text()?;
        if key.is_empty() && input.rest.first() == Some(&0x09) {
            input.byte()?;
            return Ok(fields);
        }
        fields.push((key, read(input, depth.saturating_add(1))?));
    }
}

fn elements(input: &mut Cursor<'_>, depth: usize) -> Result<Vec<Value>, Error> {
    let count = u32::from_be_bytes(input.array()?);
    // The count is the sender's word: the vector grows with what is really read.
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(read(input, depth.saturating_add(1))?);
    }
    Ok(values)
}
