//! Any bytes at all.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod checks;

use std::path::Path;

use proptest::prelude::*;

/// The seeds of one entry point.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let seeds: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(seeds.len() >= 10);
    seeds
}

#[test]
fn the_corpus_of_packets_holds() {
    seeds("srt_engine").iter().for_each(|seed| checks::engine(seed));
}

#[test]
fn the_corpus_of_handshakes_is_accepted_or_refused() {
    seeds("srt_handshake").iter().for_each(|seed| checks::handshake(seed));
}

/// A packet that might be one: its head says something that is known, its content little or nothing.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::collection::vec(
        prop_oneof![any::<u32>(), 0..64u32, Just(0x7fff_ffff), Just(0x8000_0000)],
        0..20,
    );
    let kind = prop_oneof![0..10u16, Just(0x7fff)];
    let info = prop_oneof![any::<u32>(), 0..64u32];
    let control =
        (kind, 0..9u16, info, any::<u32>(), words.clone()).prop_map(|(kind, subtype, info, time, words)| {
            let head = [0x8000_0000 | u32::from(kind) << 16 | u32::from(subtype), info, time, 0];
            head.iter().chain(&words).flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>()
        });
    let media = (0..64u32, any::<u32>(), any::<u32>(), words).prop_map(|(number, flags, time, words)| {
        let head = [number, flags | 0xc000_0000, time, 0];
        head.iter().chain(&words).flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>()
    });
    prop_oneof![4 => control, 2 => media, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_packets_leave_a_connection_sound(
        secret: bool,
        packets in prop::collection::vec((any::<u8>(), packet()), 0..60),
    ) {
        let mut data = vec![u8::from(secret)];
        for (how, packet) in packets {
            data.extend([how, packet.len() as u8]);
            data.extend(&packet);
        }
        checks::engine(&data);
    }

    #[test]
    fn any_handshake_is_accepted_or_refused(
        words in prop::collection::vec(prop_oneof![any::<u32>(), 0..10u32], 12),
        blocks in prop::collection::vec((0..10u16, 0..30u16, any::<u8>()), 0..4),
        conclusion: bool,
    ) {
        let mut data = vec![0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2];
        data.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        if conclusion {
            data[16..24].copy_from_slice(&[0, 0, 0, 5, 0, 0, 0, 5]);
            data[24] &= 0x7f;
            data[28..32].copy_from_slice(&1500u32.to_be_bytes());
            data[36..40].fill(0xff);
        }
        for (kind, words, byte) in blocks {
            data.extend(kind.to_be_bytes());
            data.extend(words.to_be_bytes());
            data.extend(vec![byte; usize::from(words) * 4]);
        }
        checks::handshake(&data);
    }
}
