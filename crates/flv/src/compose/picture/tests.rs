use super::*;

/// x264, 1278x718 High.
const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbe, 0xab, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00,
    0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x83, 0x19, 0x60,
];
/// Of numbers 0, 0 and 1.
const PPS: &[u8] = &[0x68, 0xeb, 0xe3];
const OTHER_PPS: &[u8] = &[0x68, 0xee, 0xe3];
const SECOND_PPS: &[u8] = &[0x68, 0x5b, 0xe3];
const AUD: &[u8] = &[0x09, 0xf0];
const SEI: &[u8] = &[0x06, 4, 1];
const FILLER: &[u8] = &[0x0c, 0xff, 0xff, 0x80];
const IDR: &[u8] = &[0x65, 0x88, 3];
const SLICE: &[u8] = &[0x41, 0x9a, 5];

fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
}

fn lengths(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&[0, 0, 0, nal.len() as u8], *nal].concat()).collect()
}

fn taken(picture: &mut Picture, nals: &[&[u8]]) -> Option<(bool, bool, Vec<u8>)> {
    let made = picture.take(&annex_b(nals), false)?;
    Some((made.config.is_some(), made.key, made.nals.to_vec()))
}

fn begun() -> Picture {
    let mut picture = Picture::new(Codec::H264);
    assert!(taken(&mut picture, &[AUD, SPS, PPS, IDR]).is_some());
    picture
}

#[test]
fn nothing_comes_before_a_key_picture_with_its_sets() {
    let mut picture = Picture::new(Codec::H264);
    assert_eq!(taken(&mut picture, &[SLICE]), None);
    assert_eq!(taken(&mut picture, &[IDR]), None, "no sets");
    assert_eq!(taken(&mut picture, &[SPS]), None);
    assert_eq!(taken(&mut picture, &[PPS, SLICE]), None, "no key picture");
    assert_eq!(taken(&mut picture, &[IDR]), Some((true, true, lengths(&[IDR]))));
    assert_eq!(taken(&mut picture, &[SLICE]), Some((false, false, lengths(&[SLICE]))));
}

#[test]
fn delimiters_filler_and_sets_are_taken_out() {
    let mut picture = Picture::new(Codec::H264);
    let made = taken(&mut picture, &[AUD, SPS, PPS, SEI, IDR, IDR, FILLER]);
    assert_eq!(made, Some((true, true, lengths(&[SEI, IDR, IDR]))));
    assert_eq!(taken(&mut picture, &[AUD, SEI]), None, "no picture");
}

#[test]
fn sets_that_are_repeated_are_no_news_and_others_are() {
    let mut picture = begun();
    let news = |picture: &mut Picture, nals: &[&[u8]]| taken(picture, nals).unwrap().0;
    assert!(!news(&mut picture, &[SPS, PPS, IDR]));
    assert!(!news(&mut picture, &[PPS, SLICE]));
    assert!(!news(&mut picture, &[SPS, SPS, PPS, PPS, IDR]), "in each field");
    assert!(news(&mut picture, &[OTHER_PPS, SLICE]), "one of the same number replaces it");
    assert_eq!(picture.sets.pps, [OTHER_PPS]);
    assert!(news(&mut picture, &[SECOND_PPS, SLICE]), "one of another comes beside it");
    assert_eq!(picture.sets.pps, [OTHER_PPS, SECOND_PPS]);
    assert!(news(&mut picture, &[SPS, PPS, IDR]), "with an SPS all are new");
    assert_eq!(picture.sets.pps, [PPS]);
}

#[test]
fn sets_that_cannot_be_read_change_nothing() {
    let mut picture = begun();
    let known = picture.sets.clone();
    assert_eq!(taken(&mut picture, &[&[0x67, 0x64], PPS, IDR]), Some((false, true, lengths(&[IDR]))));
    let long = [&[0x68, 0xeb][..], &[7; ParameterSets::MAX]].concat();
    assert_eq!(taken(&mut picture, &[&long, SLICE]), Some((false, false, lengths(&[SLICE]))));
    assert_eq!(picture.sets, known);
}

#[test]
fn pictures_that_are_refreshed_piece_by_piece_begin_where_the_stream_says() {
    let mut picture = Picture::new(Codec::H264);
    let unit = annex_b(&[AUD, SPS, PPS, SEI, SLICE]);
    assert_eq!(picture.take(&unit, false), None);
    assert!(picture.take(&unit, true).unwrap().key);
    assert!(
        !picture.take(&annex_b(&[SLICE]), true).unwrap().key,
        "without sets it is the stream's word alone"
    );
}

#[test]
fn hevc_is_taken_apart_alike() {
    let vps = &[0x40, 0x01, 0x0c, 0x01][..];
    let sps = &[
        0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,
        0x1e, 0xa0, 0x20, 0x81, 0x05, 0x96, 0x56, 0x49, 0x24, 0xca, 0xf0, 0x16, 0x80, 0x80, 0x00, 0x00, 0x03,
        0x00, 0x80, 0x00, 0x00, 0x0c, 0x84, 0x22,
    ][..];
    let pps = &[0x44, 0x01, 0xc1, 0x71, 0xa1, 0x12][..];
    let (aud, filler) = (&[0x46, 1, 0x50][..], &[0x4c, 1, 0xff][..]);
    let (cra, inter) = (&[0x2a, 1, 0xaf][..], &[0x02, 1, 0xd0][..]);
    let mut picture = Picture::new(Codec::Hevc);
    assert_eq!(taken(&mut picture, &[aud, sps, pps, cra]), None, "no VPS");
    let made = taken(&mut picture, &[aud, vps, sps, pps, cra, filler]);
    assert_eq!(made, Some((true, true, lengths(&[cra]))));
    assert_eq!(taken(&mut picture, &[inter]), Some((false, false, lengths(&[inter]))));
}

#[test]
fn a_unit_of_nothing_but_sets_costs_no_more_than_another() {
    // 4 MiB of them, each different.
    let sets = (0_u32..500_000).flat_map(|number| {
        let [_, a, b, c] = number.to_be_bytes();
        [0, 0, 1, 0x67, a | 0x80, b | 0x80, c | 0x80, 0x80]
    });
    let unit: Vec<u8> = sets.collect();
    let began = std::time::Instant::now();
    assert_eq!(Picture::new(Codec::H264).take(&unit, true), None);
    // Compared with each other they would take minutes.
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
}
