use srs_media::Kind;

use super::*;

const AVC_AAC: &[u8] = include_bytes!("../../../ts/fixtures/avc_aac.ts");

fn frames(pieces: impl Iterator<Item = Vec<u8>>) -> (Vec<Frame>, Vec<String>, u64) {
    let (mut transport, mut frames, mut said) = (Transport::default(), Vec::new(), Vec::new());
    for piece in pieces {
        transport.push(&piece, &mut |frame| frames.push(frame), &mut |text| said.push(text.to_owned()));
    }
    let errors = transport.errors();
    transport.flush(&mut |frame| frames.push(frame));
    (frames, said, errors)
}

#[test]
fn what_an_encoder_sends_in_messages_becomes_pictures_and_sound() {
    let (frames, said, errors) = frames(AVC_AAC.chunks(1316).map(<[u8]>::to_vec));
    assert!(frames.iter().any(|frame| frame.kind == Kind::Video));
    assert!(frames.iter().any(|frame| frame.kind == Kind::Audio));
    assert_eq!((said, errors), (Vec::new(), 0));
}

#[test]
fn the_end_gives_out_the_last_picture() {
    let whole = frames(AVC_AAC.chunks(1316).map(<[u8]>::to_vec)).0;
    let mut transport = Transport::default();
    let mut before = 0;
    transport.push(AVC_AAC, &mut |_| before += 1, &mut |_| {});
    assert!(before < whole.len());
}

#[test]
fn a_message_that_is_lost_is_counted_and_the_rest_goes_on() {
    let whole = frames(AVC_AAC.chunks(1316).map(<[u8]>::to_vec)).0.len();
    let pieces = AVC_AAC.chunks(1316).enumerate().filter(|(index, _)| *index != 3);
    let (frames, _, errors) = frames(pieces.map(|(_, piece)| piece.to_vec()));
    assert!(errors > 0 && frames.len() < whole && frames.len() + 8 > whole, "{} of {whole}", frames.len());
}

#[test]
fn what_is_not_carried_is_said_once() {
    // A program with teletext alone, and its table twice.
    let mut pmt = vec![
        0x47, 0x50, 0x00, 0x10, 0x00, 0x02, 0xb0, 0x12, 0x00, 0x01, 0xc1, 0x00, 0x00, 0xe1, 0x00, 0xf0, 0x00,
    ];
    pmt.extend([0x06, 0xe1, 0x00, 0xf0, 0x00]);
    let crc = crc(&pmt[5..]);
    pmt.extend(crc.to_be_bytes());
    pmt.resize(188, 0xff);
    let mut pat = vec![
        0x47, 0x40, 0x00, 0x10, 0x00, 0x00, 0xb0, 0x0d, 0x00, 0x01, 0xc1, 0x00, 0x00, 0x00, 0x01, 0xf0, 0x00,
    ];
    let sum = self::crc(&pat[5..]);
    pat.extend(sum.to_be_bytes());
    pat.resize(188, 0xff);
    let mut again = (pat.clone(), pmt.clone());
    (again.0[3], again.1[3]) = (0x11, 0x11);
    let (_, said, _) = frames([pat, pmt, again.0, again.1].into_iter());
    assert_eq!(said, ["PID 256 of type 0x06 is left out"]);
}

/// ISO/IEC 13818-1, annex A.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            if crc & 0x8000_0000 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 }
        })
    })
}
