use std::collections::VecDeque;
use std::io::Read as _;
use std::rc::Rc;
use std::sync::Mutex;

use flate2::read::GzDecoder;
use http::HeaderMap;
use srs_names::envelope::{Envelope, HTTP_HEADER, Purpose, bound};
use srs_net::http::{Conn, Content, Next};
use tokio::io::AsyncWriteExt as _;
use tokio::task::{JoinHandle, JoinSet};

use super::*;
use crate::http::tests::{LIST, local, private, public, said};
use crate::testkit::{SECRET, id, listener, nobody, relay};

/// A server upstream that answers by the target, or never; and which requests it had.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    heads: Rc<Mutex<VecDeque<String>>>,
    /// Before each answer.
    delay: Rc<Mutex<Duration>>,
    task: Rc<JoinHandle<()>>,
}

type Reply = Option<Vec<u8>>;

impl Server {
    async fn start(answer: impl Fn(&str) -> Reply + 'static) -> Server {
        let (listener, address) = listener().await;
        let (heads, answer) = (Rc::<Mutex<VecDeque<String>>>::default(), Rc::new(answer));
        let (known, delay) = (Rc::clone(&heads), Rc::<Mutex<Duration>>::default());
        let takes = Rc::clone(&delay);
        let task = tokio::task::spawn_local(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                let (known, answer, takes) = (Rc::clone(&known), Rc::clone(&answer), Rc::clone(&takes));
                connections.spawn_local(async move {
                    let mut conn = Conn::new(stream, peer);
                    while let Next::Request(request) = conn.next().await {
                        let (mut stream, bytes) = conn.into_parts();
                        known.lock().unwrap().push_back(String::from_utf8_lossy(&bytes).into_owned());
                        let Some(said) = answer(&request.uri().to_string()) else {
                            std::future::pending::<()>().await;
                            return;
                        };
                        let delay = *takes.lock().unwrap();
                        tokio::time::sleep(delay).await;
                        let _left = stream.write_all(&said).await;
                        conn = Conn::new(stream, peer);
                    }
                });
            }
        });
        Server { address, heads, delay, task: Rc::new(task) }
    }

    async fn kill(&self) {
        self.task.abort();
        while tokio::net::TcpStream::connect(self.address).await.is_ok() {}
    }

    fn targets(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads.iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect()
    }

    fn count(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    /// What leads to this file of it.
    fn token(&self, file: &str) -> String {
        Tokens::of_edges(SECRET).seal_for(&id(&self.address.to_string()), file).unwrap()
    }
}

fn edge_of(name: &str, servers: &[SocketAddr]) -> EdgeHls {
    let servers = servers.iter().map(|address| (address.ip().to_string(), address.port())).collect();
    edge_from(name, HlsFrom::Servers(servers), None)
}

fn edge_from(name: &str, from: HlsFrom, whereabouts: Option<Arc<dyn Whereabouts>>) -> EdgeHls {
    let own = ("own.example".to_owned(), HlsFrom::Servers(Vec::new()));
    let vhosts = vec![("__defaultVhost__".to_owned(), from), own];
    EdgeHls::new(EdgeConfig {
        me: id(name),
        secret: SECRET.to_vec(),
        vhosts,
        renamed: Vec::new(),
        whereabouts,
    })
    .unwrap()
}

fn edge(servers: &[SocketAddr]) -> EdgeHls {
    edge_of("edge-a", servers)
}

struct Got {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The address in its last line.
    fn last(&self) -> &str {
        self.text().lines().last().unwrap()
    }
}

fn body_of(content: Content) -> Vec<u8> {
    match content {
        Content::Bytes(bytes) => bytes.to_vec(),
        // What is large enough for another kind cannot be read back.
        other => panic!("{other:?}"),
    }
}

async fn ask(edge: &EdgeHls, request: Request<()>) -> Option<Got> {
    let answer = edge.answer(&request, "10.0.0.7:5000".parse().unwrap()).await?;
    Some(Got { status: answer.status.as_u16(), headers: answer.headers, body: body_of(answer.body) })
}

fn request(target: &str) -> Request<()> {
    Request::builder().uri(target).header("host", "play.example").body(()).unwrap()
}

async fn get(edge: &EdgeHls, target: &str) -> Got {
    ask(edge, request(target)).await.expect("its business")
}

/// A server as SRS is one: each player that comes without a mark gets one.
async fn srs() -> Server {
    let marks = Mutex::new(0);
    Server::start(move |target| {
        if target.starts_with("/live/s.m3u8?hls_ctx=") {
            let mark = target.split('=').nth(1).unwrap();
            return Some(private(&format!("#EXTM3U\n#EXTINF:2\ns-1.ts?hls_ctx={mark}\n#EXTINF:2\ns-2.ts\n")));
        }
        match target {
            "/live/s.m3u8" => {
                *marks.lock().unwrap() += 1;
                let mark = marks.lock().unwrap();
                let next = format!("/live/s.m3u8?hls_ctx=m{mark}");
                Some(private(&format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{next}\n")))
            }
            "/live/s-1.ts" | "/live/s-2.ts" => Some(said("200 OK", "", vec![b'x'; 10_000])),
            _ => Some(said("404 Not Found", "", "<html>")),
        }
    })
    .await
}

#[tokio::test]
async fn a_player_that_takes_turns_between_two_edges_gets_the_same_bytes_from_both() {
    local(async {
        let upstream = srs().await;
        let edges = [edge_of("edge-a", &[upstream.address]), edge_of("edge-b", &[upstream.address])];
        let mut lists = Vec::new();
        for turn in 0..6 {
            let list = get(&edges[turn % 2], "/live/s.m3u8").await;
            assert_eq!(list.status, 200);
            for segment in list.text().lines().filter(|line| !line.starts_with('#')) {
                // What one edge listed, the other one sends.
                let got = get(&edges[(turn + 1) % 2], &format!("/live/{segment}")).await;
                assert_eq!((got.status, got.body.len()), (200, 10_000), "{segment}");
            }
            lists.push(list.text().to_owned());
        }
        lists.dedup();
        let [one, two] = ["s-1.ts", "s-2.ts"].map(|file| upstream.token(file));
        let expected = format!("#EXTM3U\n#EXTINF:2\ns-1.ts?srs_at={one}\n#EXTINF:2\ns-2.ts?srs_at={two}\n");
        assert_eq!(lists, [expected]);
        let targets = upstream.targets();
        assert_eq!(targets.iter().filter(|target| *target == "/live/s.m3u8").count(), 2, "{targets:?}");
        assert_eq!(targets.iter().filter(|target| target.contains(".ts")).count(), 4, "{targets:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_edge_plays_under_one_mark_for_all_its_players_and_takes_another_when_that_is_refused() {
    local(async {
        let gone = Rc::new(Mutex::new(false));
        let ended = Rc::clone(&gone);
        let upstream = Server::start(move |target| match (target, *ended.lock().unwrap()) {
            ("/live/s.m3u8?k=1", false) => {
                Some(private("#EXTM3U\n#EXT-X-STREAM-INF:A=1\ns.m3u8?hls_ctx=old&k=1\n"))
            }
            ("/live/s.m3u8?k=1", true) => {
                Some(private("#EXTM3U\n#EXT-X-STREAM-INF:A=1\ns.m3u8?hls_ctx=new&k=1\n"))
            }
            ("/live/s.m3u8?hls_ctx=old&k=1", false) => Some(private(LIST)),
            ("/live/s.m3u8?hls_ctx=new&k=1", true) => Some(private(LIST)),
            _ => Some(said("404 Not Found", "", "")),
        })
        .await;
        let edge = edge(&[upstream.address]);
        for mark in ["", "&hls_ctx=", "&hls_ctx=of-another-edge"] {
            let list = get(&edge, &format!("/live/s.m3u8?k=1{mark}")).await;
            assert_eq!(list.last(), format!("s-1.ts?srs_at={}", upstream.token("s-1.ts")));
            assert_eq!(list.headers["cache-control"], "public, max-age=1");
        }
        assert_eq!(upstream.count(), 2);
        *gone.lock().unwrap() = true;
        tokio::time::advance(Duration::from_millis(1001)).await;
        assert_eq!(get(&edge, "/live/s.m3u8?k=1").await.status, 200);
        assert_eq!(upstream.count(), 5, "the old mark, none, the new one");
    })
    .await;
}

#[tokio::test]
async fn five_hundred_players_that_come_together_cost_one_request() {
    local(async {
        for cached in ["public, max-age=1", "no-cache", "max-age=0"] {
            let upstream = Server::start(move |target| match target {
                "/live/s.m3u8" => Some(said("200 OK", &format!("cache-control: {cached}\r\n"), LIST)),
                _ => Some(said("200 OK", &format!("cache-control: {cached}\r\n"), "segment")),
            })
            .await;
            let edge = edge(&[upstream.address]);
            for (count, target) in [
                (1, "/live/s.m3u8".to_owned()),
                (2, format!("/live/s-1.ts?srs_at={}", upstream.token("s-1.ts"))),
            ] {
                let all = futures_util::future::join_all((0..500).map(|_| get(&edge, &target))).await;
                assert!(all.iter().all(|got| got.status == 200 && got.body == all[0].body));
                assert_eq!(upstream.count(), count, "{cached}");
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_costs_less_than_a_second_and_is_not_asked_first_again() {
    local(async {
        let hung = Server::start(|_| None).await;
        for dead in [nobody().await, hung.address] {
            let good = Server::start(|target| match target.contains(".m3u8") {
                true => Some(public(LIST)),
                false => Some(said("200 OK", "", "segment")),
            })
            .await;
            let edge = edge(&[dead, good.address]);
            let began = tokio::time::Instant::now();
            let list = get(&edge, "/live/s.m3u8").await;
            assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
            assert_eq!(list.last(), format!("s-1.ts?srs_at={}", good.token("s-1.ts")));
            let asked = hung.count();
            assert_eq!(get(&edge, &format!("/live/{}", list.last())).await.body, b"segment");
            assert_eq!(get(&edge, "/live/other.m3u8").await.status, 200);
            assert_eq!(hung.count(), asked);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_with_the_second_server_when_the_first_is_killed() {
    local(async {
        let servers = [
            Server::start(|_| Some(public("#EXTM3U\n#EXTINF:2\na-1.ts\n"))).await,
            Server::start(|_| Some(public("#EXTM3U\n#EXTINF:2\nb-1.ts\n"))).await,
        ];
        let edge = edge(&[servers[0].address, servers[1].address]);
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("a-1.ts"));
        servers[0].kill().await;
        tokio::time::advance(Duration::from_millis(1001)).await;
        let began = tokio::time::Instant::now();
        assert!(get(&edge, "/live/s.m3u8").await.last().starts_with("b-1.ts"));
        assert!(began.elapsed() < Duration::from_secs(1));
        // The token of the first: the second may have the same.
        let old = format!("/live/a-1.ts?srs_at={}", servers[0].token("a-1.ts"));
        assert_eq!(get(&edge, &old).await.status, 200);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_last_list_is_shown_for_ten_seconds_while_no_server_has_one() {
    local(async {
        let upstream = Server::start(|_| Some(public(LIST))).await;
        let other = Server::start(|_| Some(said("404 Not Found", "", ""))).await;
        let edge = edge(&[upstream.address, other.address]);
        let first = get(&edge, "/live/s.m3u8").await;
        upstream.kill().await;
        for _ in 0..9 {
            tokio::time::advance(Duration::from_millis(1001)).await;
            let got = get(&edge, "/live/s.m3u8").await;
            assert_eq!((got.status, &got.body), (200, &first.body));
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(get(&edge, "/live/s.m3u8").await.status, 404);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_does_not_keep_players_from_the_last_list() {
    local(async {
        let hangs = Rc::new(Mutex::new(false));
        let hang = Rc::clone(&hangs);
        let upstream = Server::start(move |_| (!*hang.lock().unwrap()).then(|| public(LIST))).await;
        let edge = edge(&[upstream.address]);
        let first = get(&edge, "/live/s.m3u8").await;
        *hangs.lock().unwrap() = true;
        tokio::time::advance(Duration::from_millis(1001)).await;
        let began = tokio::time::Instant::now();
        assert_eq!(get(&edge, "/live/s.m3u8").await.body, first.body);
        assert!(began.elapsed() <= Duration::from_millis(1001));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ended_is_missing_at_once() {
    local(async {
        let ended = Rc::new(Mutex::new(false));
        let over = Rc::clone(&ended);
        let upstream = Server::start(move |_| match *over.lock().unwrap() {
            false => Some(public(LIST)),
            true => Some(said("404 Not Found", "", "")),
        })
        .await;
        let edge = edge(&[upstream.address]);
        assert_eq!(get(&edge, "/live/s.m3u8").await.status, 200);
        *ended.lock().unwrap() = true;
        tokio::time::advance(Duration::from_millis(1001)).await;
        assert_eq!(get(&edge, "/live/s.m3u8").await.status, 404);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_does_not_exist_costs_one_request_a_second_whatever_its_query() {
    local(async {
        let upstream = Server::start(|_| Some(said("404 Not Found", "", "<html>"))).await;
        let edge = edge(&[upstream.address]);
        let flood = async || {
            let targets: Vec<String> = (0..500).map(|n| format!("/live/none.m3u8?n={}", n % 100)).collect();
            for got in futures_util::future::join_all(targets.iter().map(|target| get(&edge, target))).await {
                assert_eq!(
                    (got.status, got.text()),
                    (404, "the stream is not live: no server upstream has this list\n")
                );
                assert_eq!(got.headers["access-control-allow-origin"], "*");
            }
        };
        flood().await;
        flood().await;
        assert_eq!(upstream.count(), 1);
        tokio::time::advance(Duration::from_millis(1001)).await;
        flood().await;
        assert_eq!(upstream.count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_list_is_looked_for_at_every_server() {
    local(async {
        let without = Server::start(|_| Some(said("404 Not Found", "", ""))).await;
        let with = Server::start(|_| Some(public(LIST))).await;
        let edge = edge(&[without.address, with.address]);
        assert_eq!(get(&edge, "/live/s.m3u8").await.status, 200);
        assert_eq!((without.count(), with.count()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn tokens_of_a_proxy_upstream_stay_and_lead_through_any_edge_to_its_origin() {
    local(async {
        let origins = [srs().await, srs().await];
        let proxy = relay(&[("one", origins[0].address), ("two", origins[1].address)]);
        let (listener, address) = listener().await;
        tokio::task::spawn_local(async move {
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                tokio::task::spawn_local(Arc::clone(&proxy).serve_http(stream, peer, axum::Router::new));
            }
        });
        let edges = [edge_of("edge-a", &[address]), edge_of("edge-b", &[address])];
        let lists = [get(&edges[0], "/live/s.m3u8").await, get(&edges[1], "/live/s.m3u8").await];
        assert_eq!(lists[0].text(), lists[1].text());
        let segment = lists[0].last();
        let is_of =
            |name: &str| segment == format!("s-2.ts?srs_at={}", Tokens::new(SECRET).seal(&id(name)).unwrap());
        assert!(is_of("one") || is_of("two"), "{segment}");
        for edge in edges {
            assert_eq!(get(&edge, &format!("/live/{segment}")).await.status, 200);
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_that_names_none_of_our_servers_is_the_first_servers_to_read() {
    local(async {
        let servers =
            [Server::start(|_| Some(public(LIST))).await, Server::start(|_| Some(public(LIST))).await];
        let edge = edge(&[servers[0].address, servers[1].address]);
        let unknown = Tokens::of_edges(SECRET).seal_for(&id("192.0.2.1:80"), "s-1.ts").unwrap();
        let of_proxy = Tokens::new(SECRET).seal(&id(&servers[1].address.to_string())).unwrap();
        let targets = [
            format!("/live/s-1.ts?a=1&srs_at={unknown}"),
            format!("/live/s-1.ts?srs_at={of_proxy}&a=1"),
            "/live/s-1.ts?srs_at=whatever".to_owned(),
            format!("/live/s.m3u8?srs_at={unknown}"),
        ];
        for target in &targets {
            assert_eq!(get(&edge, target).await.status, 200, "{target}");
        }
        assert_eq!(servers[0].targets(), targets);
        // One of ours is not told to its server.
        get(&edge, &format!("/live/s-1.ts?a=1&srs_at={}", servers[1].token("s-1.ts"))).await;
        assert_eq!(servers[1].targets(), ["/live/s-1.ts?a=1"]);
    })
    .await;
}

#[tokio::test]
async fn upstream_is_told_who_asks_and_for_whom() {
    local(async {
        let upstream = Server::start(|_| Some(public(LIST))).await;
        let edge = edge(&[upstream.address]);
        let mut request = request("/live/s.m3u8?a=1");
        request.headers_mut().insert(HTTP_HEADER, "forged".parse().unwrap());
        request.headers_mut().insert("cookie", "mine".parse().unwrap());
        request.extensions_mut().insert(Hops(vec![id("edge-far")]));
        ask(&edge, request).await.unwrap();
        let head = upstream.heads.lock().unwrap().pop_front().unwrap();
        assert!(head.contains("host: play.example\r\n") && !head.contains("cookie"), "{head}");
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{HTTP_HEADER}: "))).unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let to = upstream.address.to_string();
        let (told, _) = Seal::new(SECRET).open(line, |me| me == to, u64::try_from(now).unwrap()).unwrap();
        let expected = Envelope {
            from: id("edge-a"),
            role: "edge".to_owned(),
            purpose: Purpose::Pull,
            to,
            client: Some("10.0.0.7:5000".parse().unwrap()),
            term: None,
            hold: None,
            session: String::new(),
            bound: bound::of_http("GET", "/live/s.m3u8?a=1"),
            hops: vec![id("edge-far"), id("edge-a")],
        };
        assert_eq!(told, expected);
    })
    .await;
}

#[tokio::test]
async fn a_refused_loop_is_told_in_the_servers_words() {
    local(async {
        let upstream = Server::start(|_| Some(said("508 Loop Detected", "", "loop: a > b > a\n"))).await;
        let got = get(&edge(&[upstream.address]), "/live/s.m3u8").await;
        assert_eq!((got.status, got.text()), (508, "loop: a > b > a\n"));
    })
    .await;
}

#[tokio::test]
async fn what_is_no_hls_of_a_vhost_with_servers_is_nobodys_business() {
    local(async {
        let upstream = Server::start(|_| Some(public(LIST))).await;
        let edge = edge(&[upstream.address]);
        for target in ["/live/s.ts", "/live/s.flv", "/api/v1/versions", "/", "/live/s.m3u8?vhost=own.example"]
        {
            assert!(ask(&edge, request(target)).await.is_none(), "{target}");
        }
        let mut post = request("/live/s.m3u8");
        *post.method_mut() = Method::POST;
        assert!(ask(&edge, post).await.is_none());
        assert_eq!(upstream.count(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_one_clients_is_fetched_for_each() {
    local(async {
        let upstream = Server::start(|_| Some(private(LIST))).await;
        let edge = edge(&[upstream.address]);
        for _ in 0..2 {
            assert_eq!(
                get(&edge, "/live/s.m3u8").await.last(),
                format!("s-1.ts?srs_at={}", upstream.token("s-1.ts"))
            );
        }
        assert_eq!(upstream.count(), 3, "once to find out");
        for _ in 0..2 {
            let mut own = request("/live/t.m3u8");
            own.headers_mut().insert("authorization", "Basic eDp5".parse().unwrap());
            assert_eq!(ask(&edge, own).await.unwrap().status, 200);
        }
        assert_eq!(upstream.count(), 5);
    })
    .await;
}

#[tokio::test]
async fn parts_heads_and_compression_are_cut_from_what_is_kept() {
    local(async {
        let list = format!("#EXTM3U\n{}", "#EXTINF:2, no desc\ns-1.ts\n".repeat(50));
        let upstream = Server::start(move |target| match target.contains(".m3u8") {
            true => Some(public(&list)),
            false => Some(said("200 OK", "access-control-allow-origin: *\r\n", "0123456789")),
        })
        .await;
        let edge = edge(&[upstream.address]);
        let with = |target: &str, name: &'static str, value: &str| {
            let mut request = request(target);
            request.headers_mut().insert(name, value.parse().unwrap());
            request
        };
        let packed = ask(&edge, with("/live/s.m3u8", "accept-encoding", "gzip")).await.unwrap();
        assert_eq!(packed.headers["content-encoding"], "gzip");
        let mut plain = Vec::new();
        GzDecoder::new(packed.body.as_slice()).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, get(&edge, "/live/s.m3u8").await.body);
        let target = format!("/live/s-1.ts?srs_at={}", upstream.token("s-1.ts"));
        let part = ask(&edge, with(&target, "range", "bytes=2-4")).await.unwrap();
        assert_eq!((part.status, part.body.as_slice()), (206, &b"234"[..]));
        assert_eq!(part.headers["access-control-allow-origin"], "*");
        let mut head = request(&target);
        *head.method_mut() = Method::HEAD;
        assert_eq!(ask(&edge, head).await.unwrap().body.len(), 10, "its length is said, and it is not sent");
        let mut asks = request(&target);
        *asks.method_mut() = Method::OPTIONS;
        assert_eq!(ask(&edge, asks).await.unwrap().headers["access-control-allow-methods"], "*");
        assert_eq!(upstream.count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_file_too_large_for_an_answer_is_502_and_its_parts_are_sent() {
    local(async {
        let upstream = Server::start(|_| {
            let head = "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-2/99000000\r\ncontent-length: 3\r\n\r\nabc";
            Some(head.as_bytes().to_vec())
        })
        .await;
        let edge = edge(&[upstream.address]);
        let mut part = request(&format!("/live/s.mp4?srs_at={}", upstream.token("s.mp4")));
        part.headers_mut().insert("range", "bytes=0-2".parse().unwrap());
        let got = ask(&edge, part).await.unwrap();
        assert_eq!((got.status, got.body.as_slice()), (206, &b"abc"[..]));
        assert_eq!(got.headers["content-range"], "bytes 0-2/99000000");
        let large = Server::start(|_| Some(b"HTTP/1.1 200 OK\r\ncontent-length: 99000000\r\n\r\n".to_vec())).await;
        let edge = self::edge(&[large.address]);
        assert_eq!(get(&edge, "/live/s.mp4").await.status, 502);
    })
    .await;
}

#[tokio::test]
async fn no_request_reaches_another_path_upstream_than_it_asked_for() {
    local(async {
        let upstream = Server::start(|_| Some(said("200 OK", "", "segment"))).await;
        let edge = edge(&[upstream.address]);
        for path in [
            "/live/../secret.ts",
            "/live/..%2fsecret.ts",
            "/live/%252e%252e/secret.ts",
            "/live/%252e%252e%252fsecret.ts",
            "/live/..%255csecret.m3u8",
            "/live/a%0d%0aX:%20y.ts",
        ] {
            let got = ask(&edge, request(&format!("{path}?srs_at={}", upstream.token("secret.ts")))).await;
            assert!(got.is_none_or(|got| got.status == 400), "{path}");
        }
        assert_eq!(upstream.count(), 0);
        let list = "#EXTM3U\n#EXT-X-STREAM-INF:A=1\n../s.m3u8?hls_ctx=1\n";
        let climbs = Server::start(move |_| Some(public(list))).await;
        let edge = self::edge(&[climbs.address]);
        assert_eq!(get(&edge, "/live/s.m3u8").await.status, 200);
        assert_eq!(
            climbs.targets(),
            ["/live/s.m3u8"],
            "what a list names is asked for by nobody but players"
        );
    })
    .await;
}

mod ended;
mod endless;
mod hangs;
mod named;
mod places;
