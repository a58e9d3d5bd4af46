//! What a stream may cost.

use bytes::BytesMut;
use srs_media::{Frame, Kind, Role};

use super::*;
use crate::limits::{FRAME_COST, GOP_BYTES, HEADER_BYTES, HEADERS_BYTES, RUN_BYTES, TRACKS, WINDOW_BYTES};
use crate::testkit::frame;
use crate::{Headers, Opener, Rendition, Window};

#[test]
fn time_stamps_that_stand_still_do_not_let_the_window_grow() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    let body = vec![0; 256 << 10];
    for count in 0..200 {
        publisher.push(if count % 10 == 0 { key(0, &body) } else { inter(0, &body) }).unwrap();
        shard.pull();
        // What a shard that comes now takes over is what the stream holds.
        let mut fresh = Shard::of(&hub, &name("s"));
        fresh.pull();
        assert!(fresh.window.len() <= WINDOW_BYTES, "{}", fresh.window.len());
        shard.trim();
    }
}

#[test]
fn a_shard_that_never_pulls_does_not_let_the_stream_grow() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    let body = vec![0; 256 << 10];
    for _ in 0..200 {
        publisher.push(inter(0, &body)).unwrap();
    }
    shard.pull();
    assert!(shard.window.len() <= WINDOW_BYTES + (RUN_BYTES + body.len() + 13) as u64);
}

#[test]
fn a_gop_over_eight_mebibytes_does_not_stop_a_viewer_that_keeps_up() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    publisher.push(key(0, b"a")).unwrap();
    let viewer = shard.join(true);
    let body = vec![0; 1 << 20];
    for time in 1..=12 {
        publisher.push(inter(time, &body)).unwrap();
        shard.flow();
        shard.drop_lag(Lag { queue_ms: 1 });
    }
    assert_eq!(items(&shard.viewers[viewer].got).len(), 14);
    assert!(shard.window.len() < GOP_BYTES as u64);
}

#[test]
fn frames_of_a_few_bytes_do_not_let_the_window_grow() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    for _ in 0..500_000 {
        publisher.push(key(0, b"")).unwrap();
    }
    shard.pull();
    let frames = shard.window.frames_from(0);
    assert!(frames * FRAME_COST <= WINDOW_BYTES as usize + RUN_BYTES, "{frames}");
}

#[test]
fn a_stuck_viewer_is_moved_when_tiny_frames_pile_up() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    publisher.push(key(0, b"k")).unwrap();
    shard.join(true);
    for _ in 0..100 {
        for _ in 0..5_000 {
            publisher.push(key(0, b"")).unwrap();
        }
        shard.pull();
        shard.drop_lag(Lag { queue_ms: 60_000 });
        shard.trim();
        assert!(shard.window.frames_from(0) < 300_000);
    }
    assert!(shard.viewers[0].cursor.skips() > 0);
}

/// Counts how often heads are written.
struct Counting(Arc<AtomicUsize>);

impl Opener for Counting {
    fn head(&self, _headers: &Headers, _time: i64, _first: bool, out: &mut BytesMut) {
        self.0.fetch_add(1, Ordering::Relaxed);
        out.extend_from_slice(b"head");
    }
}

impl Rendition for Counting {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Counting(Arc::clone(&self.0)))
    }

    fn push(&mut self, frame: &Frame, start: bool, out: &mut BytesMut) {
        Plain.push(frame, start, out);
    }
}

#[test]
fn heads_are_written_once_for_all_viewers_of_a_start_and_never_for_nobody() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let written = Arc::new(AtomicUsize::new(0));
    let feed = hub.subscribe(&name("s"), PLAIN, || Box::new(Counting(Arc::clone(&written))));
    let mut shard = Shard { feed, window: Window::default(), phase: Phase::Waiting, viewers: Vec::new() };
    for time in 0..1000 {
        publisher.push(key(time, b"k")).unwrap();
    }
    shard.pull();
    assert_eq!(written.load(Ordering::Relaxed), 0);
    for _ in 0..3 {
        shard.join(true);
    }
    assert_eq!(written.load(Ordering::Relaxed), 1);
}

fn headers_after(frames: impl IntoIterator<Item = Frame>) -> Headers {
    let hub = Hub::new();
    let publisher = publish(&hub);
    for frame in frames {
        publisher.push(frame).unwrap();
    }
    hub.streams().remove(0).3
}

#[test]
fn a_header_larger_than_any_real_one_is_not_remembered() {
    let large = vec![0; HEADER_BYTES + 1];
    let headers = headers_after([
        frame(Kind::Data, Role::Metadata, 0, b"m"),
        config(0, b"c"),
        config(1, &large),
        frame(Kind::Data, Role::Metadata, 1, &large),
    ]);
    assert_eq!((headers.metadata, headers.configs), (None, Vec::new()));
}

#[test]
fn all_headers_together_are_bounded() {
    let body = vec![0; HEADER_BYTES / 2];
    let headers = headers_after((0..TRACKS as u8).map(|track| Frame { track, ..config(0, &body) }));
    let bytes: usize = headers.configs.iter().map(|config| config.wire.len()).sum();
    assert_eq!(bytes, HEADERS_BYTES);
}
