//! FLV on its way: out of the origin's framing tag by tag, and into ours.

use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use srs_balance::Reason;
use srs_net::http::{Body, chunk_header};
use srs_net::{Outbox, buffer};
use srs_rtmp::chunk::Bodies;
use srs_rtmp::tag;
use tokio::time::{Instant, Sleep};

use super::client::Client;
use super::{Ended, LAST_CHUNK};
use crate::follow::Follower;
use crate::limits::FAILOVER;
use crate::upstream::{Broken, HttpLeg};
use crate::{Life, track};

/// The FLV body on its way.
pub(super) struct Flow {
    body: Body,
    tags: tag::Reader,
    track: track::Viewer,
    /// The viewer has lost an origin, and was sent nothing since.
    lost: Option<Instant>,
    /// The present origin has sent something.
    heard: bool,
    /// What opens a file was sent.
    opened: bool,
    headers: BytesMut,
}

impl Flow {
    /// The start of a body in this framing.
    pub(super) fn new(body: Body) -> Flow {
        Flow {
            body,
            tags: tag::Reader::new(Bodies::Shared),
            track: track::Viewer::default(),
            lost: None,
            heard: false,
            opened: false,
            headers: BytesMut::new(),
        }
    }

    /// What comes next is of another origin. Tells since when the viewer has none.
    pub(super) fn leave_origin(&mut self) -> Instant {
        self.track.resume();
        *self.lost.get_or_insert_with(Instant::now)
    }

    /// Another origin's body begins.
    pub(super) fn go_on(&mut self, body: Body) {
        self.body = body;
        self.tags = tag::Reader::new(Bodies::Shared);
    }

    /// Passes tags on until one of the three parties ends it, or the stream is elsewhere.
    pub(super) async fn run(
        &mut self,
        client: &mut Client,
        leg: &mut HttpLeg,
        mut input: Bytes,
        follower: &mut Follower,
    ) -> Ended {
        let HttpLeg { read, origin, .. } = leg;
        let here = origin.place.clone();
        follower.set_restless(origin.reason == Reason::Placed || (self.lost.is_some() && !here.edge));
        let life = origin.worse_for_viewer(Life::Alive);
        tokio::pin!(life);
        let mut drains = false;
        self.heard = false;
        // Few viewers need it, so it has no room of its own in all of them.
        let left = self.lost.map(|lost| FAILOVER.saturating_sub(lost.elapsed()));
        let mut too_long = left.map(|left| Box::pin(tokio::time::sleep(left)));
        loop {
            if let Err(broken) = self.take(&mut client.outbox, client.chunked, input) {
                // What was whole before it is the viewer's.
                let _gone_too = client.offer().await;
                return broken.into();
            }
            if self.track.goes_on() && (self.lost.is_some() || follower.is_restless()) {
                self.lost = None;
                follower.set_restless(drains);
            }
            match client.offer().await {
                Ok(true) => {}
                // Not reading on meanwhile: the origin then sees the backpressure.
                Ok(false) => {
                    if let Err(ended) = client.send().await {
                        return ended;
                    }
                }
                Err(ended) => return ended,
            }
            if self.body.is_over() {
                return Ended::Over;
            }
            input = loop {
                tokio::select! {
                biased;
                came = buffer::read(read) => break match came {
                    Ok(bytes) if bytes.is_empty() && self.body == Body::UntilClose => return Ended::Over,
                    Ok(bytes) if bytes.is_empty() => return Broken::Short.into(),
                    Ok(bytes) => bytes,
                    Err(error) => return Broken::from(error).into(),
                },
                gone = client.gone() => return gone,
                worse = life.as_mut() => {
                    match worse {
                        Life::Silent => return Ended::Silent,
                        _ if here.edge => return Ended::Drains,
                        _ => {}
                    }
                    // Its publisher is about to leave.
                    drains = true;
                    follower.set_restless(true);
                    life.set(origin.worse_for_viewer(worse));
                }
                () = follower.moved(&here) => return Ended::Elsewhere,
                () = waited(&mut too_long), if self.lost.is_some() && !self.heard => return Ended::Lost,
                }
            };
        }
    }

    /// Ends the body: the stream is over.
    pub(super) fn end(client: &mut Client) -> Ended {
        if client.chunked {
            client.outbox.push(LAST_CHUNK);
        }
        Ended::Over
    }

    /// Takes the tags out of what was read and queues them as one piece of our framing; those before a broken one too.
    fn take(&mut self, out: &mut Outbox, chunked: bool, input: Bytes) -> Result<(), Broken> {
        let mut parts = Vec::new();
        let outcome = self.read(input, &mut parts);
        if let Some(opening) = self.tags.take_file_header()
            && !std::mem::replace(&mut self.opened, true)
        {
            parts.insert(0, Bytes::copy_from_slice(&opening));
        }
        if parts.is_empty() {
            return outcome;
        }
        let size = parts.iter().map(Bytes::len).fold(0_usize, usize::saturating_add);
        if chunked {
            out.push(chunk_header(size));
        }
        for part in parts {
            out.push(part);
        }
        if chunked {
            out.push(Bytes::from_static(b"\r\n"));
        }
        outcome
    }

    fn read(&mut self, mut input: Bytes, parts: &mut Vec<Bytes>) -> Result<(), Broken> {
        while let Some(mut piece) = self.body.read(&mut input)? {
            while let Some(tag) = self.tags.read(&mut piece)? {
                self.pass(&tag, parts);
            }
        }
        Ok(())
    }

    fn pass(&mut self, tag: &tag::Tag, parts: &mut Vec<Bytes>) {
        self.heard = true;
        let Some(timestamp) = self.track.pass(tag.kind, tag.timestamp, &tag.body) else { return };
        self.headers.put_slice(&tag::header(tag.kind, timestamp, tag.body.len()));
        parts.push(self.headers.split().freeze());
        parts.push(tag.body.clone());
        self.headers.put_slice(&tag::trailer(tag.body.len()));
        parts.push(self.headers.split().freeze());
    }
}

/// Ready when this time is over, where there is one.
async fn waited(time: &mut Option<Pin<Box<Sleep>>>) {
    match time {
        Some(time) => time.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
