//! A server that answers as a test says.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::{Scheme, Target};

/// x264 without B-frames, 320x180, and with two pictures out of order; and a picture set.
pub(super) const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x0c, 0xac, 0xb2, 0x02, 0x83, 0x3f, 0x3e, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20,
    0x00, 0x00, 0x06, 0x41, 0xe2, 0x85, 0x49,
];
pub(super) const OTHER_SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
    0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42, 0x99, 0x60,
];
pub(super) const PPS: &[u8] = &[0x68, 0xeb, 0xc3, 0xcb, 0x22, 0xc0];
pub(super) const KEY: &[u8] = &[0x65, 0x88, 0x84, 0x00, 0x33, 0xff];
const RTP: u8 = 0;
const RTCP: u8 = 1;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=control:*\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
    a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z2QADKyyAoM/PgIgAAADACAAAAZB4oVJ,aOvDyyLA\r\n\
    a=control:stream=0\r\n";

/// What it does.
#[derive(Clone, Default)]
pub(super) struct Script {
    /// Answers DESCRIBE with this.
    pub(super) refuses: Option<&'static str>,
    /// Answers so many more DESCRIBEs after the first with 503.
    pub(super) closing: usize,
    /// Refuses what does not bring this `Authorization`.
    pub(super) wants: Option<&'static str>,
    /// Answers the wish for UDP with this; without it UDP is granted, and nothing is sent over it.
    pub(super) udp: Option<&'static str>,
    /// What it sends over TCP: payloads of RTP, each with its time in ms and its marker; and raw RTCP.
    pub(super) sends: Vec<Send>,
    /// Whether it closes then.
    pub(super) closes: bool,
    /// Streams beside the picture, as SDP has them.
    pub(super) more: &'static str,
}

#[derive(Clone)]
pub(super) enum Send {
    Rtp(u32, bool, Vec<u8>),
    Bye,
}

pub(super) struct Server {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Server {
    pub(super) async fn start(script: Script) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut clients = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                clients.spawn(serve(stream, script.clone(), Arc::clone(&seen)));
            }
        });
        Server { port, heads, _task: task }
    }

    pub(super) fn target(&self, query: &str) -> Target {
        let (host, path, query) = ("127.0.0.1".to_owned(), "/live/a".to_owned(), query.to_owned());
        Target {
            scheme: Scheme::Rtsp,
            host,
            port: self.port,
            login: None,
            path,
            query,
            vhost: None,
            srt: Default::default(),
        }
    }

    /// The heads of all requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Their methods, SETUP with what is wished.
    pub(super) fn methods(&self) -> Vec<String> {
        let short = |head: &String| {
            let method = head.split(' ').next().unwrap().to_owned();
            match (method.as_str(), head.contains("RTP/AVP/TCP")) {
                ("SETUP", true) => "SETUP tcp".to_owned(),
                ("SETUP", false) => "SETUP udp".to_owned(),
                _ => method,
            }
        };
        self.heads().iter().map(short).filter(|method| method != "TEARDOWN").collect()
    }
}

async fn serve(stream: TcpStream, script: Script, heads: Arc<Mutex<Vec<String>>>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = udp.local_addr().unwrap().port();
    let mut tcp = false;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if read.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        heads.lock().unwrap().push(head.clone());
        let cseq = head.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap();
        let wish = head.lines().find_map(|line| line.strip_prefix("Transport: ")).unwrap_or_default();
        tcp |= wish.contains("TCP");
        let ok = "200 OK";
        let said = head.lines().find_map(|line| line.strip_prefix("Authorization: "));
        let (status, fields, body) = match head.split(' ').next().unwrap() {
            _ if script.wants.is_some_and(|wants| said != Some(wants)) => {
                let fields = "WWW-Authenticate: Basic realm=\"cam\"\r\n".to_owned();
                ("401 Unauthorized", fields, String::new())
            }
            "DESCRIBE" => match script.refuses {
                Some(status) => (status, String::new(), String::new()),
                None if (2..2 + script.closing).contains(&described(&heads)) => {
                    ("503 Service Unavailable", String::new(), String::new())
                }
                None => {
                    let url = head.split(' ').nth(1).unwrap();
                    let fields = format!("Content-Type: application/sdp\r\nContent-Base: {url}/\r\n");
                    (ok, fields, format!("{SDP}{}", script.more))
                }
            },
            "SETUP" if tcp => {
                (ok, format!("Session: 1;timeout=60\r\nTransport: {wish};ssrc=00000007\r\n"), String::new())
            }
            "SETUP" => match script.udp {
                Some(status) => (status, String::new(), String::new()),
                None => {
                    let fields =
                        format!("Session: 1\r\nTransport: {wish};server_port={port}-{}\r\n", port + 1);
                    (ok, fields, String::new())
                }
            },
            _ => (ok, "Session: 1\r\n".to_owned(), String::new()),
        };
        let length = body.len();
        let answer =
            format!("RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n{fields}Content-Length: {length}\r\n\r\n{body}");
        if write.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        if head.starts_with("PLAY") && tcp {
            send(&mut write, &script.sends).await;
            if script.closes {
                return;
            }
        }
    }
}

/// How many DESCRIBEs came.
fn described(heads: &Mutex<Vec<String>>) -> usize {
    heads.lock().unwrap().iter().filter(|head| head.starts_with("DESCRIBE")).count()
}

async fn send(write: &mut OwnedWriteHalf, all: &[Send]) {
    for (number, send) in (100_u16..).zip(all) {
        let (channel, packet) = match send {
            Send::Rtp(ms, mark, payload) => {
                let mut packet = vec![0x80, 96 | u8::from(*mark) << 7];
                packet.extend(number.to_be_bytes());
                packet.extend((1_000_000 + ms * 90).to_be_bytes());
                packet.extend(7_u32.to_be_bytes());
                packet.extend(payload);
                (RTP, packet)
            }
            // A receiver report of nobody, and the goodbye.
            Send::Bye => (RTCP, vec![0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 203, 0, 1, 0, 0, 0, 7]),
        };
        let mut out = vec![b'$', channel];
        out.extend((packet.len() as u16).to_be_bytes());
        out.extend(packet);
        if write.write_all(&out).await.is_err() {
            return;
        }
    }
}
