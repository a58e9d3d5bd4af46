//! GStreamer's RTSP server, a program of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;

/// Debian's own: others do not find its packages.
const PYTHON: &str = "/usr/bin/python3";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tests/interop/rtsp_server.py");
/// How much of a stream is looked at, in ms.
const SPAN: i64 = 5_000;

/// Killed when it is dropped, and with the test's process.
struct Gst {
    child: Child,
    port: u16,
}

impl Gst {
    fn start() -> Option<Gst> {
        let ask =
            "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer";
        let asked = Command::new(PYTHON).args(["-c", ask]).stderr(Stdio::null()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let must = std::env::var_os("SRS_TESTS_REQUIRE_TOOLS").is_some_and(|value| value == "1");
            assert!(!must, "gir1.2-gst-rtsp-server-1.0 is missing, and SRS_TESTS_REQUIRE_TOOLS=1 wants it");
            eprintln!("skipped: gir1.2-gst-rtsp-server-1.0 is missing");
            return None;
        }
        assert!(Path::new(SCRIPT).is_file());
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig=KILL", "--", PYTHON, SCRIPT])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("rtsp ").and_then(|port| port.parse().ok());
        Some(Gst { port: port.unwrap_or_else(|| panic!("{line:?}")), child })
    }

    fn target(&self, path: &str, query: &str) -> Target {
        let (host, path, query) = ("127.0.0.1".to_owned(), path.to_owned(), query.to_owned());
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
}

impl Drop for Gst {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _may_have_ended = self.child.wait();
    }
}

/// What a session gave.
#[derive(Default)]
struct Seen {
    config: Vec<Frame>,
    pictures: Vec<Frame>,
    sound: Vec<Frame>,
}

async fn watch(path: &str, query: &str) -> Option<Seen> {
    let gst = Gst::start()?;
    let mut session = Session::open(&gst.target(path, query)).await.unwrap();
    let mut seen = Seen::default();
    while seen.pictures.last().is_none_or(|last| last.time < SPAN) {
        let frame = frame(&mut session).await;
        match (frame.role, frame.kind) {
            (Role::Config, _) => seen.config.push(frame),
            (_, Kind::Video) => seen.pictures.push(frame),
            _ => seen.sound.push(frame),
        }
    }
    Some(seen)
}

fn shown(frame: &Frame) -> i64 {
    frame.time + i64::from(frame.composition)
}

impl Seen {
    /// Everything that comes is whole, in its time, and sound beside its picture.
    fn assert_whole(&self, codec: srs_media::Codec, late: i64) {
        let codecs: Vec<_> = self.config.iter().map(|frame| frame.codec).collect();
        assert_eq!(codecs, [codec, srs_media::Codec::Aac]);
        let info = srs_flv::describe_video(&self.config[0]).unwrap();
        assert_eq!((info.width, info.height), (320, 180));
        assert_eq!(self.pictures[0].role, Role::Key);

        let times: Vec<i64> = self.pictures.iter().map(|frame| frame.time).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        assert!(self.pictures.iter().all(|frame| (0..=late).contains(&i64::from(frame.composition))));
        let mut order: Vec<i64> = self.pictures.iter().map(shown).collect();
        order.sort_unstable();
        // The last ones may lack those that are shown before them.
        let steps: Vec<i64> = order.windows(2).map(|pair| pair[1] - pair[0]).take(100).collect();
        assert!(steps.iter().all(|step| (39..=41).contains(step)), "{steps:?}");
        assert!(self.pictures.iter().filter(|frame| frame.role == Role::Key).count() >= 5);

        let times: Vec<i64> = self.sound.iter().map(|frame| frame.time).collect();
        let steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.iter().all(|step| (21..=26).contains(step)), "{steps:?}");
        assert!(times.len() > 150, "{}", times.len());
        // Both test sources begin together; the encoder of sound holds back one frame.
        assert!((times[0] - order[0]).abs() < 150, "sound at {}, picture at {}", times[0], order[0]);
    }
}

#[tokio::test]
async fn pictures_in_order_and_sound_come_over_udp() {
    let Some(seen) = watch("/plain", "").await else { return };
    seen.assert_whole(srs_media::Codec::H264, 0);
}

#[tokio::test]
async fn pictures_in_order_and_sound_come_over_tcp() {
    let Some(seen) = watch("/plain", "transport=tcp").await else { return };
    seen.assert_whole(srs_media::Codec::H264, 0);
}

#[tokio::test]
async fn pictures_out_of_order_and_sound_come_over_udp() {
    let Some(seen) = watch("/reordered", "").await else { return };
    seen.assert_whole(srs_media::Codec::H264, 250);
    assert!(seen.pictures.iter().any(|frame| frame.composition > 100));
}

#[tokio::test]
async fn pictures_out_of_order_and_sound_come_over_tcp() {
    let Some(seen) = watch("/reordered", "transport=tcp").await else { return };
    seen.assert_whole(srs_media::Codec::H264, 250);
    assert!(seen.pictures.iter().any(|frame| frame.composition > 100));
}

#[tokio::test]
async fn hevc_comes_over_tcp() {
    let Some(seen) = watch("/hevc", "transport=tcp").await else { return };
    seen.assert_whole(srs_media::Codec::Hevc, 0);
}

#[tokio::test]
async fn who_comes_later_has_sound_beside_its_picture() {
    let Some(gst) = Gst::start() else { return };
    let target = gst.target("/plain", "transport=tcp");
    let mut first = Session::open(&target).await.unwrap();
    while frame(&mut first).await.time < 1_500 {}
    let mut second = Session::open(&target).await.unwrap();
    let (mut sound, mut picture) = (None, None);
    while sound.is_none() || picture.is_none() {
        let frame = frame(&mut second).await;
        match (frame.role, frame.kind) {
            (Role::Config, _) => {}
            (_, Kind::Video) => picture = picture.or(Some(frame.time)),
            _ => sound = sound.or(Some(frame.time)),
        }
    }
    let apart = sound.unwrap() - picture.unwrap();
    assert!(apart.abs() < 250, "{sound:?} {picture:?}");
}

#[tokio::test]
async fn the_end_of_the_stream_is_told() {
    let Some(gst) = Gst::start() else { return };
    let mut session = Session::open(&gst.target("/ends", "")).await.unwrap();
    assert!(matches!(end(&mut session).await, Ok(Event::Over)));
}

#[tokio::test]
async fn what_the_server_does_not_have_is_not_found() {
    let Some(gst) = Gst::start() else { return };
    let failed = Session::open(&gst.target("/nothing", "")).await.unwrap_err();
    assert_eq!(failed.kind, MissingKind::NotFound);
}
