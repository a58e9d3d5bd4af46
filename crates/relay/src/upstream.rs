//! Requests to origins: who is asked, connections that are used again, and bodies that are read whole.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, Version, header};
use srs_balance::{Node, Reason};
use srs_names::{NodeId, StreamKey};
use srs_net::buffer;
use srs_net::http::{Body, BodyError, HeadError, Response, read_response};
use srs_rtmp::tag;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, timeout};

use crate::Relay;
use crate::door::{Asker, Errand};
use crate::heads::Said;
use crate::limits::{ANSWER, EDGE_TRIES, IDLE, IDLE_CONNECTIONS, LOAD, LOOK};
use crate::origins::{Leg, Origin, Unserved};

/// What an origin did wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("connection lost: {0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Head(#[from] HeadError),
    #[error("{0}")]
    Body(#[from] BodyError),
    #[error("{0}")]
    Tag(#[from] tag::Error),
    #[error("no answer in time")]
    Slow,
    #[error("the answer broke off")]
    Short,
    #[error("an answer of more than {0} bytes")]
    Large(usize),
    /// No fault of the origin's.
    #[error("no room for the answer")]
    Room,
    #[error("a list in a coding that was not asked for")]
    Coded,
    #[error("the list: {0}")]
    List(srs_m3u8::Error),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("not served: {0}")]
    Unserved(#[from] Unserved),
    #[error("the origin: {0}")]
    Origin(#[from] Broken),
    #[error("the origin fell silent")]
    Silent,
}

impl Unanswered {
    /// What the client is told.
    pub(crate) fn told(&self) -> (StatusCode, &'static str) {
        match self {
            Unanswered::Unserved(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "no origin can serve this stream now")
            }
            Unanswered::Origin(Broken::Slow) => {
                (StatusCode::GATEWAY_TIMEOUT, "the origin did not answer in time")
            }
            Unanswered::Origin(Broken::Large(_)) => {
                (StatusCode::BAD_GATEWAY, "the origin's answer is too large")
            }
            Unanswered::Origin(Broken::Room) => {
                (StatusCode::SERVICE_UNAVAILABLE, "too much is being loaded now")
            }
            _ => (StatusCode::BAD_GATEWAY, "the origin did not answer"),
        }
    }
}

/// Who is asked.
#[derive(Clone, Debug)]
pub(crate) enum Whom {
    /// The origin that has this stream, or would have it.
    Stream(StreamKey),
    /// The same, for an edge that fetches it and for the nodes behind that.
    Pull(StreamKey, Vec<NodeId>),
    /// An edge, for a viewer of this stream; the origin where there is none.
    Viewer(StreamKey),
    /// This one.
    Node(Arc<Node>),
}

/// A connection to an origin on which something was asked.
pub(crate) struct HttpLeg {
    pub(crate) read: OwnedReadHalf,
    /// Kept open: some servers take a half-closed request for a client that left.
    pub(crate) write: OwnedWriteHalf,
    pub(crate) origin: Origin,
    address: SocketAddr,
    reused: bool,
}

/// What came for an answer.
type Answered = Result<Response, HeadError>;

struct Idle {
    stream: TcpStream,
    since: Instant,
}

thread_local! {
    /// This shard's connections that wait for their next request.
    static POOL: RefCell<HashMap<SocketAddr, Vec<Idle>>> = RefCell::default();
}

/// A connection on which nothing came since, not even its end.
pub(crate) fn pooled(address: SocketAddr) -> Option<TcpStream> {
    POOL.with_borrow_mut(|pool| {
        let idle = pool.get_mut(&address)?;
        while let Some(Idle { stream, since }) = idle.pop() {
            let quiet =
                matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            if quiet && since.elapsed() < IDLE {
                return Some(stream);
            }
        }
        None
    })
}

impl HttpLeg {
    pub(crate) fn new(stream: TcpStream, origin: Origin, reused: bool) -> io::Result<HttpLeg> {
        let address = stream.peer_addr()?;
        let (read, write) = stream.into_split();
        Ok(HttpLeg { read, write, origin, address, reused })
    }

    /// The next bytes of the answer; none at its end.
    async fn more(&mut self) -> Result<Bytes, Unanswered> {
        tokio::select! {
            biased;
            came = timeout(ANSWER, buffer::read(&mut self.read)) => {
                Ok(came.map_err(|_| Broken::Slow)?.map_err(Broken::from)?)
            }
            () = self.origin.silent() => Err(Unanswered::Silent),
        }
    }

    /// Keeps the connection for a next request; the answer must have been read to its end.
    fn put_back(self) {
        let HttpLeg { read, write, address, .. } = self;
        let Ok(stream) = read.reunite(write) else { return };
        POOL.with_borrow_mut(|pool| {
            pool.retain(|_, idle| {
                idle.retain(|idle| idle.since.elapsed() < IDLE);
                !idle.is_empty()
            });
            let idle = pool.entry(address).or_default();
            if idle.len() < IDLE_CONNECTIONS {
                idle.push(Idle { stream, since: Instant::now() });
            }
        });
    }
}

/// How the body of an answer to a request with a body is framed.
pub(crate) fn framing(response: &Response) -> Result<Body, BodyError> {
    match response.status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Ok(Body::Length(0)),
        _ => Body::of_response(&response.headers),
    }
}

/// Reads a body of at most `most` bytes to its end, within [`LOAD`], and keeps the connection where that may be. `room`
/// is told of each piece and may refuse it.
pub(crate) async fn read_whole(
    mut leg: HttpLeg,
    response: Response,
    most: usize,
    mut room: impl FnMut(usize) -> bool,
) -> Result<Bytes, Unanswered> {
    let mut body = framing(&response).map_err(Broken::from)?;
    let lasting = lasts(response.version, &response.headers);
    let mut whole = BytesMut::new();
    if let Body::Length(length) = body {
        let length = usize::try_from(length).ok().filter(|length| *length <= most);
        whole.reserve(length.ok_or(Broken::Large(most))?);
    }
    let mut input = response.rest;
    let read = async {
        loop {
            while let Some(piece) = body.read(&mut input).map_err(Broken::from)? {
                if whole.len().saturating_add(piece.len()) > most {
                    return Err(Unanswered::from(Broken::Large(most)));
                }
                if !room(piece.len()) {
                    return Err(Broken::Room.into());
                }
                whole.extend_from_slice(&piece);
            }
            if body.is_over() {
                return Ok(());
            }
            input = leg.more().await?;
            if input.is_empty() {
                return if body == Body::UntilClose { Ok(()) } else { Err(Broken::Short.into()) };
            }
        }
    };
    timeout(LOAD, read).await.map_err(|_| Broken::Slow)??;
    // What comes behind the end belongs to nothing that was asked.
    if lasting && body.is_over() && input.is_empty() {
        leg.put_back();
    }
    Ok(whole.freeze())
}

/// Whether the origin keeps the connection after this answer.
fn lasts(version: Version, headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut words = values.flat_map(|value| value.split(','));
    version == Version::HTTP_11 && !words.any(|word| word.trim().eq_ignore_ascii_case("close"))
}

impl Relay {
    /// Asks origins until one answers; moves on when the stream turns out to live elsewhere. The request must be one that
    /// may be said twice.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        said: &Said,
        whom: &Whom,
    ) -> Result<(HttpLeg, Response), Unanswered> {
        let errand = match whom {
            Whom::Pull(_, hops) => Errand::Pull(hops.clone()),
            _ => Errand::Client,
        };
        let asker = Asker { client: Some(said.client), session: String::new(), resumes: false, errand };
        self.ask_as(said, whom, |node| self.envelope(node, None, &asker, || said.bound())).await
    }

    /// The same with another envelope.
    pub(crate) async fn ask_as(
        self: &Arc<Self>,
        said: &Said,
        whom: &Whom,
        envelope: impl Fn(&Node) -> Option<String>,
    ) -> Result<(HttpLeg, Response), Unanswered> {
        let mut fresh = false;
        // Edges that took the request and had no answer: others are asked, and then an origin.
        let mut not = Vec::new();
        loop {
            let mut leg = self.open_http(whom, &not, fresh).await?;
            let at_edge = leg.origin.reason == Reason::Edge;
            let head = said.to_node(envelope(&leg.origin.node));
            let written = leg.write.write_all(&head).await;
            drop(head);
            let answer = match written {
                Ok(()) => self.await_answer(&mut leg, whom).await,
                Err(error) => Ok(Some(Err(error.into()))),
            };
            match answer {
                Ok(Some(Ok(response))) if !(at_edge && response.status.is_server_error()) => {
                    return Ok((leg, response));
                }
                // The origin closed it while it was idle.
                Ok(Some(Err(HeadError::Closed | HeadError::Io(_)))) if leg.reused => fresh = true,
                answer if at_edge => not.push(self.pass_over(&leg.origin, answer)),
                Ok(Some(Ok(response))) => return Ok((leg, response)),
                Ok(Some(Err(error))) => return Err(Broken::from(error).into()),
                Ok(None) => tokio::time::sleep(LOOK).await,
                Err(why) => return Err(why),
            }
        }
    }

    /// What an edge answered is of no use to a viewer.
    fn pass_over(&self, edge: &Origin, answer: Result<Option<Answered>, Unanswered>) -> NodeId {
        let why = match answer {
            Ok(Some(Ok(response))) => response.status.to_string(),
            Ok(Some(Err(error))) => error.to_string(),
            Ok(None) => String::new(),
            Err(why) => {
                if matches!(why, Unanswered::Origin(Broken::Slow)) {
                    self.balancer.dial_slow(&edge.node.id, self.now());
                }
                why.to_string()
            }
        };
        tracing::info!(edge = %edge.node.id, why, "an edge is passed over");
        edge.node.id.clone()
    }

    /// The head of the answer; none when the stream turned out to live elsewhere.
    async fn await_answer(
        self: &Arc<Self>,
        leg: &mut HttpLeg,
        whom: &Whom,
    ) -> Result<Option<Answered>, Unanswered> {
        let HttpLeg { read, origin, .. } = leg;
        let here = origin.place.clone();
        let mut follower = match whom {
            Whom::Stream(key) | Whom::Pull(key, _) | Whom::Viewer(key) if origin.reason == Reason::Placed => {
                Some(self.follow(key))
            }
            _ => None,
        };
        if let Some(follower) = &mut follower {
            follower.set_restless(true);
        }
        let moved = async {
            match &mut follower {
                Some(follower) => follower.moved(&here).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = timeout(ANSWER, read_response(read)) => match answer {
                Ok(answer) => Ok(Some(answer)),
                Err(_) => Err(Broken::Slow.into()),
            },
            () = origin.silent() => Err(Unanswered::Silent),
            () = moved => Ok(None),
        }
    }

    async fn open_http(&self, whom: &Whom, not: &[NodeId], fresh: bool) -> Result<HttpLeg, Unanswered> {
        let Leg { link: (stream, reused), origin } = match whom {
            Whom::Stream(key) | Whom::Pull(key, _) => self.dial_http(key, 0, not, fresh).await?,
            Whom::Viewer(key) => self.dial_http(key, EDGE_TRIES, not, fresh).await?,
            Whom::Node(node) => self.dial_http_at(node, fresh).await?,
        };
        Ok(HttpLeg::new(stream, origin, reused).map_err(Broken::from)?)
    }
}

#[cfg(test)]
mod tests;
