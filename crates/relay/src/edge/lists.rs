//! Playlists at an edge: fetched once for all, and the same from every edge.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use srs_m3u8::{Kind, MOST_BYTES, Reference, is_relative, rewrite, with_query, without_query};
use srs_names::NodeId;
use srs_net::http::{Answer, Content, Response, gzip, with_range};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::pass::{Passed, Wanted, is_refusal};
use super::{Asked, Edge, GOOD, HEDGE, OF_ONE, Place};
use crate::cache::{Got, Kept, Loaded, Room, Rules, refusal};
use crate::heads::PARTS;
use crate::http::last::Name;
use crate::http::{MARK, Token, climbs, lists::fields_of};
use crate::limits::{LIST_TTL, LIST_WAIT, REFUSAL_BYTES};
use crate::token;
use crate::upstream::{Broken, HttpLeg, Unanswered, read_whole};

/// What a player is told for whom there is no list.
const NOWHERE: &str = "the stream is not live: no server upstream has this list";

/// All that loading a list takes.
#[derive(Clone)]
struct Wish {
    wanted: Wanted,
    /// Path and query, without a mark.
    target: String,
    host: String,
    /// Host and path.
    place: String,
    name: Name,
}

/// A list as it came from upstream.
enum Fetched {
    /// For all, for so long.
    Shared(Kept, Duration),
    /// Each has to ask for one of its own.
    Own,
    /// Something else, which may be meant for one client.
    Other(HttpLeg, Response),
    /// None.
    Nowhere(Passed),
}

/// Why a list that was there could not be read: another server may be able to send it.
struct Unread {
    node: NodeId,
    why: Unanswered,
}

impl Wish {
    /// What tells lists apart.
    fn name(&self) -> String {
        format!("{}\n{}", self.host, self.target)
    }
}

impl Edge {
    /// Answers a request for a list.
    pub(super) async fn list(self: &Arc<Self>, asked: &Asked<'_>) -> Answer {
        let ask = &asked.ask;
        let (target, mark) = without_query(&ask.target, MARK);
        let Ok(key) = ask.key() else { return refusal(StatusCode::NOT_FOUND, NOWHERE) };
        let host = ask.host().unwrap_or_default().to_ascii_lowercase();
        let name = Name { key, target: target.clone(), marked: false };
        let said = ask.whole(&target, &OF_ONE);
        let mut wish = Wish {
            wanted: Wanted { said, hops: asked.hops.clone(), servers: Vec::new() },
            target,
            host,
            place: asked.place.clone(),
            name,
        };
        let last = self.places.get(&wish.name()).map(|place| place.node);
        let first = match &ask.token {
            Token::Of(id) => Some(id.clone()),
            _ => last.or_else(|| asked.first.clone()),
        };
        wish.wanted.servers = self.in_order(&asked.servers, first.as_ref());
        if ask.may_share() {
            match self.find_out(&wish).await {
                Got::Kept(kept) => return with_range(ask.request, kept.answer(ask.request)),
                Got::Mine(answer) if mark.is_none() && asked.is_bare() => {
                    return self.finish(ask, answer.0, answer.1).await;
                }
                _ => {}
            }
        }
        self.own_list(asked, wish).await
    }

    /// Of a list that was not here lately it is found out with one client's words whether there is any: so often as players
    /// may ask for a stream that does not exist, upstream is asked once a second.
    async fn find_out(self: &Arc<Self>, wish: &Wish) -> Got {
        let is_mine = |target: String| target == wish.target;
        if self.named.within(&wish.place, GOOD).is_some() || self.probed.get(&wish.place).is_some_and(is_mine)
        {
            return self.shared_list(wish).await;
        }
        let (give, mut mine) = oneshot::channel();
        let load = |_: Room| {
            self.probed.put(&wish.place, wish.target.clone());
            let (edge, wish) = (Arc::clone(self), wish.clone());
            async move {
                let got = edge.shared_list(&wish).await;
                edge.probed.forget(&wish.place);
                let loaded = match &got {
                    Got::Kept(kept) if is_refusal(kept.status) => Loaded::Keep(Kept::clone(kept), LIST_TTL),
                    _ => Loaded::Alone(None, false),
                };
                let _left = give.send(got);
                loaded
            }
        };
        match self.cache.get(format!("path\n{}", wish.place), load).await {
            Got::Kept(kept) => Got::Kept(kept),
            // What was found is for who found it; others may have other words.
            _ => match mine.try_recv() {
                Ok(got) => got,
                Err(_) => self.shared_list(wish).await,
            },
        }
    }

    async fn shared_list(self: &Arc<Self>, wish: &Wish) -> Got {
        let load = |room| Arc::clone(self).load_list(wish.clone(), room);
        self.cache.get(format!("list\n{}", wish.name()), load).await
    }

    async fn load_list(self: Arc<Self>, wish: Wish, mut room: Room) -> Loaded {
        let last = self.lasts.node(&wish.name);
        // Players that have a list are not to wait long for the next; each server has its turn.
        let turns = u32::try_from(wish.wanted.servers.len()).unwrap_or(u32::MAX);
        let patience = HEDGE.saturating_mul(turns).max(LIST_WAIT);
        let fetching = self.fetch_list(&wish, &mut room);
        let fetched = match &last {
            Some(_) => timeout(patience, fetching).await.unwrap_or_else(|_| Fetched::Nowhere(Passed::slow())),
            None => fetching.await,
        };
        let passed = match fetched {
            Fetched::Shared(kept, ttl) => return Loaded::Keep(kept, ttl),
            Fetched::Own => return Loaded::Alone(None, true),
            Fetched::Other(leg, response) => return Loaded::Alone(Some((leg, response)), false),
            Fetched::Nowhere(passed) => passed,
        };
        // Who had it and does not answer may be back; who says that there is none knows.
        let is_lost = last.is_some_and(|last| !passed.missing.contains(&last));
        if is_lost && let Some(Answer { status, headers, body }) = self.lasts.answer(&wish.name, None) {
            let kept = Kept { status, headers, body, packed: None, at: Instant::now() };
            return Loaded::Keep(kept, LIST_TTL);
        }
        Loaded::Keep(self.refuse(passed, NOWHERE).await, LIST_TTL)
    }

    /// What all are told for whom there is nothing.
    pub(super) async fn refuse(&self, passed: Passed, words: &str) -> Kept {
        let (leg, response) = match passed.answer {
            Ok(answer) => answer,
            Err(why) => {
                self.relay.complain(&why);
                return Kept::failed(&why);
            }
        };
        let status = response.status;
        if !status.is_server_error() {
            return Kept::told(StatusCode::NOT_FOUND, words);
        }
        match crate::http::files::keep(leg, response, REFUSAL_BYTES, |_| true).await {
            Ok(kept) => kept,
            Err(_) => Kept::told(status, "a server upstream has failed"),
        }
    }

    async fn fetch_list(&self, wish: &Wish, room: &mut Room) -> Fetched {
        let mut wanted = wish.wanted.clone();
        loop {
            match self.try_list(wish, &wanted, room).await {
                Ok(fetched) => return fetched,
                Err(Unread { node, why }) => {
                    self.is_ill(&node, &why);
                    wanted.servers.retain(|server| server.id != node);
                    if wanted.servers.is_empty() {
                        return Fetched::Nowhere(Passed { answer: Err(why), missing: Vec::new() });
                    }
                }
            }
        }
    }

    async fn try_list(&self, wish: &Wish, wanted: &Wanted, room: &mut Room) -> Result<Fetched, Unread> {
        if let Some(Place { node, session: Some(session) }) = self.places.get(&wish.name()) {
            if let Some(fetched) = self.play(wish, wanted, &node, &session, room).await? {
                return Ok(fetched);
            }
            self.places.forget(&wish.name());
        }
        let passed = self.pass(wanted).await;
        let (leg, response) = match passed.answer {
            Ok((leg, response)) if !is_refusal(response.status) => (leg, response),
            answer => return Ok(Fetched::Nowhere(Passed { answer, ..passed })),
        };
        if response.status != StatusCode::OK {
            return Ok(Fetched::Other(leg, response));
        }
        let node = leg.origin.node.id.clone();
        let fields = response.headers.clone();
        let list = read(leg, response, room).await?;
        if let Some(session) = session_of(&list, &wish.target)
            && let Some(fetched) = self.play(wish, wanted, &node, &session, room).await?
        {
            return Ok(fetched);
        }
        let rules = Rules::of(&fields);
        if rules.own {
            return Ok(Fetched::Own);
        }
        let ttl = match rules.private {
            // For those who wait for it, and for nobody later.
            true => Duration::ZERO,
            false => rules.age.unwrap_or(LIST_TTL).min(LIST_TTL),
        };
        self.places.put(&wish.name(), Place { node: node.clone(), session: None });
        let fields = fields_of(&fields);
        self.shared(wish, &list, fields, &node, None).map(|kept| Fetched::Shared(kept, ttl))
    }

    /// The list that a server gives this edge as its player. What it holds is the same for all.
    async fn play(
        &self,
        wish: &Wish,
        wanted: &Wanted,
        node: &NodeId,
        session: &str,
        room: &mut Room,
    ) -> Result<Option<Fetched>, Unread> {
        let mut servers = wanted.servers.clone();
        servers.retain(|server| server.id == *node);
        let wanted = Wanted { said: wanted.said.with_target(session), servers, hops: wanted.hops.clone() };
        let (leg, response) = match self.pass(&wanted).await.answer {
            Ok((leg, response)) if response.status == StatusCode::OK => (leg, response),
            _ => return Ok(None),
        };
        let mut fields = fields_of(&response.headers);
        let list = read(leg, response, room).await?;
        self.places.put(&wish.name(), Place { node: node.clone(), session: Some(session.to_owned()) });
        fields.remove(header::SET_COOKIE);
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=1"));
        let mark = without_query(session, MARK).1;
        let kept = self.shared(wish, &list, fields, node, mark.as_deref())?;
        Ok(Some(Fetched::Shared(kept, LIST_TTL)))
    }

    /// A list as everybody gets it.
    fn shared(
        &self,
        wish: &Wish,
        list: &Bytes,
        headers: HeaderMap,
        node: &NodeId,
        mark: Option<&str>,
    ) -> Result<Kept, Unread> {
        let body = self.relayed(wish, list, node, mark).map_err(|why| Unread { node: node.clone(), why })?;
        self.lasts.note(&wish.name, None, &body, &headers, node);
        let packed = gzip(&body);
        let body = Content::Bytes(body);
        Ok(Kept { status: StatusCode::OK, headers, body, packed, at: Instant::now() })
    }

    /// The list with our token where there is none, and without our mark. What it names is remembered.
    fn relayed(
        &self,
        wish: &Wish,
        list: &Bytes,
        node: &NodeId,
        mark: Option<&str>,
    ) -> Result<Bytes, Unanswered> {
        let own = self.tokens.seal(node);
        let mut named = vec![wish.place.clone()];
        let change = |reference: Reference<'_>| {
            if !is_relative(reference.uri) {
                return None;
            }
            if let Some(path) = resolved(reference.uri, &wish.target) {
                let path = path.split(['?', '#']).next().unwrap_or_default();
                named.push(format!("{}\n{path}", wish.host));
            }
            let (rest, marked) = without_query(reference.uri, MARK);
            let uri = if mark.is_some() && marked.as_deref() == mark { &rest } else { reference.uri };
            Some(match &own {
                Some(own) if without_query(uri, token::NAME).1.is_none() => with_query(uri, token::NAME, own),
                _ => uri.to_owned(),
            })
        };
        let body = match rewrite(list, change) {
            Ok(list) => list.into(),
            // No list at all: what it is, is between the server and the client.
            Err(srs_m3u8::Error::NoPlaylist | srs_m3u8::Error::Text) => list.clone(),
            Err(error) => return Err(Broken::List(error).into()),
        };
        for place in named {
            self.named.put(&place, node.clone());
        }
        Ok(body)
    }

    /// A list for one client, asked for with its own words.
    async fn own_list(&self, asked: &Asked<'_>, wish: Wish) -> Answer {
        let said = asked.ask.whole(&asked.ask.target, PARTS);
        let passed = self.pass(&Wanted { said, ..wish.wanted.clone() }).await;
        let (leg, response) = match passed.answer {
            Ok((leg, response)) if !is_refusal(response.status) => (leg, response),
            answer => {
                let kept = self.refuse(Passed { answer, ..passed }, NOWHERE).await;
                return kept.answer(asked.ask.request);
            }
        };
        if response.status != StatusCode::OK {
            return self.finish(&asked.ask, leg, response).await;
        }
        let node = leg.origin.node.id.clone();
        let headers = fields_of(&response.headers);
        let list = read(leg, response, &mut self.cache.room()).await.map_err(|unread| unread.why);
        match list.and_then(|list| self.relayed(&wish, &list, &node, None)) {
            Ok(body) => {
                let packed = gzip(&body);
                let body = Content::Bytes(body);
                let kept = Kept { status: StatusCode::OK, headers, body, packed, at: Instant::now() };
                with_range(asked.ask.request, kept.answer(asked.ask.request))
            }
            Err(why) => {
                self.relay.complain(&why);
                let (status, words) = why.told();
                refusal(status, words)
            }
        }
    }
}

async fn read(leg: HttpLeg, response: Response, room: &mut Room) -> Result<Bytes, Unread> {
    let node = leg.origin.node.id.clone();
    let coded = |coding: &HeaderValue| coding != "identity";
    if response.headers.get(header::CONTENT_ENCODING).is_some_and(coded) {
        return Err(Unread { node, why: Broken::Coded.into() });
    }
    let body = read_whole(leg, response, MOST_BYTES, |more| room.take(more)).await;
    body.map_err(|why| Unread { node, why })
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

/// The path and query that a relative address in a list at `target` means; none where it climbs about.
fn resolved(uri: &str, target: &str) -> Option<String> {
    let whole = if uri.starts_with('/') { uri.to_owned() } else { format!("{}/{uri}", folder(target)) };
    let path = whole.split(['?', '#']).next().unwrap_or_default();
    // It goes into a request: what is no path there is none.
    let is_plain = whole.bytes().all(|byte| byte.is_ascii_graphic());
    (is_plain && !climbs(path)).then_some(whole)
}
