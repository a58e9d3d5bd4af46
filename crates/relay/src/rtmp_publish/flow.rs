//! Both sides of a publisher's leg while it lasts at one origin.

use std::future::poll_fn;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use srs_net::rtmp::{Error, Link, Reader};
use srs_net::{Outbox, limits};
use srs_rtmp::{Message, client, server};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use super::Ended;
use super::pulse::{Look, Pulse, Seen};
use crate::limits::{BACKLOG_BYTES, LAST_WORDS, MUTE, PULSE, SETTLING};
use crate::origins::Origin;
use crate::{Life, Relay, Role, track};

/// The origin's side.
pub(super) struct Upstream {
    reader: Reader<client::Session>,
    write: OwnedWriteHalf,
    outbox: Outbox,
    /// Bytes that the outbox was given, modulo 2^64.
    given: u64,
    pub(super) track: track::Publisher,
    /// Where nobody else watches over the origin.
    pulse: Option<Pulse>,
    headers: BytesMut,
    parts: Vec<Bytes>,
}

impl Upstream {
    pub(super) fn new(link: Link<client::Session>, track: track::Publisher, role: &Role) -> Upstream {
        let (reader, write, outbox) = link.split();
        let given = outbox.len() as u64;
        let pulse = matches!(role, Role::Edge { .. }).then(Pulse::new);
        Upstream { reader, write, outbox, given, track, pulse, headers: BytesMut::new(), parts: Vec::new() }
    }

    fn push(&mut self, bytes: Bytes) {
        self.given = self.given.wrapping_add(bytes.len() as u64);
        self.outbox.push(bytes);
    }

    fn push_parts(&mut self) {
        let mut parts = std::mem::take(&mut self.parts);
        parts.drain(..).for_each(|part| self.push(part));
        // With its room.
        self.parts = parts;
    }

    /// Whether nothing is heard of the origin any more, where that is known here.
    fn is_lost(&mut self) -> bool {
        let Some(pulse) = &mut self.pulse else { return false };
        let look = pulse.look(Seen {
            received: self.reader.received(),
            sent: self.given.wrapping_sub(self.outbox.len() as u64),
            waits: !self.outbox.is_empty(),
            answers: self.reader.machine.pongs() > 0,
        });
        if look == Look::Ask {
            self.reader.machine.ping(0);
            self.collect();
        }
        look == Look::Lost
    }

    /// Tells the origin what the one before it was told.
    pub(super) fn replay(&mut self) {
        for message in self.track.replay() {
            self.reader.machine.write_parts(message, &mut self.headers, &mut self.parts);
        }
        self.push_parts();
    }

    /// Without it the origin would hold the stream for the publisher's return. Closed with what the origin says meanwhile
    /// unread, the connection would be reset, and the goodbye lost.
    pub(super) async fn say_goodbye(mut self) {
        self.reader.machine.close();
        self.collect();
        let sent = poll_fn(|cx| self.outbox.poll_send(&self.write, cx));
        let _sent_if_possible = timeout(limits::DIAL, sent).await;
        self.reader.close(self.write).await;
    }

    /// Sends what waits, without a goodbye: the origin waits for a publisher that does not come.
    pub(super) async fn flush(mut self) {
        let sent = poll_fn(|cx| self.outbox.poll_send(&self.write, cx));
        let _sent_if_possible = timeout(limits::DIAL, sent).await;
        self.reader.close(self.write).await;
    }

    pub(super) fn pass(&mut self, message: &Message) {
        self.track.pass(message);
        self.reader.machine.write_parts(message, &mut self.headers, &mut self.parts);
        self.push_parts();
    }

    fn collect(&mut self) {
        while let Some(output) = self.reader.machine.poll_output() {
            self.push(output);
        }
    }
}

/// A turn to leave an origin that drains.
pub(super) type Turn<'a> = tokio::sync::SemaphorePermit<'a>;

/// Passes on until one of the two ends it, or until the publish is to leave: at once when the origin is silent, in its turn
/// when it drains, `patience` later.
pub(super) async fn pump<'a>(
    relay: &'a Relay,
    link: &mut Link<server::Session>,
    up: &mut Upstream,
    origin: &Origin,
    patience: Duration,
) -> (Ended, Option<Turn<'a>>) {
    let life = tokio::select! {
        biased;
        ended = flow(link, up, false) => return (ended, None),
        life = origin.worse_than(Life::Alive) => life,
    };
    if life == Life::Silent {
        return (Ended::Silent, None);
    }
    let turn = async {
        tokio::time::sleep(patience).await;
        relay.leaving.acquire().await.ok()
    };
    let turn = tokio::select! {
        biased;
        ended = flow(link, up, false) => return (ended, None),
        turn = turn => turn,
        () = origin.silent() => return (Ended::Silent, None),
    };
    // What viewers have not been sent of the GOP before this one could not be told again.
    match timeout(SETTLING, flow(link, up, true)).await {
        Ok(ended) => (ended, turn),
        Err(_) => (Ended::Drains, turn),
    }
}

/// Passes on until one of the two ends it; or, where it `leaves`, until the open GOP is old enough to be left in.
async fn flow(link: &mut Link<server::Session>, up: &mut Upstream, leaves: bool) -> Ended {
    let stall = tokio::time::sleep(limits::STALL);
    tokio::pin!(stall);
    let mut full: Option<usize> = None;
    let mute = tokio::time::sleep(MUTE);
    tokio::pin!(mute);
    let mut heard = link.reader.received();
    let mut looks = tokio::time::interval(PULSE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if leaves && up.track.is_settled() {
            return Ended::Drains;
        }
        let room = up.outbox.len() < BACKLOG_BYTES;
        if room {
            full = None;
        } else if full.is_none() {
            full = Some(up.outbox.len());
            stall.as_mut().reset(Instant::now() + limits::STALL);
        }
        let waits = !up.outbox.is_empty();
        tokio::select! {
            biased;
            sent = poll_fn(|cx| up.outbox.poll_send(&up.write, cx)), if waits => {
                if let Err(error) = sent {
                    return last_words(up).await.unwrap_or_else(|| Ended::Origin(error.into()));
                }
            }
            event = link.next(), if room => {
                let blocked = !up.outbox.is_empty();
                if let Some(ended) = take(&mut link.reader, event, |message| up.pass(&message)) {
                    return ended;
                }
                up.collect();
                if blocked {
                    // The origin reads slowly: what waits must not pin the shard's read blocks.
                    up.outbox.detach();
                }
            }
            answer = up.reader.step() => match answer {
                Ok(None) => return Ended::Origin(Error::Closed),
                Err(error) => return Ended::Origin(error),
                Ok(Some(step)) => {
                    up.push(step.output);
                    if let Some(told) = step.event.and_then(told) {
                        return told;
                    }
                }
            },
            () = stall.as_mut(), if !room => {
                // An origin that answers probes but takes nothing of this stream is no origin for it.
                if full.replace(up.outbox.len()).is_some_and(|before| up.outbox.len() >= before) {
                    return Ended::Origin(Error::Stalled);
                }
                stall.as_mut().reset(Instant::now() + limits::STALL);
            }
            _ = looks.tick(), if up.pulse.is_some() => {
                if up.is_lost() {
                    return Ended::Silent;
                }
            }
            () = mute.as_mut() => {
                let before = std::mem::replace(&mut heard, link.reader.received());
                // Without room we did not listen.
                if room && heard == before {
                    return Ended::Client(Error::Slow("word"));
                }
                mute.as_mut().reset(Instant::now() + MUTE);
            }
        }
    }
}

/// What the origin said to end it.
fn told(event: client::Event) -> Option<Ended> {
    match event {
        client::Event::Status { code, level, status } if level == "error" => {
            let description = status.get("description").and_then(|text| text.as_str());
            Some(Ended::Told { code, description: description.unwrap_or_default().to_owned() })
        }
        _ => None,
    }
}

/// What an origin said that takes no more: it may have ended this on purpose.
async fn last_words(up: &mut Upstream) -> Option<Ended> {
    let words = async {
        while let Ok(Some(step)) = up.reader.step().await {
            if let Some(told) = step.event.and_then(told) {
                return Some(told);
            }
        }
        None
    };
    timeout(LAST_WORDS, words).await.ok().flatten()
}

/// Takes everything that one read brought.
pub(super) fn take(
    reader: &mut Reader<server::Session>,
    first: Result<Option<server::Event>, Error>,
    mut pass: impl FnMut(Message),
) -> Option<Ended> {
    let mut event = match first {
        Ok(Some(event)) => Some(event),
        Ok(None) => return Some(Ended::Client(Error::Closed)),
        Err(error) => return Some(Ended::Client(error)),
    };
    while let Some(now) = event {
        match now {
            server::Event::Message(message) => pass(message),
            server::Event::EndOfStream => return Some(Ended::Clean),
            _ => {}
        }
        event = match reader.buffered() {
            Ok(event) => event,
            Err(error) => return Some(Ended::Client(error)),
        };
    }
    None
}
