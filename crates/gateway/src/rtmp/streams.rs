//! What a node is told that wants every stream of a vhost: their names, whenever they change.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use srs_amf::Value;
use srs_hub::Phase;
use srs_names::StreamKey;
use srs_net::limits;
use srs_net::rtmp::{Error, Link, Step};
use srs_rtmp::{Message, MessageKind, chunk, server};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Left;
use crate::Gateway;
use crate::clients::Client;
use crate::fan::{FAREWELL, at};

/// The stream that a node plays in order to be told.
pub(super) const NAME: &str = "*";

/// The message that tells.
const MESSAGE: &str = "onStreams";

/// How often it is looked whether there is anything to tell: who wants all streams is to have each within half a second.
const LOOK: Duration = Duration::from_millis(400);

/// Most names in one message: with the longest of them it stays below 16 MiB, which is all that RTMP can announce.
const MOST: usize = 30_000;

impl Gateway {
    /// Tells the names `app/stream` of all streams that are published here in `key`'s vhost, at once and whenever they
    /// have changed, for as long as the node stays.
    pub(super) async fn tell_streams(
        &self,
        link: Link<server::Session>,
        key: &StreamKey,
        client: &Client,
    ) -> Left {
        let (mut reader, write, mut outbox) = link.split();
        let writer = chunk::Writer::new(self.chunk_size);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut told, mut stalled) = (None, None);
        loop {
            tokio::select! {
                biased;
                step = reader.step() => match step {
                    Err(error) => return Left::Lost(error),
                    Ok(None | Some(Step { event: Some(server::Event::EndOfStream), .. })) => return Left::Player,
                    Ok(Some(Step { output, .. })) => {
                        outbox.push(output);
                        stalled = stalled.or_else(|| Some(Instant::now() + limits::STALL));
                    }
                },
                () = poll_fn(|cx| client.kicked.poll(cx)) => {
                    reader.machine.status("error", "NetStream.Play.Failed", &Left::Kicked.to_string());
                    outbox.push(reader.machine.poll_output().unwrap_or_default());
                    let sent = poll_fn(|cx| outbox.poll_send(&write, cx));
                    let _told_if_possible = tokio::time::timeout(FAREWELL, sent).await;
                    reader.close(write).await;
                    return Left::Kicked;
                }
                sent = poll_fn(|cx| outbox.poll_send(&write, cx)), if !outbox.is_empty() => match sent {
                    Ok(_) => stalled = None,
                    Err(error) => return Left::Lost(Error::Io(error)),
                },
                () = at(stalled) => return Left::Stalled,
                // What changes while it takes nothing, it is told of when it goes on.
                _ = looks.tick(), if outbox.is_empty() => {
                    let now = self.names(key.vhost());
                    if told.as_ref() != Some(&now) {
                        let mut out = BytesMut::new();
                        writer.write(&message(&now, reader.machine.stream_id()), &mut out);
                        client.traffic.sent.fetch_add(out.len() as u64, Ordering::Relaxed);
                        outbox.push(out.freeze());
                        stalled = Some(Instant::now() + limits::STALL);
                        told = Some(now);
                    }
                }
            }
        }
    }

    /// The streams that are published here in a vhost, those that are held included.
    fn names(&self, vhost: &str) -> Vec<String> {
        let mut all = self.clients.published(vhost);
        all.retain(|key| matches!(self.hub.phase(key), Some(Phase::Live | Phase::Held)));
        all.iter().take(MOST).map(|key| format!("{}/{}", key.app(), key.stream())).collect()
    }
}

fn message(names: &[String], stream_id: u32) -> Message {
    let mut body = BytesMut::new();
    srs_amf::encode(&Value::from(MESSAGE), &mut body);
    let names = names.iter().map(|name| Value::from(name.as_str())).collect();
    srs_amf::encode(&Value::StrictArray(names), &mut body);
    Message { kind: MessageKind::DATA_AMF0, timestamp: 0, stream_id, body: body.freeze() }
}
