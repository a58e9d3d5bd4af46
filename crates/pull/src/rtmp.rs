//! The RTMP client: plays one stream.

use bytes::Bytes;
use srs_amf::Value;
use srs_media::time::Unwrap;
use srs_media::{Kind, Role};
use srs_names::envelope::{HLS_PROPERTY, RTMP_PROPERTY};
use srs_names::{DEFAULT_APP, MissingKind};
use srs_net::rtmp::{Error, Link, open};
use srs_rtmp::{Message, client};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::envelope::Asker;
use crate::incoming::{Event, Failed};
use crate::limits;
use crate::plan::Target;

/// What encoders and players say that they are; servers look for `FMLE` or a player's version and nothing else.
const FLASH_VERSION: &str = "LNX 9,0,124,2";

/// Codecs that pass through here in the form of enhanced RTMP.
const FOURCC: [&str; 11] =
    ["avc1", "hvc1", "av01", "vp08", "vp09", "mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3"];

/// What a play says in RTMP.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Words {
    app: String,
    tc_url: String,
    stream: String,
}

impl Words {
    fn of(target: &Target) -> Words {
        let path = target.path.trim_matches('/');
        let (app, stream) = path.rsplit_once('/').unwrap_or((DEFAULT_APP, path));
        let authority = target.shown_host();
        let stream =
            if target.query.is_empty() { stream.to_owned() } else { format!("{stream}?{}", target.query) };
        Words { app: app.to_owned(), tc_url: format!("rtmp://{authority}/{app}"), stream }
    }

    fn config(self, target: &Target, asker: Option<&Asker>) -> client::Config {
        let codecs = FOURCC.map(Value::from).to_vec();
        let mut connect = Value::object([
            ("app", self.app.as_str().into()),
            ("flashVer", FLASH_VERSION.into()),
            ("tcUrl", self.tc_url.as_str().into()),
            ("fpad", false.into()),
            ("capabilities", 15.0.into()),
            ("audioCodecs", 4071.0.into()),
            ("videoCodecs", 252.0.into()),
            ("videoFunction", 1.0.into()),
            ("objectEncoding", 0.0.into()),
            ("fourCcList", Value::StrictArray(codecs)),
        ]);
        let envelope = asker
            .and_then(|asker| asker.for_play(&target.authority(), &self.app, &self.tc_url, &self.stream));
        if let Some(envelope) = envelope {
            connect.set(RTMP_PROPERTY, envelope.into());
        }
        let mut config = client::Config::new(connect, self.stream, client::Role::Play);
        config.listen_for = Some(HLS_PROPERTY);
        if let Some(asker) = asker.filter(|asker| asker.debug) {
            config.arguments.push(Value::object([
                ("srs_sig", "SRS".into()),
                ("srs_server", concat!("srs-cluster/", env!("CARGO_PKG_VERSION")).into()),
                ("srs_version", env!("CARGO_PKG_VERSION").into()),
                ("srs_id", asker.me.as_str().into()),
            ]));
        }
        config
    }
}

/// A session that plays.
#[derive(Debug)]
pub(crate) struct Session {
    link: Link<client::Session>,
    unwrap: Unwrap,
    /// When the server said that the stream is over. It is believed when nothing follows.
    eof: Option<Instant>,
}

impl Session {
    /// Asks for the target's stream over a connection that stands, until the server says that it plays.
    pub(crate) async fn open(
        stream: TcpStream,
        target: &Target,
        asker: Option<&Asker>,
    ) -> Result<Session, Failed> {
        let config = Words::of(target).config(target, asker);
        let opened = timeout(limits::ANSWER, open(stream, config)).await;
        let link = opened.unwrap_or(Err(Error::Slow("answer"))).map_err(failed)?;
        Ok(Session { link, unwrap: Unwrap::default(), eof: None })
    }

    /// Whether the server says that it is of this program.
    pub(crate) fn is_ours(&mut self) -> bool {
        self.link.machine().is_ours()
    }

    /// The port of HTTP at which the server says that it has the stream's HLS.
    pub(crate) fn hls_port(&mut self) -> Option<u16> {
        let port = self.link.machine().told()?;
        // What is no port is nothing that one could say.
        (1.0..=f64::from(u16::MAX)).contains(&port).then_some(port as u16)
    }

    /// What comes next. A wait that is given up loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Event, Failed> {
        loop {
            let next = match self.eof {
                None => self.link.next().await,
                Some(eof) => match timeout_at(eof + limits::AFTER_EOF, self.link.next()).await {
                    Ok(next) => next,
                    Err(_) => return Ok(Event::Over),
                },
            };
            let event = match next {
                Ok(Some(event)) => event,
                Ok(None) if self.eof.is_some() => return Ok(Event::Over),
                Ok(None) => return Err(Failed::unreachable("closed by the server")),
                Err(error) => return Err(failed(error)),
            };
            if let Some(event) = self.understand(event)? {
                return Ok(event);
            }
        }
    }

    /// The next message of kind `data`, as values; for who asked for no media.
    pub(crate) async fn next_data(&mut self) -> Result<Bytes, Failed> {
        loop {
            match self.link.next().await {
                Ok(Some(client::Event::Message(message))) if message.kind.0 == srs_flv::DATA => {
                    return Ok(message.body);
                }
                Ok(Some(client::Event::Status { code, level, status })) if level == "error" => {
                    return Err(told(&code, description(&status)));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Err(Failed::unreachable("closed by the server")),
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Leaves, and says so: upstream need not wonder whether we are lost.
    pub(crate) async fn close(mut self) {
        self.link.machine().close();
        let _told_if_possible = timeout(limits::CONNECT, self.link.drain()).await;
    }

    fn understand(&mut self, event: client::Event) -> Result<Option<Event>, Failed> {
        Ok(Some(match event {
            client::Event::Message(message) => return Ok(self.frame(message)),
            client::Event::StreamEof => {
                self.eof.get_or_insert_with(Instant::now);
                Event::Alive
            }
            client::Event::Refused { code, description, .. } => return Err(told(&code, &description)),
            client::Event::Status { code, level, status } => match code.as_str() {
                "NetStream.Play.Held" => Event::Held,
                "NetStream.Play.Start" => Event::Live,
                "NetStream.Play.UnpublishNotify" => Event::Over,
                _ if level == "error" || code.ends_with("NotFound") => {
                    return Err(told(&code, description(&status)));
                }
                _ => Event::Alive,
            },
            client::Event::Started { .. } => Event::Alive,
        }))
    }

    fn frame(&mut self, message: Message) -> Option<Event> {
        self.eof = None;
        let time = self.unwrap.unwrap(message.timestamp);
        // A broken frame is the encoder's loss; ending its stream for it would be ours.
        let frame = srs_flv::demux(message.kind.0, time, message.body).ok()?;
        let own = frame.kind == Kind::Data && frame.role == Role::Other && is_for_players(&frame.wire);
        (!own).then_some(Event::Frame(frame))
    }
}

/// What a server says to each of its players, and we say to ours.
fn is_for_players(body: &[u8]) -> bool {
    let mut rest = body.strip_prefix(&[0]).unwrap_or(body);
    let name = srs_amf::decode(&mut rest);
    name.is_ok_and(|name| matches!(name.as_str(), Some("|RtmpSampleAccess" | "onStatus")))
}

fn description(status: &Value) -> &str {
    status.get("description").and_then(Value::as_str).unwrap_or_default()
}

fn failed(error: Error) -> Failed {
    match error {
        Error::Refused { code, description } => told(&code, &description),
        other => Failed::unreachable(other),
    }
}

/// What a refusal means.
fn told(code: &str, description: &str) -> Failed {
    let kind = match code {
        _ if description.starts_with("loop: ") => MissingKind::Loop,
        code if code.ends_with("NotFound") => MissingKind::NotFound,
        _ => MissingKind::Forbidden,
    };
    let why = if description.is_empty() { code } else { description };
    Failed::new(kind, why)
}

#[cfg(test)]
mod tests;
