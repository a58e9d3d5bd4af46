use tokio::io::AsyncWriteExt as _;

use super::*;

#[tokio::test]
async fn the_block_is_used_again_when_its_slices_are_gone() {
    let (mut ours, mut theirs) = tokio::io::duplex(BLOCK);
    let mut places = std::collections::HashSet::new();
    for _ in 0..100 {
        theirs.write_all(&[1; 100_000]).await.unwrap();
        let mut left = 100_000;
        while left > 0 {
            let bytes = read(&mut ours).await.unwrap();
            left -= bytes.len();
            // One block, wherever in it a slice begins.
            places.insert(bytes.as_ptr() as usize);
        }
    }
    let (low, high) = (places.iter().min().unwrap(), places.iter().max().unwrap());
    assert!(high - low < BLOCK, "{} bytes apart", high - low);
}

#[tokio::test]
async fn a_slice_that_is_kept_is_not_written_over() {
    let (mut ours, mut theirs) = tokio::io::duplex(BLOCK);
    let mut kept = Vec::new();
    for byte in 0..20_u8 {
        theirs.write_all(&[byte; 50_000]).await.unwrap();
        let mut left = 50_000;
        while left > 0 {
            let bytes = read(&mut ours).await.unwrap();
            left -= bytes.len();
            kept.push((byte, bytes));
        }
    }
    assert!(kept.iter().all(|(byte, bytes)| bytes.iter().all(|one| one == byte)));
}

#[tokio::test]
async fn the_end_of_the_stream_reads_as_nothing() {
    let (mut ours, theirs) = tokio::io::duplex(10);
    drop(theirs);
    assert!(read(&mut ours).await.unwrap().is_empty());
}

#[test]
fn a_detached_slice_has_memory_of_its_own() {
    let block = Bytes::from(vec![7; 1000]);
    let slice = block.slice(10..20);
    let own = detach(&slice);
    assert_eq!(own, slice);
    assert_ne!(own.as_ptr(), slice.as_ptr());
}
