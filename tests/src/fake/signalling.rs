//! A WHIP and WHEP server without media: a test answers every request by hand.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::within;

/// The server. A browser's question whether a page of another site may ask is answered with yes, and not handed on.
pub struct Signalling {
    /// Where it listens.
    pub address: SocketAddr,
    asked: mpsc::UnboundedReceiver<Asked>,
    task: JoinHandle<()>,
}

/// One request, which waits for its answer.
pub struct Asked {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The body.
    pub body: String,
    fields: Vec<(String, String)>,
    stream: TcpStream,
}

impl Drop for Signalling {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Signalling {
    /// Starts one.
    pub async fn start() -> Signalling {
        let (listener, address) = super::listen().await;
        let (sender, asked) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("accepting");
                tokio::spawn(serve(stream, sender.clone()));
            }
        });
        Signalling { address, asked, task }
    }

    /// The next request.
    pub async fn next(&mut self) -> Asked {
        within("a request", self.asked.recv()).await.expect("the server runs")
    }

    /// The next request, which must be of this method.
    pub async fn next_of(&mut self, method: &str) -> Asked {
        let asked = self.next().await;
        assert_eq!(asked.method, method, "{}", asked.target);
        asked
    }

    /// Whether another request is here already.
    pub fn has_more(&self) -> bool {
        !self.asked.is_empty()
    }
}

impl Asked {
    /// The field of that name, in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Answers it.
    pub async fn answer(mut self, status: u16, fields: &[(&str, &str)], body: &str) {
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "HTTP/1.1 {status} As the test wants\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\n\
             Access-Control-Expose-Headers: Location, ETag, Link, Retry-After\r\nContent-Length: {}\r\n{fields}\r\n",
            body.len()
        );
        let all = [head.as_bytes(), body.as_bytes()].concat();
        // A page that is left does not wait.
        let _gone = self.stream.write_all(&all).await;
        let _gone = self.stream.shutdown().await;
    }

    /// Takes the offer: an answer as a lite server gives it, whose one candidate leads nowhere.
    pub async fn accept(self, location: &str) {
        let answer = nowhere(&self.body);
        self.answer(201, &[("Content-Type", "application/sdp"), ("Location", location)], &answer).await;
    }
}

/// An answer that a browser takes to its own offer.
fn nowhere(offer: &str) -> String {
    let dropped =
        ["a=candidate:", "a=ssrc", "a=msid", "a=end-of-candidates", "a=ice-options", "a=rid", "a=simulcast"];
    let kept = offer.lines().filter(|line| !dropped.iter().any(|start| line.starts_with(start)));
    let mut answer = String::new();
    for line in kept {
        let line = match line.split_once(':').map_or(line, |(name, _)| name) {
            "a=sendonly" => "a=recvonly",
            "a=recvonly" => "a=sendonly",
            "a=setup" => "a=setup:passive",
            "a=ice-ufrag" => "a=ice-ufrag:nobody",
            "a=ice-pwd" => "a=ice-pwd:nobodynobodynobodynobody",
            _ => line,
        };
        answer += &format!("{line}\r\n");
        if line.starts_with("a=mid:") {
            // A port that nothing listens on.
            answer += "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n";
        }
    }
    answer
}

async fn serve(mut stream: TcpStream, asked: mpsc::UnboundedSender<Asked>) {
    let mut bytes = Vec::new();
    loop {
        if let Some((head, length)) = parse(&bytes) {
            let (method, target, fields) = head;
            let wanted = fields.iter().find(|(name, _)| name == "content-length");
            let wanted: usize = wanted.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
            if let Some(body) = bytes.get(length..length + wanted) {
                let body = String::from_utf8_lossy(body).into_owned();
                if method == "OPTIONS" {
                    return allow(stream).await;
                }
                let _test_is_over = asked.send(Asked { method, target, body, fields, stream });
                return;
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(read) if read > 0 => {}
            _ => return,
        }
    }
}

type Head = (String, String, Vec<(String, String)>);

fn parse(bytes: &[u8]) -> Option<(Head, usize)> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = request.parse(bytes).expect("the request is HTTP") else {
        return None;
    };
    let field = |field: &httparse::Header<'_>| {
        (field.name.to_ascii_lowercase(), String::from_utf8_lossy(field.value).into_owned())
    };
    let fields = request.headers.iter().map(field).collect();
    Some(((request.method?.to_owned(), request.path?.to_owned(), fields), length))
}

async fn allow(mut stream: TcpStream) {
    let head = "HTTP/1.1 204 No Content\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\n\
                Access-Control-Allow-Methods: GET, POST, PATCH, DELETE\r\n\
                Access-Control-Allow-Headers: Authorization, Content-Type, If-Match\r\n\r\n";
    let _gone = stream.write_all(head.as_bytes()).await;
    let _gone = stream.shutdown().await;
}
