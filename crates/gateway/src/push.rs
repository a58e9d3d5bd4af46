//! What is published by other protocols where its streams are published elsewhere goes on as RTMP, by the way that all
//! publishes take from here.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use srs_amf::Value;
use srs_media::{Frame, Kind};
use srs_names::StreamKey;
use srs_net::rtmp::{Error, Link};
use srs_net::shards;
use srs_rtmp::{Message, MessageKind, client};
use tokio::net::{TcpListener, TcpStream};

use crate::Gateway;

/// A publish on its way.
pub(crate) struct OnTheWay<'a> {
    pub(crate) key: &'a StreamKey,
    /// What the publisher said behind the name of the stream.
    pub(crate) query: &'a str,
    /// Where it is.
    pub(crate) peer: SocketAddr,
}

impl Gateway {
    /// A session of RTMP with this node, over its own loopback, as of who publishes.
    pub(crate) async fn open_to_ourselves(
        self: Arc<Self>,
        publish: &OnTheWay<'_>,
    ) -> Result<Link<client::Session>, Error> {
        let (ours, theirs) = pair().await?;
        let OnTheWay { key, query, peer } = *publish;
        shards::spawn(self.serve_rtmp(ours, peer));
        let tc_url = format!("rtmp://{}/{}", key.vhost(), key.app());
        let connect = [("app", key.app().into()), ("tcUrl", tc_url.as_str().into())];
        let name = key.stream();
        let stream = if query.is_empty() { name.to_owned() } else { format!("{name}?{query}") };
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

/// A frame as RTMP carries it.
pub(crate) fn message_of(frame: Frame) -> Message {
    let kind = match frame.kind {
        Kind::Audio => MessageKind::AUDIO,
        Kind::Video => MessageKind::VIDEO,
        Kind::Data => MessageKind::DATA_AMF0,
    };
    // The mask makes the conversion exact: RTMP's times have 32 bits.
    let timestamp = u32::try_from(frame.time & 0xffff_ffff).unwrap_or_default();
    Message { kind, timestamp, stream_id: 1, body: frame.wire }
}
