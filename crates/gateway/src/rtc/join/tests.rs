use bytes::BytesMut;
use proptest::prelude::*;
use srs_rtp::record::{Head, Writer};

use super::*;

/// A stream that is pushed frame by frame.
struct Stream {
    frames: Frames,
    began: StdInstant,
}

/// Ticks of pictures each ms, and of sound.
const PICTURE: i64 = 90;
const SOUND: i64 = 48;

impl Stream {
    fn new() -> Stream {
        Stream { frames: Frames::default(), began: StdInstant::now() }
    }

    fn push(&mut self, codec: srs_rtc::Codec, (time, came): (i64, i64), key: bool, size: usize) {
        let ticks = if codec == srs_rtc::Codec::Opus { SOUND } else { PICTURE };
        let rtp = u32::try_from((time * ticks).rem_euclid(1 << 32)).unwrap();
        let mut out = BytesMut::new();
        let mut writer = Writer::new(&mut out, &Head { codec, key, time, rtp });
        let packets = size.div_ceil(1_000).max(1);
        for number in 1..=packets {
            writer.packet(&vec![7; size.min(1_000)], number == packets);
        }
        assert!(writer.finish());
        let came = self.began + Duration::from_millis(came.try_into().unwrap());
        self.frames.take(&out, came);
    }

    /// A picture that came when it was due.
    fn picture(&mut self, time: i64, key: bool) {
        self.push(srs_rtc::Codec::H264, (time, time), key, 100);
    }

    fn sound(&mut self, time: i64) {
        self.push(srs_rtc::Codec::Opus, (time, time), true, 50);
    }

    /// Pictures each 40 ms from a key picture on, and sound each 20 ms.
    fn gop(&mut self, from: i64, pictures: i64) {
        for number in 0..pictures {
            let time = from + number * 40;
            self.picture(time, number == 0);
            self.sound(time);
            self.sound(time + 20);
        }
    }

    fn moment(&self, time: i64) -> StdInstant {
        self.began + Duration::from_millis(time.try_into().unwrap())
    }
}

fn given(place: &mut Place, frames: &Frames, now: Instant) -> Vec<Packet> {
    let mut all = Vec::new();
    place.next(frames, now, |packet| all.push(packet));
    all
}

/// RTP times of one track.
fn times(packets: &[Packet], track: Track) -> Vec<u32> {
    packets.iter().filter(|packet| packet.codec.track() == track).map(|packet| packet.time).collect()
}

fn rise(times: &[u32]) -> bool {
    times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]).cast_signed() > 0)
}

/// By how much what is seen and heard at one RTP time is apart for a player, in ms, as sender reports have it.
fn apart(packets: &[Packet]) -> i64 {
    let zero = |track: Track, ticks: i64| {
        let packet = packets.iter().rfind(|packet| packet.codec.track() == track).unwrap();
        packet.wallclock - Duration::from_millis((i64::from(packet.time) / ticks).try_into().unwrap())
    };
    let (picture, sound) = (zero(Track::Video, PICTURE), zero(Track::Audio, SOUND));
    let (later, earlier) = (picture.max(sound), picture.min(sound));
    i64::try_from((later - earlier).as_millis()).unwrap()
}

#[test]
fn a_newcomer_gets_the_pictures_so_far_squeezed_and_then_what_comes_at_its_time() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.gop(0, 25);
    let mut place = Place::at_newest();
    assert!(!place.started());
    let past = given(&mut place, &stream.frames, now);
    assert!(place.started());
    let pictures = times(&past, Track::Video);
    assert_eq!(pictures.len(), 25);
    assert!(rise(&pictures));
    assert_eq!(pictures.last(), Some(&(960 * 90)), "the newest has its own time");
    assert!(960 * 90 - pictures[0] < 90 * 100, "the others stand close before it");
    // Sound begins at the live edge.
    assert!(times(&past, Track::Audio).is_empty());
    stream.picture(1_000, false);
    stream.sound(1_000);
    let live = given(&mut place, &stream.frames, now);
    assert_eq!((times(&live, Track::Video), times(&live, Track::Audio)), (vec![90_000], vec![48_000]));
}

#[test]
fn a_newcomer_that_waits_for_the_next_key_picture_gets_nothing_before() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.gop(0, 5);
    let mut place = Place::at_next(&stream.frames);
    assert_eq!(place.needs(), u64::MAX);
    stream.picture(200, false);
    assert!(given(&mut place, &stream.frames, now).is_empty());
    stream.gop(240, 2);
    assert_eq!(times(&given(&mut place, &stream.frames, now), Track::Video).len(), 2);
}

#[test]
fn what_was_there_before_is_given_in_a_pace_that_a_line_bears() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    // 3 MB of pictures: a second of it.
    for number in 0..30 {
        stream.push(srs_rtc::Codec::H264, (number * 40, number * 40), number == 0, 100_000);
    }
    let mut place = Place::at_newest();
    let mut all = Vec::new();
    assert!(place.next(&stream.frames, now, |packet| all.push(packet)), "there is more");
    assert!((100_000..=300_000).contains(&(all.len() * 1_000)), "{}", all.len());
    let mut turns = 0;
    while place.next(&stream.frames, now + Duration::from_millis(turns * 5), |packet| all.push(packet)) {
        turns += 1;
    }
    assert!((850..1_100).contains(&(turns * 5)), "{turns} turns");
    assert_eq!(all.len(), 3_000);
    assert!(rise(&times(&all.into_iter().filter(|packet| packet.marker).collect::<Vec<_>>(), Track::Video)));
}

#[test]
fn what_comes_while_the_past_is_given_follows_it() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    for number in 0..5 {
        stream.push(srs_rtc::Codec::H264, (number * 40, number * 40), number == 0, 100_000);
    }
    let mut place = Place::at_newest();
    let mut all = given(&mut place, &stream.frames, now);
    stream.sound(200);
    stream.picture(200, false);
    all.extend(given(&mut place, &stream.frames, now + Duration::from_secs(1)));
    stream.picture(240, false);
    all.extend(given(&mut place, &stream.frames, now + Duration::from_secs(2)));
    let last: Vec<Packet> = all.into_iter().filter(|packet| packet.marker).collect();
    assert!(rise(&times(&last, Track::Video)));
    assert_eq!(times(&last, Track::Video).len(), 7);
}

#[test]
fn a_stream_of_sound_alone_begins_with_the_newest() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    (0..10).for_each(|number| stream.sound(number * 20));
    let mut place = Place::at_newest();
    assert_eq!(times(&given(&mut place, &stream.frames, now), Track::Audio), [180 * 48]);
    assert!(place.started());
    stream.sound(200);
    assert_eq!(times(&given(&mut place, &stream.frames, now), Track::Audio), [200 * 48]);
}

#[test]
fn nobody_waits_for_pictures_of_a_stream_that_has_none_any_more() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.picture(0, false);
    (0..90).for_each(|number| stream.sound(number * 20));
    let mut place = Place::at_newest();
    assert!(given(&mut place, &stream.frames, now).is_empty(), "one may come");
    (90..120).for_each(|number| stream.sound(number * 20));
    assert_eq!(given(&mut place, &stream.frames, now).len(), 1);
}

#[test]
fn a_player_that_lost_the_thread_gets_the_pictures_again_behind_all_it_had() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.gop(0, 10);
    let mut place = Place::at_newest();
    assert!(!place.again(&stream.frames, now), "it has nothing yet");
    let mut all = given(&mut place, &stream.frames, now);
    stream.sound(400);
    assert!(place.again(&stream.frames, now));
    stream.picture(400, false);
    all.extend(given(&mut place, &stream.frames, now));
    let pictures = times(&all, Track::Video);
    assert_eq!(pictures.len(), 10 + 10 + 1);
    assert!(rise(&pictures), "{pictures:?}");
    assert_eq!(times(&all, Track::Audio), [400 * 48], "no sound is lost or given twice");
}

#[test]
fn it_gets_them_again_at_most_every_two_seconds_and_not_twice_at_the_same_times() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.gop(0, 10);
    let mut place = Place::at_newest();
    let mut all = given(&mut place, &stream.frames, now);
    assert!(place.again(&stream.frames, now));
    all.extend(given(&mut place, &stream.frames, now));
    let later = now + AGAIN_REST;
    assert!(!place.again(&stream.frames, later - Duration::from_millis(1)));
    assert!(!place.again(&stream.frames, later), "nothing new came");
    stream.picture(400, false);
    all.extend(given(&mut place, &stream.frames, later));
    assert!(place.again(&stream.frames, later));
    all.extend(given(&mut place, &stream.frames, later));
    assert!(rise(&times(&all, Track::Video)));
}

#[test]
fn who_is_about_to_get_a_key_picture_needs_none_again() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.gop(0, 3);
    let mut place = Place::at_newest();
    given(&mut place, &stream.frames, now);
    stream.picture(120, true);
    assert!(place.again(&stream.frames, now));
    assert_eq!(times(&given(&mut place, &stream.frames, now), Track::Video), [120 * 90]);
}

#[test]
fn too_much_is_not_given_again() {
    for (size, pictures) in [(1_100_000, 2), (100, 700)] {
        let (mut stream, now) = (Stream::new(), Instant::now());
        for number in 0..pictures {
            stream.push(srs_rtc::Codec::H264, (number * 10, number * 10), number == 0, size);
        }
        let (mut place, mut now) = (Place::at_newest(), now);
        while place.next(&stream.frames, now, |_| {}) {
            now += Duration::from_secs(1);
        }
        assert!(!place.again(&stream.frames, now));
    }
}

#[test]
fn what_nobody_needs_is_dropped_and_what_somebody_does_is_not() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.gop(0, 5);
    let mut place = Place::at_newest();
    given(&mut place, &stream.frames, now);
    stream.gop(200, 5);
    stream.frames.trim(Some(place.needs()));
    assert_eq!(stream.frames.frames.len(), 15, "the newest key picture and all behind it");
    stream.gop(400, 5);
    stream.frames.trim(Some(place.needs()));
    assert_eq!(stream.frames.frames.len(), 30, "what the player has yet to get");
    given(&mut place, &stream.frames, now);
    stream.frames.trim(Some(place.needs()));
    assert_eq!(stream.frames.frames.len(), 15);
    stream.frames.trim(None);
    assert_eq!(stream.frames.frames.len(), 15, "who joins next begins there");
}

#[test]
fn who_is_too_slow_begins_anew_at_the_next_key_picture() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.gop(0, 2);
    let mut place = Place::at_newest();
    let mut all = given(&mut place, &stream.frames, now);
    for number in 2..(MOST_FRAMES as i64 + 10) {
        stream.picture(number * 40, false);
    }
    assert!(given(&mut place, &stream.frames, now).is_empty());
    let time = (MOST_FRAMES as i64 + 10) * 40;
    stream.gop(time, 2);
    all.extend(given(&mut place, &stream.frames, now));
    assert!(rise(&times(&all, Track::Video)));
    assert_eq!(times(&all, Track::Video).len(), 4);
}

#[test]
fn after_a_gap_everybody_waits_for_a_key_picture() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.gop(0, 5);
    let mut place = Place::at_newest();
    given(&mut place, &stream.frames, now);
    stream.frames.clear();
    stream.picture(240, false);
    let mut late = Place::at_newest();
    assert!(
        given(&mut place, &stream.frames, now).is_empty() && given(&mut late, &stream.frames, now).is_empty()
    );
    stream.picture(280, true);
    assert_eq!(given(&mut place, &stream.frames, now).len(), 1);
    assert_eq!(given(&mut late, &stream.frames, now).len(), 1);
}

#[test]
fn sender_reports_of_live_packets_tell_when_they_happened() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.gop(0, 5);
    let mut place = Place::at_newest();
    given(&mut place, &stream.frames, now);
    stream.picture(200, false);
    let live = given(&mut place, &stream.frames, now);
    assert_eq!(live[0].wallclock, stream.moment(200));
}

#[test]
fn sound_and_pictures_are_together_also_in_what_is_squeezed_and_after_a_gop_that_came_at_once() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    // The fan is new: the hub gives it a GOP of 2 s at once, as of now.
    for number in 0..50 {
        stream.push(srs_rtc::Codec::H264, (number * 40, 2_000), number == 0, 100);
        stream.push(srs_rtc::Codec::Opus, (number * 40, 2_000), true, 50);
    }
    let mut place = Place::at_newest();
    let mut all = given(&mut place, &stream.frames, now);
    stream.sound(2_000);
    all.extend(given(&mut place, &stream.frames, now));
    // That it came so early was not known before.
    assert!(apart(&all) <= 40, "{}", apart(&all));
    stream.picture(2_000, false);
    all.extend(given(&mut place, &stream.frames, now));
    assert!(apart(&all) <= 1, "{}", apart(&all));
    assert!(place.again(&stream.frames, now));
    all.extend(given(&mut place, &stream.frames, now));
    assert!(apart(&all) <= 1, "{}", apart(&all));
}

#[test]
fn sound_that_comes_late_is_still_of_its_time() {
    let (mut stream, now) = (Stream::new(), Instant::now());
    stream.gop(0, 2);
    let mut place = Place::at_newest();
    let mut all = given(&mut place, &stream.frames, now);
    stream.picture(80, false);
    // Made of other sound, which takes 200 ms.
    stream.push(srs_rtc::Codec::Opus, (80, 280), true, 50);
    all.extend(given(&mut place, &stream.frames, now));
    assert!(apart(&all) <= 1, "{}", apart(&all));
}

proptest! {
    #[test]
    fn whatever_happens_times_rise_and_each_packet_comes_once(
        steps in prop::collection::vec((0_u8..6, 0_u64..3_000), 1..200),
    ) {
        let (mut stream, mut now) = (Stream::new(), Instant::now());
        let mut places = vec![Place::at_newest()];
        let (mut given_to, mut time) = (vec![Vec::new()], 0);
        for (step, millis) in steps {
            match step {
                0 | 1 => { time += 40; stream.picture(time, step == 0); }
                2 => { time += 20; stream.sound(time); }
                3 => { places.push(Place::at_newest()); given_to.push(Vec::new()); }
                4 => { now += Duration::from_millis(millis); }
                _ => for place in &mut places { place.again(&stream.frames, now); },
            }
            if millis % 3 != 0 {
                for (place, all) in places.iter_mut().zip(&mut given_to) {
                    place.next(&stream.frames, now, |packet| all.push(packet));
                }
                let oldest = places.iter().map(Place::needs).min();
                stream.frames.trim(oldest);
            }
        }
        for all in given_to {
            prop_assert!(rise(&times(&all, Track::Video)));
            prop_assert!(rise(&times(&all, Track::Audio)));
        }
    }

    #[test]
    fn whatever_is_in_a_run_nothing_breaks(run in prop::collection::vec(any::<u8>(), 0..200)) {
        Frames::default().take(&run, StdInstant::now());
    }
}
