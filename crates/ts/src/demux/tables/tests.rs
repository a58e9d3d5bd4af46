use super::*;
use crate::packet::Marks;

/// A section of a table with its CRC, behind a pointer field.
fn table(table: u8, extension: u16, version: u8, (number, last): (u8, u8), body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 9).unwrap() | 0xb000;
    let fixed = [version << 1 | 0xc1, number, last];
    let bytes = [&[table][..], &length.to_be_bytes(), &extension.to_be_bytes(), &fixed, body].concat();
    [&[0], &bytes[..], &psi::crc(&bytes).to_be_bytes()].concat()
}

fn pat(programs: &[(u16, u16)]) -> Vec<u8> {
    let line = |&(number, pid): &(u16, u16)| [number.to_be_bytes(), (pid | 0xe000).to_be_bytes()].concat();
    table(0, 1, 0, (0, 0), &programs.iter().flat_map(line).collect::<Vec<u8>>())
}

fn line(kind: u8, pid: u16, descriptors: &[u8]) -> Vec<u8> {
    let length = u16::try_from(descriptors.len()).unwrap() | 0xf000;
    [&[kind][..], &(pid | 0xe000).to_be_bytes(), &length.to_be_bytes(), descriptors].concat()
}

fn pmt(number: u16, streams: &[(u8, u16)]) -> Vec<u8> {
    let lines = streams.iter().flat_map(|&(kind, pid)| line(kind, pid, &[]));
    table(2, number, 0, (0, 0), &[0xff, 0xff, 0xf0, 0].into_iter().chain(lines).collect::<Vec<u8>>())
}

#[derive(Default)]
struct Test {
    tables: Tables,
    errors: Errors,
    counters: BTreeMap<u16, u8>,
}

impl Test {
    fn take(&mut self, pid: u16, payload: &[u8]) -> Vec<News> {
        let counter = self.counters.entry(pid).or_default();
        *counter = (*counter + 1) & 0x0f;
        let marks = Marks::default();
        let packet = Packet { pid, start: true, counter: *counter, marks, payload: Some(payload) };
        self.tables.take(&packet, &mut self.errors)
    }
}

fn streams(video: Option<(Codec, u16)>, audio: Option<(Codec, u16)>) -> News {
    News::Streams(Streams { video, audio })
}

const H264: Option<(Codec, u16)> = Some((Codec::H264, 0x100));
const AAC: Option<(Codec, u16)> = Some((Codec::Aac, 0x101));
const BOTH: &[(u8, u16)] = &[(0x1b, 0x100), (0x0f, 0x101)];

#[test]
fn a_program_is_found_and_its_repeats_are_no_news() {
    let mut test = Test::default();
    assert_eq!(test.take(0, &pat(&[(0, 0x10), (1, 0x1000)])), []);
    assert_eq!(test.take(0x1000, &pmt(1, BOTH)), [streams(H264, AAC)]);
    assert_eq!(test.take(0, &pat(&[(0, 0x10), (1, 0x1000)])), []);
    assert_eq!(test.take(0x1000, &pmt(1, BOTH)), []);
    assert_eq!(test.errors, Errors::default());
}

#[test]
fn the_first_program_with_something_to_carry_is_taken() {
    let mut test = Test::default();
    test.take(0, &pat(&[(1, 0x1000), (2, 0x1001), (3, 0x1002)]));
    let unsupported = News::Unsupported { pid: 0x90, stream_type: 0x02 };
    assert_eq!(test.take(0x1000, &pmt(1, &[(0x02, 0x90)])), [unsupported]);
    assert_eq!(test.take(0x1000, &pmt(1, &[(0x02, 0x90)])), [], "said once");
    let others = [1, 3].map(|number| News::OtherProgram { number });
    assert_eq!(test.take(0x1001, &pmt(2, BOTH)), [streams(H264, AAC), others[0], others[1]]);
    assert!(!test.tables.has(0x1000) && !test.tables.has(0x1002));
}

#[test]
fn when_the_program_goes_the_next_is_taken() {
    let mut test = Test::default();
    test.take(0, &pat(&[(1, 0x1000), (2, 0x1001)]));
    test.take(0x1000, &pmt(1, BOTH));
    assert_eq!(test.take(0, &pat(&[(2, 0x1001)])), [streams(None, None)]);
    assert_eq!(test.take(0x1001, &pmt(2, &[(0x24, 0x200)])), [streams(Some((Codec::Hevc, 0x200)), None)]);
    // And where its streams go.
    test.take(0, &pat(&[(2, 0x1001), (1, 0x1000)]));
    assert_eq!(test.take(0x1001, &pmt(2, &[])), [streams(None, None)]);
    assert_eq!(test.take(0x1000, &pmt(1, BOTH))[0], streams(H264, AAC));
}

#[test]
fn the_table_of_a_program_may_move() {
    let mut test = Test::default();
    test.take(0, &pat(&[(1, 0x1000)]));
    test.take(0x1000, &pmt(1, BOTH));
    assert_eq!(test.take(0, &pat(&[(1, 0x1fff), (1, 0x30)])), [], "no such PID is listened to");
    assert_eq!(test.take(0x30, &pmt(1, &[(0x1b, 0x300)])), [streams(Some((Codec::H264, 0x300)), None)]);
    assert!(test.tables.has(0x30) && !test.tables.has(0x1000));
}

#[test]
fn programs_may_share_the_pid_of_their_tables() {
    let mut test = Test::default();
    test.take(0, &pat(&[(1, 0x1000), (2, 0x1000)]));
    assert_eq!(test.take(0x1000, &pmt(2, BOTH))[0], streams(H264, AAC));
    assert_eq!(test.take(0x1000, &pmt(1, &[(0x24, 0x200)])), []);
}

#[test]
fn a_pat_of_several_sections_counts_when_it_is_whole() {
    let entry = |number: u8| [0, number, 0xf0, number];
    let mut test = Test::default();
    test.take(0, &table(0, 1, 3, (1, 1), &entry(2)));
    assert!(!test.tables.has(0x1002));
    test.take(0, &table(0, 1, 4, (0, 1), &entry(1)));
    assert!(!test.tables.has(0x1002), "of different versions");
    test.take(0, &table(0, 1, 4, (1, 1), &entry(2)));
    assert!(test.tables.has(0x1001) && test.tables.has(0x1002));
    assert_eq!(test.tables.programs, [(1, 0x1001), (2, 0x1002)]);
}

#[test]
fn of_several_sounds_the_first_is_taken_and_kept() {
    let mut test = Test::default();
    test.take(0, &pat(&[(1, 0x1000)]));
    let found = test.take(0x1000, &pmt(1, &[(0x81, 0x90), (0x0f, 0x101), (0x03, 0x102), (0x1b, 0x100)]));
    assert_eq!(found, [News::Unsupported { pid: 0x90, stream_type: 0x81 }, streams(H264, AAC)]);
    assert_eq!(test.take(0x1000, &pmt(1, &[(0x03, 0x102), (0x1b, 0x200), (0x1b, 0x100), (0x0f, 0x101)])), []);
    let mp3 = Some((Codec::Mp3, 0x102));
    assert_eq!(test.take(0x1000, &pmt(1, &[(0x03, 0x102), (0x1b, 0x100)])), [streams(H264, mp3)]);
}

#[test]
fn opus_is_known_by_its_descriptors() {
    let opus = |descriptors: &[u8]| codec(&psi::Stream { kind: 6, pid: 0x101, descriptors });
    let registration = [5, 4, b'O', b'p', b'u', b's'];
    assert_eq!(opus(&registration), Some(Codec::Opus { channels: 2 }));
    assert_eq!(opus(&[&registration[..], &[0x7f, 2, 0x80, 6]].concat()), Some(Codec::Opus { channels: 6 }));
    assert_eq!(opus(&[&registration[..], &[0x7f, 2, 0x80, 0x82]].concat()), None);
    assert_eq!((opus(&[0x7f, 2, 0x80, 2]), opus(&[5, 4, b'H', b'E', b'V', b'C'])), (None, None));
}

#[test]
fn damaged_tables_and_those_of_the_future_change_nothing() {
    let mut test = Test::default();
    let mut damaged = pat(&[(1, 0x1000)]);
    damaged[9] ^= 1;
    test.take(0, &damaged);
    assert_eq!((test.tables.programs.len(), test.errors.tables), (0, 1));
    test.take(0, &pat(&[(1, 0x1000)]));
    let future = pmt(1, BOTH);
    let mut bytes = future[1..future.len() - 4].to_vec();
    bytes[5] &= 0xfe;
    let future = [&[0], &bytes[..], &psi::crc(&bytes).to_be_bytes()].concat();
    assert_eq!(test.take(0x1000, &future), []);
    let private = table(0xc0, 1, 0, (0, 0), &[1, 2, 3]);
    assert_eq!((test.take(0x1000, &private), test.errors.tables), (vec![], 1));
}

#[test]
fn what_is_told_is_bounded() {
    let mut test = Test::default();
    test.take(0, &pat(&[(1, 0x1000)]));
    let mut told = 0;
    for pid in 0x100..0x200 {
        told += test.take(0x1000, &pmt(1, &[(0x80, pid)])).len();
    }
    assert_eq!(told, MOST_TOLD);
    let many: Vec<(u16, u16)> = (1..=200).map(|number| (number, 0x100 + number)).collect();
    test.take(0, &pat(&many));
    assert_eq!(test.tables.pmts.len(), MOST_PROGRAMS);
}
