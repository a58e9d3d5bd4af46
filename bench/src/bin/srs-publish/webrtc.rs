//! WebRTC: a stream played by WHEP, a clip published by WHIP.

mod line;
mod seen;
mod source;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{Method, StatusCode, header};
use srs_peer::rtc::Settings;
use srs_peer::rtc::client::Caller;
use srs_rtc::Codec;
use srs_rtc::engine::Event;
use srs_rtmp::Message;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use crate::Outcome;
use crate::address::Address;
use crate::clip::Clip;
use crate::publish::Leg;
use crate::watch::send;
use line::Line;
use seen::Seen;
use source::Source;

/// What a player offers to take.
const KNOWN: [Codec; 6] = [Codec::H264, Codec::H265, Codec::Av1, Codec::Vp8, Codec::Vp9, Codec::Opus];

/// How long a session may take to be made, and its end to be heard.
const START: Duration = Duration::from_secs(10);

/// How long the first packet may take.
const FIRST: Duration = Duration::from_secs(10);

/// What is missing at the end may have been asked for just now.
const LATE: Duration = Duration::from_secs(1);

/// Plays for `time`, counted from the first packet.
pub async fn watch(url: &Address, time: Duration) -> Outcome<Seen> {
    let (asked, mut seen) = (Instant::now(), Seen::default());
    let (mut line, session) =
        timeout(START, open(url, &KNOWN, false)).await.map_err(|_| "no answer in time")??;
    let mut end = asked + FIRST;
    while let Ok(event) = timeout_at(end, line.next()).await {
        if let Event::Packet(packet) = event? {
            if !seen.began() {
                end = Instant::now() + time;
            }
            seen.take(&packet, asked.elapsed());
        }
    }
    let late = Instant::now() + LATE;
    while seen.began() && seen.missing() > 0 {
        let Ok(event) = timeout_at(late, line.next()).await else { break };
        if let Event::Packet(packet) = event? {
            seen.take(&packet, asked.elapsed());
        }
    }
    close(line, &session).await?;
    Ok(seen)
}

/// A session that a clip is published by.
pub struct Publisher {
    line: Line,
    session: Address,
    source: Source,
}

impl Publisher {
    /// Returns when media can go. Its times count from `began`.
    pub async fn open(clip: &Clip, url: &Address, began: Instant) -> Outcome<Publisher> {
        let opened = async {
            let source = Source::new(began.into_std());
            let (mut line, session) = open(url, &Source::codecs(clip)?, true).await?;
            while !matches!(line.next().await?, Event::Connected) {}
            Ok(Publisher { line, session, source })
        };
        timeout(START, opened).await.unwrap_or_else(|_| Err("no answer in time".into()))
    }
}

impl Leg for Publisher {
    /// A player that wants a key frame waits for the file's next one.
    async fn heard(&mut self) -> Outcome<()> {
        self.line.next().await.map(drop)
    }

    async fn send(&mut self, due: u64, message: Message) -> Outcome<()> {
        self.line.send(&self.source.packets(due, message)?);
        Ok(())
    }

    async fn close(self) -> Outcome<()> {
        close(self.line, &self.session).await
    }
}

/// Makes a session at `url`; where it ends is the other half.
async fn open(url: &Address, codecs: &[Codec], sends: bool) -> Outcome<(Line, Address)> {
    let to = lookup_host(url.target()).await?.next().ok_or("no address of that name")?;
    let (socket, local) = line::socket(own_address(to).await?)?;
    let (settings, now) = (Settings::default(), std::time::Instant::now());
    let caller = match sends {
        true => Caller::publish(&settings, codecs, local, now)?,
        false => Caller::play(&settings, codecs, local, now)?,
    };
    let response = send(url, Method::POST, caller.offer().to_owned().into()).await?;
    let status = response.status();
    let place = response.headers().get(header::LOCATION).and_then(|place| place.to_str().ok()).map(path_of);
    let session = place.map(|place| url.beside(place));
    let text = String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?;
    if status != StatusCode::CREATED {
        return Err(format!("the server answers {status}: {}", text.trim()).into());
    }
    let session = session.ok_or("the server's answer does not say where the session is")?;
    Ok((Line::new(socket, caller.answered(&text, std::time::Instant::now())?), session))
}

/// Ends the session: by its address first, where it is unknown once DTLS has ended.
async fn close(mut line: Line, session: &Address) -> Outcome<()> {
    let asked = timeout(START, send(session, Method::DELETE, Bytes::new())).await;
    line.close();
    let status = asked.map_err(|_| "the server does not answer DELETE")??.status();
    if status.is_success() { Ok(()) } else { Err(format!("the server answers {status} to DELETE").into()) }
}

/// The path in a place that may be a whole address.
fn path_of(place: &str) -> &str {
    let path = place
        .split_once("://")
        .filter(|(scheme, _)| !scheme.contains("/"))
        .and_then(|(_, rest)| rest.get(rest.find("/")?..));
    path.unwrap_or(place)
}

/// By which of this machine's addresses it reaches `to`; nothing is sent.
async fn own_address(to: SocketAddr) -> std::io::Result<SocketAddr> {
    let any: SocketAddr = if to.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(to).await?;
    let own = socket.local_addr()?;
    Ok(SocketAddr::new(own.ip(), 0))
}

#[cfg(test)]
mod tests;
