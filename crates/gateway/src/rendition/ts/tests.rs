use bytes::Bytes;
use srs_net::http::Body;
use srs_ts::check::Checker;

use super::*;

const AVCC: &[u8] = b"\x17\0\0\0\0\x01\x64\x00\x1f\xff\xe1\x00\x1a\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x01\x10\x00\x00\x03\x00\x10\x00\x00\
\x03\x03\x20\xf1\x83\x19\x60\x01\x00\x06\x68\xeb\xe3\xcb\x22\xc0";
const ASC: &[u8] = b"\xaf\x00\x12\x10";

fn frame(kind: u8, time: i64, body: &[u8]) -> Frame {
    srs_flv::demux(kind, time, Bytes::copy_from_slice(body)).unwrap()
}

fn picture(time: i64, key: bool) -> Frame {
    let head = if key { [0x17, 1, 0, 0, 0] } else { [0x27, 1, 0, 0, 0] };
    let nal: &[u8] = if key { &[0, 0, 0, 3, 0x65, 1, 2] } else { &[0, 0, 0, 3, 0x41, 1, 2] };
    frame(9, time, &[&head[..], nal].concat())
}

fn sound(time: i64) -> Frame {
    frame(8, time, &[&[0xaf, 1][..], &[7; 100]].concat())
}

/// Two seconds with a key frame each, and sound.
fn clip() -> Vec<(Frame, bool)> {
    let mut frames = vec![(frame(9, 0, AVCC), false), (frame(8, 0, ASC), false)];
    for tick in 0..50 {
        frames.push((picture(tick * 40, tick % 25 == 0), tick % 25 == 0));
        frames.push((sound(tick * 40 + 10), false));
    }
    frames
}

fn all(rendition: &mut impl Rendition, frames: &[(Frame, bool)]) -> Bytes {
    let mut out = BytesMut::new();
    for (frame, start) in frames {
        rendition.push(frame, *start, &mut out);
    }
    out.freeze()
}

fn checked(bytes: &[u8]) -> Checker {
    let mut checker = Checker::new();
    checker.packets(bytes).unwrap();
    checker
}

#[test]
fn a_stream_is_whole_and_has_its_tables_first() {
    let out = all(&mut Ts::new(false), &clip());
    let checker = checked(&out);
    assert_eq!(checker.continuity_errors(), 0);
    assert_eq!(checker.streams().count(), 2);
}

#[test]
fn wherever_a_viewer_may_start_the_tables_stand_before_the_key_frame() {
    let (mut ts, mut out, mut starts) = (Ts::new(false), BytesMut::new(), Vec::new());
    for (frame, start) in clip() {
        if start {
            starts.push(out.len());
        }
        ts.push(&frame, start, &mut out);
    }
    for start in starts {
        assert_eq!(checked(&out[start..]).streams().count(), 2, "from {start}");
    }
}

#[test]
fn a_rendition_that_comes_late_knows_the_headers() {
    let headers = Headers {
        configs: vec![frame(9, 0, AVCC), frame(8, 0, ASC)],
        audio: true,
        video: true,
        ..Headers::default()
    };
    let mut ts = Ts::new(false);
    ts.begin(&headers);
    let out = all(&mut ts, &clip()[2..]);
    assert_eq!(checked(&out).streams().count(), 2);
}

#[test]
fn sound_that_appears_later_gets_into_the_tables_at_once() {
    let mut frames = clip();
    let late = frames.remove(1);
    frames.retain(|(frame, _)| frame.kind == Kind::Video || frame.time > 1000);
    let at = frames.iter().position(|(frame, _)| frame.time > 1000).unwrap();
    frames.insert(at, late);
    assert_eq!(checked(&all(&mut Ts::new(false), &frames)).streams().count(), 2);
}

#[test]
fn chunks_hold_the_same_packets() {
    let plain = all(&mut Ts::new(false), &clip());
    let mut chunked = all(&mut Ts::new(true), &clip());
    let mut fields = http::HeaderMap::new();
    fields.insert("transfer-encoding", http::HeaderValue::from_static("chunked"));
    let mut body = Body::of_response(&fields).unwrap();
    let mut joined = BytesMut::new();
    while let Some(piece) = body.read(&mut chunked).unwrap() {
        joined.extend_from_slice(&piece);
    }
    assert_eq!(joined.freeze(), plain);
}

#[test]
fn frames_of_a_codec_without_a_place_are_left_out() {
    let vp9 = Frame { codec: Codec::Vp9, ..picture(0, true) };
    assert!(all(&mut Ts::new(true), &[(vp9, true)]).is_empty());
}

#[test]
fn bare_aac_is_every_frame_with_its_adts_header() {
    let out = all(&mut Sound::new(Codec::Aac, false), &clip());
    let frames: Vec<&[u8]> = out.chunks(107).collect();
    assert_eq!(frames.len(), 50);
    assert!(frames.iter().all(|frame| frame.starts_with(&[0xff, 0xf1]) && frame[7..] == [7; 100]));
}

#[test]
fn bare_mp3_is_every_frame_as_it_is() {
    let mp3 = frame(8, 0, &[0x2f, 0xff, 0xfb, 0x90, 0x64, 1, 2, 3]);
    assert_eq!(
        all(&mut Sound::new(Codec::Mp3, false), &[(mp3, true)]),
        &[0xff, 0xfb, 0x90, 0x64, 1, 2, 3][..]
    );
    assert!(all(&mut Sound::new(Codec::Mp3, false), &clip()).is_empty());
}
