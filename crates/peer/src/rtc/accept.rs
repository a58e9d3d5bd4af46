//! An offer that is taken: the session behind it, and its answer.

use std::sync::Arc;
use std::time::Instant;

use srs_rtc::engine::Credentials;
use srs_rtc::lite::Agent;
use srs_rtc::sdp::Setup;
use srs_rtc::{Codec, Track};
use str0m::crypto::Fingerprint;
use str0m::media::Mid;
use str0m::rtp::Ssrc;

use super::choose::{self, Chosen, Offer, Way};
use super::core::{Core, Lane, Outgoing};
use super::frames::{Incoming, Intake, Unnamed};
use super::{Accepted, Refused, Session, Settings, answer, build};

/// Begins a session with what was chosen, and writes the answer.
pub(super) fn accept(
    settings: &Settings,
    offer: &Offer<'_>,
    way: Way,
    chosen: Vec<Chosen>,
    ours: Credentials,
    now: Instant,
) -> Result<Accepted, Refused> {
    if offer.whole.is_ice_lite() {
        return Err(Refused::Sdp(
            "the offer is of ICE-lite, and so is this end: one has to check".to_owned(),
        ));
    }
    let theirs = offer.whole.credentials();
    let theirs = theirs.ok_or_else(|| Refused::Sdp("the offer has no ice-ufrag and ice-pwd".to_owned()))?;
    let active = role(settings, offer, &chosen)?;
    let named = name(offer, chosen, way)?;
    let mut rtc = build::answering(settings, way, &named, fingerprint(offer)?, now)?;
    let direct = rtc.direct_api();
    let mut outgoing = Vec::new();
    for (mid, chosen) in named.iter().filter(|_| way == Way::Play) {
        let ssrc = direct.new_ssrc();
        let repaired = chosen.formats.iter().any(|format| format.rtx.is_some());
        let rtx = repaired.then(|| direct.new_ssrc()).filter(|rtx| *rtx != ssrc);
        outgoing.push(going(settings, chosen, *mid, (ssrc, rtx), *direct.new_ssrc()));
    }
    let id = u64::from(*direct.new_ssrc()) << 24 | u64::from(*direct.new_ssrc()) >> 8;
    let fingerprint = direct.local_dtls_fingerprint().to_string();
    let lanes = named.iter().filter(|_| way == Way::Play).flat_map(|(_, chosen)| lanes(chosen)).collect();
    let streams: Vec<_> = outgoing.iter().map(|out| Some((*out.ssrc, out.rtx.map(|rtx| *rtx)))).collect();
    let core =
        Core::new(rtc, lanes, outgoing, if way == Way::Publish { intake(&named) } else { Intake::default() });
    let chosen: Vec<Chosen> = named.into_iter().map(|(_, chosen)| chosen).collect();
    let codecs = chosen.iter().flat_map(|chosen| chosen.formats.iter().map(|format| format.codec));
    let mut agreed: Vec<Codec> = Vec::new();
    codecs.for_each(|codec| {
        if !agreed.contains(&codec) {
            agreed.push(codec)
        }
    });
    let layers =
        chosen.iter().flat_map(|chosen| &chosen.layers).map(|layer| Arc::from(layer.as_str())).collect();
    let common = answer::Common { way, ours: &ours, fingerprint, active, id };
    let sections: Vec<_> = chosen
        .into_iter()
        .enumerate()
        .map(|(at, chosen)| (chosen, streams.get(at).copied().flatten()))
        .collect();
    let answer = answer::write(offer, &common, &sections);
    let agent = Agent::new(ours, theirs.clone(), settings.consent, now);
    let engine = Session::new(core, agent, settings.consent, active);
    let engine = engine.ok_or_else(|| Refused::Broken("ICE could not be set up".to_owned()))?;
    Ok(Accepted { engine, answer, codecs: agreed, could: Vec::new(), theirs, layers })
}

/// A track that is going to be sent. `random` gives the first packet's number, which is to be unknown (RFC 3550 section 5.1)
/// and in the lower half: so both ends count the first wrap alike.
fn going(
    settings: &Settings,
    chosen: &Chosen,
    mid: Mid,
    streams: (Ssrc, Option<Ssrc>),
    random: u32,
) -> Outgoing {
    let video = chosen.track == Track::Video;
    Outgoing {
        track: chosen.track,
        mid,
        ssrc: streams.0,
        rtx: streams.1,
        next: u64::from(random & 0x7fff),
        kept: if video { settings.resend_video } else { settings.resend_audio },
        declared: false,
    }
}

/// What can be sent on a track. Of a codec with several payload types the first counts.
fn lanes(chosen: &Chosen) -> Vec<Lane> {
    let formats = chosen.formats.iter();
    formats.map(|format| Lane { codec: format.codec, pt: format.pt, track: chosen.track }).collect()
}

/// What is received.
fn intake(named: &[(Mid, Chosen)]) -> Intake {
    let tracks = named.iter().map(|(mid, chosen)| {
        let layers = chosen.layers.iter().map(|layer| (layer.as_str().into(), Arc::from(layer.as_str())));
        Incoming { mid: *mid, track: chosen.track, layers: layers.collect() }
    });
    let video = named.iter().filter(|(_, chosen)| chosen.track == Track::Video);
    let mut feedback = video.flat_map(|(_, chosen)| &chosen.formats).map(|format| format.feedback);
    let fir = feedback.clone().any(|feedback| feedback.fir) && !feedback.any(|feedback| feedback.pli);
    let says = |chosen: &Chosen| chosen.extensions.iter().any(|extension| extension.1 == choose::MID);
    let unnamed = named.iter().filter(|(_, chosen)| chosen.theirs.is_none() && !says(chosen));
    let unnamed = unnamed.map(|(mid, chosen)| Unnamed {
        mid: *mid,
        types: chosen.formats.iter().map(|format| format.pt).collect(),
        nack: chosen.formats.first().is_some_and(|format| format.feedback.nack),
    });
    Intake::new(tracks.collect(), unnamed.collect(), fir)
}

/// Whether this end begins DTLS, RFC 5763 section 5.
fn role(settings: &Settings, offer: &Offer<'_>, chosen: &[Chosen]) -> Result<bool, Refused> {
    let sections = chosen.iter().filter_map(|chosen| offer.sections.get(chosen.index));
    let session = || match offer.whole.attributes("setup").next() {
        Some("active") => Some(Setup::Active),
        Some("passive") => Some(Setup::Passive),
        _ => None,
    };
    match sections.filter_map(|section| section.setup()).next().or_else(session) {
        Some(Setup::Active) => Ok(false),
        Some(Setup::Passive) => Ok(true),
        Some(Setup::ActPass) | None => Ok(settings.active),
    }
}

/// The names of the sections, as the library knows them: it keeps 16 letters and digits.
fn name(offer: &Offer<'_>, chosen: Vec<Chosen>, way: Way) -> Result<Vec<(Mid, Chosen)>, Refused> {
    let mut named: Vec<(Mid, Chosen)> = Vec::new();
    for mut chosen in chosen {
        let mid = offer.sections.get(chosen.index).and_then(|section| section.mid).unwrap_or("0");
        let known: Mid = mid.into();
        if &*known != mid && way == Way::Play {
            // What the library would write into packets is not what the offer calls it.
            chosen.extensions.retain(|extension| extension.1 != choose::MID);
        }
        if named.iter().any(|other| other.0 == known) {
            return Err(Refused::Sdp(format!("two sections are named {known}")));
        }
        named.push((known, chosen));
    }
    Ok(named)
}

/// The hash of the peer's certificate, RFC 8122 section 5: SHA-256 where there are several.
fn fingerprint(offer: &Offer<'_>) -> Result<Fingerprint, Refused> {
    let sections = offer.sections.iter().flat_map(|section| section.attributes("fingerprint"));
    let mut found = None;
    for line in offer.whole.attributes("fingerprint").chain(sections) {
        let Some((name, hex)) = line.trim().split_once(' ') else { continue };
        let length = match name.to_ascii_lowercase().as_str() {
            "sha-256" => 32,
            "sha-1" => 20,
            _ => continue,
        };
        let bytes: Option<Vec<u8>> =
            hex.trim().split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
        let Some(bytes) = bytes.filter(|bytes| bytes.len() == length) else { continue };
        let read = Fingerprint { hash_func: name.to_owned(), bytes };
        if length == 32 {
            return Ok(read);
        }
        found = found.or(Some(read));
    }
    found.ok_or_else(|| Refused::Sdp("the offer has no fingerprint of SHA-256 or SHA-1".to_owned()))
}
