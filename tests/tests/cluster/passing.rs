//! The proxy is invisible: what the client says reaches the origin, what the origin says reaches the client.

use srs_amf::Value;
use srs_tests::cluster::register;
use srs_tests::fake::{self, Asked};
use srs_tests::media::payloads;
use srs_tests::{Cluster, FlvPlayer, Player, Publisher, Source, Target, until};

/// A client that says a lot.
fn talkative(stream: &str) -> Target {
    let list = Value::StrictArray(vec!["hvc1".into(), "av01".into()]);
    let nested = Value::object([("deep", Value::Null), ("date", Value::Date { ms: 1.5, tz: 0 })]);
    Target {
        app: "live?token=a%20b".to_owned(),
        tc_url: "rtmp://media.example.com:1935/live?vhost=media.example.com&token=a%20b".to_owned(),
        stream: format!("{stream}?secret=x&secret=y&empty="),
        fields: vec![
            ("fourCcList".to_owned(), list),
            ("capsEx".to_owned(), 4.0.into()),
            ("pageUrl".to_owned(), "http://example.com/ü".into()),
            ("private".to_owned(), nested),
            ("objectEncoding".to_owned(), 0.0.into()),
        ],
        arguments: vec!["user".into(), "password".into(), Value::Boolean(true)],
    }
}

#[tokio::test]
async fn the_whole_connect_object_and_every_query_reach_the_origin() {
    let mut plain = fake::Rtmp::start(Vec::new()).await;
    let cluster = Cluster::build().origins(0).backend(plain.address, None).start().await;
    let target = talkative("said");
    let _publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    let Asked::Publish(request) = plain.asked().await else { panic!("a publish was asked for") };
    let played = Player::connect(cluster.rtmp(), &target).await;
    assert!(played.is_ok());
    let Asked::Play(wish) = plain.asked().await else { panic!("a play was asked for") };
    assert_eq!((&request.stream, &wish.stream), (&target.stream, &target.stream));
    assert_eq!(request.kind, "live");
    for connect in [&request.connect, &wish.connect] {
        assert_eq!((&connect.app, &connect.tc_url), (&target.app, &target.tc_url));
        assert_eq!(connect.arguments, target.arguments);
        let fields = connect.object.fields().expect("an object");
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let want = [
            "app",
            "type",
            "flashVer",
            "tcUrl",
            "fourCcList",
            "capsEx",
            "pageUrl",
            "private",
            "objectEncoding",
        ];
        assert_eq!(names, want, "every field, in order");
        for (name, value) in &target.fields {
            assert_eq!(connect.object.get(name), Some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn the_default_backend_may_be_any_rtmp_server() {
    let clip = Source::new(11).clip(12);
    let marks: Vec<_> = clip.iter().map(srs_tests::Frame::mark).collect();
    let plain = fake::Rtmp::start(clip.clone()).await;
    let cluster = Cluster::build().origins(0).backend(plain.address, None).start().await;
    let mut player = Player::connect(cluster.rtmp(), &Target::live("any")).await.expect("playing begins");
    player.finish().await;
    assert_eq!(payloads(&player.got), payloads(&marks));
    let mut publisher =
        Publisher::connect(cluster.rtmp(), &Target::live("any")).await.expect("publishing begins");
    publisher.send_all(&clip).await;
    let sent = publisher.goodbye().await;
    until("every frame at the plain server", async || (plain.published().len() == sent.len()).then_some(()))
        .await;
    assert_eq!(plain.published(), sent, "metadata with @setDataFrame, and all times, as they were sent");
}

#[tokio::test]
async fn an_origin_is_preferred_to_none_and_a_registered_one_serves() {
    let plain = fake::Rtmp::start(Source::new(12).clip(3)).await;
    let cluster = Cluster::build().origins(0).start().await;
    let refused =
        Player::connect(cluster.rtmp(), &Target::live("nowhere")).await.err().expect("no origin yet");
    assert_eq!(refused.code(), "NetStream.Play.StreamNotFound");
    register(cluster.proxy().system_api(), "plain", plain.address, None).await;
    let mut player = Player::connect(cluster.rtmp(), &Target::live("nowhere")).await.expect("playing begins");
    player.finish().await;
    assert_eq!(srs_tests::media::coded(&player.got).len(), 9);
}

#[tokio::test]
async fn status_fields_and_body_of_the_origin_reach_an_http_viewer() {
    let answer = "HTTP/1.1 403 Forbidden by hook\r\nServer: Other/1\r\nX-Why: token\r\nX-Why: twice\r\n\
                  Set-Cookie: a=b\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nKeep-Alive: timeout=5\r\n\r\nno!!\n";
    let mut origin = fake::Http::start(answer).await;
    let cluster = Cluster::build().origins(0).backend(origin.address, Some(origin.address)).start().await;
    let head = "GET /live/x.flv?token=a%20b&q= HTTP/1.1\r\nHost: media.example.com:8080\r\nX-Own: kept\r\n\
                Range: bytes=0-\r\nUser-Agent: kit\r\n\r\n";
    let reply = srs_tests::http::exchange(cluster.http(), head.as_bytes()).await;
    let (got, length) = srs_tests::http::Head::parse(&reply).expect("a whole head");
    assert_eq!(got.status, 403);
    let want = [("server", "Other/1"), ("x-why", "token"), ("set-cookie", "a=b"), ("content-length", "5")];
    for (name, value) in want {
        assert_eq!(got.field(name), Some(value), "{got:?}");
    }
    assert_eq!(got.fields.iter().filter(|(name, _)| name == "x-why").count(), 2, "{got:?}");
    assert_eq!(got.field("keep-alive"), None, "what belongs to one connection stays there");
    assert_eq!(&reply[length..], b"no!!\n");
    let request = origin.request().await;
    let line = request.lines().next().expect("a request line");
    assert_eq!(line, "GET /live/x.flv?token=a%20b&q= HTTP/1.1");
    let lower = request.to_ascii_lowercase();
    for field in [
        "host: media.example.com:8080",
        "x-own: kept",
        "range: bytes=0-",
        "user-agent: kit",
        "x-forwarded-for: 127.0.0.1",
    ] {
        assert!(lower.contains(field), "{field} in {request:?}");
    }
}

#[tokio::test]
async fn a_redirect_of_the_origin_reaches_an_http_viewer() {
    let answer =
        "HTTP/1.1 302 Found\r\nLocation: http://edge.example.com/live/x.flv\r\nContent-Length: 0\r\n\r\n";
    let origin = fake::Http::start(answer).await;
    let cluster = Cluster::build().origins(0).backend(origin.address, Some(origin.address)).start().await;
    let mut flv = FlvPlayer::request(cluster.http(), &Target::flv("x")).await;
    let head = flv.head().await;
    assert_eq!((head.status, head.field("location")), (302, Some("http://edge.example.com/live/x.flv")));
}

#[tokio::test]
async fn a_refusal_of_the_origin_reaches_the_publisher_in_its_words() {
    let cluster = Cluster::build()
        .origins(1)
        .vhost(|vhost| vhost.publish.takeover = srs_origin::config::Takeover::Refuse);
    let cluster = cluster.start().await;
    let target = Target::live("words");
    let direct = cluster.origin(0).rtmp()[0];
    let _first = Publisher::connect(direct, &target).await.expect("publishing begins");
    let at_origin = Publisher::connect(direct, &target).await.err().expect("busy");
    let at_proxy = Publisher::connect(cluster.rtmp(), &target).await.err().expect("busy");
    assert_eq!(at_origin, at_proxy);
    assert_eq!(at_origin.code(), "NetStream.Publish.BadName");
}
