//! Viewers at edges.

use srs_names::envelope::{Purpose, bound};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::*;
use crate::testkit::{cluster, from_edge, rtmp_as, sealed};

/// An edge or an origin that lets plays begin.
struct Door {
    name: &'static str,
    listener: TcpListener,
    address: SocketAddr,
}

impl Door {
    async fn open(name: &'static str) -> Door {
        let (listener, address) = listener().await;
        Door { name, listener, address }
    }

    fn told(&self) -> (&str, SocketAddr) {
        (self.name, self.address)
    }

    async fn play(&self) -> Up {
        let played = timeout(Duration::from_secs(5), Origin::play(&self.listener)).await;
        let Origin { link, writer } = played.expect("nobody came").0;
        let (reader, write, _) = link.split();
        Up { reader, write, writer }
    }

    async fn is_left_alone(&self) -> bool {
        timeout(Duration::from_secs(5), self.listener.accept()).await.is_err()
    }
}

/// A play that a door let begin.
struct Up {
    reader: Reader<server::Session>,
    write: OwnedWriteHalf,
    writer: chunk::Writer,
}

impl Up {
    /// Sends messages.
    async fn push(&mut self, messages: &[Message]) {
        let mut out = BytesMut::new();
        messages.iter().for_each(|message| self.writer.write(message, &mut out));
        self.write.write_all(&out).await.unwrap();
    }

    /// Tells that the stream is over.
    async fn end(&mut self) {
        self.reader.machine.status("status", "NetStream.Play.UnpublishNotify", "the end");
        let told = self.reader.machine.poll_output().unwrap();
        self.write.write_all(&told).await.unwrap();
    }
}

/// Two edges, the one that viewers of `a` go to first, and a relay that knows both and this origin.
async fn two_edges(origin: &Door) -> (Arc<Relay>, Door, Door) {
    let (one, two) = (Door::open("one").await, Door::open("two").await);
    let relay = cluster(&[origin.told()], &[one.told(), two.told()]);
    let first = relay.balancer.edge(&key("a"), &[], relay.now()).unwrap();
    if first.id == id("one") { (relay, one, two) } else { (relay, two, one) }
}

async fn joined(relay: &Arc<Relay>, door: &Door) -> (Link<client::Session>, Up) {
    let (player, up) = tokio::join!(rtmp(relay, "a", client::Role::Play), door.play());
    (player.unwrap(), up)
}

/// The time of the next picture.
async fn picture(player: &mut Link<client::Session>) -> u32 {
    loop {
        match player.next().await.unwrap().expect("the player was let down") {
            client::Event::Message(message) if message.kind == MessageKind::VIDEO => {
                return message.timestamp;
            }
            _ => {}
        }
    }
}

fn key_frame(time: u32, mark: u8) -> Message {
    video(time, &[0x17, 1, 0, 0, 0, mark])
}

fn frame(time: u32) -> Message {
    video(time, &[0x27, 1, 0, 0, 0, 9])
}

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_at_an_edge_stays_there_though_the_stream_is_claimed_at_an_origin() {
    local(async {
        let origin = Door::open("origin").await;
        let (relay, first, _second) = two_edges(&origin).await;
        let (mut player, mut up) = joined(&relay, &first).await;
        relay.balancer.pick_publish(&key("a"), &[], relay.now()).await.unwrap();
        assert!(origin.is_left_alone().await);
        up.push(&[key_frame(7, 1)]).await;
        assert_eq!(picture(&mut player).await, 7);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_an_edge_dies_its_viewer_goes_on_at_another_inside_the_gop() {
    local(async {
        let origin = Door::open("origin").await;
        let (relay, first, second) = two_edges(&origin).await;
        let (mut player, mut up) = joined(&relay, &first).await;
        up.push(&[key_frame(1_000, 1), frame(1_040)]).await;
        assert_eq!((picture(&mut player).await, picture(&mut player).await), (1_000, 1_040));
        drop((first, up));
        let mut up = second.play().await;
        up.push(&[key_frame(0, 1), frame(40), frame(80)]).await;
        assert_eq!(picture(&mut player).await, 1_080);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_the_gop_is_another_the_viewer_goes_on_at_the_next_key_frame_and_time_grows() {
    local(async {
        let origin = Door::open("origin").await;
        let (relay, first, second) = two_edges(&origin).await;
        let (mut player, mut up) = joined(&relay, &first).await;
        up.push(&[key_frame(1_000, 1), frame(1_040)]).await;
        assert_eq!((picture(&mut player).await, picture(&mut player).await), (1_000, 1_040));
        drop((first, up));
        let mut up = second.play().await;
        up.push(&[frame(10), key_frame(50, 2), frame(90)]).await;
        let (next, then) = (picture(&mut player).await, picture(&mut player).await);
        assert!(next > 1_040 && then == next + 40, "{next} {then}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_the_last_edge_dies_its_viewer_goes_on_at_the_origin() {
    local(async {
        let (origin, edge) = (Door::open("origin").await, Door::open("edge").await);
        let relay = cluster(&[origin.told()], &[edge.told()]);
        let (mut player, mut up) = joined(&relay, &edge).await;
        up.push(&[key_frame(1_000, 1)]).await;
        assert_eq!(picture(&mut player).await, 1_000);
        drop((edge, up));
        let mut up = origin.play().await;
        up.push(&[key_frame(0, 1), frame(40)]).await;
        assert_eq!(picture(&mut player).await, 1_040);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_leaves_an_edge_that_drains_for_another() {
    local(async {
        let origin = Door::open("origin").await;
        let (relay, first, second) = two_edges(&origin).await;
        let (mut player, mut up) = joined(&relay, &first).await;
        up.push(&[key_frame(1_000, 1)]).await;
        assert_eq!(picture(&mut player).await, 1_000);
        relay.balancer.drain(&id(first.name), true).unwrap();
        relay.judge(relay.now());
        let mut up = second.play().await;
        up.push(&[key_frame(0, 1), frame(40)]).await;
        assert_eq!(picture(&mut player).await, 1_040);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_stays_at_an_edge_that_drains_where_nobody_else_has_the_stream() {
    local(async {
        let edge = Door::open("edge").await;
        let relay = cluster(&[], &[edge.told()]);
        let (mut player, mut up) = joined(&relay, &edge).await;
        relay.balancer.drain(&id("edge"), true).unwrap();
        relay.judge(relay.now());
        assert!(edge.is_left_alone().await);
        up.push(&[key_frame(7, 1)]).await;
        assert_eq!(picture(&mut player).await, 7);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_leaves_an_edge_that_fell_silent() {
    local(async {
        let (origin, edge) = (Door::open("origin").await, Door::open("edge").await);
        let relay = cluster(&[origin.told()], &[]);
        let [told] = crate::testkit::nodes(&[], &[edge.told()]).try_into().unwrap();
        let beats = srs_balance::Node { permanent: false, interval: Some(Duration::from_secs(1)), ..told };
        relay.balancer.register(beats, relay.now()).unwrap();
        let (_player, _up) = joined(&relay, &edge).await;
        relay.judge(relay.now() + Duration::from_secs(4));
        relay.balancer.dial_failed(&id("edge"), relay.now());
        origin.play().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn edges_that_do_not_answer_are_passed_over_for_an_origin() {
    local(async {
        let origin = Door::open("origin").await;
        let gone = [("e1", nobody().await), ("e2", nobody().await), ("e3", nobody().await)];
        let relay = cluster(&[origin.told()], &gone);
        let (mut player, mut up) = joined(&relay, &origin).await;
        up.push(&[key_frame(7, 1)]).await;
        assert_eq!(picture(&mut player).await, 7);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn that_a_stream_is_nowhere_an_edge_says_for_all() {
    local(async {
        let origin = Door::open("origin").await;
        let (relay, first, second) = two_edges(&origin).await;
        let refuses = async {
            let (stream, _) = first.listener.accept().await.unwrap();
            let (mut link, _) = accept(stream, server::Config::default()).await.unwrap();
            link.machine().reject("NetStream.Play.StreamNotFound", "nowhere");
            link.drain().await.unwrap();
            link
        };
        let (player, _link) = tokio::join!(rtmp(&relay, "a", client::Role::Play), refuses);
        assert!(
            matches!(&player, Err(Error::Refused { description, .. }) if description == "nowhere"),
            "{:?}",
            player.err()
        );
        assert!(origin.is_left_alone().await && second.is_left_alone().await);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_at_an_edge_is_over_though_its_claim_stands_for_a_moment() {
    local(async {
        let origin = Door::open("origin").await;
        let (relay, first, _second) = two_edges(&origin).await;
        let (mut player, mut up) = joined(&relay, &first).await;
        relay.balancer.pick_publish(&key("a"), &[], relay.now()).await.unwrap();
        up.push(&[key_frame(7, 1)]).await;
        up.end().await;
        let (times, codes) = all(&mut player).await;
        assert_eq!((times, codes), (vec![7], vec!["NetStream.Play.UnpublishNotify".to_owned()]));
        assert!(origin.is_left_alone().await);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_lost_an_edge_long_ago_is_not_given_up_when_it_loses_the_next() {
    local(async {
        let late = Door::open("late").await;
        let (first, second) = (Door::open("first").await, Door::open("second").await);
        let relay = cluster(&[], &[first.told()]);
        let (mut player, mut up) = joined(&relay, &first).await;
        up.push(&[key_frame(1_000, 1)]).await;
        assert_eq!(picture(&mut player).await, 1_000);
        let [told] = crate::testkit::nodes(&[], &[second.told()]).try_into().unwrap();
        relay.balancer.register(told, relay.now()).unwrap();
        drop((first, up));
        let mut up = second.play().await;
        up.push(&[key_frame(0, 1), frame(40)]).await;
        assert_eq!(picture(&mut player).await, 1_040);
        tokio::time::sleep(FAILOVER * 2).await;
        drop((second, up));
        // For a while there is nobody.
        tokio::time::sleep(FAILOVER / 2).await;
        relay.balancer.register(crate::testkit::node("late", late.address), relay.now()).unwrap();
        let mut up = late.play().await;
        up.push(&[key_frame(0, 1), frame(40), frame(80)]).await;
        assert_eq!(picture(&mut player).await, 1_080);
    })
    .await;
}

/// An edge's fetch of `a`, and what its door says.
async fn fetched(relay: &Arc<Relay>, door: &Door) -> (Link<client::Session>, Up) {
    let says = |url: &str| {
        let bound = bound::of_rtmp("play", "live", url, "a");
        Some(sealed(&from_edge(Purpose::Pull, bound)))
    };
    let (edge, up) = tokio::join!(rtmp_as(relay, "a", client::Role::Play, says), door.play());
    (edge.unwrap(), up)
}

/// All that is told until the connection is closed: the codes, and whether the stream was called over.
async fn last_words(link: &mut Link<client::Session>) -> (Vec<String>, bool) {
    let (mut codes, mut eof) = (Vec::new(), false);
    while let Ok(Some(event)) = link.next().await {
        match event {
            client::Event::Status { code, .. } => codes.push(code),
            client::Event::StreamEof => eof = true,
            _ => {}
        }
    }
    (codes, eof)
}

#[tokio::test(start_paused = true)]
async fn an_edge_is_not_told_that_a_stream_is_over_which_was_only_not_found_again() {
    local(async {
        let origin = Door::open("origin").await;
        let relay = cluster(&[origin.told()], &[]);
        let (mut edge, mut up) = fetched(&relay, &origin).await;
        up.push(&[key_frame(1_000, 1)]).await;
        assert_eq!(picture(&mut edge).await, 1_000);
        drop((origin, up));
        assert_eq!(last_words(&mut edge).await, (vec![], false));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_edge_is_told_that_a_stream_is_over_when_its_origin_says_so() {
    local(async {
        let origin = Door::open("origin").await;
        let relay = cluster(&[origin.told()], &[]);
        let (mut edge, mut up) = fetched(&relay, &origin).await;
        up.push(&[key_frame(1_000, 1)]).await;
        up.end().await;
        assert_eq!(last_words(&mut edge).await, (vec!["NetStream.Play.UnpublishNotify".to_owned()], true));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_whose_stream_is_not_found_again_is_told_that_it_is_over() {
    local(async {
        let origin = Door::open("origin").await;
        let relay = cluster(&[origin.told()], &[]);
        let (mut player, mut up) = joined(&relay, &origin).await;
        up.push(&[key_frame(1_000, 1)]).await;
        assert_eq!(picture(&mut player).await, 1_000);
        drop((origin, up));
        assert_eq!(last_words(&mut player).await, (vec!["NetStream.Play.UnpublishNotify".to_owned()], true));
    })
    .await;
}
