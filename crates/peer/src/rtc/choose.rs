//! What of an offer is agreed on: which sections, formats, extensions, repairs.

use srs_rtc::sdp::{self, Description, Direction, Media};
use srs_rtc::{Codec, Track};

use super::{Refused, Settings};

/// Which extensions of RTP headers are understood, by their URI.
pub(super) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub(super) const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub(super) const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
pub(super) const TWCC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
pub(super) const SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";

/// The highest number of an extension in headers of the short form, RFC 8285 section 4.2.
const EXTENSIONS: u8 = 14;
/// Layers of simulcast: browsers send three at most.
const LAYERS: usize = 8;
/// The longest name of a layer that the library can tell from another.
const LAYER_NAME: usize = 8;

/// What a section was answered with.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// Which section of the offer.
    pub(super) index: usize,
    pub(super) track: Track,
    /// Its formats, the preferred one first.
    pub(super) formats: Vec<Format>,
    /// Extensions by number.
    pub(super) extensions: Vec<(u8, &'static str)>,
    /// Layers of simulcast that the peer sends.
    pub(super) layers: Vec<String>,
    /// The peer's stream, and the one of its repairs, where the offer says them.
    pub(super) theirs: Option<(u32, Option<u32>)>,
}

/// A format that was agreed on.
#[derive(Debug, Clone)]
pub(super) struct Format {
    pub(super) codec: Codec,
    pub(super) pt: u8,
    pub(super) rtx: Option<u8>,
    /// Of `a=rtpmap`, as offered.
    pub(super) map: String,
    /// Of `a=fmtp`: as offered, and what this end adds.
    pub(super) fmtp: String,
    pub(super) feedback: Feedback,
}

/// Feedback that both ends speak.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Feedback {
    pub(super) nack: bool,
    pub(super) pli: bool,
    pub(super) fir: bool,
    pub(super) twcc: bool,
    pub(super) remb: bool,
}

/// Which way media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The peer sends.
    Publish,
    /// The peer receives.
    Play,
}

/// An offer, read.
#[derive(Debug)]
pub(super) struct Offer<'a> {
    pub(super) whole: &'a Description,
    pub(super) sections: Vec<Media<'a>>,
}

/// A format of the offer whose codec is known.
pub(super) type Offered<'a> = (Codec, &'a sdp::Format<'a>, Option<u8>);

/// The first usable section of each track, for a peer that sends.
pub(super) fn publish(settings: &Settings, offer: &Offer<'_>) -> Result<Vec<Chosen>, Refused> {
    let mut chosen = Vec::new();
    for (index, section, track) in usable(offer, Way::Publish)? {
        let offered = offered(section, track);
        let listed = offered.first().map(|first| first.0);
        let has = |codec: &Codec| offered.iter().any(|format| format.0 == *codec);
        let Some(codec) = settings.prefer.iter().copied().find(has).or(listed) else {
            let known = if track == Track::Audio { "Opus" } else { "H.264, H.265, AV1, VP9 or VP8" };
            return Err(Refused::Codecs(format!("the {} offered is not {known}", section.kind)));
        };
        let formats = best(&offered, codec, Way::Publish);
        chosen.push(choose(settings, offer, (index, section, track), formats, Way::Publish));
    }
    distinct(chosen)
}

/// The same for a peer that receives. `stream` is what can be sent.
pub(super) fn play(settings: &Settings, offer: &Offer<'_>, stream: &[Codec]) -> Result<Vec<Chosen>, Refused> {
    let mut chosen = Vec::new();
    for (index, section, track) in usable(offer, Way::Play)? {
        let offered = offered(section, track);
        let mut of_track: Vec<Codec> = Vec::new();
        for codec in stream.iter().copied().filter(|codec| codec.track() == track) {
            // A stream may have one as it came and one that is made for players.
            if !of_track.contains(&codec) {
                of_track.push(codec);
            }
        }
        let formats: Vec<_> = of_track.iter().flat_map(|codec| best(&offered, *codec, Way::Play)).collect();
        if !formats.is_empty() {
            chosen.push(choose(settings, offer, (index, section, track), formats, Way::Play));
        } else if let Some(codec) = of_track.first().filter(|_| track == Track::Video) {
            // Without its sound a stream can still be seen.
            let name = name(*codec);
            return Err(Refused::Codecs(format!("the stream is {name}, which the player does not offer")));
        }
    }
    if chosen.is_empty() {
        return Err(Refused::Codecs("the player offers nothing that the stream has".to_owned()));
    }
    distinct(chosen)
}

/// How people write a codec.
fn name(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "H.264",
        Codec::H265 => "H.265",
        Codec::Av1 => "AV1",
        Codec::Vp8 => "VP8",
        Codec::Vp9 => "VP9",
        Codec::Opus => "Opus",
    }
}

/// The first section of each track that media can go `way` in. All of them share one transport.
pub(super) fn usable<'o, 'a>(
    offer: &'o Offer<'a>,
    way: Way,
) -> Result<Vec<(usize, &'o Media<'a>, Track)>, Refused> {
    let bundle = offer.whole.attributes("group").find_map(|group| group.strip_prefix("BUNDLE"));
    let bundle: Option<Vec<&str>> = bundle.map(|mids| mids.split_ascii_whitespace().collect());
    let mut found: Vec<(usize, &Media<'_>, Track)> = Vec::new();
    for (index, section) in offer.sections.iter().enumerate() {
        let track = match section.kind {
            "audio" => Track::Audio,
            "video" => Track::Video,
            _ => continue,
        };
        let goes = match section.direction {
            Direction::SendRecv => true,
            Direction::SendOnly => way == Way::Publish,
            Direction::RecvOnly => way == Way::Play,
            Direction::Inactive => false,
        };
        let bundled = match (&bundle, section.mid) {
            (Some(mids), Some(mid)) => mids.contains(&mid),
            // Nothing is grouped: one section alone has a transport of its own anyway.
            _ => found.is_empty(),
        };
        let is_rtp = section.protocol.ends_with("RTP/SAVPF") || section.protocol.ends_with("RTP/SAVP");
        let first = !found.iter().any(|other| other.2 == track);
        if goes && bundled && is_rtp && first && !section.is_rejected() {
            found.push((index, section, track));
        }
    }
    if found.is_empty() {
        let wants = if way == Way::Publish { "sent" } else { "received" };
        return Err(Refused::Sdp(format!("the offer has no sound or picture that is to be {wants}")));
    }
    Ok(found)
}

/// The formats of `section` whose codec is known, each with the payload type that repairs it.
pub(super) fn offered<'a>(section: &'a Media<'_>, track: Track) -> Vec<Offered<'a>> {
    let repairs = |pt: u8| {
        let rtx = section.formats.iter().filter(|format| format.name.eq_ignore_ascii_case("rtx"));
        let mut repairs =
            rtx.filter(|format| format.parameter("apt").and_then(|apt| apt.parse().ok()) == Some(pt));
        repairs.next().map(|format| format.pt)
    };
    let known =
        section.formats.iter().filter_map(|format| Some((codec(format)?, format, repairs(format.pt))));
    known.filter(|format| format.0.track() == track).collect()
}

/// The codec of a format.
fn codec(format: &sdp::Format<'_>) -> Option<Codec> {
    match (format.name.to_ascii_uppercase().as_str(), format.clock) {
        ("H264", 90_000) => Some(Codec::H264),
        ("H265", 90_000) => Some(Codec::H265),
        ("AV1", 90_000) => Some(Codec::Av1),
        ("VP8", 90_000) => Some(Codec::Vp8),
        ("VP9", 90_000) => Some(Codec::Vp9),
        ("OPUS", 48_000) => Some(Codec::Opus),
        _ => None,
    }
}

/// The formats of `codec` to be agreed on. Of a peer that sends H.264 all: which profile it can encode, it knows. Else the
/// one that says most.
fn best(offered: &[Offered<'_>], codec: Codec, way: Way) -> Vec<Format> {
    let mut formats: Vec<&Offered<'_>> = offered.iter().filter(|format| format.0 == codec).collect();
    if codec == Codec::H264 && way == Way::Publish {
        formats.sort_by_key(|format| !is_fragmented(format.1));
    } else {
        formats.sort_by_key(|format| std::cmp::Reverse(score(codec, format.1)));
        formats.truncate(1);
    }
    let formats = formats.into_iter().map(|(codec, format, rtx)| {
        let has = |kind| format.feedback.iter().any(|feedback| feedback.trim() == kind);
        let channels = format.channels.map(|channels| format!("/{channels}")).unwrap_or_default();
        let feedback = Feedback {
            nack: has("nack"),
            pli: has("nack pli"),
            fir: has("ccm fir"),
            twcc: has("transport-cc"),
            remb: has("goog-remb"),
        };
        Format {
            codec: *codec,
            pt: format.pt,
            rtx: *rtx,
            map: format!("{}/{}{channels}", format.name, format.clock),
            fmtp: format.fmtp.unwrap_or_default().to_owned(),
            feedback,
        }
    });
    formats.collect()
}

/// `packetization-mode=1`, RFC 6184 section 6.3: without it a NAL unit must fit one packet.
fn is_fragmented(format: &sdp::Format<'_>) -> bool {
    format.parameter("packetization-mode") == Some("1")
}

/// How well a player can be sent a stream by this format. What profile a stream really has is not known here: the higher
/// one understands the lower.
fn score(codec: Codec, format: &sdp::Format<'_>) -> u32 {
    let is = |name, value| u32::from(format.parameter(name).is_none_or(|said| said == value));
    match codec {
        Codec::H264 => {
            let profile = format.parameter("profile-level-id").and_then(|id| id.get(..2));
            let profile = match profile.map(str::to_ascii_lowercase).as_deref() {
                Some("64") => 4,
                Some("4d") => 3,
                // Baseline, which is the default too: RFC 6184 section 8.1.
                Some("42") | None => 2,
                Some(_) => 1,
            };
            if is_fragmented(format) { profile | 8 } else { profile }
        }
        Codec::H265 => is("profile-id", "1"),
        Codec::Vp9 => is("profile-id", "0"),
        Codec::Av1 => is("profile", "0"),
        Codec::Vp8 | Codec::Opus => 1,
    }
}

/// Puts together what a section is answered with.
fn choose(
    settings: &Settings,
    offer: &Offer<'_>,
    (index, section, track): (usize, &Media<'_>, Track),
    mut formats: Vec<Format>,
    way: Way,
) -> Chosen {
    let estimates = way == Way::Publish || settings.estimate.is_some();
    for format in &mut formats {
        format.rtx = format.rtx.filter(|_| settings.rtx);
        format.feedback.nack &= settings.nack;
        format.feedback.twcc &= settings.twcc && estimates;
        format.feedback.remb &= settings.remb;
        if format.codec == Codec::Opus && way == Way::Publish {
            format.fmtp = in_stereo(&format.fmtp);
        }
    }
    let feedback = formats.first().map(|format| format.feedback).unwrap_or_default();
    // Numbers of extensions are the session's: with pictures the time goes with sound as well.
    let pictures = offer.sections.iter().any(|section| section.kind == "video" && !section.is_rejected());
    let wanted = |uri: &str| match uri {
        MID => true,
        RID | REPAIRED_RID => way == Way::Publish,
        TWCC => feedback.twcc,
        SEND_TIME => way == Way::Play && settings.remb && settings.estimate.is_none() && pictures,
        _ => false,
    };
    let extensions = extensions(offer, section, wanted);
    let named = extensions.iter().any(|extension| extension.1 == RID);
    let layers = if named && way == Way::Publish { layers(section) } else { Vec::new() };
    let theirs = streams(section).filter(|_| layers.is_empty());
    Chosen { index, track, formats, extensions, layers, theirs }
}

/// A publisher that can send stereo is told that it is wanted: without that Chromium sends one channel.
fn in_stereo(fmtp: &str) -> String {
    let said = |fmtp: &str, name: &str| {
        let mut pairs = fmtp.split(';').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| key.trim() == name).map(|pair| pair.1.trim().to_owned())
    };
    if !["stereo", "sprop-stereo"].iter().any(|name| said(fmtp, name).as_deref() == Some("1")) {
        return fmtp.to_owned();
    }
    let missing =
        ["stereo", "sprop-stereo", "useinbandfec"].into_iter().filter(|name| said(fmtp, name).is_none());
    missing.fold(fmtp.to_owned(), |fmtp, name| format!("{fmtp};{name}=1"))
}

/// The extensions of `section` that are `wanted`, by number.
fn extensions(
    offer: &Offer<'_>,
    section: &Media<'_>,
    wanted: impl Fn(&str) -> bool,
) -> Vec<(u8, &'static str)> {
    let mut found: Vec<(u8, &'static str)> = Vec::new();
    for line in section.attributes("extmap").chain(offer.whole.attributes("extmap")) {
        let mut words = line.split_ascii_whitespace();
        let (Some(id), Some(uri)) = (words.next(), words.next()) else { continue };
        // `1/sendonly`: a direction, which says nothing to us.
        let Ok(id) = id.split('/').next().unwrap_or(id).parse::<u8>() else { continue };
        let known = [MID, RID, REPAIRED_RID, TWCC, SEND_TIME].into_iter().find(|known| *known == uri);
        let Some(uri) = known.filter(|uri| wanted(uri)) else { continue };
        let taken = found.iter().any(|other| other.0 == id || other.1 == uri);
        if (1..=EXTENSIONS).contains(&id) && !taken {
            found.push((id, uri));
        }
    }
    found
}

/// The layers that `a=simulcast` says are sent, RFC 8853 section 5.1. Of alternatives the first counts.
fn layers(section: &Media<'_>) -> Vec<String> {
    let Some(line) = section.attributes("simulcast").next() else { return Vec::new() };
    let mut words = line.split_ascii_whitespace();
    let sent = std::iter::from_fn(|| Some((words.next()?, words.next()?))).find(|list| list.0 == "send");
    let Some((_, list)) = sent else { return Vec::new() };
    let mut layers: Vec<String> = Vec::new();
    for group in list.split(';').take(LAYERS) {
        let layer = group.split(',').next().unwrap_or(group).trim_start_matches('~');
        let fits = (1..=LAYER_NAME).contains(&layer.len());
        let sane = fits && layer.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !sane || layers.iter().any(|other| other == layer) {
            return Vec::new();
        }
        layers.push(layer.to_owned());
    }
    layers
}

/// The peer's stream and the one of its repairs: `a=ssrc`, `a=ssrc-group:FID` (RFC 5576).
fn streams(section: &Media<'_>) -> Option<(u32, Option<u32>)> {
    let number = |word: &str| word.parse::<u32>().ok().filter(|ssrc| *ssrc != 0);
    let pair = section.attributes("ssrc-group").find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("FID")).then_some(())?;
        Some((number(words.next()?)?, words.next().and_then(number)))
    });
    pair.or_else(|| {
        let line = section.attributes("ssrc").next()?;
        Some((number(line.split_ascii_whitespace().next()?)?, None))
    })
}

/// No number may mean two things: bundled sections share them (RFC 9143 section 9.1).
fn distinct(chosen: Vec<Chosen>) -> Result<Vec<Chosen>, Refused> {
    let mut types: Vec<u8> = Vec::new();
    let mut extensions: Vec<(u8, &str)> = Vec::new();
    let mut streams: Vec<u32> = Vec::new();
    for section in &chosen {
        for pt in section.formats.iter().flat_map(|format| [Some(format.pt), format.rtx]).flatten() {
            if types.contains(&pt) {
                return Err(Refused::Sdp(format!("payload type {pt} means two formats")));
            }
            types.push(pt);
        }
        for (id, uri) in &section.extensions {
            if extensions.iter().any(|other| (other.0 == *id) != (other.1 == *uri)) {
                return Err(Refused::Sdp(format!("extension {id} means two things")));
            }
            extensions.push((*id, uri));
        }
        for ssrc in section.theirs.iter().flat_map(|(main, rtx)| [Some(*main), *rtx]).flatten() {
            if streams.contains(&ssrc) {
                return Err(Refused::Sdp(format!("stream {ssrc} is named twice")));
            }
            streams.push(ssrc);
        }
    }
    Ok(chosen)
}
