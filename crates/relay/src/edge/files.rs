//! Segments, keys and whatever else a list names.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode, header};
use srs_m3u8::without_query;
use srs_net::http::{Answer, Body, Content, Response, with_range};

use super::pass::{Passed, Wanted, is_refusal};
use super::{Asked, Edge, OF_ONE};
use crate::cache::{Got, Kept, Loaded, Room, Rules, refusal};
use crate::heads::{Words, end_to_end, head_of};
use crate::http::files::keep;
use crate::http::{Ask, MARK, Token};
use crate::limits::{FILE_BYTES, FILE_TTL, FILE_TTL_UNSAID, LIST_TTL};
use crate::upstream::{Broken, HttpLeg, Unanswered, framing, read_whole};

/// What a player is told for whom there is no file.
const NOWHERE: &str = "not found: no server upstream has this file";

/// The same for what may be live media: whoever asks for it under another name each time is not to have each loaded.
const ENDLESS: &str = "the server upstream does not say how long this is, and no list names it";

impl Asked<'_> {
    /// Whether an edge with our secret has seen a list that names this file: live media is in none.
    fn is_named(&self) -> bool {
        matches!(self.ask.token, Token::Of(_))
    }

    /// Whether an answer that was fetched in nobody's name, and whole, is what this client asks for.
    pub(super) fn is_bare(&self) -> bool {
        let fields = self.ask.request.headers();
        *self.ask.request.method() == Method::GET && !OF_ONE.iter().any(|name| fields.contains_key(name))
    }
}

impl Edge {
    /// Answers a request for a file.
    pub(super) async fn file(self: &Arc<Self>, asked: &Asked<'_>) -> Answer {
        let ask = &asked.ask;
        let servers = self.in_order(&asked.servers, asked.first.as_ref());
        let wanted = |said| asked.wanted(said, servers.clone());
        let vouched = asked.is_named();
        if ask.may_share() {
            // A player's mark makes no other file of it.
            let (target, _) = without_query(&ask.target, MARK);
            let host = ask.host().unwrap_or_default().to_ascii_lowercase();
            let server = match &ask.token {
                Token::Of(id) => id.as_str(),
                _ => "",
            };
            let wanted = wanted(ask.whole(&target, &OF_ONE));
            let load = |room: Room| Arc::clone(self).load_file(wanted, vouched, room.of_a_file());
            match self.cache.get(format!("file {server}\n{host}\n{target}"), load).await {
                Got::Kept(kept) => return with_range(ask.request, kept.answer(ask.request)),
                Got::Mine(answer) if asked.is_bare() => return self.finish(ask, answer.0, answer.1).await,
                _ => {}
            }
        }
        // Asked for with `GET` also for `HEAD`, whose answer must say the same length.
        let words =
            Words { target: &ask.target, method: &Method::GET, without: &[], plain: false, again: true };
        let passed = self.pass(&wanted(head_of(ask.request, ask.peer, &words))).await;
        match passed.answer {
            Ok((_, response)) if !vouched && may_be_endless(&response) => {
                refusal(StatusCode::BAD_GATEWAY, ENDLESS)
            }
            Ok((leg, response)) if !is_refusal(response.status) => self.finish(ask, leg, response).await,
            answer => self.refuse(Passed { answer, ..passed }, NOWHERE).await.answer(ask.request),
        }
    }

    async fn load_file(self: Arc<Self>, mut wanted: Wanted, vouched: bool, mut room: Room) -> Loaded {
        loop {
            let passed = self.pass(&wanted).await;
            let (leg, response) = match passed.answer {
                Ok((leg, response)) if !is_refusal(response.status) => (leg, response),
                answer => {
                    let kept = self.refuse(Passed { answer, ..passed }, NOWHERE).await;
                    return Loaded::Keep(kept, LIST_TTL);
                }
            };
            if !vouched && may_be_endless(&response) {
                return Loaded::Keep(Kept::told(StatusCode::BAD_GATEWAY, ENDLESS), LIST_TTL);
            }
            let rules = Rules::of(&response.headers);
            let most = u64::try_from(FILE_BYTES).unwrap_or(u64::MAX);
            let large = matches!(framing(&response), Ok(Body::Length(length)) if length > most);
            let is_file = response.status == StatusCode::OK;
            if !is_file || rules.own || large {
                return Loaded::Alone(Some((leg, response)), is_file);
            }
            let ttl = match rules.private {
                // For those who wait for it, and for nobody later.
                true => Duration::ZERO,
                false => rules.age.map_or(FILE_TTL_UNSAID, |age| age.min(FILE_TTL)),
            };
            let node = leg.origin.node.id.clone();
            let why = match keep(leg, response, FILE_BYTES, |more| room.take(more)).await {
                Ok(kept) => return Loaded::Keep(kept, ttl),
                // Found only on the way: its length was not said.
                Err(Unanswered::Origin(Broken::Large(_))) => return Loaded::Alone(None, true),
                Err(why @ Unanswered::Origin(Broken::Room)) => {
                    return Loaded::Keep(Kept::failed(&why), Duration::ZERO);
                }
                Err(why) => why,
            };
            // A line may be too thin for a large file and good for all else.
            if !matches!(why, Unanswered::Origin(Broken::Slow)) {
                self.is_ill(&node, &why);
            }
            wanted.servers.retain(|server| server.id != node);
            if wanted.servers.is_empty() {
                let passed = Passed { answer: Err(why), missing: Vec::new() };
                return Loaded::Keep(self.refuse(passed, NOWHERE).await, LIST_TTL);
            }
        }
    }

    /// A server's answer to one client, as it is.
    pub(super) async fn finish(&self, ask: &Ask<'_>, leg: HttpLeg, response: Response) -> Answer {
        let (status, mut headers) = (response.status, end_to_end(&response.headers));
        headers.remove(header::CONTENT_LENGTH);
        let mut room = self.cache.room().of_a_file();
        match read_whole(leg, response, FILE_BYTES, |more| room.take(more)).await {
            Ok(body) => Answer { status, headers, body: Content::Bytes(body) },
            Err(why) => {
                tracing::debug!(target = ask.target, error = %why, "a file is not relayed");
                let (status, words) = why.told();
                refusal(status, words)
            }
        }
    }
}

/// Whether a body may go on for ever.
fn may_be_endless(response: &Response) -> bool {
    response.status.is_success() && !matches!(framing(response), Ok(Body::Length(_)))
}
