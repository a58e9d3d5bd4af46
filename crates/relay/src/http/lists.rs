//! HLS playlists on their way: every relative address in them gets the token of the origin that they came from.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use srs_balance::{Node, Reason};
use srs_m3u8::{MOST_BYTES, is_relative, rewrite, with_query, without_query};
use srs_names::{NodeId, StreamKey};
use srs_net::http::{Content, Response, gzip, with_range};
use tokio::time::{Instant, timeout};

use super::last::Name;
use super::{Ask, MARK, Reply, Token, files, pass_on};
use crate::Relay;
use crate::cache::{Got, Kept, Loaded, Room, Rules};
use crate::heads::{CONDITIONS, PARTS, Said, end_to_end};
use crate::limits::{LIST_TTL, LIST_WAIT, LOAD};
use crate::token;
use crate::upstream::{Broken, HttpLeg, Unanswered, Whom, read_whole};

/// Fields that say something of the body as the origin sent it.
const OF_BODY: [HeaderName; 4] =
    [header::CONTENT_LENGTH, header::ACCEPT_RANGES, header::CONTENT_RANGE, header::CONTENT_ENCODING];

/// Where a list comes from.
#[derive(Clone)]
struct Source {
    /// The token's server.
    node: Option<Arc<Node>>,
    key: StreamKey,
    name: Name,
    mark: Option<String>,
}

impl Relay {
    /// Answers a request for a list.
    pub(super) async fn list(self: &Arc<Self>, ask: &Ask<'_>) -> Reply {
        let key = match ask.key() {
            Ok(key) => self.locate(key).await.0,
            Err(error) => {
                return Reply::refusal(StatusCode::BAD_REQUEST, &format!("bad stream name: {error}"));
            }
        };
        let (target, mark) = without_query(&ask.target, MARK);
        let node = self.of_token(ask, &key).await;
        let name = Name { key: key.clone(), target, marked: mark.is_some() };
        let source = Source { node, key, name, mark };
        let moved = self.has_moved(&source).await;
        let patience = if moved { LIST_WAIT } else { LOAD };
        let fresh = timeout(patience, self.fresh_list(ask, &source)).await.unwrap_or_else(|_| {
            Reply::refusal(StatusCode::GATEWAY_TIMEOUT, "the origin did not answer in time")
        });
        let status = fresh.status();
        let fails = status == StatusCode::NOT_FOUND || status.is_server_error();
        // An origin that hangs is known as such only after a while.
        if !fails || !(moved || self.has_moved(&source).await) {
            return fresh;
        }
        match self.lasts.answer(&source.name, source.mark.as_deref()) {
            Some(last) => Reply::Answer(with_range(ask.request, last)),
            None => fresh,
        }
    }

    /// Whether the stream's last list came from an origin that does not have it any more: only then is it shown again. An
    /// origin that has it decides for itself who gets what, and may take its time.
    async fn has_moved(&self, source: &Source) -> bool {
        let Some(node) = self.lasts.node(&source.name) else { return false };
        let found = self.balancer.find(&source.key, self.now()).await;
        found.is_none_or(|pick| pick.node.id != node)
    }

    async fn fresh_list(self: &Arc<Self>, ask: &Ask<'_>, source: &Source) -> Reply {
        // A list with a player's mark is that player's.
        if ask.may_share() && !ask.has_mark() {
            match self.shared_list(ask, source).await {
                Ok(Got::Kept(kept)) => {
                    return Reply::Answer(with_range(ask.request, kept.answer(ask.request)));
                }
                Ok(Got::Mine(answer)) => return self.own_list(ask, source, answer.0, answer.1).await,
                Ok(Got::Alone) => {}
                Err(why) => return Reply::failed(self, &why),
            }
        }
        match self.ask_for_list(&ask.whole(&ask.target, PARTS), source).await {
            Ok((leg, response)) => self.own_list(ask, source, leg, response).await,
            Err(why) => Reply::failed(self, &why),
        }
    }

    /// The token's server, if it can be asked: it lives, and no other holds the stream's claim by now.
    async fn of_token(&self, ask: &Ask<'_>, key: &StreamKey) -> Option<Arc<Node>> {
        let Token::Of(id) = &ask.token else { return None };
        self.known(id).await?;
        let node = self.balancer.living(id, self.now())?;
        let found = self.balancer.find(key, self.now()).await;
        let elsewhere = found.is_some_and(|pick| pick.reason == Reason::Claimed && pick.node.id != *id);
        (!elsewhere).then_some(node)
    }

    async fn shared_list(self: &Arc<Self>, ask: &Ask<'_>, source: &Source) -> Result<Got, Unanswered> {
        let id = match &source.node {
            Some(node) => node.id.clone(),
            None => {
                let picked = self.balancer.pick_play(&source.key, &[], self.now()).await;
                picked.map_err(|none| Unanswered::Unserved(none.into()))?.node.id.clone()
            }
        };
        let cache_key = ask.cache_key("list", &id, &ask.target);
        let load = |room| {
            let head = ask.whole(&ask.target, CONDITIONS);
            Arc::clone(self).load_list(head, source.clone(), room)
        };
        Ok(self.cache.get(cache_key, load).await)
    }

    /// Asks the token's server, and where that turns out to be gone whoever has the stream.
    async fn ask_for_list(
        self: &Arc<Self>,
        head: &Said,
        source: &Source,
    ) -> Result<(HttpLeg, Response), Unanswered> {
        if let Some(node) = &source.node {
            match self.ask(head, &Whom::Node(Arc::clone(node))).await {
                Err(Unanswered::Unserved(_) | Unanswered::Silent) => {}
                answered => return answered,
            }
        }
        self.ask(head, &Whom::Stream(source.key.clone())).await
    }

    async fn load_list(self: Arc<Self>, head: Said, source: Source, mut room: Room) -> Loaded {
        let (leg, response) = match self.ask_for_list(&head, &source).await {
            Ok(answered) => answered,
            Err(why) => return self.load_failed(&why),
        };
        if response.status != StatusCode::OK {
            return self.refused(leg, response).await;
        }
        let rules = Rules::of(&response.headers);
        let ttl = rules.age.unwrap_or(Duration::ZERO).min(LIST_TTL);
        if rules.private || !rules.public {
            return Loaded::Alone(Some((leg, response)), true);
        }
        match self.read_list(&source, leg, response, |more| room.take(more)).await {
            Ok(kept) => Loaded::Keep(kept, ttl),
            Err(why) => self.load_failed(&why),
        }
    }

    /// A list for one client.
    async fn own_list(&self, ask: &Ask<'_>, source: &Source, leg: HttpLeg, response: Response) -> Reply {
        if response.status != StatusCode::OK {
            return match *ask.request.method() {
                // It was asked for with `GET`, and its body is nobody's.
                Method::HEAD => Reply::Answer(files::bodiless(&response)),
                _ => pass_on(self, ask, leg, response).await,
            };
        }
        match self.read_list(source, leg, response, |_| true).await {
            Ok(kept) => Reply::Answer(with_range(ask.request, kept.answer(ask.request))),
            Err(why) => Reply::failed(self, &why),
        }
    }

    async fn read_list(
        &self,
        source: &Source,
        leg: HttpLeg,
        response: Response,
        room: impl FnMut(usize) -> bool,
    ) -> Result<Kept, Unanswered> {
        let id = leg.origin.node.id.clone();
        let fields = response.headers.clone();
        if fields.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(Broken::Coded.into());
        }
        let body = read_whole(leg, response, MOST_BYTES, room).await?;
        let body = self.with_token(&body, &id)?;
        let headers = fields_of(&fields);
        let rules = Rules::of(&fields);
        // What is for one client alone is shown to none but one with a mark of its own.
        if source.mark.is_some() || (rules.public && !rules.private) {
            self.lasts.note(&source.name, source.mark.as_deref(), &body, &headers, &id);
        }
        let packed = gzip(&body);
        let body = Content::Bytes(body);
        Ok(Kept { status: StatusCode::OK, headers, body, packed, at: Instant::now() })
    }

    /// The list with a token at every address that stays on the server it came from.
    fn with_token(&self, list: &Bytes, id: &NodeId) -> Result<Bytes, Unanswered> {
        let Some(token) = self.tokens.seal(id) else { return Ok(list.clone()) };
        let change = |reference: srs_m3u8::Reference<'_>| {
            is_relative(reference.uri).then(|| with_query(reference.uri, token::NAME, &token))
        };
        match rewrite(list, change) {
            Ok(list) => Ok(list.into()),
            // No list at all: what it is, is between the origin and the client.
            Err(srs_m3u8::Error::NoPlaylist | srs_m3u8::Error::Text) => Ok(list.clone()),
            Err(error) => Err(Broken::List(error).into()),
        }
    }
}

/// The fields of a list that was changed on its way.
pub(crate) fn fields_of(headers: &HeaderMap) -> HeaderMap {
    let mut fields = end_to_end(headers);
    for name in OF_BODY {
        fields.remove(name);
    }
    // What the tag stands for is the same list, but no longer the same bytes.
    let tag = fields.get(header::ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| !tag.starts_with("W/"));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&format!("W/{tag}")).ok()) {
        fields.insert(header::ETAG, tag);
    }
    fields
}
