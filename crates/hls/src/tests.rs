//! Whole streams: five minutes of many kinds of media, cut, listed, and judged list by list.

use crate::{Entry, List, MOST_BYTES, Segment, Segmenter, Settings, Unit, first_sequence};
use m3u8_rs::{MediaPlaylist, parse_media_playlist_res};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const FIRST: u64 = 194_000_000;

/// What a player may hold against the lists that it was given.
#[derive(Default)]
struct Judge {
    /// Of each number: name, length, and how many discontinuities were before it, itself included.
    known: BTreeMap<u64, (String, String, u64)>,
    first: u64,
    target: u64,
    /// Of each name when it was last listed, and the longest list with it, in milliseconds.
    listed: BTreeMap<String, (u64, u64)>,
    lists: usize,
}

impl Judge {
    fn judge(&mut self, text: &str, now_ms: u64, epoch: bool) -> MediaPlaylist {
        let list = parse_media_playlist_res(text.as_bytes()).expect("a media playlist");
        assert!(list.media_sequence >= self.first, "the first number went back: {text}");
        assert!(list.target_duration >= self.target || epoch, "the target shrank: {text}");
        let removed = list.media_sequence > self.first && self.lists > 0 && !epoch;
        (self.first, self.target) = (list.media_sequence, list.target_duration);
        self.lists += 1;
        let length_ms: f32 = list.segments.iter().map(|segment| segment.duration * 1e3).sum();
        assert!(!removed || length_ms + 1.0 >= list.target_duration as f32 * 3e3, "three targets: {text}");
        let mut breaks = list.discontinuity_sequence;
        for (number, segment) in (list.media_sequence..).zip(&list.segments) {
            assert!(segment.duration.round() as u64 <= list.target_duration, "too long: {text}");
            assert!(segment.duration > 0.0, "without length: {text}");
            breaks += u64::from(segment.discontinuity);
            let facts = (segment.uri.clone(), segment.duration.to_string(), breaks);
            let before = self.known.entry(number).or_insert_with(|| facts.clone());
            assert_eq!(*before, facts, "number {number} has two meanings: {text}");
            let longest = self.listed.get(&segment.uri).map_or(0, |(_, longest)| *longest);
            self.listed.insert(segment.uri.clone(), (now_ms, longest.max(length_ms as u64)));
        }
        list
    }

    /// RFC 8216 section 6.2.2: what was listed last then is kept that long.
    fn gone(&self, entry: &Entry, now_ms: u64) {
        let (last, longest) = self.listed[&entry.name];
        assert!(now_ms + 2 >= last + longest + entry.duration_ms, "{} went too early", entry.name);
    }
}

/// An origin with one stream, whose time is that of the media.
struct Origin {
    segmenter: Segmenter,
    list: List,
    judge: Judge,
    now_ms: u64,
    /// Stamps of the encoder.
    time: i64,
    input: Vec<u8>,
    segments: Vec<Segment>,
    units: u32,
    epoch: bool,
}

/// A kind of media: milliseconds between pictures, between key frames, and between frames of sound.
#[derive(Clone, Copy)]
struct Program {
    picture: Option<i64>,
    key: i64,
    sound: Option<i64>,
}

const BOTH: Program = Program { picture: Some(40), key: 2_000, sound: Some(23) };
const SOUND: Program = Program { picture: None, ..BOTH };

impl Origin {
    fn new(settings: Settings) -> Self {
        let mut segmenter = Segmenter::new(settings);
        segmenter.begin(FIRST, true);
        Self {
            segmenter,
            list: List::new(&settings),
            judge: Judge::default(),
            now_ms: 5_000,
            time: 1_000,
            input: Vec::new(),
            segments: Vec::new(),
            units: 0,
            epoch: true,
        }
    }

    fn unit(&mut self, unit: Unit) {
        if self.segmenter.due(&unit) {
            let segment = self.segmenter.cut(Some(&unit));
            self.closed(segment.expect("a segment that is due is not empty"));
        }
        self.units += 1;
        let bytes = self.units.to_be_bytes();
        self.input.extend_from_slice(&bytes);
        self.segmenter.push(&unit, |buffer| buffer.extend_from_slice(&bytes));
    }

    fn closed(&mut self, segment: Segment) {
        assert!(self.segments.iter().all(|before| before.sequence < segment.sequence), "a number twice");
        let entry = Entry::new(&segment, format!("live/a-{}.ts", segment.sequence));
        self.segments.push(segment);
        for gone in self.list.add(entry, self.now_ms) {
            self.judge.gone(&gone, self.now_ms);
        }
        self.look();
    }

    fn look(&mut self) -> MediaPlaylist {
        let text = self.list.playlist(|entry| entry.name.clone());
        let epoch = std::mem::take(&mut self.epoch);
        self.judge.judge(&text, self.now_ms, epoch)
    }

    fn play(&mut self, milliseconds: i64, program: Program) {
        for at in 0..milliseconds {
            let time = self.time + at;
            if program.picture.is_some_and(|every| at % every == 0) {
                self.unit(Unit { video: true, dts_ms: time, key: at % program.key == 0 });
            }
            if program.sound.is_some_and(|every| at % every == 0) {
                self.unit(Unit { video: false, dts_ms: time, key: false });
            }
            self.now_ms += 1;
        }
        self.time += milliseconds;
    }

    fn end(&mut self) {
        if let Some(segment) = self.segmenter.end() {
            self.closed(segment);
        }
        self.list.end();
        assert!(self.look().end_list);
    }

    /// Ends, and all that came in went out.
    fn finish(mut self) -> Vec<Segment> {
        self.end();
        let output: Vec<u8> = self.segments.iter().flat_map(|segment| segment.bytes.to_vec()).collect();
        assert!(output == self.input, "the segments are not the stream");
        self.segments
    }

    fn republish(&mut self, first: u64) {
        self.end();
        self.segmenter.begin(first, true);
        self.list.begin(self.now_ms);
        self.epoch = true;
    }
}

fn settings(fragment_s: u64, window_s: u64) -> Settings {
    let (fragment, window) = (Duration::from_secs(fragment_s), Duration::from_secs(window_s));
    Settings { fragment, window, ..Settings::default() }
}

/// Thirty times ten seconds; the last frame of sound may reach over the end.
fn assert_even(segments: &[Segment]) {
    let lengths = lengths(segments);
    assert_eq!(lengths[..29], [10_000; 29]);
    assert!((10_000..10_023).contains(&lengths[29]) && lengths.len() == 30, "{lengths:?}");
}

fn lengths(segments: &[Segment]) -> Vec<u64> {
    segments.iter().map(|segment| segment.duration_ms).collect()
}

fn breaks(segments: &[Segment]) -> usize {
    segments.iter().filter(|segment| segment.discontinuity).count()
}

/// Five minutes at an origin with SRS's settings.
fn five_minutes(program: Program) -> Vec<Segment> {
    let mut origin = Origin::new(Settings::default());
    origin.play(300_000, program);
    origin.finish()
}

#[test]
fn a_stream_of_key_frames_is_cut_at_the_fragment() {
    let segments = five_minutes(Program { key: 40, ..BOTH });
    assert_even(&segments);
    assert_eq!(segments[29].sequence, FIRST + 29);
}

#[test]
fn a_short_gop_is_cut_at_the_key_frame_that_ends_the_fragment() {
    assert_even(&five_minutes(BOTH));
}

#[test]
fn a_gop_that_does_not_fit_makes_longer_segments() {
    let segments = five_minutes(Program { key: 7_000, ..BOTH });
    assert_eq!(lengths(&segments)[..21], [14_000; 21]);
    let mut origin = Origin::new(settings(2, 10));
    origin.play(300_000, Program { key: 7_000, ..BOTH });
    assert_eq!(origin.list.target_duration_s(), 7);
    assert_eq!(lengths(&origin.finish())[..42], [7_000; 42]);
}

#[test]
fn sound_alone_is_cut_by_time() {
    let segments = five_minutes(SOUND);
    assert!(lengths(&segments)[..29].iter().all(|length| (10_000..10_024).contains(length)));
    assert_eq!(segments.len(), 30);
    assert_eq!(breaks(&segments), 0);
}

#[test]
fn sound_goes_on_being_cut_when_the_picture_stops_and_the_picture_when_it_is_back() {
    let mut origin = Origin::new(Settings::default());
    origin.play(60_000, BOTH);
    origin.play(120_000, SOUND);
    origin.play(120_000, BOTH);
    let segments = origin.finish();
    assert_eq!(breaks(&segments), 0);
    let lengths = lengths(&segments);
    assert!(lengths.iter().all(|length| *length <= 30_023), "{lengths:?}");
    assert!((300_000..300_023).contains(&lengths.iter().sum::<u64>()));
    assert_eq!(lengths[lengths.len() - 5..][..4], [10_000; 4]);
}

#[test]
fn a_clock_that_jumps_forward_and_back_makes_discontinuities_and_no_odd_lengths() {
    let mut origin = Origin::new(settings(2, 10));
    for jump in [3_600_000, -7_200_000, 5_000, -2_000, 90_000_000_000] {
        origin.play(50_000, BOTH);
        origin.time += jump;
    }
    origin.play(50_000, BOTH);
    let segments = origin.finish();
    assert_eq!(breaks(&segments), 5);
    assert!(segments.iter().all(|segment| (900..=2_100).contains(&segment.duration_ms)));
    let total: u64 = lengths(&segments).iter().sum();
    assert!(total.abs_diff(300_000) < 300, "{total}");
}

#[test]
fn a_take_over_goes_on_by_one_behind_a_discontinuity() {
    let mut origin = Origin::new(settings(2, 10));
    for _ in 0..6 {
        origin.play(50_300, BOTH);
        origin.segmenter.begin(FIRST + 90_000, false);
        origin.time = 0;
    }
    let segments = origin.finish();
    assert_eq!(breaks(&segments), 5);
    let last = segments.last().expect("segments");
    assert_eq!(last.sequence, FIRST + u64::try_from(segments.len()).expect("few") - 1);
}

#[test]
fn a_new_epoch_starts_the_list_over_at_its_own_number() {
    let mut origin = Origin::new(settings(2, 10));
    for epoch in 1..=5 {
        origin.play(50_000, BOTH);
        origin.republish(FIRST + epoch * 1_000);
        assert!(!origin.list.ready());
    }
    origin.play(50_000, BOTH);
    let epochs: Vec<u64> = origin
        .segments
        .iter()
        .filter(|segment| segment.discontinuity)
        .map(|segment| segment.sequence)
        .collect();
    assert_eq!(epochs, [1, 2, 3, 4, 5].map(|epoch| FIRST + epoch * 1_000));
    origin.finish();
}

#[test]
fn a_second_clock_far_from_the_first_disturbs_nothing() {
    let mut origin = Origin::new(Settings::default());
    for at in 0..300_000 {
        if at % 40 == 0 {
            origin.unit(Unit { video: true, dts_ms: at, key: at % 2_000 == 0 });
        }
        if at % 23 == 0 {
            origin.unit(Unit { video: false, dts_ms: at - 20_000, key: false });
        }
        origin.now_ms += 1;
    }
    let segments = origin.finish();
    assert_even(&segments);
    assert_eq!(breaks(&segments), 0);
}

#[test]
fn pictures_without_key_frames_are_cut_in_the_end() {
    let lengths = lengths(&five_minutes(Program { key: i64::MAX, ..BOTH }));
    assert!(lengths.iter().all(|length| *length <= 30_040), "{lengths:?}");
}

#[test]
fn a_slide_show_breaks_at_most_once() {
    let segments = five_minutes(Program { picture: Some(5_000), key: 5_000, sound: None });
    assert!(breaks(&segments) <= 1);
    assert_eq!(lengths(&segments).iter().filter(|length| **length == 10_000).count(), 28);
}

#[test]
fn the_first_number_of_an_epoch_counts_quarters_of_a_second() {
    assert_eq!(first_sequence(1_735_689_600_000), 0);
    assert_eq!(first_sequence(1_735_689_601_249), 4);
    assert_eq!(first_sequence(0), 0);
    // 2041-12-31.
    assert!(first_sequence(2_272_060_800_000) <= u64::from(u32::MAX >> 1));
}

#[test]
fn a_later_epoch_is_above_what_the_fastest_origin_made() {
    let began = 1_760_000_000_000;
    let settings = Settings { fragment: Duration::ZERO, ..Settings::default() };
    let mut segmenter = Segmenter::new(settings);
    segmenter.begin(first_sequence(began), true);
    let mut last = 0;
    for at in 0..600_000 {
        let unit = Unit { video: true, dts_ms: at, key: true };
        if segmenter.due(&unit) {
            last = segmenter.cut(Some(&unit)).expect("media").sequence;
        }
        segmenter.push(&unit, |buffer| buffer.extend_from_slice(b"x"));
    }
    assert!(first_sequence(began + 600_000) > last);
}

/// What an origin that has the epoch of `began` (ms since 1970) listed in a minute: each number with its discontinuity
/// sequence. Its media comes ten times faster than time, with a break in each second of it.
fn epoch_of(began: u64) -> Vec<(u64, u64)> {
    let settings = Settings { fragment: Duration::ZERO, ..settings(1, 4) };
    let (mut segmenter, mut list, mut told) = (Segmenter::new(settings), List::new(&settings), Vec::new());
    segmenter.begin(first_sequence(began), true);
    for at in 0..600_000 {
        let now = u64::try_from(at / 10).expect("a time");
        let unit = Unit { video: true, dts_ms: at, key: true };
        segmenter.clock(now);
        if at % 1_000 == 0 {
            segmenter.discontinuity();
        }
        if segmenter.due(&unit) {
            let segment = segmenter.cut(Some(&unit)).expect("media");
            list.add(Entry::new(&segment, String::new()), now);
            let listed: u64 = list.in_window().map(|entry| u64::from(entry.discontinuity)).sum();
            told.push((segment.sequence, list.discontinuity_sequence() + listed));
        }
        segmenter.push(&unit, |buffer| buffer.extend_from_slice(b"x"));
    }
    told
}

#[test]
fn numbers_and_discontinuities_of_a_later_epoch_at_another_origin_are_above_those_of_the_earlier() {
    let began = 1_795_000_000_000;
    let (first, second) = (epoch_of(began), epoch_of(began + 60_000));
    let most =
        |told: &[(u64, u64)]| told.iter().fold((0, 0), |most, now| (most.0.max(now.0), most.1.max(now.1)));
    assert!(first.len() > 200 && first.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    let (number, breaks) = most(&first);
    assert!(
        second.iter().all(|told| told.0 > number && told.1 > breaks),
        "{number} {breaks} {:?}",
        second[0]
    );
}

#[test]
fn settings_without_sense_neither_panic_nor_stop_cutting() {
    for ratio in [f64::NAN, f64::INFINITY, -1.0, 0.0, f64::MAX] {
        for fragment in [Duration::ZERO, Duration::MAX] {
            let settings = Settings {
                fragment,
                window: fragment,
                td_ratio: ratio,
                aof_ratio: ratio,
                most_bytes: 4_000,
                ..Settings::default()
            };
            let mut origin = Origin::new(settings);
            origin.play(60_000, BOTH);
            assert!(origin.finish().len() > 3);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Units { count: u16, picture: u16, sound: u16, key: u8 },
    Jump(i64),
    Announce,
    TakeOver,
    Republish(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let units = (1..400_u16, 0..4_000_u16, 0..300_u16, 1..50_u8)
        .prop_map(|(count, picture, sound, key)| Step::Units { count, picture, sound, key });
    let wild = prop_oneof![any::<i64>(), -10_000..10_000_i64].prop_map(Step::Jump);
    prop_oneof![
        6 => units, 2 => wild, 1 => Just(Step::Announce), 1 => Just(Step::TakeOver),
        1 => (0..100_000_u64).prop_map(Step::Republish),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_stream_makes_lists_that_hold(
        steps in proptest::collection::vec(step(), 1..14), fragment in 0..12_u64, window in 0..40_u64,
        wait_keyframe: bool, most_bytes in prop_oneof![Just(MOST_BYTES), 400..4_000_usize],
    ) {
        let mut origin =
            Origin::new(Settings { wait_keyframe, most_bytes, ..settings(fragment, window) });
        for step in steps {
            match step {
                Step::Units { count, picture, sound, key } => for number in 0..i64::from(count) {
                    let video = sound == 0 || number % 2 == 0;
                    let every = i64::from(if video { picture } else { sound });
                    origin.time = origin.time.saturating_add(every);
                    origin.now_ms += every.unsigned_abs();
                    let key = video && number % i64::from(key) == 0;
                    origin.unit(Unit { video, dts_ms: origin.time, key });
                },
                Step::Jump(by) => origin.time = origin.time.saturating_add(by),
                Step::Announce => origin.segmenter.discontinuity(),
                Step::TakeOver => origin.segmenter.begin(0, false),
                Step::Republish(by) => origin.republish(FIRST + by),
            }
        }
        if most_bytes == MOST_BYTES {
            // All but the last ones of their epochs.
            let last = |segment: &Segment, next: Option<&Segment>| next.is_none_or(|next| {
                next.discontinuity || next.sequence != segment.sequence + 1
            });
            for (at, segment) in origin.segments.iter().enumerate() {
                prop_assert!(segment.duration_ms >= 250 || last(segment, origin.segments.get(at + 1)));
            }
        }
        origin.finish();
    }
}
