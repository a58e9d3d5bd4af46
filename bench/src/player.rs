//! One player's connection: set-up, decoding up to the first key frame, then decoding or discarding.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use crate::Outcome;
use crate::args::Url;
use crate::judge::Judge;
use crate::poll::{self, Io, Scratch};
use crate::session::{Role, Session};
use crate::{flv, mark, media, session};

/// Longest silence between two receptions that is not yet a stall: merged writes of 350 ms and their jitter fit below.
pub const STALL_NS: u64 = 500_000_000;

/// A player.
pub struct Player {
    /// Its connection.
    pub socket: OwnedFd,
    state: State,
    out: Vec<u8>,
    /// When it began to connect.
    pub began_ns: u64,
    /// When its first key frame was complete.
    pub first_ns: Option<u64>,
    /// All that it received.
    pub bytes: u64,
    /// When it received last.
    pub heard_ns: u64,
    /// Silences above `STALL_NS` since `measure`.
    pub stalls: u64,
    measuring: bool,
    /// What its frames were like.
    pub judge: Judge,
    keep_decoding: bool,
    ack_window: u64,
    acknowledged: u64,
    /// Why it ended early.
    pub error: Option<String>,
}

enum State {
    Connecting(Box<Wire>),
    Decoding(Box<Wire>),
    Discarding,
    Gone,
}

enum Wire {
    Rtmp(Session),
    Flv(flv::Reader),
}

/// What the loop has to do after a player was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Watch for data, and for room to send when true.
    Watch(bool),
    /// From now on its bytes may be dropped.
    Discard,
    /// Nothing more comes.
    Forget,
}

impl Player {
    /// Begins to connect and prepares the first bytes.
    pub fn dial(url: &Url, address: SocketAddr, stream: &str, keep_decoding: bool) -> Outcome<Self> {
        let began_ns = poll::now_ns();
        let mut out = Vec::new();
        let wire = if url.http {
            out = flv::request(&url.authority, &url.app, stream, &url.query);
            Wire::Flv(flv::Reader::default())
        } else {
            Wire::Rtmp(Session::new(Role::Play, url, stream, &mut out))
        };
        Ok(Self {
            socket: poll::dial(address)?,
            state: State::Connecting(Box::new(wire)),
            out,
            began_ns,
            first_ns: None,
            bytes: 0,
            heard_ns: began_ns,
            stalls: 0,
            measuring: false,
            judge: Judge::new(mark::stream_hash(stream)),
            keep_decoding,
            ack_window: 0,
            acknowledged: 0,
            error: None,
        })
    }

    /// Whether the connection stands.
    pub fn alive(&self) -> bool {
        !matches!(self.state, State::Gone)
    }

    /// From now on delays and stalls count.
    pub fn measure(&mut self) {
        self.measuring = true;
        self.judge.measuring = true;
    }

    /// Receives and sends what there is.
    pub fn serve(&mut self, scratch: &mut Scratch, now_ns: u64) -> Next {
        match self.state {
            State::Connecting(_) => self.connected(),
            State::Decoding(_) => self.decode(scratch),
            State::Discarding => self.discard(scratch, now_ns),
            State::Gone => Next::Forget,
        }
    }

    fn connected(&mut self) -> Next {
        if let Ok(Err(error)) | Err(error) = rustix::net::sockopt::socket_error(&self.socket) {
            return self.end(format!("connect: {error}"));
        }
        if let State::Connecting(wire) = std::mem::replace(&mut self.state, State::Gone) {
            self.state = State::Decoding(wire);
        }
        self.flush()
    }

    fn flush(&mut self) -> Next {
        if !poll::flush(&self.socket, &mut self.out) {
            return self.end("closed by the server while sending".to_owned());
        }
        Next::Watch(!self.out.is_empty())
    }

    fn decode(&mut self, scratch: &mut Scratch) -> Next {
        let (io, bytes) = scratch.take(&self.socket);
        // Delays count from the moment a frame is here, not from when the loop began its round.
        let now_ns = poll::now_ns();
        match io {
            Io::Bytes(_) => {}
            Io::Wait => return self.flush(),
            Io::Gone => return self.end("closed by the server".to_owned()),
        }
        self.heard(bytes.len(), now_ns);
        let State::Decoding(wire) = &mut self.state else { return Next::Forget };
        let (judge, first_ns) = (&mut self.judge, &mut self.first_ns);
        let mut frame = |kind: u8, body: &[u8]| {
            if first_ns.is_none() && media::is_key(kind, body) {
                *first_ns = Some(now_ns);
            }
            judge.frame(kind, body, now_ns);
        };
        let result = match wire.as_mut() {
            Wire::Rtmp(session) => {
                let result = session.feed(bytes, &mut self.out, &mut frame);
                self.ack_window = u64::from(session.window);
                result
            }
            Wire::Flv(reader) => reader.feed(bytes, &mut frame),
        };
        if let Err(error) = result {
            return self.end(error);
        }
        self.acknowledge();
        if self.first_ns.is_some() && !self.keep_decoding && self.out.is_empty() {
            self.state = State::Discarding;
            return Next::Discard;
        }
        self.flush()
    }

    fn discard(&mut self, scratch: &mut Scratch, now_ns: u64) -> Next {
        match scratch.discard(&self.socket) {
            Io::Bytes(count) => self.heard(count, now_ns),
            Io::Wait => {}
            Io::Gone => return self.end("closed by the server".to_owned()),
        }
        self.acknowledge();
        self.flush()
    }

    fn heard(&mut self, count: usize, now_ns: u64) {
        if self.measuring && now_ns.saturating_sub(self.heard_ns) > STALL_NS {
            self.stalls += 1;
        }
        self.heard_ns = now_ns;
        self.bytes += count as u64;
    }

    /// RTMP players confirm each window of bytes as the server asked (5.4.3).
    fn acknowledge(&mut self) {
        if self.ack_window > 0 && self.bytes - self.acknowledged >= self.ack_window {
            self.acknowledged = self.bytes;
            self.out.extend_from_slice(&session::acknowledgement(self.bytes));
        }
    }

    fn end(&mut self, error: String) -> Next {
        self.state = State::Gone;
        self.error = Some(error);
        Next::Forget
    }
}
