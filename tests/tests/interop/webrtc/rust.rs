//! The `webrtc` crate, which shares no code with this project's engine, as a publisher by WHIP and as a player by WHEP.

use std::fs::File;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rtc::media::Sample;
use rtc::media::io::h26x_reader::H26xSampleReader;
use rtc::media::io::ogg_reader::OggReader;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MediaEngine};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use srs_tests::rtc::{offer, publish_rtmp, watch};
use srs_tests::{Cluster, Program, tools, until, within};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use webrtc::media_stream::Track as _;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_sample::TrackLocalStaticSample;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCPeerConnectionState, RTCSessionDescription, Registry, register_default_interceptors,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit, RtpSender};
use webrtc::runtime::TokioRuntime;

use crate::recording::words;

/// Milliseconds of a picture, and of a packet of Opus.
const EACH: [u64; 2] = [40, 20];

/// What happens to a connection.
#[derive(Clone, Default)]
struct Happens {
    gathered: Arc<Notify>,
    connected: Arc<Notify>,
    /// Whole pictures, by the marks at their ends.
    pictures: Arc<AtomicU64>,
    /// Packets of sound.
    sounds: Arc<AtomicU64>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Happens {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        println!("the webrtc crate: {state}");
        if state == RTCPeerConnectionState::Connected {
            self.connected.notify_one();
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let is_video = track.kind().await == RtpCodecKind::Video;
        let (pictures, sounds) = (Arc::clone(&self.pictures), Arc::clone(&self.sounds));
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
                if !is_video {
                    sounds.fetch_add(1, Ordering::Relaxed);
                } else if packet.header.marker {
                    pictures.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
}

fn codec(kind: RtpCodecKind) -> RTCRtpCodecParameters {
    let (name, clock_rate, channels, fmtp, payload_type) = match kind {
        RtpCodecKind::Video => (
            MIME_TYPE_H264,
            90_000,
            0,
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            102,
        ),
        _ => (MIME_TYPE_OPUS, 48_000, 2, "", 111),
    };
    let rtp_codec = RTCRtpCodec {
        mime_type: name.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: Vec::new(),
    };
    RTCRtpCodecParameters { rtp_codec, payload_type }
}

async fn connection(happens: &Happens) -> Arc<dyn PeerConnection> {
    let mut engine = MediaEngine::default();
    for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
        engine.register_codec(codec(kind), kind).expect("a codec");
    }
    let registry = register_default_interceptors(Registry::new(), &mut engine).expect("interceptors");
    let built = PeerConnectionBuilder::new()
        .with_media_engine(engine)
        .with_interceptor_registry(registry)
        .with_handler(Arc::new(happens.clone()))
        .with_runtime(Arc::new(TokioRuntime))
        .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
        .build()
        .await;
    Arc::new(built.expect("a connection"))
}

/// Offers by WHIP or WHEP, and waits until media can go.
async fn connect(peer: &Arc<dyn PeerConnection>, happens: &Happens, http: SocketAddr, kind: &str) {
    let made = peer.create_offer(None).await.expect("an offer");
    peer.set_local_description(made).await.expect("it is ours");
    within("candidates", happens.gathered.notified()).await;
    let ours = peer.local_description().await.expect("an offer");
    let reply = offer(http, kind, "one", &ours.sdp).await;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    assert_eq!(reply.head.status, 201, "{text}");
    let answer = RTCSessionDescription::answer(text).expect("an answer that can be read");
    peer.set_remote_description(answer).await.expect("an answer that fits");
    within("a connection of the webrtc crate", happens.connected.notified()).await;
}

type Sent = (Arc<TrackLocalStaticSample>, Arc<dyn RtpSender>);

async fn track(peer: &Arc<dyn PeerConnection>, kind: RtpCodecKind) -> Sent {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(rand::random()), ..Default::default() },
        codec: codec(kind).rtp_codec,
        ..Default::default()
    };
    let named = |what: &str| format!("{what}-{kind}");
    let stream = MediaStreamTrack::new(named("stream"), named("track"), named("label"), kind, vec![encoding]);
    let track = Arc::new(TrackLocalStaticSample::new(Instant::now(), stream).expect("a track"));
    let sender = peer.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await.expect("a sender");
    (track, sender)
}

/// Sends these one by one, `each` milliseconds apart.
fn send((track, sender): Sent, samples: Vec<(bytes::Bytes, bool)>, each: u64) -> JoinHandle<()> {
    tokio::spawn(async move {
        let parameters = sender.get_parameters().await.expect("parameters");
        let payload_type = parameters.rtp_parameters.codecs.first().expect("a codec").payload_type;
        let ssrc = *track.ssrcs().await.first().expect("a stream");
        let mut ticks = tokio::time::interval(Duration::from_millis(each));
        for (data, lasts) in samples {
            let duration = if lasts { Duration::from_millis(each) } else { Duration::ZERO };
            let sample = Sample { data, duration, ..Sample::new(Instant::now()) };
            track.sample_writer(ssrc, payload_type).write_sample(&sample).await.expect("it is sent");
            if lasts {
                ticks.tick().await;
            }
        }
    })
}

/// Twenty seconds of pictures and sound, each in a file of its own.
async fn files(ffmpeg: &Path, cluster: &Cluster) -> (PathBuf, PathBuf) {
    let (video, audio) = (cluster.folder().path("one.h264"), cluster.folder().path("one.ogg"));
    let line = format!(
        "-v error -nostdin -y -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 \
         -t 20 -map 0:v -c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -pix_fmt yuv420p -g 25 {} \
         -t 20 -map 1:a -c:a libopus -ac 2 -page_duration 20000 {}",
        video.display(),
        audio.display()
    );
    Program::start(ffmpeg, words(&line)).succeed().await;
    (video, audio)
}

fn pictures(file: &Path) -> Vec<(bytes::Bytes, bool)> {
    let mut reader = H26xSampleReader::new(BufReader::new(File::open(file).expect("a file")), 1 << 20, false);
    std::iter::from_fn(|| reader.next_sample().ok()).map(|sample| (sample.data, sample.timed)).collect()
}

fn sounds(file: &Path) -> Vec<(bytes::Bytes, bool)> {
    let (mut reader, _) =
        OggReader::new(BufReader::new(File::open(file).expect("a file")), true).expect("Ogg");
    let pages = std::iter::from_fn(|| reader.parse_next_page().ok());
    // The first page left has the tags.
    pages.skip(1).map(|(data, _)| (data.freeze(), true)).collect()
}

#[tokio::test]
async fn the_webrtc_crate_publishes_by_whip_through_the_proxy() {
    let Some(ffmpeg) = tools::find("ffmpeg") else { return };
    let cluster = Cluster::build().origins(2).rtc().start().await;
    let (video, audio) = files(&ffmpeg, &cluster).await;
    let happens = Happens::default();
    let peer = connection(&happens).await;
    let sent = [track(&peer, RtpCodecKind::Audio).await, track(&peer, RtpCodecKind::Video).await];
    connect(&peer, &happens, cluster.http(), "whip").await;
    let [sound, picture] = sent;
    let sending = [send(picture, pictures(&video), EACH[0]), send(sound, sounds(&audio), EACH[1])];
    cluster.holder("one").await;
    let Some(mut viewer) = watch(cluster.http(), "one", "").await else { return };
    viewer.sees_and_hears(3.0).await;
    for task in sending {
        task.abort();
    }
    peer.close().await.expect("it is closed");
}

#[tokio::test]
async fn the_webrtc_crate_plays_by_whep_at_the_proxy_and_at_an_edge() {
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let edge = cluster.edge_rtc("edge-1");
    let Some(_source) = publish_rtmp(cluster.rtmp(), "one") else { return };
    cluster.holder("one").await;
    for http in [cluster.http(), edge.http()[0]] {
        let happens = Happens::default();
        let peer = connection(&happens).await;
        for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
            let receive = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                ..RTCRtpTransceiverInit::default()
            };
            peer.add_transceiver_from_kind(kind, Some(receive)).await.expect("a transceiver");
        }
        connect(&peer, &happens, http, "whep").await;
        until("pictures and sound at the webrtc crate", async || {
            let seen = [&happens.pictures, &happens.sounds].map(|count| count.load(Ordering::Relaxed));
            (seen[0] >= 75 && seen[1] >= 100).then_some(())
        })
        .await;
        peer.close().await.expect("it is closed");
    }
}
