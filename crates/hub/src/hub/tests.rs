use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Wake, Waker};

use bytes::BytesMut;
use srs_media::Frame;

use super::*;
use crate::publisher::Finish;
use crate::testkit::{PLAIN, Plain, Shard, config, inter, items, key, name, settings, shape};
use crate::{Lag, Opener, Superseded};

fn publish(hub: &Hub) -> Publisher {
    hub.publish(&name("s"), settings()).unwrap()
}

/// Counts its wake-ups.
#[derive(Default)]
struct Alarm(AtomicUsize);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn alarm() -> (Arc<Alarm>, Waker) {
    let alarm = Arc::new(Alarm::default());
    (Arc::clone(&alarm), Waker::from(alarm))
}

fn poll(shard: &Shard, waker: &Waker) -> Poll<()> {
    shard.feed.poll_changed(&shard.window, shard.phase, &mut Context::from_waker(waker))
}

#[test]
fn second_publisher_takes_over_and_the_viewers_stay() {
    let hub = Hub::new();
    let first = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    first.push(config(0, b"one")).unwrap();
    first.push(key(0, b"a")).unwrap();
    let viewer = shard.join(true);
    shard.flow();
    let second = publish(&hub);
    assert_eq!(first.push(inter(40, b"late")), Err(Superseded));
    second.push(config(1000, b"two")).unwrap();
    second.push(key(1000, b"b")).unwrap();
    shard.flow();
    let got = items(&shard.viewers[viewer].got);
    assert_eq!(shape(&shard.viewers[viewer].got), "Fkck");
    assert_eq!(got[2].body, b"two");
    assert_eq!(shard.phase, Phase::Live);
}

#[test]
fn after_a_take_over_new_viewers_get_the_new_headers_alone() {
    let hub = Hub::new();
    let first = publish(&hub);
    first.push(config(0, b"one")).unwrap();
    first.push(key(0, b"a")).unwrap();
    let second = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    let viewer = shard.join(true);
    second.push(config(1000, b"two")).unwrap();
    second.push(key(1000, b"b")).unwrap();
    shard.flow();
    assert_eq!(shape(&shard.viewers[viewer].got), "Fk");
    assert_eq!(items(&shard.viewers[viewer].got)[0].body, b"two");
}

#[test]
fn the_publisher_that_is_taken_over_is_told() {
    let hub = Hub::new();
    let first = publish(&hub);
    let (alarm, waker) = alarm();
    let mut cx = Context::from_waker(&waker);
    assert!(first.poll_superseded(&mut cx).is_pending());
    let second = publish(&hub);
    assert_eq!(alarm.0.load(Ordering::Relaxed), 1);
    assert!(first.poll_superseded(&mut cx).is_ready());
    assert_eq!(first.finish(Finish::Clean), None);
    assert_eq!(hub.phase(&name("s")), Some(Phase::Live));
    drop(second);
}

#[test]
fn second_publisher_is_refused_where_the_settings_say_so() {
    let hub = Hub::new();
    let refuse = Settings { takeover: Takeover::Refuse, ..settings() };
    let first = hub.publish(&name("s"), refuse.clone()).unwrap();
    assert_eq!(hub.publish(&name("s"), refuse.clone()).unwrap_err(), Refused::Busy);
    first.push(key(0, b"a")).unwrap();
    first.finish(Finish::Dropped).unwrap();
    hub.publish(&name("s"), refuse).unwrap();
}

#[test]
fn viewers_of_a_held_stream_go_on_when_the_publisher_returns() {
    let hub = Hub::new();
    let first = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    first.push(key(0, b"a")).unwrap();
    let viewer = shard.join(true);
    shard.flow();
    let generation = first.finish(Finish::Dropped).unwrap();
    shard.flow();
    assert_eq!(shard.phase, Phase::Held);
    let second = publish(&hub);
    hub.expire(&name("s"), generation);
    second.push(key(40, b"b")).unwrap();
    shard.flow();
    assert_eq!((shard.phase, shape(&shard.viewers[viewer].got).as_str()), (Phase::Live, "Fkk"));
}

#[test]
fn a_publisher_may_say_himself_that_the_stream_is_held() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    publisher.push(key(0, b"a")).unwrap();
    let viewer = shard.join(true);
    shard.flow();
    let (alarm, waker) = alarm();
    assert!(poll(&shard, &waker).is_pending());
    publisher.hold(true);
    assert_eq!(alarm.0.load(Ordering::Relaxed), 1);
    shard.flow();
    assert_eq!(shard.phase, Phase::Held);
    publisher.hold(false);
    publisher.push(key(40, b"b")).unwrap();
    shard.flow();
    assert_eq!((shard.phase, shape(&shard.viewers[viewer].got).as_str()), (Phase::Live, "Fkk"));
    publisher.hold(true);
    publisher.finish(Finish::Clean);
    assert_eq!(hub.phase(&name("s")), Some(Phase::Ended));
}

#[test]
fn who_says_that_a_stream_is_held_is_told_when_another_takes_it() {
    let hub = Hub::new();
    let first = publish(&hub);
    first.hold(true);
    let refuse = Settings { takeover: Takeover::Refuse, ..settings() };
    let second = hub.publish(&name("s"), refuse).unwrap();
    assert!(first.poll_superseded(&mut Context::from_waker(&alarm().1)).is_ready());
    first.hold(true);
    first.hold(false);
    first.finish(Finish::Clean);
    assert_eq!(hub.phase(&name("s")), Some(Phase::Live));
    drop(second);
}

#[test]
fn a_hold_that_expires_ends_the_stream() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    shard.pull();
    let generation = publisher.finish(Finish::Dropped).unwrap();
    let (alarm, waker) = alarm();
    shard.pull();
    assert!(poll(&shard, &waker).is_pending());
    hub.expire(&name("s"), generation);
    assert_eq!(alarm.0.load(Ordering::Relaxed), 1);
    assert!(poll(&shard, &waker).is_ready());
    shard.pull();
    assert_eq!(shard.phase, Phase::Ended);
}

#[test]
fn a_publisher_that_says_goodbye_is_not_held() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let _shard = Shard::of(&hub, &name("s"));
    assert_eq!(publisher.finish(Finish::Clean), None);
    assert_eq!(hub.phase(&name("s")), Some(Phase::Ended));
}

#[test]
fn a_publisher_that_vanishes_in_a_panic_does_not_hold_the_stream_for_ever() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let _shard = Shard::of(&hub, &name("s"));
    drop(publisher);
    assert_eq!(hub.phase(&name("s")), Some(Phase::Ended));
}

#[test]
fn a_stream_that_nobody_publishes_or_watches_is_forgotten() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let shard = Shard::of(&hub, &name("s"));
    publisher.finish(Finish::Clean);
    assert_eq!(hub.streams().len(), 1);
    drop(shard);
    assert_eq!(hub.streams().len(), 0);
}

#[test]
fn nobody_starts_with_the_picture_of_a_stream_that_is_over() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    publisher.push(key(0, b"a")).unwrap();
    publisher.finish(Finish::Clean);
    let early = shard.join(true);
    let mut other = Shard::of(&hub, &name("s"));
    let late = other.join(true);
    assert!(!shard.viewers[early].cursor.started());
    assert!(!other.viewers[late].cursor.started());
}

#[test]
fn a_stream_shorter_than_a_flush_reaches_the_viewer_that_waited() {
    let hub = Hub::new();
    let mut shard = Shard::of(&hub, &name("s"));
    let viewer = shard.join(true);
    let publisher = publish(&hub);
    publisher.push(key(0, b"a")).unwrap();
    publisher.finish(Finish::Clean);
    shard.flow();
    assert_eq!(shape(&shard.viewers[viewer].got), "Fk");
}

#[test]
fn frames_of_the_last_flush_reach_viewers_of_a_stream_that_ended() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    publisher.push(key(0, b"a")).unwrap();
    let viewer = shard.join(true);
    publisher.push(inter(40, b"b")).unwrap();
    publisher.finish(Finish::Clean);
    shard.flow();
    assert_eq!((shard.phase, shape(&shard.viewers[viewer].got).as_str()), (Phase::Ended, "Fki"));
}

#[test]
fn a_feed_is_woken_once_per_flush() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    shard.pull();
    let (alarm, waker) = alarm();
    assert!(poll(&shard, &waker).is_pending());
    for time in 0..5 {
        publisher.push(key(time * 40, b"a")).unwrap();
    }
    assert_eq!(alarm.0.load(Ordering::Relaxed), 1);
    assert!(poll(&shard, &waker).is_ready());
    shard.pull();
    assert!(poll(&shard, &waker).is_pending());
}

/// A rendition with a defect.
struct Defect;

impl Opener for Defect {
    fn head(&self, _headers: &Headers, _time: i64, _first: bool, _out: &mut BytesMut) {}
}

impl Rendition for Defect {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Defect)
    }

    fn push(&mut self, _frame: &Frame, _start: bool, _out: &mut BytesMut) {
        panic!("made up");
    }
}

#[test]
fn a_panic_in_one_format_does_not_leave_the_viewers_of_another_asleep() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    let _defect = hub.subscribe(&name("s"), Format("defect"), || Box::new(Defect));
    shard.pull();
    let (alarm, waker) = alarm();
    assert!(poll(&shard, &waker).is_pending());
    let pushed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| publisher.push(key(0, b"a"))));
    assert!(pushed.is_err());
    assert_eq!(alarm.0.load(Ordering::Relaxed), 1);
}

#[test]
fn two_shards_get_the_same_bytes() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shards = [Shard::of(&hub, &name("s")), Shard::of(&hub, &name("s"))];
    publisher.push(key(0, b"a")).unwrap();
    let places = shards.each_mut().map(|shard| shard.join(true));
    for time in 1..100_i64 {
        let frame = if time % 7 == 0 { key(time * 40, b"kk") } else { inter(time * 40, b"i") };
        publisher.push(frame).unwrap();
        if time % 3 == 0 {
            shards[0].flow();
        }
        if time % 5 == 0 {
            shards[1].flow();
        }
    }
    let [one, two] = &mut shards;
    one.flow();
    two.flow();
    assert_eq!(one.viewers[places[0]].got, two.viewers[places[1]].got);
    assert_eq!(items(&one.viewers[places[0]].got).len(), 101);
}

#[test]
fn a_shard_that_was_away_goes_on_at_a_key_frame() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut here = Shard::of(&hub, &name("s"));
    let mut away = Shard::of(&hub, &name("s"));
    publisher.push(key(0, b"a")).unwrap();
    let viewer = away.join(true);
    away.flow();
    let body = vec![7; 1 << 20];
    for time in 1..60_i64 {
        publisher
            .push(if time % 5 == 0 { key(time * 400, &body) } else { inter(time * 400, &body) })
            .unwrap();
        here.flow();
    }
    away.flow();
    let got = items(&away.viewers[viewer].got);
    let times: Vec<_> = got.iter().map(|item| (item.what, item.time)).collect();
    // The window holds 16 of these frames for those who have yet to pull.
    assert_eq!(times[..3], [('F', 0), ('k', 0), ('k', 18_000)]);
}

#[test]
fn what_a_shard_has_yet_to_pull_is_kept_whatever_the_clock_says() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    let viewer = shard.join(true);
    for time in [0, 40, 1 << 40, (1 << 40) + 40] {
        publisher.push(key(time, b"k")).unwrap();
    }
    shard.flow();
    assert_eq!(shape(&shard.viewers[viewer].got), "Fkkkk");
}

#[test]
fn a_shard_that_was_away_and_holds_nothing_goes_on_at_a_key_frame() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut here = Shard::of(&hub, &name("s"));
    let mut away = Shard::of(&hub, &name("s"));
    publisher.push(key(0, b"a")).unwrap();
    let viewer = away.join(true);
    // A GOP too large to be kept: all that is sent is let go of.
    publisher.push(inter(40, &vec![0; 9 << 20])).unwrap();
    here.flow();
    away.flow();
    assert!(away.window.is_empty());
    for time in 0..10 {
        publisher.push(inter(80 + time * 40, &[7; 2 << 20])).unwrap();
        here.flow();
    }
    away.flow();
    publisher.push(key(600, b"c")).unwrap();
    away.flow();
    assert_eq!(shape(&away.viewers[viewer].got), "Fkik");
}

#[test]
fn a_stream_without_key_frames_can_be_joined_after_ten_seconds() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    let mut shard = Shard::of(&hub, &name("s"));
    publisher.push(key(0, b"a")).unwrap();
    let viewer = shard.join(true);
    for time in 1..40 {
        publisher.push(inter(time * 1000, b"i")).unwrap();
        shard.flow();
    }
    let late = shard.join(true);
    shard.flow();
    assert_eq!(items(&shard.viewers[viewer].got).len(), 41);
    assert_eq!(shape(&shard.viewers[late].got), "Fi");
    assert_eq!(hub.streams()[0].2.gop_overruns, 1);
}

#[test]
fn a_new_format_begins_with_the_cached_frames() {
    let hub = Hub::new();
    let publisher = publish(&hub);
    for frame in [config(0, b"c"), key(0, b"a"), inter(40, b"b")] {
        publisher.push(frame).unwrap();
    }
    let mut shard = Shard::of(&hub, &name("s"));
    let viewer = shard.join(true);
    shard.flow();
    assert_eq!(shape(&shard.viewers[viewer].got), "Fki");
}

#[test]
fn the_counters_are_those_of_the_present_publisher() {
    let hub = Hub::new();
    publish(&hub).push(key(0, b"abc")).unwrap();
    let publisher = publish(&hub);
    let shard = Shard::of(&hub, &name("s"));
    publisher.push(key(0, b"abcd")).unwrap();
    publisher.push(crate::testkit::audio(0, b"ef")).unwrap();
    shard.feed.viewer_came();
    shard.feed.sent(100);
    let (_, _, stats, headers) = hub.streams().remove(0);
    assert_eq!((stats.frames, stats.audio_frames, stats.video_frames, stats.recv_bytes), (2, 1, 1, 6));
    assert_eq!((stats.viewers, stats.send_bytes), (1, 100));
    assert!(headers.audio && headers.video);
    shard.feed.viewer_went();
    assert_eq!(hub.streams()[0].2.viewers, 0);
}

mod demand;
mod fencing;
mod memory;
mod random;
mod told;
