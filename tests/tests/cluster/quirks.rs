//! What encoders and players are known to do beside the book, through the proxy.

use bytes::{BufMut, BytesMut};
use srs_amf::Value;
use srs_rtmp::chunk::Writer;
use srs_rtmp::{Command, Message, MessageKind};
use srs_tests::clients::raw::{Raw, command_bytes, connect_bytes};
use srs_tests::{Cluster, Player, Publisher, Source, Target};

/// Publishes a clip after these commands, and watches it as `live/NAME`.
async fn publishes(name: &str, commands: &[(Command, u32)]) {
    let cluster = Cluster::build().start().await;
    let target = Target::live(name);
    let mut raw = Raw::open(cluster.rtmp()).await;
    raw.say_connect().await;
    for (command, stream) in commands {
        raw.send(&command_bytes(command, *stream)).await;
    }
    raw.hears(b"NetStream.Publish.Start").await;
    is_watched(&cluster, &mut raw, &target).await;
}

async fn is_watched(cluster: &Cluster, raw: &mut Raw, target: &Target) {
    let clip = Source::new(101).clip(5);
    let mut out = BytesMut::new();
    clip.iter().for_each(|frame| Writer::new(128).write(&frame.message(), &mut out));
    raw.send(&out).await;
    let mut player = Player::connect(cluster.rtmp(), target).await.expect("playing begins");
    player.reach(clip.last().expect("frames").mark()).await;
}

fn command(name: &str, transaction: f64) -> Command {
    Command::new(name, transaction, Value::Null)
}

#[tokio::test]
async fn a_publisher_may_skip_release_stream_and_fcpublish() {
    let publish = command("publish", 3.0).with("skips").with("live");
    publishes("skips", &[(command("createStream", 2.0), 0), (publish, 1)]).await;
}

#[tokio::test]
async fn a_publisher_may_send_fcpublish_after_create_stream_and_unknown_commands_anywhere() {
    let commands = [
        (command("_checkbw", 2.0), 0),
        (command("createStream", 3.0), 0),
        (command("FCPublish", 4.0).with("late-fc"), 0),
        (command("releaseStream", 5.0).with("late-fc"), 0),
        (command("madeUp", 6.0).with(Value::Undefined), 0),
        (command("publish", 7.0).with("late-fc").with("live"), 1),
    ];
    publishes("late-fc", &commands).await;
}

#[tokio::test]
async fn a_publisher_may_number_every_transaction_zero_and_leave_the_kind_out() {
    publishes("zeros", &[(command("createStream", 0.0), 0), (command("publish", 0.0).with("zeros"), 1)])
        .await;
}

#[tokio::test]
async fn commands_may_come_in_amf3_messages() {
    let cluster = Cluster::build().start().await;
    let mut raw = Raw::open(cluster.rtmp()).await;
    let object = Value::object([("app", "live".into()), ("tcUrl", "rtmp://127.0.0.1/live".into())]);
    let commands = [
        (Command::new("connect", 1.0, object), 0),
        (command("createStream", 2.0), 0),
        (command("publish", 3.0).with("amf3").with("live"), 1),
    ];
    for (command, stream) in commands {
        let plain = command.message(stream);
        let mut body = BytesMut::new();
        body.put_u8(0);
        body.put_slice(&plain.body);
        let wrapped = Message { kind: MessageKind::COMMAND_AMF3, body: body.freeze(), ..plain };
        let mut out = BytesMut::new();
        Writer::new(128).write(&wrapped, &mut out);
        raw.send(&out).await;
    }
    raw.hears(b"NetStream.Publish.Start").await;
    is_watched(&cluster, &mut raw, &Target::live("amf3")).await;
}

#[tokio::test]
async fn everything_may_come_in_one_packet_or_byte_by_byte() {
    let cluster = Cluster::build().start().await;
    for (name, bit_by_bit) in [("one-packet", false), ("bytes", true)] {
        let mut raw = Raw::open(cluster.rtmp()).await;
        let mut bytes = connect_bytes().to_vec();
        bytes.extend(command_bytes(&command("createStream", 2.0), 0));
        bytes.extend(command_bytes(&command("publish", 3.0).with(name).with("live"), 1));
        let step = if bit_by_bit { 1 } else { bytes.len() };
        for piece in bytes.chunks(step) {
            raw.send(piece).await;
            tokio::task::yield_now().await;
        }
        raw.hears(b"NetStream.Publish.Start").await;
        is_watched(&cluster, &mut raw, &Target::live(name)).await;
    }
}

#[tokio::test]
async fn a_player_may_ask_for_lengths_and_bandwidth_first() {
    let cluster = Cluster::build().start().await;
    let target = Target::live("asks");
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(&Source::new(102).clip(5)).await;
    cluster.holder("asks").await;
    let mut raw = Raw::open(cluster.rtmp()).await;
    raw.say_connect().await;
    for ask in [
        command("checkbw", 2.0),
        command("createStream", 3.0),
        command("getStreamLength", 4.0).with("asks"),
        command("FCSubscribe", 5.0).with("asks"),
    ] {
        raw.send(&command_bytes(&ask, 0)).await;
    }
    raw.send(&command_bytes(&command("play", 6.0).with("asks").with(-2000.0), 1)).await;
    raw.hears(b"NetStream.Play.Start").await;
    raw.hears(b"onMetaData").await;
}

/// Publishes by one spelling and watches by another.
async fn agree(cluster: &Cluster, publish: Target, play: Target) {
    let mut publisher = Publisher::connect(cluster.rtmp(), &publish).await.expect("publishing begins");
    publisher.send_all(&Source::new(103).clip(5)).await;
    let mut player = Player::connect(cluster.rtmp(), &play).await.expect("playing begins");
    player.reach(*publisher.sent.last().expect("frames")).await;
}

fn spelled(app: &str, tc_url: &str, stream: &str) -> Target {
    Target { app: app.to_owned(), tc_url: tc_url.to_owned(), ..Target::live(stream) }
}

#[tokio::test]
async fn vhosts_and_tokens_may_stand_in_app_tc_url_or_stream() {
    let cluster = Cluster::build().start().await;
    let at = |number: u32| spelled("live", "rtmp://v.example.com/live", &format!("spelled-{number}"));
    let spellings = [
        spelled("live?vhost=v.example.com", "rtmp://10.1.2.3/live?vhost=v.example.com", "spelled-0"),
        spelled("live", "rtmp://10.1.2.3/live", "spelled-1?vhost=v.example.com&token=x"),
        spelled("live...vhost...v.example.com", "rtmp://10.1.2.3/live...vhost...v.example.com", "spelled-2"),
        spelled("live/_definst_", "rtmp://v.example.com:1935/live/_definst_", "spelled-3"),
        spelled("live", "rtmp://v.example.com:19350/live?token=x", "spelled-4?secret=y"),
    ];
    for (number, spelling) in (0..).zip(spellings) {
        agree(&cluster, spelling, at(number)).await;
    }
}

#[tokio::test]
async fn an_app_may_have_several_levels() {
    let cluster = Cluster::build().start().await;
    let deep = spelled("a/b", "rtmp://127.0.0.1/a/b", "deep");
    let other = spelled("a", "rtmp://127.0.0.1/a", "b/deep");
    agree(&cluster, deep, other).await;
}

#[tokio::test]
async fn a_publisher_without_a_stream_key_is_told() {
    let cluster = Cluster::build().start().await;
    let refused = Publisher::connect(cluster.rtmp(), &Target::live("")).await.err().expect("no name");
    assert_eq!(refused.code(), "NetStream.Publish.BadName");
}
