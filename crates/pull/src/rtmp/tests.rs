use bytes::BytesMut;
use srs_names::NodeId;
use srs_rtmp::MessageKind;
use tokio::task::LocalSet;

use super::*;
use crate::plan::Scheme;
use crate::testkit::{Manner, Say, Server, inter, key_frame, message};

fn target(host: &str, port: u16, path: &str, query: &str, vhost: Option<&str>) -> Target {
    Target {
        scheme: Scheme::Rtmp,
        host: host.to_owned(),
        port,
        login: None,
        path: path.to_owned(),
        query: query.to_owned(),
        vhost: vhost.map(str::to_owned),
        srt: Default::default(),
    }
}

fn words(app: &str, tc_url: &str, stream: &str) -> Words {
    Words { app: app.to_owned(), tc_url: tc_url.to_owned(), stream: stream.to_owned() }
}

#[test]
fn a_target_is_said_in_words_of_rtmp() {
    let said = |host, path, query, vhost| Words::of(&target(host, 1935, path, query, vhost));
    assert_eq!(said("h", "/a/b/s", "k=v", None), words("a/b", "rtmp://h:1935/a/b", "s?k=v"));
    assert_eq!(said("::1", "/a/s", "", None), words("a", "rtmp://[::1]:1935/a", "s"));
    assert_eq!(said("h", "/a/s", "", Some("v.example")), words("a", "rtmp://v.example/a", "s"));
    assert_eq!(said("h", "/a/s", "", Some("__defaultVhost__")), words("a", "rtmp://h:1935/a", "s"));
    assert_eq!(said("h", "/s", "", None), words(DEFAULT_APP, "rtmp://h:1935/__defaultApp__", "s"));
}

#[test]
fn who_asks_is_said_in_the_arguments_where_that_is_configured() {
    let arguments = |debug| {
        let me = NodeId::new("me").unwrap();
        let asker = Asker { seal: None, me, client: None, hops: Vec::new(), debug, servers: Vec::new() };
        Words::of(&target("h", 1, "/a/s", "", None))
            .config(&target("h", 1, "/a/s", "", None), Some(&asker))
            .arguments
    };
    assert!(arguments(false).is_empty());
    assert_eq!(arguments(true)[0].get("srs_id").and_then(Value::as_str), Some("me"));
}

async fn session(server: &Server) -> Result<Session, Failed> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let target = target("127.0.0.1", server.address.port(), "/live/s", "", None);
    Session::open(stream, &target, None).await
}

async fn shown(session: &mut Session) -> String {
    loop {
        match session.next().await {
            Ok(Event::Alive) => {}
            Ok(Event::Frame(frame)) => return format!("{:?} {:?}", frame.kind, frame.role),
            other => return format!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_a_server_says_to_its_players_is_understood_or_left_out() {
    let body = async {
        let text = |name: &str| {
            let mut body = BytesMut::new();
            srs_amf::encode(&name.into(), &mut body);
            message(MessageKind::DATA_AMF0, 0, &body)
        };
        let opening = vec![text("|RtmpSampleAccess"), text("onStatus"), text("onCuePoint"), key_frame(0, 1)];
        let server = Server::new(Manner::Play(opening)).await;
        let mut session = session(&server).await.unwrap();
        assert_eq!(shown(&mut session).await, "Data Other");
        assert_eq!(shown(&mut session).await, "Video Key");
        server.say(Say::Status("NetStream.Play.Held"));
        assert_eq!(shown(&mut session).await, "Ok(Held)");
        server.say(Say::Status("NetStream.Play.Start"));
        assert_eq!(shown(&mut session).await, "Ok(Live)");
        server.send(inter(40, 1));
        assert_eq!(shown(&mut session).await, "Video Inter");
        server.say(Say::Status("NetStream.Play.UnpublishNotify"));
        assert_eq!(shown(&mut session).await, "Ok(Over)");
        server.say(Say::Status("NetStream.Play.StreamNotFound"));
        assert_eq!(session.next().await.unwrap_err().kind, MissingKind::NotFound);
        server.say(Say::Close);
        assert_eq!(session.next().await.unwrap_err().kind, MissingKind::Unreachable);
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test]
async fn a_refusal_tells_what_a_viewer_is_told() {
    let body = async {
        for (code, description, kind) in [
            ("NetStream.Play.StreamNotFound", "no", MissingKind::NotFound),
            ("NetStream.Play.StreamNotFound", "loop: a > b > a", MissingKind::Loop),
            ("NetStream.Play.Failed", "a bad token", MissingKind::Forbidden),
        ] {
            let server = Server::new(Manner::Refuse(code, description)).await;
            let refused = session(&server).await.unwrap_err();
            assert_eq!((refused.kind, refused.why.as_str()), (kind, description));
        }
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_of_stream_is_believed_when_nothing_follows() {
    let body = async {
        let server = Server::new(Manner::Play(vec![key_frame(0, 1)])).await;
        let mut session = session(&server).await.unwrap();
        assert_eq!(shown(&mut session).await, "Video Key");
        server.say(Say::Eof);
        server.send(inter(40, 1));
        assert_eq!(shown(&mut session).await, "Video Inter");
        server.say(Say::Eof);
        assert_eq!(shown(&mut session).await, "Ok(Over)");
    };
    LocalSet::new().run_until(body).await;
}
