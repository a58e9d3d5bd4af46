//! Makes a session: who asks, may it, and what is it answered.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use srs_hub::{Headers, Phase};
use srs_media::{Codec, DERIVED, Frame, Kind};
use srs_names::envelope::Envelope;
use srs_names::source::Wish;
use srs_names::{Inventory as _, Params, StreamKey};
use srs_net::candidates::{self, Host, Place};
use srs_peer::rtc::{self, Accepted};
use srs_rtc::sdp::{Address, Candidate, Description};
use srs_rtc::ufrag::Ufrag;

use super::answer::No;
use super::changes::Changes;
use super::resource::Named;
use super::sessions::{Parked, PlayPlan, PublishPlan, Purpose, Resource};
use super::tracks::Tracks;
use super::{RtcSettings, Webrtc};
use crate::clients::{About, Via, random_id};
use crate::config::{To, Vhost};
use crate::fetch::{self, Coming};
use crate::publish::settings;
use crate::{Gateway, Refused};

/// Letters of a session's token: of 36 each, far above 128 bits.
const TOKEN: usize = 32;
/// A stream that is being fetched, or that began just now, is awaited so long.
const AWAITED: Duration = Duration::from_secs(3);
/// Who publishes says what it sends within this time.
const YOUNG: Duration = Duration::from_secs(2);
/// So long a stream that is younger is given to say that it has sound beside its pictures, or pictures beside its sound.
const SECOND_TRACK: Duration = Duration::from_secs(1);
/// Most letters of a host: what a name can have (RFC 1035).
const MOST_HOST: usize = 255;

/// What a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    Publish,
    Play,
}

impl Wants {
    pub(super) fn name(self) -> &'static str {
        match self {
            Wants::Publish => "publish",
            Wants::Play => "play",
        }
    }
}

/// What a request says.
pub(super) struct Asked<'a> {
    /// `Host`, as said.
    pub(super) host: Cow<'a, str>,
    /// The path below which the stream is named by the query.
    pub(super) path: &'a str,
    pub(super) query: Cow<'a, str>,
    pub(super) offer: Cow<'a, str>,
}

/// A session that waits for its client.
pub(super) struct Made {
    pub(super) answer: String,
    /// What its client calls it.
    pub(super) named: Named,
    /// Which ICE this is of: it changes with every restart.
    pub(super) tag: String,
}

/// Who asks.
type Who = (SocketAddr, Option<Envelope>);

impl Gateway {
    /// Makes a session of what was asked.
    pub(super) async fn make(&self, wants: Wants, asked: Asked<'_>, (peer, sent): Who) -> Result<Made, No> {
        let rtc = self.rtc.as_ref().ok_or(No::Off)?;
        let (key, _, params) =
            StreamKey::from_http(Some(&asked.host), asked.path, Some(&asked.query)).map_err(Refused::from)?;
        let (key, vhost) = self.resolve(&key)?;
        let settings = vhost.rtc.as_ref().ok_or_else(|| No::Vhost(vhost.name.clone()))?;
        let host: String = srs_names::host_of(&asked.host).chars().take(MOST_HOST).collect();
        let about = About {
            tc_url: format!("webrtc://{host}/{}", key.app()),
            via: sent.as_ref().map(Via::of),
            ..About::default()
        };
        rtc.sessions.room(peer.ip())?;
        let ours = rtc.config.keys.make(rtc.config.route, rand::random());
        let now = Instant::now();
        let place = (&key, vhost);
        let external = params.get("eip").or_else(|| params.get("candidate"));
        // An engine is dear: none waits while names are looked up.
        let addresses = rtc.candidates(candidates::Asked { external, host: &host });
        let (accepted, addresses, purpose) = match wants {
            Wants::Publish => {
                self.may_publish(place, &params, (peer, sent.as_ref()))?;
                let addresses = addresses.await;
                let accepted = rtc::publish(&settings.peer(), &asked.offer, ours.clone(), now)?;
                let plan = PublishPlan {
                    made: now.into(),
                    key: key.clone(),
                    peer,
                    about,
                    hold: sent.as_ref().and_then(|sent| sent.hold).unwrap_or(vhost.publish.hold),
                    term: sent.and_then(|sent| sent.term),
                    query: asked.query.clone().into_owned(),
                    layers: accepted.layers.clone(),
                    codecs: accepted.codecs.clone(),
                };
                (accepted, addresses, Purpose::Publish(Box::new(plan)))
            }
            Wants::Play => {
                self.may_play(place, &params, sent.as_ref(), peer)?;
                let hops = fetch::hops(sent.as_ref());
                let wish = Wish { key: &key, host: &host, query: &asked.query, client: peer, hops };
                let coming = self.fetch(wish).await.map_err(Refused::from)?;
                let codecs = self.live_codecs(&key, settings, coming).await?;
                let addresses = addresses.await;
                let accepted =
                    rtc::play(&settings.peer(), &asked.offer, ours.clone(), &codecs, Instant::now())?;
                let tracks = Tracks::new(accepted.codecs.clone(), accepted.could.clone());
                let plan = PlayPlan { made: now.into(), key: key.clone(), peer, about, tracks };
                (accepted, addresses, Purpose::Play(Box::new(plan)))
            }
        };
        let answer = with_candidates(&accepted, &addresses)?;
        let told = answer.to_string();
        let session = Ufrag::parse(&ours.ufrag).map(|ufrag| ufrag.session().to_owned()).unwrap_or_default();
        let named = Named::new(&key, session, random_id(TOKEN));
        let resource = Resource { ours, theirs: accepted.theirs, answer: Arc::new(answer) };
        let tag = resource.tag();
        let parked = Parked { engine: accepted.engine, purpose };
        let known = (named.token.clone(), resource);
        rtc.sessions.park(&named.session, known, parked, (peer.ip(), settings.timeout))?;
        Ok(Made { answer: told, named, tag })
    }

    /// May this client publish the stream here?
    fn may_publish(
        &self,
        (key, vhost): (&StreamKey, &Vhost),
        params: &Params,
        (peer, sent): (SocketAddr, Option<&Envelope>),
    ) -> Result<(), No> {
        self.no_loop(sent)?;
        // A node that sends a publisher here knows what it does; one that comes by itself would have to go again.
        if sent.is_none() && self.draining() {
            return Err(Refused::Draining.into());
        }
        if vhost.publish.to == To::Nowhere || vhost.publish.to == To::Elsewhere && self.pass_on.is_none() {
            return Err(Refused::Elsewhere.into());
        }
        self.admit.publish(key, params, peer).map_err(Refused::NotAllowed)?;
        if vhost.publish.to != To::Here {
            return Ok(());
        }
        let hold = sent.and_then(|sent| sent.hold).unwrap_or(vhost.publish.hold);
        let term = sent.and_then(|sent| sent.term.clone());
        Ok(self.hub.may_publish(key, &settings(vhost, hold, term)).map_err(Refused::from)?)
    }

    /// What a live stream has to show and to hear; waits for one that is on its way.
    async fn live_codecs(
        &self,
        key: &StreamKey,
        settings: &RtcSettings,
        mut coming: Coming,
    ) -> Result<Vec<srs_rtc::Codec>, No> {
        let asked = Instant::now();
        let mut changes: Option<Changes> = None;
        // Since when it is seen to be live, and whether that was so from the beginning.
        let mut live: Option<(Instant, bool)> = None;
        let mut was_live = true;
        loop {
            let known = self.hub.headers(key);
            let is_live = matches!(&known, Some((Phase::Live | Phase::Held, _)));
            let mut until = asked + AWAITED;
            if let Some((_, headers)) = known.filter(|_| is_live) {
                let (since, was_live) = *live.get_or_insert((Instant::now(), was_live));
                let mut codecs = codecs(&headers, settings);
                // What its publisher agreed on comes, however late its first whole picture is.
                if let Some(agreed) = self.rtc.as_ref().and_then(|rtc| rtc.agreed.of(key)) {
                    add(&mut codecs, agreed);
                    return Ok(codecs);
                }
                let young = if was_live { self.young_for(key) } else { YOUNG };
                let is_young = !young.is_zero();
                if !codecs.is_empty() && (has_both(&headers) || !is_young || since.elapsed() >= SECOND_TRACK)
                {
                    return Ok(codecs);
                }
                // What came has nothing for players, or nothing came though it is not new.
                if codecs.is_empty() && (since.elapsed() >= AWAITED || !is_young && has_frames(&headers)) {
                    return Err(No::Nothing(described(&headers)));
                }
                until = since + if codecs.is_empty() { AWAITED } else { SECOND_TRACK };
                if is_young {
                    until = until.min(Instant::now() + young);
                }
            } else if coming.is_none() || asked.elapsed() >= AWAITED {
                return Err(No::NotLive);
            }
            was_live = false;
            let Some(changes) = &mut changes else {
                changes = Some(Changes::of(&self.hub, key));
                // What changed since it was looked at is not told of.
                continue;
            };
            tokio::select! {
                missing = fetch::missing(&mut coming), if coming.is_some() => {
                    return Err(Refused::Missing(missing).into());
                }
                () = changes.next() => {}
                () = tokio::time::sleep_until(until.into()) => {}
            }
        }
    }
}

impl Gateway {
    /// Whether who asks for a live stream now is told that it has this.
    pub(super) fn has_codec(&self, key: &StreamKey, settings: &RtcSettings, codec: srs_rtc::Codec) -> bool {
        let agreed = self.rtc.as_ref().and_then(|rtc| rtc.agreed.of(key));
        self.hub.headers(key).is_some_and(|(_, headers)| codecs(&headers, settings).contains(&codec))
            || agreed.is_some_and(|agreed| agreed.contains(&codec))
    }

    /// How long the publisher of a stream is one that came just now.
    fn young_for(&self, key: &StreamKey) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.clients.live(key).map_or(Duration::ZERO, |live| {
            YOUNG.saturating_sub(now.saturating_sub(Duration::from_millis(live.began_ms)))
        })
    }
}

/// Adds those that are not there yet.
fn add(codecs: &mut Vec<srs_rtc::Codec>, more: impl IntoIterator<Item = srs_rtc::Codec>) {
    for codec in more {
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
}

/// The codec headers of what players get: the first picture and the first sound, or what was made of that.
fn configs(headers: &Headers) -> impl Iterator<Item = &Frame> {
    headers.configs.iter().filter(|frame| matches!(frame.track, 0 | DERIVED))
}

/// What a stream can be played in.
fn codecs(headers: &Headers, settings: &RtcSettings) -> Vec<srs_rtc::Codec> {
    let of = |codec| match codec {
        // Opus is made of it.
        Codec::Aac if settings.to_opus => Some(srs_rtc::Codec::Opus),
        codec => srs_rtp::codec_of(codec),
    };
    let mut found = Vec::new();
    add(&mut found, configs(headers).filter_map(|frame| of(frame.codec)));
    found
}

/// Whether there is something to see and something to hear.
fn has_both(headers: &Headers) -> bool {
    let has = |kind| configs(headers).any(|frame| frame.kind == kind);
    has(Kind::Video) && has(Kind::Audio)
}

/// Whether any media came.
fn has_frames(headers: &Headers) -> bool {
    headers.audio || headers.video
}

/// What there is, for who cannot have it.
fn described(headers: &Headers) -> String {
    let names: Vec<&str> = headers.configs.iter().map(|frame| frame.codec.name()).collect();
    if names.is_empty() { "nothing yet".to_owned() } else { names.join(" and ") }
}

impl Webrtc {
    /// The addresses at which this node is reached.
    pub(super) async fn candidates(&self, asked: candidates::Asked<'_>) -> Vec<Candidate> {
        let config = &self.config;
        let bound: Vec<IpAddr> = config.udp.iter().chain(&config.tcp).map(SocketAddr::ip).collect();
        let places = config.rules.candidates(&self.names, &bound, asked).await;
        let udp = config.udp.iter().map(|address| (address.port(), false));
        let ports = udp.chain(config.tcp.iter().map(|address| (address.port(), true)));
        let all = ports.flat_map(|(port, tcp)| places.iter().map(move |place| (place, port, tcp)));
        (0..).zip(all).map(|(index, (place, port, tcp))| candidate(place, port, tcp, index)).collect()
    }
}

/// An answer with these addresses.
fn with_candidates(accepted: &Accepted, addresses: &[Candidate]) -> Result<Description, No> {
    let mut answer = Description::parse(&accepted.answer).map_err(|error| No::Broken(error.to_string()))?;
    answer.set_candidates(addresses);
    Ok(answer)
}

fn candidate(Place { host, port: at }: &Place, port: u16, tcp: bool, index: u16) -> Candidate {
    let port = at.unwrap_or(port);
    match host {
        Host::Ip(ip) => Candidate::host(SocketAddr::new(*ip, port), tcp, index),
        // Which the client looks up.
        Host::Name(name) => {
            let any = Candidate::host(SocketAddr::from(([0, 0, 0, 0], port)), tcp, index);
            Candidate { address: Address::Name(name.clone()), ..any }
        }
    }
}
