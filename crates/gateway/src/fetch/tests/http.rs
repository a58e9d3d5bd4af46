//! The same over HTTP.

use srs_names::envelope::HTTP_HEADER;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::testkit::source::Other;
use crate::testkit::{Player, get, get_with, to_get};

async fn text(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// Status and words of what is answered on a connection that then closes.
async fn answer(gateway: &Arc<Gateway>, path: &str, more: &str) -> (u16, String) {
    let text = text(get_with(gateway, path, "1.1", &format!("{more}Connection: close\r\n")).await).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.trim_end().to_owned())
}

fn from(envelope: &Envelope, path: &str) -> String {
    format!("{HTTP_HEADER}: {}\r\n", to_get(envelope, path))
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_had_is_refused_by_its_kind() {
    local(async {
        let spring = Spring::new(Says::Here);
        let gateway = spring.gateway(Vhost::default());
        for (kind, status) in [
            (MissingKind::NotFound, 404),
            (MissingKind::Forbidden, 403),
            (MissingKind::Loop, 508),
            (MissingKind::Unreachable, 504),
        ] {
            spring.say(Says::Missing(missing(kind, "it is so")));
            assert_eq!(answer(&gateway, "/live/a.flv?k=v", "").await, (status, "it is so".to_owned()));
        }
        let expected = ["__defaultVhost__/live/a", "some.where", "k=v", "127.0.0.1", ""].map(str::to_owned);
        assert_eq!(spring.wishes(), vec![expected; 4]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_connection_of_a_player_that_was_refused_goes_on() {
    local(async {
        let spring = Spring::new(Says::Missing(missing(MissingKind::NotFound, "nowhere")));
        let gateway = spring.gateway(Vhost::default());
        let mut stream = get(&gateway, "/live/a.flv", "1.1").await;
        spring.heard(1).await;
        spring.say(Says::Here);
        let publisher = publisher(&gateway, "a");
        begin(&publisher);
        stream.write_all(b"GET /live/a.flv HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        while gateway.clients().is_empty() {
            tokio::task::yield_now().await;
        }
        publisher.finish(Finish::Clean);
        let text = text_of_bytes(stream).await;
        assert!(text.starts_with("HTTP/1.1 404") && text.contains("HTTP/1.1 200"), "{text}");
    })
    .await;
}

async fn text_of_bytes(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(start_paused = true)]
async fn a_player_that_waits_for_a_stream_is_told_when_it_is_given_up() {
    local(async {
        let spring = Spring::new(Says::Coming);
        let gateway = spring.gateway(Vhost::default());
        let stream = get(&gateway, "/live/a.flv", "1.1").await;
        spring.heard(1).await;
        spring.give_up(missing(MissingKind::Unreachable, "nobody answers"));
        let text = text(stream).await;
        assert!(text.starts_with("HTTP/1.1 504") && text.ends_with("\r\n\r\nnobody answers\n"), "{text}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_fetched_is_waited_for_ten_seconds() {
    local(async {
        let spring = Spring::new(Says::Coming);
        let gateway = spring.gateway(Vhost::default());
        let began = Instant::now();
        assert_eq!(Player::get(&gateway, "a").await.response.status, 404);
        assert_eq!(began.elapsed().as_secs(), 10);
        let late = get(&gateway, "/live/a.flv", "1.1").await;
        spring.heard(2).await;
        tokio::time::sleep(Duration::from_secs(9)).await;
        let publisher = pulled(&gateway);
        begin(&publisher);
        let mut player = Player::of(late).await;
        assert_eq!(player.response.status, 200);
        assert!(player.tag().await.is_some());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_that_leaves_while_the_source_is_asked_is_let_go() {
    local(async {
        let spring = Spring::new(Says::Silent);
        let gateway = spring.gateway(Vhost::default());
        let stream = get(&gateway, "/live/a.flv", "1.1").await;
        spring.heard(1).await;
        drop(stream);
        // While this yields, no time passes.
        while Arc::strong_count(&gateway) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_on_behalf_of_this_node_is_refused() {
    local(async {
        let hls = Some(Arc::default());
        let gateway = gateway(Vhost { hls, ..Vhost::default() });
        for path in ["/live/a.flv", "/live/a.m3u8"] {
            let more = from(&pull(&["vid-origin", "vid-b"]), path);
            let expected = (508, "loop: vid-origin > vid-b > vid-origin".to_owned());
            assert_eq!(answer(&gateway, path, &more).await, expected);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_the_cluster_alone_plays_strangers_get_neither_streams_nor_lists() {
    local(async {
        let gateway = gateway(Vhost { hls: Some(Arc::default()), ..closed() });
        let publisher = publisher(&gateway, "a");
        begin(&publisher);
        for path in ["/live/a.flv", "/live/a.m3u8"] {
            let (status, words) = answer(&gateway, path, "").await;
            assert!(status == 403 && words.contains("play_from cluster"), "{status} {words}");
        }
        let more = from(&envelope(Purpose::Relay), "/live/a.flv");
        let player = Player::of(get_with(&gateway, "/live/a.flv", "1.1", &more).await).await;
        assert_eq!(player.response.status, 200);
        let more = from(&envelope(Purpose::Relay), "/live/a.m3u8");
        assert_eq!(answer(&gateway, "/live/a.m3u8", &more).await.0, 404, "it was waited for");
    })
    .await;
}

fn with_elsewhere() -> Vhost {
    Vhost { hls_elsewhere: true, ..Vhost::default() }
}

#[tokio::test(start_paused = true)]
async fn lists_and_what_bears_a_token_are_asked_for_elsewhere() {
    local(async {
        let other = Arc::new(Other::default());
        let gateway = other.gateway(with_elsewhere());
        for (path, of_elsewhere) in [
            ("/live/known.m3u8?k=v", true),
            ("/live/known-1.ts?k=v&srs_at=x", true),
            ("/live/known.m3u", false),
            ("/page?k=srs_at=x", false),
        ] {
            let (_, words) = answer(&gateway, path, "").await;
            assert_eq!(words.ends_with("of elsewhere"), of_elsewhere, "{path}: {words}");
        }
        let asked = other.asked.lock().unwrap().clone();
        assert_eq!(asked, ["/live/known.m3u8?k=v 127.0.0.1 0", "/live/known-1.ts?k=v&srs_at=x 127.0.0.1 0"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_token_makes_neither_a_live_stream_nor_the_api_a_matter_of_elsewhere() {
    local(async {
        let other = Arc::new(Other::default());
        let gateway = other.gateway(with_elsewhere());
        for path in ["/live/known.flv?srs_at=x", "/api/v1/known?srs_at=x", "/rtc/v1/known?srs_at=x"] {
            assert_eq!(answer(&gateway, path, "").await.0, 404, "{path}");
        }
        assert_eq!(other.asked.lock().unwrap().as_slice(), [""; 0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn elsewhere_is_told_who_asks_and_the_connection_goes_on() {
    local(async {
        let other = Arc::new(Other::default());
        let gateway = other.gateway(with_elsewhere());
        let more = from(&pull(&["vid-far"]), "/live/known.m3u8");
        let mut stream = get_with(&gateway, "/live/known.m3u8", "1.1", &more).await;
        stream.write_all(b"GET /live/known.m3u8 HTTP/1.1\r\nConnection: close\r\n\r\n").await.unwrap();
        let text = text(stream).await;
        assert_eq!(text.matches("of elsewhere").count(), 2, "{text}");
        let asked = other.asked.lock().unwrap().clone();
        assert_eq!(asked, ["/live/known.m3u8 203.0.113.7 1", "/live/known.m3u8 127.0.0.1 0"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_elsewhere_does_not_know_is_answered_here() {
    local(async {
        let other = Arc::new(Other::default());
        let gateway = other.gateway(Vhost { hls: Some(Arc::default()), ..with_elsewhere() });
        let expected = (404, "the stream is not live".to_owned());
        assert_eq!(answer(&gateway, "/live/a.m3u8", "").await, expected);
        assert_eq!(other.asked.lock().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_vhost_that_does_not_say_so_asks_nobody_elsewhere() {
    local(async {
        let other = Arc::new(Other::default());
        let gateway = other.gateway(Vhost::default());
        assert_eq!(answer(&gateway, "/live/known.m3u8", "").await.0, 404);
        assert!(other.asked.lock().unwrap().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn strangers_get_nothing_from_elsewhere_where_the_cluster_alone_plays() {
    local(async {
        let other = Arc::new(Other::default());
        let gateway = other.gateway(Vhost { hls_elsewhere: true, ..closed() });
        for path in ["/live/known.m3u8", "/live/known.ts?srs_at=x"] {
            assert_eq!(answer(&gateway, path, "").await.0, 403);
        }
        assert!(other.asked.lock().unwrap().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_no_longer_answered_for_elsewhere() {
    local(async {
        let other = Arc::new(Other::default());
        let gateway = other.gateway(with_elsewhere());
        let stream = get(&gateway, "/live/silent.m3u8", "1.1").await;
        while other.asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        drop(stream);
        while Arc::strong_count(&gateway) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
