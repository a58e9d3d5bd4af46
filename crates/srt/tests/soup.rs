//! What holds for any bytes holds for random ones, for damaged ones and for the seeds of the fuzz entry points.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod checks;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use srs_srt::Header;

/// The seeds of one entry point.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(paths.len() >= 10, "{paths:?}");
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

#[test]
fn the_corpus_of_handshakes_holds() {
    seeds("srt_handshake").iter().for_each(|seed| checks::handshake(seed));
}

#[test]
fn the_corpus_of_stream_ids_holds() {
    seeds("srt_streamid").iter().for_each(|seed| checks::stream_id(seed));
}

#[test]
fn every_seed_of_a_handshake_may_end_anywhere() {
    for seed in seeds("srt_handshake") {
        (0..seed.len()).for_each(|end| checks::handshake(&seed[..end]));
    }
}

/// A handshake with bytes changed, so that more than a header is read of it.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let seed = proptest::sample::select(seeds("srt_handshake"));
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6);
    (seed, changes).prop_map(|(mut bytes, changes)| {
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_packet_or_none(data in proptest::collection::vec(any::<u8>(), 0..1600)) {
        prop_assert_eq!(Header::read(&data).is_ok(), (16..=1472).contains(&data.len()));
        checks::handshake(&data);
        checks::stream_id(&data);
    }

    #[test]
    fn a_damaged_handshake_is_read_or_refused(data in damaged()) {
        checks::handshake(&data);
    }

    #[test]
    fn any_text_is_a_stream_id_or_none(text in ".{0,200}") {
        checks::stream_id(text.as_bytes());
    }

    #[test]
    fn any_words_of_the_forms_are_a_stream_id_or_none(
        form in "(#!::|%23!::|publish:|read:|)",
        words in "([hrmusx]=?|live/|[a?&;:,/%= ]|publish|h.example|%2[3cC]|srs=|ü){0,24}",
    ) {
        checks::stream_id(format!("{form}{words}").as_bytes());
    }
}
