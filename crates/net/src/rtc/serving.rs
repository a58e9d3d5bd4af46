//! How connections of TCP come to a port.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::BytesMut;
use srs_rtc::frames::Reader;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::Door;
use super::check::{Check, Counts, Dropped};
use super::door::Far;
use super::names::Names;
use super::strays::Errand;
use super::wire::Came;
use crate::udp::canonical;
use crate::{buffer, limits};

/// A port that is served: by this connections of TCP come in. Cheap to clone.
#[derive(Clone)]
pub struct Serving {
    door: Arc<dyn Door>,
    names: Names,
    counts: Arc<Counts>,
    ways: Arc<[mpsc::Sender<Errand>]>,
    next: Arc<AtomicUsize>,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("shards", &self.ways.len()).finish_non_exhaustive()
    }
}

impl Serving {
    pub(super) fn new(
        door: Arc<dyn Door>,
        names: Names,
        counts: Arc<Counts>,
        ways: Vec<mpsc::Sender<Errand>>,
    ) -> Serving {
        Serving { door, names, counts, ways: ways.into(), next: Arc::default() }
    }

    /// Serves a connection of TCP to its end, in the frames of RFC 4571. The first one must be a binding request for
    /// somebody who is known, within [`limits::RTC_FIRST`]; otherwise the connection is closed without a word. To be called
    /// by what [`tcp::serve`](crate::tcp::serve) was given, on any shard: from then on it is served where its session lives.
    pub async fn tcp(&self, mut stream: TcpStream, peer: SocketAddr) {
        let mut reader = Reader::default();
        let Ok(Ok(first)) = timeout(limits::RTC_FIRST, first(&mut stream, &mut reader)).await else { return };
        let peer = canonical(peer);
        let far = Far { peer, tcp: true };
        let check = match Check::read(&*self.door, far, &first) {
            Ok(check) => check,
            Err(why) => return self.counts.add(far, why),
        };
        let local = stream.local_addr().ok().map(|local| local.ip().to_canonical());
        let shard = match self.names.find(&check.key) {
            Some((shard, _)) => shard,
            None => {
                let turn = self.next.fetch_add(1, Ordering::Relaxed);
                turn.checked_rem(self.ways.len()).unwrap_or_default()
            }
        };
        let (Ok(stream), Some(way)) = (stream.into_std(), self.ways.get(shard)) else { return };
        let (alive, ended) = oneshot::channel();
        let came = Came { stream, peer, local, reader, first, check, alive, hops: 0 };
        if way.send(Errand::Came(Box::new(came))).await.is_ok() {
            let _ended = ended.await;
        }
    }

    /// What was thrown away since the start.
    pub fn dropped(&self) -> Dropped {
        self.counts.now()
    }
}

/// The first frame.
async fn first(stream: &mut TcpStream, reader: &mut Reader) -> io::Result<BytesMut> {
    loop {
        if let Some(first) = reader.take().map_err(io::Error::other)? {
            return Ok(first);
        }
        let bytes = buffer::read(stream).await?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        reader.push(&bytes);
    }
}
