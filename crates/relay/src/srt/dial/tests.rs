use std::time::Duration;

use srs_names::envelope::SRT_KEY;
use srs_srt::streamid::strip_key;
use tokio::task::LocalSet;

use super::*;
use crate::srt::testkit::{CALLER, Fake, Guest, conclusion, with_srt};
use crate::testkit::{config, key, relay_with};

#[tokio::test]
async fn each_address_of_a_node_hears_words_that_it_has_not_heard_at_another_one() {
    let (mute, lives) = (Fake::bind().await, Fake::bind().await);
    let relay = relay_with([with_srt("o", mute.address, true)], config());
    let said = conclusion(CALLER, 1, "#!::r=live/a,m=publish", None);
    let call =
        Call { conclusion: Handshake::read(&said).unwrap(), local: SocketId(77), came: Instant::now() };
    let wanted = Wanted::read(&relay, &call.conclusion, ([192, 0, 2, 1], 9).into()).unwrap();
    let pick = relay.balancer.pick_publish(&key("a"), &[], relay.now()).await.unwrap();
    let origin = relay.origin(&pick);
    let addresses = vec![mute.address, lives.address];
    let until = Instant::now() + Duration::from_secs(2);
    let called = relay.call_addresses(&wanted, &call, (&pick, &origin), addresses, until);
    let hear = async { (mute.guest().await, lives.welcome().await) };
    let both = async { tokio::join!(called, hear) };
    let (granted, (first, second)) = LocalSet::new().run_until(both).await;
    granted.unwrap();
    let envelope = |guest: &Guest| {
        let heard = guest.handshake().stream_id().unwrap().unwrap();
        strip_key(&heard, SRT_KEY).1.unwrap()
    };
    assert_ne!(envelope(&first), envelope(&second), "a node that remembers what it has opened");
}
