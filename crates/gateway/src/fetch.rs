//! Before a viewer is seated: may it play here, and is its stream to be fetched from elsewhere?

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use http::StatusCode;
use srs_names::envelope::{Envelope, Purpose};
use srs_names::source::{Fetch, Missing, MissingKind, Wish};
use srs_names::{NodeId, Params, Refusal, RefusalKind, StreamKey};
use srs_rtmp::server;

use crate::config::{From, Vhost};
use crate::{Gateway, Refused};

/// Upstream, where it is asked about a viewer, must say something in this time: a node that dials here waits for 5 s, and
/// is to hear why there is nothing.
const ASKING: Duration = Duration::from_secs(4);

/// A stream that is being fetched is awaited so long where one that is published here would be given up sooner. Who
/// fetches it knows earlier that it does not come.
pub(crate) const COMING: Duration = Duration::from_secs(10);

/// Ready when a stream that is being fetched will not come; none for a stream that is not fetched.
pub(crate) type Coming = Option<Pin<Box<dyn Future<Output = Missing> + Send>>>;

/// Why the stream does not come, once that is known.
pub(crate) async fn missing(coming: &mut Coming) -> Missing {
    match coming {
        Some(coming) => coming.await,
        None => pending().await,
    }
}

/// How long a viewer waits for a stream that is not there.
pub(crate) struct Patience {
    pub(crate) most: Duration,
    pub(crate) coming: Coming,
}

impl Patience {
    /// For a stream that `coming` says is fetched; else for `here`.
    pub(crate) fn new(coming: Coming, here: Duration) -> Patience {
        Patience { most: if coming.is_some() { here.max(COMING) } else { here }, coming }
    }
}

/// Whether another node fetches the stream by this envelope.
pub(crate) fn is_pull(sent: Option<&Envelope>) -> bool {
    sent.is_some_and(|envelope| envelope.purpose == Purpose::Pull)
}

/// Whether the node that sent this fetches a stream whose HLS is had here too: it need not make it itself.
pub(crate) fn is_told_of_hls(sent: Option<&Envelope>, vhost: &Vhost) -> bool {
    is_pull(sent) && (vhost.hls.is_some() || vhost.hls_elsewhere)
}

/// The nodes behind the viewer.
pub(crate) fn hops(sent: Option<&Envelope>) -> &[NodeId] {
    sent.map(|envelope| envelope.hops.as_slice()).unwrap_or_default()
}

impl Gateway {
    /// May the client at `peer`, for whom a node may have `sent` an envelope, play this stream here?
    pub(crate) fn may_play(
        &self,
        (key, vhost): (&StreamKey, &Vhost),
        params: &Params,
        sent: Option<&Envelope>,
        peer: SocketAddr,
    ) -> Result<(), Refused> {
        self.no_loop(sent)?;
        if vhost.play.from == From::Cluster && sent.is_none() {
            let why = "play_from cluster: this is played through the cluster's edges and proxies alone";
            let refusal = Refusal { kind: RefusalKind::Forbidden, reason: why.to_owned() };
            return Err(Refused::NotAllowed(refusal));
        }
        self.admit.play(key, params, peer).map_err(Refused::NotAllowed)
    }

    /// Refuses who waits for a stream on behalf of this very node.
    pub(crate) fn no_loop(&self, sent: Option<&Envelope>) -> Result<(), Refused> {
        let hops = hops(sent);
        let Some(first) = hops.iter().position(|hop| hop.as_str() == self.me) else { return Ok(()) };
        let round = hops.get(first..).unwrap_or_default().iter().map(NodeId::as_str);
        let round: Vec<&str> = round.chain([self.me.as_str()]).collect();
        let reason = format!("loop: {}", round.join(" > "));
        Err(Missing { kind: MissingKind::Loop, reason }.into())
    }

    /// Has a stream fetched that somebody wants, if it is one that is fetched.
    pub(crate) async fn fetch(&self, wish: Wish<'_>) -> Result<Coming, Missing> {
        let Some(source) = &self.source else { return Ok(None) };
        match tokio::time::timeout(ASKING, source.fetch(wish)).await {
            Ok(Ok(Fetch::Here)) => Ok(None),
            Ok(Ok(Fetch::Coming(coming))) => Ok(Some(coming)),
            Ok(Err(missing)) => Err(missing),
            Err(_) => Err(Missing {
                kind: MissingKind::Unreachable,
                reason: format!("upstream did not answer in {} s", ASKING.as_secs()),
            }),
        }
    }

    /// `key` is published by a pull from now on: it is listed, and cut for HLS where its vhost has that, unless that is had
    /// `elsewhere`. To be called on a shard, before its first frame; to call it again does no harm.
    pub fn begin_hls(&self, key: &StreamKey, elsewhere: bool) {
        self.clients.fetched(key);
        let vhost = self.vhosts.iter().find(|vhost| vhost.name == key.vhost() && vhost.enabled);
        let passed_on = |vhost: &Vhost| elsewhere && vhost.hls_elsewhere;
        if let Some(vhost) = vhost.filter(|vhost| !passed_on(vhost))
            && let Some(settings) = &vhost.hls
        {
            self.hls.begin(&self.hub, key, settings);
        }
    }
}

/// HTTP's answer to who wants what cannot be had.
pub(crate) fn status_of(missing: &Missing) -> StatusCode {
    match missing.kind {
        MissingKind::NotFound => StatusCode::NOT_FOUND,
        MissingKind::Forbidden => StatusCode::FORBIDDEN,
        MissingKind::Loop => StatusCode::LOOP_DETECTED,
        MissingKind::Unreachable => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// RTMP's answer to the same.
pub(crate) fn code_of(missing: &Missing) -> &'static str {
    match missing.kind {
        MissingKind::Forbidden => "NetStream.Play.Failed",
        MissingKind::NotFound | MissingKind::Loop | MissingKind::Unreachable => {
            "NetStream.Play.StreamNotFound"
        }
    }
}

/// The host that an RTMP player named, and all that it said behind the `?` of the stream, then of the URL.
pub(crate) fn said(request: &server::PlayRequest) -> (&str, String) {
    let (tc_url, app) = (&request.connect.tc_url, &request.connect.app);
    let rest = tc_url.split_once("://").map_or("", |(_, rest)| rest);
    let host = srs_names::host_of(rest.split(['/', '?', '#']).next().unwrap_or_default());
    let query = |text: &str| match text.split_once(['?', '#']) {
        Some((_, query)) => query.strip_suffix("/_definst_").unwrap_or(query).to_owned(),
        None => String::new(),
    };
    let (own, mut of_url) = (query(&request.stream), query(tc_url));
    if of_url.is_empty() {
        of_url = query(app);
    }
    // Many players put the same behind both.
    let all = if own.is_empty() || of_url.is_empty() || own == of_url {
        if own.is_empty() { of_url } else { own }
    } else {
        format!("{own}&{of_url}")
    };
    (host, all)
}

#[cfg(test)]
mod tests;
