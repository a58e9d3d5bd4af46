use super::*;
use proptest::prelude::*;

/// A frame of LC, 44.1 kHz, stereo.
fn adts(payload: &[u8]) -> Vec<u8> {
    let header = aac::adts(&aac::config(&[0x12, 0x10]).unwrap()).unwrap();
    [&aac::with_length(header, payload.len()).unwrap()[..], payload].concat()
}

/// 417 bytes of 128 kbit/s at 44.1 kHz.
fn layer_3(fill: u8) -> Vec<u8> {
    let mut frame = vec![fill; 417];
    frame[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x64]);
    frame
}

fn unit(pts: u64, data: &[u8]) -> Unit<'_> {
    Unit { coding: Coding::Adts, pts, dts: pts, key: true, discontinuity: false, data }
}

/// Time, whether a header came, and the body without its first two bytes.
fn taken(sound: &mut Sound, unit: &Unit<'_>) -> Vec<(u64, bool, Vec<u8>)> {
    let mut found = Vec::new();
    sound
        .take(unit, &mut |piece| found.push((piece.at, piece.config.is_some(), piece.body[2..].to_vec())))
        .unwrap();
    found
}

#[test]
fn the_frames_of_a_unit_follow_each_other() {
    let mut sound = Sound::new(Coding::Adts);
    let three = [adts(&[1; 9]), adts(&[2; 5]), adts(&[3; 7])].concat();
    let found = taken(&mut sound, &unit(90_000, &three));
    assert_eq!(found, [(90_000, true, vec![1; 9]), (92_089, false, vec![2; 5]), (94_179, false, vec![3; 7])]);
    assert_eq!(taken(&mut sound, &unit(96_270, &adts(&[4]))), [(96_270, false, vec![4])]);
}

#[test]
fn a_frame_across_units_has_the_time_at_which_it_begins() {
    let mut sound = Sound::new(Coding::Adts);
    let three = [adts(&[1; 9]), adts(&[2; 30]), adts(&[3; 7])].concat();
    assert_eq!(taken(&mut sound, &unit(90_000, &three[..25])), [(90_000, true, vec![1; 9])]);
    let found = taken(&mut sound, &unit(94_200, &three[25..]));
    assert_eq!(found, [(92_089, false, vec![2; 30]), (94_200, false, vec![3; 7])]);
}

#[test]
fn units_without_a_time_of_their_own_follow_the_one_before() {
    let mut sound = Sound::new(Coding::Adts);
    let times: Vec<u64> = [90_000, 90_000, 90_000, 99_000]
        .iter()
        .flat_map(|&pts| taken(&mut sound, &unit(pts, &adts(&[1; 9]))))
        .map(|piece| piece.0)
        .collect();
    assert_eq!(times, [90_000, 92_089, 94_179, 99_000]);
}

#[test]
fn what_is_left_of_a_frame_is_forgotten_over_a_gap() {
    let mut sound = Sound::new(Coding::Adts);
    let frame = adts(&[1; 100]);
    assert!(taken(&mut sound, &unit(0, &frame[..50])).is_empty());
    let behind = [&[9; 30][..], &adts(&[2; 4])].concat();
    let lost = Unit { discontinuity: true, ..unit(9_000, &behind) };
    assert_eq!(taken(&mut sound, &lost), [(9_000, true, vec![2; 4])]);
}

#[test]
fn what_looks_like_a_header_among_garbage_is_passed_over() {
    let mut sound = Sound::new(Coding::Adts);
    // A header whose frame does not end at another one.
    let false_one = &adts(&[0; 20])[..7];
    let data = [false_one, &adts(&[1; 9]), &adts(&[2; 40])].concat();
    let found: Vec<Vec<u8>> = taken(&mut sound, &unit(0, &data)).into_iter().map(|piece| piece.2).collect();
    assert_eq!(found, [vec![1; 9], vec![2; 40]]);
}

#[test]
fn a_crc_is_left_out() {
    let mut frame = adts(&[0xcc, 0xcc, 1, 2, 3]);
    frame[1] &= 0xfe;
    assert_eq!(taken(&mut Sound::new(Coding::Adts), &unit(0, &frame)), [(0, true, vec![1, 2, 3])]);
}

#[test]
fn another_configuration_is_told() {
    let mut sound = Sound::new(Coding::Adts);
    let mono = |payload: &[u8]| {
        let header = aac::adts(&aac::config(&[0x11, 0x88]).unwrap()).unwrap();
        [&aac::with_length(header, payload.len()).unwrap()[..], payload].concat()
    };
    let data = [adts(&[1; 9]), mono(&[2; 9]), mono(&[3; 9])].concat();
    let found = taken(&mut sound, &unit(0, &data));
    // A frame of 44.1 kHz, then one of 48 kHz.
    let expected = [(0, true, vec![1; 9]), (2_089, true, vec![2; 9]), (4_009, false, vec![3; 9])];
    assert_eq!(found, expected);
}

#[test]
fn mp3_frames_are_told_apart() {
    let mut sound = Sound::new(Coding::MpegAudio);
    let data = [layer_3(1), layer_3(2), layer_3(3)].concat();
    let mut found = Vec::new();
    let unit = Unit { coding: Coding::MpegAudio, ..unit(900, &data[..1_000]) };
    sound.take(&unit, &mut |piece| found.push((piece.at, piece.body.len()))).unwrap();
    let unit = Unit { pts: 900, data: &data[1_000..], ..unit };
    sound.take(&unit, &mut |piece| found.push((piece.at, piece.body.len()))).unwrap();
    assert_eq!(found, [(900, 418), (3_251, 418), (5_602, 418)]);
}

#[test]
fn what_is_not_carried_is_said() {
    let refused = |coding, data: &[u8]| {
        let unit = Unit { coding, ..unit(0, data) };
        Sound::new(coding).take(&unit, &mut |piece| panic!("{piece:?}"))
    };
    let mut layer_2 = vec![0; 576];
    layer_2[..4].copy_from_slice(&[0xff, 0xfd, 0xa4, 0x04]);
    assert_eq!(refused(Coding::MpegAudio, &layer_2), Err(Error::NotCarried("MPEG audio of layer I or II")));
    let mut blocks = adts(&[1; 9]);
    blocks[6] |= 1;
    assert_eq!(refused(Coding::Adts, &blocks), Err(Error::NotCarried("AAC with several blocks in a frame")));
    let mut layout = adts(&[1; 9]);
    (layout[2], layout[3]) = (layout[2] & 0xfe, layout[3] & 0x3f);
    assert_eq!(refused(Coding::Adts, &layout), Err(Error::NotCarried("AAC with a layout of its own")));
    let opus = Coding::Opus { channels: 2 };
    assert_eq!(refused(opus, &[0x7f, 0xe0, 9, 1]), Err(Error::Damaged(Codec::Opus)));
}

#[test]
fn opus_packets_of_a_unit_follow_each_other() {
    let mut data = Vec::new();
    for packet in [&[0xfc, 1][..], &[0xfd, 1, 2], &[0xfc]] {
        opus::put_control(packet.len(), &mut data);
        data.extend(packet);
    }
    let coding = Coding::Opus { channels: 2 };
    let found = taken(&mut Sound::new(coding), &Unit { coding, ..unit(90, &data) });
    // The second holds two frames of 20 ms.
    let times: Vec<_> = found.iter().map(|piece| (piece.0, piece.1)).collect();
    assert_eq!(times, [(90, true), (1_890, false), (5_490, false)]);
}

proptest! {
    #[test]
    fn frames_come_out_however_the_units_are_cut(
        sizes in prop::collection::vec(1usize..600, 1..12),
        cuts in prop::collection::vec(1usize..900, 1..12),
    ) {
        let payloads: Vec<Vec<u8>> = (1u8..).zip(&sizes).map(|(fill, &size)| vec![fill; size]).collect();
        let stream: Vec<u8> = payloads.iter().flat_map(|payload| adts(payload)).collect();
        let (mut sound, mut found, mut rest) = (Sound::new(Coding::Adts), Vec::new(), &stream[..]);
        for &cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            rest = behind;
            found.extend(taken(&mut sound, &unit(0, piece)));
        }
        for (at, (piece, payload)) in (0u64..).zip(found.iter().zip(&payloads)) {
            prop_assert_eq!((piece.0, &piece.2), (at * 1_024 * 90_000 / 44_100, payload));
        }
        prop_assert_eq!(found.len(), payloads.len());
        prop_assert!(sound.held.is_empty());
    }
}
