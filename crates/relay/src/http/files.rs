//! Segments, keys and whatever else a list names: from the origin of the token, once for all who ask.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use srs_names::NodeId;
use srs_net::http::{Answer, Body, Content, Response, with_range};
use tokio::time::Instant;

use super::{Ask, MARK, Reply, Token, pass_on};
use crate::Relay;
use crate::cache::{Got, Kept, Loaded, Room, Rules};
use crate::heads::{CONDITIONS, Said, Words, end_to_end, head_of};
use crate::limits::{FILE_BYTES, FILE_TTL, FILE_TTL_UNSAID, REFUSAL_BYTES};
use crate::upstream::{Broken, HttpLeg, Unanswered, Whom, framing, read_whole};

impl Relay {
    /// Answers a request for a file.
    pub(super) async fn file(self: &Arc<Self>, ask: &Ask<'_>) -> Reply {
        let whom = match &ask.token {
            Token::Of(id) => {
                if let Some(reply) = self.shared_file(ask, id).await {
                    return reply;
                }
                match self.server(id).await {
                    Ok(whom) => whom,
                    Err((status, words)) => return Reply::refusal(status, words),
                }
            }
            _ => match ask.key() {
                Ok(key) => match self.locate(key).await {
                    // A list is waited for, as a stream is.
                    (key, live) if live || ask.extension == "mpd" => Whom::Stream(key),
                    _ => return Reply::refusal(StatusCode::NOT_FOUND, "not found"),
                },
                Err(error) => {
                    return Reply::refusal(StatusCode::BAD_REQUEST, &format!("bad stream name: {error}"));
                }
            },
        };
        let method = ask.request.method();
        let words = Words { target: &ask.target, method, without: &[], plain: false, again: true };
        match self.ask(&head_of(ask.request, ask.peer, &words), &whom).await {
            Ok((leg, response)) => pass_on(self, ask, leg, response).await,
            Err(why) => Reply::failed(self, &why),
        }
    }

    /// The answer that all get; none when this client needs one of its own.
    async fn shared_file(self: &Arc<Self>, ask: &Ask<'_>, id: &NodeId) -> Option<Reply> {
        if !ask.may_share() {
            return None;
        }
        // A player's mark makes no other file of it; fetched for all, it is fetched in nobody's name.
        let (target, _) = srs_m3u8::without_query(&ask.target, MARK);
        let load = |room| {
            let head = ask.whole(&target, CONDITIONS);
            Arc::clone(self).load_file(head, id.clone(), room)
        };
        match self.cache.get(ask.cache_key("file", id, &target), load).await {
            Got::Kept(kept) => Some(Reply::Answer(with_range(ask.request, kept.answer(ask.request)))),
            Got::Mine(answer) => {
                let fields = ask.request.headers();
                let whole = !CONDITIONS.iter().any(|name| fields.contains_key(name));
                if *ask.request.method() != Method::GET || !whole {
                    return None;
                }
                Some(pass_on(self, ask, answer.0, answer.1).await)
            }
            Got::Alone => None,
        }
    }

    async fn load_file(self: Arc<Self>, head: Said, id: NodeId, mut room: Room) -> Loaded {
        let whom = match self.server(&id).await {
            Ok(whom) => whom,
            Err((status, words)) => return Loaded::Keep(Kept::told(status, words), Duration::ZERO),
        };
        let (leg, response) = match self.ask(&head, &whom).await {
            Ok(answered) => answered,
            Err(why) => return self.load_failed(&why),
        };
        if response.status != StatusCode::OK {
            return self.refused(leg, response).await;
        }
        let rules = Rules::of(&response.headers);
        let most = u64::try_from(FILE_BYTES).unwrap_or(u64::MAX);
        let large = matches!(framing(&response), Ok(Body::Length(length)) if length > most);
        if rules.private || large {
            return Loaded::Alone(Some((leg, response)), true);
        }
        let ttl = rules.age.map_or(FILE_TTL_UNSAID, |age| age.min(FILE_TTL));
        match keep(leg, response, FILE_BYTES, |more| room.take(more)).await {
            Ok(kept) => Loaded::Keep(kept, ttl),
            // Found only on the way: its length was not said.
            Err(Unanswered::Origin(Broken::Large(_))) => Loaded::Alone(None, true),
            // It need not be kept to be passed on.
            Err(Unanswered::Origin(Broken::Room)) => Loaded::Alone(None, false),
            Err(why) => self.load_failed(&why),
        }
    }

    /// The server with this id, or what the client is told without it.
    async fn server(&self, id: &NodeId) -> Result<Whom, (StatusCode, &'static str)> {
        if self.known(id).await.is_none() {
            return Err((StatusCode::NOT_FOUND, "not found"));
        }
        let node = self.balancer.living(id, self.now());
        node.map(Whom::Node).ok_or((StatusCode::BAD_GATEWAY, "the origin is not there"))
    }

    /// That there is no answer is told to all who wait for it, and to nobody later.
    pub(super) fn load_failed(&self, why: &Unanswered) -> Loaded {
        self.complain(why);
        Loaded::Keep(Kept::failed(why), Duration::ZERO)
    }

    /// An answer other than 200. That there is nothing, or nothing now, is the same for all who asked; the rest may be meant
    /// for one client.
    pub(super) async fn refused(&self, leg: HttpLeg, response: Response) -> Loaded {
        let most = u64::try_from(REFUSAL_BYTES).unwrap_or(u64::MAX);
        let small = matches!(framing(&response), Ok(Body::Length(length)) if length <= most);
        let status = response.status;
        let same = matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) || status.is_server_error();
        if !same || !small || Rules::of(&response.headers).private {
            return Loaded::Alone(Some((leg, response)), false);
        }
        match keep(leg, response, REFUSAL_BYTES, |_| true).await {
            Ok(kept) => Loaded::Keep(kept, Duration::ZERO),
            Err(why) => self.load_failed(&why),
        }
    }
}

/// Reads an answer to its end, so that it can be kept.
pub(crate) async fn keep(
    leg: HttpLeg,
    response: Response,
    most: usize,
    room: impl FnMut(usize) -> bool,
) -> Result<Kept, Unanswered> {
    let (status, mut headers) = (response.status, end_to_end(&response.headers));
    headers.remove(header::CONTENT_LENGTH);
    let body = read_whole(leg, response, most, room).await?;
    let body = Content::stored(body);
    Ok(Kept { status, headers, body, packed: None, at: Instant::now() })
}

/// Status and fields alone.
pub(super) fn bodiless(response: &Response) -> Answer {
    let mut headers = end_to_end(&response.headers);
    headers.remove(header::CONTENT_LENGTH);
    Answer { status: response.status, headers, body: Content::Bytes(Bytes::new()) }
}
