//! What a rendition is told besides frames.

use std::sync::Mutex;

use super::*;
use crate::Headers;

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

    fn keep(&self, hub: &Hub) -> crate::Feed {
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
