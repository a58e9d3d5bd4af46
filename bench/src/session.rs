//! One RTMP client from C0 to the started stream and on: bytes in, bytes and media out. No socket, no clock.
//!
//! Commands go one at a time as librtmp and ffmpeg send them, so that a server's set-up round trips are measured.

use crate::amf::{Reply, Value};
use crate::args::Url;
use crate::chunk::{self, Message, Reader};

/// Size of C1, S1, C2 and S2 (5.2.3).
const HANDSHAKE: usize = 1536;
/// Chunk size of the client's commands until it sets its own.
const DEFAULT_CHUNK: usize = 128;
const COMMAND: u8 = 20;
const CONNECT: f64 = 1.0;
const CREATE_STREAM: f64 = 4.0;
/// Milliseconds that a player says it buffers; ffmpeg's default.
const BUFFER_MS: u32 = 3000;

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends media; the chunk size it announces.
    Publish(usize),
    /// Receives media.
    Play,
}

/// A client session.
pub struct Session {
    role: Role,
    url: Url,
    stream: String,
    handshake: Option<Vec<u8>>,
    reader: Reader,
    stream_id: u32,
    /// Whether the server said Publish.Start or Play.Start.
    pub started: bool,
    /// Bytes after which the server wants an Acknowledgement; 0 when it never said.
    pub window: u32,
}

impl Session {
    /// A session for `stream` of the URL's app; appends C0 and C1 to `out`.
    pub fn new(role: Role, url: &Url, stream: &str, out: &mut Vec<u8>) -> Self {
        out.push(3);
        out.extend_from_slice(&[0; 8]);
        out.extend((8..HANDSHAKE).map(|i| (i as u8).wrapping_mul(167)));
        let (url, stream) = (url.clone(), format!("{stream}{}", url.query));
        let handshake = Some(Vec::with_capacity(2 * HANDSHAKE + 1));
        Self { role, url, stream, handshake, reader: Reader::new(), stream_id: 0, started: false, window: 0 }
    }

    /// Takes received bytes, appends what must be sent to `out`, and hands audio and video bodies to `media`.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        media: &mut dyn FnMut(u8, &[u8]),
    ) -> Result<(), String> {
        let Some(mut held) = self.handshake.take() else {
            self.reader.push(bytes);
            return self.messages(out, media);
        };
        held.extend_from_slice(bytes);
        let Some((answer, rest)) = held.split_at_checked(2 * HANDSHAKE + 1) else {
            self.handshake = Some(held);
            return Ok(());
        };
        if answer[0] != 3 {
            return Err(format!("RTMP version {}", answer[0]));
        }
        out.extend_from_slice(&answer[1..=HANDSHAKE]);
        self.connect(out);
        self.reader.push(rest);
        self.messages(out, media)
    }

    fn messages(&mut self, out: &mut Vec<u8>, media: &mut dyn FnMut(u8, &[u8])) -> Result<(), String> {
        while let Some(Message { kind, body, .. }) = self.reader.next()? {
            match kind {
                4 => ping(&body, out),
                5 => self.window = body.first_chunk().map_or(0, |field| u32::from_be_bytes(*field)),
                8 | 9 => media(kind, &body),
                COMMAND => self.command(&body, out)?,
                17 => self.command(body.get(1..).unwrap_or_default(), out)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn connect(&self, out: &mut Vec<u8>) {
        let (app, url) = (self.url.app.as_str(), format!("rtmp://{}/{}", self.url.authority, self.url.app));
        let mut object = vec![("app", Value::Text(app)), ("tcUrl", Value::Text(&url))];
        if self.role == Role::Play {
            object.extend([
                ("fpad", Value::Number(0.0)),
                ("capabilities", Value::Number(15.0)),
                ("audioCodecs", Value::Number(4071.0)),
                ("videoCodecs", Value::Number(252.0)),
            ]);
        } else {
            object.extend([("type", Value::Text("nonprivate")), ("flashVer", Value::Text("FMLE/3.0"))]);
        }
        command(out, 0, &[Value::Text("connect"), Value::Number(CONNECT), Value::Object(&object)]);
    }

    fn command(&mut self, body: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let Some(reply) = Reply::read(body) else { return Ok(()) };
        match (reply.name, reply.transaction) {
            ("_result", CONNECT) => self.create(out),
            ("_result", CREATE_STREAM) => {
                self.stream_id = reply.number_behind_null().unwrap_or(1.0) as u32;
                self.start(out);
            }
            ("_error", CONNECT | CREATE_STREAM) => return Err(format!("refused: {}", reply.code())),
            ("onStatus", _)
                if reply.says("NetStream.Publish.Start") || reply.says("NetStream.Play.Start") =>
            {
                self.started = true;
            }
            ("onStatus", _) if reply.says("error") => return Err(reply.code()),
            ("close", _) => return Err("close".to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn create(&self, out: &mut Vec<u8>) {
        if let Role::Publish(size) = self.role {
            chunk::write(out, DEFAULT_CHUNK, 2, 0, 1, 0, &(size as u32).to_be_bytes());
            for (name, transaction) in [("releaseStream", 2.0), ("FCPublish", 3.0)] {
                let values =
                    [Value::Text(name), Value::Number(transaction), Value::Null, Value::Text(&self.stream)];
                command_sized(out, size, 0, &values);
            }
        }
        // Short enough for one chunk of either size.
        command(out, 0, &[Value::Text("createStream"), Value::Number(CREATE_STREAM), Value::Null]);
    }

    fn start(&self, out: &mut Vec<u8>) {
        let (zero, null, stream) = (Value::Number(0.0), Value::Null, Value::Text(&self.stream));
        match self.role {
            Role::Publish(size) => {
                let values = [Value::Text("publish"), Value::Number(5.0), null, stream, Value::Text("live")];
                command_sized(out, size, self.stream_id, &values);
            }
            Role::Play => {
                command(out, self.stream_id, &[Value::Text("play"), zero, null, stream]);
                let mut body = vec![0, 3];
                body.extend_from_slice(&self.stream_id.to_be_bytes());
                body.extend_from_slice(&BUFFER_MS.to_be_bytes());
                chunk::write(out, DEFAULT_CHUNK, 2, 0, 4, 0, &body);
            }
        }
    }

    /// Appends a media or data message of a started publisher.
    pub fn send(&self, kind: u8, time: u32, body: &[u8], out: &mut Vec<u8>) {
        let Role::Publish(size) = self.role else { return };
        let csid = if kind == 9 { 6 } else { 4 };
        chunk::write(out, size, csid, self.stream_id, kind, time, body);
    }
}

/// An Acknowledgement of `received` bytes (5.4.3), whole, for a socket whose own bytes are not looked at any more.
pub fn acknowledgement(received: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    chunk::write(&mut out, DEFAULT_CHUNK, 2, 0, 3, 0, &(received as u32).to_be_bytes());
    out
}

/// The `@setDataFrame onMetaData` body of a publisher.
pub fn metadata(kbps: u64, fps: u64) -> Vec<u8> {
    let mut body = Vec::new();
    let object = [
        ("width", Value::Number(160.0)),
        ("height", Value::Number(96.0)),
        ("framerate", Value::Number(fps as f64)),
        ("videocodecid", Value::Number(7.0)),
        ("videodatarate", Value::Number(kbps as f64)),
        ("audiocodecid", Value::Number(10.0)),
        ("audiosamplerate", Value::Number(44_100.0)),
    ];
    for value in [Value::Text("@setDataFrame"), Value::Text("onMetaData"), Value::Object(&object)] {
        value.write(&mut body);
    }
    body
}

fn command(out: &mut Vec<u8>, stream: u32, values: &[Value<'_>]) {
    command_sized(out, DEFAULT_CHUNK, stream, values);
}

fn command_sized(out: &mut Vec<u8>, chunk: usize, stream: u32, values: &[Value<'_>]) {
    let mut body = Vec::new();
    values.iter().for_each(|value| value.write(&mut body));
    chunk::write(out, chunk, 3, stream, COMMAND, 0, &body);
}

/// Answers a PingRequest (6) with a PingResponse (7), 7.1.7.
fn ping(body: &[u8], out: &mut Vec<u8>) {
    if let [0, 6, time @ ..] = body {
        let answer = [&[0, 7], time].concat();
        chunk::write(out, DEFAULT_CHUNK, 2, 0, 4, 0, &answer);
    }
}

#[cfg(test)]
mod tests;
