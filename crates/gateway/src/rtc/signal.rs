//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) as a client speaks them: which path is what.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use srs_names::envelope::Envelope;
use srs_net::http::{Answering, Signalling};

use super::answer::{self, No};
use super::make::{Asked, Wants};
use super::{json, resource};
use crate::{Gateway, shown};

/// Bodies of this kind are offers and answers.
pub(super) const SDP: &str = "application/sdp";

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    /// WHIP or WHEP.
    Plain(Wants),
    /// SRS's own, which came before them.
    Json(Wants),
}

impl Endpoint {
    fn of(path: &str) -> Option<Endpoint> {
        Some(match path.trim_end_matches('/') {
            "/rtc/v1/whip" => Endpoint::Plain(Wants::Publish),
            "/rtc/v1/whep" | "/rtc/v1/whip-play" => Endpoint::Plain(Wants::Play),
            "/rtc/v1/publish" => Endpoint::Json(Wants::Publish),
            "/rtc/v1/play" => Endpoint::Json(Wants::Play),
            _ => return None,
        })
    }
}

impl Signalling for Gateway {
    fn answer(self: Arc<Self>, request: Request<Bytes>, from: SocketAddr) -> Answering {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let mut request = Request::from_parts(parts, ());
            let (peer, sent) = self.client_of(&mut request, from);
            let mut response = self.signal(&request, &body, (peer, sent)).await;
            answer::finish(self.crossdomain, response.headers_mut());
            response
        })
    }
}

impl Gateway {
    async fn signal(
        &self,
        request: &Request<()>,
        body: &Bytes,
        (peer, sent): (SocketAddr, Option<Envelope>),
    ) -> Response<Bytes> {
        let Some(endpoint) = Endpoint::of(request.uri().path()) else {
            return answer::text(StatusCode::NOT_FOUND, "no such path");
        };
        if *request.method() == Method::OPTIONS {
            return answer::options();
        }
        let is_offer = *request.method() == Method::POST;
        let named = resource::Named::of(request.uri().query().unwrap_or_default());
        // A publisher may have a word of its own called session: an address that was told here has more.
        if let Some(named) = named.filter(|named| !is_offer || named.is_told) {
            return self.resource(request, body, &named);
        }
        if !is_offer {
            return answer::wrong_method();
        }
        let wants = match endpoint {
            Endpoint::Plain(wants) | Endpoint::Json(wants) => wants,
        };
        let said = match endpoint {
            Endpoint::Plain(_) => plain(request, body),
            Endpoint::Json(_) => json::read(request, body),
        };
        let made = match said {
            Ok(asked) => self.make(wants, asked, (peer, sent)).await,
            Err(no) => Err(no),
        };
        if let Err(no) = &made {
            self.refused(peer, wants, no);
        }
        match (endpoint, made) {
            (Endpoint::Plain(_), Ok(made)) => answer::created(request.uri().path(), &made),
            (Endpoint::Plain(_), Err(no)) => answer::refusal(&no, resource::has_token(request)),
            (Endpoint::Json(_), made) => json::write(self.rtc.as_ref().map(|rtc| &rtc.config.who), made),
        }
    }

    fn refused(&self, peer: SocketAddr, wants: Wants, no: &No) {
        // Players ask again and again for what is not there.
        if matches!(no, No::NotLive) {
            return tracing::debug!(peer = shown(peer), error = %no, "webrtc refused");
        }
        self.clients.failed();
        super::REFUSALS.say(|unsaid| {
            tracing::warn!(peer = shown(peer), wants = wants.name(), unsaid, error = %no, "webrtc refused");
        });
    }
}

/// A request of WHIP or WHEP.
fn plain<'a>(request: &'a Request<()>, body: &'a Bytes) -> Result<Asked<'a>, No> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    // SRS asks for no type, and some of its clients say none.
    if !kind.is_none_or(|kind| answer::is_kind(kind, SDP) || answer::is_kind(kind, "text/plain")) {
        return Err(No::Type);
    }
    let offer = std::str::from_utf8(body).map_err(|_| No::Offer("it is not UTF-8".to_owned()))?;
    Ok(Asked {
        host: answer::host_of(request).into(),
        path: request.uri().path(),
        query: resource::with_bearer(request)?,
        offer: offer.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_srss_with_or_without_their_last_slash() {
        let of = |path| Endpoint::of(path);
        assert_eq!(of("/rtc/v1/whip/"), Some(Endpoint::Plain(Wants::Publish)));
        assert_eq!(of("/rtc/v1/whip"), Some(Endpoint::Plain(Wants::Publish)));
        assert_eq!(of("/rtc/v1/whep/"), Some(Endpoint::Plain(Wants::Play)));
        assert_eq!(of("/rtc/v1/whip-play/"), Some(Endpoint::Plain(Wants::Play)));
        assert_eq!(of("/rtc/v1/publish/"), Some(Endpoint::Json(Wants::Publish)));
        assert_eq!(of("/rtc/v1/play/"), Some(Endpoint::Json(Wants::Play)));
        assert_eq!(of("/rtc/v1/nack/"), None);
    }
}
