//! Where a request ends, by the strict reading of RFC 9112: whatever two servers could read differently is
//! refused, so that no hop in front of us can be made to see fewer requests than we do (request smuggling).
//! Pure: bytes in, fault or nothing out.
//!
//! Refused beside what the RFC forbids: bare LF, two equal lengths, chunk extensions and trailers, which
//! nobody sends to an API.

/// Bytes of one request head.
pub(super) const MAX_HEAD: usize = 16 << 10;
/// Header fields of one request.
pub(super) const MAX_FIELDS: usize = 100;
/// Digits of a chunk size: up to 4 GiB, far above what any body here may have.
const MAX_CHUNK_DIGITS: usize = 8;
/// Digits of a content length that cannot overflow.
const MAX_LENGTH_DIGITS: usize = 18;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Answered with 400.
    Bad(&'static str),
    /// Answered with 431.
    TooLarge,
}

/// Follows one direction of a connection.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    /// The line so far, in a head or a chunk size.
    line: Vec<u8>,
    head: Head,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Head,
    /// A body, or a chunk with its end (`is_chunk`), of which this much is missing.
    Body {
        left: u64,
        is_chunk: bool,
    },
    ChunkSize,
    ChunkEnd,
    LastLine,
}

#[derive(Debug, Default)]
struct Head {
    bytes: usize,
    fields: usize,
    /// The minor version, once the request line has come.
    version: Option<u8>,
    has_host: bool,
    length: Option<u64>,
    is_chunked: bool,
}

impl Framing {
    pub fn new() -> Self {
        Self { state: State::Head, line: Vec::new(), head: Head::default() }
    }

    /// True when part of a head has come and its end has not.
    pub fn is_inside_head(&self) -> bool {
        self.state == State::Head && self.head.bytes > 0
    }

    /// True when a body was announced and its end has not come.
    pub fn is_inside_body(&self) -> bool {
        self.state != State::Head
    }

    /// Takes the next bytes of the connection, cut anywhere.
    pub fn feed(&mut self, mut input: &[u8]) -> Result<(), Fault> {
        while let Some((&byte, rest)) = input.split_first() {
            if let State::Body { left, is_chunk } = &mut self.state {
                let here = input.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left = left.saturating_sub(here as u64);
                if *left == 0 {
                    self.state = if *is_chunk { State::ChunkEnd } else { State::Head };
                }
                input = input.get(here..).unwrap_or_default();
                continue;
            }
            input = rest;
            self.byte(byte)?;
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> Result<(), Fault> {
        if self.state == State::Head {
            self.head.bytes += 1;
            if self.head.bytes > MAX_HEAD {
                return Err(Fault::TooLarge);
            }
        }
        if byte != b'\n' {
            if self.line.last() == Some(&b'\r') {
                return Err(Fault::Bad("bare CR"));
            }
            // Outside of heads a line is a chunk size or nothing.
            if self.state != State::Head && self.line.len() > MAX_CHUNK_DIGITS {
                return Err(Fault::Bad("chunk size"));
            }
            self.line.push(byte);
            return Ok(());
        }
        if self.line.pop() != Some(b'\r') {
            return Err(Fault::Bad("bare LF"));
        }
        let line = std::mem::take(&mut self.line);
        self.state = match self.state {
            State::Head => self.head_line(&line)?,
            State::ChunkSize => match chunk_size(&line)? {
                0 => State::LastLine,
                left => State::Body { left, is_chunk: true },
            },
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::LastLine if line.is_empty() => State::Head,
            State::ChunkEnd | State::LastLine | State::Body { .. } => {
                return Err(Fault::Bad("data after a chunk, or a trailer"));
            }
        };
        // The buffer is kept: connections live longer than lines.
        self.line = line;
        self.line.clear();
        Ok(())
    }

    fn head_line(&mut self, line: &[u8]) -> Result<State, Fault> {
        let head = &mut self.head;
        match (line.is_empty(), head.version) {
            // RFC 9112 2.2: an empty line before the request line is ignored.
            (true, None) => Ok(State::Head),
            (true, Some(version)) => {
                let next = head.end(version)?;
                self.head = Head::default();
                Ok(next)
            }
            (false, None) => {
                head.version = Some(request_line(line)?);
                Ok(State::Head)
            }
            (false, Some(_)) => head.field(line).map(|()| State::Head),
        }
    }
}

impl Head {
    fn field(&mut self, line: &[u8]) -> Result<(), Fault> {
        self.fields += 1;
        if self.fields > MAX_FIELDS {
            return Err(Fault::TooLarge);
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(Fault::Bad("folded field"));
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Fault::Bad("field without a colon"))?;
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(Fault::Bad("field name"));
        }
        if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(Fault::Bad("control character in a field"));
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            if self.length.replace(content_length(value)?).is_some() {
                return Err(Fault::Bad("two content lengths"));
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") || std::mem::replace(&mut self.is_chunked, true) {
                return Err(Fault::Bad("transfer encoding"));
            }
        } else if name.eq_ignore_ascii_case(b"host") && std::mem::replace(&mut self.has_host, true) {
            return Err(Fault::Bad("two hosts"));
        }
        Ok(())
    }

    fn end(&self, version: u8) -> Result<State, Fault> {
        match (self.is_chunked, self.length) {
            (true, Some(_)) => Err(Fault::Bad("length and transfer encoding")),
            (true, None) if version == 0 => Err(Fault::Bad("transfer encoding in HTTP/1.0")),
            // RFC 9112 3.2.
            _ if version == 1 && !self.has_host => Err(Fault::Bad("no host")),
            (true, None) => Ok(State::ChunkSize),
            (false, Some(left)) if left > 0 => Ok(State::Body { left, is_chunk: false }),
            (false, _) => Ok(State::Head),
        }
    }
}

/// The minor version of a request line with exactly two spaces.
fn request_line(line: &[u8]) -> Result<u8, Fault> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (method, target, version) = (parts.next(), parts.next(), parts.next());
    let is_method =
        method.is_some_and(|method| !method.is_empty() && method.iter().all(|byte| is_token(*byte)));
    let is_target =
        target.is_some_and(|target| !target.is_empty() && !target.iter().any(u8::is_ascii_control));
    if !is_method || !is_target || parts.next().is_some() {
        return Err(Fault::Bad("request line"));
    }
    match version {
        Some(b"HTTP/1.1") => Ok(1),
        Some(b"HTTP/1.0") => Ok(0),
        _ => Err(Fault::Bad("version")),
    }
}

fn content_length(value: &[u8]) -> Result<u64, Fault> {
    digits(value, MAX_LENGTH_DIGITS, 10).ok_or(Fault::Bad("content length"))
}

fn chunk_size(line: &[u8]) -> Result<u64, Fault> {
    digits(line, MAX_CHUNK_DIGITS, 16).ok_or(Fault::Bad("chunk size"))
}

/// A number of digits only: no sign, no space, no list.
fn digits(text: &[u8], most: usize, radix: u32) -> Option<u64> {
    let is_number = !text.is_empty() && text.len() <= most;
    let text =
        std::str::from_utf8(text).ok().filter(|text| is_number && text.chars().all(|c| c.is_digit(radix)))?;
    u64::from_str_radix(text, radix).ok()
}

/// RFC 9110 5.6.2 `tchar`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
