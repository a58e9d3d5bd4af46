use super::*;
use crate::testkit::{Served, read_all, read_until};
use axum::routing::{get, post};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// `/hit` counts, `/echo` returns the body.
fn router() -> (Router, Arc<AtomicUsize>) {
    let hits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&hits);
    let hit = move || {
        counter.fetch_add(1, Ordering::SeqCst);
        std::future::ready("hit")
    };
    let router = Router::new()
        .route("/hit", get(hit))
        .route("/echo", post(|body: String| std::future::ready(body)))
        .route("/ignore", post(|| std::future::ready("ignored")));
    (router, hits)
}

const SMUGGLED: &str = "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn no_ambiguous_request_smuggles_a_second_one() {
    let (router, hits) = router();
    let served = Served::start(router, Limits::default()).await;
    let length = SMUGGLED.len();
    for fields in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n"),
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n"),
        format!("Content-Length: 0, {length}\r\n\r\n"),
        "Content-Length: +0\r\n\r\n".to_owned(),
        "Content-Length: \r\n\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n".to_owned(),
        format!("X: a\r\n Content-Length: {length}\r\n\r\n"),
        "X: a\nContent-Length: 0\r\n\r\n".to_owned(),
        "X: a\n\n".to_owned(),
        "X : a\r\n\r\n".to_owned(),
        ": a\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\n\r\n0;x=\n1\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n".to_owned(),
    ] {
        let text = format!("POST /echo HTTP/1.1\r\nHost: a\r\n{fields}{SMUGGLED}");
        let answer = served.say(text.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{fields:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{fields:?}: {answer}");
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn http_1_0_with_a_transfer_encoding_is_400() {
    let (router, hits) = router();
    let served = Served::start(router, Limits::default()).await;
    let text = format!(
        "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}"
    );
    assert!(served.say(text.as_bytes()).await.starts_with("HTTP/1.1 400 "));
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_body_that_no_handler_read_is_not_a_request() {
    let (router, hits) = router();
    let served = Served::start(router, Limits::default()).await;
    let text =
        format!("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len());
    let text = format!("{text}GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let answer = served.say(text.as_bytes()).await;
    assert!(answer.contains("ignored"), "{answer}");
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn several_requests_on_one_connection_are_answered() {
    let (router, hits) = router();
    let served = Served::start(router, Limits::default()).await;
    let echo = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let last = "GET /hit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = served.say(format!("{SMUGGLED}{echo}{last}").as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    assert!(answer.contains("abc"), "{answer}");
    assert_eq!(hits.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_head_of_a_mebibyte_is_431() {
    let served = Served::start(router().0, Limits::default()).await;
    let text = format!("GET /hit HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(1 << 20));
    assert!(served.say(text.as_bytes()).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn ten_thousand_fields_are_431() {
    let served = Served::start(router().0, Limits::default()).await;
    let text = format!("GET /hit HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: a\r\n".repeat(10_000));
    assert!(served.say(text.as_bytes()).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_hundred_fields_in_sixteen_kibibytes_pass() {
    let served = Served::start(router().0, Limits::default()).await;
    let fields = format!("X: {}\r\n", "a".repeat(150)).repeat(98);
    let text = format!("GET /hit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    assert!(served.say(text.as_bytes()).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_408_after_five_seconds() {
    let served = Served::start(router().0, Limits::default()).await;
    let mut stream = served.connect().await;
    let begun = tokio::time::Instant::now();
    let mut sent = 0;
    let mut bytes = b"GET /hit HTTP/1.1\r\nHost: a\r\n".iter();
    let mut answer = String::new();
    while answer.is_empty() {
        stream.write_all(&[*bytes.next().expect("408 comes before the head is over")]).await.unwrap();
        sent += 1;
        let mut part = [0; 4096];
        if let Ok(read) = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut part)).await {
            answer.push_str(std::str::from_utf8(&part[..read.unwrap()]).unwrap());
        }
    }
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!((5..=6).contains(&begun.elapsed().as_secs()) && sent <= 6, "{:?} {sent}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_without_a_word() {
    let served = Served::start(router().0, Limits::default()).await;
    let mut stream = served.connect().await;
    let begun = tokio::time::Instant::now();
    assert_eq!(read_all(&mut stream).await, "");
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_given_up() {
    let hung_up = Arc::new(Notify::new());
    struct Told(Arc<Notify>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let told = Arc::clone(&hung_up);
    let big = move || {
        let told = Told(Arc::clone(&told));
        let parts = futures_body(told);
        std::future::ready(axum::body::Body::new(parts))
    };
    let served = Served::start(Router::new().route("/big", get(big)), Limits::default()).await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let begun = tokio::time::Instant::now();
    tokio::time::timeout(crate::testkit::HANG, hung_up.notified()).await.expect("the answer is dropped");
    assert!(begun.elapsed() >= Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(stream);
}

/// A body without end that holds on to something while it is sent.
fn futures_body<T: Send + Unpin + 'static>(
    held: T,
) -> impl hyper::body::Body<Data = bytes::Bytes, Error = std::convert::Infallible> {
    struct Endless<T>(T);
    impl<T: Unpin> hyper::body::Body for Endless<T> {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
            static PART: [u8; 65_536] = [b'x'; 65_536];
            std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(bytes::Bytes::from_static(&PART)))))
        }
    }
    Endless(held)
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_room_is_made_by_those_that_end() {
    for limits in
        [Limits { connections: 2, ..Limits::default() }, Limits { per_source: 2, ..Limits::default() }]
    {
        let served = Served::start(router().0, limits).await;
        let mut first = served.connect().await;
        let mut second = served.connect().await;
        for stream in [&mut first, &mut second] {
            stream.write_all(SMUGGLED.as_bytes()).await.unwrap();
            read_until(stream, "hit").await;
        }
        assert_eq!(served.say(SMUGGLED.as_bytes()).await, "", "the third is closed");
        first.write_all(b"GET /hit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(read_all(&mut first).await.ends_with("hit"));
        drop(first);
        // The place is free when the server has seen the end, which the next answer shows.
        let closing = "GET /hit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let again = async {
            while !served.say(closing.as_bytes()).await.ends_with("hit") {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::testkit::HANG, again).await.unwrap();
    }
}

/// Connects from 127.0.0.`last`.
async fn connect_from(last: u8, address: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    socket.connect(address).await.unwrap()
}

#[tokio::test]
async fn strangers_do_not_keep_known_callers_out() {
    let limits = Limits { connections: 3, strangers: 2, ..Limits::default() };
    let is_known = |ip: IpAddr| ip == IpAddr::from([127, 0, 0, 1]);
    let served = Served::start_among(router().0, limits, is_known).await;
    let mut idle = Vec::new();
    for last in 2..4 {
        let mut stream = connect_from(last, served.address).await;
        stream.write_all(SMUGGLED.as_bytes()).await.unwrap();
        read_until(&mut stream, "hit").await;
        idle.push(stream);
    }
    let mut one_too_many = connect_from(4, served.address).await;
    let _closed = one_too_many.write_all(SMUGGLED.as_bytes()).await;
    assert_eq!(read_all(&mut one_too_many).await, "");
    let closing = b"GET /hit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert!(served.say(closing).await.ends_with("hit"));
}

#[tokio::test]
async fn a_panic_while_one_caller_is_accepted_does_not_keep_the_next_out() {
    let first = AtomicUsize::new(0);
    let fragile = move |_| {
        assert!(first.fetch_add(1, Ordering::SeqCst) > 0, "on purpose");
        true
    };
    let served = Served::start_among(router().0, Limits::default(), fragile).await;
    assert_eq!(served.say(SMUGGLED.as_bytes()).await, "", "closed");
    let closing = b"GET /hit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert!(served.say(closing).await.ends_with("hit"));
}

#[tokio::test]
async fn a_running_request_ends_before_shutdown_does_and_idle_connections_at_once() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        move || {
            let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
            async move {
                begun.notify_one();
                go_on.notified().await;
                "slow"
            }
        }
    };
    let served = Served::start(Router::new().route("/slow", get(slow)), Limits::default()).await;
    let (mut idle, mut busy) = (served.connect().await, served.connect().await);
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    begun.notified().await;
    let address = served.address;
    let task = served.stop();
    assert_eq!(read_all(&mut idle).await, "");
    assert!(!task.is_finished());
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    go_on.notify_one();
    assert!(read_all(&mut busy).await.ends_with("slow"));
    tokio::time::timeout(crate::testkit::HANG, task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_panic_ends_its_own_connection_only() {
    let boom = || async {
        if std::hint::black_box(true) {
            panic!("a test of what a panic ends");
        }
    };
    let (router, _) = router();
    let served = Served::start(router.route("/boom", get(boom)), Limits::default()).await;
    assert_eq!(served.say(b"GET /boom HTTP/1.1\r\nHost: a\r\n\r\n").await, "");
    let closing = b"GET /hit HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert!(served.say(closing).await.ends_with("hit"));
}

#[tokio::test]
async fn requests_know_their_peer() {
    let who = |axum::Extension(Peer(peer)): axum::Extension<Peer>| std::future::ready(peer.to_string());
    let served = Served::start(Router::new().route("/who", get(who)), Limits::default()).await;
    let mut stream = served.connect().await;
    let ours = stream.local_addr().unwrap().to_string();
    stream.write_all(b"GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(read_all(&mut stream).await.ends_with(&ours));
}
