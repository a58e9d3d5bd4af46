//! A server of WHIP and WHEP on the `webrtc` crate, to be measured beside ours: what a publisher sends is forwarded at the level
//! of RTP to each viewer's peer connection, as that crate's own example of a broadcast does it.
//!
//! ```text
//! webrtc_peer H:P [THREADS]
//! ```
//! A viewer costs no task of its own beside those of the crate: what came is given to all of them in a loop.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is measured for comparison, not a server of ours"
)]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
    RTCIceGatheringState, RTCSessionDescription, Registry, register_default_interceptors,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use webrtc::runtime::{Runtime, TokioRuntime};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
type Sinks = Arc<Mutex<Arc<Vec<(u32, Arc<TrackLocalStaticRTP>)>>>>;

/// What is published: its two tracks, and who gets them.
#[derive(Default)]
struct Stream {
    codecs: Mutex<Vec<(RtpCodecKind, RTCRtpCodec)>>,
    pictures: Sinks,
    sound: Sinks,
    /// They live as long as the server.
    connections: Mutex<Vec<Arc<dyn PeerConnection>>>,
}

impl Stream {
    fn sinks(&self, kind: RtpCodecKind) -> &Sinks {
        if kind == RtpCodecKind::Video { &self.pictures } else { &self.sound }
    }
}

struct Handler {
    stream: Arc<Stream>,
    gathered: mpsc::Sender<()>,
}

// Written out as its macro would.
impl PeerConnectionEventHandler for Handler {
    fn on_ice_gathering_state_change<'a, 'b>(&'a self, state: RTCIceGatheringState) -> Task<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if state == RTCIceGatheringState::Complete {
            let _full = self.gathered.try_send(());
        }
        Box::pin(std::future::ready(()))
    }

    fn on_track<'a, 'b>(&'a self, track: Arc<dyn TrackRemote>) -> Task<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let stream = Arc::clone(&self.stream);
        Box::pin(async move {
            tokio::spawn(forward(stream, track));
        })
    }
}

/// Gives each packet of a track to all viewers.
async fn forward(stream: Arc<Stream>, track: Arc<dyn TrackRemote>) {
    let kind = track.kind().await;
    let ssrc = *track.ssrcs().await.first().expect("a track has a source");
    let codec = track.codec(ssrc).await.expect("a track has a codec");
    stream.codecs.lock().unwrap().push((kind, codec));
    let sinks = Arc::clone(stream.sinks(kind));
    while let Some(event) = track.poll().await {
        if let TrackRemoteEvent::OnRtpPacket(packet) = event {
            let all = Arc::clone(&sinks.lock().unwrap());
            for (ssrc, sink) in all.iter() {
                let mut packet = packet.clone();
                packet.header.ssrc = *ssrc;
                let _gone = sink.write_rtp(packet).await;
            }
        }
    }
}

/// Answers an offer.
async fn answer(stream: &Arc<Stream>, publishes: bool, offer: String) -> Outcome<String> {
    let (gathered, mut is_gathered) = mpsc::channel(1);
    let mut engine = MediaEngine::default();
    engine.register_default_codecs()?;
    let registry = register_default_interceptors(Registry::new(), &mut engine)?;
    let handler = Handler { stream: Arc::clone(stream), gathered };
    let connection: Arc<dyn PeerConnection> = Arc::new(
        PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(handler) as Arc<dyn PeerConnectionEventHandler>)
            .with_runtime(Arc::new(TokioRuntime) as Arc<dyn Runtime>)
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await?,
    );
    let mut sinks = Vec::new();
    if publishes {
        for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
            let direction = RTCRtpTransceiverDirection::Recvonly;
            let init = RTCRtpTransceiverInit { direction, ..Default::default() };
            connection.add_transceiver_from_kind(kind, Some(init)).await?;
        }
    } else {
        for (kind, codec) in stream.codecs.lock().unwrap().clone() {
            sinks.push((kind, sink(kind, codec)));
        }
        for (_, (_, sink)) in &sinks {
            connection.add_track(Arc::clone(sink) as Arc<dyn TrackLocal>).await?;
        }
    }
    connection.set_remote_description(RTCSessionDescription::offer(offer)?).await?;
    let answer = connection.create_answer(None).await?;
    connection.set_local_description(answer).await?;
    let _complete = is_gathered.recv().await;
    let local = connection.local_description().await.ok_or("no description")?;
    stream.connections.lock().unwrap().push(connection);
    for (kind, sink) in sinks {
        let mut all = stream.sinks(kind).lock().unwrap();
        let mut more = Vec::clone(&all);
        more.push(sink);
        *all = Arc::new(more);
    }
    Ok(local.sdp)
}

fn sink(kind: RtpCodecKind, codec: RTCRtpCodec) -> (u32, Arc<TrackLocalStaticRTP>) {
    let ssrc = rand::random();
    let coding = RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() };
    let encoding = RTCRtpEncodingParameters { rtp_coding_parameters: coding, codec, ..Default::default() };
    let track = MediaStreamTrack::new(
        "bench".to_owned(),
        format!("bench-{kind}"),
        "bench".to_owned(),
        kind,
        vec![encoding],
    );
    (ssrc, Arc::new(TrackLocalStaticRTP::new(track)))
}

/// One request: an offer.
async fn serve(stream: Arc<Stream>, mut client: TcpStream) -> Outcome<()> {
    let mut bytes = Vec::new();
    let (head, mut offer) = loop {
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        let text = std::str::from_utf8(&bytes)?;
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            break (head.to_owned(), body.to_owned());
        }
    };
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).ok_or("no length")?;
    let mut rest = vec![0; length.trim().parse::<usize>()?.saturating_sub(offer.len())];
    client.read_exact(&mut rest).await?;
    offer.push_str(std::str::from_utf8(&rest)?);
    let (status, body) = match answer(&stream, head.contains("/whip/"), offer).await {
        Ok(sdp) => ("201 Created", sdp),
        Err(error) => ("500 Internal Server Error", error.to_string()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    client.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
    Ok(())
}

fn main() -> Outcome<()> {
    let mut words = std::env::args().skip(1);
    let address = words.next().ok_or("webrtc_peer H:P [THREADS]")?;
    let threads: usize = words.next().map_or(Ok(1), |word| word.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        let stream = Arc::<Stream>::default();
        loop {
            let (client, _) = listener.accept().await?;
            let stream = Arc::clone(&stream);
            tokio::spawn(async move {
                if let Err(error) = serve(stream, client).await {
                    eprintln!("webrtc_peer: {error}");
                }
            });
        }
    })
}
