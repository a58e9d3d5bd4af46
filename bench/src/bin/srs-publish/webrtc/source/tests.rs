use std::path::Path;

use super::*;

/// The clip of the demo: 25 pictures a second, AAC.
fn clip() -> Clip {
    crate::clip::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../doc/source.flv"))).unwrap()
}

/// What goes out in so many milliseconds.
fn sent(clip: &Clip, until: u64) -> Vec<Packet> {
    let (mut source, mut play) = (Source::new(Instant::now()), clip.play(0));
    let mut packets = Vec::new();
    loop {
        let (due, message) = play.next();
        if due >= until {
            return packets;
        }
        packets.extend(source.packets(due, message).unwrap());
    }
}

fn times(packets: &[Packet], codec: Codec) -> Vec<u32> {
    let mut times: Vec<u32> =
        packets.iter().filter(|packet| packet.codec == codec).map(|packet| packet.time).collect();
    times.dedup();
    times
}

#[test]
fn aac_is_offered_as_opus() {
    assert_eq!(Source::codecs(&clip()).unwrap(), [Codec::H264, Codec::Opus]);
}

#[test]
fn every_picture_goes_out_with_its_time_and_one_end() {
    let packets = sent(&clip(), 2000);
    let times = times(&packets, Codec::H264);
    assert_eq!(times.len(), 50);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 3600), "{times:?}");
    let ends = packets.iter().filter(|packet| packet.codec == Codec::H264 && packet.marker).count();
    assert_eq!(ends, 50);
}

#[test]
fn opus_goes_on_over_the_end_of_the_file_without_a_gap() {
    // The file has 16 s.
    let times = times(&sent(&clip(), 20_000), Codec::Opus);
    assert!((995..=1000).contains(&times.len()), "{}", times.len());
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 960), "{times:?}");
}

#[test]
fn file_of_what_webrtc_does_not_carry_is_refused() {
    let mut file = BytesMut::from(srs_rtmp::tag::FILE_HEADER.as_slice());
    // MP3 has no header.
    srs_rtmp::tag::write(8, 0, &[0x2f, 1], &mut file);
    srs_rtmp::tag::write(8, 26, &[0x2f, 1], &mut file);
    let clip = Clip::parse(file.freeze()).unwrap();
    assert!(Source::codecs(&clip).unwrap_err().to_string().contains("no codec"));
}
