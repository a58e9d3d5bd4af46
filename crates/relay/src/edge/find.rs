//! Where a list is: at the server that had it last, else at the first that has it; and where it goes on when that has ended.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use srs_m3u8::{Kind, MOST_BYTES, Reference, is_relative, rewrite, without_query};
use srs_names::NodeId;
use srs_net::http::Response;
use tokio::time::timeout;

use super::lists::Wish;
use super::pass::{Passed, Wanted, is_refusal};
use super::{Edge, HEDGE, Place};
use crate::cache::{Got, Kept, Loaded, Room};
use crate::http::last::has_line;
use crate::http::{MARK, climbs};
use crate::limits::LIST_TTL;
use crate::upstream::{Broken, HttpLeg, Unanswered, read_whole};

/// A list as a server has it.
#[derive(Clone)]
pub(super) struct Listed {
    pub(super) node: NodeId,
    pub(super) list: Bytes,
    pub(super) headers: HeaderMap,
    /// Path and query by which this edge plays there, where the server gave it a mark.
    pub(super) session: Option<String>,
}

/// What there is for a list.
pub(super) enum Found {
    List(Listed),
    /// Something else, which may be meant for one client.
    Other(HttpLeg, Response),
    Nowhere(Passed),
}

/// Why a list that was there could not be read: another server may be able to send it.
pub(super) struct Unread {
    pub(super) node: NodeId,
    pub(super) why: Unanswered,
}

impl Listed {
    fn is_ended(&self) -> bool {
        has_line(&self.list, b"#EXT-X-ENDLIST")
    }
}

impl Edge {
    /// The list of the first of these servers that has one, under a mark where that server wants it so.
    pub(super) async fn find(&self, wish: &Wish, wanted: &Wanted, room: &mut Room) -> Result<Found, Unread> {
        if let Some(Place { node, session: Some(session) }) = self.places.get(&wish.name())
            && wanted.servers.iter().any(|server| server.id == node)
        {
            if let Some(listed) = self.play(wanted, &node, session, room).await? {
                return Ok(Found::List(listed));
            }
            self.places.forget(&wish.name());
        }
        let passed = self.pass(wanted).await;
        let (leg, response) = match passed.answer {
            Ok((leg, response)) if !is_refusal(response.status) => (leg, response),
            answer => return Ok(Found::Nowhere(Passed { answer, ..passed })),
        };
        if response.status != StatusCode::OK {
            return Ok(Found::Other(leg, response));
        }
        let node = leg.origin.node.id.clone();
        let listed = in_time(wanted, &node, read(leg, response, room)).await?;
        if let Some(session) = session_of(&listed.list, &wish.target)
            && let Some(listed) = self.play(wanted, &node, session, room).await?
        {
            return Ok(Found::List(listed));
        }
        Ok(Found::List(listed))
    }

    /// The list that a server gives this edge as its player. What it holds is the same for all.
    async fn play(
        &self,
        wanted: &Wanted,
        node: &NodeId,
        session: String,
        room: &mut Room,
    ) -> Result<Option<Listed>, Unread> {
        let servers = wanted.servers.iter().filter(|server| server.id == *node).cloned().collect();
        let said = wanted.said.with_target(&session);
        let alone = Wanted { said, servers, ..wanted.clone() };
        let playing = async {
            match self.pass(&alone).await.answer {
                Ok((leg, response)) if response.status == StatusCode::OK => {
                    let listed = read(leg, response, room).await?;
                    Ok(Some(Listed { session: Some(session), ..listed }))
                }
                _ => Ok(None),
            }
        };
        in_time(wanted, node, playing).await
    }

    /// This list, or where it has ended that of a server where the stream goes on: a server that lost its publisher shows the
    /// end of it for minutes. The others are asked no more than once a second.
    pub(super) async fn running(&self, wish: &Wish, wanted: &Wanted, listed: Listed) -> Listed {
        let name = wish.name();
        if !listed.is_ended() || self.looked.get(&name).is_some() {
            return listed;
        }
        self.looked.put(&name, ());
        let is_other = |id: &NodeId| *id != listed.node && self.ill.get(id.as_str()).is_none();
        let others = wanted.servers.iter().filter(|server| is_other(&server.id));
        let asked: FuturesUnordered<_> = others
            .map(async |server| {
                let alone = Wanted { servers: vec![server.clone()], ..wanted.clone() };
                let mut room = self.cache.room();
                let found = timeout(HEDGE, self.find(wish, &alone, &mut room)).await;
                match found.unwrap_or_else(|_| Err(Unread::slow(&server.id))) {
                    Ok(Found::List(other)) if !other.is_ended() => Some(other),
                    Ok(_) => None,
                    Err(Unread { node, why }) => {
                        self.is_ill(&node, &why);
                        None
                    }
                }
            })
            .collect();
        let mut running = asked.filter_map(std::future::ready);
        running.next().await.unwrap_or(listed)
    }

    /// Whether a stream whose list has ended goes on at another server, which is then asked first: found out for all who have
    /// such a list of their own.
    pub(super) async fn goes_on(self: &Arc<Self>, wish: &Wish, listed: &Listed) -> bool {
        if !listed.is_ended() {
            return false;
        }
        let load = |_: Room| {
            let (edge, wish, ended) = (Arc::clone(self), wish.clone(), listed.clone());
            async move {
                let listed = edge.running(&wish, &wish.wanted, ended).await;
                edge.note(&wish, &listed);
                let found = if listed.is_ended() { StatusCode::NOT_FOUND } else { StatusCode::OK };
                Loaded::Keep(Kept::told(found, ""), LIST_TTL)
            }
        };
        match self.cache.get(format!("goes on\n{}", wish.name()), load).await {
            Got::Kept(kept) => kept.status == StatusCode::OK,
            _ => false,
        }
    }

    /// Whether a list tells of an end while the server that had more of the stream is away.
    pub(super) fn is_old(&self, wish: &Wish, listed: &Listed) -> bool {
        let is_away = |had: &NodeId| *had != listed.node && self.ill.get(had.as_str()).is_some();
        listed.is_ended() && self.lasts.node(&wish.name).is_some_and(|had| is_away(&had))
    }

    /// Takes note of where a list is. Where it ended is no such place, but who plays there need not come as another player.
    pub(super) fn note(&self, wish: &Wish, listed: &Listed) {
        let Listed { node, session, .. } = listed;
        if listed.is_ended() && session.is_none() {
            self.places.forget(&wish.name());
        } else {
            self.places.put(&wish.name(), Place { node: node.clone(), session: session.clone() });
        }
    }
}

impl Unread {
    fn slow(node: &NodeId) -> Unread {
        Unread { node: node.clone(), why: Broken::Slow.into() }
    }
}

/// What a server does while another one could do it has its time.
async fn in_time<T>(
    wanted: &Wanted,
    node: &NodeId,
    doing: impl Future<Output = Result<T, Unread>>,
) -> Result<T, Unread> {
    if wanted.servers.len() < 2 {
        return doing.await;
    }
    timeout(HEDGE, doing).await.unwrap_or_else(|_| Err(Unread::slow(node)))
}

/// A list to its end.
pub(super) async fn read(leg: HttpLeg, response: Response, room: &mut Room) -> Result<Listed, Unread> {
    let node = leg.origin.node.id.clone();
    let headers = response.headers.clone();
    let coded = |coding: &HeaderValue| coding != "identity";
    if headers.get(header::CONTENT_ENCODING).is_some_and(coded) {
        return Err(Unread { node, why: Broken::Coded.into() });
    }
    match read_whole(leg, response, MOST_BYTES, |more| room.take(more)).await {
        Ok(list) => Ok(Listed { node, list, headers, session: None }),
        Err(why) => Err(Unread { node, why }),
    }
}

/// The path and query by which a player goes on from a list at `target` that holds nothing but its mark; none where it is
/// another list, or leads to another folder, where what the next list names would be elsewhere for our own players.
fn session_of(list: &[u8], target: &str) -> Option<String> {
    let mut only = None;
    let mut count = 0_usize;
    let look = |reference: Reference<'_>| {
        count = count.saturating_add(1);
        let is_next = reference.kind == Kind::Variant && is_relative(reference.uri);
        only = is_next.then(|| reference.uri.to_owned());
        None
    };
    rewrite(list, look).ok()?;
    let next = resolved(&only.filter(|_| count == 1)?, target)?;
    let next = next.split('#').next().unwrap_or_default();
    let has_mark = without_query(next, MARK).1.is_some_and(|mark| !mark.is_empty());
    (has_mark && folder(next) == folder(target)).then(|| next.to_owned())
}

/// Up to the last slash of the path.
fn folder(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or_default();
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What comes before a query.
pub(super) fn path_of(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or_default()
}

/// The path and query that a relative address in a list at `target` means; none where it climbs about.
pub(super) fn resolved(uri: &str, target: &str) -> Option<String> {
    let whole = if uri.starts_with('/') { uri.to_owned() } else { format!("{}/{uri}", folder(target)) };
    let path = path_of(&whole);
    // It goes into a request: what is no path there is none.
    let is_plain = whole.bytes().all(|byte| byte.is_ascii_graphic());
    (is_plain && !climbs(path)).then_some(whole)
}
