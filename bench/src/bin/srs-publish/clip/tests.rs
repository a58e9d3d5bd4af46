use super::*;

const CONFIG: &[u8] = &[0x17, 0, 0, 0, 0, 1];
const KEY: &[u8] = &[0x17, 1, 0, 0, 0, 9];
const INTER: &[u8] = &[0x27, 1, 0, 0, 0, 9];
const END: &[u8] = &[0x17, 2, 0, 0, 0];
const SOUND: &[u8] = &[0xaf, 1, 9];

fn file(tags: &[(u8, u32, &[u8])]) -> Bytes {
    let mut out = BytesMut::from(tag::FILE_HEADER.as_slice());
    tags.iter().for_each(|(kind, time, body)| tag::write(*kind, *time, body, &mut out));
    out.freeze()
}

fn metadata() -> BytesMut {
    let mut body = BytesMut::new();
    srs_amf::encode(&"onMetaData".into(), &mut body);
    srs_amf::encode(
        &Value::ecma_array([("duration", Value::from(3.0)), ("width", Value::from(640.0))]),
        &mut body,
    );
    body
}

fn two_frames() -> Clip {
    Clip::parse(file(&[(9, 100, CONFIG), (9, 100, KEY), (9, 140, INTER), (9, 140, END)])).unwrap()
}

fn taken(play: &mut Play<'_>, count: usize) -> Vec<(u64, u32, u8)> {
    let next = |_| {
        let (due, message) = play.next();
        (due, message.timestamp, message.body[0])
    };
    (0..count).map(next).collect()
}

#[test]
fn timestamps_go_on_over_the_end_of_the_file() {
    let clip = two_frames();
    let mut play = clip.play(1000);
    let row: Vec<u64> = taken(&mut play, 7).into_iter().map(|(due, ..)| due).collect();
    assert_eq!(row, [1000, 1000, 1040, 1080, 1120, 1160, 1200]);
    assert_eq!(play.rounds(), 2);
}

#[test]
fn codec_header_is_sent_once_when_it_does_not_change() {
    let clip = two_frames();
    let mut play = clip.play(0);
    let heads = (0..9).filter(|_| play.next().1.body == CONFIG).count();
    assert_eq!(heads, 1);
}

#[test]
fn each_round_begins_with_its_own_codec_header_when_it_changes() {
    let other = &[0x17, 0, 0, 0, 0, 2];
    let clip = Clip::parse(file(&[(9, 0, CONFIG), (9, 0, KEY), (9, 40, other), (9, 40, KEY)])).unwrap();
    let mut play = clip.play(0);
    let bodies: Vec<Bytes> = (0..6).map(|_| play.next().1.body).collect();
    assert_eq!(bodies, [CONFIG, KEY, other.as_slice(), KEY, CONFIG, KEY]);
}

#[test]
fn end_of_sequence_is_left_out() {
    let clip = two_frames();
    let mut play = clip.play(0);
    assert!((0..20).all(|_| play.next().1.body != END));
}

#[test]
fn round_lasts_as_long_as_the_longer_track() {
    let clip =
        Clip::parse(file(&[(9, 0, KEY), (8, 0, SOUND), (8, 30, SOUND), (9, 40, INTER), (8, 60, SOUND)]))
            .unwrap();
    assert_eq!(clip.length, 90);
}

#[test]
fn timestamps_wrap_at_32_bits() {
    let clip = two_frames();
    let mut play = clip.play(u64::from(u32::MAX));
    let row = taken(&mut play, 3);
    assert_eq!(row[2], (u64::from(u32::MAX) + 40, 39, 0x27));
}

#[test]
fn metadata_says_nothing_of_the_file() {
    let clip = Clip::parse(file(&[(18, 0, &metadata()), (9, 0, KEY), (9, 40, INTER)])).unwrap();
    let (_, message) = clip.play(0).next();
    let mut body = message.body.as_ref();
    let values: Vec<Value> = (0..3).map(|_| srs_amf::decode(&mut body).unwrap()).collect();
    assert_eq!(values[..2], ["@setDataFrame".into(), Value::from("onMetaData")]);
    assert_eq!(values[2].fields().unwrap(), [("width".to_owned(), Value::from(640.0))]);
}

#[test]
fn what_cannot_be_published_is_refused() {
    assert!(matches!(Clip::parse(Bytes::from_static(b"MThd 1234 and so on")), Err(Error::Flv(_))));
    assert!(matches!(Clip::parse(file(&[(9, 0, CONFIG)])), Err(Error::Empty)));
    assert!(matches!(Clip::parse(file(&[(9, 7, KEY), (9, 7, INTER)])), Err(Error::NoTime)));
}

#[test]
fn clip_of_the_repository_loops_without_a_gap() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../doc/source.flv");
    let clip = load(&path).unwrap();
    let frames = |kind| clip.frames.iter().filter(|frame| frame.kind == kind).count();
    assert_eq!((frames(MessageKind::VIDEO), frames(MessageKind::AUDIO), clip.length), (400, 750, 16_000));
    assert_eq!(clip.heads.len(), 3);
}
