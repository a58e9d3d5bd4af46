//! What a rendition is told besides frames.

use std::sync::Mutex;

use super::*;
use crate::testkit::audio;
use crate::{Headers, Window};

/// Writes down what it is told: `b` and the number of headers for a beginning, `K` and `f` for frames that are starts and
/// others, `e` for an end.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<String>>);

impl Diary {
    fn note(&self, word: &str) {
        self.0.lock().unwrap().push_str(word);
    }

    fn read(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn keep(&self, hub: &Hub) -> Feed {
        hub.subscribe(&name("s"), PLAIN, || Box::new(self.clone()))
    }
}

impl Opener for Diary {
    fn head(&self, _headers: &Headers, _time: i64, _first: bool, _out: &mut BytesMut) {}
}

impl Rendition for Diary {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(self.clone())
    }

    fn begin(&mut self, headers: &Headers) {
        self.note(&format!("b{}", headers.configs.len()));
    }

    fn push(&mut self, _frame: &Frame, start: bool, _out: &mut BytesMut) {
        self.note(if start { "K" } else { "f" });
    }

    fn end(&mut self) {
        self.note("e");
    }
}

#[test]
fn a_rendition_that_comes_late_is_told_the_headers_and_then_the_cached_frames() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    for frame in [config(0, b"c"), key(0, b"a"), inter(40, b"b"), key(80, b"a"), inter(120, b"b")] {
        publisher.push(frame).unwrap();
    }
    let diary = Diary::default();
    let _feed = diary.keep(&hub);
    publisher.push(inter(160, b"b")).unwrap();
    assert_eq!(diary.read(), "b1Kff");
}

#[test]
fn a_rendition_is_told_of_each_publisher_and_of_the_end() {
    let hub = Hub::new();
    let first = publish(&hub);
    let diary = Diary::default();
    let _feed = diary.keep(&hub);
    first.push(key(0, b"a")).unwrap();
    let second = publish(&hub);
    second.push(config(0, b"c")).unwrap();
    second.push(key(0, b"a")).unwrap();
    drop(first);
    second.finish(Finish::Clean);
    assert_eq!(diary.read(), "b0Kb0fKe");
}

#[test]
fn a_hold_is_no_end_until_it_expires() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let diary = Diary::default();
    let _feed = diary.keep(&hub);
    let held = publisher.finish(Finish::Dropped).unwrap();
    assert_eq!(diary.read(), "b0");
    hub.expire(&name("s"), held);
    assert_eq!(diary.read(), "b0e");
}

/// Shows the sound alone.
struct SoundOnly;

impl Opener for SoundOnly {
    fn head(&self, _headers: &Headers, _time: i64, _first: bool, _out: &mut BytesMut) {}
}

impl Rendition for SoundOnly {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(SoundOnly)
    }

    fn push(&mut self, frame: &Frame, _start: bool, out: &mut BytesMut) {
        if frame.kind == Kind::Audio {
            out.extend_from_slice(&crate::testkit::item('i', frame.time, &frame.wire));
        }
    }
}

#[test]
fn where_a_format_shows_nothing_of_a_key_frame_viewers_start_at_what_follows() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let feed = hub.subscribe(&name("s"), Format("sound"), || Box::new(SoundOnly));
    let mut shard = Shard { feed, window: Window::default(), phase: Phase::Waiting, viewers: Vec::new() };
    let frames =
        [key(0, b"k"), inter(40, b"i"), audio(50, b"a"), key(80, b"k"), audio(90, b"b"), audio(100, b"c")];
    for frame in frames {
        publisher.push(frame).unwrap();
    }
    let viewer = shard.join(true);
    shard.flow();
    let times: Vec<_> = items(&shard.viewers[viewer].got).iter().map(|item| item.time).collect();
    assert_eq!(times, [90, 100]);
}

#[test]
fn frames_that_a_format_does_not_show_cost_nothing() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let feed = hub.subscribe(&name("s"), Format("sound"), || Box::new(SoundOnly));
    for time in 0..1000 {
        publisher.push(key(time, b"k")).unwrap();
    }
    publisher.push(audio(1000, b"a")).unwrap();
    let mut window = Window::default();
    feed.pull(&mut window, |_| {});
    assert_eq!(window.frames_from(0), 1);
}
