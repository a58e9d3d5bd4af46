//! FLV on its way: out of the origin's framing tag by tag, and into ours.

use bytes::{BufMut, Bytes, BytesMut};
use srs_net::http::{Body, chunk_header};
use srs_net::{Outbox, buffer};
use srs_rtmp::chunk::Bodies;
use srs_rtmp::tag;

use super::client::Client;
use super::{Ended, LAST_CHUNK};
use crate::track;
use crate::upstream::{Broken, HttpLeg};

/// The FLV body on its way.
pub(super) struct Flow {
    body: Body,
    tags: tag::Reader,
    track: track::Viewer,
    headers: BytesMut,
}

impl Flow {
    /// The start of a body in this framing.
    pub(super) fn new(body: Body) -> Flow {
        Flow {
            body,
            tags: tag::Reader::new(Bodies::Shared),
            track: track::Viewer::default(),
            headers: BytesMut::new(),
        }
    }

    /// Passes tags on until one of the three parties ends it.
    pub(super) async fn run(&mut self, client: &mut Client, leg: &mut HttpLeg, mut input: Bytes) -> Ended {
        let HttpLeg { read, origin, .. } = leg;
        let silent = origin.silent();
        tokio::pin!(silent);
        loop {
            if let Err(broken) = self.take(&mut client.outbox, client.chunked, input) {
                // What was whole before it is the viewer's.
                let _gone_too = client.offer().await;
                return broken.into();
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
                return self.end(client);
            }
            input = tokio::select! {
                biased;
                came = buffer::read(read) => match came {
                    Ok(bytes) if bytes.is_empty() => return self.end(client),
                    Ok(bytes) => bytes,
                    Err(error) => return Broken::from(error).into(),
                },
                gone = client.gone() => return gone,
                () = silent.as_mut() => return Ended::Silent,
            };
        }
    }

    fn end(&self, client: &mut Client) -> Ended {
        let whole = self.body.is_over() || self.body == Body::UntilClose;
        if whole && client.chunked {
            client.outbox.push(LAST_CHUNK);
        }
        Ended::Over
    }

    /// Takes the tags out of what was read and queues them as one piece of our framing; those before a broken one too.
    fn take(&mut self, out: &mut Outbox, chunked: bool, input: Bytes) -> Result<(), Broken> {
        let mut parts = Vec::new();
        let outcome = self.read(input, &mut parts);
        if let Some(opening) = self.tags.take_file_header() {
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
        let timestamp = self.track.pass(tag.kind, tag.timestamp, &tag.body);
        self.headers.put_slice(&tag::header(tag.kind, timestamp, tag.body.len()));
        parts.push(self.headers.split().freeze());
        parts.push(tag.body.clone());
        self.headers.put_slice(&tag::trailer(tag.body.len()));
        parts.push(self.headers.split().freeze());
    }
}

#[cfg(test)]
mod tests;
