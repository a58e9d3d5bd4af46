//! HTTP as a test wants it: every byte of the request is the test's own, and every byte of the answer is seen.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::within;

/// Status and fields of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in order.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Reads a head; the second answer is its length. None while it is not complete.
    pub fn parse(bytes: &[u8]) -> Option<(Head, usize)> {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut fields);
        match response.parse(bytes).expect("the answer is HTTP") {
            httparse::Status::Partial => None,
            httparse::Status::Complete(length) => {
                let field = |field: &httparse::Header<'_>| {
                    (field.name.to_ascii_lowercase(), String::from_utf8_lossy(field.value).into_owned())
                };
                let fields = response.headers.iter().map(field).collect();
                Some((Head { status: response.code.expect("a status"), fields }, length))
            }
        }
    }

    /// The first field of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status and fields.
    pub head: Head,
    /// What came behind the head, framed as it came.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }
}

/// Sends these bytes and reads until the server closes.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    // A server may refuse before it has read all.
    let _refused_early = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _reset = within("the end of the answer", stream.read_to_end(&mut answer)).await;
    answer
}

/// One request on a connection of its own.
pub async fn request(address: SocketAddr, method: &str, target: &str, body: &str) -> Reply {
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    let answer = exchange(address, head.as_bytes()).await;
    let (head, length) = Head::parse(&answer).expect("a whole head");
    Reply { head, body: answer[length..].to_vec() }
}

/// A GET without a body.
pub async fn get(address: SocketAddr, target: &str) -> Reply {
    let head = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = exchange(address, head.as_bytes()).await;
    let (head, length) = Head::parse(&answer).expect("a whole head");
    Reply { head, body: answer[length..].to_vec() }
}
