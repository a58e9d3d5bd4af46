//! B02: what strangers cost who announce much and send little.

use srs_tests::clients::raw::{chunk_head, connect_bytes, set_chunk_size};
use srs_tests::{OriginProcess, Player, Publisher, Raw, Source, Target};

const PEERS: u64 = 1_000;

#[tokio::test]
async fn b02_a_thousand_announcements_cost_at_most_64_mib() {
    let origin = OriginProcess::start(env!("CARGO_BIN_EXE_origin-alone"), "memory", None).await;
    let target = Target::live("beside-memory");
    let mut publisher = Publisher::connect(origin.rtmp, &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(95).clip(12)).await;
    let mut player = Player::connect(origin.rtmp, &target).await.expect("playing begins");
    player.frames(3).await;
    let before = origin.memory();
    let mut bytes = connect_bytes().to_vec();
    bytes.extend(set_chunk_size(0x7fff_ffff));
    bytes.extend(chunk_head(3, 20, 0x00ff_ffff));
    bytes.resize(bytes.len() + 15 * 1024, 0);
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let mut raw = Raw::open(origin.rtmp).await;
        raw.send(&bytes).await;
        peers.push(raw);
    }
    // The last of them was read when it is answered.
    peers.last_mut().expect("peers").hears(b"NetConnection.Connect.Success").await;
    let grown = origin.memory().saturating_sub(before);
    assert!(grown <= 64 << 20, "{} KiB for each of {PEERS} peers", grown / 1024 / PEERS);
    let mut late = Player::connect(origin.rtmp, &target).await.expect("others are served");
    late.frames(3).await;
}
