//! RTMP: what a client asks for, and how viewers are served.

mod streams;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use srs_amf::Value;
use srs_hub::{Hub, Phase};
use srs_media::Codec;
use srs_names::StreamKey;
use srs_names::envelope::{Envelope, HLS_PROPERTY, Purpose};
use srs_names::source::{Missing, Wish};
use srs_net::rtmp::{Error, Link, Reader, Request, Step};
use srs_rtmp::{chunk, server};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::clients::{About, Client, Via};
use crate::config::Vhost;
use crate::fan::{self, Ending, FAREWELL, Joining, News, Pace, Seat, Sink, at};
use crate::fetch::{self, Coming, Patience};
use crate::rendition::Hears;
use crate::{Gateway, Refused, bare, rendition, shown};

/// A player may wait this long for a stream that is not live.
pub(crate) const NOT_LIVE: Duration = Duration::from_secs(30);

/// A node that fetches it for players of its own has other places to ask.
pub(crate) const NOT_LIVE_FOR_A_PULL: Duration = Duration::from_secs(3);

/// Why a viewer's session ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Left {
    #[error("the stream ended")]
    Over,
    #[error("the player left")]
    Player,
    #[error("the stream did not come live")]
    NotLive,
    #[error("the stream cannot be had: {0}")]
    Missing(Missing),
    #[error("took nothing for 10 s")]
    Stalled,
    #[error("a defect here")]
    Broken,
    #[error("ended by an operator")]
    Kicked,
    #[error("{0}")]
    Lost(#[from] Error),
}

impl Left {
    /// Whether something went wrong; a socket that is gone is how most players leave.
    fn is_failure(&self) -> bool {
        match self {
            Left::Stalled | Left::Broken => true,
            Left::Lost(error) => !is_departure(error),
            Left::Over | Left::Player | Left::NotLive | Left::Missing(_) | Left::Kicked => false,
        }
    }
}

/// Whether a connection ended as connections do.
pub(crate) fn is_departure(error: &Error) -> bool {
    matches!(error, Error::Closed | Error::Io(_))
}

impl Gateway {
    /// Serves one RTMP connection to its end.
    pub async fn serve_rtmp(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let config = server::Config { chunk_size: self.chunk_size, ..server::Config::default() };
        match srs_net::rtmp::accept(stream, config).await {
            Ok((link, Request::Publish(request))) => self.publish_rtmp(link, request, peer).await,
            Ok((link, Request::Play(request))) => self.play_rtmp(link, request, peer).await,
            // Health checks connect and close; they are no event.
            Err(Error::Closed) => tracing::debug!(peer = shown(peer), "closed before it asked for anything"),
            Err(error) => {
                self.clients.failed();
                tracing::warn!(peer = shown(peer), %error, "rtmp client ended before it asked for anything");
            }
        }
    }

    async fn play_rtmp(
        self: Arc<Self>,
        mut link: Link<server::Session>,
        mut request: server::PlayRequest,
        peer: SocketAddr,
    ) {
        let sent = self.envelope_of(
            &mut request.connect,
            ("play", &request.stream),
            &[Purpose::Relay, Purpose::Pull],
            peer,
        );
        let peer = sent.as_ref().and_then(|envelope| envelope.client).unwrap_or(peer);
        let about = About { via: sent.as_ref().map(Via::of), ..about(&request.connect) };
        let admitted = tokio::select! {
            biased;
            admitted = self.admit_play(&request, sent.as_ref(), peer) => admitted,
            error = link.reader.gone() => {
                return tracing::debug!(peer = shown(peer), %error, "a player left before it was admitted");
            }
        };
        let (key, vhost, coming) = match admitted {
            Ok(admitted) => admitted,
            Err(error) => {
                self.clients.failed();
                tracing::warn!(peer = shown(peer), stream = bare(&request.stream), %error, "play refused");
                let code = match &error {
                    Refused::NotAllowed(_) => "NetStream.Play.Failed",
                    Refused::Missing(missing) => fetch::code_of(missing),
                    _ => "NetStream.Play.StreamNotFound",
                };
                link.machine().reject(code, &error.to_string());
                let _told_if_possible = link.drain().await;
                return;
            }
        };
        let listed = self.clients.add(&key, peer, "rtmp-play", about);
        let id = listed.client.id.as_str();
        tracing::info!(cid = id, peer = shown(peer), stream = %key, "rtmp play");
        let hls = self.http_port.filter(|_| fetch::is_told_of_hls(sent.as_ref(), vhost));
        link.machine().accept_play_saying(hls.map(|port| (HLS_PROPERTY, f64::from(port).into())));
        let left = if is_list(&key, sent.as_ref()) {
            self.tell_streams(link, &key, &listed.client).await
        } else {
            let here = if fetch::is_pull(sent.as_ref()) { NOT_LIVE_FOR_A_PULL } else { NOT_LIVE };
            let wait = Patience::new(coming, here);
            let hears = hears(&request.connect, sent.as_ref());
            self.watch(link, (&key, vhost), &listed.client, (sent.is_some(), hears), wait).await
        };
        if left.is_failure() {
            self.clients.failed();
        }
        let sent = listed.client.traffic.sent.load(Ordering::Relaxed);
        tracing::info!(cid = id, stream = %key, sent, reason = %left, "rtmp play ended");
    }

    /// The stream that a player wants, and whether it is fetched.
    async fn admit_play(
        &self,
        request: &server::PlayRequest,
        sent: Option<&Envelope>,
        peer: SocketAddr,
    ) -> Result<(StreamKey, &Vhost, Coming), Refused> {
        let connect = &request.connect;
        let (key, params) = StreamKey::from_rtmp(&connect.tc_url, &connect.app, &request.stream)?;
        let (key, vhost) = self.resolve(&key)?;
        self.may_play((&key, vhost), &params, sent, peer)?;
        if self.source.is_none() || is_list(&key, sent) {
            return Ok((key, vhost, None));
        }
        let (host, query) = fetch::said(request);
        let wish = Wish { key: &key, host, query: &query, client: peer, hops: fetch::hops(sent) };
        let coming = self.fetch(wish).await?;
        Ok((key, vhost, coming))
    }

    async fn watch(
        &self,
        link: Link<server::Session>,
        (key, vhost): (&StreamKey, &Vhost),
        client: &Arc<Client>,
        (for_a_node, hears): (bool, Hears),
        wait: Patience,
    ) -> Left {
        let (mut reader, write, mut outbox) = link.split();
        let chunk_size = vhost.chunk_size;
        let mut opening = outbox.take_all();
        if chunk_size != self.chunk_size {
            chunk::Writer::new(self.chunk_size).write(&chunk::set_chunk_size(chunk_size), &mut opening);
        }
        let format = match hears {
            Hears::NoOpus => rendition::RTMP,
            Hears::Own => rendition::RTMP_WITH_OPUS,
            Hears::Both => rendition::RTMP_FOR_NODES,
        };
        let made = (hears == Hears::NoOpus).then(|| self.sound.wants(key, Codec::Aac));
        let pace = if hears == Hears::Both { Pace::for_nodes(vhost) } else { Pace::of(vhost) };
        let fan = fan::of_shard(&self.hub, key, format, pace, || {
            Box::new(rendition::Rtmp::new(chunk_size).hearing(hears))
        });
        let tell = |output| in_own_chunks(output, self.chunk_size, chunk_size);
        let joining = Joining {
            write: Sink::Tcp(write),
            opening: opening.freeze(),
            gated: false,
            goodbye: tell(goodbye(&mut reader.machine)),
            // A player would make nothing of it.
            news: if for_a_node { news(&mut reader.machine, tell) } else { News::default() },
            client: Arc::clone(client),
        };
        let mut seat = Seat::take(&fan, joining).await;
        drop(fan);
        let left = serve_viewer(&mut reader, &mut seat, client, tell, || is_live(&self.hub, key), wait).await;
        drop(made);
        if let (Left::Over | Left::NotLive | Left::Missing(_) | Left::Kicked, Some(write)) =
            (&left, seat.leave().and_then(Sink::into_tcp))
        {
            reader.close(write).await;
        }
        left
    }
}

async fn serve_viewer(
    reader: &mut Reader<server::Session>,
    seat: &mut Seat,
    client: &Client,
    framed: impl Fn(Bytes) -> Bytes,
    is_live: impl Fn() -> bool,
    Patience { most, mut coming }: Patience,
) -> Left {
    let not_live = tokio::time::sleep_until(Instant::now() + most);
    tokio::pin!(not_live);
    let refuse = |machine: &mut server::Session, seat: &Seat, code, why: &str| {
        machine.reject(code, why);
        if let Some(output) = machine.poll_output() {
            seat.tell(framed(output));
        }
    };
    let mut waiting = true;
    let mut kicked = None;
    loop {
        tokio::select! {
            biased;
            ending = poll_fn(|cx| seat.poll_ending(cx)) => return match ending {
                Ending::Over if kicked.is_some() => Left::Kicked,
                Ending::Over => Left::Over,
                Ending::Lost(error) => Left::Lost(error.into()),
                Ending::Stalled => Left::Stalled,
                Ending::Broken => Left::Broken,
            },
            step = reader.step() => match step {
                Err(error) => return Left::Lost(error),
                Ok(None | Some(Step { event: Some(server::Event::EndOfStream), .. })) => return Left::Player,
                Ok(Some(Step { output, .. })) if !output.is_empty() => seat.tell(framed(output)),
                Ok(Some(_)) => {}
            },
            () = poll_fn(|cx| client.kicked.poll(cx)), if kicked.is_none() => {
                // A proxy must not take it for a failure of this node.
                reader.machine.status("error", "NetStream.Play.Failed", &Left::Kicked.to_string());
                seat.dismiss(reader.machine.poll_output().map(&framed));
                kicked = Some(Instant::now() + FAREWELL);
            }
            () = at(kicked) => return Left::Kicked,
            missing = fetch::missing(&mut coming), if coming.is_some() => {
                coming = None;
                if !seat.started() {
                    refuse(&mut reader.machine, seat, fetch::code_of(&missing), &missing.reason);
                    return Left::Missing(missing);
                }
            }
            () = not_live.as_mut(), if waiting => {
                waiting = !seat.started();
                not_live.as_mut().reset(Instant::now() + most);
                if !waiting {
                    coming = None;
                } else if !is_live() {
                    refuse(&mut reader.machine, seat, "NetStream.Play.StreamNotFound", "the stream is not live");
                    return Left::NotLive;
                }
            }
        }
    }
}

/// Whether a node asks for the names of the streams that are published here.
fn is_list(key: &StreamKey, sent: Option<&Envelope>) -> bool {
    key.stream() == streams::NAME && fetch::is_pull(sent)
}

fn is_live(hub: &Hub, key: &StreamKey) -> bool {
    matches!(hub.phase(key), Some(Phase::Live | Phase::Held))
}

/// What the session says, for a connection on which chunks of the vhost's size are announced: the session itself goes on
/// in the size that it announced when the client connected.
fn in_own_chunks(said: Bytes, session: u32, vhost: u32) -> Bytes {
    if session == vhost || said.is_empty() {
        return said;
    }
    let mut out = BytesMut::new();
    chunk::Writer::new(vhost).write(&chunk::set_chunk_size(session), &mut out);
    out.extend_from_slice(&said);
    chunk::Writer::new(session).write(&chunk::set_chunk_size(vhost), &mut out);
    out.freeze()
}

/// What a player is told behind the last frame. The session must have nothing pending.
fn goodbye(session: &mut server::Session) -> Bytes {
    session.stream_eof();
    session.status("status", "NetStream.Play.UnpublishNotify", "the stream has ended");
    session.poll_output().unwrap_or_default()
}

/// What another node is told of the publisher. The session must have nothing pending.
fn news(session: &mut server::Session, framed: impl Fn(Bytes) -> Bytes) -> News {
    let mut said = |code, why| {
        session.status("status", code, why);
        framed(session.poll_output().unwrap_or_default())
    };
    News {
        held: said("NetStream.Play.Held", "the publisher is gone and awaited"),
        live: said("NetStream.Play.Start", "there is a publisher again"),
    }
}

/// Which sound a player gets: a node both, and one that said when it connected that it knows Opus (enhanced RTMP's
/// `fourCcList` or `audioFourCcInfoMap`) the stream's own.
fn hears(connect: &server::Connect, sent: Option<&Envelope>) -> Hears {
    let is_opus = |name: &str| name == "Opus" || name == "*";
    let listed = connect.object.get("fourCcList").and_then(Value::as_array).unwrap_or_default();
    let mapped = connect.object.get("audioFourCcInfoMap").and_then(Value::fields).unwrap_or_default();
    let mut names =
        listed.iter().filter_map(Value::as_str).chain(mapped.iter().map(|(name, _)| name.as_str()));
    if fetch::is_pull(sent) {
        Hears::Both
    } else if names.any(is_opus) {
        Hears::Own
    } else {
        Hears::NoOpus
    }
}

/// What a client said of itself in its connect command.
pub(crate) fn about(connect: &server::Connect) -> About {
    let text = |name| connect.object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    About { tc_url: connect.tc_url.clone(), page_url: text("pageUrl"), swf_url: text("swfUrl"), via: None }
}

#[cfg(test)]
mod tests;
