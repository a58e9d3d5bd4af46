//! Reading an HTTP-FLV response: head, transfer coding, FLV tags.

/// A head longer than this is no FLV server's.
const LONGEST_HEAD: usize = 16 * 1024;
const TAG_HEADER: usize = 11;
/// `PreviousTagSize` behind each tag.
const TAG_TAIL: usize = 4;
/// FLV file header and the first `PreviousTagSize`.
const FILE_HEADER: usize = 13;

/// The request of a player.
pub fn request(authority: &str, app: &str, stream: &str, query: &str) -> Vec<u8> {
    format!(
        "GET /{app}/{stream}.flv{query} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: srs-bench\r\nAccept: */*\r\n\r\n"
    )
    .into_bytes()
}

/// Reads one response to its end.
#[derive(Default)]
pub struct Reader {
    held: Vec<u8>,
    body: Body,
    tags: Vec<u8>,
    file_header_seen: bool,
}

#[derive(Default)]
enum Body {
    #[default]
    Head,
    UntilClose,
    ChunkSize,
    ChunkData(usize),
    ChunkEnd,
    Ended,
}

impl Reader {
    /// Takes received bytes and hands audio and video tag bodies to `media`.
    pub fn feed(&mut self, bytes: &[u8], media: &mut dyn FnMut(u8, &[u8])) -> Result<(), String> {
        self.held.extend_from_slice(bytes);
        if matches!(self.body, Body::Head) && !self.head()? {
            return Ok(());
        }
        self.unwrap_coding()?;
        self.tags(media)
    }

    fn head(&mut self) -> Result<bool, String> {
        let Some(end) = self.held.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if self.held.len() > LONGEST_HEAD {
                Err("endless HTTP head".to_owned())
            } else {
                Ok(false)
            };
        };
        let head = String::from_utf8_lossy(&self.held[..end]).to_ascii_lowercase();
        let status = head.split_whitespace().nth(1).unwrap_or_default();
        if status != "200" {
            return Err(format!("HTTP status {status}"));
        }
        let coding = head.lines().find_map(|line| line.strip_prefix("transfer-encoding:"));
        let chunked = coding.is_some_and(|value| value.contains("chunked"));
        self.body = if chunked { Body::ChunkSize } else { Body::UntilClose };
        self.held.drain(..end + 4);
        Ok(true)
    }

    fn unwrap_coding(&mut self) -> Result<(), String> {
        let mut at = 0;
        loop {
            let rest = &self.held[at..];
            match self.body {
                Body::UntilClose | Body::Head => {
                    self.tags.extend_from_slice(rest);
                    at = self.held.len();
                    break;
                }
                Body::ChunkSize => {
                    let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else { break };
                    let line = String::from_utf8_lossy(&rest[..end]);
                    let digits = line.split(';').next().unwrap_or_default().trim();
                    let size =
                        usize::from_str_radix(digits, 16).map_err(|_| format!("chunk size {line:?}"))?;
                    self.body = if size == 0 { Body::Ended } else { Body::ChunkData(size) };
                    at += end + 2;
                }
                Body::ChunkData(left) => {
                    let part = &rest[..left.min(rest.len())];
                    if part.is_empty() {
                        break;
                    }
                    self.tags.extend_from_slice(part);
                    at += part.len();
                    let left = left - part.len();
                    self.body = if left == 0 { Body::ChunkEnd } else { Body::ChunkData(left) };
                }
                Body::ChunkEnd => match rest {
                    [b'\r', b'\n', ..] => {
                        at += 2;
                        self.body = Body::ChunkSize;
                    }
                    [] | [b'\r'] => break,
                    _ => return Err("chunk longer than its size".to_owned()),
                },
                Body::Ended => return Err("response ended".to_owned()),
            }
        }
        self.held.drain(..at);
        Ok(())
    }

    fn tags(&mut self, media: &mut dyn FnMut(u8, &[u8])) -> Result<(), String> {
        let mut at = 0;
        if !self.file_header_seen {
            let Some(header) = self.tags.get(..FILE_HEADER) else { return Ok(()) };
            if !header.starts_with(b"FLV\x01") {
                return Err("body is not FLV".to_owned());
            }
            self.file_header_seen = true;
            at = FILE_HEADER;
        }
        while let Some(header) = self.tags.get(at..at + TAG_HEADER) {
            let size = header[1..4].iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
            let kind = header[0] & 0x1f;
            let body = at + TAG_HEADER;
            if self.tags.len() < body + size + TAG_TAIL {
                break;
            }
            if kind == 8 || kind == 9 {
                media(kind, &self.tags[body..body + size]);
            }
            at = body + size + TAG_TAIL;
        }
        self.tags.drain(..at);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
