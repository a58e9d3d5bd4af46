//! SRS's own API for sessions, older than WHIP: JSON in, JSON out, `/rtc/v1/publish/` and `/rtc/v1/play/`.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use srs_names::StreamKey;

use super::Who;
use super::answer::{self, No};
use super::make::{Asked, Made};

/// SRS's `ERROR_SUCCESS`.
const FINE: u32 = 0;

/// Reads a request: the stream is named by `streamurl`, `webrtc://host/app/stream?query`, else by the request's own query.
pub(super) fn read<'a>(request: &'a Request<()>, body: &'a Bytes) -> Result<Asked<'a>, No> {
    let said: Value = serde_json::from_slice(body).map_err(|error| No::Offer(error.to_string()))?;
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let offer = text("sdp").ok_or_else(|| No::Offer("the JSON has no sdp".to_owned()))?.to_owned();
    let query = super::resource::with_bearer(request)?;
    let Some(url) = text("streamurl").filter(|url| !url.is_empty()) else {
        let (host, path) = (answer::host_of(request), request.uri().path());
        return Ok(Asked { host: host.to_owned().into(), path, query, offer: offer.into() });
    };
    let (key, _) = StreamKey::from_url(url).map_err(crate::Refused::from)?;
    let host = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let named =
        super::resource::named_query(&key, url.split_once('?').map_or("", |(_, query)| query), &query);
    Ok(Asked {
        host: host.to_owned().into(),
        path: request.uri().path(),
        query: named.into(),
        offer: offer.into(),
    })
}

/// What SRS's clients are told: no token is a refusal as any other, for there is no field that would ask for one.
fn code(no: &No) -> u16 {
    match no.status() {
        StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN.as_u16(),
        status => status.as_u16(),
    }
}

/// Writes what became of it. As at SRS the status of HTTP is 200 whatever that is.
pub(super) fn write(who: Option<&Who>, made: Result<Made, No>) -> Response<Bytes> {
    let who = who.cloned().unwrap_or_default();
    let (server, service, pid) = (who.server, who.service, who.pid);
    let said = match made {
        Ok(made) => json!({
            "code": FINE, "server": server, "service": service, "pid": pid,
            "sdp": made.answer, "sessionid": made.named.session,
        }),
        Err(no) => json!({
            "code": code(&no), "server": server, "service": service, "pid": pid, "error": no.to_string(),
        }),
    };
    answer::with_body(StatusCode::OK, "application/json", said.to_string())
}
