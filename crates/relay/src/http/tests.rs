use std::collections::VecDeque;
use std::io::Read as _;
use std::sync::Mutex;
use std::time::Duration;

use bytes::BytesMut;
use flate2::read::GzDecoder;
use srs_balance::{Balancer, Memory};
use srs_net::http::{Next, read_response};
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::testkit::{SECRET, http, id, key, listener, node, relay};
use crate::token::Tokens;

/// An origin that answers each request with what `answer` says for its head, and remembers the heads.
#[derive(Clone)]
struct Origin {
    address: SocketAddr,
    heads: Arc<Mutex<VecDeque<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Origin {
    async fn start(answer: impl Fn(&str) -> Vec<u8> + 'static) -> Origin {
        let (listener, address) = listener().await;
        let origin = Origin { address, heads: Arc::default(), connections: Arc::default() };
        let (known, answer) = (origin.clone(), Arc::new(answer));
        tokio::task::spawn_local(async move {
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                *known.connections.lock().unwrap() += 1;
                let (known, answer) = (known.clone(), Arc::clone(&answer));
                tokio::task::spawn_local(async move {
                    let mut conn = Conn::new(stream, peer);
                    while let Next::Request(request) = conn.next().await {
                        let (mut stream, bytes) = conn.into_parts();
                        known.heads.lock().unwrap().push_back(String::from_utf8_lossy(&bytes).into_owned());
                        let said = answer(&request.uri().to_string());
                        let _left = stream.write_all(&said).await;
                        if String::from_utf8_lossy(&said).contains("connection: close") {
                            return;
                        }
                        conn = Conn::new(stream, peer);
                    }
                });
            }
        });
        origin
    }

    /// The requests so far.
    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().iter().cloned().collect()
    }

    /// Their targets.
    fn targets(&self) -> Vec<String> {
        self.heads().iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect()
    }
}

pub(crate) fn said(status: &str, fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut out = format!("HTTP/1.1 {status}\r\n{fields}content-length: {}\r\n\r\n", body.len()).into_bytes();
    out.extend_from_slice(body);
    out
}

/// A list as our origins make them without marks.
pub(crate) fn public(list: &str) -> Vec<u8> {
    said(
        "200 OK",
        "content-type: application/vnd.apple.mpegurl\r\ncache-control: public, max-age=1\r\n",
        list,
    )
}

pub(crate) fn private(list: &str) -> Vec<u8> {
    said("200 OK", "cache-control: private, no-store\r\n", list)
}

pub(crate) const LIST: &str = "#EXTM3U\n#EXTINF:2, no desc\ns-1.ts\n";

fn sealed(name: &str) -> String {
    Tokens::new(SECRET).seal(&id(name)).unwrap()
}

/// A player on a connection of its own.
struct Player {
    stream: TcpStream,
    left: BytesMut,
}

struct Got {
    status: u16,
    headers: http::HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Player {
    async fn new(relay: &Arc<Relay>) -> Player {
        Player { stream: http(relay).await, left: BytesMut::new() }
    }

    async fn say(&mut self, method: &str, target: &str, fields: &str) {
        let head = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n");
        self.stream.write_all(head.as_bytes()).await.unwrap();
    }

    /// The next answer, which must have a length, or end with the connection.
    async fn hear(&mut self, bodiless: bool) -> Got {
        assert!(self.left.is_empty(), "bytes behind the last answer");
        let response = read_response(&mut self.stream).await.unwrap();
        let mut body = response.rest.to_vec();
        let length =
            response.headers.get("content-length").map(|length| length.to_str().unwrap().parse().unwrap());
        let length: Option<usize> = if bodiless { Some(0) } else { length };
        while length.is_none_or(|length| body.len() < length) {
            if self.stream.read_buf(&mut body).await.unwrap() == 0 {
                assert_eq!(length, None, "the body broke off");
                break;
            }
        }
        assert!(length.is_none_or(|length| body.len() == length));
        Got { status: response.status.as_u16(), headers: response.headers, body }
    }

    async fn get(&mut self, target: &str) -> Got {
        self.say("GET", target, "").await;
        self.hear(false).await
    }

    async fn get_with(&mut self, target: &str, fields: &str) -> Got {
        self.say("GET", target, fields).await;
        self.hear(false).await
    }
}

async fn get(relay: &Arc<Relay>, target: &str) -> Got {
    Player::new(relay).await.get(target).await
}

/// A relay that knows nobody yet, and its balancer.
fn empty(secret: &[u8]) -> Arc<Relay> {
    let settings = srs_balance::Config {
        started_unix_ms: 1_795_000_000_000,
        me: id("proxy"),
        ttl: Duration::from_secs(300),
    };
    let balancer = Balancer::new(settings, Arc::new(Memory::new("memory")));
    let config = crate::Config { secret: secret.to_vec(), ..crate::testkit::config() };
    Relay::new(Arc::new(balancer), std::time::Instant::now(), config)
}

pub(crate) async fn local<T>(test: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(test).await
}

#[tokio::test]
async fn relative_addresses_of_a_list_get_the_origins_token_and_others_stay() {
    local(async {
        let list = "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k.key?a=1\"\ns-1.ts\n/live/s-2.ts?x=1\n\
                    http://cdn/s-3.ts\n//cdn/s-4.ts\nfile:///etc/passwd\n";
        let origin = Origin::start(|_| public(list)).await;
        let got = get(&relay(&[("o", origin.address)]), "/live/s.m3u8").await;
        let token = sealed("o");
        assert_eq!(
            got.text(),
            format!(
                "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k.key?a=1&srs_at={token}\"\ns-1.ts?srs_at={token}\n\
                 /live/s-2.ts?x=1&srs_at={token}\nhttp://cdn/s-3.ts\n//cdn/s-4.ts\nfile:///etc/passwd\n"
            )
        );
        assert_eq!(got.headers["content-type"], "application/vnd.apple.mpegurl");
    })
    .await;
}

#[tokio::test]
async fn the_origin_gets_the_clients_words_but_the_token() {
    local(async {
        let origin = Origin::start(|_| private(LIST)).await;
        let relay = relay(&[("o", origin.address)]);
        let target = format!("/live/s.m3u8?a=1&srs_at={}&b=%20", sealed("o"));
        Player::new(&relay)
            .await
            .get_with(&target, "x-mine: 7\r\naccept-encoding: gzip\r\nrange: bytes=0-\r\n")
            .await;
        let head = origin.heads().remove(0);
        assert!(head.starts_with("GET /live/s.m3u8?a=1&b=%20 HTTP/1.1\r\n"), "{head}");
        for line in
            ["host: localhost", "x-mine: 7", "x-forwarded-for: 127.0.0.1", "accept-encoding: identity"]
        {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{line} is missing in {head}");
        }
        assert!(!head.contains("range") && !head.contains("srs_at"), "{head}");
    })
    .await;
}

#[tokio::test]
async fn a_list_is_compressed_for_clients_that_take_it() {
    local(async {
        let list = format!("#EXTM3U\n{}", "#EXTINF:2, no desc\ns-1.ts\n".repeat(50));
        let origin = Origin::start(move |_| public(&list)).await;
        let relay = relay(&[("o", origin.address)]);
        let mut player = Player::new(&relay).await;
        let plain = player.get_with("/live/s.m3u8", "accept-encoding: gzip;q=0\r\n").await;
        let packed = player.get_with("/live/s.m3u8", "accept-encoding: br, gzip\r\n").await;
        assert!(!plain.headers.contains_key("content-encoding"));
        assert_eq!(packed.headers["content-encoding"], "gzip");
        assert_eq!(packed.headers["vary"], "accept-encoding");
        let mut unpacked = Vec::new();
        GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body);
    })
    .await;
}

#[tokio::test]
async fn a_list_of_a_players_own_leads_to_its_list_and_its_segments() {
    local(async {
        let origin = Origin::start(|target| match target {
            "/live/s.m3u8" => private("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/live/s.m3u8?hls_ctx=abc\n"),
            "/live/s.m3u8?hls_ctx=abc" => private("#EXTM3U\n#EXTINF:2\ns-1.ts?hls_ctx=abc\n"),
            _ => said("200 OK", "", "segment"),
        })
        .await;
        let relay = relay(&[("o", origin.address)]);
        let mut player = Player::new(&relay).await;
        let token = sealed("o");
        let master = player.get("/live/s.m3u8").await;
        let next = master.text().lines().last().unwrap().to_owned();
        assert_eq!(next, format!("/live/s.m3u8?hls_ctx=abc&srs_at={token}"));
        let list = player.get(&next).await;
        let segment = list.text().lines().last().unwrap().to_owned();
        assert_eq!(segment, format!("s-1.ts?hls_ctx=abc&srs_at={token}"));
        assert_eq!(player.get(&format!("/live/{segment}")).await.body, b"segment");
    })
    .await;
}

#[tokio::test]
async fn each_player_gets_a_private_list_of_its_own() {
    local(async {
        let count = Arc::new(Mutex::new(0));
        let origin = Origin::start(move |_| {
            *count.lock().unwrap() += 1;
            private(&format!("#EXTM3U\nhttp://x/{}\n", count.lock().unwrap()))
        })
        .await;
        let relay = relay(&[("o", origin.address)]);
        let (one, two, three) = tokio::join!(
            get(&relay, "/live/s.m3u8"),
            get(&relay, "/live/s.m3u8"),
            get(&relay, "/live/s.m3u8")
        );
        let mut lists = [one.body, two.body, three.body];
        lists.sort();
        assert!(lists[0] != lists[1] && lists[1] != lists[2]);
        assert_eq!(origin.heads().len(), 3, "none is fetched for nobody");
    })
    .await;
}

#[tokio::test]
async fn a_public_list_is_fetched_once_for_all_who_come_together() {
    local(async {
        let origin = Origin::start(|_| public(LIST)).await;
        let relay = relay(&[("o", origin.address)]);
        let players: Vec<_> = (0..20)
            .map(|_| {
                let relay = Arc::clone(&relay);
                tokio::task::spawn_local(async move { get(&relay, "/live/s.m3u8").await.status })
            })
            .collect();
        for player in players {
            assert_eq!(player.await.unwrap(), 200);
        }
        assert_eq!(origin.heads().len(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_is_no_older_than_a_second() {
    local(async {
        let origin = Origin::start(|_| said("200 OK", "cache-control: public, max-age=60\r\n", LIST)).await;
        let relay = relay(&[("o", origin.address)]);
        get(&relay, "/live/s.m3u8").await;
        tokio::time::advance(Duration::from_millis(1001)).await;
        get(&relay, "/live/s.m3u8").await;
        assert_eq!(origin.heads().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_list_of_a_folder_is_found_at_the_streams_origin() {
    local(async {
        let (one, two) = (Origin::start(|_| private(LIST)).await, Origin::start(|_| private(LIST)).await);
        for stream in ["a", "b", "c", "d"] {
            let relay = relay(&[("one", one.address), ("two", two.address)]);
            let owner =
                relay.balancer.pick_publish(&key(stream), &[], relay.now()).await.unwrap().node.id.clone();
            let got = get(&relay, &format!("/live/{stream}/live.m3u8")).await;
            assert!(got.text().contains(&sealed(owner.as_str())), "{stream}: {}", got.text());
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_named_as_the_list_goes_before_the_folder() {
    local(async {
        let (one, two) = (Origin::start(|_| private(LIST)).await, Origin::start(|_| private(LIST)).await);
        let relay = relay(&[("one", one.address), ("two", two.address)]);
        let deep = StreamKey::new("__defaultVhost__", "live/s", "live").unwrap();
        let owner = relay.balancer.pick_publish(&deep, &[], relay.now()).await.unwrap().node.id.clone();
        relay.balancer.pick_publish(&key("s"), std::slice::from_ref(&owner), relay.now()).await.unwrap();
        assert!(get(&relay, "/live/s/live.m3u8").await.text().contains(&sealed(owner.as_str())));
    })
    .await;
}

#[tokio::test]
async fn a_list_with_a_token_comes_from_the_tokens_origin() {
    local(async {
        let (one, two) = (Origin::start(|_| private(LIST)).await, Origin::start(|_| private(LIST)).await);
        let relay = relay(&[("one", one.address), ("two", two.address)]);
        for name in ["one", "two"] {
            let token = sealed(name);
            let got = get(&relay, &format!("/live/s.m3u8?hls_ctx=x&srs_at={token}")).await;
            assert!(got.text().contains(&token));
        }
        assert_eq!((one.heads().len(), two.heads().len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_list_follows_the_streams_claim_away_from_its_token() {
    local(async {
        let (one, two) = (Origin::start(|_| private(LIST)).await, Origin::start(|_| private(LIST)).await);
        let relay = relay(&[("one", one.address), ("two", two.address)]);
        relay.balancer.pick_publish(&key("s"), &[id("one")], relay.now()).await.unwrap();
        let got = get(&relay, &format!("/live/s.m3u8?hls_ctx=x&srs_at={}", sealed("one"))).await;
        assert!(got.text().contains(&sealed("two")));
    })
    .await;
}

#[tokio::test]
async fn a_list_with_the_token_of_a_dead_origin_comes_from_another() {
    local(async {
        for known_dead in [true, false] {
            for query in ["", "hls_ctx=1&"] {
                let origin = Origin::start(|_| private(LIST)).await;
                let relay = relay(&[("gone", crate::testkit::nobody().await), ("here", origin.address)]);
                if known_dead {
                    relay.balancer.dial_failed(&id("gone"), relay.now());
                }
                let got = get(&relay, &format!("/live/s.m3u8?{query}srs_at={}", sealed("gone"))).await;
                assert!(got.text().contains(&sealed("here")), "{known_dead} {query}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_foreign_token_is_none_to_a_list_and_404_to_a_file() {
    local(async {
        let origin = Origin::start(|_| private(LIST)).await;
        let relay = relay(&[("o", origin.address)]);
        let foreign = Tokens::new(b"of another cluster").seal(&id("o")).unwrap();
        let mut player = Player::new(&relay).await;
        let list = player.get(&format!("/live/s.m3u8?srs_at={foreign}")).await;
        assert_eq!((list.status, list.text().contains(&sealed("o"))), (200, true));
        let seen = origin.heads().len();
        for file in ["s-1.ts", "s-1.m4s", "s.flv", "page.html"] {
            assert_eq!(player.get(&format!("/live/{file}?srs_at={foreign}")).await.status, 404, "{file}");
        }
        assert_eq!(origin.heads().len(), seen);
    })
    .await;
}

#[tokio::test]
async fn a_second_proxy_serves_what_the_first_listed() {
    local(async {
        let origin = Origin::start(|target| {
            if target.ends_with("m3u8") { public(LIST) } else { said("200 OK", "", "segment") }
        })
        .await;
        let (first, second) = (relay(&[("o", origin.address)]), relay(&[("o", origin.address)]));
        let list = get(&first, "/live/s.m3u8").await;
        let segment = list.text().lines().last().unwrap().to_owned();
        assert_eq!(get(&second, &format!("/live/{segment}")).await.body, b"segment");
    })
    .await;
}

#[tokio::test]
async fn fifty_players_of_one_segment_cost_the_origin_one_request() {
    local(async {
        let origin = Origin::start(|_| said("200 OK", "", vec![7; 300_000])).await;
        let relay = relay(&[("o", origin.address)]);
        let token = sealed("o");
        let players: Vec<_> = (0..50)
            .map(|number| {
                let (relay, target) =
                    (Arc::clone(&relay), format!("/live/s-1.ts?hls_ctx={number}&srs_at={token}"));
                tokio::task::spawn_local(async move { get(&relay, &target).await })
            })
            .collect();
        for player in players {
            assert!(player.await.unwrap().body == [7; 300_000]);
        }
        assert_eq!(origin.targets(), ["/live/s-1.ts"]);
    })
    .await;
}

#[tokio::test]
async fn a_fetch_goes_on_when_its_first_client_leaves() {
    local(async {
        let (listener, address) = listener().await;
        let relay = relay(&[("o", address)]);
        let target = format!("/live/s-1.ts?srs_at={}", sealed("o"));
        let mut first = Player::new(&relay).await;
        first.say("GET", &target, "").await;
        let (mut origin, _) = listener.accept().await.unwrap();
        srs_net::http::read_request(&mut origin).await.unwrap();
        let mut second = Player::new(&relay).await;
        second.say("GET", &target, "").await;
        drop(first);
        tokio::task::yield_now().await;
        origin.write_all(&said("200 OK", "", "segment")).await.unwrap();
        assert_eq!(second.hear(false).await.body, b"segment");
    })
    .await;
}

#[tokio::test]
async fn a_range_is_cut_from_a_kept_segment() {
    local(async {
        let origin = Origin::start(|_| said("200 OK", "content-type: video/MP2T\r\n", "0123456789")).await;
        let relay = relay(&[("o", origin.address)]);
        let target = format!("/live/s-1.ts?srs_at={}", sealed("o"));
        let mut player = Player::new(&relay).await;
        let got = player.get_with(&target, "range: bytes=2-4\r\n").await;
        assert_eq!((got.status, got.text()), (206, "234"));
        assert_eq!(got.headers["content-range"], "bytes 2-4/10");
        let got = player.get_with(&target, "range: bytes=-3\r\n").await;
        assert_eq!(
            (got.status, got.text(), &got.headers["content-type"]),
            (206, "789", &HeaderValue::from_static("video/MP2T"))
        );
        assert_eq!(origin.heads().len(), 1);
        assert!(!origin.heads()[0].contains("range"));
    })
    .await;
}

#[tokio::test]
async fn the_head_of_a_kept_segment_needs_no_origin() {
    local(async {
        let origin = Origin::start(|_| said("200 OK", "", "0123456789")).await;
        let relay = relay(&[("o", origin.address)]);
        let target = format!("/live/s-1.ts?srs_at={}", sealed("o"));
        let mut player = Player::new(&relay).await;
        player.get(&target).await;
        player.say("HEAD", &target, "").await;
        let got = player.hear(true).await;
        assert_eq!((got.status, &got.headers["content-length"]), (200, &HeaderValue::from_static("10")));
        assert_eq!(player.get(&target).await.text(), "0123456789");
        assert_eq!(origin.heads().len(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_segment_is_kept_as_long_as_its_origin_says_and_120_s_at_most() {
    local(async {
        for (fields, seconds) in
            [("", 30), ("cache-control: max-age=7\r\n", 7), ("cache-control: public, max-age=9999\r\n", 120)]
        {
            let origin = Origin::start(move |_| said("200 OK", fields, "segment")).await;
            let relay = relay(&[("o", origin.address)]);
            let target = format!("/live/s-1.ts?srs_at={}", sealed("o"));
            get(&relay, &target).await;
            tokio::time::advance(Duration::from_secs(seconds - 1)).await;
            get(&relay, &target).await;
            assert_eq!(origin.heads().len(), 1, "{fields}");
            tokio::time::advance(Duration::from_secs(2)).await;
            get(&relay, &target).await;
            assert_eq!(origin.heads().len(), 2, "{fields}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_private_is_fetched_for_each_and_kept_for_nobody() {
    local(async {
        let origin = Origin::start(|_| said("200 OK", "cache-control: private\r\n", "key")).await;
        let relay = relay(&[("o", origin.address)]);
        let target = format!("/live/s-1.key?srs_at={}", sealed("o"));
        let mut player = Player::new(&relay).await;
        for count in 1..=3 {
            assert_eq!(player.get(&target).await.text(), "key");
            assert_eq!(origin.heads().len(), count);
        }
    })
    .await;
}

#[tokio::test]
async fn hosts_do_not_share_what_is_kept() {
    local(async {
        let origin = Origin::start(|_| said("200 OK", "", "segment")).await;
        let relay = relay(&[("o", origin.address)]);
        let target = format!("/live/s-1.ts?srs_at={}", sealed("o"));
        for host in ["one.example", "two.example"] {
            let mut player = Player::new(&relay).await;
            let head = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n");
            player.stream.write_all(head.as_bytes()).await.unwrap();
            player.hear(false).await;
        }
        assert_eq!(origin.heads().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_file_too_large_to_keep_is_streamed_and_so_are_its_parts() {
    local(async {
        let large = vec![7; crate::limits::FILE_BYTES + 1];
        let origin = Origin::start(move |_| said("200 OK", "", &large)).await;
        let relay = relay(&[("o", origin.address)]);
        let target = format!("/live/s.mp4?srs_at={}", sealed("o"));
        assert_eq!(get(&relay, &target).await.body.len(), crate::limits::FILE_BYTES + 1);
        Player::new(&relay).await.get_with(&target, "range: bytes=5-\r\n").await;
        assert!(origin.heads()[1].contains("\r\nrange: bytes=5-\r\n"));
    })
    .await;
}

#[tokio::test]
async fn a_list_over_a_mebibyte_is_502() {
    local(async {
        let large = format!("#EXTM3U\n{}", "s.ts\n".repeat((10 << 20) / 5));
        for chunked in [false, true] {
            let large = large.clone();
            let origin = Origin::start(move |_| {
                if !chunked {
                    return public(&large);
                }
                let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                format!("{head}{:x}\r\n{large}\r\n0\r\n\r\n", large.len()).into_bytes()
            })
            .await;
            assert_eq!(get(&relay(&[("o", origin.address)]), "/live/s.m3u8").await.status, 502);
        }
    })
    .await;
}

#[tokio::test]
async fn the_origins_refusal_comes_with_its_fields_and_words() {
    local(async {
        for status in ["403 Forbidden", "404 Not Found", "302 Found"] {
            let origin =
                Origin::start(move |_| said(status, "x-their: 8\r\nlocation: /x\r\n", "words")).await;
            let relay = relay(&[("o", origin.address)]);
            let token = sealed("o");
            let mut player = Player::new(&relay).await;
            for target in ["/live/s.m3u8", "/live/s.m3u8?hls_ctx=1", &format!("/live/s-1.ts?srs_at={token}")]
            {
                let got = player.get(target).await;
                assert_eq!((got.status, got.text()), (status[..3].parse().unwrap(), "words"), "{target}");
                assert_eq!(
                    (&got.headers["x-their"], &got.headers["location"]),
                    (&HeaderValue::from_static("8"), &HeaderValue::from_static("/x"))
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    local(async {
        let count = Mutex::new(0);
        let origin = Origin::start(move |_| {
            *count.lock().unwrap() += 1;
            if *count.lock().unwrap() == 1 {
                said("404 Not Found", "", "")
            } else {
                said("200 OK", "", "segment")
            }
        })
        .await;
        let relay = relay(&[("o", origin.address)]);
        let target = format!("/live/s-1.ts?srs_at={}", sealed("o"));
        let mut player = Player::new(&relay).await;
        assert_eq!(player.get(&target).await.status, 404);
        assert_eq!(player.get(&target).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_turn() {
    local(async {
        let origin =
            Origin::start(
                |target| {
                    if target.ends_with("m3u8") { public(LIST) } else { said("200 OK", "", target) }
                },
            )
            .await;
        let relay = relay(&[("o", origin.address)]);
        let mut player = Player::new(&relay).await;
        let list = player.get("/live/s.m3u8").await;
        let segment = list.text().lines().last().unwrap().to_owned();
        assert_eq!(player.get(&format!("/live/{segment}")).await.text(), "/live/s-1.ts");
        assert_eq!(player.get("/players/").await.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(player.get("/live/s.m3u8").await.body, list.body);
        assert_eq!(
            *origin.connections.lock().unwrap(),
            1,
            "nor does the origin see more than one connection"
        );
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_the_origin_closed_meanwhile_is_not_the_clients_problem() {
    local(async {
        let (listener, address) = listener().await;
        let relay = relay(&[("o", address)]);
        let mut player = Player::new(&relay).await;
        let mut idle: Option<TcpStream> = None;
        for _ in 0..3 {
            player.say("GET", "/live/s.m3u8?hls_ctx=1", "").await;
            // It closes just as the next request comes.
            if let Some(mut idle) = idle.take() {
                srs_net::http::read_request(&mut idle).await.unwrap();
            }
            let (mut origin, _) = timeout(Duration::from_secs(5), listener.accept()).await.unwrap().unwrap();
            srs_net::http::read_request(&mut origin).await.unwrap();
            origin.write_all(&private(LIST)).await.unwrap();
            assert_eq!(player.hear(false).await.status, 200);
            idle = Some(origin);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_file_of_an_origin_that_is_about_to_register_is_waited_for() {
    local(async {
        let origin = Origin::start(|_| said("200 OK", "", "segment")).await;
        let relay = empty(SECRET);
        let mut player = Player::new(&relay).await;
        player.say("GET", &format!("/live/s-1.ts?srs_at={}", sealed("o")), "").await;
        assert!(timeout(Duration::from_secs(1), player.hear(false)).await.is_err(), "it is held");
        relay.balancer.register(node("o", origin.address), relay.now()).unwrap();
        assert_eq!(player.hear(false).await.body, b"segment");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_file_of_an_unknown_origin_is_404_in_three_seconds() {
    local(async {
        let relay = empty(SECRET);
        let target = format!("/live/s-1.ts?srs_at={}", sealed("o"));
        assert_eq!(timeout(Duration::from_secs(4), get(&relay, &target)).await.unwrap().status, 404);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_hangs_is_504() {
    local(async {
        let (listener, address) = listener().await;
        let relay = relay(&[("o", address)]);
        let hung = tokio::task::spawn_local(hang(listener));
        for target in
            ["/live/s.m3u8", "/live/s.m3u8?hls_ctx=1", &format!("/live/s-1.ts?srs_at={}", sealed("o"))]
        {
            let got = timeout(Duration::from_secs(6), get(&relay, target)).await.expect("in time");
            assert_eq!(got.status, 504, "{target}");
        }
        hung.abort();
    })
    .await;
}

async fn hang(listener: TcpListener) {
    let mut held = Vec::new();
    loop {
        held.push(listener.accept().await.unwrap());
    }
}

#[tokio::test]
async fn the_file_of_a_dead_origin_is_502() {
    local(async {
        let relay = relay(&[("gone", crate::testkit::nobody().await)]);
        relay.balancer.dial_failed(&id("gone"), relay.now());
        assert_eq!(get(&relay, &format!("/live/s-1.ts?srs_at={}", sealed("gone"))).await.status, 502);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_answer() {
    local(async {
        let origin = Origin::start(|_| {
            b"HTTP/1.1 200 OK\r\nx: connection: close\r\ncontent-length: 9\r\n\r\nhalf".to_vec()
        })
        .await;
        let relay = relay(&[("o", origin.address)]);
        for target in ["/live/s.m3u8?hls_ctx=1", &format!("/live/s-1.ts?srs_at={}", sealed("o"))] {
            assert_eq!(get(&relay, target).await.status, 502, "{target}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_request_reaches_another_path_than_it_asked_for() {
    local(async {
        let origin = Origin::start(|target| said("200 OK", "", target)).await;
        let relay = relay(&[("o", origin.address)]);
        let token = sealed("o");
        for path in [
            "/live/../secret.ts",
            "/live/..%2fsecret.ts",
            "/live/%2e%2e/secret.ts",
            "/live/%252e%252e/secret.ts",
            "/live/%252e%252e%252fsecret.ts",
            "/live/..%5csecret.ts",
            "/live/a%00.ts",
            "/live/a%0d%0aX:%20y.ts",
            "/live/..%255csecret.m3u8",
            "/live/../s.m3u8",
            "/live/../s.mp4",
        ] {
            let got = get(&relay, &format!("{path}?srs_at={token}")).await;
            assert_eq!(got.status, 400, "{path}");
        }
        assert_eq!(origin.targets(), [""; 0]);
        for path in [
            "//etc/passwd.ts",
            "/live/a%20b-1.ts",
            "/live//s-1.ts",
            "/live/%E4%BD%A0-1.ts",
            "/live/100%-1.ts",
        ] {
            get(&relay, &format!("{path}?srs_at={token}")).await;
            assert_eq!(origin.targets().pop().as_deref(), Some(path));
        }
    })
    .await;
}

#[tokio::test]
async fn files_without_a_token_come_from_where_their_stream_is_live() {
    local(async {
        let origin = Origin::start(|target| said("200 OK", "", target)).await;
        let relay = relay(&[("o", origin.address)]);
        let mut player = Player::new(&relay).await;
        assert_eq!(player.get("/live/s.mp4").await.status, 404);
        relay.balancer.pick_publish(&key("s"), &[], relay.now()).await.unwrap();
        for target in ["/live/s.mp4", "/live/s/video-1.m4s?x=1", "/live/s.mpd", "/live/s.jpg"] {
            assert_eq!(player.get(target).await.text(), target);
        }
    })
    .await;
}

#[tokio::test]
async fn live_ts_is_passed_on_as_it_comes_and_ends_with_its_origin() {
    local(async {
        let (listener, address) = listener().await;
        let relay = relay(&[("o", address)]);
        for format in ["ts", "aac", "mp3"] {
            let mut player = Player::new(&relay).await;
            player.say("GET", &format!("/live/s.{format}?t=1"), "").await;
            let (mut origin, _) = listener.accept().await.unwrap();
            let request = srs_net::http::read_request(&mut origin).await.unwrap().request.unwrap();
            assert_eq!(request.uri().to_string(), format!("/live/s.{format}?t=1"));
            origin
                .write_all(b"HTTP/1.1 200 OK\r\nx-their: 8\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
                .await
                .unwrap();
            let response = read_response(&mut player.stream).await.unwrap();
            assert_eq!(
                (response.status, &response.headers["x-their"]),
                (StatusCode::OK, &HeaderValue::from_static("8"))
            );
            let mut body = response.rest.to_vec();
            while body != b"3\r\nabc\r\n" {
                assert!(player.stream.read_buf(&mut body).await.unwrap() > 0);
            }
            drop(origin);
            assert_eq!(player.stream.read_buf(&mut body).await.unwrap(), 0, "no end that looks whole");
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_of_another_site_may_ask() {
    local(async {
        let mut player = Player::new(&empty(SECRET)).await;
        for target in ["/live/s.flv", "/live/s.m3u8", "/live/s-1.ts?srs_at=x"] {
            player.say("OPTIONS", target, "").await;
            let got = player.hear(false).await;
            assert_eq!(
                (got.status, &got.headers["access-control-allow-origin"]),
                (200, &HeaderValue::from_static("*"))
            );
        }
    })
    .await;
}

#[tokio::test]
async fn static_files_go_before_what_is_built_in_and_links_out_of_their_folder_lead_nowhere() {
    local(async {
        let place = std::env::temp_dir().join(format!("srs-relay-{:016x}", rand::random::<u64>()));
        let folder = place.join("www");
        std::fs::create_dir_all(folder.join("players")).unwrap();
        std::fs::write(place.join("secret.txt"), "secret").unwrap();
        std::fs::write(folder.join("index.html"), "front").unwrap();
        std::fs::write(folder.join("players/flv.html"), "mine").unwrap();
        std::os::unix::fs::symlink("../secret.txt", folder.join("link.txt")).unwrap();
        let origin = Origin::start(|_| said("200 OK", "", "theirs")).await;
        let mut relay = Arc::into_inner(relay(&[("o", origin.address)])).unwrap();
        relay.folder = Some(srs_net::http::Folder::new(folder));
        let relay = Arc::new(relay);
        let mut player = Player::new(&relay).await;
        assert_eq!(player.get("/").await.text(), "front");
        assert_eq!(player.get_with("/", "range: bytes=1-2\r\n").await.text(), "ro");
        assert_eq!(player.get("/players/flv.html").await.text(), "mine");
        assert!(player.get("/players/hls.html").await.headers.contains_key("content-security-policy"));
        for target in
            ["/link.txt", "/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/..%5csecret.txt"]
        {
            let got = get(&relay, target).await;
            assert!(!got.body.windows(6).any(|six| six == b"secret"), "{target}");
            assert_eq!(got.status, 404, "{target}");
        }
        assert_eq!(origin.heads().len(), 0);
        std::fs::remove_dir_all(place).unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_known_to_nobody_is_left_to_the_roles_routes() {
    local(async {
        let relay = empty(SECRET);
        let (listener, address) = listener().await;
        let (theirs, ours) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (ours, peer) = ours.unwrap();
        let routes = || axum::Router::new().fallback(async || "the role");
        tokio::task::spawn_local(relay.serve_http(ours, peer, routes));
        let mut player = Player { stream: theirs.unwrap(), left: BytesMut::new() };
        player.get("/players/").await;
        player.say("POST", "/live/s.m3u8", "content-length: 0\r\n").await;
        assert_eq!(player.hear(false).await.text(), "the role");
    })
    .await;
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_turn() {
    local(async {
        let origin = Origin::start(|target| said("200 OK", "", target)).await;
        let relay = relay(&[("o", origin.address)]);
        let mut player = Player::new(&relay).await;
        let token = sealed("o");
        let both = ["one", "two"]
            .map(|name| format!("GET /live/{name}.ts?srs_at={token} HTTP/1.1\r\nhost: x\r\n\r\n"));
        player.stream.write_all(both.concat().as_bytes()).await.unwrap();
        let mut answers = Vec::new();
        while !answers.ends_with(b"/live/two.ts") {
            assert!(player.stream.read_buf(&mut answers).await.unwrap() > 0);
        }
        assert_eq!(origin.targets(), ["/live/one.ts", "/live/two.ts"]);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_frees_the_origin_from_its_own_request() {
    local(async {
        let (listener, address) = listener().await;
        let relay = relay(&[("o", address)]);
        let mut player = Player::new(&relay).await;
        player.say("GET", "/live/s.m3u8?hls_ctx=1", "").await;
        let (mut origin, _) = listener.accept().await.unwrap();
        srs_net::http::read_request(&mut origin).await.unwrap();
        drop(player);
        assert_eq!(timeout(Duration::from_secs(2), origin.read(&mut [0])).await.unwrap().unwrap_or(0), 0);
    })
    .await;
}

#[tokio::test]
async fn a_session_of_http_is_small() {
    local(async {
        let (listener, address) = listener().await;
        let (_theirs, ours) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (ours, peer) = ours.unwrap();
        let size = size_of_val(&empty(SECRET).serve_http(ours, peer, axum::Router::new));
        assert!(size <= 3072, "{size} bytes for each viewer");
    })
    .await;
}
