//! An RTMP client that sends what the test wants, right or wrong.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use srs_amf::Value;
use srs_rtmp::Command;
use srs_rtmp::chunk::Writer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::within;

/// A connection past the handshake, on which every byte is the test's own.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Connects, and says nothing.
    pub async fn connect(address: SocketAddr) -> Raw {
        Raw { stream: within("connecting", TcpStream::connect(address)).await.expect("the server accepts") }
    }

    /// Connects and shakes hands.
    pub async fn open(address: SocketAddr) -> Raw {
        let mut raw = Raw::connect(address).await;
        let mut hello = vec![3];
        hello.resize(1 + 1536, 0);
        raw.send(&hello).await;
        let mut answer = vec![0; 1 + 2 * 1536];
        within("the server's handshake", raw.stream.read_exact(&mut answer))
            .await
            .expect("a whole handshake");
        raw.send(&answer[1..1537]).await;
        raw
    }

    /// Our own port, by which the server's log names us.
    pub fn port(&self) -> u16 {
        self.stream.local_addr().expect("connected").port()
    }

    /// Sends these bytes; the server may be gone.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _server_may_be_gone = self.stream.write_all(bytes).await;
    }

    /// Sends `connect` for the app `live`, in chunks of 128 bytes.
    pub async fn say_connect(&mut self) {
        self.send(&connect_bytes()).await;
    }

    /// Reads until the server closes; the answer is what it said. Panics when it does not.
    pub async fn closed(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        let _reset = within("the server to close", self.stream.read_to_end(&mut said)).await;
        said
    }

    /// Reads until something came that holds these bytes.
    pub async fn hears(&mut self, words: &[u8]) {
        let mut said = Vec::new();
        within("an answer of the server", async {
            while !said.windows(words.len()).any(|window| window == words) {
                let count = self.stream.read_buf(&mut said).await.expect("the connection holds");
                assert!(count > 0, "closed before {:?}", String::from_utf8_lossy(words));
            }
        })
        .await;
    }
}

/// `connect` for the app `live`, in chunks of 128 bytes.
pub fn connect_bytes() -> Bytes {
    let object = Value::object([("app", "live".into()), ("tcUrl", "rtmp://127.0.0.1/live".into())]);
    command_bytes(&Command::new("connect", 1.0, object), 0)
}

/// A command in chunks of 128 bytes.
pub fn command_bytes(command: &Command, stream_id: u32) -> Bytes {
    let mut out = BytesMut::new();
    Writer::new(128).write(&command.message(stream_id), &mut out);
    out.freeze()
}

/// The head of a chunk with a full header (type 0), of a chunk stream from 2 to 63, at time 0.
pub fn chunk_head(csid: u8, kind: u8, length: u32) -> Vec<u8> {
    let [_, a, b, c] = length.to_be_bytes();
    vec![csid, 0, 0, 0, a, b, c, kind, 1, 0, 0, 0]
}

/// Set Chunk Size with this value, whatever it is.
pub fn set_chunk_size(size: u32) -> Vec<u8> {
    let mut message = chunk_head(2, 1, 4);
    message[8] = 0;
    message.extend_from_slice(&size.to_be_bytes());
    message
}
