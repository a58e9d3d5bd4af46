use bytes::Bytes;

use super::*;

const WATCHED: Duration = Duration::from_secs(3);
/// Packets of H.264: parameter sets, the begin of an IDR picture's part, of another's.
const SETS: &[u8] = &[24, 0, 1, 0x67];
const KEY: &[u8] = &[28, 0x85, 1];
const INTER: &[u8] = &[0x41, 1];

fn packet(codec: Codec, sequence: u64, ms: u32, payload: &'static [u8]) -> Received {
    let time = ms.wrapping_mul(if codec == Codec::Opus { 48 } else { 90 });
    Received { codec, time, sequence, marker: true, payload: Bytes::from_static(payload) }
}

fn seen(packets: &[Received]) -> Seen {
    let mut seen = Seen::default();
    packets.iter().for_each(|packet| seen.take(packet, Duration::from_millis(12)));
    seen
}

/// Three seconds of picture and sound.
fn whole() -> Vec<Received> {
    vec![
        packet(Codec::H264, 7, 100, SETS),
        packet(Codec::Opus, 70, 100, &[1]),
        packet(Codec::H264, 8, 100, KEY),
        packet(Codec::H264, 9, 1500, INTER),
        packet(Codec::H264, 10, 3100, KEY),
        packet(Codec::Opus, 71, 3100, &[1]),
    ]
}

#[test]
fn steady_stream_from_a_key_frame_is_fine() {
    let said = seen(&whole()).verdict(WATCHED).unwrap();
    assert_eq!(
        said,
        "4 frames (2 key) of H.264 in 4 packets and 2 of Opus, 3.0 s of media, 0 KB, no packet lost, first packet after 12 ms"
    );
}

#[test]
fn packet_that_never_came_is_told() {
    let mut packets = whole();
    packets.remove(3);
    assert_eq!(seen(&packets).missing(), 1);
    assert!(seen(&packets).verdict(WATCHED).unwrap_err().contains("1 packets are missing"));
}

#[test]
fn packet_that_came_late_is_not_missing() {
    let mut packets = whole();
    packets.swap(3, 4);
    seen(&packets).verdict(WATCHED).unwrap();
}

#[test]
fn want_of_picture_or_sound_is_told() {
    for (missing, said) in [(Track::Video, "no picture"), (Track::Audio, "no sound")] {
        let mut packets = whole();
        packets.retain(|packet| packet.codec.track() != missing);
        assert!(seen(&packets).verdict(WATCHED).unwrap_err().contains(said), "{said}");
    }
    assert_eq!(Seen::default().verdict(WATCHED), Err("nothing came".to_owned()));
}

#[test]
fn picture_before_the_first_key_frame_is_told() {
    let mut packets = whole();
    packets.insert(0, packet(Codec::H264, 6, 60, INTER));
    assert!(seen(&packets).verdict(WATCHED).unwrap_err().contains("key frame"));
}

#[test]
fn stream_that_stops_is_told() {
    let said = seen(&whole()).verdict(Duration::from_secs(30));
    assert_eq!(said, Err("3.0 s of media in 30.0 s".to_owned()));
}

#[test]
fn rtp_times_may_wrap() {
    let early = (u32::MAX / 90) - 1000;
    let mut packets = whole();
    for packet in &mut packets {
        let each = if packet.codec == Codec::Opus { 48 } else { 90 };
        packet.time = packet.time.wrapping_add(early.wrapping_mul(each));
    }
    seen(&packets).verdict(WATCHED).unwrap();
}
