//! A viewer's leg over HTTP: from the origin that has the stream to the client.
//!
//! FLV is taken out of the origin's framing tag by tag, and put into ours; it goes on with another origin when the first
//! is lost. All else (TS, AAC and MP3, a refusal, a redirect) is passed on as it comes: such a viewer's connection ends with
//! its origin.

pub(crate) mod client;
mod flow;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use srs_names::StreamKey;
use srs_net::buffer;
use srs_net::http::{Body, Response, write_head};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::Relay;
use crate::door::Errand;
use crate::follow::{Follower, Place};
use crate::forward::{session_id, shown};
use crate::heads::{Said, end_to_end, request_head};
use crate::limits::{FAILOVER, REST, RETRY};
use crate::origins::Losses;
use crate::upstream::{Broken, HttpLeg, Unanswered, Whom, framing};
use client::Client;
use flow::Flow;

/// Ends a chunked body. Without it the player can tell that the body broke off.
const LAST_CHUNK: Bytes = Bytes::from_static(b"0\r\n\r\n");

/// Live media may pause for as long as the origin lives: it holds the stream of a publisher that dropped.
const ALWAYS: Duration = Duration::MAX;

/// Why a viewer's session ended, for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the player left")]
    Player,
    #[error("the player: {0}")]
    Client(io::Error),
    #[error("took nothing for 10 s")]
    Stalled,
    #[error("the origin answered {0}")]
    Answered(StatusCode),
    #[error("the stream ended")]
    Over,
    #[error("the stream is elsewhere")]
    Elsewhere,
    #[error("the origin: {0}")]
    Origin(#[from] Broken),
    #[error("the origin fell silent")]
    Silent,
    #[error("the edge drains")]
    Drains,
    #[error("the origin is lost, and the stream did not come back in time")]
    Lost,
    #[error("{0}")]
    Unanswered(#[from] Unanswered),
}

impl Relay {
    /// Serves one request for live media to its end.
    pub(crate) async fn play_live(
        self: Arc<Self>,
        stream: TcpStream,
        request: Box<Request<()>>,
        format: &'static str,
        peer: SocketAddr,
    ) {
        let cid = session_id();
        let mut client = Client::new(stream, request.version());
        let uri = request.uri();
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let key = match StreamKey::from_http(host, uri.path(), uri.query()) {
            Ok((key, ..)) => self.balancer.home(key),
            Err(error) => {
                tracing::warn!(cid, peer = shown(peer), %error, "http play refused");
                return client.answer(StatusCode::BAD_REQUEST, &format!("bad stream name: {error}")).await;
            }
        };
        let (peer, errand) = self.caller_of_request(&request, peer);
        let whom = Box::new(match errand {
            Errand::Client => Whom::Viewer(key.clone()),
            Errand::Pull(hops) => Whom::Pull(key.clone(), hops),
            Errand::Push(_) | Errand::Stranger => Whom::Stream(key.clone()),
        });
        let said = request_head(&request, peer);
        drop(request);
        tracing::info!(cid, peer = shown(peer), stream = %key, "http-{format} play");
        let ended = self.relay_live(&mut client, &said, &key, &whom, &cid).await;
        tracing::info!(cid, stream = %key, reason = %ended, "http-{format} play ended");
        match ended {
            // Without an answer the player could not tell a broken origin from a broken proxy.
            Ended::Unanswered(why) if !client.answered => {
                let (status, words) = why.told();
                client.answer(status, words).await;
            }
            Ended::Origin(_) | Ended::Silent if !client.answered => {
                client.answer(StatusCode::BAD_GATEWAY, "the origin did not answer").await;
            }
            // A body that broke off lacks its end; what came of it is the player's.
            Ended::Over | Ended::Lost | Ended::Answered(_) | Ended::Origin(_) | Ended::Unanswered(_) => {
                client.finish().await;
            }
            _ => {}
        }
    }

    async fn relay_live(
        self: &Arc<Self>,
        client: &mut Client,
        said: &Said,
        key: &StreamKey,
        whom: &Whom,
        cid: &str,
    ) -> Ended {
        // What is needed only at the start, or when an origin is lost, is not to make every viewer's session larger.
        let asked = tokio::select! {
            asked = Box::pin(self.ask(said, whom)) => asked,
            gone = client.gone() => return gone,
        };
        let (mut leg, response) = match asked {
            Ok(answered) => answered,
            Err(why) => return why.into(),
        };
        let Some(body) = flv_body(&response) else {
            let status = response.status;
            let passed = Box::pin(pass_through(client, &mut leg, response, &Method::GET, ALWAYS));
            return match passed.await {
                Ok(()) => Ended::Answered(status),
                Err(ended) => ended,
            };
        };
        client.open(&response);
        drop(response.headers);
        let mut flow = Flow::new(body);
        let mut follower = self.follow(key);
        let mut rest = response.rest;
        let mut losses = Losses::default();
        loop {
            let (here, node) = (leg.origin.place.clone(), Arc::clone(&leg.origin.node));
            let ended = flow.run(client, &mut leg, std::mem::take(&mut rest), &mut follower).await;
            let lost = match &ended {
                Ended::Elsewhere => false,
                Ended::Drains if !Box::pin(self.serves_elsewhere(key)).await => continue,
                Ended::Drains => false,
                Ended::Over => {
                    // A stream that ended here may have moved: its former owner lets it go then.
                    let found = Box::pin(self.balancer.find(key, self.now())).await;
                    if !found.is_some_and(|pick| Place::of(&pick).is_better_than(&here)) {
                        return Flow::end(client);
                    }
                    false
                }
                Ended::Origin(Broken::Short) if Box::pin(self.ended_on_purpose(&node)).await => return ended,
                // What is no stream here is none elsewhere.
                Ended::Origin(Broken::Tag(_) | Broken::Body(_)) => return ended,
                Ended::Origin(_) | Ended::Silent if losses.are_too_many() => return ended,
                Ended::Origin(_) | Ended::Silent => true,
                _ => return ended,
            };
            drop(leg);
            let until = flow.leave_origin() + FAILOVER;
            let again = Box::pin(self.live_again(said, whom, &mut follower, lost.then_some(&here), until));
            let (next, response, body) = tokio::select! {
                again = again => match again {
                    Some(again) => again,
                    None => return Ended::Lost,
                },
                gone = client.gone() => return gone,
            };
            flow.go_on(body);
            (leg, rest) = (next, response.rest);
            tracing::info!(cid, stream = %key, reason = %ended, from = %node.id, origin = %leg.origin.node.id, "http-flv play goes on");
        }
    }

    /// The stream where it is now; none when it is nowhere in time.
    async fn live_again(
        self: &Arc<Self>,
        said: &Said,
        whom: &Whom,
        follower: &mut Follower,
        lost: Option<&Place>,
        until: Instant,
    ) -> Option<(HttpLeg, Response, Body)> {
        follower.set_restless(true);
        // Where a stream is that its edge lost, no list of an origin tells.
        if let Some(here) = lost.filter(|here| !here.edge) {
            let _either_way = timeout(REST, follower.moved(here)).await;
        }
        while Instant::now() < until {
            if let Ok(Ok((leg, response))) = timeout_at(until, self.ask(said, whom)).await
                && let Some(body) = flv_body(&response)
            {
                return Some((leg, response, body));
            }
            sleep(RETRY).await;
        }
        None
    }
}

/// The body of an answer that is live FLV.
fn flv_body(response: &Response) -> Option<Body> {
    let flv = response.status == StatusCode::OK
        && response.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "video/x-flv")
        && !response.headers.contains_key(header::CONTENT_LENGTH);
    flv.then(|| Body::of_response(&response.headers).ok()).flatten()
}

/// Passes on an answer as it comes, so that the client can tell whether it is whole where we can. An origin that says
/// nothing for longer than its `patience` is given up.
pub(crate) async fn pass_through(
    client: &mut Client,
    leg: &mut HttpLeg,
    response: Response,
    method: &Method,
    patience: Duration,
) -> Result<(), Ended> {
    let framed = framing(&response).map_err(Broken::from)?;
    let mut body = if *method == Method::HEAD { Body::Length(0) } else { framed };
    let mut fields = end_to_end(&response.headers);
    fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let chunked = client.chunked && matches!(body, Body::Chunked(_));
    if chunked {
        fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    client.outbox.push(write_head(client.version, response.status, &fields));
    client.answered = true;
    let mut input = response.rest;
    loop {
        while let Some(piece) = body.read(&mut input).map_err(Broken::from)? {
            client.push(piece, chunked);
        }
        if chunked && body.is_over() {
            client.outbox.push(LAST_CHUNK);
        }
        // A client that takes its time holds the origin back, and not a block of this shard's buffer.
        if !client.offer().await? {
            client.send().await?;
        }
        if body.is_over() {
            return Ok(());
        }
        input = tokio::select! {
            biased;
            came = timeout(patience, buffer::read(&mut leg.read)) => {
                came.map_err(|_| Broken::Slow)?.map_err(Broken::from)?
            }
            gone = client.gone() => return Err(gone),
            () = leg.origin.silent() => return Err(Ended::Silent),
        };
        if input.is_empty() {
            return if body == Body::UntilClose { Ok(()) } else { Err(Broken::Short.into()) };
        }
    }
}

#[cfg(test)]
mod tests;
