use bytes::BytesMut;
use srs_hub::{Headers, Opener};
use srs_media::Frame;
use tokio::io::AsyncReadExt as _;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::Vhost;
use crate::rendition;
use crate::testkit::{Player, begin, gateway, get, key, publisher};

/// A hang is a failure.
const HANG: Duration = Duration::from_secs(20);

/// A format that breaks whoever opens it.
struct Broken;

impl Opener for Broken {
    fn head(&self, _: &Headers, _: i64, _: bool, _: &mut BytesMut) {
        panic!("on purpose");
    }
}

impl Rendition for Broken {
    fn opener(&self) -> Arc<dyn Opener> {
        Arc::new(Broken)
    }

    fn push(&mut self, frame: &Frame, _start: bool, out: &mut BytesMut) {
        out.extend_from_slice(&frame.wire);
    }
}

#[tokio::test]
async fn a_panic_in_a_fan_closes_its_viewers_and_the_next_one_is_served() {
    LocalSet::new()
        .run_until(async {
            let vhost = Vhost { min_latency: true, ..Vhost::default() };
            let gateway = gateway(vhost.clone());
            let publisher = publisher(&gateway, "a");
            let fan = of_shard(&gateway.hub, &key("a"), rendition::FLV_CHUNKED, Pace::of(&vhost), || {
                Box::new(Broken)
            });
            let mut seated = Vec::new();
            for _ in 0..2 {
                // Its head has come, so it sits in the fan.
                seated.push(Player::of(get(&gateway, "/live/a.flv", "1.1").await).await);
            }
            drop(fan);
            begin(&publisher);
            for mut player in seated {
                let mut rest = Vec::new();
                let closed = timeout(HANG, player.stream.read_to_end(&mut rest)).await.expect("closed");
                assert_eq!(closed.unwrap_or(0), 0, "no end of a body: it broke off");
            }
            let mut next = Player::get(&gateway, "a").await;
            assert_eq!(next.tag().await.unwrap().1[..], [0x17, 0, 0, 0, 0, 1]);
        })
        .await;
}

#[tokio::test]
async fn a_fan_that_broke_takes_no_new_viewers() {
    LocalSet::new()
        .run_until(async {
            let vhost = Vhost { min_latency: true, ..Vhost::default() };
            let gateway = gateway(vhost.clone());
            let publisher = publisher(&gateway, "a");
            let make = || Box::new(Broken) as Box<dyn Rendition>;
            let of = || of_shard(&gateway.hub, &key("a"), rendition::FLV_CHUNKED, Pace::of(&vhost), make);
            let broken = of();
            assert!(Rc::ptr_eq(&broken, &of()));
            let player = Player::of(get(&gateway, "/live/a.flv", "1.1").await).await;
            begin(&publisher);
            let another = async {
                while Rc::ptr_eq(&broken, &of()) {
                    tokio::task::yield_now().await;
                }
            };
            timeout(HANG, another).await.expect("another fan");
            drop(player);
        })
        .await;
}
