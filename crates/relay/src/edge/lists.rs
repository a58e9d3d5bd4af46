//! Playlists at an edge: fetched once for all, and the same from every edge.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use srs_m3u8::{Reference, is_relative, rewrite, with_query, without_query};
use srs_names::NodeId;
use srs_net::http::{Answer, Content, Response, gzip, with_range};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::find::{Found, Listed, Unread, path_of, read, resolved};
use super::pass::{Passed, Wanted, is_refusal};
use super::{Asked, Edge, GOOD, HEDGE, OF_ONE, file_of};
use crate::cache::{Got, Kept, Loaded, Room, Rules, refusal};
use crate::heads::PARTS;
use crate::http::last::Name;
use crate::http::{MARK, extension_of, lists::fields_of};
use crate::limits::{LIST_TTL, LIST_WAIT, REFUSAL_BYTES};
use crate::token;
use crate::upstream::{Broken, HttpLeg, Unanswered};

/// What a player is told for whom there is no list.
const NOWHERE: &str = "the stream is not live: no server upstream has this list";

/// All that loading a list takes.
#[derive(Clone)]
pub(super) struct Wish {
    pub(super) wanted: Wanted,
    /// Path and query, without a mark.
    pub(super) target: String,
    host: String,
    /// See [`Asked`].
    place: String,
    pub(super) name: Name,
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

impl Wish {
    /// What tells lists apart.
    pub(super) fn name(&self) -> String {
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
        let mut wish =
            Wish { wanted: asked.wanted(said, Vec::new()), target, host, place: asked.place.clone(), name };
        wish.wanted.servers = self.in_order(&asked.servers, self.first(asked, &wish).as_ref());
        if ask.may_share() {
            match self.find_out(&wish).await {
                Got::Kept(kept) => return with_range(ask.request, kept.answer(ask.request)),
                Got::Mine(answer) if mark.is_none() && asked.is_bare() => {
                    return self.finish(ask, answer.0, answer.1).await;
                }
                _ => {}
            }
        }
        self.own_list(asked, &wish).await
    }

    /// Who is asked first: who had this list last, whoever had the one that named it.
    fn first(&self, asked: &Asked<'_>, wish: &Wish) -> Option<NodeId> {
        self.places.get(&wish.name()).map(|place| place.node).or_else(|| asked.first.clone())
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
            let Unread { node, why } = match self.try_list(wish, &wanted, room).await {
                Ok(fetched) => return fetched,
                Err(unread) => unread,
            };
            self.is_ill(&node, &why);
            if self.places.get(&wish.name()).is_some_and(|place| place.node == node) {
                self.places.forget(&wish.name());
            }
            wanted.servers.retain(|server| server.id != node);
            if wanted.servers.is_empty() || matches!(why, Unanswered::Origin(Broken::Room)) {
                return Fetched::Nowhere(Passed { answer: Err(why), missing: Vec::new() });
            }
        }
    }

    async fn try_list(&self, wish: &Wish, wanted: &Wanted, room: &mut Room) -> Result<Fetched, Unread> {
        let listed = match self.find(wish, wanted, room).await? {
            Found::List(listed) => self.running(wish, wanted, listed).await,
            Found::Other(leg, response) => return Ok(Fetched::Other(leg, response)),
            Found::Nowhere(passed) => return Ok(Fetched::Nowhere(passed)),
        };
        if self.is_old(wish, &listed) {
            let answer = Err(Unanswered::Silent);
            return Ok(Fetched::Nowhere(Passed { answer, missing: Vec::new() }));
        }
        let rules = Rules::of(&listed.headers);
        let mut fields = fields_of(&listed.headers);
        let ttl = match (&listed.session, rules) {
            // Marked for us alone; without the mark it is the same for all.
            (Some(_), _) => {
                fields.remove(header::SET_COOKIE);
                fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=1"));
                LIST_TTL
            }
            (None, rules) if rules.own => {
                self.note(wish, &listed);
                return Ok(Fetched::Own);
            }
            // For those who wait for it, and for nobody later.
            (None, rules) if rules.private => Duration::ZERO,
            (None, rules) => rules.age.unwrap_or(LIST_TTL).min(LIST_TTL),
        };
        let kept = self.shared(wish, &listed, fields)?;
        self.note(wish, &listed);
        Ok(Fetched::Shared(kept, ttl))
    }

    /// A list as everybody gets it.
    fn shared(&self, wish: &Wish, listed: &Listed, headers: HeaderMap) -> Result<Kept, Unread> {
        let node = &listed.node;
        let body = self.relayed(wish, listed).map_err(|why| Unread { node: node.clone(), why })?;
        self.lasts.note(&wish.name, None, &body, &headers, node);
        let packed = gzip(&body);
        let body = Content::Bytes(body);
        Ok(Kept { status: StatusCode::OK, headers, body, packed, at: Instant::now() })
    }

    /// The list with our token where there is none, and without our mark. What it names is remembered.
    fn relayed(&self, wish: &Wish, listed: &Listed) -> Result<Bytes, Unanswered> {
        let Listed { node, list, session, .. } = listed;
        let mark = session.as_deref().and_then(|session| without_query(session, MARK).1);
        let mut named = vec![wish.place.clone()];
        let vhost = wish.wanted.upstream.as_ref().and_then(|_| vhost_said(&wish.target));
        let change = |reference: Reference<'_>| {
            if !is_relative(reference.uri) {
                return None;
            }
            // Files come with the token that they get here.
            if let Some(target) = resolved(reference.uri, &wish.target)
                && extension_of(path_of(&target)) == "m3u8"
            {
                named.extend(self.place(Some(&wish.host), &target));
            }
            let (rest, marked) = without_query(reference.uri, MARK);
            let uri = if mark.is_some() && marked == mark { &rest } else { reference.uri };
            // Upstream was not told of the vhost that the client named, and does not name it.
            let uri = &match &vhost {
                Some((name, vhost)) => with_query(uri, name, vhost),
                None => uri.to_owned(),
            };
            if without_query(uri, token::NAME).1.is_some() {
                return Some(uri.clone());
            }
            let own = self.tokens.seal_for(node, &file_of(path_of(uri)));
            Some(own.map_or_else(|| uri.clone(), |own| with_query(uri, token::NAME, &own)))
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

    /// A list for one client.
    async fn own_list(self: &Arc<Self>, asked: &Asked<'_>, wish: &Wish) -> Answer {
        let mut found = self.find_own(asked, wish).await;
        if let Ok(listed) = &found
            && self.goes_on(wish, listed).await
        {
            found = self.find_own(asked, wish).await;
        }
        let listed = match found {
            Ok(listed) => listed,
            Err(answer) => return answer,
        };
        self.note(wish, &listed);
        match self.relayed(wish, &listed) {
            Ok(body) => {
                let headers = fields_of(&listed.headers);
                let packed = gzip(&body);
                let body = Content::Bytes(body);
                let kept = Kept { status: StatusCode::OK, headers, body, packed, at: Instant::now() };
                with_range(asked.ask.request, kept.answer(asked.ask.request))
            }
            Err(why) => self.failed(&why),
        }
    }

    /// The list that this client's own words get, or what it is told instead.
    async fn find_own(&self, asked: &Asked<'_>, wish: &Wish) -> Result<Listed, Answer> {
        // It may have been found out just now where it is.
        let servers = self.in_order(&asked.servers, self.first(asked, wish).as_ref());
        let said = asked.ask.whole(&asked.ask.target, PARTS);
        let passed = self.pass(&asked.wanted(said, servers)).await;
        let (leg, response) = match passed.answer {
            Ok((leg, response)) if !is_refusal(response.status) => (leg, response),
            answer => {
                let kept = self.refuse(Passed { answer, ..passed }, NOWHERE).await;
                return Err(kept.answer(asked.ask.request));
            }
        };
        if response.status != StatusCode::OK {
            return Err(self.finish(&asked.ask, leg, response).await);
        }
        let listed = read(leg, response, &mut self.cache.room()).await;
        listed.map_err(|unread| self.failed(&unread.why))
    }

    fn failed(&self, why: &Unanswered) -> Answer {
        self.relay.complain(why);
        let (status, words) = why.told();
        refusal(status, words)
    }
}

/// The vhost that a client said behind a path, and how.
fn vhost_said(target: &str) -> Option<(&'static str, String)> {
    let said =
        |name| without_query(target, name).1.filter(|vhost| !vhost.is_empty()).map(|vhost| (name, vhost));
    said("vhost").or_else(|| said("domain"))
}
