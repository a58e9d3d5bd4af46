//! What is published by SRT where its streams are published elsewhere: it goes on as RTMP, by the way that all publishes take
//! from here.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use srs_amf::Value;
use srs_flv::transport::Transport;
use srs_media::{Frame, Kind};
use srs_net::rtmp::{Error, Link};
use srs_net::shards;
use srs_net::srt::{Connection, Knock};
use srs_rtmp::{Message, MessageKind, client};
use srs_srt::{Reason, engine};
use tokio::net::{TcpListener, TcpStream};

use super::{Asked, let_in};
use crate::{Gateway, shown};

impl Gateway {
    /// Lets a publish go where it belongs: as a publisher of RTMP would at this very node, from where the caller is.
    pub(super) async fn push_srt(self: Arc<Self>, knock: Knock, asked: Asked) {
        let accepted = match self.srt_engine(&knock) {
            Ok(accepted) => accepted,
            Err(no) => return self.refuse_srt(knock, asked.peer, &no),
        };
        let key = asked.key.clone();
        let opened = Arc::clone(&self).open_to_ourselves(&asked).await;
        let link = match opened {
            Ok(link) => link,
            Err(error) => {
                tracing::warn!(peer = shown(asked.peer), stream = %key, %error, "srt publish cannot be passed on");
                return knock.refuse(Reason::GATEWAY);
            }
        };
        tracing::info!(peer = shown(asked.peer), stream = %key, "srt publish is passed on");
        let connection = let_in(knock, accepted);
        pass_on(&connection, link, &key.to_string()).await;
        tracing::info!(peer = shown(asked.peer), stream = %key, "srt publish that was passed on ended");
    }

    /// A session of RTMP with this node, over its own loopback.
    async fn open_to_ourselves(self: Arc<Self>, asked: &Asked) -> Result<Link<client::Session>, Error> {
        let (ours, theirs) = pair().await?;
        let peer = asked.peer;
        shards::spawn(self.serve_rtmp(ours, peer));
        let tc_url = format!("rtmp://{}/{}", asked.key.vhost(), asked.key.app());
        let connect = [("app", asked.key.app().into()), ("tcUrl", tc_url.as_str().into())];
        let name = asked.key.stream();
        let stream = if asked.query.is_empty() { name.to_owned() } else { format!("{name}?{}", asked.query) };
        let role = client::Role::Publish { kind: "live".to_owned() };
        srs_net::rtmp::open(theirs, client::Config::new(Value::object(connect), &stream, role)).await
    }
}

/// Both ends of a connection of this process with itself.
async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let theirs = TcpStream::connect(listener.local_addr()?).await?;
    let own: SocketAddr = theirs.local_addr()?;
    loop {
        let (ours, from) = listener.accept().await?;
        // Another program may have found the port.
        if from == own {
            srs_net::tcp::tune(&ours)?;
            srs_net::tcp::tune(&theirs)?;
            return Ok((ours, theirs));
        }
    }
}

/// Until either side ends.
async fn pass_on(connection: &Connection, mut link: Link<client::Session>, stream: &str) {
    let mut transport = Transport::default();
    loop {
        tokio::select! {
            biased;
            message = poll_fn(|cx| connection.poll_message(cx)) => {
                let machine = link.machine();
                let mut write = |frame: Frame| machine.write(&message_of(frame));
                let Some(message) = message else {
                    transport.flush(&mut write);
                    let ended = poll_fn(|cx| connection.poll_ended(cx)).await;
                    // Else the line broke, and upstream is to wait for the publisher.
                    if ended == engine::Ended::Peer {
                        machine.close();
                        if link.drain().await.is_ok() {
                            link.linger().await;
                        }
                    }
                    return;
                };
                transport.push(&message, &mut write, &mut |text| tracing::warn!(stream, "srt publish: {text}"));
                if link.drain().await.is_err() {
                    return;
                }
            }
            event = link.next() => if !matches!(event, Ok(Some(_))) {
                return;
            },
        }
    }
}

fn message_of(frame: Frame) -> Message {
    let kind = match frame.kind {
        Kind::Audio => MessageKind::AUDIO,
        Kind::Video => MessageKind::VIDEO,
        Kind::Data => MessageKind::DATA_AMF0,
    };
    // The mask makes the conversion exact: RTMP's times have 32 bits.
    let timestamp = u32::try_from(frame.time & 0xffff_ffff).unwrap_or_default();
    Message { kind, timestamp, stream_id: 1, body: frame.wire }
}
