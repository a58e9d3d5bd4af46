//! An HTTP-FLV player on a bare socket, with readers of its own for HTTP's chunked coding and FLV's tags.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::http::Head;
use crate::media::Mark;
use crate::{Frame, within};

/// An HTTP-FLV player.
pub struct FlvPlayer {
    stream: TcpStream,
    raw: Vec<u8>,
    flv: Vec<u8>,
    chunked: bool,
    opened: bool,
    head: Option<Head>,
    /// Everything that came, in order.
    pub got: Vec<Mark>,
    /// The flags of the file header.
    pub flags: u8,
    /// Whether the body came to its proper end: the last chunk, or the close of an HTTP/1.0 connection.
    pub whole: bool,
}

impl FlvPlayer {
    /// Sends a request, and does not wait for the answer.
    pub async fn request(address: SocketAddr, target: &str) -> FlvPlayer {
        Self::ask(address, &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\n\r\n"), None)
            .await
    }

    /// As [`FlvPlayer::request`], with a small receive buffer.
    pub async fn request_narrow(address: SocketAddr, target: &str) -> FlvPlayer {
        Self::ask(address, &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n"), Some(16 << 10)).await
    }

    /// Sends this head.
    pub async fn ask(address: SocketAddr, head: &str, receive: Option<u32>) -> FlvPlayer {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(bytes) = receive {
            socket.set_recv_buffer_size(bytes).expect("a receive buffer");
        }
        let mut stream = within("connecting", socket.connect(address)).await.expect("the server accepts");
        stream.write_all(head.as_bytes()).await.expect("the request is taken");
        FlvPlayer {
            stream,
            raw: Vec::new(),
            flv: Vec::new(),
            chunked: false,
            opened: false,
            head: None,
            got: Vec::new(),
            flags: 0,
            whole: false,
        }
    }

    /// Sends a request and waits for a 200.
    pub async fn connect(address: SocketAddr, target: &str) -> FlvPlayer {
        let mut player = Self::request(address, target).await;
        let head = player.head().await;
        assert_eq!(head.status, 200, "{target}: {head:?}");
        player
    }

    /// The head of the answer.
    pub async fn head(&mut self) -> Head {
        if let Some(head) = &self.head {
            return head.clone();
        }
        within("the head of the answer", async {
            loop {
                if let Some((head, length)) = Head::parse(&self.raw) {
                    self.raw.drain(..length);
                    self.chunked = head.field("transfer-encoding") == Some("chunked");
                    self.head = Some(head.clone());
                    return head;
                }
                assert!(
                    self.read().await,
                    "closed inside the head: {:?}",
                    String::from_utf8_lossy(&self.raw)
                );
            }
        })
        .await
    }

    async fn read(&mut self) -> bool {
        self.stream.read_buf(&mut self.raw).await.is_ok_and(|count| count > 0)
    }

    /// The next tag; none at the end of the body.
    pub async fn next(&mut self) -> Option<Frame> {
        if self.head.is_none() {
            self.head().await;
        }
        loop {
            self.unframe();
            if let Some(frame) = self.tag() {
                self.got.push(frame.mark());
                return Some(frame);
            }
            if self.whole {
                return None;
            }
            if !self.read().await {
                self.whole = !self.chunked;
                return None;
            }
        }
    }

    /// Takes whole chunks out of what was read.
    fn unframe(&mut self) {
        if !self.chunked {
            self.flv.append(&mut self.raw);
            return;
        }
        while let Some(line) = self.raw.windows(2).position(|pair| pair == b"\r\n") {
            let text = std::str::from_utf8(&self.raw[..line]).expect("a chunk size");
            let size = usize::from_str_radix(text, 16).expect("a chunk size in hexadecimal");
            if self.raw.len() < line + 2 + size + 2 {
                return;
            }
            self.flv.extend_from_slice(&self.raw[line + 2..line + 2 + size]);
            assert_eq!(&self.raw[line + 2 + size..line + 4 + size], b"\r\n", "the end of a chunk");
            self.raw.drain(..line + 4 + size);
            if size == 0 {
                self.whole = true;
                return;
            }
        }
    }

    fn tag(&mut self) -> Option<Frame> {
        if !self.opened {
            let header = self.flv.get(..13)?;
            assert_eq!(&header[..4], b"FLV\x01", "the signature");
            assert_eq!(&header[5..], [0, 0, 0, 9, 0, 0, 0, 0], "data offset and first back pointer");
            self.flags = header[4];
            self.flv.drain(..13);
            self.opened = true;
        }
        let &[kind, l1, l2, l3, t1, t2, t3, t0, s1, s2, s3] = self.flv.first_chunk::<11>()?;
        let length = u32::from_be_bytes([0, l1, l2, l3]) as usize;
        let back = self.flv.get(11 + length..15 + length)?;
        assert_eq!(back, u32::try_from(11 + length).expect("24 bits").to_be_bytes(), "the back pointer");
        assert_eq!([s1, s2, s3], [0, 0, 0], "the stream id of a tag");
        let body = self.flv[11..11 + length].to_vec().into();
        self.flv.drain(..15 + length);
        Some(Frame { kind, time: u32::from_be_bytes([t0, t1, t2, t3]), body })
    }

    /// Plays until `count` coded frames came in all.
    pub async fn frames(&mut self, count: usize) {
        let mut have = crate::media::coded(&self.got).len();
        let what = format!("{count} frames over HTTP-FLV");
        within(&what, async {
            while have < count {
                let Some(frame) = self.next().await else { panic!("ended after {have} of {count} frames") };
                have += usize::from(frame.mark().is_coded());
            }
        })
        .await;
    }

    /// Plays until the payload with this mark came.
    pub async fn reach(&mut self, mark: Mark) {
        within("a certain frame over HTTP-FLV", async {
            while let Some(frame) = self.next().await {
                if frame.mark().sha256 == mark.sha256 {
                    return;
                }
            }
            panic!("the body ended before the frame {mark:?}");
        })
        .await;
    }

    /// Plays to the end of the body.
    pub async fn finish(&mut self) {
        within("the end of the stream over HTTP-FLV", async { while self.next().await.is_some() {} }).await;
    }
}
