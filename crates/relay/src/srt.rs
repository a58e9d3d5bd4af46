//! SRT at the proxy. Its handshake is read and told again to an origin; after that datagrams pass unopened, both ways.
//!
//! What the two ends agreed on (latency, keys, sequence numbers) holds between them, and no other origin can go on where one
//! was lost: then the caller is told that the connection is over, and comes again.

mod dial;
mod flow;
mod pipe;
mod replay;
#[cfg(test)]
mod testkit;
mod uplink;
mod wanted;

use std::rc::Rc;
use std::sync::Arc;

use srs_net::srt::{Connection, Knock};
use srs_srt::Cookies;
use srs_srt::streamid::Mode;
use tokio::time::Instant;

use crate::Relay;
use crate::forward::shown;
use crate::origins::{Claimed, Origin};
use dial::{Call, Granted, Opened};
use pipe::{Ends, Pipe};
use uplink::{Ear, Seat, Uplink};
use wanted::Wanted;

/// A caller and its origin, connected.
struct Leg {
    wanted: Wanted,
    origin: Origin,
    /// Of a publish.
    claimed: Option<Claimed>,
    connection: Rc<Connection>,
    pipe: Pipe<Rc<Uplink>>,
    seat: Seat,
}

/// What an uplink has of a leg, until its seat is given up.
struct Down {
    connection: Rc<Connection>,
    pipe: Pipe<Rc<Uplink>>,
}

impl Ear for Down {
    fn hear(&self, now: std::time::Instant, datagram: &mut [u8]) {
        self.pipe.hear(now, datagram);
    }

    fn refused(&self) {
        // What follows from it, the next tick says.
        self.pipe.refused();
    }

    fn wake(&self) {
        self.connection.wake();
    }
}

impl Relay {
    /// What SRT callers have to bring to be heard at the proxy's port.
    pub fn cookies(&self) -> Cookies {
        self.cookies.clone()
    }

    /// Serves one SRT connection to its end.
    pub async fn serve_srt(self: Arc<Self>, knock: Knock) {
        let came = Instant::now();
        let peer = knock.from();
        let wanted = match Wanted::read(&self, &knock.handshake(), peer) {
            Ok(wanted) => wanted,
            Err(error) => {
                self.complaints.say(|unsaid| {
                    tracing::warn!(peer = shown(peer), %error, unsaid, "srt client refused");
                });
                return knock.refuse(error.reason());
            }
        };
        let Some(leg) = self.open_srt(knock, wanted, came).await else { return };
        let Wanted { wish, key, .. } = &leg.wanted;
        let (cid, peer, node, what) = (wish.cid.clone(), shown(wish.peer), &leg.origin.node, wish.what);
        let stream = key.clone();
        tracing::info!(cid, peer, %stream, origin = %node.id, device = node.device_id, "{what}");
        let pipe = leg.pipe.clone();
        let reason = self.run_srt(leg).await;
        let (up, down) = pipe.passed();
        tracing::info!(
            cid, %stream, %reason, bytes_up = up.bytes, bytes_down = down.bytes,
            lost = up.lost.saturating_add(down.lost), "{what} ended"
        );
    }

    /// Has an origin take the caller, or refuses it.
    async fn open_srt(self: &Arc<Self>, knock: Knock, wanted: Wanted, came: Instant) -> Option<Leg> {
        let conclusion = knock.handshake();
        let (local, caller) = (knock.local_id(), conclusion.fields.socket);
        let call = Call { conclusion, local, came };
        let dialled = Box::pin(self.dial_srt(&wanted, &call)).await;
        let Opened { origin, claimed, granted } = match dialled {
            Ok(opened) => opened,
            Err(error) => {
                let Wanted { key, wish, .. } = &wanted;
                let (cid, peer, what) = (&wish.cid, shown(wish.peer), wish.what);
                self.complaints.say(|unsaid| {
                    tracing::warn!(cid, peer, stream = %key, %error, unsaid, "{what} not served");
                });
                knock.refuse(error.reason(wanted.mode));
                return None;
            }
        };
        let Granted { seat, socket, answer } = granted;
        let ends = Ends { caller, origin: socket, ours: seat.id() };
        let pipe = Pipe::new(seat.wire(), ends, Instant::now().into_std());
        let connection = Rc::new(knock.accept(Box::new(pipe.clone()), answer));
        seat.pass(Box::new(Down { connection: Rc::clone(&connection), pipe: pipe.clone() }));
        if wanted.mode == Mode::Publish {
            // Those who watch here need not find out for themselves.
            self.followed.tell(&wanted.key, Some(origin.place.clone()));
        }
        Some(Leg { wanted, origin, claimed, connection, pipe, seat })
    }
}

#[cfg(test)]
mod tests;
