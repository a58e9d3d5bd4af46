//! A list of which nothing is changed is the same; what was added to its addresses comes out of them again, and out of
//! nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use srs_m3u8::{MOST_RESULT, is_relative, rewrite, with_query, without_query};

fuzz_target!(|data: &[u8]| {
    let mut before = Vec::new();
    let same = rewrite(data, |found| {
        before.push((found.kind, found.uri.to_owned()));
        None
    });
    let Ok(same) = same else { return };
    assert_eq!(same, data);
    let mark = |uri: &str| is_relative(uri).then(|| with_query(uri, "n", "v"));
    let Ok(marked) = rewrite(data, |found| mark(found.uri)) else { return };
    assert!(marked.len() <= MOST_RESULT);
    let mut after = Vec::new();
    // Lines have become longer: one may be too long now, which is an error and not another list.
    let Ok(_) = rewrite(&marked, |found| {
        after.push((found.kind, found.uri.to_owned()));
        None
    }) else {
        return;
    };
    assert_eq!(before.len(), after.len());
    for ((kind, old), (other, new)) in before.iter().zip(&after) {
        assert_eq!((kind, &mark(old).unwrap_or_else(|| old.clone())), (other, new));
        if mark(old).is_some() && !old.contains('#') && !old.ends_with('?') {
            assert_eq!(without_query(new, "n"), (old.clone(), Some("v".to_owned())));
        }
    }
});
