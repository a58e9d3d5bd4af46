//! What is published by SRT where its streams are published elsewhere: it goes on as RTMP, by the way that all publishes take
//! from here.

use std::future::poll_fn;
use std::sync::Arc;

use srs_flv::transport::Transport;
use srs_media::Frame;
use srs_net::rtmp::Link;
use srs_net::srt::{Connection, Knock};
use srs_rtmp::client;
use srs_srt::{Reason, engine};

use super::{Asked, let_in};
use crate::push::{OnTheWay, message_of};
use crate::{Gateway, shown};

impl Gateway {
    /// Lets a publish go where it belongs: as a publisher of RTMP would at this very node, from where the caller is.
    pub(super) async fn push_srt(self: Arc<Self>, knock: Knock, asked: Asked) {
        let accepted = match self.srt_engine(&knock) {
            Ok(accepted) => accepted,
            Err(no) => return self.refuse_srt(knock, asked.peer, &no),
        };
        let key = asked.key.clone();
        let publish = OnTheWay { key: &key, query: &asked.query, peer: asked.peer };
        let opened = Arc::clone(&self).open_to_ourselves(&publish).await;
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
