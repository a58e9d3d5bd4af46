//! How long a body is, and taking the chunked coding off (RFC 9112, sections 6 and 7).

use bytes::{Buf, Bytes};
use http::{HeaderMap, header};

/// Longest chunk-size line, extensions included.
const SIZE_LINE: usize = 256;

/// Most bytes of trailer fields that are skipped.
const TRAILER: usize = 4096;

/// The framing of a body cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The fields that say the length contradict each other or cannot be read.
    #[error("the length of the body is unclear: {0}")]
    Length(&'static str),
    /// The chunked coding is broken.
    #[error("the chunked coding is broken: {0}")]
    Chunked(&'static str),
}

/// Takes a message body out of its framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// This many bytes are still to come.
    Length(u64),
    /// Chunked coding.
    Chunked(Chunked),
    /// Everything up to the end of the connection.
    UntilClose,
}

/// Where in the chunked coding the reader stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunked {
    /// In a chunk-size line; what has come of it.
    Size(Vec<u8>),
    /// In the data of a chunk, with this many bytes to come.
    Data(u64),
    /// In the line end behind a chunk's data; how many bytes of it have come.
    DataEnd(u8),
    /// In the trailer: bytes of the present line, and bytes in all.
    Trailer(usize, usize),
    /// Done.
    End,
}

impl Body {
    /// The framing of a response with these fields.
    pub fn of_response(headers: &HeaderMap) -> Result<Body, BodyError> {
        if let Some(coding) = headers.get(header::TRANSFER_ENCODING) {
            if headers.contains_key(header::CONTENT_LENGTH) {
                return Err(BodyError::Length("both a length and a transfer coding"));
            }
            let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
            let single = headers.get_all(header::TRANSFER_ENCODING).iter().count() == 1;
            if !chunked || !single {
                return Err(BodyError::Length("a transfer coding that is not chunked"));
            }
            return Ok(Body::Chunked(Chunked::Size(Vec::new())));
        }
        let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
        let Some(length) = lengths.next() else { return Ok(Body::UntilClose) };
        if lengths.next().is_some() {
            return Err(BodyError::Length("two lengths"));
        }
        let digits = length.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(length) => Ok(Body::Length(length)),
            None => Err(BodyError::Length("a length that is not a number")),
        }
    }

    /// Takes the next piece of the body from the front of `input`; none when all of `input` is used up or the body is
    /// over. The piece shares `input`'s memory.
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, BodyError> {
        match self {
            Body::UntilClose => Ok(take(input, u64::MAX)),
            Body::Length(left) => {
                let piece = take(input, *left);
                *left = left.saturating_sub(piece.as_ref().map_or(0, |piece| piece.len() as u64));
                Ok(piece)
            }
            Body::Chunked(state) => state.read(input),
        }
    }

    /// Whether the body is over; never true for one that lasts until the connection ends.
    pub fn is_over(&self) -> bool {
        matches!(self, Body::Length(0) | Body::Chunked(Chunked::End))
    }
}

fn take(input: &mut Bytes, most: u64) -> Option<Bytes> {
    let count = input.len().min(usize::try_from(most).unwrap_or(usize::MAX));
    (count > 0).then(|| input.split_to(count))
}

impl Chunked {
    fn read(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, BodyError> {
        while !input.is_empty() {
            match self {
                Chunked::End => return Ok(None),
                Chunked::Data(left) => {
                    let piece = take(input, *left);
                    *left = left.saturating_sub(piece.as_ref().map_or(0, |piece| piece.len() as u64));
                    if *left == 0 {
                        *self = Chunked::DataEnd(0);
                    }
                    return Ok(piece);
                }
                Chunked::Size(line) => {
                    let byte = input.get_u8();
                    if byte != b'\n' {
                        if line.len() >= SIZE_LINE {
                            return Err(BodyError::Chunked("a chunk-size line that does not end"));
                        }
                        line.push(byte);
                        continue;
                    }
                    *self = match size_of(line)? {
                        0 => Chunked::Trailer(0, 0),
                        size => Chunked::Data(size),
                    };
                }
                Chunked::DataEnd(seen) => {
                    let due = if *seen == 0 { b'\r' } else { b'\n' };
                    if input.get_u8() != due {
                        return Err(BodyError::Chunked("no line end behind a chunk"));
                    }
                    *self = if *seen == 0 { Chunked::DataEnd(1) } else { Chunked::Size(Vec::new()) };
                }
                Chunked::Trailer(line, all) => match input.get_u8() {
                    b'\n' if *line == 0 => *self = Chunked::End,
                    b'\n' => *line = 0,
                    b'\r' => {}
                    _ if *all >= TRAILER => return Err(BodyError::Chunked("a trailer that does not end")),
                    _ => {
                        *line = line.saturating_add(1);
                        *all = all.saturating_add(1);
                    }
                },
            }
        }
        Ok(None)
    }
}

/// The size in a chunk-size line (without its LF).
fn size_of(line: &[u8]) -> Result<u64, BodyError> {
    let line = line.strip_suffix(b"\r").ok_or(BodyError::Chunked("a bare line feed"))?;
    let digits = line.split(|byte| matches!(byte, b';' | b' ' | b'\t')).next().unwrap_or_default();
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(BodyError::Chunked("a chunk size that is no number"));
    }
    let text =
        std::str::from_utf8(digits).map_err(|_| BodyError::Chunked("a chunk size that is no number"))?;
    u64::from_str_radix(text, 16).map_err(|_| BodyError::Chunked("a chunk size that is no number"))
}

/// The line that opens a chunk of `size` bytes.
pub fn chunk_header(size: usize) -> Bytes {
    Bytes::from(format!("{size:x}\r\n"))
}

#[cfg(test)]
mod tests;
