use srs_amf::Value;
use srs_names::envelope::{Envelope, Purpose, RTMP_PROPERTY, bound};
use srs_net::rtmp::{Error, Request, accept};
use srs_rtmp::client;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::*;
use crate::testkit::{SECRET, id, listener, told};

const VHOST: &str = "__defaultVhost__";

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

/// The push of edge `e1` to these servers.
fn push(servers: &[SocketAddr]) -> Arc<Push> {
    push_as(servers, None)
}

/// The same into this vhost there.
fn push_as(servers: &[SocketAddr], upstream: Option<&str>) -> Arc<Push> {
    let servers = servers.iter().map(|at| (at.ip().to_string(), at.port())).collect();
    let config = PushConfig {
        me: id("e1"),
        secret: SECRET.to_vec(),
        chunk_size: 60_000,
        vhosts: vec![PushTo {
            vhost: VHOST.to_owned(),
            upstream: upstream.map(str::to_owned),
            hold: Duration::from_secs(10),
            servers,
        }],
    };
    Arc::new(Push::new(config).unwrap())
}

/// A publish of `a` that arrives at the edge by way of these nodes.
async fn publish(push: &Arc<Push>, hops: &[&str]) -> Result<Link<client::Session>, Error> {
    publish_as(push, hops, "rtmp://some.where/live", "a").await
}

/// The same in these words.
async fn publish_as(
    push: &Arc<Push>,
    hops: &[&str],
    tc_url: &str,
    stream: &str,
) -> Result<Link<client::Session>, Error> {
    let (door, address) = listener().await;
    let (push, hops) = (Arc::clone(push), hops.iter().map(|hop| id(hop)).collect());
    tokio::task::spawn_local(async move {
        let (stream, peer) = door.accept().await.unwrap();
        let (link, request) = accept(stream, server::Config::default()).await.unwrap();
        let Request::Publish(request) = request else { panic!("{request:?}") };
        push.publish(VHOST, link, request, peer, hops).await;
    });
    let connect = Value::object([("app", "live".into()), ("tcUrl", tc_url.into())]);
    let role = client::Role::Publish { kind: "live".to_owned() };
    srs_net::rtmp::dial(address, client::Config::new(connect, stream, role)).await
}

/// A publish that comes to a server, not answered yet.
async fn came(listener: &TcpListener) -> (Link<server::Session>, server::PublishRequest) {
    let (stream, _) = listener.accept().await.unwrap();
    let (link, request) = accept(stream, server::Config::default()).await.unwrap();
    let Request::Publish(request) = request else { panic!("{request:?}") };
    (link, request)
}

/// What the server at this address is told by the envelope of a publish.
fn envelope(at: SocketAddr, request: &server::PublishRequest) -> Envelope {
    let text = request.connect.object.get(RTMP_PROPERTY).and_then(Value::as_str).unwrap();
    told(&at.to_string(), text)
}

/// Answers a publish with a refusal.
async fn refuse(listener: &TcpListener, code: &str, words: &str) {
    let (mut link, _) = came(listener).await;
    link.machine().reject(code, words);
    link.drain().await.unwrap();
    link.linger().await;
}

fn refusal(link: Result<Link<client::Session>, Error>) -> (String, String) {
    match link {
        Err(Error::Refused { code, description }) => (code, description),
        other => panic!("not refused: {:?}", other.err()),
    }
}

#[tokio::test]
async fn a_server_hears_which_nodes_a_publish_has_passed() {
    local(async {
        for (hops, heard) in
            [(vec![], vec![id("e1")]), (vec!["e3", "e2"], vec![id("e3"), id("e2"), id("e1")])]
        {
            let (server, at) = listener().await;
            let push = push(&[at]);
            let (_begun, ()) = tokio::join!(publish(&push, &hops), async {
                let (mut link, request) = came(&server).await;
                let envelope = envelope(at, &request);
                assert_eq!((envelope.purpose, envelope.hops), (Purpose::Push, heard));
                link.machine().accept_publish();
                link.drain().await.unwrap();
            });
        }
    })
    .await;
}

#[tokio::test]
async fn where_one_server_names_a_loop_the_next_is_asked() {
    local(async {
        let ((one, first), (two, second)) = (listener().await, listener().await);
        let push = push(&[first, second]);
        let loops = async {
            // Whichever is asked first.
            let (stream, other) = tokio::select! {
                came = one.accept() => (came.unwrap().0, &two),
                came = two.accept() => (came.unwrap().0, &one),
            };
            let (mut link, _) = accept(stream, server::Config::default()).await.unwrap();
            link.machine().reject("NetStream.Publish.BadName", "loop: e2 > e1 > e2");
            link.drain().await.unwrap();
            let (mut good, _) = came(other).await;
            good.machine().accept_publish();
            good.drain().await.unwrap();
            (link, good)
        };
        let (begun, _links) = tokio::join!(publish(&push, &["e2"]), loops);
        assert!(begun.is_ok(), "{:?}", begun.err());
    })
    .await;
}

#[tokio::test]
async fn a_publish_that_only_goes_round_is_refused_and_the_loop_is_named() {
    local(async {
        let (server, at) = listener().await;
        let push = push(&[at]);
        let words = "loop: e1 > e2 > e1";
        let refused =
            tokio::join!(publish(&push, &[]), refuse(&server, "NetStream.Publish.BadName", words)).0;
        assert_eq!(refusal(refused), ("NetStream.Publish.BadName".to_owned(), words.to_owned()));
        let asked_again = tokio::time::timeout(Duration::from_millis(50), server.accept()).await;
        assert!(asked_again.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_publish_that_comes_round_or_from_too_far_is_not_passed_on() {
    local(async {
        let (server, at) = listener().await;
        let push = push(&[at]);
        let far: Vec<String> = (0..16).map(|node| format!("n{node}")).collect();
        let far: Vec<&str> = far.iter().map(String::as_str).collect();
        for (hops, words) in [
            (&["e3", "e1", "e2"][..], "loop: e1 > e2 > e1"),
            (&far[..], "loop: it would pass more than 16 nodes"),
        ] {
            let refused = tokio::select! {
                refused = publish(&push, hops) => refused,
                _ = server.accept() => panic!("passed on"),
            };
            assert_eq!(refusal(refused).1, words);
        }
    })
    .await;
}

/// A server's side of a publish that it lets begin, which is read for as long as `answers` is true, and then goes on
/// standing there.
struct Server {
    times: tokio::sync::mpsc::UnboundedReceiver<u32>,
    answers: tokio::sync::watch::Sender<bool>,
}

impl Server {
    async fn begin(listener: TcpListener) -> Server {
        let (stream, _) = listener.accept().await.unwrap();
        Server::serve(stream, listener).await
    }

    async fn serve(stream: tokio::net::TcpStream, listener: TcpListener) -> Server {
        let (mut link, _) = accept(stream, server::Config::default()).await.unwrap();
        link.machine().accept_publish();
        link.drain().await.unwrap();
        let (told, times) = tokio::sync::mpsc::unbounded_channel();
        let (answers, mut goes_on) = tokio::sync::watch::channel(true);
        tokio::task::spawn_local(async move {
            let hangs = async {
                let _hangs = goes_on.wait_for(|answers| !answers).await;
            };
            tokio::pin!(hangs);
            loop {
                let event = tokio::select! {
                    biased;
                    () = hangs.as_mut() => break,
                    event = link.next() => event,
                };
                match event {
                    Ok(Some(server::Event::Message(message))) => {
                        let _heard = told.send(message.timestamp);
                    }
                    Ok(Some(_)) => {}
                    _ => return,
                }
            }
            std::future::pending::<()>().await;
            drop((link, listener));
        });
        Server { times, answers }
    }

    /// Of two servers the one that is asked first, and the other.
    async fn first(one: TcpListener, two: TcpListener) -> (Server, TcpListener) {
        let (stream, here, other) = tokio::select! {
            came = one.accept() => (came.unwrap().0, one, two),
            came = two.accept() => (came.unwrap().0, two, one),
        };
        (Server::serve(stream, here).await, other)
    }
}

/// Publishes a small picture every 100 ms, for ever.
fn show(mut encoder: Link<client::Session>) {
    tokio::task::spawn_local(async move {
        for time in (0..).step_by(100) {
            let body = vec![if time == 0 { 0x17 } else { 0x27 }, 1, 0, 0, 0];
            let kind = srs_rtmp::MessageKind::VIDEO;
            let message = srs_rtmp::Message { kind, timestamp: time, stream_id: 1, body: body.into() };
            encoder.machine().write(&message);
            if encoder.drain().await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_left_for_the_next_within_three_seconds() {
    local(async {
        let ((one, first), (two, second)) = (listener().await, listener().await);
        let push = push(&[first, second]);
        let (encoder, (mut server, other)) = tokio::join!(publish(&push, &[]), Server::first(one, two));
        show(encoder.unwrap());
        while server.times.recv().await.unwrap() < 10_000 {}
        server.answers.send(false).unwrap();
        let hung = tokio::time::Instant::now();
        let mut next = Server::begin(other).await;
        assert!(hung.elapsed() <= Duration::from_millis(3_100), "{:?}", hung.elapsed());
        while next.times.recv().await.unwrap() < 20_000 {}
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_all_and_says_nothing_is_stayed_with() {
    local(async {
        let (listener, at) = listener().await;
        let push = push(&[at]);
        let begun = async {
            let (mut link, _) = came(&listener).await;
            link.machine().accept_publish();
            link.drain().await.unwrap();
            link.split()
        };
        let (encoder, (mut reader, _write, _)) = tokio::join!(publish(&push, &[]), begun);
        show(encoder.unwrap());
        let began = tokio::time::Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            assert!(reader.fill().await.unwrap(), "left after {:?}", began.elapsed());
        }
    })
    .await;
}

#[tokio::test]
async fn a_publish_is_passed_on_to_the_vhost_upstream_with_all_else_that_was_said() {
    local(async {
        let (server, at) = listener().await;
        for (upstream, host) in [(Some("up.example"), "up.example".to_owned()), (None, at.to_string())] {
            let push = push_as(&[at], upstream);
            let said = publish_as(&push, &[], "rtmp://here:1936/live?vhost=v&k=1", "a?domain=w&token=1");
            let (_begun, ()) = tokio::join!(said, async {
                let (mut link, request) = came(&server).await;
                let connect = &request.connect;
                assert_eq!(connect.tc_url, format!("rtmp://{host}/live?k=1"));
                assert_eq!((connect.app.as_str(), request.stream.as_str()), ("live", "a?token=1"));
                let words = bound::of_rtmp("publish", "live", &connect.tc_url, "a?token=1");
                assert_eq!(envelope(at, &request).bound, words);
                link.machine().accept_publish();
                link.drain().await.unwrap();
            });
        }
    })
    .await;
}

#[tokio::test]
async fn a_publish_that_comes_round_by_nodes_that_do_not_know_each_other_is_refused() {
    local(async {
        let (door, at) = listener().await;
        let push = push(&[at]);
        let ours = Arc::clone(&push);
        let rounds = tokio::task::spawn_local(async move {
            for _ in 0..100 {
                let (link, request) = came(&door).await;
                let push = Arc::clone(&ours);
                tokio::task::spawn_local(async move {
                    let peer = ([127, 0, 0, 1], 1).into();
                    push.publish(VHOST, link, request, peer, Vec::new()).await;
                });
            }
        });
        let refused = tokio::select! {
            refused = publish(&push, &[]) => refused,
            _ = rounds => panic!("round and round"),
        };
        let (code, words) = refusal(refused);
        assert!(code == "NetStream.Publish.BadName" && words.starts_with("loop: "), "{code} {words}");
    })
    .await;
}
