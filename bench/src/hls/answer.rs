//! One HTTP answer of known length: what lists and segments come in.

/// A head longer than this is no HLS server's.
const LONGEST_HEAD: usize = 16 * 1024;

/// Reads one answer; a new one is needed for each request.
#[derive(Debug, Default)]
pub struct Answer {
    head: Vec<u8>,
    /// Bytes of the body that are still to come; `None` until the head is whole.
    left: Option<u64>,
    /// The status code, when the head is whole.
    pub status: u16,
    /// The server closes the connection behind it.
    pub closes: bool,
}

/// The request for `path` on a connection that stays.
pub fn request(authority: &str, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: srs-bench\r\nAccept: */*\r\n\r\n")
        .into_bytes()
}

impl Answer {
    /// Takes received bytes; the part of them that is body.
    pub fn feed<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], &'static str> {
        let (left, rest) = match self.left {
            Some(left) => (left, bytes),
            None => match self.head(bytes)? {
                Some((left, rest)) => (left, rest),
                None => return Ok(&[]),
            },
        };
        if rest.len() as u64 > left {
            return Err("more bytes than Content-Length");
        }
        self.left = Some(left - rest.len() as u64);
        Ok(rest)
    }

    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<(u64, &'a [u8])>, &'static str> {
        let before = self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(LONGEST_HEAD)]);
        let from = before.saturating_sub(3);
        let Some(at) = self.head[from..].windows(4).position(|window| window == b"\r\n\r\n") else {
            return if self.head.len() >= LONGEST_HEAD { Err("endless HTTP head") } else { Ok(None) };
        };
        let end = from + at + 4;
        self.head.truncate(end);
        let head = String::from_utf8_lossy(&self.head).to_ascii_lowercase();
        let status = head.split_whitespace().nth(1).and_then(|word| word.parse().ok());
        self.status = status.filter(|_| head.starts_with("http/1.")).ok_or("not HTTP")?;
        let field = |name: &str| {
            head.lines()
                .find_map(|line| line.split_once(':').filter(|(key, _)| *key == name))
                .map(|pair| pair.1.trim())
        };
        self.closes = field("connection").is_some_and(|value| value.contains("close"));
        let length =
            field("content-length").and_then(|value| value.parse().ok()).ok_or("no Content-Length")?;
        Ok(Some((length, &bytes[end - before..])))
    }

    /// Whether nothing came so far.
    pub fn is_untouched(&self) -> bool {
        self.head.is_empty()
    }

    /// Whether all of it is here.
    pub fn is_whole(&self) -> bool {
        self.left == Some(0)
    }
}

#[cfg(test)]
mod tests;
