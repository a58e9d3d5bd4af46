use std::future::{Future as _, poll_fn};
use std::task::Poll;
use std::time::Duration;

use srs_hub::Finish;
use srs_names::Inventory as _;
use srs_names::envelope::{Purpose, Seal};
use srs_net::limits;
use tokio::io::AsyncReadExt as _;
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::live::LAST_CHUNK;
use super::*;
use crate::Vhost;
use crate::config::Play;
use crate::fan::{self, Ending, Joining, News, Pace, Seat};
use crate::rendition;
use crate::testkit::{
    Player, begin, envelope, gateway, get, get_with, inter, key, pair, publisher, to_get, video,
};

async fn text(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn a_player_gets_headers_and_the_open_gop_in_chunks() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            inter(&publisher, 40, 10);
            let mut player = Player::get(&gateway, "a").await;
            assert_eq!(player.response.status, 200);
            assert_eq!(player.response.headers["content-type"], "video/x-flv");
            assert_eq!(player.response.headers["access-control-allow-origin"], "*");
            assert_eq!(player.tag().await.unwrap().1[..], [0x17, 0, 0, 0, 0, 1]);
            assert_eq!(player.tag().await.unwrap().1[..2], [0x17, 1]);
            assert_eq!(player.tag().await.unwrap().0, 40);
            inter(&publisher, 80, 10);
            assert_eq!(player.tag().await.unwrap().0, 80);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_old_client_gets_flv_without_chunks() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let mut player = Player::of(get(&gateway, "/live/a.flv", "1.0").await).await;
            assert!(!player.response.headers.contains_key("transfer-encoding"));
            inter(&publisher, 40, 10);
            publisher.finish(Finish::Clean);
            assert_eq!(player.rest().await, [0, 0, 40]);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_live_is_404_after_three_seconds() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let began = Instant::now();
            let player = Player::get(&gateway, "none").await;
            assert_eq!(player.response.status, 404);
            assert_eq!(began.elapsed().as_secs(), 3);
            assert!(gateway.clients().is_empty());
            assert_eq!(gateway.hub.phase(&key("none")), None);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_that_is_a_little_early_plays() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let stream = get(&gateway, "/live/a.flv", "1.1").await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let mut player = Player::of(stream).await;
            assert_eq!(player.response.status, 200);
            assert!(player.tag().await.is_some());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_body_ends_behind_the_last_frame() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let mut player = Player::get(&gateway, "a").await;
            (1..20).for_each(|count| inter(&publisher, count * 40, 10));
            publisher.finish(Finish::Clean);
            assert_eq!(player.rest().await.len(), 21);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_without_a_picture_is_let_go_when_the_stream_ends() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            let mut player = Player::get(&gateway, "a").await;
            inter(&publisher, 0, 10);
            publisher.finish(Finish::Clean);
            assert!(player.rest().await.is_empty());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_kicked_players_body_ends_and_does_not_break_off() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let player = Player::get(&gateway, "a").await;
            let clients = gateway.clients();
            assert_eq!((clients.len(), clients[0].kind.as_str()), (1, "flv-play"));
            assert!(gateway.kick(&clients[0].id));
            let mut stream = player.stream;
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            assert!(rest.ends_with(LAST_CHUNK));
            assert!(gateway.clients().is_empty());
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_that_is_kicked_before_its_stream_is_live_is_answered() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let player = get(&gateway, "/live/a.flv", "1.1").await;
            while gateway.clients().is_empty() {
                tokio::task::yield_now().await;
            }
            assert!(gateway.kick(&gateway.clients()[0].id));
            let answer = text(player).await;
            assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("by an operator"), "{answer}");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_a_node_asks_for_is_listed_by_its_own_address() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let foreign = Seal::new(b"another secret").sign(&envelope(Purpose::Relay), 0, 1);
            for (line, ip) in [
                (to_get(&envelope(Purpose::Relay), "/live/a.flv"), "203.0.113.7"),
                (to_get(&envelope(Purpose::Relay), "/live/b.flv"), "127.0.0.1"),
                (to_get(&envelope(Purpose::Push), "/live/a.flv"), "127.0.0.1"),
                (foreign, "127.0.0.1"),
            ] {
                let more = format!("X-Srs-Node: {line}\r\n");
                let player = Player::of(get_with(&gateway, "/live/a.flv", "1.1", &more).await).await;
                assert_eq!(player.response.status, 200);
                assert_eq!(gateway.clients()[0].ip, ip, "{line}");
                drop(player);
                while !gateway.clients().is_empty() {
                    tokio::task::yield_now().await;
                }
            }
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_blocked_player_holds_up_nobody_and_is_closed_after_ten_seconds() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let stuck = Player::get(&gateway, "a").await;
            let mut player = Player::get(&gateway, "a").await;
            let began = Instant::now();
            let mut seen = 0;
            let mut left = None;
            for count in 1..2000_i64 {
                if count % 25 == 0 {
                    video(&publisher, count * 40, &[0x17, 1, 0, 0, 0, 0]);
                }
                inter(&publisher, count * 40, 4000);
                tokio::time::sleep(Duration::from_millis(40)).await;
                while let Some((time, _)) = next_now(&mut player).await {
                    seen = seen.max(time);
                }
                assert!(i64::from(seen) >= count * 40 - 1000, "the other player is at {seen}");
                if gateway.clients().len() == 1 {
                    left = Some(began.elapsed());
                    break;
                }
            }
            // The kernel takes some bytes at first, and at times a few more.
            let left = left.expect("the stuck player stays");
            assert!((10..60).contains(&left.as_secs()), "{left:?}");
            drop(stuck);
        })
        .await;
}

/// A tag that comes without waiting.
async fn next_now(player: &mut Player) -> Option<(u32, Bytes)> {
    let mut tag = std::pin::pin!(player.tag());
    poll_fn(|cx| match tag.as_mut().poll(cx) {
        Poll::Ready(tag) => Poll::Ready(tag),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_merge_time_longer_than_the_hub_keeps_frames_loses_none() {
    LocalSet::new()
        .run_until(async {
            let play = Play { mw_latency: Duration::from_secs(4), ..Play::default() };
            let gateway = gateway(Vhost { play, ..Vhost::default() });
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let mut player = Player::get(&gateway, "a").await;
            for count in 1..400_i64 {
                let body = [if count % 25 == 0 { 0x17 } else { 0x27 }, 1, 0, 0, 0, 0];
                video(&publisher, count * 40, &body);
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            publisher.finish(Finish::Clean);
            assert_eq!(player.rest().await.len(), 401);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn many_players_get_everything_and_are_counted_meanwhile() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            let mut players = Vec::new();
            // More than are served in one go.
            for _ in 0..100 {
                players.push(Player::get(&gateway, "a").await);
            }
            let sent = || gateway.hub.streams()[0].2.send_bytes;
            let before = sent();
            for count in 1..50_i64 {
                inter(&publisher, count * 40, 10);
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            assert!(sent() > before, "nothing was counted while the stream ran");
            publisher.finish(Finish::Clean);
            for player in &mut players {
                assert_eq!(player.rest().await.len(), 51);
            }
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_live_media_is_answered_once_and_closed() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let answer = text(get(&gateway, "/page", "1.1").await).await;
            assert!(answer.ends_with("a page"), "{answer}");
            assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn refusals_say_why() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost { name: "only.this".to_owned(), ..Vhost::default() });
            let answer = text(get(&gateway, "/live/a.flv", "1.1").await).await;
            assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
            assert!(answer.contains("some.where"), "{answer}");
            let answer = text(get(&gateway, "/.flv", "1.1").await).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn bytes_for_a_player_that_reads_nothing_are_bounded() {
    LocalSet::new()
        .run_until(async {
            let gateway = gateway(Vhost::default());
            let publisher = publisher(&gateway, "a");
            begin(&publisher);
            inter(&publisher, 40, 4 << 20);
            let make = || Box::new(rendition::Flv::new(false)) as Box<dyn srs_hub::Rendition>;
            let fan =
                fan::of_shard(&gateway.hub, &key("a"), rendition::FLV, Pace::of(&Vhost::default()), make);
            let (ours, _theirs) = pair().await;
            let listed =
                gateway.clients.add(&key("a"), ours.peer_addr().unwrap(), "flv-play", About::default());
            let (_read, write) = ours.into_split();
            let joining = Joining {
                write: fan::Sink::Tcp(write),
                opening: Bytes::new(),
                gated: false,
                goodbye: Bytes::new(),
                news: News::default(),
                client: Arc::clone(&listed.client),
            };
            let mut seat = Seat::take(&fan, joining).await;
            for _ in 0..20 {
                seat.tell(Bytes::from(vec![0; limits::OUTBOX_BYTES / 10]));
            }
            let ending = poll_fn(|cx| seat.poll_ending(cx)).await;
            assert!(matches!(ending, Ending::Lost(_)), "{ending:?}");
        })
        .await;
}
