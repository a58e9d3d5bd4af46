use bytes::Bytes;
use srs_media::{Codec, Kind, Role};

use super::*;
use crate::rtc::testkit::{KEY, inter, opus};

/// What a publisher sends.
struct Sender {
    intake: Intake,
    began: Instant,
    /// What became frames of the stream.
    made: Vec<Coded>,
}

fn sender(layers: &[&str]) -> Sender {
    let layers: Vec<Arc<str>> = layers.iter().copied().map(Arc::from).collect();
    Sender { intake: Intake::new(&layers), began: Instant::now(), made: Vec::new() }
}

impl Sender {
    fn frame(&self, (codec, clock): (srs_rtc::Codec, u32), ms: u64, data: Vec<u8>) -> Frame {
        Frame {
            codec,
            layer: None,
            time: ms * u64::from(clock) / 1_000,
            clock,
            came: self.began + Duration::from_millis(ms),
            report: None,
            follows: true,
            key: true,
            data: Bytes::from(data),
        }
    }

    fn picture(&self, ms: u64, key: bool) -> Frame {
        let data = if key { KEY.to_vec() } else { [&[0, 0, 0, 1], &inter(ms as u32)[..]].concat() };
        Frame { key, ..self.frame((srs_rtc::Codec::H264, 90_000), ms, data) }
    }

    /// Of a layer whose pictures are so large.
    fn of_layer(&self, layer: &str, size: usize, ms: u64, key: bool) -> Frame {
        let picture = self.picture(ms, key);
        // Trailing zeros are no part of a NAL unit; anything else is.
        let data = [&picture.data[..], &vec![0x55; size]].concat().into();
        Frame { layer: Some(layer.into()), data, ..picture }
    }

    fn sound(&self, ms: u64) -> Frame {
        self.frame((srs_rtc::Codec::Opus, 48_000), ms, opus(ms as u32))
    }

    fn take(&mut self, frame: &Frame) -> Took {
        let made = &mut self.made;
        self.intake.take(frame, "test", &mut |frame| made.push(frame))
    }

    fn coded(&self, kind: Kind) -> Vec<i64> {
        let coded = |frame: &&Coded| frame.kind == kind && matches!(frame.role, Role::Key | Role::Inter);
        self.made.iter().filter(coded).map(|frame| frame.time).collect()
    }
}

#[test]
fn pictures_wait_for_a_key_frame_and_sound_does_not() {
    let mut sender = sender(&[]);
    assert!(sender.intake.is_broken());
    assert_eq!(sender.take(&sender.picture(0, false)), Took::NeedsKey);
    assert_eq!(sender.take(&sender.sound(0)), Took::Passed);
    assert_eq!((sender.coded(Kind::Video), sender.coded(Kind::Audio)), (vec![], vec![0]));
    assert_eq!(sender.take(&sender.picture(40, true)), Took::Passed);
    assert_eq!(sender.take(&sender.picture(80, false)), Took::Passed);
    assert!(!sender.intake.is_broken());
    assert_eq!(sender.coded(Kind::Video).len(), 2);
    let headers: Vec<_> = sender.made.iter().filter(|frame| frame.role == Role::Config).collect();
    assert_eq!(headers.iter().map(|frame| frame.codec).collect::<Vec<_>>(), [Codec::Opus, Codec::H264]);
}

#[test]
fn a_key_frame_without_its_parameter_sets_is_none() {
    let mut sender = sender(&[]);
    let whole = sender.picture(0, true);
    // What stands before the slice was in a packet that did not come.
    let slice = KEY.windows(5).position(|at| at == [0, 0, 0, 1, 0x65]).expect("an IDR slice");
    let bare = Frame { data: whole.data.slice(slice..), ..whole };
    assert_eq!(sender.take(&bare), Took::NeedsKey);
    assert!(sender.intake.is_broken() && sender.made.is_empty());
    assert_eq!(sender.take(&sender.picture(40, false)), Took::NeedsKey);
    assert_eq!(sender.take(&sender.picture(80, true)), Took::Passed);
}

#[test]
fn behind_what_was_lost_pictures_wait_for_a_key_frame_again() {
    let mut sender = sender(&[]);
    sender.take(&sender.picture(0, true));
    let torn = Frame { follows: false, ..sender.picture(40, false) };
    assert_eq!(sender.take(&torn), Took::NeedsKey);
    assert_eq!(sender.take(&sender.picture(80, false)), Took::NeedsKey);
    assert_eq!((sender.intake.damaged(), sender.intake.is_broken()), (1, true));
    let key = Frame { follows: false, ..sender.picture(120, true) };
    assert_eq!(sender.take(&key), Took::Passed);
    assert_eq!(sender.take(&sender.picture(160, false)), Took::Passed);
    assert_eq!(sender.coded(Kind::Video), [0, 120, 160]);
}

#[test]
fn sound_that_was_lost_stops_nothing() {
    let mut sender = sender(&[]);
    sender.take(&sender.sound(0));
    let next = Frame { follows: false, ..sender.sound(60) };
    assert_eq!(sender.take(&next), Took::Passed);
    assert_eq!(sender.coded(Kind::Audio), [0, 60]);
}

#[test]
fn sound_and_pictures_keep_their_distance() {
    let mut sender = sender(&[]);
    for ms in (0..1_000).step_by(20) {
        sender.take(&sender.sound(ms));
        if ms % 40 == 0 {
            sender.take(&sender.picture(ms + 7, ms == 0));
        }
    }
    let (pictures, sounds) = (sender.coded(Kind::Video), sender.coded(Kind::Audio));
    assert_eq!((pictures.len(), sounds.len()), (25, 50));
    assert_eq!(pictures[24] - sounds[48], 7);
}

#[test]
fn of_several_layers_the_one_with_the_largest_key_frames_goes_on() {
    let mut sender = sender(&["q", "h", "f"]);
    // The small one comes first, and is better than none.
    assert_eq!(sender.take(&sender.of_layer("q", 10, 0, true)), Took::Passed);
    assert_eq!(sender.take(&sender.of_layer("f", 1_000, 0, true)), Took::Passed);
    assert_eq!(sender.take(&sender.of_layer("h", 100, 0, true)), Took::LeftOut);
    for ms in [40, 80] {
        assert_eq!(sender.take(&sender.of_layer("q", 5, ms, false)), Took::LeftOut);
        assert_eq!(sender.take(&sender.of_layer("f", 500, ms, false)), Took::Passed);
        assert_eq!(sender.take(&sender.of_layer("h", 50, ms, false)), Took::LeftOut);
    }
    assert_eq!(sender.intake.layer().as_deref(), Some("f"));
}

#[test]
fn when_the_best_layer_comes_to_rest_the_next_best_is_asked_for_a_key_frame_and_goes_on() {
    let mut sender = sender(&["q", "f"]);
    sender.take(&sender.of_layer("f", 1_000, 0, true));
    sender.take(&sender.of_layer("q", 10, 0, true));
    let mut ms = 40;
    while sender.take(&sender.of_layer("q", 5, ms, false)) == Took::LeftOut {
        ms += 40;
    }
    assert!((2_000..2_100).contains(&ms), "{ms}");
    assert_eq!(sender.intake.layer().as_deref(), Some("q"));
    assert_eq!(sender.take(&sender.of_layer("q", 10, ms + 40, true)), Took::Passed);
    assert_eq!(sender.take(&sender.of_layer("q", 5, ms + 80, false)), Took::Passed);
    // It comes back.
    assert_eq!(sender.take(&sender.of_layer("f", 500, ms + 120, false)), Took::NeedsKey);
    assert_eq!(sender.take(&sender.of_layer("f", 1_000, ms + 160, true)), Took::Passed);
    assert_eq!(sender.take(&sender.of_layer("q", 5, ms + 160, false)), Took::LeftOut);
}

#[test]
fn a_layer_that_is_wished_for_goes_on_from_its_next_key_frame() {
    let mut sender = sender(&["q", "f"]);
    sender.take(&sender.of_layer("f", 1_000, 0, true));
    sender.take(&sender.of_layer("q", 10, 0, true));
    sender.intake.choose(Some("q".into()));
    assert_eq!(sender.intake.layer().as_deref(), Some("q"));
    assert_eq!(sender.take(&sender.of_layer("f", 500, 40, false)), Took::Passed);
    assert_eq!(sender.take(&sender.of_layer("q", 5, 40, false)), Took::NeedsKey);
    assert_eq!(sender.take(&sender.of_layer("q", 10, 80, true)), Took::Passed);
    assert_eq!(sender.take(&sender.of_layer("f", 1_000, 120, true)), Took::LeftOut);
    // None that there is: the best.
    sender.intake.choose(Some("x".into()));
    assert_eq!(sender.take(&sender.of_layer("f", 1_000, 160, true)), Took::Passed);
}

#[test]
fn a_change_of_layers_whose_times_differ_is_no_jump_of_the_stream() {
    let mut sender = sender(&["q", "f"]);
    for ms in (0..400).step_by(40) {
        sender.take(&sender.of_layer("q", 10, ms, ms == 0));
    }
    for ms in (400..800).step_by(40) {
        let frame = sender.of_layer("f", 1_000, ms, ms == 400);
        // Each layer counts from a number of its own.
        sender.take(&Frame { time: frame.time + 3_000_000_000, ..frame });
    }
    let times = sender.coded(Kind::Video);
    assert_eq!(times.len(), 20);
    assert!(times.windows(2).all(|pair| (20..=60).contains(&(pair[1] - pair[0]))), "{times:?}");
}

#[test]
fn names_of_layers_are_not_taken_without_end() {
    let mut sender = sender(&[]);
    for number in 0..100 {
        sender.take(&sender.of_layer(&number.to_string(), 10, number, false));
    }
    assert_eq!(sender.intake.layers.known.len(), 8);
}

#[test]
fn what_is_no_picture_is_left_out_and_the_stream_goes_on() {
    let mut sender = sender(&[]);
    for data in [vec![], vec![0], vec![0, 0, 0, 1], vec![0xff; 100]] {
        sender.take(&Frame { data: data.into(), ..sender.picture(0, true) });
    }
    assert!(sender.coded(Kind::Video).is_empty());
    sender.take(&sender.picture(40, true));
    assert_eq!(sender.coded(Kind::Video).len(), 1);
}
