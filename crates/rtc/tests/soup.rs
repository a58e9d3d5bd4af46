//! What holds for any bytes holds for random ones, for damaged ones and for the seeds of the fuzz entry points.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod checks;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

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
fn the_corpus_of_messages_holds() {
    seeds("rtc_stun").iter().for_each(|seed| checks::stun(seed));
}

#[test]
fn the_corpus_of_descriptions_holds() {
    seeds("rtc_sdp").iter().for_each(|seed| checks::sdp(seed));
}

#[test]
fn every_seed_may_end_anywhere() {
    for seed in seeds("rtc_stun") {
        (0..seed.len()).for_each(|end| checks::stun(&seed[..end]));
    }
    for seed in seeds("rtc_sdp") {
        (0..seed.len()).step_by(101).for_each(|end| checks::sdp(&seed[..end]));
    }
}

/// A seed with bytes changed, so that more than its beginning is read of it.
fn damaged(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let seed = proptest::sample::select(seeds(target));
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6);
    (seed, changes).prop_map(|(mut bytes, changes)| {
        for (at, byte) in changes {
            let at = at.index(bytes.len().max(1));
            bytes.get_mut(at).into_iter().for_each(|place| *place = byte);
        }
        bytes
    })
}

proptest! {
    #[test]
    fn damaged_messages_hold(bytes in damaged("rtc_stun")) {
        checks::stun(&bytes);
    }

    #[test]
    fn damaged_descriptions_hold(bytes in damaged("rtc_sdp")) {
        checks::sdp(&bytes);
    }

    #[test]
    fn any_bytes_hold(bytes in proptest::collection::vec(any::<u8>(), 0..2100)) {
        checks::stun(&bytes);
        checks::sdp(&bytes);
    }
}
