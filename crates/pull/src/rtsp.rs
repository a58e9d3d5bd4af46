//! The RTSP client: `retina` speaks, and what comes is turned into frames as a publisher would send them.
//!
//! Media comes over UDP, or inside the RTSP connection where the URL says `transport=tcp`, where the server will have it
//! so, or where nothing comes over UDP. Over UDP, packets that come out of order are lost (`retina` keeps no buffer for
//! them), and nothing is asked for again: it is for networks of one's own.

mod clock;
mod maker;
mod order;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::{FutureExt as _, Stream as _};
use retina::client::{
    Credentials, Demuxed, Described, InitialSequenceNumberPolicy, InitialTimestampPolicy, PlayOptions,
    SessionIdPolicy, SessionOptions, SetupOptions, TcpTransportOptions, Transport, UdpTransportOptions,
};
use retina::codec::{CodecItem, FrameFormat, ParametersRef, VideoParametersCodec};
use retina::rtcp::ReceivedCompoundPacket;
use srs_flv::body::Codec;
use srs_media::Kind;
use srs_names::MissingKind;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use url::Url;

use self::clock::millis;
use self::maker::Maker;
use crate::incoming::{Event, Failed};
use crate::limits::{ANSWER_RTSP, REST};
use crate::plan::{Login, Target};

/// Nothing came over UDP for so long: a firewall keeps it from us.
const UDP_SILENT: Duration = Duration::from_secs(2);
/// Packets in a row that make no sense. One lost packet can spoil those of a whole picture.
const MOST_SPOILT: u32 = 2_000;
/// Sessions that are tried over TCP after one over UDP, a [`REST`] apart: servers are still busy with closing that one.
const TRIES: u32 = 4;
/// Unsupported transport: RFC 2326, section 11.3.14.
const UDP_REFUSED: u16 = 461;
/// RTCP's word for the end of a stream.
const BYE: u8 = 203;

/// One session that plays.
pub(crate) struct Session {
    stream: Demuxed,
    tracks: Tracks,
    maker: Maker,
    spoilt: u32,
    broken: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("tracks", &self.tracks).finish_non_exhaustive()
    }
}

/// Which of the server's streams are taken, by their places in its list.
#[derive(Clone, Copy, Debug, Default)]
struct Tracks {
    video: Option<(usize, Codec)>,
    audio: Option<usize>,
    video_over: bool,
    audio_over: bool,
}

impl Session {
    /// Opens a session for the target's stream, until it plays; over UDP until the first frame came.
    ///
    /// # Errors
    /// [`Failed`] with the server's answer, also where it has nothing that can be passed on.
    pub(crate) async fn open(target: &Target) -> Result<Session, Failed> {
        let url = Url::parse(&target.to_string())
            .map_err(|error| Failed::new(MissingKind::NotFound, format!("not an RTSP URL: {error}")))?;
        let described = describe(&url, target.login.as_ref()).await?;
        if wants_tcp(&target.query) {
            return Session::play(described, true).await;
        }
        let failed = match Session::play(described, false).await {
            Ok(session) => return Ok(session),
            Err(failed) => failed,
        };
        if failed.kind != MissingKind::Unreachable {
            return Err(failed);
        }
        tracing::info!(
            host = target.host,
            port = target.port,
            why = failed.why,
            "RTSP by TCP, as UDP failed"
        );
        let mut tries = TRIES;
        loop {
            tries = tries.saturating_sub(1);
            let again = async { Session::play(describe(&url, target.login.as_ref()).await?, true).await };
            match again.await {
                Err(failed) if tries > 0 && failed.kind != MissingKind::Forbidden => sleep(REST).await,
                ended => return ended,
            }
        }
    }

    async fn play(mut described: retina::client::Session<Described>, tcp: bool) -> Result<Session, Failed> {
        let tracks = Tracks::of(&described)?;
        let playing = async {
            let mut tcp = tcp;
            for (place, index) in tracks.indices().enumerate() {
                match described.setup(index, over(tcp)).await {
                    // In the same session: GStreamer's server has no second one while it closes the first.
                    Err(error) if place == 0 && !tcp && error.status_code() == Some(UDP_REFUSED) => {
                        tcp = true;
                        described.setup(index, over(tcp)).await?;
                    }
                    answer => answer?,
                }
            }
            let options = PlayOptions::default()
                .initial_timestamp(InitialTimestampPolicy::Permissive)
                // Many servers say another number than they begin with.
                .initial_seq(InitialSequenceNumberPolicy::Ignore);
            Ok((described.play(options).await?.demuxed()?, tcp))
        };
        let (stream, tcp) = answered(playing).await?;
        let mut session = Session { stream, tracks, maker: Maker::default(), spoilt: 0, broken: false };
        session.configure();
        if !tcp {
            session.first_frame().await?;
        }
        Ok(session)
    }

    /// Waits for the first frame; it is given by [`Session::next`].
    async fn first_frame(&mut self) -> Result<(), Failed> {
        let until = Instant::now().checked_add(UDP_SILENT).unwrap_or_else(Instant::now);
        loop {
            match timeout_at(until, self.item()).await {
                Ok(Ok(Some(item))) => {
                    let is_media = !matches!(item, CodecItem::Rtcp(_));
                    self.take(item);
                    if is_media || self.tracks.is_over() {
                        return Ok(());
                    }
                }
                Ok(Ok(None)) => {}
                Ok(Err(failed)) => return Err(failed),
                Err(_) => return Err(Failed::unreachable("nothing came over UDP")),
            }
        }
    }

    /// What comes next. A wait for it may be given up at any time, and loses nothing.
    ///
    /// # Errors
    /// [`Failed`] when the server closed the connection without a word, or does not keep to the protocol.
    pub(crate) async fn next(&mut self) -> Result<Event, Failed> {
        loop {
            if let Some(event) = self.maker.take() {
                return Ok(event);
            }
            if self.tracks.is_over() {
                return Ok(Event::Over);
            }
            if let Some(item) = self.item().await? {
                self.take(item);
            }
        }
    }

    /// The next item from the server; none where it made no sense.
    async fn item(&mut self) -> Result<Option<CodecItem>, Failed> {
        if self.broken {
            return Err(Failed::unreachable("the session is broken"));
        }
        let item = std::future::poll_fn(|cx| {
            // What servers send must not end more than their own session, also where `retina` does not expect it.
            let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.stream).poll_next(cx)));
            polled.map_or(Poll::Ready(None), |poll| poll.map(Some))
        });
        let item = item.await;
        self.broken = !matches!(item, Some(Some(Ok(_))));
        match item {
            Some(Some(Ok(item))) => {
                self.spoilt = 0;
                Ok(Some(item))
            }
            Some(Some(Err(error))) if is_of_a_packet(&error) && self.spoilt < MOST_SPOILT => {
                tracing::debug!(error = first_line(&error), "an RTP packet is not understood");
                self.spoilt = self.spoilt.saturating_add(1);
                self.broken = false;
                Ok(None)
            }
            Some(Some(Err(error))) => Err(failed(&error)),
            Some(None) => Err(Failed::unreachable("the server closed the connection")),
            None => Err(Failed::unreachable("the server sent what the client does not survive")),
        }
    }

    /// The heads of both streams, as far as the server has said them.
    fn configure(&mut self) {
        if let Some((index, codec)) = self.tracks.video
            && let Some(stream) = self.stream.streams().get(index)
            && let Some(ParametersRef::Video(parameters)) = stream.parameters()
        {
            let sps = match parameters.codec_params() {
                VideoParametersCodec::H264 { sps, .. } | VideoParametersCodec::H265 { sps, .. } => &sps[..],
                _ => &[],
            };
            self.maker.picture_config(codec, parameters.extra_data(), sps);
        }
        if let Some(index) = self.tracks.audio
            && let Some(stream) = self.stream.streams().get(index)
            && let Some(ParametersRef::Audio(parameters)) = stream.parameters()
        {
            self.maker.sound_config(parameters.extra_data());
        }
    }

    fn take(&mut self, item: CodecItem) {
        match (item, self.tracks.video) {
            (CodecItem::VideoFrame(frame), Some((_, codec))) => {
                if frame.has_new_parameters() {
                    self.configure();
                }
                let shown = frame.timestamp();
                self.maker.picture(codec, millis(shown.elapsed(), shown.clock_rate().get()), frame.data());
            }
            (CodecItem::AudioFrame(frame), _) => {
                let time = frame.timestamp();
                self.maker.sound(millis(time.elapsed(), time.clock_rate().get()), frame.data());
            }
            (CodecItem::Rtcp(packets), _) => self.report(&packets),
            _ => {}
        }
    }

    fn report(&mut self, packets: &ReceivedCompoundPacket) {
        let is_video = self.tracks.video.is_some_and(|(index, _)| index == packets.stream_id());
        for packet in packets.pkts() {
            if packet.payload_type() == BYE {
                match is_video {
                    true => self.tracks.video_over = true,
                    false => self.tracks.audio_over = true,
                }
            }
            let report = packet.as_sender_report().ok().flatten();
            if let (Some(report), Some(time)) = (report, packets.rtp_timestamp()) {
                let kind = if is_video { Kind::Video } else { Kind::Audio };
                let own = millis(time.elapsed(), time.clock_rate().get());
                self.maker.clock.report(kind, own, report.ntp_timestamp().0);
            }
        }
    }
}

impl Tracks {
    /// The first stream of each kind that can be passed on.
    fn of(described: &retina::client::Session<Described>) -> Result<Tracks, Failed> {
        let mut tracks = Tracks::default();
        let mut left = Vec::new();
        for (index, stream) in described.streams().iter().enumerate() {
            match (stream.media(), stream.encoding_name()) {
                ("video", "h264") if tracks.video.is_none() => tracks.video = Some((index, Codec::H264)),
                ("video", "h265") if tracks.video.is_none() => tracks.video = Some((index, Codec::Hevc)),
                ("audio", "mpeg4-generic") if tracks.audio.is_none() => tracks.audio = Some(index),
                (media, encoding) => left.push(format!("{media}/{encoding}")),
            }
        }
        let left = left.join(", ");
        if tracks.indices().next().is_none() {
            let why = format!("nothing there can be passed on: {left}");
            return Err(Failed::new(MissingKind::NotFound, why));
        }
        if !left.is_empty() {
            tracing::warn!(
                left,
                "streams of an RTSP server are left out: taken are H.264, H.265 and AAC, one each"
            );
        }
        Ok(tracks)
    }

    fn indices(self) -> impl Iterator<Item = usize> {
        self.video.map(|(index, _)| index).into_iter().chain(self.audio)
    }

    /// The server has said goodbye to each.
    fn is_over(self) -> bool {
        (self.video.is_none() || self.video_over) && (self.audio.is_none() || self.audio_over)
    }
}

fn over(tcp: bool) -> SetupOptions {
    let transport = match tcp {
        true => Transport::Tcp(TcpTransportOptions::default()),
        false => Transport::Udp(UdpTransportOptions::default()),
    };
    SetupOptions::default().transport(transport).frame_format(FrameFormat::MP4)
}

/// OvenMediaEngine's word. It is sent on too: it is part of the URL.
fn wants_tcp(query: &str) -> bool {
    query.split('&').any(|pair| {
        pair.split_once('=')
            .is_some_and(|(name, value)| name == "transport" && value.eq_ignore_ascii_case("tcp"))
    })
}

async fn describe(url: &Url, login: Option<&Login>) -> Result<retina::client::Session<Described>, Failed> {
    let creds =
        login.map(|login| Credentials { username: login.user.clone(), password: login.password.clone() });
    let options = SessionOptions::default()
        .creds(creds)
        .user_agent(concat!("srs-edge/", env!("CARGO_PKG_VERSION")).to_owned())
        // Some cameras say another name at each step.
        .session_id(SessionIdPolicy::UseFirst);
    answered(retina::client::Session::describe(url.clone(), options)).await
}

/// Waits for the answer to requests.
async fn answered<T>(requests: impl Future<Output = Result<T, retina::Error>>) -> Result<T, Failed> {
    match timeout(ANSWER_RTSP, AssertUnwindSafe(requests).catch_unwind()).await {
        Ok(Ok(answer)) => answer.map_err(|error| failed(&error)),
        Ok(Err(_)) => Err(Failed::unreachable("the server answered what the client does not survive")),
        Err(_) => Err(Failed::unreachable("no answer in time")),
    }
}

fn failed(error: &retina::Error) -> Failed {
    let kind = match error.status_code() {
        Some(404 | 410 | 454) => MissingKind::NotFound,
        Some(401 | 403 | 407) => MissingKind::Forbidden,
        _ => MissingKind::Unreachable,
    };
    Failed::new(kind, first_line(error))
}

/// The addresses stand in the lines below.
fn first_line(error: &retina::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// One packet is meant, and the next may be better. Errors of `retina` tell no more than by their words, of which each that
/// is about a packet names it in a line of its own.
fn is_of_a_packet(error: &retina::Error) -> bool {
    error.to_string().lines().any(|line| line.starts_with("pkt: "))
}

#[cfg(test)]
mod tests;
