//! SRT players: a seat in a fan, whose bytes go out in messages.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use srs_hub::{Format, Phase};
use srs_media::Codec;
use srs_names::StreamKey;
use srs_names::source::{Missing, Wish};
use srs_net::srt::{Connection, Knock};
use srs_srt::engine;
use tokio::time::Instant;

use super::{Asked, No, let_in};
use crate::clients::Client;
use crate::config::Vhost;
use crate::fan::{self, Ending, Joining, Messages, News, Pace, Seat, Sink};
use crate::fetch::{self, Coming, Patience};
use crate::rendition::Hears;
use crate::rendition::ts::Ts;
use crate::rtmp::{NOT_LIVE, NOT_LIVE_FOR_A_PULL};
use crate::{Gateway, shown};

/// Transport stream packets in a rhythm of SRT's own: shorter than that of TCP, since its players are there for the delay.
const TS_IN_MESSAGES: Format = Format("ts in srt messages");

/// The same for nodes that fetch the stream.
const TS_FOR_NODES: Format = Format("ts in srt messages for nodes");

/// Writes are merged over this at most: about the distance of two pictures, so that messages are full.
const MERGE: Duration = Duration::from_millis(40);

/// What a player has not acknowledged at the end of a stream it gets so long.
const FAREWELL: Duration = Duration::from_secs(1);
/// How often it is looked at whether that is all.
const LOOK: Duration = Duration::from_millis(20);

/// Why a viewer's session ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Left {
    #[error("the stream ended")]
    Over,
    #[error("the stream did not come live")]
    NotLive,
    #[error("the stream cannot be had: {0}")]
    Missing(Missing),
    #[error("took nothing for 10 s")]
    Stalled,
    #[error("a defect here")]
    Broken,
    #[error("ended by an operator")]
    Kicked,
    #[error("{0}")]
    Connection(engine::Ended),
}

impl Left {
    fn is_failure(&self) -> bool {
        matches!(
            self,
            Left::Stalled | Left::Broken | Left::Connection(engine::Ended::Broken | engine::Ended::Deaf(_))
        )
    }
}

impl Gateway {
    pub(super) async fn play_srt(self: Arc<Self>, knock: Knock, asked: Asked) {
        let peer = asked.peer;
        let admitted = match self.admit_play_srt(&asked).await {
            Ok(admitted) => self.srt_engine(&knock).map(|accepted| (admitted, accepted)),
            Err(no) => Err(no),
        };
        let ((key, vhost, coming), accepted) = match admitted {
            Ok(admitted) => admitted,
            Err(no) => return self.refuse_srt(knock, peer, &no),
        };
        let listed = self.clients.add(&key, peer, "srt-play", asked.about());
        let id = listed.client.id.as_str();
        tracing::info!(cid = id, peer = shown(peer), stream = %key, "srt play");
        let connection = Rc::new(let_in(knock, accepted));
        let here = if fetch::is_pull(asked.sent.as_ref()) { NOT_LIVE_FOR_A_PULL } else { NOT_LIVE };
        let wait = Patience::new(coming, here);
        let node = fetch::is_pull(asked.sent.as_ref());
        let left = self.watch_srt(&connection, (&key, vhost), (&listed.client, node), wait).await;
        if left.is_failure() {
            self.clients.failed();
        }
        let stats = connection.stats();
        let sent = listed.client.traffic.sent.load(Ordering::Relaxed);
        tracing::info!(
            cid = id, stream = %key, sent, resent = stats.resent, dropped = stats.dropped,
            rtt_ms = stats.rtt.as_millis(), reason = %left, "srt play ended"
        );
        drop(listed);
        if matches!(left, Left::Over) {
            see_off(&connection).await;
        }
    }

    async fn admit_play_srt(&self, asked: &Asked) -> Result<(StreamKey, &Vhost, Coming), No> {
        let (key, vhost) = self.srt_vhost(&asked.key)?;
        let sent = asked.sent.as_ref();
        self.may_play((&key, vhost), &asked.params, sent, asked.peer)?;
        let wish = Wish {
            key: &key,
            host: &asked.host,
            query: &asked.query,
            client: asked.peer,
            hops: fetch::hops(sent),
        };
        let coming = self.fetch(wish).await.map_err(crate::Refused::from)?;
        Ok((key, vhost, coming))
    }

    async fn watch_srt(
        &self,
        connection: &Rc<Connection>,
        (key, vhost): (&StreamKey, &Vhost),
        (client, node): (&Arc<Client>, bool),
        wait: Patience,
    ) -> Left {
        // A transport stream has one sound: a node that fetches it gets the stream's own, and makes of it what it needs.
        let (format, hears) = if node { (TS_FOR_NODES, Hears::Own) } else { (TS_IN_MESSAGES, Hears::NoOpus) };
        let _made = (!node).then(|| self.sound.wants(key, Codec::Aac));
        let pace = Pace::of(vhost).no_slower_than(MERGE);
        let fan = fan::of_shard(&self.hub, key, format, pace, || Box::new(Ts::new(false).hearing(hears)));
        let rate = self.srt.as_ref().and_then(|srt| srt.most_bandwidth);
        let joining = Joining {
            write: Sink::Srt(Messages::new(Rc::clone(connection), rate)),
            opening: Bytes::new(),
            gated: false,
            goodbye: Bytes::new(),
            news: News::default(),
            client: Arc::clone(client),
        };
        let mut seat = Seat::take(&fan, joining).await;
        drop(fan);
        let is_live = || matches!(self.hub.phase(key), Some(Phase::Live | Phase::Held));
        serve_viewer(connection, &mut seat, client, is_live, wait).await
    }
}

async fn serve_viewer(
    connection: &Connection,
    seat: &mut Seat,
    client: &Client,
    is_live: impl Fn() -> bool,
    Patience { most, mut coming }: Patience,
) -> Left {
    let not_live = tokio::time::sleep_until(Instant::now() + most);
    tokio::pin!(not_live);
    let mut waiting = true;
    let (mut listening, mut said_so) = (true, false);
    loop {
        tokio::select! {
            biased;
            ending = poll_fn(|cx| seat.poll_ending(cx)) => return match ending {
                Ending::Over => Left::Over,
                // Messages are not lost on the way to the connection; that ends by itself.
                Ending::Lost(_) => Left::Connection(engine::Ended::Broken),
                Ending::Stalled => Left::Stalled,
                Ending::Broken => Left::Broken,
            },
            ended = poll_fn(|cx| connection.poll_ended(cx)) => return Left::Connection(ended),
            // A player has nothing to say: it is thrown away.
            said = poll_fn(|cx| connection.poll_message(cx)), if listening => {
                listening = said.is_some();
                if listening && !std::mem::replace(&mut said_so, true) {
                    let cid = client.id.as_str();
                    tracing::warn!(cid, "srt play: it sends media, and asked to play: m=publish in the stream id publishes");
                }
            }
            () = poll_fn(|cx| client.kicked.poll(cx)) => return Left::Kicked,
            missing = fetch::missing(&mut coming), if coming.is_some() => {
                coming = None;
                if !seat.started() {
                    return Left::Missing(missing);
                }
            }
            () = not_live.as_mut(), if waiting => {
                waiting = !seat.started();
                not_live.as_mut().reset(Instant::now() + most);
                if !waiting {
                    coming = None;
                } else if !is_live() {
                    return Left::NotLive;
                }
            }
        }
    }
}

/// Waits until the player has everything: what is on its way when a connection is closed is lost.
async fn see_off(connection: &Connection) {
    let all = async {
        while connection.stats().waiting > 0 {
            tokio::time::sleep(LOOK).await;
        }
        // And what its buffer gives out later, in the rhythm in which it was sent.
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        () = all => {}
        _ended = poll_fn(|cx| connection.poll_ended(cx)) => {}
        () = tokio::time::sleep(FAREWELL.saturating_mul(2)) => {}
    }
}
